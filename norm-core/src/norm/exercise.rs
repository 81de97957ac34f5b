//! Engines under arbitrary datagrams, codes under arbitrary numbers: shared by the fuzz targets and
//! the test that replays their corpus. Not part of the API.

mod reed_solomon;

pub use reed_solomon::reed_solomon;

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use bytes::Bytes;

use crate::base::Timestamp;
use crate::endpoint::{
    BlockGeometry, BlockSlot, Datagram, Endpoint, Job, JobDone, Proof, StoreOutcome, SymbolStore,
    TransmitBuf,
};
use crate::fec::{BlockBuffer, encode_repair};
use crate::norm::receiver::{Receiver, ReceiverConfig};
use crate::norm::sender::{ObjectSpec, Sender, SenderConfig};
use crate::norm::wire::{Identity, NodeId};

const START: Duration = Duration::from_secs(1);

/// Splits fuzz input into datagrams with the milliseconds that pass before each:
/// `milliseconds, length (2 bytes), bytes`, over and over.
fn datagrams(mut input: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    core::iter::from_fn(move || {
        let (&[pause, high, low], rest) = input.split_first_chunk()?;
        let len = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (datagram, rest) = rest.split_at(len);
        input = rest;
        Some((pause, datagram))
    })
}

/// Blocks in memory; small ones only, so that a run stays short.
#[derive(Debug, Default)]
struct SmallStore {
    blocks: BTreeMap<BlockSlot, BlockBuffer>,
}

impl SymbolStore for SmallStore {
    fn put(&mut self, slot: BlockSlot, g: &BlockGeometry, symbol: u32, payload: &[u8]) -> bool {
        if u64::from(g.symbols) * u64::from(g.symbol_size) > 1 << 16 {
            return false;
        }
        if !self.blocks.contains_key(&slot) {
            assert!(self.blocks.len() < 256, "more blocks than the receiver's cap");
            let new = BlockBuffer::new(g.scheme, g.symbols, g.symbol_size, g.len);
            self.blocks.insert(slot, new.expect("the receiver asks for possible blocks"));
        }
        self.blocks.get_mut(&slot).is_some_and(|block| block.put(symbol, payload))
    }

    fn room(&mut self) -> u64 {
        1 << 20
    }

    fn discard(&mut self, slot: BlockSlot) {
        self.blocks.remove(&slot);
    }
}

/// A receiver under arbitrary datagrams: it must stay within its caps and let no timer stay.
pub fn receiver(input: &[u8]) {
    let mut config = ReceiverConfig::new(Identity([7; 16]));
    config.auto_accept = true;
    config.auto_confirm = true;
    config.max_senders = 4;
    let mut engine = Receiver::new(config, SmallStore::default(), 1);
    let mut now = Timestamp::ZERO + START;
    let mut out = TransmitBuf::new(4);
    for (n, (pause, datagram)) in datagrams(input).enumerate() {
        now += Duration::from_millis(u64::from(pause));
        let source = SocketAddr::from(([10, 0, 0, (n % 3) as u8], 5740));
        let mut payload = datagram.to_vec();
        engine.handle_datagram(
            now,
            Datagram {
                source,
                to_group: true,
                ce: false,
                waited: Duration::ZERO,
                proof: Proof::None,
                payload: &mut payload,
            },
        );
        serve(&mut engine, now, &mut out, |engine, job| {
            let Job::Store(job) = job else { panic!("a receiver only stores") };
            let store = engine.store_mut();
            let mut block = store.blocks.remove(&job.slot).expect("jobs name stored blocks");
            let outcome = if job.decode && !block.recover() {
                store.blocks.insert(job.slot, block);
                StoreOutcome::NeedMore
            } else {
                assert_eq!(block.source().len(), job.geometry.len as usize);
                StoreOutcome::Written
            };
            JobDone::Store { slot: job.slot, outcome }
        });
    }
}

/// A sender under arbitrary datagrams: it must send nothing but its own content, at its rate.
pub fn sender(input: &[u8]) {
    let mut config = SenderConfig::new(NodeId(1));
    config.segment_size = 64;
    config.block_len = 8;
    config.max_receivers = 16;
    let mut now = Timestamp::ZERO + START;
    let mut engine = Sender::new(config, 1, now).expect("valid settings");
    for size in [1000, 0, 5] {
        let info = Some(Bytes::from_static(b"info"));
        engine.enqueue(ObjectSpec { size, info, file: false }).expect("small objects fit");
    }
    engine.finish();
    let mut out = TransmitBuf::new(4);
    for (pause, datagram) in datagrams(input) {
        now += Duration::from_millis(u64::from(pause));
        let source = SocketAddr::from(([10, 0, 0, 9], 5740));
        // The instance id is drawn from the seed; let feedback find it whatever the input says.
        let mut payload = datagram.to_vec();
        if let Some(field) = payload.get_mut(12..14) {
            field.copy_from_slice(&engine.instance().0.to_be_bytes());
        }
        engine.handle_datagram(
            now,
            Datagram {
                source,
                to_group: false,
                ce: false,
                waited: Duration::ZERO,
                proof: Proof::None,
                payload: &mut payload,
            },
        );
        serve(&mut engine, now, &mut out, |_, job| match job {
            Job::Read(job) => {
                let bytes = Bytes::from(vec![0x5a; job.len as usize]);
                JobDone::Read { block: job.block, result: Ok(bytes) }
            }
            Job::Encode(job) => {
                let (k, size) = (job.symbols, job.symbol_size);
                let symbols = encode_repair(k, size, &job.source, job.first, job.count)
                    .expect("the sender asks for possible symbols");
                let result = Ok(Bytes::from(symbols));
                JobDone::Encode { block: job.block, first: job.first, result }
            }
            Job::Store(_) | Job::Recall(_) | Job::Prepare(_) | Job::Gather(_) => {
                panic!("a sender stores nothing")
            }
        });
    }
}

/// Does what a driver does after each input; nothing that is due may be left.
fn serve<E: Endpoint>(
    engine: &mut E,
    now: Timestamp,
    out: &mut TransmitBuf,
    mut work: impl FnMut(&mut E, Job) -> JobDone,
) {
    if engine.poll_timeout().is_some_and(|due| due <= now) {
        engine.handle_timeout(now);
    }
    let mut turns = 0;
    loop {
        let mut busy = false;
        while engine.poll_event().is_some() {}
        while let Some(job) = engine.poll_job() {
            busy = true;
            let done = work(engine, job);
            engine.handle_job(now, done);
        }
        while engine.poll_transmit(now, out).is_some() {
            busy = true;
            turns += 1;
            assert!(turns < 10_000, "the engine never comes to rest");
        }
        if !busy {
            break;
        }
    }
    assert!(engine.poll_timeout().is_none_or(|due| due > now), "a timer lies in the past");
}
