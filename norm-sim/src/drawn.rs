//! Chunks of objects that are drawn by chance: those that a receiver has, or does not want, and
//! those that a sender withdraws.

use core::ops::Range;

use bytes::Bytes;

use crate::packet::mix;

/// What a command that names drawn chunks begins with.
const MAGIC: &[u8; 4] = b"gone";

/// Some of the chunks of every object; which ones follows from the seed.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct DrawnChunks {
    seed: u64,
    /// Bytes in a chunk.
    chunk: u32,
    /// Share of chunks, 0 to 1.
    share: f64,
}

impl DrawnChunks {
    /// This share of chunks of so many bytes.
    pub(crate) fn new(seed: u64, chunk: u32, share: f64) -> Self {
        Self { seed, chunk: chunk.max(1), share }
    }

    /// The chunks of an object of `size` bytes, by their places, and whether each is one of them.
    pub(crate) fn all(self, object: u64, size: u64) -> impl Iterator<Item = (Range<u64>, bool)> {
        let len = u64::from(self.chunk);
        (0..size.div_ceil(len)).map(move |number| {
            let start = number * len;
            (start..(start + len).min(size), self.has(object, number))
        })
    }

    /// The places of those that are in an object of `size` bytes.
    pub(crate) fn ranges(self, object: u64, size: u64) -> impl Iterator<Item = Range<u64>> {
        self.all(object, size).filter(|(_, is_drawn)| *is_drawn).map(|(range, _)| range)
    }

    /// The parts of a range of an object that are in one of them, as far as the object has bytes.
    pub(crate) fn overlaps(
        self,
        object: u64,
        range: Range<u64>,
    ) -> impl Iterator<Item = Range<u64>> {
        let len = u64::from(self.chunk);
        let numbers = range.start / len..range.end.div_ceil(len);
        let drawn = numbers.filter(move |&number| self.has(object, number));
        drawn.map(move |n| (n * len).max(range.start)..((n + 1) * len).min(range.end))
    }

    fn has(self, object: u64, number: u64) -> bool {
        let drawn = mix(self.seed, mix(object, number)) >> 11;
        (drawn as f64) < self.share * (1u64 << 53) as f64
    }

    /// The content of a command that names them.
    pub(crate) fn emit(self) -> Bytes {
        let words = [self.seed, self.chunk.into(), self.share.to_bits()];
        let words = words.into_iter().chain([words.into_iter().fold(0, mix)]);
        let bytes = words.flat_map(u64::to_be_bytes);
        MAGIC.iter().copied().chain(bytes).collect()
    }

    /// Those that a command names; `None` of other and of damaged ones.
    pub(crate) fn parse(content: &[u8]) -> Option<Self> {
        let (words, rest) = content.strip_prefix(MAGIC)?.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_be_bytes(*word)).collect();
        let &[seed, chunk, share, check] = &words[..] else { return None };
        let is_whole = rest.is_empty() && [seed, chunk, share].into_iter().fold(0, mix) == check;
        let chunk = u32::try_from(chunk).ok().filter(|_| is_whole)?;
        Some(Self::new(seed, chunk, f64::from_bits(share)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_names_the_same_chunks_or_none() {
        let drawn = DrawnChunks::new(7, 100, 0.3);
        let content = drawn.emit();
        assert_eq!(DrawnChunks::parse(&content), Some(drawn));
        for at in 0..content.len() {
            let mut damaged = content.to_vec();
            damaged[at] ^= 4;
            assert_eq!(DrawnChunks::parse(&damaged), None, "{at}");
        }
        assert_eq!(DrawnChunks::parse(&content[..20]), None);
    }

    #[test]
    fn share_of_the_chunks_is_drawn_and_found_in_any_range() {
        let drawn = DrawnChunks::new(7, 100, 0.3);
        let ranges: Vec<_> = drawn.ranges(5, 99_950).collect();
        assert!((250..350).contains(&ranges.len()), "{}", ranges.len());
        assert_ne!(ranges, drawn.ranges(6, 99_950).collect::<Vec<_>>());
        for (start, end) in [(0, 99_950), (150, 151), (250, 1_049)] {
            let bytes = |range: &Range<u64>| range.start.max(start)..range.end.min(end);
            let expected = ranges.iter().map(bytes).filter(|range| !range.is_empty());
            let found: Vec<_> = drawn.overlaps(5, start..end).collect();
            assert_eq!(found, expected.collect::<Vec<_>>());
        }
        assert_eq!(DrawnChunks::new(1, 0, 1.0).ranges(0, 3).count(), 3);
    }
}
