//! Being hushed again and again: the requests that we rely on may be forged, and repair nothing.

use crate::base::Rng;

/// How often in a row a NACK was left to others although what it asks for did not come.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Hush {
    /// Key and block of the oldest need then.
    oldest: Option<(u64, u32)>,
    times: u32,
}

impl Hush {
    /// Notes that others have asked for all that we need, `oldest` being its first place. True when
    /// that has been of no avail for too long: from the second time on, with a probability that
    /// grows fourfold each time, so that a large group does not speak all at once.
    pub(super) fn is_ignored(
        &mut self,
        oldest: Option<(u64, u32)>,
        group: u64,
        rng: &mut Rng,
    ) -> bool {
        self.times = if self.oldest == oldest { self.times.saturating_add(1) } else { 1 };
        self.oldest = oldest;
        let share = 4u64.saturating_pow(self.times - 1);
        self.times > 1 && rng.below(group.max(1)) < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_small_group_the_second_or_third_time_is_too_much_and_in_a_large_one_few_speak() {
        let need = Some((7, 3));
        let spoke_at = |group: u64, seed: u64| {
            let (mut hush, mut rng) = (Hush::default(), Rng::new(seed));
            (1..).find(|_| hush.is_ignored(need, group, &mut rng)).unwrap()
        };
        assert!((0..100).all(|seed| (2..=3).contains(&spoke_at(10, seed))));
        let early = (0..1000).filter(|&seed| spoke_at(10_000, seed) <= 3).count();
        assert!(early < 10, "{early} of 1000");
        assert!((0..1000).all(|seed| spoke_at(10_000, seed) <= 8));
    }

    #[test]
    fn another_need_begins_again() {
        let (mut hush, mut rng) = (Hush::default(), Rng::new(1));
        assert!((0..100).all(|n| !hush.is_ignored(Some((1, n)), 1, &mut rng)));
    }
}
