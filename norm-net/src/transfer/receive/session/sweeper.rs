//! Resume data that earlier sessions have left in the output directory.

use std::path::PathBuf;
use std::time::Duration;

use norm_core::Timestamp;
use norm_files::sink::{Sweep, sweep, sweep_parts};

/// How often stale data is looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);

/// Removes what is stale.
#[derive(Debug)]
pub(super) struct Sweeper {
    directory: PathBuf,
    next: Timestamp,
}

impl Sweeper {
    /// Removes what is stale, or with `all` everything; returns what there was as well.
    pub(super) fn start(directory: PathBuf, all: bool, now: Timestamp) -> (Self, Sweep) {
        sweep_parts(&directory);
        let found = sweep(&directory, all);
        (Self { directory, next: now + SWEEP_INTERVAL }, found)
    }

    /// Removes what is stale, now and then.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        if now >= self.next {
            self.next = now + SWEEP_INTERVAL;
            sweep_parts(&self.directory);
            sweep(&self.directory, false);
        }
    }
}
