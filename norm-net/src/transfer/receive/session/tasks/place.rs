//! Giving files their final names.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use norm_core::endpoint::ObjectRef;
use norm_core::transfer::FileContent;
use norm_files::sink::{
    PlaceError, Plan, Removed, Spool, StandaloneFile, WholeSet, keep_receipt, place_set,
};

use super::content;
use super::done::{FileResult, SetResult, TaskResults};
use crate::event::Problem;
use crate::io::workers::guarded;
use crate::transfer::receive::session::notifier::{Notifier, SetRef};
use crate::transfer::receive::session::policy::FilePolicy;
use crate::transfer::receive::session::set_job::Placing;

/// A set that is verified, and what becomes of it.
#[derive(Debug)]
pub(in super::super) struct VerifiedSet {
    /// The set.
    pub(in super::super) name: SetRef,
    /// The files.
    pub(in super::super) spool: Arc<Spool>,
    /// What becomes of them.
    pub(in super::super) plan: Arc<Plan>,
    /// Files that have failed, by their places in the plan.
    pub(in super::super) failed: BTreeSet<usize>,
    /// What a receipt says of it, if all of it is wanted and right.
    pub(in super::super) whole: Option<WholeSet>,
    /// How far placing them is.
    pub(in super::super) placing: Arc<Placing>,
}

/// The files of a verified set to be placed.
pub(super) struct PlaceSetTask {
    pub(super) number: u64,
    pub(super) verified: VerifiedSet,
    pub(super) policy: Arc<FilePolicy>,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) events: Notifier,
    pub(super) results: TaskResults,
}

impl PlaceSetTask {
    /// Does it, and says of each file that it is complete.
    pub(super) fn run(self) {
        let Self { number, verified, policy, cancel, events, results } = self;
        let VerifiedSet { name, spool, plan, failed, whole, placing } = verified;
        let began = SystemTime::now();
        let placed = guarded(|| {
            let options = policy.place_options();
            let mut placed = place_set(&spool, &plan, &failed, &options, &cancel, &mut |file| {
                placing.note(file.path);
                events.file_placed(name, file);
            })?;
            if whole.is_some() {
                let gone = &mut |path: &Path| events.file_removed(name, path);
                placed.removed = remove_superfluous(&policy, &spool, &plan, &cancel, gone)?;
            }
            Ok(placed)
        });
        if let (Ok(Ok(_)), Some(store), Some(whole)) = (&placed, &policy.receipts, &whole) {
            // Without one it is received again, should it be sent again.
            let _ = guarded(|| keep_receipt(store, &spool, &plan, whole, began));
        }
        let result = match placed {
            Ok(result) => SetResult::Placed(result),
            Err(error) => SetResult::Failed(Problem::Internal { error }),
        };
        drop(spool);
        results.set(number, result);
    }
}

/// Removes what earlier sets had and this one, which is in place, has not.
fn remove_superfluous(
    policy: &FilePolicy,
    spool: &Spool,
    plan: &Plan,
    cancel: &AtomicBool,
    gone: &mut dyn FnMut(&Path),
) -> Result<Removed, PlaceError> {
    let root = spool.directory();
    let superfluous = policy.superfluous(root, plan);
    if superfluous.is_empty() {
        return Ok(Removed::default());
    }
    let removed = superfluous.remove(root, plan, policy.backup.as_ref(), cancel, gone);
    removed.map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => PlaceError::Stopped,
        _ => PlaceError::Io(root.to_owned(), error.into()),
    })
}

/// A complete standalone file to be placed.
pub(super) struct PlaceFileTask {
    pub(super) object: ObjectRef,
    pub(super) file: Arc<StandaloneFile>,
    /// What its sender says of its content.
    pub(super) content: FileContent,
    pub(super) policy: Arc<FilePolicy>,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) results: TaskResults,
}

impl PlaceFileTask {
    /// Does it.
    pub(super) fn run(self) {
        let Self { object, file, content, policy, cancel, results } = self;
        let place = || match content::settle(&file, &content) {
            Ok(()) => FileResult::Placed(file.place(&policy.place_options(), &cancel)),
            Err(problem) => FileResult::Failed(problem),
        };
        let result =
            guarded(place).unwrap_or_else(|error| FileResult::Failed(Problem::Internal { error }));
        drop(file);
        results.file(object, result);
    }
}
