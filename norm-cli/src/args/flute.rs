//! Options of transfers one way: by FLUTE, and by NORM to receivers that may not answer.

use clap::Args;
use norm_net::transfer::flute::Profile;
use norm_net::{FluteReceive, FluteSend, Passes, Payload};

use super::shared::ONE_WAY;
use crate::units;

/// The largest TSI that is heard: 48 bits.
const MAX_TSI: u64 = (1 << 48) - 1;
/// The largest one that is sent.
const MAX_SENT_TSI: u64 = u32::MAX as u64;

/// How `norm-send` sends one way.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = ONE_WAY)]
pub struct FluteSendArgs {
    /// Send by FLUTE (RFC 6726): receivers need no way back
    ///
    ///   own          to norm-recv --flute: files with hashes, permissions and times
    ///   rfc6726      as the RFC has it: single files
    ///   flute-crate  to the Rust crate and the Python package flute
    ///   mbms, mabr   to receivers of 3GPP MBMS, of DVB-MABR
    ///
    /// Needs a fixed --rate. Nothing is ever heard of receivers: what they lose, coded symbols
    /// make up for (--overhead), or the next pass (--carousel).
    #[arg(long, verbatim_doc_comment, value_name = "PROFILE", num_args = 0..=1,
        require_equals = true, default_missing_value = "own", value_parser = profile,
        conflicts_with_all = ["demo", "compat", "fec", "delta", "payload", "polite", "rate_max",
            "rate_min", "trace_rate", "min_mtu", "node_id", "min_receivers", "receivers",
            "max_wait", "start_timeout", "linger", "slow", "slow_below", "slow_loss", "slow_after",
            "separate_group"])]
    pub flute: Option<Profile>,

    /// Number of the session (TSI), up to 4294967295 [default: 1]
    ///
    /// Sessions of one machine at the same time need different ones. With profile mbms it is
    /// 65535 at most.
    #[arg(long, verbatim_doc_comment, value_name = "N", requires = "flute",
        value_parser = |word: &str| tsi(word, MAX_SENT_TSI))]
    pub tsi: Option<u64>,

    /// Send everything N times, or forever: receivers may join at any time
    ///
    /// Each pass has symbols that were not sent before (FLUTE: profiles with RaptorQ), so that
    /// receivers need no way back: norm-recv --feedback none. Those that have one ask for
    /// nothing until the last pass is over. Needs a fixed --rate.
    #[arg(long, verbatim_doc_comment, value_name = "N|forever", value_parser = passes,
        conflicts_with_all = ONE_PASS)]
    pub carousel: Option<Passes>,

    /// Coded symbols beyond what is needed, sent once [default: 15% by FLUTE]
    ///
    /// For receivers that listen from the start and cannot ask for repair (norm-recv --feedback
    /// none). Needs a fixed --rate.
    #[arg(long, verbatim_doc_comment, value_name = "PERCENT", conflicts_with = "carousel",
        conflicts_with_all = ONE_PASS, allow_hyphen_values = true, value_parser = overhead)]
    pub overhead: Option<u32>,

    /// Bytes sent in turns [default: 16M; all of them with --carousel]
    ///
    /// More of them outlast longer gaps; receivers keep as much in symbols, on the disk. With
    /// fewer, more is whole already when a receiver is interrupted, and stays for the next run.
    #[arg(long, verbatim_doc_comment, value_name = "SIZE", value_parser = units::size)]
    pub interleave: Option<u64>,
}

/// What has no meaning where everything is sent in passes.
const ONE_PASS: [&str; 10] = [
    "demo",
    "compat",
    "delta",
    "payload",
    "min_mtu",
    "slow",
    "slow_below",
    "slow_loss",
    "slow_after",
    "separate_group",
];

/// How `norm-recv` receives one way.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = ONE_WAY)]
pub struct FluteRecvArgs {
    /// Receive by FLUTE (RFC 6726), from norm-send --flute or other senders
    ///
    /// Nothing is sent. What is missing after a pass of a sender's comes with the next one;
    /// of one that sends once it is lost.
    #[arg(long, verbatim_doc_comment, conflicts_with_all = ["feedback", "sender_name", "node_id"])]
    pub flute: bool,

    /// Receive only the session with this number (TSI) [default: all]
    #[arg(long, value_name = "N", requires = "flute",
        value_parser = |word: &str| tsi(word, MAX_TSI))]
    pub tsi: Option<u64>,
}

impl FluteSendArgs {
    /// How is sent by FLUTE, if that is wanted.
    pub fn value(&self) -> Option<FluteSend> {
        let default = FluteSend::new(self.flute?);
        Some(default.with(|flute| {
            flute.tsi = self.tsi.unwrap_or(flute.tsi);
            flute.passes = self.passes().unwrap_or(flute.passes);
            flute.interleave = self.interleave;
        }))
    }

    /// What NORM sends, if it is to send in passes.
    pub fn carousel(&self) -> Option<Payload> {
        let passes = self.passes().filter(|_| self.flute.is_none())?;
        Some(Payload::Carousel { passes, interleave: self.interleave })
    }

    /// The option by which receivers need not answer, if there is one.
    pub(super) fn one_way_option(&self) -> Option<&'static str> {
        let options = [
            (self.flute.is_some(), "--flute"),
            (self.carousel.is_some(), "--carousel"),
            (self.overhead.is_some(), "--overhead"),
        ];
        options.into_iter().find_map(|(is_set, option)| is_set.then_some(option))
    }

    fn passes(&self) -> Option<Passes> {
        self.carousel.or(self.overhead.map(|overhead| Passes::Once { overhead }))
    }
}

impl FluteRecvArgs {
    /// How is received one way, if that is wanted.
    pub fn value(&self) -> Option<FluteReceive> {
        self.flute.then(|| self.tsi.map_or_else(FluteReceive::default, FluteReceive::of))
    }
}

fn profile(word: &str) -> Result<Profile, String> {
    let all = [Profile::Own, Profile::Rfc6726, Profile::FluteCrate, Profile::Mbms, Profile::Mabr];
    all.into_iter()
        .find(|profile| profile.to_string() == word)
        .ok_or_else(|| "use own (norm-recv --flute), rfc6726, flute-crate, mbms or mabr".to_owned())
}

fn tsi(word: &str, max: u64) -> Result<u64, String> {
    let number = word.parse().ok().filter(|tsi| *tsi <= max);
    number.ok_or_else(|| format!("use a number from 0 to {max}"))
}

fn passes(word: &str) -> Result<Passes, String> {
    match word.parse() {
        _ if word == "forever" => Ok(Passes::Forever),
        Ok(passes @ 1..) => Ok(Passes::Times(passes)),
        _ => Err("use the number of passes, such as 3, or forever".to_owned()),
    }
}

fn overhead(word: &str) -> Result<u32, String> {
    let number = word.strip_suffix('%').unwrap_or(word).parse();
    match number {
        Ok(percent @ 0..=1000) => Ok(percent),
        _ => Err("use percent from 0 to 1000, such as 15%".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{RecvArgs, SendArgs, parse_words};

    fn flute(words: &str) -> Option<FluteSend> {
        parse_words::<SendArgs>(words).unwrap().flute.value()
    }

    #[test]
    fn everything_is_sent_once_unless_a_carousel_is_wanted() {
        assert_eq!(flute("-b 1M x"), None);
        let own = FluteSend::new(Profile::Own);
        assert_eq!(flute("--flute -b 1M x"), Some(own));
        assert_eq!(own.passes, Passes::Once { overhead: 15 });
        let passes = |words: &str| flute(&format!("--flute -b 1M {words} x")).unwrap().passes;
        assert_eq!(passes("--overhead 7"), Passes::Once { overhead: 7 });
        assert_eq!(passes("--overhead 30%"), Passes::Once { overhead: 30 });
        assert_eq!(passes("--carousel 3"), Passes::Times(3));
        assert_eq!(passes("--carousel forever"), Passes::Forever);
        let given = flute("--flute=mbms -b 1M --tsi 0 --interleave 10M x").unwrap();
        assert_eq!((given.profile, given.tsi), (Profile::Mbms, 0));
        assert_eq!(given.interleave, Some(10 << 20));
    }

    #[test]
    fn what_cannot_go_together_is_refused_with_a_cure() {
        for (words, expected) in [
            ("--flute=x -b 1M .", "rfc6726"),
            ("--tsi 3 .", "--flute"),
            ("--flute -b 1M --tsi=-3 .", "0 to 4294967295"),
            ("--carousel 3 --compat nrl -b 1M .", "--compat"),
            ("--carousel 3 --slow evict -b 1M .", "--slow"),
            ("--carousel 3 --payload all -b 1M .", "--payload"),
            ("--overhead 9 --delta -b 1M .", "--delta"),
            ("--flute -b 1M --overhead -5% .", "0 to 1000"),
            ("--flute -b 1M --overhead -5 .", "0 to 1000"),
            ("--flute -b 1M --carousel 0 .", "forever"),
            ("--flute -b 1M --carousel 2 --overhead 5 .", "--overhead"),
            ("--flute -b 1M --overhead 5000 .", "1000"),
            ("--flute -b 1M --min-receivers 2 .", "--min-receivers"),
            ("--flute -b 1M --compat nrl .", "--compat"),
            ("--flute -b 1M --tsi 4294967296 .", "0 to 4294967295"),
        ] {
            let message = parse_words::<SendArgs>(words).unwrap_err().message;
            assert!(message.contains(expected), "{words}: {message}");
        }
        for (words, expected) in [
            ("--flute .", "--flute requires a fixed --rate"),
            ("--flute -b auto .", "--flute requires a fixed --rate"),
            ("--flute -b max .", "--flute requires a fixed --rate"),
            ("--carousel 2 .", "--carousel requires a fixed --rate"),
            ("--overhead 2 --polite .", "--overhead requires a fixed --rate"),
            ("--interleave 2M -b 1M .", "--carousel, --overhead or --flute"),
            ("--carousel 2 -b 1M --fec rs .", "remove --fec"),
        ] {
            let args: SendArgs = parse_words(words).unwrap();
            let message = args.check().unwrap_err().message;
            assert!(message.contains(expected), "{words}: {message}");
        }
        for words in [
            "--flute -b 20M .",
            "--carousel 2 -b 20M --min-receivers 3 .",
            "--overhead 20% -b 1M --interleave 2M --fec raptorq .",
        ] {
            assert_eq!(parse_words::<SendArgs>(words).unwrap().check(), Ok(()), "{words}");
        }
    }

    #[test]
    fn passes_without_flute_are_those_of_norm() {
        let unasked = |words: &str| parse_words::<SendArgs>(words).unwrap().unasked();
        let carousel = |passes, interleave| Payload::Carousel { passes, interleave };
        assert_eq!(unasked("--carousel 3 -b 1M x"), carousel(Passes::Times(3), None));
        let given = unasked("--overhead 30% --interleave 2M -b 1M x");
        assert_eq!(given, carousel(Passes::Once { overhead: 30 }, Some(2 << 20)));
        assert_eq!(unasked("--flute --carousel 3 -b 1M x"), Payload::Auto);
    }

    #[test]
    fn receiver_takes_all_sessions_or_one() {
        let value = |words: &str| parse_words::<RecvArgs>(words).unwrap().flute.value();
        assert_eq!(value(""), None);
        assert_eq!(value("--flute"), Some(FluteReceive::default()));
        assert_eq!(value("--flute --tsi 5"), Some(FluteReceive::of(5)));
        for words in ["--tsi 5", "--flute --feedback unicast", "--flute --sender-name a"] {
            assert!(parse_words::<RecvArgs>(words).is_err(), "{words}");
        }
    }
}
