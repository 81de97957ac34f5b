//! The sender.

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use norm_core::Timestamp;
use norm_core::endpoint::{
    BlockGeometry, Datagram, Destination, Endpoint, Job, JobDone, ReadJob, Transmit, TransmitBuf,
};
use norm_core::transfer::{
    ObjectSpec, Outbound, OutboundNotice, OutboundProgress, OutboundStats, ReceiverView,
};

use super::wire::{Header, MAGIC, REQUEST, SYMBOL, blocks, geometry};

/// Time between two packets: some 27 Mbit/s.
const PACKET_INTERVAL: Duration = Duration::from_micros(300);
const ENDS: u32 = 3;

/// The place of the next symbol.
#[derive(Copy, Clone, Default)]
struct Place {
    object: usize,
    block: u32,
    symbol: u32,
}

/// Content of the block at the place.
enum Content {
    Unread,
    Reading,
    Here(Bytes),
}

/// Sends each symbol once, then says three times that this was all.
pub struct ToySender {
    objects: Vec<ObjectSpec>,
    place: Place,
    content: Content,
    /// Blocks asked for so far.
    reads: u64,
    next: Timestamp,
    no_more: bool,
    ends: u32,
    events: VecDeque<OutboundNotice>,
    sent: OutboundProgress,
    stats: OutboundStats,
}

impl ToySender {
    /// A sender without objects.
    pub fn new(now: Timestamp) -> Self {
        Self {
            objects: Vec::new(),
            place: Place::default(),
            content: Content::Unread,
            reads: 0,
            next: now,
            no_more: false,
            ends: 0,
            events: VecDeque::new(),
            sent: OutboundProgress::default(),
            stats: OutboundStats::default(),
        }
    }

    /// Steps to the next symbol, block or object.
    fn step(&mut self, symbols: u32, blocks: u32) {
        self.place.symbol += 1;
        if self.place.symbol < symbols {
            return;
        }
        self.content = Content::Unread;
        self.place.symbol = 0;
        self.place.block += 1;
        if self.place.block < blocks {
            return;
        }
        self.place = Place { object: self.place.object + 1, block: 0, symbol: 0 };
        if self.place.object == self.objects.len() {
            self.events.push_back(OutboundNotice::AllSent);
        }
    }

    fn write_symbol(&mut self, out: &mut TransmitBuf) -> bool {
        let Place { object, block, symbol } = self.place;
        let Some(spec) = self.objects.get(object) else { return false };
        let (key, size) = (object as u64, spec.size);
        let geometry = geometry(size, block);
        let payload = match (&self.content, geometry) {
            (_, None) => &[][..],
            (Content::Here(bytes), Some(_)) => {
                let rest = bytes.get(symbol as usize * usize::from(SYMBOL)..).unwrap_or(&[]);
                rest.get(..usize::from(SYMBOL)).unwrap_or(rest)
            }
            _ => return false,
        };
        let header = Header { key, size, block, symbol, meta: spec.meta.clone() };
        out.append(|bytes| {
            header.emit(bytes);
            bytes.extend_from_slice(payload);
        });
        self.sent.bytes_sent += payload.len() as u64;
        self.stats.data_packets += 1;
        self.step(geometry.map_or(1, |g| g.symbols), blocks(size).max(1));
        true
    }

    fn needs_block(&self) -> Option<BlockGeometry> {
        let spec = self.objects.get(self.place.object)?;
        geometry(spec.size, self.place.block).filter(|_| matches!(self.content, Content::Unread))
    }

    fn has_sent_all(&self) -> bool {
        self.no_more && self.place.object >= self.objects.len()
    }
}

impl Endpoint for ToySender {
    type Event = OutboundNotice;

    fn handle_datagram(&mut self, _: Timestamp, datagram: Datagram<'_>) {
        self.stats.nacks += u64::from(datagram.payload == REQUEST);
    }

    fn handle_timeout(&mut self, _: Timestamp) {}

    fn handle_job(&mut self, _: Timestamp, done: JobDone) {
        let JobDone::Read { block, result } = done else { return };
        if block + 1 != self.reads {
            return;
        }
        match result {
            Ok(bytes) => self.content = Content::Here(bytes),
            Err(_) => self.events.push_back(OutboundNotice::ReadFailed),
        }
    }

    fn poll_transmit(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        out.clear();
        if now < self.next || self.is_finished() {
            return None;
        }
        if self.has_sent_all() {
            out.append(|bytes| {
                bytes.extend_from_slice(&MAGIC);
                bytes.push(1);
            });
            self.ends += 1;
        } else if !self.write_symbol(out) {
            return None;
        }
        self.next = now + PACKET_INTERVAL;
        self.stats.packets += 1;
        self.stats.bytes += out.payload_bytes() as u64;
        out.transmit(Destination::Group)
    }

    fn poll_job(&mut self) -> Option<Job> {
        let BlockGeometry { offset, len, .. } = self.needs_block()?;
        self.content = Content::Reading;
        self.reads += 1;
        let object = self.place.object as u64;
        Some(Job::Read(ReadJob { object, block: self.reads - 1, offset, len }))
    }

    fn poll_event(&mut self) -> Option<OutboundNotice> {
        self.events.pop_front()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let waits = matches!(self.content, Content::Reading);
        (!waits && !self.is_finished() && (self.has_sent_all() || !self.objects.is_empty()))
            .then_some(self.next)
    }
}

/// This sender takes any object.
#[derive(Debug)]
pub enum Never {}

impl core::fmt::Display for Never {
    fn fmt(&self, _: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {}
    }
}

impl core::error::Error for Never {}

impl Outbound for ToySender {
    type Error = Never;

    fn enqueue(&mut self, object: ObjectSpec) -> Result<u64, Never> {
        self.sent.bytes_total += object.size;
        self.objects.push(object);
        Ok(self.objects.len() as u64 - 1)
    }

    fn finish(&mut self) {
        self.no_more = true;
    }

    fn abort(&mut self, _: Timestamp) {
        self.no_more = true;
        self.place.object = self.objects.len();
    }

    fn is_finished(&self) -> bool {
        self.ends >= ENDS
    }

    fn keep_open(&mut self, _: bool) {}

    fn set_rate_limit(&mut self, _: Option<u64>, _: Timestamp) {}

    fn progress(&self) -> OutboundProgress {
        self.sent
    }

    fn stats(&self) -> OutboundStats {
        self.stats
    }

    fn receivers(&self) -> impl Iterator<Item = ReceiverView> {
        core::iter::empty()
    }

    fn notice(event: OutboundNotice) -> Option<OutboundNotice> {
        Some(event)
    }
}
