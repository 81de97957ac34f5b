//! How much a receiver can take. Ours: the payload of a NORM_ACK of type [`ACK_CREDIT`], which answers
//! a NORM_CMD(ACK_REQ) of that type (RFC 5740 §4.2.3.6, §4.3.2).
//!
//! Version 1, all big-endian; what a later version puts behind it is passed over:
//! ```text
//! | version 1     | reserved 24                                   |
//! | room 64                                                       |
//! | burst 64                                                      |
//! ```

use super::ParseError;
use super::reader::Reader;

/// `ack_type` of the question how much a receiver can take, and of the answer.
pub const ACK_CREDIT: u8 = 255;

const VERSION: u8 = 1;

/// What a receiver could take when it heard the request.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Credit {
    /// Content bytes that it has memory for, beyond all that it had heard by then.
    pub room: u64,
    /// Bytes that may arrive while it does not look: its socket's buffer.
    pub burst: u64,
}

impl Credit {
    /// Bytes of the payload.
    pub const LEN: usize = 20;

    /// Reads the payload of an [`Ack`](super::Ack) of type [`ACK_CREDIT`]; `None` when it is too short
    /// or of a version that we do not know.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload, ParseError::PayloadLength);
        let version = reader.u32().ok()? >> 24;
        let (room, burst) = (reader.u64().ok()?, reader.u64().ok()?);
        (version == u32::from(VERSION)).then_some(Self { room, burst })
    }

    /// Appends the payload.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[VERSION, 0, 0, 0]);
        out.extend_from_slice(&self.room.to_be_bytes());
        out.extend_from_slice(&self.burst.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credit_is_read_as_it_was_written_and_nothing_shorter_or_newer_is() {
        let credit = Credit { room: 96 << 20, burst: u64::MAX };
        let mut bytes = Vec::new();
        credit.emit(&mut bytes);
        assert_eq!(bytes.len(), Credit::LEN);
        assert_eq!(bytes[..12], [1, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0]);
        assert_eq!(Credit::parse(&bytes), Some(credit));
        for len in 0..bytes.len() {
            assert_eq!(Credit::parse(&bytes[..len]), None);
        }
        bytes.push(7);
        assert_eq!(Credit::parse(&bytes), Some(credit));
        bytes[0] = 2;
        assert_eq!(Credit::parse(&bytes), None);
    }
}
