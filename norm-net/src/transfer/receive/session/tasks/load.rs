//! How busy the disk is.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// Blocks that wait to be written, and the time that writing takes.
#[derive(Debug, Default)]
pub(in super::super) struct DiskLoad {
    waiting: AtomicUsize,
    /// In nanoseconds, of all threads.
    written_for: AtomicU64,
}

impl DiskLoad {
    /// A block waits to be written.
    pub(super) fn waits(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// It waits no longer.
    pub(super) fn settled(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Writes, and notes how long that takes.
    pub(super) fn writing<T>(&self, write: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = write();
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.written_for.fetch_add(nanos, Ordering::Relaxed);
        result
    }

    /// Blocks that wait to be written, or are being written.
    pub(in super::super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Time that writing has taken so far, in nanoseconds, of all threads.
    pub(in super::super) fn written_for(&self) -> u64 {
        self.written_for.load(Ordering::Relaxed)
    }
}
