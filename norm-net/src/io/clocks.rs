//! Whether this machine was stopped, and may have been copied meanwhile.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Clocks that part by more than this were not both running.
const TOLERANCE: Duration = Duration::from_secs(1);

/// The time of day and a clock that only runs, at one moment.
#[derive(Copy, Clone, Debug)]
pub(super) struct Clocks {
    day: SystemTime,
    running: Instant,
}

impl Clocks {
    /// Both, as they are.
    pub(super) fn now() -> Self {
        Self { day: SystemTime::now(), running: Instant::now() }
    }

    /// The time of day, in seconds since 1970; 0 before that.
    pub(super) fn seconds(&self) -> u64 {
        self.day.duration_since(UNIX_EPOCH).map_or(0, |day| day.as_secs())
    }

    /// True if they have parted since this was asked last. The time of day may also have been set.
    pub(super) fn have_parted(&mut self) -> bool {
        let before = std::mem::replace(self, Self::now());
        before.parted(self)
    }

    fn parted(&self, later: &Self) -> bool {
        let running = later.running.saturating_duration_since(self.running);
        match later.day.duration_since(self.day) {
            Ok(day) => day.abs_diff(running) > TOLERANCE,
            Err(back) => back.duration() + running > TOLERANCE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_part_by_more_than_a_second_are_noticed() {
        let start = Clocks::now();
        let after = |day: Duration, running: Duration| Clocks {
            day: start.day + day,
            running: start.running + running,
        };
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        assert!(!start.parted(&after(minute, minute)));
        assert!(!start.parted(&after(minute + second, minute)));
        assert!(start.parted(&after(minute + 2 * second, minute)));
        assert!(start.parted(&after(minute, minute + 2 * second)));
        assert!(after(minute, Duration::ZERO).parted(&after(Duration::ZERO, second)), "set back");
    }
}
