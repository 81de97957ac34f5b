//! What worker threads do for a session: write blocks, read them back, place files.
//!
//! Results come back by two channels: those of the engine's jobs to the engine, all others to the
//! session.

mod check;
mod compare;
mod content;
mod done;
mod gate;
mod load;
mod place;
mod preview;
mod receipt;
mod store;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

use crossbeam_channel::{Receiver as Channel, unbounded};
use mio::Waker;
use norm_core::Timestamp;
use norm_core::endpoint::{JobDone, ObjectRef, StoreJob, StoreOutcome};
use norm_core::fileset::ContentHash;
use norm_core::transfer::FileContent;
use norm_files::receipts::Store;
use norm_files::sink::{Comparison, Spool, StandaloneFile};

use super::engine::Engine;
use super::failure::cannot_write;
use super::notifier::{Notifier, SetRef};
use super::policy::FilePolicy;
use crate::io::inline::Inline;
use crate::io::workers::{Workers, guarded};
use crate::stopper::JobResults;
use crate::transfer::receive::store::Returns;

pub(super) use check::{Check, WrittenPart};
pub(super) use done::{FileResult, Owner, Planned, SetResult, TaskDone};
pub(super) use place::VerifiedSet;
pub(super) use preview::PreviewedSet;
pub(super) use store::Target;

use check::CheckTask;
use compare::CompareTask;
use done::TaskResults;
use gate::Gate;
use load::DiskLoad;
use place::{PlaceFileTask, PlaceSetTask};
use preview::PreviewTask;
use receipt::ReceiptTask;
use store::{RoomTask, StoreTask};

/// Threads that read back and place files.
const CHECKERS: usize = 2;

/// The threads, and what they bring back.
pub(in crate::transfer::receive) struct Tasks {
    /// Does a block's work in the session's thread, where that is quicker.
    inline: Inline,
    /// One thread, so that blocks are written, and hashed, in the order in which they come.
    store_workers: Workers,
    /// Blocks that must be decoded before they are written: these come out of order.
    decode_workers: Workers,
    check_workers: Workers,
    /// Compare files that are there.
    compare_workers: Workers,
    /// Bounds the memory of those.
    gate: Arc<Gate>,
    cores: usize,
    /// The way back for the buffers of blocks.
    returns: Returns,
    /// To the engine.
    jobs: JobResults,
    /// To the session.
    results: TaskResults,
    done: Channel<TaskDone>,
    load: Arc<DiskLoad>,
    /// Set when tasks are to end early.
    cancel: Arc<AtomicBool>,
    policy: Arc<FilePolicy>,
}

impl Tasks {
    /// Starts the threads, of which those that decode take as many bytes as `decoding` at once, or
    /// as one block needs. Finished jobs of the engine come by the channel that is returned;
    /// `waker` is woken for all results.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(in crate::transfer::receive) fn new(
        returns: Returns,
        waker: &Arc<Waker>,
        policy: Arc<FilePolicy>,
        decoding: usize,
    ) -> io::Result<(Self, Channel<JobDone>)> {
        let (done_sender, done) = unbounded();
        let (jobs_sender, jobs) = unbounded();
        let cores = available_parallelism().map_or(2, usize::from);
        let tasks = Self {
            inline: Inline::new(),
            store_workers: Workers::new("norm-store", 1)?,
            decode_workers: Workers::new("norm-decode", cores)?,
            check_workers: Workers::new("norm-verify", CHECKERS)?,
            compare_workers: Workers::new("norm-compare", cores)?,
            gate: Arc::new(Gate::new(decoding)),
            cores,
            returns,
            jobs: JobResults::new(jobs_sender, Arc::clone(waker)),
            results: TaskResults::new(done_sender, Arc::clone(waker)),
            done,
            load: Arc::default(),
            cancel: Arc::new(AtomicBool::new(false)),
            policy,
        };
        Ok((tasks, jobs))
    }

    /// Writes a block to its target; without one its object was given up meanwhile.
    pub(super) fn store(
        &mut self,
        engine: &mut impl Engine,
        now: Timestamp,
        job: StoreJob,
        target: Option<(Owner, Target)>,
    ) {
        let slot = job.slot;
        let held = engine.store_mut().lend(slot);
        let (held, (owner, target)) = match (held, target) {
            (Some(held), Some(target)) => (held, target),
            (held, _) => {
                if let Some(held) = held {
                    self.returns.release(slot, held);
                }
                let done = JobDone::Store { slot, outcome: StoreOutcome::Failed };
                return engine.handle_job(now, done);
            }
        };
        target.announce(&job.geometry);
        self.load.waits();
        let (returns, failures) = (self.returns.clone(), self.results.clone());
        let load = Arc::clone(&self.load);
        let decodes = job.decode;
        let is_spooled = held.is_spooled();
        let solves = decodes && job.geometry.scheme.solves();
        let gate = solves.then(|| Arc::clone(&self.gate));
        let task = StoreTask { owner, target, job, held, returns, failures, load };
        let block = task.job.geometry.len as usize;
        let work = move || {
            let _inside = gate.as_deref().map(|gate| gate.enter(block));
            task.run()
        };
        // Blocks are written in order; a disk for which others wait is slow, too.
        let is_busy = self.store_workers.is_busy();
        match if solves || is_busy || is_spooled { Err(work) } else { self.inline.attempt(work) } {
            Ok(done) => engine.handle_job(now, done),
            Err(work) => {
                let jobs = self.jobs.clone();
                let workers = if decodes { &self.decode_workers } else { &self.store_workers };
                workers.submit(move || jobs.send(work()));
            }
        }
    }

    /// Reads packets back that came before it was known how their object is cut.
    pub(super) fn recall(&mut self, engine: &mut impl Engine, now: Timestamp, object: ObjectRef) {
        let Some(recalled) = engine.store_mut().lend_packets(object) else {
            let done = JobDone::Recall { object, packets: Vec::new(), is_last: true };
            return engine.handle_job(now, done);
        };
        let jobs = self.jobs.clone();
        self.store_workers.submit(move || {
            let is_last = recalled.is_last();
            let packets = guarded(|| recalled.read()).unwrap_or_default();
            jobs.send(JobDone::Recall { object, packets, is_last });
        });
    }

    /// Writes down what is there of a set, after the blocks that are to be written. The set fails
    /// when its directory is gone.
    pub(super) fn save(&self, number: u64, spool: Arc<Spool>) {
        let results = self.results.clone();
        self.store_workers.submit(move || {
            // When it fails otherwise there is less to resume with.
            if let Err(error) = spool.save()
                && error.kind() == io::ErrorKind::NotFound
            {
                let problem = cannot_write(spool.directory(), &error);
                drop(spool);
                results.set(number, SetResult::Unsaved(problem));
            }
        });
    }

    /// Takes the room for a set's payload.
    pub(super) fn take_room(&self, number: u64, spool: Arc<Spool>) {
        let (cancel, results) = (Arc::clone(&self.cancel), self.results.clone());
        let task = RoomTask { number, spool, cancel, results };
        self.check_workers.submit(move || task.run());
    }

    /// Reads back a part of a set.
    pub(super) fn check(&self, number: u64, written: WrittenPart) {
        let (cancel, results) = (Arc::clone(&self.cancel), self.results.clone());
        let policy = Arc::clone(&self.policy);
        let task = CheckTask { number, written, policy, cancel, results };
        self.check_workers.submit(move || task.run());
    }

    /// Compares a set with the files that are there, on all cores. It ends early when `stop` is
    /// set.
    pub(super) fn compare(&self, number: u64, comparison: Comparison, stop: &Arc<AtomicBool>) {
        let comparison = Arc::new(comparison);
        for _ in 0..self.cores {
            let (comparison, stop) = (Arc::clone(&comparison), Arc::clone(stop));
            let (cancel, results) = (Arc::clone(&self.cancel), self.results.clone());
            let task = CompareTask { number, comparison, stop, cancel, results };
            self.compare_workers.submit(move || task.run());
        }
    }

    /// Looks whether what the receipt of a content lists has changed.
    pub(super) fn read_receipt(
        &self,
        name: SetRef,
        store: Store,
        directory: PathBuf,
        content: ContentHash,
    ) {
        let (cancel, results) = (Arc::clone(&self.cancel), self.results.clone());
        let policy = Arc::clone(&self.policy);
        let task = ReceiptTask { name, store, policy, directory, content, cancel, results };
        self.check_workers.submit(move || task.run());
    }

    /// Finds out what would become of a set, or of standalone files.
    pub(super) fn preview(&self, owner: Owner, previewed: PreviewedSet) {
        let (cancel, results) = (Arc::clone(&self.cancel), self.results.clone());
        let policy = Arc::clone(&self.policy);
        let task = PreviewTask { owner, previewed, policy, cancel, results };
        self.check_workers.submit(move || task.run());
    }

    /// Places the files of a verified set; `events` hears of each.
    pub(super) fn place_set(&self, number: u64, verified: VerifiedSet, events: Notifier) {
        let (policy, cancel) = (Arc::clone(&self.policy), Arc::clone(&self.cancel));
        let results = self.results.clone();
        let task = PlaceSetTask { number, verified, policy, cancel, events, results };
        self.check_workers.submit(move || task.run());
    }

    /// Places a complete standalone file.
    pub(super) fn place_file(
        &self,
        object: ObjectRef,
        file: Arc<StandaloneFile>,
        content: FileContent,
    ) {
        let (policy, cancel) = (Arc::clone(&self.policy), Arc::clone(&self.cancel));
        let results = self.results.clone();
        let task = PlaceFileTask { object, file, content, policy, cancel, results };
        self.check_workers.submit(move || task.run());
    }

    /// How busy the disk is.
    pub(super) fn load(&self) -> &DiskLoad {
        &self.load
    }

    /// The next task that is finished, if there is one.
    pub(super) fn next_done(&self) -> Option<TaskDone> {
        self.done.try_recv().ok()
    }

    /// Ends what takes long.
    pub(super) fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Ends what takes long, and waits until no thread holds a file any more.
    pub(super) fn finish(self) {
        self.cancel();
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("waiting", &self.done.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
