//! A group behind different bottlenecks, and how a sender follows the slowest.

use core::time::Duration;

use norm_core::Rng;
use norm_core::norm::sender::{RateControl, SlowPolicy};

use super::{PACKET, endless, wire_bytes};
use crate::kernel::{RunOptions, run_with};
use crate::outcome::Outcome;
use crate::rule::Rule;
use crate::scenario::AttackerPlan;
use crate::scenario::{Change, Host, Link, Role, Scenario};

/// The way to one receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Bits per second that pass.
    pub bits: u64,
    /// Round trip without a queue, less that of the sender's own link.
    pub rtt: Duration,
    /// Packets lost, 0 to 1.
    pub loss: f64,
    /// What happens to the receiver.
    pub life: Vec<(Duration, Change)>,
}

/// Receivers, each behind a bottleneck of its own.
#[derive(Clone, Debug)]
pub struct Group {
    /// Everything random follows from it.
    pub seed: u64,
    /// Who decides the rate.
    pub control: RateControl,
    /// The receivers' ways.
    pub paths: Vec<Path>,
    /// Someone who means no good, from one time to another.
    pub attacker: Option<(AttackerPlan, Duration, Duration)>,
    /// What is done about those who keep the others slow.
    pub slow: Option<SlowPolicy>,
    /// How long it is watched.
    pub time: Duration,
}

/// The course of a sender's rate.
#[derive(Clone, Debug)]
pub struct Course {
    /// Times, and all bytes on the wire that were sent until then.
    pub sent: Vec<(Duration, f64)>,
    /// The whole outcome.
    pub outcome: Outcome,
}

impl Path {
    /// A way that loses nothing but what its queue of one round trip does not take.
    pub fn new(bits: u64, rtt: Duration) -> Self {
        Self { bits, rtt, loss: 0.0, life: Vec::new() }
    }

    /// The receiver is there for this time only.
    #[must_use]
    pub fn during(mut self, from: Duration, to: Duration) -> Self {
        self.life = vec![(from, Change::Start), (to, Change::Stop)];
        self
    }

    fn host(&self) -> Host {
        let under_way = self.bits as f64 / 8.0 * self.rtt.as_secs_f64();
        let queue = under_way.max(10.0 * f64::from(PACKET)) as u32;
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
    /// These ways, for so long.
    pub fn new(seed: u64, paths: Vec<Path>, time: Duration) -> Self {
        Self { seed, control: RateControl::Auto, paths, attacker: None, slow: None, time }
    }

    /// `count` receivers behind drawn bottlenecks of `least` to six times as many bits per second,
    /// 2 to 60 ms away; the first has the least.
    pub fn drawn(seed: u64, count: usize, least: u64, time: Duration) -> Self {
        let mut rng = Rng::new(seed);
        let paths = (0..count).map(|i| {
            let bits = if i == 0 { least } else { least + rng.below(least * 5) };
            Path::new(bits, Duration::from_micros(2_000 + rng.below(58_000)))
        });
        Self::new(seed, paths.collect(), time)
    }

    /// The scenario that is run.
    pub fn scenario(&self) -> Scenario {
        let most = self.paths.iter().map(|path| path.bits).max().unwrap_or(0);
        let mut scenario = endless(self.seed, self.control, most, self.time);
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

    /// Runs it.
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
            let behind = self.sent.partition_point(|&(at, _)| at <= time);
            behind.checked_sub(1).map_or((Duration::ZERO, 0.0), |last| self.sent[last])
        };
        let (start, end) = (until(from), until(to));
        (end.1 - start.1) * 8.0 / (end.0.saturating_sub(start.0)).as_secs_f64().max(1e-9)
    }

    /// From when on the mean rate of `window` is at most (or at least) `bits` per second for the
    /// first time after `from`.
    pub fn settled(
        &self,
        from: Duration,
        window: Duration,
        fits: impl Fn(f64) -> bool,
    ) -> Option<Duration> {
        let end = self.sent.last()?.0;
        let starts = self.sent.iter().map(|&(at, _)| at).filter(|&at| at >= from);
        starts.take_while(|&at| at + window <= end).find(|&at| fits(self.mean(at, at + window)))
    }
}
