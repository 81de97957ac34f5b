//! When another run is drawn.

use core::time::Duration;

use norm_core::Timestamp;

/// A new run is drawn at most this often because another machine was heard that uses ours.
const INTERVAL: Duration = Duration::from_secs(60);

/// Whether another run is to be drawn.
#[derive(Default)]
pub(crate) struct Redraw {
    /// It is, and until then nothing is sealed.
    wanted: bool,
    /// When one was drawn last because another machine was heard that used ours.
    heard_at: Option<Timestamp>,
    /// Another was heard before [`INTERVAL`] was over: one is to be drawn then.
    is_due: bool,
}

impl Redraw {
    /// True when one is to be drawn.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// One is to be drawn; false if that was known.
    pub(crate) fn want(&mut self) -> bool {
        !core::mem::replace(&mut self.wanted, true)
    }

    /// One was drawn.
    pub(crate) fn done(&mut self) {
        *self = Self { heard_at: self.heard_at, ..Self::default() };
    }

    /// Another machine was heard that uses our run: one is to be drawn, at most once a minute. What
    /// is heard before that is over is not forgotten. True if it is to be drawn now.
    pub(crate) fn hear_copy(&mut self, now: Timestamp) -> bool {
        self.is_due = true;
        self.look(now)
    }

    /// Looks whether the minute is over. True if one is to be drawn now, and was not before.
    pub(crate) fn look(&mut self, now: Timestamp) -> bool {
        if !self.is_due || self.heard_at.is_some_and(|at| now < at + INTERVAL) {
            return false;
        }
        (self.heard_at, self.is_due) = (Some(now), false);
        self.want()
    }
}
