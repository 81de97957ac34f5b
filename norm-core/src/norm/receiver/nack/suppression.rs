//! The end of suppression that brings no repair: the requests that it relies on may be forged.

use super::need::Position;
use crate::base::Rng;

/// Counts how often in a row a NACK was suppressed although what it asks for did not come.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct SuppressionGuard {
    /// Where the oldest need was then, and how many symbols were missing there.
    oldest: Option<(Position, u32)>,
    times: u32,
}

impl SuppressionGuard {
    /// Notes that other receivers have asked for all that is missing, from `oldest` on. While
    /// symbols come, the repair is under way, however long it takes. True when suppression has been
    /// in vain for too long and the NACK is to be sent all the same: from the second time on, with
    /// a probability that grows fourfold each time, so that the receivers of a large group do not
    /// speak all at once.
    pub(crate) fn is_exceeded(
        &mut self,
        oldest: Option<(Position, u32)>,
        group_size: u64,
        rng: &mut Rng,
    ) -> bool {
        self.times = if self.oldest == oldest { self.times.saturating_add(1) } else { 1 };
        self.oldest = oldest;
        let share = 4u64.saturating_pow(self.times - 1);
        self.times > 1 && rng.below(group_size.max(1)) < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suppression_ends_soon_in_small_and_slowly_in_large_groups() {
        let need = Some((Position::new(7, 3), 9));
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
        let need = |block, missing| Some((Position::new(1, block), missing));
        assert!((0..100).all(|n| !guard.is_exceeded(need(n, 5), 1, &mut rng)));
        assert!((0..100).all(|n| !guard.is_exceeded(need(100, 200 - n), 1, &mut rng)));
    }
}
