//! Tells a session when another bound of the rate holds.

use std::time::Duration;

use norm_core::Timestamp;

use crate::transfer::schedule::{Bound, RateSchedule, TimeOfDay, WallClock};

/// The clock is looked at so often: a schedule is kept to the second.
const LOOK: Duration = Duration::from_millis(250);

/// A schedule, its clock, and what was found last.
#[derive(Debug)]
pub(super) struct Timetable {
    schedule: RateSchedule,
    clock: WallClock,
    bound: Option<Bound>,
    next_look: Timestamp,
}

impl Timetable {
    pub(super) fn new(schedule: RateSchedule, clock: WallClock, now: Timestamp) -> Self {
        Self { schedule, clock, bound: None, next_look: now }
    }

    /// What holds from now on, and until when, if that is news.
    pub(super) fn look(&mut self, now: Timestamp) -> Option<(Bound, Option<TimeOfDay>)> {
        if now < self.next_look {
            return None;
        }
        self.next_look = now + LOOK;
        let time = self.clock.time_of_day();
        let bound = self.schedule.at(time);
        let news = self.bound.replace(bound) != Some(bound);
        news.then(|| (bound, self.schedule.until(time)))
    }
}
