//! The sending engine.

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;

use super::config::SenderConfig;
use super::emit;
use super::empties::Empties;
use super::error::SenderError;
use super::event::SenderEvent;
use super::objects::Objects;
use super::profile::Close;
use super::table::{Table, TableSymbol};
use crate::base::pacer::Pacer;
use crate::base::{Rng, Timestamp};
use crate::carousel::Carousel;
use crate::endpoint::{
    Datagram, Destination, Endpoint, Job, JobDone, JobFailed, PacketOverhead, Transmit, TransmitBuf,
};
use crate::transfer::{ObjectSpec, OutboundProgress, OutboundStats};

/// First TOIs are drawn up to this one: a set of as many parts as there can be has TOIs of 16 bits.
const MAX_DRAWN_TOI: u64 = 32_768;
/// How often the table is sent after the last pass, and how often the end is said.
const LAST_TABLES: u32 = 2;
const CLOSES: u32 = 3;
/// What the layer around a sender sends holds its packets up for about this long at most.
const MOST_AHEAD: Duration = Duration::from_secs(1);
/// Time between these.
const LAST_INTERVAL: Duration = Duration::from_millis(50);
/// Manifests and digest lists are repeated in one part of this many of the rate.
const SET_LIST_SHARE: u64 = 20;

/// Where a session is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Phase {
    Sending,
    /// Content is over: these many tables and ends are to be sent, the next one then.
    Ending {
        tables: u32,
        closes: u32,
        next: Timestamp,
    },
    Finished,
}

/// Sends objects to a group by FLUTE, one way: it hears nothing of receivers.
///
/// The application adds objects by [`enqueue`](crate::transfer::Outbound::enqueue), answers the
/// jobs that ask for their content, and hands packets to the network. Each object is sent in
/// passes, as its settings say, and described by a table that is repeated.
#[derive(Debug)]
pub struct Sender {
    objects: Objects,
    table: Table,
    content: Carousel,
    /// Manifests and digest lists once more: receivers that come later need them first.
    set_lists: Carousel,
    empties: Empties,
    /// Bytes that manifests and digest lists may take now.
    credit: u64,
    rate: u64,
    limit: Option<u64>,
    pacer: Pacer,
    overhead: PacketOverhead,
    /// Bytes of the longest packet of an object.
    packet_len: usize,
    symbol_size: u16,
    /// What was written last speaks for the sender: it is of the table, or ends the session.
    speaks: bool,
    phase: Phase,
    is_finishing: bool,
    is_open: bool,
    has_told_all: bool,
    events: VecDeque<SenderEvent>,
    stats: OutboundStats,
    bytes_sent: u64,
}

impl Sender {
    /// A sender with these settings. The same seed and the same input give the same packets.
    ///
    /// # Errors
    /// [`SenderError`] when a setting is out of its range, or the profile does not allow it.
    pub fn new(config: &SenderConfig, seed: u64, now: Timestamp) -> Result<Self, SenderError> {
        let choice = config.check()?;
        let drawn = 1 + Rng::new(seed).below(MAX_DRAWN_TOI);
        let first_toi = config.first_toi.unwrap_or(drawn);
        let objects = Objects::new(choice, config, first_toi);
        let header = config.header_len();
        let table_size = emit::table_symbol_size(&objects, header, config.symbol_size);
        let table_overhead = emit::table_header_len(&objects) + config.overhead.bytes();
        let mut sender = Self {
            table: Table::new(config, objects.rules(), table_size, table_overhead, now),
            objects,
            content: Carousel::new(config.passes, config.interleave()),
            set_lists: Carousel::of_set_lists(),
            empties: Empties::default(),
            credit: 0,
            rate: config.rate,
            limit: None,
            pacer: Pacer::new(Some(config.rate), now),
            overhead: config.overhead,
            packet_len: header + usize::from(config.symbol_size),
            symbol_size: config.symbol_size,
            speaks: false,
            phase: Phase::Sending,
            is_finishing: false,
            is_open: false,
            has_told_all: false,
            events: VecDeque::from([SenderEvent::Started]),
            stats: OutboundStats::default(),
            bytes_sent: 0,
        };
        sender.content.set_rate(config.rate);
        Ok(sender)
    }

    pub(super) fn add(&mut self, spec: &ObjectSpec) -> Result<u64, SenderError> {
        if self.is_finishing || self.phase != Phase::Sending {
            return Err(SenderError::Finished);
        }
        let index = self.objects.len();
        let key = self.objects.add(spec)?;
        self.table.changed();
        if let Some(object) = self.objects.get(index) {
            self.content.add(index, key, *object.layout());
            if spec.size == 0 && self.objects.rules().empty_packets {
                self.empties.add(index);
            }
            if object.is_set_list() {
                self.set_lists.add(index, key, *object.layout());
            }
        }
        Ok(key)
    }

    pub(super) fn set_finishing(&mut self) {
        if !self.is_finishing {
            self.is_finishing = true;
            self.table.changed();
        }
        self.settle();
    }

    pub(super) fn set_open(&mut self, open: bool) {
        self.is_open = open;
        self.settle();
    }

    /// Ends the session; `tables` are sent before.
    pub(super) fn end(&mut self, tables: u32) {
        if self.phase == Phase::Sending {
            self.table.stop();
            self.phase = Phase::Ending { tables, closes: CLOSES, next: Timestamp::ZERO };
        }
    }

    pub(super) fn set_limit(&mut self, bits: Option<u64>, now: Timestamp) {
        self.limit = bits;
        let rate = self.rate_now();
        if rate > 0 {
            self.pacer.set_rate(Some(rate), now);
            self.content.set_rate(rate);
            self.table.set_rate(rate);
        }
    }

    pub(super) fn has_finished(&self) -> bool {
        self.phase == Phase::Finished
    }

    pub(super) fn progress_now(&self) -> OutboundProgress {
        let (bytes_sent, bytes_total) = (self.bytes_sent, self.objects.bytes());
        let pass = self.content.round() + 1;
        OutboundProgress { bytes_sent, bytes_total, on_request: false, pass }
    }

    pub(super) fn stats_now(&self) -> OutboundStats {
        self.stats
    }

    pub(super) fn is_paused(&self) -> bool {
        self.rate_now() == 0
    }

    /// Bits per second; 0 is a pause.
    fn rate_now(&self) -> u64 {
        self.limit.unwrap_or(self.rate)
    }

    /// Looks whether something is over.
    fn settle(&mut self) {
        if !self.is_finishing || self.phase != Phase::Sending {
            return;
        }
        if !self.has_told_all && self.content.has_sent_all() {
            self.has_told_all = true;
            self.events.push_back(SenderEvent::AllSent);
        }
        // A carousel of objects without content has nothing to send but the table, and goes on.
        let goes_on = self.is_open || (self.content.is_endless() && self.objects.len() > 0);
        if !goes_on && !self.empties.is_due() && self.content.is_done() {
            self.end(if self.objects.len() > 0 { LAST_TABLES } else { 0 });
        }
    }

    fn fail(&mut self) {
        if self.phase == Phase::Sending {
            self.events.push_back(SenderEvent::ReadFailed);
            self.end(0);
        }
    }

    /// Writes the next packets; leaves `out` empty when there are none.
    fn send(&mut self, now: Timestamp, out: &mut TransmitBuf) {
        match self.phase {
            Phase::Sending => {
                if self.objects.len() > 0 && self.table.due() <= now {
                    self.begin_table(now);
                    self.send_table(now, false, out);
                }
                if out.datagrams() == 0
                    && let Some(object) = self.empties.take()
                {
                    out.append(|bytes| emit::empty(&self.objects, object, bytes));
                }
                if out.datagrams() == 0 && self.credit >= self.packet_len as u64 {
                    let most = self.credit / self.packet_len as u64;
                    self.send_symbols(out, true, most.try_into().unwrap_or(usize::MAX));
                    let sent = (out.datagrams() * self.packet_len) as u64;
                    self.credit = self.credit.saturating_sub(sent);
                }
                if out.datagrams() == 0 {
                    self.send_symbols(out, false, usize::MAX);
                }
                self.settle();
            }
            Phase::Ending { next, .. } if next <= now => self.send_end(now, out),
            Phase::Ending { .. } | Phase::Finished => {}
        }
    }

    fn begin_table(&mut self, now: Timestamp) {
        if self.table.begin(&self.objects, self.is_finishing, now) {
            let bytes = u128::from(self.rate_now() / 8 / SET_LIST_SHARE)
                * self.table.interval().as_micros()
                / 1_000_000;
            let once = self.set_lists.source_symbols().saturating_mul(self.packet_len as u64);
            let sum = self.credit.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
            self.credit = sum.min(once);
            self.empties.repeat();
        }
    }

    /// The next packet of the table.
    fn send_table(&mut self, now: Timestamp, closes: bool, out: &mut TransmitBuf) {
        if let Some(symbol) = self.table.next_symbol(now) {
            self.speaks = true;
            self.write_table(&symbol, now, closes, out);
        }
    }

    fn write_table(
        &self,
        symbol: &TableSymbol,
        now: Timestamp,
        closes: bool,
        out: &mut TransmitBuf,
    ) {
        let unix = self.table.unix(now);
        out.append(|bytes| emit::table(&self.objects, symbol, unix, closes, bytes));
    }

    /// The next packets of objects, `most` of them at most; all of one length but the last.
    fn send_symbols(&mut self, out: &mut TransmitBuf, is_list: bool, most: usize) {
        let wire = self.packet_len + self.overhead.bytes();
        let limit = out.batch_limit(self.packet_len).min(self.pacer.batch(wire)).min(most);
        let carousel = if is_list { &mut self.set_lists } else { &mut self.content };
        while out.datagrams() < limit {
            let Some(symbol) = carousel.take(self.symbol_size) else { break };
            out.append(|bytes| emit::symbol(&self.objects, &symbol, bytes));
            let is_source = symbol.is_source();
            let is_first = !is_list && symbol.is_first_pass;
            let counter = match (is_source, is_first) {
                (true, true) => &mut self.stats.data_packets,
                (true, false) => &mut self.stats.resent_packets,
                (false, _) => &mut self.stats.coded_packets,
            };
            *counter += 1;
            if is_source && is_first {
                self.bytes_sent += symbol.payload.len() as u64;
            }
            // Only the last packet of a batch may be shorter.
            if symbol.payload.len() < usize::from(self.symbol_size) {
                break;
            }
        }
    }

    /// The last tables, and the end.
    fn send_end(&mut self, now: Timestamp, out: &mut TransmitBuf) {
        let Phase::Ending { tables, closes, .. } = self.phase else { return };
        let mut left = (tables, closes);
        let with_table = self.objects.rules().close == Close::WithTable;
        if tables > 0 {
            if !self.table.is_under_way() {
                self.table.begin(&self.objects, self.is_finishing, now);
                self.table.send_all(now);
            }
            self.send_table(now, false, out);
            if self.table.is_under_way() {
                return;
            }
            left.0 -= 1;
        } else if closes > 0 {
            left.1 -= 1;
            if !with_table {
                self.speaks = true;
                out.append(|bytes| emit::close(&self.objects, bytes));
            } else if self.objects.len() > 0 {
                self.table.begin(&self.objects, self.is_finishing, now);
                self.table.send_all(now);
                self.send_table(now, true, out);
            }
        }
        if left == (0, 0) {
            self.phase = Phase::Finished;
            self.events.push_back(SenderEvent::Finished);
        } else {
            let next = now + LAST_INTERVAL;
            self.phase = Phase::Ending { tables: left.0, closes: left.1, next };
        }
    }

    fn take_prepared(&mut self, block: u64, first: u32, result: Result<(), JobFailed>) {
        let carousel =
            if self.set_lists.owns_block(block) { &mut self.set_lists } else { &mut self.content };
        let known = carousel.prepared(block, first);
        if known && result.is_err() {
            self.fail();
        }
    }

    fn take_gathered(&mut self, number: u64, result: Result<Bytes, JobFailed>) {
        let is_list = self.set_lists.owns_batch(number);
        let carousel = if is_list { &mut self.set_lists } else { &mut self.content };
        if !result.is_ok_and(|bytes| carousel.gathered(number, bytes)) {
            self.fail();
        }
    }
}

impl Endpoint for Sender {
    type Event = SenderEvent;

    /// Nothing is expected: FLUTE has no way back.
    fn handle_datagram(&mut self, _: Timestamp, _: Datagram<'_>) {}

    fn handle_timeout(&mut self, _: Timestamp) {}

    fn handle_job(&mut self, _: Timestamp, done: JobDone) {
        match done {
            JobDone::Prepare { block, first, result } => self.take_prepared(block, first, result),
            JobDone::Gather { number, result } => self.take_gathered(number, result),
            JobDone::Read { .. }
            | JobDone::Encode { .. }
            | JobDone::Store { .. }
            | JobDone::Recall { .. } => {}
        }
    }

    fn poll_transmit(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        out.clear();
        if self.rate_now() == 0 || !self.pacer.ready(now) {
            return None;
        }
        self.speaks = false;
        self.send(now, out);
        let signature = if self.speaks { self.objects.signature() } else { 0 };
        let bytes = out.payload_bytes() + out.datagrams() * signature;
        let packets = out.datagrams() as u64;
        if packets > 0 {
            self.pacer.spent(now, bytes + self.overhead.of(packets) as usize);
            self.stats.packets += packets;
            self.stats.bytes += bytes as u64;
        }
        let transmit = out.transmit(Destination::Group)?;
        Some(if self.speaks { transmit.signed() } else { transmit })
    }

    fn note_own_packet(&mut self, now: Timestamp, bytes: usize) {
        // In a time with a low bound it does not hold content up for ever.
        if self.pacer.next() <= now + MOST_AHEAD {
            self.pacer.spent(now, bytes + self.overhead.bytes());
        }
    }

    fn poll_job(&mut self) -> Option<Job> {
        if self.phase != Phase::Sending {
            return None;
        }
        self.set_lists.next_job().or_else(|| self.content.next_job())
    }

    fn poll_event(&mut self) -> Option<SenderEvent> {
        self.events.pop_front()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        if self.rate_now() == 0 {
            return None;
        }
        let packet = match self.phase {
            Phase::Finished => None,
            Phase::Ending { next, .. } => Some(next),
            Phase::Sending => {
                let list = self.credit >= self.packet_len as u64 && self.set_lists.is_ready();
                if list || self.empties.is_due() || self.content.is_ready() {
                    Some(Timestamp::ZERO)
                } else {
                    (self.objects.len() > 0).then(|| self.table.due())
                }
            }
        };
        packet.map(|at| at.max(self.pacer.next()))
    }
}
