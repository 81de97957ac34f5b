//! Completes a directory from sources: what is there already is kept, and the rest is fetched chunk
//! by chunk from whichever source has it.
//!
//! The manifest and the digest list come from the first source that has them. From then on each
//! source is only as good as what it sends: a chunk counts when it has its hash, and a source that
//! sends a wrong one is asked no more. What is complete is placed as after a session, and what is
//! not stays for the next time.

mod disk;
mod error;
mod event;
mod lists;
mod options;
mod schedule;
mod source;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::client::HttpError;
use disk::{Disk, Prepared};
pub use error::FillError;
pub use event::{FillEvent, FillProgress, FillReport, SourceReport};
use lists::Lists;
pub use options::FillOptions;
use source::Source;

/// Threads that hash and write at most.
const MAX_WRITERS: usize = 4;
/// How often it is looked whether all is written.
const WRITE_CHECK: Duration = Duration::from_millis(1);

/// Fetches what is missing, and returns when all is there and verified. `watch` hears what happens;
/// `stop` ends it from elsewhere, within about a quarter of a second.
///
/// # Errors
/// When no source has what is wanted, when what they have is wrong, when something is in the way or
/// cannot be written, and when it was stopped.
pub fn fill(
    options: &FillOptions,
    stop: &Arc<AtomicBool>,
    watch: &mut dyn FnMut(FillEvent),
) -> Result<FillReport, FillError> {
    let began = Instant::now();
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(MAX_WRITERS)
        .build()
        .map_err(|error| FillError::Thread(error.into()))?;
    let filled = fill_with(&runtime, options, stop, watch, began);
    // Names may still be looked up.
    runtime.shutdown_background();
    filled
}

fn fill_with(
    runtime: &tokio::runtime::Runtime,
    options: &FillOptions,
    stop: &Arc<AtomicBool>,
    watch: &mut dyn FnMut(FillEvent),
    began: Instant,
) -> Result<FillReport, FillError> {
    let mut sources: Vec<Source> = options.sources.iter().map(Source::new).collect();
    let prepared = loop {
        let lists = runtime.block_on(work::unless(stop, Lists::get(&mut sources, options, watch)));
        let lists = lists.ok_or(FillError::Stopped)??;
        match Disk::prepare(options, &lists, stop, watch) {
            Err(FillError::Lists(url)) if sources.len() > 1 => {
                sources.retain(|source| source.named != url);
                let error = HttpError::Content("its list of hashes is not that of its files");
                watch(FillEvent::SourceFailed { url, error, is_over: true });
            }
            prepared => break prepared?,
        }
    };
    let disk = match prepared {
        Prepared::Unchanged(report) => {
            return Ok(FillReport { elapsed: began.elapsed(), ..*report });
        }
        Prepared::Disk(disk) => Arc::new(*disk),
    };
    let mut reports: Vec<SourceReport> = Vec::new();
    let missing = disk.missing();
    if !missing.is_empty() {
        let work = work::fetch(Arc::clone(&disk), sources, missing, Arc::clone(stop), watch);
        let (told, result) = LocalSet::new().block_on(runtime, work);
        reports = told;
        result?;
    }
    if stop.load(Ordering::Relaxed) {
        return Err(FillError::Stopped);
    }
    let report = alone(disk).finish(options, stop, watch)?;
    Ok(FillReport { sources: reports, elapsed: began.elapsed(), ..report })
}

/// Waits until no thread writes any more: files are about to be made of what is written.
fn alone(mut disk: Arc<Disk>) -> Disk {
    loop {
        match Arc::try_unwrap(disk) {
            Ok(disk) => return disk,
            Err(shared) => disk = shared,
        }
        thread::sleep(WRITE_CHECK);
    }
}

#[cfg(test)]
mod tests;
