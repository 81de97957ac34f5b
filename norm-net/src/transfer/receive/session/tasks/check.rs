//! Reading back what was written.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use norm_core::fileset::{ContentError, Manifest, digest_list_len};
use norm_files::KeptBytes;
use norm_files::sink::{Plan, PlanError, Reading, Spool, SpoolFile, hash_chunks};

use super::done::{Planned, SetResult, TaskResults};
use crate::event::{Action, Problem};
use crate::io::workers::guarded;
use crate::transfer::receive::session::failure::cannot_write;
use crate::transfer::receive::session::policy::FilePolicy;

/// What is to be read back of a set.
#[derive(Debug)]
pub(in super::super) enum Check {
    /// A manifest of this many bytes, which is the object with this key.
    Manifest { key: u64, size: u64 },
    /// What is not hashed of a range of the payload.
    Payload { range: Range<u64>, which: Reading },
    /// A digest list of this many bytes, which is the object with this key.
    DigestList { key: u64, size: u64 },
}

/// A part of a set that is written, and what it is to be checked against.
#[derive(Debug)]
pub(in super::super) struct WrittenPart {
    /// The part.
    pub(in super::super) check: Check,
    /// Bytes in the payload of the set.
    pub(in super::super) payload_size: u64,
    /// Bytes in its digest list.
    pub(in super::super) list_size: u64,
    /// The digest list comes before the payload.
    pub(in super::super) list_first: bool,
    /// The files.
    pub(in super::super) spool: Arc<Spool>,
}

/// A part to be read back.
pub(super) struct CheckTask {
    pub(super) number: u64,
    pub(super) written: WrittenPart,
    pub(super) policy: Arc<FilePolicy>,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) results: TaskResults,
}

impl CheckTask {
    /// Does it.
    pub(super) fn run(self) {
        self.run_with(Self::check);
    }

    /// [`run`](Self::run) with another way to check.
    pub(super) fn run_with(self, check: impl FnOnce(&Self) -> io::Result<SetResult>) {
        let result = match guarded(|| check(&self)) {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => {
                let path = self.written.spool.directory();
                SetResult::Failed(Problem::system(Action::ReadBack, path, &error))
            }
            Err(error) => SetResult::Failed(Problem::Internal { error }),
        };
        let Self { number, written, results, .. } = self;
        // The spool's last holder removes its files: that must not be after the session hears of
        // this.
        drop(written);
        results.set(number, result);
    }

    fn check(&self) -> io::Result<SetResult> {
        let spool = &self.written.spool;
        Ok(match self.written.check {
            Check::Manifest { key, size } => {
                let manifest = spool.read_whole(SpoolFile::Manifest, size)?;
                let hash = Manifest::parse(&manifest).ok().map(|manifest| manifest.hash());
                let plan = self.plan(manifest);
                if let Ok(Planned { plan, present, .. }) = &plan
                    && hash == Some(spool.content())
                {
                    spool.know_files(plan);
                    if let Err(problem) = self.prepare(plan, present.is_some()) {
                        return Ok(SetResult::Failed(problem));
                    }
                    if self.policy.overwrite && self.written.list_first {
                        // Those that turn out to differ need room after all.
                        spool.use_files_in_place(plan);
                    }
                }
                SetResult::Manifest { key, hash, plan }
            }
            Check::Payload { ref range, which } => {
                let damaged = hash_chunks(spool, range.clone(), which, &self.cancel)?;
                SetResult::Payload { damaged }
            }
            Check::DigestList { key, size } => {
                let list = spool.read_whole(SpoolFile::DigestList, size)?;
                let digests = spool.parse_digests(list, &self.cancel)?.map(Arc::new);
                SetResult::DigestList { key, digests }
            }
        })
    }

    /// Prepares what content is written to; in a dry run there is none. Files that are present may
    /// have it.
    fn prepare(&self, plan: &Plan, are_present: bool) -> Result<(), Problem> {
        let spool = &self.written.spool;
        if self.policy.preview.is_some() {
            return Ok(());
        }
        if are_present {
            spool.use_files_in_place(plan);
        }
        spool.check_room(plan).map_err(|error| cannot_write(spool.directory(), &error))
    }

    fn plan(&self, manifest: KeptBytes) -> Result<Planned, PlanError> {
        let WrittenPart { payload_size, list_size, ref spool, .. } = self.written;
        let mut plan = Plan::of(manifest, payload_size)?;
        if digest_list_len(plan.chunks().chunks()) != list_size {
            return Err(PlanError::Content(ContentError::SizeMismatch));
        }
        let unmatched = self.policy.only.as_ref().map(|only| only.choose(&mut plan));
        if unmatched.is_some() && plan.is_empty() {
            return Err(PlanError::NothingWanted);
        }
        if !self.policy.allow_sparse {
            plan.check_sparse()?;
        }
        let present = match self.policy.preview {
            // All that is in the way is of interest, and not only the first.
            Some(_) => None,
            None => plan.check(spool.directory(), self.policy.overwrite)?,
        };
        Ok(Planned { plan, present, unmatched: unmatched.unwrap_or_default() })
    }
}
