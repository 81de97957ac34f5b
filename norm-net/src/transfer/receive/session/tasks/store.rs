//! Writing what arrives.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use norm_core::endpoint::{BlockGeometry, JobDone, StoreJob, StoreOutcome};
use norm_files::sink::{Part, Spool, StandaloneFile};

use super::done::{Owner, SetResult, TaskResults};
use super::load::DiskLoad;
use crate::event::Problem;
use crate::io::workers::guarded;
use crate::transfer::receive::session::failure::cannot_write;
use crate::transfer::receive::store::{Held, Returns};

/// Where the blocks of an object are written.
pub(in super::super) enum Target {
    /// To a part of a set's spool.
    Part(Arc<Spool>, Part),
    /// To a standalone file.
    File(Arc<StandaloneFile>),
}

impl Target {
    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Part(spool, part) => spool.write_block(part, bytes, offset),
            Self::File(file) => file.write(bytes, offset),
        }
    }

    /// A block is in memory, and is to be written.
    pub(super) fn announce(&self, geometry: &BlockGeometry) {
        if let Self::Part(spool, part) = self {
            spool.announce(part, geometry.offset, geometry.len.into());
        }
    }

    /// It is written, or never will be.
    fn settle(&self, geometry: &BlockGeometry) {
        if let Self::Part(spool, part) = self {
            spool.settle(part, geometry.offset, geometry.len.into());
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Part(spool, _) => spool.directory(),
            Self::File(file) => file.target(),
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
    pub(super) load: Arc<DiskLoad>,
}

impl StoreTask {
    /// Does it. The buffer has gone back when this returns.
    pub(super) fn run(self) -> JobDone {
        self.run_with(Self::store)
    }

    /// [`run`](Self::run) with another way to store.
    pub(super) fn run_with(mut self, store: impl FnOnce(&mut Self) -> StoreOutcome) -> JobDone {
        let slot = self.job.slot;
        let outcome = guarded(|| store(&mut self)).unwrap_or_else(|message| {
            self.failures.failed(self.owner, Problem::Internal { error: message });
            StoreOutcome::Failed
        });
        self.target.settle(&self.job.geometry);
        self.load.settled();
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
        let (bytes, offset) = (self.held.buffer.source(), self.job.geometry.offset);
        match self.load.writing(|| self.target.write(bytes, offset)) {
            Ok(()) => StoreOutcome::Written,
            Err(error) => {
                self.failures.failed(self.owner, cannot_write(self.target.path(), &error));
                StoreOutcome::Failed
            }
        }
    }
}

/// Room to be taken for a payload.
pub(super) struct RoomTask {
    pub(super) number: u64,
    pub(super) spool: Arc<Spool>,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) results: TaskResults,
}

impl RoomTask {
    /// Does it, while the set is being received.
    pub(super) fn run(self) {
        let Self { number, spool, cancel, results } = self;
        // When the task alone holds the spool, the set was given up.
        let wanted = || Arc::strong_count(&spool) > 1 && !cancel.load(Ordering::Relaxed);
        let problem = match guarded(|| spool.take_room(wanted)) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => cannot_write(spool.directory(), &error),
            Err(error) => Problem::Internal { error },
        };
        drop(spool);
        results.set(number, SetResult::Failed(problem));
    }
}
