//! What of an object need not come: bytes that are on disk, or are not wanted.

use core::ops::Range;

use crate::base::bits::Bits;
use crate::base::range_set::RangeSet;
use crate::endpoint::BlockGeometry;

/// Ranges of an object at most: what would make more of them is asked for like anything else.
const MAX_PIECES: usize = 1 << 16;

/// Ranges of bytes of one object.
#[derive(Debug)]
pub(crate) struct Held {
    /// On disk.
    held: RangeSet,
    /// On disk, or not wanted.
    covered: RangeSet,
    /// What lies before may be asked for.
    frontier: u64,
}

/// Source symbols of a block that need not come.
#[derive(Clone, Debug)]
pub(crate) struct HeldSymbols {
    /// On disk.
    pub(crate) held: Bits,
    /// On disk, or not wanted.
    pub(crate) covered: Bits,
}

impl Held {
    /// Nothing is held, and everything may be asked for.
    pub(crate) fn new() -> Self {
        Self { held: RangeSet::new(), covered: RangeSet::new(), frontier: u64::MAX }
    }

    /// Notes bytes that are on disk.
    pub(crate) fn note_held(&mut self, range: &Range<u64>) {
        insert(&mut self.held, range);
        insert(&mut self.covered, range);
    }

    /// Notes bytes that are not wanted.
    pub(crate) fn note_unwanted(&mut self, range: &Range<u64>) {
        insert(&mut self.covered, range);
    }

    /// What was thought to be on disk of this range is not.
    pub(crate) fn lose(&mut self, range: Range<u64>) {
        let (start, end) = (range.start, range.end);
        let not_held: Vec<_> = self.held.gaps(start, end).collect();
        let unwanted = not_held.iter().flat_map(|&(from, to)| self.covered.overlaps(from, to));
        let unwanted: Vec<_> = unwanted.collect();
        self.held.remove(start, end);
        self.covered.remove(start, end);
        unwanted.iter().for_each(|&(from, to)| insert(&mut self.covered, &(from..to)));
    }

    /// Only what lies before `end` may be asked for.
    pub(crate) fn set_frontier(&mut self, end: u64) {
        self.frontier = end;
    }

    /// What lies before may be asked for.
    pub(crate) fn frontier(&self) -> u64 {
        self.frontier
    }

    /// Nothing is held, and all is wanted.
    pub(crate) fn is_empty(&self) -> bool {
        self.covered.pieces() == 0
    }

    /// True when nothing of a block need come.
    pub(crate) fn covers(&self, geometry: &BlockGeometry) -> bool {
        self.covered.covers(geometry.offset, geometry.offset + u64::from(geometry.len))
    }

    /// Symbols of a block that need not come; `None` when all have to.
    pub(crate) fn symbols(&self, geometry: &BlockGeometry) -> Option<HeldSymbols> {
        let end = geometry.offset + u64::from(geometry.len);
        self.covered.first_from(geometry.offset).filter(|&first| first < end)?;
        let covered = symbols(&self.covered, geometry);
        (covered.count() > 0).then(|| HeldSymbols { held: symbols(&self.held, geometry), covered })
    }
}

/// The symbols of a block that lie wholly in a set.
fn symbols(set: &RangeSet, geometry: &BlockGeometry) -> Bits {
    let (offset, size) = (geometry.offset, u64::from(geometry.symbol_size).max(1));
    let mut bits = Bits::new(geometry.symbols);
    let mut next = 0;
    for (start, end) in set.gaps(offset, offset + u64::from(geometry.len)) {
        bits.insert_run(next, ((start - offset) / size) as u32);
        next = (end - offset).div_ceil(size) as u32;
    }
    bits.insert_run(next, geometry.symbols);
    bits
}

fn insert(set: &mut RangeSet, range: &Range<u64>) {
    set.insert(range.start, range.end);
    if set.pieces() > MAX_PIECES {
        // It touches no other.
        set.remove(range.start, range.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fec::Scheme;

    /// Four symbols of 10 bytes and one of 5, from byte 100 on.
    const GEOMETRY: BlockGeometry = BlockGeometry {
        scheme: Scheme::RaptorQ,
        symbols: 5,
        symbol_size: 10,
        offset: 100,
        len: 45,
    };

    fn ones(held: &Held) -> Option<(Vec<u32>, Vec<u32>)> {
        let symbols = held.symbols(&GEOMETRY)?;
        Some((symbols.held.ones().collect(), symbols.covered.ones().collect()))
    }

    #[test]
    fn symbol_is_held_when_all_of_it_is() {
        let mut held = Held::new();
        assert!(held.is_empty() && ones(&held).is_none());
        held.note_held(&(90..119));
        assert_eq!(ones(&held), Some((vec![0], vec![0])));
        held.note_held(&(139..150));
        assert_eq!(ones(&held), Some((vec![0, 4], vec![0, 4])), "the last one is short");
        held.note_unwanted(&(119..131));
        assert_eq!(ones(&held), Some((vec![0, 4], vec![0, 1, 2, 4])));
        assert!(!held.covers(&GEOMETRY));
        held.note_held(&(131..139));
        assert!(held.covers(&GEOMETRY));
    }

    #[test]
    fn what_is_lost_is_wanted_again_and_what_was_not_wanted_is_not() {
        let mut held = Held::new();
        held.note_held(&(0..120));
        held.note_unwanted(&(120..130));
        held.note_held(&(140..200));
        held.lose(100..145);
        assert_eq!(ones(&held), Some((vec![], vec![2])));
        assert!(held.held.covers(0, 100) && held.held.covers(145, 200));
    }

    #[test]
    fn ranges_are_bounded() {
        let mut held = Held::new();
        for n in 0..2 * MAX_PIECES as u64 {
            held.note_held(&(n * 10..n * 10 + 5));
        }
        assert_eq!((held.held.pieces(), held.covered.pieces()), (MAX_PIECES, MAX_PIECES));
    }
}
