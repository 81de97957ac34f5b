//! Since when something is due: packets that others have overtaken are given time to come.

use core::time::Duration;
use std::collections::VecDeque;

use super::need::Position;
use crate::base::Timestamp;

/// Bounds that are remembered. With more, the latest ones ripen together.
const MAX_BOUNDS: usize = 64;

/// Bounds of what is due, and when they became it, ascending.
#[derive(Debug, Default)]
pub(super) struct Ripening {
    bounds: VecDeque<(Timestamp, Position)>,
}

impl Ripening {
    /// Notes that everything before `due` is due.
    pub(super) fn note(&mut self, now: Timestamp, due: Position) {
        if self.bounds.back().is_some_and(|&(_, known)| due <= known) {
            return;
        }
        if self.bounds.len() == MAX_BOUNDS {
            self.bounds.pop_back();
        }
        self.bounds.push_back((now, due));
    }

    /// Everything before was due a time of `window` ago.
    pub(super) fn ripe(&mut self, now: Timestamp, window: Duration) -> Position {
        while self.bounds.get(1).is_some_and(|&(at, _)| at + window <= now) {
            self.bounds.pop_front();
        }
        let first = self.bounds.front().filter(|&&(at, _)| at + window <= now);
        first.map_or(Position::default(), |&(_, bound)| bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_become_due_lately_is_not_ripe() {
        let at = |millis| Timestamp::ZERO + Duration::from_millis(millis);
        let window = Duration::from_millis(20);
        let mut ripening = Ripening::default();
        for block in 0..10 {
            ripening.note(at(u64::from(block) * 5), Position::new(1, block));
            ripening.note(at(u64::from(block) * 5 + 1), Position::new(1, block));
        }
        assert_eq!(ripening.ripe(at(19), window), Position::default());
        assert_eq!(ripening.ripe(at(45), window), Position::new(1, 5));
        assert_eq!(ripening.ripe(at(45), Duration::ZERO), Position::new(1, 9));
    }

    #[test]
    fn more_than_is_remembered_ripens_late_and_not_early() {
        let at = |millis| Timestamp::ZERO + Duration::from_millis(millis);
        let mut ripening = Ripening::default();
        for block in 0..100 {
            ripening.note(at(block.into()), Position::new(1, block));
        }
        assert_eq!(ripening.ripe(at(100), Duration::from_millis(50)), Position::new(1, 50));
        assert_eq!(ripening.ripe(at(148), Duration::from_millis(50)), Position::new(1, 62));
        assert_eq!(ripening.ripe(at(149), Duration::from_millis(50)), Position::new(1, 99));
    }
}
