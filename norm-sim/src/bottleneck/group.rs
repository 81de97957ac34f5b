//! A group with different bottlenecks, and how a sender follows the slowest receiver.

use core::time::Duration;

use norm_core::Rng;
use norm_core::norm::sender::{RateControl, SlowPolicy};

use super::{PACKET, endless, wire_bytes};
use crate::kernel::{RunOptions, run_with};
use crate::outcome::Outcome;
use crate::rule::Rule;
use crate::scenario::{AttackerPlan, Change, Host, Link, Role, Scenario};

/// The path to one receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Bits per second of its bottleneck.
    pub bits: u64,
    /// Round trip without a queue, not counting the sender's own link.
    pub rtt: Duration,
    /// Share of packets that it loses, 0 to 1.
    pub loss: f64,
    /// Changes in the life of the receiver.
    pub life: Vec<(Duration, Change)>,
}

/// Settings of a measurement: receivers, each with a bottleneck of its own.
#[derive(Clone, Debug)]
pub struct Group {
    /// All random numbers follow from the seed.
    pub seed: u64,
    /// Controller of the rate.
    pub control: RateControl,
    /// The paths to the receivers.
    pub paths: Vec<Path>,
    /// An attacker, with the times of its start and its end.
    pub attacker: Option<(AttackerPlan, Duration, Duration)>,
    /// The policy for slow receivers.
    pub slow: Option<SlowPolicy>,
    /// Time of the measurement.
    pub time: Duration,
}

/// The course of a sender's rate.
#[derive(Clone, Debug)]
pub struct Course {
    /// Times, and the bytes on the wire that were sent until then.
    pub sent: Vec<(Duration, f64)>,
    /// The whole outcome.
    pub outcome: Outcome,
}

impl Path {
    /// A path with a queue of one bandwidth-delay product, and no other loss.
    pub fn new(bits: u64, rtt: Duration) -> Self {
        Self { bits, rtt, loss: 0.0, life: Vec::new() }
    }

    /// This path for a receiver that joins and leaves at these times.
    #[must_use]
    pub fn during(mut self, from: Duration, to: Duration) -> Self {
        self.life = vec![(from, Change::Start), (to, Change::Stop)];
        self
    }

    fn host(&self) -> Host {
        let bdp = self.bits as f64 / 8.0 * self.rtt.as_secs_f64();
        let queue = bdp.max(10.0 * f64::from(PACKET)) as u32;
        let mut down = vec![Rule::Rate { bits: self.bits, queue, mark: None }];
        if self.loss > 0.0 {
            down.push(Rule::Loss(self.loss));
        }
        let mut host = Host::receiver(Link { delay: self.rtt / 2, down, ..Link::default() });
        host.life = self.life.clone();
        host
    }
}

impl Group {
    /// A group with these paths, measured for this time.
    pub fn new(seed: u64, paths: Vec<Path>, time: Duration) -> Self {
        Self { seed, control: RateControl::Auto, paths, attacker: None, slow: None, time }
    }

    /// `count` receivers with random bottlenecks of `min` to six times `min` bits per second, and
    /// random round trips of 2 to 60 ms. The first one has `min`.
    pub fn drawn(seed: u64, count: usize, min: u64, time: Duration) -> Self {
        let mut rng = Rng::new(seed);
        let paths = (0..count).map(|i| {
            let bits = if i == 0 { min } else { min + rng.below(min * 5) };
            Path::new(bits, Duration::from_micros(2_000 + rng.below(58_000)))
        });
        Self::new(seed, paths.collect(), time)
    }

    /// The scenario that is run.
    pub fn scenario(&self) -> Scenario {
        let max = self.paths.iter().map(|path| path.bits).max().unwrap_or(0);
        let mut scenario = endless(self.seed, self.control, max, self.time);
        let first = |path: &&Path| path.life.is_empty();
        scenario.sender().config.min_receivers = self.paths.iter().filter(first).count();
        scenario.sender().config.slow = self.slow;
        scenario.hosts.extend(self.paths.iter().map(Path::host));
        if let Some((plan, from, to)) = &self.attacker {
            let near = Link { delay: Duration::from_micros(50), ..Link::default() };
            let mut host = Host::new(Role::Attacker(plan.clone()), near);
            host.life = vec![(*from, Change::Start), (*to, Change::Stop)];
            scenario.add(host);
        }
        scenario
    }

    /// Runs the measurement.
    pub fn run(&self, threads: usize) -> Course {
        let sample_every = Some(Duration::from_millis(1));
        let options = RunOptions { threads, sample_every, ..RunOptions::default() };
        let outcome = run_with(&self.scenario(), &options);
        let mut sum = 0.0;
        let sent = outcome.series.windows(2).map(|pair| {
            sum += wire_bytes(&pair[0], &pair[1]);
            (pair[1].at, sum)
        });
        Course { sent: sent.collect(), outcome }
    }
}

impl Course {
    /// The mean rate between two times, in bits per second.
    pub fn mean(&self, from: Duration, to: Duration) -> f64 {
        let until = |time| {
            let count = self.sent.partition_point(|&(at, _)| at <= time);
            count.checked_sub(1).map_or((Duration::ZERO, 0.0), |last| self.sent[last])
        };
        let (start, end) = (until(from), until(to));
        (end.1 - start.1) * 8.0 / (end.0.saturating_sub(start.0)).as_secs_f64().max(1e-9)
    }
}
