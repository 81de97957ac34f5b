//! The scavenger yields to all other traffic: less than best effort, in the spirit of LEDBAT
//! (RFC 6817, RFC 8622).
//!
//! TCP leaves a queue in a path that it fills. A queue of our own is gone when somewhat less is
//! sent for as long as that takes, so one that stands longer belongs to other traffic. While it
//! stands the rate is halved again and again; when it is gone, rate probes look for what is free.

use core::time::Duration;

use super::super::interval::Interval;
use super::path::Path;
use super::schedule::{MIN_PHASE, Phase};
use crate::base::Timestamp;

/// A queue is other traffic's only if it is longer than the round trip divided by this.
const FREE_QUEUE_PART: u32 = 16;
/// A queue up to this long is never other traffic's.
const MIN_FREE_QUEUE: Duration = Duration::from_millis(2);
/// A queue longer than this may be other traffic's whatever the round trip.
const MAX_FREE_QUEUE: Duration = Duration::from_millis(20);
/// A queue of up to this many packets at the best rate seen is never other traffic's.
const FREE_QUEUE_PACKETS: f64 = 3.0;
/// A queue of our own is given its length times this to be gone. Draining takes four times its
/// length, and packets under way make it longer first.
const DRAIN_TIME: u32 = 5;
/// After the first halving no rate probe leaves for this time, or for four round trips.
const MIN_PAUSE: Duration = Duration::from_millis(200);
/// The pause doubles up to this, each time that other traffic is still there or there again.
const MAX_PAUSE: Duration = Duration::from_secs(4);
/// Other traffic is there again if it is within this time after the pause.
const AGAIN: Duration = Duration::from_secs(10);
/// When other traffic has gone, rate probes begin at this share of the best rate seen.
const RESUME_SHARE: f64 = 1.0 / 16.0;

/// What the controller is to do about other traffic.
#[derive(Copy, Clone, Debug)]
pub(super) enum Response {
    /// There is none.
    Proceed,
    /// It has gone: startup begins anew, at this rate or more, in bytes per second.
    Resume { rate: f64 },
    /// It is there: no more than `cap` passes, in bytes per second.
    Wait { cap: Option<f64> },
    /// It is still there: the rate is halved, and the next rate probe is due after `pause`.
    Halve { cap: Option<f64>, pause: Duration },
}

/// What a scavenger remembers of queues.
#[derive(Clone, Debug, Default)]
pub(super) struct Scavenger {
    /// Since when there has been a queue; moved on by each halving.
    queue_since: Option<Timestamp>,
    /// How long it was then.
    queue: Duration,
    /// The rate has been halved for this queue.
    halved: bool,
    /// When it was halved last, until the pause is over.
    halved_at: Option<Timestamp>,
    /// When it was halved last for an earlier queue.
    halved_before: Option<Timestamp>,
    /// How long no rate probe leaves after a halving.
    pause: Duration,
    /// The highest rate that arrived in one interval, in bytes per second.
    best_rate: f64,
}

impl Scavenger {
    /// Other traffic uses the path.
    pub(super) fn yields(&self) -> bool {
        self.queue_since.is_some()
    }

    /// The path is another one: the best rate of the last one tells nothing.
    pub(super) fn forget_best_rate(&mut self) {
        self.best_rate = 0.0;
    }

    /// Looks at the queue after an interval of `phase`.
    pub(super) fn note(
        &mut self,
        now: Timestamp,
        phase: Phase,
        interval: &Interval,
        path: &Path,
    ) -> Response {
        let free = self.free_queue(path);
        self.best_rate = self.best_rate.max(interval.delivered);
        if interval.queue <= free && !interval.lossy && interval.ce_share == 0.0 {
            return self.note_free(now, path);
        }
        if phase.shows_probe() {
            // Its own queue is not gone yet.
            return Response::Proceed;
        }
        let since = match self.queue_since {
            Some(since) => since,
            None => self.begin_queue(now, interval.queue),
        };
        // No more than this passes, so that less makes the queue shorter.
        let cap = (interval.queue > free).then(|| path.bounded(interval.delivered));
        if now < since + self.patience(path.rtt()) {
            return Response::Wait { cap };
        }
        self.begin_queue(now, interval.queue);
        Response::Halve { cap, pause: self.halve(now, path.rtt()) }
    }

    /// No queue is left that is other traffic's.
    fn note_free(&mut self, now: Timestamp, path: &Path) -> Response {
        self.queue_since = None;
        self.halved = false;
        let over = self.halved_at.take_if(|last| now >= *last + self.pause);
        if over.is_none() {
            return Response::Proceed;
        }
        self.halved_before = over;
        Response::Resume { rate: path.bounded(self.best_rate * RESUME_SHARE) }
    }

    fn begin_queue(&mut self, now: Timestamp, queue: Duration) -> Timestamp {
        self.queue_since = Some(now);
        self.queue = queue;
        now
    }

    /// How long a queue may stand before the rate is halved for it.
    fn patience(&self, rtt: Duration) -> Duration {
        if self.halved {
            rtt.max(self.queue)
        } else {
            rtt + (rtt + MIN_PHASE).max(self.queue * DRAIN_TIME)
        }
    }

    /// The rate is halved; how long no rate probe leaves then.
    fn halve(&mut self, now: Timestamp, rtt: Duration) -> Duration {
        if !core::mem::replace(&mut self.halved, true) {
            let last = self.halved_at.or(self.halved_before);
            let again = last.is_some_and(|at| now < at + self.pause + AGAIN);
            let longer = (self.pause * 2).min(MAX_PAUSE);
            self.pause = (rtt * 4).max(if again { longer } else { MIN_PAUSE });
        }
        self.halved_at = Some(now);
        self.pause
    }

    /// A queue up to this long is not other traffic's.
    fn free_queue(&self, path: &Path) -> Duration {
        let best = self.best_rate.max(1.0);
        let packets = Duration::try_from_secs_f64(FREE_QUEUE_PACKETS * path.packet() / best);
        let part = (path.rtt() / FREE_QUEUE_PART).clamp(MIN_FREE_QUEUE, MAX_FREE_QUEUE);
        part.max(packets.unwrap_or(Duration::MAX))
    }
}
