//! `norm-recv`'s command line.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, ValueEnum};
use norm_net::{ContentHash, Feedback};

use super::announce::FindArgs;
use super::exit_codes;
use super::fill::FillArgs;
use super::flute::FluteRecvArgs;
use super::key::{IdentityArgs, KeyArgs};
use super::preserve::PreserveArgs;
use super::shared::{CommonArgs, FILES, NETWORK, NetworkArgs, REPAIR, SECURITY, SessionArgs};
use crate::units;

/// Receives files from norm-send into a directory; each file is verified before it gets its name.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "norm-recv",
    version,
    after_help = format!("{EXAMPLES}\n\n{}", exit_codes(&EXITS)),
    // Numbers such as -1 are wrong values, not unknown flags.
    allow_negative_numbers = true
)]
pub struct RecvArgs {
    /// Output directory; created if it does not exist
    #[arg(value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,

    /// Keep running: receive one transfer after another
    ///
    /// Without it, norm-recv exits after the first complete transfer. It stays in the foreground:
    /// use a service manager to run it in the background, and SIGTERM to stop it.
    #[arg(long, verbatim_doc_comment)]
    pub continuous: bool,

    /// Give up when nothing arrives for this time [default: no limit]
    ///
    /// With --continuous, only the transfer that has stalled ends.
    #[arg(long, verbatim_doc_comment, value_name = "SECS", value_parser = units::seconds)]
    pub timeout: Option<Duration>,

    /// Name of this receiver at the sender [default: host name]
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub name: Option<String>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub network: NetworkArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub find: FindArgs,

    /// Receive from the sender with this address only
    ///
    /// In a multicast group this is source-specific multicast (SSM), and feedback is unicast.
    #[arg(long, verbatim_doc_comment, value_name = "ADDR", help_heading = NETWORK,
        value_parser = crate::group::parse_source)]
    pub source: Option<IpAddr>,

    /// Receive only from senders of this name (norm-send --name)
    ///
    /// A name is no proof: any machine in the network can use it.
    #[arg(long, verbatim_doc_comment, value_name = "NAME", value_parser = name,
        help_heading = NETWORK)]
    pub sender_name: Option<String>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub files: FileArgs,

    /// How to request repair [default: multicast]
    ///
    ///   multicast  from the group, so that receivers need not repeat each other's requests
    ///   unicast    from the sender alone
    ///   none       not at all: the sender does not hear of this receiver, and losses may remain
    #[arg(long, verbatim_doc_comment, value_name = "multicast|unicast|none", value_enum,
        hide_possible_values = true, help_heading = REPAIR)]
    pub feedback: Option<FeedbackChoice>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub fill: FillArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub flute: FluteRecvArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub keys: KeyArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub identities: IdentityArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub common: CommonArgs,

    /// Share of arriving packets to drop, to test repair
    #[arg(long, value_name = "PERCENT", value_parser = units::percent, default_value = "0",
        hide = true)]
    pub drop: f64,
}

/// What becomes of files that are there already.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = FILES)]
pub struct FileArgs {
    /// Replace existing files
    ///
    /// Without it, a file with the same content stays as it is, and one with other content makes
    /// the transfer fail.
    #[arg(long, verbatim_doc_comment)]
    pub overwrite: bool,

    /// Keep replaced files in DIR, under the same path
    ///
    /// Files and links that would be replaced by others go there first. Older backups stay: a
    /// number is added, as in name.~1~. DIR must not be in the output directory.
    #[arg(long, verbatim_doc_comment, value_name = "DIR", requires = "overwrite")]
    pub backup_dir: Option<PathBuf>,

    /// Remove files that earlier transfers brought into DIR and this one has not
    ///
    /// Only what is unchanged since it was received, after this transfer is complete; folders
    /// only when they are empty. Transfers that have nothing in common are left alone. What
    /// was received is known from receipts (--state-dir). --backup-dir keeps what is removed.
    #[arg(long, verbatim_doc_comment, requires = "overwrite", conflicts_with = "only")]
    pub delete: bool,

    /// Receive only files that match a gitignore pattern; repeatable
    ///
    /// *.jpg matches in all directories, /set/*.jpg only there, photos/ only directories. A
    /// directory that matches is received with all that is in it. Patterns are compared with
    /// names as they arrive. Nothing else is asked for or written.
    #[arg(long, verbatim_doc_comment, value_name = "PATTERN",
        value_parser = NonEmptyStringValueParser::new())]
    pub only: Vec<String>,

    /// Receive only what has this content hash (64 digits)
    ///
    /// Another transfer is ignored where its sender tells its hash from the start (norm-send
    /// --hash-first), and else fails when it is verified: nothing of it gets a name.
    #[arg(long, verbatim_doc_comment, value_name = "HASH", value_parser = content_hash)]
    pub expect: Option<ContentHash>,

    /// Show what would be created, replaced or refused, and receive nothing
    ///
    /// Takes the list of files only, and that of hashes where it comes first (norm-send
    /// --hash-first): then files that exist are compared. DIR need not exist. The exit code is
    /// that of a transfer, which would fail with 4 if something is in the way.
    #[arg(short = 'n', long, verbatim_doc_comment, conflicts_with = "continuous")]
    pub dry_run: bool,

    /// What of files is sent and set beyond permissions and times.
    #[command(flatten)]
    pub preserve: PreserveArgs,

    /// Take files that are nearly all holes, whatever size they say
    ///
    /// Without it, a transfer of files with more than 1 TiB and more than 64 times the bytes that
    /// travel is refused.
    #[arg(long, verbatim_doc_comment)]
    pub allow_sparse: bool,

    /// Take a sealed transfer that is older than what was received
    ///
    /// What was received, and from whom, is known from earlier runs (--state-dir). A machine that
    /// has recorded a transfer could send it again.
    #[arg(long, verbatim_doc_comment, help_heading = SECURITY)]
    pub accept_older: bool,

    /// Remove what interrupted transfers have left, and keep nothing of this one
    #[arg(long)]
    pub no_resume: bool,
}

const EXITS: [(u8, &str); 11] = [
    (0, "success: everything received and verified"),
    (3, "wrong key: what is sent has another one, or none; or none, with NORM_REQUIRE_KEY=1"),
    (4, "a file or directory cannot be written"),
    (5, "no sender heard; with --fill, no source has the list of files"),
    (6, "a transfer is incomplete"),
    (7, "nothing received"),
    (8, "verification failed: content differs from what was sent"),
    (9, "evicted: too slow for the other receivers"),
    (10, "all that was heard is signed with another key than that of the key file"),
    (11, "all that was heard is a recording, older than what was received, or expired"),
    (12, "left out: the sender has gone on to a key that this receiver did not get"),
];

const EXAMPLES: &str = "\
Examples:
  norm-recv                           receive one transfer into the current directory
  norm-recv -i eth1 --timeout 60 images/
                                      give up after a minute without data
  norm-recv --continuous --overwrite --name lab-7 /srv/images
                                      keep receiving
  norm-recv -g 192.0.2.7:5740         unicast, at this address of this machine
  norm-recv --flute --timeout 600     one way, from norm-send --flute
  norm-recv --key lab.join            sealed, from norm-send --key lab.key (normctl keygen)
  norm-recv --session lab-7           the session that norm-send --announce=lab-7 announces
  norm-recv --source 192.0.2.10 -g 232.1.2.3:5740
                                      from one sender only (SSM)
  norm-recv --fill http://192.0.2.10:5740/ images/
                                      without multicast, from norm-send --serve";

/// What `--feedback` takes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum FeedbackChoice {
    /// To the group.
    Multicast,
    /// To the sender alone.
    Unicast,
    /// Not at all.
    None,
}

impl RecvArgs {
    /// Group, interface, TTL and node id.
    pub fn session(&self) -> &SessionArgs {
        &self.network.session
    }

    /// How feedback travels: as given, else as the kind of session needs it.
    pub fn feedback(&self) -> Feedback {
        match (self.feedback, self.source) {
            (Some(FeedbackChoice::Multicast), _) | (None, None) => Feedback::Multicast,
            (Some(FeedbackChoice::Unicast), _) | (None, Some(_)) => Feedback::Unicast,
            (Some(FeedbackChoice::None), _) => Feedback::None,
        }
    }
}

/// A content hash: 64 hexadecimal digits.
fn content_hash(text: &str) -> Result<ContentHash, String> {
    let pairs = text.as_bytes().chunks_exact(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'));
        pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    let hash = bytes.filter(|_| text.len() == 64).and_then(|bytes| bytes.try_into().ok());
    hash.map(ContentHash).ok_or_else(|| {
        "use all 64 hexadecimal digits of the content hash, which norm-send prints".to_owned()
    })
}

/// A name that fits a report to the sender, or its query.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 64 || text.chars().any(char::is_control) {
        return Err("use 1 to 64 bytes without control characters, such as lab-7".to_owned());
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
    fn content_hash_has_all_its_digits() {
        let digits = "0123456789abcdefABCDEF0123456789".repeat(2);
        let args = parse(&format!("--expect {digits}"));
        assert_eq!(args.files.expect.unwrap().to_string(), digits.to_lowercase());
        for wrong in [&digits[..62], &digits[..63], &format!("{digits}0"), &"+1".repeat(32), "x"] {
            let words = format!("--expect {wrong}");
            let message = parse_words::<RecvArgs>(&words).unwrap_err().message;
            assert!(message.contains("64 hexadecimal digits"), "{message}");
        }
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let args = parse("");
        assert_eq!(args.directory, PathBuf::from("."));
        assert!(!args.continuous && !args.common.json);
        assert!(!args.files.overwrite && !args.files.no_resume);
        assert!(args.timeout.is_none() && args.name.is_none());
        assert_eq!(args.drop, 0.0);
    }
}
