//! Whether a transfer progresses, or has stalled.

use std::time::Duration;

use norm_core::Timestamp;

/// How far a transfer is, by everything that tells.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Measure {
    /// Symbols kept from its sender: at a low rate a block takes long.
    pub(super) symbols: u64,
    /// Bytes written: a slow disk may lag.
    pub(super) written: u64,
    /// How far its sender is: what it sends may be here already.
    pub(super) position: Option<(u64, u32)>,
}

/// When a transfer last progressed.
#[derive(Copy, Clone, Debug)]
pub(super) struct Progress {
    last: Measure,
    /// When it last changed in any way.
    at: Timestamp,
    /// When more of it came.
    grown_at: Timestamp,
}

impl Progress {
    /// Of a transfer that begins now.
    pub(super) fn new(now: Timestamp) -> Self {
        Self { last: Measure::default(), at: now, grown_at: now }
    }

    /// Notes how far it is now.
    pub(super) fn note(&mut self, now: Timestamp, measure: Measure) {
        if measure == self.last {
            return;
        }
        let last = std::mem::replace(&mut self.last, measure);
        self.at = now;
        if last.symbols != measure.symbols || last.written != measure.written {
            self.grown_at = now;
        }
    }

    /// Notes that it has changed otherwise.
    pub(super) fn touch(&mut self, now: Timestamp) {
        self.at = now;
    }

    /// For how long nothing has changed.
    pub(super) fn stalled_for(&self, now: Timestamp) -> Duration {
        now.saturating_since(self.at)
    }

    /// When it last changed in any way.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// When more of it came last.
    pub(super) fn grown_at(&self) -> Timestamp {
        self.grown_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_of_the_sender_is_progress_but_no_growth() {
        let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
        let mut progress = Progress::new(at(0));
        progress.note(at(1), Measure { symbols: 5, ..Measure::default() });
        let moved = Measure { symbols: 5, position: Some((1, 2)), ..Measure::default() };
        progress.note(at(2), moved);
        progress.note(at(3), moved);
        assert_eq!(progress.stalled_for(at(4)), Duration::from_secs(2));
        assert_eq!(progress.grown_at(), at(1));
        progress.touch(at(4));
        assert_eq!((progress.at(), progress.grown_at()), (at(4), at(1)));
    }
}
