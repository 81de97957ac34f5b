//! Files from senders that speak of no set: other implementations, of which every FILE or DATA object
//! is a file by itself, called what its INFO says.
//!
//! There is no list of what is to come. A sender counts as done when everything heard of is here and
//! it has said goodbye, fallen silent, or sent nothing new for a while.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::{ObjectRef, SenderId};
use norm_core::norm::wire::{NodeId, ObjectId};

use super::end::Failure;
use super::sets::rate;
use super::tasks::{PlaceTask, TaskResult};
use super::{Engine, MAX_REPORTS, Movement, Session, loss, push_bounded};
use crate::event::{Hint, MAX_PATHS, Problem, ReceiveEvent, SetFailure, SetReport};
use crate::transfer::receive::problem::not_placed;
use norm_files::sink::{PlaceError, Placed, StandaloneFile, path_of};

/// A sender that goes on talking, but has sent nothing new for this long, is done.
const REST: Duration = Duration::from_secs(10);
/// The first object heard may not be the first one sent. So many before it are asked for: other
/// implementations keep about as many for repair.
const LOOK_BACK: u16 = 8;
/// Failed files that are told one by one; any number may be announced.
const MAX_FAILURES_TOLD: u64 = 100;

/// The files of one sender.
#[derive(Debug)]
pub(super) struct PlainSender {
    node: NodeId,
    /// Under way, by key.
    files: BTreeMap<u64, Arc<StandaloneFile>>,
    /// The first complete ones.
    paths: Vec<PathBuf>,
    complete: u64,
    /// Of these, those that were in their places already.
    before: u64,
    bytes: u64,
    failed: u64,
    /// The weightiest reason.
    failure: Option<Failure>,
    started: Timestamp,
    nacks_before: u64,
    moved: Movement,
}

impl PlainSender {
    fn new(node: NodeId, now: Timestamp, nacks: u64) -> Self {
        Self {
            node,
            files: BTreeMap::new(),
            paths: Vec::new(),
            complete: 0,
            before: 0,
            bytes: 0,
            failed: 0,
            failure: None,
            started: now,
            nacks_before: nacks,
            moved: Movement::new(now),
        }
    }

    /// Bytes written, of complete files too.
    pub(super) fn written(&self) -> u64 {
        self.files.values().fold(self.bytes, |sum, file| sum.saturating_add(file.written()))
    }

    /// Bytes of the files known.
    pub(super) fn bytes_total(&self) -> u64 {
        self.files.values().fold(self.bytes, |sum, file| sum.saturating_add(file.size()))
    }

    fn name(&self) -> String {
        format!("node-{:08x}", self.node.0)
    }

    /// True while files of it are under way.
    pub(super) fn is_under_way(&self) -> bool {
        !self.files.is_empty()
    }

    /// When they last grew.
    pub(super) fn grown_at(&self) -> Timestamp {
        self.moved.grown_at()
    }

    /// When the first of its files began.
    pub(super) fn started(&self) -> Timestamp {
        self.started
    }

    fn note_failure(&mut self, failure: Failure) {
        self.failed += 1;
        if self.failure.as_ref().is_none_or(|worst| worst.weight() < failure.weight()) {
            self.failure = Some(failure);
        }
    }
}

impl Session {
    /// Size and INFO of an object are known, and it is no part of a set.
    pub(super) fn plain_opened(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        object: ObjectRef,
        size: u64,
        info: Option<&[u8]>,
    ) {
        if self.is_served() {
            engine.give_up(object.sender, object.key..object.key + 1);
            return;
        }
        let Some(sender) = self.senders.get_mut(&object.sender) else { return };
        let (node, address) = (sender.node, sender.address);
        if !std::mem::replace(&mut sender.hinted, true) {
            self.events.hint(Hint::NotVerified { sender: object.sender, address });
        }
        self.plain_begun(engine, now, object, node);
        let path = path_of(info).unwrap_or_else(|| numbered(node, object));
        let label = format!("{:08x}-{}", engine.node().0, self.next_plain);
        self.next_plain += 1;
        let directory = &self.policy.directory;
        match StandaloneFile::create(directory, &path, &label, size, self.policy.overwrite) {
            Ok(file) => {
                if let Some(sender) = self.plain.get_mut(&object.sender) {
                    sender.moved.touch(now);
                    sender.files.insert(object.key, Arc::new(file));
                }
                engine.accept(object);
            }
            Err(error) => {
                let path = directory.join(path);
                self.plain_refused(engine, now, object, path, error);
            }
        }
    }

    /// An object is, for the first time perhaps, of a sender that speaks of no set.
    fn plain_begun(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        object: ObjectRef,
        node: NodeId,
    ) {
        if let Entry::Vacant(entry) = self.plain.entry(object.sender) {
            entry.insert(PlainSender::new(node, now, engine.stats().nacks));
            self.first_set.get_or_insert(now);
            if (object.key as u16) < LOOK_BACK {
                engine.request_from(object.sender, ObjectId(0), now);
            }
        }
    }

    /// Not even the name of an empty file will ever come.
    pub(super) fn plain_lost(&mut self, engine: &mut Engine, now: Timestamp, object: ObjectRef) {
        let Some(node) = self.senders.get(&object.sender).map(|sender| sender.node) else { return };
        self.plain_begun(engine, now, object, node);
        let path = self.policy.directory.join(numbered(node, object));
        let failure = Failure::Incomplete(Problem::NameMissing);
        self.file_failed(now, object.sender, path, failure);
    }

    /// A stream has no end and no name: it is not for files.
    pub(super) fn stream_opened(&mut self, engine: &mut Engine, object: ObjectRef) {
        engine.give_up(object.sender, object.key..object.key + 1);
        if let Some(sender) = self.senders.get_mut(&object.sender)
            && !std::mem::replace(&mut sender.hinted, true)
        {
            let (sender, address) = (object.sender, sender.address);
            self.events.hint(Hint::StreamIgnored { sender, address });
        }
    }

    fn plain_refused(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        object: ObjectRef,
        path: PathBuf,
        error: PlaceError,
    ) {
        // Not confirmed: the sender must not believe that the file is here.
        engine.give_up(object.sender, object.key..object.key + 1);
        self.file_failed(now, object.sender, path, Failure::Local(not_placed(error)));
    }

    fn file_failed(&mut self, now: Timestamp, remote: SenderId, path: PathBuf, failure: Failure) {
        let Some(sender) = self.plain.get_mut(&remote) else { return };
        sender.moved.touch(now);
        let problem = failure.problem().clone();
        sender.note_failure(failure);
        if sender.failed <= MAX_FAILURES_TOLD {
            self.events.send(ReceiveEvent::FileFailed { sender: remote, path, problem });
        }
    }

    /// The file that an object is, while it is under way.
    pub(super) fn plain_file(&self, object: ObjectRef) -> Option<Arc<StandaloneFile>> {
        self.plain.get(&object.sender)?.files.get(&object.key).cloned()
    }

    /// Every block of an object is written: it gets its name.
    pub(super) fn plain_written(&mut self, object: ObjectRef) {
        let Some(file) = self.plain_file(object) else { return };
        let (overwrite, results) = (self.policy.overwrite, self.task_results.clone());
        let cancel = Arc::clone(&self.cancel);
        let task = PlaceTask { object, file, overwrite, cancel, results };
        self.check_workers.submit(move || task.run());
    }

    /// Nothing more comes of an object.
    pub(super) fn plain_failed(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        object: ObjectRef,
        failure: Failure,
    ) {
        let Some(sender) = self.plain.get_mut(&object.sender) else { return };
        let Some(file) = sender.files.remove(&object.key) else { return };
        engine.give_up(object.sender, object.key..object.key + 1);
        self.file_failed(now, object.sender, file.target().to_owned(), failure);
    }

    /// A worker has finished with a file.
    pub(super) fn plain_task_done(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        object: ObjectRef,
        result: TaskResult,
    ) {
        let problem = match result {
            TaskResult::Placed(Ok(made)) => {
                let Some(sender) = self.plain.get_mut(&object.sender) else { return };
                let Some(file) = sender.files.remove(&object.key) else { return };
                engine.confirm(object);
                sender.moved.touch(now);
                sender.complete += 1;
                let before = made == Placed::Present;
                sender.before += u64::from(before);
                sender.bytes = sender.bytes.saturating_add(file.size());
                let path = file.target().to_owned();
                if sender.paths.len() < MAX_PATHS {
                    sender.paths.push(path.clone());
                }
                self.events.send(ReceiveEvent::FileComplete {
                    sender: object.sender,
                    set: None,
                    path,
                    bytes: file.size(),
                    present: before,
                });
                return;
            }
            TaskResult::Placed(Err(error)) => not_placed(error),
            TaskResult::Failed { action, error } => {
                Problem::system(action, &self.policy.directory, &error)
            }
            // Tasks of sets.
            _ => return,
        };
        self.plain_failed(engine, now, object, Failure::Local(problem));
    }

    /// True when a sender owes nothing, as far as is known.
    fn plain_has_all(&self, engine: &Engine, remote: SenderId) -> bool {
        let idle = self.plain.get(&remote).is_some_and(|sender| sender.files.is_empty());
        idle && engine.has_all(remote)
    }

    /// True when something is known to be missing.
    pub(super) fn plain_waits(&self, engine: &Engine) -> bool {
        self.plain.keys().any(|&remote| !self.plain_has_all(engine, remote))
    }

    /// Ends with the senders that are done, and with those of which nothing more comes for as long as
    /// the user wants to wait.
    pub(super) fn watch_plain(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        patience: Option<Duration>,
    ) {
        let remotes: Vec<SenderId> = self.plain.keys().copied().collect();
        for remote in remotes {
            let all = self.plain_has_all(engine, remote);
            let forgotten = engine.progress(remote).is_none();
            let kept = engine.store().kept(remote);
            let Some(sender) = self.plain.get_mut(&remote) else { continue };
            sender.moved.note(now, kept, sender.written(), None);
            let still = sender.moved.still_for(now);
            if forgotten {
                self.plain_ended(engine, now, remote, &Failure::Gone(Problem::SenderForgotten));
            } else if all && (engine.has_ended(remote) || still >= REST) {
                self.plain_done(engine, now, remote);
            } else if !all && patience.is_some_and(|patience| still >= patience) {
                let problem = Problem::Stalled { after: patience.unwrap_or_default() };
                self.plain_ended(engine, now, remote, &Failure::Incomplete(problem));
            }
        }
    }

    /// A sender fell silent. True when that is all right, because nothing of it is missing.
    pub(super) fn plain_silent(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        remote: SenderId,
    ) -> bool {
        let done = self.plain_has_all(engine, remote);
        if done {
            self.plain_done(engine, now, remote);
        }
        done
    }

    /// Nothing more comes of a sender: what is not complete fails, for this reason.
    pub(super) fn plain_ended(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        remote: SenderId,
        failure: &Failure,
    ) {
        let Some(sender) = self.plain.get_mut(&remote) else { return };
        let files = std::mem::take(&mut sender.files);
        // Something may be missing of which not even the name is known.
        if files.is_empty() && !engine.has_all(remote) {
            sender.note_failure(failure.clone());
        }
        for (key, file) in files {
            engine.give_up(remote, key..key + 1);
            self.file_failed(now, remote, file.target().to_owned(), failure.clone());
        }
        self.plain_done(engine, now, remote);
    }

    /// Says what came of a sender, whose files are complete or have failed.
    pub(super) fn plain_done(&mut self, engine: &mut Engine, now: Timestamp, remote: SenderId) {
        let Some(sender) = self.plain.remove(&remote) else { return };
        let name = sender.name();
        if sender.complete > 0 {
            let known = self.senders.get(&remote).map(|sender| (sender.node, sender.address));
            let (node, address) = known.unzip();
            // Not the time that it took to see that no more comes.
            let elapsed = sender.moved.at().saturating_since(sender.started);
            let report = SetReport {
                node,
                address,
                files: sender.complete,
                present: sender.before,
                bytes: sender.bytes,
                paths: sender.paths,
                elapsed,
                bits_per_second: rate(sender.bytes, elapsed),
                loss: loss(engine, remote),
                nacks: engine.stats().nacks - sender.nacks_before,
                ..SetReport::new(remote)
            };
            self.keep_report(report.clone());
            self.bytes_complete = self.bytes_complete.saturating_add(sender.bytes);
            self.events.send(ReceiveEvent::SetComplete(report));
        }
        match sender.failure {
            None if sender.complete > 0 => self.end.completed(now, &name),
            None => {}
            Some(failure) => {
                let told = SetFailure::of_files(remote, sender.failed, failure.problem().clone());
                let what = (name, sender.complete > 0);
                self.end.failed(now, remote, what, failure);
                push_bounded(&mut self.failed, told.clone(), MAX_REPORTS);
                self.events.send(ReceiveEvent::SetFailed(told));
            }
        }
    }
}

/// The name of a file of which no usable one came: the numbers of sender and object.
fn numbered(node: NodeId, object: ObjectRef) -> PathBuf {
    // The low 16 bits of a key are the transport id.
    PathBuf::from(format!("object-{:08x}-{}", node.0, object.key as u16))
}
