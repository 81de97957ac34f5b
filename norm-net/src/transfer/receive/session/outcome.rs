//! What came of the transfers of a session.

use std::collections::{BTreeMap, BTreeSet};

use norm_core::Timestamp;
use norm_core::fileset::ManifestHash;
use norm_core::transfer::NodeId;

use super::failure::{Failure, Severity};
use crate::event::{MAX_REPORTS, Problem, ReceiveOutcome};

/// What a transfer is about: the same when it is begun again, by any sender.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// A file set with this content.
    Content(ManifestHash),
    /// The standalone files of the sender with this node id.
    Standalone(NodeId),
    /// The set that is sent in a separate group for slow receivers.
    SeparateGroup,
}

#[derive(Debug)]
struct Failed {
    failure: Failure,
    /// It was known what was to come.
    known: bool,
}

/// Transfers that are complete or have failed.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    completed: u64,
    /// When that happened first.
    completed_at: Option<Timestamp>,
    complete: BTreeSet<Subject>,
    /// One of them lacks files that its sender has withdrawn.
    lacks_files: bool,
    /// What has failed, and did not come otherwise.
    failed: BTreeMap<Subject, Failed>,
    /// Why one was refused last.
    refused: Option<Problem>,
}

impl Outcomes {
    /// A transfer is complete, whatever became of it before; not whole without files that its
    /// sender has withdrawn.
    pub(super) fn completed(&mut self, now: Timestamp, subject: Subject, is_whole: bool) {
        self.completed += 1;
        self.lacks_files |= !is_whole;
        self.completed_at.get_or_insert(now);
        self.failed.remove(&subject);
        if self.complete.len() < MAX_REPORTS {
            self.complete.insert(subject);
        }
    }

    /// A transfer has failed; `known` when it was known what was to come.
    pub(super) fn failed(&mut self, subject: Subject, known: bool, failure: Failure) {
        let weightier = self
            .failed
            .get(&subject)
            .is_none_or(|before| before.failure.severity < failure.severity);
        if !weightier || self.is_complete(subject) {
            return;
        }
        if self.failed.len() >= MAX_REPORTS {
            // One that matters takes the place of one that does not.
            let gone = self.failed.iter().find(|(_, f)| f.failure.severity == Severity::Gone);
            let Some((&gone, _)) = gone else { return };
            self.failed.remove(&gone);
        }
        self.failed.insert(subject, Failed { failure, known });
    }

    /// A transfer is refused: it is as if it had not been sent, unless nothing else comes.
    pub(super) fn refused(&mut self, problem: Problem) {
        self.refused = Some(problem);
    }

    /// When a transfer was complete first.
    pub(super) fn completed_at(&self) -> Option<Timestamp> {
        self.completed_at
    }

    /// True when this is complete.
    pub(super) fn is_complete(&self, subject: Subject) -> bool {
        self.complete.contains(&subject)
    }

    /// True when this has failed.
    pub(super) fn has_failed(&self, subject: Subject) -> bool {
        self.failed.contains_key(&subject)
    }

    /// True when something has failed.
    pub(super) fn any_failed(&self) -> bool {
        !self.failed.is_empty()
    }

    /// True when something is complete or has failed.
    pub(super) fn any_settled(&self) -> bool {
        self.completed > 0 || self.any_failed()
    }

    /// The outcome of a session that was not stopped; `heard` when there was a sender.
    pub(super) fn outcome(self, heard: bool) -> ReceiveOutcome {
        // Transfers of which it was never known what they were are in the report, and else nothing.
        let complete = self.completed > 0;
        let failures = self.failed.into_values().filter(|failed| failed.known || !complete);
        let worst = failures.map(|failed| failed.failure).max_by_key(|failure| failure.severity);
        let whole = match self.lacks_files {
            true => ReceiveOutcome::Partial,
            false => ReceiveOutcome::Complete,
        };
        match worst {
            None if complete => whole,
            None => match self.refused {
                Some(problem) => ReceiveOutcome::Refused { problem },
                None if heard => ReceiveOutcome::Nothing,
                None => ReceiveOutcome::NoSender,
            },
            Some(failure) if complete && failure.severity <= Severity::Unwanted => whole,
            Some(_) if complete => ReceiveOutcome::Partial,
            Some(Failure { severity, problem }) => match severity {
                Severity::Local => ReceiveOutcome::LocalError { problem },
                Severity::Wrong => ReceiveOutcome::VerifyFailed,
                Severity::Evicted => ReceiveOutcome::Evicted,
                Severity::Unwanted => ReceiveOutcome::Nothing,
                Severity::Incomplete | Severity::Gone => ReceiveOutcome::Partial,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::ZERO;
    const FIRST: Subject = Subject::Content(ManifestHash([1; 32]));
    const SECOND: Subject = Subject::Content(ManifestHash([2; 32]));

    fn outcome(change: impl FnOnce(&mut Outcomes)) -> ReceiveOutcome {
        let mut outcomes = Outcomes::default();
        change(&mut outcomes);
        outcomes.outcome(true)
    }

    #[test]
    fn outcome_is_that_of_the_weightiest_failure() {
        let wrong = || Failure::wrong(Problem::HashMismatch);
        let local = || Failure::local(Problem::BlockUnwritten);
        let found = outcome(|o| {
            o.failed(FIRST, true, wrong());
            o.failed(FIRST, true, Failure::gone(Problem::SenderForgotten));
        });
        assert_eq!(found, ReceiveOutcome::VerifyFailed);
        let found = outcome(|o| {
            o.failed(FIRST, true, wrong());
            o.failed(SECOND, true, local());
        });
        assert_eq!(found, ReceiveOutcome::LocalError { problem: Problem::BlockUnwritten });
        assert_eq!(outcome(|_| {}), ReceiveOutcome::Nothing);
        let unwanted = |o: &mut Outcomes| o.failed(FIRST, true, Failure::unwanted());
        assert_eq!(outcome(unwanted), ReceiveOutcome::Nothing);
        let found = outcome(|o| {
            unwanted(o);
            o.completed(NOW, SECOND, true);
        });
        assert_eq!(found, ReceiveOutcome::Complete);
        assert_eq!(Outcomes::default().outcome(false), ReceiveOutcome::NoSender);
    }

    #[test]
    fn transfer_without_withdrawn_files_is_not_whole() {
        assert_eq!(outcome(|o| o.completed(NOW, FIRST, true)), ReceiveOutcome::Complete);
        let lacking = |o: &mut Outcomes| {
            o.completed(NOW, FIRST, false);
            o.completed(NOW, SECOND, true);
        };
        assert_eq!(outcome(lacking), ReceiveOutcome::Partial);
        let gone = outcome(|o| {
            lacking(o);
            o.failed(SECOND, true, Failure::gone(Problem::SenderForgotten));
        });
        assert_eq!(gone, ReceiveOutcome::Partial);
    }

    #[test]
    fn complete_transfer_outweighs_failures_of_unknown_ones() {
        let failure = || Failure::incomplete(Problem::SenderEnded);
        let found = |known| {
            outcome(|o| {
                o.completed(NOW, FIRST, true);
                o.failed(FIRST, true, failure());
                o.failed(SECOND, known, failure());
            })
        };
        assert_eq!(found(false), ReceiveOutcome::Complete);
        assert_eq!(found(true), ReceiveOutcome::Partial);
        let gone = outcome(|o| {
            o.failed(SECOND, true, Failure::gone(Problem::SenderForgotten));
            o.completed(NOW, FIRST, true);
        });
        assert_eq!(gone, ReceiveOutcome::Complete);
    }
}
