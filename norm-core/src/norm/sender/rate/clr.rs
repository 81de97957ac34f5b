//! Follows the receiver to which least arrives: the current limiting receiver (CLR, RFC 5740
//! §5.5.2).

use core::fmt;
use core::time::Duration;

use super::shortest_rtts::ShortestRtts;
use crate::base::Timestamp;
use crate::norm::congestion::{Delivery, Interval, Reporter, STRONG_PACKETS, Total, Verdict};
use crate::norm::wire::{
    CcFeedback, CcFlags, CcNode, NodeId, PathReport, QuantizedRate, QuantizedRtt, Watch,
};

/// Round trips of silence after which a CLR is given up.
const SILENT_ROUNDS: u32 = 8;
/// Shortest silence after which a CLR is given up.
const MIN_SILENCE: Duration = Duration::from_secs(3);
/// The rate is halved when no receiver was heard for this part of the silence that ends a CLR.
const HALVE_PART: u32 = 3;
/// Unanswered probes after which a CLR is given up: where little is sent, probes are rare.
const SILENT_PROBES: u32 = 3;
/// Unanswered probes after which the rate is halved.
const HALVE_PROBES: u32 = 2;
/// Rate for receivers that never report: 10 Mbit/s, in bytes per second.
const BLIND_RATE: f64 = 1_250_000.0;
/// Packets of an interval that tells whether a candidate was one by chance.
const CONCLUSIVE_PACKETS: u32 = 50;
/// Part of the bandwidth estimate below which a receiver becomes a candidate.
const CANDIDATE_SHARE: f64 = 0.95;
/// Round trips fall at once and rise by this part of the difference.
const RTT_RISE: u32 = 64;

/// A receiver that is asked by every probe.
#[derive(Copy, Clone, Debug)]
struct Watched {
    node: NodeId,
    rtt: Duration,
    heard: Timestamp,
    /// The last probe of which it reported.
    reported: Option<u16>,
    rate: QuantizedRate,
    /// What arrived when it said that it takes less, in bytes per second.
    takes: f64,
    /// Packets whose loss alone, without a queue, was said to be the reason.
    weak_packets: u32,
}

/// A report of a receiver that may be believed.
#[derive(Copy, Clone, Debug)]
pub(crate) struct PathView<'a> {
    pub(crate) node: NodeId,
    /// Its round trip, as measured now.
    pub(crate) rtt: Duration,
    pub(crate) feedback: &'a CcFeedback,
    pub(crate) report: PathReport,
    /// Receivers of the group.
    pub(crate) receivers: usize,
}

/// What a report was taken for, in a trace.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is the CLR's.
    Clr(Verdict),
    /// It is of probes too long ago, or cannot be true.
    Unmatched,
    /// It was taken before.
    Repeated,
    /// Its receiver takes what is sent.
    KeepsUp,
    /// Its receiver takes less, and is asked again.
    Candidate,
    /// Its receiver takes less, while another candidate is asked.
    Waits,
    /// Its receiver takes less, again: it is the CLR now.
    BecameClr,
    /// The fair controller has taken it.
    Fair,
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clr(verdict) => fmt::Debug::fmt(verdict, f),
            other => fmt::Debug::fmt(other, f),
        }
    }
}

/// The CLR, and the controller that follows its reports.
#[derive(Debug)]
pub(super) struct ClrFollower {
    delivery: Delivery,
    clr: Option<Watched>,
    /// It reports that it can take less than the CLR, and is asked once more: chance, a stall of
    /// its machine or a lie may be the reason.
    candidate: Option<Watched>,
    /// It is the CLR again when the present one is gone.
    previous_clr: Option<Watched>,
    /// Bandwidth estimate before the last change of CLR, in bytes per second.
    bandwidth_before: f64,
    shortest_rtts: ShortestRtts,
    /// When a receiver was heard last, or the rate was halved.
    silent_from: Timestamp,
    started: bool,
    probed_at: Timestamp,
    /// Time from the probe before to the last one.
    probe_gap: Duration,
    /// No receiver has reported in the first second: they may be receivers that never do.
    blind: bool,
    /// The highest rate allowed, in bytes per second.
    max_rate: f64,
    /// It is in control again, and the first report shall not raise the rate.
    resumed: bool,
}

impl ClrFollower {
    pub(super) fn new(delivery: Delivery, max_rate: f64, now: Timestamp) -> Self {
        Self {
            delivery,
            clr: None,
            candidate: None,
            previous_clr: None,
            bandwidth_before: 0.0,
            shortest_rtts: ShortestRtts::default(),
            silent_from: now,
            started: false,
            probed_at: now,
            probe_gap: Duration::ZERO,
            blind: false,
            max_rate,
            resumed: false,
        }
    }

    /// Bytes per second.
    pub(super) fn rate(&self) -> f64 {
        let rate = self.delivery.rate();
        if self.blind { rate.max(BLIND_RATE.min(self.max_rate)) } else { rate }
    }

    /// The highest rate allowed, in bytes per second.
    pub(super) fn max_rate(&self) -> f64 {
        self.max_rate
    }

    pub(super) fn set_max_rate(&mut self, max: f64) {
        self.max_rate = max;
        self.delivery.set_max_rate(max);
    }

    /// Packets have another length from now on, in bytes of UDP payload.
    pub(super) fn set_packet(&mut self, packet: usize) {
        self.delivery.set_packet(packet);
    }

    /// Packets that may leave at once; `overdue` of them may leave already.
    pub(super) fn burst(&self, overdue: usize) -> usize {
        self.delivery.burst(overdue)
    }

    /// When the next probe is due.
    pub(super) fn next_probe(&self) -> Timestamp {
        self.delivery.next()
    }

    /// The CLR, unless the path is still being explored.
    pub(super) fn clr(&self) -> Option<NodeId> {
        self.clr.filter(|_| !self.delivery.is_startup()).map(|clr| clr.node)
    }

    /// The CLR, also while the path is being explored.
    pub(super) fn followed(&self) -> Option<NodeId> {
        self.clr.map(|clr| clr.node)
    }

    /// There is no CLR, and no receiver was heard for this long.
    pub(super) fn is_unheard(&self, now: Timestamp, time: Duration) -> bool {
        self.clr.is_none() && now >= self.silent_from + time
    }

    /// The part of the time in which a queue stands that is none of ours.
    pub(super) fn queue_occupancy(&self) -> f64 {
        self.delivery.queue_occupancy()
    }

    /// Queues so far were of our own making.
    pub(super) fn forget_queues(&mut self) {
        self.delivery.forget_occupancy();
    }

    /// The round trip to the CLR.
    pub(super) fn rtt(&self) -> Duration {
        self.clr.map_or(Duration::ZERO, |clr| clr.rtt)
    }

    /// It is in control again; the other controller has come to this rate, in bytes per second.
    pub(super) fn resume(&mut self, now: Timestamp, rate: f64) {
        self.silent_from = now;
        self.resumed = true;
        self.clr = None;
        self.previous_clr = None;
        self.candidate = None;
        self.delivery.resume(now, rate);
    }

    /// The group round trip was measured: if nothing was sent yet, the first rate follows it.
    pub(super) fn note_grtt(&mut self, grtt: Duration) {
        if !self.started {
            self.delivery.expect_rtt(grtt);
        }
    }

    /// A probe leaves after `total` was sent: what it says to native receivers.
    pub(super) fn probe(&mut self, now: Timestamp, cc_sequence: u16, total: Total) -> Watch {
        if !self.started {
            self.started = true;
            self.silent_from = now;
        }
        self.probe_gap = now.saturating_since(self.probed_at);
        self.probed_at = now;
        self.delivery.probe(now, cc_sequence, total)
    }

    /// Nothing was sent for a while: the CLR shall report anew.
    pub(super) fn restart(&mut self, now: Timestamp) {
        self.delivery.restart(now);
        self.silent_from = now;
        self.candidate = None;
        self.shortest_rtts = ShortestRtts::default();
        if let Some(clr) = &mut self.clr {
            clr.heard = now;
            clr.reported = None;
        }
    }

    /// CLR and candidate, for a probe's list.
    pub(super) fn listed(&self) -> impl Iterator<Item = CcNode> {
        let item = |watched: Option<Watched>, role: CcFlags| {
            watched.map(|watched| CcNode {
                id: watched.node,
                flags: role.with(CcFlags::RTT),
                rtt: QuantizedRtt::from_duration(watched.rtt),
                rate: watched.rate,
            })
        };
        let clr = item(self.clr, CcFlags::CLR);
        clr.into_iter().chain(item(self.candidate, CcFlags::PLR))
    }

    /// The controller.
    pub(super) fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// Takes a report; says what it was taken for.
    pub(super) fn take(&mut self, now: Timestamp, view: &PathView<'_>) -> Judgement {
        self.silent_from = now;
        self.blind = false;
        let gap = self.gap(now);
        if self.clr.is_none_or(|clr| clr.is_silent(now, gap)) {
            self.clr = Some(Watched::new(now, view));
            if !core::mem::take(&mut self.resumed) {
                self.delivery.release(now, core::mem::take(&mut self.bandwidth_before));
            }
        }
        if let Some(clr) = self.clr.as_mut().filter(|clr| clr.node == view.node) {
            clr.hear(now, view.rtt, view.feedback.rate);
            let cc_sequence = view.report.cc_sequence;
            if clr.reported.replace(cc_sequence) == Some(cc_sequence) {
                return Judgement::Clr(Verdict::Repeated);
            }
            let rtt = clr.rtt;
            let shortest = self.shortest_rtts.note(now, view.node, rtt);
            self.delivery.note_min_rtt(now, shortest, rtt);
            self.delivery.set_receivers(view.receivers);
            return Judgement::Clr(self.delivery.take(now, &view.report, rtt));
        }
        // A receiver that was asked answers, whatever its luck was. In startup each has a baseline
        // of few packets, and the one with the luckiest baseline would limit.
        let asked = view.feedback.flags.contains(CcFlags::PLR) && !self.delivery.is_startup();
        let reporter = if asked { Reporter::Asked } else { Reporter::OneOf(view.receivers) };
        self.delivery.note_other(&view.report);
        match self.delivery.interval_of(&view.report, reporter) {
            Some(interval) => self.compare(now, view, &interval),
            None => Judgement::Unmatched,
        }
    }

    /// A receiver that is not the CLR reports of an interval: it may become CLR.
    fn compare(&mut self, now: Timestamp, view: &PathView<'_>, interval: &Interval) -> Judgement {
        let bandwidth = self.delivery.bandwidth();
        let congested = interval.is_congested(Duration::ZERO);
        let less = congested && interval.most_delivered() < bandwidth * CANDIDATE_SHARE;
        // The CLR sees no CE marks, and this receiver does.
        let marked = self.delivery.shows_ce_marks(&view.report) && !self.delivery.is_ce_marked();
        let is_candidate = |candidate: &Watched| candidate.node == view.node;
        if !less && !marked {
            // A short time shows no loss, though there may be much; and less than it was said to
            // take proves nothing.
            let conclusive = interval.packets >= CONCLUSIVE_PACKETS;
            let refutes = |candidate: &Watched| {
                conclusive && interval.sent > candidate.takes * CANDIDATE_SHARE
            };
            let refuted = |candidate: &mut Watched| is_candidate(candidate) && refutes(candidate);
            if self.candidate.take_if(refuted).is_some() {
                self.delivery.resume_startup(now);
            }
            return Judgement::KeepsUp;
        }
        let weak = !marked && interval.is_weak();
        let reported = Some(view.report.cc_sequence);
        let known = self.candidate.filter(is_candidate);
        if known.is_some_and(|candidate| candidate.reported == reported) {
            return Judgement::Repeated;
        }
        let weak_packets = if weak { interval.packets } else { 0 };
        let weak_packets = weak_packets + known.map_or(0, |candidate| candidate.weak_packets);
        let takes = interval.delivered;
        let watched = Watched { reported, takes, weak_packets, ..Watched::new(now, view) };
        if known.is_none() {
            let gap = self.gap(now);
            // The slower one counts.
            let is_free =
                |other: Watched| other.is_silent(now, gap) || watched.takes < other.takes / 2.0;
            if !self.candidate.is_none_or(is_free) {
                return Judgement::Waits;
            }
            self.candidate = Some(watched);
            if !weak {
                self.delivery.pause_startup(now, watched.takes);
            }
            return Judgement::Candidate;
        }
        // In startup, little is known of any receiver's loss. Later, many packets that were lost a
        // few at a time are as good as many at once.
        if weak && (self.delivery.is_startup() || weak_packets < STRONG_PACKETS) {
            self.candidate = Some(watched);
            return Judgement::Candidate;
        }
        self.candidate = None;
        self.previous_clr = self.clr;
        self.clr = Some(watched);
        self.bandwidth_before = bandwidth;
        // A baseline that is not believed may be no more than its short acquaintance with us.
        let doubt = if interval.has_doubtful_baseline() { interval.baseline_loss } else { 0.0 };
        let takes = if weak { interval.most_delivered() } else { interval.delivered };
        self.delivery.limit_to(now, takes * (1.0 - doubt));
        Judgement::BecameClr
    }

    /// The time between two probes, of late.
    fn gap(&self, now: Timestamp) -> Duration {
        self.probe_gap.max(now.saturating_since(self.probed_at))
    }

    /// Time has passed: receivers that are silent, or no longer `active`, are given up.
    pub(super) fn tick(&mut self, now: Timestamp, active: impl Fn(NodeId) -> bool) {
        let gap = self.gap(now);
        let is_gone = |known: &mut Watched| known.is_silent(now, gap) || !active(known.node);
        let gone = self.clr.take_if(is_gone);
        if gone.is_some()
            && let Some(previous) = self.previous_clr.take().filter(|known| active(known.node))
        {
            self.clr = Some(Watched { heard: now, reported: None, ..previous });
            self.delivery.release(now, core::mem::take(&mut self.bandwidth_before));
        }
        self.candidate.take_if(is_gone);
        let limit = (silence(self.rtt()) / HALVE_PART).max(gap * HALVE_PROBES);
        if now >= self.silent_from + limit {
            self.silent_from = now;
            self.blind |= !self.delivery.has_report();
            self.delivery.halve(now);
        }
    }
}

/// Silence after which a receiver with this round trip is given up.
fn silence(rtt: Duration) -> Duration {
    (rtt * SILENT_ROUNDS).max(MIN_SILENCE)
}

impl Watched {
    fn new(now: Timestamp, view: &PathView<'_>) -> Self {
        let (node, rtt, rate) = (view.node, view.rtt, view.feedback.rate);
        Self { node, rtt, heard: now, reported: None, rate, takes: 0.0, weak_packets: 0 }
    }

    fn is_silent(&self, now: Timestamp, gap: Duration) -> bool {
        now >= self.heard + silence(self.rtt).max(gap * SILENT_PROBES)
    }

    fn hear(&mut self, now: Timestamp, rtt: Duration, rate: QuantizedRate) {
        self.heard = now;
        self.rate = rate;
        self.rtt = rtt.min(self.rtt + rtt.saturating_sub(self.rtt) / RTT_RISE);
    }
}

#[cfg(test)]
mod tests;
