//! The application's end of a stream that is being sent.

use std::io::{self, Write};

use bytes::Bytes;
use crossbeam_channel::Sender as Channel;

use crate::objects::error::ObjectError;
use crate::objects::signal::Signal;

/// What a writer hands to the session.
#[derive(Debug)]
pub(super) enum Part {
    Bytes(Bytes),
    EndMessage,
    Flush,
}

/// Parts under way from a writer to the session at most.
pub(super) const MAX_PARTS: usize = 64;
/// Bytes of one part at most.
const MAX_PART_BYTES: usize = 64 << 10;

/// Writes a stream. Dropping it closes the stream after what was written.
///
/// Writing blocks while the stream's buffer is full: until the network has taken what was written
/// before, and receivers had the time to ask for what they lost of it.
#[derive(Debug)]
pub struct StreamWriter {
    pub(super) parts: Channel<Part>,
    pub(super) signal: Signal,
}

impl StreamWriter {
    /// Writes all bytes. They leave when a segment is full, or by [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`ObjectError::Over`] when the session is over or finishing.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ObjectError> {
        for part in bytes.chunks(MAX_PART_BYTES) {
            self.hand_over(Part::Bytes(Bytes::copy_from_slice(part)))?;
        }
        Ok(())
    }

    /// The next byte written begins a message, which receivers can find.
    ///
    /// # Errors
    /// [`ObjectError::Over`] when the session is over or finishing.
    pub fn end_message(&mut self) -> Result<(), ObjectError> {
        self.hand_over(Part::EndMessage)
    }

    /// Lets what was written leave now, though its segment is not full. Does not wait for it.
    ///
    /// # Errors
    /// [`ObjectError::Over`] when the session is over or finishing.
    pub fn flush(&mut self) -> Result<(), ObjectError> {
        self.hand_over(Part::Flush)
    }

    /// Ends the stream after what was written. What is still in the buffer is sent and repaired
    /// like everything before; [`ObjectSender::finish`](super::ObjectSender::finish) waits for it.
    pub fn close(self) {}

    fn hand_over(&self, part: Part) -> Result<(), ObjectError> {
        self.parts.send(part).map_err(|_| ObjectError::Over)?;
        self.signal.raise();
        Ok(())
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        // The channel's end tells the session, which may be asleep, a moment later at most.
        self.signal.raise();
    }
}

impl Write for StreamWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::write(self, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(Self::flush(self)?)
    }
}
