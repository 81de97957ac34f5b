//! A probability, prepared for many draws.

use norm_core::Rng;

/// An event of a fixed probability.
#[derive(Copy, Clone, Debug)]
pub(super) struct Chance {
    /// Of 2^32.
    threshold: u64,
    /// 1 / ln(1 - p), for the distance from one to the next.
    step: f64,
}

impl Chance {
    pub(super) fn new(p: f64) -> Self {
        let p = p.clamp(0.0, 1.0);
        Self { threshold: (p * 4_294_967_296.0) as u64, step: 1.0 / libm::log1p(-p) }
    }

    pub(super) fn is_never(self) -> bool {
        self.threshold == 0
    }

    pub(super) fn happens(self, rng: &mut Rng) -> bool {
        u64::from(rng.next_u32()) < self.threshold
    }

    /// Draws by a number, without a generator.
    pub(super) fn happens_to(self, number: u64) -> bool {
        (number >> 32) < self.threshold
    }

    /// Calls `hit` for each of `0..count` to which it happens. Takes time only for these.
    pub(super) fn each(self, count: u32, rng: &mut Rng, mut hit: impl FnMut(u32)) {
        if self.threshold == 0 {
            return;
        }
        let mut at = 0.0;
        loop {
            // The number of misses before the next hit is geometrically distributed.
            at += libm::floor(libm::log1p(-rng.unit()) * self.step);
            if at >= f64::from(count) {
                return;
            }
            hit(at as u32);
            at += 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_as_frequent_and_as_far_apart_as_single_draws() {
        let chance = Chance::new(0.02);
        let mut rng = Rng::new(4);
        let mut hits = 0u32;
        let mut neighbours = 0u32;
        let mut last = None;
        for _ in 0..100 {
            chance.each(10_000, &mut rng, |n| {
                assert!(n < 10_000 && Some(n) != last);
                hits += 1;
                neighbours += u32::from(n > 0 && last == Some(n - 1));
                last = Some(n);
            });
            last = None;
        }
        assert!((19_400..20_600).contains(&hits), "{hits}");
        assert!((320..480).contains(&neighbours), "{neighbours}");
        Chance::new(0.0).each(10, &mut rng, |_| panic!("never"));
    }
}
