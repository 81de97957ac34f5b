//! Receives files sent by `norm-send`; see `norm-recv --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    norm_cli::exit::finish(norm_cli::receiver::run(std::env::args_os()))
}
