//! What has to be sent again, and what is sent against losses in advance.

use core::ops::Range;
use core::time::Duration;

use bytes::Bytes;

use super::budget::UnannouncedBudget;
use super::late_share::{LateRepairShare, Share};
use super::needs::NackNeeds;
use super::proactive::ProactiveParity;
use super::table::RepairTable;
use crate::base::Timestamp;
use crate::base::range_set::RangeSet;
use crate::fec::Scheme;
use crate::norm::sender::config::SenderConfig;
use crate::norm::sender::objects::Content;
use crate::norm::sender::receivers::GroupTiming;

/// Fewest RaptorQ symbols that are sent proactively to a few receivers. One that loses less of a
/// block may name all it lost: to be sent that again spares it the solution of a whole block.
const MIN_RAPTORQ: u32 = 40;
/// Most INFOs that one NACK may ask for: more than a segment's worth is asked for again.
const MAX_INFOS_PER_NACK: usize = 256;

/// Pending repairs, proactive parity, and the bounds of either.
#[derive(Debug)]
pub(crate) struct Repair {
    pub(super) table: RepairTable,
    proactive: ProactiveParity,
    budget: UnannouncedBudget,
    late_share: LateRepairShare,
    block_len: u32,
}

/// How much the sender of a NACK is believed.
#[derive(Copy, Clone, Debug)]
pub(crate) struct NackSource {
    /// First block that was sent since the receiver came: what it needs of earlier ones holds no
    /// new data up. `u64::MAX` for a receiver that is not listed.
    pub(crate) joined: u64,
    /// Proactive parity may learn from it.
    pub(crate) trusted: bool,
    /// How many packets were written up to the newest one that it had heard, if it says so.
    pub(crate) heard: Option<u64>,
}

/// What became of a NACK.
#[derive(Copy, Clone, Debug)]
pub(crate) struct NackTaken {
    /// Requests for what was just repaired, or found no room.
    pub(crate) ignored: u64,
    /// The oldest block needed that was sent since the receiver came.
    pub(crate) oldest: Option<u64>,
}

impl Repair {
    pub(crate) fn new(config: &SenderConfig, now: Timestamp) -> Self {
        Self {
            table: RepairTable::default(),
            proactive: ProactiveParity::default(),
            budget: UnannouncedBudget::new(now),
            late_share: LateRepairShare::new(config.late_repair_percent),
            block_len: config.block_len,
        }
    }

    /// Blocks that are to be advertised, and what is needed of them.
    pub(crate) fn table(&self) -> &RepairTable {
        &self.table
    }

    /// The content of these blocks has changed: forgets coded symbols that were made of it.
    pub(crate) fn drop_encoded(&mut self, blocks: Range<u64>) {
        self.table.drop_encoded(blocks);
    }

    /// Late-join repair may go before new data.
    pub(crate) fn has_late_share(&self) -> bool {
        self.late_share.has_share()
    }

    /// These bytes were sent.
    pub(crate) fn count_share(&mut self, share: Share, bytes: usize) {
        self.late_share.count(share, bytes);
    }

    /// Cuts what an unannounced receiver asks for to the budget, `packets` having been sent so far;
    /// returns how many blocks were cut.
    pub(crate) fn limit_unannounced(
        &mut self,
        now: Timestamp,
        packets: u64,
        needs: &mut NackNeeds,
    ) -> u64 {
        self.budget.limit(now, packets, self.block_len, needs)
    }

    /// Takes what a NACK asks for; requests are gathered for `gather`.
    pub(crate) fn take(
        &mut self,
        now: Timestamp,
        mut needs: NackNeeds,
        content: &Content,
        source: NackSource,
        gather: Duration,
    ) -> NackTaken {
        let mut taken = NackTaken { ignored: 0, oldest: None };
        for (start, end) in needs.full.iter() {
            taken.note(oldest_since(source.joined, start..end));
            taken.ignored += u64::from(!self.table.request_full(now, start..end, source.heard));
        }
        taken.ignored += self.request_infos(now, &needs.infos, content);
        for (block, need) in &mut needs.blocks {
            need.trusted = source.trusted;
            let Some((object, index)) = content.objects().by_block(*block) else { continue };
            let geometry = object.geometry(index);
            let (symbols, parity) = (geometry.symbols, geometry.scheme.parity(geometry.symbols));
            if content.parity().fresh(*block, parity) >= need.counted {
                // Any fresh ones will do.
                need.parity.clear();
            }
            need.heard = source.heard;
            if self.table.request(now, *block, symbols, need, gather) {
                taken.note(Some(*block).filter(|&block| block >= source.joined));
            } else {
                // Repaired a moment ago, unless there is no room: no receiver lags because of it.
                taken.ignored += 1;
            }
        }
        taken
    }

    /// Returns how many requests are ignored.
    fn request_infos(&mut self, now: Timestamp, keys: &RangeSet, content: &Content) -> u64 {
        let mut ignored = 0;
        let position = content.position().key();
        for key in keys.iter().flat_map(|(start, end)| start..end).take(MAX_INFOS_PER_NACK) {
            let has_info = content.objects().get(key).is_some_and(|o| o.info().is_some());
            if has_info && key <= position && !self.table.request_info(now, key) {
                ignored += 1;
            }
        }
        ignored
    }

    /// Ends the gathering of requests whose time has come.
    pub(crate) fn activate(&mut self, now: Timestamp, content: &Content, group: GroupTiming) {
        let (proactive, block_len) = (&mut self.proactive, self.block_len);
        let few = !group.is_large();
        self.table.activate(
            now,
            |block| content.fresh_parity(block),
            |learned, need| {
                learned.into_iter().for_each(|symbols| proactive.learn(symbols));
                if few { proactive.with_losses(need, block_len) } else { need }
            },
        );
    }

    /// When gathered requests are to be served next.
    pub(crate) fn next_activation(&self) -> Option<Timestamp> {
        self.table.next_activation()
    }

    /// The next object whose INFO must be repeated; requests for it are then ignored for `hold`.
    pub(crate) fn take_info(&mut self, now: Timestamp, hold: Duration) -> Option<u64> {
        self.table.take_info(now, hold)
    }

    /// Has proactive parity made of a block that is being sent, so that it is there when the block
    /// is over.
    pub(crate) fn prepare(&mut self, content: &mut Content, number: u64, group: GroupTiming) {
        if !content.is_coded() {
            return;
        }
        let large = group.is_large();
        let Some((object, index)) = content.objects().by_block(number) else { return };
        // The hold-off after it may be longer than a stream keeps the block.
        if !large && object.is_transient() {
            return;
        }
        let geometry = object.geometry(index);
        let count = if large {
            self.proactive.next(geometry.symbols)
        } else {
            let min = if geometry.scheme == Scheme::RaptorQ { MIN_RAPTORQ } else { 1 };
            self.proactive.next_for_few(geometry.symbols, min, group.is_single())
        };
        let count = count.min(geometry.scheme.parity(geometry.symbols));
        if count > 0 && self.table.prepare(number, geometry.symbols, count) {
            self.encode(content, number);
        }
    }

    /// The block was sent: sends its proactive parity; false if there is none.
    pub(crate) fn release(&mut self, now: Timestamp, number: u64) -> bool {
        self.table.release(now, number)
    }

    /// Has coded symbols made for a block: those needed now and a few for the next cycle.
    pub(super) fn encode(&mut self, content: &mut Content, number: u64) {
        if self.table.get_mut(number).is_none_or(|repair| repair.is_encoding()) {
            return;
        }
        let Some((object, index)) = content.objects().by_block(number) else { return };
        let geometry = object.geometry(index);
        let Some(source) = content.block(number) else { return };
        let Some(repair) = self.table.get_mut(number) else { return };
        let parity = geometry.scheme.parity(geometry.symbols);
        let remaining = repair.remaining();
        let fresh = content.parity().fresh(number, parity);
        let range = match geometry.scheme {
            Scheme::RaptorQ => {
                let count = remaining + remaining / 4 + 2;
                let first = content.parity_mut().reserve(number, parity, count);
                first..first + count
            }
            // A code with few symbols: none is made that is not needed, and when all were sent,
            // those that are named are sent again.
            _ if fresh == 0
                && let Some(named) = repair.take_parity(remaining) =>
            {
                named
            }
            _ => {
                let count = remaining.min(if fresh > 0 { fresh } else { parity });
                let first = content.parity_mut().reserve(number, parity, count);
                repair.forget_parity(first..first + count);
                first..first + count
            }
        };
        repair.begin_encoding();
        content.encode(number, source, range);
    }

    /// Coded symbols of a block were made.
    pub(crate) fn encoded(&mut self, content: &Content, number: u64, first: u32, symbols: Bytes) {
        let Some((object, index)) = content.objects().by_block(number) else { return };
        self.table.encoded(number, first, symbols, object.geometry(index).symbol_size);
    }

    /// Repair of a block was asked for, or is being sent.
    pub(crate) fn is_busy(&self, number: u64) -> bool {
        self.table.is_busy(number)
    }

    /// Forgets blocks whose hold-off ended before `limit`.
    pub(crate) fn purge(&mut self, limit: Timestamp) {
        self.table.purge(limit);
    }
}

impl NackTaken {
    fn note(&mut self, block: Option<u64>) {
        self.oldest = match (self.oldest, block) {
            (Some(oldest), Some(block)) => Some(oldest.min(block)),
            (oldest, block) => oldest.or(block),
        };
    }
}

/// The first block of a span that was sent since a receiver came.
fn oldest_since(joined: u64, span: Range<u64>) -> Option<u64> {
    Some(span.start.max(joined)).filter(|&first| first < span.end)
}
