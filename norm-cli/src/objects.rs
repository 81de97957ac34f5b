//! `norm-objects`: one DATA object or stream between programs, also of other makes.

mod args;
mod recv;
mod send;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;

use crate::exit::{Code, Failure};

use args::{Args, Role};

/// Runs the program with these words, its name first.
///
/// # Errors
/// What the user should know, with the exit code.
pub fn run(words: impl IntoIterator<Item = OsString>) -> Result<Code, Failure> {
    let args = match Args::try_parse_from(words) {
        Ok(args) => args,
        Err(error) if error.use_stderr() => return Err(Failure::usage(error.to_string())),
        Err(help) => {
            // Nobody may be reading.
            let _ = help.print();
            return Ok(Code::Success);
        }
    };
    match args.role {
        Role::Send(args) => send::run(&args),
        Role::Recv(args) => recv::run(&args),
    }
}

/// Prints an event as a line of JSON.
fn tell(json: bool, event: &str) {
    if json {
        let mut out = std::io::stdout().lock();
        // Nobody may be reading.
        let _ = writeln!(out, "{{\"event\":\"{event}\"}}");
        let _ = out.flush();
    }
}
