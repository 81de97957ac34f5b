//! Times in which nothing is sent, because the application wants it so.
//!
//! A sender that pauses still says so: a probe of some dozen bytes now and then, without which
//! receivers would take it for gone. No receiver is given up meanwhile, and no time runs out.

use core::time::Duration;

use crate::base::Timestamp;

/// Whether the sender pauses, and when it did last.
#[derive(Debug)]
pub(super) struct Pause {
    since: Option<Timestamp>,
    /// When the last pause ended, or another time in which no receiver could be heard.
    ended: Timestamp,
    /// The pause does not end: another sender may go on.
    stopped: bool,
}

impl Pause {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { since: None, ended: now, stopped: false }
    }

    pub(super) fn is_on(&self) -> bool {
        self.since.is_some()
    }

    /// When the last pause ended, or another time in which no receiver could be heard, or the
    /// session began.
    pub(super) fn ended(&self) -> Timestamp {
        self.ended
    }

    /// Begins a pause; false if there is one.
    pub(super) fn begin(&mut self, now: Timestamp) -> bool {
        let begins = self.since.is_none();
        self.since.get_or_insert(now);
        begins
    }

    /// Until now nothing could be sent or heard, as in a pause.
    pub(super) fn note_cut_off(&mut self, now: Timestamp) {
        self.ended = now;
    }

    /// Begins a pause that does not end, or makes it one.
    pub(super) fn stop(&mut self, now: Timestamp) {
        self.begin(now);
        self.stopped = true;
    }

    /// The pause does not end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Ends a pause, if there is one that ends; returns how long it was.
    pub(super) fn end(&mut self, now: Timestamp) -> Option<Duration> {
        let since = self.since.take_if(|_| !self.stopped)?;
        self.ended = now;
        Some(now.saturating_since(since))
    }
}
