//! Faults and limits of one direction of a link, as rules in a line.

use core::time::Duration;

use norm_core::{Rng, Timestamp};
use serde::{Deserialize, Serialize};

use crate::packet::{Body, Packet};

/// What may happen to a packet on a link. Rules apply in their order; the first that drops ends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// Each packet is lost with this probability, whatever became of the others.
    Loss(f64),
    /// Gilbert-Elliott: in the bad state packets are lost with probability `loss`.
    Bursts {
        /// Probability, per packet, to enter the bad state.
        enter: f64,
        /// Probability, per packet, to leave it.
        leave: f64,
        /// Probability of loss in it.
        loss: f64,
    },
    /// Loss in a span of time only, such as the start or the end of a transfer.
    LossDuring {
        /// From this time of the run ...
        from: Duration,
        /// ... to this.
        to: Duration,
        /// Probability of loss.
        loss: f64,
    },
    /// A recorded trace, from its start again when it is over: true is lost.
    Recorded(Vec<bool>),
    /// Nothing passes in a span of time.
    Outage {
        /// From this time of the run ...
        from: Duration,
        /// ... to this.
        to: Duration,
    },
    /// Packets longer than this many bytes (headers included) are dropped.
    Mtu(u32),
    /// Packets to the group are dropped: a snooping switch, a router without multicast.
    NoMulticast,
    /// Nothing passes: a one-way link's return.
    Nothing,
    /// A bottleneck with a queue.
    Rate {
        /// Bits per second.
        bits: u64,
        /// Bytes that may wait; more are dropped.
        queue: u32,
        /// A packet that finds more bytes than this waiting is marked (ECN).
        mark: Option<u32>,
    },
    /// Each packet is late by a random part of this; enough of it reorders.
    Jitter(Duration),
    /// This share of packets is late by this much: they are overtaken.
    Late {
        /// Probability.
        share: f64,
        /// By how much.
        by: Duration,
    },
    /// Each packet arrives twice with this probability.
    Duplicate(f64),
    /// A bit is flipped with this probability, and the checksum does not see it.
    Corrupt(f64),
    /// The end of a packet is cut off with this probability.
    Truncate(f64),
}

/// What becomes of one packet: nothing, one arrival, or two.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Fate {
    pub(crate) arrivals: [Option<Arrival>; 2],
}

/// One copy that arrives.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Arrival {
    /// Besides the link's own.
    pub(crate) delay: Duration,
    /// A queue was long.
    pub(crate) marked: bool,
    pub(crate) damage: Option<Damage>,
}

/// What is wrong with a copy.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Damage {
    /// This bit of the payload is flipped.
    Flip(u32),
    /// Only so many bytes of the payload are left.
    Cut(u32),
}

/// One direction of a link in use. Minimal: to be replaced by one that knows every rule.
#[derive(Debug)]
pub(crate) struct Line {
    rules: Vec<Rule>,
    rng: Rng,
    free_at: Timestamp,
}

impl Line {
    pub(crate) fn new(rules: &[Rule], rng: Rng) -> Self {
        Self { rules: rules.to_vec(), rng, free_at: Timestamp::ZERO }
    }

    /// True when nothing but loss happens here.
    pub(crate) fn only_drops(&self) -> bool {
        self.rules.iter().all(|rule| matches!(rule, Rule::Loss(_) | Rule::Nothing))
    }

    /// For a line that only drops.
    pub(crate) fn passes(&mut self, _now: Timestamp, _packet: &Packet) -> bool {
        self.rules.iter().all(|rule| match rule {
            Rule::Loss(loss) => !self.rng.chance(*loss),
            Rule::Nothing => false,
            _ => true,
        })
    }

    pub(crate) fn apply(&mut self, now: Timestamp, packet: &Packet) -> Fate {
        let Body::Datagram(payload) = &packet.body else { return Fate::default() };
        let mut copies =
            [Some(Arrival { delay: Duration::ZERO, marked: false, damage: None }), None];
        for rule in &self.rules {
            match rule {
                Rule::Loss(loss) if self.rng.chance(*loss) => return Fate::default(),
                Rule::Nothing => return Fate::default(),
                Rule::Jitter(most) => {
                    for copy in copies.iter_mut().flatten() {
                        copy.delay += most.mul_f64(self.rng.unit());
                    }
                }
                Rule::Rate { bits, queue, .. } => {
                    let waiting = self.free_at.saturating_since(now);
                    let backlog = waiting.as_nanos() * u128::from(*bits) / 8_000_000_000;
                    if backlog > u128::from(*queue) {
                        return Fate::default();
                    }
                    let nanos = u64::from(packet.size) * 8_000_000_000 / (*bits).max(1);
                    self.free_at = now + waiting + Duration::from_nanos(nanos);
                    for copy in copies.iter_mut().flatten() {
                        copy.delay += self.free_at.saturating_since(now);
                    }
                }
                Rule::Duplicate(share) if self.rng.chance(*share) => copies[1] = copies[0],
                Rule::Corrupt(share) if self.rng.chance(*share) && !payload.is_empty() => {
                    let bit = self.rng.below(payload.len() as u64 * 8) as u32;
                    for copy in copies.iter_mut().flatten() {
                        copy.damage = Some(Damage::Flip(bit));
                    }
                }
                _ => {}
            }
        }
        Fate { arrivals: copies }
    }
}
