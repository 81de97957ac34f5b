//! How long receivers have been waited for before content flows.

use std::time::Duration;

use norm_core::Timestamp;

use crate::event::Hint;

/// When the user hears first that receivers are missing; then each time after twice as long.
const HINT_AFTER: Duration = Duration::from_secs(30);

/// Receivers that are waited for.
#[derive(Debug)]
pub(super) struct Gathering {
    wanted: usize,
    joined: usize,
    /// When the last one came or went, or the session began.
    changed: Timestamp,
    /// Time since then after which the next hint is due.
    hint_after: Duration,
}

impl Gathering {
    /// These are `wanted`.
    pub(super) fn new(wanted: usize, now: Timestamp) -> Self {
        Self { wanted, joined: 0, changed: now, hint_after: HINT_AFTER }
    }

    /// This number of receivers is there now.
    pub(super) fn note(&mut self, joined: usize, now: Timestamp) {
        if joined != self.joined {
            self.joined = joined;
            self.changed = now;
            self.hint_after = HINT_AFTER;
        }
    }

    /// Receivers that are wanted.
    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    /// How long no receiver has come.
    pub(super) fn unchanged(&self, now: Timestamp) -> Duration {
        now.saturating_since(self.changed)
    }

    /// A hint, when it is due. That there is no receiver at all is said elsewhere.
    pub(super) fn hint(&mut self, now: Timestamp) -> Option<Hint> {
        let after = self.unchanged(now);
        if self.joined == 0 || self.joined >= self.wanted || after < self.hint_after {
            return None;
        }
        self.hint_after = after * 2;
        Some(Hint::ReceiversMissing { joined: self.joined, wanted: self.wanted, after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_receivers_are_told_after_thirty_seconds_and_then_more_rarely() {
        let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
        let mut gathering = Gathering::new(3, at(0));
        assert_eq!(gathering.hint(at(60)), None, "there is none yet");
        gathering.note(2, at(60));
        gathering.note(2, at(80));
        assert_eq!(gathering.hint(at(89)), None);
        let hint = |after| {
            let after = Duration::from_secs(after);
            Some(Hint::ReceiversMissing { joined: 2, wanted: 3, after })
        };
        assert_eq!((gathering.hint(at(90)), gathering.hint(at(119))), (hint(30), None));
        assert_eq!(gathering.hint(at(120)), hint(60));
        gathering.note(3, at(130));
        assert_eq!(gathering.hint(at(1_000)), None, "all are there");
    }
}
