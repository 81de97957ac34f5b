//! Symbols that are made before they are sent, in a temporary file without a name.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::transfer::regions::{Region, Regions};
use crate::transfer::spool_file::SpoolFile;

/// Keeps of each block the symbols of the last two jobs. For any thread.
#[derive(Debug)]
pub(super) struct Spool {
    file: SpoolFile,
    table: Mutex<Table>,
}

/// What is where.
#[derive(Debug, Default)]
struct Table {
    regions: Regions,
    /// By the running number of the block; the newer one last.
    blocks: HashMap<u64, [Option<Run>; 2]>,
    /// Given to runs, so that one is known from another at the same place.
    numbers: u64,
}

/// The symbols of a job.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Run {
    number: u64,
    first: u32,
    count: u32,
    symbol_size: u16,
    region: Region,
    /// They are in the file.
    is_written: bool,
}

impl Run {
    /// Where these symbols are in the file; `None` when they are not of the run.
    fn place(&self, first: u32, count: u32) -> Option<u64> {
        let before = first.checked_sub(self.first)?;
        let fits = before.checked_add(count)? <= self.count;
        let offset = u64::from(before) * u64::from(self.symbol_size);
        (self.is_written && fits).then_some(self.region.start + offset)
    }
}

impl Spool {
    /// An empty one.
    pub(super) fn new(file: SpoolFile) -> Self {
        Self { file, table: Mutex::default() }
    }

    /// The directory of its file.
    pub(super) fn directory(&self) -> &Path {
        self.file.directory()
    }

    /// Keeps the symbols from `first` on of a block, back to back. The older ones of two that are
    /// there are forgotten.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn keep(
        &self,
        block: u64,
        first: u32,
        symbol_size: u16,
        symbols: &[u8],
    ) -> io::Result<()> {
        let count = symbols.len() / usize::from(symbol_size).max(1);
        let number = {
            let mut table = self.lock();
            table.numbers += 1;
            let (number, region) = (table.numbers, table.make_room(block, symbols.len() as u64));
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            let run = Run { number, first, count, symbol_size, region, is_written: false };
            let runs = table.blocks.entry(block).or_default();
            runs[1] = Some(run);
            run
        };
        self.file.write(symbols, number.region.start)?;
        let mut table = self.lock();
        let runs = table.blocks.get_mut(&block).into_iter().flatten().flatten();
        runs.filter(|run| run.number == number.number).for_each(|run| run.is_written = true);
        Ok(())
    }

    /// Bytes per symbol of these symbols, if all of them are here.
    pub(super) fn symbol_size(&self, block: u64, first: u32, count: u32) -> Option<u16> {
        self.lock().find(block, first, count).map(|(run, _)| run.symbol_size)
    }

    /// Reads symbols of one job into `out`, which is as long as they are.
    ///
    /// # Errors
    /// When they are not here, or not any more, or cannot be read.
    pub(super) fn read(
        &self,
        block: u64,
        first: u32,
        count: u32,
        out: &mut [u8],
    ) -> io::Result<()> {
        let found = self.lock().find(block, first, count);
        let (run, place) = found.ok_or(io::ErrorKind::NotFound)?;
        self.file.read(out, place)?;
        // Another one may have been written there meanwhile.
        let is_there = self.lock().find(block, first, count).is_some_and(|(now, _)| now == run);
        if is_there { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing in here panics halfway.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Forgets the older run of a block if there are two; a region for a new one, whose place is
    /// the last then.
    fn make_room(&mut self, block: u64, size: u64) -> Region {
        let runs = self.blocks.entry(block).or_default();
        let older = runs[0].take();
        runs[0] = runs[1].take();
        match older {
            Some(run) if run.region.size >= size => run.region,
            Some(run) => {
                let region = self.regions.take(size);
                self.regions.give_back(run.region);
                region
            }
            None => self.regions.take(size),
        }
    }

    fn find(&self, block: u64, first: u32, count: u32) -> Option<(Run, u64)> {
        let runs = self.blocks.get(&block)?.iter().rev().flatten();
        runs.filter_map(|run| Some((*run, run.place(first, count)?))).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u16 = 4;

    /// Symbols of a job that cannot be mistaken for those of another.
    fn symbols(first: u32, count: u32) -> Vec<u8> {
        (first..first + count).flat_map(u32::to_be_bytes).collect()
    }

    fn keep(spool: &Spool, block: u64, first: u32, count: u32) {
        spool.keep(block, first, T, &symbols(first, count)).unwrap();
    }

    /// What is there of these symbols.
    fn read(spool: &Spool, block: u64, first: u32, count: u32) -> Option<Vec<u8>> {
        let size = spool.symbol_size(block, first, count)?;
        let mut out = vec![0; count as usize * usize::from(size)];
        spool.read(block, first, count, &mut out).ok().map(|()| out)
    }

    #[test]
    fn last_two_jobs_of_a_block_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(SpoolFile::new(dir.path().to_owned()));
        for block in 0..10 {
            for job in 1..=3 {
                keep(&spool, block, job * 100, 100);
            }
        }
        for block in 0..10 {
            assert_eq!(read(&spool, block, 100, 1), None, "that was the job before the last two");
            assert_eq!(read(&spool, block, 250, 50), Some(symbols(250, 50)));
            assert_eq!(read(&spool, block, 300, 100), Some(symbols(300, 100)));
            assert_eq!(read(&spool, block, 290, 20), None, "they are of two jobs");
            assert_eq!(read(&spool, block, 390, 11), None);
        }
        assert_eq!(read(&spool, 10, 100, 1), None);
        // 100 symbols of 4 bytes take one step, and old ones make room for new ones.
        assert_eq!(spool.lock().regions.take(1).start, 20 * 4_096);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the file has no name");
    }

    #[test]
    fn longer_jobs_get_other_places() {
        let spool = Spool::new(SpoolFile::new(std::env::temp_dir()));
        for (job, count) in (1..).zip([10, 2_000, 5_000, 3, 9_000, 100]) {
            keep(&spool, 7, job * 10_000, count);
            keep(&spool, 8, job * 10_000, count + 1);
            assert_eq!(read(&spool, 7, job * 10_000, count), Some(symbols(job * 10_000, count)));
        }
        assert_eq!(read(&spool, 7, 50_000, 9_000), Some(symbols(50_000, 9_000)));
        assert_eq!(read(&spool, 8, 60_100, 1), Some(symbols(60_100, 1)));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn full_disk_is_an_error_and_nothing_is_kept() {
        let full = std::fs::File::options().read(true).write(true).open("/dev/full").unwrap();
        let spool = Spool::new(SpoolFile::of(full));
        let error = spool.keep(1, 100, T, &symbols(100, 5)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(spool.symbol_size(1, 100, 5), None);
    }
}
