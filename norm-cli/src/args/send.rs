//! `norm-send`'s command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use norm_net::io::interface::InterfaceSpec;
use norm_net::transfer::schedule::{RateSchedule, TimeOfDay, WallClock};
use norm_net::{Dscp, Fec, Pace, Slow, SlowLimits, Standard, StandardFec};

use super::exit_codes;
use crate::exit::Failure;
use crate::group;
use crate::schedule;
use crate::units::{self, Rate};

/// Most receivers of a demo: they all share this machine's processors.
pub const MAX_DEMO_RECEIVERS: u32 = 50;

/// What receivers of other makes are sent, unless a rate is given, in bits per second.
const COMPAT_RATE: Rate = Rate::Limit(100_000_000);

/// Sends files and folders to every norm-recv that listens, reliably, over multicast.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "norm-send",
    version,
    after_help = format!("{EXAMPLES}\n\n{}", exit_codes(ENDS)),
    // Numbers such as -1 are mistakes in a value, to be told as such, not unknown flags.
    allow_negative_numbers = true
)]
pub struct SendArgs {
    /// Group and port; any other address means unicast
    #[arg(short, long, value_name = "ADDR:PORT", value_parser = group::parse,
        default_value = group::DEFAULT_GROUP)]
    pub group: SocketAddr,

    /// Network interface: name, address or network [default: by the routes]
    #[arg(short, long, value_name = "IF")]
    pub interface: Option<InterfaceSpec>,

    /// Bits per second (200M, 64k), max, or auto: as fast as it arrives [default: auto]
    #[arg(short = 'b', long, value_name = "RATE")]
    pub rate: Option<Rate>,

    /// Never faster, with --rate auto
    #[arg(long, value_name = "RATE", value_parser = Rate::bits)]
    pub rate_max: Option<u64>,

    /// Never slower, with --rate auto [default: 100k]
    #[arg(long, value_name = "RATE", value_parser = Rate::bits)]
    pub rate_min: Option<u64>,

    /// Who keeps the others slow: wait, eject, lane (a second group) [default: wait]
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub slow: SlowChoice,

    /// Slow is who takes less than this [default: less than half of the others]
    #[arg(long, value_name = "RATE", value_parser = Rate::bits)]
    pub slow_below: Option<u64>,

    /// Slow is also who loses this many percent [default: 50]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub slow_loss: Option<u8>,

    /// For so long [default: 3]
    #[arg(long, value_name = "SECS", value_parser = units::seconds)]
    pub slow_after: Option<Duration>,

    /// Group of the slow lane [default: the address behind the session's]
    #[arg(long, value_name = "ADDR:PORT", value_parser = group::parse)]
    pub lane: Option<SocketAddr>,

    /// Give way to everybody else on the way, and mark packets LE
    #[arg(long, visible_alias = "scavenger")]
    pub polite: bool,

    /// Rates by local time, such as 08:00-18:00=50M,22:00-06:00=off,else=max
    #[arg(long, value_name = "PLAN", value_parser = schedule::parse)]
    pub rate_schedule: Option<RateSchedule>,

    /// The time that --rate-schedule begins at, to test it
    #[arg(long, value_name = "HH:MM:SS", hide = true)]
    pub pretend_time: Option<TimeOfDay>,

    /// How many routers a packet may pass, plus one
    #[arg(short, long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=255))]
    pub ttl: u32,

    /// Mark packets for routers: 0 to 63, or CS1, AF11, EF, LE and such [default: 0]
    #[arg(long, value_name = "DSCP")]
    pub dscp: Option<Dscp>,

    /// Begin when this many receivers are there
    #[arg(long, value_name = "N", default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub min_receivers: u32,

    /// Give up waiting for --min-receivers [default: never]
    #[arg(long, value_name = "SECS", value_parser = units::seconds)]
    pub start_timeout: Option<Duration>,

    /// Stay for late joiners after everybody has finished
    #[arg(long, value_name = "SECS", value_parser = units::seconds, default_value = "0")]
    pub linger: Duration,

    /// Send only what receivers lack, for those that were interrupted
    #[arg(long)]
    pub rest: bool,

    /// Node id in NORM messages, 1 to 4294967294 [default: random]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=0xffff_fffe))]
    pub node_id: Option<u32>,

    /// Send files as the NRL's NORM does, without checksums: nrl
    #[arg(long, value_name = "WHO", value_parser = ["nrl"])]
    pub compat: Option<String>,

    /// Repair code: auto, raptorq, rs; with --compat 5, 2, 129 [default: auto, 5]
    #[arg(long, value_name = "CODE", value_parser = code)]
    pub fec: Option<Code>,

    /// Most bytes in a packet [default: MTU of the interface, at most 9000]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(184..=65_535))]
    pub mtu: Option<u32>,

    /// Memory to use, such as 64M or 1G, 16M at least
    #[arg(long, value_name = "SIZE", value_parser = units::memory, default_value = "128M")]
    pub memory: usize,

    /// Print events as JSON lines on standard output, no progress
    #[arg(long)]
    pub json: bool,

    /// Write the final report to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Try it: PATH or a made-up file to N lossy receivers on this machine
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true,
        default_missing_value = "3",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_DEMO_RECEIVERS)),
        conflicts_with_all = ["group", "interface", "ttl", "min_receivers", "start_timeout",
            "linger", "compat", "slow_below", "lane", "rest"])]
    pub demo: Option<u32>,

    /// Files and folders to send
    #[arg(value_name = "PATH", required_unless_present = "demo")]
    pub paths: Vec<PathBuf>,
}

/// What `--slow` takes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SlowChoice {
    /// They are waited for.
    #[default]
    Wait,
    /// They are sent away.
    Eject,
    /// They get the same in another group.
    Lane,
}

/// What `--fec` takes: a code for sets, or an id for receivers of other makes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// For sets, which only norm-recv understands.
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
            return Err("give auto, raptorq or rs; with --compat nrl 5 (the NRL's own choice), \
                        2 (long blocks) or 129"
                .to_owned());
        }
    })
}

const ENDS: [&str; 3] = [
    "everything arrived and is verified, at every receiver heard",
    "some receivers failed",
    "all receivers failed",
];
const EXAMPLES: &str = "\
Examples:
  norm-send --demo                            try it on this machine, without any set-up
  norm-send image.iso                         to whoever runs norm-recv in this network
  norm-send -b 500M --min-receivers 30 image.iso
                                              start when 30 receivers are there
  norm-send -i eth1 -t 8 photos/ notes.txt    through up to 7 routers, from eth1
  norm-send -g 192.0.2.7:5740 image.iso       by unicast, to one norm-recv with the same -g there
  norm-send --compat nrl -g 224.1.2.3:6003 image.iso
                                              to receivers that run the NRL's NORM
  norm-send --json --report run.json image.iso";

impl SendArgs {
    /// How to send to receivers of other makes, if that is wanted.
    pub fn compat(&self) -> Option<Standard> {
        let id = if let Some(Code::Compat(id)) = self.fec { id } else { StandardFec::Id5 };
        self.compat.as_ref().map(|_| Standard::new(id))
    }

    /// The code of a set.
    pub fn code(&self) -> Fec {
        if let Some(Code::Set(code)) = self.fec { code } else { Fec::Auto }
    }

    /// What becomes of slow receivers.
    pub fn slow(&self) -> Slow {
        let usual = SlowLimits::default();
        let limits = SlowLimits {
            below: self.slow_below,
            loss: self.slow_loss.map(|percent| f64::from(percent) / 100.0).or(usual.loss),
            after: self.slow_after.unwrap_or(usual.after),
        };
        match self.slow {
            SlowChoice::Wait => Slow::Wait,
            SlowChoice::Eject => Slow::Evict(limits),
            SlowChoice::Lane => Slow::Separate(
                limits,
                self.lane.unwrap_or_else(|| Slow::default_separate_group(self.group)),
            ),
        }
    }

    /// How fast.
    pub fn pace(&self) -> Pace {
        let usual = if self.compat.is_some() { COMPAT_RATE } else { Rate::Auto };
        match self.rate.unwrap_or(usual).pace() {
            Pace::Auto { min, max } => {
                let min = self.rate_min.unwrap_or(min.min(self.rate_max.unwrap_or(min)));
                let max = self.rate_max.or(max);
                if self.polite { Pace::Polite { min, max } } else { Pace::Auto { min, max } }
            }
            other => other,
        }
    }

    /// The mark of packets.
    pub fn dscp(&self) -> Dscp {
        let usual = if self.polite { Dscp::LE } else { Dscp::DEFAULT };
        self.dscp.unwrap_or(usual)
    }

    /// What a schedule goes by.
    pub fn clock(&self) -> WallClock {
        self.pretend_time.map_or(WallClock::Local, WallClock::showing)
    }

    /// Checks what depends on several flags or on the file system.
    ///
    /// # Errors
    ///
    /// One line that names the flag and the cure.
    pub fn check(&self) -> Result<(), Failure> {
        if self.demo.is_some() && self.paths.len() > 1 {
            return Err(Failure::usage(
                "--demo sends one PATH: name a folder to send several files",
            ));
        }
        if self.start_timeout.is_some() && self.min_receivers == 0 {
            return Err(Failure::usage(
                "--start-timeout limits the wait for --min-receivers: give both, or neither",
            ));
        }
        let follows = matches!(self.pace(), Pace::Auto { .. } | Pace::Polite { .. });
        if self.polite && (!follows || self.compat.is_some()) {
            return Err(Failure::usage(
                "--polite follows what norm-recv reports: leave --rate and --compat away, or --polite",
            ));
        }
        let bounded = self.rate_max.is_some() || self.rate_min.is_some();
        if bounded && !follows {
            return Err(Failure::usage(
                "--rate-max and --rate-min are bounds of --rate auto: give that, or leave them away",
            ));
        }
        if let (Some(min), Some(max)) = (self.rate_min, self.rate_max)
            && min > max
        {
            return Err(Failure::usage("--rate-min is above --rate-max: give a lower one"));
        }
        let limits =
            self.slow_below.is_some() || self.slow_loss.is_some() || self.slow_after.is_some();
        if limits && self.slow == SlowChoice::Wait {
            return Err(Failure::usage(
                "--slow-below, --slow-loss and --slow-after say who is slow: give --slow eject or \
                 --slow lane, too",
            ));
        }
        if self.lane.is_some() && self.slow != SlowChoice::Lane {
            return Err(Failure::usage("--lane is the group of --slow lane: give that, too"));
        }
        match (self.fec, &self.compat) {
            (Some(Code::Compat(_)), None) => {
                return Err(Failure::usage(
                    "--fec takes an FEC encoding id only with --compat nrl: give that, too, or \
                     auto, raptorq or rs",
                ));
            }
            (Some(Code::Set(Fec::RaptorQ | Fec::ReedSolomon)), Some(_)) => {
                return Err(Failure::usage(
                    "--fec takes an FEC encoding id with --compat: give 5, 2 or 129, or leave \
                     --compat away",
                ));
            }
            _ => {}
        }
        for path in &self.paths {
            if let Err(error) = std::fs::metadata(path) {
                let path = path.display();
                return Err(Failure::usage(format!("PATH '{path}' cannot be sent: {error}")));
            }
        }
        self.report.as_deref().map_or(Ok(()), crate::report::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parse_words;

    fn parse(words: &str) -> SendArgs {
        parse_words(words).unwrap()
    }

    fn error(words: &str) -> String {
        let args: Result<SendArgs, _> = parse_words(words);
        args.and_then(|args| args.check()).unwrap_err().message
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let args = parse("file");
        assert_eq!(args.group.to_string(), "239.255.57.40:5740");
        assert_eq!((args.ttl, args.min_receivers, args.linger), (1, 0, Duration::ZERO));
        assert!(args.rate.is_none() && args.interface.is_none() && args.demo.is_none());
        assert!(args.start_timeout.is_none() && args.report.is_none() && !args.json);
    }

    #[test]
    fn short_and_long_flags_are_the_same() {
        let short = parse("-g 239.1.1.1:6000 -i lo -b 2M -t 3 file");
        let long = parse("--group 239.1.1.1:6000 --interface lo --rate 2M --ttl 3 file");
        assert_eq!(format!("{short:?}"), format!("{long:?}"));
        assert_eq!(short.rate, Some(Rate::Limit(2_000_000)));
    }

    #[test]
    fn who_is_polite_is_marked_so_unless_another_mark_is_given() {
        let polite = parse("--polite --rate-max 5M .");
        assert_eq!(polite.pace(), Pace::Polite { min: 100_000, max: Some(5_000_000) });
        assert_eq!((polite.dscp(), polite.check()), (Dscp::LE, parse("--scavenger .").check()));
        assert_eq!(parse("--polite --dscp CS1 .").dscp().value(), 8);
        assert_eq!(parse("--dscp 46 .").dscp().to_string(), "EF");
        assert_eq!(parse(".").dscp(), Dscp::DEFAULT);
    }

    #[test]
    fn a_demo_needs_no_path_and_takes_a_number_only_with_an_equals_sign() {
        assert_eq!(parse("--demo").demo, Some(3));
        assert_eq!(parse("--demo=12").demo, Some(12));
        let with_path = parse("--demo 12");
        assert_eq!((with_path.demo, with_path.paths), (Some(3), vec![PathBuf::from("12")]));
    }

    #[test]
    fn the_fec_id_is_5_unless_another_is_given() {
        let fec = |words: &str| parse(words).compat().map(|compat| compat.fec);
        assert_eq!(fec("file"), None);
        assert_eq!(fec("--compat nrl file"), Some(StandardFec::Id5));
        assert_eq!(fec("--compat nrl --fec 129 file"), Some(StandardFec::Id129));
        assert_eq!(fec("--compat nrl --fec auto file"), Some(StandardFec::Id5));
    }

    #[test]
    fn the_code_of_a_set_is_chosen_by_norm_send_unless_it_is_given() {
        assert_eq!(parse("file").code(), Fec::Auto);
        assert_eq!(parse("--fec auto file").code(), Fec::Auto);
        assert_eq!(parse("--fec raptorq file").code(), Fec::RaptorQ);
        assert_eq!(parse("--fec rs file").code(), Fec::ReedSolomon);
    }

    #[test]
    fn mistakes_name_the_flag_and_the_cure() {
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
            ("--dscp 64 .", "--dscp", "0 to 63"),
            ("--dscp AF5 .", "--dscp", "LE"),
            ("--linger soon .", "--linger", "0.5"),
            ("--linger -1 .", "--linger", "0.5"),
            ("--start-timeout 5 .", "--start-timeout", "--min-receivers"),
            ("--demo=0", "--demo", "1..=50"),
            ("--demo=51", "--demo", "1..=50"),
            ("--demo -g 239.1.1.1:6000", "--demo", "--group"),
            ("--demo . .", "--demo", "folder"),
            ("--demo --compat nrl", "--demo", "--compat"),
            ("--compat orbit .", "--compat", "nrl"),
            ("--fec 2 .", "--fec", "--compat nrl"),
            ("--fec 2 .", "--fec", "raptorq"),
            ("--fec fast .", "--fec", "raptorq"),
            ("--compat nrl --fec rs .", "--fec", "129"),
            ("--compat nrl --fec raptorq .", "--fec", "leave --compat away"),
            ("--slow-below 5M .", "--slow-below", "--slow eject"),
            ("--lane 239.1.1.1:6000 .", "--lane", "--slow lane"),
            ("--slow eject --slow-loss 0 .", "--slow-loss", "1..=100"),
            ("--slow gently .", "--slow", "eject"),
            ("--mtu 100 .", "--mtu", "184..=65535"),
            ("--memory 8M .", "--memory", "16M"),
            ("--memory lots .", "--memory", "256M"),
            ("--compat nrl --fec 6 .", "--fec", "129"),
            ("/no/such/file", "PATH", "No such file"),
            ("--report /no/such/dir/r.json .", "--report", "/no/such/dir"),
            ("", "PATH", "--help"),
        ];
        for (words, flag, cure) in cases {
            let message = error(words);
            assert!(message.contains(flag) && message.contains(cure), "{words}: {message}");
        }
    }
}
