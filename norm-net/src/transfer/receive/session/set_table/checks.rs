//! From the last block of a set to its end: what is verified is placed, what is wrong is received
//! again, and what cannot be had is given up.

use norm_core::endpoint::ObjectRef;
use norm_core::fileset::{ContentId, SetId};
use norm_core::transfer::MemberState;
use norm_files::sink::{PlacedSet, PresentFiles, Verdict};

use super::SetTable;
use crate::event::{Problem, SetFailure};
use crate::transfer::receive::session::duplicates;
use crate::transfer::receive::session::engine::Engine;
use crate::transfer::receive::session::failure::{Failure, Severity};
use crate::transfer::receive::session::notifier::SetRef;
use crate::transfer::receive::session::outcome::Subject;
use crate::transfer::receive::session::set_job::{SetJob, Step};
use crate::transfer::receive::session::shared::Turn;
use crate::transfer::receive::session::summary::push_bounded;
use crate::transfer::receive::session::tasks::SetResult;

/// Complete sets remembered, so that they are not received again.
const MAX_REMEMBERED: usize = 4_096;

impl SetTable {
    /// Every block of an object is written: it is read back. True when that was all of its set.
    pub(in super::super) fn written(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        object: ObjectRef,
    ) -> bool {
        let Some((&number, job)) = self.jobs.iter_mut().find(|(_, job)| job.owns(object)) else {
            return false;
        };
        let Some(written) = job.written(object.key) else { return false };
        let (name, all) = (job.name(), job.all_written());
        turn.shared.tasks.check(number, written);
        if all {
            turn.shared.events.verifying(name);
            self.tell(turn, name.sender, MemberState::Verifying, String::new());
        }
        all
    }

    /// A worker has finished something of a set, which may have been given up meanwhile.
    pub(in super::super) fn task_done(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        number: u64,
        result: SetResult,
    ) {
        let Some(job) = self.jobs.get_mut(&number) else { return };
        if turn.shared.ending.is_stopped() && result.is_failure() {
            // Because it was told to stop.
            return;
        }
        match job.task_done(turn.now, result) {
            Step::FilesKnown(present) => {
                self.files_known(turn, number, present);
                self.judge(turn, number);
            }
            Step::Judge => self.judge(turn, number),
            Step::Again(key, problem) => {
                if job.again(key) {
                    self.receive_again(turn, number, key);
                } else {
                    self.fail(turn, number, Failure::wrong(problem));
                }
            }
            Step::Complete(placed) => self.complete(turn, number, placed),
            Step::Fail(failure) => self.fail(turn, number, failure),
        }
    }

    /// The manifest of a set is here; that is news only of the first of several copies.
    fn files_known(
        &mut self,
        turn: &Turn<'_, impl Engine>,
        number: u64,
        present: Option<PresentFiles>,
    ) {
        let Some(job) = self.jobs.get(&number) else { return };
        self.known.note(job.content(), turn.now);
        turn.shared.tasks.take_room(number, job.spool());
        let mut others = duplicates::copies(&self.jobs, job.id()).filter(|(n, _)| *n != number);
        if others.any(|(_, copy)| copy.plan().is_some()) {
            return;
        }
        if let Some(plan) = job.plan() {
            turn.shared.events.files_known(job.name(), plan);
        }
        if let Some(present) = present {
            turn.shared.events.files_present(job.name(), present);
        }
    }

    /// Acts on what the checks of a set so far say.
    fn judge(&mut self, turn: &mut Turn<'_, impl Engine>, number: u64) {
        let Some(job) = self.jobs.get_mut(&number) else { return };
        let id = job.id();
        match job.verdict() {
            Verdict::Pending => {}
            Verdict::Good { .. } => self.place_next(turn, id),
            Verdict::Again(keys) => {
                for key in keys {
                    self.receive_again(turn, number, key);
                }
            }
            Verdict::Hopeless => self.fail(turn, number, Failure::wrong(Problem::HashMismatch)),
        }
    }

    fn receive_again(&mut self, turn: &mut Turn<'_, impl Engine>, number: u64, key: u64) {
        let Some(job) = self.jobs.get_mut(&number) else { return };
        job.forget(key);
        let name = job.name();
        turn.engine.restart(ObjectRef { sender: name.sender, key });
        self.tell(turn, name.sender, MemberState::Receiving, String::new());
        turn.shared.events.received_again(name);
    }

    /// Places the files of a verified copy of a set, if there is one and none is being placed.
    fn place_next(&mut self, turn: &Turn<'_, impl Engine>, id: SetId) {
        let Some(number) = duplicates::next_to_place(&self.jobs, id) else { return };
        if let Some(verified) = self.jobs.get_mut(&number).and_then(SetJob::start_placing) {
            turn.shared.tasks.place_set(number, verified, turn.shared.events.clone());
        }
    }

    /// All files of a set have their names.
    fn complete(&mut self, turn: &mut Turn<'_, impl Engine>, number: u64, placed: PlacedSet) {
        let Some(job) = self.jobs.remove(&number) else { return };
        let (sender, id, content) = (job.sender(), job.id(), job.content());
        if let Some(refused) = placed.refused {
            turn.shared.events.metadata_refused(sender, refused);
        }
        job.objects().for_each(|object| turn.engine.confirm(object));
        turn.owe_release(sender);
        turn.shared.senders.settle(sender, job.bytes_total());
        let mut report = job.report(turn.engine, turn.now, placed.present);
        report.node = turn.shared.senders.node(sender);
        report.address = turn.shared.senders.address(sender);
        self.tell(turn, sender, MemberState::Complete, String::new());
        turn.engine.report_now(sender, turn.now);
        push_bounded(&mut self.complete, id, MAX_REMEMBERED);
        turn.shared.summary.completed(report.clone());
        turn.shared.ending.completed(turn.now, Subject::Content(content));
        // Another sender of the same files, which is heard, is to have its confirmation, too.
        if self.jobs.values().all(|job| job.content() != content) {
            self.known.complete(content);
        }
        // The temporary files go before the event is sent.
        job.discard();
        self.drop_duplicates(turn, id);
        self.drop_gone(turn, content);
        turn.shared.events.complete(report);
    }

    /// A set is complete: drops its other copies. Their senders hear the same as the first one.
    fn drop_duplicates(&mut self, turn: &mut Turn<'_, impl Engine>, id: SetId) {
        let copies = self.jobs.extract_if(.., |_, job| job.id() == id);
        let copies: Vec<SetJob> = copies.map(|(_, job)| job).collect();
        for job in copies {
            let sender = job.sender();
            job.objects().for_each(|object| turn.engine.refuse(object));
            turn.owe_release(sender);
            turn.shared.senders.settle(sender, job.bytes_total());
            job.discard();
            self.tell(turn, sender, MemberState::Complete, String::new());
        }
    }

    /// A set is complete: what a sender that is gone has left of the same files is not needed.
    fn drop_gone(&mut self, turn: &mut Turn<'_, impl Engine>, content: ContentId) {
        let gone = |job: &SetJob| job.content() == content && turn.is_gone(job.sender());
        let gone: Vec<SetJob> =
            self.jobs.extract_if(.., |_, job| gone(job)).map(|(_, job)| job).collect();
        for job in gone {
            turn.engine.give_up(job.sender(), job.keys());
            job.discard();
        }
    }

    /// Gives a set up: nothing more of it is asked for, what is here of it stays for later sessions
    /// unless it is wrong, and its sender hears why; but not while another sender may still bring
    /// the same set.
    pub(in super::super) fn fail(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        number: u64,
        failure: Failure,
    ) {
        let Some(job) = self.jobs.remove(&number) else { return };
        let name = job.name();
        turn.engine.give_up(name.sender, job.keys());
        turn.shared.senders.settle(name.sender, job.bytes_total());
        let is_complete = turn.shared.ending.is_complete(Subject::Content(job.content()));
        if is_complete || failure.severity == Severity::Wrong {
            job.make_worthless();
        }
        if duplicates::copies(&self.jobs, name.set).next().is_some() {
            self.place_next(turn, name.set);
        } else {
            let known = self.known.knows(job.content());
            self.failed(turn, name, job.content(), known, failure);
            job.tell_resumable(&turn.shared.events);
        }
        job.release();
    }

    /// Says that a set with this content has failed; `known` when it was known what was to come.
    pub(super) fn failed(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        name: SetRef,
        content: ContentId,
        known: bool,
        failure: Failure,
    ) {
        let SetRef { sender, set } = name;
        let problem = failure.problem.clone();
        self.tell(turn, sender, MemberState::Failed, problem.to_string());
        turn.engine.report_now(sender, turn.now);
        let subject = Subject::Content(content);
        turn.shared.ending.failed(turn.now, Some(sender), subject, known, failure);
        let failed = SetFailure::of_set(sender, set, problem);
        turn.shared.summary.failed(failed.clone());
        turn.shared.events.failed(failed);
    }
}
