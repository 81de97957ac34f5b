//! Files of a set that are in their places already, with the size that they are to have.
//!
//! What comes of such a file is compared with it, and not written a second time, so it needs no
//! room: its bytes are read where they are. What came before it was known is in the payload, and is
//! compared at the end. A file that differs is no longer one of these: what was not written of it
//! is copied to the payload.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use norm_core::base::range_set::RangeSet;

use super::existing::{self, has_same_bytes};
use super::plan::{Plan, PlanError, PlannedFile};
use super::system;

/// A file that is in place.
#[derive(Debug)]
struct PresentFile {
    path: PathBuf,
    /// Its place in the payload.
    range: Range<u64>,
    /// When it was last modified; another time makes it another file.
    modified: Option<SystemTime>,
}

/// The files of a set that are in place, by their places in the payload.
#[derive(Debug, Default)]
pub struct InPlace {
    files: Vec<PresentFile>,
    /// What of the payload was compared, and is not in its file.
    compared: RangeSet,
    /// Bytes that were compared, and not counted yet.
    new: u64,
    /// The last one that was opened, by its index.
    open: Option<(usize, File)>,
}

/// Bytes copied at once.
const CHUNK: usize = 1 << 20;

/// The file with this index is not what it seemed to be.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Differs(usize);

/// Bytes that came, and where they belong in the payload.
pub type Piece<'a> = (u64, &'a [u8]);

impl InPlace {
    /// Looks for the files of a plan below `root`.
    pub fn find(plan: &Plan, root: &Path) -> Self {
        // Files with holes, or with other names, are compared in the end.
        let is_plain = |at| plan.chunks().sparse(at).is_none() && plan.name_range(at).is_empty();
        let files = plan.wanted().filter(|(at, file)| file.size > 0 && is_plain(*at));
        let files = files.map(|(_, file)| file);
        let found = files.filter_map(|file| {
            let path = root.join(&file.path);
            let there = system::look(&path).ok()?;
            let range = file.offset..file.offset + file.size;
            let right = there.is_file() && there.len() == file.size;
            right.then(|| PresentFile { path, range, modified: modified(&there) })
        });
        Self { files: found.collect(), ..Self::default() }
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Their places in the payload, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        self.files.iter().map(|file| file.range.clone())
    }

    /// What of the payload was compared.
    pub fn compared(&self) -> &RangeSet {
        &self.compared
    }

    /// True when this file of the plan is one of them.
    pub fn has(&self, file: &PlannedFile) -> bool {
        file.data > 0 && self.index(file.offset).is_some()
    }

    /// True when one of them has this byte of the payload.
    pub fn has_at(&self, at: u64) -> bool {
        self.index(at).is_some()
    }

    /// The one that has this byte of the payload, to be [given up](Self::give_up).
    pub fn find_at(&self, at: u64) -> Option<Differs> {
        self.index(at).map(Differs)
    }

    /// A range of the payload is the same in a file: returns how many bytes of it were not compared
    /// before; `None` when it is of none of these files.
    pub fn match_range(&mut self, range: &Range<u64>) -> Option<u64> {
        self.index(range.start)?;
        let new = self.compared.gaps(range.start, range.end).map(|(from, to)| to - from).sum();
        self.compared.insert(range.start, range.end);
        Some(new)
    }

    /// Compares what is of a file in place; returns what is to be written of bytes that belong at
    /// `offset` of the payload, and how many of those compared were not compared before.
    ///
    /// # Errors
    /// When a file differs or cannot be read: [`give_up`](Self::give_up) it then.
    pub fn take<'a>(
        &mut self,
        bytes: &'a [u8],
        offset: u64,
    ) -> Result<(Vec<Piece<'a>>, u64), Differs> {
        let mut pieces = Vec::new();
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let (len, file) = self.next(at, rest.len());
            let (part, later) = rest.split_at(len);
            match file {
                None => pieces.push((at, part)),
                Some(index) => {
                    if !self.has_bytes(index, part, at) {
                        return Err(Differs(index));
                    }
                    let end = at + len as u64;
                    self.new +=
                        self.compared.gaps(at, end).map(|(from, to)| to - from).sum::<u64>();
                    self.compared.insert(at, end);
                }
            }
            (at, rest) = (at + len as u64, later);
        }
        Ok((pieces, std::mem::take(&mut self.new)))
    }

    /// How many bytes from `at` on, of at most `max`, are of one file in place, and of which; or
    /// are of none.
    fn next(&self, at: u64, max: usize) -> (usize, Option<usize>) {
        let next = self.files.partition_point(|file| file.range.end <= at);
        let (until, file) = match self.files.get(next) {
            Some(file) if file.range.start <= at => (file.range.end, Some(next)),
            Some(file) => (file.range.start, None),
            None => (u64::MAX, None),
        };
        (usize::try_from(until - at).unwrap_or(usize::MAX).min(max), file)
    }

    fn index(&self, at: u64) -> Option<usize> {
        self.next(at, 1).1
    }

    fn has_bytes(&mut self, index: usize, bytes: &[u8], at: u64) -> bool {
        let mut there = vec![0; bytes.len()];
        self.read_file(index, &mut there, at).is_ok() && there == bytes
    }

    /// A file is another one: hands what was compared of it, and not written, to `write`, with its
    /// place in the payload.
    ///
    /// # Errors
    /// When it cannot be read, with a [`PlanError`] inside, and those of `write`.
    pub fn give_up(
        &mut self,
        Differs(index): Differs,
        mut write: impl FnMut(&[u8], u64) -> io::Result<u64>,
    ) -> io::Result<()> {
        let Some(file) = self.files.get(index) else { return Ok(()) };
        let (Range { start, end }, path) = (file.range.clone(), file.path.clone());
        let mut at = start;
        let mut buffer = vec![0; CHUNK];
        while at < end {
            let compared = self.compared.covers(at, at + 1);
            let left = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
            let len = self.run(at, compared).min(left);
            if let (true, Some(part)) = (compared, buffer.get_mut(..len)) {
                self.read_file(index, part, at).map_err(|error| {
                    io::Error::new(error.kind(), PlanError::Differs(path.clone()))
                })?;
                write(part, at)?;
            }
            at += len as u64;
        }
        self.compared.remove(start, end);
        self.files.remove(index);
        self.open = None;
        Ok(())
    }

    fn read_file(&mut self, index: usize, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let Some(file) = self.files.get(index) else { return Err(io::ErrorKind::NotFound.into()) };
        let within = at - file.range.start;
        let open = match self.open.take().filter(|(open, _)| *open == index) {
            Some((_, open)) => open,
            None => existing::open(&file.path)?,
        };
        system::read_exact_at(&open, buffer, within)?;
        self.open = Some((index, open));
        Ok(())
    }

    /// Fills `buffer` from `offset` of the payload on.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&mut self, payload: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let (mut at, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let (len, file) = self.next(at, rest.len());
            // In a file in place some may be in the payload all the same.
            let compared = self.compared.covers(at, at + 1);
            let len = match file {
                Some(_) => len.min(self.run(at, compared)),
                None => len,
            };
            let (part, later) = rest.split_at_mut(len);
            match file.filter(|_| compared) {
                Some(index) => self.read_file(index, part, at)?,
                None => system::read_exact_at(payload, part, at)?,
            }
            (at, rest) = (at + len as u64, later);
        }
        Ok(())
    }

    /// How many bytes from `at` on are compared, or are not.
    fn run(&self, at: u64, compared: bool) -> usize {
        let mut gaps = self.compared.gaps(at, u64::MAX);
        let until = match (compared, gaps.next()) {
            (true, Some((start, _))) => start,
            (false, Some((_, end))) => end,
            (_, None) => u64::MAX,
        };
        usize::try_from(until - at).unwrap_or(usize::MAX)
    }

    /// Forgets what was compared of `start..end`, which comes again; returns how much that was.
    pub fn forget(&mut self, start: u64, end: u64) -> u64 {
        let missing: u64 = self.compared.gaps(start, end).map(|(from, to)| to - from).sum();
        self.compared.remove(start, end);
        end - start - missing
    }

    /// Checks that a file is in its place still, and what of it is in the payload is the same.
    ///
    /// # Errors
    /// What the system says of the payload; [`io::ErrorKind::Interrupted`] after `cancel` was set.
    pub fn is_identical(
        &self,
        payload: &File,
        file: &PlannedFile,
        cancel: &AtomicBool,
    ) -> io::Result<bool> {
        let Some(there) = self.index(file.offset).and_then(|index| self.files.get(index)) else {
            return Ok(false);
        };
        let Ok(open) = existing::open(&there.path) else { return Ok(false) };
        let same = |now: &Metadata| now.is_file() && modified(now) == there.modified;
        let same = |now: Metadata| same(&now) && now.len() == file.size;
        if !system::stat(&open).is_ok_and(same) {
            return Ok(false);
        }
        for (from, to) in self.compared.gaps(there.range.start, there.range.end) {
            let ours = existing::Bytes { file: payload, offset: from };
            let theirs = existing::Bytes { file: &open, offset: from - there.range.start };
            if !has_same_bytes(ours, theirs, to - from, cancel)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn modified(metadata: &Metadata) -> Option<SystemTime> {
    metadata.modified().ok()
}

#[cfg(test)]
mod tests;
