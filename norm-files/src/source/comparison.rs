//! Compares what is read with what was hashed before the session.

use std::ops::Range;
use std::sync::Arc;

use norm_core::fileset::{ChunkMap, DataHasher};

use super::hash_first::HashedSet;
use super::open_files::Files;

/// How far the payload was compared in the order of reading. Reads go forward, and may leave parts
/// out.
#[derive(Debug)]
pub(super) struct Comparison {
    hashed: HashedSet,
    map: Arc<ChunkMap>,
    /// Everything before this byte of the payload was compared, or left out.
    end: u64,
    /// The chunk that is not whole yet, and its number.
    chunk: Option<(u32, DataHasher)>,
}

impl Comparison {
    /// Nothing was read yet of what was hashed.
    pub(super) fn new(hashed: HashedSet) -> Self {
        let map = Arc::clone(hashed.map());
        Self { hashed, map, end: 0, chunk: None }
    }

    /// What was hashed.
    pub(super) fn hashed(&self) -> &HashedSet {
        &self.hashed
    }

    /// Everything before this byte of the payload was compared, or left out.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Takes bytes of the payload. A chunk that has another hash than before, of a file that is not
    /// withdrawn, is an error, with the number of its file; the rest is taken when the same bytes
    /// are handed in again.
    pub(super) fn update(
        &mut self,
        files: &Files,
        offset: u64,
        mut bytes: &[u8],
    ) -> Result<(), usize> {
        if offset > self.end {
            self.skip_to(offset);
        }
        // All of it may have been read before.
        let known = usize::try_from(self.end.saturating_sub(offset)).unwrap_or(usize::MAX);
        bytes = bytes.get(known..).unwrap_or_default();
        while !bytes.is_empty() {
            let number = self.map.over(self.end, self.end + 1).start;
            let Some(chunk) = self.map.chunk(number) else { return Ok(()) };
            let place = chunk.range();
            let room = usize::try_from(place.end - self.end).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            let begun = self.chunk.take().filter(|(at, _)| *at == number);
            let begun = begun.map(|(_, hasher)| hasher);
            let Some(mut hasher) = begun.or_else(|| self.map.hasher(number)) else {
                return Ok(());
            };
            hasher.update(now);
            self.end += now.len() as u64;
            if now.len() < room {
                self.chunk = Some((number, hasher));
            } else if self.hashed.chunk(number) != Some(hasher.finish())
                && !files.is_withdrawn(chunk.file)
            {
                return Err(chunk.file);
            }
            bytes = later;
        }
        Ok(())
    }

    /// The number of the chunk that is not whole yet, if there is one.
    pub(super) fn begun(&self) -> Range<u32> {
        self.chunk.as_ref().map_or(0..0, |(number, _)| *number..*number + 1)
    }

    /// Goes on with the first chunk that begins at `offset` or after it.
    pub(super) fn skip_to(&mut self, offset: u64) {
        self.chunk = None;
        self.end = offset;
        let number = self.map.over(offset, offset + 1).start;
        if let Some(place) = self.map.chunk(number).map(|chunk| chunk.range())
            && place.start < offset
        {
            self.end = place.end;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use norm_core::fileset::CHUNK_BYTES;

    use super::*;
    use crate::source::scan::scan;

    const MIB: usize = CHUNK_BYTES as usize;

    fn comparison(sizes: &[usize]) -> (Comparison, Files, Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        let mut payload = Vec::new();
        for (number, &size) in sizes.iter().enumerate() {
            let content: Vec<u8> = (0..size).map(|n| (n * 31 + n / 251 + number) as u8).collect();
            std::fs::write(dir.path().join(number.to_string()), &content).unwrap();
            payload.extend(content);
        }
        let found = scan(&[dir.path().to_owned()]).unwrap();
        let all = &mut |_| ControlFlow::Continue(());
        let hashed = HashedSet::of(&found.files, found.map, found.manifest_hash, None, all);
        let hashed = hashed.unwrap().unwrap();
        (Comparison::new(hashed), Files::new(found.files), payload)
    }

    #[test]
    fn whole_chunks_are_compared_once_in_whatever_pieces_they_come() {
        for step in [1000, 300_000, 3 * MIB] {
            let (mut comparison, files, mut payload) = comparison(&[2 * MIB + 5, 7, MIB]);
            for at in (0..payload.len()).step_by(step) {
                let end = payload.len().min(at + step);
                assert_eq!(comparison.update(&files, at as u64, &payload[at..end]), Ok(()));
            }
            payload[0] ^= 1;
            assert_eq!(comparison.update(&files, 0, &payload), Ok(()), "it was compared before");
        }
    }

    #[test]
    fn other_content_is_found_with_its_file() {
        let (mut comparison, files, mut payload) = comparison(&[2 * MIB + 5, 7, MIB]);
        payload[2 * MIB + 5 + 3] ^= 1;
        assert_eq!(comparison.update(&files, 0, &payload), Err(1));
    }

    #[test]
    fn after_a_gap_comparing_begins_with_the_next_chunk() {
        let (mut comparison, files, mut payload) = comparison(&[4 * MIB]);
        payload[MIB - 1] ^= 1;
        payload[3 * MIB] ^= 1;
        let mut update =
            |range: Range<usize>| comparison.update(&files, range.start as u64, &payload[range]);
        assert_eq!(update(10..MIB), Ok(()), "it is not all of the chunk");
        assert_eq!(update(MIB..2 * MIB), Ok(()));
        assert_eq!(update(3 * MIB..4 * MIB), Err(0));
    }
}
