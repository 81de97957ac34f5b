//! What a sender asks about a path in native mode, and what its receivers report: two extensions
//! that are not of the RFC.
//!
//! EXT_WATCH, on NORM_CMD(CC):
//! ```text
//! | het 193       | flags 8       | rate 16, as EXT_RATE          |
//! ```
//! EXT_PATH, after EXT_CC on NORM_ACK and NORM_NACK:
//! ```text
//! | het 66        | hel 9         | cc_sequence 16                |
//! | probes 16                     | baseline_loss 16              |
//! | span 32, microseconds                                         |
//! | received 32, packets                                          |
//! | lost 32, packets                                              |
//! | dropped 32, packets                                           |
//! | bytes 32                                                      |
//! | queue 32, microseconds                                        |
//! | baseline_packets 16           | jitter 16, tens of us         |
//! | ce_marked 32, packets: only if there are any, then hel is 10  |
//! ```

use core::time::Duration;

use super::reader::Reader;
use super::{ParseError, QuantizedRate};

/// A sender wants to know what arrives.
pub(super) const EXT_WATCH: u8 = 193;
/// Microseconds in a unit of the jitter in EXT_PATH.
const JITTER_UNIT: u32 = 10;
/// What arrived between two probes.
pub(super) const EXT_PATH: u8 = 66;

/// EXT_WATCH: what a sender says of the interval between its last probe and this one.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// It sent less than the path is thought to take, or what the limiting receiver (CLR) has just
    /// got: what is lost then is baseline loss.
    pub quiet: bool,
    /// Receivers compare themselves by the equation (RFC 5740 §5.5.2), not by what arrives.
    pub fair: bool,
    /// Nothing is sent until further notice: receivers neither answer nor ask for anything.
    pub paused: bool,
    /// Nothing more is sent at all, though not everything was: receivers stay for another sender of
    /// the same content.
    pub stopped: bool,
    /// The rate from now on, in bytes per second.
    pub rate: QuantizedRate,
}

impl Watch {
    const QUIET: u8 = 1;
    const FAIR: u8 = 2;
    const PAUSED: u8 = 8;
    const STOPPED: u8 = 16;

    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let &[flags, high, low] = body else { return None };
        let rate = QuantizedRate(u16::from_be_bytes([high, low]));
        let has = |flag: u8| flags & flag != 0;
        Some(Self {
            quiet: has(Self::QUIET),
            fair: has(Self::FAIR),
            paused: has(Self::PAUSED),
            stopped: has(Self::STOPPED),
            rate,
        })
    }

    pub(super) fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.rate.0.to_be_bytes();
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags = flag(self.quiet, Self::QUIET) | flag(self.fair, Self::FAIR);
        let flags = flags | flag(self.paused, Self::PAUSED) | flag(self.stopped, Self::STOPPED);
        [EXT_WATCH, flags, high, low]
    }
}

/// EXT_PATH: what a receiver got between the arrivals of two probes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PathReport {
    /// The probe that ends the interval.
    pub cc_sequence: u16,
    /// How many probes before it the interval began; more than 1 when some were lost.
    pub probes: u16,
    /// Baseline loss, of 65,535.
    pub baseline_loss: u16,
    /// The time between the two arrivals.
    pub span: Duration,
    /// Packets that arrived, the second probe included.
    pub received: u32,
    /// Packets that did not.
    pub lost: u32,
    /// Packets that arrived at the receiver's host and were dropped there, because its socket was
    /// full.
    pub dropped: u32,
    /// UDP payload bytes that arrived.
    pub bytes: u32,
    /// How much longer the second probe was under way than the quickest of late.
    pub queue: Duration,
    /// Packets by which the baseline loss was measured: the more, the surer it is.
    pub baseline_packets: u16,
    /// How much the times of this report may be off because packets do not come evenly: in tens of
    /// microseconds on the wire, up to 0.65 s.
    pub jitter: Duration,
    /// Packets that arrived CE-marked (RFC 3168).
    pub ce_marked: u32,
}

impl PathReport {
    /// Bytes of the extension without CE marks.
    pub const LEN: usize = 36;
    /// Bytes of the extension with CE marks.
    const LEN_WITH_CE: usize = 40;

    /// Packets that were to arrive, as far as the receiver knows.
    pub fn packets(&self) -> u64 {
        u64::from(self.received) + u64::from(self.lost) + u64::from(self.dropped)
    }

    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body, ParseError::Extension);
        let mut report = Self::read(&mut reader).ok()?;
        if !reader.is_empty() {
            // The longer form says nothing that the shorter one could.
            report.ce_marked = reader.u32().ok().filter(|&count| count > 0)?;
        }
        reader.is_empty().then_some(report)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            cc_sequence: reader.u16()?,
            probes: reader.u16()?,
            baseline_loss: reader.u16()?,
            span: Duration::from_micros(reader.u32()?.into()),
            received: reader.u32()?,
            lost: reader.u32()?,
            dropped: reader.u32()?,
            bytes: reader.u32()?,
            queue: Duration::from_micros(reader.u32()?.into()),
            baseline_packets: reader.u16()?,
            jitter: Duration::from_micros(reader.u16()?.into()) * JITTER_UNIT,
            ce_marked: 0,
        })
    }

    /// The extension, and how many of its bytes are used.
    pub(super) fn to_extension(self) -> ([u8; Self::LEN_WITH_CE], usize) {
        let len = if self.ce_marked > 0 { Self::LEN_WITH_CE } else { Self::LEN };
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let shorts = [self.cc_sequence, self.probes, self.baseline_loss];
        let counts = [self.received, self.lost, self.dropped, self.bytes];
        let jitter = self.jitter.as_micros() / u128::from(JITTER_UNIT);
        let jitter = u16::try_from(jitter).unwrap_or(u16::MAX);
        let shared = u32::from(self.baseline_packets) << 16 | u32::from(jitter);
        let last = [micros(self.queue), shared, self.ce_marked];
        let bytes = [EXT_PATH, (len / 4) as u8].into_iter();
        let bytes = bytes.chain(shorts.into_iter().flat_map(u16::to_be_bytes));
        let words = [micros(self.span)].into_iter().chain(counts).chain(last);
        let bytes = bytes.chain(words.flat_map(u32::to_be_bytes));
        let mut out = [0; Self::LEN_WITH_CE];
        for (place, byte) in out.iter_mut().zip(bytes) {
            *place = byte;
        }
        (out, len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_survive_the_wire_and_other_lengths_do_not() {
        let report = PathReport {
            cc_sequence: 0x1234,
            probes: 2,
            baseline_loss: 77,
            span: Duration::from_micros(20_000),
            received: 900,
            lost: 100,
            dropped: 3,
            bytes: 1_234_567,
            queue: Duration::from_micros(350),
            baseline_packets: 2000,
            jitter: Duration::from_micros(1_230),
            ce_marked: 0,
        };
        let (bytes, len) = report.to_extension();
        let bytes = &bytes[..len];
        assert_eq!(bytes[..8], [EXT_PATH, 9, 0x12, 0x34, 0, 2, 0, 77]);
        assert_eq!(PathReport::parse(&bytes[2..]), Some(report));
        assert_eq!(PathReport::parse(&bytes[2..35]), None);
        assert_eq!(PathReport::parse(&[&bytes[2..], &[0; 4]].concat()), None);
        let marked = PathReport { ce_marked: 0x0102_0304, ..report };
        let (long, len) = marked.to_extension();
        assert_eq!((&long[..2], len), (&[EXT_PATH, 10][..], 40));
        assert_eq!((&long[2..36], &long[36..]), (&bytes[2..], &[1, 2, 3, 4][..]));
        assert_eq!(PathReport::parse(&long[2..]), Some(marked));
        assert_eq!(PathReport::parse(&long[2..38]), None);
        assert_eq!(PathReport::parse(&[&long[2..], &[0; 4]].concat()), None);
        let rate = QuantizedRate::from_bytes_per_second(1e6);
        for bits in 0..16 {
            let [quiet, fair, paused, stopped] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
            let watch = Watch { quiet, fair, paused, stopped, rate };
            assert_eq!(Watch::parse(&watch.to_bytes()[1..]), Some(watch));
        }
        assert_eq!(Watch::parse(&[1, 2]), None);
    }
}
