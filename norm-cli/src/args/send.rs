//! `norm-send`'s command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};
use norm_net::transfer::schedule::{RateSchedule, TimeOfDay, WallClock};
use norm_net::{Dscp, Fec, Pace, Payload, Slow, SlowLimits, Standard, StandardFec};

use super::announce::AnnounceArgs;
use super::choice::ChoiceArgs;
use super::exit_codes;
use super::fill::ServeArgs;
use super::flute::FluteSendArgs;
use super::key::{KeyArgs, RecipientArgs};
use super::shared::{
    CommonArgs, FILES, NETWORK, NetworkArgs, RATE, RECEIVERS, REPAIR, SECURITY, SessionArgs,
};
use crate::group;
use crate::schedule;
use crate::units::{self, Rate};

/// Limit of a demo's receivers: they all share this machine's processors.
pub const MAX_DEMO_RECEIVERS: u32 = 50;

/// Rate for interop peers, unless one is given.
const COMPAT_RATE: Rate = Rate::Limit(100_000_000);

/// Sends files and directories to any number of receivers at once, reliably, over multicast.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "norm-send",
    version,
    after_help = format!("{EXAMPLES}\n\n{}", exit_codes(&EXITS)),
    // Numbers such as -1 are wrong values, not unknown flags; -0 is a flag.
    mut_args(|arg| {
        let has_value = !arg.is_positional() && arg.get_action().takes_values();
        if has_value { arg.allow_negative_numbers(true) } else { arg }
    })
)]
pub struct SendArgs {
    /// Files and directories to send; of DIR/ only what is in it
    ///
    /// A directory is sent with its name. With a slash at the end, and as ".", it stands for what
    /// is in it, as with rsync: its files arrive without it.
    #[arg(value_name = "PATH", verbatim_doc_comment,
        required_unless_present_any = ["demo", "files_from"])]
    pub paths: Vec<PathBuf>,

    /// Try it on this machine: send PATH, or random data, to N receivers with 5 % loss
    ///
    /// Needs no network. Each copy is compared with its source, then removed.
    #[arg(long, verbatim_doc_comment, value_name = "N", num_args = 0..=1, require_equals = true,
        default_missing_value = "3",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_DEMO_RECEIVERS)),
        conflicts_with_all = ["group", "interface", "ttl", "min_receivers", "start_timeout",
            "max_wait", "linger", "receivers", "preserve", "compat", "slow", "slow_below",
            "slow_loss", "slow_after", "separate_group", "payload", "key", "phrase",
            "phrase_file"])]
    pub demo: Option<u32>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub network: NetworkArgs,

    /// Name for norm-recv --sender-name [default: host name]
    #[arg(long, value_name = "NAME", value_parser = super::recv::name, help_heading = NETWORK)]
    pub name: Option<String>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub announce: AnnounceArgs,

    /// Maximum packet size [default: what passes to all receivers]
    ///
    /// In bytes, IP header included. By default the sender tries the MTU of the interface (at
    /// most 9000), 9000, 1500, 1400 and 1280. Packets are never fragmented. With --compat and
    /// on lo nothing is tried.
    #[arg(long, verbatim_doc_comment, value_name = "BYTES", help_heading = NETWORK,
        value_parser = clap::value_parser!(u32).range(248..=65_535))]
    pub mtu: Option<u32>,

    /// Shortest packets to fall back to without --mtu
    ///
    /// Receivers that get only shorter ones are treated as --slow says.
    #[arg(long, verbatim_doc_comment, value_name = "BYTES", help_heading = NETWORK,
        default_value_t = 1280, conflicts_with_all = ["mtu", "compat"],
        value_parser = clap::value_parser!(u32).range(248..=65_535))]
    pub min_mtu: u32,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub rate: RateArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub receivers: ReceiverArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub slow: SlowArgs,

    /// Send everything, or only what receivers miss
    ///
    ///   auto     only what receivers request, if all of them have a part already; else all
    ///   all      everything once, and repairs
    ///   missing  only what receivers request: to resume interrupted transfers
    ///
    /// With --compat it is always all.
    #[arg(long, verbatim_doc_comment, value_name = "auto|all|missing", value_enum, default_value_t,
        hide_possible_values = true, help_heading = FILES)]
    pub payload: PayloadChoice,

    /// Hash all files first: each MiB is verified as it arrives
    ///
    /// Receivers get the list of hashes before the files, and ask again at once for what arrived
    /// damaged. The content hash is known, and printed, from the start.
    #[arg(long, verbatim_doc_comment, help_heading = FILES, conflicts_with = "compat")]
    pub hash_first: bool,

    /// Send only what differs from the files that receivers have
    ///
    /// This is --hash-first and --payload missing. Receivers compare, MiB by MiB, the files of
    /// the same names in their output directory, and what interrupted transfers have left, and
    /// request what they lack. Changed files need --overwrite at the receivers. Where there are
    /// no such files, everything is sent.
    #[arg(long, verbatim_doc_comment, help_heading = FILES,
        conflicts_with_all = ["compat", "payload"])]
    pub delta: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub serve: ServeArgs,

    /// Have receivers refuse the transfer SECONDS after it began; needs a key
    ///
    /// Machines that have recorded it can send it again until then to receivers that do not
    /// answer. Without it that is as long as it is sent, and up to 24 hours more.
    #[arg(long, verbatim_doc_comment, value_name = "SECONDS", value_parser = units::seconds,
        help_heading = SECURITY, conflicts_with_all = ["compat", "insecure"])]
    pub expires: Option<Duration>,

    /// Neither use hashes from earlier runs nor keep any
    ///
    /// Hashes of files of 1 MiB and more are kept, and found again by the file's number, size and
    /// times. With those of all files at hand they are sent first, as with --hash-first.
    #[arg(long, verbatim_doc_comment, help_heading = FILES)]
    pub no_hash_cache: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub choice: ChoiceArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub code: CodeArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub flute: FluteSendArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub keys: KeyArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub recipients: RecipientArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace those of the options")]
    pub common: CommonArgs,
}

/// How fast is sent.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = RATE)]
pub struct RateArgs {
    /// Bits per second (200M, 64k), max, or auto [default: auto]
    ///
    ///   auto    as fast as the slowest receiver gets it, with congestion control
    ///   200M    exactly this rate, without congestion control; units are k, M and G
    ///   max     as fast as this machine sends, without congestion control
    ///
    /// With --compat the default is 100M.
    #[arg(short = 'b', long, verbatim_doc_comment, value_name = "RATE")]
    pub rate: Option<Rate>,

    /// Upper bound of --rate auto
    #[arg(long, value_name = "RATE", value_parser = Rate::bits)]
    pub rate_max: Option<u64>,

    /// Lower bound of --rate auto [default: 100k]
    #[arg(long, value_name = "RATE", value_parser = Rate::bits)]
    pub rate_min: Option<u64>,

    /// Yield to all other traffic, and mark packets LE
    ///
    /// Uses only the capacity that other traffic leaves (scavenger, less than best effort).
    #[arg(long, verbatim_doc_comment, visible_alias = "scavenger")]
    pub polite: bool,

    /// Rate limits by local time: 08:00-18:00=50M,22:00-06:00=off,else=max
    ///
    /// off pauses the transfer, and receivers wait; max is no limit.
    #[arg(long, verbatim_doc_comment, value_name = "PLAN", value_parser = schedule::parse)]
    pub rate_schedule: Option<RateSchedule>,

    /// Write each decision about the rate to a new file, as CSV
    ///
    /// A line for each probe that is sent and each report that comes: what was measured, and what
    /// the controller made of it. docs/congestion-control.md explains the columns.
    #[arg(long, verbatim_doc_comment, value_name = "FILE")]
    pub trace_rate: Option<PathBuf>,

    /// Local time that --rate-schedule starts at, to test it
    #[arg(long, value_name = "HH:MM:SS", hide = true)]
    pub pretend_time: Option<TimeOfDay>,
}

/// Which receivers are waited for.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = RECEIVERS)]
pub struct ReceiverArgs {
    /// Start when N receivers have joined [default: 0]
    ///
    /// With 0, sending starts at once. With --receivers the default is all of them.
    #[arg(long, verbatim_doc_comment, value_name = "N",
        value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub min_receivers: Option<u32>,

    /// Expect the receivers in FILE, one in each line
    ///
    /// A line is NAME, then an IP address and a KEY if wanted. Sending starts when all of them
    /// have joined, and succeeds when all have confirmed. Others may receive, but do not count:
    /// nothing is repaired for them. NAME is what norm-recv --name says, or the host name; #
    /// begins a comment. With KEY (age1... or ssh-ed25519 ...) the file serves --to as well, and
    /// then nothing counts for NAME but what that key proves. Without --to a NAME is no proof:
    /// any machine can claim it, and in a sealed session any member of the group.
    #[arg(
        id = "receivers",
        long = "receivers",
        verbatim_doc_comment,
        value_name = "FILE",
        conflicts_with = "compat"
    )]
    pub roster: Option<PathBuf>,

    /// Time after which one receiver is enough [default: no limit]
    ///
    /// Sending starts then with the receivers that are there, or with the first one that comes.
    #[arg(long, verbatim_doc_comment, value_name = "SECS", value_parser = units::seconds)]
    pub max_wait: Option<Duration>,

    /// Time after which to give up [default: no limit]
    #[arg(long, value_name = "SECS", value_parser = units::seconds)]
    pub start_timeout: Option<Duration>,

    /// Time to stay for late joiners at the end
    #[arg(long, value_name = "SECS", value_parser = units::seconds, default_value = "0")]
    pub linger: Duration,
}

/// What becomes of slow receivers.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = RECEIVERS)]
pub struct SlowArgs {
    /// Policy for receivers that hold the others back
    ///
    ///   wait      the slowest receiver determines the rate
    ///   evict     slow receivers are no longer waited for, and exit with code 9
    ///   separate  slow receivers get the files in a second multicast group, at a lower rate
    #[arg(
        id = "slow",
        long = "slow",
        verbatim_doc_comment,
        value_name = "wait|evict|separate",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    pub policy: SlowChoice,

    /// Rate below which a receiver is slow [default: half of others]
    #[arg(id = "slow_below", long = "slow-below", value_name = "RATE", value_parser = Rate::bits)]
    pub below: Option<u64>,

    /// Packet loss from which a receiver is slow [default: 50]
    #[arg(id = "slow_loss", long = "slow-loss", value_name = "PERCENT",
        value_parser = clap::value_parser!(u8).range(1..=100))]
    pub loss: Option<u8>,

    /// Time before the policy applies to a slow receiver [default: 3]
    #[arg(id = "slow_after", long = "slow-after", value_name = "SECS",
        value_parser = units::seconds)]
    pub after: Option<Duration>,

    /// Group for --slow separate [default: the address after --group's]
    ///
    /// Needs switches with IGMP (MLD) snooping: without it, slow receivers get both groups.
    #[arg(long, verbatim_doc_comment, value_name = "ADDR:PORT", value_parser = group::parse)]
    pub separate_group: Option<SocketAddr>,
}

/// How content is coded.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = REPAIR)]
pub struct CodeArgs {
    /// FEC: auto, raptorq or rs; with --compat 5, 2 or 129 [default: auto, 5]
    ///
    ///   auto     rs at 400 Mbit/s and more for up to 100 --min-receivers, else raptorq
    ///   raptorq  RaptorQ (RFC 6330): least repair traffic
    ///   rs       Reed-Solomon (RFC 5510): least CPU time
    ///
    /// With --compat nrl it is an FEC Encoding ID of Reed-Solomon: 5, 2 (long blocks) or 129.
    #[arg(long, verbatim_doc_comment, value_name = "CODE", value_parser = code)]
    pub fec: Option<Code>,

    /// Send to another implementation of RFC 5740, without checksums: nrl
    ///
    /// nrl is the NORM of the Naval Research Laboratory; docs/interop.md says what works with it.
    #[arg(long, verbatim_doc_comment, value_name = "PEER", value_parser = ["nrl"],
        hide_possible_values = true)]
    pub compat: Option<String>,
}

/// What `--payload` takes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PayloadChoice {
    /// By what the receivers have at the start.
    #[default]
    Auto,
    /// Everything is sent once, and repaired.
    All,
    /// Only what receivers request is sent.
    Missing,
}

impl ReceiverArgs {
    /// True when receivers are waited for.
    pub fn waits(&self) -> bool {
        self.min_receivers.map_or(self.roster.is_some(), |wanted| wanted > 0)
    }
}

impl SendArgs {
    /// What of the content is sent unasked.
    pub fn unasked(&self) -> Payload {
        let carousel = self.flute.carousel();
        carousel.unwrap_or(if self.delta { Payload::Missing } else { self.payload.into() })
    }

    /// Everything is hashed before the session begins.
    pub fn hashes_first(&self) -> bool {
        self.hash_first || self.delta || self.serve.serve.is_some()
    }
}

impl From<PayloadChoice> for Payload {
    fn from(choice: PayloadChoice) -> Self {
        match choice {
            PayloadChoice::Auto => Self::Auto,
            PayloadChoice::All => Self::All,
            PayloadChoice::Missing => Self::Missing,
        }
    }
}

/// What `--slow` takes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SlowChoice {
    /// They are waited for.
    #[default]
    Wait,
    /// They are evicted.
    Evict,
    /// They get the files in a separate group.
    Separate,
}

/// What `--fec` takes: a code for file sets, or an FEC Encoding ID for interop peers.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// For file sets, which only norm-recv understands.
    Set(Fec),
    /// With `--compat`.
    Compat(StandardFec),
}

fn code(word: &str) -> Result<Code, String> {
    Ok(match word {
        "auto" => Code::Set(Fec::Auto),
        "raptorq" => Code::Set(Fec::RaptorQ),
        "rs" => Code::Set(Fec::ReedSolomon),
        "5" => Code::Compat(StandardFec::Id5),
        "2" => Code::Compat(StandardFec::Id2),
        "129" => Code::Compat(StandardFec::Id129),
        _ => {
            return Err("use auto, raptorq or rs; with --compat nrl 5 (that of NRL's programs), \
                        2 (long blocks) or 129"
                .to_owned());
        }
    })
}

const EXITS: [(u8, &str); 6] = [
    (0, "success: all receivers have everything, verified; one way: everything was sent"),
    (3, "no key, although NORM_REQUIRE_KEY=1 requires one"),
    (4, "a file cannot be read, or changed while it was being sent"),
    (5, "no receiver heard, or too few within --start-timeout"),
    (6, "some receivers failed, or of --receivers did not come"),
    (7, "all receivers failed"),
];

const EXAMPLES: &str = "\
Examples:
  norm-send --demo                            try it on this machine, no setup needed
  norm-send image.iso                         send to all norm-recv in this network
  norm-send -b 500M --min-receivers 30 image.iso
                                              start when 30 receivers have joined
  norm-send --min-receivers 30 --max-wait 300 image.iso
                                              ... or after 5 minutes, with those that are there
  norm-send --receivers lab-hosts image.iso   for the receivers in this file, by their names
  norm-send -i eth1 -t 8 photos notes.txt     through up to 7 routers, from eth1
  norm-send --exclude '*.tmp' --dry-run src   show what would be sent
  norm-send -g 192.0.2.7:5740 image.iso       unicast to one norm-recv with the same -g
  norm-send --compat nrl -g 224.1.2.3:6003 image.iso
                                              send to receivers that run NRL's NORM
  norm-send -b 20M --carousel forever photos  one way, for norm-recv --feedback none
  norm-send --flute -b 20M --carousel forever photos
                                              one way, for norm-recv --flute
  norm-send --key lab.key image.iso           sealed, for norm-recv --key lab.join (normctl keygen)
  norm-send --announce=lab-7 image.iso        for norm-recv --session lab-7, normctl list
  norm-send --serve image.iso                 also by HTTP, for norm-recv --fill
  norm-send --json --report run.json image.iso
                                              for scripts";

impl SendArgs {
    /// Group, interface, TTL and node id.
    pub fn session(&self) -> &SessionArgs {
        &self.network.session
    }

    /// How fast is sent.
    pub fn pace(&self) -> Pace {
        let RateArgs { rate, rate_max, rate_min, polite, .. } = self.rate;
        let default = if self.code.compat.is_some() { COMPAT_RATE } else { Rate::Auto };
        match rate.unwrap_or(default).pace() {
            Pace::Auto { min, max } => {
                let min = rate_min.unwrap_or(min.min(rate_max.unwrap_or(min)));
                let max = rate_max.or(max);
                if polite { Pace::Polite { min, max } } else { Pace::Auto { min, max } }
            }
            other => other,
        }
    }

    /// The code point of packets.
    pub fn dscp(&self) -> Dscp {
        let default = if self.rate.polite { Dscp::LE } else { Dscp::DEFAULT };
        self.network.dscp.unwrap_or(default)
    }

    /// What becomes of slow receivers.
    pub fn slow(&self) -> Slow {
        match self.slow.policy {
            SlowChoice::Wait => Slow::Wait,
            SlowChoice::Evict => Slow::Evict(self.slow.limits()),
            SlowChoice::Separate => Slow::Separate(self.slow.limits(), self.separate_group()),
        }
    }

    /// Group of the slow receivers with `--slow separate`.
    pub fn separate_group(&self) -> SocketAddr {
        self.slow
            .separate_group
            .unwrap_or_else(|| Slow::default_separate_group(self.session().group))
    }
}

impl RateArgs {
    /// A schedule, and what it goes by.
    pub fn schedule(&self) -> Option<(RateSchedule, WallClock)> {
        let clock = self.pretend_time.map_or(WallClock::Local, WallClock::showing);
        Some((self.rate_schedule.clone()?, clock))
    }
}

impl SlowArgs {
    fn limits(&self) -> SlowLimits {
        let default = SlowLimits::default();
        SlowLimits {
            below: self.below,
            loss: self.loss.map(|percent| f64::from(percent) / 100.0).or(default.loss),
            after: self.after.unwrap_or(default.after),
        }
    }

    /// True when an option says which receivers are slow.
    pub(super) fn has_limits(&self) -> bool {
        self.below.is_some() || self.loss.is_some() || self.after.is_some()
    }
}

impl CodeArgs {
    /// How to send to interop peers; `None` for norm-recv.
    pub fn compat(&self) -> Option<Standard> {
        let id = if let Some(Code::Compat(id)) = self.fec { id } else { StandardFec::Id5 };
        self.compat.as_ref().map(|_| Standard::new(id))
    }

    /// The code of a file set.
    pub fn set_fec(&self) -> Fec {
        if let Some(Code::Set(code)) = self.fec { code } else { Fec::Auto }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parse_words;

    fn parse(words: &str) -> SendArgs {
        parse_words(words).unwrap()
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let args = parse("file");
        let session = args.session();
        assert_eq!(session.group.to_string(), "239.255.57.40:5740");
        assert!(session.interface.is_none() && session.node_id.is_none());
        assert_eq!((session.ttl, args.receivers.min_receivers), (1, None));
        assert_eq!((args.receivers.linger, args.receivers.start_timeout), (Duration::ZERO, None));
        assert_eq!((args.payload, args.slow()), (PayloadChoice::Auto, Slow::Wait));
        assert!(args.rate.rate.is_none() && args.demo.is_none());
        assert!(args.common.report.is_none() && !args.common.json);
    }

    #[test]
    fn short_and_long_flags_are_the_same() {
        let short = parse("-g 239.1.1.1:6000 -i lo -b 2M -t 3 file");
        let long = parse("--group 239.1.1.1:6000 --interface lo --rate 2M --ttl 3 file");
        assert_eq!(format!("{short:?}"), format!("{long:?}"));
        assert_eq!(short.rate.rate, Some(Rate::Limit(2_000_000)));
    }

    #[test]
    fn polite_packets_are_marked_le_unless_a_dscp_is_given() {
        let polite = parse("--polite --rate-max 5M .");
        assert_eq!(polite.pace(), Pace::Polite { min: 100_000, max: Some(5_000_000) });
        assert_eq!((polite.dscp(), polite.check()), (Dscp::LE, parse("--scavenger .").check()));
        assert_eq!(parse("--polite --dscp CS1 .").dscp().value(), 8);
        assert_eq!(parse("--dscp 46 .").dscp().to_string(), "EF");
        assert_eq!(parse(".").dscp(), Dscp::DEFAULT);
    }

    #[test]
    fn demo_takes_a_number_only_after_an_equals_sign() {
        assert_eq!(parse("--demo").demo, Some(3));
        assert_eq!(parse("--demo=12").demo, Some(12));
        let with_path = parse("--demo 12");
        assert_eq!((with_path.demo, with_path.paths), (Some(3), vec![PathBuf::from("12")]));
    }

    #[test]
    fn delta_hashes_first_and_sends_what_is_missing() {
        let args = parse("--delta .");
        assert!(args.hashes_first());
        assert_eq!(args.unasked(), Payload::Missing);
        let args = parse("--hash-first .");
        assert!(args.hashes_first());
        assert_eq!(args.unasked(), Payload::Auto);
    }

    #[test]
    fn payload_is_chosen_by_what_receivers_have_unless_given() {
        for (words, choice) in [
            ("--payload auto .", PayloadChoice::Auto),
            ("--payload all .", PayloadChoice::All),
            ("--payload missing .", PayloadChoice::Missing),
        ] {
            assert_eq!(parse(words).payload, choice, "{words}");
        }
    }

    #[test]
    fn slow_policy_has_limits_and_a_group() {
        let limits =
            SlowLimits { below: Some(5_000_000), loss: Some(0.2), after: Duration::from_secs(2) };
        let evict = parse("--slow evict --slow-below 5M --slow-loss 20 --slow-after 2 .");
        assert_eq!(evict.slow(), Slow::Evict(limits));
        let default = SlowLimits::default();
        let next = "239.255.57.41:5740".parse().unwrap();
        assert_eq!(parse("--slow separate .").slow(), Slow::Separate(default, next));
        let given = parse("--slow separate --separate-group 239.1.1.1:6000 .");
        assert_eq!(given.slow(), Slow::Separate(default, "239.1.1.1:6000".parse().unwrap()));
    }

    #[test]
    fn fec_id_is_5_unless_another_is_given() {
        let fec = |words: &str| parse(words).code.compat().map(|compat| compat.fec);
        assert_eq!(fec("file"), None);
        assert_eq!(fec("--compat nrl file"), Some(StandardFec::Id5));
        assert_eq!(fec("--compat nrl --fec 129 file"), Some(StandardFec::Id129));
        assert_eq!(fec("--compat nrl --fec auto file"), Some(StandardFec::Id5));
    }

    #[test]
    fn fec_of_a_set_is_automatic_unless_given() {
        assert_eq!(parse("file").code.set_fec(), Fec::Auto);
        assert_eq!(parse("--fec auto file").code.set_fec(), Fec::Auto);
        assert_eq!(parse("--fec raptorq file").code.set_fec(), Fec::RaptorQ);
        assert_eq!(parse("--fec rs file").code.set_fec(), Fec::ReedSolomon);
    }
}
