//! Keeps the bytes of blocks under way, within a budget.
//!
//! Buffers are reused. A whole block's buffer is lent to a worker and comes back by a channel, to
//! be kept (more symbols are needed) or to be reused. Where all blocks are received at once, those
//! that find no room wait on a disk (`spooled`).

mod packets;
mod spooled;
mod writing;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

use crossbeam_channel::{Receiver, Sender, unbounded};
use norm_core::endpoint::{BlockGeometry, BlockSlot, ObjectRef, SenderId, SymbolStore};
use norm_core::fec::{BlockBuffer, FecId, Scheme};

use crate::transfer::spool_file::SpoolFile;
use packets::{Packets, Recalled};
use spooled::{Loading, Spooled};

/// A block's buffer, with the memory it accounts for.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) buffer: BlockBuffer,
    /// Bytes allocated for source symbols: the largest block it was ever used for.
    capacity: usize,
    /// Bytes of repair symbols beside them, and of what is kept of an attempt to solve it.
    repair: usize,
    /// Bytes of its symbols.
    bytes: u64,
    /// Where its symbols are, if they are not in the buffer yet.
    loading: Option<Loading>,
}

impl Held {
    /// True when the symbols are to be loaded, which takes time.
    pub(crate) fn is_spooled(&self) -> bool {
        self.loading.is_some()
    }

    /// Puts the symbols into the buffer, if they are not there yet.
    ///
    /// # Errors
    /// When some of them were lost, or cannot be read: the block is of no use then.
    pub(crate) fn load(&mut self) -> io::Result<()> {
        if let Some(loading) = &self.loading {
            self.buffer = loading.load()?;
        }
        Ok(())
    }
}

/// A block that comes back.
#[derive(Debug)]
struct Return {
    slot: BlockSlot,
    lent: Lent,
    keep: bool,
}

/// What a worker had.
#[derive(Debug)]
enum Lent {
    Memory(Held),
    Spooled(Loading),
}

impl Lent {
    /// Keeps no buffer of symbols that are elsewhere.
    fn of(mut held: Held) -> Self {
        match held.loading.take() {
            Some(loading) => Self::Spooled(loading),
            None => Self::Memory(held),
        }
    }
}

/// Gives buffers back to the store, from any thread.
#[derive(Clone, Debug)]
pub(crate) struct Returns(Sender<Return>);

impl Returns {
    /// The block needs more symbols. Must be called before the engine hears of it.
    pub(crate) fn keep(&self, slot: BlockSlot, held: Held) {
        // Fails only when the store, and with it the session, is gone.
        let _ = self.0.send(Return { slot, lent: Lent::of(held), keep: true });
    }

    /// The block is done with.
    pub(crate) fn release(&self, slot: BlockSlot, held: Held) {
        let _ = self.0.send(Return { slot, lent: Lent::of(held), keep: false });
    }
}

/// The store of a receiver.
#[derive(Debug)]
pub(crate) struct BlockStore {
    budget: usize,
    /// Bytes of all buffers: held, lent and free.
    used: usize,
    /// Those of them that are for source symbols.
    capacities: usize,
    blocks: HashMap<BlockSlot, Held>,
    lent: HashSet<BlockSlot>,
    free: Vec<Held>,
    /// Blocks for which there was no room.
    spooled: Option<Spooled>,
    /// Packets of objects of which it is not known how they are cut.
    packets: Option<Packets>,
    /// Where they are to wait once they come in turns.
    reserve: Option<SpoolFile>,
    /// Symbols taken so far, by sender.
    symbols: BTreeMap<SenderId, u64>,
    /// Bytes of symbols that wait for the rest of their blocks, by sender.
    waiting: BTreeMap<SenderId, u64>,
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
            capacities: 0,
            blocks: HashMap::new(),
            lent: HashSet::new(),
            free: Vec::new(),
            spooled: None,
            packets: None,
            reserve: None,
            symbols: BTreeMap::new(),
            waiting: BTreeMap::new(),
            returned,
            returns: Returns(returns),
        }
    }

    /// A store for `budget` bytes of symbols in memory, and more in this file.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(crate) fn with_spool(budget: usize, file: SpoolFile) -> io::Result<Self> {
        let other = SpoolFile::new(file.directory().to_owned());
        let spooled = Spooled::new(file, budget.div_ceil(2))?;
        let packets = Some(Packets::new(other, spooled.writer()));
        Ok(Self { spooled: Some(spooled), packets, ..Self::new(budget / 2) })
    }

    /// A store for `budget` bytes of symbols in memory, and more in this file once blocks come in
    /// turns.
    pub(crate) fn with_reserve(budget: usize, file: SpoolFile) -> Self {
        Self { reserve: Some(file), ..Self::new(budget) }
    }

    /// Why symbols could not be kept on the disk; told once.
    pub(crate) fn take_spool_failure(&self) -> Option<io::Error> {
        let of_packets = || self.packets.as_ref()?.take_failure();
        self.spooled.as_ref()?.take_failure().or_else(of_packets)
    }

    /// Lends packets of an object of which it was not known how it is cut.
    pub(crate) fn lend_packets(&mut self, object: ObjectRef) -> Option<Recalled> {
        self.packets.as_mut()?.lend(object)
    }

    /// The way back for lent buffers.
    pub(crate) fn returns(&self) -> Returns {
        self.returns.clone()
    }

    /// Symbols of a sender that were taken since it was found.
    pub(crate) fn symbols(&self, sender: SenderId) -> u64 {
        self.symbols.get(&sender).copied().unwrap_or(0)
    }

    /// Bytes of a sender's symbols that wait here for the rest of their blocks.
    pub(crate) fn waiting(&self, sender: SenderId) -> u64 {
        self.waiting.get(&sender).copied().unwrap_or(0)
    }

    /// Stops counting for a sender.
    pub(crate) fn forget(&mut self, sender: SenderId) {
        self.symbols.remove(&sender);
        self.waiting.remove(&sender);
    }

    /// True when no more than a quarter of the memory is left; with a spool, of what may be on its
    /// way there.
    pub(crate) fn is_nearly_full(&mut self) -> bool {
        if let Some(spooled) = &self.spooled {
            return spooled.is_slow();
        }
        self.room() < self.budget as u64 / 4
    }

    /// Lends a block's buffer.
    pub(crate) fn lend(&mut self, slot: BlockSlot) -> Option<Held> {
        let held = match self.blocks.remove(&slot) {
            Some(held) => held,
            None => self.lend_spooled(slot)?,
        };
        self.lent.insert(slot);
        Some(held)
    }

    /// Lends a block that is to be loaded.
    fn lend_spooled(&mut self, slot: BlockSlot) -> Option<Held> {
        // Another one takes its place when it is loaded.
        let buffer = BlockBuffer::new(Scheme::NoCode, 1, 1, 1).ok()?;
        let loading = self.spooled.as_mut()?.lend(slot)?;
        Some(Held { buffer, capacity: 0, repair: 0, bytes: 0, loading: Some(loading) })
    }

    fn take_back(&mut self) {
        while let Ok(Return { slot, lent, keep }) = self.returned.try_recv() {
            // One that was discarded meanwhile is not wanted, whatever its worker found.
            let wanted = self.lent.remove(&slot);
            match (lent, &mut self.spooled) {
                (Lent::Memory(held), _) if keep && wanted => self.keep(slot, held),
                (Lent::Memory(held), _) => self.recycle(slot, held),
                (Lent::Spooled(loading), Some(spooled)) if keep && wanted => {
                    spooled.take_back(slot, loading);
                }
                (Lent::Spooled(loading), Some(spooled)) => {
                    let bytes = spooled.release(&loading);
                    self.waits_no_more(slot, bytes);
                }
                (Lent::Spooled(_), None) => {}
            }
        }
    }

    /// Keeps a block that needs more symbols, and what was done in vain, if there is room for it.
    fn keep(&mut self, slot: BlockSlot, mut held: Held) {
        let attempt = held.buffer.attempt_bytes();
        if self.used + attempt <= self.budget {
            held.repair += attempt;
            self.used += attempt;
        } else {
            held.buffer.forget_attempt();
        }
        self.blocks.insert(slot, held);
    }

    /// A block of as many bytes is gone.
    fn waits_no_more(&mut self, slot: BlockSlot, bytes: u64) {
        if let Some(waiting) = self.waiting.get_mut(&slot.sender) {
            *waiting = waiting.saturating_sub(bytes);
        }
    }

    fn recycle(&mut self, slot: BlockSlot, mut held: Held) {
        self.waits_no_more(slot, std::mem::take(&mut held.bytes));
        let repair = std::mem::take(&mut held.repair);
        self.used = self.used.saturating_sub(repair);
        if repair == 0 || held.buffer.is_source_complete() {
            self.free.push(held);
        } else {
            // An incomplete one may hold memory for repair symbols, which reuse would not free.
            self.drop_buffer(&held);
        }
    }

    /// The memory of a buffer is free again.
    fn drop_buffer(&mut self, held: &Held) {
        self.used = self.used.saturating_sub(held.capacity);
        self.capacities = self.capacities.saturating_sub(held.capacity);
    }

    /// True when a buffer of this size may be had. Where blocks may wait elsewhere, there has to be
    /// room for as many repair symbols, too.
    fn fits(&self, size: usize) -> bool {
        match self.spooled {
            Some(_) => 2 * (self.capacities + size) <= self.budget,
            None => self.used + size <= self.budget,
        }
    }

    /// Finds a buffer for a block that has none; false if there is no room.
    fn begin(&mut self, slot: BlockSlot, geometry: &BlockGeometry) -> bool {
        let held = self.open(geometry);
        held.is_some_and(|held| self.blocks.insert(slot, held).is_none())
    }

    fn put_somewhere(
        &mut self,
        slot: BlockSlot,
        geometry: &BlockGeometry,
        symbol: u32,
        payload: &[u8],
    ) -> bool {
        if let Some(taken) = self.put_here(slot, geometry, symbol, payload) {
            return taken;
        }
        self.take_back();
        if self.lent.contains(&slot) {
            return false; // a worker has it
        }
        let is_spooled = self.spooled.as_ref().is_some_and(|spooled| spooled.has(slot));
        if self.blocks.contains_key(&slot) || (!is_spooled && self.begin(slot, geometry)) {
            return self.put_here(slot, geometry, symbol, payload).unwrap_or(false);
        }
        let spooled = self.spooled.as_mut();
        spooled.is_some_and(|spooled| spooled.put(slot, geometry, symbol, payload, true))
    }

    /// Keeps a symbol of an object that is not known: on the disk, if there is one, where it takes
    /// no more than it has.
    fn put_aside(
        &mut self,
        slot: BlockSlot,
        geometry: &BlockGeometry,
        symbol: u32,
        payload: &[u8],
    ) -> bool {
        if self.spooled.is_none() || self.blocks.contains_key(&slot) || self.lent.contains(&slot) {
            return self.put_somewhere(slot, geometry, symbol, payload);
        }
        let spooled = self.spooled.as_mut();
        spooled.is_some_and(|spooled| spooled.put(slot, geometry, symbol, payload, false))
    }

    /// Counts a symbol that was taken.
    fn count(&mut self, sender: SenderId, bytes: usize) {
        *self.symbols.entry(sender).or_default() += 1;
        *self.waiting.entry(sender).or_default() += bytes as u64;
    }

    /// Keeps a symbol of a block that has a buffer; `None` when it has none.
    fn put_here(
        &mut self,
        slot: BlockSlot,
        geometry: &BlockGeometry,
        symbol: u32,
        payload: &[u8],
    ) -> Option<bool> {
        let held = self.blocks.get_mut(&slot)?;
        let taken = held.buffer.put(symbol, payload);
        held.bytes += if taken { payload.len() as u64 } else { 0 };
        // Repair symbols count, but are never refused: they are what makes the block whole and its
        // buffer free again. There are at most as many as source symbols, and a few.
        if taken && symbol >= geometry.symbols {
            held.repair += payload.len();
            self.used += payload.len();
        }
        Some(taken)
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
        while !self.fits(size) {
            // Too small for this block, so of no use while blocks are like this.
            let Some(small) = self.free.pop() else { break };
            self.drop_buffer(&small);
        }
        let alone = self.blocks.is_empty() && self.lent.is_empty() && self.spooled.is_none();
        if !self.fits(size) && !alone {
            return None;
        }
        let buffer = BlockBuffer::new(shape.0, shape.1, shape.2, shape.3).ok()?;
        self.used += size;
        self.capacities += size;
        Some(Held { buffer, capacity: size, repair: 0, bytes: 0, loading: None })
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
        let taken = self.put_somewhere(slot, geometry, symbol, payload);
        if taken {
            self.count(slot.sender, payload.len());
        }
        taken
    }

    fn put_unknown(
        &mut self,
        slot: BlockSlot,
        geometry: &BlockGeometry,
        symbol: u32,
        payload: &[u8],
    ) -> bool {
        let taken = self.put_aside(slot, geometry, symbol, payload);
        if taken {
            self.count(slot.sender, payload.len());
        }
        taken
    }

    fn put_packet(&mut self, object: ObjectRef, fec: FecId, content: &[u8]) -> bool {
        self.packets.as_mut().is_some_and(|packets| packets.put(object, fec, content))
    }

    fn discard_packets(&mut self, object: ObjectRef) {
        self.packets.iter_mut().for_each(|packets| packets.discard(object));
    }

    fn room(&mut self) -> u64 {
        self.take_back();
        let free: usize = self.free.iter().map(|held| held.capacity).sum();
        let here = self.budget.saturating_sub(self.used - free.min(self.used));
        let spooled = self.spooled.as_ref().map_or(0, Spooled::room);
        here.saturating_add(spooled) as u64
    }

    fn discard(&mut self, slot: BlockSlot) {
        self.lent.remove(&slot);
        if let Some(held) = self.blocks.remove(&slot) {
            self.recycle(slot, held);
        } else if let Some(bytes) = self.spooled.as_mut().map(|spooled| spooled.discard(slot)) {
            self.waits_no_more(slot, bytes);
        }
    }

    fn expect_turns(&mut self) {
        let Some(file) = self.reserve.take() else { return };
        // Without a thread it stays as it is: what finds no room comes again.
        if let Ok(spooled) = Spooled::new(file, self.budget.div_ceil(2)) {
            self.budget /= 2;
            self.spooled = Some(spooled);
        }
    }
}

#[cfg(test)]
mod tests;
