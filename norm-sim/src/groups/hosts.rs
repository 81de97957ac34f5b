//! Transfers between hosts with limits: the default rate compared with a fixed one.

use core::fmt;
use core::time::Duration;

use norm_core::norm::sender::RateControl;

use super::runs::{Runs, median};
use crate::kernel::{RunOptions, run_with};
use crate::rule::Rule;
use crate::scenario::{Limits, Link, Scenario};

/// Numbers of receivers.
const RECEIVERS: [usize; 3] = [1, 3, 8];
/// Shares of packets that each receiver loses.
const LOSSES: [f64; 4] = [0.0, 0.01, 0.05, 0.2];
/// Contents in MiB.
const SIZES: [u64; 2] = [16, 64];
/// Time in which a transfer ends, or is not complete.
const LIMIT: Duration = Duration::from_secs(60);
/// Delay of each link.
const DELAY: Duration = Duration::from_micros(25);
/// Queue of a link with a rate, in bytes.
const QUEUE: u32 = 256 << 10;
/// Buffer of a socket that Linux allows to ask for where nothing is set: net.core.rmem_max.
const STOCK_BUFFER: u32 = 208 << 10;
const LARGE_BUFFER: u32 = 8 << 20;
/// Time that a processor takes for a packet.
const PER_PACKET: Duration = Duration::from_micros(5);
/// The longest time that a processor takes to wake.
const WAKE: Duration = Duration::from_millis(1);

/// What limits a transfer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Machine {
    /// A link of this many bits per second to each receiver; hosts are fast.
    Linked(u64),
    /// A processor of its own for each host, and this receive buffer.
    Slow(u32),
    /// Two processors that all hosts share, and this receive buffer: what a host takes for a packet
    /// grows with their number.
    Shared(u32),
}

/// A transfer to a group.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Scene {
    /// What limits it.
    pub machine: Machine,
    /// Content in MiB.
    pub mib: u64,
    /// Number of receivers.
    pub receivers: usize,
    /// Share of packets that each of them loses independently, 0 to 1.
    pub loss: f64,
}

/// Times of a transfer in seconds by seed, from the first packet of content until all receivers are
/// complete.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times {
    /// With the fixed rate.
    pub fixed: Vec<f64>,
    /// With the default rate.
    pub auto: Vec<f64>,
}

/// All scenes.
pub fn scenes() -> impl Iterator<Item = Scene> {
    let linked = [100_000_000, 1_000_000_000].map(Machine::Linked);
    let slow = [STOCK_BUFFER, LARGE_BUFFER].map(Machine::Slow);
    let shared = [STOCK_BUFFER, LARGE_BUFFER].map(Machine::Shared);
    let machines = linked.into_iter().chain(slow).chain(shared);
    let sizes = machines.flat_map(|machine| SIZES.map(|mib| (machine, mib)));
    sizes.flat_map(|(machine, mib)| {
        RECEIVERS
            .into_iter()
            .flat_map(move |receivers| LOSSES.map(|loss| Scene { machine, mib, receivers, loss }))
    })
}

impl Scene {
    /// What the lines of [`Self::line`] have in their columns.
    pub const HEADER: &str = "machine       MiB  receivers  loss/%   fixed  worst    auto  worst  \
                              ratio  of worst  unfinished";

    /// The scenario that is run.
    pub fn scenario(&self, seed: u64, control: RateControl) -> Scenario {
        let mut scenario = Scenario::new(seed, self.mib << 20);
        scenario.limit = LIMIT;
        scenario.may_fail = true;
        scenario.check_nacks = false;
        let config = &mut scenario.sender().config;
        config.segment_size = 1400;
        config.block_len = 1024;
        config.cache.bytes = 128 << 20;
        config.min_receivers = self.receivers;
        config.control = control;
        config.rate = match (self.machine, control) {
            (Machine::Linked(bits), RateControl::Fixed) => Some(bits / 100 * 93),
            _ => None,
        };
        scenario.hosts[0].link.delay = DELAY;
        let rate = match self.machine {
            Machine::Linked(bits) => Some(Rule::Rate { bits, queue: QUEUE, mark: None }),
            _ => None,
        };
        let loss = (self.loss > 0.0).then_some(Rule::Loss(self.loss));
        let down = rate.into_iter().chain(loss).collect();
        let link = Link { delay: DELAY, down, ..Link::default() };
        let mut scenario = scenario.receivers(self.receivers, &link);
        if let Some(limits) = self.limits() {
            scenario.hosts.iter_mut().for_each(|host| host.limits = Some(limits));
            let buffer = limits.socket_buffer.into();
            scenario.receiver_plans().for_each(|plan| plan.config.socket_buffer = buffer);
        }
        scenario
    }

    fn limits(&self) -> Option<Limits> {
        let (per_packet, socket_buffer) = match self.machine {
            Machine::Linked(_) => return None,
            Machine::Slow(buffer) => (PER_PACKET, buffer),
            Machine::Shared(buffer) => {
                (PER_PACKET.mul_f64((self.receivers + 1) as f64 / 2.0), buffer)
            }
        };
        Some(Limits { per_packet, wake: WAKE, socket_buffer })
    }

    /// The time of a transfer in seconds; that of the limit if it is not complete.
    pub fn run(&self, seed: u64, control: RateControl) -> f64 {
        let sample_every = Some(Duration::from_millis(1));
        let options = RunOptions { sample_every, ..RunOptions::default() };
        let outcome = run_with(&self.scenario(seed, control), &options);
        let first = outcome.series.iter().find(|sample| sample.data_packets > 0);
        let start = first.map_or(Duration::ZERO, |sample| sample.at);
        let ends: Option<Vec<Duration>> = outcome.receivers.iter().map(|r| r.completed).collect();
        let end = ends.and_then(|ends| ends.into_iter().max()).unwrap_or(LIMIT);
        end.saturating_sub(start).as_secs_f64()
    }

    /// The results of all seeds.
    pub fn measure(&self, runs: &Runs) -> Times {
        let both = |seed| [RateControl::Fixed, RateControl::Auto].map(|how| self.run(seed, how));
        let (fixed, auto) = runs.each(both).into_iter().map(|[fixed, auto]| (fixed, auto)).unzip();
        Times { fixed, auto }
    }

    /// A line of the table.
    pub fn line(&self, times: &Times) -> String {
        format!(
            "{:<12}  {:>3}  {:>9}  {:>6}  {times}",
            self.machine.to_string(),
            self.mib,
            self.receivers,
            self.loss * 100.0
        )
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linked(bits) => write!(f, "{} Mbit/s", bits / 1_000_000),
            Self::Slow(buffer) => write!(f, "5 us {}k", buffer >> 10),
            Self::Shared(buffer) => write!(f, "shared {}k", buffer >> 10),
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worst = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
        let (fixed, auto) = (median(&self.fixed), median(&self.auto));
        let (fixed_worst, auto_worst) = (worst(&self.fixed), worst(&self.auto));
        let late = LIMIT.as_secs_f64() - 5.0;
        let unfinished = |times: &[f64]| times.iter().filter(|&&time| time > late).count();
        let unfinished = format!("{}+{}", unfinished(&self.fixed), unfinished(&self.auto));
        write!(f, "{fixed:>6.2} {fixed_worst:>6.2}  {auto:>6.2} {auto_worst:>6.2}")?;
        let (ratio, of_worst) = (auto / fixed.max(1e-9), auto_worst / fixed_worst.max(1e-9));
        write!(f, "  {ratio:>5.2}  {of_worst:>8.2}  {unfinished:>10}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_takes_the_time_of_its_link() {
        let machine = Machine::Linked(100_000_000);
        let scene = Scene { machine, mib: 2, receivers: 3, loss: 0.0 };
        let time = scene.run(1, RateControl::Fixed);
        assert!((0.17..0.25).contains(&time), "{time}");
    }

    #[test]
    fn shared_processors_are_slower_for_more_hosts() {
        let scene = |receivers| Scene { machine: Machine::Shared(1), mib: 1, receivers, loss: 0.0 };
        assert_eq!(scene(1).limits().map(|limits| limits.per_packet), Some(PER_PACKET));
        assert_eq!(scene(7).limits().map(|limits| limits.per_packet), Some(PER_PACKET * 4));
    }

    #[test]
    fn there_are_144_scenes() {
        assert_eq!(scenes().count(), 144);
    }
}
