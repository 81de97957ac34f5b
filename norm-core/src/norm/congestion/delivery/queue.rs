//! Whether a queue stands in the path, and how much of the time.

use core::time::Duration;

use super::super::interval::Interval;
use super::path::Path;
use super::schedule::Phase;
use crate::base::Timestamp;

/// A queue is long from a third of the round trip on, and from this on: receivers come late to
/// their sockets by milliseconds.
const MIN_LONG: Duration = Duration::from_millis(4);
/// A queue is long from this many packets on, too.
const LONG_PACKETS: f64 = 8.0;
/// Occupancy is averaged over this time, or [`OCCUPANCY_ROUNDS`].
const OCCUPANCY_TIME: Duration = Duration::from_secs(3);
/// Occupancy is averaged over this many round trips, or [`OCCUPANCY_TIME`].
const OCCUPANCY_ROUNDS: u32 = 15;
/// After another controller was in control, RTT inflation counts as a queue for this long: the
/// receiver has hardly seen the path with an empty queue lately.
const INFLATION_LASTS: Duration = Duration::from_secs(60);

/// How much longer the round trip is than the smallest one seen, while that counts as a queue.
#[derive(Copy, Clone, Debug)]
struct Inflation {
    rtt: Duration,
    until: Timestamp,
}

/// A long queue that does not shrink, although less is sent, lowers the bandwidth estimate so
/// often: it was too high. After that the queue is other traffic's.
const MAX_CORRECTIONS: u32 = 2;
/// Time between two of these corrections, and four round trips: the queue is to shrink meanwhile.
const CORRECTION_INTERVAL: Duration = Duration::from_millis(60);

/// What is seen of queues.
#[derive(Clone, Debug, Default)]
pub(super) struct QueueWatch {
    /// A long queue stands.
    stands: bool,
    /// How often the bandwidth estimate was corrected since it stands, and when that is due again.
    corrections: u32,
    correction_at: Timestamp,
    /// Share of the recent time in which there was a queue, 0 to 1.
    occupancy: f64,
    inflation: Option<Inflation>,
}

impl QueueWatch {
    pub(super) fn stands(&self) -> bool {
        self.stands
    }

    pub(super) fn occupancy(&self) -> f64 {
        self.occupancy
    }

    /// Whether RTT inflation counts as a queue.
    #[cfg(test)]
    pub(super) fn is_inflated(&self) -> bool {
        self.inflation.is_some()
    }

    /// Takes the queue that a report of `phase` shows; `ce_marked` when routers say that there is
    /// one. True when a long queue was not there before.
    pub(super) fn note(
        &mut self,
        interval: &Interval,
        path: &Path,
        phase: Phase,
        startup: bool,
        ce_marked: bool,
    ) -> bool {
        let long = long_queue(path);
        let inflation = self.inflation.map_or(Duration::ZERO, |inflation| inflation.rtt);
        let queue = interval.queue.max(inflation);
        let is_new = interval.queue > long && !self.stands;
        if queue > long {
            // The rate probes of startup make queues that are soon gone.
            self.stands |= !startup || phase.is_steady();
        } else if queue < long / 2 {
            self.stands = false;
        }
        if !startup {
            let window = OCCUPANCY_TIME.max(path.rtt() * OCCUPANCY_ROUNDS).as_secs_f64();
            let part = interval.span.as_secs_f64() / window;
            let now = if queue > long / 2 || ce_marked { 1.0 } else { 0.0 };
            self.occupancy += (now - self.occupancy) * part.min(1.0);
        }
        is_new
    }

    /// Whether a report of a steady phase shows that the bandwidth estimate is too high: a long
    /// queue does not shrink, though less than the estimate is sent. What passes meanwhile is what
    /// the path takes.
    pub(super) fn corrects(&mut self, now: Timestamp, interval: &Interval, path: &Path) -> bool {
        if !self.stands {
            self.corrections = 0;
            self.correction_at = now + path.rtt() * 4 + CORRECTION_INTERVAL;
            return false;
        }
        let shrinks = interval.grown.is_zero();
        let corrects = !shrinks && now >= self.correction_at && self.corrections < MAX_CORRECTIONS;
        if corrects {
            self.corrections += 1;
            self.correction_at = now + path.rtt() * 4 + CORRECTION_INTERVAL;
        }
        corrects
    }

    /// The smallest round trip seen, and the one of now.
    pub(super) fn note_rtt(&mut self, now: Timestamp, min_rtt: Duration, rtt: Duration) {
        let longer = rtt.saturating_sub(min_rtt);
        // The queue is empty now and then, and then all receivers know it.
        let counts = |inflation: &Inflation| now < inflation.until && longer > min_rtt / 16;
        let inflation = self.inflation.filter(counts);
        self.inflation = inflation.map(|inflation| Inflation { rtt: longer, ..inflation });
    }

    /// Another controller was in control: queues begin anew, and RTT inflation counts as one.
    pub(super) fn resume(&mut self, now: Timestamp) {
        self.stands = false;
        self.occupancy = 0.0;
        let until = now + INFLATION_LASTS;
        self.inflation = Some(Inflation { rtt: Duration::ZERO, until });
    }

    /// The long queue is forgotten: another path, or startup begins anew.
    pub(super) fn forget_queue(&mut self) {
        self.stands = false;
    }

    pub(super) fn forget_occupancy(&mut self) {
        self.occupancy = 0.0;
    }

    pub(super) fn forget_inflation(&mut self) {
        self.inflation = None;
    }
}

/// A queue that is longer than this is long.
pub(super) fn long_queue(path: &Path) -> Duration {
    let packets = path.packet_time(LONG_PACKETS, 1.0);
    (path.rtt() / 3).max(packets).max(MIN_LONG).max(path.jitter() * 4)
}
