//! A file with holes: which of its bytes and chunks are in the payload.

use core::ops::Range;

use super::{CHUNK_BYTES, Hole, Holes, chunks_in};

/// A file with holes. Its data are its bytes outside of them, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparseFile {
    size: u64,
    holes: Vec<Placed>,
}

/// A hole, and what is in those before it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Placed {
    hole: Hole,
    /// Bytes in the holes before.
    bytes: u64,
    /// Chunks wholly in one of the holes before.
    chunks: u64,
}

/// Data of a file that stand together in it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where they begin among the data of the file, in bytes.
    pub data: u64,
    /// Where they begin in the file, in bytes.
    pub offset: u64,
    /// Their bytes.
    pub len: u64,
}

/// Chunks of a file that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkRun {
    /// With data: their numbers among such chunks of the set.
    Data(Range<u32>),
    /// Wholly in a hole: their numbers among all chunks of the file.
    Hole(Range<u64>),
}

impl Placed {
    /// The first chunk of the file that begins in the hole, or after it.
    fn first_chunk(&self) -> u64 {
        self.hole.offset.div_ceil(CHUNK_BYTES)
    }

    /// Chunks of a file of `size` bytes wholly in this hole.
    fn whole_chunks(&self, size: u64) -> u64 {
        let end = match self.hole.end() {
            end if end == size => chunks_in(size),
            end => end / CHUNK_BYTES,
        };
        end.saturating_sub(self.first_chunk())
    }

    /// Data before the hole.
    fn data(&self) -> u64 {
        self.hole.offset - self.bytes
    }
}

impl SparseFile {
    /// A file of `size` bytes with these holes, which were checked.
    pub(super) fn new(size: u64, holes: Holes<'_>) -> Self {
        let (mut bytes, mut chunks) = (0, 0);
        let placed = holes.iter().map(|hole| {
            let placed = Placed { hole, bytes, chunks };
            bytes += hole.len;
            chunks += placed.whole_chunks(size);
            placed
        });
        let holes = placed.collect();
        Self { size, holes }
    }

    /// Bytes of the file, holes included.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes outside of holes.
    pub fn data(&self) -> u64 {
        self.data_before(self.size)
    }

    /// Chunks with data.
    pub fn chunks(&self) -> u64 {
        let gone = self.holes.last().map_or(0, |last| last.chunks + last.whole_chunks(self.size));
        chunks_in(self.size) - gone
    }

    /// Bytes of data before a place in the file.
    pub fn data_before(&self, offset: u64) -> u64 {
        let before = self.holes.partition_point(|placed| placed.hole.offset < offset);
        match before.checked_sub(1).and_then(|last| self.holes.get(last)) {
            Some(Placed { hole, bytes, .. }) => offset - bytes - hole.len.min(offset - hole.offset),
            None => offset,
        }
    }

    /// Where a byte of the data is in the file.
    pub fn offset_of(&self, data: u64) -> u64 {
        let before = self.holes.partition_point(|placed| placed.data() <= data);
        match before.checked_sub(1).and_then(|last| self.holes.get(last)) {
            Some(Placed { hole, bytes, .. }) => data + bytes + hole.len,
            None => data,
        }
    }

    /// The pieces of the file that have a range of its data.
    pub fn pieces(&self, data: Range<u64>) -> impl Iterator<Item = Piece> + '_ {
        let first = self.holes.partition_point(|placed| placed.data() <= data.start);
        let ends = self.holes.iter().skip(first).map(Placed::data).chain([u64::MAX]);
        let mut at = data.start;
        ends.map_while(move |end| {
            let len = end.min(data.end).checked_sub(at).filter(|&len| len > 0)?;
            let piece = Piece { data: at, offset: self.offset_of(at), len };
            at += len;
            Some(piece)
        })
    }

    /// The holes.
    pub fn holes(&self) -> impl ExactSizeIterator<Item = Hole> + '_ {
        self.holes.iter().map(|placed| placed.hole)
    }

    /// The holes in a part of the file: where the data before each end, counted from the start of
    /// the part, and its bytes there.
    pub(super) fn gaps(&self, part: Range<u64>) -> Vec<(u64, u64)> {
        let start = self.data_before(part.start);
        let first = self.holes.partition_point(|placed| placed.hole.end() <= part.start);
        let over = self.holes.iter().skip(first);
        let over = over.take_while(|placed| placed.hole.offset < part.end);
        let gap = |placed: &Placed| {
            let from = placed.hole.offset.max(part.start);
            (self.data_before(from) - start, placed.hole.end().min(part.end) - from)
        };
        over.map(gap).collect()
    }

    /// The number, among all chunks of the file, of the chunk with this number among those with
    /// data.
    pub(super) fn chunk(&self, number: u64) -> u64 {
        let before =
            self.holes.partition_point(|placed| placed.first_chunk() - placed.chunks <= number);
        match before.checked_sub(1).and_then(|last| self.holes.get(last)) {
            Some(placed) => number + placed.chunks + placed.whole_chunks(self.size),
            None => number,
        }
    }

    /// The number of the chunk of a byte of the data, among those with data.
    pub(super) fn chunk_of(&self, data: u64) -> u64 {
        let number = self.offset_of(data) / CHUNK_BYTES;
        let before = self.holes.partition_point(|placed| placed.first_chunk() <= number);
        match before.checked_sub(1).and_then(|last| self.holes.get(last)) {
            Some(placed) => number - placed.chunks - placed.whole_chunks(self.size),
            None => number,
        }
    }

    /// All chunks in their order; those with data have numbers from `first` on.
    pub(super) fn runs(&self, first: u32) -> impl Iterator<Item = ChunkRun> + '_ {
        let (mut number, mut at) = (first, 0);
        let whole = move |placed: &Placed| {
            let start = placed.first_chunk();
            start..start + placed.whole_chunks(self.size)
        };
        let holes = self.holes.iter().map(whole).filter(|hole| !hole.is_empty());
        let end = chunks_in(self.size);
        holes.chain(core::iter::once(end..end)).flat_map(move |hole| {
            // No more than a digest list can have.
            let data = number..number + (hole.start - at) as u32;
            (number, at) = (data.end, hole.end);
            [ChunkRun::Data(data), ChunkRun::Hole(hole)]
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fileset::{HoleList, data_chunks};

    const C: u64 = CHUNK_BYTES;

    fn sparse(size: u64, holes: &[(u64, u64)]) -> (SparseFile, HoleList) {
        let mut list = HoleList::default();
        holes.iter().for_each(|&(offset, len)| list.push(Hole { offset, len }));
        (SparseFile::new(size, list.as_holes()), list)
    }

    #[test]
    fn data_follow_each_other_without_the_holes() {
        let (file, _) = sparse(100, &[(0, 10), (30, 20), (90, 10)]);
        assert_eq!((file.size(), file.data(), file.chunks()), (100, 60, 1));
        assert_eq!(
            [0, 5, 10, 30, 40, 50, 90, 100].map(|n| file.data_before(n)),
            [0, 0, 0, 20, 20, 20, 60, 60]
        );
        assert_eq!([0, 19, 20, 59].map(|n| file.offset_of(n)), [10, 29, 50, 89]);
        let pieces: Vec<_> = file.pieces(5..40).map(|p| (p.data, p.offset, p.len)).collect();
        assert_eq!(pieces, [(5, 15, 15), (20, 50, 20)]);
        assert_eq!(file.pieces(20..20).count(), 0);
        assert_eq!(file.gaps(0..100), [(0, 10), (20, 20), (60, 10)]);
        assert_eq!(file.gaps(40..95), [(0, 10), (40, 5)]);
    }

    #[test]
    fn chunks_in_holes_have_no_number_among_those_with_data() {
        let (file, _) = sparse(10 * C + 5, &[(1, 3 * C), (4 * C + 1, 2 * C - 1), (9 * C, C + 5)]);
        // 0 with its first byte, 3 with the end of the first hole, 4 with its first byte, 6, 7, 8.
        assert_eq!(file.chunks(), 6);
        assert_eq!([0, 1, 2, 3, 4, 5].map(|n| file.chunk(n)), [0, 3, 4, 6, 7, 8]);
        let runs: Vec<_> = file.runs(7).collect();
        use ChunkRun::{Data, Hole};
        let expected = [
            Data(7..8),
            Hole(1..3),
            Data(8..10),
            Hole(5..6),
            Data(10..13),
            Hole(9..11),
            Data(13..13),
            Hole(11..11),
        ];
        assert_eq!(runs, expected);
    }

    fn holes() -> impl Strategy<Value = (u64, Vec<(u64, u64)>)> {
        let len = prop_oneof![1..5u64, C - 2..C + 3, 1..5 * C];
        let pairs = prop::collection::vec((len.clone(), len), 1..8);
        (pairs, 0..2 * C, any::<bool>()).prop_map(|(pairs, tail, first)| {
            let mut at = 0;
            let mut holes = Vec::new();
            for (n, (gap, len)) in pairs.into_iter().enumerate() {
                let start = if n == 0 && first { 0 } else { at + gap };
                holes.push((start, len));
                at = start + len;
            }
            (at + tail, holes)
        })
    }

    proptest! {
        #[test]
        fn every_byte_of_data_has_one_place_and_one_chunk((size, holes) in holes()) {
            let (file, list) = sparse(size, &holes);
            prop_assert_eq!(file.data(), size - holes.iter().map(|hole| hole.1).sum::<u64>());
            prop_assert_eq!(file.chunks(), data_chunks(size, list.as_holes()));
            let mut end = 0;
            for piece in file.pieces(0..file.data()) {
                prop_assert_eq!(piece.data, end);
                for at in [0, piece.len - 1] {
                    let offset = file.offset_of(piece.data + at);
                    prop_assert_eq!(offset, piece.offset + at);
                    prop_assert_eq!(file.data_before(offset), piece.data + at);
                    let within =
                        |&(start, len): &(u64, u64)| (start..start + len).contains(&offset);
                    prop_assert!(!holes.iter().any(within));
                    let number = file.chunk_of(piece.data + at);
                    prop_assert!(number < file.chunks());
                    prop_assert_eq!(file.chunk(number), offset / C);
                }
                end += piece.len;
            }
            prop_assert_eq!(end, file.data());
            let (mut numbers, mut all) = (0, 0);
            for run in file.runs(0) {
                match run {
                    ChunkRun::Data(run) => {
                        prop_assert_eq!(run.start, numbers);
                        for number in run.clone() {
                            prop_assert_eq!(file.chunk(number.into()), all);
                            all += 1;
                        }
                        numbers = run.end;
                    }
                    ChunkRun::Hole(run) => {
                        prop_assert_eq!(run.start, all);
                        all = run.end;
                    }
                }
            }
            prop_assert_eq!((u64::from(numbers), all), (file.chunks(), chunks_in(size)));
        }
    }
}
