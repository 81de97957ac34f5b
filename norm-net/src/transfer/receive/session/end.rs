//! When a session gives up, when it is over, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::SenderId;
use norm_core::norm::receiver::ReceiverStats;
use norm_core::norm::wire::MemberState;

use super::resume::tell_kept;
use super::{Engine, MAX_REPORTS, Session};
use crate::event::{Hint, Problem, ReceiveEvent, ReceiveOutcome, ReceiveReport};

/// Silence after which the user is told what may be wrong.
pub(super) const HINT_AFTER: Duration = Duration::from_secs(5);
/// How long a complete receiver stays for its confirmation to be heard.
const STAY: Duration = Duration::from_secs(10);
/// How long a receiver stays to say why it goes, and how often it says so meanwhile.
const FAREWELL: Duration = Duration::from_millis(160);
const SAY_EVERY: Duration = Duration::from_millis(50);

/// Why a set failed; the later ones weigh more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transfer::receive) enum Failure {
    /// Its sender is gone. Does not matter to a session that has received a set.
    Gone(Problem),
    /// Not everything came.
    Incomplete(Problem),
    /// Its sender waits for us no longer.
    Ejected(Problem),
    /// What came is wrong.
    Verify(Problem),
    /// It is our own fault.
    Local(Problem),
}

impl Failure {
    pub(super) fn problem(&self) -> &Problem {
        match self {
            Self::Gone(problem)
            | Self::Incomplete(problem)
            | Self::Ejected(problem)
            | Self::Verify(problem)
            | Self::Local(problem) => problem,
        }
    }

    pub(super) const fn weight(&self) -> u8 {
        match self {
            Self::Gone(_) => 0,
            Self::Incomplete(_) => 1,
            Self::Ejected(_) => 2,
            Self::Verify(_) => 3,
            Self::Local(_) => 4,
        }
    }
}

/// What has been settled, and when the session is to end.
#[derive(Debug)]
pub(super) struct End {
    started: Timestamp,
    completed: u64,
    /// When that happened first.
    completed_at: Option<Timestamp>,
    /// What that was.
    complete: BTreeSet<String>,
    /// What has failed and did not come otherwise, by what it was, and whether its list of files was here.
    failures: BTreeMap<String, (Failure, bool)>,
    /// Senders that must hear why we go, whatever else happens.
    farewells: Vec<SenderId>,
    next_farewell: Timestamp,
    /// End then.
    at: Option<Timestamp>,
    stopped: bool,
    /// Something was on its way when the user stopped.
    interrupted: bool,
    hinted: bool,
    /// It was told that nothing leaves.
    pub(super) refused: bool,
    /// The hint about a silent sender was given.
    pub(super) hinted_silence: bool,
    /// Messages of senders when they last grew, and when that was.
    heard: (u64, Timestamp),
}

impl End {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            started: now,
            completed: 0,
            completed_at: None,
            complete: BTreeSet::new(),
            failures: BTreeMap::new(),
            farewells: Vec::new(),
            next_farewell: now,
            at: None,
            stopped: false,
            interrupted: false,
            hinted: false,
            refused: false,
            hinted_silence: false,
            heard: (0, now),
        }
    }

    /// `what` is complete, whatever became of it before.
    pub(super) fn completed(&mut self, now: Timestamp, what: &str) {
        self.completed += 1;
        self.completed_at.get_or_insert(now);
        self.failures.remove(what);
        if self.complete.len() < MAX_REPORTS {
            self.complete.insert(what.to_owned());
        }
        self.heard.1 = now;
    }

    /// `what` has failed: a set by its content, or the files of a sender that knows no sets; `known` when it
    /// was known what was on its way.
    pub(super) fn failed(
        &mut self,
        now: Timestamp,
        remote: SenderId,
        (what, known): (String, bool),
        failure: Failure,
    ) {
        self.heard.1 = now;
        self.farewells.push(remote);
        self.next_farewell = now + SAY_EVERY;
        let better =
            self.failures.get(&what).is_some_and(|(old, _)| old.weight() >= failure.weight());
        if better || self.is_complete(&what) {
            return;
        }
        if self.failures.len() >= MAX_REPORTS {
            // One that matters takes the place of one that does not.
            let gone = self.failures.iter().find(|(_, (old, _))| old.weight() == 0);
            let Some(gone) = gone.map(|(what, _)| what.clone()) else { return };
            self.failures.remove(&gone);
        }
        self.failures.insert(what, (failure, known));
    }

    /// When a transfer was complete first.
    pub(super) fn completed_at(&self) -> Option<Timestamp> {
        self.completed_at
    }

    /// True when this is complete.
    pub(super) fn is_complete(&self, what: &str) -> bool {
        self.complete.contains(what)
    }

    /// True when this has failed.
    pub(super) fn has_failed(&self, what: &str) -> bool {
        self.failures.contains_key(what)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(super) fn settled(&self) -> bool {
        self.completed > 0 || !self.failures.is_empty()
    }

    fn outcome(self, senders: bool) -> ReceiveOutcome {
        if self.stopped && (self.interrupted || !self.settled()) {
            return ReceiveOutcome::Stopped;
        }
        // What else was on the group, and nobody knows what it was, is in the report.
        let complete = self.completed > 0;
        let failures = self.failures.into_values().filter(|(_, known)| *known || !complete);
        let worst = failures.map(|(failure, _)| failure).max_by_key(Failure::weight);
        match worst {
            None | Some(Failure::Gone(_)) if complete => ReceiveOutcome::Complete,
            Some(_) if complete => ReceiveOutcome::Partial,
            Some(Failure::Local(problem)) => ReceiveOutcome::LocalError { problem },
            Some(Failure::Verify(_)) => ReceiveOutcome::VerifyFailed,
            Some(Failure::Ejected(_)) => ReceiveOutcome::Evicted,
            Some(Failure::Incomplete(_) | Failure::Gone(_)) => ReceiveOutcome::Partial,
            None if senders => ReceiveOutcome::Nothing,
            None => ReceiveOutcome::NoSender,
        }
    }
}

impl Session {
    /// Looks at the clock: hints, timeouts, the end.
    pub(super) fn watch(&mut self, engine: &mut Engine, now: Timestamp) -> ControlFlow<()> {
        self.hint_at_silence(now);
        if self.stopper.is_stopped() {
            self.stop(engine, now);
        } else {
            self.note_movement(engine, now);
            self.give_up_stalled(engine, now);
            self.plan_end(engine, now);
        }
        self.say_farewell(engine, now);
        self.leave_lane(now);
        if self.moves() {
            return ControlFlow::Break(());
        }
        if self.end.at.is_some_and(|end| now >= end) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn hint_at_silence(&mut self, now: Timestamp) {
        let silent = self.senders.is_empty() && !self.end.hinted && !self.is_in_lane();
        if silent && now >= self.end.started + HINT_AFTER {
            self.end.hinted = true;
            self.events.hint(Hint::NoSender {
                group: self.policy.group,
                interface: self.policy.interface.clone(),
                after: HINT_AFTER,
            });
        }
    }

    /// The user wants to go: say so, and stop what workers do.
    fn stop(&mut self, engine: &mut Engine, now: Timestamp) {
        if std::mem::replace(&mut self.end.stopped, true) {
            return;
        }
        self.cancel.store(true, Ordering::Relaxed);
        self.end.interrupted = !self.sets.is_empty() || self.plain_waits(engine);
        let plain: Vec<SenderId> = self.plain.keys().copied().collect();
        for remote in plain {
            self.plain_done(engine, now, remote);
        }
        let remotes: Vec<SenderId> = self.senders.keys().copied().collect();
        for &remote in &remotes {
            self.tell(engine, remote, MemberState::Leaving, "stopped by its user");
        }
        self.end.farewells.extend(remotes);
        self.end.next_farewell = now;
        self.end.at = Some(now + FAREWELL);
    }

    fn plan_end(&mut self, engine: &mut Engine, now: Timestamp) {
        if self.policy.daemon {
            return;
        }
        self.drop_the_rest(engine, now);
        // Not packets: other receivers, and anybody else, may go on talking.
        let heard = engine.stats().heard;
        if heard != self.end.heard.0 {
            self.end.heard = (heard, now);
        }
        let waits = self.waits_in_lane(now);
        if waits || !self.sets.is_empty() || !self.plain.is_empty() {
            self.end.at = None;
        } else if self.end.settled() {
            let owed = self.senders.values().any(|sender| sender.owes_release);
            let failed = !self.end.failures.is_empty();
            let stay = match (owed, failed) {
                (true, _) => STAY,
                (false, true) => FAREWELL,
                (false, false) => Duration::ZERO,
            };
            let end = now + stay;
            self.end.at = Some(self.end.at.map_or(end, |at| at.min(end)));
        } else if let Some(limit) = self.policy.timeout
            && now.saturating_since(self.end.heard.1) >= limit
        {
            self.end.at = Some(now);
        }
    }

    /// Repeats bad news, because a report may be lost and nobody acknowledges it.
    fn say_farewell(&mut self, engine: &mut Engine, now: Timestamp) {
        if self.end.farewells.is_empty() || now < self.end.next_farewell {
            return;
        }
        self.end.next_farewell = now + SAY_EVERY;
        for &remote in &self.end.farewells {
            engine.report_now(remote, now);
        }
        if self.end.at.is_none() {
            // The session goes on: twice is enough.
            self.end.farewells.clear();
        }
    }

    /// A sender has said goodbye and is gone.
    pub(super) fn sender_ended(&mut self, engine: &mut Engine, now: Timestamp, remote: SenderId) {
        self.events.send(ReceiveEvent::SenderEnded { sender: remote });
        let kept = engine.store().kept(remote);
        if let Some(sender) = self.senders.get_mut(&remote) {
            sender.owes_release = false;
            sender.silent_at = Some(kept);
        }
        let lost: Vec<u64> = self
            .sets
            .iter()
            .filter(|(_, set)| set.remote == remote && !set.state.all_written())
            .map(|(&number, _)| number)
            .collect();
        for number in lost {
            self.fail(engine, now, number, Failure::Incomplete(Problem::SenderEnded));
        }
        self.plain_ended(engine, now, remote, &Failure::Incomplete(Problem::SenderEnded));
    }

    /// The summary; keeps what is not complete, or removes its temporary files.
    pub(in crate::transfer::receive) fn report(
        self,
        stats: &ReceiverStats,
        now: Timestamp,
    ) -> ReceiveReport {
        self.cancel.store(true, Ordering::Relaxed);
        let Self { store_workers, decode_workers, check_workers, sets, plain, events, .. } = self;
        // Workers hold the files of the sets they work for.
        drop((store_workers, decode_workers, check_workers));
        for (_, set) in sets {
            tell_kept(&events, &set.spool, set.remote, set.state.id(), set.state.payload_size());
        }
        drop(plain);
        ReceiveReport {
            elapsed: now.saturating_since(self.end.started),
            sets: self.reports.into(),
            failed: self.failed.into(),
            bytes: self.bytes_complete,
            wire_bytes: stats.bytes,
            packets: stats.packets,
            duplicates: stats.duplicates,
            decoded: stats.decoded,
            nacks: stats.nacks,
            suppressed: stats.suppressed,
            no_room: stats.no_room,
            malformed: stats.malformed,
            ce_marked: stats.ce_marked,
            ..ReceiveReport::new(self.end.outcome(!self.senders.is_empty()))
        }
    }
}
