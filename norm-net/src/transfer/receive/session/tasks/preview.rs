//! Finding out what would become of a set, or of standalone files.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use norm_files::sink::{Digests, Plan, SetPreview};

use super::done::{Owner, TaskResults};
use crate::event::{Action, Problem};
use crate::io::workers::guarded;
use crate::transfer::receive::session::failure::{cannot_write, not_planned};
use crate::transfer::receive::session::policy::FilePolicy;

/// A set, or standalone files, of which all is known that says what would become of it.
#[derive(Debug)]
pub(in super::super) struct PreviewedSet {
    /// Its files.
    pub(in super::super) plan: Arc<Plan>,
    /// Their hashes, if these are known.
    pub(in super::super) digests: Option<Arc<Digests>>,
}

/// What would become of it is to be found out.
pub(super) struct PreviewTask {
    pub(super) owner: Owner,
    pub(super) previewed: PreviewedSet,
    pub(super) policy: Arc<FilePolicy>,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) results: TaskResults,
}

impl PreviewTask {
    /// Does it.
    pub(super) fn run(self) {
        let problem = match guarded(|| self.preview()) {
            Ok(Ok((preview, problem))) => {
                return self.results.previewed(self.owner, Box::new(preview), problem);
            }
            Ok(Err(error)) => {
                let path = self.policy.preview.clone().unwrap_or_default();
                Problem::system(Action::Examine, path, &error)
            }
            Err(error) => Problem::Internal { error },
        };
        self.results.failed(self.owner, problem);
    }

    fn preview(&self) -> io::Result<(SetPreview, Option<Problem>)> {
        let PreviewedSet { plan, digests } = &self.previewed;
        let (overwrite, root) = (self.policy.overwrite, self.policy.preview.as_deref());
        let root = root.ok_or(io::ErrorKind::NotFound)?;
        let (plan, digests) = (Arc::clone(plan), digests.as_deref());
        let preview = SetPreview::new(plan, root, overwrite, digests, &self.cancel)?;
        let preview = match self.owner {
            Owner::Set(_) => {
                let superfluous = self.policy.superfluous(root, preview.plan());
                preview.with_superfluous(superfluous)
            }
            Owner::File(_) => preview,
        };
        let problem = match preview.problem() {
            Some(problem) => Some(not_planned(problem.clone())),
            None => preview.check_room(root).err().map(|error| cannot_write(root, &error)),
        };
        Ok((preview, problem))
    }
}
