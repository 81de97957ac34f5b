//! Compares what is to come with files that have the same names, and with what other sets have
//! left, chunk by chunk: what is here need not travel.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use norm_core::fileset::{Chunk, ChunkMap, SparseFile};

use super::digests::Digests;
use super::existing;
use super::plan::{Plan, PlanError};
use super::resume::OtherData;
use super::spool::Spool;
use super::system;

/// Bytes and chunks that one thread compares before it tells of them.
const BATCH_BYTES: u64 = 4 << 20;
const BATCH_CHUNKS: u32 = 256;

/// A set that is being compared, in the order of its payload, by any number of threads.
#[derive(Debug)]
pub struct Comparison {
    spool: Arc<Spool>,
    plan: Arc<Plan>,
    digests: Arc<Digests>,
    overwrite: bool,
    /// What other sets have left, found when it is first needed.
    others: OnceLock<OtherData>,
    /// The first chunk that no thread has taken.
    next: Mutex<u32>,
}

/// What was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// The place of these chunks in the payload.
    pub range: Range<u64>,
    /// How many they are.
    pub chunks: u32,
    /// Places in it that are here now.
    pub held: Vec<Range<u64>>,
}

/// Why comparing has ended.
#[derive(Debug)]
pub enum CompareError {
    /// A file differs that may not be replaced.
    Differs(PlanError),
    /// What is here cannot be written.
    Io(io::Error),
}

/// What a thread keeps from one chunk to the next.
#[derive(Debug, Default)]
pub struct Comparer {
    /// A file's place in the plan, and the file with its bytes, if there is one.
    open: Option<(usize, Option<(File, u64)>)>,
    buffer: Vec<u8>,
}

impl Comparison {
    /// A comparison of the files of a plan with a digest list of as many chunks. Without
    /// `overwrite` a file that differs ends it.
    pub fn new(spool: Arc<Spool>, plan: Arc<Plan>, digests: Arc<Digests>, overwrite: bool) -> Self {
        let (others, next) = (OnceLock::new(), Mutex::new(0));
        Self { spool, plan, digests, overwrite, others, next }
    }

    /// The output directory.
    pub fn directory(&self) -> &Path {
        self.spool.directory()
    }

    /// Chunks in the payload.
    pub fn chunks(&self) -> u32 {
        self.plan.chunks().chunks()
    }

    /// Takes the next chunks; `None` when there are no more.
    fn take(&self) -> Option<Range<u32>> {
        // Nothing in here panics halfway.
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *next;
        let mut bytes = 0;
        while *next - first < BATCH_CHUNKS
            && bytes < BATCH_BYTES
            && let Some(chunk) = self.plan.chunks().chunk(*next)
        {
            bytes += chunk.len;
            *next += 1;
        }
        (first < *next).then_some(first..*next)
    }

    /// Compares the next chunks; `None` when there are no more.
    ///
    /// # Errors
    /// When a file differs that may not be replaced, or what is here cannot be written.
    pub fn next(&self, comparer: &mut Comparer) -> Option<Result<Compared, CompareError>> {
        let numbers = self.take()?;
        let mut compared = Compared { chunks: numbers.len() as u32, ..Compared::default() };
        for number in numbers {
            let Some(chunk) = self.plan.chunks().chunk(number) else { break };
            let place = chunk.range();
            if compared.range.is_empty() {
                compared.range = place.clone();
            }
            compared.range.end = place.end;
            match self.compare(comparer, number, &chunk) {
                Ok(true) => match compared.held.last_mut() {
                    Some(last) if last.end == place.start => last.end = place.end,
                    _ => compared.held.push(place),
                },
                Ok(false) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(compared))
    }

    /// True when a chunk was not here, and is now.
    fn compare(
        &self,
        comparer: &mut Comparer,
        number: u32,
        chunk: &Chunk,
    ) -> Result<bool, CompareError> {
        let place = chunk.range();
        if !self.plan.is_wanted(chunk.file) || self.spool.is_written(place.start, place.end) {
            return Ok(false);
        }
        let Some(expected) = self.digests.chunk(number) else { return Ok(false) };
        let map = self.plan.chunks();
        let is_right = |data: &[u8]| map.hash(number, data) == Some(expected);
        let is_in_place = self.spool.is_in_place(place.start);
        let has_file = comparer.read(|| self.path(chunk.file), chunk, map);
        let is_same = has_file && is_right(&comparer.buffer);
        if !is_same && (is_in_place || has_file) && !self.overwrite {
            return Err(CompareError::Differs(PlanError::Differs(self.path(chunk.file))));
        }
        if !is_same && is_in_place {
            self.spool.give_up_in_place(place.start).map_err(CompareError::Io)?;
        }
        let is_here =
            is_same || self.others().read(&expected, chunk.data, &mut comparer.buffer, is_right);
        if is_here {
            let put = self.spool.put_compared(number, expected, &comparer.buffer, chunk);
            put.map_err(CompareError::Io)?;
        }
        Ok(is_here)
    }

    fn others(&self) -> &OtherData {
        let find = || OtherData::find(self.directory(), self.spool.content());
        self.others.get_or_init(find)
    }

    fn path(&self, file: usize) -> PathBuf {
        let file = self.plan.file(file);
        file.map_or_else(PathBuf::new, |file| self.spool.directory().join(file.path))
    }
}

impl Comparer {
    /// Reads the data of a chunk where it would be in a file; false when that is not there.
    fn read(&mut self, path: impl FnOnce() -> PathBuf, chunk: &Chunk, map: &ChunkMap) -> bool {
        if self.open.as_ref().is_none_or(|(file, _)| *file != chunk.file) {
            let opened = existing::open(&path()).ok().and_then(|file| {
                let there = system::stat(&file).ok().filter(std::fs::Metadata::is_file)?;
                Some((file, there.len()))
            });
            self.open = Some((chunk.file, opened));
        }
        let opened = self.open.as_ref().and_then(|(_, opened)| opened.as_ref());
        let opened = opened.filter(|(_, len)| chunk.offset + chunk.len <= *len);
        let Some((file, _)) = opened else { return false };
        self.buffer.resize(chunk.len as usize, 0);
        if system::read_exact_at(file, &mut self.buffer, chunk.offset).is_err() {
            return false;
        }
        if let Some(sparse) = map.sparse(chunk.file) {
            let start = chunk.payload - map.payload_of(chunk.file).start;
            leave_out_holes(&mut self.buffer, chunk, sparse, start);
        }
        true
    }
}

/// Leaves of the bytes of a chunk those that are in the payload; the first of them is at `start` of
/// its file's data.
fn leave_out_holes(bytes: &mut Vec<u8>, chunk: &Chunk, file: &SparseFile, start: u64) {
    for piece in file.pieces(start..start + chunk.data) {
        let from = (piece.offset - chunk.offset) as usize;
        bytes.copy_within(from..from + piece.len as usize, (piece.data - start) as usize);
    }
    bytes.truncate(chunk.data as usize);
}

#[cfg(test)]
mod tests;
