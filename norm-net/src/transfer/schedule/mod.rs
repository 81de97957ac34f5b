//! Bounds of the rate by the time of day.
//!
//! Deliberately without dates and days of the week. Which time it is, [`WallClock`] says.

mod clock;

use std::fmt;
use std::str::FromStr;

pub use clock::WallClock;

const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;

/// A time of day, to the second.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u32);

impl TimeOfDay {
    /// `None` for what is on no clock.
    pub const fn new(hour: u32, minute: u32, second: u32) -> Option<Self> {
        if hour < 24 && minute < 60 && second < 60 {
            Some(Self(hour * HOUR + minute * 60 + second))
        } else {
            None
        }
    }

    /// Seconds from here to `other`, which is today or tomorrow.
    const fn seconds_to(self, other: Self) -> u32 {
        (other.0 + DAY - self.0) % DAY
    }
}

/// `08:00`, `8:00` or `08:00:30`; `24:00` is midnight too.
impl FromStr for TimeOfDay {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let number = |digits: &str| {
            let plain =
                (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse::<u32>().ok().filter(|_| plain)
        };
        let mut parts = text.split(':');
        let (hour, minute) = (parts.next().and_then(number), parts.next().and_then(number));
        let second = parts.next().map_or(Some(0), number);
        let time = match (hour, minute, second, parts.next()) {
            (Some(24), Some(0), Some(0), None) => Self::new(0, 0, 0),
            (Some(hour), Some(minute), Some(second), None) => Self::new(hour, minute, second),
            _ => None,
        };
        time.ok_or_else(|| InvalidTime(text.to_owned()))
    }
}

/// Text that is no time of day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTime(String);

impl fmt::Display for InvalidTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no time of day: write 00:00 to 24:00", self.0)
    }
}

impl std::error::Error for InvalidTime {}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / HOUR, self.0 / 60 % 60)?;
        match self.0 % 60 {
            0 => Ok(()),
            second => write!(f, ":{second:02}"),
        }
    }
}

/// The highest rate for a time.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Bound {
    /// The rate of the session, without another bound.
    #[default]
    Open,
    /// A rate in bits per second.
    Rate(u64),
    /// Nothing is sent but what keeps receivers waiting.
    Paused,
}

impl Bound {
    /// As the engine takes it.
    pub(crate) const fn bits(self) -> Option<u64> {
        match self {
            Self::Open => None,
            Self::Rate(bits) => Some(bits),
            Self::Paused => Some(0),
        }
    }
}

/// A part of the day with a bound of its own.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// From this time on.
    pub from: TimeOfDay,
    /// Until this time, no longer at it; a time before `from` is that of the next day.
    pub to: TimeOfDay,
    /// The bound that holds.
    pub bound: Bound,
}

impl Window {
    fn len(&self) -> u32 {
        self.from.seconds_to(self.to)
    }

    fn holds(&self, time: TimeOfDay) -> bool {
        self.from.seconds_to(time) < self.len()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from, self.to)
    }
}

/// A schedule that cannot work.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScheduleProblem {
    /// A window begins and ends at the same time.
    Empty {
        /// The window.
        window: Window,
    },
    /// A window has a rate of 0, which is a pause.
    ZeroRate {
        /// The window.
        window: Window,
    },
    /// Two windows overlap.
    Overlap {
        /// One of them.
        first: Window,
        /// The other one.
        second: Window,
    },
    /// Nothing would ever be sent.
    OnlyPauses,
}

impl fmt::Display for ScheduleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { window } => write!(f, "{window} begins and ends at the same time"),
            Self::ZeroRate { window } => write!(f, "a rate of 0 in {window} is a pause: say so"),
            Self::Overlap { first, second } => {
                write!(f, "{first} and {second} overlap: give each time one rate")
            }
            Self::OnlyPauses => {
                f.write_str("nothing would ever be sent: give some time of the day a rate")
            }
        }
    }
}

impl std::error::Error for ScheduleProblem {}

/// The bounds of the rate over a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateSchedule {
    windows: Vec<Window>,
    otherwise: Bound,
}

impl RateSchedule {
    /// Windows, and what holds outside of them.
    ///
    /// # Errors
    /// [`ScheduleProblem`]: a window of no length or rate 0, two that overlap, or only pauses.
    pub fn new(windows: Vec<Window>, otherwise: Bound) -> Result<Self, ScheduleProblem> {
        for (i, window) in windows.iter().enumerate() {
            if window.len() == 0 {
                return Err(ScheduleProblem::Empty { window: *window });
            }
            if window.bound == Bound::Rate(0) {
                return Err(ScheduleProblem::ZeroRate { window: *window });
            }
            // Of two that overlap one begins within the other.
            let other = windows[..i].iter().find(|o| o.holds(window.from) || window.holds(o.from));
            if let Some(other) = other {
                return Err(ScheduleProblem::Overlap { first: *other, second: *window });
            }
        }
        let covered: u32 = windows.iter().map(Window::len).sum();
        let sends = windows.iter().any(|window| window.bound != Bound::Paused)
            || (covered < DAY && otherwise != Bound::Paused);
        if !sends {
            return Err(ScheduleProblem::OnlyPauses);
        }
        Ok(Self { windows, otherwise })
    }

    /// The bound that holds at this time.
    pub fn at(&self, time: TimeOfDay) -> Bound {
        let window = self.windows.iter().find(|window| window.holds(time));
        window.map_or(self.otherwise, |window| window.bound)
    }

    /// Until when the bound at this time holds; `None` when it always does.
    pub fn until(&self, time: TimeOfDay) -> Option<TimeOfDay> {
        let now = self.at(time);
        let edges = self.windows.iter().flat_map(|window| [window.from, window.to]);
        let others = edges.filter(|&edge| self.at(edge) != now);
        others.min_by_key(|&edge| time.seconds_to(edge))
    }
}

#[cfg(test)]
mod tests;
