//! Receivers that need much longer than the others: when all the rest has finished, they are not waited
//! for as long again as that took.

use core::time::Duration;

use crate::base::Timestamp;

/// How far the transfer is.
#[derive(Debug, Default)]
pub(crate) struct Late {
    /// When content began to flow.
    began: Option<Timestamp>,
    /// Since when only those are left who may be sent away.
    rest: Option<Timestamp>,
}

impl Late {
    /// Content flows.
    pub(crate) fn note_sending(&mut self, now: Timestamp) {
        self.began.get_or_insert(now);
    }

    /// True when those who are `left` are too slow: others have finished, no more than `most` are left, and they
    /// have had twice the others' time, and `after` besides the others' at least.
    pub(crate) fn is_over(
        &mut self,
        now: Timestamp,
        (finished, left): (usize, usize),
        most: usize,
        after: Duration,
    ) -> bool {
        if finished == 0 || left == 0 || left > most {
            self.rest = None;
            return false;
        }
        let rest = *self.rest.get_or_insert(now);
        let took = self.began.map(|began| rest.saturating_since(began));
        took.is_some_and(|took| now >= rest + took.max(after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn who_is_left_has_as_long_again_as_the_others_took() {
        let start = Timestamp::ZERO + SECOND;
        let mut late = Late::default();
        late.note_sending(start);
        late.note_sending(start + SECOND * 5);
        let mut over = |at: u32, finished, left| {
            late.is_over(start + SECOND * at, (finished, left), 1, SECOND * 3)
        };
        assert!(!over(8, 0, 2), "nobody has finished");
        assert!(!over(9, 1, 2), "two are the rule");
        assert!(!over(10, 2, 1) && !over(19, 2, 1) && over(20, 2, 1));
        assert!(!over(21, 3, 0) && !over(22, 3, 1), "another one came");
        assert!(!over(43, 3, 1) && over(44, 3, 1));
    }

    #[test]
    fn a_short_transfer_leaves_the_time_that_was_given() {
        let start = Timestamp::ZERO + SECOND;
        let mut late = Late::default();
        late.note_sending(start);
        let mut over = |at: u32| late.is_over(start + SECOND * at, (1, 1), 1, SECOND * 3);
        assert!(!over(1) && !over(3) && over(4));
    }
}
