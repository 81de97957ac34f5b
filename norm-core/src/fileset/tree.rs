//! Hashes of chunks, and of the files that they are of.
//!
//! BLAKE3 is a tree. A chunk of 1 MiB is a whole subtree of its file's tree, so its hash is the
//! chaining value of that subtree, and a file's hash is made of those of its chunks.

use blake3::hazmat::{self, ChainingValue, HasherExt, Mode};
use blake3::{Hash, Hasher};

use super::{ChunkHash, FileHash};

/// Bytes in a chunk; the last one of a file may be shorter. A power of two.
pub const CHUNK_BYTES: u64 = 1 << 20;

/// Number of chunks in a file of this size in bytes; 0 without content.
pub const fn chunks_in(size: u64) -> u64 {
    size.div_ceil(CHUNK_BYTES)
}

/// Hashes one chunk, whose bytes come in order.
///
/// The hash of a chunk is the chaining value of its subtree in the BLAKE3 tree of its file; that of
/// a file's only chunk is the BLAKE3 hash of the file.
#[derive(Clone, Debug)]
pub struct ChunkHasher {
    hasher: Hasher,
    is_file: bool,
}

impl ChunkHasher {
    /// Begins the chunk that is at `offset` in a file of `size` bytes; `offset` is a multiple of
    /// [`CHUNK_BYTES`].
    pub fn new(offset: u64, size: u64) -> Self {
        let mut hasher = Hasher::new();
        let is_file = size <= CHUNK_BYTES;
        if !is_file && offset.is_multiple_of(CHUNK_BYTES) {
            hasher.set_input_offset(offset);
        }
        Self { hasher, is_file }
    }

    /// Takes the next bytes of the chunk; at most [`CHUNK_BYTES`] in all.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Takes as many zeros as the next bytes.
    fn zeros(&mut self, len: u64) {
        const ZEROS: &[u8] = &[0; 16 << 10];
        let mut left = len;
        while left > 0 {
            let now = left.min(ZEROS.len() as u64);
            self.update(&ZEROS[..now as usize]);
            left -= now;
        }
    }

    /// The hash of the bytes so far: at least one.
    pub fn finish(&self) -> ChunkHash {
        if self.is_file {
            ChunkHash(*self.hasher.finalize().as_bytes())
        } else {
            ChunkHash(self.hasher.finalize_non_root())
        }
    }

    /// The hash of a chunk of `len` zeros: see [`new`](Self::new).
    pub fn hash_zeros(offset: u64, size: u64, len: u64) -> ChunkHash {
        let mut hasher = Self::new(offset, size);
        hasher.zeros(len);
        hasher.finish()
    }

    /// The hash of a chunk that is here as a whole: see [`new`](Self::new).
    pub fn hash(offset: u64, size: u64, bytes: &[u8]) -> ChunkHash {
        let mut hasher = Self::new(offset, size);
        hasher.update(bytes);
        hasher.finish()
    }
}

/// Hashes one chunk of which some is in holes: only its data come, in order.
#[derive(Clone, Debug)]
pub struct DataHasher {
    chunk: ChunkHasher,
    /// Holes that are to come, the last one first: after how many bytes of data, and their bytes.
    gaps: Vec<(u64, u64)>,
    /// Bytes of data so far.
    done: u64,
}

impl DataHasher {
    /// Begins a chunk with these holes, ascending.
    pub(super) fn new(chunk: ChunkHasher, mut gaps: Vec<(u64, u64)>) -> Self {
        gaps.reverse();
        Self { chunk, gaps, done: 0 }
    }

    /// Takes the next bytes of the chunk's data.
    pub fn update(&mut self, mut data: &[u8]) {
        while let Some(&(at, len)) = self.gaps.last()
            && let Some((now, later)) = data.split_at_checked((at - self.done) as usize)
            && !later.is_empty()
        {
            self.chunk.update(now);
            self.chunk.zeros(len);
            self.gaps.pop();
            self.done = at;
            data = later;
        }
        self.chunk.update(data);
        self.done += data.len() as u64;
    }

    /// The hash of the chunk, all data of which have come.
    pub fn finish(mut self) -> ChunkHash {
        // At its end, if there are any.
        while let Some((_, len)) = self.gaps.pop() {
            self.chunk.zeros(len);
        }
        self.chunk.finish()
    }
}

/// Makes the hash of a file of those of its chunks, which come in order.
#[derive(Clone, Debug, Default)]
pub struct FileHasher {
    /// Chaining values of subtrees that have no sibling yet, the largest first. Whole ones are
    /// merged only when another chunk comes: the root is merged in its own way.
    subtrees: Vec<ChainingValue>,
    chunks: u64,
}

impl FileHasher {
    /// Takes the hash of the next chunk.
    pub fn push(&mut self, chunk: &ChunkHash) {
        while self.subtrees.len() > self.chunks.count_ones() as usize {
            self.merge();
        }
        self.subtrees.push(chunk.0);
        self.chunks += 1;
    }

    fn merge(&mut self) {
        if let (Some(right), Some(left)) = (self.subtrees.pop(), self.subtrees.pop()) {
            self.subtrees.push(hazmat::merge_subtrees_non_root(&left, &right, Mode::Hash));
        }
    }

    /// The hash of the file whose chunks these are; of an empty one without any.
    pub fn finish(mut self) -> FileHash {
        while self.subtrees.len() > 2 {
            self.merge();
        }
        let root = match self.subtrees[..] {
            [] => return FileHash::of_empty(),
            [only] => Hash::from_bytes(only),
            [left, right, ..] => hazmat::merge_subtrees_root(&left, &right, Mode::Hash),
        };
        FileHash(*root.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHUNK: usize = CHUNK_BYTES as usize;

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|n| (n * 31 + n / 251 + n / CHUNK) as u8).collect()
    }

    fn file_hash(content: &[u8]) -> FileHash {
        let mut file = FileHasher::default();
        for (n, chunk) in content.chunks(CHUNK).enumerate() {
            let offset = n as u64 * CHUNK_BYTES;
            file.push(&ChunkHasher::hash(offset, content.len() as u64, chunk));
        }
        file.finish()
    }

    #[test]
    fn hash_of_a_file_is_its_blake3() {
        let content = bytes(17 * CHUNK + 1);
        let sizes = (0..18).flat_map(|n| [n * CHUNK, n * CHUNK + 1]);
        for size in sizes.chain([1, 1023, 1024, 1025, CHUNK - 1, 3 * CHUNK - 1]) {
            let content = &content[..size];
            assert_eq!(file_hash(content).0, *blake3::hash(content).as_bytes(), "{size} bytes");
        }
    }

    #[test]
    fn only_chunk_of_a_file_has_the_hash_of_the_file() {
        for size in [1, 1000, CHUNK] {
            let content = bytes(size);
            let chunk = ChunkHasher::hash(0, size as u64, &content);
            assert_eq!(chunk.0, *blake3::hash(&content).as_bytes());
        }
        let longer = bytes(CHUNK + 1);
        let first = ChunkHasher::hash(0, longer.len() as u64, &longer[..CHUNK]);
        assert_ne!(first.0, *blake3::hash(&longer[..CHUNK]).as_bytes());
    }

    #[test]
    fn same_bytes_elsewhere_in_a_file_have_another_hash() {
        let zeros = vec![0; CHUNK];
        let at = |n: u64| ChunkHasher::hash(n * CHUNK_BYTES, 9 * CHUNK_BYTES, &zeros);
        assert_ne!(at(0), at(1));
        assert_eq!(at(2), at(2));
    }

    #[test]
    fn chunks_are_counted_up_to_the_largest_file() {
        let counts = [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, u64::MAX].map(chunks_in);
        assert_eq!(counts, [0, 1, 1, 2, 1 << 44]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn bytes_may_come_in_any_pieces(
            size in 1usize..3 * CHUNK, cuts in prop::collection::vec(0usize..3 * CHUNK, 0..8),
        ) {
            let content = bytes(size);
            let mut file = FileHasher::default();
            for (n, chunk) in content.chunks(CHUNK).enumerate() {
                let start = n * CHUNK;
                let mut hasher = ChunkHasher::new(start as u64, size as u64);
                let mut cuts: Vec<usize> =
                    cuts.iter().map(|cut| cut.saturating_sub(start).min(chunk.len())).collect();
                cuts.sort_unstable();
                cuts.push(chunk.len());
                let mut at = 0;
                for cut in cuts {
                    hasher.update(&chunk[at..cut]);
                    at = cut;
                }
                file.push(&hasher.finish());
            }
            prop_assert_eq!(file.finish().0, *blake3::hash(&content).as_bytes());
        }
    }
}
