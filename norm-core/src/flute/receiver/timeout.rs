//! What a receiver waits for: its timers by name.

use core::fmt;

/// A timer of the receiving engine, for logs and support.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TimeoutReason {
    /// It is time to see whether a sender has fallen silent.
    SilenceCheck,
    /// Packets that were on their way when a sender ended its session have come.
    SessionEnd,
}

impl fmt::Display for TimeoutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SilenceCheck => "check of a sender for silence",
            Self::SessionEnd => "end of a session",
        })
    }
}
