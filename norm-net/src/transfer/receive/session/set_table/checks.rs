//! From the last block of a set to its end: what is verified is placed, what is wrong is received
//! again, and what cannot be had is given up.

use std::path::PathBuf;

use norm_core::endpoint::{ObjectRef, SenderId};
use norm_core::fileset::{ManifestHash, SetId, Withdrawal};
use norm_core::transfer::MemberState;
use norm_files::receipts::ReceiptHeader;
use norm_files::sink::{PlacedSet, PresentFiles, Reading, SetPreview};
use norm_seal::HeardStatement;

use super::retries::Retry;
use super::{SetTable, refuse_complete};
use crate::event::{Hint, Problem, SetFailure, SetReport};
use crate::transfer::receive::session::duplicates;
use crate::transfer::receive::session::engine::Engine;
use crate::transfer::receive::session::failure::{Failure, Severity};
use crate::transfer::receive::session::notifier::SetRef;
use crate::transfer::receive::session::outcome::Subject;
use crate::transfer::receive::session::set_job::{SetJob, Step, Verdict, WrongParts};
use crate::transfer::receive::session::shared::Turn;
use crate::transfer::receive::session::summary::push_bounded;
use crate::transfer::receive::session::tasks::{Owner, SetResult};

/// Failed files of a set that are told.
const MAX_TOLD: usize = 100;
/// Withdrawn files of a set that are told.
const MAX_TOLD_WITHDRAWN: usize = 10_000;
/// What senders hear of a receiver that only says what would become of files.
const DRY_RUN: &str = "it was a dry run, which receives nothing";
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
            Step::FilesKnown(_, unmatched) if job.is_preview() => {
                if !unmatched.is_empty() {
                    turn.shared.events.patterns_unmatched(job.name(), unmatched);
                }
                if let Some(list) = job.take_early_list() {
                    turn.shared.tasks.check(number, list);
                }
                self.preview(turn, number);
            }
            Step::Judge if job.is_preview() => self.preview(turn, number),
            Step::Previewed(preview, problem) => self.previewed(turn, number, *preview, problem),
            Step::FilesKnown(present, unmatched) => {
                job.accept_waiting(turn.engine, turn.now);
                self.files_known(turn, number, present, unmatched);
                self.judge(turn, number);
            }
            Step::Judge => self.judge(turn, number),
            Step::Compared(compared) => job.compared(turn.engine, &compared, turn.now),
            Step::Again(key, problem) => {
                if job.again(key) {
                    job.forget(key);
                    self.receive_again(turn, number, &[key]);
                } else {
                    self.fail(turn, number, Failure::wrong(problem));
                }
            }
            Step::Complete(placed) => self.complete(turn, number, placed),
            Step::Fail(failure) => self.fail(turn, number, failure),
        }
        self.start_comparing(turn, number);
    }

    /// Compares a set with the files that are there, if it is time to.
    fn start_comparing(&mut self, turn: &Turn<'_, impl Engine>, number: u64) {
        let overwrite = turn.shared.policy.files.overwrite;
        let job = self.jobs.get_mut(&number);
        if let Some((comparison, stop)) = job.and_then(|job| job.start_comparing(overwrite)) {
            turn.shared.tasks.compare(number, comparison, &stop);
        }
    }

    /// The manifest of a set is here; that is news only of the first of several copies.
    fn files_known(
        &mut self,
        turn: &Turn<'_, impl Engine>,
        number: u64,
        present: Option<PresentFiles>,
        unmatched: Vec<String>,
    ) {
        let Some(job) = self.jobs.get_mut(&number) else { return };
        self.known.note(job.manifest(), turn.now);
        turn.shared.tasks.take_room(number, job.spool());
        // What came before, or was left by an earlier session.
        turn.shared.tasks.check(number, job.read_back_all(Reading::Whole));
        if let Some(list) = self.jobs.get_mut(&number).and_then(SetJob::take_early_list) {
            turn.shared.tasks.check(number, list);
        }
        let Some(job) = self.jobs.get(&number) else { return };
        let mut others = duplicates::copies(&self.jobs, job.id()).filter(|(n, _)| *n != number);
        if others.any(|(_, copy)| copy.plan().is_some()) {
            return;
        }
        if let Some(plan) = job.plan() {
            turn.shared.events.files_known(job.name(), plan);
        }
        if !unmatched.is_empty() {
            turn.shared.events.patterns_unmatched(job.name(), unmatched);
        }
        if let Some(present) = present {
            turn.shared.events.files_present(job.name(), present);
        }
    }

    /// Acts on chunks that turned out wrong while their sets are received.
    pub(in super::super) fn judge_wrong(&mut self, turn: &mut Turn<'_, impl Engine>) {
        let wrong = self.jobs.iter().filter(|(_, job)| job.is_wrong());
        let wrong: Vec<u64> = wrong.map(|(&number, _)| number).collect();
        for number in wrong {
            self.judge(turn, number);
        }
    }

    /// A sender can no longer send entries of a set.
    pub(in super::super) fn withdrawn(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        sender: SenderId,
        withdrawal: &Withdrawal,
    ) {
        let mut jobs = self.jobs.iter_mut();
        let named = |job: &SetJob| job.sender() == sender && job.id() == withdrawal.set;
        let Some((&number, job)) = jobs.find(|(_, job)| named(job)) else { return };
        if job.withdraw(&withdrawal.entries) {
            self.judge(turn, number);
        }
    }

    /// A sender has stated something of a set.
    pub(in super::super) fn stated(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        heard: &HeardStatement,
    ) {
        if turn.shared.statements.note(heard) {
            let copies = duplicates::copies(&self.jobs, heard.statement.set);
            let copies: Vec<u64> = copies.map(|(number, _)| number).collect();
            copies.into_iter().for_each(|number| self.apply_statement(turn, number));
        }
    }

    /// Judges a set by what was stated of it, if anything was.
    pub(super) fn apply_statement(&mut self, turn: &mut Turn<'_, impl Engine>, number: u64) {
        let Some(job) = self.jobs.get_mut(&number) else { return };
        let statements = &turn.shared.statements;
        let Some(heard) = statements.of(job.id(), job.manifest()) else { return };
        if let Some(problem) = statements.refusal(heard) {
            return self.refuse(turn, number, problem);
        }
        match job.stated(heard) {
            Some(result) => self.task_done(turn, number, result),
            None => self.judge(turn, number),
        }
    }

    /// Gives up sets of which something is to be proved that is not, when their senders say nothing
    /// more.
    pub(in super::super) fn refuse_unproved(&mut self, turn: &mut Turn<'_, impl Engine>) {
        let silent = self.jobs.iter().filter(|(_, job)| turn.is_silent(job.sender()));
        let unproved = silent.filter_map(|(&number, job)| Some((number, job.unproved()?)));
        let unproved: Vec<(u64, Problem)> = unproved.collect();
        unproved.into_iter().for_each(|(number, problem)| self.refuse(turn, number, problem));
    }

    /// Takes no more of a set, because of what was stated of it, or was not. The session goes on:
    /// anybody can repeat what was sent once.
    pub(super) fn refuse(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        number: u64,
        problem: Problem,
    ) {
        let Some(job) = self.jobs.remove(&number) else { return };
        let SetRef { sender, set } = job.name();
        turn.engine.give_up(sender, job.keys());
        turn.shared.senders.settle(sender, job.bytes_total());
        self.tell(turn, sender, MemberState::Failed, problem.to_string());
        turn.engine.report_now(sender, turn.now);
        turn.shared.ending.refused(problem.clone());
        turn.shared.events.hint(Hint::SetRefused { sender, set, problem });
        job.release();
    }

    /// Finds out what would become of a set, when enough is known of it.
    fn preview(&self, turn: &Turn<'_, impl Engine>, number: u64) {
        if let Some(previewed) = self.jobs.get(&number).and_then(SetJob::preview) {
            turn.shared.tasks.preview(Owner::Set(number), previewed);
        }
    }

    /// It is known what would become of a set: that was all that is wanted of it.
    fn previewed(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        number: u64,
        preview: SetPreview,
        problem: Option<Problem>,
    ) {
        let Some(job) = self.jobs.remove(&number) else { return };
        let (name, content) = (job.name(), job.manifest());
        turn.engine.give_up(name.sender, job.keys());
        turn.shared.senders.settle(name.sender, job.bytes_total());
        push_bounded(&mut self.complete, name.set, MAX_REMEMBERED);
        job.discard();
        turn.shared.events.previewed(name.sender, Some(name.set), preview);
        if let Some(problem) = problem {
            return self.failed(turn, name, content, true, Failure::local(problem));
        }
        self.tell(turn, name.sender, MemberState::Leaving, DRY_RUN.to_owned());
        turn.engine.report_now(name.sender, turn.now);
        turn.shared.ending.completed(turn.now, Subject::Content(content), true);
        turn.shared.ending.tell_again(turn.now, name.sender);
    }

    /// Acts on what the checks of a set so far say.
    fn judge(&mut self, turn: &mut Turn<'_, impl Engine>, number: u64) {
        let Some(job) = self.jobs.get_mut(&number) else { return };
        let id = job.id();
        job.let_go(turn.engine);
        match job.verdict() {
            Verdict::Pending => {}
            Verdict::Unhashed => {
                turn.shared.tasks.check(number, job.read_back_all(Reading::All));
            }
            Verdict::Verified => {
                let withdrawn = withdrawn_files(&job.withdrawn_files()).map(Failure::incomplete);
                let wrong = wrong_files(&job.failed_files()).map(Failure::wrong);
                let is_alone = duplicates::copies(&self.jobs, id).count() == 1;
                match wrong.or(withdrawn) {
                    // Another copy may be right.
                    Some(failure) if !is_alone => self.fail(turn, number, failure),
                    _ => self.place_next(turn, id),
                }
            }
            Verdict::Again(wrong) => {
                self.ask_again(turn, number, &wrong);
                self.receive_again(turn, number, &wrong.written);
            }
        }
    }

    /// Asks again for what is wrong of objects that are being received.
    fn ask_again(&mut self, turn: &mut Turn<'_, impl Engine>, number: u64, wrong: &WrongParts) {
        let Some(job) = self.jobs.get_mut(&number) else { return };
        let name = job.name();
        for (key, places) in &wrong.begun {
            let object = ObjectRef { sender: name.sender, key: *key };
            let is_done = turn.engine.want_again(object, places);
            job.asked_again(*key, is_done);
            if is_done {
                turn.shared.events.received_again(name);
            }
        }
    }

    /// Asks again for what is not here of objects.
    fn receive_again(&mut self, turn: &mut Turn<'_, impl Engine>, number: u64, keys: &[u64]) {
        if keys.is_empty() {
            return;
        }
        let Some(job) = self.jobs.get(&number) else { return };
        let name = job.name();
        for &key in keys {
            turn.engine.expect_partial(name.sender, key..key + 1);
            turn.engine.restart(ObjectRef { sender: name.sender, key });
        }
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
        let Some(job) = self.jobs.get(&number) else { return };
        let (sender, id, content) = (job.sender(), job.id(), job.manifest());
        if let Some(refused) = placed.refused {
            turn.shared.events.metadata_refused(sender, refused);
        }
        let withdrawn = job.withdrawn_files();
        let is_whole = withdrawn.is_empty();
        for path in withdrawn.into_iter().take(MAX_TOLD_WITHDRAWN) {
            turn.shared.events.file_failed(sender, path, Problem::Withdrawn);
        }
        let failed = job.failed_files();
        if let Some(problem) = wrong_files(&failed) {
            for path in failed.into_iter().take(MAX_TOLD) {
                turn.shared.events.file_failed(sender, path, Problem::HashMismatch);
            }
            return self.fail(turn, number, Failure::wrong(problem));
        }
        let Some(job) = self.jobs.remove(&number) else { return };
        job.objects().for_each(|object| turn.engine.confirm(object));
        turn.shared.statements.completed(id, content);
        turn.owe_release(sender);
        turn.shared.senders.settle(sender, job.bytes_total());
        let mut report = job.report(turn.engine, turn.now, placed.present);
        report.backups = placed.backups;
        report.removed = placed.removed.files + placed.removed.directories;
        turn.shared.events.not_removed(job.name(), placed.removed);
        report.node = turn.shared.senders.node(sender);
        report.address = turn.shared.senders.address(sender);
        self.told_complete(turn, id, content, &report, is_whole);
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
    fn drop_gone(&mut self, turn: &mut Turn<'_, impl Engine>, content: ManifestHash) {
        let gone = |job: &SetJob| job.manifest() == content && turn.is_gone(job.sender());
        let gone: Vec<SetJob> =
            self.jobs.extract_if(.., |_, job| gone(job)).map(|(_, job)| job).collect();
        for job in gone {
            turn.engine.give_up(job.sender(), job.keys());
            job.discard();
        }
    }

    /// A worker has looked at what the receipt of a set lists: if nothing has changed, all of the
    /// set is here; else it is received.
    pub(in super::super) fn receipt_read(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        name: SetRef,
        unchanged: Option<&ReceiptHeader>,
    ) {
        let Some(part) = self.refusals.take(name) else { return };
        let is_known = turn.engine.source(name.sender).is_some();
        let Some(state) = part.new_state().ok().filter(|_| is_known) else { return };
        let Some(receipt) = unchanged else {
            self.refusals.settle(name);
            for key in state.keys() {
                turn.engine.restart(ObjectRef { sender: name.sender, key });
            }
            return self.open_first(turn, &part);
        };
        let (sender, manifest) = (name.sender, state.manifest());
        turn.shared.events.set_found(sender, state.summary());
        turn.shared.summary.begun(turn.now);
        refuse_complete(turn.engine, &part);
        turn.owe_release(sender);
        turn.shared.senders.settle(sender, state.bytes_total());
        let files = u64::from(receipt.files);
        let report = SetReport {
            node: turn.shared.senders.node(sender),
            address: turn.shared.senders.address(sender),
            set: Some(name.set),
            content: Some(receipt.content),
            files,
            present: files,
            directories: u64::from(receipt.entries) - files,
            bytes: receipt.bytes,
            unchanged: true,
            ..SetReport::new(sender)
        };
        self.told_complete(turn, name.set, manifest, &report, true);
        turn.shared.events.complete(report);
    }

    /// Says to the sender of a set, and notes, that the set is complete.
    fn told_complete(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        id: SetId,
        content: ManifestHash,
        report: &SetReport,
        is_whole: bool,
    ) {
        self.tell(turn, report.sender, MemberState::Complete, String::new());
        turn.engine.report_now(report.sender, turn.now);
        push_bounded(&mut self.complete, id, MAX_REMEMBERED);
        turn.shared.summary.completed(report.clone());
        turn.shared.ending.completed(turn.now, Subject::Content(content), is_whole);
        // Another sender of the same files, which is heard, is to have its confirmation, too.
        if self.jobs.values().all(|job| job.manifest() != content) {
            self.known.complete(content);
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
        let needed = job.bytes_total().saturating_sub(job.bytes_written());
        self.retries.remember(turn, &failure, Retry { name, keys: job.keys(), needed });
        let is_complete = turn.shared.ending.is_complete(Subject::Content(job.manifest()));
        if is_complete || failure.severity == Severity::Wrong {
            job.make_worthless();
        }
        if duplicates::copies(&self.jobs, name.set).next().is_some() {
            self.place_next(turn, name.set);
        } else {
            let known = self.known.knows(job.manifest());
            self.failed(turn, name, job.manifest(), known, failure);
            job.tell_resumable(&turn.shared.events);
        }
        job.release();
    }

    /// Says that a set with this content has failed; `known` when it was known what was to come.
    pub(super) fn failed(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        name: SetRef,
        content: ManifestHash,
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

/// What it means that these files of a set are wrong; `None` without any.
fn wrong_files(failed: &[PathBuf]) -> Option<Problem> {
    let first = failed.first()?.clone();
    Some(Problem::WrongFiles { files: failed.len() as u64, first })
}

/// What it means that these files of a set are withdrawn; `None` without any.
fn withdrawn_files(files: &[PathBuf]) -> Option<Problem> {
    let first = files.first()?.clone();
    Some(Problem::WithdrawnFiles { files: files.len() as u64, first })
}
