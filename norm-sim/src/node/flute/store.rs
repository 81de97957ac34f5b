//! The symbols that a simulated FLUTE receiver keeps: their bytes, or only how many there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use norm_core::endpoint::{BlockGeometry, BlockSlot, StoreJob, SymbolStore};
use norm_core::fec::{BlockBuffer, Scheme};

use super::sources::Sources;
use crate::packet::{HostId, Packet, Symbol, mix};

/// Incomplete blocks. Those of senders of the scenario always have room.
#[derive(Debug)]
pub(super) struct FluteStore {
    sources: Arc<Sources>,
    blocks: BTreeMap<BlockSlot, Block>,
    /// Sender of the current packet.
    from: HostId,
    /// Symbol in the current packet, if a sender of the scenario sent it unchanged.
    symbol: Option<Symbol>,
    /// Bytes of blocks of other hosts.
    foreign: u64,
}

/// Bytes of all blocks of hosts that are no senders of the scenario.
const MAX_FOREIGN: u64 = 8 << 20;

#[derive(Debug)]
pub(super) struct Block {
    pub(super) from: HostId,
    size: u64,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    Bytes(Box<BlockBuffer>),
    /// Number and a fingerprint of the symbols, and their object.
    Ids {
        count: u32,
        which: u64,
        object: u16,
    },
}

impl FluteStore {
    pub(super) fn new(sources: Arc<Sources>) -> Self {
        Self { sources, blocks: BTreeMap::new(), from: 0, symbol: None, foreign: 0 }
    }

    /// Notes the packet of the next symbol.
    pub(super) fn expect(&mut self, packet: &Packet) {
        self.from = packet.from;
        self.symbol = packet.symbol;
    }

    /// Takes the block of a job out, and decodes it if that is asked for. `Err` when its symbols do
    /// not suffice: it stays.
    ///
    /// # Panics
    /// When there is no such block.
    pub(super) fn take(&mut self, job: &StoreJob) -> Result<Block, ()> {
        assert!(job.held.is_empty(), "nothing is on disk: {job:?}");
        let mut block = self.blocks.remove(&job.slot).expect("a job names a block of the store");
        if job.decode && !block.solve(job) {
            self.blocks.insert(job.slot, block);
            return Err(());
        }
        self.forget(&block);
        Ok(block)
    }

    fn forget(&mut self, block: &Block) {
        if self.sources.of(block.from).is_none() {
            self.foreign -= block.size;
        }
    }
}

impl Block {
    fn new(from: HostId, of: &BlockGeometry, symbol: Option<Symbol>) -> Option<Self> {
        let kept = match symbol {
            Some(symbol) => Kept::Ids { count: 0, which: 0, object: symbol.object },
            None => {
                let buffer = BlockBuffer::new(of.scheme, of.symbols, of.symbol_size, of.len);
                Kept::Bytes(Box::new(buffer.ok()?))
            }
        };
        Some(Self { from, size: u64::from(of.symbols) * u64::from(of.symbol_size), kept })
    }

    /// Makes the block whole. Where only symbols are counted, K + h of them fail with a probability
    /// of 1/256^(h+1), about as in RFC 6330 §5.8, and equal symbols fail alike.
    fn solve(&mut self, job: &StoreJob) -> bool {
        let (count, which) = match &mut self.kept {
            Kept::Bytes(buffer) => return buffer.recover(),
            Kept::Ids { count, which, .. } => (*count, *which),
        };
        let Some(excess) = count.checked_sub(job.geometry.symbols) else { return false };
        if matches!(job.geometry.scheme, Scheme::ReedSolomon(_)) {
            return true;
        }
        let bits = (8 * (excess + 1)).min(63);
        mix(which, mix(job.slot.block.into(), excess.into())) >> (64 - bits) != 0
    }

    /// The bytes that are to be written, with their places in the block; `None` when only symbols
    /// are counted.
    pub(super) fn runs(&self) -> Option<impl Iterator<Item = (u32, &[u8])>> {
        match &self.kept {
            Kept::Bytes(buffer) => Some(buffer.runs()),
            Kept::Ids { .. } => None,
        }
    }

    /// The object of the symbols that are counted.
    pub(super) fn object(&self) -> Option<usize> {
        match self.kept {
            Kept::Bytes(_) => None,
            Kept::Ids { object, .. } => Some(object.into()),
        }
    }
}

impl SymbolStore for FluteStore {
    fn put(&mut self, slot: BlockSlot, of: &BlockGeometry, symbol: u32, payload: &[u8]) -> bool {
        let source = self.sources.of(self.from);
        let counted = source.is_some_and(|source| source.ids_only);
        let sent = if counted { self.symbol } else { None };
        if counted {
            // A damaged one, or one that had to wait for its layout.
            let Some(sent) = sent else { return false };
            let filed = (slot.block, symbol);
            assert!((sent.block, sent.symbol) == filed, "WRONG BYTE: {sent:?} filed as {filed:?}");
        }
        let size = u64::from(of.symbols) * u64::from(of.symbol_size);
        if !self.blocks.contains_key(&slot) {
            if source.is_none() && self.foreign + size > MAX_FOREIGN {
                return false;
            }
            let Some(block) = Block::new(self.from, of, sent) else { return false };
            self.foreign += if source.is_none() { size } else { 0 };
            self.blocks.insert(slot, block);
        }
        let Some(block) = self.blocks.get_mut(&slot) else { return false };
        match &mut block.kept {
            Kept::Bytes(buffer) => buffer.put(symbol, payload),
            Kept::Ids { count, which, object } => {
                assert!(sent.is_some_and(|sent| sent.object == *object), "WRONG BYTE in {slot:?}");
                *count += 1;
                *which ^= mix(symbol.into(), 1);
                true
            }
        }
    }

    fn room(&mut self) -> u64 {
        u64::MAX
    }

    fn discard(&mut self, slot: BlockSlot) {
        if let Some(block) = self.blocks.remove(&slot) {
            self.forget(&block);
        }
    }
}
