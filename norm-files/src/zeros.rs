//! Hashes of chunks that are wholly in holes. They do not travel, and depend on nothing but a
//! chunk's place in its file: each place is hashed once, on all cores.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use norm_core::fileset::{
    CHUNK_BYTES, ChunkHash, ChunkHasher, ChunkMap, ChunkRun, FileHash, FileHasher,
};

/// Hashes of whole chunks that are remembered: those of 1 TiB.
const MAX_WHOLE: usize = 1 << 20;
/// Hashes of shorter chunks that are remembered.
const MAX_ENDS: usize = 4_096;

/// Hashes of chunks of zeros, as far as they were wanted.
#[derive(Debug, Default)]
pub struct ZeroHashes {
    known: Mutex<Known>,
    /// One thread at a time has them hashed.
    turn: Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    /// Of whole chunks of longer files, by their numbers in the file.
    whole: BTreeMap<u64, ChunkHash>,
    /// Of last chunks, by the size of the file.
    ends: BTreeMap<u64, ChunkHash>,
}

impl ZeroHashes {
    /// Hashes what is needed for the files with holes: about a second for some GiB of holes.
    ///
    /// # Errors
    /// [`io::ErrorKind::Interrupted`] after `cancel` was set.
    pub fn prepare(&self, map: &ChunkMap, cancel: &AtomicBool) -> io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = self.missing(map);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let share = missing.len().div_ceil(threads).max(1);
        let hash = |share: &[u64]| -> Vec<(u64, ChunkHash)> {
            let goes_on = |_: &&u64| !cancel.load(Ordering::Relaxed);
            share.iter().take_while(goes_on).map(|&number| (number, hash_whole(number))).collect()
        };
        thread::scope(|scope| {
            let shares = missing.chunks(share).map(|share| scope.spawn(move || hash(share)));
            let shares: Vec<_> = shares.collect();
            for done in shares.into_iter().filter_map(|share| share.join().ok()) {
                self.known().whole.extend(done);
            }
        });
        match cancel.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::Interrupted.into()),
            false => Ok(()),
        }
    }

    /// Whole chunks in holes whose hashes are not known; no more than are remembered.
    fn missing(&self, map: &ChunkMap) -> Vec<u64> {
        let known = self.known();
        let room = MAX_WHOLE.saturating_sub(known.whole.len());
        let mut missing = BTreeSet::new();
        for (file, sparse) in map.all_sparse() {
            for run in map.runs(file) {
                let ChunkRun::Hole(numbers) = run else { continue };
                for number in numbers.filter(|&number| is_whole(sparse.size(), number)) {
                    if missing.len() >= room {
                        return missing.into_iter().collect();
                    }
                    if !known.whole.contains_key(&number) {
                        missing.insert(number);
                    }
                }
            }
        }
        missing.into_iter().collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing in here panics halfway.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hash of a chunk of zeros, by its number in a file of `size` bytes.
    pub fn chunk(&self, size: u64, number: u64) -> ChunkHash {
        if is_whole(size, number) {
            let known = self.known().whole.get(&number).copied();
            return known.unwrap_or_else(|| hash_whole(number));
        }
        if let Some(&hash) = self.known().ends.get(&size) {
            return hash;
        }
        let offset = number * CHUNK_BYTES;
        let hash = ChunkHasher::hash_zeros(offset, size, size.saturating_sub(offset));
        let ends = &mut self.known().ends;
        if ends.len() < MAX_ENDS {
            ends.insert(size, hash);
        }
        hash
    }

    /// The hashes of all chunks of a set that are wholly in holes, in their order, each with the
    /// number of those with data before it.
    pub fn of_set(&self, map: &ChunkMap) -> impl Iterator<Item = (u32, ChunkHash)> {
        map.all_sparse().flat_map(move |(file, sparse)| {
            let size = sparse.size();
            let mut before = map.of_file(file).start;
            map.runs(file).flat_map(move |run| {
                let numbers: Range<u64> = match run {
                    ChunkRun::Data(data) => {
                        before = data.end;
                        0..0
                    }
                    ChunkRun::Hole(numbers) => numbers,
                };
                numbers.map(move |number| (before, self.chunk(size, number)))
            })
        })
    }

    /// The hash of a file, by its place among all, of whose chunks with data `data` tells the
    /// hashes; `None` when it does not know one, or when more is in holes than is remembered.
    pub fn file(
        &self,
        map: &ChunkMap,
        file: usize,
        mut data: impl FnMut(u32) -> Option<ChunkHash>,
    ) -> Option<FileHash> {
        let mut hasher = FileHasher::default();
        let Some(sparse) = map.sparse(file) else {
            for number in map.of_file(file) {
                hasher.push(&data(number)?);
            }
            return Some(hasher.finish());
        };
        for run in map.runs(file) {
            match run {
                ChunkRun::Data(numbers) => {
                    for number in numbers {
                        hasher.push(&data(number)?);
                    }
                }
                ChunkRun::Hole(numbers) => {
                    for number in numbers {
                        hasher.push(&self.known_chunk(sparse.size(), number)?);
                    }
                }
            }
        }
        Some(hasher.finish())
    }

    /// The hash of a chunk of zeros, if it is remembered or takes no time.
    fn known_chunk(&self, size: u64, number: u64) -> Option<ChunkHash> {
        if is_whole(size, number) {
            return self.known().whole.get(&number).copied();
        }
        Some(self.chunk(size, number))
    }
}

/// True for a chunk of full length, of a file that has others: its hash is that of its place.
fn is_whole(size: u64, number: u64) -> bool {
    size > CHUNK_BYTES && (number + 1) * CHUNK_BYTES <= size
}

fn hash_whole(number: u64) -> ChunkHash {
    ChunkHasher::hash_zeros(number * CHUNK_BYTES, u64::MAX, CHUNK_BYTES)
}

#[cfg(test)]
mod tests {
    use norm_core::fileset::{DigestList, DigestListWriter, Hole, HoleList, Holes, ManifestHash};

    use super::*;

    const C: u64 = CHUNK_BYTES;

    fn holes(list: &[(u64, u64)]) -> HoleList {
        let mut holes = HoleList::default();
        list.iter().for_each(|&(offset, len)| holes.push(Hole { offset, len }));
        holes
    }

    /// A file of this size, with bytes that are not 0 outside of the holes.
    fn content(size: u64, holes: &[(u64, u64)]) -> Vec<u8> {
        let mut content = vec![7; size as usize];
        for &(offset, len) in holes {
            content[offset as usize..(offset + len) as usize].fill(0);
        }
        content
    }

    #[test]
    fn files_and_sets_have_the_same_hashes_with_holes_and_without() {
        let files: [(u64, &[(u64, u64)]); 6] = [
            (3 * C + 5, &[(10, 2 * C), (3 * C, 5)]),
            (7, &[]),
            (4_096, &[(0, 4_096)]),
            (2 * C, &[(0, 2 * C)]),
            (C, &[(1, C - 2)]),
            (5 * C, &[(0, C), (C + 1, 3 * C)]),
        ];
        let manifest = ManifestHash([3; 32]);
        let (mut sparse, mut dense) = (ChunkMap::default(), ChunkMap::default());
        for (size, list) in files {
            sparse.push(size, holes(list).as_holes()).unwrap();
            dense.push(size, Holes::NONE).unwrap();
        }
        let payload = |map: &ChunkMap| -> Vec<u8> {
            let mut payload = Vec::new();
            for (at, (size, list)) in files.iter().enumerate() {
                let content = content(*size, list);
                match map.sparse(at) {
                    None => payload.extend(content),
                    Some(file) => file.pieces(0..file.data()).for_each(|piece| {
                        let range = piece.offset as usize..(piece.offset + piece.len) as usize;
                        payload.extend(&content[range]);
                    }),
                }
            }
            payload
        };
        let zeros = ZeroHashes::default();
        zeros.prepare(&sparse, &AtomicBool::new(false)).unwrap();
        let set = |map: &ChunkMap| {
            let payload = payload(map);
            let chunk = |number: u32| {
                let place = map.chunk(number)?.range();
                map.hash(number, &payload[place.start as usize..place.end as usize])
            };
            let mut list = DigestListWriter::new(manifest);
            let mut holes = zeros.of_set(map).peekable();
            for number in 0..map.chunks() {
                while let Some((_, hash)) = holes.next_if(|&(before, _)| before == number) {
                    list.push_hole(&hash);
                }
                list.push(&chunk(number).unwrap()).unwrap();
            }
            holes.for_each(|(_, hash)| list.push_hole(&hash));
            let (list, content) = list.finish();
            let read = DigestList::parse(&list, manifest, zeros.of_set(map)).unwrap();
            assert_eq!(read.content(), content);
            let of_file = |file| zeros.file(map, file, chunk).unwrap();
            (content, (0..files.len()).map(of_file).collect::<Vec<_>>(), list.len())
        };
        let (with, without) = (set(&sparse), set(&dense));
        assert_eq!((with.0, &with.1), (without.0, &without.1));
        assert!(with.2 < without.2, "chunks in holes do not travel");
        let expected = files.map(|(size, list)| *blake3::hash(&content(size, list)).as_bytes());
        assert_eq!(with.1.iter().map(|hash| hash.0).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn hashing_holes_can_be_stopped() {
        let mut map = ChunkMap::default();
        map.push(1 << 40, holes(&[(0, 1 << 40)]).as_holes()).unwrap();
        let stopped = ZeroHashes::default().prepare(&map, &AtomicBool::new(true)).unwrap_err();
        assert_eq!(stopped.kind(), io::ErrorKind::Interrupted);
    }
}
