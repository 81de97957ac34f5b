//! New data wait when a receiver that was there from the start lags too far.

use core::time::Duration;

use crate::base::Timestamp;

/// The oldest need heard lately of content that was sent while its receiver was there.
///
/// New data may lead it by a window only, so that a receiver whose decoder or disk is slower than
/// the link is not sent what it has no room for. A receiver that makes no progress is not waited
/// for: its needs are left to late-join repair.
#[derive(Debug)]
pub(crate) struct Lag {
    block: u64,
    until: Timestamp,
    since: Timestamp,
}

/// A receiver whose need does not move for this long stops holding up the others.
const STALL_LIMIT: Duration = Duration::from_millis(500);
/// Shortest time for which a need counts after it was heard, unless it is repaired before.
const MIN_VALIDITY: Duration = Duration::from_millis(250);

impl Lag {
    pub(super) fn new() -> Self {
        Self { block: 0, until: Timestamp::ZERO, since: Timestamp::ZERO }
    }

    /// A receiver needs `block`; its next NACK is due within `cycle`.
    pub(crate) fn note(&mut self, now: Timestamp, block: u64, cycle: Duration) {
        if now >= self.until || block < self.block {
            if block != self.block {
                self.since = now;
            }
            self.block = block;
        } else if block > self.block {
            return;
        }
        self.until = now + cycle.max(MIN_VALIDITY);
    }

    /// The repair of `block` was sent: a receiver that still lags will say so.
    pub(crate) fn repaired(&mut self, block: u64) {
        if block == self.block {
            self.until = Timestamp::ZERO;
        }
    }

    /// True when new data at `block` must wait, leading by more than `window` blocks.
    pub(crate) fn stalls(&self, now: Timestamp, block: u64, window: u64) -> bool {
        now < self.ends() && block > self.block.saturating_add(window)
    }

    /// When a stall ends by itself.
    pub(super) fn ends(&self) -> Timestamp {
        self.until.min(self.since + STALL_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn lagging_receiver_holds_new_data_up_while_it_makes_progress() {
        let mut lag = Lag::new();
        let mut now = Timestamp::ZERO + MS * 1000;
        lag.note(now, 10, MS * 50);
        assert!(!lag.stalls(now, 20, 16), "within the window");
        assert!(lag.stalls(now, 27, 16));
        assert!(!lag.stalls(now + MIN_VALIDITY, 27, 16), "it was not heard again");
        for block in 11..40 {
            now += MS * 50;
            lag.repaired(block - 1);
            lag.note(now, block, MS * 50);
            assert!(lag.stalls(now, 70, 16));
        }
        let stuck = now;
        for _ in 0..40 {
            now += MS * 50;
            lag.note(now, 39, MS * 60);
        }
        assert!(now > stuck + STALL_LIMIT && !lag.stalls(now, 70, 16));
    }
}
