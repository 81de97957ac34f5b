//! Which coded symbols have been sent: none is ever sent twice while fresh ones are left.

use std::collections::BTreeMap;

/// The next fresh symbol of each block that was ever repaired with coded symbols.
///
/// Memory is bounded: when the table is full, its older half is folded into one floor above
/// everything that those blocks used.
#[derive(Debug, Default)]
pub(super) struct ParityCursors {
    used: BTreeMap<u64, u32>,
    /// Applies to blocks that are not in the table.
    floor: u32,
}

const MAX_BLOCKS: usize = 65_536;
/// Encoding symbol ids are 24 bits wide (RFC 6330 §3.2).
const ID_SPACE: u32 = 1 << 24;

impl ParityCursors {
    /// The first fresh symbol id of a block with `symbols` source symbols, if `count` are made.
    ///
    /// Starts over when the id space is used up.
    pub(super) fn reserve(&mut self, block: u64, symbols: u32, count: u32) -> u32 {
        if self.used.len() >= MAX_BLOCKS && !self.used.contains_key(&block) {
            self.fold();
        }
        let used = self.used.entry(block).or_insert(self.floor);
        if symbols.saturating_add(*used).saturating_add(count) > ID_SPACE {
            *used = 0;
        }
        let first = symbols + *used;
        *used += count;
        first
    }

    fn fold(&mut self) {
        for _ in 0..MAX_BLOCKS / 2 {
            if let Some((_, used)) = self.used.pop_first() {
                self.floor = self.floor.max(used);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_symbol_repeats_even_when_the_table_overflows() {
        let mut cursors = ParityCursors::default();
        assert_eq!(cursors.reserve(0, 10, 5), 10);
        assert_eq!(cursors.reserve(0, 10, 5), 15);
        for block in 1..=MAX_BLOCKS as u64 {
            cursors.reserve(block, 10, 1);
        }
        assert!(cursors.used.len() <= MAX_BLOCKS);
        assert!(cursors.reserve(0, 10, 1) >= 20);
    }

    #[test]
    fn the_id_space_starts_over_when_used_up() {
        let mut cursors = ParityCursors::default();
        cursors.reserve(0, 10, ID_SPACE - 20);
        assert_eq!(cursors.reserve(0, 10, 11), 10);
    }
}
