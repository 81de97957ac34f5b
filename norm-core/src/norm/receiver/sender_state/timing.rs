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

/// The timing that a random wait is drawn from, or was shortened to.
///
/// Packets that others have overtaken carry the timing from before a change, so that one change may
/// be seen many times. A wait is shortened for it once: otherwise the waits of all receivers shrink
/// to nothing, and all of them speak at once.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WaitScale {
    /// The shortest timing so far; `None` while it is that of the beginning.
    shortest: Option<Duration>,
}

impl WaitScale {
    /// The sender's timing has changed: the part of the rest of the wait that is left, if the wait
    /// is to be shortened. It is never made longer.
    pub(crate) fn shorten(&mut self, old: Duration, new: Duration) -> Option<f64> {
        let shortest = self.shortest.map_or(old, |shortest| shortest.min(old));
        self.shortest = Some(shortest.min(new));
        (new < shortest).then(|| new.as_secs_f64() / shortest.as_secs_f64())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_is_shortened_once_although_the_old_timing_is_heard_again() {
        let (long, short) = (Duration::from_secs(3), Duration::from_secs(1));
        let mut scale = WaitScale::default();
        let parts: Vec<_> = [(long, short), (short, long), (long, short), (short, short / 2)]
            .into_iter()
            .map(|(old, new)| scale.shorten(old, new))
            .collect();
        assert_eq!(parts, [Some(1.0 / 3.0), None, None, Some(0.5)]);

        let mut begun_after_the_change = WaitScale::default();
        assert_eq!(begun_after_the_change.shorten(short, long), None);
        assert_eq!(begun_after_the_change.shorten(long, short), None);
    }
}
