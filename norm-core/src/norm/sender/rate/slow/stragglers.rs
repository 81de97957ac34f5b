//! Receivers that need much longer than the others: when all others have finished, they are not
//! waited for as long again as that took.

use core::time::Duration;

use crate::base::Timestamp;

/// How far the transfer is.
#[derive(Debug, Default)]
pub(super) struct Stragglers {
    /// When content began to flow.
    began: Option<Timestamp>,
    /// Since when only receivers are left that may be evicted.
    since: Option<Timestamp>,
}

/// How many receivers have finished, and how many are left.
#[derive(Copy, Clone, Debug)]
pub(super) struct Finishers {
    pub(super) finished: usize,
    pub(super) left: usize,
}

impl Stragglers {
    /// Content flows.
    pub(super) fn note_sending(&mut self, now: Timestamp) {
        self.began.get_or_insert(now);
    }

    /// True when the receivers that are left are too slow: others have finished, no more than `max`
    /// are left, and they have had twice the others' time, and at least `patience` more.
    pub(super) fn is_over(
        &mut self,
        now: Timestamp,
        count: Finishers,
        max: usize,
        patience: Duration,
    ) -> bool {
        if count.finished == 0 || count.left == 0 || count.left > max {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        let took = self.began.map(|began| since.saturating_since(began));
        took.is_some_and(|took| now >= since + took.max(patience))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn stragglers_have_as_long_again_as_the_others_took() {
        let start = Timestamp::ZERO + SECOND;
        let mut stragglers = Stragglers::default();
        stragglers.note_sending(start);
        stragglers.note_sending(start + SECOND * 5);
        let mut over = |at: u32, finished, left| {
            stragglers.is_over(start + SECOND * at, Finishers { finished, left }, 1, SECOND * 3)
        };
        assert!(!over(8, 0, 2), "none has finished");
        assert!(!over(9, 1, 2), "two are no exception");
        assert!(!over(10, 2, 1) && !over(19, 2, 1) && over(20, 2, 1));
        assert!(!over(21, 3, 0) && !over(22, 3, 1), "another one came");
        assert!(!over(43, 3, 1) && over(44, 3, 1));
    }

    #[test]
    fn stragglers_of_a_short_transfer_have_the_time_of_the_policy() {
        let start = Timestamp::ZERO + SECOND;
        let mut stragglers = Stragglers::default();
        stragglers.note_sending(start);
        let count = Finishers { finished: 1, left: 1 };
        let mut over = |at: u32| stragglers.is_over(start + SECOND * at, count, 1, SECOND * 3);
        assert!(!over(1) && !over(3) && over(4));
    }
}
