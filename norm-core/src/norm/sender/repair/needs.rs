//! What one NACK asks for.

use super::block::BlockNeed;
use crate::base::range_set::RangeSet;

/// What one NACK asks for. What it says of a block adds up.
#[derive(Debug, Default)]
pub(crate) struct NackNeeds {
    /// By running number, ascending.
    pub(crate) blocks: Vec<(u64, BlockNeed)>,
    /// Blocks for full repair, by running number.
    pub(crate) full: RangeSet,
    /// Objects whose INFO is needed, by key.
    pub(crate) infos: RangeSet,
}

impl NackNeeds {
    /// What is asked of a block. A NACK names blocks in ascending order, as a rule.
    pub(super) fn of(&mut self, block: u64) -> &mut BlockNeed {
        let at = self.blocks.partition_point(|(other, _)| *other < block);
        if self.blocks.get(at).is_none_or(|(other, _)| *other != block) {
            self.blocks.insert(at, (block, BlockNeed::default()));
        }
        &mut self.blocks[at].1
    }

    /// Cuts each range of blocks for full repair to as many as `keep` says of its length; returns
    /// how many are cut.
    pub(super) fn cut_full(&mut self, mut keep: impl FnMut(u64) -> u64) -> u64 {
        let mut full = RangeSet::new();
        let mut cut = 0;
        for (start, end) in self.full.iter() {
            let kept = keep(end - start);
            full.insert(start, start + kept);
            cut += end - start - kept;
        }
        self.full = full;
        cut
    }
}
