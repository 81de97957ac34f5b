//! Reading back what was written.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use norm_core::fileset::{ContentId, PartKind, SetId};
use norm_files::sink::{Digests, Part, Plan, PlanError, Spool, SpoolFile, hash_extent};

use super::done::{SetResult, TaskResults};
use crate::event::{Action, Problem};
use crate::io::workers::guarded;
use crate::transfer::receive::session::failure::cannot_write;

/// A part of a set that is written, and what it is to be checked against.
#[derive(Debug)]
pub(in super::super) struct WrittenPart {
    /// Key of its object.
    pub(in super::super) key: u64,
    /// Where it is.
    pub(in super::super) part: Part,
    /// The set.
    pub(in super::super) set: SetId,
    /// Extents of the set.
    pub(in super::super) extents: u32,
    /// Bytes in the payload of the set.
    pub(in super::super) payload_size: u64,
    /// The files.
    pub(in super::super) spool: Arc<Spool>,
}

/// A part to be read back.
pub(super) struct CheckTask {
    pub(super) number: u64,
    pub(super) written: WrittenPart,
    pub(super) overwrite: bool,
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
        let WrittenPart { key, part, spool, .. } = &self.written;
        let key = *key;
        Ok(match part.kind {
            PartKind::Manifest => {
                let manifest = spool.read_whole(SpoolFile::Manifest, part.size)?;
                let hash = blake3::hash(&manifest);
                let plan = self.plan(&manifest);
                if let Ok((plan, _)) = &plan
                    && ContentId::of(&hash) == spool.content()
                {
                    if !self.overwrite {
                        spool.use_files_in_place(plan);
                    }
                    if let Err(error) = spool.check_room(plan) {
                        return Ok(SetResult::Failed(cannot_write(spool.directory(), &error)));
                    }
                }
                SetResult::Manifest { key, hash, plan }
            }
            PartKind::Payload => {
                let hash = hash_extent(spool, part.offset, part.size, &self.cancel)?;
                SetResult::Extent { key, hash }
            }
            PartKind::DigestList => {
                let list = spool.read_whole(SpoolFile::DigestList, part.size)?;
                let digests = Digests::parse(&list, &self.written.set, self.written.extents);
                SetResult::DigestList { key, digests }
            }
        })
    }

    fn plan(
        &self,
        manifest: &[u8],
    ) -> Result<(Plan, Option<norm_files::sink::PresentFiles>), PlanError> {
        let plan = Plan::new(manifest, self.written.payload_size)?;
        let present = plan.check(self.written.spool.directory(), self.overwrite)?;
        Ok((plan, present))
    }
}
