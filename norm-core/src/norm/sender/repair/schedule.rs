//! Sends repair: what was named or wanted whole again, and coded symbols (RFC 5740 §5.4).

use core::ops::Range;
use core::time::Duration;

use bytes::Bytes;

use crate::base::Timestamp;
use crate::endpoint::{EncodeJob, Job, Transmit, TransmitBuf};
use crate::fec::Scheme;
use crate::norm::sender::Sender;
use crate::norm::sender::repair::table::{Encoded, Plan};
use crate::norm::wire::ObjectFlags;

/// Repairs looked at for one that can be sent at once: those before it wait for what they need to be
/// read or coded, meanwhile, so this is also how many of them are under way.
const CANDIDATES: usize = 64;
/// Whole blocks in repair at the same time.
const WHOLE_AT_ONCE: usize = 3;

impl Sender {
    /// Repairs that are due in part, for blocks in `range`.
    pub(crate) fn send_repair(
        &mut self,
        now: Timestamp,
        range: Range<u64>,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let candidates = first_few(self.repairs.active(range));
        candidates.into_iter().flatten().find_map(|block| self.send_block_repair(now, block, out))
    }

    /// Blocks that are wanted whole; a few are begun at once, so that reading runs ahead.
    pub(crate) fn send_whole(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        let mut under_way = self.repairs.active_whole().take(CANDIDATES).count();
        while under_way < WHOLE_AT_ONCE {
            let Some(block) = self.repairs.first_whole() else { break };
            if let Some(next) = self.skip_of_stream(now, block) {
                self.repairs.skip_whole(block..next);
                continue;
            }
            let Some((object, index)) = self.objects.by_block(block) else { break };
            let symbols = object.geometry(index).symbols;
            let sent = self.sent_of_stream(object, index).unwrap_or(symbols);
            self.repairs.begin_whole(block, symbols, sent);
            under_way += 1;
        }
        let candidates = first_few(self.repairs.active_whole());
        candidates.into_iter().flatten().find_map(|block| self.send_block_repair(now, block, out))
    }

    pub(crate) fn send_block_repair(
        &mut self,
        now: Timestamp,
        block: u64,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        if self.give_up_stream_block(now, block) {
            return None;
        }
        let plan = self.repairs.get_mut(block)?.plan();
        let transmit = match plan {
            Plan::Resend => self.send_named(now, block, out),
            Plan::Code => self.send_coded(now, block, out),
        }?;
        self.session.hasten_flush();
        let hold = self.grtt.get();
        // A few receivers wait at least so long before they ask for a block that is over. In a large group
        // hasty requests come again, together with others.
        let soon = if self.is_large() { Duration::ZERO } else { hold / 4 };
        if self.repairs.finish(now, block, self.coded(), (hold, soon)) {
            self.lag.repaired(block);
            if block < self.horizon() {
                self.cache.drop_block(block);
            }
        }
        Some(transmit)
    }

    pub(crate) fn send_named(
        &mut self,
        now: Timestamp,
        block: u64,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        if self.objects.by_block(block).is_some_and(|(object, _)| object.stream.is_some()) {
            return self.send_stream_again(now, block, out);
        }
        let Some(source) = self.cache.get(block).cloned() else {
            self.want_block(block);
            return None;
        };
        let limit = self.batch(out);
        let repair = self.repairs.get_mut(block)?;
        let fti = repair.sent == 0 || now < self.session.fti_until;
        let mut ids = Vec::with_capacity(limit as usize);
        let mut from = 0;
        while ids.len() < limit as usize
            && let Some(id) = repair.pending.first_set(from)
        {
            repair.pending.remove(id);
            ids.push(id);
            from = id + 1;
        }
        repair.sent += ids.len() as u32;
        self.stats.resent_packets += ids.len() as u64;
        self.send_source(block, ids, &source, ObjectFlags::REPAIR, fti, out)
    }

    pub(crate) fn send_coded(
        &mut self,
        now: Timestamp,
        block: u64,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let limit = self.batch(out);
        let repair = self.repairs.get_mut(block)?;
        let wanted = repair.remaining().min(limit);
        let ready = repair.encoded.as_mut().filter(|e| e.used < e.count);
        let Some(encoded) = ready else {
            self.want_encoded(block);
            return None;
        };
        let count = wanted.min(encoded.count - encoded.used);
        let (first, offset) = (encoded.first + encoded.used, encoded.used as usize);
        let symbols = encoded.symbols.clone();
        encoded.used += count;
        let fti = repair.sent == 0 || now < self.session.fti_until;
        repair.sent += count;
        self.stats.coded_packets += u64::from(count);
        self.send_symbols(block, first, &symbols, offset, count, fti, out)
    }

    /// Has coded symbols made: those needed now and a few for the next cycle.
    pub(crate) fn want_encoded(&mut self, block: u64) {
        if self.repairs.get_mut(block).is_none_or(|repair| repair.encoding) {
            return;
        }
        let Some((object, index)) = self.objects.by_block(block) else { return };
        let geometry = object.geometry(index);
        let source = match &object.stream {
            Some(stream) => stream.source.block_bytes(index.into()),
            None => self.cache.get(block).cloned(),
        };
        let Some(source) = source else {
            self.want_block(block);
            return;
        };
        let Some(repair) = self.repairs.get_mut(block) else { return };
        let parity = geometry.scheme.parity(geometry.symbols);
        let remaining = repair.remaining();
        let fresh = self.parity.fresh(block, parity);
        let range = match geometry.scheme {
            Scheme::RaptorQ => {
                let count = remaining + remaining / 4 + 2;
                let first = self.parity.reserve(block, parity, count);
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
                let first = self.parity.reserve(block, parity, count);
                repair.forget_parity(first..first + count);
                first..first + count
            }
        };
        repair.encoding = true;
        self.jobs.push_back(Job::Encode(EncodeJob {
            block,
            symbols: geometry.symbols,
            symbol_size: geometry.symbol_size,
            source,
            scheme: geometry.scheme,
            first: geometry.symbols + range.start,
            count: range.end - range.start,
        }));
    }

    pub(crate) fn take_encoded(&mut self, block: u64, first: u32, symbols: Bytes) {
        let Some((object, index)) = self.objects.by_block(block) else { return };
        let count = (symbols.len() / usize::from(object.geometry(index).symbol_size)) as u32;
        self.repairs.encoded(block, Encoded { first, symbols, used: 0, count });
    }
}

fn first_few(blocks: impl Iterator<Item = u64>) -> [Option<u64>; CANDIDATES] {
    let mut few = [None; CANDIDATES];
    for (place, block) in few.iter_mut().zip(blocks) {
        *place = Some(block);
    }
    few
}
