//! A second protocol, without feedback and without repair, carries a file set over the simulated
//! network. Its applications know no message of it.

#[path = "../../../norm-net/src/transfer/toy/engine/mod.rs"]
mod engine;

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use norm_core::Timestamp;
use norm_core::endpoint::{
    BlockGeometry, BlockSlot, Job, JobDone, SenderId, StoreJob, StoreOutcome, SymbolStore,
};
use norm_core::fec::BlockBuffer;
use norm_core::fileset::{
    ChunkHasher, DigestList, DigestListWriter, Entry, EntryKind, Manifest, ManifestWriter,
    PartKind, SetDescriptor, SetId, SetSummary,
};
use norm_core::transfer::{Inbound, InboundNotice, ObjectMeta, ObjectSpec, Outbound};
use norm_sim::{Application, Content, EnginePlan, Host, Link, Outcome, Role, Scenario, run, seeds};

use engine::{ToyReceiver, ToySender};

const SET: SetId = SetId(*b"a set of the toy");
const EXTENT: usize = 150_000;
const FILES: [(&str, u64); 3] =
    [("tree/large", 400_000), ("tree/empty", 0), ("tree/below/small", 17)];
const RECEIVERS: usize = 3;
/// What the toy takes: a packet of 1,205 bytes every 100 µs.
const RATE: u64 = 97_000_000;

/// The parts of a set: what is said of each, and its bytes.
type Parts = Arc<[(ObjectMeta, Bytes)]>;

/// The parts of a set of three files, one of them empty.
fn file_set(seed: u64) -> Parts {
    let mut manifest = ManifestWriter::new();
    for (path, size) in FILES {
        manifest.push(&Entry { size, ..Entry::new(EntryKind::File, path) }).unwrap();
    }
    let payload = Content::new(seed).read(0, 0, manifest.payload_size() as usize);
    let (manifest, hash) = manifest.finish();
    let mut digests = DigestListWriter::new(hash);
    let (large, small) = payload.split_at(400_000);
    digests.push(&ChunkHasher::hash(0, 400_000, large)).unwrap();
    digests.push(&ChunkHasher::hash(0, 17, small)).unwrap();
    let mut bytes = vec![(PartKind::Manifest, 0, Bytes::from(manifest))];
    for (extent, offset) in payload.chunks(EXTENT).zip((0..).step_by(EXTENT)) {
        bytes.push((PartKind::Payload, offset, payload.slice_ref(extent)));
    }
    bytes.push((PartKind::DigestList, 0, digests.finish().0.into()));
    let len = |part: &(PartKind, u64, Bytes)| part.2.len() as u64;
    let set = SetSummary {
        set: SET,
        parts: bytes.len() as u32,
        list_first: false,
        payload_size: payload.len() as u64,
        manifest_size: bytes.first().map_or(0, len),
        list_size: bytes.last().map_or(0, len),
        manifest: hash,
        content: None,
    };
    let part = |(index, (kind, offset, bytes))| {
        let part = SetDescriptor { kind, offset, set };
        (ObjectMeta::SetPart { index, part }, bytes)
    };
    (0..).zip(bytes).map(part).collect()
}

/// Reads what a sending engine asks for.
struct Sending {
    parts: Parts,
}

impl Sending {
    fn start<E: Outbound>(mut engine: E, parts: &Parts) -> (E, Self) {
        for (key, (meta, bytes)) in (0..).zip(parts.iter()) {
            let object = ObjectSpec { size: bytes.len() as u64, meta: meta.clone() };
            assert_eq!(engine.enqueue(object).unwrap(), key);
        }
        engine.finish();
        (engine, Self { parts: Arc::clone(parts) })
    }
}

impl<E: Outbound> Application<E> for Sending {
    fn take_event(&mut self, _: &mut E, _: Timestamp, _: E::Event) {}

    fn work(&mut self, _: &mut E, job: Job) -> JobDone {
        let Job::Read(job) = job else { panic!("this sender only reads") };
        let (_, bytes) = &self.parts[job.object as usize];
        let begin = job.offset as usize;
        let result = Ok(bytes.slice(begin..begin + job.len as usize));
        JobDone::Read { block: job.block, result }
    }

    fn is_done(&self, engine: &E) -> bool {
        engine.is_finished()
    }
}

/// The blocks that are not written yet.
#[derive(Default)]
struct Blocks(BTreeMap<BlockSlot, BlockBuffer>);

impl SymbolStore for Blocks {
    fn put(&mut self, slot: BlockSlot, block: &BlockGeometry, symbol: u32, bytes: &[u8]) -> bool {
        let new = || BlockBuffer::new(block.scheme, block.symbols, block.symbol_size, block.len);
        self.0.entry(slot).or_insert_with(|| new().unwrap()).put(symbol, bytes)
    }

    fn room(&mut self) -> u64 {
        u64::MAX
    }

    fn discard(&mut self, slot: BlockSlot) {
        self.0.remove(&slot);
    }
}

/// What a receiver has, by the key of the object.
#[derive(Clone, Debug, Default, PartialEq)]
struct Received {
    parts: BTreeMap<u64, (ObjectMeta, Vec<u8>)>,
    completed: BTreeMap<u64, Timestamp>,
    ended: Option<Timestamp>,
}

impl Received {
    /// Checks the parts against the digest list that was received.
    fn is_verified(&self) -> bool {
        let parts: Vec<&[u8]> = self.parts.values().map(|(_, bytes)| &**bytes).collect();
        let [manifest, extents @ .., digests] = &parts[..] else { return false };
        let hash = Manifest::parse(manifest).unwrap().hash();
        let digests = DigestList::parse(digests, hash, []).unwrap();
        let payload = extents.concat();
        let (large, small) = payload.split_at(400_000);
        let hashes = [ChunkHasher::hash(0, 400_000, large), ChunkHasher::hash(0, 17, small)];
        digests.chunks().eq(hashes)
    }
}

/// Takes all that a receiving engine is offered.
struct Receiving {
    received: Arc<Mutex<Received>>,
}

impl Receiving {
    fn store(&self, blocks: &mut Blocks, job: &StoreJob) -> Option<()> {
        let mut block = blocks.0.remove(&job.slot)?;
        if job.decode && !block.recover() {
            return None;
        }
        let begin = job.geometry.offset as usize;
        let mut received = self.received.lock().unwrap();
        let (_, bytes) = received.parts.get_mut(&job.slot.object)?;
        bytes.get_mut(begin..begin + block.source().len())?.copy_from_slice(block.source());
        Some(())
    }
}

impl<E: Inbound<Store = Blocks>> Application<E> for Receiving {
    fn take_event(&mut self, engine: &mut E, now: Timestamp, event: E::Event) {
        let mut received = self.received.lock().unwrap();
        match E::notice(event) {
            Some(InboundNotice::Opened { object, size, meta }) => {
                received.parts.insert(object.key, (meta, vec![0; size as usize]));
                engine.accept(object);
            }
            Some(InboundNotice::Complete { object }) => {
                assert_eq!(received.completed.insert(object.key, now), None, "complete once");
                engine.confirm(object);
            }
            Some(InboundNotice::Ended { .. }) => received.ended = Some(now),
            _ => {}
        }
    }

    fn work(&mut self, engine: &mut E, job: Job) -> JobDone {
        let Job::Store(job) = job else { panic!("a receiver only stores") };
        let stored = self.store(engine.store_mut(), &job);
        let outcome = stored.map_or(StoreOutcome::Failed, |()| StoreOutcome::Written);
        JobDone::Store { slot: job.slot, outcome }
    }

    fn is_done(&self, engine: &E) -> bool {
        engine.source(SenderId(0)).is_some_and(|source| source.has_ended)
    }
}

/// Adds a toy sender with the parts of a set, and some toy receivers. Returns what these will have.
fn add_toy(scenario: &mut Scenario, parts: &Parts, link: &Link) -> Vec<Arc<Mutex<Received>>> {
    let parts = Arc::clone(parts);
    let mut sender = EnginePlan::new(move |_, _, now| Sending::start(ToySender::new(now), &parts));
    sender.rate = Some(RATE);
    sender.job_time = Duration::from_micros(300);
    scenario.add(Host::new(Role::Engine(sender), Link::default()));
    let all: Vec<_> = (0..RECEIVERS).map(|_| Arc::default()).collect();
    for received in &all {
        let received = Arc::clone(received);
        let mut receiver = EnginePlan::new(move |_, _, _| {
            let received = Arc::clone(&received);
            (ToyReceiver::new(Blocks::default()), Receiving { received })
        });
        receiver.job_time = Duration::from_millis(1);
        scenario.add(Host::new(Role::Engine(receiver), link.clone()));
    }
    all
}

/// Runs the toy alone on the network.
fn run_toy(seed: u64, parts: &Parts, link: &Link) -> (Outcome, Vec<Received>) {
    let mut scenario = Scenario::new(seed, 0);
    scenario.hosts.clear();
    let all = add_toy(&mut scenario, parts, link);
    let outcome = run(&scenario);
    (outcome, all.iter().map(|received| received.lock().unwrap().clone()).collect())
}

#[track_caller]
fn assert_complete(received: &Received, parts: &[(ObjectMeta, Bytes)]) {
    assert_eq!(received.parts.len(), parts.len());
    for ((key, (meta, bytes)), (sent_meta, sent)) in received.parts.iter().zip(parts) {
        assert!(meta == sent_meta && bytes == sent, "part {key} differs");
    }
    assert_eq!(received.completed.len(), parts.len());
    assert!(received.is_verified() && received.ended.is_some());
}

#[test]
fn toy_protocol_carries_a_file_set_over_the_network() {
    for seed in seeds(5) {
        let parts = file_set(seed);
        let (outcome, all) = run_toy(seed, &parts, &Link::default());
        assert_eq!(all.len(), RECEIVERS);
        all.iter().for_each(|received| assert_complete(received, &parts));
        // Each receiver greets the sender once; all other packets go to all receivers.
        let greetings = RECEIVERS as u64;
        let content = outcome.packets - greetings;
        assert_eq!(outcome.deliveries, content * RECEIVERS as u64 + greetings);
        let again = run_toy(seed, &parts, &Link::default());
        assert!((outcome, all) == again, "equal seeds give equal runs");
    }
}

#[test]
fn toy_protocol_does_not_repair_what_is_lost() {
    for seed in seeds(5) {
        let parts = file_set(seed);
        let lossy = run_toy(seed, &parts, &Link::lossy(0.01));
        assert!(lossy == run_toy(seed, &parts, &Link::lossy(0.01)), "equal seeds give equal runs");
        let (_, all) = lossy;
        let incomplete = |received: &&Received| received.completed.len() < parts.len();
        assert!(all.iter().any(|received| incomplete(&received)), "some packets were lost");
        for received in &all {
            assert!(received.ended.is_some(), "the end of the session arrived");
            for key in received.completed.keys() {
                assert_eq!(received.parts[key].1, parts[*key as usize].1, "complete and correct");
            }
        }
    }
}

#[test]
#[should_panic(expected = "rate exceeded")]
fn toy_sender_above_its_rate_is_found() {
    let mut scenario = Scenario::new(1, 0);
    scenario.hosts.clear();
    add_toy(&mut scenario, &file_set(1), &Link::default());
    let Role::Engine(sender) = &mut scenario.hosts[0].role else { panic!("a toy sender") };
    sender.rate = Some(RATE / 4);
    run(&scenario);
}

#[test]
fn two_protocols_in_one_group_do_not_disturb_each_other() {
    for seed in seeds(5) {
        let parts = file_set(seed);
        let mut scenario = Scenario::new(seed, 300_000).receivers(2, &Link::lossy(0.01));
        let all = add_toy(&mut scenario, &parts, &Link::default());
        run(&scenario).assert_all_complete();
        all.iter().for_each(|received| assert_complete(&received.lock().unwrap(), &parts));
    }
}
