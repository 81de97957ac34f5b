//! `norm-sim replay`

use std::process::ExitCode;

use clap::Args;
use norm_sim::Recipe;

/// Runs one scenario again, from the line that a swarm has printed.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The recipe, as JSON.
    #[arg(value_parser = Recipe::parse)]
    recipe: Recipe,
}

impl Replay {
    pub(super) fn run(&self) -> ExitCode {
        match norm_sim::attempt(&self.recipe, |scenario| {
            println!("{:#?}", norm_sim::run_to_end(scenario))
        }) {
            None => ExitCode::SUCCESS,
            Some(message) => {
                println!("failed: {message}");
                ExitCode::FAILURE
            }
        }
    }
}
