//! Faults and limits of one direction of a link, as rules in a line.

use core::time::Duration;

use norm_core::{Rng, Timestamp};
use serde::{Deserialize, Serialize};

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
