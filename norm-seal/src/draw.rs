//! Which of very many datagrams are verified: some, drawn at random.

use core::time::Duration;

use norm_core::{Rng, Timestamp};

/// Datagrams are counted anew after this time.
const TURN: Duration = Duration::from_millis(100);
/// Datagrams that are verified in a turn at most: 2,000 a second, 8 % of a core.
const CHOSEN: u32 = 200;

/// A limit that a flood of forged datagrams cannot use up before a real one: each has the same
/// chance.
#[derive(Debug)]
pub(crate) struct Draw {
    since: Timestamp,
    /// What came in the turn before this one, and in this one.
    came: [u32; 2],
    chosen: u32,
}

impl Draw {
    pub(crate) fn new() -> Self {
        Self { since: Timestamp::ZERO, came: [0; 2], chosen: 0 }
    }

    /// True when a datagram that has come is to be verified.
    pub(crate) fn take(&mut self, now: Timestamp, rng: &mut Rng) -> bool {
        if now >= self.since + TURN {
            let is_next = now < self.since + TURN * 2;
            let before = if is_next { self.came[1] } else { 0 };
            *self = Self { since: now, came: [before, 0], chosen: 0 };
        }
        self.came[1] = self.came[1].saturating_add(1);
        let crowd = self.came[0].max(self.came[1]);
        let chosen = self.chosen < CHOSEN
            && (crowd <= CHOSEN || rng.chance(f64::from(CHOSEN) / f64::from(crowd)));
        self.chosen += u32::from(chosen);
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_all_taken_and_of_a_flood_some_from_all_of_each_turn() {
        let (mut draw, mut rng) = (Draw::new(), Rng::new(7));
        let at = |us| Timestamp::since_epoch(Duration::from_secs(9)) + Duration::from_micros(us);
        assert_eq!((0..200).filter(|_| draw.take(at(0), &mut rng)).count(), 200);
        // 50,000 a second: one each 20 µs, for two seconds.
        let taken: Vec<u64> = (0..100_000)
            .filter(|number| draw.take(at(1_000_000 + number * 20), &mut rng))
            .collect();
        assert!((3_000..=4_000).contains(&taken.len()), "{} were taken", taken.len());
        // In the second half of a turn as in the first one, but for the first turn.
        let late = taken.iter().filter(|number| **number >= 5_000 && **number % 5_000 >= 2_500);
        let share = late.count() as f64 / taken.len() as f64;
        assert!((0.35..0.6).contains(&share), "{share} of them late");
    }
}
