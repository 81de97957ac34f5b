//! What worker threads do for a session: write blocks, read back, make files.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;
use mio::Waker;
use norm_core::endpoint::{JobDone, ObjectRef, SenderId, StoreJob, StoreOutcome};
use norm_core::fileset::{ContentError, Hash, PartKind, SetId};

use crate::event::{Action, ReceiveEvent};
use crate::io::workers::guarded;
use crate::transfer::receive::event::Events;
use crate::transfer::receive::store::{Held, Returns};
use norm_files::sink;
use norm_files::sink::{
    Digests, Part, PlaceError, Placed, Plan, PlanError, PresentFiles, Spool, SpoolFile,
    StandaloneFile,
};

/// What a task is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The set with this number.
    Set(u64),
    /// An object that is a file by itself.
    File(ObjectRef),
}

/// A finished task.
#[derive(Debug)]
pub(super) struct TaskDone {
    pub(super) owner: Owner,
    pub(super) result: TaskResult,
}

#[derive(Debug)]
pub(super) enum TaskResult {
    /// The head was read back, and, if it is what it should be, whether its files may be made.
    Manifest { key: u64, hash: Hash, plan: Result<(Plan, Option<PresentFiles>), PlanError> },
    /// An extent was read back.
    Extent { key: u64, hash: Hash },
    /// The tail was read back.
    DigestList { key: u64, tail: Result<Digests, ContentError> },
    /// The files were made, but for those that were there before: so many.
    Carved(Result<u64, PlaceError>),
    /// A file that belongs to no set got its name.
    Placed(Result<Placed, PlaceError>),
    /// The spool could not be written, or not be read.
    Failed { action: Action, error: io::Error },
}

impl TaskResult {
    /// A failure of this side, rather than of what arrived.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Carved(Err(_)) | Self::Placed(Err(_)))
    }
}

/// Work panicked: that is its failure, not the session's.
fn panicked(action: Action, message: String) -> TaskResult {
    TaskResult::Failed { action, error: io::Error::other(message) }
}

/// Brings results back to the session's loop.
#[derive(Clone, Debug)]
pub(super) struct TaskResults {
    pub(super) done: Sender<TaskDone>,
    pub(super) waker: Arc<Waker>,
}

impl TaskResults {
    fn send(&self, owner: Owner, result: TaskResult) {
        // Either fails only when the session is over.
        if self.done.send(TaskDone { owner, result }).is_ok() {
            let _ = self.waker.wake();
        }
    }
}

/// Where a block is written.
pub(super) enum Target {
    /// To a part of a set's spool.
    Part(Arc<Spool>, Part),
    /// To a file of its own.
    File(Arc<StandaloneFile>),
}

impl Target {
    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Part(spool, part) => spool.write_block(part, bytes, offset),
            Self::File(file) => file.write(bytes, offset),
        }
    }
}

/// A block to be made whole and written.
pub(super) struct StoreTask {
    pub(super) owner: Owner,
    pub(super) target: Target,
    pub(super) job: StoreJob,
    pub(super) held: Held,
    pub(super) returns: Returns,
    pub(super) failures: TaskResults,
}

impl StoreTask {
    /// What became of it; the buffer has gone back.
    pub(super) fn run(self) -> JobDone {
        self.run_with(Self::store)
    }

    fn run_with(mut self, store: impl FnOnce(&mut Self) -> StoreOutcome) -> JobDone {
        let slot = self.job.slot;
        let outcome = guarded(|| store(&mut self)).unwrap_or_else(|message| {
            self.failures.send(self.owner, panicked(Action::Write, message));
            StoreOutcome::Failed
        });
        // The engine may use the buffer again as soon as it hears of the outcome.
        match outcome {
            StoreOutcome::NeedMore => self.returns.keep(slot, self.held),
            StoreOutcome::Written | StoreOutcome::Failed => self.returns.release(slot, self.held),
        }
        JobDone::Store { slot, outcome }
    }

    fn store(&mut self) -> StoreOutcome {
        if !self.held.buffer.recover() {
            return StoreOutcome::NeedMore;
        }
        match self.target.write(self.held.buffer.source(), self.job.geometry.offset) {
            Ok(()) => StoreOutcome::Written,
            Err(error) => {
                let action = Action::Write;
                self.failures.send(self.owner, TaskResult::Failed { action, error });
                StoreOutcome::Failed
            }
        }
    }
}

/// Room to be taken for a payload.
pub(super) struct RoomTask {
    pub(super) set: u64,
    pub(super) spool: Arc<Spool>,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) results: TaskResults,
}

impl RoomTask {
    pub(super) fn run(self) {
        let Self { set, spool, cancel, results } = self;
        // Not when it is the task's alone: then the set was given up.
        let wanted = || Arc::strong_count(&spool) > 1 && !cancel.load(Ordering::Relaxed);
        let action = Action::Write;
        let result = match guarded(|| spool.take_room(wanted)) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => TaskResult::Failed { action, error },
            Err(message) => panicked(action, message),
        };
        drop(spool);
        results.send(Owner::Set(set), result);
    }
}

/// An object to be read back.
pub(super) struct CheckTask {
    pub(super) set: u64,
    pub(super) key: u64,
    pub(super) part: Part,
    pub(super) id: SetId,
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
        let action = Action::ReadBack;
        let result = match guarded(|| check(&self)) {
            Ok(result) => result.unwrap_or_else(|error| TaskResult::Failed { action, error }),
            Err(message) => panicked(action, message),
        };
        let Self { set, spool, results, .. } = self;
        // The last one who lets go of the spool removes it: not after the session hears of this.
        drop(spool);
        results.send(Owner::Set(set), result);
    }

    fn check(&self) -> io::Result<TaskResult> {
        let Self { key, part, spool, .. } = self;
        let key = *key;
        Ok(match part.kind {
            PartKind::Manifest => {
                let head = spool.read_whole(SpoolFile::Manifest, part.size)?;
                let plan = Plan::new(&head, self.payload_size);
                let plan = plan.and_then(|plan| {
                    let present = plan.check(spool.directory(), self.overwrite)?;
                    Ok((plan, present))
                });
                TaskResult::Manifest { key, hash: blake3::hash(&head), plan }
            }
            PartKind::Payload => {
                let hash = sink::hash_extent(spool, part.offset, part.size, &self.cancel)?;
                TaskResult::Extent { key, hash }
            }
            PartKind::DigestList => {
                let tail = spool.read_whole(SpoolFile::DigestList, part.size)?;
                let tail = Digests::parse(&tail, &self.id, self.extents);
                TaskResult::DigestList { key, tail }
            }
        })
    }
}

/// The files of a verified set to be made.
pub(super) struct CarveTask {
    pub(super) set: u64,
    pub(super) sender: SenderId,
    pub(super) id: SetId,
    pub(super) spool: Arc<Spool>,
    pub(super) plan: Arc<Plan>,
    pub(super) overwrite: bool,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) events: Events,
    pub(super) results: TaskResults,
}

impl CarveTask {
    pub(super) fn run(self) {
        let Self { set, sender, id, spool, plan, overwrite, cancel, events, results } = self;
        let carved = guarded(|| {
            sink::place_set(&spool, &plan, overwrite, &cancel, &mut |path, bytes, made| {
                let (path, present) = (path.to_owned(), made == Placed::Present);
                let set = Some(id);
                events.send(ReceiveEvent::FileComplete { sender, set, path, bytes, present });
            })
        });
        let result = match carved {
            Ok(result) => TaskResult::Carved(result),
            Err(message) => panicked(Action::Create, message),
        };
        drop(spool);
        results.send(Owner::Set(set), result);
    }
}

/// A complete file that gets its name.
pub(super) struct PlaceTask {
    pub(super) object: ObjectRef,
    pub(super) file: Arc<StandaloneFile>,
    pub(super) overwrite: bool,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) results: TaskResults,
}

impl PlaceTask {
    pub(super) fn run(self) {
        let Self { object, file, overwrite, cancel, results } = self;
        let result = match guarded(|| file.place(overwrite, &cancel)) {
            Ok(result) => TaskResult::Placed(result),
            Err(message) => panicked(Action::Create, message),
        };
        drop(file);
        results.send(Owner::File(object), result);
    }
}

#[cfg(test)]
mod tests;
