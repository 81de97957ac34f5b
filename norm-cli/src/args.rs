//! The command lines: options as clap knows them, and what clap cannot check.

mod announce;
mod check;
mod choice;
mod fill;
mod flute;
mod key;
mod preserve;
mod recv;
mod send;
mod shared;

use std::ffi::{OsStr, OsString};

use clap::Parser;
use clap::error::ErrorKind;

pub use announce::{AnnounceArgs, FindArgs, name_of};
pub use choice::{ChoiceArgs, PatternArg, PatternArgs};
pub use fill::{FillArgs, ServeArgs};
pub use flute::{FluteRecvArgs, FluteSendArgs};
pub use key::{IdentityArgs, KeyArgs, RecipientArgs};
pub use recv::{FeedbackChoice, FileArgs, RecvArgs};
pub use send::{
    CodeArgs, MAX_DEMO_RECEIVERS, PayloadChoice, RateArgs, ReceiverArgs, SendArgs, SlowArgs,
    SlowChoice,
};
pub use shared::{CommonArgs, NetworkArgs, SessionArgs};
pub(crate) use shared::{FILES, NETWORK, OUTPUT, RATE, RECEIVERS, REPAIR};

use crate::exit::Failure;
use crate::text;

/// Exit codes that mean the same for all programs.
const COMMON_EXITS: [(u8, &str); 2] = [
    (1, "an option or path is wrong"),
    (2, "the network could not be set up: interface, address or socket"),
];

/// The end of a `--help` text: the exit codes of a program, beside those of all.
pub(crate) fn exit_codes(own: &[(u8, &str)]) -> String {
    let mut codes: Vec<(u8, &str)> = COMMON_EXITS.iter().chain(own).copied().collect();
    codes.sort_unstable();
    let lines: String = codes.iter().map(|(code, what)| format!("  {code}  {what}\n")).collect();
    format!("Exit codes:\n{lines}  129, 130, 143  stopped by SIGHUP, Ctrl-C (SIGINT) or SIGTERM")
}

/// Reads a command line. `None` when `--help` or `--version` was asked for and has been printed.
///
/// # Errors
///
/// One line that names the option and the cure.
pub fn read<A: Parser>(
    command_line: impl IntoIterator<Item = OsString>,
) -> Result<Option<A>, Failure> {
    let words: Vec<OsString> = command_line.into_iter().collect();
    match A::try_parse_from(&words) {
        Ok(args) => Ok(Some(args)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                // A closed pipe (`--help | head`) is no reason to fail.
                let _ = error.print();
                Ok(None)
            }
            _ => {
                let message = message_in_text::<A>(&words).unwrap_or_else(|| error.to_string());
                Err(Failure::usage(one_line(&message, A::command().get_name())))
            }
        },
    }
}

/// What clap says of words that are not all UTF-8, with these escaped: clap replaces what it cannot
/// show, and does not name the option.
fn message_in_text<A: Parser>(words: &[OsString]) -> Option<String> {
    if words.iter().all(|word| word.to_str().is_some()) {
        return None;
    }
    let escaped = words.iter().map(|word| text::os_text(OsStr::new(word)).into_owned());
    A::try_parse_from(escaped).err().map(|error| error.to_string())
}

/// What clap says over several lines, as one; a pointer to `--help` replaces the usage block.
fn one_line(message: &str, program: &str) -> String {
    let text = message.strip_prefix("error: ").unwrap_or(message);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .filter(|line| !line.is_empty())
        .collect();
    let line = lines.join(" ").replace(" tip: ", "; ");
    format!("{line} (see {program} --help)")
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
    fn definitions_are_sound() {
        SendArgs::command().debug_assert();
        RecvArgs::command().debug_assert();
    }

    #[test]
    fn help_ends_with_examples_and_exit_codes() {
        for mut command in [SendArgs::command(), RecvArgs::command()] {
            let name = command.get_name().to_owned();
            let help = command.render_long_help().to_string();
            let examples = help.find("Examples:").unwrap();
            for heading in
                ["Options:", "Network:", "Files:", "Repair and FEC:", "Security:", "Output:"]
            {
                let at = help.find(&format!("\n{heading}\n"));
                assert!(at.is_some_and(|at| at < examples), "{heading} in {help}");
            }
            assert!(help[examples..].contains(&name), "{help}");
            assert!(help[examples..].contains("130"), "{help}");
        }
    }

    #[test]
    fn short_help_has_one_line_for_each_option() {
        for mut command in [SendArgs::command(), RecvArgs::command()] {
            let help = command.render_help().to_string();
            let end = help.find("Examples:").unwrap();
            assert!(command.render_long_help().to_string().lines().all(|line| line.len() <= 100));
            let options = help[..end].lines().filter(|line| line.trim_start().starts_with('-'));
            let shown = command.get_arguments().filter(|a| !a.is_positional() && !a.is_hide_set());
            assert_eq!(options.count(), shown.count(), "{help}");
            for line in help[..end].lines() {
                assert!(line.chars().count() <= 100, "{line}");
                assert!(!line.starts_with("            "), "it goes on over two lines: {line}");
            }
        }
    }

    #[test]
    #[cfg(unix)]
    fn words_that_are_not_utf8_are_escaped_in_messages() {
        use std::os::unix::ffi::OsStrExt;

        for (word, shown) in [(&b"--rate=caf\xe9"[..], "'caf\\xe9'"), (b"--r\xff", "--r\\xff")] {
            let line = [OsStr::new("norm-send"), OsStr::from_bytes(word), OsStr::new("x")];
            let error = read::<SendArgs>(line.map(OsStr::to_owned)).unwrap_err().message;
            assert!(error.contains(shown) && !error.contains('\u{fffd}'), "{error}");
        }
    }

    #[test]
    fn usage_error_is_one_line() {
        for words in ["", "--no-such-flag x", "-t 0 x", "-b fast x"] {
            let error = parse_words::<SendArgs>(words).unwrap_err().message;
            assert!(!error.contains('\n'), "{error}");
            assert!(error.ends_with("(see norm-send --help)"), "{error}");
            assert!(!error.starts_with("error"), "{error}");
        }
        let similar = parse_words::<SendArgs>("--linge 5 x").unwrap_err().message;
        assert!(similar.contains("found; a similar argument exists"), "{similar}");
    }
}
