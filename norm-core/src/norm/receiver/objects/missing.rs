//! What is missing of an object, less what is on disk or not wanted.

use core::ops::Range;

use super::object::RecvObject;
use crate::base::bits::Bits;
use crate::blocks::RecvBlock;
use crate::fec::{Layout, Scheme};
use crate::norm::receiver::nack::need::{Need, Position, SymbolNeed};

/// Blocks of an object of which something may be held at most. To look at more would take long, and
/// hardly any sender makes them.
const MAX_HELD_BLOCKS: u32 = 1 << 20;

/// What became of a block by what is held of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Covered {
    /// Nothing that is to be acted on.
    Nothing,
    /// It is to be stored now.
    Ready,
    /// Nothing of it need come: it counts as written. It may have been in progress.
    Whole { bytes: u32, was_in_progress: bool },
}

impl RecvObject {
    /// Notes bytes that are on disk, or that are not wanted; returns the blocks that they touch.
    pub(super) fn note_held(&mut self, range: &Range<u64>, is_wanted: bool) -> Range<u32> {
        let blocks = self.blocks_over(range);
        if !blocks.is_empty() {
            match is_wanted {
                true => self.held_mut().note_held(range),
                false => self.held_mut().note_unwanted(range),
            }
        }
        blocks
    }

    /// The blocks that a range of bytes touches, of an object that is not too large.
    pub(super) fn blocks_over(&self, range: &Range<u64>) -> Range<u32> {
        let layout = self.layout().filter(|_| !self.is_stream());
        let Some(layout) = layout.filter(|layout| layout.blocks() <= MAX_HELD_BLOCKS) else {
            return 0..0;
        };
        let (partition, end) = (layout.partition(), range.end.min(layout.size()));
        if range.start >= end {
            return 0..0;
        }
        partition.block_at(range.start)..partition.block_at(end - 1) + 1
    }

    /// A block that was written is to come again in part: its bytes count as those that are on
    /// disk. Returns how many they are if it was written.
    pub(super) fn forget_written(&mut self, block: u32) -> u64 {
        let geometry = self.geometry(block).filter(|_| self.unset_written(block));
        let Some(geometry) = geometry else { return 0 };
        let end = geometry.offset + u64::from(geometry.len);
        self.held_mut().note_held(&(geometry.offset..end));
        geometry.len.into()
    }

    /// What was thought to be on disk of a range is wrong.
    pub(super) fn forget_held(&mut self, range: &Range<u64>) {
        self.held_mut().lose(range.clone());
        for number in self.blocks_over(range) {
            let geometry = self.geometry(number);
            let held = geometry.and_then(|geometry| self.held().symbols(&geometry));
            if let Some(block) = self.block_mut(number) {
                block.uncover();
                held.iter().for_each(|held| block.cover(held));
            }
        }
    }

    /// Takes into account what is held of a block.
    pub(super) fn cover_block(&mut self, block: u32) -> Covered {
        let geometry = self.geometry(block).filter(|_| !self.is_written(block));
        let Some(geometry) = geometry else { return Covered::Nothing };
        let in_progress = self.block(block).map(RecvBlock::is_busy);
        if in_progress == Some(true) {
            // What a job has is written by that job.
            return Covered::Nothing;
        }
        if self.held().covers(&geometry) {
            self.set_written(block);
            let was_in_progress = in_progress.is_some();
            return Covered::Whole { bytes: geometry.len, was_in_progress };
        }
        if in_progress.is_some()
            && let Some(symbols) = self.held().symbols(&geometry)
            && let Some(block) = self.block_mut(block)
        {
            block.cover(&symbols);
        }
        if self.is_ready(block) { Covered::Ready } else { Covered::Nothing }
    }

    /// Forgets a block in progress, of which something that should be on disk is not.
    pub(super) fn lose_held(&mut self, block: u32) {
        self.drop_block(block);
        if let Some(geometry) = self.geometry(block) {
            let end = geometry.offset + u64::from(geometry.len);
            self.held_mut().lose(geometry.offset..end);
        }
    }

    /// True when some of it is on disk, or not wanted, or not compared yet.
    pub(crate) fn has_held(&self) -> bool {
        !self.held().is_empty() || self.held().frontier() != u64::MAX
    }

    /// Only what lies before this byte may be asked for from now on.
    pub(crate) fn ask_up_to(&mut self, end: u64) {
        self.held_mut().set_frontier(end);
        self.set_cycle_end(self.cycle_end().min(end));
    }

    /// A NACK cycle begins: what may be asked for is compared with requests of others.
    pub(crate) fn begin_cycle(&mut self) {
        self.set_cycle_end(self.held().frontier());
    }

    /// The first block that could not be asked for when the NACK cycle began.
    pub(crate) fn cycle_bound(&self) -> u32 {
        self.layout().map_or(u32::MAX, |layout| first_after(layout, self.cycle_end()))
    }

    /// Calls `visit` for what is missing of an object with a layout, ascending, until it returns
    /// false. Of blocks those before `limit` are due; a stream knows for itself.
    pub(crate) fn visit_needs(
        &self,
        key: u64,
        limit: u32,
        visit: &mut dyn FnMut(Need<'_>) -> bool,
    ) -> bool {
        if self.info_state().is_needed() && !visit(Need::Info { key }) {
            return false;
        }
        let Some(layout) = self.layout() else { return true };
        if self.is_stream() {
            return self.stream().is_none_or(|stream| stream.visit_needs(key, visit));
        }
        let limit = limit.min(first_after(layout, self.held().frontier()));
        self.unwritten().all(|(start, end)| {
            self.visit_blocks(key, start..end.min(limit), layout.scheme(), visit)
        })
    }

    /// The same for a run of blocks that are not written.
    fn visit_blocks(
        &self,
        key: u64,
        run: Range<u32>,
        scheme: Scheme,
        visit: &mut dyn FnMut(Need<'_>) -> bool,
    ) -> bool {
        let mut untouched = run.start;
        for (number, block) in self.blocks_in(run.clone()) {
            if !self.visit_untouched(key, untouched..number, scheme, visit) {
                return false;
            }
            untouched = number + 1;
            let need = SymbolNeed {
                at: Position::new(key, number),
                count: block.missing(),
                have: block.covered(),
                parity: block.coded(),
                scheme,
                asked: block.asked(),
                touched: block.touched(),
                is_begun: true,
                is_nameable: block.is_nameable(),
                has_unwanted: block.has_unwanted(),
            };
            if need.count > 0 && !visit(Need::Symbols(need)) {
                return false;
            }
        }
        self.visit_untouched(key, untouched..run.end, scheme, visit)
    }

    /// The same for a run of blocks of which nothing has come. Some of them may be held.
    fn visit_untouched(
        &self,
        key: u64,
        run: Range<u32>,
        scheme: Scheme,
        visit: &mut dyn FnMut(Need<'_>) -> bool,
    ) -> bool {
        let mut first = run.start;
        let blocks = if self.held().is_empty() { 0..0 } else { run.clone() };
        for number in blocks {
            let geometry = self.geometry(number);
            let Some(held) = geometry.and_then(|geometry| self.held().symbols(&geometry)) else {
                continue;
            };
            if first < number && !visit(Need::Blocks { key, first, last: number - 1 }) {
                return false;
            }
            first = number + 1;
            let need = untouched(Position::new(key, number), &held.held, &held.covered, scheme);
            if !visit(Need::Symbols(need)) {
                return false;
            }
        }
        first >= run.end || visit(Need::Blocks { key, first, last: run.end - 1 })
    }
}

/// The first block of which not all lies before this byte; there is none before [`u64::MAX`].
fn first_after(layout: &Layout, end: u64) -> u32 {
    match end {
        u64::MAX => u32::MAX,
        end => layout.partition().block_at(end),
    }
}

/// What is missing of a block of which nothing has come.
fn untouched<'a>(at: Position, held: &Bits, covered: &'a Bits, scheme: Scheme) -> SymbolNeed<'a> {
    SymbolNeed {
        at,
        count: covered.len() - held.count(),
        have: covered,
        parity: &[],
        scheme,
        asked: None,
        touched: None,
        is_begun: false,
        is_nameable: true,
        has_unwanted: held.count() < covered.count(),
    }
}
