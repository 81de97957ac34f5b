//! Files of a set that can no longer be sent: they have changed, are gone or cannot be read.

use std::mem;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::read_error::SourceError;

/// A file that can no longer be sent. Zeros take the place of its content.
#[derive(Debug)]
pub struct WithdrawnFile {
    /// Its number in the manifest.
    pub entry: u32,
    /// Where it was.
    pub path: PathBuf,
    /// Why it cannot be sent.
    pub error: SourceError,
    /// Where its content is in the session's objects: the numbers of these, and bytes in them.
    pub parts: Vec<(u64, Range<u64>)>,
}

/// News of withdrawn files: from the thread that reads to that of the session. Copies share them.
#[derive(Clone, Debug, Default)]
pub struct Withdrawals(Arc<News>);

#[derive(Debug, Default)]
struct News {
    files: Mutex<Vec<WithdrawnFile>>,
    /// There are some.
    any: AtomicBool,
}

impl Withdrawals {
    /// Takes the files that were withdrawn since the last call.
    pub fn take(&self) -> Vec<WithdrawnFile> {
        if !self.0.any.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        mem::take(&mut self.files())
    }

    pub(super) fn push(&self, file: WithdrawnFile) {
        self.files().push(file);
        self.0.any.store(true, Ordering::Release);
    }

    fn files(&self) -> MutexGuard<'_, Vec<WithdrawnFile>> {
        // Nothing in here panics halfway.
        self.0.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
