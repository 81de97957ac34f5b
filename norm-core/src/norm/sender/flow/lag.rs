//! Back-pressure: new data wait when a receiver that was there from the start is too far behind.

use core::time::Duration;

use crate::base::Timestamp;

/// The oldest need heard lately of content that was sent while its receiver was there.
///
/// New data may lead it by a window only, so that a receiver whose decoder or disk is slower than
/// the link is not sent what it has no room for. A receiver that makes no progress is not waited
/// for: its needs become history.
#[derive(Debug)]
pub(crate) struct Lag {
    block: u64,
    until: Timestamp,
    since: Timestamp,
}

/// A laggard that does not move for this long stops holding up the rest.
const STALL_LIMIT: Duration = Duration::from_millis(500);
/// A need counts at least this long after it was heard, unless it is repaired before.
const SHORTEST: Duration = Duration::from_millis(250);

impl Lag {
    pub(crate) fn new() -> Self {
        Self { block: 0, until: Timestamp::ZERO, since: Timestamp::ZERO }
    }

    /// Somebody needs `block`; the next NACK of the same receiver is due within `cycle`.
    pub(crate) fn note(&mut self, now: Timestamp, block: u64, cycle: Duration) {
        if now >= self.until || block < self.block {
            if block != self.block {
                self.since = now;
            }
            self.block = block;
        } else if block > self.block {
            return;
        }
        self.until = now + cycle.max(SHORTEST);
    }

    /// The repair of `block` was sent: whoever still lags will say so.
    pub(crate) fn repaired(&mut self, block: u64) {
        if block == self.block {
            self.until = Timestamp::ZERO;
        }
    }

    /// True when new data at `cursor` must wait.
    pub(crate) fn stalls(&self, now: Timestamp, cursor: u64, window: u64) -> bool {
        now < self.ends() && cursor > self.block.saturating_add(window)
    }

    /// When a stall ends by itself.
    pub(crate) fn ends(&self) -> Timestamp {
        self.until.min(self.since + STALL_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_laggard_holds_new_data_back_while_it_makes_progress_and_no_longer() {
        let mut lag = Lag::new();
        let mut now = Timestamp::ZERO + MS * 1000;
        lag.note(now, 10, MS * 50);
        assert!(!lag.stalls(now, 20, 16), "within the window");
        assert!(lag.stalls(now, 27, 16));
        assert!(!lag.stalls(now + SHORTEST, 27, 16), "it was not heard again");
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
