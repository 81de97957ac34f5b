//! How many files of a set are here, and which is at work: for people.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use norm_files::sink::{Plan, Spool, files_here};

use crate::event::ReceiveProgress;

/// Which file got its name last, and how many have theirs: from the thread that places files to
/// that of the session.
#[derive(Debug, Default)]
pub(in super::super) struct Placing {
    count: AtomicU64,
    path: Mutex<PathBuf>,
}

impl Placing {
    /// Another file has its name.
    pub(in super::super) fn note(&self, path: &Path) {
        // Nothing in here panics halfway.
        let mut last = self.path.lock().unwrap_or_else(PoisonError::into_inner);
        last.clear();
        last.push(path);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// The last one; `None` before the first one.
    fn path(&self) -> Option<PathBuf> {
        let path = self.path.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Some(path).filter(|path| !path.as_os_str().is_empty())
    }
}

/// Adds how many files of a set are here; `placing` when they get their names.
pub(super) fn add(
    progress: &mut ReceiveProgress,
    spool: &Spool,
    plan: &Plan,
    placing: Option<&Placing>,
) {
    let here = files_here(spool, plan);
    progress.files_done = progress.files_done.zip(here).map(|(sum, here)| sum + here);
    progress.files_total += plan.names_in(0..plan.file_count());
    progress.file = match placing {
        Some(placing) => {
            progress.files_placed += placing.count.load(Ordering::Relaxed);
            placing.path()
        }
        None => {
            let at = spool.last_written().map(|last| plan.chunks().file_at(last));
            let file = at.and_then(|at| plan.file(at));
            file.map(|file| spool.directory().join(file.path))
        }
    };
}
