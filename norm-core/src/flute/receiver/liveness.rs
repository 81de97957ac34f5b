//! Whether a sender is heard, silent, or has ended its session.

use core::time::Duration;

use super::timeout::TimeoutReason;
use crate::base::Timestamp;

/// How long after a packet that ends a session packets from before it may come.
const REORDERING: Duration = Duration::from_millis(250);
/// When the application hears of the end of a session, after the packet that says so.
const END_DELAY: Duration = Duration::from_secs(1);

/// What is to be told of a sender.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It is silent.
    Silent,
    /// It has ended its session.
    Ended,
}

/// When a sender was heard.
#[derive(Debug)]
pub(super) struct Liveness {
    last_heard: Timestamp,
    /// When the first packet came that ends the session.
    ended: Option<Timestamp>,
    /// The application knows that it is silent.
    is_silent: bool,
    /// The application knows that it has ended.
    end_is_told: bool,
}

impl Liveness {
    pub(super) const fn new(now: Timestamp) -> Self {
        Self { last_heard: now, ended: None, is_silent: false, end_is_told: false }
    }

    /// A packet has come.
    pub(super) fn hear(&mut self, now: Timestamp) {
        self.last_heard = now;
        self.is_silent = false;
    }

    /// A packet has come that ends the session.
    pub(super) fn end(&mut self, now: Timestamp) {
        self.ended.get_or_insert(now);
    }

    /// When a packet came last.
    pub(super) const fn last_heard(&self) -> Timestamp {
        self.last_heard
    }

    /// True when the session has ended.
    pub(super) const fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// True when the session ended so short a time ago that its packets may still come.
    pub(super) fn has_just_ended(&self, now: Timestamp) -> bool {
        self.ended.is_some_and(|ended| now < ended + REORDERING)
    }

    /// True when the application knows that the sender is silent, or has ended.
    pub(super) const fn is_over(&self) -> bool {
        self.is_silent || self.ended.is_some()
    }

    /// What is to be told now. The end is told when no job `is_busy` with what came.
    pub(super) fn check(
        &mut self,
        now: Timestamp,
        patience: Duration,
        is_busy: bool,
    ) -> Option<Told> {
        let (at, reason) = self.next_timeout(patience, is_busy)?;
        if now < at {
            return None;
        }
        Some(match reason {
            TimeoutReason::SessionEnd => {
                self.end_is_told = true;
                Told::Ended
            }
            TimeoutReason::SilenceCheck => {
                self.is_silent = true;
                Told::Silent
            }
        })
    }

    /// When to look again.
    pub(super) fn next_timeout(
        &self,
        patience: Duration,
        is_busy: bool,
    ) -> Option<(Timestamp, TimeoutReason)> {
        match self.ended {
            Some(_) if self.end_is_told || is_busy => None,
            Some(ended) => Some((ended + END_DELAY.min(patience), TimeoutReason::SessionEnd)),
            None if self.is_silent => None,
            None => Some((self.last_heard + patience, TimeoutReason::SilenceCheck)),
        }
    }
}
