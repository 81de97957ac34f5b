//! Which parts of a spool file are in use.

use std::collections::BTreeMap;

/// Sizes are multiples of this, so that regions of blocks that differ by a few bytes serve again.
const STEP: u64 = 4_096;

/// A part of a file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    /// Its first byte.
    pub(crate) start: u64,
    /// Its bytes.
    pub(crate) size: u64,
}

/// Hands out parts of a file, and takes them back.
#[derive(Debug, Default)]
pub(crate) struct Regions {
    /// The end of the last one.
    end: u64,
    /// Starts of free ones by their size.
    free: BTreeMap<u64, Vec<u64>>,
    taken: usize,
}

impl Regions {
    /// A region of at least this size.
    pub(crate) fn take(&mut self, size: u64) -> Region {
        let size = size.max(1).next_multiple_of(STEP);
        self.taken += 1;
        // One that is much larger is kept for its like.
        let fitting = self.free.range_mut(size..=size.saturating_mul(2)).next();
        if let Some((&size, starts)) = fitting
            && let Some(start) = starts.pop()
        {
            if starts.is_empty() {
                self.free.remove(&size);
            }
            return Region { start, size };
        }
        let start = self.end;
        self.end += size;
        Region { start, size }
    }

    /// Takes one back. True when no other is in use: the file may become empty.
    pub(crate) fn give_back(&mut self, region: Region) -> bool {
        self.taken = self.taken.saturating_sub(1);
        if self.taken > 0 {
            self.free.entry(region.size).or_default().push(region.start);
            return false;
        }
        *self = Self::default();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_about_the_same_size_serve_again() {
        let mut regions = Regions::default();
        let all = [10_000, 1, 9_000].map(|size| regions.take(size));
        assert_eq!(
            all.map(|region| (region.start, region.size)),
            [(0, 12_288), (12_288, 4_096), (16_384, 12_288)]
        );
        assert!(!regions.give_back(all[0]));
        assert_eq!(regions.take(1).start, 28_672, "a small one does not take it");
        assert_eq!(regions.take(8_193), all[0]);
        assert_eq!(regions.take(8_193).start, 32_768, "no other is free");
    }

    #[test]
    fn when_none_is_in_use_the_file_begins_anew() {
        let mut regions = Regions::default();
        let (first, second) = (regions.take(1), regions.take(5_000));
        assert!(!regions.give_back(first));
        assert!(regions.give_back(second));
        assert_eq!(regions.take(5_000).start, 0);
    }
}
