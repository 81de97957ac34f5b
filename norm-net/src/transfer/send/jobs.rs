//! Runs the engine's jobs: one thread reads in order, and as many as there are cores make repair
//! symbols, unless that is done at once (see [`crate::io::inline`]). What engines have prepared and
//! gathered is the work of `spool_jobs`.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

use bytes::Bytes;
use norm_core::endpoint::{EncodeJob, GatherJob, Job, JobDone, JobFailed, PrepareJob, ReadJob};
use norm_core::fec::encode;

use super::spool_jobs::{SpoolFailure, SpoolJobs};
use super::withdrawn::problem;
use crate::event::SourceProblem;
use crate::io::inline::Inline;
use crate::io::workers::{Workers, guarded};
use crate::stopper::JobResults;
use norm_files::source::{CurrentFile, Reader, SourceError, Withdrawals, WithdrawnFile};

#[derive(Debug)]
pub(super) struct Jobs {
    /// Used by the reading thread alone until the session is over or has failed.
    source: Arc<Mutex<Reader>>,
    /// What cannot be read of it.
    withdrawals: Withdrawals,
    /// What was read last of it.
    current: CurrentFile,
    /// Key of the set's first object.
    first_key: u64,
    quick: Inline,
    readers: Workers,
    encoders: Arc<Workers>,
    /// For engines that prepare what they send; made when one does.
    spool: Option<SpoolJobs>,
    spool_failure: SpoolFailure,
    results: JobResults,
}

impl Jobs {
    pub(super) fn new(source: Reader, first_key: u64, results: JobResults) -> io::Result<Self> {
        let cores = available_parallelism().map_or(1, usize::from);
        Ok(Self {
            withdrawals: source.withdrawals(),
            current: source.current(),
            source: Arc::new(Mutex::new(source)),
            first_key,
            quick: Inline::new(),
            readers: Workers::new("read", 1)?,
            encoders: Arc::new(Workers::new("encode", cores)?),
            spool: None,
            spool_failure: SpoolFailure::default(),
            results,
        })
    }

    /// Does a job, or has it done: then the result comes later.
    pub(super) fn start(&mut self, job: Job) -> Option<JobDone> {
        match job {
            Job::Read(job) => {
                self.read(job);
                None
            }
            Job::Encode(job) => self.encode(job),
            Job::Prepare(job) => {
                let PrepareJob { source: ReadJob { block, .. }, first, .. } = job;
                if self.open_spool() {
                    let spool = self.spool.as_ref()?;
                    spool.prepare(job, &self.readers, &self.encoders);
                    return None;
                }
                Some(JobDone::Prepare { block, first, result: Err(JobFailed) })
            }
            Job::Gather(job) if self.open_spool() => {
                self.spool.as_ref()?.gather(job);
                None
            }
            Job::Gather(GatherJob { number, .. }) => {
                Some(JobDone::Gather { number, result: Err(JobFailed) })
            }
            Job::Store(_) | Job::Recall(_) => None, // senders have none
        }
    }

    /// Makes what prepares and gathers, unless it is there. False when the system refuses a thread;
    /// the source keeps the reason.
    fn open_spool(&mut self) -> bool {
        if self.spool.is_none() {
            let (source, failure) = (Arc::clone(&self.source), self.spool_failure.clone());
            match SpoolJobs::new(source, self.first_key, failure, self.results.clone()) {
                Ok(spool) => self.spool = Some(spool),
                Err(error) => self.source().fail(SourceError::Internal(error.to_string())),
            }
        }
        self.spool.is_some()
    }

    /// Why a job failed, if that is known.
    pub(super) fn take_failure(&self) -> Option<SourceProblem> {
        let failure = self.source().take_failure().map(problem);
        failure.or_else(|| self.spool_failure.take())
    }

    /// The source, once the reading thread is idle.
    pub(super) fn source(&self) -> MutexGuard<'_, Reader> {
        lock(&self.source)
    }

    /// Key of the set's first object.
    pub(super) fn first_key(&self) -> u64 {
        self.first_key
    }

    /// The files that were withdrawn since the last call.
    pub(super) fn withdrawn(&self) -> Vec<WithdrawnFile> {
        self.withdrawals.take()
    }

    /// The file that was read last.
    pub(super) fn current_file(&self) -> Option<PathBuf> {
        self.current.path()
    }

    fn read(&self, job: ReadJob) {
        let (source, results) = (Arc::clone(&self.source), self.results.clone());
        let object = job.object.checked_sub(self.first_key);
        self.readers.submit(move || {
            let result = attempt(&source, || {
                object.and_then(|n| lock(&source).read(n, job.offset, job.len))
            });
            results.send(JobDone::Read { block: job.block, result });
        });
    }

    fn encode(&mut self, job: EncodeJob) -> Option<JobDone> {
        let failures = Arc::clone(&self.source);
        let solves = job.scheme.solves();
        let work = move || {
            let EncodeJob { block, scheme, symbols, symbol_size, source, first, count } = job;
            let result = attempt(&failures, || {
                let coded = encode(scheme, symbols, symbol_size, &source, first, count);
                coded.ok().map(Bytes::from)
            });
            JobDone::Encode { block, first, result }
        };
        match if solves { Err(work) } else { self.quick.attempt(work) } {
            Ok(done) => Some(done),
            Err(work) => {
                let results = self.results.clone();
                self.encoders.submit(move || results.send(work()));
                None
            }
        }
    }
}

/// Does the work of a job. A panic fails the job like anything else, and the source keeps its
/// message for the report.
pub(super) fn attempt<T>(
    source: &Mutex<Reader>,
    work: impl FnOnce() -> Option<T>,
) -> Result<T, JobFailed> {
    let done = guarded(work).unwrap_or_else(|message| {
        lock(source).fail(SourceError::Internal(message));
        None
    });
    done.ok_or(JobFailed)
}

pub(super) fn lock(source: &Mutex<Reader>) -> MutexGuard<'_, Reader> {
    // A panic while reading leaves nothing worse than a set that no longer hashes.
    source.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use norm_files::source::scan;

    #[test]
    fn panic_fails_the_job_and_its_message_is_kept_for_the_report() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), b"content").unwrap();
        let found = scan(&[dir.path().to_owned()]).unwrap();
        let source = Mutex::new(Reader::of_files(vec![0], found));
        assert!(attempt(&source, || lock(&source).read(0, 0, 7)).is_ok());
        let failed: Result<(), _> = attempt(&source, || {
            let _held = lock(&source);
            panic!("on purpose")
        });
        assert_eq!(failed, Err(JobFailed));
        let reason = lock(&source).take_failure().map(|error| error.to_string());
        assert!(reason.is_some_and(|reason| reason.ends_with("on purpose")));
        assert!(attempt(&source, || lock(&source).read(0, 0, 7)).is_ok(), "the lock is usable");
    }
}
