//! `norm-recv`'s command line.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use norm_net::io::interface::InterfaceSpec;
use norm_net::{Dscp, Feedback};

use super::exit_codes;
use crate::exit::Failure;
use crate::group;
use crate::units;

/// Receives files from a norm-send into a folder; every file is verified before it gets its name.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "norm-recv",
    version,
    after_help = format!("{EXAMPLES}\n\n{}", exit_codes(ENDS)),
    // Numbers such as -1 are mistakes in a value, to be told as such, not unknown flags.
    allow_negative_numbers = true
)]
pub struct RecvArgs {
    /// Group and port; an own address means unicast
    #[arg(short, long, value_name = "ADDR:PORT", value_parser = group::parse,
        default_value = group::DEFAULT_GROUP)]
    pub group: SocketAddr,

    /// Network interface: name, address or network [default: by the routes]
    #[arg(short, long, value_name = "IF")]
    pub interface: Option<InterfaceSpec>,

    /// Listen to this sender only (SSM); feedback is then unicast
    #[arg(long, value_name = "ADDR")]
    pub source: Option<IpAddr>,

    /// Ask for repair by multicast, unicast or none [default: multicast]
    #[arg(long, value_name = "HOW", value_enum, hide_possible_values = true)]
    pub feedback: Option<FeedbackChoice>,

    /// How many routers multicast feedback may pass, plus one
    #[arg(short, long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=255))]
    pub ttl: u32,

    /// Mark packets for routers: 0 to 63, or CS1, AF11, EF, LE and such [default: 0]
    #[arg(long, value_name = "DSCP")]
    pub dscp: Option<Dscp>,

    /// Give up when nothing arrives for so long; a daemon, what stalls [default: never]
    #[arg(long, value_name = "SECS", value_parser = units::seconds)]
    pub timeout: Option<Duration>,

    /// Stay for more transfers after the first
    #[arg(long)]
    pub daemon: bool,

    /// Replace files that exist already, also those with the same content
    #[arg(long)]
    pub overwrite: bool,

    /// Remove what is kept of unfinished transfers, and keep nothing of this one
    #[arg(long)]
    pub fresh: bool,

    /// What to call this receiver at the sender [default: the host name]
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub name: Option<String>,

    /// Node id in NORM messages, 1 to 4294967294 [default: random]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=0xffff_fffe))]
    pub node_id: Option<u32>,

    /// Memory to use, such as 64M or 1G, 16M at least
    #[arg(long, value_name = "SIZE", value_parser = units::memory, default_value = "128M")]
    pub memory: usize,

    /// Print events as JSON lines on standard output, no progress
    #[arg(long)]
    pub json: bool,

    /// Write the final report to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Throw this share of the arriving packets away, to test repair
    #[arg(long, value_name = "PERCENT", value_parser = units::percent, default_value = "0",
        hide = true)]
    pub drop: f64,

    /// Folder for what arrives; made if it does not exist
    #[arg(value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
}

const ENDS: [&str; 3] =
    ["everything arrived and is verified", "something is missing", "nothing was received"];
const EXAMPLES: &str = "\
Examples:
  norm-recv                           receive one transfer into this folder
  norm-recv -i eth1 --timeout 60 images/
                                      give up after a minute of silence
  norm-recv --daemon --overwrite --name lab-7 /srv/images
                                      receive again and again
  norm-recv -g 192.0.2.7:5740         by unicast, at this address of this machine
  norm-recv --source 192.0.2.10 -g 232.1.2.3:5740
                                      from one sender only (SSM)";

/// How feedback travels, as written on the command line.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum FeedbackChoice {
    /// To the group, where receivers can spare each other's requests
    Multicast,
    /// To the sender alone
    Unicast,
    /// Not at all; the sender never hears of this receiver
    None,
}

impl RecvArgs {
    /// How feedback travels: as asked for, else what suits the kind of session.
    pub fn feedback(&self) -> Feedback {
        match (self.feedback, self.source) {
            (Some(FeedbackChoice::Multicast), _) | (None, None) => Feedback::Multicast,
            (Some(FeedbackChoice::Unicast), _) | (None, Some(_)) => Feedback::Unicast,
            (Some(FeedbackChoice::None), _) => Feedback::None,
        }
    }

    /// Checks what depends on several flags or on the file system.
    ///
    /// # Errors
    ///
    /// One line that names the flag and the cure.
    pub fn check(&self) -> Result<(), Failure> {
        if let Some(source) = self.source {
            if self.feedback == Some(FeedbackChoice::Multicast) {
                return Err(Failure::usage(
                    "--source means that receivers cannot send to the group: \
                     use --feedback unicast or none, or leave --source out",
                ));
            }
            if !self.group.ip().is_multicast() {
                return Err(Failure::usage(format!(
                    "--source selects a sender in a multicast group, and --group {} is none",
                    self.group
                )));
            }
            if source.is_ipv4() != self.group.is_ipv4() {
                return Err(Failure::usage(format!(
                    "--source {source} and --group {} mix IPv4 and IPv6: give the same kind twice",
                    self.group
                )));
            }
        }
        if self.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(Failure::usage(
                "--timeout 0 would give up at once: leave --timeout out to wait for ever, or write \
                 seconds such as 60",
            ));
        }
        self.report.as_deref().map_or(Ok(()), crate::report::check)
    }

    /// Looks at the folder for what arrives; only its last component may be missing. It is made later,
    /// when there is a session.
    ///
    /// # Errors
    ///
    /// When the folder is none, or cannot be used.
    pub fn check_directory(&self) -> Result<(), Failure> {
        let shown = self.directory.display();
        match fs::metadata(&self.directory) {
            Ok(found) if found.is_dir() => return Ok(()),
            Ok(_) => {
                return Err(Failure::usage(format!("DIR '{shown}' is not a folder: name another")));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::local(format!("DIR '{shown}' cannot be used: {error}")));
            }
            Err(_) => {}
        }
        let parent = self.directory.parent().filter(|parent| *parent != Path::new(""));
        if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
            let parent = parent.display();
            return Err(Failure::usage(format!(
                "DIR '{shown}' cannot be made, for '{parent}' is not there: make it first"
            )));
        }
        Ok(())
    }
}

/// A name that fits a report to the sender.
fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 64 || text.chars().any(char::is_control) {
        return Err("write 1 to 64 bytes without control characters, such as lab-7".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parse_words;

    fn parse(words: &str) -> RecvArgs {
        parse_words(words).unwrap()
    }

    #[test]
    fn feedback_follows_the_kind_of_session_unless_given() {
        let cases = [
            ("", Feedback::Multicast),
            ("--source 192.0.2.1", Feedback::Unicast),
            ("--source 192.0.2.1 --feedback none", Feedback::None),
            ("--feedback unicast", Feedback::Unicast),
            ("--feedback none", Feedback::None),
            ("--feedback multicast", Feedback::Multicast),
        ];
        for (words, feedback) in cases {
            assert_eq!(parse(words).feedback(), feedback, "{words}");
            assert_eq!(parse(words).check(), Ok(()), "{words}");
        }
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let args = parse("");
        assert_eq!(args.directory, PathBuf::from("."));
        assert!(!args.daemon && !args.overwrite && !args.fresh && !args.json);
        assert!(args.timeout.is_none() && args.name.is_none());
        assert_eq!(args.drop, 0.0);
    }

    #[test]
    fn mistakes_name_the_flag_and_the_cure() {
        let cases = [
            ("--source 192.0.2.1 --feedback multicast", "--source", "--feedback unicast"),
            ("--source ff02::1", "--source", "same kind"),
            ("--source 192.0.2.1 -g 192.0.2.2:6000", "--source", "--group"),
            ("--source here", "--source", "invalid IP"),
            ("--feedback loud", "--feedback", "multicast, unicast, none"),
            ("--timeout never", "--timeout", "0.5"),
            ("--timeout 0", "--timeout", "for ever"),
            ("--dscp best", "--dscp", "0 to 63"),
            ("--drop 100", "--drop", "99.9"),
            ("-g 239.1.1.1", "--group", "239.1.1.1:5740"),
            ("--report /no/such/dir/r.json", "--report", "/no/such/dir"),
        ];
        for (words, flag, cure) in cases {
            let args: Result<RecvArgs, _> = parse_words(words);
            let message = args.and_then(|args| args.check()).unwrap_err().message;
            assert!(message.contains(flag) && message.contains(cure), "{words}: {message}");
        }
    }

    #[test]
    fn only_the_last_folder_may_be_missing() {
        let temp = tempfile::tempdir().unwrap();
        let mut args = parse("");
        args.directory = temp.path().join("new");
        args.check_directory().unwrap();
        assert!(!args.directory.exists(), "not yet");
        fs::create_dir(&args.directory).unwrap();
        args.check_directory().unwrap();

        args.directory = temp.path().join("a/b");
        let error = args.check_directory().unwrap_err();
        assert!(error.message.contains("make it first"), "{error}");

        args.directory = temp.path().join("file");
        fs::write(&args.directory, "").unwrap();
        assert!(args.check_directory().unwrap_err().message.contains("not a folder"));
    }
}
