//! One measurement of congestion control: how a sender finds the rate of a path.

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

/// A path with a bottleneck, and nothing else on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bottleneck {
    /// Everything random follows from it.
    pub seed: u64,
    /// Who decides the rate.
    pub control: RateControl,
    /// Bits per second that pass.
    pub bits: u64,
    /// Round trip without a queue.
    pub rtt: Duration,
    /// Bytes that may wait.
    pub queue: u32,
    /// A packet that finds more bytes than this waiting is marked.
    pub mark: Option<u32>,
    /// Packets lost behind the bottleneck, 0 to 1.
    pub loss: f64,
    /// Receivers, all behind the bottleneck.
    pub receivers: usize,
    /// How long it is watched.
    pub time: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Found {
    /// When for the first time nine tenths of the bottleneck had been used for five round trips, or a
    /// tenth of a second.
    pub reached: Option<Duration>,
    /// The part of the bottleneck that was used from then on.
    pub used: f64,
    /// The part of what was sent that found no room in the queue.
    pub dropped: f64,
    /// The longest queue once it was reached, in bytes.
    pub most_queued: u64,
    /// What happened between two samples, in bytes.
    pub course: Vec<Step>,
    /// The whole outcome.
    pub outcome: Outcome,
}

/// The time between two samples, in bytes on the wire.
#[derive(Copy, Clone, Debug, Default)]
pub struct Step {
    /// When it ended.
    pub at: Duration,
    /// What was sent.
    pub sent: f64,
    /// What could pass.
    pub passes: f64,
    /// What waited at the end.
    pub queued: f64,
    /// What found no room.
    pub dropped: f64,
}

/// Bytes on the wire of a packet of content.
pub const PACKET: u32 = 1400 + 36 + 28;
/// Bytes of a symbol.
const SYMBOL: u16 = 1400;

impl Bottleneck {
    /// A path with a queue of so many times what is under way in one round trip; 10 packets at least.
    pub fn new(bits: u64, rtt: Duration, bdp: f64) -> Self {
        let under_way = bits as f64 / 8.0 * rtt.as_secs_f64();
        let queue = (under_way * bdp).max(10.0 * f64::from(PACKET)) as u32;
        let time = (rtt * 20).max(Duration::from_secs(2)) + rtt * 100;
        Self {
            seed: 1,
            control: RateControl::Auto,
            bits,
            rtt,
            queue,
            mark: None,
            loss: 0.0,
            receivers: 1,
            time,
        }
    }

    /// Bytes under way in one round trip.
    pub fn under_way(&self) -> f64 {
        self.bits as f64 / 8.0 * self.rtt.as_secs_f64()
    }

    /// The scenario that is run.
    pub fn scenario(&self) -> Scenario {
        let mut scenario = endless(self.seed, self.control, self.bits, self.time);
        let config = &mut scenario.sender().config;
        config.min_receivers = self.receivers;
        // Near, because the course is sampled no finer than the shortest link.
        let near = Duration::from_micros(50).min(self.rtt / 4);
        let far = self.rtt / 2 - near;
        let bottleneck = Rule::Rate { bits: self.bits, queue: self.queue, mark: self.mark };
        scenario.hosts[0].link = Link { delay: near, up: vec![bottleneck], ..Link::default() };
        let down = if self.loss > 0.0 { vec![Rule::Loss(self.loss)] } else { Vec::new() };
        scenario.receivers(self.receivers, &Link { delay: far, down, ..Link::default() })
    }

    /// Runs it.
    pub fn run(&self, threads: usize) -> Found {
        let every = (self.rtt / 20).clamp(Duration::from_micros(50), Duration::from_millis(5));
        let options = RunOptions { threads, sample_every: Some(every), ..RunOptions::default() };
        self.found(run_with(&self.scenario(), &options))
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
            let (used, could) =
                within.fold((0.0, 0.0), |sum, s| (sum.0 + s.sent - s.dropped, sum.1 + s.passes));
            (used >= could * 0.9).then_some(step.at)
        });
        let later = course.iter().filter(|step| reached.is_some_and(|at| step.at >= at));
        let (used, could) =
            later.clone().fold((0.0, 0.0), |sum, s| (sum.0 + s.sent - s.dropped, sum.1 + s.passes));
        let sent: f64 = course.iter().map(|step| step.sent).sum();
        let dropped: f64 = course.iter().map(|step| step.dropped).sum();
        Found {
            reached,
            used: used / f64::max(could, 1.0),
            dropped: dropped / f64::max(sent, 1.0),
            most_queued: later.map(|step| step.queued).fold(0.0, f64::max) as u64,
            course,
            outcome,
        }
    }
}

/// A sender that has more to send than `bits` bits per second take in this time.
fn endless(seed: u64, control: RateControl, bits: u64, time: Duration) -> Scenario {
    let size = (bits as f64 / 8.0 * time.as_secs_f64() * 1.1) as u64 + 1_000_000;
    let mut scenario = Scenario::new(seed, size);
    // As many objects as it takes.
    let object = u64::from(SYMBOL) * 1024 * 200;
    let objects = (0..size.div_ceil(object)).map(|i| (size - i * object).min(object));
    scenario.sender().objects =
        objects.map(|size| ObjectSpec { size, info: None, file: true }).collect();
    (scenario.limit, scenario.may_fail, scenario.check_nacks) = (time, true, false);
    let config = &mut scenario.sender().config;
    (config.segment_size, config.block_len, config.rate) = (SYMBOL, 1024, None);
    (config.control, config.cache.bytes) = (control, 128 << 20);
    scenario
}

/// Bytes sent between two samples, headers included.
fn wire_bytes(from: &Sample, to: &Sample) -> f64 {
    let packets = (to.data_packets + to.repair_packets) - (from.data_packets + from.repair_packets);
    (to.sent_bytes - from.sent_bytes + packets * 28) as f64
}
