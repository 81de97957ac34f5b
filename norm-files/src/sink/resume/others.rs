//! Chunks in the resume data of other sets: files that got other names or times since are another
//! set, and what came of them is found by its hash.
//!
//! Nothing is locked, and nothing believed: who reads a chunk compares its hash.

use std::fs::File;
use std::path::Path;

use norm_core::fileset::{ChunkHash, ChunkMap, EntryKind, HASH_BYTES, Manifest, ManifestHash};

use super::open::{read_state, regular};
use super::state::State;
use super::sweep::stems;
use crate::kept::{Keeper, KeptBytes};
use crate::sink::set::MAX_MANIFEST_READ;
use crate::sink::spool_files::SpoolNames;
use crate::sink::system;

/// Chunks, and entries of their sets, that are found at most: 16 bytes of memory each.
const MAX_CHUNKS: usize = 1 << 20;
/// Chunks with the same first bytes of a hash that are read at most.
const MAX_TRIES: usize = 4;
/// Bytes of a manifest that are read at once.
const PIECE: u64 = 1 << 20;

/// What there is in one output directory.
#[derive(Debug, Default)]
pub struct OtherData {
    sets: Vec<OtherSet>,
    /// Entries of all of them.
    entries: usize,
    /// Sorted by the first bytes of the hashes.
    chunks: Vec<Known>,
}

/// The payload of another set, and where its chunks are.
#[derive(Debug)]
struct OtherSet {
    payload: File,
    map: ChunkMap,
}

/// A chunk: the first bytes of its hash, the set that it is of, by its place among all, and its
/// number in it.
type Known = (u64, u16, u32);

impl OtherData {
    /// Looks for resume data of all sets but this one.
    pub fn find(directory: &Path, content: ManifestHash) -> Self {
        let mut found = Self::default();
        for stem in stems(directory) {
            let names = SpoolNames::new(directory, &stem);
            let state = read_state(&names).filter(|state| state.content != content);
            if let Some(state) = state {
                // What cannot be read is of no use.
                let _ = found.add(directory, &names, &state);
            }
        }
        found.chunks.sort_unstable();
        found
    }

    fn add(&mut self, directory: &Path, names: &SpoolNames, state: &State) -> Option<()> {
        let number = u16::try_from(self.sets.len()).ok()?;
        let manifest = regular(&names.manifest(), false).ok()?;
        let manifest = read(directory, &manifest)?;
        let manifest = Manifest::parse(&manifest).ok()?;
        let entries = self.entries + manifest.len() as usize;
        if entries > MAX_CHUNKS {
            return None;
        }
        let map = chunk_map(&manifest, state.payload)?;
        let payload = regular(&names.payload(), false).ok()?;
        let hashes = regular(&names.chunks(), false).ok()?;
        let limit = u64::from(map.chunks()).min(MAX_CHUNKS as u64) * HASH_BYTES as u64;
        let hashes = system::read_to_end(&hashes, limit).ok()?;
        let (hashes, _) = hashes.as_chunks::<HASH_BYTES>();
        let is_here = |chunk: u32| {
            let place = map.chunk(chunk).map(|chunk| chunk.range());
            place.is_some_and(|place| state.have.covers(place.start, place.end))
        };
        let known = (0..map.chunks())
            .zip(hashes)
            .filter(|&(chunk, hash)| *hash != [0; HASH_BYTES] && is_here(chunk));
        let room = MAX_CHUNKS - self.chunks.len();
        let known = known.map(|(chunk, hash)| (first_bytes(&ChunkHash(*hash)), number, chunk));
        self.chunks.extend(known.take(room));
        self.entries = entries;
        self.sets.push(OtherSet { payload, map });
        Some(())
    }

    /// Reads chunks of this many bytes of data that may have this hash into `buffer`, until one is
    /// right; false when none is.
    pub fn read(
        &self,
        hash: &ChunkHash,
        data: u64,
        buffer: &mut Vec<u8>,
        is_right: impl Fn(&[u8]) -> bool,
    ) -> bool {
        let first = first_bytes(hash);
        let start = self.chunks.partition_point(|&(other, ..)| other < first);
        let alike = self.chunks.iter().skip(start).take_while(|&&(other, ..)| other == first);
        for &(_, set, number) in alike.take(MAX_TRIES) {
            let Some(set) = self.sets.get(usize::from(set)) else { continue };
            let chunk = set.map.chunk(number).filter(|chunk| chunk.data == data);
            let Some(chunk) = chunk else { continue };
            buffer.resize(data as usize, 0);
            let read = system::read_exact_at(&set.payload, buffer, chunk.payload);
            if read.is_ok() && is_right(buffer) {
                return true;
            }
        }
        false
    }
}

fn first_bytes(hash: &ChunkHash) -> u64 {
    let first = hash.0.first_chunk();
    first.map_or(0, |first| u64::from_be_bytes(*first))
}

/// A manifest, if it has no more bytes than any can have.
fn read(directory: &Path, manifest: &File) -> Option<KeptBytes> {
    let len = system::stat(manifest).ok().map(|there| there.len());
    let len = len.filter(|&len| len <= MAX_MANIFEST_READ)?;
    let mut keeper = Keeper::new(Some(directory));
    let mut buffer = vec![0; usize::try_from(len.min(PIECE)).ok()?];
    for start in (0..len).step_by(PIECE as usize) {
        let piece = buffer.get_mut(..usize::try_from((len - start).min(PIECE)).ok()?)?;
        system::read_exact_at(manifest, piece, start).ok()?;
        keeper.append(piece);
    }
    Some(keeper.finish(&[]))
}

/// Where the chunks of a payload of this many bytes are.
fn chunk_map(manifest: &Manifest<'_>, payload: u64) -> Option<ChunkMap> {
    let mut map = ChunkMap::default();
    for entry in manifest.entries() {
        let entry = entry.ok()?;
        if entry.kind == EntryKind::File {
            map.push(entry.size, entry.holes).ok()?;
        }
    }
    map.shrink_to_fit();
    (map.payload_size() == payload).then_some(map)
}
