//! Sends files to many machines at once; see `norm-send --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    norm_cli::exit::finish(norm_cli::sender::run(std::env::args_os()))
}
