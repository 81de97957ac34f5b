//! Shows which sessions there are; see `normctl --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    norm_cli::exit::finish(norm_cli::ctl::run(std::env::args_os()))
}
