//! The end of suppression that brings no repair: the requests that it relies on may be forged.

use super::need::Position;
use crate::base::Rng;

/// Counts how often in a row a NACK was suppressed although what it asks for did not come.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct SuppressionGuard {
    /// Where the oldest need was then, and how many symbols were missing there.
    oldest: Option<(Position, u32)>,
    times: u32,
    /// NACKs of our own that were in vain, too: it was not suppression that kept the repair away.
    sent: u32,
}

/// Suppression in vain that is accepted after NACKs in vain: twice as often each time, up to two to
/// the power of this.
const MAX_DOUBLINGS: u32 = 4;

impl SuppressionGuard {
    /// Notes that other receivers have asked for all that is missing, from `oldest` on. While
    /// symbols come, the repair is under way, however long it takes. True when suppression has been
    /// in vain for too long and the NACK is to be sent all the same: from the second time on, with
    /// a probability that grows fourfold each time, so that the receivers of a large group do not
    /// speak all at once. Where NACKs of our own bring no repair either, this begins later and
    /// later.
    pub(crate) fn is_exceeded(
        &mut self,
        oldest: (Position, u32),
        group_size: u64,
        rng: &mut Rng,
    ) -> bool {
        self.look_at(oldest);
        self.times = self.times.saturating_add(1);
        let accepted = 1 << self.sent.min(MAX_DOUBLINGS);
        let share = 4u64.saturating_pow(self.times.saturating_sub(accepted));
        self.times > accepted && rng.below(group_size.max(1)) < share
    }

    /// Notes that a NACK is sent that asks for what is missing from `oldest` on.
    pub(crate) fn note_sent(&mut self, oldest: (Position, u32)) {
        self.look_at(oldest);
        self.times = 0;
        self.sent = self.sent.saturating_add(1);
    }

    /// Counts anew when something has come since.
    fn look_at(&mut self, oldest: (Position, u32)) {
        if self.oldest != Some(oldest) {
            *self = Self { oldest: Some(oldest), times: 0, sent: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suppression_ends_soon_in_small_and_slowly_in_large_groups() {
        let need = (Position::new(7, 3), 9);
        let spoke_at = |group: u64, seed: u64| {
            let mut guard = SuppressionGuard::default();
            let mut rng = Rng::new(seed);
            (1..).find(|_| guard.is_exceeded(need, group, &mut rng)).unwrap()
        };
        assert!((0..100).all(|seed| (2..=3).contains(&spoke_at(10, seed))));
        let early = (0..1000).filter(|&seed| spoke_at(10_000, seed) <= 3).count();
        assert!(early < 10, "{early} of 1000");
        assert!((0..1000).all(|seed| spoke_at(10_000, seed) <= 8));
    }

    #[test]
    fn guard_begins_again_with_another_need() {
        let (mut guard, mut rng) = (SuppressionGuard::default(), Rng::new(1));
        let need = |block, missing| (Position::new(1, block), missing);
        assert!((0..100).all(|n| !guard.is_exceeded(need(n, 5), 1, &mut rng)));
        assert!((0..100).all(|n| !guard.is_exceeded(need(100, 200 - n), 1, &mut rng)));
    }

    #[test]
    fn receivers_of_a_sender_that_cannot_repair_ask_less_and_less() {
        let need = (Position::new(7, 3), 9);
        let (mut guard, mut rng) = (SuppressionGuard::default(), Rng::new(1));
        let mut suppressed = || {
            let times = (1..).find(|_| guard.is_exceeded(need, 1, &mut rng)).unwrap();
            guard.note_sent(need);
            times
        };
        let times: Vec<u32> = (0..7).map(|_| suppressed()).collect();
        assert_eq!(times, [2, 3, 5, 9, 17, 17, 17]);
        assert!(!guard.is_exceeded((Position::new(7, 3), 8), 1, &mut rng), "a symbol has come");
        assert!(guard.is_exceeded((Position::new(7, 3), 8), 1, &mut rng));
    }
}
