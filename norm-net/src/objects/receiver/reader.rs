//! The application's end of a stream that is being received.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use crossbeam_channel::{Receiver as Channel, RecvTimeoutError};

use crate::objects::signal::Signal;

/// What comes out of a stream, strictly in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamItem {
    /// The next bytes, of one message where the borders of messages are known.
    Bytes {
        /// The bytes.
        bytes: Bytes,
        /// The first of them is the first one of a message.
        begins_message: bool,
        /// The last of them is the last one of a message. Can be false of one that is, as long as
        /// what follows has not come.
        ends_message: bool,
    },
    /// Bytes are lost here for good; what follows begins with a message.
    Gap {
        /// How many, modulo 2^32; `None` when nothing was read before.
        bytes: Option<u32>,
    },
    /// The sender has closed the stream; everything was read, or reported as lost.
    End,
    /// The rest will not come: the sender is gone, or this session is over.
    Cut,
}

/// Items under way to a reader.
pub(super) const ITEMS: usize = 256;
/// Bytes of one item at most.
pub(super) const ITEM: usize = 16 << 10;
/// Longer messages are left out by [`StreamReader::read_message`] unless told otherwise, in bytes.
const MAX_MESSAGE: usize = 64 << 20;

/// Reads a stream, as items (it is an iterator, which ends after [`StreamItem::End`] or
/// [`StreamItem::Cut`]), as messages, or as plain bytes.
///
/// Reading too slowly does not make memory grow: the receiver stops taking what it cannot hold, and
/// gets gaps when the sender no longer has it.
#[derive(Debug)]
pub struct StreamReader {
    items: Channel<StreamItem>,
    /// The session waits for room in `items`.
    blocked: Arc<AtomicBool>,
    signal: Signal,
    over: bool,
    max_message: usize,
    left_out: u64,
    message: Message,
    /// An item that was fetched but is not used up.
    held: Option<StreamItem>,
}

/// The message being collected.
#[derive(Debug, Default)]
struct Message {
    bytes: BytesMut,
    /// Part of it is missing, or it is too long: it ends where the next one begins.
    broken: bool,
}

impl StreamReader {
    pub(super) fn new(
        items: Channel<StreamItem>,
        blocked: Arc<AtomicBool>,
        signal: Signal,
    ) -> Self {
        Self {
            items,
            blocked,
            signal,
            over: false,
            max_message: MAX_MESSAGE,
            left_out: 0,
            message: Message::default(),
            held: None,
        }
    }

    /// Waits this long for the next item; `None` when there was none, and at the end.
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<StreamItem> {
        if self.over || self.held.is_some() {
            return self.next();
        }
        let item = match self.items.recv_timeout(timeout) {
            Ok(item) => item,
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => StreamItem::Cut,
        };
        Some(self.fetched(item))
    }

    /// Waits for the next whole message; `None` when the stream is over. Messages of which
    /// something is lost are left out, and so are those that are too long.
    ///
    /// A message is known to be whole when its last segment is here, which a sender may hold back
    /// until it flushes, or when the next one begins.
    pub fn read_message(&mut self) -> Option<Bytes> {
        while let Some(item) = self.next() {
            match item {
                StreamItem::Bytes { begins_message: true, .. }
                    if !self.message.bytes.is_empty() =>
                {
                    self.held = Some(item);
                    return Some(self.message.bytes.split().freeze());
                }
                StreamItem::Bytes { bytes, begins_message, ends_message } => {
                    self.message.broken &= !begins_message;
                    if self.message.broken {
                        continue;
                    }
                    if self.message.bytes.len() + bytes.len() > self.max_message {
                        self.break_message();
                        continue;
                    }
                    self.message.bytes.extend_from_slice(&bytes);
                    if ends_message {
                        return Some(self.message.bytes.split().freeze());
                    }
                }
                StreamItem::Gap { .. } => self.break_message(),
                StreamItem::End if !self.message.bytes.is_empty() => {
                    return Some(self.message.bytes.split().freeze());
                }
                StreamItem::End | StreamItem::Cut => return None,
            }
        }
        None
    }

    /// Sets the longest message, in bytes, that [`read_message`](Self::read_message) collects; 64
    /// MiB at first.
    pub fn set_max_message(&mut self, bytes: usize) {
        self.max_message = bytes;
    }

    /// Gaps and overlong messages that [`read_message`](Self::read_message) has passed over.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    fn break_message(&mut self) {
        self.message.bytes.clear();
        self.message.broken = true;
        self.left_out += 1;
    }

    fn fetched(&mut self, item: StreamItem) -> StreamItem {
        self.over = matches!(item, StreamItem::End | StreamItem::Cut);
        if self.blocked.swap(false, Ordering::AcqRel) {
            self.signal.raise();
        }
        item
    }
}

impl Iterator for StreamReader {
    type Item = StreamItem;

    /// Waits for the next item.
    fn next(&mut self) -> Option<StreamItem> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        if self.over {
            return None;
        }
        let item = self.items.recv().unwrap_or(StreamItem::Cut);
        Some(self.fetched(item))
    }
}

/// Plain bytes, without the borders of messages. Lost bytes are an error of the kind `InvalidData`,
/// after which reading may go on behind them; a cut stream is one of the kind `UnexpectedEof`.
impl io::Read for StreamReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.next() {
            Some(StreamItem::Bytes { mut bytes, begins_message, ends_message }) => {
                let len = bytes.len().min(buf.len());
                let (to, _) = buf.split_at_mut(len);
                bytes.copy_to_slice(to);
                if !bytes.is_empty() {
                    let begins_message = begins_message && len == 0;
                    self.held = Some(StreamItem::Bytes { bytes, begins_message, ends_message });
                }
                Ok(len)
            }
            Some(StreamItem::Gap { .. }) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "part of the stream is lost"))
            }
            Some(StreamItem::Cut) => {
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the stream was cut off"))
            }
            Some(StreamItem::End) | None => Ok(0),
        }
    }
}

impl Drop for StreamReader {
    fn drop(&mut self) {
        self.signal.raise();
    }
}
