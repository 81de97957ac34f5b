//! When something is made anew that holds for a time.

use core::time::Duration;

use norm_core::Timestamp;

use crate::hello::LIFE;

/// When something was made that holds for [`LIFE`] seconds.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Made {
    at: Timestamp,
    /// The time of day, if it was known.
    wall: Option<u64>,
}

impl Made {
    /// It is made now.
    pub(crate) fn now(at: Timestamp, wall: Option<u64>) -> Self {
        Self { at, wall }
    }

    /// True when half of the time is over for which it holds, or that was not known.
    pub(crate) fn is_old(&self, now: Timestamp, wall: Option<u64>) -> bool {
        now >= self.at + Duration::from_secs(LIFE / 2)
            || match (self.wall, wall) {
                (Some(made), Some(wall)) => wall.abs_diff(made) >= LIFE / 2,
                (None, Some(_)) => true,
                (_, None) => false,
            }
    }
}
