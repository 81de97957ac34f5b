//! Sends and receives single DATA objects and streams; see `norm-objects --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    norm_cli::exit::finish(norm_cli::objects::run(std::env::args_os()))
}
