//! When a host says again that it is in its group, because a switch may have forgotten that.
//!
//! Switches send a group only to the ports where members are (IGMP and MLD snooping, RFC 4541), and
//! forget members that say nothing for some minutes. A querier has them speak in time; without one
//! every transfer ends then. So a host that hears nothing of a session that goes on joins again,
//! and if that helped, it reports its membership in time from then on. Without any silence it
//! reports it now and then, for what happens between two transfers.
//!
//! Nothing here touches a socket: the driver does what `MembershipWatch` says.

use std::time::Duration;

use norm_core::transfer::SourceView;
use norm_core::{Rng, Timestamp};

/// The shortest silence after which a host joins again; it is drawn from this to half as much
/// again.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The same for the longest.
const LAST_WAIT: Duration = Duration::from_secs(40);
/// Where others are heard in the group, the wait has doubled this often at least: this host is no
/// doubt a member, as far as the last switch.
const LEVEL_AMONG_OTHERS: u32 = 3;
/// Doublings after which the wait is the last.
const MAX_LEVEL: u32 = 5;
/// A host waits for twice the longest time that its sessions are usually silent, up to twice this.
const MAX_USUAL_GAP: Duration = Duration::from_secs(4);
/// After this time without joining again, a doubling of the wait is taken back, and half of what
/// counts as a usual silence.
const CALM: Duration = Duration::from_secs(30);
/// What is heard this soon after joining again is heard because of that.
const HELPS_WITHIN: Duration = Duration::from_millis(1250);
/// What comes to the group this long after the last message was not that message.
const LOOK_SLACK: Duration = Duration::from_millis(600);
/// A membership that lasted less than this says nothing.
const MIN_LASTED: Duration = Duration::from_secs(1);
/// Longest time between two reports: half of what switches usually remember (RFC 3376 §8.4, RFC
/// 3810 §9.4: 260 s).
const REPORT_INTERVAL: Duration = Duration::from_secs(125);
/// Shortest time between two reports.
const MIN_REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// A report comes this share of its interval early, or less: not all hosts report at once.
const REPORT_SPREAD: f64 = 0.2;
/// What has begun long before it is seen is acted on within this time, not at once by all hosts.
const LATE_SPREAD: Duration = Duration::from_secs(1);

/// What a session expects to hear in its group at present.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// Nothing: no session goes on, or it pauses or has ended.
    Nothing,
    /// Messages of a session that goes on; the last one came then.
    Messages {
        /// When it came.
        last: Timestamp,
    },
    /// Feedback of receivers, all of which may come to this host alone.
    Feedback,
}

impl Expected {
    /// What is expected of these senders: something while one of them neither pauses nor has ended.
    /// What is heard of the others shows as well that this host is in the group.
    pub(crate) fn of_senders(senders: impl Iterator<Item = SourceView>) -> Self {
        let (mut goes_on, mut last) = (false, None);
        for sender in senders {
            goes_on |= !sender.is_paused && !sender.has_ended;
            last = last.max(Some(sender.last_heard));
        }
        last.filter(|_| goes_on).map_or(Self::Nothing, |last| Self::Messages { last })
    }
}

/// What is to be done about the membership.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Leave the group and join again.
    Rejoin,
    /// Report the membership again, without leaving.
    Report,
}

/// The network had forgotten that this host is in the group; joining again has helped.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// How long nothing was heard.
    pub silence: Duration,
    /// How long the membership had lasted.
    pub lasted: Duration,
}

/// Nothing has been heard since then.
#[derive(Copy, Clone, Debug)]
struct Silence {
    since: Timestamp,
    /// When to join again.
    due: Timestamp,
    rejoined_at: Option<Timestamp>,
    /// How long the membership had lasted.
    lasted: Duration,
    /// It had been reported again meanwhile.
    was_reported: bool,
}

/// Decides when a host joins again, and when it reports that it is a member.
#[derive(Debug)]
pub(crate) struct MembershipWatch {
    rng: Rng,
    arrived: u64,
    arrived_at: Timestamp,
    joined_at: Timestamp,
    /// The membership was reported since then.
    is_reported: bool,
    next_report: Timestamp,
    report_interval: Duration,
    /// A report without leaving cannot be had, or has not helped.
    by_leaving: bool,
    silence: Option<Silence>,
    /// The longest silence of late that was none of the network's.
    usual_gap: Duration,
    /// How often the wait has doubled.
    level: u32,
    /// When one of these two last changed.
    changed_at: Timestamp,
    recovered: Option<Recovered>,
}

impl MembershipWatch {
    /// Of a host that has just joined.
    pub(crate) fn new(now: Timestamp, seed: u64) -> Self {
        let mut watch = Self {
            rng: Rng::new(seed),
            arrived: 0,
            arrived_at: now,
            joined_at: now,
            is_reported: false,
            next_report: now,
            report_interval: REPORT_INTERVAL,
            by_leaving: false,
            silence: None,
            usual_gap: Duration::ZERO,
            level: 0,
            changed_at: now,
            recovered: None,
        };
        watch.plan_report(now);
        watch
    }

    /// What is to be done now. To be called a few times a second; `arrived` is how many datagrams
    /// have come to the group so far, without our own.
    pub(crate) fn look(
        &mut self,
        now: Timestamp,
        expected: Expected,
        arrived: u64,
    ) -> Option<Action> {
        if arrived != self.arrived {
            self.arrived = arrived;
            self.arrived_at = now;
        }
        let last = match expected {
            Expected::Nothing => None,
            Expected::Messages { last } => Some(last),
            // Where all feedback comes to this host alone, the group is silent.
            Expected::Feedback => (arrived > 0).then_some(self.arrived_at),
        };
        let Some(last) = last else {
            self.silence = None;
            return self.report(now, true);
        };
        if self.silence.is_some_and(|silence| last > silence.since) {
            self.heard(last);
        }
        let silence = self.silence_since(now, last);
        if now >= silence.due {
            return self.rejoin(now, silence);
        }
        let is_silent = now >= silence.since + FIRST_WAIT / 2;
        if is_silent { None } else { self.report(now, false) }
    }

    /// That joining again has helped, if it has since the last call.
    pub(crate) fn take_recovered(&mut self) -> Option<Recovered> {
        self.recovered.take()
    }

    /// The group was joined by other sockets, or elsewhere.
    pub(crate) fn joined_anew(&mut self, now: Timestamp) {
        self.silence = None;
        self.joined(now);
    }

    /// The system cannot report a membership without leaving.
    pub(crate) fn cannot_report(&mut self, now: Timestamp) {
        self.by_leaving = true;
        self.next_report = now;
    }

    /// The silence that has begun with the last message.
    fn silence_since(&mut self, now: Timestamp, last: Timestamp) -> Silence {
        if let Some(silence) = self.silence {
            return silence;
        }
        let mut due = last + self.wait();
        if due <= now {
            due = now + LATE_SPREAD.mul_f64(self.rng.unit());
        }
        let silence = Silence {
            since: last,
            due,
            rejoined_at: None,
            // If joining again helps, reports since then were not heeded.
            lasted: last.saturating_since(self.joined_at),
            was_reported: self.is_reported,
        };
        self.silence = Some(silence);
        if now >= self.changed_at + CALM {
            self.level = self.level.saturating_sub(1);
            self.usual_gap /= 2;
            self.changed_at = now;
        }
        silence
    }

    /// How long to wait before joining again.
    fn wait(&mut self) -> Duration {
        let first = FIRST_WAIT.max(self.usual_gap * 2);
        let base = (first * (1 << self.level)).min(LAST_WAIT);
        base + (base / 2).mul_f64(self.rng.unit())
    }

    fn rejoin(&mut self, now: Timestamp, silence: Silence) -> Option<Action> {
        let among_others = self.arrived_at >= silence.since + LOOK_SLACK;
        if among_others && self.level < LEVEL_AMONG_OTHERS {
            self.level = LEVEL_AMONG_OTHERS;
            self.changed_at = now;
            let due = now + self.wait();
            self.silence = Some(Silence { due, ..silence });
            return None;
        }
        self.level = (self.level + 1).min(MAX_LEVEL);
        self.changed_at = now;
        let due = now + self.wait();
        self.silence = Some(Silence { due, rejoined_at: Some(now), ..silence });
        self.joined(now);
        Some(Action::Rejoin)
    }

    /// Something is heard again.
    fn heard(&mut self, last: Timestamp) {
        let Some(silence) = self.silence.take() else { return };
        let helped = |at: Timestamp| last >= at && last <= at + HELPS_WITHIN;
        let Some(rejoined_at) = silence.rejoined_at.filter(|&at| helped(at)) else {
            let gap = last.saturating_since(silence.since).min(MAX_USUAL_GAP);
            if gap > self.usual_gap {
                self.usual_gap = gap;
                self.changed_at = last;
            }
            return;
        };
        if silence.lasted < MIN_LASTED {
            return;
        }
        // Reports that have not kept the switch from forgetting never will.
        self.by_leaving |= silence.was_reported;
        let half = (silence.lasted / 2).max(MIN_REPORT_INTERVAL);
        self.report_interval = self.report_interval.min(half);
        self.plan_report(rejoined_at);
        self.level = 0;
        self.recovered = Some(Recovered {
            silence: last.saturating_since(silence.since),
            lasted: silence.lasted,
        });
    }

    /// A report, if one is due. By leaving, only while nothing is lost by that, or where it is
    /// known to be needed.
    fn report(&mut self, now: Timestamp, is_idle: bool) -> Option<Action> {
        if now < self.next_report {
            return None;
        }
        self.plan_report(now);
        if !self.by_leaving {
            self.is_reported = true;
            return Some(Action::Report);
        }
        let is_needed = is_idle || self.report_interval < REPORT_INTERVAL;
        is_needed.then(|| {
            self.joined(now);
            Action::Rejoin
        })
    }

    fn joined(&mut self, now: Timestamp) {
        self.joined_at = now;
        self.is_reported = false;
        self.plan_report(now);
    }

    fn plan_report(&mut self, now: Timestamp) {
        let early = REPORT_SPREAD * self.rng.unit();
        self.next_report = now + self.report_interval.mul_f64(1.0 - early);
    }
}

#[cfg(test)]
mod tests;
