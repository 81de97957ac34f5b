//! `norm-sim replay`

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, PoisonError};

use clap::Args;
use norm_sim::{Capture, Recipe, RunOptions, attempt, run_to_end, write_pcap};

/// Runs one scenario again, from the recipe that a swarm has printed.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The recipe as JSON, or the seed of a drawn one.
    #[arg(value_parser = parse)]
    recipe: Recipe,
    /// Write all sent datagrams to a file for Wireshark.
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
}

/// Maximum number of datagrams in a capture.
const MAX_CAPTURE: usize = 1_000_000;

fn parse(text: &str) -> Result<Recipe, String> {
    text.parse().map(Recipe::draw).or_else(|_| Recipe::parse(text))
}

impl Replay {
    pub(super) fn run(&self) -> ExitCode {
        _ = writeln!(std::io::stdout(), "{}", self.recipe);
        let into = Arc::default();
        let capture = Capture { host: None, limit: MAX_CAPTURE, into: Arc::clone(&into) };
        let capture = self.pcap.is_some().then_some(capture);
        let options = RunOptions { capture, ..RunOptions::default() };
        let result = attempt(&self.recipe, true, |scenario| run_to_end(scenario, &options));
        // A reader of the first lines alone closes the pipe.
        _ = match &result {
            Ok(outcome) => writeln!(std::io::stdout(), "{outcome:#?}"),
            Err(message) => writeln!(std::io::stdout(), "failed: {message}"),
        };
        if let Some(path) = &self.pcap {
            let captured =
                core::mem::take(&mut *into.lock().unwrap_or_else(PoisonError::into_inner));
            let mut file = Vec::new();
            let written = write_pcap(&mut file, captured.into_iter())
                .and_then(|()| std::fs::write(path, file));
            if let Err(error) = written {
                eprintln!("cannot write {}: {error}", path.display());
                return ExitCode::FAILURE;
            }
        }
        if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
