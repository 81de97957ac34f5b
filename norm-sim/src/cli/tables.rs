//! `norm-sim tables`

use std::num::NonZero;
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use norm_sim::tables::{NAMES, by_name};

/// Prints the committed tables of the engines' behaviour, as they are now.
#[derive(Debug, Args)]
pub(super) struct Tables {
    /// Names of tables [default: all].
    #[arg(value_parser = PossibleValuesParser::new(NAMES))]
    names: Vec<String>,
    /// Number of threads [default: all cores].
    #[arg(long, value_name = "T")]
    threads: Option<NonZero<usize>>,
}

impl Tables {
    pub(super) fn run(&self) -> ExitCode {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let threads = self.threads.unwrap_or_else(cores).get();
        for name in NAMES {
            if self.names.is_empty() || self.names.iter().any(|asked| asked == name) {
                let table = by_name(name, threads).unwrap_or_default();
                println!("{name}\n{table}");
            }
        }
        ExitCode::SUCCESS
    }
}
