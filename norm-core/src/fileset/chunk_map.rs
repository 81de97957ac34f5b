//! Where the chunks of a set are in its payload.

use core::ops::Range;

use super::{CHUNK_BYTES, ContentError, MAX_CHUNKS, chunks_in};

/// The chunks of a set whose files have no holes, in the order of the manifest: the payload is cut
/// at the end of each file and after every [`CHUNK_BYTES`] of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkMap {
    /// Where each file begins in the payload, and the number of its first chunk.
    files: Vec<(u64, u32)>,
    payload: u64,
    chunks: u32,
}

/// A chunk.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The file that it is of, among all that were added.
    pub file: usize,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Its bytes, 1 to [`CHUNK_BYTES`].
    pub len: u64,
    /// Where it begins in the payload, in bytes.
    pub payload: u64,
    /// Bytes of its file.
    pub size: u64,
}

impl Chunk {
    /// Its place in the payload.
    pub fn range(&self) -> Range<u64> {
        self.payload..self.payload + self.len
    }
}

impl ChunkMap {
    /// Adds a file of `size` bytes.
    ///
    /// # Errors
    /// [`ContentError::TooLarge`] when there are more than [`MAX_CHUNKS`].
    pub fn push(&mut self, size: u64) -> Result<(), ContentError> {
        let chunks = u64::from(self.chunks) + chunks_in(size);
        let payload = self.payload.checked_add(size).ok_or(ContentError::TooLarge)?;
        let chunks = u32::try_from(chunks).ok().filter(|&chunks| chunks <= MAX_CHUNKS);
        self.files.push((self.payload, self.chunks));
        self.chunks = chunks.ok_or(ContentError::TooLarge)?;
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

    /// The chunk with this number; `None` after the last one.
    pub fn chunk(&self, number: u32) -> Option<Chunk> {
        if number >= self.chunks {
            return None;
        }
        // Of files that begin at the same place, all but the last are empty.
        let file = self.files.partition_point(|&(_, first)| first <= number).checked_sub(1)?;
        let &(start, first) = self.files.get(file)?;
        let size = self.file_end(file) - start;
        let offset = u64::from(number - first) * CHUNK_BYTES;
        let len = (size - offset).min(CHUNK_BYTES);
        Some(Chunk { file, offset, len, payload: start + offset, size })
    }

    /// The numbers of the chunks of a file.
    pub fn of_file(&self, file: usize) -> Range<u32> {
        let first = self.files.get(file).map_or(self.chunks, |&(_, first)| first);
        let end = self.files.get(file + 1).map_or(self.chunks, |&(_, first)| first);
        first..end
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
        let Some(&(start, first)) = file.checked_sub(1).and_then(|file| self.files.get(file))
        else {
            return self.chunks;
        };
        // No more than all chunks, since the byte is one of the file.
        first + ((byte - start) / CHUNK_BYTES) as u32
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
        sizes.iter().for_each(|&size| map.push(size).unwrap());
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
        map.push(1).unwrap();
        assert_eq!(map.push(1), Err(ContentError::TooLarge));
        assert_eq!(ChunkMap::default().push(u64::MAX), Err(ContentError::TooLarge));
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
