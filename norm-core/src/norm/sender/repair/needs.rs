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
}
