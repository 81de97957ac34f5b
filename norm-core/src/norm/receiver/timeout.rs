//! What a receiver waits for: its timers by name.

use core::fmt;

/// A timer of the receiving engine, for logs and support.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TimeoutReason {
    /// The backoff before a NACK ends (RFC 5740 §5.3).
    NackBackoff,
    /// The hold-off after a NACK ends: what is still missing is asked for again (RFC 5740 §5.3).
    NackHoldoff,
    /// A repair that was asked for has not come: it may be asked for again.
    RepairWait,
    /// An acknowledgment is due (RFC 5740 §5.5.3).
    Acknowledgment,
    /// A report of the receive window is due.
    ReceiveWindow,
    /// A membership report is due.
    MembershipReport,
    /// The answer to a congestion control probe is due (RFC 5740 §5.5.2).
    CongestionFeedback,
    /// It is time to see whether a sender has fallen silent.
    SilenceCheck,
}

impl fmt::Display for TimeoutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NackBackoff => "end of a NACK backoff",
            Self::NackHoldoff => "end of a NACK hold-off",
            Self::RepairWait => "repair that was asked for",
            Self::Acknowledgment => "acknowledgment",
            Self::ReceiveWindow => "report of the receive window",
            Self::MembershipReport => "membership report",
            Self::CongestionFeedback => "congestion control feedback",
            Self::SilenceCheck => "check of a sender for silence",
        })
    }
}
