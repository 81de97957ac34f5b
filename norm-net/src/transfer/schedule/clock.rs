//! Which time of day it is.

use std::time::Instant;

use super::{DAY, TimeOfDay};

/// Where a schedule has the time of day from.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WallClock {
    /// The system's clock, in its time zone.
    #[default]
    Local,
    /// One that showed this time then: for tests and rehearsals.
    Pretended {
        /// When.
        since: Instant,
        /// What it showed.
        showed: TimeOfDay,
    },
}

impl WallClock {
    /// A clock that shows this time now.
    pub fn showing(showed: TimeOfDay) -> Self {
        Self::Pretended { since: Instant::now(), showed }
    }

    /// The time of day. Asked anew each time, it follows the system when that sets its clock, or
    /// goes over to summer time.
    pub fn time_of_day(&self) -> TimeOfDay {
        match *self {
            Self::Local => {
                let time = jiff::ZonedDateTime::now().time();
                let part = |part: i8| u32::try_from(part).unwrap_or(0);
                let (hour, minute) = (part(time.hour()), part(time.minute()));
                TimeOfDay((hour * 60 + minute) * 60 + part(time.second()))
            }
            Self::Pretended { since, showed } => {
                let passed = since.elapsed().as_secs() + u64::from(showed.0);
                TimeOfDay((passed % u64::from(DAY)) as u32)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pretended_clock_goes_on_through_midnight() {
        let showed = TimeOfDay::new(23, 59, 59).unwrap();
        let since = Instant::now().checked_sub(Duration::from_millis(2_500)).unwrap();
        let clock = WallClock::Pretended { since, showed };
        assert_eq!(clock.time_of_day(), TimeOfDay::new(0, 0, 1).unwrap());
    }

    #[test]
    #[cfg(unix)]
    fn the_local_clock_is_that_of_the_system() {
        let shown = || {
            let output = std::process::Command::new("date").arg("+%H:%M:%S").output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().parse::<TimeOfDay>().unwrap()
        };
        let (before, ours, after) = (shown(), WallClock::Local.time_of_day(), shown());
        assert!(before.seconds_to(ours) <= before.seconds_to(after), "{before} {ours} {after}");
    }
}
