//! One measurement of a polite sender: what it takes from TCP, and what it makes of the rest.

use core::time::Duration;

use norm_core::norm::sender::RateControl;

use crate::fairness::{Fairness, Shares};
use crate::scenario::Control;
use crate::scenario::{Change, Scenario};

/// What `norm-send` sends at least, in bits per second.
const LEAST: u64 = 100_000;

/// A polite sender and TCP flows in one bottleneck.
#[derive(Clone, Debug, PartialEq)]
pub struct Politeness {
    /// The bottleneck, and who is there.
    pub path: Fairness,
}

/// What came of it, as parts of the bottleneck.
#[derive(Copy, Clone, Debug)]
pub struct Manners {
    /// What the TCP flows get beside nobody.
    pub tcp_alone: f64,
    /// What they get beside us.
    pub tcp: f64,
    /// What we get beside them.
    pub ours: f64,
    /// What we get when they are not there.
    pub alone: f64,
}

impl Politeness {
    /// One polite flow beside so many others, in a bottleneck of so many bits per second whose queue is so
    /// many round trips long.
    pub fn new(flows: usize, tcp: Control, bits: u64, rtt: Duration, depth: f64) -> Self {
        let mut path = Fairness::new(flows, tcp, bits / (flows as u64 + 1), rtt);
        (path.control, path.depth) = (RateControl::Scavenger, depth);
        path.time = (rtt * 2000).clamp(Duration::from_secs(60), Duration::from_secs(300));
        Self { path }
    }

    fn scenario(&self) -> Scenario {
        let mut scenario = self.path.scenario();
        scenario.sender().config.rate_min = LEAST;
        scenario
    }

    /// Runs both alone and then together.
    pub fn run(&self, threads: usize) -> Manners {
        let path = &self.path;
        let beside = path.run_as(&self.scenario(), threads);
        let mut nobody = self.scenario();
        // A sender that is all but silent.
        let config = &mut nobody.sender().config;
        (config.control, config.rate) = (RateControl::Fixed, Some(8_000));
        let without = path.run_as(&nobody, threads);
        let mut away = self.scenario();
        for host in &mut away.hosts[path.ours..path.ours + path.flows] {
            host.life = vec![(Duration::ZERO, Change::Stop)];
        }
        let alone = path.run_as(&away, threads);
        let tcp = |shares: &Shares| shares.tcp * path.flows as f64 * 8.0 / path.bits() as f64;
        let ours = |shares: &Shares| shares.ours * 8.0 / path.bits() as f64;
        Manners {
            tcp_alone: tcp(&without),
            tcp: tcp(&beside),
            ours: ours(&beside),
            alone: ours(&alone),
        }
    }

    /// The part of the bottleneck that we use from two seconds after the TCP flows have gone, on for ten
    /// seconds.
    pub fn after_tcp(&self, threads: usize) -> f64 {
        let path = &self.path;
        let gone = path.time / 2;
        let mut scenario = self.scenario();
        for host in &mut scenario.hosts[path.ours..path.ours + path.flows] {
            host.life.push((gone, Change::Stop));
        }
        let outcome = path.run_as(&scenario, threads).outcome;
        let from = outcome.series.iter().find(|s| s.at >= gone + Duration::from_secs(2));
        let to = outcome.series.iter().find(|s| s.at >= gone + Duration::from_secs(12));
        from.zip(to).map_or(0.0, |(from, to)| {
            let seconds = (to.at - from.at).as_secs_f64();
            Fairness::wire_bytes(to.delivered - from.delivered) * 8.0 / seconds / path.bits() as f64
        })
    }
}

impl Manners {
    /// What the TCP flows keep of what they have alone.
    pub fn kept(&self) -> f64 {
        self.tcp / self.tcp_alone
    }
}
