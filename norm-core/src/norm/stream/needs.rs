//! What a stream's receiver lacks (RFC 5740 §4.3.1, §5.3).

use std::collections::BTreeMap;

use super::block::{Block, EmptyBlock, Parity};
use super::shape::{Place, StreamShape};
use crate::base::bits::Bits;

/// Something that is missing.
#[derive(Copy, Clone, Debug)]
pub(crate) enum StreamNeed<'a> {
    /// Blocks of which nothing is here: `first..=last`, all of their symbols.
    Blocks { first: u64, last: u64 },
    /// Symbols of a block.
    Symbols {
        block: u64,
        /// The source symbols asked for are those of `from..before` that are not `held`.
        from: u32,
        before: u32,
        held: &'a Bits,
        /// How many that are.
        missing: u32,
        /// How many new symbols, source or coded, would do as well. `None` while the sender cannot
        /// have coded the block, because it has not sent all of it.
        coded: Option<u32>,
        /// The coded symbols that are held.
        parity: &'a Parity,
    },
}

/// Called for each need; false ends the walk.
type Visit<'v> = dyn FnMut(StreamNeed<'_>) -> bool + 'v;

/// A walk over what is missing.
pub(super) struct NeedWalk<'a> {
    pub(super) shape: &'a StreamShape,
    /// The blocks of which anything came.
    pub(super) blocks: &'a BTreeMap<u64, Block>,
    pub(super) empty: &'a EmptyBlock,
    /// Where the next byte to be read lies.
    pub(super) next: Place,
    /// The first place that is not asked for.
    pub(super) bound: Place,
}

impl NeedWalk<'_> {
    /// Calls `visit` for what is missing from block `first` on, ascending, until it returns false.
    pub(super) fn run(&self, first: u64, visit: &mut Visit<'_>) {
        let mut at = first;
        let end = self.bound.block + u64::from(self.bound.symbol > 0);
        if at >= end {
            return;
        }
        for &number in self.blocks.range(at..end).map(|(number, _)| number) {
            if !self.untouched(at, number, visit) || !self.symbols(number, visit) {
                return;
            }
            at = number + 1;
        }
        self.untouched(at, end, visit);
    }

    /// Blocks of which nothing is here. The first and the last one can be needed in part.
    fn untouched(&self, first: u64, end: u64, visit: &mut Visit<'_>) -> bool {
        let mut first = first;
        if first < end && self.first_wanted(first) > 0 {
            if !self.symbols(first, visit) {
                return false;
            }
            first += 1;
        }
        let full_end = end.min(self.bound.block);
        if first < full_end && !visit(StreamNeed::Blocks { first, last: full_end - 1 }) {
            return false;
        }
        let partial = first.max(full_end);
        partial >= end || self.symbols(partial, visit)
    }

    fn symbols(&self, number: u64, visit: &mut Visit<'_>) -> bool {
        let len = self.shape.block_len();
        let (held, parity, lacks) = match self.blocks.get(&number) {
            Some(block) => (block.held(), block.parity(), block.lacks()),
            None => (self.empty.held(), self.empty.parity(), len),
        };
        let from = self.first_wanted(number);
        let before = if number < self.bound.block { len } else { self.bound.symbol };
        let missing = (from..before).filter(|&symbol| !held.contains(symbol)).count() as u32;
        let coded = (before == len).then_some(lacks);
        if missing == 0 || coded == Some(0) {
            return true;
        }
        visit(StreamNeed::Symbols { block: number, from, before, held, missing, coded, parity })
    }

    /// The first symbol of a block that will be read.
    fn first_wanted(&self, block: u64) -> u32 {
        if block == self.next.block { self.next.symbol } else { 0 }
    }
}
