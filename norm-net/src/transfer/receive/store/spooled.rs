//! Symbols that wait on a disk: of more blocks at once than the memory holds.
//!
//! Each block has a region of a temporary file, in which its symbols stand with their ids, in the
//! order in which they came. They are collected in memory and written in runs by a thread of its
//! own. What cannot be written is lost, and its block is to come again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;

use norm_core::endpoint::{BlockGeometry, BlockSlot};
use norm_core::fec::{BlockBuffer, Scheme};

use super::writing::{Disk, Run, RunState};
use crate::io::workers::Workers;
use crate::transfer::regions::{Region, Regions};
use crate::transfer::spool_file::SpoolFile;

/// Bytes of a symbol's id before it.
const ID: usize = 4;
/// Symbols beyond K that a region has room for: a block is solved long before.
const EXTRA: u64 = 64;
/// Symbols for which memory is taken at once.
const STEP: usize = 8;
/// Bytes for which memory is taken at once, unless a symbol is longer.
const STEP_BYTES: usize = 64 << 10;
/// Bytes in memory of blocks of objects that are not known: half of them collected, half on their
/// way to the disk.
const UNKNOWN: usize = 2 << 20;
/// Bytes that are read at once.
const READ: usize = 1 << 20;

/// All blocks whose symbols wait on the disk.
#[derive(Debug)]
pub(super) struct Spooled {
    disk: Disk,
    /// Bytes that may be in memory: half of them collected, half on their way to the disk.
    budget: usize,
    /// Bytes that are collected.
    collected: usize,
    /// Those of them that are of objects that are not known.
    unknown: usize,
    regions: Regions,
    blocks: HashMap<BlockSlot, SpooledBlock>,
    /// Blocks with collected symbols, the oldest ones first. Some may be there twice, or be gone.
    order: VecDeque<BlockSlot>,
    /// The same of objects that are not known.
    unknown_order: VecDeque<BlockSlot>,
}

/// Symbols of a block.
#[derive(Debug)]
pub(super) struct SpooledBlock {
    geometry: BlockGeometry,
    /// It is known which object it is of.
    is_known: bool,
    region: Region,
    /// Bytes from the start of the region on that were written.
    written: u64,
    /// What was handed to the writer after that.
    runs: VecDeque<Arc<Run>>,
    /// What is collected.
    tail: Vec<u8>,
    /// All bytes.
    len: u64,
    /// Bytes of symbols alone.
    bytes: u64,
}

impl Spooled {
    /// Nothing, in this file, with `budget` bytes of memory.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn new(file: SpoolFile, budget: usize) -> io::Result<Self> {
        Ok(Self {
            disk: Disk::new(file, Arc::new(Workers::new("norm-spool", 1)?)),
            budget,
            collected: 0,
            unknown: 0,
            regions: Regions::default(),
            blocks: HashMap::new(),
            order: VecDeque::new(),
            unknown_order: VecDeque::new(),
        })
    }

    /// The thread that writes.
    pub(super) fn writer(&self) -> Arc<Workers> {
        self.disk.writer()
    }

    /// Why symbols could not be written; told once.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        self.disk.take_failure()
    }

    /// True when the block has symbols here.
    pub(super) fn has(&self, slot: BlockSlot) -> bool {
        self.blocks.contains_key(&slot)
    }

    /// Bytes that still find room in memory.
    pub(super) fn room(&self) -> usize {
        self.budget.saturating_sub(self.collected + self.writing())
    }

    /// True when the disk takes less than comes.
    pub(super) fn is_slow(&self) -> bool {
        self.writing() > self.budget / 8 * 3
    }

    /// Bytes on their way to the disk.
    fn writing(&self) -> usize {
        self.disk.writing()
    }

    /// Keeps a symbol, of an object that is known or not; false when there is no room, or it is
    /// none of the block.
    pub(super) fn put(
        &mut self,
        slot: BlockSlot,
        geometry: &BlockGeometry,
        symbol: u32,
        payload: &[u8],
        is_known: bool,
    ) -> bool {
        if !fits(geometry, symbol, payload.len()) || !self.make_room(is_known) {
            return false;
        }
        if is_known {
            self.become_known(slot);
        }
        let size = usize::from(geometry.symbol_size);
        let regions = &mut self.regions;
        let block = self.blocks.entry(slot).or_insert_with(|| SpooledBlock {
            geometry: *geometry,
            is_known,
            region: regions.take(region_size(geometry)),
            written: 0,
            runs: VecDeque::new(),
            tail: Vec::new(),
            len: 0,
            bytes: 0,
        });
        let record = ID + size;
        if block.geometry != *geometry || block.len + record as u64 > block.region.size {
            return false;
        }
        let (before, was_empty) = (block.tail.capacity(), block.tail.is_empty());
        if before - block.tail.len() < record {
            block.tail.reserve_exact(step(record));
        }
        block.tail.extend_from_slice(&symbol.to_be_bytes());
        block.tail.extend_from_slice(payload);
        block.tail.resize(block.tail.len() + size - payload.len(), 0);
        block.len += record as u64;
        block.bytes += payload.len() as u64;
        let (grown, is_known) = (block.tail.capacity() - before, block.is_known);
        self.collected += grown;
        self.unknown += if is_known { 0 } else { grown };
        if was_empty {
            self.order_of(is_known).push_back(slot);
            self.tidy_orders();
        }
        true
    }

    /// The blocks with collected symbols of objects that are known, or not.
    fn order_of(&mut self, is_known: bool) -> &mut VecDeque<BlockSlot> {
        if is_known { &mut self.order } else { &mut self.unknown_order }
    }

    /// It is known now which object a block is of.
    fn become_known(&mut self, slot: BlockSlot) {
        let block = self.blocks.get_mut(&slot).filter(|block| !block.is_known);
        let Some(block) = block else { return };
        block.is_known = true;
        self.unknown -= block.tail.capacity();
        if !block.tail.is_empty() {
            self.order.push_back(slot);
        }
    }

    /// Has symbols written if too many are collected; false when there is no room for another one.
    fn make_room(&mut self, is_known: bool) -> bool {
        if !is_known && self.unknown >= UNKNOWN / 2 {
            return self.writing() < UNKNOWN / 2 && self.write_oldest(false);
        }
        self.collected < self.budget / 2 || self.write_oldest(true) || self.write_oldest(false)
    }

    /// Has the oldest block with collected symbols written, of an object that is known or not;
    /// false when there is none, too many bytes are on their way, or the disk takes no more.
    fn write_oldest(&mut self, is_known: bool) -> bool {
        if !self.disk.may_write() || self.writing() >= self.budget.div_ceil(2) {
            return false;
        }
        while let Some(slot) = self.order_of(is_known).pop_front() {
            let block = self.blocks.get_mut(&slot);
            let is_one =
                |block: &&mut SpooledBlock| block.is_known == is_known && !block.tail.is_empty();
            let Some(block) = block.filter(is_one) else { continue };
            let tail = std::mem::take(&mut block.tail);
            self.collected = self.collected.saturating_sub(tail.capacity());
            self.unknown -= if is_known { 0 } else { tail.capacity() };
            block.begin_run(&self.disk, tail);
            return true;
        }
        // All of it belongs to blocks that workers have.
        false
    }

    /// Keeps the lists short when blocks come and go without being written.
    fn tidy_orders(&mut self) {
        let blocks = &self.blocks;
        for order in [&mut self.order, &mut self.unknown_order] {
            if order.len() > 64 + 2 * blocks.len() {
                order.retain(|slot| blocks.contains_key(slot));
                let mut seen = HashSet::new();
                order.retain(|slot| seen.insert(*slot));
            }
        }
    }

    /// Lends a block to a worker.
    pub(super) fn lend(&mut self, slot: BlockSlot) -> Option<Loading> {
        let block = self.blocks.remove(&slot)?;
        Some(Loading { block, file: self.disk.file() })
    }

    /// Takes a block back that needs more symbols.
    pub(super) fn take_back(&mut self, slot: BlockSlot, loading: Loading) {
        if !loading.block.tail.is_empty() {
            self.order_of(loading.block.is_known).push_back(slot);
        }
        if let Some(other) = self.blocks.insert(slot, loading.block) {
            self.forget(&other);
        }
    }

    /// Forgets a block that was lent; returns the bytes of its symbols.
    pub(super) fn release(&mut self, loading: &Loading) -> u64 {
        self.forget(&loading.block)
    }

    /// Forgets a block; returns the bytes of its symbols.
    pub(super) fn discard(&mut self, slot: BlockSlot) -> u64 {
        self.blocks.remove(&slot).map_or(0, |block| self.forget(&block))
    }

    fn forget(&mut self, block: &SpooledBlock) -> u64 {
        self.collected = self.collected.saturating_sub(block.tail.capacity());
        self.unknown -= if block.is_known { 0 } else { block.tail.capacity() };
        if self.regions.give_back(block.region) {
            self.disk.clear();
        }
        // What was there may be written over.
        self.disk.try_again();
        block.bytes
    }
}

/// Whether a symbol of this length may be one of the block, as [`BlockBuffer::put`] has it.
fn fits(geometry: &BlockGeometry, symbol: u32, len: usize) -> bool {
    let BlockGeometry { scheme, symbols, symbol_size, len: block_bytes, .. } = *geometry;
    let full = usize::from(symbol_size);
    match symbol.checked_sub(symbols) {
        Some(repair) => {
            let short = matches!(scheme, Scheme::ReedSolomon(_)) && len < full;
            repair < scheme.parity(symbols) && (short || len == full)
        }
        None => {
            let before = u64::from(symbol) * u64::from(symbol_size);
            let left = u64::from(block_bytes).saturating_sub(before);
            len == full || (len as u64 == left && len < full)
        }
    }
}

/// Bytes for which memory is taken at once, for symbols of which each takes this many.
fn step(record: usize) -> usize {
    (STEP * record).min(STEP_BYTES).max(record)
}

/// Bytes that a block's symbols may take.
fn region_size(geometry: &BlockGeometry) -> u64 {
    (u64::from(geometry.symbols) + EXTRA) * (ID as u64 + u64::from(geometry.symbol_size))
}

impl SpooledBlock {
    /// Has bytes written after those before.
    fn begin_run(&mut self, disk: &Disk, bytes: Vec<u8>) {
        while self.runs.front().is_some_and(|run| run.is_written()) {
            self.written += self.runs.pop_front().map_or(0, |run| run.len());
        }
        let before: u64 = self.runs.iter().map(|run| run.len()).sum();
        let offset = self.region.start + self.written + before;
        self.runs.push_back(disk.write(bytes, offset));
    }
}

/// A block that a worker has.
#[derive(Debug)]
pub(super) struct Loading {
    block: SpooledBlock,
    file: Arc<SpoolFile>,
}

impl Loading {
    /// Puts all symbols together.
    ///
    /// # Errors
    /// When some of them were lost, or cannot be read.
    pub(super) fn load(&self) -> io::Result<BlockBuffer> {
        let BlockGeometry { scheme, symbols, symbol_size, len, .. } = self.block.geometry;
        let buffer = BlockBuffer::new(scheme, symbols, symbol_size, len);
        let mut buffer = buffer.map_err(|_| io::ErrorKind::InvalidData)?;
        let mut at = self.block.region.start;
        self.read(&mut buffer, at, self.block.written)?;
        at += self.block.written;
        for run in &self.block.runs {
            match &*run.lock() {
                RunState::Waiting(bytes) => self.take(&mut buffer, bytes),
                RunState::Written => self.read(&mut buffer, at, run.len())?,
                RunState::Lost => return Err(io::ErrorKind::StorageFull.into()),
            }
            at += run.len();
        }
        self.take(&mut buffer, &self.block.tail);
        Ok(buffer)
    }

    /// Takes symbols from the file.
    fn read(&self, buffer: &mut BlockBuffer, mut at: u64, len: u64) -> io::Result<()> {
        let record = ID + usize::from(self.block.geometry.symbol_size);
        let step = (READ / record).max(1) * record;
        let mut bytes = Vec::new();
        let mut left = usize::try_from(len).unwrap_or(usize::MAX);
        while left > 0 {
            bytes.resize(step.min(left), 0);
            self.file.read(&mut bytes, at)?;
            self.take(buffer, &bytes);
            at += bytes.len() as u64;
            left -= bytes.len();
        }
        Ok(())
    }

    /// Takes symbols with their ids.
    fn take(&self, buffer: &mut BlockBuffer, records: &[u8]) {
        let record = ID + usize::from(self.block.geometry.symbol_size);
        for record in records.chunks_exact(record) {
            if let Some((id, symbol)) = record.split_first_chunk() {
                // One that is there twice, or beyond what a solve needs, is not taken.
                buffer.put(u32::from_be_bytes(*id), symbol);
            }
        }
    }
}

#[cfg(test)]
mod tests;
