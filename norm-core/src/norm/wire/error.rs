//! Why a datagram is not a message we understand.

use core::fmt;

/// What is wrong with a datagram. Without text and small, because each is only counted.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum ParseError {
    /// The datagram ends before the header length it announces, or before the common header does.
    Truncated,
    /// A protocol version other than 1.
    Version,
    /// A message type that RFC 5740 does not define.
    Type,
    /// A header length below the base of the message type, or with more room for extensions than
    /// any message of this implementation can carry.
    HeaderLength,
    /// A header extension of length zero, or one that leaves the header.
    Extension,
    /// A NORM_CMD sub-type that RFC 5740 does not define.
    Subtype,
    /// An FEC Encoding ID whose payload id we cannot measure.
    FecId,
    /// A repair request of unknown form, of a length that its items do not fill, or a range
    /// without an end.
    RepairRequest,
    /// A payload that is not a whole number of list items, or where there should be none.
    PayloadLength,
}

impl ParseError {
    /// All of them, for tables of counters indexed by `error as usize`.
    pub const ALL: [Self; 9] = [
        Self::Truncated,
        Self::Version,
        Self::Type,
        Self::HeaderLength,
        Self::Extension,
        Self::Subtype,
        Self::FecId,
        Self::RepairRequest,
        Self::PayloadLength,
    ];
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl core::error::Error for ParseError {}
