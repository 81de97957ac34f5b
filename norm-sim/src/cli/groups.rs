//! `norm-sim groups`

use core::time::Duration;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use norm_core::norm::sender::RateControl;
use norm_sim::groups::{Cell, Runs, Scene, SlowCell, cells, scenes, slow_cells};

use super::units;

/// Measures how the default rate behaves in groups of receivers.
#[derive(Debug, Args)]
pub(super) struct Groups {
    /// Compare times of transfers between hosts with limits instead.
    #[arg(long, conflicts_with_all = ["rate", "rtt", "fixed"])]
    hosts: bool,
    /// Count receivers that a policy for slow receivers evicts instead.
    #[arg(long, conflicts_with_all = ["hosts", "rate", "rtt", "fixed"])]
    slow: bool,
    /// Only groups with, or without, one that is slow, with `--slow`.
    #[arg(long, value_name = "true|false", requires = "slow")]
    with_slow: Option<bool>,
    /// Only the policy `separate`, or only `evict`, with `--slow`.
    #[arg(long, value_name = "true|false", requires = "slow")]
    separate: Option<bool>,
    /// Only these contents in MiB, with `--hosts`.
    #[arg(long, value_name = "MIB", value_delimiter = ',', requires = "hosts")]
    size: Vec<u64>,
    /// Only machines with this in their name, with `--hosts`.
    #[arg(long, value_name = "TEXT", requires = "hosts")]
    machine: Option<String>,
    /// Only these numbers of receivers.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    receivers: Vec<usize>,
    /// Only these losses, such as `5%`.
    #[arg(long, value_name = "P", value_delimiter = ',', value_parser = units::share)]
    loss: Vec<f64>,
    /// Only these rates of the path, such as `10M`.
    #[arg(long, value_name = "RATE", value_delimiter = ',', value_parser = units::rate)]
    rate: Vec<u64>,
    /// Only these round trips, such as `5ms`.
    #[arg(long, value_name = "TIME", value_delimiter = ',', value_parser = units::time)]
    rtt: Vec<Duration>,
    /// Send at a fixed rate of 0.95 of the path's, for comparison.
    #[arg(long)]
    fixed: bool,
    /// Write each decision about the rate to FILE instead: of the first cell that is selected, with
    /// the first seed.
    #[arg(long, value_name = "FILE", conflicts_with = "hosts")]
    trace_rate: Option<PathBuf>,
    /// The first seed.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Number of seeds.
    #[arg(long, value_name = "N", default_value_t = 20)]
    seeds: u64,
    /// Number of threads [default: all cores].
    #[arg(long, value_name = "T")]
    threads: Option<NonZero<usize>>,
}

impl Groups {
    pub(super) fn run(&self) -> ExitCode {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let threads = self.threads.unwrap_or_else(cores).get();
        let runs = Runs { first: self.seed, count: self.seeds, threads };
        if let Some(file) = &self.trace_rate {
            return self.trace(file);
        }
        if self.hosts {
            self.scenes(&runs);
        } else if self.slow {
            self.slow(&runs);
        } else {
            self.matrix(&runs);
        }
        ExitCode::SUCCESS
    }

    fn trace(&self, file: &Path) -> ExitCode {
        let trace = match self.slow {
            true => {
                slow_cells().find(|cell| self.selects_slow(cell)).map(|cell| cell.trace(self.seed))
            }
            false => cells().find(|cell| self.selects(cell)).map(|cell| cell.trace(self.seed)),
        };
        let Some(trace) = trace else {
            eprintln!("no cell is selected: choose among those that `norm-sim groups` prints");
            return ExitCode::FAILURE;
        };
        match fs::write(file, trace.join("\n") + "\n") {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("cannot write {}: {error}", file.display());
                ExitCode::FAILURE
            }
        }
    }

    fn matrix(&self, runs: &Runs) {
        println!("{}", Cell::HEADER);
        let (mut missed, mut all) = (0, 0);
        let control = if self.fixed { RateControl::Fixed } else { RateControl::Auto };
        for cell in cells().filter(|cell| self.selects(cell)) {
            let cell = Cell { control, ..cell };
            let found = cell.measure(runs);
            missed += usize::from(found.misses() > 0);
            all += 1;
            println!("{}", cell.line(&found));
        }
        println!("{missed} of {all} cells miss the requirement with a seed");
    }

    fn scenes(&self, runs: &Runs) {
        println!("{}", Scene::HEADER);
        for scene in scenes().filter(|scene| self.selects_scene(scene)) {
            println!("{}", scene.line(&scene.measure(runs)));
        }
    }

    fn selects_scene(&self, scene: &Scene) -> bool {
        let named = |part: &String| scene.machine.to_string().contains(part);
        is_in(&scene.receivers, &self.receivers)
            && is_in(&scene.loss, &self.loss)
            && is_in(&scene.mib, &self.size)
            && self.machine.as_ref().is_none_or(named)
    }

    fn slow(&self, runs: &Runs) {
        println!("{}", SlowCell::HEADER);
        for cell in slow_cells().filter(|cell| self.selects_slow(cell)) {
            println!("{}", cell.line(&cell.measure(runs)));
        }
    }

    fn selects_slow(&self, cell: &SlowCell) -> bool {
        is_in(&cell.receivers, &self.receivers)
            && is_in(&cell.loss, &self.loss)
            && self.with_slow.is_none_or(|with| with == cell.slow)
            && self.separate.is_none_or(|separate| separate == cell.separate)
    }

    fn selects(&self, cell: &Cell) -> bool {
        is_in(&cell.receivers, &self.receivers)
            && is_in(&cell.loss, &self.loss)
            && is_in(&cell.bits, &self.rate)
            && is_in(&cell.rtt, &self.rtt)
    }
}

/// True if the list has the value, or is empty.
fn is_in<T: PartialEq>(value: &T, list: &[T]) -> bool {
    list.is_empty() || list.contains(value)
}
