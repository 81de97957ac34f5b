//! Keeps a session within the bounds of the rate that hold at this time of day.

use std::time::Duration;

use norm_core::Timestamp;

use crate::transfer::schedule::{Bound, RateSchedule, TimeOfDay, WallClock};

/// How often the clock is looked at: a schedule is kept to the second.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// A change of the bound.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// What holds from now on.
    pub(super) bound: Bound,
    /// Until when; `None` for good.
    pub(super) until: Option<TimeOfDay>,
}

/// The schedule of a session, if it has one, and what it says now.
#[derive(Debug)]
pub(super) struct Bounds {
    timetable: Option<Timetable>,
    /// What holds now, if it is a pause.
    pause: Option<Change>,
    /// When the session began, or went on after a pause.
    awake: Timestamp,
}

impl Bounds {
    /// No bounds without a `schedule`; with one, those that hold by its clock.
    pub(super) fn new(schedule: Option<(RateSchedule, WallClock)>, now: Timestamp) -> Self {
        let timetable = schedule.map(|(schedule, clock)| Timetable::new(schedule, clock, now));
        Self { timetable, pause: None, awake: now }
    }

    /// The bound that holds from now on, if it is another one than before.
    pub(super) fn look(&mut self, now: Timestamp) -> Option<Change> {
        let change = self.timetable.as_mut()?.look(now)?;
        let is_pause = change.bound == Bound::Paused;
        if self.pause.is_some() && !is_pause {
            self.awake = now;
        }
        self.pause = is_pause.then_some(change);
        Some(change)
    }

    /// True while nothing is sent.
    pub(super) fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    /// When a pause ends, if there is one that does.
    pub(super) fn paused_until(&self) -> Option<TimeOfDay> {
        self.pause?.until
    }

    /// True when the session has been sending for this long, not counting what came before a pause.
    pub(super) fn has_sent_for(&self, time: Duration, now: Timestamp) -> bool {
        !self.is_paused() && now >= self.awake + time
    }
}

/// A schedule, its clock, and what was found last.
#[derive(Debug)]
struct Timetable {
    schedule: RateSchedule,
    clock: WallClock,
    bound: Option<Bound>,
    next_look: Timestamp,
}

impl Timetable {
    fn new(schedule: RateSchedule, clock: WallClock, now: Timestamp) -> Self {
        Self { schedule, clock, bound: None, next_look: now }
    }

    fn look(&mut self, now: Timestamp) -> Option<Change> {
        if now < self.next_look {
            return None;
        }
        self.next_look = now + LOOK_INTERVAL;
        let time = self.clock.time_of_day();
        let bound = self.schedule.at(time);
        let changed = self.bound.replace(bound) != Some(bound);
        changed.then(|| Change { bound, until: self.schedule.until(time) })
    }
}
