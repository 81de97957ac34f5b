//! Receivers that are evicted, or moved to a separate group, although they are like all others.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use norm_core::norm::SenderEvent;
use norm_core::norm::sender::SlowPolicy;
use norm_core::norm::wire::NodeId;

use super::runs::Runs;
use crate::bottleneck::{Group, Path};
use crate::kernel::run;

/// Numbers of receivers that are alike.
const RECEIVERS: [usize; 2] = [100, 1_000];
/// Shares of packets that each receiver loses.
const LOSSES: [f64; 4] = [0.0, 0.05, 0.1, 0.2];
/// Bits per second of the path to each receiver.
const RATE: u64 = 20_000_000;
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

/// Evicted receivers by seed: of those that are alike, and whether the slow one was among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evicted(pub Vec<(usize, bool)>);

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
    pub const HEADER: &str =
        "policy    receivers  loss/%  slow one  others evicted: seeds  most  slow one: seeds";

    /// Runs a seed. Returns how many of the equal receivers were evicted, and whether the slow one
    /// was.
    pub fn run(&self, seed: u64) -> (usize, bool) {
        let path = |bits| Path { loss: self.loss, ..Path::new(bits, RTT) };
        let mut paths = vec![path(RATE); self.receivers];
        paths.extend(self.slow.then(|| path(RATE / 10)));
        let separate_group = self.separate.then(|| SocketAddr::from(([239, 255, 57, 41], 5741)));
        let loss = Some(TOO_LOSSY);
        let policy = SlowPolicy { below: None, loss, after: AFTER, separate_group };
        let group = Group { slow: Some(policy), ..Group::new(seed, paths, TIME) };
        let mut scenario = group.scenario();
        for (plan, n) in scenario.receiver_plans().zip(FIRST_NODE..) {
            plan.config.node = Some(NodeId(n));
        }
        let slow = NodeId(FIRST_NODE + self.receivers as u32);
        let outcome = run(&scenario);
        let evicted = outcome.events().iter().filter_map(|event| match event {
            SenderEvent::ReceiverEvicted { node } => Some(*node),
            _ => None,
        });
        let (slow, others): (Vec<NodeId>, Vec<NodeId>) = evicted.partition(|&node| node == slow);
        (others.len(), !slow.is_empty())
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

impl fmt::Display for Evicted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeds = self.0.len();
        let with_others = self.0.iter().filter(|(others, _)| *others > 0).count();
        let most = self.0.iter().map(|(others, _)| *others).max().unwrap_or(0);
        let with_slow = self.0.iter().filter(|(_, slow)| *slow).count();
        let (with_others, with_slow) =
            (format!("{with_others}/{seeds}"), format!("{with_slow}/{seeds}"));
        write!(f, "{with_others:>21}  {most:>4}  {with_slow:>15}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_receiver_alone_is_evicted_of_a_group_without_loss() {
        let alike = SlowCell { separate: false, receivers: 10, loss: 0.0, slow: false };
        assert_eq!(alike.run(1), (0, false));
        assert_eq!(SlowCell { slow: true, ..alike }.run(1), (0, true));
    }
}
