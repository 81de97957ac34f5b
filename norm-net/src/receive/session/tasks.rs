//! What worker threads do for a session: write blocks, read back, make files.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crossbeam_channel::Sender;
use mio::Waker;
use norm_core::content::{ContentError, Hash, ObjectKind};
use norm_core::endpoint::{JobDone, StoreJob, StoreOutcome};

use crate::receive::carve::{self, CarveError};
use crate::receive::event::{Events, ReceiveEvent};
use crate::receive::plan::{Plan, PlanError};
use crate::receive::set::Part;
use crate::receive::spool::{Spool, SpoolFile};
use crate::receive::store::{Held, Returns};
use crate::receive::verify::{self, TailHashes};
use crate::session::JobResults;
use crate::workers::guarded;

/// A finished task of the set with this number.
#[derive(Debug)]
pub(super) struct TaskDone {
    pub(super) set: u64,
    pub(super) result: TaskResult,
}

#[derive(Debug)]
pub(super) enum TaskResult {
    /// The head was read back, and, if it is what it should be, whether its files may be made.
    Head { key: u64, hash: Hash, plan: Result<Plan, PlanError> },
    /// An extent was read back.
    Extent { key: u64, hash: Hash },
    /// The tail was read back.
    Tail { key: u64, tail: Result<TailHashes, ContentError> },
    /// The files were made.
    Carved(Result<(), CarveError>),
    /// The spool could not be written, or not be read.
    Failed { action: &'static str, error: io::Error },
}

impl TaskResult {
    /// A failure of this side, rather than of what arrived.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Carved(Err(_)))
    }
}

/// Work panicked: that is its failure, not the session's.
fn panicked(action: &'static str, message: String) -> TaskResult {
    TaskResult::Failed { action, error: io::Error::other(message) }
}

/// Brings results back to the session's loop.
#[derive(Clone, Debug)]
pub(super) struct TaskResults {
    pub(super) done: Sender<TaskDone>,
    pub(super) waker: Arc<Waker>,
}

impl TaskResults {
    fn send(&self, set: u64, result: TaskResult) {
        // Either fails only when the session is over.
        if self.done.send(TaskDone { set, result }).is_ok() {
            let _ = self.waker.wake();
        }
    }
}

/// A block to be made whole and written.
pub(super) struct StoreTask {
    pub(super) set: u64,
    pub(super) spool: Arc<Spool>,
    pub(super) part: Part,
    pub(super) job: StoreJob,
    pub(super) held: Held,
    pub(super) returns: Returns,
    pub(super) results: JobResults,
    pub(super) failures: TaskResults,
}

impl StoreTask {
    pub(super) fn run(self) {
        self.run_with(Self::store);
    }

    fn run_with(mut self, store: impl FnOnce(&mut Self) -> StoreOutcome) {
        let slot = self.job.slot;
        let outcome = guarded(|| store(&mut self)).unwrap_or_else(|message| {
            self.failures.send(self.set, panicked("store a block", message));
            StoreOutcome::Failed
        });
        // The engine may use the buffer again as soon as it hears of the outcome.
        match outcome {
            StoreOutcome::NeedMore => self.returns.keep(slot, self.held),
            StoreOutcome::Written | StoreOutcome::Failed => self.returns.release(slot, self.held),
        }
        self.results.send(JobDone::Store { slot, outcome });
    }

    fn store(&mut self) -> StoreOutcome {
        if !self.held.buffer.recover() {
            return StoreOutcome::NeedMore;
        }
        let offset = self.part.offset + self.job.geometry.offset;
        let which = SpoolFile::from(self.part.kind);
        match self.spool.write(which, self.held.buffer.source(), offset) {
            Ok(()) => StoreOutcome::Written,
            Err(error) => {
                let action = "write to the output directory";
                self.failures.send(self.set, TaskResult::Failed { action, error });
                StoreOutcome::Failed
            }
        }
    }
}

/// An object to be read back.
pub(super) struct CheckTask {
    pub(super) set: u64,
    pub(super) key: u64,
    pub(super) part: Part,
    pub(super) extents: u32,
    pub(super) payload_size: u64,
    pub(super) overwrite: bool,
    pub(super) spool: Arc<Spool>,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) results: TaskResults,
}

impl CheckTask {
    pub(super) fn run(self) {
        self.run_with(Self::check);
    }

    fn run_with(self, check: impl FnOnce(&Self) -> io::Result<TaskResult>) {
        let action = "read back what was written";
        let result = match guarded(|| check(&self)) {
            Ok(result) => result.unwrap_or_else(|error| TaskResult::Failed { action, error }),
            Err(message) => panicked(action, message),
        };
        let Self { set, spool, results, .. } = self;
        // The last one who lets go of the spool removes it: not after the session hears of this.
        drop(spool);
        results.send(set, result);
    }

    fn check(&self) -> io::Result<TaskResult> {
        let Self { key, part, spool, .. } = self;
        let key = *key;
        Ok(match part.kind {
            ObjectKind::Head => {
                let head = verify::read_whole(spool, SpoolFile::Head, part.size)?;
                let plan = Plan::new(&head, self.payload_size);
                let plan = plan
                    .and_then(|plan| plan.check(spool.directory(), self.overwrite).map(|()| plan));
                TaskResult::Head { key, hash: blake3::hash(&head), plan }
            }
            ObjectKind::Payload => {
                let hash = verify::hash_extent(spool, part.offset, part.size, &self.cancel)?;
                TaskResult::Extent { key, hash }
            }
            ObjectKind::Tail => {
                let tail = verify::read_whole(spool, SpoolFile::Tail, part.size)?;
                let tail = TailHashes::parse(&tail, &spool.set(), self.extents);
                TaskResult::Tail { key, tail }
            }
        })
    }
}

/// The files of a verified set to be made.
pub(super) struct CarveTask {
    pub(super) set: u64,
    pub(super) spool: Arc<Spool>,
    pub(super) plan: Arc<Plan>,
    pub(super) overwrite: bool,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) events: Events,
    pub(super) results: TaskResults,
}

impl CarveTask {
    pub(super) fn run(self) {
        let Self { set, spool, plan, overwrite, cancel, events, results } = self;
        let carved = guarded(|| {
            carve::carve(&spool, &plan, overwrite, &cancel, &mut |path, bytes| {
                events.send(ReceiveEvent::FileComplete { path: path.to_owned(), bytes });
            })
        });
        let result = match carved {
            Ok(result) => TaskResult::Carved(result),
            Err(message) => panicked("make the files", message),
        };
        drop(spool);
        results.send(set, result);
    }
}

#[cfg(test)]
mod tests;
