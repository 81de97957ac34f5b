//! Merges repair requests into what has to be sent, block by block (RFC 5740 §5.4).
//!
//! A block goes through cycles. The first request opens one: requests are gathered for a while,
//! then the cheaper repair is chosen (send the named symbols again, or as many fresh coded symbols
//! as the neediest receiver lacks), sent, and followed by a hold-off in which further requests
//! are ignored, because whoever made them cannot have seen the repair.

use core::ops::Range;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::base::Timestamp;
use crate::base::bits::Bits;
use crate::base::range_set::RangeSet;

/// What one NACK says about one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockNeed {
    /// Source symbols asked for by name, as half-open ranges.
    pub(crate) named: Vec<Range<u32>>,
    /// Symbols asked for by number only, or as parity: any fresh coded symbols will do.
    pub(crate) counted: u32,
    /// Which parity symbols those were, counted from the block's first, as half-open ranges.
    pub(crate) parity: Vec<Range<u32>>,
    /// It comes from somebody who may teach us what later blocks will need.
    pub(crate) teaches: bool,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Phase {
    Gathering(Timestamp),
    Active,
    Holdoff(Timestamp),
}

/// How a block is repaired.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Send the named source symbols again.
    Resend,
    /// Send fresh coded symbols.
    Code,
}

/// Coded symbols made and not all sent yet.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) first: u32,
    pub(crate) symbols: Bytes,
    pub(crate) used: u32,
    pub(crate) count: u32,
}

impl Encoded {
    /// The symbols that are left, in memory of their own: the rest may be many times as much.
    fn into_rest(self) -> Option<Self> {
        let left = self.count.saturating_sub(self.used);
        let size = self.symbols.len() / self.count.max(1) as usize;
        let rest = self.symbols.get(self.used as usize * size..)?;
        let symbols = Bytes::copy_from_slice(rest);
        (left > 0).then_some(Self { first: self.first + self.used, symbols, used: 0, count: left })
    }
}

/// The repair state of one block.
#[derive(Debug)]
pub(crate) struct BlockRepair {
    phase: Phase,
    /// The most that one receiver asked for in this cycle.
    need: u32,
    /// The most that one receiver asked for who teaches.
    taught: u32,
    /// Every source symbol named in this cycle.
    asked: Bits,
    /// Somebody asked for a number of symbols.
    counted: bool,
    /// Parity symbols named, for when there are no fresh ones.
    parity: RangeSet,
    /// Named ids that are still to be sent.
    pub(crate) pending: Bits,
    pub(crate) sent: u32,
    /// Coded symbols that were sent before anybody asked, ...
    ahead: u32,
    /// ... from when on.
    released: Timestamp,
    plan: Plan,
    pub(crate) encoded: Option<Encoded>,
    pub(crate) encoding: bool,
}

impl BlockRepair {
    fn new(symbols: u32, phase: Phase) -> Self {
        Self {
            phase,
            need: 0,
            taught: 0,
            asked: Bits::new(symbols),
            counted: false,
            parity: RangeSet::new(),
            pending: Bits::new(symbols),
            sent: 0,
            ahead: 0,
            released: Timestamp::ZERO,
            plan: Plan::Resend,
            encoded: None,
            encoding: false,
        }
    }

    /// How the block is to be repaired now.
    pub(crate) fn plan(&self) -> Plan {
        if self.pending.count() > 0 { Plan::Resend } else { self.plan }
    }

    /// Takes up to `most` parity symbols that were named, in one run.
    pub(crate) fn take_parity(&mut self, most: u32) -> Option<Range<u32>> {
        let (start, end) = self.parity.iter().next()?;
        let end = end.min(start + u64::from(most));
        self.forget_parity(start as u32..end as u32);
        (start < end).then_some(start as u32..end as u32)
    }

    /// These parity symbols are on their way.
    pub(crate) fn forget_parity(&mut self, sent: Range<u32>) {
        self.parity.remove(sent.start.into(), sent.end.into());
    }

    /// Coded symbols still to be sent in this cycle.
    pub(crate) fn remaining(&self) -> u32 {
        self.need.saturating_sub(self.sent)
    }

    /// Nobody has asked yet for what is being sent.
    fn is_unasked(&self) -> bool {
        self.ahead > 0 && self.need == self.ahead && self.asked.count() == 0 && self.taught == 0
    }

    fn is_done(&self, coded: bool) -> bool {
        self.pending.count() == 0 && (!coded || self.remaining() == 0)
    }

    fn merge(&mut self, need: &BlockNeed) {
        let named: u32 = need.named.iter().map(|r| r.end.saturating_sub(r.start)).sum();
        let symbols = named.saturating_add(need.counted);
        self.need = self.need.max(symbols);
        if need.teaches {
            self.taught = self.taught.max(symbols);
        }
        self.counted |= need.counted > 0;
        for range in &need.parity {
            self.parity.insert(range.start.into(), range.end.into());
        }
        for symbol in need.named.iter().cloned().flatten() {
            if self.asked.insert(symbol) && self.plan == Plan::Resend {
                self.pending.insert(symbol);
            }
        }
    }

    /// Resend or code? A resend serves only those who lack exactly that symbol but costs no coding,
    /// so it may cost a little more of the link. When the code has fewer than enough symbols left
    /// that were never sent, what is named is sent again, and coded symbols are for the rest.
    fn choose(&mut self, fresh: u32) {
        let cheap = self.asked.count() <= self.need + self.need / 4 + 2;
        let resend = cheap && !self.counted;
        let left = self.encoded.as_ref().map_or(0, |e| e.count.saturating_sub(e.used));
        let enough = self.need <= fresh.saturating_add(left);
        if !resend && enough {
            self.pending = Bits::new(self.pending.len());
        }
        if !resend && (enough || self.counted) {
            self.plan = Plan::Code;
        }
    }
}

/// All pending repairs, by running block number.
#[derive(Debug, Default)]
pub(crate) struct RepairTable {
    blocks: BTreeMap<u64, BlockRepair>,
    /// Blocks being repaired in part.
    active: BTreeSet<u64>,
    /// Blocks being sent again in their entirety.
    active_whole: BTreeSet<u64>,
    gathering: BTreeSet<(Timestamp, u64)>,
    /// Blocks asked for in their entirety, and not yet begun.
    whole: RangeSet,
    info_due: BTreeSet<u64>,
    info_held: BTreeMap<u64, Timestamp>,
}

/// Blocks with repair state at most.
const MAX_BLOCKS: usize = 16_384;
/// Ranges of whole blocks remembered at most.
const MAX_RANGES: usize = 16_384;
/// Objects whose INFO is due or was just repeated, at most.
const MAX_INFOS: usize = 4_096;

impl RepairTable {
    /// Takes what one NACK says about a block of `symbols` symbols. False when it is ignored.
    pub(crate) fn request(
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
                let mut repair = BlockRepair::new(symbols, Phase::Gathering(until));
                repair.merge(need);
                self.blocks.insert(block, repair);
                self.gathering.insert((until, block));
            }
            Some(repair) => match repair.phase {
                Phase::Holdoff(end) if now < end => return false,
                Phase::Holdoff(_) => {
                    let (encoded, ahead) = (repair.encoded.take(), repair.ahead);
                    *repair = BlockRepair::new(symbols, Phase::Gathering(until));
                    (repair.encoded, repair.ahead) = (encoded, ahead);
                    repair.merge(need);
                    self.gathering.insert((until, block));
                }
                _ => repair.merge(need),
            },
        }
        true
    }

    /// Whole blocks are wanted. Those in hold-off or under repair are left to it.
    pub(crate) fn request_whole(&mut self, now: Timestamp, blocks: Range<u64>) -> bool {
        if self.whole.pieces() >= MAX_RANGES {
            return false;
        }
        let held: Vec<u64> = self
            .blocks
            .range(blocks.clone())
            .filter(|(_, r)| match r.phase {
                Phase::Holdoff(end) => now < end,
                Phase::Active => true,
                Phase::Gathering(_) => false,
            })
            .map(|(&block, _)| block)
            .collect();
        let mut start = blocks.start;
        for block in held {
            self.whole.insert(start, block);
            start = block + 1;
        }
        self.whole.insert(start, blocks.end);
        true
    }

    /// An object's INFO is wanted.
    pub(crate) fn request_info(&mut self, now: Timestamp, key: u64) -> bool {
        let held = self.info_held.get(&key).is_some_and(|&until| now < until);
        let accepted = !held && self.info_due.len() < MAX_INFOS;
        if accepted {
            self.info_due.insert(key);
        }
        accepted
    }

    /// The next object whose INFO must be repeated; it then rests for `hold`.
    pub(crate) fn take_info(&mut self, now: Timestamp, hold: Duration) -> Option<u64> {
        let key = self.info_due.pop_first()?;
        if self.info_held.len() >= MAX_INFOS {
            self.info_held.pop_first();
        }
        self.info_held.insert(key, now + hold);
        Some(key)
    }

    /// Prepares `count` coded symbols of a block that is being sent, although nobody has asked yet; false
    /// if the block is repaired already.
    pub(crate) fn prepare(&mut self, block: u64, symbols: u32, count: u32) -> bool {
        if self.blocks.len() >= MAX_BLOCKS || self.blocks.contains_key(&block) {
            return false;
        }
        let mut repair = BlockRepair::new(symbols, Phase::Active);
        (repair.need, repair.ahead) = (count, count);
        (repair.plan, repair.counted) = (Plan::Code, true);
        self.blocks.insert(block, repair);
        true
    }

    /// The block is over: sends what was prepared; false if nothing was.
    pub(crate) fn release(&mut self, now: Timestamp, block: u64) -> bool {
        let prepared = self.blocks.get_mut(&block).filter(|r| r.phase == Phase::Active);
        let Some(repair) = prepared.filter(|repair| repair.ahead > 0) else { return false };
        repair.released = now;
        self.active.insert(block);
        true
    }

    /// Ends the gathering of blocks whose time has come; `fresh` tells how many coded symbols of a
    /// block were never sent. `needed` hears what those who teach need of each one now, together with
    /// what was sent ahead, and says how many coded symbols to send where so many are needed.
    pub(crate) fn activate(
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
                repair.phase = Phase::Active;
                let fresh = fresh(block);
                repair.choose(fresh);
                let learned =
                    (repair.taught > 0).then(|| repair.ahead.saturating_add(repair.taught));
                let count = needed(learned, repair.need);
                if repair.plan() == Plan::Code {
                    repair.need = count.min(fresh).max(repair.need);
                }
                self.active.insert(block);
            }
        }
    }

    /// When `activate` next has something to do.
    pub(crate) fn next_activation(&self) -> Option<Timestamp> {
        self.gathering.first().map(|&(until, _)| until)
    }

    /// Blocks in `range` that are to be repaired now, ascending.
    pub(crate) fn active(&self, range: Range<u64>) -> impl Iterator<Item = u64> + '_ {
        self.active.range(range).copied()
    }

    /// Blocks that are being sent again whole, ascending.
    pub(crate) fn active_whole(&self) -> impl Iterator<Item = u64> + '_ {
        self.active_whole.iter().copied()
    }

    /// The first block that is wanted whole and not yet begun.
    pub(crate) fn first_whole(&self) -> Option<u64> {
        self.whole.first_from(0)
    }

    /// Blocks wanted whole that there are none of.
    pub(crate) fn skip_whole(&mut self, blocks: Range<u64>) {
        self.whole.remove(blocks.start, blocks.end);
    }

    /// Begins to send a whole block again: the first `sent` of its `symbols`, which are all but for a
    /// stream's last block.
    pub(crate) fn begin_whole(&mut self, block: u64, symbols: u32, sent: u32) {
        self.whole.remove(block, block + 1);
        let repair =
            self.blocks.entry(block).or_insert_with(|| BlockRepair::new(symbols, Phase::Active));
        if let Phase::Gathering(until) = repair.phase {
            self.gathering.remove(&(until, block));
        }
        let encoded = repair.encoded.take();
        *repair = BlockRepair::new(symbols, Phase::Active);
        repair.encoded = encoded;
        let named = core::iter::once(0..sent.min(symbols)).collect();
        repair.merge(&BlockNeed { named, ..BlockNeed::default() });
        self.active.remove(&block);
        self.active_whole.insert(block);
    }

    pub(crate) fn get_mut(&mut self, block: u64) -> Option<&mut BlockRepair> {
        self.blocks.get_mut(&block)
    }

    /// Repair of a block is asked for or under way.
    pub(crate) fn is_busy(&self, block: u64) -> bool {
        let asked = self.blocks.get(&block).is_some_and(|r| !matches!(r.phase, Phase::Holdoff(_)));
        asked || self.whole.contains(block)
    }

    /// Repairs a block no more.
    pub(crate) fn forget(&mut self, block: u64) {
        if let Some(BlockRepair { phase: Phase::Gathering(until), .. }) = self.blocks.remove(&block)
        {
            self.gathering.remove(&(until, block));
        }
        self.active.remove(&block);
        self.active_whole.remove(&block);
        self.whole.remove(block, block + 1);
    }

    /// Coded symbols have arrived.
    pub(crate) fn encoded(&mut self, block: u64, encoded: Encoded) {
        if let Some(repair) = self.blocks.get_mut(&block) {
            repair.encoding = false;
            repair.encoded = Some(encoded);
        }
    }

    /// Ends the cycle if everything asked for has been sent; true if it did. Further requests are
    /// ignored for `hold`: whoever makes them has not seen the repair. But what was sent ahead, and less than
    /// `soon` after the block's end, was there before anybody asked for more.
    pub(crate) fn finish(
        &mut self,
        now: Timestamp,
        block: u64,
        coded: bool,
        (hold, soon): (Duration, Duration),
    ) -> bool {
        let Some(repair) = self.blocks.get_mut(&block) else { return false };
        if !repair.is_done(coded) {
            if coded && repair.pending.count() == 0 {
                repair.plan = Plan::Code;
            }
            return false;
        }
        let seen = repair.is_unasked() && now < repair.released + soon;
        repair.phase = Phase::Holdoff(if seen { now } else { now + hold });
        repair.encoded = repair.encoded.take().and_then(Encoded::into_rest);
        self.active.remove(&block);
        self.active_whole.remove(&block);
        true
    }

    /// Forgets blocks whose hold-off ended before `limit`.
    pub(crate) fn purge(&mut self, limit: Timestamp) {
        self.blocks.retain(|_, r| !matches!(r.phase, Phase::Holdoff(until) if until < limit));
        self.info_held.retain(|_, until| *until >= limit);
    }

    /// Blocks being gathered, with the most that one receiver needs and the symbols named: what is
    /// advertised when receivers cannot hear each other (RFC 5740 §5.4.4).
    pub(crate) fn gathered(&self) -> impl Iterator<Item = (u64, u32, &Bits)> + '_ {
        self.blocks
            .iter()
            .filter(|(_, r)| matches!(r.phase, Phase::Gathering(_)))
            .map(|(&block, r)| (block, r.need, &r.pending))
    }

    /// Whole blocks that are due.
    pub(crate) fn whole(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.whole.iter()
    }
}

#[cfg(test)]
mod tests;
