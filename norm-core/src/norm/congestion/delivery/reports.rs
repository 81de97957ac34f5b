//! What the controller does about reports of the limiting receiver.

use core::time::Duration;

use super::super::interval::Interval;
use super::burst::Cause;
use super::probing::Inconclusive;
use super::scavenger::Response;
use super::schedule::{MIN_PROBE_INTERVAL, Phase};
use super::shortfall::Shortfalls;
use super::verdict::{self, BUSY, MIN_KEPT, ObserveVerdict, ProbeVerdict};
use super::{DRAIN_SHARE, Delivery};
use crate::base::Timestamp;
use crate::norm::wire::PathReport;

/// Delay of a probe packet up to this counts as jitter, if it was no queue.
const MAX_JITTER_SAMPLE: Duration = Duration::from_millis(50);
/// The queue that the last rate probe of startup has made is drained for this long at most.
const MAX_DRAIN: Duration = Duration::from_millis(250);

/// What the controller makes of a report of the limiting receiver, for a trace.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the first one: the rate begins.
    First,
    /// It is of probes too long ago, or cannot be true.
    Unmatched,
    /// It was taken before.
    Repeated,
    /// Other traffic makes a queue, and the rate has yielded.
    Yielded,
    /// A rate probe has arrived: the rate rises.
    ProbeArrived,
    /// A rate probe was lost in part: that is the limit for now.
    ProbeFailed,
    /// A rate probe of startup was lost in part, and its own report, too; but more arrived than was
    /// known to: the rate rises.
    ProbePart,
    /// A rate probe of startup was lost in part, and no queue grew: perhaps by chance. It is
    /// repeated.
    ProbeDoubted,
    /// A rate probe was CE-marked: that is the limit for now.
    ProbeCeMarked,
    /// A rate probe was late: the next report tells.
    ProbeLate,
    /// There was too little to send for a rate probe.
    ProbeSmall,
    /// A rate probe was too short for a path on which packets do not come evenly.
    ProbeShort,
    /// Bursts become shorter before the rate falls.
    BurstsShortened,
    /// It tells only what became of a rate probe.
    Observed,
    /// Less arrived than was sent, once so far.
    Shortfall,
    /// Less arrived than was sent: the rate falls.
    Congested,
    /// All arrived.
    Arrived,
}

/// What a report shows, by the phases that it covers.
#[derive(Copy, Clone, Debug)]
enum Evidence {
    /// A rate probe.
    Probe,
    /// A rate probe and some of what was around it, because a probe packet was lost; all arrived.
    MergedProbe,
    /// The same, and not all arrived: what did is a limit, or more than was known to arrive.
    MergedPart,
    /// The phase after a rate probe: too short to tell anything but what became of it.
    Observed,
    /// Less arrived than was sent.
    Shortfall,
    /// All arrived.
    Arrived,
}

impl Delivery {
    /// Takes the limiting receiver's report, and its round trip.
    pub fn take(&mut self, now: Timestamp, report: &PathReport, rtt: Duration) -> Verdict {
        self.path.note_rtt(rtt);
        if !self.has_report {
            self.take_first(now);
            return Verdict::First;
        }
        let Some(interval) = self.interval(report) else { return Verdict::Unmatched };
        let Some(&probe) = self.log.find(report.cc_sequence) else { return Verdict::Unmatched };
        let (phase, awaited) = (probe.phase, self.schedule.awaits(report.cc_sequence));
        self.path.note_baseline_loss(interval.baseline_loss);
        let delay = now.saturating_since(probe.departure.at);
        self.path.note_unevenness(interval.jitter, delay);
        self.probing.note_report(report.lost > 0);
        if report.lost > 0 && !phase.shows_probe() {
            self.probing.note_loss_outside();
        }
        self.heed_ce_marks(now, phase, &interval);
        self.heed_queue(now, phase, &interval);
        if self.heed_other_traffic(now, phase, &interval) {
            return Verdict::Yielded;
        }
        if let Some(inconclusive) = self.probing.take_inconclusive() {
            self.conclude(now, phase, &inconclusive, &interval);
        }
        match self.evidence(phase, report.probes, &interval) {
            Evidence::Probe => self.take_probe(now, interval, probe.target),
            Evidence::MergedProbe => {
                self.path.raise_to(interval.sent);
                self.probing.raised_by_merged(now);
                self.schedule.probe_after(now, Duration::ZERO);
                Verdict::ProbeArrived
            }
            Evidence::MergedPart => self.take_part(now, &interval),
            Evidence::Observed => {
                if report.probes > 1 && self.is_bold() && interval.is_congested(self.jitter()) {
                    // The rate probe's own report is lost.
                    self.probing.soften();
                }
                Verdict::Observed
            }
            Evidence::Shortfall => self.take_shortfall(now, &interval),
            Evidence::Arrived => self.take_arrival(now, &interval, awaited),
        }
    }

    /// What an interval shows, if it ended with `phase` and covers `probes` phases.
    fn evidence(&self, phase: Phase, probes: u16, interval: &Interval) -> Evidence {
        let stands = self.queue.stands();
        if phase == Phase::Probe && probes == 1 {
            Evidence::Probe
        } else if probes > 1 && verdict::has_arrived_merged(phase, interval, stands, &self.path) {
            Evidence::MergedProbe
        } else if probes > 1 && self.tells_of_probe(phase, interval) {
            Evidence::MergedPart
        } else if phase == Phase::Observe {
            Evidence::Observed
        } else if interval.is_congested(self.jitter()) {
            Evidence::Shortfall
        } else {
            Evidence::Arrived
        }
    }

    /// Whether an interval of several phases of which `phase` is the last, and of which not all
    /// arrived, tells of the rate probe among them.
    fn tells_of_probe(&self, phase: Phase, all: &Interval) -> bool {
        if !phase.shows_probe() || !all.is_congested(self.jitter()) || self.scavenger.is_some() {
            return false;
        }
        let more = verdict::exceeds(all, &self.path);
        match (self.is_startup(), phase) {
            (true, _) => more,
            (false, Phase::Probe) => true,
            (false, _) => all.has_grown(self.jitter()),
        }
    }

    /// Not all of a rate probe and of what was around it arrived.
    fn take_part(&mut self, now: Timestamp, all: &Interval) -> Verdict {
        if self.is_startup() {
            // The slower phases in it let the path rest: it may take much more.
            self.path.raise_to(all.delivered);
            self.probing.soften();
            return Verdict::ProbePart;
        }
        self.probe_failed(now, all);
        Verdict::ProbeFailed
    }

    /// The first report of all: the first rate probe tells more.
    fn take_first(&mut self, now: Timestamp) {
        self.has_report = true;
        self.path.raise_to(self.path.first_rate());
        self.probing.choose_first_gain(self.path.rtt());
        self.schedule.probe_after(now, Duration::ZERO);
    }

    fn take_probe(&mut self, now: Timestamp, probe: Interval, target: f64) -> Verdict {
        match verdict::judge_probe(&probe, target, self.queue.stands(), &self.path) {
            ProbeVerdict::CeMarked => self.take_ce_marked_probe(now, &probe),
            ProbeVerdict::Failed => {
                if self.shorten_bursts(now, &probe) {
                    self.schedule.probe_after(now, self.path.rtt());
                    return Verdict::BurstsShortened;
                }
                if self.doubts_loss(&probe) {
                    self.schedule.probe_after(now, Duration::ZERO);
                    return Verdict::ProbeDoubted;
                }
                self.probe_failed(now, &probe);
                Verdict::ProbeFailed
            }
            ProbeVerdict::Inconclusive => {
                self.probing.set_inconclusive(probe, target);
                Verdict::ProbeLate
            }
            ProbeVerdict::TooLittleSent => {
                self.shortfalls.forget_count();
                let wait = self.probing.pause_after_small();
                self.schedule.probe_after(now, self.path.rtt() + wait);
                Verdict::ProbeSmall
            }
            ProbeVerdict::TooShort => {
                self.shortfalls.forget_count();
                self.probing.embolden();
                let wait = if self.is_startup() { Duration::ZERO } else { MIN_PROBE_INTERVAL / 10 };
                self.schedule.probe_after(now, wait);
                Verdict::ProbeShort
            }
            ProbeVerdict::Arrived { rate } => {
                self.shortfalls.forget_count();
                self.path.raise_to(rate);
                self.probing.raised(now, &self.path);
                self.schedule.probe_after(now, Duration::ZERO);
                Verdict::ProbeArrived
            }
        }
    }

    /// A rate probe was CE-marked: the path takes what arrived of it, if its own queue is the
    /// reason.
    fn take_ce_marked_probe(&mut self, now: Timestamp, probe: &Interval) -> Verdict {
        if self.shorten_bursts(now, probe) {
            self.schedule.probe_after(now, self.path.rtt());
            return Verdict::BurstsShortened;
        }
        if probe.has_grown(self.jitter()) && probe.grown * 2 >= probe.queue {
            self.probe_failed(now, probe);
        } else {
            self.limit_found(now);
        }
        Verdict::ProbeCeMarked
    }

    /// What became of a rate probe that arrived late, by the next report: one of `phase`.
    fn conclude(&mut self, now: Timestamp, phase: Phase, late: &Inconclusive, next: &Interval) {
        let rtt = self.path.rtt();
        if phase != Phase::Observe {
            // The report that would have shown it is lost.
            self.schedule.probe_after(now, rtt);
            return;
        }
        match verdict::judge_observed(late, next, self.is_bold(), &self.path) {
            ObserveVerdict::QueueDrained { rate } => {
                self.path.raise_to(rate);
                self.schedule.probe_after(now, rtt);
            }
            ObserveVerdict::Failed => self.probe_failed(now, &late.probe),
            ObserveVerdict::WasJitter { busy } => {
                self.path.note_jitter(late.probe.grown, 4);
                let wait = if busy { Duration::ZERO } else { MIN_PROBE_INTERVAL / 10 };
                self.schedule.probe_after(now, rtt + wait);
            }
        }
    }

    /// Whether a rate probe that failed without any queue is to be repeated: what it lost may be
    /// usual.
    fn doubts_loss(&mut self, probe: &Interval) -> bool {
        let known = self.queue.stands()
            || probe.excessive
            || probe.has_grown(self.jitter())
            || verdict::queue_stood(probe, &self.path);
        !known && self.scavenger.is_none() && self.probing.doubts_loss()
    }

    /// The path takes no more than what arrived of a rate probe.
    pub(super) fn probe_failed(&mut self, now: Timestamp, probe: &Interval) {
        let (startup, scavenges) = (self.is_startup(), self.scavenger.is_some());
        // In startup something was lost outside rate probes as well: which share is congestion is
        // not known.
        let loss_unknown = startup && self.probing.loss_outside_probes();
        let no_overflow = !scavenges && probe.fits_any_queue(self.jitter());
        let by_time = loss_unknown && (!probe.lossy || no_overflow);
        let found = verdict::bandwidth_after_failure(probe, &self.path, startup, by_time);
        // A queue that stood before shows that the path takes no more than is known.
        let stood = !scavenges && verdict::queue_stood(probe, &self.path);
        let most = if stood { self.bandwidth() } else { f64::INFINITY };
        self.path.set_bandwidth(found.min(most));
        self.limit_found(now);
        if startup {
            self.schedule.drain();
            let queue = if scavenges { Duration::ZERO } else { probe.queue };
            let drained = queue.div_f64(1.0 - DRAIN_SHARE).min(MAX_DRAIN);
            self.schedule.end_at(now + self.phase_length().max(drained));
        }
    }

    fn take_shortfall(&mut self, now: Timestamp, interval: &Interval) -> Verdict {
        if self.shorten_bursts(now, interval) {
            return Verdict::BurstsShortened;
        }
        let jitter = self.jitter();
        // In startup it is not known yet what is lost at any rate.
        let lossy = self.path.is_lossy() || self.is_startup();
        let lossy = lossy && self.scavenger.is_none();
        let Some(takes) = self.shortfalls.note(interval, jitter, lossy) else {
            return Verdict::Shortfall;
        };
        // An old report may be of a faster time than now.
        self.path.lower_to(takes.max(self.path.min_rate()));
        self.probing.note_shortfall(now, &self.path);
        self.probing.note_fall(&self.path);
        self.limit_found(now);
        // That was no measurement of what the path takes.
        self.schedule.probe_at(now + self.probing.pause(self.path.rtt()));
        Verdict::Congested
    }

    fn take_arrival(&mut self, now: Timestamp, interval: &Interval, awaited: bool) -> Verdict {
        let difference = self.shortfalls.end().max(interval.grown);
        self.path.note_jitter(difference.min(MAX_JITTER_SAMPLE), 8);
        self.bursts.grow(now);
        if awaited {
            // The first rate arrives, or a rate probe's own report is lost.
            self.schedule.probe_after(now, Duration::ZERO);
        }
        Verdict::Arrived
    }

    /// Looks at the CE marks in a report of `phase`.
    fn heed_ce_marks(&mut self, now: Timestamp, phase: Phase, interval: &Interval) {
        self.ce.expire(now);
        if !phase.is_steady() || (interval.ce_share > 0.0 && self.shorten_bursts(now, interval)) {
            return;
        }
        let rtt = self.path.rtt();
        // A scavenger has yielded already.
        if self.ce.note(now, interval, rtt) && self.scavenger.is_none() {
            self.path.scale(1.0 - self.ce.reduce(now, interval, rtt));
            self.limit_found(now);
        }
    }

    /// Looks at the queue that a report of `phase` shows.
    fn heed_queue(&mut self, now: Timestamp, phase: Phase, interval: &Interval) {
        let (startup, ce_marked) = (self.is_startup(), self.is_ce_marked());
        let is_new = self.queue.note(interval, &self.path, phase, startup, ce_marked);
        if phase.is_steady() && self.queue.corrects(now, interval, &self.path) {
            self.path.lower_to(interval.passed);
            self.path.apply_limits();
        }
        if !is_new {
            return;
        }
        // It has become long while nothing was tried, too slowly to be seen in one phase alone: the
        // path takes a little less.
        let bandwidth = self.bandwidth();
        let slowly = !interval.has_grown(self.jitter()) && interval.sent > bandwidth * BUSY;
        if !startup && phase.is_steady() && slowly {
            self.path.lower_to(interval.passed.max(bandwidth * MIN_KEPT));
            self.path.apply_limits();
        }
    }

    /// Looks for other traffic's queue after `phase`. True when the rate has been lowered for it.
    fn heed_other_traffic(&mut self, now: Timestamp, phase: Phase, interval: &Interval) -> bool {
        let Some(scavenger) = &mut self.scavenger else { return false };
        match scavenger.note(now, phase, interval, &self.path) {
            Response::Proceed => false,
            Response::Resume { rate } => {
                self.path.raise_to(rate);
                self.probing.begin_startup();
                self.schedule.probe_after(now, Duration::ZERO);
                false
            }
            Response::Wait { cap } => {
                self.path.lower_to(cap.unwrap_or(f64::INFINITY));
                false
            }
            Response::Halve { cap, pause } => {
                self.path.lower_to(cap.unwrap_or(f64::INFINITY));
                self.path.scale(0.5);
                self.limit_found(now);
                self.shortfalls = Shortfalls::default();
                self.probing.probe_boldly();
                self.schedule.probe_at(now + pause);
                true
            }
        }
    }

    /// Loss, or CE marks, without a queue that grows may come from a queue that is shorter than a
    /// burst: true when bursts become shorter now, instead of a lower rate.
    fn shorten_bursts(&mut self, now: Timestamp, interval: &Interval) -> bool {
        let current = self.bursts.limit(self.rate(), self.path.packet());
        let cause = if interval.ce_share > 0.0 {
            Cause::CeMarked
        } else if interval.dropped > 0.0 {
            Cause::Socket
        } else {
            Cause::Loss
        };
        !interval.has_grown(self.jitter()) && self.bursts.shorten(now, current, cause)
    }
}
