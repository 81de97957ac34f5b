//! Receivers that are evicted, or moved to a separate group, although they are like all others.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use norm_core::norm::SenderEvent;
use norm_core::norm::sender::SlowPolicy;
use norm_core::norm::wire::NodeId;

use super::rate_trace;
use super::runs::Runs;
use crate::bottleneck::{Group, Path};
use crate::kernel::{RunOptions, run_with};
use crate::scenario::Scenario;

/// Numbers of receivers that are alike.
const RECEIVERS: [usize; 2] = [100, 1_000];
/// Shares of packets that each receiver loses.
const LOSSES: [f64; 4] = [0.0, 0.05, 0.1, 0.2];
/// Bits per second of the path to each receiver.
const RATE: u64 = 20_000_000;
/// The same in groups of more than [`SMALL`], where each packet costs a run more.
const RATE_LARGE: u64 = 5_000_000;
const SMALL: usize = 100;
/// Round trip of each path.
const RTT: Duration = Duration::from_millis(20);
/// Time of a measurement: several times that of the policy.
const TIME: Duration = Duration::from_secs(20);
/// How long a receiver is too slow before it is evicted: the default of `--slow-after`.
const AFTER: Duration = Duration::from_secs(3);
/// Share of lost packets from which on a receiver is too slow: the default of `--slow-loss`.
const TOO_LOSSY: f64 = 0.5;

/// A group with a policy for slow receivers.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct SlowCell {
    /// A slow receiver is to go on in a separate group, rather than to be evicted.
    pub separate: bool,
    /// Number of receivers that are alike.
    pub receivers: usize,
    /// Share of packets that each receiver loses independently, 0 to 1.
    pub loss: f64,
    /// One more receiver has a tenth of the rate.
    pub slow: bool,
}

/// What a run has shown.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct SlowRun {
    /// Evicted receivers of those that are alike.
    pub others: usize,
    /// How long after the first packet of content the slow one was evicted, if it was.
    pub slow: Option<Duration>,
}

/// Evicted receivers by seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evicted(pub Vec<SlowRun>);

/// All cells.
pub fn slow_cells() -> impl Iterator<Item = SlowCell> {
    let policies = [false, true].into_iter();
    let groups = policies.flat_map(|separate| RECEIVERS.map(|receivers| (separate, receivers)));
    let paths = groups.flat_map(|group| LOSSES.map(|loss| (group, loss)));
    paths.flat_map(|((separate, receivers), loss)| {
        [false, true].map(|slow| SlowCell { separate, receivers, loss, slow })
    })
}

impl SlowCell {
    /// What the lines of [`Self::line`] have in their columns.
    pub const HEADER: &str = "policy    receivers  loss/%  slow one  others evicted: seeds  most  \
                              slow one: seeds  mean/s  last/s";

    /// Runs a seed.
    pub fn run(&self, seed: u64) -> SlowRun {
        let slow = NodeId(FIRST_NODE + self.receivers as u32);
        let sample_every = Some(Duration::from_millis(10));
        let options = RunOptions { sample_every, ..RunOptions::default() };
        let outcome = run_with(&self.scenario(seed), &options);
        let sender = &outcome.senders[0];
        let evicted = sender.events.iter().zip(&sender.event_times);
        let evicted = evicted.filter_map(|(event, &at)| match event {
            SenderEvent::ReceiverEvicted { node } => Some((*node, at)),
            _ => None,
        });
        let (slow, others): (Vec<_>, Vec<_>) = evicted.partition(|&(node, _)| node == slow);
        let begun = outcome.series.iter().find(|sample| sample.data_packets > 0);
        let begun = begun.map_or(Duration::ZERO, |sample| sample.at);
        let slow = slow.first().map(|(_, at)| at.saturating_sub(begun));
        SlowRun { others: others.len(), slow }
    }

    /// What the sender's controller believes in a run, as the lines of a file: the names of the
    /// columns come first.
    pub fn trace(&self, seed: u64) -> Vec<String> {
        let mut scenario = self.scenario(seed);
        scenario.sender().trace_rate = true;
        rate_trace(run_with(&scenario, &RunOptions::default()))
    }

    fn scenario(&self, seed: u64) -> Scenario {
        let path = |bits| Path { loss: self.loss, ..Path::new(bits, RTT) };
        let rate = if self.receivers > SMALL { RATE_LARGE } else { RATE };
        let mut paths = vec![path(rate); self.receivers];
        paths.extend(self.slow.then(|| path(rate / 10)));
        let separate_group = self.separate.then(|| SocketAddr::from(([239, 255, 57, 41], 5741)));
        let loss = Some(TOO_LOSSY);
        let policy = SlowPolicy { below: None, loss, after: AFTER, separate_group };
        let group = Group { slow: Some(policy), ..Group::new(seed, paths, TIME) };
        let mut scenario = group.scenario();
        for (plan, n) in scenario.receiver_plans().zip(FIRST_NODE..) {
            plan.config.node = Some(NodeId(n));
        }
        scenario
    }

    /// The results of all seeds.
    pub fn measure(&self, runs: &Runs) -> Evicted {
        Evicted(runs.each(|seed| self.run(seed)))
    }

    /// A line of the table.
    pub fn line(&self, found: &Evicted) -> String {
        let policy = if self.separate { "separate" } else { "evict" };
        let slow = if self.slow { "yes" } else { "no" };
        let percent = self.loss * 100.0;
        format!("{policy:<8}  {:>9}  {percent:>6}  {slow:>8}  {found}", self.receivers)
    }
}

/// The node id of the first receiver.
const FIRST_NODE: u32 = 1_000;

impl Evicted {
    /// Number of seeds with which a receiver was evicted that is like the others.
    pub fn with_others(&self) -> usize {
        self.0.iter().filter(|run| run.others > 0).count()
    }

    /// Number of seeds with which the slow one was evicted.
    pub fn with_slow(&self) -> usize {
        self.0.iter().filter(|run| run.slow.is_some()).count()
    }
}

impl fmt::Display for Evicted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeds = self.0.len();
        let most = self.0.iter().map(|run| run.others).max().unwrap_or(0);
        let with_others = format!("{}/{seeds}", self.with_others());
        let with_slow = format!("{}/{seeds}", self.with_slow());
        write!(f, "{with_others:>21}  {most:>4}  {with_slow:>15}")?;
        let times: Vec<Duration> = self.0.iter().filter_map(|run| run.slow).collect();
        let Some(last) = times.iter().max() else { return write!(f, "       -       -") };
        let mean = times.iter().sum::<Duration>() / times.len() as u32;
        write!(f, "  {:>6.2}  {:>6.2}", mean.as_secs_f64(), last.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_receiver_alone_is_evicted_of_a_group_without_loss() {
        let alike = SlowCell { separate: false, receivers: 10, loss: 0.0, slow: false };
        assert_eq!(alike.run(1), SlowRun { others: 0, slow: None });
        let SlowRun { others, slow } = SlowCell { slow: true, ..alike }.run(1);
        let at = slow.expect("the slow one is evicted");
        assert!(others == 0 && (AFTER..AFTER * 3).contains(&at), "{others} others, {at:?}");
    }
}
