//! The rate over the last few seconds.

use std::collections::VecDeque;
use std::time::Duration;

/// Time over which the rate is measured.
const WINDOW: Duration = Duration::from_secs(4);
/// Limit of the samples kept.
const MAX_SAMPLES: usize = 64;

/// Measures a rate from how many bytes are done at which time.
#[derive(Debug, Default)]
pub(super) struct Meter {
    samples: VecDeque<(Duration, u64)>,
}

impl Meter {
    pub(super) fn sample(&mut self, elapsed: Duration, done: u64) {
        // What starts over (another transfer, a new session) has no rate yet.
        if self.samples.back().is_some_and(|&(at, before)| elapsed < at || done < before) {
            self.samples.clear();
        }
        self.samples.push_back((elapsed, done));
        while self.samples.len() > MAX_SAMPLES
            || self.samples.get(1).is_some_and(|&(at, _)| elapsed - at >= WINDOW)
        {
            self.samples.pop_front();
        }
    }

    /// `None` while nothing moves.
    pub(super) fn bits_per_second(&self) -> Option<f64> {
        let (&(from, before), &(to, after)) = (self.samples.front()?, self.samples.back()?);
        let seconds = (to - from).as_secs_f64();
        (seconds > 0.0 && after > before).then(|| (after - before) as f64 * 8.0 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_that_of_the_last_seconds() {
        let mut meter = Meter::default();
        assert_eq!(meter.bits_per_second(), None);
        for second in 0..20 {
            let done = if second < 10 { second } else { 10 + (second - 10) * 1000 };
            meter.sample(Duration::from_secs(second), done);
        }
        assert_eq!(meter.bits_per_second(), Some(8000.0));
    }

    #[test]
    fn second_transfer_has_no_rate_of_the_first() {
        let mut meter = Meter::default();
        meter.sample(Duration::from_secs(1), 0);
        meter.sample(Duration::from_secs(2), 1_000_000);
        meter.sample(Duration::from_secs(3), 10);
        assert_eq!(meter.bits_per_second(), None);
        meter.sample(Duration::from_secs(4), 20);
        assert_eq!(meter.bits_per_second(), Some(80.0));
    }
}
