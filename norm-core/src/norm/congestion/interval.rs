//! What became of the packets between two probe packets: the sender's count and a receiver's, side
//! by side.

use core::time::Duration;

use crate::base::Timestamp;
use crate::endpoint::PacketOverhead;
use crate::norm::wire::PathReport;

/// A delay that is longer by less than this is no queue: clocks and timers are not better.
const MIN_GROWTH: Duration = Duration::from_micros(200);
/// A queue has grown when the delay grew by more than this share of the interval.
const GROWTH_SHARE: f64 = 0.07;
/// More packets are lost than the baseline explains from this share on, chance not counted.
const EXCESS_LOSS: f64 = 0.015;
/// Baseline loss above this share is not believed: on a path that takes much less than is sent, no
/// interval is quiet.
const MAX_BASELINE_LOSS: f64 = 0.25;
/// Standard deviations of a count of losses that chance explains, for one receiver. Of many, the
/// unluckiest is heard first: its count is off by sqrt(2 ln n) deviations.
const SIGMAS: f64 = 3.0;
/// A baseline without loss counts for this many packets at least, where little is usually lost.
const CLEAN_PACKETS: f64 = 30.0;
/// A usual loss up to this share is little: 2 %.
pub(super) const LITTLE_LOSS: f64 = 0.02;
/// The usual loss counts for this many packets beside a lower baseline.
const USUAL_PACKETS: f64 = 200.0;
/// A baseline by this many packets counts as known while a queue stands.
const ENOUGH_PACKETS: u16 = 100;
/// Packets of a baseline that is beyond doubt.
const WELL_KNOWN: f64 = 65_535.0;
/// Any baseline counts for this many packets at least with a scavenger, which takes losses for
/// those of other traffic.
const SCAVENGER_PACKETS: f64 = 1_000.0;
/// While no more packets than this wait in a queue, it takes all: any queue holds as many.
const SHORT_QUEUE: f64 = 7.0;
/// Standard deviations by which what a count says is raised while a longer queue may be full, for
/// one receiver: of time and count the lower one counts, which is too low on average.
const LIKELY_SIGMAS: f64 = 0.5;
/// The loss of fewer packets is weak evidence.
pub const STRONG_PACKETS: u32 = 60;
/// While a queue longer than this stands, loss is most likely an overflow.
const LONG_QUEUE: Duration = Duration::from_millis(4);
/// A receiver that drops more than this share of packets for want of time, although the sender
/// keeps to what its socket holds, cannot take what is sent.
const OVERRUN_SHARE: f64 = 0.05;

/// All that was sent when a probe packet left.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// UDP payload bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
}

/// A probe packet that left: when, and after how much.
#[derive(Copy, Clone, Debug)]
pub(super) struct Departure {
    pub(super) at: Timestamp,
    pub(super) total: Total,
}

/// Whose report it is: how much chance there is in it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Reporter {
    /// The limiting receiver, or one that was asked.
    Asked,
    /// The limiting receiver, and the sender is a scavenger.
    AskedByScavenger,
    /// One of this many receivers, which answers by itself: perhaps the one with the worst luck.
    OneOf(usize),
}

impl Reporter {
    /// Standard deviations that chance explains in a count of losses.
    fn sigmas(self) -> f64 {
        match self {
            Self::Asked | Self::AskedByScavenger => SIGMAS,
            Self::OneOf(receivers) => SIGMAS + libm::sqrt(2.0 * libm::log(receivers.max(1) as f64)),
        }
    }

    /// Standard deviations by which what a count of losses says is raised, beside what time says.
    fn likely_sigmas(self) -> f64 {
        match self {
            Self::AskedByScavenger => 0.0,
            Self::Asked | Self::OneOf(_) => self.sigmas() - SIGMAS + LIKELY_SIGMAS,
        }
    }

    /// How much more than [`MAX_BASELINE_LOSS`] a baseline by `known` packets may be by chance.
    fn doubt(self, known: f64) -> f64 {
        match self {
            Self::AskedByScavenger => 0.0,
            Self::Asked | Self::OneOf(_) => 2.0 * libm::sqrt(0.25 / known),
        }
    }
}

/// The time between two probe packets, seen from both sides. Rates are in bytes per second, with
/// headers.
#[derive(Copy, Clone, Debug)]
pub struct Interval {
    /// What was sent.
    pub sent: f64,
    /// What arrived, with what would have without the baseline loss.
    pub delivered: f64,
    /// What the path took as far as the time tells, whatever was lost: right while its queue takes
    /// all.
    pub passed: f64,
    /// How much longer the second probe packet was under way than the first: a queue that grew.
    pub grown: Duration,
    /// How much longer it was under way than the quickest of late.
    pub queue: Duration,
    /// How much the times may be off because packets do not come evenly.
    pub jitter: Duration,
    /// Share of packets lost in quiet intervals, 0 to 1.
    pub baseline_loss: f64,
    /// More was lost than the baseline, and hardly by chance.
    pub lossy: bool,
    /// Share of what arrived that routers have CE-marked, 0 to 1: somewhere a queue is long.
    pub ce_share: f64,
    /// The time that it took to send.
    pub span: Duration,
    /// Packets sent.
    pub packets: u32,
    /// More is lost at quiet times than is believed.
    pub(super) doubtful: bool,
    /// How much less may have been delivered by chance, as a part of it.
    pub chance: f64,
    /// Share of packets that the receiver's host has dropped, 0 to 1.
    pub dropped: f64,
    /// More was lost than any baseline that is believed, and not by chance.
    pub(super) excessive: bool,
}

impl Interval {
    /// Puts the counts side by side; `usual_loss` is the share of packets that receivers have lost
    /// at quiet times of late. Faster times begin `between` its ends. `None` when the counts cannot
    /// be of the same packets.
    pub(super) fn new(
        [from, to]: [Departure; 2],
        between: &[Departure],
        report: &PathReport,
        overhead: PacketOverhead,
        reporter: Reporter,
        usual_loss: f64,
    ) -> Option<Self> {
        let span = to.at.saturating_since(from.at);
        let packets = to.total.packets.checked_sub(from.total.packets)?;
        let bytes = to.total.bytes.checked_sub(from.total.bytes)?;
        if span.is_zero() || packets == 0 || !is_plausible(report, packets, bytes) {
            return None;
        }
        let headers = |packets: u64| overhead.of(packets);
        let reported = f64::from(report.baseline_loss) / 65_535.0;
        let base = likely_baseline(report, reported.min(MAX_BASELINE_LOSS), reporter, usual_loss);
        let took = report.span.max(span / 64).as_secs_f64();
        let got = u64::from(report.bytes) + headers(report.received.into());
        let dropped = f64::from(report.dropped) / report.packets().max(1) as f64;
        let known = known(report, reporter, usual_loss);
        let doubtful = reported > MAX_BASELINE_LOSS + reporter.doubt(known);
        let sigmas = if doubtful { 1.0 } else { reporter.sigmas() };
        let excessive = exceeds_baseline(report, MAX_BASELINE_LOSS, WELL_KNOWN, reporter, sigmas);
        // A full queue: how much is lost at quiet times does not matter.
        let is_overflow = excessive && report.queue > LONG_QUEUE;
        let known = if is_overflow { WELL_KNOWN } else { known };
        let overrun = dropped > OVERRUN_SHARE;
        let lossy = overrun || exceeds_baseline(report, base, known, reporter, sigmas);
        // What the host has dropped, the path has delivered.
        let got = if overrun { got as f64 } else { got as f64 / (1.0 - dropped) };
        let bytes = (bytes + headers(packets)) as f64;
        let sent = bytes / span.as_secs_f64();
        let faster = Faster { between, to, overhead, queue: report.queue };
        let lost = bytes - got / (1.0 - base);
        let counted = faster.most_passed(lost).max(got / took / (1.0 - base));
        let passed = faster.most_passed(0.0).max(sent * span.as_secs_f64() / took);
        let chance = chance(report, base, known, sigmas) / (1.0 - base);
        let waiting = report.queue.as_secs_f64() * packets as f64 / took;
        let delivered = if lossy {
            counted
        } else if waiting <= SHORT_QUEUE && reporter != Reporter::AskedByScavenger {
            // The queue takes all: the time alone tells, and what is lost does not matter.
            passed
        } else {
            passed.min(counted * (1.0 + chance / sigmas * reporter.likely_sigmas()))
        };
        Some(Self {
            sent,
            delivered,
            passed,
            grown: report.span.saturating_sub(span),
            queue: report.queue,
            jitter: report.jitter,
            baseline_loss: reported.min(MAX_BASELINE_LOSS),
            lossy,
            ce_share: f64::from(report.ce_marked) / f64::from(report.received.max(1)),
            span,
            packets: u32::try_from(packets).unwrap_or(u32::MAX),
            doubtful,
            chance,
            dropped,
            excessive,
        })
    }

    /// That less arrived than was sent rests on the loss of few packets alone.
    pub fn is_weak(&self) -> bool {
        self.packets < STRONG_PACKETS && !self.has_grown(Duration::ZERO) && self.queue <= LONG_QUEUE
    }

    /// Packets wait in a queue, and so few that any queue holds them: what is lost is no overflow.
    pub(super) fn fits_any_queue(&self, jitter: Duration) -> bool {
        let took = (self.span + self.grown).as_secs_f64();
        let waiting = self.queue.as_secs_f64() * f64::from(self.packets) / took;
        self.has_grown(jitter) && waiting <= SHORT_QUEUE
    }

    /// What the path takes, in bytes per second, if chance lost as much as it may.
    pub fn most_delivered(&self) -> f64 {
        self.delivered * (1.0 + if self.lossy { self.chance } else { 0.0 })
    }

    /// More is lost at quiet times than a baseline can be.
    pub fn has_doubtful_baseline(&self) -> bool {
        self.doubtful
    }

    /// The path took less than was sent. `jitter` is how much the delay differs without a
    /// queue.
    pub fn is_congested(&self, jitter: Duration) -> bool {
        self.lossy || self.has_grown(jitter)
    }

    /// The queue has grown, by more than chance explains.
    pub fn has_grown(&self, jitter: Duration) -> bool {
        let packet = self.span / self.packets.max(1);
        let least = MIN_GROWTH.max(jitter * 3).max(self.jitter).max(packet * 3 / 2);
        self.grown > least.max(self.span.mul_f64(GROWTH_SHARE))
    }
}

/// Faster times that last until the end of an interval. In slower ones before, the path may have
/// had less to do than it could: what passed of all is less than it takes then.
struct Faster<'a> {
    /// When each of them began.
    between: &'a [Departure],
    to: Departure,
    overhead: PacketOverhead,
    /// At the end.
    queue: Duration,
}

impl Faster<'_> {
    /// What passed at least in one of them, in bytes per second: what was sent, but for `lost`
    /// bytes, until the queue at the end had passed.
    fn most_passed(&self, lost: f64) -> f64 {
        let passed = |from: &Departure| {
            let packets = self.to.total.packets.saturating_sub(from.total.packets);
            let bytes = self.to.total.bytes.saturating_sub(from.total.bytes);
            let sent = (bytes + self.overhead.of(packets)) as f64;
            let time = self.to.at.saturating_since(from.at) + self.queue;
            (sent - lost.max(0.0)) / time.as_secs_f64().max(1e-6)
        };
        self.between.iter().map(passed).fold(0.0, f64::max)
    }
}

/// Whether a report may be true: nothing arrives that was not sent; what overtook a probe packet
/// may.
fn is_plausible(report: &PathReport, packets: u64, bytes: u64) -> bool {
    report.packets() <= packets + packets / 8 + 8
        && u64::from(report.bytes) <= bytes * 2
        && report.ce_marked <= report.received
}

/// The baseline loss, 0 to 1, that is likely: a lower count than is usual of few packets was luck.
fn likely_baseline(report: &PathReport, counted: f64, reporter: Reporter, usual_loss: f64) -> f64 {
    let usual_loss = usual_loss.min(MAX_BASELINE_LOSS);
    let lucky = usual_loss > LITTLE_LOSS && counted < usual_loss;
    if !lucky || reporter == Reporter::AskedByScavenger {
        return counted;
    }
    let packets = f64::from(report.baseline_packets);
    (counted * packets + usual_loss * USUAL_PACKETS) / (packets + USUAL_PACKETS)
}

/// Packets by which the baseline loss is known. `usual_loss` is the baseline loss of the receivers
/// that were followed lately.
fn known(report: &PathReport, reporter: Reporter, usual_loss: f64) -> f64 {
    let scavenges = reporter == Reporter::AskedByScavenger;
    if report.queue > LONG_QUEUE && (scavenges || report.baseline_packets >= ENOUGH_PACKETS) {
        // Something is lost because of the queue.
        return WELL_KNOWN;
    }
    let least = if scavenges {
        SCAVENGER_PACKETS
    } else if report.baseline_loss == 0 && usual_loss <= LITTLE_LOSS {
        // While nothing was lost at quiet times, most likely nothing will be.
        CLEAN_PACKETS
    } else {
        1.0
    };
    f64::from(report.baseline_packets).max(least)
}

/// Whether more was lost than the baseline and [`EXCESS_LOSS`], and not by chance: the likelihood
/// ratio of two counts with two shares and with one, for the baseline is a count as well.
fn exceeds_baseline(
    report: &PathReport,
    base: f64,
    known: f64,
    reporter: Reporter,
    sigmas: f64,
) -> bool {
    let count = report.packets().max(1) as f64;
    let (lost, expected) = (f64::from(report.lost), (base + EXCESS_LOSS).min(1.0));
    if lost <= expected * count {
        return false;
    }
    if reporter == Reporter::AskedByScavenger {
        return lost / count > expected + chance_of_count(count, base, sigmas);
    }
    let both = (lost + expected * known) / (count + known);
    // Twice the logarithm of the ratio is the square of a standard deviation.
    let ratio = divergence(lost / count, both) * count + divergence(expected, both) * known;
    2.0 * ratio > sigmas * sigmas
}

/// How much more than `base` a count may have lost by chance.
fn chance_of_count(count: f64, base: f64, sigmas: f64) -> f64 {
    let likely = base.max(1.0 / count);
    // Counts of rare losses are skewed: many at once come more often than a bell curve has them.
    let skew = (sigmas * sigmas - 1.0) / 6.0 * (1.0 - 2.0 * likely).max(0.0);
    sigmas * libm::sqrt(likely * (1.0 - base) / count) + skew / count
}

/// Relative entropy of a share to another one.
fn divergence(share: f64, other: f64) -> f64 {
    let part = |a: f64, b: f64| if a > 0.0 && b > 0.0 { a * libm::log(a / b) } else { 0.0 };
    part(share, other) + part(1.0 - share, 1.0 - other)
}

/// How much more than the baseline loss may be lost by chance, `sigmas` standard deviations.
fn chance(report: &PathReport, base: f64, known: f64, sigmas: f64) -> f64 {
    let count = report.packets().max(1) as f64;
    let likely = ((f64::from(report.lost) + base * known) / (count + known)).min(0.5);
    sigmas * libm::sqrt(likely * (1.0 - base) * (1.0 / count + 1.0 / known))
}

#[cfg(test)]
mod tests;
