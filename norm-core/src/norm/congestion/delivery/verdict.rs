//! What a report says of a rate probe. Decisions only: the controller acts on them.

use super::super::interval::Interval;
use super::path::Path;
use super::probing::{FIRST_GAIN, Inconclusive};
use super::queue::long_queue;
use super::schedule::Phase;

/// A rate probe has arrived when this share of it has.
const ARRIVED: f64 = 0.93;
/// Less than this share of what was to be sent tells nothing of more.
pub(super) const BUSY: f64 = 0.75;
/// What was sent tells of more, however little it was, from this multiple of the bandwidth estimate
/// on.
const TELLING_GAIN: f64 = 1.1;
/// A rate probe and the phases around it are faster than what is known to arrive from this multiple
/// of the bandwidth estimate on.
const MERGED_GAIN: f64 = 1.05;
/// A rate probe that fails after startup leaves this share of the bandwidth estimate at least.
pub(super) const MIN_KEPT: f64 = 0.95;
/// A rate probe that fails in startup leaves this share of the bandwidth estimate at least.
const MIN_KEPT_STARTUP: f64 = 0.5;

/// What the report of a rate probe says.
#[derive(Copy, Clone, Debug)]
pub(super) enum ProbeVerdict {
    /// Routers have marked some of it.
    CeMarked,
    /// Some of it was lost, or made a queue.
    Failed,
    /// It arrived late: a queue, or a receiver that came late to its socket. The next phase tells.
    Inconclusive,
    /// There was not enough to send: more is not asked of the path.
    TooLittleSent,
    /// It was too short for a path on which packets do not come evenly: a queue would not show.
    TooShort,
    /// All of it arrived: the path takes this rate, in bytes per second.
    Arrived { rate: f64 },
}

/// Judges a rate probe that was to send `target` bytes per second.
pub(super) fn judge_probe(
    probe: &Interval,
    target: f64,
    queue_stands: bool,
    path: &Path,
) -> ProbeVerdict {
    if probe.ce_share > 0.0 {
        return ProbeVerdict::CeMarked;
    }
    // A full queue grows no more, and the loss is hardly more than by chance then.
    let full = queue_stands || queue_stood(probe, path);
    let congested =
        full || probe.is_congested(path.jitter()) && probe.delivered < probe.sent * ARRIVED;
    if congested {
        // Where packets do not come evenly, the next phase is too short to tell; the report says
        // itself by how much it may be off.
        let conclusive = probe.lossy || !probe.jitter.is_zero();
        return if conclusive { ProbeVerdict::Failed } else { ProbeVerdict::Inconclusive };
    }
    let rate = probe.sent.min(target);
    if rate < target * BUSY && rate < path.bandwidth() * TELLING_GAIN {
        return ProbeVerdict::TooLittleSent;
    }
    if shows_no_queue(probe, path) {
        ProbeVerdict::TooShort
    } else {
        ProbeVerdict::Arrived { rate }
    }
}

/// Whether there was a long queue before the rate probe.
pub(super) fn queue_stood(probe: &Interval, path: &Path) -> bool {
    probe.queue.saturating_sub(probe.grown) > long_queue(path)
}

/// Whether a queue that grows by what was sent above the bandwidth estimate would be less than the
/// times may be off.
fn shows_no_queue(interval: &Interval, path: &Path) -> bool {
    let above = (interval.sent / path.bandwidth().max(1.0) - 1.0).max(0.0);
    interval.span.mul_f64(above) < interval.jitter
}

/// Whether all of a rate probe and of the phases around it has arrived, and was faster than what is
/// known to. `phase` is the last one; a report covers several when a probe packet was lost.
pub(super) fn has_arrived_merged(
    phase: Phase,
    all: &Interval,
    queue_stands: bool,
    path: &Path,
) -> bool {
    let arrived = !queue_stands && !all.is_congested(path.jitter()) && all.ce_share == 0.0;
    let arrived = arrived && !shows_no_queue(all, path);
    arrived && all.sent > path.bandwidth() * MERGED_GAIN && phase.shows_probe()
}

/// Whether clearly more of a rate probe and of the phases around it has arrived than is known to.
pub(super) fn exceeds(all: &Interval, path: &Path) -> bool {
    all.delivered > path.bandwidth() * MERGED_GAIN
}

/// What the observe phase says of a rate probe that arrived late.
#[derive(Copy, Clone, Debug)]
pub(super) enum ObserveVerdict {
    /// The queue was gone too soon to tell; this rate has arrived, in bytes per second.
    QueueDrained { rate: f64 },
    /// The queue is still there.
    Failed,
    /// There was no queue: the receiver was late. `busy` when enough was sent to tell of more.
    WasJitter { busy: bool },
}

/// Judges a rate probe that arrived late by the phase after it. `bold`: startup, and no scavenger.
pub(super) fn judge_observed(
    Inconclusive { probe, target }: &Inconclusive,
    observed: &Interval,
    bold: bool,
    path: &Path,
) -> ObserveVerdict {
    // A queue of the network shrinks by as much as less is sent than the path takes.
    let part = (1.0 - observed.sent / probe.delivered.max(1.0)).max(0.0);
    let drained = observed.span.mul_f64(part);
    if bold && !queue_stood(probe, path) && drained > probe.grown * 3 / 4 {
        return ObserveVerdict::QueueDrained { rate: probe.delivered.min(*target) };
    }
    if observed.queue * 2 >= probe.grown.saturating_sub(drained).max(probe.grown / 4) {
        return ObserveVerdict::Failed;
    }
    ObserveVerdict::WasJitter { busy: probe.sent >= target * BUSY }
}

/// The bandwidth that a rate probe which failed leaves; `by_time` where a count of losses tells
/// nothing.
pub(super) fn bandwidth_after_failure(
    probe: &Interval,
    path: &Path,
    startup: bool,
    by_time: bool,
) -> f64 {
    let bandwidth = path.bandwidth();
    // After startup the bandwidth estimate is known to arrive; a path that takes less shows it in
    // other phases, too.
    let least = bandwidth * if startup { MIN_KEPT_STARTUP } else { MIN_KEPT };
    let arrived = if by_time { probe.passed } else { probe.delivered };
    let found = arrived.clamp(least, probe.sent.max(bandwidth));
    if startup { found } else { found.min(bandwidth * FIRST_GAIN) }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::super::super::RateLimits;
    use super::*;
    use crate::endpoint::PacketOverhead;

    const MS: Duration = Duration::from_millis(1);
    const NONE: Duration = Duration::ZERO;

    /// What is said of a rate probe of twice the bandwidth estimate, of which all has arrived.
    fn judge(span: Duration, grown: Duration, jitter: Duration) -> ProbeVerdict {
        judge_probe(&rate_probe(span, grown, jitter), 2e6, false, &path())
    }

    fn path() -> Path {
        let limits = RateLimits { min: 1e4, max: f64::MAX };
        let mut path = Path::new(limits, 972, PacketOverhead::IPV4, MS * 5);
        path.set_bandwidth(1e6);
        path
    }

    /// Of twice the bandwidth estimate, all of which has arrived.
    fn rate_probe(span: Duration, grown: Duration, jitter: Duration) -> Interval {
        let passed = 2e6 * span.as_secs_f64() / (span + grown).as_secs_f64();
        Interval {
            sent: 2e6,
            delivered: passed,
            passed,
            grown,
            queue: Duration::ZERO,
            jitter,
            baseline_loss: 0.0,
            lossy: false,
            ce_share: 0.0,
            span,
            packets: 100,
            doubtful: false,
            chance: 0.0,
            dropped: 0.0,
            excessive: false,
        }
    }

    #[test]
    fn rate_probe_shorter_than_the_jitter_proves_nothing() {
        assert!(matches!(judge(MS * 5, NONE, NONE), ProbeVerdict::Arrived { .. }));
        assert!(matches!(judge(MS * 5, NONE, MS * 20), ProbeVerdict::TooShort));
        assert!(matches!(judge(MS * 40, NONE, MS * 20), ProbeVerdict::Arrived { .. }));
    }

    #[test]
    fn queue_beyond_the_jitter_of_the_report_is_one() {
        assert!(matches!(judge(MS * 40, MS * 35, NONE), ProbeVerdict::Inconclusive));
        assert!(matches!(judge(MS * 40, MS * 35, MS * 20), ProbeVerdict::Failed));
        assert!(matches!(judge(MS * 40, MS * 15, MS * 20), ProbeVerdict::Arrived { .. }));
    }
}
