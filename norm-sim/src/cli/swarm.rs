//! `norm-sim swarm`

use std::num::NonZero;
use std::process::ExitCode;

use clap::Args;
use norm_sim::{RunOptions, run_to_end};

/// Draws scenarios from seeds, runs them on all cores, and shrinks the failures.
#[derive(Debug, Args)]
pub(super) struct Swarm {
    /// Number of scenarios.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, value_name = "S", default_value_t = 1)]
    from: u64,
    /// Number of threads [default: all cores].
    #[arg(long, value_name = "T")]
    threads: Option<NonZero<usize>>,
}

impl Swarm {
    pub(super) fn run(&self) -> ExitCode {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let threads = self.threads.unwrap_or_else(cores).get();
        let seeds = self.from..self.from.saturating_add(self.seeds);
        let swarm = norm_sim::swarm(seeds, threads, |scenario| {
            run_to_end(scenario, &RunOptions::default())
        });
        println!("{swarm}");
        if swarm.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
