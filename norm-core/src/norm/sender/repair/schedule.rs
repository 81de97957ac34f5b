//! Which repair leaves next: named symbols, coded symbols, or a block in full (RFC 5740 §5.4).

use core::ops::Range;
use core::time::Duration;

use super::block::{CodedRun, HoldOff, Plan};
use super::repairs::Repair;
use crate::base::Timestamp;
use crate::norm::sender::flow::Lag;
use crate::norm::sender::objects::{Content, DataBatch, Repairable, Symbols};
use crate::norm::sender::receivers::GroupTiming;

/// Repairs looked at for one that can be sent at once: those before it wait for their blocks to be
/// read or coded meanwhile, so this is also how many are being prepared.
const MAX_CANDIDATES: usize = 64;
/// Blocks in full repair at the same time.
const MAX_FULL_REPAIRS: usize = 3;

/// Chooses the next repair.
#[derive(Debug)]
pub(crate) struct RepairSchedule<'a> {
    pub(crate) now: Timestamp,
    pub(crate) repair: &'a mut Repair,
    pub(crate) content: &'a mut Content,
    pub(crate) lag: &'a mut Lag,
    pub(crate) group: GroupTiming,
    /// Most packets that may leave at once.
    pub(crate) limit: u32,
    /// Packets written so far.
    pub(crate) written: u64,
    /// EXT_FTI goes on every packet.
    pub(crate) fti: bool,
    /// Set when a block was asked for that can no longer be repaired.
    pub(crate) squelch: bool,
}

impl RepairSchedule<'_> {
    /// Repair in part that is due, of blocks in `range`.
    pub(crate) fn next(&mut self, range: Range<u64>) -> Option<DataBatch> {
        let candidates = first_few(self.repair.table.active(range));
        candidates.into_iter().flatten().find_map(|block| self.repair_block(block))
    }

    /// Full repair of blocks; a few are begun at once, so that reading runs ahead.
    pub(crate) fn next_full(&mut self) -> Option<DataBatch> {
        let mut begun = self.repair.table.active_full().take(MAX_CANDIDATES).count();
        while begun < MAX_FULL_REPAIRS {
            let Some(block) = self.repair.table.first_full() else { break };
            let Some((object, index)) = self.content.objects().by_block(block) else { break };
            match object.repairable(index, self.content.position()) {
                Repairable::Sent(sent) => {
                    let symbols = object.geometry(index).symbols;
                    self.repair.table.begin_full(block, symbols, sent);
                    begun += 1;
                }
                Repairable::Dropped(next) => {
                    self.squelch = true;
                    self.repair.table.skip_full(block..next);
                }
                Repairable::Unsent(next) => self.repair.table.skip_full(block..next),
            }
        }
        let candidates = first_few(self.repair.table.active_full());
        candidates.into_iter().flatten().find_map(|block| self.repair_block(block))
    }

    fn repair_block(&mut self, block: u64) -> Option<DataBatch> {
        if self.is_dropped(block) {
            self.repair.table.forget(block);
            self.squelch = true;
            return None;
        }
        let repair = self.repair.table.get_mut(block)?;
        let fti = self.fti || repair.is_unsent();
        let symbols = match repair.plan() {
            Plan::Resend => self.named(block),
            Plan::Code => self.coded(block),
        }?;
        // A few receivers wait at least this long before they ask for more of a block that is over.
        // In a large group hasty requests come again, together with others.
        let grtt = self.group.grtt;
        let proactive = if self.group.is_large() { Duration::ZERO } else { grtt / 4 };
        let last = self.written + symbols.count();
        let holdoff = HoldOff { repair: grtt, proactive, last };
        if self.repair.table.finish(self.now, block, self.content.is_coded(), &holdoff) {
            self.lag.repaired(block);
            if block < self.content.repair_window() {
                self.content.drop_block(block);
            }
        }
        Some(DataBatch { block, symbols, repair: true, fti })
    }

    /// The block has left a stream's buffer.
    fn is_dropped(&self, block: u64) -> bool {
        let object = self.content.objects().by_block(block);
        object.is_some_and(|(object, index)| u64::from(index) < object.first_kept())
    }

    /// Source symbols that were asked for by name.
    fn named(&mut self, block: u64) -> Option<Symbols> {
        let (object, index) = self.content.objects().by_block(block)?;
        let Some(stream) = object.stream() else { return self.named_in_memory(block) };
        let repair = self.repair.table.get_mut(block)?;
        let limit = self.limit as usize;
        let ids = stream.batch(index.into(), limit, || repair.take_named()).symbols;
        if ids.is_empty() {
            self.repair.table.forget(block);
            return None;
        }
        Some(Symbols::Stream { ids })
    }

    fn named_in_memory(&mut self, block: u64) -> Option<Symbols> {
        let content = self.content.block(block)?;
        let repair = self.repair.table.get_mut(block)?;
        let mut ids = Vec::with_capacity(self.limit as usize);
        while ids.len() < self.limit as usize
            && let Some(symbol) = repair.take_named()
        {
            ids.push(symbol);
        }
        (!ids.is_empty()).then_some(Symbols::Some { ids, content })
    }

    /// Coded symbols; they are made if there are none.
    fn coded(&mut self, block: u64) -> Option<Symbols> {
        let repair = self.repair.table.get_mut(block)?;
        let Some(run) = repair.take_coded(self.limit) else {
            self.repair.encode(self.content, block);
            return None;
        };
        let CodedRun { first, count, symbols: content } = run;
        (count > 0).then_some(Symbols::Coded { first, count, content })
    }
}

fn first_few(blocks: impl Iterator<Item = u64>) -> [Option<u64>; MAX_CANDIDATES] {
    let mut few = [None; MAX_CANDIDATES];
    for (place, block) in few.iter_mut().zip(blocks) {
        *place = Some(block);
    }
    few
}
