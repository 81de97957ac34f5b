//! `norm-sim replay`

use std::process::ExitCode;

use clap::Args;
use norm_sim::{Recipe, Scenario, attempt, run_to_end};

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
        let show = |scenario: &Scenario| println!("{:#?}", run_to_end(scenario));
        let Some(message) = attempt(&self.recipe, show) else { return ExitCode::SUCCESS };
        println!("failed: {message}");
        ExitCode::FAILURE
    }
}
