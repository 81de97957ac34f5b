//! A host's clock beside true time.

use norm_core::Timestamp;

use crate::scenario::Clock;

/// True time, and every clock without offset, starts here: an echoed time of zero means "none" on
/// the wire.
pub(crate) const START: Timestamp = Timestamp::from_nanos(1_000_000_000);

const MILLION: i128 = 1_000_000;

impl Clock {
    /// What the clock shows at a true time.
    pub(crate) fn shows(&self, at: Timestamp) -> Timestamp {
        if self.drift_ppm == 0 {
            return at + self.offset;
        }
        let passed = i128::from(at.as_nanos() - START.as_nanos());
        let shown = passed + passed * i128::from(self.drift_ppm) / MILLION;
        Timestamp::from_nanos(u64::try_from(shown).unwrap_or(0)) + (self.offset + ONE_SECOND)
    }

    /// The first true time at which the clock shows this, or more.
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
            at += core::time::Duration::from_nanos(1);
        }
        at
    }
}

const ONE_SECOND: core::time::Duration = core::time::Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn a_timer_is_due_at_the_first_true_time_at_which_the_clock_shows_it() {
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
    fn a_fast_clock_gains_its_parts_per_million() {
        let clock = Clock { drift_ppm: 100, ..Clock::default() };
        let later = START + Duration::from_secs(1000);
        assert_eq!(clock.shows(later), later + Duration::from_millis(100));
    }
}
