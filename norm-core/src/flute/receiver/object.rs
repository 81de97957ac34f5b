//! An object that is being received: which of its blocks are written, and which are in progress.

use core::ops::Range;
use std::collections::BTreeMap;

use super::budget::Budget;
use crate::base::bits::Bits;
use crate::base::range_set::RangeSet;
use crate::blocks::{Held, RecvBlock};
use crate::endpoint::{BlockGeometry, BlockSlot, StoreJob};
use crate::fec::{EXTRA_SYMBOLS, Layout};
use crate::flute::layout::geometry;
use crate::flute::wire::Fti;

/// Where a layout is from.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A packet of the object.
    Packet,
    /// A table.
    Table,
}

/// What became of a block by what is held of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Covered {
    /// Nothing that is to be acted on.
    Nothing,
    /// It is to be stored now.
    Ready,
    /// Nothing of it need come: it counts as written. It may have been in progress.
    Whole {
        /// It was.
        was_in_progress: bool,
    },
}

/// How far an object is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// It is not known which file it is.
    Unknown,
    /// The application was told of it.
    Opened,
    /// The application takes it.
    Accepted,
}

/// A block in progress.
#[derive(Debug)]
struct Progress {
    block: RecvBlock,
    /// The symbol that comes next, if none is lost.
    expected: Option<u32>,
    /// It could not be written.
    has_failed: bool,
}

/// An object that is being received.
#[derive(Debug)]
pub(super) struct Object {
    layout: Layout,
    fti: Fti,
    origin: Origin,
    stage: Stage,
    /// Blocks that are written.
    written: Bits,
    blocks: BTreeMap<u32, Progress>,
    held: Held,
    /// A symbol of it has come.
    has_come: bool,
    /// What it takes without its blocks in progress.
    own_cost: usize,
    /// What those take.
    blocks_cost: usize,
    /// What it took before it was known which file it is.
    nameless: Claimed,
}

/// What an object takes while no table has told of it.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Claimed {
    /// Bytes of symbols.
    pub(super) symbols: usize,
    /// Bytes of itself and its blocks.
    pub(super) own: usize,
}

/// What a block takes in lists, of the store too.
const IN_LISTS: usize = 256;

/// What an object takes besides its blocks in progress.
pub(super) fn object_cost(layout: &Layout) -> usize {
    size_of::<Object>() + layout.blocks() as usize / 8 + 64
}

/// What a block in progress takes at most, without its symbols: here, and in lists of the store.
pub(super) fn block_cost(geometry: &BlockGeometry) -> usize {
    let (k, parity) = (geometry.symbols, geometry.scheme.parity(geometry.symbols));
    let coded = parity.min(k.saturating_add(EXTRA_SYMBOLS)) as usize;
    size_of::<Progress>() + 3 * (k as usize / 8) + 4 * coded + IN_LISTS
}

impl Object {
    pub(super) fn new(fti: Fti, layout: Layout, origin: Origin) -> Self {
        Self {
            layout,
            fti,
            origin,
            stage: Stage::Unknown,
            written: Bits::new(layout.blocks()),
            blocks: BTreeMap::new(),
            held: Held::new(),
            has_come: false,
            own_cost: object_cost(&layout),
            blocks_cost: 0,
            nameless: Claimed::default(),
        }
    }

    /// How it is cut into blocks.
    pub(super) const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// All that it takes.
    pub(super) fn cost(&self) -> usize {
        self.own_cost + self.blocks_cost
    }

    /// True when a packet's information is what is known.
    pub(super) fn agrees(&mut self, fti: Fti) -> bool {
        let agrees = self.fti == fti;
        if agrees {
            self.origin = Origin::Packet;
        }
        agrees
    }

    /// Takes what a packet says in place of what a table has said of an object of the same length,
    /// as long as nothing of it has come. False when that is not so, or there is no `room`.
    pub(super) fn adopt(&mut self, fti: Fti, layout: Layout, room: &mut Budget) -> bool {
        let may_change = self.origin == Origin::Table && !self.has_come;
        if !may_change || layout.size() != self.layout.size() {
            return false;
        }
        let cost = object_cost(&layout);
        if !room.take(cost) {
            return false;
        }
        room.give(core::mem::replace(&mut self.own_cost, cost));
        self.fti = fti;
        self.layout = layout;
        self.origin = Origin::Packet;
        self.written = Bits::new(layout.blocks());
        for block in 0..layout.blocks() {
            if self.geometry(block).is_some_and(|geometry| self.held.covers(&geometry)) {
                self.written.insert(block);
            }
        }
        true
    }

    /// The application is told of it; true if it was not before.
    pub(super) fn open(&mut self) -> bool {
        let is_new = self.stage == Stage::Unknown;
        self.stage = self.stage.max(Stage::Opened);
        is_new
    }

    /// Counts bytes of symbols that come before it is known which file it is.
    pub(super) fn note_nameless(&mut self, bytes: usize) {
        self.nameless.symbols += bytes;
    }

    /// Counts bytes that it takes itself before that.
    pub(super) fn note_claim(&mut self, bytes: usize) {
        self.nameless.own += bytes;
    }

    /// Some of those are free again; returns as many, none if it is known by now.
    pub(super) fn drop_claim(&mut self, bytes: usize) -> usize {
        let dropped = bytes.min(self.nameless.own);
        self.nameless.own -= dropped;
        dropped
    }

    /// Those bytes, which count no longer.
    pub(super) fn take_nameless(&mut self) -> Claimed {
        core::mem::take(&mut self.nameless)
    }

    /// The application takes it.
    pub(super) fn accept(&mut self) {
        self.stage = Stage::Accepted;
    }

    /// True when the application was told of it.
    pub(super) fn is_opened(&self) -> bool {
        self.stage >= Stage::Opened
    }

    /// True when the application has taken it.
    pub(super) fn is_accepted(&self) -> bool {
        self.stage == Stage::Accepted
    }

    /// True when every block is written.
    pub(super) fn is_complete(&self) -> bool {
        self.is_accepted() && self.written.is_full()
    }

    /// Shape and place of a block, if there is one of this number.
    pub(super) fn geometry(&self, block: u32) -> Option<BlockGeometry> {
        geometry(&self.layout, block)
    }

    /// True when a block is written.
    pub(super) fn is_written(&self, block: u32) -> bool {
        self.written.contains(block)
    }

    /// A block in progress.
    pub(super) fn block(&self, block: u32) -> Option<&RecvBlock> {
        self.blocks.get(&block).map(|progress| &progress.block)
    }

    /// A block in progress.
    pub(super) fn block_mut(&mut self, block: u32) -> Option<&mut RecvBlock> {
        self.blocks.get_mut(&block).map(|progress| &mut progress.block)
    }

    /// Begins a block; what it takes has to be accounted for.
    pub(super) fn begin(&mut self, number: u32, geometry: &BlockGeometry) {
        self.has_come = true;
        let block = RecvBlock::new(geometry, self.held.symbols(geometry));
        if self
            .blocks
            .insert(number, Progress { block, expected: None, has_failed: false })
            .is_none()
        {
            self.blocks_cost += block_cost(geometry);
        }
    }

    /// Forgets a block in progress; returns what it took.
    pub(super) fn end(&mut self, number: u32) -> usize {
        let Some(_) = self.blocks.remove(&number) else { return 0 };
        let cost = self.geometry(number).map_or(0, |geometry| block_cost(&geometry));
        self.blocks_cost -= cost;
        cost
    }

    /// A block in progress, and which symbol of it is expected next.
    pub(super) fn progress_mut(
        &mut self,
        number: u32,
    ) -> Option<(&mut RecvBlock, &mut Option<u32>)> {
        let progress = self.blocks.get_mut(&number)?;
        Some((&mut progress.block, &mut progress.expected))
    }

    /// Notes that a block is written, and is not in progress any more.
    pub(super) fn set_written(&mut self, number: u32) {
        self.written.insert(number);
    }

    /// A block could not be written: it stays as it is, though no job has it.
    pub(super) fn fail(&mut self, number: u32) {
        if let Some(progress) = self.blocks.get_mut(&number) {
            progress.has_failed = true;
        }
    }

    /// Numbers of the blocks in progress, and whether a job has them.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (u32, bool)> + '_ {
        let has_job = |progress: &Progress| progress.block.is_busy() && !progress.has_failed;
        self.blocks.iter().map(move |(&number, progress)| (number, has_job(progress)))
    }

    /// Blocks that are to be stored now.
    pub(super) fn ready_blocks(&self) -> Vec<u32> {
        let ready = self.blocks.iter().filter(|(_, progress)| progress.block.is_ready());
        ready.map(|(&number, _)| number).collect()
    }

    /// True when a block that has got a symbol is to be stored now.
    pub(super) fn is_ready(&self, number: u32) -> bool {
        self.is_accepted() && self.block(number).is_some_and(RecvBlock::is_ready)
    }

    /// Hands a block to a job.
    pub(super) fn start_store(&mut self, slot: BlockSlot) -> Option<StoreJob> {
        let geometry = self.geometry(slot.block)?;
        let held = self.block_mut(slot.block)?.start_job();
        let decode = held.is_some();
        let runs = held.into_iter().flat_map(Bits::set_runs);
        let held = runs.map(|(start, end)| start..end).collect();
        Some(StoreJob { slot, geometry, decode, held })
    }

    /// Notes bytes that are on disk, or that are not wanted; returns the blocks that they touch.
    pub(super) fn note_held(&mut self, range: &Range<u64>, is_wanted: bool) -> Range<u32> {
        let blocks = self.blocks_over(range);
        if !blocks.is_empty() {
            match is_wanted {
                true => self.held.note_held(range),
                false => self.held.note_unwanted(range),
            }
        }
        blocks
    }

    /// The blocks that a range of bytes touches.
    pub(super) fn blocks_over(&self, range: &Range<u64>) -> Range<u32> {
        let (partition, end) = (self.layout.partition(), range.end.min(self.layout.size()));
        if range.start >= end {
            return 0..0;
        }
        partition.block_at(range.start)..partition.block_at(end - 1) + 1
    }

    /// Takes into account what is held of a block.
    pub(super) fn cover(&mut self, number: u32) -> Covered {
        let geometry = self.geometry(number).filter(|_| !self.is_written(number));
        let Some(geometry) = geometry else { return Covered::Nothing };
        let in_progress = self.block(number).map(RecvBlock::is_busy);
        if in_progress == Some(true) {
            // What a job has is written by that job.
            return Covered::Nothing;
        }
        if self.held.covers(&geometry) {
            return Covered::Whole { was_in_progress: in_progress.is_some() };
        }
        if in_progress.is_some()
            && let Some(symbols) = self.held.symbols(&geometry)
            && let Some(block) = self.block_mut(number)
        {
            block.cover(&symbols);
        }
        if self.is_ready(number) { Covered::Ready } else { Covered::Nothing }
    }

    /// What should be on disk of a block is not.
    pub(super) fn lose_held(&mut self, number: u32) {
        if let Some(geometry) = self.geometry(number) {
            self.held.lose(geometry.offset..geometry.offset + u64::from(geometry.len));
        }
    }

    /// A block that was written is to come again in part: its bytes count as those that are on
    /// disk.
    pub(super) fn forget_written(&mut self, number: u32) {
        if let Some(geometry) = self.geometry(number)
            && self.written.remove(number)
        {
            self.held.note_held(&(geometry.offset..geometry.offset + u64::from(geometry.len)));
        }
    }

    /// What was thought to be on disk of a range is wrong.
    pub(super) fn forget_held(&mut self, range: &Range<u64>) {
        self.held.lose(range.clone());
        for number in self.blocks_over(range) {
            let held = self.geometry(number).and_then(|geometry| self.held.symbols(&geometry));
            if let Some(block) = self.block_mut(number) {
                block.uncover();
                held.iter().for_each(|held| block.cover(held));
            }
        }
    }

    /// Bytes that are neither written nor on disk, nor have come as source symbols.
    pub(super) fn missing(&self) -> RangeSet {
        let mut missing = RangeSet::new();
        for (first, end) in self.written.clear_runs() {
            for number in first..end {
                self.add_missing(number, &mut missing);
            }
        }
        missing
    }

    fn add_missing(&self, number: u32, missing: &mut RangeSet) {
        let Some(geometry) = self.geometry(number) else { return };
        let start_of = |symbol: u32| {
            let inner = u64::from(symbol) * u64::from(geometry.symbol_size);
            geometry.offset + inner.min(geometry.len.into())
        };
        let mut add = |start, end| missing.insert(start_of(start), start_of(end));
        if let Some(block) = self.block(number) {
            block.covered().clear_runs().for_each(|(start, end)| add(start, end));
            return;
        }
        match self.held.symbols(&geometry) {
            Some(held) => held.covered.clear_runs().for_each(|(start, end)| add(start, end)),
            None => add(0, geometry.symbols),
        }
    }
}
