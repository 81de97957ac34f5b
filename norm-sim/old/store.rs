//! The simulated receiver's symbols: real block buffers, so that decoding is really done.

use std::collections::BTreeMap;

use norm_core::endpoint::{BlockGeometry, BlockSlot, JobDone, StoreJob, StoreOutcome, SymbolStore};
use norm_core::fec::BlockBuffer;

use crate::content::Content;

/// Blocks in memory, up to a number of them.
#[derive(Debug)]
pub(crate) struct MemoryStore {
    blocks: BTreeMap<BlockSlot, BlockBuffer>,
    limit: usize,
}

impl MemoryStore {
    pub(crate) fn new(limit: usize) -> Self {
        Self { blocks: BTreeMap::new(), limit }
    }

    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Does what a worker thread would: decode, compare with the truth, write nowhere.
    ///
    /// # Panics
    /// When the block has a wrong byte: the invariant above all others.
    pub(crate) fn store(&mut self, job: &StoreJob, content: &Content) -> JobDone {
        let slot = job.slot;
        let mut block = self.blocks.remove(&slot).expect("a job names a block of the store");
        if job.decode && !block.recover() {
            self.blocks.insert(slot, block);
            return JobDone::Store { slot, outcome: StoreOutcome::NeedMore };
        }
        let truth = content.read(slot.object, job.geometry.offset, job.geometry.len as usize);
        assert!(block.source() == truth, "WRONG BYTE delivered in {slot:?}");
        JobDone::Store { slot, outcome: StoreOutcome::Written }
    }
}

impl SymbolStore for MemoryStore {
    fn put(
        &mut self,
        slot: BlockSlot,
        geometry: &BlockGeometry,
        symbol: u32,
        payload: &[u8],
    ) -> bool {
        if !self.blocks.contains_key(&slot) {
            if self.blocks.len() >= self.limit {
                return false;
            }
            let (k, size, len) = (geometry.symbols, geometry.symbol_size, geometry.len);
            let Ok(block) = BlockBuffer::new(geometry.scheme, k, size, len) else { return false };
            self.blocks.insert(slot, block);
        }
        self.blocks.get_mut(&slot).is_some_and(|block| block.put(symbol, payload))
    }

    fn room(&self) -> u64 {
        if self.blocks.len() < self.limit { u64::MAX } else { 0 }
    }

    fn discard(&mut self, slot: BlockSlot) {
        self.blocks.remove(&slot);
    }
}
