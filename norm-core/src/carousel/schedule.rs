//! Which symbols are sent in which order.
//!
//! A *round* is a pass over all objects. Its blocks are cut into sections up to a limit in bytes;
//! a section is sent in *rows*, each of which has the next few symbols of each block. So all blocks
//! of a section fill at the same pace, and a burst of lost packets hits each of them a little. The
//! symbols of a block continue from pass to pass, so that no coded one is sent twice while there
//! are fresh ones. An object without a code gains nothing by that: the rows of a section have its
//! symbols in their order, so that few of its blocks are open at receivers.

use super::item::{Item, Items};
use super::passes::Passes;

/// Rows of a section at most: symbols that follow each other are read in one piece.
const MAX_ROWS: u32 = 250;

/// Blocks that are sent in one round-robin.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// Its running number.
    pub number: u64,
    pub round: u64,
    /// The running number of its first block.
    pub first: u64,
    /// The running number after its last block.
    pub end: u64,
    pub rows: u32,
    /// Content bytes of its blocks.
    pub bytes: u64,
}

/// Symbols of one block that are sent one after the other.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    /// The running number of the block.
    pub block: u64,
    /// The running number of the section.
    pub section: u64,
    /// Which pass of the object.
    pub pass: u64,
    /// The first symbol, counted over all passes.
    pub first: u64,
    pub count: u32,
    /// Its last symbol is the last one of the object in this round.
    pub last: bool,
}

/// A place in the order of sending.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    passes: Passes,
    /// Bytes of a section at most.
    cap: u64,
    current: Option<Section>,
    /// The section after it, if there is one; `None` while it was not looked for.
    next: Option<Option<Section>>,
    row: u32,
    /// The running number of the next block in this row.
    block: u64,
}

impl Schedule {
    pub(super) fn new(passes: Passes, cap: u64) -> Self {
        Self { passes, cap, current: None, next: None, row: 0, block: 0 }
    }

    /// The round in which an object that is added now is sent first.
    pub(super) fn round(&self) -> u64 {
        self.current.map_or(0, |section| section.round)
    }

    pub(super) fn passes(&self) -> Passes {
        self.passes
    }

    /// Bytes of a section at most.
    pub(super) fn cap(&self) -> u64 {
        self.cap
    }

    /// Says that there are more blocks.
    pub(super) fn grew(&mut self) {
        self.next = None;
    }

    /// The section that is being sent.
    pub(super) fn current(&self) -> Option<Section> {
        self.current
    }

    /// The section after it; `None` when there is nothing more to send.
    pub(super) fn next_section(&mut self, items: &Items) -> Option<Section> {
        if self.next.is_none() {
            self.next = Some(self.section_after(items));
        }
        self.next.flatten()
    }

    /// The next symbols to send; `None` when there are none.
    pub(super) fn next_visit(&mut self, items: &Items) -> Option<Visit> {
        loop {
            let Some(section) = self.current.filter(|section| self.row < section.rows) else {
                let next = self.next_section(items)?;
                self.current = Some(next);
                self.next = None;
                self.row = 0;
                self.block = next.first;
                continue;
            };
            if self.block >= section.end {
                self.row += 1;
                self.block = section.first;
                continue;
            }
            let block = self.block;
            let Some(item) = items.at(block) else {
                self.block = section.end;
                continue;
            };
            if !item.is_sent(section.round, self.passes) {
                self.block = item.end();
                continue;
            }
            self.block += 1;
            if let Some(visit) = self.visit(item, block, section) {
                return Some(visit);
            }
        }
    }

    /// What a block sends in the current row, if anything.
    fn visit(&self, item: &Item, block: u64, section: Section) -> Option<Visit> {
        let k = item.layout().block_len(item.sbn(block));
        let count = u64::from(item.count(k, self.passes));
        let (first, all) = match item.is_coded() {
            true => (0, count),
            false => item.symbols_before(block, section.first, section.end),
        };
        let at = |row: u32| u64::from(row) * all / u64::from(section.rows);
        let within = |symbol: u64| symbol.saturating_sub(first).min(count);
        let (from, to) = (within(at(self.row)), within(at(self.row + 1)));
        let pass = item.pass(section.round);
        (from < to).then(|| Visit {
            block,
            section: section.number,
            pass,
            first: pass.saturating_mul(count).saturating_add(from),
            count: (to - from) as u32,
            last: item.is_last(block) && self.row + 1 == section.rows,
        })
    }

    fn section_after(&self, items: &Items) -> Option<Section> {
        let (number, round, start) = match self.current {
            Some(section) => (section.number + 1, section.round, section.end),
            None => (0, 0, items.first()),
        };
        self.section_at(items, number, round, start)
            .or_else(|| self.section_at(items, number, round + 1, items.first()))
    }

    /// The section of this round that begins with the first block from `start` on that is sent.
    fn section_at(&self, items: &Items, number: u64, round: u64, start: u64) -> Option<Section> {
        let sent = |item: &&Item| item.is_sent(round, self.passes);
        let begin = |item: &Item| item.end() - u64::from(item.layout().blocks());
        let first = start.max(begin(items.within(start, u64::MAX).find(sent)?));
        let (mut bytes, mut end, mut longest) = (0_u64, first, 0);
        'items: for item in items.within(first, u64::MAX).filter(sent) {
            let mut block = first.max(begin(item));
            if self.cap == u64::MAX {
                bytes += item.layout().size();
                (block, end) = (item.end(), item.end());
                longest = longest.max(item.count(item.layout().block_len(0), self.passes));
            }
            while block < item.end() {
                let sbn = item.sbn(block);
                let more = u64::from(item.layout().block_bytes(sbn));
                if bytes > 0 && bytes + more > self.cap {
                    break 'items;
                }
                (bytes, block) = (bytes + more, block + 1);
                end = block;
                longest = longest.max(item.count(item.layout().block_len(sbn), self.passes));
            }
        }
        let rows = longest.clamp(1, MAX_ROWS);
        (end > first).then_some(Section { number, round, first, end, rows, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fec::Layout;

    fn items(sizes: &[(u64, u32)]) -> Items {
        let mut items = Items::new(0);
        for (index, &(size, len)) in sizes.iter().enumerate() {
            let layout = Layout::choose_raptorq(size, 10, len).unwrap();
            items.add(index, index as u64, layout, 0);
        }
        items
    }

    fn all(schedule: &mut Schedule, items: &Items) -> Vec<(u64, u64, u32)> {
        let visits = core::iter::from_fn(|| schedule.next_visit(items));
        visits.map(|visit| (visit.block, visit.first, visit.count)).collect()
    }

    #[test]
    fn blocks_take_turns_and_passes_continue() {
        let items = items(&[(40, 2), (10, 2)]);
        let mut schedule = Schedule::new(Passes::Times(2), u64::MAX);
        let pass = |from| [(0, from, 1), (1, from, 1), (0, from + 1, 1), (1, from + 1, 1)];
        let expected = [&pass(0)[..], &[(2, 0, 1)], &pass(2), &[(2, 1, 1)]].concat();
        assert_eq!(all(&mut schedule, &items), expected);
    }

    #[test]
    fn sections_are_sent_one_after_the_other() {
        let items = items(&[(100, 2)]);
        let mut schedule = Schedule::new(Passes::Once { overhead: 50 }, 45);
        let blocks: Vec<u64> = all(&mut schedule, &items).iter().map(|visit| visit.0).collect();
        assert_eq!(blocks, [0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 4, 4, 4]);
    }

    #[test]
    fn long_blocks_send_several_symbols_a_row() {
        let items = items(&[(10_010, 1001), (10, 1)]);
        let mut schedule = Schedule::new(Passes::Times(1), u64::MAX);
        let visits = all(&mut schedule, &items);
        assert_eq!(visits.len(), 251);
        assert!(visits.iter().all(|visit| (1..=5).contains(&visit.2)));
        assert_eq!(visits.iter().map(|visit| visit.2).sum::<u32>(), 1002);
    }

    #[test]
    fn symbols_without_a_code_are_sent_in_their_order() {
        let mut items = items(&[(40, 2)]);
        items.add(1, 1, Layout::no_code(75, 10, 3).unwrap(), 0);
        let mut schedule = Schedule::new(Passes::Times(2), u64::MAX);
        let pass = |pass: u64| {
            let (coded, three, two) = (2 * pass, 3 * pass, 2 * pass);
            let coded = [coded, coded + 1].map(|symbol| [(0, symbol, 1), (1, symbol, 1)]);
            let plain = [[(2, three + 2, 1), (3, three, 2)], [(3, three + 2, 1), (4, two, 2)]];
            [&[(2, three, 2)][..], &coded[0], &plain[0], &coded[1], &plain[1]].concat()
        };
        let sent = all(&mut schedule, &items);
        assert_eq!(sent, [pass(0), pass(1)].concat());
    }

    #[test]
    fn objects_that_come_later_are_sent_as_often() {
        let layout = Layout::choose_raptorq(10, 10, 1).unwrap();
        let mut items = items(&[(10, 1)]);
        let mut schedule = Schedule::new(Passes::Times(2), u64::MAX);
        assert_eq!(schedule.next_visit(&items).map(|visit| visit.block), Some(0));
        items.add(1, 1, layout, schedule.round());
        schedule.grew();
        assert_eq!(all(&mut schedule, &items), [(1, 0, 1), (0, 1, 1), (1, 1, 1)]);
        items.add(2, 2, layout, schedule.round());
        schedule.grew();
        assert_eq!(all(&mut schedule, &items), [(2, 0, 1), (2, 1, 1)]);
    }
}
