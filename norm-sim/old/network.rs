//! The event loop: one virtual clock, ties broken by insertion order.

use core::cmp::Reverse;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::collections::BinaryHeap;
use std::sync::Arc;

use bytes::Bytes;
use norm_core::endpoint::{Datagram, Destination, Endpoint, Job, JobDone, TransmitBuf};
use norm_core::fec::encode_repair;
use norm_core::receiver::{Receiver, ReceiverEvent};
use norm_core::sender::{Sender, SenderEvent};
use norm_core::wire::Identity;
use norm_core::{Rng, Timestamp};

use crate::content::Content;
use crate::invariants::{RateCheck, check_timer};
use crate::path::Channel;
use crate::scenario::{Outcome, ReceiverOutcome, ReceiverPlan, Scenario};
use crate::store::MemoryStore;

/// Node 0 is the sender, node n + 1 receiver n; the stranger has no node.
type Node = usize;
const SENDER: Node = 0;
const STRANGER: Node = usize::MAX;
/// Time does not start at zero: an echoed time of zero means "none" on the wire.
const START: Duration = Duration::from_secs(1);
/// Datagrams per batch: a driver with segmentation offload.
const BATCH: usize = 16;

enum What {
    Packet { from: Node, to_group: bool, bytes: Arc<[u8]> },
    Job(JobDone),
    Timer,
    Start,
    Die,
    Inject(Arc<[u8]>),
    RequestAck(u8),
}

struct Scheduled {
    at: Timestamp,
    order: u64,
    node: Node,
    /// Which life of the node it is meant for: jobs and timers die with it.
    life: u32,
    what: What,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

struct Host {
    plan: ReceiverPlan,
    engine: Option<Receiver<MemoryStore>>,
    life: u32,
    down: Channel,
    up: Channel,
    /// When the one worker has stored everything that it was given.
    disk_free: Timestamp,
    outcome: ReceiverOutcome,
}

struct Network {
    now: Timestamp,
    order: u64,
    queue: BinaryHeap<Reverse<Scheduled>>,
    rng: Rng,
    content: Content,
    scenario: Scenario,
    sender: Sender,
    sender_up: Channel,
    sender_down: Channel,
    rate: RateCheck,
    hosts: Vec<Host>,
    /// The earliest timer that is scheduled for each node.
    timers: Vec<Timestamp>,
    trace: blake3::Hasher,
    packets: u64,
    finished: Option<Duration>,
    events: Vec<SenderEvent>,
    out: TransmitBuf,
}

/// Plays a scenario to its end: the sender has finished, or the limit is reached.
///
/// # Panics
/// When an invariant is violated; the message names the seed.
pub fn run(scenario: &Scenario) -> Outcome {
    let _seed = PrintSeedOnPanic(scenario.seed);
    let mut network = Network::new(scenario.clone());
    network.play();
    network.outcome()
}

struct PrintSeedOnPanic(u64);

impl Drop for PrintSeedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let test = std::thread::current().name().unwrap_or("TEST").to_owned();
            eprintln!(
                "seed {}; replay: NORM_SIM_SEED={} cargo test -p norm-sim {test}",
                self.0, self.0
            );
        }
    }
}

impl Network {
    fn new(scenario: Scenario) -> Self {
        let now = Timestamp::ZERO + START;
        let mut rng = Rng::new(scenario.seed);
        let mut sender = Sender::new(scenario.sender.clone(), rng.next_u64(), now)
            .expect("the scenario's sender settings are valid");
        for object in &scenario.objects {
            sender.enqueue(object.clone()).expect("the scenario's objects fit");
        }
        sender.finish();
        let hosts: Vec<Host> =
            scenario.receivers.iter().map(|plan| Host::new(plan.clone())).collect();
        let mut network = Self {
            now,
            order: 0,
            queue: BinaryHeap::new(),
            content: Content::new(scenario.seed),
            sender_up: Channel::new(scenario.uplink.clone()),
            sender_down: Channel::new(scenario.downlink.clone()),
            rate: RateCheck::new(scenario.sender.rate, scenario.sender.packet_overhead),
            timers: vec![Timestamp::MAX; hosts.len() + 1],
            rng,
            sender,
            hosts,
            trace: blake3::Hasher::new(),
            packets: 0,
            finished: None,
            events: Vec::new(),
            out: TransmitBuf::new(BATCH),
            scenario,
        };
        network.schedule_plans();
        network
    }

    fn schedule_plans(&mut self) {
        let start = self.now;
        self.schedule(start, SENDER, What::Timer);
        for n in 0..self.hosts.len() {
            let plan = self.hosts[n].plan.clone();
            self.schedule(start + plan.joins, n + 1, What::Start);
            if let Some(at) = plan.restarts {
                self.schedule(start + at, n + 1, What::Start);
            }
            if let Some(at) = plan.dies {
                self.schedule(start + at, n + 1, What::Die);
            }
        }
        for (at, bytes) in core::mem::take(&mut self.scenario.injected) {
            self.schedule(start + at, SENDER, What::Inject(bytes.into()));
        }
        if let Some((at, ack_type)) = self.scenario.ack_request {
            self.schedule(start + at, SENDER, What::RequestAck(ack_type));
        }
    }

    fn schedule(&mut self, at: Timestamp, node: Node, what: What) {
        let life = if node == SENDER { 0 } else { self.hosts[node - 1].life };
        self.order += 1;
        self.queue.push(Reverse(Scheduled { at, order: self.order, node, life, what }));
    }

    fn play(&mut self) {
        let end = Timestamp::ZERO + START + self.scenario.limit;
        while let Some(Reverse(next)) = self.queue.pop() {
            assert!(next.at >= self.now, "time runs backwards");
            if next.at > end || (self.finished.is_some() && self.quiet()) {
                break;
            }
            self.now = next.at;
            if next.node == SENDER { self.sender_turn(next) } else { self.host_turn(next) }
        }
    }

    /// True when no receiver has anything left to find out.
    fn quiet(&self) -> bool {
        self.hosts.iter().all(|h| h.engine.is_none() || h.outcome.ended || h.outcome.released)
    }

    fn sender_turn(&mut self, next: Scheduled) {
        let now = self.now;
        match next.what {
            What::Packet { from, to_group, bytes } => {
                let mut payload = bytes.to_vec();
                self.sender_down.corrupt(&mut payload, &mut self.rng);
                let source = address(from);
                let datagram = Datagram { source, to_group, payload: &mut payload };
                self.sender.handle_datagram(now, datagram);
            }
            What::Job(done) => self.sender.handle_job(now, done),
            What::RequestAck(ack_type) => {
                self.sender.request_ack(ack_type, now);
            }
            What::Inject(bytes) => {
                self.fan_out(STRANGER, &bytes);
                return;
            }
            What::Timer => {
                self.timers[SENDER] = Timestamp::MAX;
                if self.sender.poll_timeout().is_some_and(|due| due <= now) {
                    self.sender.handle_timeout(now);
                }
            }
            What::Start | What::Die => {}
        }
        self.drain_sender();
    }

    fn drain_sender(&mut self) {
        let now = self.now;
        loop {
            let mut busy = false;
            while let Some(event) = self.sender.poll_event() {
                busy = true;
                if event == SenderEvent::Finished {
                    self.finished = Some(now.saturating_since(Timestamp::ZERO + START));
                }
                if !matches!(event, SenderEvent::ReceiverReport { .. }) {
                    self.events.push(event);
                }
            }
            while let Some(job) = self.sender.poll_job() {
                busy = true;
                let done = self.work(job);
                self.schedule(now + self.scenario.read_delay, SENDER, What::Job(done));
            }
            let mut out = core::mem::replace(&mut self.out, TransmitBuf::new(1));
            while let Some(transmit) = self.sender.poll_transmit(now, &mut out) {
                busy = true;
                assert_eq!(transmit.destination, Destination::Group, "the sender left its group");
                for packet in out.bytes.chunks(transmit.segment_size) {
                    self.rate.sent(now, packet.len());
                    self.fan_out(SENDER, &Arc::from(packet));
                }
            }
            self.out = out;
            if !busy {
                break;
            }
        }
        let timeout = self.sender.poll_timeout();
        check_timer(now, timeout, "sender");
        self.set_timer(SENDER, timeout);
    }

    fn work(&self, job: Job) -> JobDone {
        match job {
            Job::Read(job) => {
                let bytes = self.content.read(job.object, job.offset, job.len as usize);
                JobDone::Read { block: job.block, result: Ok(bytes) }
            }
            Job::Encode(job) => {
                let (k, size) = (job.symbols, job.symbol_size);
                let symbols = encode_repair(k, size, &job.source, job.first, job.count)
                    .expect("the sender asks for possible symbols");
                let result = Ok(Bytes::from(symbols));
                JobDone::Encode { block: job.block, first: job.first, result }
            }
            Job::Store(_) => panic!("a sender stores nothing"),
        }
    }

    /// Sends a packet to the group: to everybody but its sender.
    fn fan_out(&mut self, from: Node, bytes: &Arc<[u8]>) {
        self.note(from, bytes);
        let len = bytes.len();
        let at_switch = match from {
            SENDER => self.sender_up.send(self.now, len, &mut self.rng),
            STRANGER => [Some(self.now), None],
            host => self.hosts[host - 1].up.send(self.now, len, &mut self.rng),
        };
        for at in at_switch.into_iter().flatten() {
            if from != SENDER {
                self.deliver_to_sender(at, from, true, bytes);
            }
            for n in 0..self.hosts.len() {
                if n + 1 != from {
                    self.deliver_to_host(at, n, from, bytes);
                }
            }
        }
    }

    fn deliver_to_sender(&mut self, at: Timestamp, from: Node, to_group: bool, bytes: &Arc<[u8]>) {
        let arrivals = self.sender_down.send(at, bytes.len(), &mut self.rng);
        for at in arrivals.into_iter().flatten() {
            let bytes = Arc::clone(bytes);
            self.schedule(at, SENDER, What::Packet { from, to_group, bytes });
        }
    }

    fn deliver_to_host(&mut self, at: Timestamp, n: usize, from: Node, bytes: &Arc<[u8]>) {
        let arrivals = self.hosts[n].down.send(at, bytes.len(), &mut self.rng);
        for at in arrivals.into_iter().flatten() {
            let bytes = Arc::clone(bytes);
            self.schedule(at, n + 1, What::Packet { from, to_group: true, bytes });
        }
    }

    fn note(&mut self, from: Node, bytes: &[u8]) {
        self.packets += 1;
        self.trace.update(&self.now.as_nanos().to_be_bytes());
        self.trace.update(&(from as u64).to_be_bytes());
        self.trace.update(bytes);
    }

    fn host_turn(&mut self, next: Scheduled) {
        let now = self.now;
        let n = next.node - 1;
        let seed = self.rng.next_u64();
        let host = &mut self.hosts[n];
        let stale = next.life != host.life;
        match next.what {
            What::Start => {
                host.start(n, seed);
                self.timers[next.node] = Timestamp::MAX;
            }
            What::Die => host.engine = None,
            What::Packet { from, to_group, bytes } => {
                let Some(engine) = &mut host.engine else { return };
                let mut payload = bytes.to_vec();
                host.down.corrupt(&mut payload, &mut self.rng);
                let source = address(from);
                engine.handle_datagram(now, Datagram { source, to_group, payload: &mut payload });
            }
            What::Job(done) => {
                let Some(engine) = host.engine.as_mut().filter(|_| !stale) else { return };
                engine.handle_job(now, done);
            }
            What::Timer => {
                let Some(engine) = host.engine.as_mut().filter(|_| !stale) else { return };
                self.timers[next.node] = Timestamp::MAX;
                if engine.poll_timeout().is_some_and(|due| due <= now) {
                    engine.handle_timeout(now);
                }
            }
            What::Inject(_) | What::RequestAck(_) => {}
        }
        self.drain_host(n);
    }

    fn drain_host(&mut self, n: usize) {
        let now = self.now;
        let Some(mut engine) = self.hosts[n].engine.take() else { return };
        let elapsed = now.saturating_since(Timestamp::ZERO + START);
        while let Some(event) = engine.poll_event() {
            self.hosts[n].outcome.note(&event, elapsed, self.scenario.objects.len());
        }
        while let Some(job) = engine.poll_job() {
            let Job::Store(job) = job else { panic!("a receiver only stores") };
            let done = engine.store_mut().store(&job, &self.content);
            let host = &mut self.hosts[n];
            host.disk_free = host.disk_free.max(now) + host.plan.store_delay;
            let at = host.disk_free;
            self.schedule(at, n + 1, What::Job(done));
        }
        let mut out = core::mem::replace(&mut self.out, TransmitBuf::new(1));
        while let Some(transmit) = engine.poll_transmit(now, &mut out) {
            let bytes: Arc<[u8]> = Arc::from(out.bytes.as_slice());
            match transmit.destination {
                Destination::Group => self.fan_out(n + 1, &bytes),
                Destination::Unicast(to) => {
                    assert!(to == address(SENDER) || to == address(STRANGER), "unicast to {to}");
                    self.note(n + 1, &bytes);
                    let up = self.hosts[n].up.send(now, bytes.len(), &mut self.rng);
                    for at in up.into_iter().flatten().filter(|_| to == address(SENDER)) {
                        self.deliver_to_sender(at, n + 1, false, &bytes);
                    }
                }
            }
        }
        self.out = out;
        let timeout = engine.poll_timeout();
        check_timer(now, timeout, "receiver");
        let host = &mut self.hosts[n];
        host.outcome.most_blocks = host.outcome.most_blocks.max(engine.store().len());
        host.outcome.stats = *engine.stats();
        host.engine = Some(engine);
        self.set_timer(n + 1, timeout);
    }

    fn set_timer(&mut self, node: Node, timeout: Option<Timestamp>) {
        if let Some(at) = timeout
            && at < self.timers[node]
        {
            self.timers[node] = at;
            self.schedule(at, node, What::Timer);
        }
    }

    fn outcome(self) -> Outcome {
        Outcome {
            trace: self.trace.finalize().to_hex().to_string(),
            finished: self.finished,
            packets: self.packets,
            sender: *self.sender.stats(),
            events: self.events,
            receivers: self.hosts.into_iter().map(|host| host.outcome).collect(),
        }
    }
}

impl Host {
    fn new(plan: ReceiverPlan) -> Self {
        Self {
            down: Channel::new(plan.down.clone()),
            up: Channel::new(plan.up.clone()),
            plan,
            disk_free: Timestamp::ZERO,
            engine: None,
            life: 0,
            outcome: ReceiverOutcome {
                completed: None,
                objects: 0,
                aborted: 0,
                released: false,
                ended: false,
                stats: norm_core::receiver::ReceiverStats::default(),
                most_blocks: 0,
            },
        }
    }

    /// Starts, or starts again with nothing but its identity.
    fn start(&mut self, n: usize, seed: u64) {
        self.life += 1;
        self.disk_free = Timestamp::ZERO;
        let mut config = self.plan.config.clone();
        config.identity = Identity((n as u128 + 1).to_be_bytes());
        config.name = format!("receiver-{n}");
        let store = MemoryStore::new(config.max_blocks);
        self.engine = Some(Receiver::new(config, store, seed));
        self.outcome.completed = None;
        self.outcome.objects = 0;
    }
}

impl ReceiverOutcome {
    fn note(&mut self, event: &ReceiverEvent, elapsed: Duration, objects: usize) {
        match event {
            ReceiverEvent::ObjectComplete { .. } => {
                self.objects += 1;
                if self.objects == objects {
                    self.completed = Some(elapsed);
                }
            }
            ReceiverEvent::ObjectAborted { .. } => self.aborted += 1,
            ReceiverEvent::Released { .. } => self.released = true,
            ReceiverEvent::SenderEnded { .. } => self.ended = true,
            _ => {}
        }
    }
}

fn address(node: Node) -> SocketAddr {
    let last = if node == STRANGER {
        [10, 255, 255, 254]
    } else {
        let [.., b, c] = (node as u32 + 1).to_be_bytes();
        [10, 0, b, c]
    };
    SocketAddr::from((Ipv4Addr::from(last), 5740))
}
