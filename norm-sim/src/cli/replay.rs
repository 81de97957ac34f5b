//! `norm-sim replay`

use std::process::ExitCode;

use clap::Args;
use norm_sim::Recipe;

/// Runs one scenario again, from the line that a swarm has printed.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The recipe, as JSON; or a swarm's seed, which draws one.
    #[arg(value_parser = parse)]
    recipe: Recipe,
}

fn parse(text: &str) -> Result<Recipe, String> {
    text.parse().map(Recipe::draw).or_else(|_| Recipe::parse(text))
}

impl Replay {
    pub(super) fn run(&self) -> ExitCode {
        println!("{}", self.recipe);
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
