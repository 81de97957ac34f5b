//! Writing what arrives.

use std::io;
use std::ops::Range;
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

    /// Reads what is in its place.
    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Part(spool, part) => spool.read_held(buffer, part.offset + offset),
            Self::File(_) => Err(io::ErrorKind::NotFound.into()),
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
            StoreOutcome::Written | StoreOutcome::HeldLost | StoreOutcome::Failed => {
                self.returns.release(slot, self.held);
            }
        }
        JobDone::Store { slot, outcome }
    }

    fn store(&mut self) -> StoreOutcome {
        if self.held.load().is_err() {
            return StoreOutcome::HeldLost;
        }
        if self.job.decode {
            if self.read_held().is_err() {
                return StoreOutcome::HeldLost;
            }
            if !self.held.buffer.recover() {
                return StoreOutcome::NeedMore;
            }
        }
        match self.load.writing(|| self.write()) {
            Ok(()) => StoreOutcome::Written,
            Err(error) => {
                self.failures.failed(self.owner, cannot_write(self.target.path(), &error));
                StoreOutcome::Failed
            }
        }
    }

    /// Takes the symbols that are in their places into the block: all of them, or none.
    fn read_held(&mut self) -> io::Result<()> {
        let BlockGeometry { symbol_size, offset, len, .. } = self.job.geometry;
        let size = usize::from(symbol_size);
        let mut runs = Vec::with_capacity(self.job.held.len());
        for run in &self.job.held {
            let bytes = byte_range(run, symbol_size, len);
            let mut there = vec![0; (bytes.end - bytes.start) as usize];
            self.target.read(&mut there, offset + u64::from(bytes.start))?;
            runs.push((run.start, there));
        }
        for (first, there) in runs {
            for (symbol, bytes) in (first..).zip(there.chunks(size.max(1))) {
                // One that an earlier attempt has read is there already.
                self.held.buffer.put(symbol, bytes);
            }
        }
        Ok(())
    }

    /// Writes what was not in its place before.
    fn write(&self) -> io::Result<()> {
        let BlockGeometry { symbol_size, offset, len, .. } = self.job.geometry;
        let buffer = &self.held.buffer;
        if !self.job.decode {
            let mut runs = buffer.runs();
            return runs
                .try_for_each(|(at, bytes)| self.target.write(bytes, offset + u64::from(at)));
        }
        let held = self.job.held.iter().map(|run| byte_range(run, symbol_size, len));
        let mut at = 0;
        for next in held.chain(std::iter::once(len..len)) {
            let new = buffer.source().get(at as usize..next.start as usize).unwrap_or_default();
            if !new.is_empty() {
                self.target.write(new, offset + u64::from(at))?;
            }
            at = next.end;
        }
        Ok(())
    }
}

/// Where a run of symbols is in a block of `len` bytes.
fn byte_range(run: &Range<u32>, symbol_size: u16, len: u32) -> Range<u32> {
    let byte = |symbol: u32| symbol.saturating_mul(symbol_size.into()).min(len);
    byte(run.start)..byte(run.end)
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
