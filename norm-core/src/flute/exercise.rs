//! What must hold for any bytes at all: the bodies of the fuzz targets, shared with the test that
//! replays their corpus. Not part of the interface.

use core::time::Duration;
use std::collections::BTreeMap;

use super::fdt::{Fdt, Namespace, decode};
use super::receiver::Load;
use super::wire::{Packet, TimeFields};
use super::{Receiver, ReceiverConfig};
use crate::base::Timestamp;
use crate::endpoint::{
    BlockGeometry, BlockSlot, Datagram, Endpoint, Job, JobDone, Proof, SenderId, StoreOutcome,
    SymbolStore,
};
use crate::fec::{BlockBuffer, FecId, PayloadFormat};

/// A packet that is good is written again to the same bytes, but for reserved bits.
pub fn packet(bytes: &[u8]) -> bool {
    let _ = Packet::parse(bytes, TimeFields::InHeader);
    let Ok(packet) = Packet::parse(bytes, TimeFields::Reserved) else { return false };
    for fec in [0, 1, 2, 5, 6, 129].map(FecId) {
        if let Some(fti) = packet.extensions.fti(fec) {
            assert_eq!(fti.fec_id(), fec);
        }
    }
    let extensions = packet.extensions;
    let _ = (extensions.time(), extensions.fdt(), extensions.cenc(), extensions.has_fti());
    for format in [PayloadFormat::Block24Symbol8, PayloadFormat::Block32Len16Symbol16] {
        let _ = packet.symbols(format);
    }
    let mut again = Vec::new();
    packet.emit(&mut again);
    let mut before = bytes.to_vec();
    if let Some(second) = before.get_mut(1) {
        *second &= !0x0c;
    }
    assert!(again == before, "it was not written as it came");
    true
}

/// A table that is good says the same when it is written again, but for what others added.
pub fn fdt(bytes: &[u8]) -> bool {
    let _ = decode(bytes, 1 << 20);
    let Ok(fdt) = Fdt::parse(bytes) else { return false };
    for file in &fdt.files {
        let attributes = fdt.attributes(file);
        let _ = attributes.oti.fti(attributes.object_length().unwrap_or(0));
    }
    let Ok(again) = Fdt::parse(&fdt.emit(Namespace::Ietf2005)) else {
        panic!("what was read can be written")
    };
    assert_eq!((again.expires, again.complete), (fdt.expires, fdt.complete));
    assert!(again.files.len() <= fdt.files.len());
    true
}

/// Blocks in memory; small ones only, so that a run stays short.
#[derive(Debug, Default)]
struct SmallStore(BTreeMap<BlockSlot, BlockBuffer>);

impl SymbolStore for SmallStore {
    fn put(&mut self, slot: BlockSlot, of: &BlockGeometry, symbol: u32, payload: &[u8]) -> bool {
        if u64::from(of.symbols) * u64::from(of.symbol_size) > 1 << 16 || self.0.len() > 256 {
            return false;
        }
        let new = || {
            BlockBuffer::new(of.scheme, of.symbols, of.symbol_size, of.len)
                .expect("the receiver asks for possible blocks")
        };
        self.0.entry(slot).or_insert_with(new).put(symbol, payload)
    }

    fn room(&mut self) -> u64 {
        1 << 20
    }

    fn discard(&mut self, slot: BlockSlot) {
        self.0.remove(&slot);
    }
}

/// A receiver under datagrams, each of them after a byte with the number of its source and
/// milliseconds that pass, and two with its length. True when an object is complete by them.
pub fn receiver(mut input: &[u8]) -> bool {
    const LIMIT: usize = 1 << 20;
    let config = ReceiverConfig {
        auto_accept: true,
        max_bookkeeping: LIMIT,
        max_early: LIMIT,
        ..ReceiverConfig::new()
    };
    let mut engine = Receiver::new(config, SmallStore::default());
    let (mut now, mut complete) = (Timestamp::ZERO, false);
    while let Some((&[pause, high, low], rest)) = input.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (payload, rest) = rest.split_at(len);
        input = rest;
        now += Duration::from_millis((pause >> 2).into());
        let source = ([10, 0, 0, 1], (pause & 3).into()).into();
        let (to_group, ce, waited, payload) = (true, false, Duration::ZERO, &mut payload.to_vec());
        engine.handle_datagram(
            now,
            Datagram { source, to_group, ce, waited, proof: Proof::None, payload },
        );
        engine.handle_timeout(now);
        while let Some(Job::Store(job)) = engine.poll_job() {
            let block = engine.store_mut().0.remove(&job.slot);
            let is_whole = block.is_some_and(|mut block| block.recover());
            let outcome = if is_whole { StoreOutcome::Written } else { StoreOutcome::HeldLost };
            engine.handle_job(now, JobDone::Store { slot: job.slot, outcome });
        }
        while let Some(event) = engine.poll_event() {
            complete |= matches!(event, super::receiver::ReceiverEvent::ObjectComplete { .. });
        }
        // What tables take that are not whole has a limit of 16 MiB.
        assert!(engine.load().bytes <= 2 * LIMIT + (16 << 20), "a limit was not kept");
    }
    let sessions = u32::try_from(engine.stats().packets).unwrap_or(u32::MAX);
    (0..sessions).for_each(|id| engine.forget(SenderId(id)));
    assert_eq!(engine.load(), Load::default(), "something was not given back");
    assert!(engine.store().0.is_empty(), "the store has blocks of no object");
    complete
}
