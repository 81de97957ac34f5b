//! A rate that is fair to TCP: NORM-CC (RFC 5740 §5.5.2.3; TFMCC, RFC 4654).
//!
//! Until something is lost the rate follows what arrives, twice of it each round trip. From then on
//! it is what the throughput equation makes of the limiting receiver's loss and of its round trip
//! as we measure it. It rises by a packet per round trip and falls at once, by half per round trip
//! at most: one wrong report is no collapse.
//!
//! When no receiver answers, or nothing is sent for a while, the rate is halved again and again,
//! down to its lower limit. What it was before is remembered, and the way back goes by doubling:
//! silence costs some round trips, not minutes.

use core::time::Duration;

use super::RateLimits;
use super::equation::throughput;
use crate::base::Timestamp;

/// Weight of a new round trip in the mean (RFC 5740 §5.5.2.3).
const SMOOTHING: f64 = 0.1;
/// A round trip longer than the mean lowers the rate to this share of it at most (RFC 5348 §4.5).
const MIN_DAMPING: f64 = 0.5;
/// A round trip shorter than the mean raises the rate by this factor at most: a queue that has just
/// been emptied is soon filled again.
const MAX_DAMPING: f64 = 1.1;
/// Round trips that a rise counts at most: the rate does not rise for time without a report.
const RISE_ROUNDS: f64 = 4.0;
/// Seconds between reports at least, which can be many round trips: a packet for each of those
/// would be far too much before the first one shows. So the rate rises by one packet in this time,
/// or by [`RISE_SHARE`].
const MIN_LOOP: f64 = 0.01;
/// Share of the rate by which it rises in [`MIN_LOOP`], where the round trip is shorter than that.
const RISE_SHARE: f64 = 0.1;
/// Round trips up to this, in seconds, are short. Queues of such paths hold a few packets: ours,
/// which come one by one, find them full less often than TCP's, of which several come together.
const SHORT_RTT: f64 = 0.01;
/// Share of the equation's rate that is taken at [`SHORT_RTT`]; all of it from twice that on, and
/// where routers mark packets, because marks do not depend on bursts.
const SHORT_RTT_SHARE: f64 = 0.8;
/// CE marks are expected again within this time, or [`CE_ROUNDS`].
const CE_TIME: Duration = Duration::from_secs(2);
/// CE marks are expected again within this many round trips, or [`CE_TIME`].
const CE_ROUNDS: u32 = 20;
/// A burst is this many seconds of the rate at most.
const BURST_TIME: f64 = 0.000_25;
/// Packets that leave at once at most.
const MAX_BURST: usize = 64;

/// What a receiver says that it can take.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Claim {
    /// It has lost nothing yet: twice the rate that arrives, in bytes per second with headers.
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

/// The controller. It knows nothing of receivers: its owner hands in what the limiting one says.
#[derive(Clone, Debug)]
pub struct Fair {
    limits: RateLimits,
    /// Bytes of a packet, headers included.
    packet: f64,
    rate: f64,
    /// No receiver has lost anything yet.
    slow_start: bool,
    /// When routers last marked packets instead of dropping them.
    ce_marked_at: Option<Timestamp>,
    /// Our round trip to the limiting receiver, smoothed.
    rtt: Duration,
    /// Mean of the square roots of round trips, in roots of seconds.
    mean_root: f64,
    /// Square root of the last round trip, in roots of seconds.
    last_root: f64,
    /// The round trip is no guess any more.
    measured: bool,
    /// The rate that was right before a silence, in bytes per second; 0 when there is none.
    rate_before: f64,
    /// When the rate was last allowed to rise.
    risen_at: Timestamp,
    /// When the rate last fell.
    fallen_at: Timestamp,
    /// The last probe found that as much was sent as was allowed.
    busy: bool,
    /// Bytes that were allowed from the last probe until `allowed_until`.
    allowed: f64,
    allowed_until: Timestamp,
}

impl Fair {
    /// Before anything is known. `packet` bytes are those of a packet with all headers, `rtt` is a
    /// guess.
    pub fn new(limits: RateLimits, packet: usize, rtt: Duration, now: Timestamp) -> Self {
        let mut new = Self {
            limits,
            packet: packet as f64,
            rate: 0.0,
            slow_start: true,
            ce_marked_at: None,
            rtt,
            mean_root: 0.0,
            last_root: 0.0,
            measured: false,
            rate_before: 0.0,
            risen_at: now,
            fallen_at: now,
            busy: true,
            allowed: 0.0,
            allowed_until: now,
        };
        new.rate = new.first_rate();
        new
    }

    /// At a rate, in bytes per second, and a round trip that are known: from there on it rises as
    /// slowly as TCP does.
    pub fn at(limits: RateLimits, packet: usize, rate: f64, rtt: Duration, now: Timestamp) -> Self {
        let mut new = Self::new(limits, packet, rtt, now);
        new.follow(rtt);
        new.rate = limits.bounded(rate);
        new.slow_start = false;
        new
    }

    /// The rate now, in bytes per second, headers included.
    pub fn rate(&self) -> f64 {
        if self.slow_start || self.last_root <= 0.0 {
            return self.limits.bounded(self.rate);
        }
        // A queue that grows slows us down at once, and one that shrinks lets us go on.
        let damping = (self.mean_root / self.last_root).clamp(MIN_DAMPING, MAX_DAMPING);
        self.limits.bounded(self.rate * damping)
    }

    /// No receiver has lost anything yet.
    pub fn is_slow_start(&self) -> bool {
        self.slow_start
    }

    /// Packets that may leave at once; `overdue` of them may leave already.
    pub fn burst(&self, overdue: usize) -> usize {
        ((self.rate() * BURST_TIME / self.packet) as usize).max(overdue).clamp(1, MAX_BURST)
    }

    /// What a receiver with this round trip can take, in bytes per second.
    pub fn rate_for(&self, claim: Claim, rtt: Duration) -> f64 {
        match claim {
            Claim::Start(rate) | Claim::Rate(rate) => rate,
            Claim::Loss { event_rate, max_rate } => {
                let longer = (rtt.as_secs_f64() / SHORT_RTT - 1.0).clamp(0.0, 1.0);
                let share = SHORT_RTT_SHARE + (1.0 - SHORT_RTT_SHARE) * longer;
                let share = if self.ce_marked_at.is_some() { 1.0 } else { share };
                (throughput(self.packet, rtt, event_rate) * share).min(max_rate)
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

    /// Losses within this time are one event for the limiting receiver: a queue that overflows is
    /// at its longest, and the mean does not know yet.
    pub fn loss_window(&self) -> Duration {
        let last = Duration::from_secs_f64(self.last_root * self.last_root);
        self.rtt.max((self.rtt + last) / 2)
    }

    /// Another receiver limits now: its round trip.
    pub fn follow(&mut self, rtt: Duration) {
        self.rtt = rtt;
        self.ce_marked_at = None;
        self.last_root = libm::sqrt(rtt.as_secs_f64());
        self.mean_root = self.last_root;
        if !self.measured {
            self.measured = true;
            self.rate = self.rate.max(self.first_rate());
        }
    }

    /// A receiver has lost something: slow start is over.
    pub fn end_slow_start(&mut self) {
        self.slow_start = false;
    }

    /// Routers have marked some of what the limiting receiver got.
    pub fn note_ce_marks(&mut self, now: Timestamp) {
        self.ce_marked_at = Some(now);
    }

    /// Takes what the limiting receiver claims; `sample` is a new measurement of its round trip.
    pub fn take(&mut self, now: Timestamp, claim: Claim, sample: Duration) {
        self.allow(now);
        self.ce_marked_at.take_if(|at| now > *at + CE_TIME.max(self.rtt * CE_ROUNDS));
        let mix = |mean: f64, new: f64| mean * (1.0 - SMOOTHING) + new * SMOOTHING;
        self.rtt = Duration::from_secs_f64(mix(self.rtt.as_secs_f64(), sample.as_secs_f64()));
        self.last_root = libm::sqrt(sample.as_secs_f64());
        self.mean_root = mix(self.mean_root, self.last_root);
        if matches!(claim, Claim::Loss { .. }) {
            self.slow_start = false;
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

    /// No receiver answers any more, or there is nothing to send.
    pub fn halve(&mut self, now: Timestamp) {
        self.allow(now);
        self.remember_rate();
        self.rate = self.limits.bounded(self.rate / 2.0);
        self.hold_from(now);
    }

    /// Packets have another length from now on, in bytes with all headers.
    pub fn set_packet(&mut self, packet: usize) {
        self.packet = packet as f64;
    }

    /// Never faster from now on, in bytes per second.
    pub fn set_max_rate(&mut self, max: f64) {
        self.limits.max = max;
    }

    /// Nothing was sent for a while: from the first rate on, by doubling.
    pub fn restart(&mut self, now: Timestamp) {
        self.remember_rate();
        self.rate = self.first_rate().min(self.rate);
        self.hold_from(now);
        self.allowed = 0.0;
        self.allowed_until = now;
    }

    /// The rate is to be reached again soon.
    fn remember_rate(&mut self) {
        self.rate_before = self.rate_before.max(self.rate);
    }

    /// The rate neither rises nor falls by much for a round trip.
    fn hold_from(&mut self, now: Timestamp) {
        self.risen_at = now;
        self.fallen_at = now;
    }

    fn allow(&mut self, now: Timestamp) {
        self.allowed += self.rate() * now.saturating_since(self.allowed_until).as_secs_f64();
        self.allowed_until = now;
    }

    fn rise(&mut self, now: Timestamp, target: f64) {
        let rtt = self.rtt.as_secs_f64().max(1e-6);
        let rounds = (now.saturating_since(self.risen_at).as_secs_f64() / rtt).min(RISE_ROUNDS);
        if self.slow_start || self.rate < self.rate_before {
            // Once per round trip, and what was right before a silence is soon right again.
            if rounds < 1.0 || !self.busy {
                return;
            }
            let max = if self.slow_start { f64::INFINITY } else { self.rate_before };
            self.rate = (self.rate * 2.0).min(target).min(max);
        } else if self.busy {
            self.rate = (self.rate + self.step(now, rtt)).min(target);
        }
        self.risen_at = now;
        if self.rate >= self.rate_before {
            self.rate_before = 0.0;
        }
    }

    /// How much the rate may rise since it last could, in bytes per second.
    fn step(&self, now: Timestamp, rtt: f64) -> f64 {
        let round = rtt.max(MIN_LOOP);
        let rounds = (now.saturating_since(self.risen_at).as_secs_f64() / round).min(RISE_ROUNDS);
        let packet = self.packet / round;
        let share = if rtt < MIN_LOOP { self.rate * RISE_SHARE } else { 0.0 };
        // Never more than a packet per round trip, however short that is.
        rounds * packet.max(share).min(self.packet * round / (rtt * rtt))
    }

    fn fall(&mut self, now: Timestamp, target: f64, claim: Claim) {
        self.rate_before = 0.0;
        self.risen_at = now;
        if matches!(claim, Claim::Start(_)) && !self.busy {
            // It gets little because little is sent.
            return;
        }
        let least = self.rate / 2.0;
        if target < least && now < self.fallen_at + self.rtt {
            return;
        }
        if target < self.rate * 0.75 {
            self.fallen_at = now;
        }
        self.rate = target.max(least);
    }

    fn first_rate(&self) -> f64 {
        self.limits.first_rate(self.packet, self.rtt)
    }
}

#[cfg(test)]
mod tests;
