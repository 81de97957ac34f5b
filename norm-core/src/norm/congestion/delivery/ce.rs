//! CE marks (ECN, RFC 3168): somewhere a queue is long, though nothing is lost yet.
//!
//! A rate probe that is CE-marked has failed. At other times CE marks mean that a queue stands: the
//! rate is lower and no rate probe is sent until they are gone, which empties a queue of our own.
//! If they stay, other traffic makes the queue, or the path has become narrower, and the rate falls
//! by half of the marked share again and again (as with DCTCP, RFC 8257): there is no other way to
//! ask for less.

use core::time::Duration;

use super::super::interval::Interval;
use crate::base::Timestamp;

/// CE marks mean congestion for this time, for two round trips, or for two reports: a router that
/// marks one packet now and then, as CoDel does (RFC 8289), means all of that time.
const LASTING: Duration = Duration::from_millis(100);
/// The rate falls by this share at least while CE marks stay.
const MIN_REDUCTION: f64 = 0.02;

/// What was seen of CE marks.
#[derive(Clone, Debug, Default)]
pub(super) struct CeMarks {
    /// Until when they mean congestion; `None` when there are none.
    until: Option<Timestamp>,
    /// When the rate falls, if there are still any then.
    falls_at: Timestamp,
    /// Packets that were marked since it last fell.
    marked: f64,
    /// Packets since it last fell.
    packets: f64,
}

impl CeMarks {
    /// Routers say that there is a queue.
    pub(super) fn stand(&self) -> bool {
        self.until.is_some()
    }

    /// Forgets marks that are too old to mean congestion.
    pub(super) fn expire(&mut self, now: Timestamp) {
        self.until.take_if(|until| now >= *until);
    }

    /// Counts the marks of an interval without a rate probe. True when the rate is to fall.
    pub(super) fn note(&mut self, now: Timestamp, interval: &Interval, rtt: Duration) -> bool {
        let marked = interval.ce_share > 0.0;
        let lasting = lasting(interval, rtt);
        if marked && self.until.replace(now + lasting).is_none() {
            // What is sent meanwhile is less, so that a queue of our own is gone by then.
            self.count_from(now + lasting * 2);
        }
        let packets = f64::from(interval.packets);
        self.marked += interval.ce_share * packets;
        self.packets += packets;
        marked && now >= self.falls_at
    }

    /// The share by which the rate falls now.
    pub(super) fn reduce(&mut self, now: Timestamp, interval: &Interval, rtt: Duration) -> f64 {
        let share = (self.marked / self.packets / 2.0).max(MIN_REDUCTION);
        self.count_from(now + lasting(interval, rtt));
        share
    }

    fn count_from(&mut self, falls_at: Timestamp) {
        self.falls_at = falls_at;
        self.marked = 0.0;
        self.packets = 0.0;
    }
}

/// How long marks mean congestion.
fn lasting(interval: &Interval, rtt: Duration) -> Duration {
    LASTING.max(rtt * 2).max(interval.span * 2)
}
