//! One measurement of congestion control: our flows beside TCP's in one bottleneck.

use core::time::Duration;

use norm_core::norm::sender::{ObjectSpec, RateControl};
use norm_core::norm::wire::NodeId;

use crate::kernel::{RunOptions, run_with};
use crate::outcome::{Outcome, Sample};
use crate::packet::HostId;
use crate::rule::Rule;
use crate::scenario::{Control, TcpPlan};
use crate::scenario::{Host, Link, Role, Scenario, SenderPlan};

/// Flows that share a bottleneck.
#[derive(Clone, Debug, PartialEq)]
pub struct Fairness {
    /// Everything random follows from it.
    pub seed: u64,
    /// What decides our rates.
    pub control: RateControl,
    /// Senders of ours, each to one receiver.
    pub ours: usize,
    /// TCP flows, ...
    pub flows: usize,
    /// ... and what they are.
    pub tcp: Control,
    /// Bits per second of the bottleneck per flow.
    pub each: u64,
    /// Round trip without a queue.
    pub rtt: Duration,
    /// The longest queue, in what is under way in one round trip.
    pub depth: f64,
    /// A packet that finds more bytes than this waiting is marked.
    pub mark: Option<u32>,
    /// How long it is watched, after a quarter of that in which all flows begin.
    pub time: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Shares {
    /// Bytes per second on the wire that arrived of all our flows, by our number.
    pub ours: f64,
    /// The same of the TCP flows.
    pub tcp: f64,
    /// Of the bottleneck, the part that was used.
    pub used: f64,
    /// Jain's index of our flows by what they sent: 1 when all sent the same.
    pub jain: f64,
    /// The whole outcome.
    pub outcome: Outcome,
}

/// Bytes of a symbol, and on the wire of the packet around it.
const SYMBOL: u16 = 1400;
const PACKET: f64 = 1400.0 + 16.0 + 4.0 + 28.0;
/// Bytes of a TCP segment on the wire by bytes in it.
const TCP_RATIO: f64 = 1500.0 / 1448.0;

impl Fairness {
    /// Round trips, and bits per second per flow: where CUBIC is not faster than Reno would be (RFC 9438
    /// §4.3), which it is from windows of 1.56 RTT^-1.5 segments on: 4,400, 139 and 4.4 here. At 500 ms
    /// the queue makes the round trip longer, and CUBIC is faster all the same.
    pub const PATHS: [(Duration, u64); 3] = [
        (Duration::from_millis(5), 10_000_000),
        (Duration::from_millis(50), 4_000_000),
        (Duration::from_millis(500), 100_000),
    ];

    /// One flow of ours beside so many others.
    pub fn new(flows: usize, tcp: Control, each: u64, rtt: Duration) -> Self {
        let time = (rtt * 4000).clamp(Duration::from_secs(40), Duration::from_secs(2000));
        let (seed, control, ours, depth) = (1, RateControl::Auto, 1, 1.0);
        Self { seed, control, ours, flows, tcp, each, rtt, depth, mark: None, time }
    }

    /// The same with another control.
    #[must_use]
    pub fn with(self, control: RateControl) -> Self {
        Self { control, ..self }
    }

    /// Two flows of ours, alone.
    pub fn two(each: u64, rtt: Duration) -> Self {
        Self { ours: 2, ..Self::new(0, Control::Reno, each, rtt) }
    }

    /// Bits per second of the bottleneck.
    pub fn bits(&self) -> u64 {
        self.each * (self.ours + self.flows) as u64
    }

    /// Bytes that may wait before the bottleneck: 10 packets at least.
    pub fn queue(&self) -> u32 {
        let under_way = self.bits() as f64 / 8.0 * self.rtt.as_secs_f64();
        (under_way * self.depth).max(10.0 * 1500.0) as u32
    }

    /// The scenario that is run: senders on one switch, everybody else on another, and the bottleneck
    /// between them.
    pub fn scenario(&self) -> Scenario {
        let mut scenario = Scenario::new(self.seed, 0);
        let near = Duration::from_micros(100);
        let link = Link { delay: near, ..Link::default() };
        scenario.hosts.clear();
        let whole = self.time + self.time / 4;
        (scenario.limit, scenario.may_fail, scenario.check_nacks) = (whole, true, false);
        for node in 0..self.ours {
            let mut host = Host::new(Role::Sender(self.sender(node, whole)), link.clone());
            // Timers that are never late would keep flows in lockstep.
            host.clock.late = Duration::from_micros(500);
            scenario.add(host);
        }
        let (ours, flows) = (self.ours as HostId, self.flows as HostId);
        for flow in 0..flows {
            let plan = TcpPlan::Source { to: ours + flows + flow, control: self.tcp };
            let mut link = link.clone();
            link.up = vec![Rule::Jitter(Duration::from_micros(500))];
            scenario.add(Host::new(Role::Tcp(plan), link));
        }
        let bottleneck = Rule::Rate { bits: self.bits(), queue: self.queue(), mark: self.mark };
        scenario.switches.push(crate::scenario::Switch {
            parent: 0,
            link: Link { delay: self.rtt / 2 - near * 2, down: vec![bottleneck], ..link.clone() },
        });
        for _ in 0..self.flows {
            let sink = Host::new(Role::Tcp(TcpPlan::Sink), link.clone());
            scenario.add(Host { switch: 1, ..sink });
        }
        scenario.add(Host { switch: 1, ..Host::receiver(link) });
        scenario
    }

    fn sender(&self, node: usize, time: Duration) -> SenderPlan {
        let size = (self.bits() as f64 / 8.0 * time.as_secs_f64()) as u64 + 1_000_000;
        let object = u64::from(SYMBOL) * 1024 * 200;
        let objects = (0..size.div_ceil(object)).map(|i| (size - i * object).min(object));
        let mut plan = SenderPlan::new(0);
        plan.objects = objects.map(|size| ObjectSpec { size, info: None, file: true }).collect();
        let config = &mut plan.config;
        config.node = NodeId(node as u32 + 1);
        (config.segment_size, config.block_len, config.rate) = (SYMBOL, 1024, None);
        (config.control, config.cache.bytes, config.rate_min) = (self.control, 64 << 20, 8_000);
        config.min_receivers = 1;
        plan
    }

    /// Runs it.
    pub fn run(&self, threads: usize) -> Shares {
        self.run_as(&self.scenario(), threads)
    }

    /// Bytes on the wire of so many packets of ours.
    pub(crate) fn wire_bytes(packets: u64) -> f64 {
        packets as f64 * PACKET
    }

    /// Runs a scenario that was made from this one.
    pub(crate) fn run_as(&self, scenario: &Scenario, threads: usize) -> Shares {
        let every = Some(self.time / 200);
        let options = RunOptions { threads, sample_every: every, ..RunOptions::default() };
        let outcome = run_with(scenario, &options);
        let end = outcome.series.last().map_or(Duration::ZERO, |sample| sample.at);
        let from = outcome.series.iter().find(|sample| sample.at >= self.time / 4);
        let (from, to) = (from.cloned(), outcome.series.last().cloned());
        let (from, to) = from.zip(to).unwrap_or_else(|| (nothing(), nothing()));
        let seconds = end.saturating_sub(from.at).as_secs_f64().max(1e-9);
        let delivered = Self::wire_bytes(to.delivered - from.delivered) / seconds;
        let bytes = |sample: &Sample| sample.flows.iter().sum::<u64>() as f64;
        let tcp = (bytes(&to) - bytes(&from)) * TCP_RATIO / seconds;
        let sent = outcome.senders.iter().map(|sender| sender.stats.bytes as f64);
        let (sum, squares) = sent.fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
        Shares {
            ours: delivered / self.ours.max(1) as f64,
            tcp: tcp / self.flows.max(1) as f64,
            used: (delivered + tcp) * 8.0 / self.bits() as f64,
            jain: sum * sum / (squares * self.ours as f64),
            outcome,
        }
    }
}

fn nothing() -> Sample {
    Sample {
        at: Duration::ZERO,
        sent_bytes: 0,
        data_packets: 0,
        repair_packets: 0,
        nacks: 0,
        reports: 0,
        complete: 0,
        delivered: 0,
        lost: 0,
        lost_at_once: 0,
        flows: Vec::new(),
    }
}

impl Shares {
    /// Our share by one of the others'.
    pub fn ratio(&self) -> f64 {
        self.ours / self.tcp
    }
}
