//! The phases of a session.
//!
//! Gathering (queries until enough receivers are there) → sending (until all known receivers have
//! confirmed, failed or fallen silent) → lingering (for late joiners) → closing (EOT) → done.

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::sender::config::{SenderConfig, StartLimits};

/// Where a session is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Gathering(Gathering),
    Sending,
    Lingering { until: Timestamp },
    Closing(Eot),
    Done,
}

/// When receivers are no longer waited for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Gathering {
    /// The session ends then.
    deadline: Option<Timestamp>,
    /// From then on one receiver is enough.
    relaxed: Option<Timestamp>,
}

impl Gathering {
    fn new(limits: StartLimits, now: Timestamp) -> Self {
        let at = |time: Option<Duration>| time.map(|time| now + time);
        Self { deadline: at(limits.timeout), relaxed: at(limits.max_wait) }
    }

    /// Time in which no receiver could come does not count.
    fn postpone(&mut self, time: Duration) {
        for at in [&mut self.deadline, &mut self.relaxed].into_iter().flatten() {
            *at += time;
        }
    }

    /// How many receivers are enough, where these were asked for.
    pub(super) fn enough(&self, now: Timestamp, min_receivers: usize) -> usize {
        if self.relaxed.is_some_and(|at| now >= at) { 1 } else { min_receivers }
    }

    /// True when it is too late.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|at| now >= at)
    }
}

/// EOT, being repeated.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Eot {
    sent: u32,
    limit: u32,
    next: Timestamp,
}

/// How often EOT is sent: it may be lost, and is not acknowledged.
const EOT_REPEATS: u32 = 3;
/// How often EOT is sent where packets are lost: a receiver that misses all of them stays for
/// seconds.
const EOT_REPEATS_LOSSY: u32 = 8;
/// Bounds of the time between two EOT commands, which otherwise is a round trip.
const MIN_EOT_INTERVAL: Duration = Duration::from_millis(5);
const MAX_EOT_INTERVAL: Duration = Duration::from_millis(100);
/// A session goes on for this long, and four round trips, after all its receivers have failed.
const ABANDON_AFTER: Duration = Duration::from_secs(1);

impl Eot {
    fn is_over(&self, now: Timestamp) -> bool {
        self.sent >= self.limit && now >= self.next
    }

    /// True when an EOT is to be sent now; counts it.
    fn take(&mut self, now: Timestamp, grtt: Duration, is_lossy: impl FnOnce() -> bool) -> bool {
        if self.sent == 0 {
            self.limit = if is_lossy() { EOT_REPEATS_LOSSY } else { EOT_REPEATS };
        }
        if now < self.next || self.sent >= self.limit {
            return false;
        }
        self.sent += 1;
        self.next = now + grtt.clamp(MIN_EOT_INTERVAL, MAX_EOT_INTERVAL);
        true
    }
}

/// The phase, and what decides when it ends.
#[derive(Debug)]
pub(super) struct PhaseMachine {
    phase: Phase,
    began: Timestamp,
    /// No more objects will come.
    finishing: bool,
    /// More receivers may come, whatever was served.
    stays_open: bool,
    /// When everything was sent once.
    all_sent: Option<Timestamp>,
    /// When the last receiver that was counted failed.
    abandoned: Option<Timestamp>,
    linger: Duration,
}

/// What a session does when all its receivers have failed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Abandoned {
    No,
    /// It closes. Not everything was sent once.
    Early,
    /// It closes. Everything was sent once.
    Late,
}

impl PhaseMachine {
    pub(super) fn new(config: &SenderConfig, now: Timestamp) -> Self {
        let phase = if config.min_receivers == 0 && !config.looks_for_sizes() {
            Phase::Sending
        } else {
            Phase::Gathering(Gathering::new(config.start, now))
        };
        Self {
            phase,
            began: now,
            finishing: false,
            stays_open: false,
            all_sent: None,
            abandoned: None,
            linger: config.linger,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn began(&self) -> Timestamp {
        self.began
    }

    pub(super) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    pub(super) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing(_) | Phase::Done)
    }

    /// Receivers are being waited for.
    pub(super) fn is_gathering(&self) -> bool {
        matches!(self.phase, Phase::Gathering(_))
    }

    /// Receivers are there, and the session is not over.
    pub(super) fn has_begun(&self) -> bool {
        matches!(self.phase, Phase::Sending | Phase::Lingering { .. })
    }

    /// Content flows for the first time.
    pub(super) fn sends_new(&self) -> bool {
        self.phase == Phase::Sending && self.all_sent.is_none()
    }

    /// No more objects will come.
    pub(super) fn is_finishing(&self) -> bool {
        self.finishing
    }

    /// When everything was sent once.
    pub(super) fn all_sent(&self) -> Option<Timestamp> {
        self.all_sent
    }

    pub(super) fn finish(&mut self) {
        self.finishing = true;
    }

    pub(super) fn keep_open(&mut self, open: bool) {
        self.stays_open = open;
    }

    pub(super) fn close(&mut self, now: Timestamp) {
        if !self.is_closing() {
            self.phase = Phase::Closing(Eot { sent: 0, limit: EOT_REPEATS, next: now });
        }
    }

    /// All receivers have come that were waited for.
    pub(super) fn begin(&mut self) {
        self.phase = Phase::Sending;
    }

    /// Time in which no receiver could come does not count.
    pub(super) fn postpone(&mut self, time: Duration) {
        if let Phase::Gathering(gathering) = &mut self.phase {
            gathering.postpone(time);
        }
    }

    /// Everything was sent once; false if that was so before.
    pub(super) fn note_all_sent(&mut self, now: Timestamp) -> bool {
        let first = self.all_sent.is_none();
        self.all_sent.get_or_insert(now);
        first
    }

    /// There are new objects.
    pub(super) fn reopen(&mut self) {
        self.all_sent = None;
        if matches!(self.phase, Phase::Lingering { .. }) {
            self.phase = Phase::Sending;
        }
    }

    /// All receivers have finished.
    pub(super) fn linger(&mut self, now: Timestamp) {
        self.phase = Phase::Lingering { until: now + self.linger };
    }

    /// Receivers have not finished after all.
    pub(super) fn resume_sending(&mut self) {
        self.phase = Phase::Sending;
    }

    /// The time for late joiners is over: the session closes, unless it is kept open.
    pub(super) fn end_linger(&mut self, now: Timestamp, until: Timestamp) {
        if now >= until && !self.stays_open {
            self.close(now);
        }
    }

    /// True when an EOT is to be sent now; counts it. More are sent where receivers lose packets.
    pub(super) fn take_eot(
        &mut self,
        now: Timestamp,
        grtt: Duration,
        is_lossy: impl FnOnce() -> bool,
    ) -> bool {
        match &mut self.phase {
            Phase::Closing(eot) => eot.take(now, grtt, is_lossy),
            _ => false,
        }
    }

    /// When the next EOT is due.
    pub(super) fn next_eot(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Closing(eot) => Some(eot.next),
            _ => None,
        }
    }

    /// Ends the session when all EOT commands were sent; true if it did.
    pub(super) fn end_closing(&mut self, now: Timestamp) -> bool {
        let over = matches!(self.phase, Phase::Closing(eot) if eot.is_over(now));
        if over {
            self.phase = Phase::Done;
        }
        over
    }

    /// Closes a session all of whose receivers have `failed`: nothing that is sent would reach one.
    /// A receiver that starts again at once finds it open; and a session that lingers, or is kept
    /// open, expects more receivers.
    pub(super) fn close_if_abandoned(
        &mut self,
        now: Timestamp,
        failed: bool,
        grtt: Duration,
    ) -> Abandoned {
        let expects = !self.linger.is_zero() || self.stays_open;
        if !failed || !self.finishing || expects {
            self.abandoned = None;
            return Abandoned::No;
        }
        let patience = ABANDON_AFTER.max(grtt * 4);
        if self.is_closing() || now < *self.abandoned.get_or_insert(now) + patience {
            return Abandoned::No;
        }
        self.close(now);
        if self.all_sent.is_none() { Abandoned::Early } else { Abandoned::Late }
    }
}
