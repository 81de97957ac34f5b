//! How much a receiver can take. Not of the RFC: the payload of a NORM_ACK of type [`ACK_WINDOW`],
//! which answers a NORM_CMD(ACK_REQ) of that type (RFC 5740 §4.2.3.6, §4.3.2).
//!
//! Version 1, all big-endian; a reader ignores what a later version adds after it:
//! ```text
//! | version 1     | reserved 24                                   |
//! | window 64, bytes                                              |
//! | burst 64, bytes                                               |
//! ```

use super::ParseError;
use super::reader::Reader;

/// `ack_type` of the question how much a receiver can take, and of the answer.
pub const ACK_WINDOW: u8 = 255;

const VERSION: u8 = 1;

/// What a receiver could take when it heard the request.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ReceiveWindow {
    /// Content bytes that it has memory for, beyond all that it had heard by then.
    pub bytes: u64,
    /// Bytes that may arrive between two reads of its socket: the size of the socket's buffer.
    pub burst: u64,
}

impl ReceiveWindow {
    /// Bytes of the payload.
    pub const LEN: usize = 20;

    /// Reads the payload of an [`Ack`](super::Ack) of type [`ACK_WINDOW`]; `None` when it is too
    /// short or of an unknown version.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload, ParseError::PayloadLength);
        let version = reader.u32().ok()? >> 24;
        let bytes = reader.u64().ok()?;
        let burst = reader.u64().ok()?;
        (version == u32::from(VERSION)).then_some(Self { bytes, burst })
    }

    /// Appends the payload.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[VERSION, 0, 0, 0]);
        out.extend_from_slice(&self.bytes.to_be_bytes());
        out.extend_from_slice(&self.burst.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_survives_the_wire_and_short_or_new_forms_do_not() {
        let window = ReceiveWindow { bytes: 96 << 20, burst: u64::MAX };
        let mut bytes = Vec::new();
        window.emit(&mut bytes);
        assert_eq!(bytes.len(), ReceiveWindow::LEN);
        assert_eq!(bytes[..12], [1, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0]);
        assert_eq!(ReceiveWindow::parse(&bytes), Some(window));
        for len in 0..bytes.len() {
            assert_eq!(ReceiveWindow::parse(&bytes[..len]), None);
        }
        bytes.push(7);
        assert_eq!(ReceiveWindow::parse(&bytes), Some(window));
        bytes[0] = 2;
        assert_eq!(ReceiveWindow::parse(&bytes), None);
    }
}
