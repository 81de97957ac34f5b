//! Why a text describes no session.

use core::fmt;

/// What is wrong, and where.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SdpError {
    /// The line, from 1 on; the last one when something is missing.
    pub line: usize,
    /// What is wrong there.
    pub problem: SdpProblem,
}

/// What is wrong with a description.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum SdpProblem {
    /// More bytes or lines than are accepted.
    TooLarge,
    /// Not a letter, `=` and a value.
    Line,
    /// It does not begin with `v=0`.
    Version,
    /// A line that may be there once only.
    Repeated,
    /// `o=` cannot be read, or is missing.
    Origin,
    /// `c=` cannot be read.
    Connection,
    /// `t=` cannot be read.
    Time,
    /// `b=` cannot be read.
    Bandwidth,
    /// `m=` cannot be read.
    Media,
    /// `a=flute-tsi:` is no number of at most 48 bits.
    Tsi,
    /// The value of another attribute cannot be read.
    Attribute,
    /// There is no `m=` line of NORM or FLUTE.
    NoSession,
    /// There is no address.
    NoAddress,
}

impl fmt::Display for SdpProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "more bytes or lines than are accepted",
            Self::Line => "not a letter, '=' and a value",
            Self::Version => "a session description begins with v=0",
            Self::Repeated => "this may be there only once",
            Self::Origin => "no o= line, or not o=USER ID VERSION IN IP4 ADDRESS",
            Self::Connection => "not c=IN IP4 ADDRESS/TTL or c=IN IP6 ADDRESS",
            Self::Time => "not t=START STOP in seconds",
            Self::Bandwidth => "not b=AS:KBITS",
            Self::Media => "not m=application PORT PROTOCOL 0",
            Self::Tsi => "not a TSI of at most 48 bits",
            Self::Attribute => "the value of this attribute makes no sense",
            Self::NoSession => "no m= line with NORM/UDP or FLUTE/UDP",
            Self::NoAddress => "no c= line with the address",
        })
    }
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl core::error::Error for SdpError {}
