//! Giving way to everybody else: less than best effort, in the spirit of LEDBAT (RFC 6817).
//!
//! What TCP leaves a path that it fills is a queue. Ours is gone when somewhat less is sent for as long as
//! that takes, so one that stands longer is somebody else's. As long as it does the rate is halved again and
//! again; when it is gone, pulses look for what is free.

use super::*;

/// A queue this long is nobody's business: a part of the round trip within bounds, ...
const PART: u32 = 16;
const SHORTEST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(20);
/// ... and so many packets at the best rate that was seen.
const PACKETS: f64 = 3.0;
/// At [`DRAIN`] it takes four times as long as a queue of ours is until it is gone, and what was under way makes it
/// longer first.
const EMPTIED: u32 = 5;
/// So long nothing is tried when others were there; twice as long each time that they are still, or again,
/// within the time that follows.
const REST: Duration = Duration::from_millis(200);
const REST_LONGEST: Duration = Duration::from_secs(4);
const AGAIN: Duration = Duration::from_secs(10);

/// What is begun with when they seem to have gone: this part of the best rate that was seen.
const AFTERWARDS: f64 = 1.0 / 16.0;

/// What a controller that gives way remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct GivingWay {
    /// Since when there has been a queue; moved on by each halving.
    since: Option<Timestamp>,
    /// How long it was then.
    queue: Duration,
    /// The rate has been halved for this queue.
    halved: bool,
    /// When it was halved last, until more is tried again, and how long that takes.
    last: Option<Timestamp>,
    /// When it was halved last for an earlier queue.
    before: Option<Timestamp>,
    rest: Duration,
    /// The most that arrived in one time, in bytes per second.
    best: f64,
}

impl Delivery {
    /// Gives way to everything else on the path.
    #[must_use]
    pub fn scavenger(self) -> Self {
        Self { way: Some(GivingWay::default()), ..self }
    }

    /// Looks at the queue behind a time of `step`. True when the rate has been lowered for it.
    pub(super) fn give_way(&mut self, now: Timestamp, step: Step, interval: &Interval) -> bool {
        let least = self.bearable();
        let rtt = self.rtt;
        let Some(way) = &mut self.way else { return false };
        way.best = way.best.max(interval.delivered);
        if interval.queue <= least && !interval.lossy && interval.ce_share == 0.0 {
            (way.since, way.halved) = (None, false);
            let over = way.last.take_if(|last| now >= *last + way.rest);
            if over.is_some() {
                way.before = over;
                self.bandwidth = self.bandwidth.max(self.limits.bounded(way.best * AFTERWARDS));
                (self.opening, self.gain, self.leaks) = (true, OPENING, false);
                self.go_on(now, Duration::ZERO);
            }
            return false;
        }
        if matches!(step, Step::Pulse | Step::Settle) {
            // Its own queue is not gone yet.
            return false;
        }
        let since = *way.since.get_or_insert_with(|| {
            way.queue = interval.queue;
            now
        });
        if interval.queue > least {
            // No more than this passes, so that less makes the queue shorter.
            self.bandwidth = self.bandwidth.min(self.limits.bounded(interval.delivered));
        }
        let wait = if way.halved {
            rtt.max(way.queue)
        } else {
            rtt + (rtt + GAP_SHORTEST).max(way.queue * EMPTIED)
        };
        if now < since + wait {
            return false;
        }
        (way.since, way.queue) = (Some(now), interval.queue);
        if !core::mem::replace(&mut way.halved, true) {
            let again = way.last.or(way.before).is_some_and(|at| now < at + way.rest + AGAIN);
            let longer = (way.rest * 2).min(REST_LONGEST);
            way.rest = (rtt * 4).max(if again { longer } else { REST });
        }
        way.last = Some(now);
        let rest = way.rest;
        self.bandwidth /= 2.0;
        self.found(now);
        (self.doubts, self.blip, self.gain) = (0, Duration::ZERO, OPENING);
        self.pulse_at = now + rest;
        true
    }

    /// The path is another one: what was the best of the last one says nothing.
    pub(super) fn forget_best(&mut self) {
        if let Some(way) = &mut self.way {
            way.best = 0.0;
        }
    }

    /// Others use the path: nothing more is tried.
    pub(super) fn is_in_the_way(&self) -> bool {
        self.way.as_ref().is_some_and(|way| way.since.is_some())
    }

    /// How long a queue may be.
    fn bearable(&self) -> Duration {
        let best = self.way.as_ref().map_or(0.0, |way| way.best).max(1.0);
        let packets = Duration::try_from_secs_f64(PACKETS * self.packet / best);
        (self.rtt / PART).clamp(SHORTEST, LONGEST).max(packets.unwrap_or(Duration::MAX))
    }
}
