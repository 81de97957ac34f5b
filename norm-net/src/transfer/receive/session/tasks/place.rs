//! Giving files their final names.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use norm_core::endpoint::ObjectRef;
use norm_files::sink::{Plan, Spool, StandaloneFile, place_set};

use super::done::{FileResult, SetResult, TaskResults};
use crate::event::Problem;
use crate::io::workers::guarded;
use crate::transfer::receive::session::notifier::{Notifier, SetRef};
use crate::transfer::receive::session::policy::FilePolicy;

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
        let VerifiedSet { name, spool, plan, failed } = verified;
        let placed = guarded(|| {
            let options = policy.place_options();
            place_set(&spool, &plan, &failed, &options, &cancel, &mut |file| {
                events.file_placed(name, file);
            })
        });
        let result = match placed {
            Ok(result) => SetResult::Placed(result),
            Err(error) => SetResult::Failed(Problem::Internal { error }),
        };
        drop(spool);
        results.set(number, result);
    }
}

/// A complete standalone file to be placed.
pub(super) struct PlaceFileTask {
    pub(super) object: ObjectRef,
    pub(super) file: Arc<StandaloneFile>,
    pub(super) policy: Arc<FilePolicy>,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) results: TaskResults,
}

impl PlaceFileTask {
    /// Does it.
    pub(super) fn run(self) {
        let Self { object, file, policy, cancel, results } = self;
        let result = match guarded(|| file.place(&policy.place_options(), &cancel)) {
            Ok(result) => FileResult::Placed(result),
            Err(error) => FileResult::Failed(Problem::Internal { error }),
        };
        drop(file);
        results.file(object, result);
    }
}
