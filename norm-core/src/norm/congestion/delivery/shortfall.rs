//! Shortfalls: less arrived than was sent, outside rate probes.

use core::time::Duration;

use super::super::interval::Interval;

/// Shortfalls in a row that are congestion: one may be chance, or a receiver that came late to its
/// socket.
const CONGESTED: u32 = 2;

/// Shortfalls in a row, and the delay that they may have shown by chance.
#[derive(Clone, Debug, Default)]
pub(super) struct Shortfalls {
    count: u32,
    /// How much longer the delay of a probe packet became in the last one; jitter, if the next
    /// interval is none.
    pending_jitter: Duration,
}

impl Shortfalls {
    /// Counts one; true when it is congestion, and the count begins anew.
    pub(super) fn note(&mut self, interval: &Interval, jitter: Duration) -> bool {
        self.count += 1;
        let clear = interval.lossy && interval.has_grown(jitter);
        if self.count < CONGESTED && !clear {
            self.pending_jitter = interval.grown;
            return false;
        }
        *self = Self::default();
        true
    }

    /// All arrived: the count ends. The pending jitter, which was no queue then.
    pub(super) fn end(&mut self) -> Duration {
        self.count = 0;
        core::mem::take(&mut self.pending_jitter)
    }

    /// The count ends, and the pending jitter stays.
    pub(super) fn forget_count(&mut self) {
        self.count = 0;
    }
}
