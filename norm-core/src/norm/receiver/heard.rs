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
    /// `key << 24 | block`.
    blocks: RangeSet,
    /// The most symbols asked for of a block by any one receiver.
    counts: BTreeMap<(u64, u32), u32>,
    /// Symbols named: `key << 32 | block << 16 | symbol`.
    symbols: RangeSet,
}

/// Entries of each kind at most; beyond, requests go unnoticed and we may ask once too often.
const MAX_ENTRIES: usize = 4_096;

fn block_number(key: u64, block: u32) -> u64 {
    (key << 24) | u64::from(block)
}

fn symbol_number(key: u64, block: u32, symbol: u32) -> u64 {
    (key << 32) | (u64::from(block & 0xffff) << 16) | u64::from(symbol & 0xffff)
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

    pub(super) fn blocks(&mut self, first: (u64, u32), last: (u64, u32)) {
        let end = block_number(last.0, last.1) + 1;
        add(&mut self.blocks, block_number(first.0, first.1), end);
    }

    pub(super) fn count(&mut self, key: u64, block: u32, count: u32) {
        if self.counts.len() < MAX_ENTRIES || self.counts.contains_key(&(key, block)) {
            let most = self.counts.entry((key, block)).or_default();
            *most = (*most).max(count);
        }
    }

    pub(super) fn symbols(&mut self, key: u64, block: u32, first: u32, last: u32) {
        let end = symbol_number(key, block, last) + 1;
        add(&mut self.symbols, symbol_number(key, block, first), end);
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
                self.objects.contains(key)
                    || self.blocks.covers(block_number(key, first), block_number(key, last) + 1)
            }
            Need::Stream { key, block, span: (from, before), have, coded, .. } => {
                let named = || {
                    have.clear_runs().all(|(start, end)| {
                        let (start, end) = (start.max(from), end.min(before));
                        let first = symbol_number(key, block, start);
                        start >= end
                            || self.symbols.covers(first, symbol_number(key, block, end - 1) + 1)
                    })
                };
                let counted = self.counts.get(&(key, block)).copied().unwrap_or(0);
                self.blocks.contains(block_number(key, block))
                    || coded.is_some_and(|count| counted >= count)
                    || named()
            }
            Need::Symbols { key, block, count, have, scheme, .. } => {
                let coded = scheme.is_coded();
                let named = || {
                    have.clear_runs().all(|(start, end)| {
                        let first = symbol_number(key, block, start);
                        self.symbols.covers(first, symbol_number(key, block, end - 1) + 1)
                    })
                };
                self.objects.contains(key)
                    || self.blocks.contains(block_number(key, block))
                    || (coded && self.counts.get(&(key, block)).is_some_and(|&n| n >= count))
                    || named()
            }
        }
    }
}
