//! Shortfalls: less arrived than was sent, outside rate probes.

use core::time::Duration;

use super::super::interval::{Interval, STRONG_PACKETS};

/// Shortfalls in a row that are congestion: one may be chance, or a receiver that came late to its
/// socket.
const CONGESTED: u32 = 2;

/// Shortfalls in a row, and the delay that they may have shown by chance.
#[derive(Clone, Debug, Default)]
pub(super) struct Shortfalls {
    count: u32,
    /// Packets of those that rest on the loss of few packets alone.
    weak_packets: u32,
    /// What was delivered of these packets, in bytes per second, multiplied by their number.
    weak_delivered: f64,
    /// How much longer the delay of a probe packet became in the last one; jitter, if the next
    /// interval is none.
    pending_jitter: Duration,
}

impl Shortfalls {
    /// Counts one; what the path takes, in bytes per second, when it is congestion, and the count
    /// begins anew. `lossy` where so much is lost at any rate that few packets tell little.
    pub(super) fn note(
        &mut self,
        interval: &Interval,
        jitter: Duration,
        lossy: bool,
    ) -> Option<f64> {
        self.count += 1;
        let weak = lossy && interval.is_weak();
        if weak {
            self.weak_packets = self.weak_packets.saturating_add(interval.packets);
            self.weak_delivered += interval.delivered * f64::from(interval.packets);
        }
        let clear = interval.lossy && interval.has_grown(jitter);
        let enough = self.count >= CONGESTED && (!weak || self.weak_packets >= STRONG_PACKETS);
        if !enough && !clear {
            self.pending_jitter = interval.grown;
            return None;
        }
        let takes = if weak { self.most_delivered(interval) } else { interval.delivered };
        *self = Self::default();
        Some(takes)
    }

    /// What the path takes by all weak shortfalls, of which `last` is one, if chance lost as much
    /// of them together as it may.
    fn most_delivered(&self, last: &Interval) -> f64 {
        let packets = f64::from(self.weak_packets.max(1));
        let chance = last.chance * libm::sqrt(f64::from(last.packets) / packets);
        self.weak_delivered / packets * (1.0 + chance)
    }

    /// All arrived: the count ends. The pending jitter, which was no queue then.
    pub(super) fn end(&mut self) -> Duration {
        core::mem::take(self).pending_jitter
    }

    /// The count ends, and the pending jitter stays.
    pub(super) fn forget_count(&mut self) {
        *self = Self { pending_jitter: self.pending_jitter, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 packets of which a third too many were lost, without a queue.
    fn weak() -> Interval {
        Interval {
            sent: 9e5,
            delivered: 6e5,
            passed: 9e5,
            grown: Duration::ZERO,
            queue: Duration::ZERO,
            jitter: Duration::ZERO,
            baseline_loss: 0.2,
            lossy: true,
            ce_share: 0.0,
            span: Duration::from_millis(20),
            packets: 20,
            doubtful: false,
            chance: 0.3,
            dropped: 0.0,
            excessive: false,
        }
    }

    #[test]
    fn few_packets_tell_little_where_loss_is_usual() {
        let (mut usual, mut rare) = (Shortfalls::default(), Shortfalls::default());
        let mut note = |interval| usual.note(&interval, Duration::ZERO, true);
        assert_eq!((note(weak()), note(weak())), (None, None));
        let takes = note(weak()).expect("60 packets in all");
        assert!((takes - 6e5 * (1.0 + 0.3 / libm::sqrt(3.0))).abs() < 1.0, "{takes}");
        assert_eq!(note(weak()), None, "the count begins anew");
        let mut note = |interval| rare.note(&interval, Duration::ZERO, false);
        assert_eq!((note(weak()), note(weak())), (None, Some(6e5)));
    }

    #[test]
    fn queue_counts_at_once_with_loss_and_the_second_time_without() {
        let mut shortfalls = Shortfalls::default();
        let mut note = |interval| shortfalls.note(&interval, Duration::ZERO, true);
        let grown = Duration::from_millis(10);
        assert_eq!(note(Interval { grown, ..weak() }), Some(6e5));
        let queued = || Interval { grown, lossy: false, ..weak() };
        assert_eq!((note(queued()), note(queued())), (None, Some(6e5)));
    }
}
