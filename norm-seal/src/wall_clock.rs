//! The time of day, as far as it is known.

use norm_core::Timestamp;

/// 1 November 2026, in seconds since 1970. A clock that shows an earlier time was never set.
const EARLIEST: u64 = 1_793_491_200;

/// The time of day that a clock shows, in seconds since 1970; `None` of one that was never set.
pub fn known_time(seconds: u64) -> Option<u64> {
    (seconds >= EARLIEST).then_some(seconds)
}

/// The time of day; not known at first.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct WallClock(Option<(Timestamp, u64)>);

impl WallClock {
    /// Sets it to this many seconds since 1970.
    pub(crate) fn set(&mut self, now: Timestamp, seconds: u64) {
        self.0 = known_time(seconds).map(|seconds| (now, seconds));
    }

    /// Seconds since 1970, if they are known.
    pub(crate) fn at(&self, now: Timestamp) -> Option<u64> {
        self.0.map(|(set, seconds)| seconds.saturating_add(now.saturating_since(set).as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn clock_goes_on_and_is_not_known_while_it_was_never_set() {
        let mut clock = WallClock::default();
        let later = Timestamp::ZERO + Duration::from_secs(7);
        assert_eq!(clock.at(later), None);
        clock.set(Timestamp::ZERO, EARLIEST);
        assert_eq!(clock.at(later), Some(EARLIEST + 7));
        clock.set(later, 86_400);
        assert_eq!(clock.at(later), None, "1970");
    }
}
