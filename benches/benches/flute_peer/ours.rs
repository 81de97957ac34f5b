//! Our engines, driven in memory.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use norm_core::Timestamp;
use norm_core::endpoint::{
    BlockGeometry, BlockSlot, Datagram, Endpoint, Job, JobDone, Piece, PrepareJob, Proof, StoreJob,
    StoreOutcome, SymbolStore, TransmitBuf,
};
use norm_core::fec::{BlockBuffer, RsForm, encode};
use norm_core::flute::receiver::ReceiverEvent;
use norm_core::flute::sender::{FecChoice, Passes};
use norm_core::flute::{Profile, Receiver, ReceiverConfig, Sender, SenderConfig};
use norm_core::transfer::{ObjectMeta, ObjectSpec, Outbound};

use crate::allocator::live;
use crate::case::{Case, Fec, Measured, SYMBOL, processor_time};

/// Bits per second in memory.
const RATE: u64 = 10_000_000_000;

/// Coded symbols of a block.
pub(crate) struct Coded {
    block: u64,
    first: u32,
    symbols: Vec<u8>,
    /// What making them took.
    took: Duration,
}

impl Coded {
    /// Does a job.
    pub(crate) fn make(job: &PrepareJob, content: &[u8]) -> Self {
        let (block, first, from) = (job.source.block, job.first, job.source.offset as usize);
        let source = &content[from..from + job.source.len as usize];
        let began = processor_time();
        let symbols = encode(job.scheme, job.symbols, job.symbol_size, source, first, job.count);
        let took = processor_time() - began;
        Self { block, first, symbols: symbols.expect("within the limits"), took }
    }
}

/// A sender of one object.
pub(crate) struct Making<'a> {
    engine: Sender,
    content: &'a [u8],
    /// Of each block the last two jobs: first id and symbols.
    prepared: BTreeMap<u64, Vec<(u32, Vec<u8>)>>,
    coding: Duration,
}

/// What a sender does next.
pub(crate) enum Next {
    /// It has written packets.
    Send,
    /// Nothing before this time.
    Wait(Timestamp),
    /// All is sent.
    End,
}

impl<'a> Making<'a> {
    /// At this rate, in bits per second.
    pub(crate) fn new(case: &Case, content: &'a [u8], rate: u64) -> Self {
        let rs = |form| FecChoice::ReedSolomon { form, parity: case.parity };
        let config = SenderConfig {
            profile: Profile::FluteCrate,
            fec: match case.fec {
                Fec::NoCode => FecChoice::NoCode,
                Fec::Raptor => FecChoice::Raptor,
                Fec::RaptorQ => FecChoice::RaptorQ,
                Fec::Rs2m8 => rs(RsForm::Id2Bits8),
                Fec::Rs5 => rs(RsForm::Id5),
                Fec::Rs129 => rs(RsForm::Id129),
            },
            symbol_size: SYMBOL,
            block_len: case.block_len.into(),
            passes: Passes::Once { overhead: case.overhead() },
            ..SenderConfig::new(1, rate)
        };
        let mut engine = Sender::new(&config, 1, Timestamp::ZERO).expect("a good configuration");
        let meta = ObjectMeta::file(Some(Bytes::from_static(b"a")));
        let spec = ObjectSpec { size: content.len() as u64, meta };
        engine.enqueue(spec).expect("within the limits");
        engine.finish();
        Self { engine, content, prepared: BTreeMap::new(), coding: Duration::ZERO }
    }

    /// Does its jobs, and writes packets that are due. Coding is left to the caller, who may have
    /// done it at once, or [keeps it](Self::keep) later.
    pub(crate) fn next(
        &mut self,
        now: Timestamp,
        out: &mut TransmitBuf,
        mut code: impl FnMut(PrepareJob) -> Option<Coded>,
    ) -> Next {
        while let Some(job) = self.engine.poll_job() {
            match job {
                Job::Prepare(job) => {
                    if let Some(coded) = code(job) {
                        self.keep(now, coded);
                    }
                }
                Job::Gather(job) => {
                    let pieces = job.pieces.iter().map(|piece| self.piece(*piece));
                    let bytes = Bytes::from(pieces.collect::<Vec<_>>().concat());
                    let done = JobDone::Gather { number: job.number, result: Ok(bytes) };
                    self.engine.handle_job(now, done);
                }
                other => panic!("{other:?}"),
            }
        }
        while self.engine.poll_event().is_some() {}
        match self.engine.poll_transmit(now, out) {
            Some(_) => Next::Send,
            None => self.engine.poll_timeout().map_or(Next::End, Next::Wait),
        }
    }

    /// Hands out all packets, whatever the time.
    fn run(&mut self, mut each: impl FnMut(&[u8])) {
        let (mut out, mut now) = (TransmitBuf::new(64), Timestamp::ZERO);
        let content = self.content;
        loop {
            match self.next(now, &mut out, |job| Some(Coded::make(&job, content))) {
                Next::Send => out.as_bytes().chunks(out.segment_size()).for_each(&mut each),
                Next::Wait(until) => now = until,
                Next::End => return,
            }
        }
    }

    /// Takes what a job has made.
    pub(crate) fn keep(&mut self, now: Timestamp, coded: Coded) {
        let Coded { block, first, symbols, took } = coded;
        self.coding += took;
        let kept = self.prepared.entry(block).or_default();
        kept.push((first, symbols));
        if kept.len() > 2 {
            kept.remove(0);
        }
        self.engine.handle_job(now, JobDone::Prepare { block, first, result: Ok(()) });
    }

    fn piece(&self, piece: Piece) -> &[u8] {
        match piece {
            Piece::Source { offset, len, .. } => &self.content[offset as usize..][..len as usize],
            Piece::Prepared { block, first, count } => {
                let size = usize::from(SYMBOL);
                let mut found = self.prepared[&block].iter().filter_map(|(from, symbols)| {
                    let at = first.checked_sub(*from)? as usize * size;
                    symbols.get(at..at + count as usize * size)
                });
                found.next().expect("it is kept")
            }
        }
    }
}

/// The packets that arrive.
pub(crate) fn packets(case: &Case, content: &[u8]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    Making::new(case, content, RATE).run(|packet| packets.push(packet.to_vec()));
    case.lose(&mut packets);
    packets
}

/// Makes all packets.
pub(crate) fn make(case: &Case, content: &[u8]) -> Measured {
    let (before, mut most) = (live(), 0);
    let began = processor_time();
    let mut making = Making::new(case, content, RATE);
    making.run(|packet| {
        black_box(packet);
        most = most.max(live());
    });
    let (seconds, coding) = ((processor_time() - began).as_secs_f64(), making.coding.as_secs_f64());
    Measured { seconds, coding, memory: most.saturating_sub(before) }
}

/// An object in memory, blocks in progress, and buffers that are free again, as the store of a
/// receiver has them. Without a code there is nothing to wait for: symbols go to their place.
#[derive(Debug)]
struct Memory {
    content: Vec<u8>,
    blocks: BTreeMap<BlockSlot, BlockBuffer>,
    free: Vec<BlockBuffer>,
}

impl Memory {
    fn place(&mut self, offset: u64, bytes: &[u8]) {
        let at = offset as usize;
        self.content[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

impl SymbolStore for Memory {
    fn put(&mut self, slot: BlockSlot, of: &BlockGeometry, symbol: u32, payload: &[u8]) -> bool {
        if !of.scheme.is_coded() {
            self.place(of.offset + u64::from(symbol) * u64::from(of.symbol_size), payload);
            return true;
        }
        let free = &mut self.free;
        let new = || {
            let (scheme, k, size, len) = (of.scheme, of.symbols, of.symbol_size, of.len);
            let buffer = match free.pop() {
                Some(mut buffer) => buffer.reset(scheme, k, size, len).map(|()| buffer),
                None => BlockBuffer::new(scheme, k, size, len),
            };
            buffer.expect("the receiver asks for possible blocks")
        };
        self.blocks.entry(slot).or_insert_with(new).put(symbol, payload)
    }

    fn room(&mut self) -> u64 {
        u64::MAX
    }

    fn discard(&mut self, slot: BlockSlot) {
        self.free.extend(self.blocks.remove(&slot));
    }
}

/// A receiver of one object.
pub(crate) struct Taking {
    engine: Receiver<Memory>,
    coding: Duration,
    pub(crate) is_complete: bool,
}

impl Taking {
    /// With memory for the object, which is there and touched before it comes.
    pub(crate) fn new(len: usize) -> Self {
        let config = ReceiverConfig { auto_accept: true, ..ReceiverConfig::new() };
        let content = vec![0xa5; len];
        let store = Memory { content, blocks: BTreeMap::new(), free: Vec::new() };
        let engine = Receiver::new(config, store);
        Self { engine, coding: Duration::ZERO, is_complete: false }
    }

    /// True if this came, and all of it.
    pub(crate) fn is_right(&mut self, content: &[u8]) -> bool {
        self.is_complete && self.engine.store_mut().content == content
    }

    /// Takes a packet.
    pub(crate) fn hear(&mut self, now: Timestamp, datagram: Datagram<'_>) {
        self.engine.handle_datagram(now, datagram);
        while let Some(job) = self.engine.poll_job() {
            let Job::Store(job) = job else { panic!("{job:?}") };
            let outcome = self.store(&job);
            self.engine.handle_job(now, JobDone::Store { slot: job.slot, outcome });
        }
        while let Some(event) = self.engine.poll_event() {
            self.is_complete |= matches!(event, ReceiverEvent::ObjectComplete { .. });
        }
    }

    fn store(&mut self, job: &StoreJob) -> StoreOutcome {
        let store = self.engine.store_mut();
        let Some(mut block) = store.blocks.remove(&job.slot) else {
            return StoreOutcome::Written;
        };
        if job.decode {
            let began = processor_time();
            let is_whole = block.recover();
            self.coding += processor_time() - began;
            if !is_whole {
                store.blocks.insert(job.slot, block);
                return StoreOutcome::NeedMore;
            }
        }
        for (at, bytes) in block.runs() {
            store.place(job.geometry.offset + u64::from(at), bytes);
        }
        store.free.push(block);
        StoreOutcome::Written
    }
}

/// Takes an object from its packets.
pub(crate) fn take(packets: &mut [Vec<u8>], content: &[u8]) -> Measured {
    let mut taking = Taking::new(content.len());
    let (before, mut most) = (live(), 0);
    let began = processor_time();
    let (now, source) = (Timestamp::from_nanos(1), SocketAddr::from(([10, 0, 0, 1], 5000)));
    for payload in packets {
        let (to_group, ce, waited) = (true, false, Duration::ZERO);
        taking.hear(now, Datagram { source, to_group, ce, waited, proof: Proof::None, payload });
        most = most.max(live());
    }
    let seconds = (processor_time() - began).as_secs_f64();
    assert!(taking.is_right(content), "it is received");
    let memory = most.saturating_sub(before);
    Measured { seconds, coding: taking.coding.as_secs_f64(), memory }
}
