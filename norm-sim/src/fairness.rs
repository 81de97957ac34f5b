//! A measurement of congestion control: our flows and TCP flows in one bottleneck.

use core::time::Duration;

use norm_core::norm::sender::{ObjectSpec, RateControl};
use norm_core::norm::wire::NodeId;

use crate::kernel::{RunOptions, run_with};
use crate::outcome::{Outcome, Sample};
use crate::packet::HostId;
use crate::rule::Rule;
use crate::scenario::{Control, Host, Link, Role, Scenario, SenderPlan, Switch, TcpPlan};

/// Settings of a measurement: flows that share a bottleneck.
#[derive(Clone, Debug, PartialEq)]
pub struct Fairness {
    /// All random numbers follow from the seed.
    pub seed: u64,
    /// Controller of our rates.
    pub control: RateControl,
    /// Number of our flows. All go to one receiver.
    pub ours: usize,
    /// Number of TCP flows.
    pub flows: usize,
    /// Kind of the TCP flows.
    pub tcp: Control,
    /// Bits per second of the bottleneck for each flow.
    pub each: u64,
    /// Round trip without a queue.
    pub rtt: Duration,
    /// Capacity of the queue, in bandwidth-delay products.
    pub depth: f64,
    /// Bytes in the queue above which packets get a CE mark.
    pub mark: Option<u32>,
    /// Time of the measurement, which follows a quarter of that time for the start of all flows.
    pub time: Duration,
}

/// The result of a measurement.
#[derive(Clone, Debug)]
pub struct Shares {
    /// Mean rate of our flows at the receiver, in bytes per second on the wire.
    pub ours: f64,
    /// Mean rate of the TCP flows at their receivers, in bytes per second on the wire.
    pub tcp: f64,
    /// Share of the bottleneck that was used.
    pub used: f64,
    /// Jain's index of our flows by the bytes that they sent: 1 when they are equal.
    pub jain: f64,
    /// The whole outcome.
    pub outcome: Outcome,
}

/// Bytes of a symbol.
const SYMBOL: u16 = 1400;
/// Bytes of its packet on the wire.
const PACKET: f64 = 1400.0 + 16.0 + 4.0 + 28.0;
/// Bytes on the wire per payload byte of TCP.
const TCP_RATIO: f64 = 1500.0 / 1448.0;

impl Fairness {
    /// Round trips, and bits per second of each flow. CUBIC is not faster than Reno there (RFC 9438
    /// §4.3): it is so only from windows of 1.56 RTT^-1.5 segments on, which are 4,400, 139 and
    /// 4.4. At 500 ms the queue makes the round trip longer, and CUBIC is faster all the same.
    pub const PATHS: [(Duration, u64); 3] = [
        (Duration::from_millis(5), 10_000_000),
        (Duration::from_millis(50), 4_000_000),
        (Duration::from_millis(500), 100_000),
    ];

    /// One flow of ours, and a number of TCP flows.
    pub fn new(flows: usize, tcp: Control, each: u64, rtt: Duration) -> Self {
        let time = (rtt * 4000).clamp(Duration::from_secs(40), Duration::from_secs(2000));
        Self {
            seed: 1,
            control: RateControl::Auto,
            ours: 1,
            flows,
            tcp,
            each,
            rtt,
            depth: 1.0,
            mark: None,
            time,
        }
    }

    /// These settings with another controller.
    #[must_use]
    pub fn with(self, control: RateControl) -> Self {
        Self { control, ..self }
    }

    /// Two flows of ours, and none of TCP.
    pub fn two(each: u64, rtt: Duration) -> Self {
        Self { ours: 2, ..Self::new(0, Control::Reno, each, rtt) }
    }

    /// Bits per second of the bottleneck.
    pub fn bits(&self) -> u64 {
        self.each * (self.ours + self.flows) as u64
    }

    /// Capacity of the queue in bytes, at least 10 packets.
    pub fn queue(&self) -> u32 {
        let bdp = self.bits() as f64 / 8.0 * self.rtt.as_secs_f64();
        (bdp * self.depth).max(10.0 * 1500.0) as u32
    }

    /// The scenario that is run: senders on one switch, receivers on another, and the bottleneck
    /// between them.
    pub fn scenario(&self) -> Scenario {
        let mut scenario = Scenario::new(self.seed, 0);
        let near = Duration::from_micros(100);
        let link = Link { delay: near, ..Link::default() };
        scenario.hosts.clear();
        let whole = self.time + self.time / 4;
        scenario.limit = whole;
        scenario.may_fail = true;
        scenario.check_nacks = false;
        for node in 0..self.ours {
            let mut host = Host::new(Role::Sender(self.sender(node, whole)), link.clone());
            // Timers without delay would keep the flows in lockstep.
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
        scenario.switches.push(Switch {
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
        config.segment_size = SYMBOL;
        config.block_len = 1024;
        config.rate = None;
        config.control = self.control;
        config.cache.bytes = 64 << 20;
        config.rate_min = 8_000;
        config.min_receivers = 1;
        plan
    }

    /// Runs the measurement.
    pub fn run(&self, threads: usize) -> Shares {
        self.run_as(&self.scenario(), threads)
    }

    /// Bytes on the wire of a number of our packets.
    pub(crate) fn wire_bytes(packets: u64) -> f64 {
        packets as f64 * PACKET
    }

    /// Runs a scenario that was made from that of this measurement.
    pub(crate) fn run_as(&self, scenario: &Scenario, threads: usize) -> Shares {
        let every = Some(self.time / 200);
        let options = RunOptions { threads, sample_every: every, ..RunOptions::default() };
        let outcome = run_with(scenario, &options);
        let end = outcome.series.last().map_or(Duration::ZERO, |sample| sample.at);
        let from = outcome.series.iter().find(|sample| sample.at >= self.time / 4);
        let (from, to) = (from.cloned(), outcome.series.last().cloned());
        let (from, to) = from.zip(to).unwrap_or_default();
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

impl Shares {
    /// Our mean rate divided by that of TCP.
    pub fn ratio(&self) -> f64 {
        self.ours / self.tcp
    }
}
