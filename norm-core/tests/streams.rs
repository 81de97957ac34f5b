//! Streams from a sender's application to receivers' applications, through losses.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use norm_core::endpoint::{
    BlockGeometry, BlockSlot, Datagram, EncodeJob, Endpoint, Job, JobDone, ObjectRef, Proof,
    SymbolStore, TransmitBuf,
};
use norm_core::fec::{Points, RsCode, RsForm, Scheme, encode};
use norm_core::norm::receiver::JoinPolicy;
use norm_core::norm::sender::StreamSpec;
use norm_core::norm::stream::{MessageMarks, Read};
use norm_core::norm::wire::{Identity, NodeId};
use norm_core::norm::{Receiver, ReceiverConfig, ReceiverEvent, Sender, SenderConfig, SenderEvent};
use norm_core::{Rng, Timestamp};

const MS: Duration = Duration::from_millis(1);

/// Streams keep their symbols themselves.
#[derive(Debug)]
struct NoStore;

impl SymbolStore for NoStore {
    fn put(&mut self, _: BlockSlot, _: &BlockGeometry, _: u32, _: &[u8]) -> bool {
        false
    }
    fn room(&mut self) -> u64 {
        0
    }
    fn discard(&mut self, _: BlockSlot) {}
}

/// A receiver and the application that reads from it.
struct Listener {
    engine: Receiver<NoStore>,
    object: Option<ObjectRef>,
    messages: Vec<Vec<u8>>,
    current: Vec<u8>,
    gaps: usize,
    ended: bool,
    /// It reads no more often than this.
    pace: Duration,
    next_read: Timestamp,
}

impl Listener {
    fn read(&mut self, now: Timestamp) {
        let Some(object) = self.object else { return };
        if now < self.next_read || self.ended {
            return;
        }
        self.next_read = now + self.pace;
        let mut buf = [0; 700];
        loop {
            match self.engine.read_stream(object, &mut buf) {
                Read::Data { len, begins_message, ends_message } => {
                    if begins_message && !self.current.is_empty() {
                        self.messages.push(std::mem::take(&mut self.current));
                    }
                    self.current.extend_from_slice(&buf[..len]);
                    if ends_message {
                        self.messages.push(std::mem::take(&mut self.current));
                    }
                    if !self.pace.is_zero() {
                        return;
                    }
                }
                Read::Gap { .. } => {
                    self.gaps += 1;
                    self.current.clear();
                }
                Read::Pending => return,
                Read::End => {
                    if !self.current.is_empty() {
                        self.messages.push(std::mem::take(&mut self.current));
                    }
                    self.ended = true;
                    return;
                }
            }
        }
    }
}

struct World {
    now: Timestamp,
    rng: Rng,
    loss: f64,
    sender: Sender,
    listeners: Vec<Listener>,
    /// Due time, from (0 is the sender), bytes.
    air: VecDeque<(Timestamp, usize, Vec<u8>)>,
    finished: bool,
}

fn address(host: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, host as u8 + 1], 5740))
}

fn config(form: RsForm, (block_len, parity): (u16, u16)) -> SenderConfig {
    let code = RsCode::new(form, Points::Rizzo, block_len, parity).unwrap();
    SenderConfig {
        scheme: Scheme::ReedSolomon(code),
        segment_size: 200,
        rate: Some(8_000_000),
        ..SenderConfig::new(NodeId(1))
    }
}

impl World {
    fn new(seed: u64, config: SenderConfig, receivers: usize, loss: f64) -> Self {
        let now = Timestamp::from_nanos(1_000_000_000);
        let listener = |n: usize| Listener {
            engine: Receiver::new(
                ReceiverConfig {
                    auto_accept: true,
                    join: JoinPolicy::All,
                    ..ReceiverConfig::new(Identity([n as u8 + 1; 16]))
                },
                NoStore,
                seed,
            ),
            object: None,
            messages: Vec::new(),
            current: Vec::new(),
            gaps: 0,
            ended: false,
            pace: Duration::ZERO,
            next_read: now,
        };
        Self {
            now,
            rng: Rng::new(seed),
            loss,
            sender: Sender::new(config, seed, now).unwrap(),
            listeners: (0..receivers).map(listener).collect(),
            air: VecDeque::new(),
            finished: false,
        }
    }

    /// Lets everything happen for a millisecond.
    fn step(&mut self) {
        let now = self.now;
        self.sender.handle_timeout(now);
        self.work();
        let mut out = TransmitBuf::new(8);
        while let Some(transmit) = self.sender.poll_transmit(now, &mut out) {
            assert!(out.as_bytes().len() <= 65_000);
            for packet in out.as_bytes().chunks(transmit.segment_size) {
                self.air.push_back((now + MS, 0, packet.to_vec()));
            }
            self.work();
        }
        for n in 0..self.listeners.len() {
            let listener = &mut self.listeners[n];
            listener.engine.handle_timeout(now);
            while let Some(event) = listener.engine.poll_event() {
                if let ReceiverEvent::StreamOpened { object, .. } = event {
                    listener.object = Some(object);
                }
            }
            listener.read(now);
            while listener.engine.poll_transmit(now, &mut out).is_some() {
                self.air.push_back((now + MS, n + 1, out.as_bytes().to_vec()));
            }
        }
        while let Some(event) = self.sender.poll_event() {
            self.finished |= event == SenderEvent::Finished;
        }
        self.now = now + MS;
        while self.air.front().is_some_and(|(due, ..)| *due <= self.now) {
            let (_, from, bytes) = self.air.pop_front().unwrap();
            self.deliver(from, &bytes);
        }
    }

    fn deliver(&mut self, from: usize, bytes: &[u8]) {
        let (now, source) = (self.now, address(from));
        for host in (0..=self.listeners.len()).filter(|&host| host != from) {
            if self.rng.chance(self.loss) {
                continue;
            }
            let mut bytes = bytes.to_vec();
            let datagram = Datagram {
                source,
                to_group: true,
                ce: false,
                waited: Duration::ZERO,
                proof: Proof::None,
                payload: &mut bytes,
            };
            match host.checked_sub(1) {
                None => self.sender.handle_datagram(now, datagram),
                Some(n) => self.listeners[n].engine.handle_datagram(now, datagram),
            }
        }
    }

    fn work(&mut self) {
        while let Some(job) = self.sender.poll_job() {
            let Job::Encode(EncodeJob {
                block,
                scheme,
                symbols,
                symbol_size,
                source,
                first,
                count,
            }) = job
            else {
                panic!("a stream is not read from anywhere: {job:?}")
            };
            let coded = encode(scheme, symbols, symbol_size, &source, first, count).unwrap();
            let done = JobDone::Encode { block, first, result: Ok(Bytes::from(coded)) };
            self.sender.handle_job(self.now, done);
        }
    }

    /// Writes messages as there is room, then closes; returns what was written.
    fn run(&mut self, messages: usize, spec: &StreamSpec, flush: bool) -> Vec<Vec<u8>> {
        let key = self.sender.open_stream(spec).unwrap();
        self.sender.finish();
        let mut written = Vec::new();
        for n in 0..messages {
            let len = 1 + self.rng.below(900) as usize;
            let message: Vec<u8> = (0..len).map(|i| (i * 7 + n) as u8).collect();
            let mut rest = message.as_slice();
            while !rest.is_empty() {
                let taken = self.sender.write_stream(key, rest, self.now);
                rest = &rest[taken..];
                if taken == 0 {
                    self.step();
                }
            }
            self.sender.end_message(key);
            if flush {
                self.sender.flush_stream(key);
                self.step();
            }
            written.push(message);
        }
        self.sender.close_stream(key, self.now);
        for _ in 0..60_000 {
            if self.finished {
                break;
            }
            self.step();
        }
        written
    }
}

fn spec(buffer: usize, marks: MessageMarks) -> StreamSpec {
    StreamSpec { buffer, info: Some(Bytes::from_static(b"numbers")), marks }
}

#[test]
fn messages_arrive_in_order_through_loss() {
    let codes = [
        (RsForm::Id5, (20, 8)),
        (RsForm::Id129, (20, 8)),
        (RsForm::Id2Bits8, (8, 4)),
        (RsForm::Id2Bits16, (30, 10)),
    ];
    for (seed, (form, sizes)) in (1..).zip(codes) {
        for loss in [0.0, 0.02, 0.1] {
            for flush in [false, true] {
                let mut world = World::new(seed, config(form, sizes), 3, loss);
                let spec = spec(1 << 20, MessageMarks::Every);
                let written = world.run(150, &spec, flush);
                assert!(world.finished, "{form:?} {loss} {flush}: no end");
                for listener in &world.listeners {
                    assert_eq!(listener.gaps, 0, "{form:?} {loss} {flush}");
                    assert!(listener.ended && listener.messages == written);
                }
            }
        }
    }
}

#[test]
fn stream_longer_than_its_buffer_is_complete() {
    // 16-bit block numbers wrap after 65,536 blocks: of one symbol each, that takes a moment.
    let mut sender = config(RsForm::Id2Bits16, (1, 2));
    sender.rate = Some(200_000_000);
    let mut world = World::new(9, sender, 1, 0.01);
    let written = world.run(29_000, &spec(100_000, MessageMarks::Every), false);
    let listener = &world.listeners[0];
    assert!(world.sender.stats().data_packets > 66_000, "{:?}", world.sender.stats());
    assert!(world.finished && listener.ended && listener.gaps == 0);
    assert_eq!(listener.messages.len(), written.len());
    assert!(listener.messages == written);
}

#[test]
fn slow_reader_loses_entire_messages_and_sees_gaps() {
    let mut world = World::new(4, config(RsForm::Id5, (8, 4)), 2, 0.02);
    world.listeners[1].pace = MS * 40;
    let written = world.run(2_000, &spec(10_000, MessageMarks::Every), false);
    let [fast, slow] = &world.listeners[..] else { panic!("there are two") };
    assert!(fast.messages == written && fast.gaps == 0);
    // Its window is far larger than the sender's buffer: what it has not read is still there.
    assert!(slow.messages.iter().all(|message| written.contains(message)));
}

#[test]
fn streams_without_a_code_are_refused() {
    let mut sender = Sender::new(SenderConfig::new(NodeId(1)), 1, Timestamp::ZERO).unwrap();
    let error = sender.open_stream(&spec(1000, MessageMarks::Every)).unwrap_err();
    assert!(error.to_string().contains("Reed-Solomon"), "{error}");
}
