//! Where the chunks of a set are in its payload.

use core::ops::Range;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::sparse::{ChunkRun, SparseFile};
use super::{
    CHUNK_BYTES, ChunkHash, ChunkHasher, ContentError, DataHasher, Holes, MAX_CHUNKS, chunks_in,
};

/// The chunks with data of a set, in the order of the manifest: the payload is cut at the end of
/// each file and after every [`CHUNK_BYTES`] of one. Chunks wholly in a hole have no number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkMap {
    /// Where each file begins in the payload, and the number of its first chunk.
    files: Vec<(u64, u32)>,
    /// Files with holes.
    sparse: BTreeMap<usize, Arc<SparseFile>>,
    payload: u64,
    chunks: u32,
}

/// A chunk with data.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The file that it is of, among all that were added.
    pub file: usize,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Its bytes, holes included, 1 to [`CHUNK_BYTES`].
    pub len: u64,
    /// Where its data begin in the payload, in bytes.
    pub payload: u64,
    /// Bytes of it that are in the payload, at least 1.
    pub data: u64,
    /// Bytes of its file, holes included.
    pub size: u64,
}

impl Chunk {
    /// Its place in the payload.
    pub fn range(&self) -> Range<u64> {
        self.payload..self.payload + self.data
    }
}

impl ChunkMap {
    /// Without files, with room for this many.
    pub fn with_capacity(files: usize) -> Self {
        Self { files: Vec::with_capacity(files), ..Self::default() }
    }

    /// Takes no more memory than the files that were added need.
    pub fn shrink_to_fit(&mut self) {
        self.files.shrink_to_fit();
    }

    /// Adds a file of `size` bytes with these holes, which were checked.
    ///
    /// # Errors
    /// [`ContentError::TooLarge`] when there are more than [`MAX_CHUNKS`].
    pub fn push(&mut self, size: u64, holes: Holes<'_>) -> Result<(), ContentError> {
        let sparse = (!holes.is_empty()).then(|| SparseFile::new(size, holes));
        let (data, more) = match &sparse {
            Some(file) => (file.data(), file.chunks()),
            None => (size, chunks_in(size)),
        };
        let payload = self.payload.checked_add(data).ok_or(ContentError::TooLarge)?;
        let chunks = u32::try_from(u64::from(self.chunks) + more);
        let chunks = chunks.ok().filter(|&chunks| chunks <= MAX_CHUNKS);
        let chunks = chunks.ok_or(ContentError::TooLarge)?;
        if let Some(file) = sparse {
            self.sparse.insert(self.files.len(), Arc::new(file));
        }
        self.files.push((self.payload, self.chunks));
        self.chunks = chunks;
        self.payload = payload;
        Ok(())
    }

    /// The number of chunks.
    pub fn chunks(&self) -> u32 {
        self.chunks
    }

    /// Bytes in the payload.
    pub fn payload_size(&self) -> u64 {
        self.payload
    }

    /// Files that were added.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// A file with holes, by its place among all; `None` of others.
    pub fn sparse(&self, file: usize) -> Option<&Arc<SparseFile>> {
        self.sparse.get(&file)
    }

    /// The files with holes, with their places among all.
    pub fn all_sparse(&self) -> impl Iterator<Item = (usize, &SparseFile)> {
        self.sparse.iter().map(|(&file, sparse)| (file, &**sparse))
    }

    /// The chunk with this number; `None` after the last one.
    pub fn chunk(&self, number: u32) -> Option<Chunk> {
        if number >= self.chunks {
            return None;
        }
        // Of files that begin at the same place, all but the last have no chunks.
        let file = self.files.partition_point(|&(_, first)| first <= number).checked_sub(1)?;
        let &(start, first) = self.files.get(file)?;
        let within = u64::from(number - first);
        let Some(sparse) = self.sparse.get(&file) else {
            let size = self.file_end(file) - start;
            let offset = within * CHUNK_BYTES;
            let len = (size - offset).min(CHUNK_BYTES);
            return Some(Chunk { file, offset, len, payload: start + offset, data: len, size });
        };
        let size = sparse.size();
        let offset = sparse.chunk(within) * CHUNK_BYTES;
        let len = (size - offset).min(CHUNK_BYTES);
        let data = sparse.data_before(offset);
        let end = sparse.data_before(offset + len);
        Some(Chunk { file, offset, len, payload: start + data, data: end - data, size })
    }

    /// Hashes the data of the chunk with this number; `None` after the last one.
    pub fn hasher(&self, number: u32) -> Option<DataHasher> {
        self.chunk(number).map(|chunk| self.hasher_of(&chunk))
    }

    /// The hash of the chunk with this number, whose data are here as a whole.
    pub fn hash(&self, number: u32, data: &[u8]) -> Option<ChunkHash> {
        let mut hasher = self.hasher(number)?;
        hasher.update(data);
        Some(hasher.finish())
    }

    fn hasher_of(&self, chunk: &Chunk) -> DataHasher {
        let gaps = match self.sparse.get(&chunk.file) {
            Some(file) => file.gaps(chunk.offset..chunk.offset + chunk.len),
            None => Vec::new(),
        };
        DataHasher::new(ChunkHasher::new(chunk.offset, chunk.size), gaps)
    }

    /// The numbers of the chunks of a file.
    pub fn of_file(&self, file: usize) -> Range<u32> {
        let first = self.files.get(file).map_or(self.chunks, |&(_, first)| first);
        let end = self.files.get(file + 1).map_or(self.chunks, |&(_, first)| first);
        first..end
    }

    /// All chunks of a file with holes, those in holes included, in order; none of other files.
    pub fn runs(&self, file: usize) -> impl Iterator<Item = ChunkRun> + '_ {
        let first = self.of_file(file).start;
        self.sparse.get(&file).into_iter().flat_map(move |sparse| sparse.runs(first))
    }

    /// The place of a file in the payload.
    pub fn payload_of(&self, file: usize) -> Range<u64> {
        self.files.get(file).map_or(self.payload, |&(start, _)| start)..self.file_end(file)
    }

    /// The file that has this byte of the payload, by its place among all; after the last byte, how
    /// many there are.
    pub fn file_at(&self, byte: u64) -> usize {
        if byte >= self.payload {
            return self.files.len();
        }
        self.files.partition_point(|&(start, _)| start <= byte).saturating_sub(1)
    }

    /// The numbers of the chunks that have bytes in `start..end` of the payload.
    pub fn over(&self, start: u64, end: u64) -> Range<u32> {
        let end = end.min(self.payload);
        if start >= end {
            return 0..0;
        }
        self.at(start)..self.at(end - 1) + 1
    }

    /// The number of the chunk of a byte of the payload.
    fn at(&self, byte: u64) -> u32 {
        let file = self.files.partition_point(|&(start, _)| start <= byte);
        let Some((file, &(start, first))) =
            file.checked_sub(1).and_then(|file| Some((file, self.files.get(file)?)))
        else {
            return self.chunks;
        };
        let within = match self.sparse.get(&file) {
            Some(sparse) => sparse.chunk_of(byte - start),
            None => (byte - start) / CHUNK_BYTES,
        };
        // No more than all chunks, since the byte is one of the file.
        first + within as u32
    }

    fn file_end(&self, file: usize) -> u64 {
        self.files.get(file + 1).map_or(self.payload, |&(start, _)| start)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(sizes: &[u64]) -> ChunkMap {
        let mut map = ChunkMap::default();
        sizes.iter().for_each(|&size| map.push(size, Holes::NONE).unwrap());
        map
    }

    #[test]
    fn chunks_end_with_their_files() {
        let map = map(&[0, CHUNK_BYTES + 1, 0, 5, 0]);
        assert_eq!((map.chunks(), map.payload_size()), (3, CHUNK_BYTES + 6));
        let chunk = |n| map.chunk(n).map(|c| (c.file, c.offset, c.len, c.payload));
        assert_eq!(chunk(0), Some((1, 0, CHUNK_BYTES, 0)));
        assert_eq!(chunk(1), Some((1, CHUNK_BYTES, 1, CHUNK_BYTES)));
        assert_eq!(chunk(2), Some((3, 0, 5, CHUNK_BYTES + 1)));
        assert_eq!(chunk(3), None);
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|file| map.of_file(file)),
            [0..0, 0..2, 2..2, 2..3, 3..3, 3..3]
        );
        assert_eq!(map.over(CHUNK_BYTES, CHUNK_BYTES + 2), 1..3);
        assert_eq!(map.over(CHUNK_BYTES - 1, CHUNK_BYTES), 0..1);
        assert_eq!(map.over(0, u64::MAX), 0..3);
        assert_eq!((map.over(7, 7), map.over(CHUNK_BYTES + 6, u64::MAX)), (0..0, 0..0));
    }

    #[test]
    fn more_chunks_than_a_list_can_have_are_refused() {
        let mut map = map(&[u64::from(MAX_CHUNKS - 1) * CHUNK_BYTES]);
        map.push(1, Holes::NONE).unwrap();
        assert_eq!(map.push(1, Holes::NONE), Err(ContentError::TooLarge));
        assert_eq!(ChunkMap::default().push(u64::MAX, Holes::NONE), Err(ContentError::TooLarge));
    }

    proptest! {
        #[test]
        fn every_byte_is_of_one_chunk(
            sizes in prop::collection::vec(prop_oneof![0u64..3, 0..3 * CHUNK_BYTES], 0..8),
        ) {
            let map = map(&sizes);
            let mut end = 0;
            for number in 0..map.chunks() {
                let chunk = map.chunk(number).unwrap();
                prop_assert_eq!(chunk.payload, end);
                prop_assert!((1..=CHUNK_BYTES).contains(&chunk.len));
                prop_assert_eq!(chunk.size, sizes[chunk.file]);
                prop_assert!(map.of_file(chunk.file).contains(&number));
                end += chunk.len;
                prop_assert_eq!(map.over(chunk.payload, end), number..number + 1);
            }
            prop_assert_eq!(end, sizes.iter().sum::<u64>());
            prop_assert_eq!(map.over(0, end), 0..map.chunks());
        }
    }
}
