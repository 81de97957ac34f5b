//! When a session is over.

use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::SenderId;

use super::failure::Failure;
use super::outcome::{Outcomes, Subject};
use crate::event::{Problem, ReceiveOutcome};

/// How long a complete receiver stays for its confirmation to be heard.
pub(super) const MAX_STAY: Duration = Duration::from_secs(10);
/// How long a receiver stays to say why it leaves.
const FAREWELL: Duration = Duration::from_millis(160);
/// How often it says so meanwhile.
const FAREWELL_INTERVAL: Duration = Duration::from_millis(50);

/// What may keep a session from ending.
#[derive(Copy, Clone, Debug)]
pub(super) struct Standing {
    /// Something is being received, or is waited for.
    pub(super) is_busy: bool,
    /// A sender does not know yet what is complete here.
    pub(super) owes_release: bool,
    /// Messages of senders so far. Not packets: other receivers, and attackers, may go on talking.
    pub(super) heard: u64,
}

/// Bad news to be repeated, because a report may be lost and none is acknowledged.
#[derive(Debug)]
struct Farewells {
    senders: Vec<SenderId>,
    next: Timestamp,
}

/// What has been settled, and when the session is to end.
#[derive(Debug)]
pub(super) struct Ending {
    started: Timestamp,
    outcomes: Outcomes,
    farewells: Farewells,
    /// End then.
    at: Option<Timestamp>,
    is_stopped: bool,
    /// Something was being received when the user stopped.
    is_interrupted: bool,
    /// Messages of senders when they last grew.
    heard: u64,
    /// When that was, or when something was settled.
    heard_at: Timestamp,
}

impl Ending {
    /// Of a session that starts now.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            started: now,
            outcomes: Outcomes::default(),
            farewells: Farewells { senders: Vec::new(), next: now },
            at: None,
            is_stopped: false,
            is_interrupted: false,
            heard: 0,
            heard_at: now,
        }
    }

    /// When the session started.
    pub(super) fn started(&self) -> Timestamp {
        self.started
    }

    /// A transfer is complete, whatever became of it before; not whole without files that its
    /// sender has withdrawn.
    pub(super) fn completed(&mut self, now: Timestamp, subject: Subject, is_whole: bool) {
        self.heard_at = now;
        self.outcomes.completed(now, subject, is_whole);
    }

    /// A transfer has failed; `known` when it was known what was to come. Its sender, if it has
    /// one, hears so several times.
    pub(super) fn failed(
        &mut self,
        now: Timestamp,
        sender: Option<SenderId>,
        subject: Subject,
        known: bool,
        failure: Failure,
    ) {
        self.heard_at = now;
        self.farewells.senders.extend(sender);
        self.farewells.next = now + FAREWELL_INTERVAL;
        self.outcomes.failed(subject, known, failure);
    }

    /// A transfer is refused; others may come.
    pub(super) fn refused(&mut self, problem: Problem) {
        self.outcomes.refused(problem);
    }

    /// A sender is to hear once more what it was told just now.
    pub(super) fn tell_again(&mut self, now: Timestamp, sender: SenderId) {
        self.farewells.senders.push(sender);
        self.farewells.next = now + FAREWELL_INTERVAL;
    }

    /// When a transfer was complete first.
    pub(super) fn completed_at(&self) -> Option<Timestamp> {
        self.outcomes.completed_at()
    }

    /// True when this is complete.
    pub(super) fn is_complete(&self, subject: Subject) -> bool {
        self.outcomes.is_complete(subject)
    }

    /// True when this has failed.
    pub(super) fn has_failed(&self, subject: Subject) -> bool {
        self.outcomes.has_failed(subject)
    }

    /// True when something is complete or has failed.
    pub(super) fn any_settled(&self) -> bool {
        self.outcomes.any_settled()
    }

    /// The user has stopped the session, perhaps amid something: these senders hear so, then it
    /// ends.
    pub(super) fn stop(&mut self, now: Timestamp, is_interrupted: bool, senders: Vec<SenderId>) {
        self.is_stopped = true;
        self.is_interrupted = is_interrupted;
        self.farewells.senders.extend(senders);
        self.farewells.next = now;
        self.at = Some(now + FAREWELL);
    }

    /// True when the user has stopped the session.
    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// True when the user has stopped the session, and nothing was being received.
    pub(super) fn was_idle(&self) -> bool {
        self.is_stopped && !self.is_interrupted
    }

    /// Decides when a session that receives one transfer ends, if it does.
    pub(super) fn plan(&mut self, now: Timestamp, standing: Standing, timeout: Option<Duration>) {
        if standing.heard != self.heard {
            self.heard = standing.heard;
            self.heard_at = now;
        }
        if standing.is_busy {
            self.at = None;
        } else if self.outcomes.any_settled() {
            let stay = match (standing.owes_release, self.outcomes.any_failed()) {
                (true, _) => MAX_STAY,
                (false, true) => FAREWELL,
                (false, false) if self.farewells.senders.is_empty() => Duration::ZERO,
                (false, false) => FAREWELL,
            };
            let end = now + stay;
            self.at = Some(self.at.map_or(end, |at| at.min(end)));
        } else if let Some(limit) = timeout
            && now.saturating_since(self.heard_at) >= limit
        {
            self.at = Some(now);
        }
    }

    /// The senders that are to hear once more, now, why we leave or failed.
    pub(super) fn farewells_due(&mut self, now: Timestamp) -> Vec<SenderId> {
        if self.farewells.senders.is_empty() || now < self.farewells.next {
            return Vec::new();
        }
        self.farewells.next = now + FAREWELL_INTERVAL;
        if self.at.is_some() {
            self.farewells.senders.clone()
        } else {
            // The session goes on: twice is enough.
            std::mem::take(&mut self.farewells.senders)
        }
    }

    /// True when it is time to end.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.at.is_some_and(|at| now >= at)
    }

    /// How the session ended; `heard` when there was a sender.
    pub(super) fn outcome(self, heard: bool) -> ReceiveOutcome {
        if self.is_stopped && (self.is_interrupted || !self.any_settled()) {
            return ReceiveOutcome::Stopped;
        }
        self.outcomes.outcome(heard)
    }
}

#[cfg(test)]
mod tests {
    use norm_core::transfer::NodeId;

    use super::*;

    const IDLE: Standing = Standing { is_busy: false, owes_release: false, heard: 0 };
    const SUBJECT: Subject = Subject::Standalone(NodeId(1));

    fn at(millis: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(millis)
    }

    fn fail(ending: &mut Ending, now: Timestamp) {
        let failure = Failure::incomplete(Problem::SenderEnded);
        ending.failed(now, Some(SenderId(3)), SUBJECT, true, failure);
    }

    #[test]
    fn complete_session_stays_until_its_sender_knows() {
        let mut ending = Ending::new(at(0));
        ending.plan(at(0), IDLE, None);
        assert!(!ending.is_over(at(1_000_000)), "nothing is settled");
        ending.completed(at(100), SUBJECT, true);
        let owing = Standing { owes_release: true, ..IDLE };
        ending.plan(at(100), owing, None);
        assert!(!ending.is_over(at(10_099)) && ending.is_over(at(10_100)));
        ending.plan(at(200), IDLE, None);
        assert!(ending.is_over(at(200)));
        ending.plan(at(300), Standing { is_busy: true, ..IDLE }, None);
        assert!(!ending.is_over(at(1_000_000)), "something else has begun");
    }

    #[test]
    fn failure_is_repeated_until_the_session_ends() {
        let mut ending = Ending::new(at(0));
        fail(&mut ending, at(100));
        assert!(ending.farewells_due(at(149)).is_empty());
        ending.plan(at(150), IDLE, None);
        for now in [150, 200, 250] {
            assert_eq!(ending.farewells_due(at(now)), [SenderId(3)]);
        }
        assert!(!ending.is_over(at(309)) && ending.is_over(at(310)));
    }

    #[test]
    fn failure_amid_other_transfers_is_repeated_once() {
        let mut ending = Ending::new(at(0));
        fail(&mut ending, at(100));
        assert_eq!(ending.farewells_due(at(150)), [SenderId(3)]);
        assert!(ending.farewells_due(at(1_000)).is_empty());
    }

    #[test]
    fn timeout_counts_from_the_last_message_of_a_sender() {
        let mut ending = Ending::new(at(0));
        let limit = Some(Duration::from_millis(100));
        ending.plan(at(90), Standing { heard: 1, ..IDLE }, limit);
        ending.plan(at(189), Standing { heard: 1, ..IDLE }, limit);
        assert!(!ending.is_over(at(189)));
        ending.plan(at(190), Standing { heard: 1, ..IDLE }, limit);
        assert!(ending.is_over(at(190)));
    }

    #[test]
    fn stopped_session_is_complete_unless_it_was_interrupted() {
        for (is_interrupted, expected) in
            [(true, ReceiveOutcome::Stopped), (false, ReceiveOutcome::Complete)]
        {
            let mut ending = Ending::new(at(0));
            ending.completed(at(0), SUBJECT, true);
            ending.stop(at(0), is_interrupted, vec![SenderId(0)]);
            assert_eq!(ending.farewells_due(at(0)), [SenderId(0)]);
            assert!(!ending.is_over(at(159)) && ending.is_over(at(160)));
            assert_eq!(ending.outcome(true), expected);
        }
    }
}
