//! `norm-sim plot-rate`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use norm_sim::plot_rate;

/// Draws a trace of the rate: of `norm-send --trace-rate` or `norm-sim groups --trace-rate`.
#[derive(Debug, Args)]
pub(super) struct PlotRate {
    /// The trace.
    #[arg(value_name = "TRACE.csv")]
    trace: PathBuf,
    /// File for the plot.
    #[arg(value_name = "OUT.svg")]
    out: PathBuf,
}

impl PlotRate {
    pub(super) fn run(&self) -> ExitCode {
        match self.draw() {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => {
                eprintln!("error: {message}");
                ExitCode::FAILURE
            }
        }
    }

    fn draw(&self) -> Result<(), String> {
        let (trace, out) = (self.trace.display(), self.out.display());
        let text = std::fs::read_to_string(&self.trace)
            .map_err(|error| format!("cannot read {trace}: {error}"))?;
        let svg = plot_rate(&text).map_err(|error| format!("cannot draw {trace}: {error}"))?;
        std::fs::write(&self.out, svg).map_err(|error| format!("cannot write {out}: {error}"))
    }
}
