//! What is known of each chunk of a payload: its hash, and whether that is the right one.
//!
//! Chunks are hashed while their blocks are written, as far as these come in order: what is still
//! in the processor's cache need not be read back. Blocks that come out of order are read back when
//! the gap before them is filled; what is left then is read back when it is verified. Once the
//! digest list is here, a chunk is compared as soon as it has a hash.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use norm_core::base::bits::Bits;
use norm_core::base::range_set::RangeSet;
use norm_core::fileset::{Chunk, ChunkHash, ChunkMap, DataHasher, FileHash, HASH_BYTES};

use super::digests::Digests;
use crate::kept::KeptHashes;
use crate::zeros::ZeroHashes;

/// Chunks that are hashed in part at most; further ones are read back in the end.
const MAX_OPEN: usize = 64;
/// Hashes that are written down at once.
const MAX_TAKEN: usize = 1 << 16;
/// What is kept of a chunk whose hash is not known.
const UNKNOWN: ChunkHash = ChunkHash([0; HASH_BYTES]);

/// A payload that can be read back.
pub trait ReadBack {
    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// What the system says.
    fn read_back(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// The hash of the first bytes of a chunk.
#[derive(Debug)]
struct Partial {
    hasher: DataHasher,
    /// Bytes of the chunk that are in it.
    end: u64,
    /// What is written after it.
    ahead: RangeSet,
}

/// Hashes of consecutive chunks, to be written down.
#[derive(Debug, PartialEq, Eq)]
pub struct HashRun {
    /// The number of the first chunk.
    pub first: u32,
    /// The hashes; zeros of chunks without one.
    pub hashes: Vec<u8>,
}

/// The chunks of a payload.
#[derive(Debug)]
pub struct Ledger {
    map: Arc<ChunkMap>,
    hashes: KeptHashes,
    /// Chunks with a hash.
    known: Bits,
    /// Those of them with the right one.
    verified: Bits,
    /// What they should be, once that is known.
    digests: Option<Arc<Digests>>,
    /// Chunks with a hash that was not compared yet, or is wrong.
    fresh: Bits,
    /// Chunks of which another hash is to be written down.
    unsaved: Bits,
    /// What was written down by an earlier session, and not compared yet.
    kept: Vec<ChunkHash>,
    open: BTreeMap<u32, Partial>,
    /// Chunks that are being read back.
    reading: BTreeSet<u32>,
    buffer: Vec<u8>,
}

impl Ledger {
    /// Nothing is known of these chunks but what an earlier session has written down: their hashes,
    /// or zeros. Many hashes are kept in a file in this directory.
    pub fn new(map: Arc<ChunkMap>, kept: Vec<ChunkHash>, directory: &Path) -> Self {
        let chunks = map.chunks();
        Self {
            map,
            hashes: KeptHashes::new(chunks, Some(directory)),
            known: Bits::new(chunks),
            verified: Bits::new(chunks),
            digests: None,
            fresh: Bits::new(chunks),
            unsaved: Bits::new(chunks),
            kept,
            open: BTreeMap::new(),
            reading: BTreeSet::new(),
            buffer: Vec::new(),
        }
    }

    /// Where the chunks are.
    pub fn map(&self) -> &Arc<ChunkMap> {
        &self.map
    }

    /// Bytes that belong at `offset` of the payload were written, or compared. Earlier ones are
    /// read back from `source`.
    ///
    /// # Errors
    /// When earlier ones cannot be read back.
    pub fn written(&mut self, source: &impl ReadBack, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let end = offset + bytes.len() as u64;
        let map = Arc::clone(&self.map);
        for number in map.over(offset, end) {
            let Some(chunk) = map.chunk(number) else { break };
            if self.verified.contains(number) {
                continue;
            }
            let (from, to) = (offset.max(chunk.payload), end.min(chunk.payload + chunk.data));
            let piece = (from - offset) as usize..(to - offset) as usize;
            let piece = bytes.get(piece).unwrap_or_default();
            self.take(source, number, &chunk, from - chunk.payload, piece)?;
        }
        Ok(())
    }

    /// Takes a piece of a chunk, which begins at `at` within it.
    fn take(
        &mut self,
        source: &impl ReadBack,
        number: u32,
        chunk: &Chunk,
        at: u64,
        piece: &[u8],
    ) -> io::Result<()> {
        self.changed(number);
        let begun = self.open.remove(&number);
        if piece.len() as u64 == chunk.data {
            if let Some(hash) = self.map.hash(number, piece) {
                self.put(number, hash);
            }
            return Ok(());
        }
        let new = |hasher| Partial { hasher, end: 0, ahead: RangeSet::new() };
        let Some(mut partial) = begun.or_else(|| self.map.hasher(number).map(new)) else {
            return Ok(());
        };
        if at < partial.end {
            // Written once more: what counts is what is in the file in the end.
            return Ok(());
        }
        if at > partial.end {
            partial.ahead.insert(at, at + piece.len() as u64);
        } else {
            partial.hasher.update(piece);
            partial.end += piece.len() as u64;
            self.catch_up(source, chunk, &mut partial)?;
        }
        if partial.end == chunk.data {
            self.put(number, partial.hasher.finish());
        } else {
            self.open.insert(number, partial);
            if self.open.len() > MAX_OPEN {
                self.open.pop_first();
            }
        }
        Ok(())
    }

    /// Reads back what was written after what is hashed.
    fn catch_up(
        &mut self,
        source: &impl ReadBack,
        chunk: &Chunk,
        partial: &mut Partial,
    ) -> io::Result<()> {
        partial.ahead.remove(0, partial.end);
        let next = partial.ahead.iter().next().filter(|&(start, _)| start == partial.end);
        let Some((start, end)) = next else { return Ok(()) };
        self.buffer.resize((end - start) as usize, 0);
        source.read_back(&mut self.buffer, chunk.payload + start)?;
        partial.hasher.update(&self.buffer);
        partial.end = end;
        Ok(())
    }

    /// What was known of a chunk is so no longer.
    fn changed(&mut self, number: u32) {
        self.reading.remove(&number);
        self.verified.remove(number);
        if self.known.remove(number) {
            self.unsaved.insert(number);
        }
        if let Some(kept) = self.kept.get_mut(number as usize) {
            *kept = UNKNOWN;
        }
    }

    fn put(&mut self, number: u32, hash: ChunkHash) {
        if number >= self.map.chunks() {
            return;
        }
        self.hashes.set(number, hash);
        self.known.insert(number);
        self.unsaved.insert(number);
        let expected = self.digests.as_ref().map(|digests| digests.chunk(number));
        if expected == Some(Some(hash)) {
            self.verified.insert(number);
        } else {
            self.fresh.insert(number);
        }
    }

    /// Parts of `start..end` of the payload that are of no verified chunk: only these are written.
    pub fn unverified(&self, start: u64, end: u64) -> Vec<(u64, u64)> {
        let mut parts: Vec<(u64, u64)> = Vec::new();
        for number in self.map.over(start, end).filter(|&n| !self.verified.contains(n)) {
            let Some(chunk) = self.map.chunk(number) else { break };
            let (from, to) = (start.max(chunk.payload), end.min(chunk.payload + chunk.data));
            match parts.last_mut() {
                Some((_, before)) if *before == from => *before = to,
                _ => parts.push((from, to)),
            }
        }
        parts
    }

    /// True when no chunk is verified yet.
    pub fn is_unverified(&self) -> bool {
        self.verified.count() == 0
    }

    /// Begins to read back a chunk; false when its hash is known.
    pub fn start_reading(&mut self, number: u32) -> bool {
        let starts = number < self.map.chunks() && !self.known.contains(number);
        if starts {
            self.reading.insert(number);
        }
        starts
    }

    /// A chunk was read back, and has this hash. False when an earlier session has written another
    /// one down: then it was damaged since, and is not known.
    pub fn was_read(&mut self, number: u32, hash: ChunkHash) -> bool {
        if !self.reading.remove(&number) {
            // Written meanwhile.
            return true;
        }
        self.open.remove(&number);
        let kept = self.kept.get_mut(number as usize);
        let kept = kept.map_or(UNKNOWN, |kept| std::mem::replace(kept, UNKNOWN));
        let is_right = kept == UNKNOWN || kept == hash;
        if is_right {
            self.put(number, hash);
        }
        is_right
    }

    /// A chunk is in its place, with this hash.
    pub fn was_compared(&mut self, number: u32, hash: ChunkHash) {
        self.changed(number);
        self.open.remove(&number);
        self.put(number, hash);
    }

    /// Forgets `start..end` of the payload, which is wrong and comes again.
    pub fn forget(&mut self, start: u64, end: u64) {
        for number in self.map.over(start, end) {
            self.changed(number);
            self.open.remove(&number);
            self.unsaved.insert(number);
        }
    }

    /// Compares the chunks whose hashes are new with a digest list of as many chunks: returns the
    /// wrong ones.
    pub fn judge(&mut self, digests: &Arc<Digests>) -> Vec<u32> {
        self.digests = Some(Arc::clone(digests));
        let mut wrong = Vec::new();
        if self.fresh.count() == 0 {
            return wrong;
        }
        let fresh = std::mem::replace(&mut self.fresh, Bits::new(self.map.chunks()));
        for number in fresh.ones() {
            if !self.known.contains(number) || self.verified.contains(number) {
                continue;
            }
            let hash = self.hashes.get(number);
            if hash.is_some() && hash == digests.chunk(number) {
                self.verified.insert(number);
            } else {
                wrong.push(number);
            }
        }
        wrong
    }

    /// True when the digest list is here, and a chunk does not have its hash.
    pub fn is_wrong(&self) -> bool {
        self.digests.is_some() && self.fresh.count() > 0
    }

    /// Another digest list is to come: all hashes are compared anew.
    pub fn begin_again(&mut self) {
        self.digests = None;
        self.verified = Bits::new(self.map.chunks());
        self.fresh = self.known.clone();
    }

    /// The chunks that are not verified.
    pub fn not_verified(&self) -> impl Iterator<Item = u32> + '_ {
        self.verified.clear_runs().flat_map(|(start, end)| start..end)
    }

    /// The hash of a file, by its place among all; `None` while one of its chunks is not known.
    pub fn file_hash(&mut self, file: usize, zeros: &ZeroHashes) -> Option<FileHash> {
        let Self { map, hashes, known, .. } = self;
        let known = |number: u32| known.contains(number).then(|| hashes.get(number)).flatten();
        zeros.file(map, file, known)
    }

    /// Takes hashes that are to be written down, some of them where there are many.
    pub fn take_unsaved(&mut self) -> Vec<HashRun> {
        let mut runs: Vec<HashRun> = Vec::new();
        let mut next = 0;
        for _ in 0..MAX_TAKEN {
            let Some(number) = self.unsaved.first_set(next) else { break };
            next = number + 1;
            self.unsaved.remove(number);
            let is_known = self.known.contains(number);
            let hash = is_known.then(|| self.hashes.get(number)).flatten().unwrap_or(UNKNOWN);
            match runs.last_mut() {
                Some(run) if run.end() == number => run.hashes.extend_from_slice(&hash.0),
                _ => runs.push(HashRun { first: number, hashes: hash.0.to_vec() }),
            }
        }
        runs
    }

    /// Hashes could not be written down: it is to be tried again.
    pub fn not_saved(&mut self, runs: &[HashRun]) {
        runs.iter().for_each(|run| self.unsaved.insert_run(run.first, run.end()));
    }
}

impl HashRun {
    fn end(&self) -> u32 {
        self.first + (self.hashes.len() / HASH_BYTES) as u32
    }
}

#[cfg(test)]
mod tests;
