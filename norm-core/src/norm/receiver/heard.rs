//! What other receivers have asked for already: the memory that suppresses our NACKs
//! (RFC 5740 §5.3, RFC 5401 §3.2).

use std::collections::BTreeMap;

use super::needs::Need;
use crate::base::range_set::RangeSet;

/// Requests overheard in this cycle, from NACKs or from the sender's REPAIR_ADV.
#[derive(Debug, Default)]
pub(super) struct HeardNeeds {
    objects: RangeSet,
    infos: RangeSet,
    /// Objects of which all blocks were asked for, as part of a range of blocks.
    all_blocks: RangeSet,
    /// Blocks asked for, by the object's key.
    blocks: RangesBy<u64>,
    /// The most symbols asked for of a block by any one receiver.
    counts: BTreeMap<(u64, u32), u32>,
    /// Symbols named, by the object's key and the block.
    symbols: RangesBy<(u64, u32)>,
}

/// Entries of each kind at most; beyond, requests go unnoticed and we may ask once too often.
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
    fn insert(&mut self, key: K, start: u64, end: u64) {
        if self.pieces >= MAX_ENTRIES {
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

impl HeardNeeds {
    pub(super) fn objects(&mut self, first: u64, last: u64) {
        add(&mut self.objects, first, last.saturating_add(1));
    }

    pub(super) fn infos(&mut self, first: u64, last: u64) {
        add(&mut self.infos, first, last.saturating_add(1));
    }

    /// Notes all blocks from `first` to `last`, which are keys and blocks.
    pub(super) fn blocks(&mut self, first: (u64, u32), last: (u64, u32)) {
        let end = u64::from(last.1) + 1;
        if first.0 == last.0 {
            self.blocks.insert(first.0, first.1.into(), end);
        } else if first.0 < last.0 {
            self.blocks.insert(first.0, first.1.into(), BLOCKS_END);
            add(&mut self.all_blocks, first.0 + 1, last.0);
            self.blocks.insert(last.0, 0, end);
        }
    }

    pub(super) fn count(&mut self, key: u64, block: u32, count: u32) {
        if self.counts.len() < MAX_ENTRIES || self.counts.contains_key(&(key, block)) {
            let most = self.counts.entry((key, block)).or_default();
            *most = (*most).max(count);
        }
    }

    pub(super) fn symbols(&mut self, key: u64, block: u32, first: u32, last: u32) {
        self.symbols.insert((key, block), first.into(), u64::from(last) + 1);
    }

    fn has_blocks(&self, key: u64, first: u32, last: u32) -> bool {
        self.all_blocks.contains(key) || self.blocks.covers(&key, first.into(), u64::from(last) + 1)
    }

    /// True when symbols `start..end` of a block were named.
    fn has_symbols(&self, key: u64, block: u32, start: u32, end: u32) -> bool {
        self.symbols.covers(&(key, block), start.into(), end.into())
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// True when somebody has asked for at least this.
    pub(super) fn covers(&self, need: &Need<'_>) -> bool {
        match *need {
            // INFO says what there is; what of it is missing then is asked for in the next cycle.
            Need::Objects { first, last } => {
                self.objects.covers(first, last + 1) || self.infos.covers(first, last + 1)
            }
            Need::Info { key } => self.infos.contains(key) || self.objects.contains(key),
            Need::Blocks { key, first, last, .. } => {
                self.objects.contains(key) || self.has_blocks(key, first, last)
            }
            Need::Stream { key, block, span: (from, before), have, coded, .. } => {
                let named = || {
                    have.clear_runs().all(|(start, end)| {
                        self.has_symbols(key, block, start.max(from), end.min(before))
                    })
                };
                let counted = self.counts.get(&(key, block)).copied().unwrap_or(0);
                self.has_blocks(key, block, block)
                    || coded.is_some_and(|count| counted >= count)
                    || named()
            }
            Need::Symbols { key, block, count, have, scheme, .. } => {
                let coded = scheme.is_coded();
                let named = || {
                    have.clear_runs().all(|(start, end)| self.has_symbols(key, block, start, end))
                };
                self.objects.contains(key)
                    || self.has_blocks(key, block, block)
                    || (coded && self.counts.get(&(key, block)).is_some_and(|&n| n >= count))
                    || named()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bits::Bits;
    use crate::fec::{Points, RsCode, RsForm, Scheme};

    /// The lack of symbols 3 to 5 of a block of 10.
    fn symbols_lacking(key: u64, block: u32, ask: impl FnOnce(&Need<'_>) -> bool) -> bool {
        let code = RsCode::new(RsForm::Id5, Points::Rizzo, 10, 5).unwrap();
        let mut have = Bits::new(10);
        for symbol in [0, 1, 2, 6, 7, 8, 9] {
            have.insert(symbol);
        }
        let (have, parity, scheme) = (&have, &[][..], Scheme::ReedSolomon(code));
        ask(&Need::Symbols { key, block, count: 3, have, parity, scheme, asked: None })
    }

    #[test]
    fn a_request_for_one_block_does_not_stand_for_another_far_off() {
        const FAR: u32 = 1 << 16;
        let mut heard = HeardNeeds::default();
        heard.symbols(7, 5, 3, 5);
        assert!(symbols_lacking(7, 5, |need| heard.covers(need)));
        assert!(!symbols_lacking(7, 5 + FAR, |need| heard.covers(need)), "FEC id 5 has 24 bits");
        assert!(!symbols_lacking(7, 4, |need| heard.covers(need)));
        assert!(!symbols_lacking(8, 5, |need| heard.covers(need)));

        let mut heard = HeardNeeds::default();
        heard.blocks((6, 1 << 24), (6, (1 << 24) + 9));
        let blocks = |key, first, last| Need::Blocks { key, first, last, stream: false };
        assert!(heard.covers(&blocks(6, 1 << 24, (1 << 24) + 9)));
        assert!(!heard.covers(&blocks(7, 0, 9)), "FEC id 129 has 32 bits");
    }

    #[test]
    fn a_range_of_blocks_may_reach_over_several_objects() {
        let mut heard = HeardNeeds::default();
        heard.blocks((7, 5), (9, 2));
        let covers =
            |key, first, last| heard.covers(&Need::Blocks { key, first, last, stream: false });
        assert!(covers(7, 5, u32::MAX) && covers(8, 0, u32::MAX) && covers(9, 0, 2));
        assert!(!covers(7, 4, 5) && !covers(9, 2, 3) && !covers(10, 0, 0));
        assert!(!heard.covers(&Need::Objects { first: 8, last: 8 }), "INFO was not asked for");
    }

    #[test]
    fn forged_requests_take_little_memory() {
        let mut heard = HeardNeeds::default();
        for block in 0..100_000 {
            heard.blocks((7, block * 2), (7, block * 2));
            heard.symbols(7, block, 0, 0);
        }
        heard.blocks((0, 0), (u64::MAX, 0));
        heard.blocks((u64::MAX, 0), (0, 0));
        assert_eq!((heard.blocks.pieces, heard.symbols.pieces), (MAX_ENTRIES, MAX_ENTRIES));
    }
}
