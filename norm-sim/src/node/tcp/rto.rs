//! The retransmission timeout (RFC 6298).
//!
//! As in Linux, the minimum of 200 ms is that of the variation: a queue that fills within a round
//! trip of the same length would otherwise look like a loss.

use core::time::Duration;

const INITIAL: Duration = Duration::from_secs(1);
const MIN_VARIATION: Duration = Duration::from_millis(200);
const MAX: Duration = Duration::from_secs(60);

/// Smoothed round trip time, and how long to wait for an acknowledgment.
#[derive(Debug, Default)]
pub(super) struct Rto {
    /// Smoothed round trip time and its variation, once there is a sample.
    smoothed: Option<(Duration, Duration)>,
    /// Doublings since the last sample.
    doubled: u32,
}

impl Rto {
    /// Takes the round trip of a segment that was sent once.
    pub(super) fn sample(&mut self, rtt: Duration) {
        self.doubled = 0;
        self.smoothed = Some(match self.smoothed {
            None => (rtt, rtt / 2),
            Some((srtt, var)) => ((srtt * 7 + rtt) / 8, (var * 3 + srtt.abs_diff(rtt)) / 4),
        });
    }

    pub(super) fn back_off(&mut self) {
        self.doubled = (self.doubled + 1).min(16);
    }

    pub(super) fn timeout(&self) -> Duration {
        let base = self.smoothed.map_or(INITIAL, |(srtt, var)| srtt + (var * 4).max(MIN_VARIATION));
        (base * (1 << self.doubled)).min(MAX)
    }

    /// Smoothed round trip time in seconds; 0 before any sample.
    pub(super) fn srtt(&self) -> f64 {
        self.smoothed.map_or(0.0, |(srtt, _)| srtt.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeout_follows_the_round_trip_and_doubles_until_a_sample() {
        let mut rto = Rto::default();
        assert_eq!(rto.timeout(), INITIAL);
        rto.sample(Duration::from_millis(100));
        // 100 ms and four times 50 ms.
        assert_eq!(rto.timeout(), Duration::from_millis(300));
        rto.back_off();
        rto.back_off();
        assert_eq!(rto.timeout(), Duration::from_millis(1200));
        (0..100).for_each(|_| rto.back_off());
        assert_eq!(rto.timeout(), MAX);
        (0..100).for_each(|_| rto.sample(Duration::from_millis(100)));
        // A steady round trip leaves only the minimum, and 8 ns of rounding.
        let steady = Duration::from_millis(100) + MIN_VARIATION;
        assert!(rto.timeout().abs_diff(steady) < Duration::from_nanos(10), "{:?}", rto.timeout());
    }
}
