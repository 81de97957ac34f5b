//! Bytes on their way to a file, and whether they have got there.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::io::workers::Workers;
use crate::transfer::spool_file::SpoolFile;

/// After a write that failed, as many are refused before the next one is tried.
const PATIENCE: u32 = 10_000;

/// A file and the thread that writes to it.
#[derive(Debug)]
pub(super) struct Disk {
    shared: Arc<Shared>,
    writer: Arc<Workers>,
    /// Writes refused since one failed.
    refused: AtomicU32,
}

/// What the writing thread has, too.
#[derive(Debug)]
struct Shared {
    file: Arc<SpoolFile>,
    /// Bytes on their way to the disk.
    writing: AtomicUsize,
    /// A write has failed.
    has_failed: AtomicBool,
    /// Why the first one did.
    failure: Mutex<Option<io::Error>>,
}

/// Bytes that are written at once.
#[derive(Debug)]
pub(super) struct Run {
    len: u64,
    state: Mutex<RunState>,
}

/// What has become of them.
#[derive(Debug)]
pub(super) enum RunState {
    /// To be written.
    Waiting(Vec<u8>),
    /// They are in the file.
    Written,
    /// They could not be written.
    Lost,
}

impl Run {
    /// How many.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// What has become of them; waits while they are being written.
    pub(super) fn lock(&self) -> MutexGuard<'_, RunState> {
        // Nothing in here panics halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when it is known to be written, without waiting for one that is being written.
    pub(super) fn is_written(&self) -> bool {
        self.state.try_lock().is_ok_and(|state| matches!(*state, RunState::Written))
    }
}

impl Disk {
    /// This file, and a thread that others may use, too.
    pub(super) fn new(file: SpoolFile, writer: Arc<Workers>) -> Self {
        let shared = Shared {
            file: Arc::new(file),
            writing: AtomicUsize::new(0),
            has_failed: AtomicBool::new(false),
            failure: Mutex::new(None),
        };
        Self { shared: Arc::new(shared), writer, refused: AtomicU32::new(0) }
    }

    /// The file.
    pub(super) fn file(&self) -> Arc<SpoolFile> {
        Arc::clone(&self.shared.file)
    }

    /// The thread.
    pub(super) fn writer(&self) -> Arc<Workers> {
        Arc::clone(&self.writer)
    }

    /// Bytes on their way to the disk.
    pub(super) fn writing(&self) -> usize {
        self.shared.writing.load(Ordering::Relaxed)
    }

    /// Why bytes could not be written; told once.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        self.shared.failure().take()
    }

    /// False for a while after a write has failed; counts how often it is asked meanwhile.
    pub(super) fn may_write(&self) -> bool {
        if !self.shared.has_failed.load(Ordering::Relaxed) {
            return true;
        }
        let may = self.refused.fetch_add(1, Ordering::Relaxed) + 1 >= PATIENCE;
        if may {
            self.try_again();
        }
        may
    }

    /// There may be room again.
    pub(super) fn try_again(&self) {
        self.refused.store(0, Ordering::Relaxed);
        self.shared.has_failed.store(false, Ordering::Relaxed);
    }

    /// Has bytes written, unless the run that is returned is dropped before.
    pub(super) fn write(&self, bytes: Vec<u8>, offset: u64) -> Arc<Run> {
        let len = bytes.len();
        let run = Run { len: len as u64, state: Mutex::new(RunState::Waiting(bytes)) };
        let run = Arc::new(run);
        let (shared, written) = (Arc::clone(&self.shared), Arc::clone(&run));
        shared.writing.fetch_add(len, Ordering::Relaxed);
        self.writer.submit(move || shared.write(written, offset));
        run
    }

    /// Has all room given back.
    pub(super) fn clear(&self) {
        let file = self.file();
        self.writer.submit(move || file.clear());
    }
}

impl Shared {
    /// Writes a run, unless it is not wanted any more.
    fn write(&self, run: Arc<Run>, offset: u64) {
        if Arc::strong_count(&run) > 1 {
            let mut state = run.lock();
            if let RunState::Waiting(bytes) = &*state {
                *state = match self.file.write(bytes, offset) {
                    Ok(()) => RunState::Written,
                    Err(error) => {
                        self.failure().get_or_insert(error);
                        self.has_failed.store(true, Ordering::Relaxed);
                        RunState::Lost
                    }
                };
            }
        }
        let len = run.len as usize;
        drop(run);
        self.writing.fetch_sub(len, Ordering::Relaxed);
    }

    fn failure(&self) -> MutexGuard<'_, Option<io::Error>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
