//! The symbol store of a simulated receiver. It compares symbols with the reference and counts
//! them.
//!
//! It keeps bytes only on request; then blocks are really decoded.

use std::collections::BTreeMap;
use std::sync::Arc;

use norm_core::base::bits::Bits;
use norm_core::base::range_set::RangeSet;
use norm_core::endpoint::{
    BlockGeometry, BlockSlot, JobDone, ObjectRef, StoreJob, StoreOutcome, SymbolStore,
};
use norm_core::fec::{BlockBuffer, Scheme};

use crate::packet::{HostId, Packet, Symbol, mix};
use crate::reference::{Reference, SenderReference};

/// Incomplete blocks, up to a limit.
#[derive(Debug)]
pub(crate) struct SimStore {
    reference: Arc<Reference>,
    blocks: BTreeMap<BlockSlot, Block>,
    /// Objects with blocks that were written.
    objects: BTreeMap<ObjectRef, Written>,
    /// Maximum number of blocks.
    limit: usize,
    /// Bytes are kept.
    real: bool,
    /// Sender of the current packet.
    from: HostId,
    /// Symbol in the current packet, if a sender of the scenario sent it unchanged.
    symbol: Option<Symbol>,
    /// A damaged packet was taken: the layout of an object may be wrong.
    damaged: bool,
}

#[derive(Debug)]
struct Block {
    from: HostId,
    /// Number of symbols.
    symbols: u32,
    /// A fingerprint of the set of symbols.
    which: u64,
    /// A symbol differs from the reference.
    tainted: bool,
    /// Symbols of content as it was before a change, and after it.
    before: bool,
    after: bool,
    bytes: Option<Box<BlockBuffer>>,
    /// Symbols that were taken from the disk.
    held: Bits,
}

/// Blocks of an object that were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) blocks: RangeSet,
    pub(crate) tainted: bool,
    /// Symbols of content before and after a change were decoded together.
    pub(crate) mixed: bool,
}

impl SimStore {
    pub(crate) fn new(reference: Arc<Reference>, limit: usize, real: bool) -> Self {
        Self {
            reference,
            blocks: BTreeMap::new(),
            objects: BTreeMap::new(),
            limit,
            real,
            from: 0,
            symbol: None,
            damaged: false,
        }
    }

    /// Notes the packet of the next symbol.
    pub(crate) fn expect(&mut self, packet: &Packet) {
        self.from = packet.from;
        self.symbol = packet.symbol;
        self.damaged |= !packet.intact;
    }

    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Ends an object, and returns what was written of it.
    pub(crate) fn settle(&mut self, object: ObjectRef) -> Written {
        self.objects.remove(&object).unwrap_or_default()
    }

    /// Does the work of a worker thread: decodes, and compares with the reference instead of
    /// writing.
    ///
    /// # Panics
    /// When the block has a wrong byte or a wrong offset: the most important invariant.
    pub(crate) fn store(&mut self, job: &StoreJob) -> JobDone {
        let slot = job.slot;
        let mut block = self.blocks.remove(&slot).expect("a job names a block of the store");
        let all = Arc::clone(&self.reference);
        let reference = all.of(block.from).expect("objects of attackers are not accepted");
        for symbol in job.held.iter().cloned().flatten() {
            block.take_held(slot, symbol, reference, &job.geometry);
        }
        let solved = match &mut block.bytes {
            Some(bytes) => !job.decode || bytes.recover(),
            None => !job.decode || block.solves(slot, &job.geometry),
        };
        if !solved {
            self.blocks.insert(slot, block);
            return JobDone::Store { slot, outcome: StoreOutcome::NeedMore };
        }
        let fits = reference.layout(slot.object).is_some_and(|layout| {
            let place = (layout.block_offset(slot.block), layout.block_bytes(slot.block));
            place == (job.geometry.offset, job.geometry.len)
                && layout.block_len(slot.block) == job.geometry.symbols
        });
        assert!(
            fits || self.damaged,
            "WRONG BYTE delivered: {slot:?} written as {:?}",
            job.geometry
        );
        // Without decoding only what has changed is one or the other.
        let mixed = job.decode && block.before && block.after;
        let mut tainted = block.tainted || !fits;
        if let Some(bytes) = &block.bytes {
            let key = reference.first_key_of(slot.object);
            let correct = bytes.runs().all(|(at, bytes)| {
                let offset = job.geometry.offset + u64::from(at);
                reference.agrees(key, offset, bytes)
            });
            assert!(correct || tainted || mixed, "WRONG BYTE delivered in {slot:?}");
            // The decoder may not have used a wrong symbol.
            tainted = !correct && !mixed;
        }
        let object = slot.object_ref();
        let written = self.objects.entry(object).or_default();
        let block = u64::from(slot.block);
        written.blocks.insert(block, block + 1);
        written.tainted |= tainted;
        written.mixed |= mixed;
        JobDone::Store { slot, outcome: StoreOutcome::Written }
    }

    /// The symbol as it was sent, if it agrees with the reference.
    fn recognize(&self, at: Symbol, payload: &[u8]) -> Option<Symbol> {
        if let Some(sent) = self.symbol {
            let filed = Symbol { changed: sent.changed, ..at };
            assert!(sent == filed, "WRONG BYTE: {sent:?} was filed as {at:?}");
            return Some(sent);
        }
        // Attackers have no reference; their objects are never accepted.
        let Some(reference) = self.reference.of(self.from) else { return Some(at) };
        reference.recognize(at, payload)
    }
}

impl Block {
    /// Takes a symbol that is on disk from before. One that an earlier attempt has taken is there.
    fn take_held(
        &mut self,
        slot: BlockSlot,
        symbol: u32,
        reference: &SenderReference,
        geometry: &BlockGeometry,
    ) {
        if self.held.insert(symbol) {
            self.symbols += 1;
            self.which ^= mix(symbol.into(), 1);
            // It was there before anything changed.
            let (object, block) = (slot.object as u16, slot.block);
            self.before |= reference.is_changing(Symbol { object, block, symbol, changed: false });
        }
        if let Some(bytes) = &mut self.bytes {
            let at = u64::from(symbol) * u64::from(geometry.symbol_size);
            let len = (u64::from(geometry.len) - at).min(geometry.symbol_size.into());
            let key = reference.first_key_of(slot.object);
            bytes.put(symbol, &reference.read(key, geometry.offset + at, len as usize));
        }
    }

    /// Simulated decoding: K + h symbols fail with a probability of 1/256^(h+1), about as in RFC
    /// 6330 §5.8, and equal symbols fail alike. With a Reed-Solomon code K symbols never fail.
    fn solves(&self, slot: BlockSlot, geometry: &BlockGeometry) -> bool {
        let Some(excess) = self.symbols.checked_sub(geometry.symbols) else { return false };
        if matches!(geometry.scheme, Scheme::ReedSolomon(_)) {
            return true;
        }
        let name = mix(slot.object & 0xffff, slot.block.into());
        let bits = (8 * (excess + 1)).min(63);
        mix(self.which, mix(name, excess.into())) >> (64 - bits) != 0
    }
}

impl SymbolStore for SimStore {
    fn put(
        &mut self,
        slot: BlockSlot,
        geometry: &BlockGeometry,
        symbol: u32,
        payload: &[u8],
    ) -> bool {
        let at = Symbol { object: slot.object as u16, block: slot.block, symbol, changed: false };
        let sent = self.recognize(at, payload);
        let reference = self.reference.of(self.from);
        let changing = reference.is_some_and(|reference| reference.is_changing(at));
        let full = self.blocks.len() >= self.limit;
        let block = match self.blocks.entry(slot) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(_) if full => return false,
            std::collections::btree_map::Entry::Vacant(entry) => {
                let (k, size, len) = (geometry.symbols, geometry.symbol_size, geometry.len);
                let bytes = match self.real.then(|| BlockBuffer::new(geometry.scheme, k, size, len))
                {
                    Some(Err(_)) => return false,
                    Some(Ok(bytes)) => Some(Box::new(bytes)),
                    None => None,
                };
                let from = self.from;
                let held = Bits::new(k);
                let (tainted, before, after) = (false, false, false);
                entry.insert(Block {
                    from,
                    symbols: 0,
                    which: 0,
                    tainted,
                    before,
                    after,
                    bytes,
                    held,
                })
            }
        };
        if block.bytes.as_mut().is_some_and(|bytes| !bytes.put(symbol, payload)) {
            return false;
        }
        block.symbols += 1;
        block.which ^= mix(symbol.into(), 1);
        block.tainted |= sent.is_none();
        if let Some(sent) = sent.filter(|_| changing) {
            block.before |= !sent.changed;
            block.after |= sent.changed;
        }
        true
    }

    fn room(&mut self) -> u64 {
        if self.blocks.len() < self.limit { u64::MAX } else { 0 }
    }

    fn discard(&mut self, slot: BlockSlot) {
        self.blocks.remove(&slot);
    }
}
