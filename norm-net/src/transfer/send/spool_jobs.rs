//! Runs the jobs of engines that prepare symbols and gather pieces: symbols that are made before
//! they are sent wait in a spool, and what is sent next is put together from there and from files.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use norm_core::endpoint::{GatherJob, JobDone, JobFailed, Piece, PrepareJob};
use norm_core::fec::encode;
use norm_files::source::{Reader, SourceError};

use super::jobs::{attempt, lock};
use super::spool::Spool;
use crate::event::SourceProblem;
use crate::io::workers::Workers;
use crate::stopper::JobResults;
use crate::transfer::spool_file::SpoolFile;

/// Why the spool is of no use; the first reason stays.
#[derive(Clone, Debug, Default)]
pub(super) struct SpoolFailure(Arc<Mutex<Option<SourceProblem>>>);

impl SpoolFailure {
    fn note(&self, spool: &Spool, error: io::Error) {
        let directory = spool.directory().to_owned();
        let problem = SourceProblem::Spool { directory, error: error.into() };
        self.lock().get_or_insert(problem);
    }

    /// The reason, if there is one.
    pub(super) fn take(&self) -> Option<SourceProblem> {
        self.lock().take()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<SourceProblem>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What such jobs need.
#[derive(Debug)]
pub(super) struct SpoolJobs {
    work: Work,
    /// One thread, so that pieces come in the order in which they are asked for.
    gatherers: Workers,
    results: JobResults,
}

/// What every one of them needs, on whatever thread.
#[derive(Clone, Debug)]
struct Work {
    source: Arc<Mutex<Reader>>,
    /// Key of the session's first object.
    first_key: u64,
    spool: Arc<Spool>,
    failure: SpoolFailure,
}

impl SpoolJobs {
    /// With an empty spool in the system's directory for temporary files.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn new(
        source: Arc<Mutex<Reader>>,
        first_key: u64,
        failure: SpoolFailure,
        results: JobResults,
    ) -> io::Result<Self> {
        let spool = Arc::new(Spool::new(SpoolFile::new(norm_files::large_files())));
        let work = Work { source, first_key, spool, failure };
        Ok(Self { work, gatherers: Workers::new("gather", 1)?, results })
    }

    /// Makes symbols: one of `readers` reads the block, one of `encoders` does the rest.
    pub(super) fn prepare(&self, job: PrepareJob, readers: &Workers, encoders: &Arc<Workers>) {
        let (work, results, encoders) =
            (self.work.clone(), self.results.clone(), Arc::clone(encoders));
        readers.submit(move || {
            let read = work.read(&job);
            encoders.submit(move || {
                let result = read.and_then(|source| work.prepare(&job, &source));
                let done = JobDone::Prepare { block: job.source.block, first: job.first, result };
                results.send(done);
            });
        });
    }

    /// Puts pieces together.
    pub(super) fn gather(&self, job: GatherJob) {
        let (work, results) = (self.work.clone(), self.results.clone());
        self.gatherers.submit(move || {
            let result = attempt(&work.source, || work.gather(&job.pieces));
            results.send(JobDone::Gather { number: job.number, result });
        });
    }
}

impl Work {
    /// The content of a block.
    fn read(&self, job: &PrepareJob) -> Result<Bytes, JobFailed> {
        let object = job.source.object.checked_sub(self.first_key);
        attempt(&self.source, || {
            object.and_then(|n| lock(&self.source).read(n, job.source.offset, job.source.len))
        })
    }

    /// Makes and keeps symbols of a block with this content.
    fn prepare(&self, job: &PrepareJob, source: &[u8]) -> Result<(), JobFailed> {
        let PrepareJob { scheme, symbols, symbol_size, first, count, .. } = *job;
        attempt(&self.source, || {
            let coded = encode(scheme, symbols, symbol_size, source, first, count).ok()?;
            let kept = self.spool.keep(job.source.block, first, symbol_size, &coded);
            kept.map_err(|error| self.failure.note(&self.spool, error)).ok()
        })
    }

    /// All pieces back to back; the cause is noted when one is not to be had.
    fn gather(&self, pieces: &[Piece]) -> Option<Bytes> {
        let mut lens = Vec::with_capacity(pieces.len());
        for piece in pieces {
            lens.push(match *piece {
                Piece::Source { len, .. } => len as usize,
                Piece::Prepared { block, first, count } => {
                    let size = self.spool.symbol_size(block, first, count);
                    usize::from(size.or_else(|| self.not_prepared(piece))?) * count as usize
                }
            });
        }
        let mut out = vec![0; lens.iter().sum()];
        let mut rest = out.as_mut_slice();
        for (piece, len) in pieces.iter().zip(lens) {
            let (place, after) = std::mem::take(&mut rest).split_at_mut_checked(len)?;
            self.take(piece, place)?;
            rest = after;
        }
        Some(out.into())
    }

    fn take(&self, piece: &Piece, place: &mut [u8]) -> Option<()> {
        match *piece {
            Piece::Source { object, offset, .. } => {
                let number = object.checked_sub(self.first_key)?;
                lock(&self.source).read_piece(number, offset, place).then_some(())
            }
            Piece::Prepared { block, first, count } => {
                let read = self.spool.read(block, first, count, place);
                read.map_err(|error| self.failure.note(&self.spool, error)).ok()
            }
        }
    }

    /// Symbols are wanted that were never prepared, or are forgotten: an internal error.
    fn not_prepared<T>(&self, piece: &Piece) -> Option<T> {
        let error = format!("symbols were wanted that are not prepared: {piece:?}");
        lock(&self.source).fail(SourceError::Internal(error));
        None
    }
}

#[cfg(test)]
mod tests;
