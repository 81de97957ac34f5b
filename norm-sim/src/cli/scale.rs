//! `norm-sim scale`

use std::num::NonZero;
use std::process::ExitCode;

use clap::Args;
use norm_sim::{Experiment, peak_memory};

/// Measures transmissions and NACKs for many receivers, and compares them with theory.
#[derive(Debug, Args)]
pub(super) struct Scale {
    /// Number of receivers.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    receivers: u32,
    /// Share of packets that each receiver loses independently, 0 to 1.
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    loss: f64,
    /// Share of packets that all receivers lose together, 0 to 1.
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    trunk: f64,
    /// NACKs go to the sender alone.
    #[arg(long)]
    unicast: bool,
    /// Use a statistical model of the receivers rather than an engine for each.
    #[arg(long)]
    population: bool,
    /// Receivers announce themselves, and the sender waits for all of them.
    #[arg(long)]
    announce: bool,
    /// Content in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 10)]
    size: u64,
    /// Source symbols per block.
    #[arg(long, value_name = "K", default_value_t = 256)]
    block_len: u32,
    /// Rate in Mbit/s.
    #[arg(long, value_name = "MBIT", default_value_t = 20)]
    rate: u64,
    /// The first seed.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Number of seeds.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,
    /// Number of threads [default: all cores].
    #[arg(long, value_name = "T")]
    threads: Option<NonZero<usize>>,
}

impl Scale {
    #[expect(clippy::disallowed_types, reason = "how long it takes in real time")]
    pub(super) fn run(&self) -> ExitCode {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let threads = self.threads.unwrap_or_else(cores).get();
        println!(
            "seed complete tx/packet theory ratio nacks events nacks/event nacks/block \
             Mdeliveries seconds"
        );
        for seed in self.seed..self.seed + self.seeds {
            let experiment = Experiment {
                loss: self.loss,
                trunk: self.trunk,
                unicast: self.unicast,
                population: self.population,
                announce: self.announce,
                size: self.size << 20,
                block_len: self.block_len,
                rate: self.rate * 1_000_000,
                ..Experiment::new(seed, self.receivers)
            };
            let start = std::time::Instant::now();
            let m = experiment.run(threads);
            println!(
                "{seed} {} {:.4} {:.4} {:.3} {} {} {:.2} {:.2} {:.1} {:.1}",
                m.complete,
                m.transmissions,
                m.theory,
                m.transmissions / m.theory,
                m.nacks,
                m.loss_events,
                m.nacks as f64 / m.loss_events.max(1) as f64,
                m.nacks as f64 / m.blocks as f64,
                m.outcome.deliveries as f64 / 1e6,
                start.elapsed().as_secs_f64(),
            );
        }
        if let Some(kib) = peak_memory() {
            println!("peak memory {} MiB", kib >> 10);
        }
        ExitCode::SUCCESS
    }
}
