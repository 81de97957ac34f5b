//! Keeps the bytes of blocks under way, within a budget.
//!
//! Buffers are reused. A whole block's buffer is lent to a worker and comes back by a channel, to
//! be kept (more symbols are needed) or to be reused.

use std::collections::{BTreeMap, HashMap, HashSet};

use crossbeam_channel::{Receiver, Sender, unbounded};
use norm_core::endpoint::{BlockGeometry, BlockSlot, SenderId, SymbolStore};
use norm_core::fec::BlockBuffer;

/// A block's buffer, with the memory it accounts for.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) buffer: BlockBuffer,
    /// Bytes allocated for source symbols: the largest block it was ever used for.
    capacity: usize,
    /// Bytes of repair symbols beside them.
    repair: usize,
}

/// A buffer that comes back.
#[derive(Debug)]
struct Return {
    slot: BlockSlot,
    held: Held,
    keep: bool,
}

/// Gives buffers back to the store, from any thread.
#[derive(Clone, Debug)]
pub(crate) struct Returns(Sender<Return>);

impl Returns {
    /// The block needs more symbols. Must be called before the engine hears of it.
    pub(crate) fn keep(&self, slot: BlockSlot, held: Held) {
        // Fails only when the store, and with it the session, is gone.
        let _ = self.0.send(Return { slot, held, keep: true });
    }

    /// The block is done with.
    pub(crate) fn release(&self, slot: BlockSlot, held: Held) {
        let _ = self.0.send(Return { slot, held, keep: false });
    }
}

/// The store of a receiver.
#[derive(Debug)]
pub(crate) struct BlockStore {
    budget: usize,
    /// Bytes of all buffers: held, lent and free.
    used: usize,
    blocks: HashMap<BlockSlot, Held>,
    lent: HashSet<BlockSlot>,
    free: Vec<Held>,
    /// Symbols taken so far, by sender.
    symbols: BTreeMap<SenderId, u64>,
    returned: Receiver<Return>,
    returns: Returns,
}

impl BlockStore {
    /// A store for `budget` bytes of symbols. One block is always taken, however large.
    pub(crate) fn new(budget: usize) -> Self {
        let (returns, returned) = unbounded();
        Self {
            budget,
            used: 0,
            blocks: HashMap::new(),
            lent: HashSet::new(),
            free: Vec::new(),
            symbols: BTreeMap::new(),
            returned,
            returns: Returns(returns),
        }
    }

    /// The way back for lent buffers.
    pub(crate) fn returns(&self) -> Returns {
        self.returns.clone()
    }

    /// Symbols of a sender that were taken since it was found.
    pub(crate) fn symbols(&self, sender: SenderId) -> u64 {
        self.symbols.get(&sender).copied().unwrap_or(0)
    }

    /// Stops counting for a sender.
    pub(crate) fn forget(&mut self, sender: SenderId) {
        self.symbols.remove(&sender);
    }

    /// True when no more than a quarter of the memory is left.
    pub(crate) fn is_nearly_full(&mut self) -> bool {
        self.room() < self.budget as u64 / 4
    }

    /// Lends a block's buffer.
    pub(crate) fn lend(&mut self, slot: BlockSlot) -> Option<Held> {
        let held = self.blocks.remove(&slot)?;
        self.lent.insert(slot);
        Some(held)
    }

    fn take_back(&mut self) {
        while let Ok(Return { slot, held, keep }) = self.returned.try_recv() {
            // One that was discarded meanwhile is not wanted, whatever its worker found.
            let wanted = self.lent.remove(&slot);
            if keep && wanted {
                self.blocks.insert(slot, held);
            } else {
                self.recycle(held);
            }
        }
    }

    fn recycle(&mut self, mut held: Held) {
        let repair = std::mem::take(&mut held.repair);
        self.used = self.used.saturating_sub(repair);
        if repair == 0 || held.buffer.is_source_complete() {
            self.free.push(held);
        } else {
            // An incomplete one may hold memory for repair symbols, which reuse would not free.
            self.used = self.used.saturating_sub(held.capacity);
        }
    }

    /// Finds a buffer for a block that has none; false if there is no room, or a worker has it.
    fn begin(&mut self, slot: BlockSlot, geometry: &BlockGeometry) -> bool {
        self.take_back();
        if self.blocks.contains_key(&slot) {
            return true;
        }
        if self.lent.contains(&slot) {
            return false;
        }
        let held = self.open(geometry);
        held.is_some_and(|held| self.blocks.insert(slot, held).is_none())
    }

    /// A buffer for a block of this shape; `None` when the budget is spent.
    fn open(&mut self, geometry: &BlockGeometry) -> Option<Held> {
        let size = geometry.symbols as usize * usize::from(geometry.symbol_size);
        let shape = (geometry.scheme, geometry.symbols, geometry.symbol_size, geometry.len);
        // The last one that was given back: some of it may still be in a cache.
        let fitting = self.free.iter().rposition(|held| held.capacity >= size);
        if let Some(at) = fitting {
            let mut held = self.free.swap_remove(at);
            held.buffer.reset(shape.0, shape.1, shape.2, shape.3).ok()?;
            return Some(held);
        }
        while self.used + size > self.budget {
            // Too small for this block, so of no use while blocks are like this.
            let Some(small) = self.free.pop() else { break };
            self.used = self.used.saturating_sub(small.capacity);
        }
        let alone = self.blocks.is_empty() && self.lent.is_empty();
        if self.used + size > self.budget && !alone {
            return None;
        }
        let buffer = BlockBuffer::new(shape.0, shape.1, shape.2, shape.3).ok()?;
        self.used += size;
        Some(Held { buffer, capacity: size, repair: 0 })
    }
}

impl SymbolStore for BlockStore {
    fn put(
        &mut self,
        slot: BlockSlot,
        geometry: &BlockGeometry,
        symbol: u32,
        payload: &[u8],
    ) -> bool {
        let held = match self.blocks.get_mut(&slot) {
            Some(held) => held,
            None => {
                if !self.begin(slot, geometry) {
                    return false;
                }
                let Some(held) = self.blocks.get_mut(&slot) else { return false };
                held
            }
        };
        let taken = held.buffer.put(symbol, payload);
        if taken {
            *self.symbols.entry(slot.sender).or_default() += 1;
        }
        // Repair symbols count, but are never refused: they are what makes the block whole and its
        // buffer free again. There are at most as many as source symbols, and a few.
        if taken && symbol >= geometry.symbols {
            held.repair += payload.len();
            self.used += payload.len();
        }
        taken
    }

    fn room(&mut self) -> u64 {
        self.take_back();
        let free: usize = self.free.iter().map(|held| held.capacity).sum();
        self.budget.saturating_sub(self.used - free.min(self.used)) as u64
    }

    fn discard(&mut self, slot: BlockSlot) {
        self.lent.remove(&slot);
        if let Some(held) = self.blocks.remove(&slot) {
            self.recycle(held);
        }
    }
}

#[cfg(test)]
mod tests;
