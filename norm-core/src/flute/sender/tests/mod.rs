//! The engine alone: jobs are answered from memory at once, packets are read by `flute::wire`.

mod bugs;
mod carousel;
mod content;
mod jobs;
mod profiles;
mod session;
mod table;

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::{Sender, SenderConfig, SenderError, SenderEvent};
use crate::Timestamp;
use crate::base::Rng;
use crate::endpoint::{
    Endpoint, GatherJob, Job, JobDone, JobFailed, Piece, PrepareJob, TransmitBuf,
};
use crate::fec::{
    BlockBuffer, Layout, PayloadFormat, PayloadId, Points, RsCode, RsForm, Scheme, encode,
};
use crate::flute::fdt::{Fdt, decode};
use crate::flute::layout::geometry;
use crate::flute::wire::{Cenc, ExtFdt, Fti, Header, Packet, TimeFields, Toi};
use crate::transfer::{ObjectMeta, ObjectSpec, Outbound};

const MIB: u64 = 1 << 20;

/// A packet as it was sent.
#[derive(Clone, Debug)]
struct Sent {
    at: Timestamp,
    bytes: Vec<u8>,
}

impl Sent {
    fn packet(&self) -> Packet<'_> {
        Packet::parse(&self.bytes, TimeFields::Reserved).unwrap()
    }

    fn header(&self) -> Header {
        self.packet().header
    }

    fn fdt(&self) -> Option<ExtFdt> {
        self.packet().extensions.fdt()
    }

    fn fti(&self) -> Option<Fti> {
        let packet = self.packet();
        packet.extensions.fti(crate::fec::FecId(packet.header.codepoint))
    }

    /// Of an object: its TOI, the payload id and the symbol.
    fn symbol(&self, format: PayloadFormat) -> Option<(u64, PayloadId, &[u8])> {
        let packet = self.packet();
        let toi = packet.header.toi.filter(|toi| *toi != Toi::FDT)?;
        let (id, _) = packet.symbols(format)?;
        let bytes = packet.content.get(format.len()..)?;
        Some((toi.get() as u64, id, bytes))
    }
}

/// A sender, its content, and what its driver keeps.
struct Rig {
    sender: Sender,
    now: Timestamp,
    content: BTreeMap<u64, Vec<u8>>,
    /// Of each block the last two jobs: first id, symbol size, symbols.
    prepared: BTreeMap<u64, VecDeque<(u32, usize, Vec<u8>)>>,
    prepares: usize,
    gathers: usize,
    out: TransmitBuf,
    events: Vec<SenderEvent>,
    fails: bool,
    /// Jobs that are not answered.
    waiting: Vec<Job>,
    /// Answers come late and in any order.
    disorder: Option<Rng>,
}

impl Rig {
    fn new(config: &SenderConfig) -> Self {
        Self::try_new(config).unwrap()
    }

    fn try_new(config: &SenderConfig) -> Result<Self, SenderError> {
        Ok(Self {
            sender: Sender::new(config, 1, Timestamp::ZERO)?,
            now: Timestamp::ZERO,
            content: BTreeMap::new(),
            prepared: BTreeMap::new(),
            prepares: 0,
            gathers: 0,
            out: TransmitBuf::new(64),
            events: Vec::new(),
            fails: false,
            waiting: Vec::new(),
            disorder: None,
        })
    }

    /// Adds a file of random bytes.
    fn add_file(&mut self, name: &str, size: usize) -> u64 {
        let name = Some(Bytes::copy_from_slice(name.as_bytes()));
        self.add(ObjectMeta::file(name), size)
    }

    fn add(&mut self, meta: ObjectMeta, size: usize) -> u64 {
        let mut rng = Rng::new(size as u64);
        let bytes = (0..size).map(|_| rng.next_u32() as u8).collect();
        let key = self.sender.enqueue(ObjectSpec { size: size as u64, meta }).unwrap();
        self.content.insert(key, bytes);
        key
    }

    fn answer(&mut self) {
        loop {
            self.waiting.extend(core::iter::from_fn(|| self.sender.poll_job()));
            let Some(last) = self.waiting.len().checked_sub(1) else { return };
            let mut at = 0;
            if let Some(rng) = &mut self.disorder {
                at = rng.below(last as u64 + 1) as usize;
                if rng.chance(0.5) {
                    // The others are late.
                    return;
                }
            }
            let done = match self.waiting.remove(at) {
                Job::Prepare(job) => self.prepare(job),
                Job::Gather(job) => self.gather(&job),
                other => panic!("{other:?}"),
            };
            self.sender.handle_job(self.now, done);
        }
    }

    fn prepare(&mut self, job: PrepareJob) -> JobDone {
        self.prepares += 1;
        let (block, first, from) = (job.source.block, job.first, job.source.offset as usize);
        let source = &self.content[&job.source.object][from..from + job.source.len as usize];
        assert!(first >= job.symbols && job.count > 0, "{job:?}");
        let (size, count) = (job.symbol_size, job.count);
        let symbols = encode(job.scheme, job.symbols, size, source, first, count).unwrap();
        let kept = self.prepared.entry(block).or_default();
        kept.push_back((first, size.into(), symbols));
        if kept.len() > 2 {
            kept.pop_front();
        }
        JobDone::Prepare { block, first, result: Ok(()) }
    }

    fn gather(&mut self, job: &GatherJob) -> JobDone {
        self.gathers += 1;
        let mut bytes = Vec::new();
        for piece in &job.pieces {
            bytes.extend_from_slice(self.piece(*piece));
        }
        let result = if self.fails { Err(JobFailed) } else { Ok(Bytes::from(bytes)) };
        JobDone::Gather { number: job.number, result }
    }

    fn piece(&self, piece: Piece) -> &[u8] {
        match piece {
            Piece::Source { object, offset, len } => {
                &self.content[&object][offset as usize..][..len as usize]
            }
            Piece::Prepared { block, first, count } => {
                let kept = self.prepared.get(&block).unwrap().iter();
                let mut found = kept.filter_map(|(from, size, symbols)| {
                    let at = first.checked_sub(*from)? as usize * size;
                    symbols.get(at..at + count as usize * size)
                });
                found.next().unwrap_or_else(|| panic!("{piece:?} is not kept"))
            }
        }
    }

    /// The next packets; none at the end, or when nothing will come without a call.
    fn step(&mut self) -> Vec<Sent> {
        loop {
            self.answer();
            self.events.extend(core::iter::from_fn(|| self.sender.poll_event()));
            if self.sender.poll_transmit(self.now, &mut self.out).is_some() {
                let (at, size) = (self.now, self.out.segment_size());
                let datagrams = self.out.as_bytes().chunks(size);
                return datagrams.map(|bytes| Sent { at, bytes: bytes.to_vec() }).collect();
            }
            match self.sender.poll_timeout() {
                Some(next) => {
                    assert!(next > self.now, "a timer of a served sender lies in the past");
                    self.now = next;
                }
                None if self.waiting.is_empty() => return Vec::new(),
                None => {}
            }
        }
    }

    /// All packets until the session is over, or about this many.
    fn run(&mut self, most: usize) -> Vec<Sent> {
        let mut sent = Vec::new();
        while sent.len() < most {
            let more = self.step();
            if more.is_empty() {
                break;
            }
            sent.extend(more);
        }
        sent
    }
}

/// Settings for short tests: small symbols, blocks of 20.
fn config() -> SenderConfig {
    SenderConfig {
        symbol_size: 64,
        block_len: 20,
        unix_start: Duration::from_secs(1_800_000_000),
        ..SenderConfig::new(7, 10_000_000)
    }
}

/// What a receiver makes of the packets of an object.
struct Decoder {
    toi: u64,
    layout: Layout,
    blocks: Vec<BlockBuffer>,
}

impl Decoder {
    fn new(toi: u64, layout: Layout) -> Self {
        let blocks = (0..layout.blocks()).map(|block| {
            let of = geometry(&layout, block).unwrap();
            BlockBuffer::new(of.scheme, of.symbols, of.symbol_size, of.len).unwrap()
        });
        Self { toi, layout, blocks: blocks.collect() }
    }

    fn take(&mut self, sent: &Sent) {
        let scheme = self.layout.scheme();
        let Some((toi, id, bytes)) = sent.symbol(scheme.payload_format()) else { return };
        if toi == self.toi {
            let k = self.layout.block_len(id.block);
            assert!(id.block_len == 0 || u32::from(id.block_len) == k);
            let content = usize::from(self.layout.symbol_bytes(id.block, id.symbol));
            let full = usize::from(self.layout.symbol_size());
            let expected = if scheme == Scheme::NoCode { content } else { full };
            assert_eq!(bytes.len(), expected);
            self.blocks[id.block as usize].put(id.symbol, bytes);
        }
    }

    /// The content, as far as it can be made.
    fn content(&mut self) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        for block in &mut self.blocks {
            if !block.recover() {
                return None;
            }
            all.extend_from_slice(block.source());
        }
        Some(all)
    }
}

/// The instances of the table that these packets have, each once, with their first packets.
fn tables(sent: &[Sent]) -> Vec<(ExtFdt, Fdt)> {
    let mut list: Vec<(ExtFdt, Option<Decoder>, Option<Fdt>)> = Vec::new();
    for packet in sent {
        let Some(fdt) = packet.fdt() else { continue };
        let fti = packet.fti().expect("the table has its EXT_FTI");
        if list.last().is_none_or(|(last, ..)| *last != fdt) {
            let known = list.iter().position(|(one, ..)| *one == fdt);
            let entry = match known {
                Some(at) => list.remove(at),
                None => (fdt, Some(Decoder::new(0, fti.layout().unwrap())), None),
            };
            list.push(entry);
        }
        let (_, decoder, document) = list.last_mut().unwrap();
        let decoder = decoder.as_mut().unwrap();
        let format = decoder.layout.scheme().payload_format();
        let (id, bytes) = packet.packet().symbols(format).unwrap();
        assert_eq!(id.block, 0);
        decoder.blocks[0].put(id.symbol, bytes);
        if document.is_none()
            && let Some(bytes) = decoder.content()
        {
            let is_gzip = packet.packet().extensions.cenc() == Some(Cenc::GZIP);
            let bytes = if is_gzip { decode(&bytes, 1 << 20).unwrap() } else { bytes };
            *document = Some(Fdt::parse(&bytes).unwrap());
        }
    }
    let whole = list.into_iter().filter_map(|(fdt, _, document)| Some((fdt, document?)));
    whole.collect()
}
