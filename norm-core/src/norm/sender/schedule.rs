//! Which packet is the most useful one now?
//!
//! In order: commands; repair of what was sent lately; *history* (old repairs and whole blocks, for
//! late joiners) within its share; new data; the rest of the history; flush.

use super::Sender;
use super::event::SenderEvent;
use super::objects::stream::StreamOver;
use super::objects::table::SendObject;
use crate::base::Timestamp;
use crate::endpoint::{Transmit, TransmitBuf};
use crate::fec::Scheme;
use crate::norm::stream::Place;
use crate::norm::wire::ObjectFlags;

/// The position of first transmission.
#[derive(Debug)]
pub(crate) struct Cursor {
    pub(crate) key: u64,
    info_sent: bool,
    block: u32,
    symbol: u32,
    /// Content bytes sent for the first time.
    pub(crate) bytes: u64,
}

impl Cursor {
    pub(crate) fn new(key: u64) -> Self {
        Self { key, info_sent: false, block: 0, symbol: 0, bytes: 0 }
    }

    /// True when something of this block (of this object, if it is empty) was sent.
    pub(crate) fn has_passed(&self, object: &SendObject, block: u32) -> bool {
        if object.key != self.key {
            return object.key < self.key;
        }
        block < self.block || (block == self.block && (self.symbol > 0 || self.info_sent))
    }

    /// Where it is in the object.
    pub(crate) fn place(&self) -> Place {
        Place::new(self.block.into(), self.symbol)
    }

    pub(crate) fn advance(&mut self, symbols: u32) {
        self.symbol += symbols;
    }

    pub(crate) fn next_block(&mut self) {
        self.block = self.block.saturating_add(1);
        self.symbol = 0;
    }

    pub(crate) fn next_object(&mut self) {
        *self = Self { bytes: self.bytes, ..Self::new(self.key + 1) };
    }
}

/// Blocks read ahead of the cursor, its own included: as many as take this many bytes, ...
const READ_AHEAD_BYTES: u64 = 4 << 20;
/// ... but so many at least, and fewer when the cache is small.
const READ_AHEAD: u64 = 4;
/// A few receivers that lose less of a block than this may name it all. Sending it again spares them the
/// solution of a whole block, so no RaptorQ symbols are sent to them unasked.
const LEAST_RAPTORQ: u32 = 40;
/// What goes behind a block is coded while the last of so many parts of it is sent.
const RIPE: u32 = 4;
/// Old repairs may save up this many bytes of their share.
const MAX_CREDIT: i64 = 256 << 10;

impl Sender {
    pub(crate) fn next_packets(
        &mut self,
        now: Timestamp,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        self.stalled = None;
        if self.session.is_closing() {
            return self.send_eot(now, out);
        }
        if self.is_paused() {
            return self.keep_waiting(now, out);
        }
        if let Some(command) = self.next_command(now, out) {
            return Some(command);
        }
        if !self.session.is_sending() {
            return None;
        }
        let few = !self.is_large();
        let (parity, foresight) = (&self.parity, &mut self.foresight);
        let (scheme, block_len) = (self.config.scheme, self.config.block_len);
        let objects = &self.objects;
        let fresh = |block| match objects.by_block(block) {
            Some((object, index)) if !object.can_be_coded(index) => 0,
            _ => parity.fresh(block, scheme.parity(block_len)),
        };
        self.repairs.activate(now, fresh, |learned, need| {
            learned.into_iter().for_each(|symbols| foresight.learn(symbols));
            if few { foresight.with_losses(need, block_len) } else { need }
        });
        if let Some(key) = self.repairs.take_info(now, self.grtt.get()) {
            return self.send_info(key, ObjectFlags::REPAIR, out);
        }
        let horizon = self.horizon();
        if let Some(repair) = self.send_repair(now, horizon..u64::MAX, out) {
            return Some(self.earn_credit(repair, out));
        }
        if self.history_credit > 0
            && let Some(repair) = self.send_history(now, horizon, out)
        {
            return Some(repair);
        }
        if let Some(data) = self.send_new(now, out) {
            return Some(self.earn_credit(data, out));
        }
        self.send_history(now, horizon, out).or_else(|| self.send_flush(now, out))
    }

    /// Blocks that the cache holds.
    pub(crate) fn blocks_in_cache(&self) -> u64 {
        let block = u64::from(self.config.block_len) * u64::from(self.config.segment_size);
        self.config.cache.bytes as u64 / block.max(1)
    }

    /// Blocks below are history: they have left, or will soon leave, the cache.
    pub(crate) fn horizon(&self) -> u64 {
        self.cursor_block().saturating_sub(self.blocks_in_cache() / 2)
    }

    /// The running number of the block at the cursor.
    pub(crate) fn cursor_block(&self) -> u64 {
        self.objects
            .get(self.cursor.key)
            .map_or(self.objects.end_block(), |o| o.first_block + u64::from(self.cursor.block))
    }

    pub(crate) fn earn_credit(&mut self, sent: Transmit, out: &TransmitBuf) -> Transmit {
        let percent = i64::from(self.config.late_repair_percent.clamp(1, 90));
        let earned = out.payload_bytes() as i64 * percent / (100 - percent);
        self.history_credit = (self.history_credit + earned).min(MAX_CREDIT);
        sent
    }

    pub(crate) fn send_history(
        &mut self,
        now: Timestamp,
        horizon: u64,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let repair =
            self.send_repair(now, 0..horizon, out).or_else(|| self.send_whole(now, out))?;
        self.history_credit = (self.history_credit - out.payload_bytes() as i64).max(-MAX_CREDIT);
        Some(repair)
    }

    /// Keeps the blocks that the cursor will reach soon on their way into the cache.
    pub(crate) fn read_ahead(&mut self) {
        if self.session.is_closing() {
            return;
        }
        let cursor = self.cursor_block();
        let block = u64::from(self.config.block_len) * u64::from(self.config.segment_size);
        let ahead = (READ_AHEAD_BYTES / block.max(1)).max(READ_AHEAD);
        let ahead = ahead.min(self.blocks_in_cache()).max(1);
        let blocks = cursor..(cursor + ahead).min(self.objects.end_block());
        if self.cache.keeps(&blocks) {
            return;
        }
        for number in blocks.clone() {
            self.want_block(number);
        }
        self.cache.note_kept(blocks);
    }

    pub(crate) fn send_new(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        let cursor = self.cursor_block();
        if cursor < self.objects.end_block() {
            self.stalled = self.must_wait(now, cursor);
        }
        if self.stalled.is_some() {
            return None;
        }
        loop {
            let Some(object) = self.objects.get(self.cursor.key) else {
                self.note_all_sent(now);
                return None;
            };
            if !self.cursor.info_sent {
                self.cursor.info_sent = true;
                if object.info.is_some() {
                    return self.send_info(self.cursor.key, ObjectFlags(0), out);
                }
                continue;
            }
            if object.stream.is_some() {
                match self.send_stream(now, out) {
                    Ok(sent) => return sent,
                    Err(StreamOver) => self.cursor.next_object(),
                }
                continue;
            }
            let unasked = !self.config.on_request || !object.flags.contains(ObjectFlags::FILE);
            if u64::from(self.cursor.block) >= object.blocks() || !unasked {
                self.cursor.next_object();
                continue;
            }
            let number = object.first_block + u64::from(self.cursor.block);
            let geometry = object.geometry(self.cursor.block);
            let source = self.cache.get(number)?.clone();
            let first = self.cursor.symbol;
            let count = self.batch(out).min(geometry.symbols - first);
            let fti = first == 0 || now < self.session.fti_until;
            let ids = first..first + count;
            let transmit = self.send_source(number, ids, &source, ObjectFlags(0), fti, out)?;
            self.stats.data_packets += u64::from(count);
            let size = u64::from(geometry.symbol_size);
            let content = u64::from(geometry.len);
            let before = (u64::from(first) * size).min(content);
            self.cursor.bytes += (u64::from(first + count) * size).min(content) - before;
            self.cursor.symbol += count;
            let ripe = geometry.symbols - geometry.symbols / RIPE;
            if first < ripe && self.cursor.symbol >= ripe {
                self.prepare_ahead(number);
            }
            if self.cursor.symbol == geometry.symbols {
                self.cursor.next_block();
                if !self.repairs.release(now, number) && !self.config.cache.keep_sent {
                    self.cache.sent(now, number);
                }
            }
            return Some(transmit);
        }
    }

    /// Has repair coded that goes behind a block, as much as foresight says: so it is there when the block
    /// is over.
    pub(crate) fn prepare_ahead(&mut self, number: u64) {
        if !self.coded() {
            return;
        }
        let (large, alone) = (self.is_large(), self.group_size() <= 1);
        let Some((object, index)) = self.objects.by_block(number) else { return };
        // The hold-off behind it may be longer than a stream keeps the block.
        if !large && object.stream.is_some() {
            return;
        }
        let geometry = object.geometry(index);
        let ahead = if large {
            self.foresight.next(geometry.symbols)
        } else {
            let least = if geometry.scheme == Scheme::RaptorQ { LEAST_RAPTORQ } else { 1 };
            self.foresight.next_for_few(geometry.symbols, least, alone)
        };
        let ahead = ahead.min(geometry.scheme.parity(geometry.symbols));
        if ahead > 0 && self.repairs.prepare(number, geometry.symbols, ahead) {
            self.want_encoded(number);
        }
    }

    pub(crate) fn note_all_sent(&mut self, now: Timestamp) {
        if self.session.all_sent.is_none() && !self.objects.is_empty() {
            self.session.all_is_sent(now);
            self.event(SenderEvent::AllSent);
        }
    }

    pub(crate) fn batch(&self, out: &TransmitBuf) -> u32 {
        // A stream's segments have a header of 8 bytes.
        let packet = self.packet_size() + 8;
        let paced = self.pacer.batch(packet + self.config.packet_overhead.bytes());
        let paced = self.steering.as_ref().map_or(paced, |steering| steering.burst().min(paced));
        u32::try_from(out.batch_limit(packet).min(paced)).unwrap_or(1)
    }
}
