//! Rules that concern several options or the file system. Messages say what is wrong and what to
//! do.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use norm_net::io::interface::{InterfaceSpec, Zoned};
use norm_net::{Fec, Pace};

use super::choice::PatternArg;
use super::recv::{FeedbackChoice, RecvArgs};
use super::send::{Code, SendArgs, SlowChoice};
use super::shared::SessionArgs;
use crate::described;
use crate::exit::Failure;
use crate::group::{is_multicast, zone};
use crate::text;

/// The first rule that is broken, with its message.
type Broken = Option<String>;

impl SendArgs {
    /// Checks what clap cannot.
    ///
    /// # Errors
    ///
    /// One line that names the option and the cure.
    pub fn check(&self) -> Result<(), Failure> {
        let zone = zone_rule(self.session());
        let rules = [zone, self.demo_rule(), self.start_rule(), self.rate_rule(), self.slow_rule()];
        let broken = rules.into_iter().flatten().next();
        let broken = broken.or_else(|| self.fec_rule()).or_else(|| self.list_rule());
        let broken = broken.or_else(|| self.announce_rule()).or_else(|| self.interleave_rule());
        if let Some(message) = broken.or_else(|| self.path_rule()) {
            return Err(Failure::usage(message));
        }
        self.announce.sdp.as_deref().map_or(Ok(()), described::check)?;
        self.common.report.as_deref().map_or(Ok(()), crate::report::check)
    }

    fn demo_rule(&self) -> Broken {
        (self.demo.is_some() && self.paths.len() > 1)
            .then(|| "--demo sends one PATH: name a directory to send several files".to_owned())
    }

    fn announce_rule(&self) -> Broken {
        let group = self.session().group;
        (self.announce.announce.is_some() && !is_multicast(group)).then(|| {
            format!(
                "--announce is for multicast groups, and {} is one receiver: remove --announce, \
                 or use another --group",
                Zoned(group)
            )
        })
    }

    fn start_rule(&self) -> Broken {
        let receivers = &self.receivers;
        let group = self.session().group;
        if let Some(wanted @ 2..) = receivers.min_receivers
            && !is_multicast(group)
        {
            let group = Zoned(group);
            return Some(format!(
                "--min-receivers {wanted} cannot be reached: {group} is one receiver, so use 1, or \
                 -g with a multicast group"
            ));
        }
        for (option, time) in
            [("--start-timeout", receivers.start_timeout), ("--max-wait", receivers.max_wait)]
        {
            if time.is_some() && !receivers.waits() {
                return Some(format!(
                    "{option} requires --min-receivers or --receivers: add one, or remove {option}"
                ));
            }
        }
        let limits = receivers.max_wait.zip(receivers.start_timeout);
        limits.is_some_and(|(max_wait, timeout)| max_wait >= timeout).then(|| {
            "--max-wait has no effect, because --start-timeout is not longer: use a longer one, or \
             remove one of them"
                .to_owned()
        })
    }

    fn rate_rule(&self) -> Broken {
        let adapts = matches!(self.pace(), Pace::Auto { .. } | Pace::Polite { .. });
        let (min, max) = (self.rate.rate_min, self.rate.rate_max);
        if let Some(option) = self.flute.one_way_option()
            && !matches!(self.pace(), Pace::Fixed(_))
        {
            return Some(format!(
                "{option} requires a fixed --rate, such as -b 20M: receivers that cannot answer do \
                 not tell how much the network takes"
            ));
        }
        let message = if self.rate.polite && self.code.compat.is_some() {
            "--polite cannot be combined with --compat: remove one of them"
        } else if self.rate.polite && !adapts {
            "--polite cannot be combined with a fixed --rate: remove one of them, or use --rate-max"
        } else if (min.is_some() || max.is_some()) && !adapts {
            "--rate-max and --rate-min require --rate auto: use that, or remove them"
        } else if min.zip(max).is_some_and(|(min, max)| min > max) {
            "--rate-min is above --rate-max: lower it, or raise --rate-max"
        } else {
            return None;
        };
        Some(message.to_owned())
    }

    fn slow_rule(&self) -> Broken {
        let policy = self.slow.policy;
        if policy == SlowChoice::Wait && self.slow.has_limits() {
            return Some(
                "--slow-below, --slow-loss and --slow-after require --slow evict or --slow \
                 separate: add one of them"
                    .to_owned(),
            );
        }
        if policy != SlowChoice::Separate {
            return self.slow.separate_group.map(|_| {
                "--separate-group requires --slow separate: add it, or remove --separate-group"
                    .to_owned()
            });
        }
        if self.code.compat.is_some() {
            let message = "--slow separate cannot be combined with --compat: use --slow evict";
            return Some(message.to_owned());
        }
        separate_group_rule(self.session().group, self.separate_group())
    }

    fn interleave_rule(&self) -> Broken {
        let is_alone = self.flute.interleave.is_some() && self.flute.one_way_option().is_none();
        is_alone.then(|| {
            "--interleave requires --carousel, --overhead or --flute: add one of them, or remove \
             --interleave"
                .to_owned()
        })
    }

    fn fec_rule(&self) -> Broken {
        if let Some(option) = self.flute.one_way_option()
            && self.code.fec == Some(Code::Set(Fec::ReedSolomon))
        {
            return Some(format!("{option} requires RaptorQ: remove --fec"));
        }
        match (self.code.fec, &self.code.compat) {
            (Some(Code::Compat(_)), None) => Some(
                "--fec takes an FEC Encoding ID only with --compat nrl: add that, or use auto, \
                 raptorq or rs"
                    .to_owned(),
            ),
            (Some(Code::Set(Fec::RaptorQ | Fec::ReedSolomon)), Some(_)) => Some(
                "--fec takes an FEC Encoding ID with --compat: use 5, 2 or 129, or remove --compat"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    fn list_rule(&self) -> Broken {
        let choice = &self.choice;
        if choice.files_from.is_some() && self.paths.len() > 1 {
            return Some(
                "--files-from takes one PATH, the directory that its names are relative to: name \
                 one, or none"
                    .to_owned(),
            );
        }
        let is_input = |file: &Path| file == Path::new("-");
        let patterns = choice.patterns.0.iter();
        let files = patterns.filter_map(|pattern| match pattern {
            PatternArg::ExcludeFrom(file) => Some(file.as_path()),
            _ => None,
        });
        let inputs = files.chain(choice.files_from.as_deref()).filter(|file| is_input(file));
        (inputs.count() > 1).then(|| {
            "standard input (-) can be read only once: use a file for --files-from or \
             --exclude-from"
                .to_owned()
        })
    }

    fn path_rule(&self) -> Broken {
        self.paths.iter().find_map(|path| {
            let error = fs::metadata(path).err()?;
            Some(format!("cannot send PATH {}: {error}", text::path(path)))
        })
    }
}

/// What is wrong with two names of an interface.
fn zone_rule(session: &SessionArgs) -> Broken {
    let (given, zone) = (session.interface.as_ref()?, zone(session.group)?);
    let is_same = match given {
        InterfaceSpec::Name(name) | InterfaceSpec::Zone { zone: name, .. } => *name == zone,
        _ => false,
    };
    (!is_same).then(|| {
        format!("--group names the interface {zone}, and --interface names {given}: use only one")
    })
}

/// What is wrong with a separate group for slow receivers of a session.
fn separate_group_rule(group: SocketAddr, separate: SocketAddr) -> Broken {
    if !is_multicast(group) {
        let group = Zoned(group);
        return Some(format!(
            "--slow separate requires a multicast group, and --group {group} is a host's address: \
             use a multicast group, or --slow evict"
        ));
    }
    if !is_multicast(separate) || separate.is_ipv4() != group.is_ipv4() {
        let family = if group.is_ipv4() { "IPv4" } else { "IPv6" };
        return Some(format!(
            "--separate-group {separate} must be an {family} multicast group, as --group is: use \
             another address"
        ));
    }
    (separate.ip() == group.ip()).then(|| {
        format!(
            "--separate-group {separate} has the address of --group: use another address, as hosts \
             join groups by address"
        )
    })
}

impl RecvArgs {
    /// Checks what clap cannot.
    ///
    /// # Errors
    ///
    /// One line that names the option and the cure.
    pub fn check(&self) -> Result<(), Failure> {
        self.check_rules()?;
        self.common.report.as_deref().map_or(Ok(()), crate::report::check)
    }

    /// The same without a look at the disk.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_rules(&self) -> Result<(), Failure> {
        let broken = zone_rule(self.session())
            .or_else(|| self.source.and_then(|source| self.source_rule(source)));
        match broken.or_else(|| self.timeout_rule()) {
            Some(message) => Err(Failure::usage(message)),
            None => Ok(()),
        }
    }

    fn source_rule(&self, source: IpAddr) -> Broken {
        let group = self.session().group;
        if self.feedback == Some(FeedbackChoice::Multicast) {
            return Some(
                "--source cannot be combined with --feedback multicast, as receivers cannot send \
                 to the sender's group: use --feedback unicast or none"
                    .to_owned(),
            );
        }
        (source.is_ipv4() != group.is_ipv4()).then(|| {
            format!(
                "--source {source} and --group {group} mix IPv4 and IPv6: use the same for both"
            )
        })
    }

    fn timeout_rule(&self) -> Broken {
        self.timeout.is_some_and(|timeout| timeout.is_zero()).then(|| {
            "--timeout 0 would give up at once: use seconds such as 60, or remove --timeout to \
             wait without limit"
                .to_owned()
        })
    }

    /// Checks the output directory: only its last component may be missing. It is created later,
    /// when there is a session.
    ///
    /// # Errors
    ///
    /// When it is not a directory, or cannot be used.
    pub fn check_directory(&self) -> Result<(), Failure> {
        let shown = text::path(&self.directory);
        match fs::metadata(&self.directory) {
            Ok(found) if found.is_dir() => return Ok(()),
            Ok(_) => {
                let message = format!("DIR {shown} is not a directory: use another path");
                return Err(Failure::usage(message));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::local(format!("cannot use DIR {shown}: {error}")));
            }
            Err(_) => {}
        }
        let parent = self.directory.parent().filter(|parent| *parent != Path::new(""));
        match parent.filter(|parent| !parent.is_dir()) {
            None => Ok(()),
            Some(parent) => Err(Failure::usage(format!(
                "cannot create DIR {shown}: parent directory {} does not exist; create it first",
                text::path(parent)
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parse_words;

    #[test]
    fn wrong_options_of_norm_send_name_option_and_cure() {
        let cases = [
            ("-b fast .", "--rate", "200M"),
            ("-b -5 .", "--rate", "200M"),
            ("-g 239.1.1.1 .", "--group", "239.1.1.1:5740"),
            ("-g 239.1.1.1:0 .", "--group", "65535"),
            ("-t 0 .", "--ttl", "1..=255"),
            ("-t 256 .", "--ttl", "1..=255"),
            ("--rate-schedule 08:00-18:00=fast .", "--rate-schedule", "50M or 64k"),
            ("--rate-schedule else=off .", "--rate-schedule", "nothing would ever"),
            ("--polite -b 5M .", "--polite", "--rate"),
            ("--polite --compat nrl .", "--polite", "--compat"),
            ("-b 5M --rate-max 6M .", "--rate-max", "--rate auto"),
            ("--rate-min 6M --rate-max 5M .", "--rate-min", "--rate-max"),
            ("--dscp 64 .", "--dscp", "0 to 63"),
            ("--dscp AF5 .", "--dscp", "LE"),
            ("--linger soon .", "--linger", "0.5"),
            ("--linger -1 .", "--linger", "0.5"),
            ("--start-timeout 5 .", "--start-timeout", "--min-receivers"),
            ("--max-wait 5 .", "--max-wait", "--min-receivers"),
            ("--min-receivers 2 --max-wait 5 --start-timeout 5 .", "--max-wait", "longer"),
            ("--min-receivers 2 -g 10.0.0.1:6000 .", "--min-receivers 2", "multicast group"),
            ("--min-receivers 2 -g [fd00::1]:6000 .", "--min-receivers 2", "use 1"),
            ("--demo=0", "--demo", "1..=50"),
            ("--demo=51", "--demo", "1..=50"),
            ("--demo -g 239.1.1.1:6000", "--demo", "--group"),
            ("--demo . .", "--demo", "directory"),
            ("--demo --compat nrl", "--demo", "--compat"),
            ("--demo --slow evict", "--demo", "--slow"),
            ("--compat orbit .", "--compat", "nrl"),
            ("--fec 2 .", "--fec", "--compat nrl"),
            ("--fec 2 .", "--fec", "raptorq"),
            ("--fec fast .", "--fec", "raptorq"),
            ("--compat nrl --fec rs .", "--fec", "129"),
            ("--compat nrl --fec raptorq .", "--fec", "remove --compat"),
            ("--slow-below 5M .", "--slow-below", "--slow evict"),
            ("--separate-group 239.1.1.1:6000 .", "--separate-group", "--slow separate"),
            ("--slow separate --compat nrl .", "--compat", "--slow evict"),
            ("--slow separate -g 10.0.0.1:6000 .", "--group", "multicast"),
            ("--slow separate --separate-group 10.0.0.1:6000 .", "--separate-group", "IPv4"),
            ("--slow separate --separate-group [ff15::1]:6000 .", "--separate-group", "IPv4"),
            ("--slow separate --separate-group 239.255.57.40:6000 .", "--group", "another"),
            ("--slow evict --slow-loss 0 .", "--slow-loss", "1..=100"),
            ("--slow gently .", "--slow", "evict"),
            ("--payload some .", "--payload", "missing"),
            ("--mtu 100 .", "--mtu", "248..=65535"),
            ("--memory 8M .", "--memory", "16M"),
            ("--memory lots .", "--memory", "256M"),
            ("--compat nrl --fec 6 .", "--fec", "129"),
            ("/no/such/file", "PATH", "No such file"),
            ("--files-from list . src", "--files-from", "one PATH"),
            ("--files-from - --exclude-from - .", "--files-from", "only once"),
            ("--report /no/such/dir/r.json .", "--report", "/no/such/dir"),
            ("", "PATH", "--help"),
        ];
        for (words, flag, cure) in cases {
            let args: Result<SendArgs, _> = parse_words(words);
            let message = args.and_then(|args| args.check()).unwrap_err().message;
            assert!(message.contains(flag) && message.contains(cure), "{words}: {message}");
        }
    }

    #[test]
    fn unicast_sender_may_wait_for_its_only_receiver() {
        for words in [
            "--min-receivers 1 --start-timeout 5 -g 10.0.0.1:6000 .",
            "-g 10.0.0.1:6000 .",
            "--min-receivers 2 -g 239.1.1.1:6000 .",
        ] {
            let args: SendArgs = parse_words(words).unwrap();
            assert!(args.check().is_ok(), "{words}");
        }
    }

    #[test]
    fn wrong_options_of_norm_recv_name_option_and_cure() {
        let cases = [
            ("--source 192.0.2.1 --feedback multicast", "--source", "--feedback unicast"),
            ("--source ff02::1", "--source", "the same"),
            ("--source 192.0.2.1 -g [::1]:6000", "--source", "the same"),
            ("--sender-name=", "--sender-name", "1 to 64 bytes"),
            ("-i eth0 -g [ff02::1%lo]:5740", "--interface", "--group names the interface lo"),
            ("--source here", "--source", "invalid IP"),
            ("--feedback loud", "--feedback", "multicast, unicast, none"),
            ("--timeout never", "--timeout", "0.5"),
            ("--timeout 0", "--timeout", "without limit"),
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
    fn only_the_last_directory_may_be_missing() {
        let temp = tempfile::tempdir().unwrap();
        let mut args: RecvArgs = parse_words("").unwrap();
        args.directory = temp.path().join("new");
        args.check_directory().unwrap();
        assert!(!args.directory.exists(), "not yet");
        fs::create_dir(&args.directory).unwrap();
        args.check_directory().unwrap();

        args.directory = temp.path().join("a/b");
        let error = args.check_directory().unwrap_err();
        assert!(error.message.contains("does not exist; create it first"), "{error}");

        args.directory = temp.path().join("file");
        fs::write(&args.directory, "").unwrap();
        assert!(args.check_directory().unwrap_err().message.contains("not a directory"));
    }
}
