//! Whether a sender is heard.

use core::time::Duration;

use super::timing::Timing;
use crate::base::Timestamp;

/// The shortest silence after which a receiver looks for itself whether something is missing.
const MIN_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Whether a sender that is heard sends content.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// It does, when there is something to send.
    None,
    /// Not until further notice.
    Paused,
    /// Not any more: another sender may.
    Stopped,
}

/// When a sender was heard last, and what it said of its further sending.
#[derive(Debug)]
pub(crate) struct Liveness {
    last_heard: Timestamp,
    next_check: Timestamp,
    /// The application knows that the sender is silent, or has ended.
    silent: bool,
    /// What the sender has said of its content.
    halt: Halt,
    /// The last that was heard is that the sender ends the session (CMD(EOT)).
    ended: bool,
}

impl Liveness {
    pub(super) fn new(now: Timestamp, timing: Timing) -> Self {
        let next_check = now + check_interval(timing);
        Self { last_heard: now, next_check, silent: false, halt: Halt::None, ended: false }
    }

    pub(super) fn note_heard(&mut self, now: Timestamp) {
        self.last_heard = now;
        self.silent = false;
        self.ended = false;
    }

    /// When the sender was heard last.
    pub(crate) fn last_heard(&self) -> Timestamp {
        self.last_heard
    }

    /// When to see whether the sender is silent.
    pub(crate) fn next_check(&self) -> Timestamp {
        self.next_check
    }

    /// Sets the next check. True when nothing was heard since the last one.
    pub(crate) fn check(&mut self, now: Timestamp, timing: Timing) -> bool {
        let interval = check_interval(timing);
        self.next_check = now + interval;
        now >= self.last_heard + interval
    }

    /// Notes that the sender counts as silent once nothing was heard for `limit`. True when that is
    /// news.
    pub(crate) fn falls_silent(&mut self, now: Timestamp, limit: Duration) -> bool {
        let news = now >= self.last_heard + limit && !self.silent;
        if news {
            self.silent = true;
            // A pause is kept up by probes; that another sender is to come stays true.
            if self.halt == Halt::Paused {
                self.halt = Halt::None;
            }
        }
        news
    }

    /// True when the sender counts as silent.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent
    }

    /// True when the sender has said that it sends nothing until further notice.
    pub(crate) fn is_paused(&self) -> bool {
        self.halt == Halt::Paused
    }

    /// True when the sender has said that another one is to go on.
    pub(crate) fn is_stopped(&self) -> bool {
        self.halt == Halt::Stopped
    }

    /// True when the sender has said that it sends no content.
    pub(crate) fn is_halted(&self) -> bool {
        self.halt != Halt::None
    }

    /// Notes whether the sender sends content. True when that is news.
    pub(crate) fn set_halt(&mut self, halt: Halt) -> bool {
        core::mem::replace(&mut self.halt, halt) != halt
    }

    /// True when the last that was heard is that the sender ends the session.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Notes that the sender ends the session.
    pub(crate) fn note_ended(&mut self) {
        self.ended = true;
    }

    /// True when the sender would take no request: it sends no content, or has ended the session.
    pub(crate) fn is_deaf(&self) -> bool {
        self.halt != Halt::None || self.ended
    }
}

fn check_interval(timing: Timing) -> Duration {
    (timing.grtt * 4).max(MIN_CHECK_INTERVAL)
}
