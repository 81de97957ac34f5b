//! A host's clock, compared with true time.

use core::time::Duration;

use norm_core::Timestamp;

/// Errors of a host's clock and of its timers.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// What the clock is ahead of true time at the start of the run.
    pub offset: Duration,
    /// What the clock gains, in parts per million.
    pub drift_ppm: i32,
    /// The longest delay of a timer; each is delayed by a random part of it.
    pub late: Duration,
}

/// True time at the start of a run, and the time that every clock without offset shows then. It is
/// not zero, because an echoed time of zero means "none" on the wire.
pub(crate) const START: Timestamp = Timestamp::from_nanos(1_000_000_000);

const MILLION: i128 = 1_000_000;
const ONE_SECOND: Duration = Duration::from_secs(1);

impl Clock {
    /// The clock's time at a true time.
    pub(crate) fn shows(&self, at: Timestamp) -> Timestamp {
        if self.drift_ppm == 0 {
            return at + self.offset;
        }
        let passed = i128::from(at.as_nanos() - START.as_nanos());
        let shown = passed + passed * i128::from(self.drift_ppm) / MILLION;
        Timestamp::from_nanos(u64::try_from(shown).unwrap_or(0)) + (self.offset + ONE_SECOND)
    }

    /// The first true time at which the clock shows `shown`, or more.
    pub(crate) fn reaches(&self, shown: Timestamp) -> Timestamp {
        if shown == Timestamp::MAX {
            return shown;
        }
        if self.drift_ppm == 0 {
            return (shown - self.offset).max(START);
        }
        let passed = (shown - self.offset).saturating_since(START).as_nanos() as i128;
        let rate = MILLION + i128::from(self.drift_ppm);
        let nanos = passed * MILLION / rate.max(1);
        let mut at =
            Timestamp::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX / 2)) + ONE_SECOND;
        while self.shows(at) < shown {
            at += Duration::from_nanos(1);
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timer_is_due_at_the_first_true_time_that_shows_it() {
        for drift_ppm in [-500, -3, 0, 7, 500] {
            let clock = Clock { offset: Duration::from_secs(77), drift_ppm, late: Duration::ZERO };
            for nanos in [0, 1, 999_999, 1_000_001, 123_456_789_012] {
                let shown = clock.shows(START) + Duration::from_nanos(nanos);
                let at = clock.reaches(shown);
                assert!(clock.shows(at) >= shown);
                assert!(at == START || clock.shows(at - Duration::from_nanos(1)) < shown);
            }
        }
    }

    #[test]
    fn fast_clock_gains_its_parts_per_million() {
        let clock = Clock { drift_ppm: 100, ..Clock::default() };
        let later = START + Duration::from_secs(1000);
        assert_eq!(clock.shows(later), later + Duration::from_millis(100));
    }
}
