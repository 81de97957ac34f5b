//! A rate that is fair to TCP: NORM-CC (RFC 5740 §5.5.2.3; TFMCC, RFC 4654).
//!
//! Until something is lost the rate follows what arrives, twice of it each round trip. From then on
//! it is what the throughput equation makes of the limiting receiver's loss and of its round trip as
//! we measure it. It rises by a packet per round trip and falls at once, by half a round trip at most:
//! one wrong report is no collapse.
//!
//! When nobody answers, or nothing is sent for a while, the rate is halved again and again, down to
//! its lower limit. What it was before is remembered, and the way back goes by doubling: silence
//! costs some round trips, not minutes.

use core::time::Duration;

use super::RateLimits;
use super::equation::throughput;
use crate::base::Timestamp;

/// What a new round trip counts in the mean (RFC 5740 §5.5.2.3), ...
const SMOOTH: f64 = 0.1;
/// ... and how much the last one may change the rate (RFC 5348 §4.5). Hardly upwards: a queue that has
/// just been emptied is soon filled again.
const DAMPING: (f64, f64) = (0.5, 1.1);
/// Rises count at most so many round trips: time without a report is none to have risen in.
const RISE_ROUNDS: f64 = 4.0;
/// Reports come no more often than this, which can be many round trips: a packet for each of them
/// would be far too much before the first one is heard of. So it is one in this time, or this part
/// of the rate.
const LOOP: f64 = 0.01;
const STRIDE: f64 = 0.1;
/// On ways as short as this, in seconds, we take this part of what the equation says, and more on ways up to
/// twice as long. Queues there are some packets long: ours, which come one by one, find them full less often
/// than TCP's, of which several come together.
const SHORT_WAY: f64 = 0.01;
const SHORT_PART: f64 = 0.8;
/// Not where routers mark packets, though: for marks it makes no difference who comes how. They are expected
/// again within this time, and so many round trips.
const MARKED: Duration = Duration::from_secs(2);
const MARKED_ROUNDS: u32 = 20;
/// Packets that leave at once make this many seconds of the rate.
const BURST_TIME: f64 = 0.000_25;
const BURST_MOST: usize = 64;

/// What a receiver says that it can take.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Claim {
    /// It has lost nothing yet: twice what arrives, in bytes per second with headers.
    Start(f64),
    /// It has lost something.
    Loss {
        /// Loss events per packet, 0 to 1.
        event_rate: f64,
        /// The highest rate that it wants, in bytes per second with headers; infinite for any.
        max_rate: f64,
    },
    /// A rate, in bytes per second with headers.
    Rate(f64),
}

/// The controller. It knows nothing of receivers: whoever owns it hands in what the limiting one
/// says.
#[derive(Clone, Debug)]
pub struct Fair {
    limits: RateLimits,
    /// Bytes of a packet, headers included.
    packet: f64,
    rate: f64,
    /// Nobody has lost anything yet.
    starting: bool,
    /// When routers last marked packets instead of dropping them.
    marked: Option<Timestamp>,
    /// Our round trip to the limiting receiver; the mean, and the mean of roots of seconds.
    rtt: Duration,
    mean_root: f64,
    last_root: f64,
    measured: bool,
    /// The rate that was right before a silence.
    known: f64,
    /// When the rate was last allowed to rise, and to fall.
    risen: Timestamp,
    fallen: Timestamp,
    /// The last probe found that as much was sent as was allowed.
    busy: bool,
    /// Bytes that were allowed since the last probe, until then.
    allowed: f64,
    until: Timestamp,
}

impl Fair {
    /// Before anything is known. `packet` bytes are those of a packet with all headers, `rtt` is a
    /// guess.
    pub fn new(limits: RateLimits, packet: usize, rtt: Duration, now: Timestamp) -> Self {
        let mut new = Self {
            limits,
            packet: packet as f64,
            rate: 0.0,
            starting: true,
            marked: None,
            rtt,
            mean_root: 0.0,
            last_root: 0.0,
            measured: false,
            known: 0.0,
            risen: now,
            fallen: now,
            busy: true,
            allowed: 0.0,
            until: now,
        };
        new.rate = new.first_rate();
        new
    }

    /// At a rate, in bytes per second, and a round trip that are known: from there on it rises as slowly as
    /// TCP does.
    pub fn at(limits: RateLimits, packet: usize, rate: f64, rtt: Duration, now: Timestamp) -> Self {
        let mut new = Self::new(limits, packet, rtt, now);
        new.follow(rtt);
        (new.rate, new.starting) = (limits.bounded(rate), false);
        new
    }

    /// The rate now, in bytes per second, headers included.
    pub fn rate(&self) -> f64 {
        if self.starting || self.last_root <= 0.0 {
            return self.limits.bounded(self.rate);
        }
        // A queue that grows slows us down at once, and one that shrinks lets us go on.
        let (least, most) = DAMPING;
        self.limits.bounded(self.rate * (self.mean_root / self.last_root).clamp(least, most))
    }

    /// Nobody has lost anything yet.
    pub fn is_slow_start(&self) -> bool {
        self.starting
    }

    /// Packets that may leave at once.
    pub fn burst(&self) -> usize {
        ((self.rate() * BURST_TIME / self.packet) as usize).clamp(1, BURST_MOST)
    }

    /// What somebody with this round trip can take, in bytes per second.
    pub fn rate_for(&self, claim: Claim, rtt: Duration) -> f64 {
        match claim {
            Claim::Start(rate) | Claim::Rate(rate) => rate,
            Claim::Loss { event_rate, max_rate } => {
                let longer = (rtt.as_secs_f64() / SHORT_WAY - 1.0).clamp(0.0, 1.0);
                let part = SHORT_PART + (1.0 - SHORT_PART) * longer;
                let part = if self.marked.is_some() { 1.0 } else { part };
                (throughput(self.packet, rtt, event_rate) * part).min(max_rate)
            }
        }
    }

    /// The round trip of the limiting receiver, smoothed; the guess before the first.
    pub fn rtt(&self) -> Duration {
        self.rtt
    }

    /// The highest rate allowed, in bytes per second.
    pub fn max_rate(&self) -> f64 {
        self.limits.max
    }

    /// Losses within this time are one event for it: a queue that overflows is at its longest, and the
    /// mean does not know yet.
    pub fn loss_window(&self) -> Duration {
        let last = Duration::from_secs_f64(self.last_root * self.last_root);
        self.rtt.max((self.rtt + last) / 2)
    }

    /// Somebody else limits now: its round trip.
    pub fn follow(&mut self, rtt: Duration) {
        (self.rtt, self.marked) = (rtt, None);
        self.last_root = libm::sqrt(rtt.as_secs_f64());
        self.mean_root = self.last_root;
        if !self.measured {
            self.measured = true;
            self.rate = self.rate.max(self.first_rate());
        }
    }

    /// Somebody has lost something: the beginning is over.
    pub fn end_slow_start(&mut self) {
        self.starting = false;
    }

    /// Routers have marked some of what the limiting receiver got.
    pub fn note_ce_marks(&mut self, now: Timestamp) {
        self.marked = Some(now);
    }

    /// Takes what the limiting receiver claims; `sample` is a new measurement of its round trip.
    pub fn take(&mut self, now: Timestamp, claim: Claim, sample: Duration) {
        self.allow(now);
        self.marked.take_if(|at| now > *at + MARKED.max(self.rtt * MARKED_ROUNDS));
        let mix = |mean: f64, new: f64| mean * (1.0 - SMOOTH) + new * SMOOTH;
        self.rtt = Duration::from_secs_f64(mix(self.rtt.as_secs_f64(), sample.as_secs_f64()));
        self.last_root = libm::sqrt(sample.as_secs_f64());
        self.mean_root = mix(self.mean_root, self.last_root);
        if matches!(claim, Claim::Loss { .. }) {
            self.starting = false;
        }
        let target = self.rate_for(claim, self.rtt);
        if target > self.rate {
            self.rise(now, target);
        } else {
            self.fall(now, target, claim);
        }
        self.rate = self.limits.bounded(self.rate);
    }

    /// A probe leaves, after `sent` bytes, headers included. True when nothing was sent.
    pub fn probe(&mut self, now: Timestamp, sent: f64) -> bool {
        self.allow(now);
        // A packet or two are no measurement.
        self.busy = sent + self.packet * 2.0 > self.allowed * 0.75;
        self.allowed = 0.0;
        sent < self.packet
    }

    /// Nobody says anything any more, or there is nothing to send.
    pub fn halve(&mut self, now: Timestamp) {
        self.allow(now);
        self.known = self.known.max(self.rate);
        self.rate = self.limits.bounded(self.rate / 2.0);
        (self.risen, self.fallen) = (now, now);
    }

    /// Never faster from now on, in bytes per second.
    pub fn set_max_rate(&mut self, max: f64) {
        self.limits.max = max;
    }

    /// Nothing was sent for a while: from the first rate on, by doubling.
    pub fn restart(&mut self, now: Timestamp) {
        self.known = self.known.max(self.rate);
        self.rate = self.first_rate().min(self.rate);
        (self.risen, self.fallen) = (now, now);
        (self.allowed, self.until) = (0.0, now);
    }

    fn allow(&mut self, now: Timestamp) {
        self.allowed += self.rate() * now.saturating_since(self.until).as_secs_f64();
        self.until = now;
    }

    fn rise(&mut self, now: Timestamp, target: f64) {
        let rtt = self.rtt.as_secs_f64().max(1e-6);
        let rounds = (now.saturating_since(self.risen).as_secs_f64() / rtt).min(RISE_ROUNDS);
        if self.starting || self.rate < self.known {
            // Once per round trip, and what was right before a silence is soon right again.
            if rounds < 1.0 || !self.busy {
                return;
            }
            let most = if self.starting { f64::INFINITY } else { self.known };
            self.rate = (self.rate * 2.0).min(target).min(most);
        } else if self.busy {
            self.rate = (self.rate + self.step(now, rtt)).min(target);
        }
        self.risen = now;
        if self.rate >= self.known {
            self.known = 0.0;
        }
    }

    /// How much the rate may rise since it last could.
    fn step(&self, now: Timestamp, rtt: f64) -> f64 {
        let round = rtt.max(LOOP);
        let rounds = (now.saturating_since(self.risen).as_secs_f64() / round).min(RISE_ROUNDS);
        let packet = self.packet / round;
        let least = if rtt < LOOP { self.rate * STRIDE } else { 0.0 };
        // Never more than a packet per round trip, however short that is.
        rounds * packet.max(least).min(self.packet * round / (rtt * rtt))
    }

    fn fall(&mut self, now: Timestamp, target: f64, claim: Claim) {
        self.known = 0.0;
        self.risen = now;
        if matches!(claim, Claim::Start(_)) && !self.busy {
            // It gets little because little is sent.
            return;
        }
        let least = self.rate / 2.0;
        if target < least && now < self.fallen + self.rtt {
            return;
        }
        if target < self.rate * 0.75 {
            self.fallen = now;
        }
        self.rate = target.max(least);
    }

    fn first_rate(&self) -> f64 {
        self.limits.first_rate(self.packet, self.rtt)
    }
}

#[cfg(test)]
mod tests;
