//! What was asked for of content that is partly on disk, by us or by others, and is not repaired
//! yet: the sender has it in its queue, however long that is.
//!
//! All of it was sent before, or is never sent unasked, so a repair takes its time. While repair
//! comes, nothing of this is asked for again.

use core::time::Duration;

use super::need::Need;
use super::overheard::Overheard;
use crate::base::Timestamp;

/// The longest time without a new symbol or a NACK of our own in which repair is still believed to
/// be under way: packets of others may be forged.
const MAX_PATIENCE: Duration = Duration::from_secs(2);

/// Which receiver a request is from.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// This one.
    Own,
    /// Another one, or one that only claims to be.
    Other,
}

/// Requests that wait for repair.
#[derive(Debug)]
pub(super) struct RepairQueue {
    asked: Overheard,
    /// When something was asked for, or repair of anything came, last.
    fed: Timestamp,
    /// When we asked for something, or a new symbol came, last.
    kept: Timestamp,
}

impl RepairQueue {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { asked: Overheard::default(), fed: now, kept: now }
    }

    /// Until when nothing of it is asked for again, when the sender has `pause` for an answer.
    pub(super) fn ends(&self, pause: Duration) -> Timestamp {
        (self.fed + pause).min(self.kept + MAX_PATIENCE)
    }

    /// The requests, to note one more of `origin`. Those that have waited in vain for `pause` are
    /// forgotten.
    pub(super) fn note(
        &mut self,
        now: Timestamp,
        pause: Duration,
        origin: Origin,
    ) -> &mut Overheard {
        if self.ends(pause) <= now {
            self.asked.clear();
        }
        self.fed = now;
        if origin == Origin::Own {
            self.kept = now;
        }
        &mut self.asked
    }

    /// Repair has come, and it was new to us or not.
    pub(super) fn feed(&mut self, now: Timestamp, is_new: bool) {
        self.fed = now;
        if is_new {
            self.kept = now;
        }
    }

    /// True when all of a need is asked for.
    pub(super) fn covers(&self, need: &Need<'_>) -> bool {
        self.asked.covers(need)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::norm::receiver::nack::need::Position;

    #[test]
    fn requests_wait_while_repair_comes() {
        let at = |millis| Timestamp::ZERO + Duration::from_millis(millis);
        let pause = Duration::from_millis(100);
        let mut queue = RepairQueue::new(at(0));
        let need = Need::Blocks { key: 1, first: 5, last: 6 };
        queue.note(at(0), pause, Origin::Own).note_blocks(Position::new(1, 5), Position::new(1, 7));
        assert!(queue.covers(&need));
        assert_eq!(queue.ends(pause), at(100));
        queue.feed(at(90), false);
        assert_eq!(queue.ends(pause), at(190));
        queue.feed(at(1_990), false);
        assert_eq!(queue.ends(pause), at(2_000), "nothing of it was new");
        queue.feed(at(1_990), true);
        assert_eq!(queue.ends(pause), at(2_090));
        queue
            .note(at(2_100), pause, Origin::Own)
            .note_blocks(Position::new(1, 9), Position::new(1, 9));
        assert!(!queue.covers(&need), "it is forgotten");
    }
    #[test]
    fn requests_of_others_do_not_make_it_wait_longer() {
        let at = |millis| Timestamp::ZERO + Duration::from_millis(millis);
        let pause = Duration::from_millis(100);
        let mut queue = RepairQueue::new(at(0));
        let need = Need::Blocks { key: 1, first: 5, last: 6 };
        let hear = |queue: &mut RepairQueue, now| {
            let asked = queue.note(now, pause, Origin::Other);
            asked.note_blocks(Position::new(1, 0), Position::new(1, 9));
        };
        for millis in (0..10_000).step_by(50) {
            hear(&mut queue, at(millis));
            assert!(queue.ends(pause) <= at(2_000), "{millis}");
        }
        queue
            .note(at(10_000), pause, Origin::Own)
            .note_blocks(Position::new(1, 5), Position::new(1, 6));
        hear(&mut queue, at(10_050));
        assert!(queue.covers(&need));
        assert_eq!(queue.ends(pause), at(10_150));
    }
}
