//! The timing that a sender advertises, as far as feedback needs it.

use core::time::Duration;

use crate::norm::wire::SenderFields;

/// Round trip, backoff factor and group size (RFC 5740 §4.2).
#[derive(Copy, Clone, Debug)]
pub(crate) struct Timing {
    /// The group round-trip time (GRTT).
    pub(crate) grtt: Duration,
    /// The backoff factor K.
    pub(crate) backoff: u8,
    /// Receivers, estimated.
    pub(crate) group_size: u64,
}

/// The smallest GRTT that is believed: a forged one must not set our rate of feedback.
const MIN_GRTT: Duration = Duration::from_millis(1);
/// The largest GRTT that is believed.
const MAX_GRTT: Duration = Duration::from_secs(15);

impl Timing {
    /// The timing in the header of a sender's message, within bounds.
    pub(crate) fn new(fields: &SenderFields) -> Self {
        Self {
            grtt: fields.grtt.to_duration().clamp(MIN_GRTT, MAX_GRTT),
            backoff: fields.backoff,
            group_size: fields.group_size.to_count(),
        }
    }

    /// True when the sender reckons with one receiver: no other could make our requests.
    pub(crate) fn is_alone(self) -> bool {
        self.backoff == 0
    }

    /// The time of a NACK cycle, and how long a repair may take: (K+2)·GRTT (RFC 5740 §5.3).
    pub(crate) fn cycle(self) -> Duration {
        self.grtt * (u32::from(self.backoff) + 2)
    }

    /// The longest backoff, K·GRTT.
    pub(crate) fn max_backoff(self) -> Duration {
        self.grtt * u32::from(self.backoff)
    }
}
