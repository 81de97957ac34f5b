//! Which file is being read.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The file that was read last: from the thread that reads to that of the session. Copies share it.
#[derive(Clone, Debug, Default)]
pub struct CurrentFile(Arc<Mutex<Option<PathBuf>>>);

impl CurrentFile {
    /// Where it is; `None` before anything was read.
    pub fn path(&self) -> Option<PathBuf> {
        // Nothing in here panics halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, path: PathBuf) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
    }
}
