//! The use of a path that many receivers share, each with a loss of its own after it.

use core::fmt;
use core::time::Duration;

use norm_core::norm::sender::{RateControl, RateRecord};

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
/// The sender has this many round trips, and [`START_TIME`] at least, to find the rate.
const START_ROUNDS: u32 = 20;
const START_TIME: Duration = Duration::from_secs(1);
/// Blocks in progress at a receiver, at most.
const MAX_BLOCKS: usize = 1 << 14;
/// Deliveries in a run after which the measurement may be short.
const MAX_DELIVERIES: f64 = 200e6;
/// The shortest measurement, or 20 round trips.
const SHORTEST: Duration = Duration::from_millis(250);

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

/// How the path of a cell was used, by seed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellUse {
    /// Used share of the path.
    pub used: Vec<f64>,
    /// Share of the time in which the fair controller was in control.
    pub fair: Vec<f64>,
}

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
        "receivers  loss/%  Mbit/s  RTT/ms  from/s    to/s  least   mean  misses  fair";

    /// The times of the measurement: from 20 round trips (1 s at least) on, as long again. In a
    /// large cell less is measured.
    pub fn times(&self) -> (Duration, Duration) {
        let from = (self.rtt * START_ROUNDS).max(START_TIME);
        let rate = self.bits as f64 / 8.0 / f64::from(PACKET) * self.receivers as f64;
        let affordable = Duration::from_secs_f64(MAX_DELIVERIES / rate);
        let least = SHORTEST.max(self.rtt * START_ROUNDS);
        let time = affordable.saturating_sub(from).clamp(least.min(from), from);
        (from, from + time)
    }

    /// What the sender's controller believes in a run, as the lines of a file: the names of the
    /// columns come first.
    pub fn trace(&self, seed: u64) -> Vec<String> {
        let path = self.path(seed);
        let mut scenario = with_memory(&path);
        scenario.sender().trace_rate = true;
        let outcome = path.run_as(&scenario, 1).outcome;
        let records = outcome.senders.into_iter().flat_map(|sender| sender.rate_trace);
        [RateRecord::COLUMNS.to_owned()].into_iter().chain(records).collect()
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

    /// The used share of the path, and that of the fair controller in the time.
    pub fn run(&self, seed: u64) -> (f64, f64) {
        let (from, _) = self.times();
        let path = self.path(seed);
        let found = path.run_as(&with_memory(&path), 1);
        let later = found.course.iter().filter(|step| step.at > from);
        let (mut passed, mut possible) = (0.0, 0.0);
        for step in later {
            passed += step.sent - step.dropped;
            possible += step.passes;
        }
        let mut samples = found.outcome.series.iter();
        let start = samples.find(|sample| sample.at >= from);
        let fair = found.outcome.series.last().zip(start).map_or(0.0, |(end, start)| {
            let time = (end.at - start.at).as_secs_f64();
            (end.fair - start.fair).as_secs_f64() / time.max(1e-9)
        });
        (passed / f64::max(possible, 1.0), fair)
    }

    /// The results of all seeds.
    pub fn measure(&self, runs: &Runs) -> CellUse {
        let (used, fair) = runs.each(|seed| self.run(seed)).into_iter().unzip();
        CellUse { used, fair }
    }

    /// A line of the table.
    pub fn line(&self, found: &CellUse) -> String {
        let (from, to) = self.times();
        format!(
            "{:>9}  {:>6}  {:>6}  {:>6.1}  {:>6.2}  {:>6.2}  {found}",
            self.receivers,
            self.loss * 100.0,
            self.bits / 1_000_000,
            self.rtt.as_secs_f64() * 1e3,
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
    scenario.receiver_plans().for_each(|plan| plan.config.max_blocks = MAX_BLOCKS);
    scenario
}

impl CellUse {
    /// Number of seeds that use less than is required.
    pub fn misses(&self) -> usize {
        self.used.iter().filter(|&&used| used < REQUIRED).count()
    }
}

impl fmt::Display for CellUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = self.used.iter().copied().fold(f64::MAX, f64::min);
        let mean = |list: &[f64]| list.iter().sum::<f64>() / list.len().max(1) as f64;
        let (used, fair) = (mean(&self.used), mean(&self.fair));
        let misses = format!("{}/{}", self.misses(), self.used.len());
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
        assert!(found.used.iter().all(|&used| (0.85..1.05).contains(&used)), "{found}");
    }

    #[test]
    fn fair_controller_is_seen_to_be_in_control() {
        let rtt = Duration::from_millis(5);
        let control = RateControl::Fair;
        let cell = Cell { receivers: 2, loss: 0.0, bits: 10_000_000, rtt, control };
        assert!((0.99..=1.01).contains(&cell.run(1).1));
        let auto = Cell { control: RateControl::Auto, ..cell };
        assert_eq!(auto.run(1).1, 0.0);
    }
}
