//! What sessions say, as sentences for people who have a command line: values become words, with
//! the options and keys that help.

use std::net::SocketAddr;

use norm_net::event::{Obstacle, OtherInterface, Remaining};
use norm_net::io::error::NetError;
use norm_net::io::interface::InterfaceError;
use norm_net::io::socket::TooLong;
use norm_net::transfer::flute::SenderError;
use norm_net::transfer::schedule::ScheduleProblem;
use norm_net::{ConfigProblem, Hint, Problem, ReceiveError, SendError, SetFailure};

use crate::group::{DEFAULT_GROUP, elsewhere};
use crate::text;

/// How what a link leads to is sent.
const FOLLOW: &str = ": use --follow-symlinks to send that, or a slash after the name of one that \
                      leads to a directory to send what is in it";

/// A hint in words.
pub fn hint(hint: &Hint) -> String {
    match hint {
        Hint::NoReceiver { group, others, sends_anyway, .. } => {
            let end = if *sends_anyway {
                "; press Ctrl-C to end that, or use --min-receivers 1 to wait for the first one"
            } else {
                ""
            };
            format!("{hint}{end}{}", use_another("norm-send", *group, others))
        }
        Hint::NoSender { group, others, .. } => {
            format!("{hint}{}", use_another("norm-recv", *group, others))
        }
        Hint::NoCarrier { interface, is_up: false } => {
            format!("{hint}; run: ip link set {interface} up")
        }
        Hint::Unseen { .. } => format!("{hint} (--ttl)"),
        Hint::OtherContent { .. } => format!("{hint} (--expect)"),
        Hint::PatternsUnmatched { .. } => format!("{hint} (--only)"),
        Hint::LinksGiven { .. } => format!("{hint}{FOLLOW}"),
        Hint::PatternsUnused { .. } => format!("{hint} (--exclude, --include)"),
        Hint::SlowDisk { .. } => format!(
            "{hint}, or have the sender use --slow separate, so that other receivers need not wait"
        ),
        Hint::SenderSilent { timeout, .. } => {
            let give_up = match timeout {
                None => "; press Ctrl-C to give up, or use --timeout",
                Some(_) => "",
            };
            format!(
                "{hint}{give_up}. If it has crashed, run norm-send with the same files again, on \
                 any machine: it sends the rest"
            )
        }
        Hint::AddressChanged { source_specific: true, to, .. } => {
            format!("{hint} (--source {})", to.ip())
        }
        Hint::ReceiversMissing { .. } => format!(
            "{hint}: start norm-recv there, or send without them: --max-wait starts with those \
             that are there"
        ),
        Hint::SpoolRoom { .. } => format!(
            "{hint}; remove something, choose another DIR, or give more --memory: what has no room \
             is lost, and has to come in a later pass"
        ),
        Hint::SenderIgnored { .. } => {
            format!("{hint}, by --source or --sender-name; change or remove it to receive from it")
        }
        Hint::FilesPresent { files, .. } => {
            let them = if *files == 1 { "it" } else { "them" };
            format!("{hint}; --overwrite replaces {them}")
        }
        Hint::OnlyShortPackets { .. } => format!("{hint}; norm-send --mtu sets a length for all"),
        Hint::Fragmented { mtu, .. } => {
            format!("{hint}; norm-send --mtu {mtu} avoids it")
        }
        Hint::ForeignAddress { .. } => format!(
            "--group {hint}; for unicast, use an address of this machine here and at the sender"
        ),
        _ => other_session(hint),
    }
}

/// A hint about packets that are not of the session, in words.
fn other_session(hint: &Hint) -> String {
    match hint {
        Hint::OtherKey { .. } => format!("{hint}; give the key of its group with --key"),
        Hint::Unsealed { .. } => {
            format!("{hint}; start its program with --key, too, or leave --key out here")
        }
        Hint::NotAuthentic { .. } => format!("{hint}; give the same --group here as there"),
        Hint::OtherSigner { .. } => {
            format!("{hint}; give the .join file that was made with its key to --key")
        }
        Hint::NotListed { .. } => {
            format!("{hint}; have a key of --identity added to norm-send --to there")
        }
        Hint::Expired { .. } => format!("{hint}; set the clocks, or start the sender again"),
        Hint::SetRefused { problem: why, .. } => {
            format!("a transfer is refused: {}", problem(why))
        }
        Hint::OtherProtocol { is_flute: true, .. } => format!("{hint}: use --flute to receive it"),
        Hint::OtherProtocol { .. } => format!("{hint}: remove --flute to receive it"),
        Hint::OtherSession { tsi, .. } => format!("{hint}: give --tsi {tsi} to receive it"),
        _ => hint.to_string(),
    }
}

/// The command that uses another interface, if there is one.
fn use_another(program: &str, group: SocketAddr, others: &[OtherInterface]) -> String {
    let Some(first) = others.first() else { return String::new() };
    let group = elsewhere(group).to_string();
    let group = if group == DEFAULT_GROUP { String::new() } else { format!(" -g {group}") };
    let one = if others.len() == 1 { "it" } else { "one of them" };
    format!("; to use {one}: {program} -i {}{group} …", first.name)
}

/// A problem of a receiver in words.
pub fn problem(problem: &Problem) -> String {
    match problem {
        Problem::Obstructed { path, obstacle: Obstacle::File } => format!(
            "{} exists already: use --overwrite to replace it, or another directory",
            text::path(path)
        ),
        Problem::Obstructed { path, obstacle: Obstacle::SameSize } => format!(
            "{} exists already: its size is the same, its content is not (or cannot be read): use \
             --overwrite to replace it, or move it away",
            text::path(path)
        ),
        Problem::Obstructed { obstacle: Obstacle::Directory, .. } => {
            format!("{problem}: move it away, or use another directory")
        }
        Problem::Remaining { cause: Remaining::BeganLater } => {
            format!("{problem}; norm-recv --continuous takes more than one")
        }
        Problem::TooSparse { .. } => {
            format!("{problem}; --allow-sparse takes them all the same, if you trust the sender")
        }
        Problem::OtherContent { .. } => {
            format!("{problem} (--expect): check the hash with the sender's user")
        }
        Problem::OtherFiles { .. } => format!(
            "{problem} (--expect): check the hash with the sender's user; of single files it is \
             BLAKE3 or SHA-256, whichever the sender tells"
        ),
        Problem::NothingWanted => format!(
            "{problem} (--only): compare the patterns with the names as they arrive, which \
             norm-recv --dry-run shows"
        ),
        Problem::Evicted => format!(
            "{problem}: receive again when its network or disk is faster, or have the sender use \
             --slow separate or wait"
        ),
        Problem::SetExpired | Problem::SetAhead => {
            format!("{problem}; set the clocks of both machines, and have it sent again")
        }
        Problem::SetOlder { .. } => format!(
            "{problem}: it is a recording, or a clock is wrong; have it sent again, or take it \
             with --accept-older"
        ),
        Problem::NotLive => format!(
            "{problem}; start the sender again, and see that packets reach it from here \
             (--feedback)"
        ),
        Problem::NotStated => format!("{problem}; have it sent again"),
        Problem::SeparateGroupSilent => {
            format!("{problem}: receive again, or have the sender use --slow wait")
        }
        _ => problem.to_string(),
    }
}

/// A failed file set, or standalone files that failed, in words.
pub fn failure(failure: &SetFailure) -> String {
    let problem = problem(&failure.problem);
    match failure.files {
        0 | 1 => problem,
        files => format!("{files} files failed: {problem}"),
    }
}

/// Why sending cannot begin, in words.
pub fn send_error(error: &SendError) -> String {
    match error {
        SendError::Config(problem) => config(problem),
        SendError::Net(error) => net(error),
        SendError::Io(cause) => match cause.get_ref().and_then(|cause| cause.downcast_ref()) {
            Some(TooLong { mtu: Some(mtu), .. }) => {
                format!("{error}; use --mtu {mtu}, or a higher MTU there (ip link set)")
            }
            _ => error.to_string(),
        },
        _ => error.to_string(),
    }
}

/// Why receiving cannot begin, in words.
pub fn receive_error(error: &ReceiveError) -> String {
    match error {
        ReceiveError::Config(problem) => config(problem),
        ReceiveError::Net(error) => net(error),
        _ => error.to_string(),
    }
}

fn config(problem: &ConfigProblem) -> String {
    match problem {
        ConfigProblem::Pattern(error) => format!("--only: {error}"),
        ConfigProblem::Flute(SenderError::Tsi { .. }) => format!("--tsi: {problem}"),
        ConfigProblem::RosterForOne { .. } => format!("--receivers: {problem} (--group)"),
        ConfigProblem::RosterTooShort { .. } => {
            format!("--receivers: {problem} (--min-receivers)")
        }
        ConfigProblem::DeleteWithoutReceipts => format!("--delete: {problem} (--state-dir)"),
        _ => problem.to_string(),
    }
}

fn net(error: &NetError) -> String {
    match error {
        NetError::Interface(InterfaceError::Ambiguous { .. }) => {
            format!("{error}; name it with --interface")
        }
        NetError::Interface(InterfaceError::NoneUsable { existing, .. }) => {
            match existing.iter().find(|one| one.loopback) {
                Some(loopback) => format!("{error}; --interface {} takes that", loopback.name),
                None => error.to_string(),
            }
        }
        _ => error.to_string(),
    }
}

/// What is wrong with a schedule, in words.
pub fn schedule(problem: &ScheduleProblem) -> String {
    match problem {
        ScheduleProblem::Empty { .. } => format!("{problem}: for the whole day write else=…"),
        _ => problem.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn words_name_the_option_that_helps() {
        let present = |files| Hint::FilesPresent {
            sender: norm_net::event::SenderId(0),
            set: norm_net::event::SetId([0; 16]),
            files,
            first: "in/a".into(),
        };
        assert!(hint(&present(1)).ends_with("; --overwrite replaces it"));
        assert!(hint(&present(2)).ends_with("; --overwrite replaces them"));
        let silent = |timeout| {
            let (after, source) = (Duration::from_secs(5), None);
            Hint::SenderSilent { after, timeout, source }
        };
        assert!(hint(&silent(None)).contains("--timeout"));
        assert!(!hint(&silent(Some(Duration::from_secs(9)))).contains("--"));
        let obstructed = Problem::Obstructed { path: "in/a".into(), obstacle: Obstacle::File };
        assert!(problem(&obstructed).contains("in/a exists already: use --overwrite"));
        let later = Problem::Remaining { cause: Remaining::BeganLater };
        assert!(problem(&later).ends_with("norm-recv --continuous takes more than one"));
    }

    #[test]
    fn other_interfaces_come_with_the_command_that_uses_them() {
        let other = |name: &str| {
            OtherInterface::new(name.to_owned(), vec![std::net::Ipv4Addr::LOCALHOST.into()])
        };
        let words = |group: &str, others| {
            let (group, interface) = (group.parse().unwrap(), "eth0".to_owned());
            let (has_carrier, after) = (true, Duration::from_secs(5));
            hint(&Hint::NoSender { group, interface, has_carrier, others, after })
        };
        let one = words(DEFAULT_GROUP, vec![other("eth1")]);
        assert!(one.ends_with("eth1 (127.0.0.1); to use it: norm-recv -i eth1 …"), "{one}");
        let two = words("[ff02::1%7]:7", vec![other("eth2"), other("eth3")]);
        assert!(two.ends_with("to use one of them: norm-recv -i eth2 -g [ff02::1]:7 …"), "{two}");
        assert!(!words(DEFAULT_GROUP, Vec::new()).contains("norm-recv"));
        let off = Hint::NoCarrier { interface: "eth1".to_owned(), is_up: false };
        assert!(hint(&off).ends_with("run: ip link set eth1 up"));
    }

    #[test]
    #[cfg(unix)]
    fn paths_that_are_not_utf8_are_escaped() {
        use std::os::unix::ffi::OsStrExt;

        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(b"in/caf\xe9"));
        for obstacle in [Obstacle::File, Obstacle::SameSize] {
            let words = problem(&Problem::Obstructed { path: path.to_owned(), obstacle });
            assert!(words.starts_with("in/caf\\xe9 exists already: "), "{words}");
        }
    }
}
