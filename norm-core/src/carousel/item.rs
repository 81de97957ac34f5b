//! What a carousel turns through: objects with content, and the running numbers of their blocks.

use super::passes::Passes;
use crate::fec::{Layout, Scheme};

/// An object of a carousel.
#[derive(Copy, Clone, Debug)]
pub(super) struct Item {
    /// Its place among the objects of the session.
    object: usize,
    key: u64,
    layout: Layout,
    /// The running number of its first block.
    first_block: u64,
    /// The round in which it is sent for the first time.
    begun: u64,
    /// Its symbols begin with coded ones.
    is_shifted: bool,
}

impl Item {
    pub(super) fn object(&self) -> usize {
        self.object
    }

    pub(super) fn key(&self) -> u64 {
        self.key
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The running number after its last block.
    pub(super) fn end(&self) -> u64 {
        self.first_block + u64::from(self.layout.blocks())
    }

    /// The source block number of the block with this running number.
    pub(super) fn sbn(&self, block: u64) -> u32 {
        block.saturating_sub(self.first_block) as u32
    }

    pub(super) fn is_last(&self, block: u64) -> bool {
        block + 1 == self.end()
    }

    /// Which pass of the object a round is.
    pub(super) fn pass(&self, round: u64) -> u64 {
        round.saturating_sub(self.begun)
    }

    /// True when it is sent in this round.
    pub(super) fn is_sent(&self, round: u64, passes: Passes) -> bool {
        passes.limit().is_none_or(|limit| self.pass(round) < limit)
    }

    /// Encoding symbol ids that a block of `k` source symbols has.
    pub(super) fn ids(&self, k: u32) -> u32 {
        k.saturating_add(self.layout.scheme().parity(k))
    }

    /// The encoding symbol id of a symbol of a block of `k` source symbols, counted over all
    /// passes. Those of a repetition begin in the middle of the coded ones, if there are many.
    pub(super) fn id(&self, k: u32, symbol: u64) -> u32 {
        let all = self.ids(k).max(1);
        let coded = all.saturating_sub(k);
        let shift = match self.is_shifted {
            true if coded > k => k + coded / 2,
            true => k,
            false => 0,
        };
        (symbol.saturating_add(shift.into()) % u64::from(all)) as u32
    }

    /// Symbols of a block of `k` source symbols in one pass.
    pub(super) fn count(&self, k: u32, passes: Passes) -> u32 {
        match passes {
            Passes::Once { overhead } => {
                let more = (u64::from(k) * u64::from(overhead)).div_ceil(100);
                let more = u32::try_from(more).unwrap_or(u32::MAX);
                k.saturating_add(more).min(self.ids(k))
            }
            Passes::Times(_) | Passes::Forever => k,
        }
    }

    /// Symbols of the whole object in one pass.
    pub(super) fn total(&self, passes: Passes) -> u64 {
        let (blocks, long) = (self.layout.blocks(), self.layout.block_len(0));
        let Some(last) = blocks.checked_sub(1) else { return 0 };
        let short = self.layout.block_len(last);
        let all = u64::from(blocks) * u64::from(short);
        let long_blocks = if long == short { 0 } else { self.layout.symbols().saturating_sub(all) };
        let short_blocks = u64::from(blocks).saturating_sub(long_blocks);
        long_blocks * u64::from(self.count(long, passes))
            + short_blocks * u64::from(self.count(short, passes))
    }

    /// Of its source symbols in the blocks with these running numbers: those before a block, and
    /// all of them.
    pub(super) fn symbols_before(&self, block: u64, first: u64, end: u64) -> (u64, u64) {
        let size = u64::from(self.layout.symbol_size()).max(1);
        let before = |block: u64| match block < self.end() {
            true => self.layout.block_offset(self.sbn(block)) / size,
            false => self.layout.symbols(),
        };
        let begin = before(first.max(self.first_block));
        (before(block) - begin, before(end) - begin)
    }

    pub(super) fn is_coded(&self) -> bool {
        self.layout.scheme() != Scheme::NoCode
    }
}

/// The objects of a carousel.
#[derive(Debug)]
pub(super) struct Items {
    list: Vec<Item>,
    first: u64,
    end: u64,
    is_shifted: bool,
}

impl Items {
    /// None, whose blocks will be numbered from `first` on.
    pub(super) fn new(first: u64) -> Self {
        Self { list: Vec::new(), first, end: first, is_shifted: false }
    }

    /// The same for a repetition beside a carousel.
    pub(super) fn of_repetition(first: u64) -> Self {
        Self { is_shifted: true, ..Self::new(first) }
    }

    /// Adds an object that is sent from this round on; those without content are left out.
    pub(super) fn add(&mut self, object: usize, key: u64, layout: Layout, begun: u64) {
        if layout.blocks() > 0 {
            let (first_block, is_shifted) = (self.end, self.is_shifted);
            let item = Item { object, key, layout, first_block, begun, is_shifted };
            self.end = item.end();
            self.list.push(item);
        }
    }

    /// The running number of the first block.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The running number after the last block.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The object of the block with this running number.
    pub(super) fn at(&self, block: u64) -> Option<&Item> {
        let after = self.list.partition_point(|item| item.end() <= block);
        self.list.get(after).filter(|item| item.first_block <= block)
    }

    /// The objects of these blocks.
    pub(super) fn within(&self, first: u64, end: u64) -> impl Iterator<Item = &Item> {
        let after = self.list.partition_point(|item| item.end() <= first);
        let rest = self.list.get(after..).unwrap_or_default();
        rest.iter().take_while(move |item| item.first_block < end)
    }
}
