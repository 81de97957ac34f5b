//! A rate that follows what arrives: for networks of one's own, and where loss is not congestion.
//!
//! The sender goes on at a rate that is known to arrive, and now and then sends a short *rate
//! probe*, which is faster. What a receiver reports of just that time tells whether the path takes
//! more, and if not, how much it takes. In startup rate probes follow each other, and each doubles
//! the rate or more; later they are rare and small, and after each a *drain* empties the queue
//! again (the terms are those of BBR). docs/congestion-control.md has the reasons and the
//! measurements.
//!
//! [`Delivery`] joins parts that know little of each other: [`path`] estimates bandwidth, baseline
//! loss and jitter, [`schedule`] is the course of phases, [`probing`] shapes rate probes,
//! [`verdict`] judges them, [`shortfall`] counts what did not arrive, [`queue`] and [`ce`] see
//! queues, [`burst`] limits bursts, [`scavenger`] yields to other traffic, [`probe_log`] matches
//! reports with what was sent, and [`reports`] says what follows from a report.

mod burst;
mod ce;
mod path;
mod probe_log;
mod probing;
mod queue;
mod reports;
mod scavenger;
mod schedule;
mod shortfall;
mod verdict;

use core::time::Duration;

use super::interval::{Departure, Interval, Reporter, Total};
use super::limits::RateLimits;
use crate::base::Timestamp;
use crate::endpoint::PacketOverhead;
use crate::norm::wire::{PathReport, QuantizedRate, Watch};
use burst::Bursts;
use ce::CeMarks;
use path::Path;
use probe_log::{ProbeLog, SentProbe};
use probing::Probing;
use queue::QueueWatch;
use scavenger::Scavenger;
use schedule::{MIN_PHASE, Phase, Schedule};
use shortfall::Shortfalls;

pub use reports::Verdict;

/// Share of the bandwidth estimate while cruising: queues shrink rather than grow.
const CRUISE_SHARE: f64 = 0.97;
/// Share of the bandwidth estimate while a queue is drained, or other traffic yielded to.
const DRAIN_SHARE: f64 = 0.75;
/// Share of the bandwidth estimate while a long queue stands.
const STANDING_QUEUE_SHARE: f64 = 0.8;
/// A receiver that takes less pauses startup for this time and four round trips: until it says so
/// again.
const STARTUP_PAUSE: Duration = Duration::from_millis(50);

/// The controller. It knows nothing of receivers: its owner hands in the reports of the limiting
/// one.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// A report has set the first rate.
    has_report: bool,
    path: Path,
    schedule: Schedule,
    probing: Probing,
    shortfalls: Shortfalls,
    queue: QueueWatch,
    ce: CeMarks,
    bursts: Bursts,
    /// Only when it yields to all other traffic.
    scavenger: Option<Scavenger>,
    log: ProbeLog,
    /// Receivers of the group.
    receivers: usize,
}

impl Delivery {
    /// Before anything is known: ten packets in `rtt`, a guess. `packet` bytes are the longest UDP
    /// payload.
    pub fn new(
        limits: RateLimits,
        packet: usize,
        overhead: PacketOverhead,
        rtt: Duration,
        now: Timestamp,
    ) -> Self {
        Self {
            has_report: false,
            path: Path::new(limits, packet, overhead, rtt),
            schedule: Schedule::new(now),
            probing: Probing::new(),
            shortfalls: Shortfalls::default(),
            queue: QueueWatch::default(),
            ce: CeMarks::default(),
            bursts: Bursts::new(now),
            scavenger: None,
            log: ProbeLog::default(),
            receivers: 1,
        }
    }

    /// Makes the controller a scavenger: it yields to all other traffic on the path.
    #[must_use]
    pub fn scavenger(self) -> Self {
        Self { scavenger: Some(Scavenger::default()), ..self }
    }

    /// The group has this many receivers.
    pub fn set_receivers(&mut self, receivers: usize) {
        self.receivers = receivers;
    }

    /// The rate now, in bytes per second.
    pub fn rate(&self) -> f64 {
        let cruise = if self.yields() {
            DRAIN_SHARE
        } else if self.queue.stands() || self.is_ce_marked() {
            STANDING_QUEUE_SHARE
        } else if self.is_startup() {
            1.0
        } else {
            CRUISE_SHARE
        };
        let share = match self.schedule.phase() {
            Phase::Cruise | Phase::Observe | Phase::AwaitReport { .. } => cruise,
            Phase::Probe => self.probing.gain(),
            Phase::Drain => DRAIN_SHARE.min(cruise),
        };
        self.path.bounded(self.path.bandwidth() * share)
    }

    /// The bandwidth estimate: what the path is known to take, in bytes per second.
    pub fn bandwidth(&self) -> f64 {
        self.path.bandwidth()
    }

    /// How much the delay of a probe packet differs without a queue.
    pub fn jitter(&self) -> Duration {
        self.path.jitter()
    }

    /// A round trip that was measured before the first report: the first rate follows it.
    pub fn expect_rtt(&mut self, rtt: Duration) {
        self.path.note_rtt(rtt);
        self.path.raise_to(self.path.first_rate());
    }

    /// A receiver has reported.
    pub fn has_report(&self) -> bool {
        self.has_report
    }

    /// Every rate was found to arrive so far.
    pub fn is_startup(&self) -> bool {
        self.probing.is_startup()
    }

    /// Routers say that there is a queue, and it is not that of a rate probe.
    pub fn is_ce_marked(&self) -> bool {
        self.ce.stand()
    }

    /// Share of the recent time in which there was a queue, 0 to 1. One of our own is gone soon: if
    /// there is one mostly, other traffic makes it.
    pub fn queue_occupancy(&self) -> f64 {
        self.queue.occupancy()
    }

    /// The phase that lasts now, for a trace.
    pub fn phase(&self) -> &'static str {
        match self.schedule.phase() {
            Phase::Cruise => "cruise",
            Phase::Probe => "probe",
            Phase::Observe => "observe",
            Phase::Drain => "drain",
            Phase::AwaitReport { .. } => "await",
        }
    }

    /// When the next probe packet is due.
    pub fn next(&self) -> Timestamp {
        self.schedule.ends_at()
    }

    /// Packets that may leave at once; `overdue` of them may leave already. Where the processor is
    /// the limit these are more than those of a short burst: many batches would keep the host
    /// busier, and make the traffic no smoother.
    pub fn burst(&self, overdue: usize) -> usize {
        let quiet = self.schedule.is_quiet(self.is_startup());
        let (rate, packet) = (self.rate(), self.path.packet());
        let smooth = match quiet {
            true => self.bursts.quiet_limit(rate, packet),
            false => self.bursts.limit(rate, packet),
        };
        smooth.max(overdue.min(self.bursts.longest()))
    }

    /// The interval that a report describes, seen from both sides; `None` when it was too long ago,
    /// or cannot be true. The report is the limiting receiver's.
    pub fn interval(&self, report: &PathReport) -> Option<Interval> {
        // In startup the limiting receiver is the one that was heard first: likely the one with the
        // luckiest baseline of few packets.
        let reporter = match &self.scavenger {
            Some(_) => Reporter::AskedByScavenger,
            None if self.is_startup() => Reporter::OneOf(self.receivers),
            None => Reporter::Asked,
        };
        self.interval_of(report, reporter)
    }

    /// As [`interval`](Self::interval), of any receiver.
    pub fn interval_of(&self, report: &PathReport, reporter: Reporter) -> Option<Interval> {
        self.log.interval(report, self.path.overhead(), reporter, self.path.usual_loss())
    }

    /// Notes what a receiver that does not limit the rate loses at quiet times.
    pub fn note_other(&mut self, report: &PathReport) {
        if report.baseline_packets > 0 {
            self.path.note_loss_of_others(f64::from(report.baseline_loss) / 65_535.0);
        }
    }

    /// Whether a report has CE marks that no rate probe explains; in startup, where rate probes
    /// follow each other, they explain none.
    pub fn shows_ce_marks(&self, report: &PathReport) -> bool {
        let steady = || self.log.phases(report).all(Phase::is_steady);
        report.ce_marked > 0 && (self.is_startup() || steady())
    }

    /// A probe packet leaves now, after `total`: one phase is over, the next begins. What it says.
    pub fn probe(&mut self, now: Timestamp, cc_sequence: u16, total: Total) -> Watch {
        let (ended, startup) = (self.schedule.phase(), self.is_startup());
        // After a rate probe its queue is still there.
        let clear = || self.log.newest().is_some_and(|probe| probe.phase != Phase::Observe);
        let quiet = ended == Phase::Drain || (self.schedule.is_quiet(startup) && clear());
        let departure = Departure { at: now, total };
        self.log.push(SentProbe { cc_sequence, departure, phase: ended, target: self.rate() });
        let may_probe = self.may_probe(now);
        let patience = self.path.rtt() * 3 + MIN_PHASE + probing::slowest(&self.path);
        let patience = patience.max(self.path.report_delay() * 3 / 2);
        self.schedule.advance(now, cc_sequence, patience, startup, may_probe);
        if self.schedule.phase() == Phase::Probe && self.is_bold() {
            self.probing.choose_startup_gain(&self.path);
        }
        self.schedule.end_at(now + self.phase_length());
        let rate = QuantizedRate::from_bytes_per_second(self.rate());
        Watch { quiet, fair: false, paused: false, stopped: false, rate }
    }

    /// Another receiver takes no more than this, in bytes per second.
    pub fn limit_to(&mut self, now: Timestamp, max: f64) {
        self.path.lower_to(max);
        self.probing.take_inconclusive();
        if let Some(scavenger) = &mut self.scavenger {
            scavenger.forget_best_rate();
        }
        self.probing.note_fall(&self.path);
        self.limit_found(now);
    }

    /// No receiver reports any more.
    pub fn halve(&mut self, now: Timestamp) {
        let bandwidth = self.path.bandwidth();
        let least = self.path.first_rate().min(bandwidth);
        self.path.set_bandwidth((bandwidth / 2.0).max(least));
        self.schedule.cruise_and_probe(now);
    }

    /// Queues so far were of our own making.
    pub fn forget_occupancy(&mut self) {
        self.queue.forget_occupancy();
    }

    /// The smallest round trip to the limiting receiver so far, before its report is taken.
    pub fn note_min_rtt(&mut self, now: Timestamp, min_rtt: Duration, rtt: Duration) {
        self.queue.note_rtt(now, min_rtt, rtt);
    }

    /// Goes on at a rate that another controller has found, in bytes per second.
    pub fn resume(&mut self, now: Timestamp, rate: f64) {
        self.queue.resume(now);
        self.probing.take_inconclusive();
        // Numbers of probe packets may come again.
        self.log.clear();
        self.path.set_bandwidth(rate);
        self.shortfalls.forget_count();
        self.ce = CeMarks::default();
        self.limit_found(now);
        self.schedule.end_at(now);
    }

    /// A receiver says, for the first time, that it takes less, this many bytes per second: startup
    /// waits for the second time, at that rate or half of the present one.
    pub fn pause_startup(&mut self, now: Timestamp, takes: f64) {
        if self.is_startup() {
            let bandwidth = self.path.bandwidth();
            self.halve(now);
            self.path.raise_to(takes.min(bandwidth));
            self.schedule.probe_at(now + self.path.rtt() * 4 + STARTUP_PAUSE);
            self.schedule.end_at(now);
        }
    }

    /// What startup waits for was chance.
    pub fn resume_startup(&mut self, now: Timestamp) {
        if self.is_startup() && self.schedule.phase() == Phase::Cruise {
            self.schedule.probe_after(now, Duration::ZERO);
        }
    }

    /// The limiting receiver is gone, and another one reports: before the limit came, `before`
    /// bytes per second arrived.
    pub fn release(&mut self, now: Timestamp, before: f64) {
        if !self.has_report {
            return;
        }
        // Half of it, for that was some time ago; from there on as in startup.
        self.path.raise_to(before / 2.0);
        self.path.apply_limits();
        self.path.forget_jitter();
        self.begin_startup();
        self.shortfalls.forget_count();
        self.probing.take_inconclusive();
        self.schedule.probe_after(now, self.path.rtt());
    }

    /// Packets have another length from now on: `packet` bytes are the longest UDP payload.
    pub fn set_packet(&mut self, packet: usize) {
        self.path.set_packet(packet);
    }

    /// Never faster from now on, in bytes per second.
    pub fn set_max_rate(&mut self, max: f64) {
        self.path.set_max_rate(max);
    }

    /// Nothing was sent for a while: as in the beginning, but for the round trip.
    pub fn restart(&mut self, now: Timestamp) {
        self.path.lower_to(self.path.first_rate());
        self.begin_startup();
        self.probing.forget_results();
        self.shortfalls = Shortfalls::default();
        self.schedule.end_quiet_intervals();
        self.queue.forget_inflation();
        self.scavenger = self.scavenger.take().map(|_| Scavenger::default());
        // Reports of earlier phases tell nothing.
        self.log.clear();
        self.schedule.probe_after(now, Duration::ZERO);
    }

    /// Whether other traffic uses the path, and nothing more is tried.
    fn yields(&self) -> bool {
        self.scavenger.as_ref().is_some_and(Scavenger::yields)
    }

    /// In startup, unless it is a scavenger: the first rate is far below what most paths take.
    fn is_bold(&self) -> bool {
        self.is_startup() && self.scavenger.is_none()
    }

    fn may_probe(&self, now: Timestamp) -> bool {
        let free = !self.queue.stands() && !self.is_ce_marked() && !self.yields();
        self.has_report && self.schedule.is_probe_due(now) && free && self.path.has_headroom()
    }

    /// How long the phase that begins is to last.
    fn phase_length(&self) -> Duration {
        match self.schedule.phase() {
            Phase::Probe | Phase::Drain => self.probing.length(&self.path, self.is_bold()),
            Phase::Observe => schedule::observe_length(&self.path),
            Phase::Cruise if !self.has_report => schedule::await_length(&self.path).min(MIN_PHASE),
            Phase::AwaitReport { .. } if self.is_bold() => schedule::await_length(&self.path),
            Phase::Cruise | Phase::AwaitReport { .. } => schedule::cruise_length(&self.path),
        }
    }

    /// The path's limit is known for now.
    fn limit_found(&mut self, now: Timestamp) {
        self.probing.limit_found();
        self.path.apply_limits();
        let rtt = self.path.rtt();
        let interval = match self.scavenger {
            Some(_) => probing::longest_interval(rtt),
            None => self.probing.next_interval(rtt),
        };
        self.schedule.limit_found(now + interval);
        self.schedule.end_by(now + self.phase_length());
    }

    /// Startup begins anew: the path is another one, or was not used for a while.
    fn begin_startup(&mut self) {
        self.probing.begin_startup();
        self.queue.forget_queue();
        self.ce = CeMarks::default();
    }
}

#[cfg(test)]
mod tests;
