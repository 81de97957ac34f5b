//! Looking whether what a receipt lists has changed.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use norm_core::fileset::ContentHash;
use norm_files::receipts::Store;

use super::done::TaskResults;
use crate::io::workers::guarded;
use crate::transfer::receive::session::notifier::SetRef;
use crate::transfer::receive::session::policy::FilePolicy;

/// A receipt to be compared with what is in place.
pub(super) struct ReceiptTask {
    pub(super) name: SetRef,
    pub(super) store: Store,
    pub(super) policy: Arc<FilePolicy>,
    pub(super) directory: PathBuf,
    pub(super) content: ContentHash,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) results: TaskResults,
}

impl ReceiptTask {
    /// Does it.
    pub(super) fn run(self) {
        let Self { name, store, policy, directory, content, cancel, results } = self;
        let unchanged = guarded(|| {
            let header = store.unchanged(&directory, content, &cancel)?;
            // Something else may have to go.
            policy.is_alone(&directory, content).then_some(header)
        });
        // What fails is no reason not to receive.
        results.receipt(name, unchanged.ok().flatten());
    }
}
