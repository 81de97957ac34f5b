//! Merges repair requests into what has to be sent, block by block (RFC 5740 §5.4).
//!
//! A block goes through cycles. The first request opens one: requests are gathered for a while,
//! then the cheaper repair is chosen (send the named symbols again, or as many fresh coded symbols
//! as the neediest receiver lacks), sent, and followed by a hold-off in which further requests are
//! ignored, because they were made without knowledge of the repair.

use core::ops::Range;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::block::{BlockNeed, BlockRepair, Encoded, HoldOff, Phase};
use crate::base::Timestamp;
use crate::base::bits::Bits;
use crate::base::range_set::RangeSet;

/// All pending repairs, by running block number.
#[derive(Debug, Default)]
pub(crate) struct RepairTable {
    blocks: BTreeMap<u64, BlockRepair>,
    /// Blocks being repaired in part.
    active: BTreeSet<u64>,
    /// Blocks in full repair.
    active_full: BTreeSet<u64>,
    gathering: BTreeSet<(Timestamp, u64)>,
    /// Blocks whose full repair was asked for, and has not begun.
    full: RangeSet,
    info_due: BTreeSet<u64>,
    info_held: BTreeMap<u64, Timestamp>,
}

/// Most blocks with repair state.
const MAX_BLOCKS: usize = 16_384;
/// Most ranges of blocks for full repair.
const MAX_RANGES: usize = 16_384;
/// Most objects whose INFO is due or was just repeated.
const MAX_INFOS: usize = 4_096;

impl RepairTable {
    /// Takes what one NACK says about a block of `symbols` symbols. False when it is ignored.
    pub(super) fn request(
        &mut self,
        now: Timestamp,
        block: u64,
        symbols: u32,
        need: &BlockNeed,
        gather: Duration,
    ) -> bool {
        let full = self.blocks.len() >= MAX_BLOCKS;
        let until = now + gather;
        match self.blocks.get_mut(&block) {
            None if full => return false,
            None => {
                self.blocks.insert(block, BlockRepair::gathering(symbols, until, need));
                self.gathering.insert((until, block));
            }
            Some(repair) => match repair.phase() {
                Phase::Holdoff(hold) if hold.ignores(now, need.heard) => return false,
                Phase::Holdoff(_) => {
                    repair.gather_again(symbols, until, need);
                    self.gathering.insert((until, block));
                }
                Phase::Gathering(_) | Phase::Active => repair.merge(need),
            },
        }
        true
    }

    /// Forgets coded symbols that were made of these blocks.
    pub(super) fn drop_encoded(&mut self, blocks: Range<u64>) {
        if blocks.start < blocks.end {
            self.blocks.range_mut(blocks).for_each(|(_, repair)| repair.drop_encoded());
        }
    }

    /// Takes a request for full repair of a receiver that had `heard` up to this packet. Blocks in
    /// hold-off or in repair are left to it. False when there is no room.
    pub(super) fn request_full(
        &mut self,
        now: Timestamp,
        blocks: Range<u64>,
        heard: Option<u64>,
    ) -> bool {
        if self.full.pieces() >= MAX_RANGES {
            return false;
        }
        let is_held = |repair: &BlockRepair| match repair.phase() {
            Phase::Holdoff(hold) => hold.ignores(now, heard),
            Phase::Active => true,
            Phase::Gathering(_) => false,
        };
        let held = self.blocks.range(blocks.clone()).filter(|(_, repair)| is_held(repair));
        let mut start = blocks.start;
        for (&block, _) in held {
            self.full.insert(start, block);
            start = block + 1;
        }
        self.full.insert(start, blocks.end);
        true
    }

    /// Takes a request for an object's INFO. False when it is ignored.
    pub(super) fn request_info(&mut self, now: Timestamp, key: u64) -> bool {
        let held = self.info_held.get(&key).is_some_and(|&until| now < until);
        let accepted = !held && self.info_due.len() < MAX_INFOS;
        if accepted {
            self.info_due.insert(key);
        }
        accepted
    }

    /// The next object whose INFO must be repeated; requests for it are then ignored for `hold`.
    pub(super) fn take_info(&mut self, now: Timestamp, hold: Duration) -> Option<u64> {
        let key = self.info_due.pop_first()?;
        if self.info_held.len() >= MAX_INFOS {
            self.info_held.pop_first();
        }
        self.info_held.insert(key, now + hold);
        Some(key)
    }

    /// Prepares `count` coded symbols of a block that is being sent, before any NACK; false if the
    /// block is in repair already.
    pub(super) fn prepare(&mut self, block: u64, symbols: u32, count: u32) -> bool {
        if self.blocks.len() >= MAX_BLOCKS || self.blocks.contains_key(&block) {
            return false;
        }
        self.blocks.insert(block, BlockRepair::proactive(symbols, count));
        true
    }

    /// The block was sent: sends what was prepared; false if nothing was.
    pub(super) fn release(&mut self, now: Timestamp, block: u64) -> bool {
        let released = self.blocks.get_mut(&block).is_some_and(|repair| repair.release(now));
        if released {
            self.active.insert(block);
        }
        released
    }

    /// Ends the gathering of blocks whose time has come; `fresh` says how many coded symbols of a
    /// block were never sent. `needed` learns what trusted receivers need of each one, proactive
    /// symbols included, and says how many coded symbols to send where some number is needed.
    pub(super) fn activate(
        &mut self,
        now: Timestamp,
        fresh: impl Fn(u64) -> u32,
        mut needed: impl FnMut(Option<u32>, u32) -> u32,
    ) {
        while let Some(&(until, block)) = self.gathering.first() {
            if until > now {
                break;
            }
            self.gathering.pop_first();
            if let Some(repair) = self.blocks.get_mut(&block) {
                let fresh = fresh(block);
                let learned = repair.activate(fresh);
                let count = needed(learned, repair.need());
                repair.raise(count, fresh);
                self.active.insert(block);
            }
        }
    }

    /// When `activate` next has something to do.
    pub(super) fn next_activation(&self) -> Option<Timestamp> {
        self.gathering.first().map(|&(until, _)| until)
    }

    /// Blocks in `range` that are to be repaired in part now, ascending.
    pub(super) fn active(&self, range: Range<u64>) -> impl Iterator<Item = u64> + '_ {
        self.active.range(range).copied()
    }

    /// Blocks in full repair, ascending.
    pub(super) fn active_full(&self) -> impl Iterator<Item = u64> + '_ {
        self.active_full.iter().copied()
    }

    /// The first block whose full repair has not begun.
    pub(super) fn first_full(&self) -> Option<u64> {
        self.full.first_from(0)
    }

    /// Forgets requests for full repair of blocks that cannot be repaired.
    pub(super) fn skip_full(&mut self, blocks: Range<u64>) {
        self.full.remove(blocks.start, blocks.end);
    }

    /// Begins full repair of a block: the first `sent` of its `symbols`, which are all but for a
    /// stream's last block.
    pub(super) fn begin_full(&mut self, block: u64, symbols: u32, sent: u32) {
        self.full.remove(block, block + 1);
        let repair = self.blocks.entry(block).or_insert_with(|| BlockRepair::active(symbols));
        if let Phase::Gathering(until) = repair.phase() {
            self.gathering.remove(&(until, block));
        }
        repair.resend_all(symbols, sent);
        self.active.remove(&block);
        self.active_full.insert(block);
    }

    pub(super) fn get_mut(&mut self, block: u64) -> Option<&mut BlockRepair> {
        self.blocks.get_mut(&block)
    }

    /// Repair of a block was asked for, or is being sent.
    pub(super) fn is_busy(&self, block: u64) -> bool {
        let repair = self.blocks.get(&block);
        let asked = repair.is_some_and(|r| !matches!(r.phase(), Phase::Holdoff(_)));
        asked || self.full.contains(block)
    }

    /// Ends the repair of a block.
    pub(super) fn forget(&mut self, block: u64) {
        let gone = self.blocks.remove(&block);
        if let Some(Phase::Gathering(until)) = gone.map(|repair| repair.phase()) {
            self.gathering.remove(&(until, block));
        }
        self.active.remove(&block);
        self.active_full.remove(&block);
        self.full.remove(block, block + 1);
    }

    /// Coded symbols have arrived.
    pub(super) fn encoded(&mut self, block: u64, first: u32, symbols: Bytes, symbol_size: u16) {
        if let Some(repair) = self.blocks.get_mut(&block) {
            repair.end_encoding(Encoded::new(first, symbols, symbol_size));
        }
    }

    /// Ends the cycle if everything asked for was sent; true if it did.
    pub(super) fn finish(
        &mut self,
        now: Timestamp,
        block: u64,
        coded: bool,
        holdoff: &HoldOff,
    ) -> bool {
        let repair = self.blocks.get_mut(&block);
        let finished = repair.is_some_and(|repair| repair.finish(now, coded, holdoff));
        if finished {
            self.active.remove(&block);
            self.active_full.remove(&block);
        }
        finished
    }

    /// Forgets blocks whose hold-off ended before `limit`.
    pub(super) fn purge(&mut self, limit: Timestamp) {
        self.blocks.retain(|_, r| !matches!(r.phase(), Phase::Holdoff(hold) if hold.end() < limit));
        self.info_held.retain(|_, until| *until >= limit);
    }

    /// Blocks being gathered, with the most that one receiver needs and the symbols named: what is
    /// advertised when receivers cannot hear each other (RFC 5740 §5.4.4).
    pub(crate) fn gathered(&self) -> impl Iterator<Item = (u64, u32, &Bits)> + '_ {
        let blocks = self.blocks.iter();
        let gathering = blocks.filter(|(_, r)| matches!(r.phase(), Phase::Gathering(_)));
        gathering.map(|(&block, repair)| (block, repair.need(), repair.pending()))
    }

    /// Ranges of blocks whose full repair has not begun.
    pub(crate) fn full(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.full.iter()
    }
}

#[cfg(test)]
mod tests;
