//! The file of `--receivers`, and what is said of receivers that are not in it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use norm_net::{IgnoredReason, IgnoredReceiver, Roster, RosterProblem, SendOptions};

use crate::args::ReceiverArgs;
use crate::exit::Failure;
use crate::text;

/// Reads the roster; `None` without `--receivers`.
///
/// # Errors
///
/// One line that names the file, the line and the cure.
pub(super) fn read(args: &ReceiverArgs) -> Result<Option<Roster>, Failure> {
    let Some(path) = &args.roster else { return Ok(None) };
    let shown = text::path(path);
    let content = content(path).map_err(|error| {
        Failure::usage(format!("--receivers {shown} cannot be read: {error}; check the name"))
    })?;
    let roster = Roster::parse(&content).map_err(|error| {
        let option = match error.problem {
            RosterProblem::SameName(_) | RosterProblem::NameText => " (norm-recv --name)",
            _ => "",
        };
        Failure::usage(format!("--receivers {shown} cannot be used: {error}{option}"))
    })?;
    Ok(Some(roster))
}

/// What is in the file, or a little more of it than a roster may have.
fn content(path: &Path) -> io::Result<String> {
    let mut content = String::new();
    File::open(path)?.take(Roster::MAX_TEXT as u64 + 1).read_to_string(&mut content)?;
    Ok(content)
}

/// The same options for the receivers of the roster, if there is one.
pub(super) fn expect(
    options: SendOptions,
    roster: Option<&Roster>,
    args: &ReceiverArgs,
) -> SendOptions {
    let Some(roster) = roster else { return options };
    options.expect(roster.clone()).with(|o| {
        if let Some(wanted) = args.min_receivers {
            o.min_receivers = wanted as usize;
        }
    })
}

/// What to do about a receiver that does not count.
pub(super) fn ignored(ignored: &IgnoredReceiver) -> String {
    let receiver = &ignored.receiver;
    let name = text::plain(&receiver.name);
    let ip = receiver.address.map(|address| address.ip().to_canonical().to_string());
    let ip = ip.unwrap_or_default();
    let cure = match ignored.reason {
        IgnoredReason::NotInRoster if name.contains(char::is_whitespace) => {
            "is not in the roster: give it a name without spaces (norm-recv --name), and add that \
             to the file of --receivers"
                .to_owned()
        }
        IgnoredReason::NotInRoster => format!(
            "is not in the roster: if it is to count, add the line \"{name} {ip}\" to the file of \
             --receivers"
        ),
        IgnoredReason::OtherAddress => {
            "has another address in the roster: correct its line in the file of --receivers, or \
             leave the address out"
                .to_owned()
        }
        IgnoredReason::NotProved => {
            "has another key in the roster: correct its line in the file of --receivers, or have \
             it use that key (norm-recv --identity)"
                .to_owned()
        }
        IgnoredReason::NameTaken => {
            "has the name of another receiver: give each its own (norm-recv --name)".to_owned()
        }
        _ => "has come under another name of the roster before: start it again, under one name"
            .to_owned(),
    };
    format!("receiver {name} ({ip}) does not count, because it {cure}")
}

#[cfg(test)]
mod tests {
    use norm_net::{NodeId, ReceiverInfo};

    use super::*;
    use crate::args::SendArgs;
    use crate::args::parse_words;

    fn parse(words: &str) -> SendArgs {
        parse_words(words).unwrap()
    }

    #[test]
    fn file_that_is_no_roster_is_refused_with_line_and_cure() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("lab");
        let args = parse(&format!("--receivers {} .", path.display())).receivers;
        let refused = || read(&args).unwrap_err().message;
        assert!(refused().contains("lab cannot be read: "), "{}", refused());
        std::fs::write(&path, "lab-1\nlab-2 192.0.2.2:5740\n").unwrap();
        assert!(refused().contains("lab cannot be used: line 2: '192.0.2.2:5740' is neither"));
        std::fs::write(&path, b"lab-\xff\n").unwrap();
        assert!(refused().contains("UTF-8"), "{}", refused());
        std::fs::write(&path, "lab-1 # door\n").unwrap();
        assert_eq!(read(&args).unwrap().unwrap().len(), 1);
        assert_eq!(read(&parse(".").receivers).unwrap(), None);
    }

    #[test]
    fn all_of_the_roster_are_waited_for_unless_a_number_is_given() {
        let wanted = |words: &str| {
            let roster = Roster::parse("a\nb\nc").unwrap();
            let options = SendOptions::new("239.1.1.1:6000".parse().unwrap());
            let options = expect(options, Some(&roster), &parse(words).receivers);
            assert_eq!(options.start.roster, Some(roster));
            options.min_receivers
        };
        assert_eq!(wanted("--receivers x ."), 3);
        assert_eq!(wanted("--receivers x --min-receivers 2 ."), 2);
        assert_eq!(wanted("--receivers x --min-receivers 0 ."), 0);
    }

    #[test]
    fn receiver_that_does_not_count_is_told_with_the_line_that_is_missing() {
        let said = |name: &str, reason| {
            let mut info = ReceiverInfo::new(NodeId(7), name);
            info.address = "[::ffff:192.0.2.7]:5740".parse().ok();
            ignored(&IgnoredReceiver::new(info, reason))
        };
        let unlisted = said("lab-7", IgnoredReason::NotInRoster);
        assert!(unlisted.starts_with("receiver lab-7 (192.0.2.7) does not count"), "{unlisted}");
        assert!(unlisted.contains("add the line \"lab-7 192.0.2.7\" to"), "{unlisted}");
        assert!(said("lab 7", IgnoredReason::NotInRoster).contains("without spaces"));
        assert!(said("lab-7", IgnoredReason::NotProved).contains("norm-recv --identity"));
        assert!(said("lab-7", IgnoredReason::NameTaken).contains("norm-recv --name"));
        assert!(said("lab-7", IgnoredReason::OtherAddress).contains("correct its line"));
    }
}
