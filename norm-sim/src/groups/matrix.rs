//! The use of a path that many receivers share, each with a loss of its own after it.

use core::fmt;
use core::time::Duration;

use norm_core::norm::sender::RateControl;

use super::rate_trace;
use super::runs::Runs;
use crate::bottleneck::{Bottleneck, PACKET};
use crate::scenario::Scenario;

/// Numbers of receivers.
const RECEIVERS: [usize; 5] = [1, 10, 30, 100, 1_000];
/// Shares of packets that each receiver loses.
const LOSSES: [f64; 4] = [0.0, 0.01, 0.05, 0.2];
/// Bits per second of the path.
const RATES: [u64; 3] = [10_000_000, 1_000_000_000, 10_000_000_000];
/// Round trips in microseconds.
const ROUND_TRIPS: [u64; 3] = [200, 5_000, 50_000];

/// The share of the path that is to be used.
const REQUIRED: f64 = 0.9;
/// From the first packet of content on, the sender has this many round trips, and [`START_TIME`] at
/// least, to find the rate.
const START_ROUNDS: u32 = 20;
const START_TIME: Duration = Duration::from_secs(1);
/// Blocks in progress at a receiver, at most.
const MAX_BLOCKS: usize = 1 << 14;
/// Deliveries in a run after which the measurement may be short.
const MAX_DELIVERIES: f64 = 200e6;
/// The shortest measurement, or 20 round trips.
const SHORTEST: Duration = Duration::from_millis(250);
/// Time in which all receivers have joined, so that content flows.
const MAX_JOINING: Duration = Duration::from_secs(60);

/// A cell of the matrix.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Cell {
    /// Number of receivers.
    pub receivers: usize,
    /// Share of packets that each of them loses independently, 0 to 1.
    pub loss: f64,
    /// Bits per second of the path that they share.
    pub bits: u64,
    /// Round trip without a queue.
    pub rtt: Duration,
    /// Controller of the rate. A fixed rate is 0.95 of the path's.
    pub control: RateControl,
}

/// How the path of a cell was used in a run.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct PathUse {
    /// Used share of the path.
    pub used: f64,
    /// Share of the time in which the fair controller was in control.
    pub fair: f64,
    /// When the first packet of content was sent: all receivers had joined.
    pub begun: Duration,
}

/// How the path of a cell was used, by seed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellUse(pub Vec<PathUse>);

/// All cells of the matrix.
pub fn cells() -> impl Iterator<Item = Cell> {
    let paths = RATES.into_iter().flat_map(|bits| ROUND_TRIPS.map(|micros| (bits, micros)));
    let groups = RECEIVERS.into_iter().flat_map(|count| LOSSES.map(|loss| (count, loss)));
    groups.flat_map(move |(receivers, loss)| {
        paths.clone().map(move |(bits, micros)| {
            let (rtt, control) = (Duration::from_micros(micros), RateControl::Auto);
            Cell { receivers, loss, bits, rtt, control }
        })
    })
}

impl Cell {
    /// What the lines of [`Self::line`] have in their columns.
    pub const HEADER: &str =
        "receivers  loss/%  Mbit/s  RTT/ms  begun/s  from/s    to/s  least   mean  misses  fair";

    /// The times of the measurement, since the first packet of content: from 20 round trips (1 s at
    /// least) on, as long again. In a large cell less is measured.
    pub fn times(&self) -> (Duration, Duration) {
        let from = (self.rtt * START_ROUNDS).max(START_TIME);
        let affordable = Duration::from_secs_f64(MAX_DELIVERIES / self.delivery_rate());
        let least = SHORTEST.max(self.rtt * START_ROUNDS);
        let time = affordable.saturating_sub(from).clamp(least.min(from), from);
        (from, from + time)
    }

    /// Packets that a run delivers to receivers, about.
    pub fn deliveries(&self) -> f64 {
        self.delivery_rate() * self.times().1.as_secs_f64()
    }

    /// Packets that the path can deliver to receivers in a second.
    fn delivery_rate(&self) -> f64 {
        self.bits as f64 / 8.0 / f64::from(PACKET) * self.receivers as f64
    }

    /// What the sender's controller believes in a run, as the lines of a file: the names of the
    /// columns come first.
    pub fn trace(&self, seed: u64) -> Vec<String> {
        let path = self.path(seed);
        let mut scenario = with_memory(&path);
        scenario.sender().trace_rate = true;
        rate_trace(path.run_as(&scenario, 1).outcome)
    }

    fn path(&self, seed: u64) -> Bottleneck {
        let (_, time) = self.times();
        Bottleneck {
            seed,
            control: self.control,
            loss: self.loss,
            receivers: self.receivers,
            time,
            ..Bottleneck::new(self.bits, self.rtt, 1.0)
        }
    }

    /// How the path is used.
    pub fn run(&self, seed: u64) -> PathUse {
        let (from, _) = self.times();
        let path = self.path(seed);
        let found = path.run_as(&with_memory(&path), 1);
        let series = &found.outcome.series;
        let first = series.iter().find(|sample| sample.data_packets > 0);
        let Some(begun) = first.map(|sample| sample.at) else { return PathUse::default() };
        let later = found.course.iter().filter(|step| step.at > begun + from);
        let (mut passed, mut possible) = (0.0, 0.0);
        for step in later {
            passed += step.sent - step.dropped;
            possible += step.passes;
        }
        let start = series.iter().find(|sample| sample.at >= begun + from);
        let fair = series.last().zip(start).map_or(0.0, |(end, start)| {
            let time = (end.at - start.at).as_secs_f64();
            (end.fair - start.fair).as_secs_f64() / time.max(1e-9)
        });
        PathUse { used: passed / f64::max(possible, 1.0), fair, begun }
    }

    /// The results of all seeds.
    pub fn measure(&self, runs: &Runs) -> CellUse {
        CellUse(runs.each(|seed| self.run(seed)))
    }

    /// A line of the table.
    pub fn line(&self, found: &CellUse) -> String {
        let (from, to) = self.times();
        format!(
            "{:>9}  {:>6}  {:>6}  {:>6.1}  {:>7.2}  {:>6.2}  {:>6.2}  {found}",
            self.receivers,
            self.loss * 100.0,
            self.bits / 1_000_000,
            self.rtt.as_secs_f64() * 1e3,
            found.begun().as_secs_f64(),
            from.as_secs_f64(),
            to.as_secs_f64(),
        )
    }
}

/// The path's scenario with memory for all content of the measurement at all nodes: with less,
/// repair of 10 Gbit/s over 50 ms stops the sender at any rate, and not the controller is measured.
fn with_memory(path: &Bottleneck) -> Scenario {
    let mut scenario = path.scenario();
    let config = &mut scenario.sender().config;
    let bytes = path.bits as f64 / 8.0 * path.time.as_secs_f64();
    config.cache.bytes = config.cache.bytes.max(bytes as usize);
    scenario.content_limit = Some(path.time);
    scenario.limit = path.time + MAX_JOINING;
    scenario.receiver_plans().for_each(|plan| plan.config.max_blocks = MAX_BLOCKS);
    scenario
}

impl CellUse {
    /// Number of seeds that use less than is required.
    pub fn misses(&self) -> usize {
        self.0.iter().filter(|run| run.used < REQUIRED).count()
    }

    /// The latest time at which the first packet of content was sent.
    pub fn begun(&self) -> Duration {
        self.0.iter().map(|run| run.begun).max().unwrap_or_default()
    }
}

impl fmt::Display for CellUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(runs) = self;
        let count = runs.len().max(1) as f64;
        let least = runs.iter().map(|run| run.used).fold(f64::MAX, f64::min);
        let used = runs.iter().map(|run| run.used).sum::<f64>() / count;
        let fair = runs.iter().map(|run| run.fair).sum::<f64>() / count;
        let misses = format!("{}/{}", self.misses(), runs.len());
        write!(f, "{least:>5.3}  {used:>5.3}  {misses:>6}  {fair:>4.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrix_has_180_cells_and_large_ones_are_measured_for_less_time() {
        assert_eq!(cells().count(), 180);
        let rtt = Duration::from_millis(5);
        let small =
            Cell { receivers: 10, loss: 0.0, bits: 10_000_000, rtt, control: RateControl::Auto };
        let large = Cell { receivers: 1_000, bits: 10_000_000_000, ..small };
        assert_eq!(small.times(), (Duration::from_secs(1), Duration::from_secs(2)));
        assert_eq!(large.times(), (Duration::from_secs(1), Duration::from_millis(1_250)));
    }

    #[test]
    fn group_uses_the_path() {
        let rtt = Duration::from_millis(5);
        let cell =
            Cell { receivers: 10, loss: 0.0, bits: 10_000_000, rtt, control: RateControl::Auto };
        let found = cell.measure(&Runs { first: 1, count: 2, threads: 2 });
        assert!(found.0.iter().all(|run| (0.85..1.05).contains(&run.used)), "{found}");
    }

    #[test]
    fn fair_controller_is_seen_to_be_in_control() {
        let rtt = Duration::from_millis(5);
        let control = RateControl::Fair;
        let cell = Cell { receivers: 2, loss: 0.0, bits: 10_000_000, rtt, control };
        assert!((0.99..=1.01).contains(&cell.run(1).fair));
        let auto = Cell { control: RateControl::Auto, ..cell };
        assert_eq!(auto.run(1).fair, 0.0);
    }
}
