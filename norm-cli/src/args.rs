//! The command lines: flags as clap knows them, and what clap cannot check.

mod recv;
mod send;

use std::ffi::OsString;

use clap::Parser;
use clap::error::ErrorKind;

pub use recv::{FeedbackChoice, RecvArgs};
pub use send::SendArgs;

use crate::exit::Failure;

/// The end of a `--help` text: what 0, 6 and 7 mean for this program, and what others do for both.
fn exit_codes([all, some, none]: [&str; 3]) -> String {
    format!(
        "\
Exit codes:
    0  {all}
    1  the command line cannot work
    2  the network could not be set up
    4  a local file could not be read or written
    5  nobody was heard
    6  {some}
    7  {none}
    8  what arrived is not what was sent
    9  too slow for the others: the sender waits no longer
  129, 130, 143  stopped: the terminal has gone (SIGHUP), Ctrl-C (SIGINT), SIGTERM"
    )
}

/// Reads a command line. `None` when `--help` or `--version` was asked for and has been printed.
///
/// # Errors
///
/// One line that names the flag and the cure.
pub fn read<A: Parser>(
    command_line: impl IntoIterator<Item = OsString>,
) -> Result<Option<A>, Failure> {
    match A::try_parse_from(command_line) {
        Ok(args) => Ok(Some(args)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                // A closed pipe (`--help | head`) is no reason to fail.
                let _ = error.print();
                Ok(None)
            }
            _ => Err(Failure::usage(one_line(&error.to_string(), A::command().get_name()))),
        },
    }
}

/// What clap says over several lines, as one; the usage block gives way to a pointer to `--help`.
fn one_line(message: &str, program: &str) -> String {
    let text = message.strip_prefix("error: ").unwrap_or(message);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .filter(|line| !line.is_empty())
        .collect();
    format!("{} (see {program} --help)", lines.join(" "))
}

#[cfg(test)]
pub(crate) fn parse_words<A: Parser>(words: &str) -> Result<A, Failure> {
    let command_line = std::iter::once("program").chain(words.split_whitespace());
    read(command_line.map(OsString::from)).map(|args| args.expect("no test asks for help"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        SendArgs::command().debug_assert();
        RecvArgs::command().debug_assert();
    }

    #[test]
    fn help_ends_with_examples_and_exit_codes() {
        for mut command in [SendArgs::command(), RecvArgs::command()] {
            let name = command.get_name().to_owned();
            let help = command.render_long_help().to_string();
            let options = help.find("Options:").unwrap();
            let examples = help.find("Examples:").unwrap();
            assert!(options < examples, "{help}");
            assert!(help[examples..].contains(&name), "{help}");
            assert!(help[examples..].contains("130"), "{help}");
        }
    }

    #[test]
    fn a_usage_error_is_one_line() {
        for words in ["", "--no-such-flag x", "-t 0 x", "-b fast x"] {
            let error = parse_words::<SendArgs>(words).unwrap_err().message;
            assert!(!error.contains('\n'), "{error}");
            assert!(error.ends_with("(see norm-send --help)"), "{error}");
            assert!(!error.starts_with("error"), "{error}");
        }
    }
}
