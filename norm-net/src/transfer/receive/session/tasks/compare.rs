//! Comparing what is to come with files that are there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use norm_files::sink::{CompareError, Comparer, Comparison};

use super::done::{SetResult, TaskResults};
use crate::event::Problem;
use crate::io::workers::guarded;
use crate::transfer::receive::session::failure::{cannot_write, not_planned};

/// One thread's part of a comparison.
pub(super) struct CompareTask {
    pub(super) number: u64,
    pub(super) comparison: Arc<Comparison>,
    /// Set when the set is given up, or has failed.
    pub(super) stop: Arc<AtomicBool>,
    /// Set when the session ends.
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) results: TaskResults,
}

impl CompareTask {
    /// Does it, while it is wanted.
    pub(super) fn run(self) {
        let mut comparer = Comparer::default();
        let is_wanted =
            || !self.stop.load(Ordering::Relaxed) && !self.cancel.load(Ordering::Relaxed);
        while is_wanted() {
            let problem = match guarded(|| self.comparison.next(&mut comparer)) {
                Ok(None) => return,
                Ok(Some(Ok(compared))) => {
                    self.results.set(self.number, SetResult::Compared(compared));
                    continue;
                }
                Ok(Some(Err(CompareError::Differs(error)))) => not_planned(error),
                Ok(Some(Err(CompareError::Io(error)))) => {
                    cannot_write(self.comparison.directory(), &error)
                }
                Err(error) => Problem::Internal { error },
            };
            self.stop.store(true, Ordering::Relaxed);
            self.results.set(self.number, SetResult::Failed(problem));
        }
    }
}
