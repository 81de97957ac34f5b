//! Rare events. The distance to the next one is drawn, rather than a number for each packet.

use norm_core::Rng;

/// An event of equal probability for each packet, independent of the others.
///
/// The gaps between such events are geometrically distributed, so one draw is enough for all
/// packets up to the next event.
#[derive(Clone, Debug)]
pub(super) struct Chance {
    /// Number of packets before the next event.
    gap: u64,
    /// ln(1 - p); zero if it never happens.
    log_keep: f64,
}

impl Chance {
    pub(super) const NEVER: Self = Self { gap: u64::MAX, log_keep: 0.0 };

    pub(super) fn new(p: f64, rng: &mut Rng) -> Self {
        if p.is_nan() || p <= 0.0 {
            return Self::NEVER;
        }
        let mut chance = Self { gap: 0, log_keep: libm::log1p(-p.min(1.0)) };
        chance.draw(rng);
        chance
    }

    #[inline]
    pub(super) fn happens(&mut self, rng: &mut Rng) -> bool {
        if self.gap > 0 {
            self.gap -= 1;
            return false;
        }
        self.draw(rng);
        true
    }

    #[cold]
    fn draw(&mut self, rng: &mut Rng) {
        // 1 - unit() is in (0, 1]. The cast saturates, and drops the fraction.
        self.gap = (libm::log(1.0 - rng.unit()) / self.log_keep) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_their_probability() {
        for p in [0.001, 0.02, 0.5, 0.97] {
            let mut rng = Rng::new(3);
            let mut chance = Chance::new(p, &mut rng);
            let n = (0..1_000_000).filter(|_| chance.happens(&mut rng)).count() as f64;
            let sigma = (1e6 * p * (1.0 - p)).sqrt();
            assert!((n - 1e6 * p).abs() < 4.0 * sigma, "{n} of a million at {p}");
        }
    }

    #[test]
    fn gaps_are_independent_of_those_before() {
        let mut rng = Rng::new(4);
        let mut chance = Chance::new(0.3, &mut rng);
        let seen: Vec<bool> = (0..200_000).map(|_| chance.happens(&mut rng)).collect();
        let after: Vec<bool> = seen.windows(2).filter(|w| w[0]).map(|w| w[1]).collect();
        let again = after.iter().filter(|&&b| b).count() as f64 / after.len() as f64;
        assert!((again - 0.3).abs() < 0.01, "{again}");
    }

    #[test]
    fn probabilities_outside_of_0_to_1_are_clamped() {
        let mut rng = Rng::new(5);
        for (p, expected) in
            [(0.0, false), (-1.0, false), (f64::NAN, false), (1.0, true), (7.0, true)]
        {
            let mut chance = Chance::new(p, &mut rng);
            assert!((0..10_000).all(|_| chance.happens(&mut rng) == expected), "{p}");
        }
    }
}
