//! Coded symbols that were sent: none is sent twice while fresh ones are left.

use std::collections::BTreeMap;

/// The next fresh symbol of each block that was ever repaired with coded symbols.
///
/// Memory is bounded: when the table is full, its older half is folded into one floor above
/// everything that those blocks used.
#[derive(Debug, Default)]
pub(crate) struct ParityCursors {
    used: BTreeMap<u64, u32>,
    /// Blocks below this one may have left the table.
    floor_block: u64,
    /// Symbols that count as used for blocks that have left the table.
    floor_used: u32,
}

const MAX_BLOCKS: usize = 65_536;

impl ParityCursors {
    /// Symbols of a block that were never sent, if its code has `parity` of them.
    pub(crate) fn fresh(&self, block: u64, parity: u32) -> u32 {
        parity.saturating_sub(*self.used.get(&block).unwrap_or(&self.floor_of(block)))
    }

    /// Reserves `count` fresh coded symbols of a block whose code has `parity` of them; returns the
    /// first, counted from the block's first coded symbol. Starts over when all were sent.
    pub(crate) fn reserve(&mut self, block: u64, parity: u32, count: u32) -> u32 {
        if self.used.len() >= MAX_BLOCKS && !self.used.contains_key(&block) {
            self.fold();
        }
        let floor = self.floor_of(block);
        let used = self.used.entry(block).or_insert(floor);
        if used.saturating_add(count) > parity {
            *used = 0;
        }
        let first = *used;
        *used = used.saturating_add(count);
        first
    }

    /// Of blocks before this one that many coded symbols were sent.
    pub(crate) fn note_used_before(&mut self, block: u64, used: u32) {
        self.floor_block = self.floor_block.max(block);
        self.floor_used = self.floor_used.max(used);
    }

    fn floor_of(&self, block: u64) -> u32 {
        if block < self.floor_block { self.floor_used } else { 0 }
    }

    fn fold(&mut self) {
        for _ in 0..MAX_BLOCKS / 2 {
            if let Some((block, used)) = self.used.pop_first() {
                self.floor_block = self.floor_block.max(block + 1);
                self.floor_used = self.floor_used.max(used);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbol_is_not_repeated_although_the_table_overflows() {
        let mut cursors = ParityCursors::default();
        assert_eq!(cursors.reserve(0, 1000, 5), 0);
        assert_eq!(cursors.reserve(0, 1000, 5), 5);
        for block in 1..=MAX_BLOCKS as u64 {
            cursors.reserve(block, 1000, 1);
        }
        assert!(cursors.used.len() <= MAX_BLOCKS);
        assert!(cursors.reserve(0, 1000, 1) >= 10);
    }

    #[test]
    fn code_that_is_used_up_starts_over() {
        let mut cursors = ParityCursors::default();
        assert_eq!(cursors.fresh(0, 16), 16);
        cursors.reserve(0, 16, 12);
        assert_eq!(cursors.fresh(0, 16), 4);
        assert_eq!(cursors.reserve(0, 16, 5), 0);
        assert_eq!(cursors.fresh(0, 16), 11);
    }
}
