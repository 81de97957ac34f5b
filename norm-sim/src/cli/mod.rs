//! One file for each subcommand.

mod carousel;
mod groups;
mod plan;
mod plot_rate;
mod plots;
mod replay;
mod scale;
mod swarm;
mod tables;
mod units;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs multicast sessions in a simulated network.
#[derive(Debug, Parser)]
#[command(name = "norm-sim", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Carousel(carousel::Measure),
    Groups(groups::Groups),
    Plan(plan::Plan),
    PlotRate(plot_rate::PlotRate),
    Plots(plots::Plots),
    Swarm(swarm::Swarm),
    Replay(replay::Replay),
    Scale(scale::Scale),
    Tables(tables::Tables),
}

/// Runs the subcommand. Returns 0 on success, 1 when a scenario fails, 2 for wrong arguments.
pub(crate) fn run() -> ExitCode {
    match Arguments::parse().command {
        Command::Carousel(carousel) => carousel.run(),
        Command::Groups(groups) => groups.run(),
        Command::Plan(plan) => plan.run(),
        Command::PlotRate(plot) => plot.run(),
        Command::Plots(plots) => plots.run(),
        Command::Swarm(swarm) => swarm.run(),
        Command::Replay(replay) => replay.run(),
        Command::Scale(scale) => scale.run(),
        Command::Tables(tables) => tables.run(),
    }
}
