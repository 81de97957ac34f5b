//! A measurement of a scavenger: what it takes from TCP, and how it uses the remaining rate.

use core::time::Duration;

use norm_core::norm::sender::RateControl;

use crate::fairness::{Fairness, Shares};
use crate::scenario::{Change, Control, Scenario};

/// Minimum rate of `norm-send`, in bits per second.
const MIN_RATE: u64 = 100_000;

/// Settings of a measurement: a scavenger and TCP flows in one bottleneck.
#[derive(Clone, Debug, PartialEq)]
pub struct Politeness {
    /// The bottleneck and its flows.
    pub path: Fairness,
}

/// The result of a measurement, as shares of the bottleneck.
#[derive(Copy, Clone, Debug)]
pub struct PoliteShares {
    /// Share of the TCP flows without a sender of ours.
    pub tcp_alone: f64,
    /// Share of the TCP flows beside our sender.
    pub tcp: f64,
    /// Share of our sender beside the TCP flows.
    pub ours: f64,
    /// Share of our sender without TCP flows.
    pub alone: f64,
}

impl Politeness {
    /// One scavenger beside `flows` TCP flows, in a bottleneck of `bits` per second with a queue of
    /// `depth` round trips.
    pub fn new(flows: usize, tcp: Control, bits: u64, rtt: Duration, depth: f64) -> Self {
        let mut path = Fairness::new(flows, tcp, bits / (flows as u64 + 1), rtt);
        path.control = RateControl::Scavenger;
        path.depth = depth;
        path.time = (rtt * 2000).clamp(Duration::from_secs(60), Duration::from_secs(300));
        Self { path }
    }

    fn scenario(&self) -> Scenario {
        let mut scenario = self.path.scenario();
        scenario.sender().config.rate_min = MIN_RATE;
        scenario
    }

    /// Runs both together, and each of them alone.
    pub fn run(&self, threads: usize) -> PoliteShares {
        let path = &self.path;
        let beside = path.run_as(&self.scenario(), threads);
        let mut tcp_only = self.scenario();
        // A sender that is almost silent.
        let config = &mut tcp_only.sender().config;
        config.control = RateControl::Fixed;
        config.rate = Some(8_000);
        let without = path.run_as(&tcp_only, threads);
        let mut ours_only = self.scenario();
        for host in &mut ours_only.hosts[path.ours..path.ours + path.flows] {
            host.life = vec![(Duration::ZERO, Change::Stop)];
        }
        let alone = path.run_as(&ours_only, threads);
        let tcp = |shares: &Shares| shares.tcp * path.flows as f64 * 8.0 / path.bits() as f64;
        let ours = |shares: &Shares| shares.ours * 8.0 / path.bits() as f64;
        PoliteShares {
            tcp_alone: tcp(&without),
            tcp: tcp(&beside),
            ours: ours(&beside),
            alone: ours(&alone),
        }
    }

    /// Share of our sender in ten seconds, from two seconds after the end of the TCP flows on.
    pub fn after_tcp(&self, threads: usize) -> f64 {
        let path = &self.path;
        let end = path.time / 2;
        let mut scenario = self.scenario();
        for host in &mut scenario.hosts[path.ours..path.ours + path.flows] {
            host.life.push((end, Change::Stop));
        }
        let outcome = path.run_as(&scenario, threads).outcome;
        let from = outcome.series.iter().find(|s| s.at >= end + Duration::from_secs(2));
        let to = outcome.series.iter().find(|s| s.at >= end + Duration::from_secs(12));
        from.zip(to).map_or(0.0, |(from, to)| {
            let seconds = (to.at - from.at).as_secs_f64();
            Fairness::wire_bytes(to.delivered - from.delivered) * 8.0 / seconds / path.bits() as f64
        })
    }
}

impl PoliteShares {
    /// The part of their own share that the TCP flows keep beside our sender.
    pub fn kept(&self) -> f64 {
        self.tcp / self.tcp_alone
    }
}
