//! Our receiver, which keeps objects in memory.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use norm_core::Timestamp;
use norm_core::endpoint::{
    BlockGeometry, BlockSlot, Datagram, Endpoint, Job, JobDone, ObjectRef, Proof, StoreJob,
    StoreOutcome, SymbolStore,
};
use norm_core::fec::BlockBuffer;
use norm_core::flute::receiver::{ReceiverEvent, ReceiverStats};
use norm_core::flute::{Receiver, ReceiverConfig};
use norm_core::transfer::ObjectMeta;

/// Blocks in progress.
#[derive(Debug, Default)]
struct Memory {
    blocks: BTreeMap<BlockSlot, BlockBuffer>,
}

impl SymbolStore for Memory {
    fn put(&mut self, slot: BlockSlot, of: &BlockGeometry, symbol: u32, payload: &[u8]) -> bool {
        let new = || BlockBuffer::new(of.scheme, of.symbols, of.symbol_size, of.len).unwrap();
        self.blocks.entry(slot).or_insert_with(new).put(symbol, payload)
    }

    fn room(&mut self) -> u64 {
        u64::MAX
    }

    fn discard(&mut self, slot: BlockSlot) {
        self.blocks.remove(&slot);
    }
}

/// A receiver and what it has written.
pub struct OurReceiver {
    engine: Receiver<Memory>,
    now: Timestamp,
    written: BTreeMap<ObjectRef, Vec<u8>>,
    names: BTreeMap<ObjectRef, String>,
    complete: Vec<ObjectRef>,
    /// What else it said.
    pub events: Vec<ReceiverEvent>,
}

impl OurReceiver {
    pub fn new() -> Self {
        let unix_start = Some(Duration::from_secs(1_800_000_000));
        let config = ReceiverConfig { auto_accept: true, unix_start, ..ReceiverConfig::new() };
        Self {
            engine: Receiver::new(config, Memory::default()),
            now: Timestamp::ZERO,
            written: BTreeMap::new(),
            names: BTreeMap::new(),
            complete: Vec::new(),
            events: Vec::new(),
        }
    }

    pub fn hear(&mut self, packet: &[u8]) {
        self.now += Duration::from_micros(100);
        let source = SocketAddr::from(([10, 0, 0, 1], 5000));
        let (to_group, ce, waited) = (true, false, Duration::ZERO);
        let mut payload = packet.to_vec();
        let datagram =
            Datagram { source, to_group, ce, waited, proof: Proof::None, payload: &mut payload };
        self.engine.handle_datagram(self.now, datagram);
        self.work();
    }

    fn work(&mut self) {
        while let Some(job) = self.engine.poll_job() {
            let Job::Store(job) = job else { panic!("{job:?}") };
            let outcome = self.store(&job);
            let done = JobDone::Store { slot: job.slot, outcome };
            self.engine.handle_job(self.now, done);
        }
        while let Some(event) = self.engine.poll_event() {
            match event {
                ReceiverEvent::ObjectOpened { object, meta, .. } => {
                    let ObjectMeta::File { name: Some(name), .. } = meta else {
                        panic!("{meta:?}")
                    };
                    self.names.insert(object, String::from_utf8(name.to_vec()).unwrap());
                }
                ReceiverEvent::ObjectComplete { object } => self.complete.push(object),
                other => self.events.push(other),
            }
        }
    }

    fn store(&mut self, job: &StoreJob) -> StoreOutcome {
        let block = self.engine.store_mut().blocks.get_mut(&job.slot).unwrap();
        let object = self.written.entry(job.slot.object_ref()).or_default();
        let (start, len) = (job.geometry.offset as usize, job.geometry.len as usize);
        object.resize(object.len().max(start + len), 0);
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

    /// Names and bytes of the objects that are complete.
    pub fn complete(&self) -> Vec<(String, Vec<u8>)> {
        let bytes = |object| self.written.get(object).cloned().unwrap_or_default();
        let name = |object| self.names.get(object).cloned().unwrap_or_default();
        self.complete.iter().map(|object| (name(object), bytes(object))).collect()
    }

    /// How many objects are complete.
    pub fn complete_count(&self) -> usize {
        self.complete.len()
    }

    pub fn stats(&self) -> ReceiverStats {
        *self.engine.stats()
    }
}
