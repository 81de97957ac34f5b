//! Standalone files: from senders that speak of no set, of which every object is a file by itself.
//!
//! There is no list of what is to come. A sender counts as done when everything heard of is here
//! and it has ended its session, fallen silent, or sent nothing new for a while.

mod dry_run;
mod expected;
mod postponed;
mod sender;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::{ObjectRef, SenderId};
use norm_core::transfer::{FileContent, NodeId};
use norm_files::sink::{Placed, RefusedMetadata, SetPreview, StandaloneFile, path_of, plan_files};

use super::engine::Engine;
use super::failure::{Failure, not_placed, not_planned};
use super::outcome::Subject;
use super::policy::Policy;
use super::remaining::Candidate;
use super::shared::Turn;
use super::tasks::{FileResult, Owner, PreviewedSet, Target};
use crate::event::{Hint, Problem, ReceiveProgress};

use expected::{OtherFiles, is_said};
use sender::StandaloneSender;

/// A sender that goes on talking, but has sent nothing new for this long, is done.
const DONE_AFTER: Duration = Duration::from_secs(10);
/// The first object heard may not be the first one sent. This many before it are asked for: other
/// implementations keep about as many for repair.
const LOOK_BACK: u64 = 8;

/// A sender that was heard this lately goes on: what had no room is not given up.
const HEARD_LATELY: Duration = Duration::from_secs(60);
/// Bytes of memory for files of all senders of which nothing is here yet: more are received when
/// some of these are.
const MAX_WAITING: usize = 8 << 20;
/// As much always may wait of each sender.
const FAIR_WAITING: usize = 512 << 10;

/// The senders of standalone files.
#[derive(Debug, Default)]
pub(super) struct StandaloneFiles {
    senders: BTreeMap<SenderId, StandaloneSender>,
    /// Files that are sent, and are not the expected one.
    others: OtherFiles,
    /// It was told that modes are refused.
    is_refusal_told: bool,
}

impl StandaloneFiles {
    /// True when no sender of standalone files is followed.
    pub(super) fn is_empty(&self) -> bool {
        self.senders.is_empty()
    }

    /// The senders that are followed.
    pub(super) fn senders(&self) -> impl Iterator<Item = SenderId> {
        self.senders.keys().copied()
    }

    /// True when this sender is followed.
    pub(super) fn has_sender(&self, sender: SenderId) -> bool {
        self.senders.contains_key(&sender)
    }

    /// Where the blocks of an object go, if it is a standalone file.
    pub(super) fn target(&self, object: ObjectRef) -> Option<(Owner, Target)> {
        let file = self.senders.get(&object.sender)?.file(object.key)?;
        Some((Owner::File(object), Target::File(file)))
    }

    /// Bytes of the files that are known, and those of them that are written.
    pub(super) fn bytes(&self) -> (u64, u64) {
        self.senders.values().fold((0, 0), |(total, written), files| {
            let (more, more_written) = (files.bytes_total(), files.bytes_written());
            (u64::saturating_add(total, more), u64::saturating_add(written, more_written))
        })
    }

    /// Adds how far the files are.
    pub(super) fn add_progress(&self, engine: &impl Engine, progress: &mut ReceiveProgress) {
        for (&sender, files) in &self.senders {
            progress.bytes_done = progress.bytes_done.saturating_add(files.bytes_written());
            progress.bytes_total = progress.bytes_total.saturating_add(files.bytes_total());
            let (complete, known) = files.counts();
            progress.files_done = progress.files_done.map(|done| done + complete);
            progress.files_placed += complete;
            progress.files_total += known;
            progress.file = files.current().or(progress.file.take());
            let loss = engine.source(sender).map_or(0.0, |source| source.loss);
            progress.loss = progress.loss.max(loss);
        }
    }

    /// An object is a file with this name and size.
    pub(super) fn opened(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        object: ObjectRef,
        size: u64,
        name: Option<&[u8]>,
        content: &FileContent,
    ) {
        let node = turn.shared.senders.node(object.sender);
        let Some(node) = node.filter(|_| !turn.is_served()) else { return turn.give_up(object) };
        let is_other = turn.shared.policy.files.expect.is_some_and(|hash| !is_said(hash, content));
        if is_other {
            let path = path_of(name).unwrap_or_else(|| numbered(node, turn.engine, object));
            self.others.note(turn.now, object, path);
            return turn.engine.refuse(object);
        }
        let is_dry_run = turn.shared.policy.files.preview.is_some();
        if !is_dry_run && let Some(address) = turn.shared.senders.hint_once(object.sender) {
            turn.shared.events.hint(Hint::NotVerified { sender: object.sender, address });
        }
        let may_wait = self.may_wait(object.sender, MAX_WAITING);
        let files = self.follow(turn, object, node);
        let path = path_of(name).unwrap_or_else(|| numbered(node, turn.engine, object));
        let policy = &turn.shared.policy;
        if is_dry_run && is_wanted(policy, &path) {
            files.named.push(turn.now, path, size);
            return turn.give_up(object);
        }
        if !is_wanted(policy, &path) {
            return turn.engine.refuse(object);
        }
        if !may_wait {
            files.postponed.crowd_out(object.key);
            return turn.give_up(object);
        }
        let overwrite = policy.files.overwrite;
        match StandaloneFile::new(files.parts(), &path, size, overwrite) {
            Ok(file) => {
                files.begin(turn.now, object.key, file, content.clone());
                turn.engine.accept(object);
            }
            Err(error) => {
                // Not confirmed: the sender must not believe that the file is here.
                turn.give_up(object);
                let path = turn.shared.policy.directory.join(path);
                self.object_lost(turn, object, path, Failure::local(not_placed(error)));
            }
        }
    }

    /// True when a file of this sender may wait for its first bytes, with `limit` bytes for all.
    fn may_wait(&self, sender: SenderId, limit: usize) -> bool {
        let waiting = |files: &StandaloneSender| files.parts().waiting();
        let own = self.senders.get(&sender).map_or(0, waiting);
        own < FAIR_WAITING || self.senders.values().map(waiting).sum::<usize>() < limit
    }

    /// A file cannot be received now; if only the disk is full, it is when there is room again and
    /// its sender sends it once more.
    fn object_lost(
        &mut self,
        turn: &Turn<'_, impl Engine>,
        object: ObjectRef,
        path: PathBuf,
        failure: Failure,
    ) {
        let comes_again = turn.shared.policy.continuous && turn.shared.policy.is_flute;
        if !comes_again || !failure.problem.is_full() {
            return self.file_failed(turn, object.sender, path, failure);
        }
        let Some(files) = self.senders.get_mut(&object.sender) else { return };
        if files.postponed.has_no_room(turn.now, object.key) {
            turn.shared.events.file_failed(object.sender, path, failure.problem);
        }
    }

    /// Has the objects opened again that had no room, now that there may be some.
    fn try_postponed(&mut self, turn: &mut Turn<'_, impl Engine>, sender: SenderId) {
        let has_place = self.may_wait(sender, MAX_WAITING / 2);
        let last_heard = turn.engine.source(sender).map(|source| source.last_heard);
        let Some(files) = self.senders.get_mut(&sender) else { return };
        if last_heard.is_some_and(|at| turn.now < at + HEARD_LATELY) {
            for key in files.postponed.take_due(turn.now, has_place) {
                files.touch(turn.now);
                turn.engine.restart(ObjectRef { sender, key });
            }
        }
    }

    /// Not even the name of an empty file will ever come.
    pub(super) fn empty_lost(&mut self, turn: &mut Turn<'_, impl Engine>, object: ObjectRef) {
        // The engine has given it up, and may have forgotten its sender since.
        let Some(node) = turn.shared.senders.node(object.sender) else { return };
        self.follow(turn, object, node);
        let path = turn.shared.policy.directory.join(numbered(node, turn.engine, object));
        self.file_failed(turn, object.sender, path, Failure::incomplete(Problem::NameMissing));
    }

    /// The files of a sender, of which this object is the first one perhaps.
    fn follow(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        object: ObjectRef,
        node: NodeId,
    ) -> &mut StandaloneSender {
        match self.senders.entry(object.sender) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let begun = turn.begun(object.sender);
                turn.shared.summary.begun(begun);
                let number = turn.engine.number(object);
                if number < LOOK_BACK {
                    turn.engine.want(object.sender, object.key.saturating_sub(number), turn.now);
                }
                let directory = &turn.shared.policy.directory;
                let files = StandaloneSender::new(node, directory, turn.now, turn.nacks());
                entry.insert(files.begun_at(begun))
            }
        }
    }

    fn file_failed(
        &mut self,
        turn: &Turn<'_, impl Engine>,
        sender: SenderId,
        path: PathBuf,
        failure: Failure,
    ) {
        let Some(files) = self.senders.get_mut(&sender) else { return };
        let problem = failure.problem.clone();
        if files.file_failed(turn.now, failure) {
            turn.shared.events.file_failed(sender, path, problem);
        }
    }

    /// Every block of an object is written: if it is a standalone file, it gets its name.
    pub(super) fn written(&mut self, turn: &Turn<'_, impl Engine>, object: ObjectRef) {
        let files = self.senders.get(&object.sender);
        if let Some(file) = files.and_then(|files| files.file(object.key)) {
            let content = files.map(|files| files.content(object.key)).unwrap_or_default();
            turn.shared.tasks.place_file(object, file, content);
        }
    }

    /// A worker has finished with a file, which may have been given up meanwhile.
    pub(super) fn task_done(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        object: ObjectRef,
        result: FileResult,
    ) {
        let problem = match result {
            FileResult::Placed(Ok((placed, refused))) => {
                self.metadata_refused(turn, object.sender, refused);
                return self.placed(turn, object, placed);
            }
            FileResult::Placed(Err(error)) => not_placed(error),
            FileResult::Previewed(preview, problem) => {
                return self.previewed(turn, object.sender, *preview, problem);
            }
            FileResult::Failed(problem) if turn.shared.policy.files.preview.is_some() => {
                return self.preview_failed(turn, object.sender, problem);
            }
            FileResult::Failed(problem @ Problem::HashMismatch) => {
                return self.object_failed(turn, object, Failure::wrong(problem));
            }
            FileResult::Failed(problem) => problem,
        };
        self.object_failed(turn, object, Failure::local(problem));
    }

    /// Finds out what would become of the files of a sender, when it has named all of them.
    fn preview(&mut self, turn: &mut Turn<'_, impl Engine>, sender: SenderId) {
        let has_told_all = turn.engine.has_told_all(sender);
        let Some(files) = self.senders.get_mut(&sender) else { return };
        let Some(named) = files.named.take_all(turn.now, has_told_all) else { return };
        let plan = match plan_files(named) {
            Ok(plan) => Arc::new(plan),
            Err(error) => return self.preview_failed(turn, sender, not_planned(error)),
        };
        let owner = Owner::File(ObjectRef { sender, key: 0 });
        turn.shared.tasks.preview(owner, PreviewedSet { plan, digests: None });
    }

    /// True when it is being found out, or soon is, what would become of the files of a sender.
    fn is_previewing(&self, sender: SenderId) -> bool {
        self.senders.get(&sender).is_some_and(|files| files.named.has_any())
    }

    /// It is known what would become of the files of a sender: that was all that is wanted of them.
    fn previewed(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        sender: SenderId,
        preview: SetPreview,
        problem: Option<Problem>,
    ) {
        turn.shared.events.previewed(sender, None, preview);
        if let Some(problem) = problem {
            return self.preview_failed(turn, sender, problem);
        }
        let Some(files) = self.senders.get(&sender) else { return };
        let subject = Subject::Standalone(files.node());
        turn.shared.ending.completed(turn.now, subject, true);
    }

    /// The files of a sender would not be received, for this reason.
    fn preview_failed(&mut self, turn: &mut Turn<'_, impl Engine>, sender: SenderId, why: Problem) {
        let Some(files) = self.senders.get_mut(&sender) else { return };
        files.note_failure(Failure::local(why));
        self.done(turn, sender);
    }

    fn metadata_refused(
        &mut self,
        turn: &Turn<'_, impl Engine>,
        sender: SenderId,
        refused: Option<RefusedMetadata>,
    ) {
        if let Some(refused) = refused.filter(|_| !self.is_refusal_told) {
            self.is_refusal_told = true;
            turn.shared.events.metadata_refused(sender, refused);
        }
    }

    fn placed(&mut self, turn: &mut Turn<'_, impl Engine>, object: ObjectRef, placed: Placed) {
        let Some(files) = self.senders.get_mut(&object.sender) else { return };
        let Some(file) = files.take(object.key) else { return };
        turn.engine.confirm(object);
        files.postponed.settle(object.key);
        files.placed(turn.now, &file, placed);
        let (path, present) = (file.target().to_owned(), placed == Placed::Present);
        turn.shared.events.standalone_placed(object.sender, path, file.size(), present);
    }

    /// Nothing more comes of an object.
    pub(super) fn object_failed(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        object: ObjectRef,
        failure: Failure,
    ) {
        let Some(files) = self.senders.get_mut(&object.sender) else { return };
        let Some(file) = files.take(object.key) else { return };
        turn.give_up(object);
        self.object_lost(turn, object, file.target().to_owned(), failure);
    }

    /// True when a sender owes nothing, as far as is known.
    fn has_all(&self, engine: &impl Engine, sender: SenderId) -> bool {
        let idle = self.senders.get(&sender).is_some_and(|files| !files.is_receiving());
        idle && engine.has_all(sender)
    }

    /// True when something is known to be missing.
    pub(super) fn is_waiting(&self, engine: &impl Engine) -> bool {
        self.senders().any(|sender| !self.has_all(engine, sender))
    }

    /// Ends with senders that are done, and with those of which nothing more comes for as long as
    /// is to be waited.
    pub(super) fn watch(&mut self, turn: &mut Turn<'_, impl Engine>, patience: Option<Duration>) {
        let senders: Vec<SenderId> = self.senders().collect();
        for sender in senders {
            if turn.shared.policy.files.preview.is_some() {
                self.preview(turn, sender);
                continue;
            }
            self.try_postponed(turn, sender);
            let all = self.has_all(turn.engine, sender);
            let told = turn.engine.has_told_all(sender);
            let source = turn.engine.source(sender);
            let symbols = turn.engine.store().symbols(sender);
            let is_expected = turn.shared.policy.files.expect.is_some();
            let Some(files) = self.senders.get_mut(&sender) else { continue };
            files.note_progress(turn.now, symbols);
            let stalled = files.stalled_for(turn.now);
            if is_expected && files.has_complete() && !files.is_receiving() {
                // It is the only one that is wanted.
                self.done(turn, sender);
                continue;
            }
            match (source, patience) {
                (None, _) => {
                    self.ended(turn, sender, &Failure::gone(Problem::SenderForgotten));
                }
                (Some(source), _) if all && (source.has_ended || told || stalled >= DONE_AFTER) => {
                    self.done(turn, sender);
                }
                (Some(_), Some(patience)) if !all && stalled >= patience => {
                    let problem = Problem::Stalled { after: patience };
                    self.ended(turn, sender, &Failure::incomplete(problem));
                }
                _ => {}
            }
        }
    }

    /// A sender fell silent. True when that is all right, because nothing of it is missing.
    pub(super) fn fell_silent(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        sender: SenderId,
    ) -> bool {
        let all = self.has_all(turn.engine, sender);
        if all && !self.is_previewing(sender) {
            self.done(turn, sender);
        }
        all
    }

    /// Nothing more comes of a sender: what is not complete fails, for this reason.
    pub(super) fn ended(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        sender: SenderId,
        failure: &Failure,
    ) {
        if self.is_previewing(sender) {
            return;
        }
        let Some(files) = self.senders.get_mut(&sender) else { return };
        files.fail_postponed(failure);
        let incomplete = files.take_all();
        // Something may be missing of which not even the name is known.
        if incomplete.is_empty() && !turn.engine.has_all(sender) {
            files.note_failure(failure.clone());
        }
        for (key, file) in incomplete {
            turn.give_up(ObjectRef { sender, key });
            self.file_failed(turn, sender, file.target().to_owned(), failure.clone());
        }
        self.done(turn, sender);
    }

    /// Ends in vain when only other files than the expected one have been heard of for some time.
    pub(super) fn give_up_expected(&mut self, turn: &mut Turn<'_, impl Engine>) {
        let Some(expected) = turn.shared.policy.files.expect else { return };
        if turn.shared.ending.any_settled() {
            return;
        }
        let Some((object, files, first)) = self.others.take_due(turn.now) else { return };
        let Some(node) = turn.shared.senders.node(object.sender) else { return };
        let problem = Problem::OtherFiles { expected, files, first };
        self.follow(turn, object, node).note_failure(Failure::wrong(problem));
        self.done(turn, object.sender);
    }

    /// Says what came of a sender, whose files are complete or have failed.
    pub(super) fn done(&mut self, turn: &mut Turn<'_, impl Engine>, sender: SenderId) {
        let Some(files) = self.senders.remove(&sender) else { return };
        let subject = Subject::Standalone(files.node());
        let any_complete = files.has_complete();
        if any_complete {
            let mut report = files.report(turn.engine, sender);
            report.address = turn.shared.senders.address(sender);
            turn.shared.summary.completed(report.clone());
            turn.shared.events.complete(report);
        }
        match files.failure() {
            None if any_complete => turn.shared.ending.completed(turn.now, subject, true),
            None => {}
            Some(failure) => {
                let failed = files.failure_report(sender, failure.problem.clone());
                let (now, failure) = (turn.now, failure.clone());
                turn.shared.ending.failed(now, Some(sender), subject, any_complete, failure);
                turn.shared.summary.failed(failed.clone());
                turn.shared.events.failed(failed);
            }
        }
    }

    /// One transfer was complete at `completed`: ends with senders that are not waited for. Of
    /// those that remain nothing more is taken than what has begun.
    pub(super) fn drop_remaining(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        completed: Timestamp,
    ) {
        let senders: Vec<SenderId> = self.senders().collect();
        for sender in senders {
            let Some(files) = self.senders.get(&sender) else { continue };
            let candidate = Candidate {
                is_before: files.started() <= completed,
                is_silent: turn.is_silent(sender),
                grown_at: files.grown_at(),
            };
            if !files.is_receiving() {
                self.done(turn, sender);
            } else if let Some(failure) = candidate.failure(turn.now, completed) {
                self.ended(turn, sender, &failure);
            }
        }
    }
}

/// True of a file that the user wants.
fn is_wanted(policy: &Policy, path: &Path) -> bool {
    policy.files.only.as_ref().is_none_or(|only| only.wants(path))
}

/// The name of a file of which no usable one came: the numbers of sender and object.
fn numbered(node: NodeId, engine: &impl Engine, object: ObjectRef) -> PathBuf {
    PathBuf::from(format!("object-{:08x}-{}", node.0, engine.number(object)))
}
