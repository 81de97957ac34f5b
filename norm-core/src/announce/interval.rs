//! How often a session is announced (RFC 2974 §3.1).

use core::time::Duration;

use crate::base::Rng;

/// Bits per second that all announcements of a group may take together.
pub const LIMIT_BITS_PER_SECOND: u64 = 4_000;
/// The least interval. The RFC's is 300 s, for sessions that last for hours; ours begin within
/// seconds.
pub const LEAST_INTERVAL: Duration = Duration::from_secs(5);

/// The interval between announcements of one session, when one announcement of each session of the
/// group has `bytes` in all.
pub fn interval(bytes: u64) -> Duration {
    let seconds = bytes.saturating_mul(8) as f64 / LIMIT_BITS_PER_SECOND as f64;
    LEAST_INTERVAL.max(Duration::from_secs_f64(seconds))
}

/// A share of the interval by which the next announcement comes earlier or later, up to a third.
#[derive(Copy, Clone, Debug)]
pub(super) struct Jitter(f64);

impl Jitter {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        Self(rng.unit() * 2.0 / 3.0 - 1.0 / 3.0)
    }

    /// The interval with it.
    pub(super) fn of(self, interval: Duration) -> Duration {
        interval.mul_f64(1.0 + self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_announcements_share_the_rate() {
        assert_eq!(interval(0), LEAST_INTERVAL);
        assert_eq!(interval(2_500), LEAST_INTERVAL);
        assert_eq!(interval(300_000), Duration::from_secs(600));
        assert!(interval(u64::MAX) > Duration::from_secs(1 << 40));
    }

    #[test]
    fn jitter_is_a_third_to_either_side() {
        let mut rng = Rng::new(1);
        let third = LEAST_INTERVAL / 3;
        let times: Vec<_> = (0..1_000).map(|_| Jitter::draw(&mut rng).of(LEAST_INTERVAL)).collect();
        assert!(
            times
                .iter()
                .all(|&time| (LEAST_INTERVAL - third..=LEAST_INTERVAL + third).contains(&time))
        );
        let early = times.iter().filter(|&&time| time < LEAST_INTERVAL).count();
        assert!((400..600).contains(&early), "{early}");
    }
}
