//! A second protocol, to show that sessions, driver and simulator know no first one.
//!
//! No repair: a receiver greets each sender once, and the sender only counts that. Each datagram of
//! a sender describes its object and carries one symbol:
//! ```text
//!  0  magic "TOY1"
//!  4  kind: 0 a symbol, 1 the end (nothing follows)
//!  5  object key 64, size 64, block 32, symbol 32
//! 29  what the object is: 0 a part of a set, 1 a file, 2 something else
//! 30  of a part: index 32, kind 8, set id, parts 32, offset 64, payload size 64, content id
//! 87  symbol
//! ```
//! The fields of a part are zero in other objects. A lost packet is never sent again: an object
//! that misses one stays incomplete.

use core::net::SocketAddr;
use core::ops::Range;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use norm_core::Timestamp;
use norm_core::base::range_set::RangeSet;
use norm_core::endpoint::{
    BlockGeometry, BlockSlot, Datagram, Destination, Endpoint, Job, JobDone, ObjectRef, ReadJob,
    SenderId, StoreJob, StoreOutcome, SymbolStore, Transmit, TransmitBuf,
};
use norm_core::fec::Scheme;
use norm_core::fileset::{ContentHash, ManifestHash, PartKind, SetDescriptor, SetId, SetSummary};
use norm_core::transfer::{
    Inbound, InboundNotice, InboundStats, NodeId, ObjectMeta, ObjectSpec, Outbound, OutboundNotice,
    OutboundProgress, OutboundStats, ReceiverStatus, ReceiverView, SourceView,
};

const MAGIC: [u8; 4] = *b"TOY1";
/// What a receiver says to each sender once. A filter that keeps the feedback of NORM drops it: the
/// lower half of the first byte is below four.
const REQUEST: [u8; 4] = [0xa0, 1, 2, 3];
/// Bytes of a datagram before its symbol.
pub const HEADER: usize = 153;
const SYMBOL: u16 = 1024;
const BLOCK_SYMBOLS: u32 = 64;
const BLOCK_BYTES: u64 = SYMBOL as u64 * BLOCK_SYMBOLS as u64;
/// Time between two packets: some 80 Mbit/s.
const PACKET_INTERVAL: Duration = Duration::from_micros(100);
const ENDS: u32 = 3;
/// Limits of what packets can make a receiver keep.
const MAX_SENDERS: usize = 4;
const MAX_OBJECTS: usize = 1_000;
const MAX_SIZE: u64 = 1 << 32;

/// Writes a whole block.
fn store_job(slot: BlockSlot, geometry: BlockGeometry) -> Job {
    Job::Store(StoreJob { slot, geometry, decode: false, held: Vec::new() })
}

/// Blocks of an object of this size.
fn blocks(size: u64) -> u32 {
    size.div_ceil(BLOCK_BYTES) as u32
}

/// A block of an object of this size; `None` past the end.
fn geometry(size: u64, block: u32) -> Option<BlockGeometry> {
    let offset = u64::from(block) * BLOCK_BYTES;
    let len = size.checked_sub(offset).filter(|left| *left > 0)?.min(BLOCK_BYTES) as u32;
    let symbols = len.div_ceil(SYMBOL.into());
    Some(BlockGeometry { scheme: Scheme::NoCode, symbols, symbol_size: SYMBOL, offset, len })
}

/// The fields of a datagram before its symbol.
struct Header {
    key: u64,
    size: u64,
    block: u32,
    symbol: u32,
    meta: ObjectMeta,
}

impl Header {
    fn emit(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.push(0);
        out.extend_from_slice(&self.key.to_be_bytes());
        out.extend_from_slice(&self.size.to_be_bytes());
        out.extend_from_slice(&self.block.to_be_bytes());
        out.extend_from_slice(&self.symbol.to_be_bytes());
        match &self.meta {
            ObjectMeta::SetPart { index, part } => {
                let kind = match part.kind {
                    PartKind::Manifest => 0,
                    PartKind::Payload => 1,
                    PartKind::DigestList => 2,
                };
                out.push(0);
                out.extend_from_slice(&index.to_be_bytes());
                out.push(kind);
                let set = &part.set;
                out.extend_from_slice(&part.offset.to_be_bytes());
                out.extend_from_slice(&set.set.0);
                out.extend_from_slice(&set.parts.to_be_bytes());
                out.push(set.list_first.into());
                for number in [set.payload_size, set.manifest_size, set.list_size] {
                    out.extend_from_slice(&number.to_be_bytes());
                }
                out.extend_from_slice(&set.manifest.0);
                out.push(set.content.is_some().into());
                out.extend_from_slice(&set.content.map_or([0; 32], |content| content.0));
            }
            ObjectMeta::File { .. } => out.push(1),
            ObjectMeta::Opaque(_) => out.push(2),
        }
        out.resize(start + HEADER, 0);
    }

    /// Reads a datagram; `None` when it is none of this protocol, or cannot be.
    fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (header, symbol_bytes) = bytes.split_first_chunk::<HEADER>()?;
        let mut reader = Fields(header.get(5..)?);
        let [key, size] = [reader.u64()?, reader.u64()?];
        let [block, symbol] = [reader.u32()?, reader.u32()?];
        let meta = match reader.u8()? {
            0 => ObjectMeta::SetPart { index: reader.u32()?, part: part(&mut reader)? },
            1 => ObjectMeta::file(None),
            _ => ObjectMeta::Opaque(None),
        };
        (size <= MAX_SIZE).then_some((Self { key, size, block, symbol, meta }, symbol_bytes))
    }
}

fn part(reader: &mut Fields<'_>) -> Option<SetDescriptor> {
    let kind = match reader.u8()? {
        0 => PartKind::Manifest,
        1 => PartKind::Payload,
        2 => PartKind::DigestList,
        _ => return None,
    };
    let offset = reader.u64()?;
    let set = SetSummary {
        set: SetId(reader.array()?),
        parts: reader.u32()?,
        list_first: reader.u8()? == 1,
        payload_size: reader.u64()?,
        manifest_size: reader.u64()?,
        list_size: reader.u64()?,
        manifest: ManifestHash(reader.array()?),
        content: if reader.u8()? == 1 { Some(ContentHash(reader.array()?)) } else { None },
    };
    let part = SetDescriptor { kind, offset, set };
    part.is_consistent().then_some(part)
}

/// What is left of a header.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
}

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

/// An object as far as it is here.
struct Object {
    size: u64,
    accepted: bool,
    /// Refused, given up, or stored and confirmed.
    settled: bool,
    /// Symbols of each block that is not whole.
    symbols: BTreeMap<u32, BTreeSet<u32>>,
    whole: BTreeSet<u32>,
    stored: BTreeSet<u32>,
}

impl Object {
    fn is_stored(&self) -> bool {
        self.stored.len() as u64 == u64::from(blocks(self.size))
    }
}

struct Source {
    address: SocketAddr,
    last_heard: Timestamp,
    ended: bool,
    position: (u64, u32),
    objects: BTreeMap<u64, Object>,
}

/// Receives from the first few senders that it hears.
pub struct ToyReceiver<S> {
    store: S,
    sources: BTreeMap<SenderId, Source>,
    /// Addresses of senders to ask.
    requests: VecDeque<SocketAddr>,
    events: VecDeque<InboundNotice>,
    jobs: VecDeque<Job>,
    stats: InboundStats,
}

impl<S: SymbolStore> ToyReceiver<S> {
    /// A receiver that keeps symbols in `store`.
    pub fn new(store: S) -> Self {
        Self {
            store,
            sources: BTreeMap::new(),
            requests: VecDeque::new(),
            events: VecDeque::new(),
            jobs: VecDeque::new(),
            stats: InboundStats::default(),
        }
    }

    fn source_at(&mut self, now: Timestamp, address: SocketAddr) -> Option<SenderId> {
        let known = self.sources.iter().find(|(_, source)| source.address == address);
        if let Some((&sender, _)) = known {
            return Some(sender);
        }
        if self.sources.len() >= MAX_SENDERS {
            return None;
        }
        let sender = SenderId(self.sources.len() as u32);
        let source = Source {
            address,
            last_heard: now,
            ended: false,
            position: (0, 0),
            objects: BTreeMap::new(),
        };
        self.sources.insert(sender, source);
        self.requests.push_back(address);
        self.events.push_back(InboundNotice::SenderFound { sender, node: NodeId::NONE, address });
        Some(sender)
    }

    fn take_symbol(&mut self, sender: SenderId, header: Header, payload: &[u8]) -> Option<()> {
        let Header { key, size, block, symbol, meta } = header;
        let source = self.sources.get_mut(&sender)?;
        source.position = source.position.max((key, block));
        if !source.objects.contains_key(&key) {
            if source.objects.len() >= MAX_OBJECTS {
                return None;
            }
            let (symbols, whole, stored) = Default::default();
            let object = Object { size, accepted: false, settled: false, symbols, whole, stored };
            source.objects.insert(key, object);
            let object = ObjectRef { sender, key };
            self.events.push_back(InboundNotice::Opened { object, size, meta });
        }
        let object = source.objects.get_mut(&key).filter(|o| !o.settled && o.size == size)?;
        let geometry = geometry(size, block)?;
        let len = (geometry.len - symbol.checked_mul(SYMBOL.into())?.min(geometry.len))
            .min(SYMBOL.into()) as usize;
        if len == 0 || payload.len() != len || object.whole.contains(&block) {
            return None;
        }
        let slot = BlockSlot { sender, object: key, block };
        if !self.store.put(slot, &geometry, symbol, payload) {
            self.stats.no_room += 1;
            return None;
        }
        let symbols = object.symbols.entry(block).or_default();
        symbols.insert(symbol);
        if symbols.len() as u64 == u64::from(geometry.symbols) {
            object.symbols.remove(&block);
            object.whole.insert(block);
            if object.accepted {
                self.jobs.push_back(store_job(slot, geometry));
            }
        }
        Some(())
    }

    fn object_mut(&mut self, object: ObjectRef) -> Option<&mut Object> {
        self.sources.get_mut(&object.sender)?.objects.get_mut(&object.key)
    }

    fn settle(&mut self, object: ObjectRef) {
        if let Some(state) = self.object_mut(object) {
            state.settled = true;
            let blocks: Vec<u32> = state.symbols.keys().copied().collect();
            state.symbols.clear();
            for block in blocks {
                let slot = BlockSlot { sender: object.sender, object: object.key, block };
                self.store.discard(slot);
            }
        }
    }
}

impl<S: SymbolStore> Endpoint for ToyReceiver<S> {
    type Event = InboundNotice;

    fn handle_datagram(&mut self, now: Timestamp, datagram: Datagram<'_>) {
        self.stats.packets += 1;
        self.stats.bytes += datagram.payload.len() as u64;
        if !datagram.payload.starts_with(&MAGIC) {
            self.stats.malformed += 1;
            return;
        }
        let Some(sender) = self.source_at(now, datagram.source) else { return };
        self.stats.heard += 1;
        let Some(source) = self.sources.get_mut(&sender) else { return };
        source.last_heard = now;
        if datagram.payload.get(4) == Some(&1) {
            if !core::mem::replace(&mut source.ended, true) {
                self.events.push_back(InboundNotice::Ended { sender });
            }
            return;
        }
        match Header::parse(datagram.payload) {
            Some((header, payload)) => {
                let _ = self.take_symbol(sender, header, payload);
            }
            None => self.stats.malformed += 1,
        }
    }

    fn handle_timeout(&mut self, _: Timestamp) {}

    fn handle_job(&mut self, _: Timestamp, done: JobDone) {
        let JobDone::Store { slot, outcome } = done else { return };
        let object = slot.object_ref();
        let Some(state) = self.object_mut(object) else { return };
        match outcome {
            StoreOutcome::Written => {
                let news = state.stored.insert(slot.block);
                if news && state.is_stored() {
                    self.events.push_back(InboundNotice::Complete { object });
                }
            }
            StoreOutcome::NeedMore | StoreOutcome::HeldLost | StoreOutcome::Failed => {
                self.events.push_back(InboundNotice::StoreFailed { object });
            }
        }
    }

    fn poll_transmit(&mut self, _: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        out.clear();
        let sender = self.requests.pop_front()?;
        out.append(|bytes| bytes.extend_from_slice(&REQUEST));
        out.feedback(Destination::Unicast(sender), sender)
    }

    fn poll_job(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    fn poll_event(&mut self) -> Option<InboundNotice> {
        self.events.pop_front()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }
}

impl<S: SymbolStore> Inbound for ToyReceiver<S> {
    type Store = S;

    fn notice(event: InboundNotice) -> Option<InboundNotice> {
        Some(event)
    }

    fn store(&self) -> &S {
        &self.store
    }

    fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    fn accept(&mut self, object: ObjectRef) {
        self.accept_with(object, &RangeSet::new());
    }

    fn accept_with(&mut self, object: ObjectRef, held: &RangeSet) {
        let Some(state) = self.object_mut(object).filter(|state| !state.accepted) else { return };
        state.accepted = true;
        let mut stores = Vec::new();
        for block in 0..blocks(state.size) {
            let Some(geometry) = geometry(state.size, block) else { break };
            if held.covers(geometry.offset, geometry.offset + u64::from(geometry.len)) {
                state.whole.insert(block);
                state.stored.insert(block);
            } else if state.whole.contains(&block) {
                let slot = BlockSlot { sender: object.sender, object: object.key, block };
                stores.push(store_job(slot, geometry));
            }
        }
        let complete = state.is_stored();
        self.jobs.extend(stores);
        if complete {
            self.events.push_back(InboundNotice::Complete { object });
        }
    }

    // A block of which only a part is here comes whole.
    fn note_held(&mut self, _: ObjectRef, _: Range<u64>) {}

    fn note_unwanted(&mut self, _: ObjectRef, _: Range<u64>) {}

    fn ask_up_to(&mut self, _: ObjectRef, _: u64, _: Timestamp) {}

    fn refuse(&mut self, object: ObjectRef) {
        self.settle(object);
    }

    fn restart(&mut self, object: ObjectRef) {
        // Nothing of it comes again.
        self.settle(object);
    }

    fn confirm(&mut self, object: ObjectRef) {
        self.settle(object);
    }

    fn give_up(&mut self, sender: SenderId, keys: Range<u64>) {
        let Some(source) = self.sources.get(&sender) else { return };
        let known: Vec<u64> = source.objects.range(keys).map(|(&key, _)| key).collect();
        known.into_iter().for_each(|key| self.settle(ObjectRef { sender, key }));
    }

    fn want(&mut self, _: SenderId, _: u64, _: Timestamp) {}

    fn expect_partial(&mut self, _: SenderId, _: Range<u64>) {}

    fn set_status(&mut self, _: SenderId, _: ReceiverStatus) {}

    fn report_now(&mut self, _: SenderId, _: Timestamp) {}

    fn set_host_drops(&mut self, _: u64) {}

    fn forget(&mut self, sender: SenderId) {
        self.sources.remove(&sender);
    }

    fn source(&self, sender: SenderId) -> Option<SourceView> {
        let source = self.sources.get(&sender)?;
        Some(SourceView {
            last_heard: source.last_heard,
            is_paused: false,
            is_stopped: false,
            has_ended: source.ended,
            loss: 0.0,
            position: source.position,
            unheard_since: None,
        })
    }

    fn has_all(&self, sender: SenderId) -> bool {
        let settled = |object: &Object| object.settled || object.is_stored();
        self.sources.get(&sender).is_some_and(|source| source.objects.values().all(settled))
    }

    fn number(&self, object: ObjectRef) -> u64 {
        object.key
    }

    fn releases(&self) -> bool {
        false
    }

    fn node(&self) -> NodeId {
        NodeId::NONE
    }

    fn stats(&self) -> InboundStats {
        self.stats
    }
}
