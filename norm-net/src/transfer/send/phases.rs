//! When the parts of a transfer began, and how it ends.

use std::time::Duration;

use norm_core::Timestamp;

use super::options::Answers;
use super::receivers::Summary;
use crate::event::{SendOutcome, SendPhase};

/// Time for which a session that leaves its receivers says so, and can still be ended.
pub(super) const LEAVE_TIME: Duration = Duration::from_secs(5);
/// A session that cannot tell its receivers that it ends is given up after this time.
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);

/// The course of a session.
#[derive(Debug)]
pub(super) struct Phases {
    began: Timestamp,
    /// When data began to flow.
    data: Option<Timestamp>,
    /// When everything was sent once.
    all_sent: Option<Timestamp>,
    /// Since when receivers are told to stay for another sender.
    leaving: Option<Timestamp>,
    /// When the end was begun from here.
    ending: Option<Timestamp>,
    /// Which receivers can be expected to answer.
    answers: Answers,
    /// The outcome, where it does not follow from what the receivers did.
    outcome: Option<SendOutcome>,
}

impl Phases {
    pub(super) fn new(now: Timestamp, answers: Answers) -> Self {
        Self {
            began: now,
            data: None,
            all_sent: None,
            leaving: None,
            ending: None,
            answers,
            outcome: None,
        }
    }

    pub(super) fn start_data(&mut self, now: Timestamp) {
        self.data = Some(now);
    }

    /// When data began to flow.
    pub(super) fn data(&self) -> Option<Timestamp> {
        self.data
    }

    pub(super) fn all_sent(&mut self, now: Timestamp) {
        self.all_sent = Some(now);
    }

    /// Begins the end, with this outcome unless there is one already.
    pub(super) fn end(&mut self, now: Timestamp, outcome: SendOutcome) {
        self.outcome.get_or_insert(outcome);
        self.ending = Some(now);
    }

    /// Begins the end, because the session was stopped. That a session is stopped which only waits
    /// for late receivers, or repeats what it has sent, does not cut anything short.
    pub(super) fn stop(&mut self, now: Timestamp, summary: &Summary) {
        let is_settled = self.reached(summary) == SendOutcome::Sent
            || summary.outcome() == SendOutcome::Complete;
        let complete = self.all_sent.is_some() && is_settled;
        if !complete {
            self.outcome.get_or_insert(SendOutcome::Stopped { receivers_wait: false });
        }
        self.ending = Some(now);
    }

    /// Tells receivers from now on to stay for another sender.
    pub(super) fn leave(&mut self, now: Timestamp) {
        self.leaving = Some(now);
    }

    /// Receivers are told to stay for another sender.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.is_some() && !self.is_ending()
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// True when the end was begun, and receivers had the time to hear of it.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        match (self.ending, self.leaving) {
            (Some(since), _) => now >= since + FAREWELL_LIMIT,
            (None, Some(since)) => now >= since + LEAVE_TIME,
            (None, None) => false,
        }
    }

    /// What the transfer is doing while it is not paused.
    pub(super) fn phase(&self, summary: &Summary, is_in_passes: bool, lingers: bool) -> SendPhase {
        if self.data.is_none() {
            return SendPhase::Waiting;
        }
        if self.all_sent.is_none() {
            return SendPhase::Sending;
        }
        if self.answers == Answers::None || is_in_passes {
            return SendPhase::Repeating;
        }
        let settled = summary.receivers > 0 && summary.slowest.is_none();
        match (settled, lingers) {
            (false, _) => SendPhase::Confirming,
            (true, true) => SendPhase::Lingering,
            (true, false) => SendPhase::Ending,
        }
    }

    /// How long the session has run.
    pub(super) fn elapsed(&self, now: Timestamp) -> Duration {
        now.saturating_since(self.began)
    }

    /// From the start of data until the last receiver confirmed, or as far as it came.
    pub(super) fn data_elapsed(&self, confirmed: Option<Timestamp>, now: Timestamp) -> Duration {
        let end = confirmed.or(self.all_sent).unwrap_or(now);
        self.data.map_or(Duration::ZERO, |data| end.saturating_since(data))
    }

    /// How the session ended.
    pub(super) fn outcome(&self, summary: &Summary) -> SendOutcome {
        let left = || self.leaving.map(|_| SendOutcome::Stopped { receivers_wait: true });
        self.outcome.clone().or_else(left).unwrap_or_else(|| self.reached(summary))
    }

    /// What has come of the session, if it was not stopped. That no receiver is heard is nothing
    /// bad where they may not answer.
    fn reached(&self, summary: &Summary) -> SendOutcome {
        match self.answers {
            Answers::None => SendOutcome::Sent,
            Answers::Some if summary.receivers == 0 && summary.missing == 0 => SendOutcome::Sent,
            Answers::Some | Answers::All => summary.outcome(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::since_epoch(Duration::from_secs(secs))
    }

    #[test]
    fn phase_follows_from_what_was_sent_and_confirmed() {
        let mut phases = Phases::new(at(1), Answers::All);
        let waiting = Summary { receivers: 1, slowest: Some(5), ..Summary::default() };
        let done = Summary { receivers: 1, confirmed: 1, ..Summary::default() };
        assert_eq!(phases.phase(&waiting, false, false), SendPhase::Waiting);
        phases.start_data(at(2));
        assert_eq!(phases.phase(&waiting, false, false), SendPhase::Sending);
        phases.all_sent(at(3));
        assert_eq!(phases.phase(&waiting, false, true), SendPhase::Confirming);
        assert_eq!(phases.phase(&done, false, true), SendPhase::Lingering);
        assert_eq!(phases.phase(&done, false, false), SendPhase::Ending);
        assert_eq!(phases.data_elapsed(None, at(9)), Duration::from_secs(1));
        assert_eq!(phases.data_elapsed(Some(at(7)), at(9)), Duration::from_secs(5));
    }

    #[test]
    fn one_way_everything_is_repeated_and_then_sent() {
        let nothing = Summary::default();
        let mut phases = Phases::new(at(1), Answers::None);
        phases.start_data(at(1));
        assert_eq!(phases.phase(&nothing, false, false), SendPhase::Sending);
        let stopped = |mut phases: Phases| {
            phases.stop(at(3), &nothing);
            phases.outcome(&nothing)
        };
        let early = Phases { outcome: None, ..phases };
        assert_eq!(stopped(early), SendOutcome::Stopped { receivers_wait: false });
        let mut phases = Phases::new(at(1), Answers::None);
        phases.start_data(at(1));
        phases.all_sent(at(2));
        assert_eq!(phases.phase(&nothing, false, false), SendPhase::Repeating);
        assert_eq!(phases.outcome(&nothing), SendOutcome::Sent);
        assert_eq!(stopped(phases), SendOutcome::Sent);
    }

    #[test]
    fn carousel_is_sent_where_no_receiver_answers_and_complete_where_all_that_do_are() {
        let nothing = Summary::default();
        let begin = || {
            let mut phases = Phases::new(at(1), Answers::Some);
            phases.start_data(at(1));
            phases.all_sent(at(2));
            phases
        };
        let done = Summary { receivers: 1, confirmed: 1, ..Summary::default() };
        let busy = Summary { receivers: 2, confirmed: 1, slowest: Some(5), ..Summary::default() };
        assert_eq!(begin().phase(&done, true, false), SendPhase::Repeating);
        assert_eq!(begin().phase(&busy, false, false), SendPhase::Confirming);
        let outcome = |summary: &Summary| {
            let mut stopped = begin();
            stopped.stop(at(3), summary);
            (begin().outcome(summary), stopped.outcome(summary))
        };
        assert_eq!(outcome(&nothing), (SendOutcome::Sent, SendOutcome::Sent));
        assert_eq!(outcome(&done), (SendOutcome::Complete, SendOutcome::Complete));
        let stopped = SendOutcome::Stopped { receivers_wait: false };
        assert_eq!(outcome(&busy).1, stopped, "one was at work");
    }

    #[test]
    fn stopped_session_is_complete_when_all_receivers_are() {
        let done = Summary { receivers: 1, confirmed: 1, ..Summary::default() };
        let outcome = |all_sent: bool| {
            let mut phases = Phases::new(at(1), Answers::All);
            if all_sent {
                phases.all_sent(at(2));
            }
            phases.stop(at(3), &done);
            assert!(phases.is_ending() && !phases.is_over(at(4)) && phases.is_over(at(5)));
            phases.outcome(&done)
        };
        let stopped = SendOutcome::Stopped { receivers_wait: false };
        assert_eq!((outcome(true), outcome(false)), (SendOutcome::Complete, stopped));
    }

    #[test]
    fn session_that_leaves_its_receivers_ends_after_five_seconds_or_when_it_is_stopped() {
        let busy = Summary { receivers: 1, slowest: Some(5), ..Summary::default() };
        let mut phases = Phases::new(at(1), Answers::All);
        phases.start_data(at(1));
        phases.leave(at(2));
        assert!(phases.is_leaving() && !phases.is_over(at(6)) && phases.is_over(at(7)));
        assert_eq!(phases.outcome(&busy), SendOutcome::Stopped { receivers_wait: true });
        phases.stop(at(3), &busy);
        assert!(!phases.is_leaving() && phases.is_over(at(5)));
        assert_eq!(phases.outcome(&busy), SendOutcome::Stopped { receivers_wait: false });
    }
}
