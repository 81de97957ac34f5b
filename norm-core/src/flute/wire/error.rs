//! Why a datagram is no packet of ALC.

use core::fmt;

/// What is wrong with a datagram. Without text and small, because each is only counted.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum ParseError {
    /// The datagram ends before the header length that it announces, or before its first word does.
    Truncated,
    /// An LCT version other than 1.
    Version,
    /// A header length that has no room for the fields that the flags announce.
    HeaderLength,
    /// A header extension of length zero, or one that leaves the header.
    Extension,
}

impl ParseError {
    /// All of them, for tables of counters indexed by `error as usize`.
    pub const ALL: [Self; 4] =
        [Self::Truncated, Self::Version, Self::HeaderLength, Self::Extension];
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl core::error::Error for ParseError {}
