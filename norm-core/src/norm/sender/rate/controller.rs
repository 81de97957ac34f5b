//! The controllers of the rate, with one interface.

use core::time::Duration;

use super::clr::ClrFollower;
use super::election::Election;
use super::trace::RateState;
use crate::base::Timestamp;
use crate::norm::congestion::{Delivery, Fair, Interval, RateLimits, Total};
use crate::norm::sender::config::{RateControl, SenderConfig};
use crate::norm::wire::{CcNode, NodeId, PathReport, QuantizedRate, Watch};

/// From this part of the highest rate allowed on, no receiver limits the rate.
const UNLIMITED_SHARE: f64 = 0.9;

/// A controller, with the receivers whose reports it follows.
#[derive(Debug)]
pub(super) enum RateController {
    /// The rate is what arrives.
    Delivery(Box<ClrFollower>),
    /// The rate is what TCP would get.
    Fair(Box<Election>),
}

/// The receiver that limits the rate.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limiting {
    pub(crate) node: NodeId,
    /// Bits per second.
    pub(crate) rate: u64,
}

impl RateController {
    /// `None` when the application has fixed the rate. `packet` are the bytes of UDP payload of the
    /// longest packet.
    pub(super) fn new(config: &SenderConfig, packet: usize, now: Timestamp) -> Option<Self> {
        if config.control == RateControl::Fixed {
            return None;
        }
        let limits = limits(config);
        let (overhead, guess) = (config.packets.overhead, config.grtt.initial);
        if config.control == RateControl::Fair || !config.mode.has_path_reports() {
            let fair = Fair::new(limits, packet + overhead.bytes(), guess, now);
            return Some(Self::Fair(Box::new(Election::new(fair, packet, overhead.bytes(), now))));
        }
        let delivery = Delivery::new(limits, packet, overhead, guess, now);
        let scavenges = config.control == RateControl::Scavenger;
        let delivery = if scavenges { delivery.scavenger() } else { delivery };
        Some(Self::Delivery(Box::new(ClrFollower::new(delivery, limits.max, now))))
    }

    /// Bits per second.
    pub(super) fn rate(&self) -> u64 {
        let bytes = match self {
            Self::Delivery(follower) => follower.rate(),
            Self::Fair(election) => election.fair().rate(),
        };
        (bytes * 8.0) as u64
    }

    /// Packets that may leave at once; `overdue` of them may leave already.
    pub(super) fn burst(&self, overdue: usize) -> usize {
        match self {
            Self::Delivery(follower) => follower.burst(overdue),
            Self::Fair(election) => election.fair().burst(overdue),
        }
    }

    /// The receiver that limits the rate; `None` when it is the highest rate allowed that does.
    pub(super) fn limiting(&self) -> Option<Limiting> {
        let (node, max) = match self {
            Self::Delivery(follower) => (follower.clr()?, follower.max_rate()),
            Self::Fair(election) => (election.clr()?, election.fair().max_rate()),
        };
        let rate = self.rate();
        ((rate as f64) < max * 8.0 * UNLIMITED_SHARE).then_some(Limiting { node, rate })
    }

    /// What it believes, for a trace.
    pub(super) fn state(&self) -> RateState {
        match self {
            Self::Delivery(follower) => {
                let delivery = follower.delivery();
                RateState {
                    mode: if delivery.is_startup() { "startup" } else { "steady" },
                    phase: delivery.phase(),
                    bandwidth: (delivery.bandwidth() * 8.0) as u64,
                    clr: follower.followed(),
                }
            }
            Self::Fair(election) => {
                RateState { mode: "fair", clr: election.clr(), ..RateState::default() }
            }
        }
    }

    /// The interval of a report, by the delivery controller's counts.
    pub(super) fn interval(&self, report: &PathReport) -> Option<Interval> {
        match self {
            Self::Delivery(follower) => follower.delivery().interval(report),
            Self::Fair(_) => None,
        }
    }

    /// The limit of the path has not been found yet.
    pub(super) fn is_exploring(&self) -> bool {
        match self {
            Self::Delivery(follower) => follower.delivery().is_startup(),
            Self::Fair(_) => false,
        }
    }

    /// There is no CLR, and no receiver was heard for this long.
    pub(super) fn is_unheard(&self, now: Timestamp, time: Duration) -> bool {
        match self {
            Self::Delivery(follower) => follower.is_unheard(now, time),
            Self::Fair(election) => election.is_unheard(now, time),
        }
    }

    /// Queues so far were of our own making.
    pub(super) fn forget_queues(&mut self) {
        if let Self::Delivery(follower) = self {
            follower.forget_queues();
        }
    }

    /// Packets have another length from now on, in bytes of UDP payload.
    pub(super) fn set_packet(&mut self, packet: usize) {
        match self {
            Self::Delivery(follower) => follower.set_packet(packet),
            Self::Fair(election) => election.set_packet(packet),
        }
    }

    /// Sets the highest rate, in bits per second.
    pub(super) fn set_max_rate(&mut self, bits: Option<u64>) {
        let max = bits.map_or(f64::MAX, |bits| bits as f64 / 8.0);
        match self {
            Self::Delivery(follower) => follower.set_max_rate(max),
            Self::Fair(election) => election.fair_mut().set_max_rate(max),
        }
    }

    /// Nothing was sent for a while, and what was known of the path is old.
    pub(super) fn restart(&mut self, now: Timestamp) {
        match self {
            Self::Delivery(follower) => follower.restart(now),
            Self::Fair(election) => election.fair_mut().restart(now),
        }
    }

    /// Time has passed: receivers that are silent, or no longer `active`, are given up.
    pub(super) fn tick(&mut self, now: Timestamp, active: impl Fn(NodeId) -> bool) {
        match self {
            Self::Delivery(follower) => follower.tick(now, active),
            Self::Fair(election) => election.tick(now, active),
        }
    }

    /// The receivers that every probe asks.
    pub(super) fn listed(&self) -> Vec<CcNode> {
        match self {
            Self::Delivery(follower) => follower.listed().collect(),
            Self::Fair(election) => election.listed().collect(),
        }
    }

    /// The group round trip was measured: the first rate follows it.
    pub(super) fn note_grtt(&mut self, grtt: Duration) {
        if let Self::Delivery(follower) = self {
            follower.note_grtt(grtt);
        }
    }

    /// A probe leaves after `total` was sent: what it says to native receivers.
    pub(super) fn probe(&mut self, now: Timestamp, cc_sequence: u16, total: Total) -> Watch {
        match self {
            Self::Delivery(follower) => follower.probe(now, cc_sequence, total),
            Self::Fair(election) => {
                election.probe(now, total);
                let rate = QuantizedRate::from_bytes_per_second(election.fair().rate());
                Watch { quiet: false, fair: true, paused: false, stopped: false, rate }
            }
        }
    }

    /// When the next probe is due; `None` leaves it to the schedule of probes.
    pub(super) fn next_probe(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Delivery(follower) => Some(follower.next_probe()),
            Self::Fair(election) => election.next_probe(now),
        }
    }
}

/// The bounds of the rate, in bytes per second.
pub(super) fn limits(config: &SenderConfig) -> RateLimits {
    let bytes = |bits: u64| bits as f64 / 8.0;
    RateLimits { min: bytes(config.rate_min), max: config.rate.map_or(f64::MAX, bytes) }
}
