//! A rate that follows what arrives: for networks of one's own, and where loss is not congestion.
//!
//! The sender goes on at a rate that is known to arrive, and now and then sends a short *pulse*
//! faster. What a receiver reports of just that time tells whether the path takes more, and if not,
//! how much it takes. In the beginning pulses follow each other, and each doubles the rate or more;
//! later they are rare and small, each with a *drain* behind it that empties the queue again.
//! docs/congestion-control.md has the reasons and the measurements.

mod giving_way;
mod marks;
mod shape;
mod verdicts;

use core::time::Duration;
use std::collections::VecDeque;

use super::interval::{Departure, Interval, Total};
use super::limits::RateLimits;
use crate::base::Timestamp;
use crate::norm::wire::{PathReport, QuantizedRate, Watch};
use giving_way::GivingWay;
use marks::Marks;

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Step {
    /// At the rate that is known to arrive.
    Hold,
    /// Faster, to see whether that arrives too.
    Pulse,
    /// As [`Step::Hold`], right behind a pulse: whether its queue is still there.
    Settle,
    /// Slower, to empty the queue that a pulse may have made.
    Drain,
    /// As [`Step::Hold`], until the report of the time that this probe has ended.
    Await { probe: u16, until: Timestamp },
}

/// A probe that left, and what went on before it.
#[derive(Copy, Clone, Debug)]
struct Sent {
    cc_sequence: u16,
    departure: Departure,
    /// What the time before it was, and what it was to send.
    step: Step,
    target: f64,
}

/// Probes remembered: reports of older ones say nothing.
const PROBES: usize = 64;
/// Times between probes.
const GAP_SHORTEST: Duration = Duration::from_millis(20);
const GAP_LONGEST: Duration = Duration::from_millis(250);
/// Times between pulses that find nothing.
const CYCLE_SHORTEST: Duration = Duration::from_secs(1);
const CYCLE_LONGEST: Duration = Duration::from_secs(4);
/// How much faster pulses are: in the beginning, and later.
const OPENING: f64 = 2.0;
const TOUCH: f64 = 1.25;
/// Rates as parts of what arrives.
const HOLD: f64 = 0.97;
const DRAIN: f64 = 0.75;
const PRESSED: f64 = 0.8;
/// Packets that leave at once at most, and how long fewer do.
const BURST: usize = 64;
const LONGER_BURSTS: Duration = Duration::from_secs(5);
/// Times that tell what is lost anyway, and the one before them.
const CALM_HOLDS: u32 = 4;
/// Where more than this part is lost anyway, what the opening found is uncertain: so many pulses follow it
/// sooner, in this time or some round trips.
const LOSSY: f64 = 0.02;
const RETRIES: u32 = 5;
const RETRY_SHORTEST: Duration = Duration::from_millis(200);
/// After a turn of another law the round trip tells for so long that a queue stands.
const STRETCHED: Duration = Duration::from_secs(60);
/// The opening waits so long, and some round trips, for somebody else to say again that it takes less.
const OPENING_PAUSE: Duration = Duration::from_millis(50);

/// The controller. It knows nothing of receivers: whoever owns it hands in the reports of the one
/// that limits.
#[derive(Clone, Debug)]
pub struct Delivery {
    limits: RateLimits,
    /// Bytes of a packet, headers included.
    packet: f64,
    overhead: usize,
    /// Bytes per second that are known to arrive.
    bandwidth: f64,
    /// Nothing was found yet that does not arrive.
    opening: bool,
    /// A report of somebody has set the first rate.
    begun: bool,
    gain: f64,
    step: Step,
    /// The next probe is due then, ...
    until: Timestamp,
    /// ... and the next pulse.
    pulse_at: Timestamp,
    /// The queue is long.
    pressed: bool,
    marks: Marks,
    /// The part of the time, of late, in which there was a queue.
    crowding: f64,
    /// How many times longer than usual pulses are, because short ones told what did not hold: a
    /// shaper lets the first packets of a burst pass.
    longer: u32,
    /// How much longer the round trip is than the shortest, until then: another law had its turn, and whoever
    /// receives has hardly seen an empty queue of late.
    stretch: Option<(Duration, Timestamp)>,
    /// When a pulse last raised the capacity.
    raised_at: Option<Timestamp>,
    /// Times at a rate that has just been found to arrive: what is lost then is lost anyway. The
    /// first of them began before.
    calm_holds: u32,
    /// Times in a row that less arrived than was sent.
    doubts: u32,
    /// In the opening something was lost between pulses, too: how much of it all is not known yet.
    leaks: bool,
    /// Pulses that may still follow the opening sooner than usual, and when the next one may.
    retries: u32,
    retry_at: Option<Timestamp>,
    /// How much later a probe came than the one before, when that may have been chance.
    blip: Duration,
    /// A pulse that arrived late, and what it was to send.
    unsure: Option<(Interval, f64)>,
    /// How much a way differs when there is no queue.
    jitter: Duration,
    /// The part lost at calm times.
    base: f64,
    rtt: Duration,
    /// Packets that may leave at once, and when more of them may again.
    burst: usize,
    longer_at: Timestamp,
    /// Only when it gives way to everybody else.
    way: Option<GivingWay>,
    log: VecDeque<Sent>,
}

impl Delivery {
    /// Before anything is known: ten packets in `rtt`, a guess. `packet` bytes are the longest UDP
    /// payload, `overhead` those of the headers below.
    pub fn new(
        limits: RateLimits,
        packet: usize,
        overhead: usize,
        rtt: Duration,
        now: Timestamp,
    ) -> Self {
        let mut new = Self {
            limits,
            packet: (packet + overhead) as f64,
            overhead,
            bandwidth: 0.0,
            opening: true,
            begun: false,
            gain: OPENING,
            step: Step::Hold,
            until: now,
            pulse_at: now,
            pressed: false,
            marks: Marks::default(),
            crowding: 0.0,
            longer: 1,
            stretch: None,
            raised_at: None,
            calm_holds: 0,
            doubts: 0,
            leaks: false,
            retries: 0,
            retry_at: None,
            blip: Duration::ZERO,
            unsure: None,
            jitter: Duration::ZERO,
            base: 0.0,
            rtt,
            burst: BURST,
            longer_at: now,
            way: None,
            log: VecDeque::new(),
        };
        new.bandwidth = new.first_rate();
        new
    }

    /// The rate now, in bytes per second.
    pub fn rate(&self) -> f64 {
        let hold = match (self.pressed || self.is_ce_marked(), self.opening) {
            _ if self.is_in_the_way() => DRAIN,
            (true, _) => PRESSED,
            (false, true) => 1.0,
            (false, false) => HOLD,
        };
        let part = match self.step {
            Step::Hold | Step::Settle | Step::Await { .. } => hold,
            Step::Pulse => self.gain,
            Step::Drain => DRAIN.min(hold),
        };
        self.limits.bounded(self.bandwidth * part)
    }

    /// What the path is known to take, in bytes per second.
    pub fn bandwidth(&self) -> f64 {
        self.bandwidth
    }

    /// How much the way of a probe differs without a queue.
    pub fn jitter(&self) -> Duration {
        self.jitter
    }

    /// A receiver has said something.
    pub fn has_report(&self) -> bool {
        self.begun
    }

    /// When the next probe is due.
    pub fn next(&self) -> Timestamp {
        self.until
    }

    /// A probe leaves now, behind so much: one time is over, the next begins. What the probe says.
    pub fn probe(&mut self, now: Timestamp, cc_sequence: u16, total: Total) -> Watch {
        let ended = self.step;
        // Behind a pulse its queue is still there.
        let held = ended != Step::Drain
            && self.is_calm()
            && self.log.back().is_some_and(|sent| sent.step != Step::Settle);
        if matches!(ended, Step::Hold | Step::Await { .. }) {
            self.calm_holds = self.calm_holds.saturating_sub(1);
        }
        if self.log.len() == PROBES {
            self.log.pop_front();
        }
        let departure = Departure { at: now, total };
        self.log.push_back(Sent { cc_sequence, departure, step: ended, target: self.rate() });
        let wait = now + self.rtt * 3 + GAP_SHORTEST;
        self.step = match ended {
            Step::Pulse => Step::Settle,
            Step::Settle if self.opening => Step::Await { probe: cc_sequence, until: wait },
            Step::Settle => Step::Drain,
            Step::Drain if now < self.pulse_at => Step::Hold,
            Step::Drain => Step::Await { probe: cc_sequence.wrapping_sub(1), until: wait },
            Step::Await { until, .. } if now < until => ended,
            Step::Await { .. } | Step::Hold if self.may_pulse(now) => Step::Pulse,
            Step::Await { .. } | Step::Hold => Step::Hold,
        };
        if self.step == Step::Pulse && self.is_bold() {
            self.gain = self.opening_gain();
        }
        self.until = now + self.length();
        Watch {
            quiet: ended == Step::Drain,
            cruise: held,
            fair: false,
            paused: false,
            rate: QuantizedRate::from_bytes_per_second(self.rate()),
        }
    }

    /// The same time seen by a receiver; `None` when it was too long ago, or cannot be true.
    pub fn interval(&self, report: &PathReport) -> Option<Interval> {
        let at = |sequence| self.log.iter().find(|sent| sent.cc_sequence == sequence);
        let to = at(report.cc_sequence)?;
        let from = at(report.cc_sequence.wrapping_sub(report.probes))?;
        Interval::new(from.departure, to.departure, report, self.overhead)
    }

    /// Takes the limiting receiver's report, and its round trip.
    pub fn take(&mut self, now: Timestamp, report: &PathReport, rtt: Duration) {
        self.rtt = rtt;
        if !self.begun {
            self.begun = true;
            self.bandwidth = self.bandwidth.max(self.first_rate());
            self.gain = self.first_gain();
            // First of all, whether the first rate arrives.
            let probe = report.cc_sequence.wrapping_add(2);
            self.step = Step::Await { probe, until: now + rtt * 3 + GAP_SHORTEST * 3 };
            self.until = now;
            return;
        }
        let Some(interval) = self.interval(report) else { return };
        let ended = self.log.iter().find(|sent| sent.cc_sequence == report.cc_sequence);
        let Some(&Sent { step, target, .. }) = ended else { return };
        let awaited = matches!(self.step, Step::Await { probe, .. }
            if report.cc_sequence.wrapping_sub(probe) < 0x8000);
        self.base = interval.baseline_loss;
        self.leaks |=
            self.opening && report.lost > 0 && !matches!(step, Step::Pulse | Step::Settle);
        self.heed_marks(now, step, &interval);
        self.watch_queue(step, &interval);
        if let Some(at) = self.retry_at.filter(|_| self.base > LOSSY) {
            self.pulse_at = self.pulse_at.min(at);
        }
        if self.give_way(now, step, &interval) {
            return;
        }
        if let Some((pulse, target)) = self.unsure.take() {
            if step == Step::Settle {
                self.settle(now, &pulse, target, &interval);
            } else {
                // What would have told is lost.
                self.go_on(now, self.rtt);
            }
        }
        if step == Step::Pulse && report.probes == 1 {
            self.take_pulse(now, interval, target);
        } else if report.probes > 1 && self.take_merged_pulse(now, step, &interval) {
            // A pulse and some of what was around it, because a probe was lost.
        } else if step == Step::Settle {
            // Too short to tell anything else.
        } else if interval.is_congested(self.jitter) {
            if !self.shorten_bursts(now, &interval) {
                self.take_doubt(now, &interval);
            }
        } else {
            self.doubts = 0;
            let blip = core::mem::take(&mut self.blip).max(interval.grown);
            self.note_jitter(blip.min(Duration::from_millis(50)), 8);
            if now >= self.longer_at && self.burst < BURST {
                (self.burst, self.longer_at) = (self.burst * 2, now + LONGER_BURSTS);
            }
            if awaited {
                // The first rate arrives, or a pulse's own report is lost.
                self.go_on(now, Duration::ZERO);
            }
        }
    }

    /// Somebody else takes no more than this, in bytes per second.
    pub fn limit_to(&mut self, now: Timestamp, most: f64) {
        self.bandwidth = most.min(self.bandwidth);
        self.unsure = None;
        self.forget_best();
        self.found(now);
    }

    /// Nobody says anything any more.
    pub fn halve(&mut self, now: Timestamp) {
        self.bandwidth = (self.bandwidth / 2.0).max(self.first_rate().min(self.bandwidth));
        self.step = Step::Hold;
        self.pulse_at = now;
    }

    /// The part of the time, of late, in which there was a queue, 0 to 1. Ours is gone soon: if there is one
    /// mostly, it is somebody else's.
    pub fn queue_occupancy(&self) -> f64 {
        self.crowding
    }

    /// Nothing was found yet that does not arrive.
    pub fn is_startup(&self) -> bool {
        self.opening
    }

    /// Queues so far were of our own making.
    pub fn forget_occupancy(&mut self) {
        self.crowding = 0.0;
    }

    /// The shortest round trip to the limiting receiver so far, before its report is taken.
    pub fn note_min_rtt(&mut self, now: Timestamp, nearest: Duration, rtt: Duration) {
        let longer = rtt.saturating_sub(nearest);
        self.stretch = self
            .stretch
            // It is empty now and then, and then all know it.
            .filter(|&(_, until)| now < until && longer > nearest / 16)
            .map(|(_, until)| (longer, until));
    }

    /// Goes on at a rate that something else has found, in bytes per second.
    pub fn resume(&mut self, now: Timestamp, rate: f64) {
        self.stretch = Some((Duration::ZERO, now + STRETCHED));
        self.unsure = None;
        // Numbers of probes may come again.
        self.log.clear();
        self.bandwidth = rate;
        (self.crowding, self.pressed, self.doubts) = (0.0, false, 0);
        self.marks = Marks::default();
        self.found(now);
        self.until = now;
    }

    /// Somebody says, for the first time, that it takes less: the opening waits for the second time, at
    /// half the rate.
    pub fn pause_startup(&mut self, now: Timestamp) {
        if self.opening {
            self.halve(now);
            self.pulse_at = now + self.rtt * 4 + OPENING_PAUSE;
            self.until = now;
        }
    }

    /// Who limited is gone, and somebody else reports: before it came, so much arrived.
    pub fn release(&mut self, now: Timestamp, before: f64) {
        if !self.begun {
            return;
        }
        // Half of it, for that was some time ago; from there on as in the beginning.
        self.bandwidth = self.limits.bounded(self.bandwidth.max(before / 2.0));
        (self.opening, self.pressed, self.gain, self.doubts) = (true, false, OPENING, 0);
        self.marks = Marks::default();
        // That was the other one's way.
        (self.jitter, self.leaks, self.unsure) = (Duration::ZERO, false, None);
        self.go_on(now, self.rtt);
    }

    /// Never faster from now on, in bytes per second.
    pub fn set_max_rate(&mut self, max: f64) {
        self.limits.max = max;
    }

    /// Nothing was sent for a while: as in the beginning, but for the round trip.
    pub fn restart(&mut self, now: Timestamp) {
        self.bandwidth = self.first_rate().min(self.bandwidth);
        (self.opening, self.pressed, self.gain) = (true, false, OPENING);
        self.marks = Marks::default();
        (self.doubts, self.blip, self.unsure) = (0, Duration::ZERO, None);
        (self.raised_at, self.calm_holds, self.leaks) = (None, 0, false);
        (self.stretch, self.retries, self.retry_at) = (None, 0, None);
        self.way = self.way.take().map(|_| GivingWay::default());
        // Reports of times before say nothing.
        self.log.clear();
        self.go_on(now, Duration::ZERO);
    }

    fn may_pulse(&self, now: Timestamp) -> bool {
        let room = self.bandwidth < self.limits.max * 0.99;
        let free = !self.pressed && !self.is_ce_marked() && !self.is_in_the_way();
        self.begun && now >= self.pulse_at && free && room
    }

    fn first_rate(&self) -> f64 {
        self.limits.first_rate(self.packet, self.rtt)
    }
}

#[cfg(test)]
mod tests;
