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
/// Standard deviations of a count of losses that chance explains.
const SIGMAS: f64 = 3.0;

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
}

impl Interval {
    /// Puts the counts side by side; `None` when they cannot be of the same packets.
    pub(super) fn new(
        from: Departure,
        to: Departure,
        report: &PathReport,
        overhead: PacketOverhead,
    ) -> Option<Self> {
        let span = to.at.saturating_since(from.at);
        let packets = to.total.packets.checked_sub(from.total.packets)?;
        let bytes = to.total.bytes.checked_sub(from.total.bytes)?;
        let arrived = u64::from(report.received) + u64::from(report.lost);
        // Nothing arrives that was not sent; what overtook a probe packet may.
        let plausible =
            arrived <= packets + packets / 8 + 8 && u64::from(report.bytes) <= bytes * 2;
        let plausible = plausible && report.ce_marked <= report.received;
        if !plausible || span.is_zero() || packets == 0 {
            return None;
        }
        let headers = |packets: u64| overhead.of(packets);
        let reported = f64::from(report.baseline_loss) / 65_535.0;
        let base = reported.min(MAX_BASELINE_LOSS);
        let sigmas = if reported > MAX_BASELINE_LOSS { 1.0 } else { SIGMAS };
        let took = report.span.max(span / 64).as_secs_f64();
        let got = u64::from(report.bytes) + headers(report.received.into());
        let lost = f64::from(report.lost);
        let count = arrived.max(1) as f64;
        let likely = base.max(1.0 / count);
        // Counts of rare losses are skewed: many at once come more often than a bell curve has
        // them.
        let skew = (sigmas * sigmas - 1.0) / 6.0 * (1.0 - 2.0 * likely).max(0.0);
        let chance = sigmas * libm::sqrt(likely * (1.0 - base) / count) + skew / count;
        let sent = (bytes + headers(packets)) as f64 / span.as_secs_f64();
        let delivered = got as f64 / took / (1.0 - base);
        let lossy = lost / count - base > EXCESS_LOSS + chance;
        // While the queue takes all, the time alone tells, and the baseline loss does not matter.
        let passed = sent * span.as_secs_f64() / took;
        Some(Self {
            sent,
            delivered: if lossy { delivered } else { delivered.min(passed) },
            passed,
            grown: report.span.saturating_sub(span),
            queue: report.queue,
            baseline_loss: base,
            lossy,
            ce_share: f64::from(report.ce_marked) / f64::from(report.received.max(1)),
            span,
            packets: u32::try_from(packets).unwrap_or(u32::MAX),
        })
    }

    /// The path took less than was sent. `jitter` is how much the delay differs without a
    /// queue.
    pub fn is_congested(&self, jitter: Duration) -> bool {
        self.lossy || self.has_grown(jitter)
    }

    /// The queue has grown, by more than chance explains.
    pub fn has_grown(&self, jitter: Duration) -> bool {
        let packet = self.span / self.packets.max(1);
        let least = MIN_GROWTH.max(jitter * 3).max(packet * 3 / 2);
        self.grown > least.max(self.span.mul_f64(GROWTH_SHARE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn departure(at: Duration, packets: u64) -> Departure {
        Departure { at: Timestamp::ZERO + at, total: Total { bytes: packets * 972, packets } }
    }

    fn report(span: Duration, received: u32, lost: u32, base: f64) -> PathReport {
        PathReport {
            cc_sequence: 2,
            probes: 1,
            baseline_loss: (base * 65_535.0) as u16,
            span,
            received,
            lost,
            bytes: received * 972,
            queue: Duration::ZERO,
            ce_marked: 0,
        }
    }

    fn interval(report: &PathReport) -> Option<Interval> {
        Interval::new(departure(MS * 5, 100), departure(MS * 25, 300), report, PacketOverhead::IPV4)
    }

    #[test]
    fn free_path_delivers_what_is_sent() {
        let free = interval(&report(MS * 20, 200, 0, 0.0)).unwrap();
        assert!((free.sent - 10e6).abs() < 1.0 && (free.delivered - 10e6).abs() < 1.0);
        assert!(!free.is_congested(Duration::ZERO));
    }

    #[test]
    fn queue_shows_in_the_time_and_a_full_one_in_the_loss() {
        let growing = interval(&report(MS * 40, 200, 0, 0.0)).unwrap();
        assert!(growing.is_congested(Duration::ZERO) && !growing.is_congested(MS * 10));
        assert!((growing.delivered - 5e6).abs() < 1.0);
        let full = interval(&report(MS * 20, 150, 50, 0.0)).unwrap();
        assert!(full.is_congested(MS * 10) && (full.delivered - 7.5e6).abs() < 1.0);
    }

    #[test]
    fn baseline_loss_is_no_congestion() {
        let lossy = interval(&report(MS * 20, 150, 50, 0.2)).unwrap();
        assert!(!lossy.is_congested(Duration::ZERO), "0.25 is 0.2, by chance");
        assert!((lossy.delivered - 9.375e6).abs() < 1e4);
        assert!(interval(&report(MS * 20, 100, 100, 0.2)).unwrap().is_congested(MS));
    }

    #[test]
    fn impossible_reports_are_refused() {
        assert!(interval(&report(MS * 20, 250, 0, 0.0)).is_none(), "more than was sent");
        let early = Interval::new(
            departure(MS * 5, 100),
            departure(MS * 5, 300),
            &report(MS, 1, 0, 0.0),
            PacketOverhead::IPV4,
        );
        assert!(early.is_none());
        let marked = |marked| PathReport { ce_marked: marked, ..report(MS * 20, 200, 0, 0.0) };
        assert!(interval(&marked(201)).is_none(), "more than arrived");
        assert!(interval(&marked(50)).is_some_and(|some| some.ce_share == 0.25));
    }
}
