//! `normctl`: what goes on in a network, and keys. Its options, and its runs.

mod keygen;
mod list;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use crate::args::{self, exit_codes};
use crate::exit::{Code, Failure};
use crate::interrupt::Interrupt;
use crate::output;
use crate::sandbox::{self, Allowed};

use keygen::KeygenArgs;
use list::ListArgs;

/// Shows which sessions of NORM and FLUTE there are, and makes keys for them.
#[derive(Debug, Parser)]
#[command(
    name = "normctl",
    version,
    subcommand_required = true,
    arg_required_else_help = false,
    after_help = format!("{EXAMPLES}\n\n{}", exit_codes(&EXITS)),
    // Numbers such as -1 are wrong values, not unknown flags.
    allow_negative_numbers = true
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the sessions that are announced (norm-send --announce, or other programs by SAP)
    List(ListArgs),
    /// Make the key files of a group: one for its sender, one for its receivers
    Keygen(KeygenArgs),
}

const EXITS: [(u8, &str); 2] =
    [(0, "success, also if no session was heard"), (4, "a key file cannot be written")];

const EXAMPLES: &str = "\
Examples:
  normctl list                        what is announced, after 6 s
  normctl list 60 -i eth1             ... on eth1, after a minute
  normctl list --json                 for scripts
  normctl keygen lab                  lab.key for the sender, lab.join for receivers";

/// Runs the program with these words, its name first.
///
/// # Errors
///
/// What ends the run without success, as one line and an exit code.
pub fn run(words: impl IntoIterator<Item = OsString>) -> Result<Code, Failure> {
    let Some(args) = args::read::<Args>(words)? else { return Ok(Code::Success) };
    let args = match args.command {
        Command::List(args) => args,
        Command::Keygen(args) => return keygen::run(&args),
    };
    output::with_error_event(args.json, || {
        sandbox::confine(&Allowed::default());
        // Ctrl-C ends the program at once, with the usual code.
        let _interrupt = Interrupt::install()?;
        list::run(&args)
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn definitions_are_sound() {
        Args::command().debug_assert();
    }
}
