//! The transfer that is planned, and its limits.

use core::time::Duration;

use norm_core::fec::{Layout, MAX_RS8_SYMBOLS, Points, RsCode, RsForm, Scheme};
use serde::Serialize;

use crate::preset;

/// Maximum number of receivers of a plan.
pub const MAX_RECEIVERS: u32 = 1_000_000;
/// Number of receivers above which most of them are a population.
const MAX_ENGINES: u32 = 2_000;
/// Maximum number of simulated deliveries, approximately.
pub(super) const MAX_EFFORT: f64 = 40e6;
/// Minimum seconds of a stretch, in which receivers and round trips become known.
const MIN_SECONDS: f64 = 2.0;
/// Bits per second, where neither request nor preset sets a rate.
const DEFAULT_RATE: u64 = 100_000_000;
/// Engines beside a population, so that there are single receivers to list.
const ENGINES_BESIDE_POPULATION: u32 = 100;
/// Maximum number of receivers of a preset: each of them is an engine.
const MAX_IN_PRESET: u32 = 10_000;
/// Maximum loss that can be planned.
const MAX_LOSS: f64 = 0.5;
/// Maximum bytes of content: those that fit the 32,767 objects of a session.
const MAX_SIZE: u64 = 32_765 * MAX_EXTENT_BYTES;
/// Maximum bytes in an object; a sender cuts its content into objects.
const MAX_EXTENT_BYTES: u64 = 256 << 20;
/// Block lengths with RaptorQ, as `norm-send` chooses them.
const BLOCK_LEN: core::ops::RangeInclusive<u32> = 64..=1024;
/// Rate in bits per second from which on `norm-send` chooses a Reed-Solomon code.
const MIN_RS_RATE: u64 = 400_000_000;
/// Number of receivers up to which `norm-send` chooses a Reed-Solomon code.
const MAX_RS_RECEIVERS: u32 = 100;
/// Block length of that code.
const RS_BLOCK_LEN: u32 = 160;
/// Maximum bytes in a block of any code, as `norm-send` chooses them.
const MAX_BLOCK_BYTES: u32 = 1_500_000;
/// Maximum block length that a receiver accepts with the default settings.
const MAX_BLOCK_LEN: u32 = 4096;

/// A transfer to be planned.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Request {
    /// Bytes of content.
    pub size: u64,
    /// Receivers, 1 to [`MAX_RECEIVERS`].
    pub receivers: u32,
    /// Share of packets that each receiver loses independently, 0 to 0.5; with a preset, in
    /// addition to the loss of that network.
    pub loss: f64,
    /// Number of receivers on Wi-Fi, which lose 2 % more, in bursts.
    pub wifi: u32,
    /// Numbers of receivers that lose another share than `loss`.
    pub bad: Vec<(u32, f64)>,
    /// Bits per second, headers included. `None` for the rate of the preset, or 100 Mbit/s.
    pub rate: Option<u64>,
    /// Round trip between the sender and any receiver. `None` for that of the preset, or 5 ms.
    pub delay: Option<Duration>,
    /// A preset, one of [`preset::NAMES`]; `None` for a single switch.
    pub network: Option<String>,
    /// NACKs go to the sender alone.
    pub unicast_feedback: bool,
    /// Packets per block. `None` for about 100 ms of the rate, as `norm-send` chooses.
    pub block_len: Option<u32>,
    /// Bytes of content per packet.
    pub segment_size: u16,
    /// All random numbers follow from the seed.
    pub seed: u64,
    /// Maximum bytes of content that are simulated, however long that takes. `None` for about ten
    /// seconds of work.
    pub stretch: Option<u64>,
    /// Number of threads; the plan does not depend on it.
    #[serde(skip)]
    pub threads: usize,
}

/// The reason why a transfer cannot be planned, and advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestError(String);

impl core::fmt::Display for RequestError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for RequestError {}

impl Request {
    /// `size` bytes to receivers that lose 1 % each, with the settings of `norm-send`.
    pub fn new(size: u64, receivers: u32) -> Self {
        Self {
            size,
            receivers,
            loss: 0.01,
            wifi: 0,
            bad: Vec::new(),
            rate: None,
            delay: None,
            network: None,
            unicast_feedback: false,
            block_len: None,
            segment_size: 1344,
            seed: 1,
            stretch: None,
            threads: 1,
        }
    }

    /// Refuses transfers that cannot be planned.
    pub(super) fn check(&self) -> Result<(), RequestError> {
        let bad: u64 = self.bad.iter().map(|(count, _)| u64::from(*count)).sum();
        let special = bad + u64::from(self.wifi);
        let refuse = |message: String| Err(RequestError(message));
        if self.size == 0 || self.size > MAX_SIZE {
            return refuse(format!(
                "the size must be 1 byte to {} TB: send more in parts",
                MAX_SIZE / 1_000_000_000_000
            ));
        }
        if !(1..=MAX_RECEIVERS).contains(&self.receivers) {
            return refuse(format!("the receivers must be 1 to {MAX_RECEIVERS}"));
        }
        if special > u64::from(self.receivers) {
            return refuse(format!(
                "{} Wi-Fi and {bad} bad receivers are more than all {}: \
                 ask for fewer of them, or for more receivers",
                self.wifi, self.receivers
            ));
        }
        if self.network.is_some() && self.receivers > MAX_IN_PRESET {
            return refuse(format!(
                "a preset network has at most {MAX_IN_PRESET} receivers: \
                 ask for fewer, or for no preset"
            ));
        }
        if self.population() > 0 && special > u64::from(MAX_ENGINES) {
            return refuse(format!(
                "with this number of receivers and this rate, at most {MAX_ENGINES} can be on \
                 Wi-Fi or bad: ask for fewer of them"
            ));
        }
        let losses = self.bad.iter().map(|(_, loss)| *loss).chain([self.loss]);
        if losses.into_iter().any(|loss| !(0.0..=MAX_LOSS).contains(&loss)) {
            return refuse("a loss must be 0 to 50 %".to_owned());
        }
        if self.rate.is_some_and(|rate| !(10_000..=100_000_000_000).contains(&rate)) {
            return refuse("the rate must be 10 kbit/s to 100 Gbit/s".to_owned());
        }
        if !(64..=65_000).contains(&self.segment_size) {
            return refuse("the segment size must be 64 to 65000 bytes".to_owned());
        }
        if self.block_len.is_some_and(|len| !(1..=MAX_BLOCK_LEN).contains(&len)) {
            return refuse(format!("the block length must be 1 to {MAX_BLOCK_LEN} packets"));
        }
        if self.delay.is_some_and(|delay| delay > Duration::from_secs(10)) {
            return refuse("the round trip must be at most 10 s".to_owned());
        }
        match &self.network {
            Some(name) if !preset::NAMES.contains(&name.as_str()) => refuse(format!(
                "there is no network {name}: use one of {}",
                preset::NAMES.join(", ")
            )),
            _ => Ok(()),
        }
    }

    /// Number of receivers that are simulated as a population.
    pub(super) fn population(&self) -> u32 {
        let content = self.size.min((self.rate_or(None) as f64 / 8.0 * MIN_SECONDS) as u64);
        let packets = content / u64::from(self.segment_size.max(1));
        let effort = packets as f64 * f64::from(self.receivers);
        let few = self.receivers <= MAX_ENGINES && effort <= MAX_EFFORT;
        if self.network.is_some() || few || self.receivers <= 2 * ENGINES_BESIDE_POPULATION {
            return 0;
        }
        let bad: u32 = self.bad.iter().map(|(count, _)| *count).sum();
        self.receivers.saturating_sub(self.wifi + bad + ENGINES_BESIDE_POPULATION)
    }

    /// The rate, with that of the preset if there is one.
    pub(super) fn rate_or(&self, network: Option<u64>) -> u64 {
        self.rate.or(network).unwrap_or(DEFAULT_RATE)
    }

    /// True when the code is Reed-Solomon rather than RaptorQ. A given block length is for RaptorQ.
    fn is_reed_solomon(&self, rate: u64) -> bool {
        self.block_len.is_none() && rate >= MIN_RS_RATE && self.receivers <= MAX_RS_RECEIVERS
    }

    /// The block length at this rate.
    pub(super) fn block_len_at(&self, rate: u64) -> u32 {
        self.block_len.unwrap_or_else(|| {
            let segment = u32::from(self.segment_size.max(1));
            let max = if self.is_reed_solomon(rate) { RS_BLOCK_LEN } else { *BLOCK_LEN.end() };
            let max = (MAX_BLOCK_BYTES / segment).clamp(16, max);
            let symbols = u32::try_from(rate / 8 / 10 / u64::from(segment)).unwrap_or(u32::MAX);
            symbols.clamp(max.min(*BLOCK_LEN.start()), max)
        })
    }

    /// The code at this rate, for blocks of this length.
    pub(super) fn scheme_at(&self, rate: u64, block_len: u32) -> Scheme {
        let code = || {
            let len = u16::try_from(block_len).ok()?;
            let parity = MAX_RS8_SYMBOLS.checked_sub(len)?;
            RsCode::new(RsForm::Id5, Points::Rizzo, len, parity).ok()
        };
        let code = self.is_reed_solomon(rate).then(code).flatten();
        code.map_or(Scheme::RaptorQ, Scheme::ReedSolomon)
    }

    /// Sizes of the objects that `bytes` are cut into.
    pub(super) fn objects(&self, bytes: u64, scheme: Scheme, block_len: u32) -> Vec<u64> {
        let block = u64::from(block_len) * u64::from(self.segment_size);
        let extent = match scheme {
            Scheme::ReedSolomon(_) if (1..=MAX_EXTENT_BYTES).contains(&block) => {
                MAX_EXTENT_BYTES / block * block
            }
            _ => {
                Layout::max_raptorq_object(self.segment_size, block_len).clamp(1, MAX_EXTENT_BYTES)
            }
        };
        let extents = bytes.div_ceil(extent);
        (0..extents).map(|n| extent.min(bytes - n * extent)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_last_100_ms_as_those_of_norm_send() {
        let request = Request::new(1, 1);
        let lengths = [1_000_000, 100_000_000, 399_000_000].map(|r| request.block_len_at(r));
        assert_eq!(lengths, [64, 930, 1024]);
        assert_eq!(Request { block_len: Some(7), ..request }.block_len_at(1), 7);
    }

    #[test]
    fn fast_transfers_to_few_receivers_use_reed_solomon() {
        let few = Request::new(1, MAX_RS_RECEIVERS);
        let Scheme::ReedSolomon(code) = few.scheme_at(MIN_RS_RATE, few.block_len_at(MIN_RS_RATE))
        else {
            panic!()
        };
        assert_eq!((code.block_len(), code.parity()), (160, 95));
        assert_eq!(few.objects(1 << 30, few.scheme_at(MIN_RS_RATE, 160), 160)[0] % (160 * 1344), 0);
        let many = Request::new(1, MAX_RS_RECEIVERS + 1);
        for (request, rate) in [(&few, MIN_RS_RATE - 1), (&many, MIN_RS_RATE)] {
            let block_len = request.block_len_at(rate);
            assert_eq!((block_len, request.scheme_at(rate, block_len)), (1024, Scheme::RaptorQ));
        }
    }

    #[test]
    fn objects_cover_the_content() {
        let request = Request::new(1, 1);
        let objects = request.objects((1 << 30) + 1, Scheme::RaptorQ, 1024);
        assert_eq!(objects.len(), 5);
        assert_eq!(objects.iter().sum::<u64>(), (1 << 30) + 1);
        assert_eq!(request.objects(100 << 20, Scheme::RaptorQ, 64)[0], 255 * 64 * 1344);
    }

    #[test]
    fn impossible_requests_are_refused_with_advice() {
        let fine = Request::new(1000, 10);
        assert_eq!(fine.check(), Ok(()));
        let refused = [
            (Request::new(0, 10), "1 byte"),
            (Request::new(u64::MAX, 10), "in parts"),
            (Request::new(1, 0), "1 to 1000000"),
            (Request { wifi: 11, ..fine.clone() }, "fewer"),
            (Request { wifi: 6, bad: vec![(5, 0.1)], ..fine.clone() }, "5 bad"),
            (Request { bad: vec![(1, 0.9)], ..fine.clone() }, "50 %"),
            (Request { loss: f64::NAN, ..fine.clone() }, "50 %"),
            (Request { rate: Some(1), ..fine.clone() }, "10 kbit/s"),
            (Request { segment_size: 1, ..fine.clone() }, "64 to"),
            (Request { block_len: Some(0), ..fine.clone() }, "packets"),
            (Request { network: Some("moon".into()), ..fine.clone() }, "campus"),
            (Request { network: Some("lan".into()), ..Request::new(1, 20_000) }, "no preset"),
            (Request { wifi: 5000, ..Request::new(1, 20_000) }, "Wi-Fi"),
            (Request { delay: Some(Duration::from_secs(60)), ..fine.clone() }, "10 s"),
        ];
        for (request, word) in refused {
            let error = request.check().unwrap_err().to_string();
            assert!(error.contains(word), "{error} has no {word}");
        }
    }
}
