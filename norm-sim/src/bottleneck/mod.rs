//! A measurement of congestion control: how a sender finds the rate of a path.

mod group;
mod plots;

use core::time::Duration;

use norm_core::norm::sender::{ObjectSpec, RateControl};

use crate::kernel::{RunOptions, run_with};
use crate::outcome::{Outcome, Sample};
use crate::rule::Rule;
use crate::scenario::{Link, Scenario};

pub use group::{Course, Group, Path};
pub use plots::plots;

/// Settings of a measurement: a path with a bottleneck, and one sender.
#[derive(Clone, Debug, PartialEq)]
pub struct Bottleneck {
    /// All random numbers follow from the seed.
    pub seed: u64,
    /// Controller of the rate. A fixed rate is 0.95 of the bottleneck's.
    pub control: RateControl,
    /// Bits per second of the bottleneck.
    pub bits: u64,
    /// Round trip without a queue.
    pub rtt: Duration,
    /// Capacity of the queue in bytes.
    pub queue: u32,
    /// Bytes in the queue above which packets get a CE mark.
    pub mark: Option<u32>,
    /// Share of packets that each receiver loses after the bottleneck, 0 to 1.
    pub loss: f64,
    /// How packets are delayed after the bottleneck, on the way to each receiver.
    pub uneven: Option<Rule>,
    /// Number of receivers, all after the bottleneck.
    pub receivers: usize,
    /// Time of the measurement.
    pub time: Duration,
}

/// The result of a measurement.
#[derive(Clone, Debug)]
pub struct Found {
    /// Start of the first five round trips (100 ms at least) with a use of 90 % of the bottleneck.
    pub reached: Option<Duration>,
    /// Share of the bottleneck that was used after `reached`.
    pub used: f64,
    /// Share of the sent bytes that did not fit the queue.
    pub dropped: f64,
    /// Longest queue after `reached`, in bytes.
    pub max_queue: u64,
    /// The course of the run, from sample to sample.
    pub course: Vec<Step>,
    /// The whole outcome.
    pub outcome: Outcome,
}

/// The time between two samples. Bytes are those on the wire.
#[derive(Copy, Clone, Debug, Default)]
pub struct Step {
    /// Its end.
    pub at: Duration,
    /// Bytes that were sent.
    pub sent: f64,
    /// Bytes that the bottleneck could send.
    pub passes: f64,
    /// Bytes in the queue at its end.
    pub queued: f64,
    /// Bytes that did not fit the queue.
    pub dropped: f64,
}

/// Bytes on the wire of a packet of content.
pub const PACKET: u32 = 1400 + 36 + 28;
/// Bytes of a symbol.
const SYMBOL: u16 = 1400;

impl Bottleneck {
    /// A path with a queue of `depth` bandwidth-delay products, at least 10 packets.
    pub fn new(bits: u64, rtt: Duration, depth: f64) -> Self {
        let bdp = bits as f64 / 8.0 * rtt.as_secs_f64();
        let queue = (bdp * depth).max(10.0 * f64::from(PACKET)) as u32;
        let time = (rtt * 20).max(Duration::from_secs(2)) + rtt * 100;
        Self {
            seed: 1,
            control: RateControl::Auto,
            bits,
            rtt,
            queue,
            mark: None,
            loss: 0.0,
            uneven: None,
            receivers: 1,
            time,
        }
    }

    /// Bandwidth-delay product in bytes.
    pub fn bdp(&self) -> f64 {
        self.bits as f64 / 8.0 * self.rtt.as_secs_f64()
    }

    /// The scenario that is run.
    pub fn scenario(&self) -> Scenario {
        let mut scenario = endless(self.seed, self.control, self.bits, self.time);
        let config = &mut scenario.sender().config;
        config.min_receivers = self.receivers;
        config.rate = (self.control == RateControl::Fixed).then_some(self.bits / 20 * 19);
        // A short delay, because the course is sampled no finer than the shortest link.
        let near = Duration::from_micros(50).min(self.rtt / 4);
        let far = self.rtt / 2 - near;
        let bottleneck = Rule::Rate { bits: self.bits, queue: self.queue, mark: self.mark };
        scenario.hosts[0].link = Link { delay: near, up: vec![bottleneck], ..Link::default() };
        let mut down = if self.loss > 0.0 { vec![Rule::Loss(self.loss)] } else { Vec::new() };
        down.extend(self.uneven.clone());
        scenario.receivers(self.receivers, &Link { delay: far, down, ..Link::default() })
    }

    /// Runs the measurement.
    pub fn run(&self, threads: usize) -> Found {
        self.run_as(&self.scenario(), threads)
    }

    /// Runs the measurement with other settings of the engines.
    pub(crate) fn run_as(&self, scenario: &Scenario, threads: usize) -> Found {
        let every = (self.rtt / 20).clamp(Duration::from_micros(50), Duration::from_millis(5));
        let options = RunOptions { threads, sample_every: Some(every), ..RunOptions::default() };
        self.found(run_with(scenario, &options))
    }

    fn found(&self, outcome: Outcome) -> Found {
        let mut queued = 0.0;
        let mut course: Vec<Step> = Vec::new();
        for pair in outcome.series.windows(2) {
            let [from, to] = pair else { continue };
            let (bytes, time) = (wire_bytes(from, to), (to.at - from.at).as_secs_f64());
            let passes = self.bits as f64 / 8.0 * time;
            let dropped = (to.lost_at_source - from.lost_at_source) as f64;
            queued = (queued + bytes - dropped - passes).clamp(0.0, f64::from(self.queue));
            course.push(Step { at: to.at, sent: bytes, passes, queued, dropped });
        }
        let window = (self.rtt * 5).max(Duration::from_millis(100));
        let reached = course.iter().enumerate().find_map(|(i, step)| {
            let within = course[i..].iter().take_while(|other| other.at < step.at + window);
            let use_of = Use::of(within);
            (use_of.passed >= use_of.possible * 0.9).then_some(step.at)
        });
        let later = course.iter().filter(|step| reached.is_some_and(|at| step.at >= at));
        let use_of = Use::of(later.clone());
        let sent: f64 = course.iter().map(|step| step.sent).sum();
        let dropped: f64 = course.iter().map(|step| step.dropped).sum();
        Found {
            reached,
            used: use_of.passed / f64::max(use_of.possible, 1.0),
            dropped: dropped / f64::max(sent, 1.0),
            max_queue: later.map(|step| step.queued).fold(0.0, f64::max) as u64,
            course,
            outcome,
        }
    }
}

/// How a bottleneck was used, in bytes.
#[derive(Copy, Clone, Debug, Default)]
struct Use {
    passed: f64,
    possible: f64,
}

impl Use {
    fn of<'a>(steps: impl Iterator<Item = &'a Step>) -> Self {
        steps.fold(Self::default(), |sum, step| Self {
            passed: sum.passed + step.sent - step.dropped,
            possible: sum.possible + step.passes,
        })
    }
}

/// A sender that has more to send than `bits` per second can carry in this time.
fn endless(seed: u64, control: RateControl, bits: u64, time: Duration) -> Scenario {
    let size = (bits as f64 / 8.0 * time.as_secs_f64() * 1.1) as u64 + 1_000_000;
    let mut scenario = Scenario::new(seed, size);
    let object = u64::from(SYMBOL) * 1024 * 200;
    let objects = (0..size.div_ceil(object)).map(|i| (size - i * object).min(object));
    scenario.sender().objects =
        objects.map(|size| ObjectSpec { size, info: None, file: true }).collect();
    scenario.limit = time;
    scenario.may_fail = true;
    scenario.check_nacks = false;
    let config = &mut scenario.sender().config;
    config.segment_size = SYMBOL;
    config.block_len = 1024;
    config.rate = None;
    config.control = control;
    config.cache.bytes = 128 << 20;
    scenario
}

/// Bytes sent between two samples, headers included.
fn wire_bytes(from: &Sample, to: &Sample) -> f64 {
    let packets = (to.data_packets + to.repair_packets) - (from.data_packets + from.repair_packets);
    (to.sent_bytes - from.sent_bytes + packets * 28) as f64
}
