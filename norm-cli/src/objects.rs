//! `norm-objects`: one DATA object or stream between programs, interop peers among them.

mod options;
mod recv;
mod send;

use std::ffi::OsString;
use std::io::Write;

use crate::args;
use crate::exit::{Code, Failure};

use options::{Args, Role};

/// Runs the program with these words, its name first.
///
/// # Errors
///
/// What ends the run without success, as one line and an exit code.
pub fn run(words: impl IntoIterator<Item = OsString>) -> Result<Code, Failure> {
    let Some(args) = args::read::<Args>(words)? else { return Ok(Code::Success) };
    match args.role {
        Role::Send(args) => send::run(&args),
        Role::Recv(args) => recv::run(&args),
    }
}

/// Prints an event as a line of JSON.
fn tell(json: bool, event: &str) {
    if json {
        let mut out = std::io::stdout().lock();
        // The reader may be gone.
        let _ = writeln!(out, "{{\"event\":\"{event}\"}}");
        let _ = out.flush();
    }
}
