//! `norm-sim plots`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use norm_sim::plots;

/// Writes the plots of docs/congestion-control.md.
#[derive(Debug, Args)]
pub(super) struct Plots {
    /// Folder for the plots.
    #[arg(default_value = "docs/plots")]
    folder: PathBuf,
}

impl Plots {
    pub(super) fn run(&self) -> ExitCode {
        for (name, svg) in plots(1) {
            let path = self.folder.join(name);
            if let Err(error) = std::fs::write(&path, svg) {
                eprintln!("error: cannot write {}: {error}", path.display());
                return ExitCode::FAILURE;
            }
        }
        ExitCode::SUCCESS
    }
}
