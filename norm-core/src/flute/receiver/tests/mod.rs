//! Tests of the receiving engine with packets that are made by hand.

mod bugs;
mod completion;
mod early;
mod hostile;
mod objects;
mod resume;
mod runs;
mod schemes;
mod sessions;
mod signed;

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Receiver, ReceiverConfig, ReceiverEvent};
use crate::base::range_set::RangeSet;
use crate::endpoint::{
    BlockGeometry, BlockSlot, Datagram, Endpoint, Job, JobDone, ObjectRef, Proof, RawPacket,
    SenderId, StoreJob, StoreOutcome, SymbolStore,
};
use crate::fec::{BlockBuffer, FecId, PayloadId, Scheme, encode};
use crate::flute::fdt::{Fdt, FdtFile, FileAttributes, Namespace, Oti};
use crate::flute::layout::geometry;
use crate::flute::wire::{
    Cenc, ExtFdt, ExtTime, ExtensionBuf, FLUTE_VERSION_2, FdtInstanceId, Fti, Header, IdWidths,
    Packet, Toi, Tsi,
};
use crate::transfer::ObjectMeta;
use crate::{Rng, Timestamp};

const START: Timestamp = Timestamp::from_nanos(1_000_000_000);
const SECOND: Duration = Duration::from_secs(1);
const FIRST: SenderId = SenderId(0);

fn toi(number: u128) -> Toi {
    Toi::new(number).unwrap()
}

fn tsi(number: u64) -> Tsi {
    Tsi::new(number).unwrap()
}

/// Bytes that follow from a number.
fn content(seed: u64, len: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    (0..len).map(|_| rng.next_u32() as u8).collect()
}

/// An object that is sent: how, and what.
#[derive(Clone)]
struct Sent {
    toi: Toi,
    fti: Fti,
    bytes: Vec<u8>,
    /// EXT_FTI is in each packet.
    in_band: bool,
}

impl Sent {
    fn new(number: u128, fti: Fti, bytes: &[u8]) -> Self {
        Self { toi: toi(number), fti, bytes: bytes.to_vec(), in_band: true }
    }

    /// Its symbols, of which some have ids that follow each other, back to back.
    fn symbols(&self, block: u32, first: u32, count: u32) -> Vec<u8> {
        let layout = self.fti.layout().unwrap();
        let of = geometry(&layout, block).unwrap();
        let start = of.offset as usize;
        let source = &self.bytes[start..start + of.len as usize];
        let mut out = Vec::new();
        for symbol in first..first + count {
            let size = usize::from(of.symbol_size);
            if symbol < of.symbols {
                let at = symbol as usize * size;
                out.extend_from_slice(&source[at..source.len().min(at + size)]);
            } else {
                out.extend(
                    encode(of.scheme, of.symbols, of.symbol_size, source, symbol, 1).unwrap(),
                );
            }
        }
        out
    }

    /// Payload id and symbols.
    fn payload(&self, block: u32, first: u32, count: u32) -> Vec<u8> {
        let layout = self.fti.layout().unwrap();
        let block_len = layout.block_len(block) as u16;
        let id = PayloadId { block, block_len, symbol: first };
        let mut out = id.encode(layout.scheme().payload_format()).as_bytes().to_vec();
        out.extend(self.symbols(block, first, count));
        out
    }

    /// A packet of some symbols.
    fn packet(&self, block: u32, first: u32, count: u32) -> Made {
        let mut extensions = ExtensionBuf::new();
        if self.in_band {
            assert!(extensions.push_fti(&self.fti));
        }
        let header = Header::new(tsi(1), self.toi, self.fti.fec_id().0);
        Made { header, extensions, content: self.payload(block, first, count) }
    }

    /// Packets of all its source symbols, one in each.
    fn source(&self) -> Vec<Made> {
        let layout = self.fti.layout().unwrap();
        let blocks = (0..layout.blocks()).map(|block| (block, layout.block_len(block)));
        let symbols = blocks.flat_map(|(block, len)| (0..len).map(move |symbol| (block, symbol)));
        symbols.map(|(block, symbol)| self.packet(block, symbol, 1)).collect()
    }

    /// What a table says of it.
    fn file(&self, location: &str) -> FdtFile {
        let attributes = FileAttributes {
            transfer_length: Some(self.bytes.len() as u64),
            oti: Oti::of(&self.fti),
            ..FileAttributes::default()
        };
        let (groups, elements) = (Vec::new(), Vec::new());
        FdtFile { toi: self.toi, location: location.to_owned(), attributes, groups, elements }
    }
}

/// A packet that was made.
#[derive(Clone)]
struct Made {
    header: Header,
    extensions: ExtensionBuf,
    content: Vec<u8>,
}

impl Made {
    fn bytes(&self) -> Vec<u8> {
        let extensions = self.extensions.as_extensions();
        let mut out = Vec::new();
        Packet { header: self.header, extensions, content: &self.content }.emit(&mut out);
        out
    }
}

/// A packet that ends a session.
fn close() -> Made {
    let mut header = Header::new(tsi(1), toi(1), 0);
    (header.toi, header.widths) = (None, header.widths.without_toi());
    header.close_session = true;
    Made { header, extensions: ExtensionBuf::new(), content: Vec::new() }
}

/// How a table is sent.
#[derive(Clone)]
struct Table {
    id: u32,
    version: u8,
    cenc: Option<Cenc>,
    time: Option<ExtTime>,
    fti: Option<Fti>,
    document: Vec<u8>,
}

impl Table {
    fn new(id: u32, files: Vec<FdtFile>) -> Self {
        Self::of(id, &Fdt { expires: u32::MAX, files, ..Fdt::default() })
    }

    fn of(id: u32, fdt: &Fdt) -> Self {
        Self::text(id, &fdt.emit(Namespace::Ietf2005))
    }

    fn text(id: u32, document: &[u8]) -> Self {
        let (version, cenc, time, fti) = (FLUTE_VERSION_2, None, None, None);
        Self { id, version, cenc, time, fti, document: document.to_vec() }
    }

    fn packets(&self) -> Vec<Made> {
        let size = self.document.len() as u64;
        let no_code = Fti::NoCode { size, symbol_size: 1000, max_block_len: 64 };
        let mut sent = Sent::new(0, self.fti.unwrap_or(no_code), &self.document);
        sent.in_band = false;
        let mut packets = sent.source();
        for packet in &mut packets {
            let instance = FdtInstanceId::new(self.id).unwrap();
            assert!(packet.extensions.push_fdt(ExtFdt { version: self.version, instance }));
            self.cenc.iter().for_each(|&cenc| assert!(packet.extensions.push_cenc(cenc)));
            self.time.iter().for_each(|&time| assert!(packet.extensions.push_time(time)));
            assert!(packet.extensions.push_fti(&sent.fti));
        }
        packets
    }
}

/// A store in memory.
#[derive(Debug, Default)]
struct Memory {
    blocks: BTreeMap<BlockSlot, BlockBuffer>,
    /// Bytes of all blocks that were begun.
    taken: u64,
    is_full: bool,
    /// Packets that are kept aside, if they are.
    aside: Option<BTreeMap<ObjectRef, Vec<RawPacket>>>,
}

impl SymbolStore for Memory {
    fn put(&mut self, slot: BlockSlot, of: &BlockGeometry, symbol: u32, payload: &[u8]) -> bool {
        if self.is_full {
            return false;
        }
        if symbol < of.symbols {
            let left = of.len - symbol * u32::from(of.symbol_size);
            assert_eq!(payload.len() as u32, left.min(of.symbol_size.into()), "no padding");
        }
        let taken = &mut self.taken;
        let new = || {
            *taken += u64::from(of.symbols) * u64::from(of.symbol_size);
            BlockBuffer::new(of.scheme, of.symbols, of.symbol_size, of.len).unwrap()
        };
        self.blocks.entry(slot).or_insert_with(new).put(symbol, payload)
    }

    fn put_packet(&mut self, object: ObjectRef, fec: FecId, content: &[u8]) -> bool {
        let Some(aside) = &mut self.aside else { return false };
        aside.entry(object).or_default().push(RawPacket { fec, content: content.into() });
        true
    }

    fn discard_packets(&mut self, object: ObjectRef) {
        self.aside.iter_mut().for_each(|aside| drop(aside.remove(&object)));
    }

    fn room(&mut self) -> u64 {
        if self.is_full { 0 } else { u64::MAX }
    }

    fn discard(&mut self, slot: BlockSlot) {
        self.blocks.remove(&slot);
    }
}

/// A receiver with what it has written.
struct Bench {
    engine: Receiver<Memory>,
    now: Timestamp,
    /// The last byte of the sender's address.
    host: u8,
    port: u16,
    /// What is proved of what comes.
    proof: Proof,
    written: BTreeMap<ObjectRef, Vec<u8>>,
    opened: Vec<(ObjectRef, u64, ObjectMeta)>,
    complete: Vec<ObjectRef>,
    others: Vec<ReceiverEvent>,
}

impl Bench {
    fn new() -> Self {
        Self::with(ReceiverConfig { auto_accept: true, ..ReceiverConfig::new() })
    }

    fn with(config: ReceiverConfig) -> Self {
        Self {
            engine: Receiver::new(config, Memory::default()),
            now: START,
            host: 1,
            port: 1,
            proof: Proof::None,
            written: BTreeMap::new(),
            opened: Vec::new(),
            complete: Vec::new(),
            others: Vec::new(),
        }
    }

    /// A datagram comes; nothing is polled.
    fn datagram(&mut self, mut payload: Vec<u8>) {
        let source = ([10, 0, 0, self.host], self.port).into();
        let (to_group, ce, waited) = (true, false, Duration::ZERO);
        let datagram =
            Datagram { source, to_group, ce, waited, proof: self.proof, payload: &mut payload };
        self.engine.handle_datagram(self.now, datagram);
    }

    /// A packet comes, and jobs are done.
    fn hear(&mut self, packet: &Made) {
        self.datagram(packet.bytes());
        self.work();
    }

    fn hear_all(&mut self, packets: &[Made]) {
        packets.iter().for_each(|packet| self.hear(packet));
    }

    fn job(&mut self) -> Option<StoreJob> {
        loop {
            match self.engine.poll_job() {
                Some(Job::Store(job)) => return Some(job),
                Some(Job::Recall(object)) => self.recall(object),
                _ => return None,
            }
        }
    }

    /// Reads a few packets as a driver does.
    fn recall(&mut self, object: ObjectRef) {
        let aside = self.engine.store_mut().aside.as_mut().unwrap();
        let all = aside.entry(object).or_default();
        let packets: Vec<_> = all.drain(..all.len().min(7)).collect();
        let is_last = all.is_empty();
        self.engine.handle_job(self.now, JobDone::Recall { object, packets, is_last });
    }

    /// Does a job as a driver does.
    fn store(&mut self, job: &StoreJob) -> StoreOutcome {
        let Some(block) = self.engine.store_mut().blocks.get_mut(&job.slot) else {
            return StoreOutcome::Failed;
        };
        let object = self.written.entry(job.slot.object_ref()).or_default();
        let start = job.geometry.offset as usize;
        object.resize(object.len().max(start + job.geometry.len as usize), 0);
        for symbol in job.held.iter().cloned().flatten() {
            let size = usize::from(job.geometry.symbol_size);
            let at = start + symbol as usize * size;
            let end = (at + size).min(start + job.geometry.len as usize);
            block.put(symbol, &object[at..end]);
        }
        if job.decode && !block.recover() {
            return StoreOutcome::NeedMore;
        }
        for (at, bytes) in block.runs() {
            let at = start + at as usize;
            object[at..at + bytes.len()].copy_from_slice(bytes);
        }
        self.engine.store_mut().blocks.remove(&job.slot);
        StoreOutcome::Written
    }

    fn done(&mut self, job: &StoreJob, outcome: StoreOutcome) {
        self.engine.handle_job(self.now, JobDone::Store { slot: job.slot, outcome });
    }

    fn work(&mut self) {
        while let Some(job) = self.job() {
            let outcome = self.store(&job);
            self.done(&job, outcome);
        }
        self.events();
    }

    fn events(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            match event {
                ReceiverEvent::ObjectOpened { object, size, meta } => {
                    self.opened.push((object, size, meta));
                }
                ReceiverEvent::ObjectComplete { object } => self.complete.push(object),
                other => self.others.push(other),
            }
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.engine.handle_timeout(self.now);
        self.work();
    }

    /// What was written of an object that is complete.
    fn bytes(&self, sender: SenderId, key: u64) -> Option<&[u8]> {
        let object = ObjectRef { sender, key };
        let is_complete = self.complete.contains(&object);
        // Of an empty object no block is written.
        is_complete.then(|| self.written.get(&object).map_or(&[][..], Vec::as_slice))
    }

    /// The name of the object that was opened last.
    fn name(&self) -> Option<String> {
        match &self.opened.last()?.2 {
            ObjectMeta::File { name: Some(name), .. } => {
                Some(String::from_utf8_lossy(name).into_owned())
            }
            _ => None,
        }
    }
}

/// RaptorQ, of some blocks, with symbols of 100 bytes.
fn raptorq(size: usize, blocks: u8) -> Fti {
    let (size, symbol_size) = (size as u64, 100);
    Fti::RaptorQ { size, symbol_size, blocks, sub_blocks: 1, alignment: 4 }
}

/// No code, with blocks of four symbols of 100 bytes.
fn no_code(size: usize) -> Fti {
    Fti::NoCode { size: size as u64, symbol_size: 100, max_block_len: 4 }
}
