//! NORM carousels from a sender's content to receivers that come at any time, through losses.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use norm_core::endpoint::{
    BlockGeometry, BlockSlot, Datagram, Endpoint, GatherJob, Job, JobDone, Piece, PrepareJob,
    Proof, StoreOutcome, SymbolStore, TransmitBuf,
};
use norm_core::fec::{BlockBuffer, encode};
use norm_core::norm::receiver::{Feedback, Progress};
use norm_core::norm::sender::{MemberStatus, ObjectSpec, Passes, Payload};
use norm_core::norm::wire::{Identity, MemberState, Message, NodeId, ObjectFlags};
use norm_core::norm::{Receiver, ReceiverConfig, ReceiverEvent, Sender, SenderConfig};
use norm_core::{Rng, Timestamp};

const MS: Duration = Duration::from_millis(1);
/// Bytes of the objects, and of a segment.
const SIZES: [usize; 3] = [3000, 400_001, 90_000];
const SEGMENT: u16 = 512;

/// Blocks in memory.
#[derive(Default)]
struct Store(BTreeMap<BlockSlot, BlockBuffer>);

impl SymbolStore for Store {
    fn put(&mut self, slot: BlockSlot, of: &BlockGeometry, symbol: u32, data: &[u8]) -> bool {
        let new = || BlockBuffer::new(of.scheme, of.symbols, of.symbol_size, of.len).unwrap();
        self.0.entry(slot).or_insert_with(new).put(symbol, data)
    }
    fn room(&mut self) -> u64 {
        u64::MAX
    }
    fn discard(&mut self, slot: BlockSlot) {
        self.0.remove(&slot);
    }
}

/// A receiver that comes at some time and loses packets.
struct Listener {
    engine: Receiver<Store>,
    from: Duration,
    loss: f64,
    rng: Rng,
    content: BTreeMap<u64, Vec<u8>>,
    complete: Vec<u64>,
    is_released: bool,
    /// DATA messages that were sent since it came, until it was complete.
    passed: usize,
    done_at: Option<Timestamp>,
}

impl Listener {
    fn new(seed: u8, feedback: Feedback, from: Duration, loss: f64) -> Self {
        let config = ReceiverConfig {
            feedback,
            auto_accept: true,
            auto_confirm: true,
            ..ReceiverConfig::new(Identity([seed; 16]))
        };
        Self {
            engine: Receiver::new(config, Store::default(), seed.into()),
            from,
            loss,
            rng: Rng::new(seed.into()),
            content: BTreeMap::new(),
            complete: Vec::new(),
            is_released: false,
            passed: 0,
            done_at: None,
        }
    }

    fn is_done(&self) -> bool {
        self.done_at.is_some()
    }

    fn hear(&mut self, now: Timestamp, packet: &[u8]) {
        if now < Timestamp::ZERO + self.from {
            return;
        }
        let is_data = matches!(Message::parse(packet), Ok((_, Message::Data(_))));
        self.passed += usize::from(is_data && !self.is_done());
        if self.rng.chance(self.loss) {
            return;
        }
        let source = SocketAddr::from(([10, 0, 0, 1], 5740));
        let (payload, waited) = (&mut packet.to_vec()[..], Duration::ZERO);
        let datagram =
            Datagram { source, to_group: true, ce: false, waited, proof: Proof::None, payload };
        self.engine.handle_datagram(now, datagram);
        self.work(now);
    }

    fn work(&mut self, now: Timestamp) {
        while let Some(Job::Store(job)) = self.engine.poll_job() {
            let mut block = self.engine.store_mut().0.remove(&job.slot).unwrap();
            let outcome = if block.recover() {
                let object = self.content.entry(job.slot.object).or_default();
                let from = job.geometry.offset as usize;
                let end = from + block.source().len();
                object.resize(object.len().max(end), 0);
                object[from..end].copy_from_slice(block.source());
                StoreOutcome::Written
            } else {
                self.engine.store_mut().0.insert(job.slot, block);
                StoreOutcome::NeedMore
            };
            self.engine.handle_job(now, JobDone::Store { slot: job.slot, outcome });
        }
        while let Some(event) = self.engine.poll_event() {
            match event {
                ReceiverEvent::ObjectComplete { object } => self.complete.push(object.key),
                ReceiverEvent::Released { .. } => self.is_released = true,
                _ => {}
            }
        }
        if self.complete.len() == SIZES.len() && !self.is_done() {
            self.done_at = Some(now);
        }
    }
}

/// A sender, its content, and what its driver keeps.
struct Rig {
    sender: Sender,
    now: Timestamp,
    content: Vec<Vec<u8>>,
    /// Of each block the last two jobs: first id, symbol size, symbols.
    prepared: BTreeMap<u64, VecDeque<(u32, usize, Vec<u8>)>>,
    listeners: Vec<Listener>,
    nacks: Vec<Timestamp>,
    /// When each DATA was sent, and its flags.
    data: Vec<(Timestamp, ObjectFlags)>,
    infos: Vec<Timestamp>,
}

impl Rig {
    fn new(passes: Passes, rate: u64, listeners: Vec<Listener>) -> Self {
        let config = SenderConfig {
            payload: Payload::Carousel { passes, interleave: None },
            rate: Some(rate),
            segment_size: SEGMENT,
            block_len: 40,
            ..SenderConfig::new(NodeId(1))
        };
        let now = Timestamp::ZERO + MS;
        let mut sender = Sender::new(config, 1, now).unwrap();
        let mut rng = Rng::new(7);
        let mut content: Vec<Vec<u8>> = Vec::new();
        for size in SIZES {
            content.push((0..size).map(|_| rng.next_u32() as u8).collect());
            let info = Some(Bytes::from(format!("object of {size} bytes")));
            sender.enqueue(ObjectSpec { size: size as u64, info, file: true }).unwrap();
        }
        sender.finish();
        Self {
            sender,
            now,
            content,
            prepared: BTreeMap::new(),
            listeners,
            nacks: Vec::new(),
            data: Vec::new(),
            infos: Vec::new(),
        }
    }

    fn prepare(&mut self, job: PrepareJob) -> JobDone {
        let from = job.source.offset as usize;
        let source = &self.content[job.source.object as usize][from..][..job.source.len as usize];
        let symbols =
            encode(job.scheme, job.symbols, job.symbol_size, source, job.first, job.count).unwrap();
        let kept = self.prepared.entry(job.source.block).or_default();
        kept.push_back((job.first, job.symbol_size.into(), symbols));
        if kept.len() > 2 {
            kept.pop_front();
        }
        JobDone::Prepare { block: job.source.block, first: job.first, result: Ok(()) }
    }

    fn gather(&self, job: &GatherJob) -> JobDone {
        let mut all = Vec::new();
        for piece in &job.pieces {
            match *piece {
                Piece::Source { object, offset, len } => {
                    let source = &self.content[object as usize];
                    all.extend_from_slice(&source[offset as usize..][..len as usize]);
                }
                Piece::Prepared { block, first, count } => {
                    let bytes =
                        self.prepared[&block].iter().rev().find_map(|(from, size, symbols)| {
                            let skip = first.checked_sub(*from)? as usize * size;
                            symbols.get(skip..skip + count as usize * size)
                        });
                    all.extend_from_slice(bytes.unwrap());
                }
            }
        }
        JobDone::Gather { number: job.number, result: Ok(all.into()) }
    }

    fn answer(&mut self) {
        while let Some(job) = self.sender.poll_job() {
            let done = match job {
                Job::Prepare(job) => self.prepare(job),
                Job::Gather(job) => self.gather(&job),
                Job::Read(job) => {
                    let source = &self.content[job.object as usize];
                    let bytes = &source[job.offset as usize..][..job.len as usize];
                    let result = Ok(Bytes::copy_from_slice(bytes));
                    JobDone::Read { block: job.block, result }
                }
                Job::Encode(job) => {
                    let (scheme, size) = (job.scheme, job.symbol_size);
                    let symbols =
                        encode(scheme, job.symbols, size, &job.source, job.first, job.count);
                    let result = Ok(Bytes::from(symbols.unwrap()));
                    JobDone::Encode { block: job.block, first: job.first, result }
                }
                Job::Store(_) | Job::Recall(_) => panic!("a sender stores nothing"),
            };
            self.sender.handle_job(self.now, done);
        }
    }

    fn send(&mut self) {
        let mut out = TransmitBuf::new(16);
        loop {
            self.answer();
            let Some(transmit) = self.sender.poll_transmit(self.now, &mut out) else { break };
            for packet in out.as_bytes().chunks(transmit.segment_size) {
                match Message::parse(packet).unwrap().1 {
                    Message::Data(data) => {
                        self.data.push((self.now, data.flags));
                        assert!(data.extensions.fti(data.fec_id).is_some() || !self.turns());
                    }
                    Message::Info(_) => self.infos.push(self.now),
                    _ => {}
                }
                self.listeners.iter_mut().for_each(|listener| listener.hear(self.now, packet));
            }
        }
        while self.sender.poll_event().is_some() {}
    }

    fn turns(&self) -> bool {
        let turning = ObjectFlags::REPAIR.union(ObjectFlags::UNRELIABLE);
        self.data.last().is_some_and(|(_, flags)| flags.contains(turning))
    }

    fn speak(&mut self) {
        let mut out = TransmitBuf::new(1);
        for (n, listener) in self.listeners.iter_mut().enumerate() {
            listener.engine.handle_timeout(self.now);
            while listener.engine.poll_transmit(self.now, &mut out).is_some() {
                if matches!(Message::parse(out.as_bytes()), Ok((_, Message::Nack(_)))) {
                    self.nacks.push(self.now);
                }
                let source = SocketAddr::from(([10, 0, 1, n as u8], 5740));
                let (payload, waited) = (&mut out.as_bytes().to_vec()[..], Duration::ZERO);
                let datagram = Datagram {
                    source,
                    to_group: true,
                    ce: false,
                    waited,
                    proof: Proof::None,
                    payload,
                };
                self.sender.handle_datagram(self.now, datagram);
            }
        }
    }

    /// Runs until the end, or until all listeners are complete, or for this time.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end && !self.sender.is_finished() {
            self.step();
            if self.listeners.iter().all(Listener::is_done) && !self.listeners.is_empty() {
                let forever = self.nacks.is_empty() && self.turns();
                if forever {
                    return;
                }
            }
        }
    }

    fn step(&mut self) {
        self.sender.handle_timeout(self.now);
        self.send();
        self.speak();
        self.now += MS;
    }

    fn check_content(&self) {
        for listener in &self.listeners {
            assert!(listener.is_done(), "{:?} of {}", listener.complete, SIZES.len());
            let all: Vec<&Vec<u8>> = listener.content.values().collect();
            assert_eq!(all, self.content.iter().collect::<Vec<_>>());
        }
    }
}

/// DATA messages of a pass.
fn pass() -> usize {
    SIZES.iter().map(|size| size.div_ceil(SEGMENT.into())).sum()
}

#[test]
fn silent_receivers_come_at_any_time_and_need_little_more_than_a_pass() {
    for loss in [0.0, 0.05, 0.2] {
        let mut rng = Rng::new(3);
        let listener = |n| {
            let from = Duration::from_millis(rng.below(8000));
            Listener::new(n, Feedback::None, from, loss)
        };
        let mut rig = Rig::new(Passes::Forever, 1_000_000, (1..=12).map(listener).collect());
        rig.run(Duration::from_secs(40));
        rig.check_content();
        let needed = rig.listeners.iter().map(|listener| listener.passed).sum::<usize>();
        let mean = needed as f64 / rig.listeners.len() as f64 / pass() as f64;
        // Short blocks need more on top than long ones.
        assert!(mean < 1.25 / (1.0 - loss), "{mean} passes at a loss of {loss}");
        assert!(rig.nacks.is_empty());
    }
}

#[test]
fn content_that_changes_in_a_pass_is_coded_anew() {
    // The symbols of the second pass are made when it begins; what a receiver gets that comes
    // after the change is all of the new bytes.
    let late = Listener::new(1, Feedback::None, Duration::from_secs(7), 0.2);
    let mut rig = Rig::new(Passes::Forever, 1_000_000, vec![late]);
    rig.run(Duration::from_secs(6));
    assert!(rig.data.len() > pass() + pass() / 8, "it is well in the second pass");
    rig.content[1][100_000..200_000].fill(0);
    rig.sender.content_changed(1, 100_000..200_000);
    rig.run(Duration::from_secs(40));
    rig.check_content();
}

#[test]
fn receivers_with_feedback_ask_for_nothing_before_the_end() {
    let listeners = (1..=6).map(|n| {
        let from = Duration::from_millis(u64::from(n) * 60);
        // Of some much is missing after all passes.
        let loss = if n == 6 { 0.75 } else { 0.05 };
        Listener::new(n, Feedback::Multicast, from, loss)
    });
    let mut rig = Rig::new(Passes::Times(3), 10_000_000, listeners.collect());
    rig.run(Duration::from_secs(60));
    rig.check_content();
    assert!(rig.sender.is_finished());
    let in_passes = |flags: &ObjectFlags| flags.contains(ObjectFlags::UNRELIABLE);
    let last = rig.data.iter().rfind(|(_, flags)| in_passes(flags)).unwrap().0;
    assert!(rig.nacks.iter().all(|&at| at > last), "a NACK in the passes");
    assert!(!rig.nacks.is_empty(), "the rest is repaired");
    let turning = rig.data.iter().filter(|(_, flags)| in_passes(flags)).count();
    assert_eq!(turning, 2 * pass(), "all passes but the last");
    assert!(rig.data.len() < 5 * pass(), "{} symbols", rig.data.len());
}

#[test]
fn info_is_repeated_each_second() {
    let mut rig = Rig::new(Passes::Forever, 10_000_000, Vec::new());
    rig.run(Duration::from_secs(5));
    let sent = rig.infos.len();
    assert!((5 * SIZES.len()..=7 * SIZES.len()).contains(&sent), "{sent} INFO");
    assert!(!rig.sender.is_finished());
    let (sent, all) = rig.sender.progress();
    assert_eq!(sent, all);
}

#[test]
fn complete_receivers_may_leave_passes_and_count_as_confirmed() {
    let mut rig = Rig::new(
        Passes::Forever,
        10_000_000,
        vec![Listener::new(1, Feedback::Multicast, Duration::ZERO, 0.1)],
    );
    rig.run(Duration::from_secs(10));
    rig.check_content();
    assert!(!rig.listeners[0].is_released);
    let sender = norm_core::endpoint::SenderId(0);
    let (state, reason) = (MemberState::Complete, String::new());
    let progress = Progress { state, bytes_done: 0, bytes_total: 0, reason };
    rig.listeners[0].engine.set_progress(sender, progress);
    rig.listeners[0].engine.report_now(sender, rig.now);
    for _ in 0..3000 {
        rig.step();
    }
    assert!(rig.listeners[0].is_released);
    let standings: Vec<_> = rig.sender.members().map(|(_, member)| member.status).collect();
    assert_eq!(standings, [MemberStatus::Confirmed]);
    assert!(rig.nacks.is_empty() && !rig.sender.is_finished());
}
