//! Random backoff for feedback suppression (RFC 5401 §3.2.2).

use core::time::Duration;

use crate::base::Rng;

/// A truncated exponential delay between 0 and `max` for a group of about `group_size` receivers.
///
/// Few draws are short: the first NACK comes early, and suppresses the others.
pub fn random_backoff(max: Duration, group_size: u64, rng: &mut Rng) -> Duration {
    if max.is_zero() {
        return Duration::ZERO;
    }
    let lambda = libm::log(group_size.max(1) as f64) + 1.0;
    let spread = libm::exp(lambda) - 1.0;
    // x runs over [1, e^lambda): the RFC's variate with its common factors cancelled.
    let x = rng.unit() * spread + 1.0;
    max.mul_f64((libm::log(x) / lambda).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_stays_within_the_maximum_and_is_rarely_short() {
        let mut rng = Rng::new(3);
        let max = Duration::from_secs(1);
        let early = (0..10_000)
            .map(|_| random_backoff(max, 10_000, &mut rng))
            .inspect(|t| assert!(*t <= max))
            .filter(|t| *t < max / 2)
            .count();
        // P(t < max/2) = (e^(L/2) - 1) / (e^L - 1), about 0.6 % for 10,000 receivers.
        assert!((20..120).contains(&early), "{early}");
        assert_eq!(random_backoff(Duration::ZERO, 10, &mut rng), Duration::ZERO);
    }
}
