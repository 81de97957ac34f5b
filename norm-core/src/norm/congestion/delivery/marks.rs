//! Marks of routers (ECN, RFC 3168): somewhere a queue is long, though nothing is lost yet.
//!
//! A pulse that is marked has failed. At other times marks mean that a queue stands: the rate is lower and no
//! pulse is sent until they are gone, which empties a queue of our own. If they stay the queue is somebody
//! else's, or the path has become narrower, and the rate falls by half of the marked part again and again
//! (as with DCTCP, RFC 8257), for there is no other way to ask for less.

use super::*;

/// Marks mean congestion for so long, two round trips, or two reports: a router that marks one packet now and then, as
/// CoDel does (RFC 8289), means all of that time.
const LASTING: Duration = Duration::from_millis(100);
/// The least part by which the rate falls while marks stay.
const LEAST: f64 = 0.02;

/// What was seen of marks.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// Until when they mean congestion; `None` when there are none.
    until: Option<Timestamp>,
    /// When the rate falls, if there are still any then.
    falls_at: Timestamp,
    /// Packets that were marked since it last fell, and all of them.
    counts: (f64, f64),
}

impl Delivery {
    /// Routers say that there is a queue, and it is not that of a pulse.
    pub fn is_ce_marked(&self) -> bool {
        self.marks.until.is_some()
    }

    /// Whether a report has marks that no pulse explains; in the beginning pulses follow each other, and explain
    /// none.
    pub fn shows_ce_marks(&self, report: &PathReport) -> bool {
        let within =
            |sent: &&Sent| report.cc_sequence.wrapping_sub(sent.cc_sequence) < report.probes;
        let mut steps = self.log.iter().filter(within).map(|sent| sent.step);
        let calm = |step| matches!(step, Step::Hold | Step::Await { .. });
        report.ce_marked > 0 && (self.opening || steps.all(calm))
    }

    /// Looks at the marks in a report of a time of `step`.
    pub(super) fn heed_marks(&mut self, now: Timestamp, step: Step, interval: &Interval) {
        let lasting = LASTING.max(self.rtt * 2).max(interval.span * 2);
        self.marks.until.take_if(|until| now >= *until);
        let pulsed = matches!(step, Step::Pulse | Step::Settle | Step::Drain);
        if pulsed || (interval.ce_share > 0.0 && self.shorten_bursts(now, interval)) {
            return;
        }
        let Marks { until, falls_at, counts } = &mut self.marks;
        if interval.ce_share > 0.0 && until.replace(now + lasting).is_none() {
            // What is sent meanwhile is less, so that a queue of our own is gone by then.
            (*falls_at, *counts) = (now + lasting * 2, (0.0, 0.0));
        }
        let packets = f64::from(interval.packets);
        *counts = (counts.0 + interval.ce_share * packets, counts.1 + packets);
        let stays = interval.ce_share > 0.0 && now >= *falls_at;
        // Whoever gives way to everybody has done so already.
        if stays && self.way.is_none() {
            let part = (counts.0 / counts.1 / 2.0).max(LEAST);
            (*falls_at, *counts) = (now + lasting, (0.0, 0.0));
            self.bandwidth *= 1.0 - part;
            self.found(now);
        }
    }

    /// A pulse was marked: the path takes what arrived of it, if its own queue is the reason.
    pub(super) fn take_marked_pulse(&mut self, now: Timestamp, pulse: &Interval) {
        if self.shorten_bursts(now, pulse) {
            self.go_on(now, self.rtt);
        } else if pulse.has_grown(self.jitter) && pulse.grown * 2 >= pulse.queue {
            self.fail(now, pulse);
        } else {
            self.found(now);
        }
    }
}
