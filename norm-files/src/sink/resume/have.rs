//! Which bytes of a payload are in its file.

use norm_core::base::range_set::RangeSet;

use super::state::MAX_RANGES;

/// Ranges of a payload that were written, of bounded size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Have {
    ranges: RangeSet,
    bytes: u64,
}

impl Have {
    /// These ranges.
    pub fn new(ranges: RangeSet) -> Self {
        let bytes = ranges.iter().map(|(start, end)| end - start).sum();
        Self { ranges, bytes }
    }

    /// Notes `start..end` as written; returns how many bytes of it were not before. What would be
    /// one range too many is not noted: it is received again by a later session.
    pub fn insert(&mut self, start: u64, end: u64) -> u64 {
        let new = self.missing(start, end);
        if new == 0 {
            return 0;
        }
        self.ranges.insert(start, end);
        if self.ranges.pieces() > MAX_RANGES {
            // It touches no other.
            self.ranges.remove(start, end);
        } else {
            self.bytes += new;
        }
        new
    }

    /// Forgets `start..end`; returns how many bytes of it were noted.
    pub fn remove(&mut self, start: u64, end: u64) -> u64 {
        let gone = end.saturating_sub(start) - self.missing(start, end);
        self.ranges.remove(start, end);
        // Cutting one in two may make one too many.
        if self.ranges.pieces() > MAX_RANGES
            && let Some((from, to)) = self.ranges.iter().last()
        {
            self.ranges.remove(from, to);
        }
        self.bytes = self.ranges.iter().map(|(start, end)| end - start).sum();
        gone
    }

    /// True when all of `start..end` is there.
    pub fn covers(&self, start: u64, end: u64) -> bool {
        self.ranges.covers(start, end)
    }

    /// Bytes that are there.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &RangeSet {
        &self.ranges
    }

    /// Where the last one ends; 0 without any.
    pub fn end(&self) -> u64 {
        self.ranges.iter().last().map_or(0, |(_, end)| end)
    }

    fn missing(&self, start: u64, end: u64) -> u64 {
        self.ranges.gaps(start, end).map(|(from, to)| to - from).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_counts_once() {
        let mut have = Have::default();
        assert_eq!(have.insert(10, 20), 10);
        assert_eq!(have.insert(15, 30), 10);
        assert_eq!(have.insert(12, 18), 0);
        assert_eq!((have.bytes(), have.end()), (20, 30));
        assert_eq!(have.remove(0, 15), 5);
        assert_eq!(have.remove(0, 15), 0);
        assert!(have.covers(15, 30) && !have.covers(14, 30));
        assert_eq!(have.bytes(), 15);
    }

    #[test]
    fn ranges_are_never_more_than_a_state_may_list() {
        let mut have = Have::default();
        let max = MAX_RANGES as u64;
        for n in 0..max + 10 {
            assert_eq!(have.insert(n * 10, n * 10 + 5), 5, "it is news all the same");
        }
        assert_eq!(have.ranges().pieces(), MAX_RANGES);
        assert_eq!(have.bytes(), max * 5);
        assert!(!have.covers(max * 10, max * 10 + 5));
        assert_eq!(have.remove(1, 2), 1);
        assert_eq!(have.ranges().pieces(), MAX_RANGES);
        assert_eq!(have.bytes(), max * 5 - 6, "the last one made room");
    }
}
