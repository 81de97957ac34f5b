//! Two senders on one group, heard by one receiver: both are followed, neither disturbs the other.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use bytes::Bytes;
use norm_core::Timestamp;
use norm_core::endpoint::{
    BlockGeometry, BlockSlot, Datagram, Endpoint, Job, JobDone, StoreOutcome, SymbolStore,
    TransmitBuf,
};
use norm_core::fec::BlockBuffer;
use norm_core::receiver::{ObjectRef, Receiver, ReceiverConfig, ReceiverEvent};
use norm_core::sender::{ObjectSpec, Sender, SenderConfig};
use norm_core::wire::{Identity, NodeId};
use norm_sim::Content;

#[derive(Default)]
struct Store(BTreeMap<BlockSlot, BlockBuffer>);

impl SymbolStore for Store {
    fn put(&mut self, slot: BlockSlot, g: &BlockGeometry, symbol: u32, payload: &[u8]) -> bool {
        let new = || BlockBuffer::new(g.scheme, g.symbols, g.symbol_size, g.len).unwrap();
        self.0.entry(slot).or_insert_with(new).put(symbol, payload)
    }
    fn room(&self) -> u64 {
        u64::MAX
    }
    fn discard(&mut self, slot: BlockSlot) {
        self.0.remove(&slot);
    }
}

fn sender(node: u32, now: Timestamp) -> (Sender, Content) {
    let mut sender = Sender::new(SenderConfig::new(NodeId(node)), u64::from(node), now).unwrap();
    sender.enqueue(ObjectSpec { size: 300_000, info: None, file: true }).unwrap();
    sender.finish();
    (sender, Content::new(u64::from(node)))
}

#[test]
fn each_sender_delivers_its_own_object() {
    let mut now = Timestamp::from_nanos(1_000_000_000);
    // The same node id twice, told apart by instance; and another node.
    let mut senders = [sender(8, now), sender(9, now), sender(9, now)];
    senders[2] = {
        let mut other = Sender::new(SenderConfig::new(NodeId(9)), 77, now).unwrap();
        other.enqueue(ObjectSpec { size: 300_000, info: None, file: true }).unwrap();
        (other, Content::new(77))
    };
    let mut config = ReceiverConfig::new(Identity([1; 16]));
    config.auto_accept = true;
    let mut receiver = Receiver::new(config, Store::default(), 1);
    let (mut found, mut complete) = (Vec::new(), Vec::<ObjectRef>::new());
    let mut out = TransmitBuf::new(8);
    for _ in 0..200 {
        now += Duration::from_millis(1);
        for (n, (sender, content)) in senders.iter_mut().enumerate() {
            let source = SocketAddr::from(([10, 0, 0, n as u8], 5740));
            sender.handle_timeout(now);
            while let Some(job) = sender.poll_job() {
                let Job::Read(job) = job else { panic!("nothing is lost, nothing is coded") };
                let bytes: Bytes = content.read(job.object, job.offset, job.len as usize);
                sender.handle_job(now, JobDone::Read { block: job.block, result: Ok(bytes) });
            }
            while let Some(transmit) = sender.poll_transmit(now, &mut out) {
                for packet in out.bytes.chunks_mut(transmit.segment_size) {
                    receiver
                        .handle_datagram(now, Datagram { source, to_group: true, payload: packet });
                }
            }
        }
        while let Some(Job::Store(job)) = receiver.poll_job() {
            let block = receiver.store_mut().0.remove(&job.slot).unwrap();
            let truth = &senders[job.slot.remote as usize].1;
            let (offset, len) = (job.geometry.offset, job.geometry.len as usize);
            assert!(block.source() == truth.read(0, offset, len), "mixed up {:?}", job.slot);
            let outcome = StoreOutcome::Written;
            receiver.handle_job(now, JobDone::Store { slot: job.slot, outcome });
        }
        while let Some(event) = receiver.poll_event() {
            match event {
                ReceiverEvent::SenderFound { remote, node, .. } => found.push((remote, node.0)),
                ReceiverEvent::ObjectComplete { object } => complete.push(object),
                _ => {}
            }
        }
    }
    assert_eq!(found, [(0, 8), (1, 9), (2, 9)]);
    let mut remotes: Vec<u32> = complete.iter().map(|object| object.remote).collect();
    remotes.sort_unstable();
    assert_eq!(remotes, [0, 1, 2]);
}
