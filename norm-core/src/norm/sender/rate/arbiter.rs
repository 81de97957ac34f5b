//! Which law has its turn: what arrives, as long as nobody else is there, and what is fair to TCP as
//! long as somebody is.
//!
//! [`Delivery`](crate::norm::congestion::Delivery) leaves no queue behind. Where one stands most of the time all the same, somebody else
//! makes it, and a rate that does not yield would take all from a flow that does. The fair law makes a
//! queue itself, so that nothing tells when the others have gone: after a while the first law has
//! its turn again, at the rate that the other had reached; and if the queue is back soon, the next
//! while is twice as long.

use core::time::Duration;

use super::clr::Steering;
use super::election::Election;
use crate::base::Timestamp;
use crate::norm::congestion::{Fair, RateLimits};
use crate::norm::sender::Sender;
use crate::norm::sender::config::{RateControl, SenderConfig};
use crate::norm::sender::rate::slow::Slow;

/// A queue stands for more than this part of the time: somebody else is there.
const CROWDED: f64 = 0.35;
/// How long the fair law has its turn, at first and at most, and how many round trips.
const WHILE: Duration = Duration::from_secs(10);
const LONGEST_WHILE: Duration = Duration::from_secs(160);
const WHILE_ROUNDS: u32 = 100;
/// The queue is back soon if it is within this time, and so many round trips.
const SOON: Duration = Duration::from_secs(10);
const SOON_ROUNDS: u32 = 40;
/// What the fair law begins with, by what arrived: TCP halves as well.
const YIELD: f64 = 0.5;

/// The law that does not have its turn, and when that changes.
#[derive(Debug)]
pub(crate) struct Turns {
    limits: RateLimits,
    packet: usize,
    overhead: usize,
    /// The other law, while the fair one has its turn.
    waiting: Option<Steering>,
    /// When the fair law's turn ends, or the other one's began.
    at: Timestamp,
    /// How long its last turn was.
    patience: Option<Duration>,
}

impl Turns {
    /// `None` where one law always has its turn.
    pub(crate) fn new(config: &SenderConfig, packet: usize, now: Timestamp) -> Option<Self> {
        let turns = config.control == RateControl::Auto && config.mode.has_path_reports();
        turns.then(|| Self {
            limits: super::clr::limits(config),
            packet,
            overhead: config.packet_overhead.bytes(),
            waiting: None,
            at: now,
            patience: None,
        })
    }

    /// The fair law has its turn.
    pub(crate) fn yields(&self) -> bool {
        self.waiting.is_some()
    }

    /// Never faster from now on, in bits per second.
    pub(crate) fn set_most(&mut self, bits: Option<u64>) {
        self.limits.max = bits.map_or(f64::MAX, |bits| bits as f64 / 8.0);
        if let Some(waiting) = &mut self.waiting {
            waiting.set_most(bits);
        }
    }

    fn give_way(&mut self, now: Timestamp, steering: &mut Steering) {
        let Steering::Delivery(following) = &*steering else { return };
        let (rate, rtt) = (following.rate() * YIELD, following.rtt());
        let law = Fair::at(self.limits, self.packet + self.overhead, rate, rtt, now);
        let election = Election::new(law, self.packet, self.overhead, now);
        let soon = now < self.at + SOON.max(rtt * SOON_ROUNDS);
        let shortest = WHILE.max(rtt * WHILE_ROUNDS);
        let before = self.patience.filter(|_| soon).map_or(shortest, |patience| patience * 2);
        let patience = before.clamp(shortest, LONGEST_WHILE.max(shortest));
        self.patience = Some(patience);
        self.at = now + patience;
        self.waiting = Some(core::mem::replace(steering, Steering::Fair(Box::new(election))));
    }

    fn back(&mut self, now: Timestamp, steering: &mut Steering) {
        let rate = steering.rate() as f64 / 8.0;
        let Some(mut waiting) = self.waiting.take() else { return };
        if let Steering::Delivery(following) = &mut waiting {
            following.resume(now, rate);
        }
        self.at = now;
        *steering = waiting;
    }
}

impl Sender {
    /// A report has been taken: perhaps the other law has its turn now.
    pub(crate) fn take_turns(&mut self, now: Timestamp) {
        let (Some(turns), Some(steering)) = (&mut self.turns, &mut self.steering) else { return };
        if self.slow.as_ref().is_some_and(Slow::is_undecided) {
            // The queue may be that of a receiver that is too slow.
            return;
        }
        match steering {
            Steering::Delivery(following) if following.queue_occupancy() > CROWDED => {
                turns.give_way(now, steering);
            }
            Steering::Fair(_) if now >= turns.at => turns.back(now, steering),
            Steering::Delivery(_) | Steering::Fair(_) => {}
        }
    }
}
