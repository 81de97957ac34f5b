//! Carousels whose tables are lost, have expired, or change while an object is on its way: wherever
//! a receiver joins, it waits for little more than one pass.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use norm_core::endpoint::{
    BlockGeometry, BlockSlot, Datagram, Endpoint, Job, JobDone, ObjectRef, Piece, Proof,
    StoreOutcome, SymbolStore, TransmitBuf,
};
use norm_core::flute::receiver::ReceiverEvent;
use norm_core::flute::sender::{FecChoice, Passes};
use norm_core::flute::wire::{Packet, TimeFields, Toi};
use norm_core::flute::{Profile, Receiver, ReceiverConfig, Sender, SenderConfig};
use norm_core::transfer::{ObjectMeta, ObjectSpec, Outbound};
use norm_core::{Rng, Timestamp};

/// Blocks, source symbols of each, and bytes of a symbol.
const BLOCKS: u64 = 4;
const K: u64 = 600;
const SYMBOL: u16 = 1344;
const SYMBOLS: u64 = BLOCKS * K;
/// Time of a pass, in about as many tables.
const PASS: Duration = Duration::from_secs(10);
/// Time since 1970 at the sender's start.
const DATE: Duration = Duration::from_secs(1_800_000_000);

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Fault {
    Nothing,
    /// No table arrives in nine tenths of a pass.
    Lost,
    /// Each table has expired by the receiver's clock, and none tells the sender's time.
    Expired,
    /// The table changes three times in a pass.
    Changing,
}

/// Which symbols of each block are here: K of them count as decoded.
#[derive(Default)]
struct Ids(BTreeMap<BlockSlot, BTreeSet<u32>>);

impl SymbolStore for Ids {
    fn put(&mut self, slot: BlockSlot, _: &BlockGeometry, symbol: u32, _: &[u8]) -> bool {
        self.0.entry(slot).or_default().insert(symbol)
    }
    fn room(&mut self) -> u64 {
        u64::MAX
    }
    fn discard(&mut self, slot: BlockSlot) {
        self.0.remove(&slot);
    }
}

/// A sender of an object and, if its table changes, others of one symbol.
struct Sending {
    engine: Sender,
    now: Timestamp,
    out: TransmitBuf,
}

impl Sending {
    fn new(fault: Fault) -> Self {
        let mut config = SenderConfig {
            symbol_size: SYMBOL,
            block_len: K as u32,
            passes: Passes::Forever,
            unix_start: DATE,
            ..SenderConfig::new(1, 1)
        };
        if fault == Fault::Expired {
            (config.profile, config.fec) = (Profile::Mbms, FecChoice::Raptor);
        }
        let packet = config.header_len() + usize::from(SYMBOL) + config.overhead.bytes();
        config.rate = SYMBOLS * packet as u64 * 8 / PASS.as_secs();
        let engine = Sender::new(&config, 1, Timestamp::ZERO).unwrap();
        let mut sending = Self { engine, now: Timestamp::ZERO, out: TransmitBuf::new(16) };
        sending.add(SYMBOLS);
        sending
    }

    fn add(&mut self, symbols: u64) {
        let meta = ObjectMeta::file(Some(Bytes::from(format!("file {}", self.now.as_nanos()))));
        let size = symbols * u64::from(SYMBOL);
        self.engine.enqueue(ObjectSpec { size, meta }).unwrap();
    }

    /// The next packets.
    fn next(&mut self) -> Vec<Vec<u8>> {
        loop {
            while let Some(job) = self.engine.poll_job() {
                let done = match job {
                    Job::Prepare(job) => JobDone::Prepare {
                        block: job.source.block,
                        first: job.first,
                        result: Ok(()),
                    },
                    Job::Gather(job) => {
                        let len = |piece: &Piece| match *piece {
                            Piece::Source { len, .. } => len as usize,
                            Piece::Prepared { count, .. } => count as usize * usize::from(SYMBOL),
                        };
                        let bytes = vec![0; job.pieces.iter().map(len).sum()];
                        JobDone::Gather { number: job.number, result: Ok(bytes.into()) }
                    }
                    other => panic!("{other:?}"),
                };
                self.engine.handle_job(self.now, done);
            }
            while self.engine.poll_event().is_some() {}
            if self.engine.poll_transmit(self.now, &mut self.out).is_some() {
                let size = self.out.segment_size();
                return self.out.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
            }
            self.now = self.engine.poll_timeout().unwrap();
        }
    }
}

/// A receiver that waits for the long object.
struct Waiting {
    engine: Receiver<Ids>,
    object: Option<ObjectRef>,
    is_complete: bool,
    has_expired: bool,
}

impl Waiting {
    fn new(fault: Fault) -> Self {
        // Ten years ahead.
        let ahead = Duration::from_secs(if fault == Fault::Expired { 315_000_000 } else { 0 });
        let mut config = ReceiverConfig { auto_accept: true, ..ReceiverConfig::new() };
        config.unix_start = Some(DATE + ahead);
        let engine = Receiver::new(config, Ids::default());
        Self { engine, object: None, is_complete: false, has_expired: false }
    }

    fn hear(&mut self, now: Timestamp, payload: &mut [u8]) {
        let (source, proof) = (SocketAddr::from(([10, 0, 0, 1], 5000)), Proof::None);
        let (to_group, ce, waited) = (true, false, Duration::ZERO);
        self.engine.handle_datagram(now, Datagram { source, to_group, ce, waited, proof, payload });
        while let Some(job) = self.engine.poll_job() {
            let Job::Store(job) = job else { panic!("{job:?}") };
            let blocks = &mut self.engine.store_mut().0;
            let outcome = match blocks[&job.slot].len() < job.geometry.symbols as usize {
                true => StoreOutcome::NeedMore,
                false => {
                    blocks.remove(&job.slot);
                    StoreOutcome::Written
                }
            };
            self.engine.handle_job(now, JobDone::Store { slot: job.slot, outcome });
        }
        while let Some(event) = self.engine.poll_event() {
            match event {
                ReceiverEvent::ObjectOpened { object, size, .. } => {
                    let is_long = size == SYMBOLS * u64::from(SYMBOL);
                    self.object = self.object.or(is_long.then_some(object));
                }
                ReceiverEvent::ObjectComplete { object } => {
                    self.is_complete |= self.object == Some(object);
                }
                ReceiverEvent::TableExpired { .. } => self.has_expired = true,
                _ => {}
            }
        }
    }
}

/// Packets that are sent from the moment of joining until the object is complete, per source
/// symbol.
fn waits(fault: Fault, loss: f64, seed: u64) -> f64 {
    let mut rng = Rng::new(seed);
    let joined = Timestamp::ZERO + PASS.mul_f64(rng.unit());
    let (mut sending, mut waiting) = (Sending::new(fault), Waiting::new(fault));
    let (mut sent, mut changes) = (0, 0);
    while !waiting.is_complete {
        for mut packet in sending.next() {
            let since = sending.now.saturating_since(joined);
            if sending.now < joined {
                continue;
            }
            sent += 1;
            assert!(sent < 3 * SYMBOLS, "{fault:?}, seed {seed}: it never completes");
            let toi = Packet::parse(&packet, TimeFields::Reserved).unwrap().header.toi;
            let is_table = toi == Some(Toi::FDT);
            let is_lost = is_table && fault == Fault::Lost && since < PASS.mul_f64(0.9);
            if !is_lost && !rng.chance(loss) {
                waiting.hear(sending.now, &mut packet);
            }
        }
        if fault == Fault::Changing && sending.now > Timestamp::ZERO + PASS / 3 * (changes + 1) {
            changes += 1;
            sending.add(1);
        }
    }
    assert_eq!(waiting.has_expired, fault == Fault::Expired, "{fault:?}");
    sent as f64 / SYMBOLS as f64
}

#[test]
fn faults_of_tables_cost_little_of_a_pass_wherever_a_receiver_joins() {
    for fault in [Fault::Nothing, Fault::Lost, Fault::Expired, Fault::Changing] {
        for loss in [0.0, 0.05, 0.2] {
            let seeds = 10;
            let mean = (0..seeds).map(|seed| waits(fault, loss, seed)).sum::<f64>() / seeds as f64;
            println!("{fault:?}, {loss}: {mean:.4}");
            let bounds = 1.0 / (1.0 - loss) * 0.99..1.05 / (1.0 - loss);
            assert!(bounds.contains(&mean), "{fault:?} at a loss of {loss}: {mean}");
        }
    }
}
