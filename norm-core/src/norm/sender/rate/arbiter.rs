//! Which controller is in control: delivery while no other flow is on the path, and the fair one
//! while there is one.
//!
//! [`Delivery`](crate::norm::congestion::Delivery) leaves no standing queue. Where one stands most
//! of the time all the same, another flow makes it, and a rate that does not yield would take all
//! from a flow that does. The fair controller makes a queue itself, so that nothing tells when the
//! others have gone: after a while the first controller is in control again, at the rate that the
//! other had reached; and if the queue is back soon, the next while is twice as long.

use core::time::Duration;

use super::controller::{RateController, limits};
use super::election::Election;
use crate::base::Timestamp;
use crate::norm::congestion::{Fair, RateLimits};
use crate::norm::sender::config::{RateControl, SenderConfig};

/// A queue occupancy above this part of the time is that of another flow.
const FOREIGN_QUEUE_SHARE: f64 = 0.35;
/// Shortest time of the fair controller.
const MIN_FAIR_TIME: Duration = Duration::from_secs(10);
/// Longest time of the fair controller, unless the shortest is longer.
const MAX_FAIR_TIME: Duration = Duration::from_secs(160);
/// Shortest time of the fair controller in round trips.
const MIN_FAIR_ROUNDS: u32 = 100;
/// A queue within this time is back soon.
const SOON: Duration = Duration::from_secs(10);
/// A queue within this many round trips is back soon.
const SOON_ROUNDS: u32 = 40;
/// Part of the rate that arrived with which the fair controller begins: TCP halves as well.
const FAIR_START_SHARE: f64 = 0.5;

/// The controller that waits, and when that changes.
#[derive(Debug)]
pub(super) struct ModeArbiter {
    limits: RateLimits,
    packet: usize,
    overhead: usize,
    /// The delivery controller, while the fair one is in control.
    waiting: Option<RateController>,
    /// When the fair controller's time ends, or the other one's began.
    at: Timestamp,
    /// The last time of the fair controller.
    fair_time: Option<Duration>,
}

impl ModeArbiter {
    /// `None` where one controller is always in control.
    pub(super) fn new(config: &SenderConfig, packet: usize, now: Timestamp) -> Option<Self> {
        let changes = config.control == RateControl::Auto && config.mode.has_path_reports();
        changes.then(|| Self {
            limits: limits(config),
            packet,
            overhead: config.packets.overhead.bytes(),
            waiting: None,
            at: now,
            fair_time: None,
        })
    }

    /// The fair controller is in control.
    pub(super) fn yields(&self) -> bool {
        self.waiting.is_some()
    }

    /// Packets have another length from now on, in bytes of UDP payload.
    pub(super) fn set_packet(&mut self, packet: usize) {
        self.packet = packet;
        if let Some(waiting) = &mut self.waiting {
            waiting.set_packet(packet);
        }
    }

    /// Sets the highest rate, in bits per second.
    pub(super) fn set_max_rate(&mut self, bits: Option<u64>) {
        self.limits.max = bits.map_or(f64::MAX, |bits| bits as f64 / 8.0);
        if let Some(waiting) = &mut self.waiting {
            waiting.set_max_rate(bits);
        }
    }

    /// A report was taken: perhaps the other controller is in control now.
    pub(super) fn decide(&mut self, now: Timestamp, controller: &mut RateController) {
        match controller {
            RateController::Delivery(follower)
                if follower.queue_occupancy() > FOREIGN_QUEUE_SHARE =>
            {
                self.yield_control(now, controller);
            }
            RateController::Fair(_) if now >= self.at => self.take_control(now, controller),
            RateController::Delivery(_) | RateController::Fair(_) => {}
        }
    }

    /// The fair controller takes over.
    fn yield_control(&mut self, now: Timestamp, controller: &mut RateController) {
        let RateController::Delivery(follower) = &*controller else { return };
        let (rate, rtt) = (follower.rate() * FAIR_START_SHARE, follower.rtt());
        let fair = Fair::at(self.limits, self.packet + self.overhead, rate, rtt, now);
        let election = Election::new(fair, self.packet, self.overhead, now);
        let soon = now < self.at + SOON.max(rtt * SOON_ROUNDS);
        let shortest = MIN_FAIR_TIME.max(rtt * MIN_FAIR_ROUNDS);
        let next = self.fair_time.filter(|_| soon).map_or(shortest, |last| last * 2);
        let fair_time = next.clamp(shortest, MAX_FAIR_TIME.max(shortest));
        self.fair_time = Some(fair_time);
        self.at = now + fair_time;
        let election = RateController::Fair(Box::new(election));
        self.waiting = Some(core::mem::replace(controller, election));
    }

    /// The delivery controller takes over again.
    fn take_control(&mut self, now: Timestamp, controller: &mut RateController) {
        let rate = controller.rate() as f64 / 8.0;
        let Some(mut waiting) = self.waiting.take() else { return };
        if let RateController::Delivery(follower) = &mut waiting {
            follower.resume(now, rate);
        }
        self.at = now;
        *controller = waiting;
    }
}
