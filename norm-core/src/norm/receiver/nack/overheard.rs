//! What other receivers have asked for in this cycle: the memory that suppresses our NACKs (RFC
//! 5740 §5.3, RFC 5401 §3.2).

use std::collections::BTreeMap;

use super::need::{Need, Position, StreamSymbolNeed, SymbolNeed};
use crate::base::range_set::RangeSet;

/// Requests overheard in this cycle, from NACKs or from the sender's REPAIR_ADV.
#[derive(Debug, Default)]
pub(crate) struct Overheard {
    objects: RangeSet,
    infos: RangeSet,
    /// Objects of which all blocks were asked for, as part of a range of blocks.
    all_blocks: RangeSet,
    /// Blocks asked for, by the object's key.
    blocks: RangesBy<u64>,
    /// The largest number of symbols of a block that one receiver has asked for.
    counts: BTreeMap<Position, u32>,
    /// Symbols named, by their block.
    symbols: RangesBy<Position>,
}

/// Entries of each kind. Requests beyond go unnoticed, and we may ask once too often.
const MAX_ENTRIES: usize = 4_096;
/// The end of all blocks that a packet can name.
const BLOCKS_END: u64 = 1 << 32;

/// Ranges of numbers within something that has a key.
#[derive(Debug)]
struct RangesBy<K> {
    sets: BTreeMap<K, RangeSet>,
    /// Ranges of all keys together.
    pieces: usize,
}

impl<K> Default for RangesBy<K> {
    fn default() -> Self {
        Self { sets: BTreeMap::new(), pieces: 0 }
    }
}

impl<K: Ord> RangesBy<K> {
    /// Adds `start..end` under a key, if there is room for more.
    fn insert(&mut self, key: K, start: u64, end: u64) {
        if start >= end || self.pieces >= MAX_ENTRIES {
            return;
        }
        let set = self.sets.entry(key).or_default();
        let before = set.pieces();
        set.insert(start, end);
        self.pieces = self.pieces - before + set.pieces();
    }

    fn covers(&self, key: &K, start: u64, end: u64) -> bool {
        start >= end || self.sets.get(key).is_some_and(|set| set.covers(start, end))
    }
}

fn add(set: &mut RangeSet, start: u64, end: u64) {
    if set.pieces() < MAX_ENTRIES {
        set.insert(start, end);
    }
}

impl Overheard {
    /// Notes a request for objects `first..=last`.
    pub(crate) fn note_objects(&mut self, first: u64, last: u64) {
        add(&mut self.objects, first, last.saturating_add(1));
    }

    /// Notes a request for INFO of objects `first..=last`.
    pub(crate) fn note_infos(&mut self, first: u64, last: u64) {
        add(&mut self.infos, first, last.saturating_add(1));
    }

    /// Notes a request for all blocks from `first` to `last`.
    pub(crate) fn note_blocks(&mut self, first: Position, last: Position) {
        let end = u64::from(last.block) + 1;
        if first.key == last.key {
            self.blocks.insert(first.key, first.block.into(), end);
        } else if first.key < last.key {
            self.blocks.insert(first.key, first.block.into(), BLOCKS_END);
            add(&mut self.all_blocks, first.key + 1, last.key);
            self.blocks.insert(last.key, 0, end);
        }
    }

    /// Notes a request for any `count` symbols of a block.
    pub(crate) fn note_count(&mut self, at: Position, count: u32) {
        if self.counts.len() < MAX_ENTRIES || self.counts.contains_key(&at) {
            let largest = self.counts.entry(at).or_default();
            *largest = (*largest).max(count);
        }
    }

    /// Notes a request for symbols `first..=last` of a block.
    pub(crate) fn note_symbols(&mut self, at: Position, first: u32, last: u32) {
        self.symbols.insert(at, first.into(), u64::from(last) + 1);
    }

    /// Forgets all requests: a cycle ends.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// True when nothing was asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.objects.pieces() == 0
            && self.infos.pieces() == 0
            && self.all_blocks.pieces() == 0
            && self.blocks.pieces == 0
            && self.counts.is_empty()
            && self.symbols.pieces == 0
    }

    /// True when all that `other` asks for was asked for. `is_coded`: any coded symbols of a block
    /// serve in place of those that are named.
    pub(crate) fn includes(&self, other: &Self, is_coded: impl Fn(Position) -> bool) -> bool {
        let infos = |(start, end)| self.infos.covers(start, end);
        let objects = |(start, end)| self.objects.covers(start, end);
        let all_blocks = |(start, end)| self.all_blocks.covers(start, end);
        let blocks = |key: u64, (start, end)| {
            self.objects.contains(key)
                || self.all_blocks.contains(key)
                || self.blocks.covers(&key, start, end)
        };
        let symbols = |(&at, set): (&Position, &RangeSet)| {
            let number = set.iter().fold(0, |sum, (start, end)| sum + (end - start));
            self.has_all_of(at)
                || set.iter().all(|(start, end)| self.symbols.covers(&at, start, end))
                || (is_coded(at) && u64::from(self.counted(at)) >= number)
        };
        let counts = |(at, &count): (&Position, &u32)| {
            // Symbols that are named, too, are compared by their names.
            other.symbols.sets.contains_key(at)
                || self.has_all_of(*at)
                || self.counted(*at) >= count
        };
        other.objects.iter().all(|range| objects(range) || infos(range))
            && other.infos.iter().all(|range| infos(range) || objects(range))
            && other.all_blocks.iter().all(|range| all_blocks(range) || objects(range))
            && other.blocks.sets.iter().all(|(&key, set)| set.iter().all(|r| blocks(key, r)))
            && other.symbols.sets.iter().all(symbols)
            && other.counts.iter().all(counts)
    }

    /// True when the whole of a block was asked for.
    fn has_all_of(&self, at: Position) -> bool {
        self.objects.contains(at.key) || self.has_block(at)
    }

    fn has_blocks(&self, key: u64, first: u32, last: u32) -> bool {
        self.all_blocks.contains(key) || self.blocks.covers(&key, first.into(), u64::from(last) + 1)
    }

    fn has_block(&self, at: Position) -> bool {
        self.has_blocks(at.key, at.block, at.block)
    }

    /// True when symbols `start..end` of a block were named.
    fn has_symbols(&self, at: Position, start: u32, end: u32) -> bool {
        self.symbols.covers(&at, start.into(), end.into())
    }

    fn counted(&self, at: Position) -> u32 {
        self.counts.get(&at).copied().unwrap_or(0)
    }

    /// True when at least this was asked for.
    pub(crate) fn covers(&self, need: &Need<'_>) -> bool {
        match need {
            // INFO says what there is. What is missing of it then is asked for in the next cycle.
            &Need::Objects { first, last } => {
                self.objects.covers(first, last + 1) || self.infos.covers(first, last + 1)
            }
            &Need::Info { key } => self.infos.contains(key) || self.objects.contains(key),
            &Need::Blocks { key, first, last } | &Need::StreamBlocks { key, first, last } => {
                self.objects.contains(key) || self.has_blocks(key, first, last)
            }
            Need::StreamSymbols(need) => self.covers_stream_symbols(need),
            Need::Symbols(need) => self.covers_symbols(need),
        }
    }

    fn covers_stream_symbols(&self, need: &StreamSymbolNeed<'_>) -> bool {
        self.has_block(need.at)
            || need.coded.is_some_and(|count| self.counted(need.at) >= count)
            || need.missing_runs().all(|(start, end)| self.has_symbols(need.at, start, end))
    }

    fn covers_symbols(&self, need: &SymbolNeed<'_>) -> bool {
        let at = need.at;
        self.has_all_of(at)
            || (need.scheme.is_coded() && self.counted(at) >= need.count)
            || need.have.clear_runs().all(|(start, end)| self.has_symbols(at, start, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bits::Bits;
    use crate::fec::{Points, RsCode, RsForm, Scheme};

    /// True when the lack of symbols 3 to 5 of a block of 10 is covered.
    fn covers_symbols(overheard: &Overheard, at: Position) -> bool {
        let code = RsCode::new(RsForm::Id5, Points::Rizzo, 10, 5).unwrap();
        let mut have = Bits::new(10);
        for symbol in [0, 1, 2, 6, 7, 8, 9] {
            have.insert(symbol);
        }
        let (have, parity, scheme) = (&have, &[][..], Scheme::ReedSolomon(code));
        overheard.covers(&Need::Symbols(SymbolNeed {
            at,
            count: 3,
            have,
            parity,
            scheme,
            asked: None,
            touched: None,
            is_begun: true,
            is_nameable: true,
            has_unwanted: false,
        }))
    }

    fn covers_blocks(overheard: &Overheard, key: u64, first: u32, last: u32) -> bool {
        overheard.covers(&Need::Blocks { key, first, last })
    }

    #[test]
    fn request_for_a_block_does_not_cover_one_far_off() {
        let mut overheard = Overheard::default();
        overheard.note_symbols(Position::new(7, 5), 3, 5);
        let covers = |key, block| covers_symbols(&overheard, Position::new(key, block));
        assert!(covers(7, 5));
        assert!(!covers(7, 5 + (1 << 16)), "FEC id 5 has 24 bits");
        assert!(!covers(7, 4) && !covers(8, 5));

        let mut overheard = Overheard::default();
        overheard.note_blocks(Position::new(6, 1 << 24), Position::new(6, (1 << 24) + 9));
        assert!(covers_blocks(&overheard, 6, 1 << 24, (1 << 24) + 9));
        assert!(!covers_blocks(&overheard, 7, 0, 9), "FEC id 129 has 32 bits");
    }

    #[test]
    fn range_of_blocks_may_reach_over_several_objects() {
        let mut overheard = Overheard::default();
        overheard.note_blocks(Position::new(7, 5), Position::new(9, 2));
        let covers = |key, first, last| covers_blocks(&overheard, key, first, last);
        assert!(covers(7, 5, u32::MAX) && covers(8, 0, u32::MAX) && covers(9, 0, 2));
        assert!(!covers(7, 4, 5) && !covers(9, 2, 3) && !covers(10, 0, 0));
        let object = Need::Objects { first: 8, last: 8 };
        assert!(!overheard.covers(&object), "INFO was not asked for");
    }

    #[test]
    fn requests_are_compared_by_what_brings_the_same_repair() {
        let (at, coded) = (Position::new(7, 5), |at: Position| at.key == 7);
        let asks = |note: &dyn Fn(&mut Overheard)| {
            let mut overheard = Overheard::default();
            note(&mut overheard);
            overheard
        };
        let none = Overheard::default();
        assert!(none.is_empty() && none.includes(&none, coded));
        let named = asks(&|o| o.note_symbols(at, 2, 4));
        let counted = |count| asks(&|o| o.note_count(at, count));
        let block = asks(&|o| o.note_blocks(at, at));
        let blocks = asks(&|o| o.note_blocks(Position::new(7, 4), Position::new(7, 6)));
        let object = asks(&|o| o.note_objects(6, 7));
        let info = asks(&|o| o.note_infos(7, 7));
        assert!([&named, &block, &blocks, &object, &info].iter().all(|asked| !asked.is_empty()));
        for all in [&named, &counted(3), &block, &blocks, &object] {
            assert!(all.includes(&named, coded), "{all:?}");
        }
        assert!(!counted(3).includes(&named, |_| false), "it cannot be coded");
        assert!(!counted(2).includes(&named, coded));
        assert!(!named.includes(&asks(&|o| o.note_symbols(at, 2, 5)), coded));
        assert!(!named.includes(&counted(2), coded), "ours may be among those that are named");
        assert!(
            counted(2).includes(&counted(2), coded) && !counted(2).includes(&counted(3), coded)
        );
        assert!(object.includes(&blocks, coded) && blocks.includes(&block, coded));
        assert!(!block.includes(&blocks, coded) && !blocks.includes(&object, coded));
        assert!(object.includes(&info, coded) && info.includes(&info, coded));
        assert!(!block.includes(&info, coded) && !info.includes(&object, coded));
        let parity = asks(&|o| {
            o.note_symbols(at, 10, 12);
            o.note_count(at, 3);
        });
        assert!(parity.includes(&parity, coded) && counted(3).includes(&parity, coded));
    }

    #[test]
    fn forged_requests_take_little_memory() {
        let mut overheard = Overheard::default();
        for block in 0..100_000 {
            let at = Position::new(7, block * 2);
            overheard.note_blocks(at, at);
            overheard.note_symbols(at, 0, 0);
            overheard.note_blocks(Position::new(block.into(), 1), Position::new(block.into(), 0));
        }
        overheard.note_blocks(Position::new(0, 0), Position::new(u64::MAX, 0));
        overheard.note_blocks(Position::new(u64::MAX, 0), Position::new(0, 0));
        let pieces = (overheard.blocks.pieces, overheard.symbols.pieces);
        assert_eq!(pieces, (MAX_ENTRIES, MAX_ENTRIES));
        assert_eq!(overheard.blocks.sets.len(), 1);
    }
}
