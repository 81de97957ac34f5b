//! Faults and limits of one direction of a link, as rules in a line.

mod bottleneck;
mod chance;
mod line;

use core::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use line::{Arrival, Line};

/// What may happen to a packet on a link. Rules apply in their order; the first that drops ends it.
///
/// Each sees the packet when it enters the link, and their delays add up: one [`Rule::Rate`] is
/// enough for a direction, and its place in the line decides only what is dropped before it.
/// Probabilities are 0 to 1. Faults that change bytes leave TCP segments alone, for they are
/// simulated without any.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// Each packet is lost with this probability, whatever became of the others.
    Loss(f64),
    /// Gilbert-Elliott: in the bad state packets are lost with probability `loss`.
    ///
    /// `enter / (enter + leave)` of the packets meet the bad state, the first one too.
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
    /// A recorded trace: true is lost. When it is over it is played again, all of it, but from a
    /// drawn place in it.
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
        /// Bytes that may wait; a packet for which there is no room is dropped.
        queue: u32,
        /// A packet that finds more bytes than this waiting is marked, if it says that it may be (ECN).
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

impl Rule {
    /// Losses in bursts, as a radio link with interference has them: a `loss` of 0 to 0.5 in all,
    /// in bursts of `mean_burst` packets (1 and more) on average, with none lost between them.
    pub fn wifi_bursts(loss: f64, mean_burst: f64) -> Self {
        let loss = loss.clamp(0.0, 0.5);
        let leave = 1.0 / mean_burst.max(1.0);
        Self::Bursts { enter: leave * loss / (1.0 - loss), leave, loss: 1.0 }
    }

    /// A bottleneck whose queue takes so long to drain, without marks.
    pub fn bottleneck(bits: u64, queue: Duration) -> Self {
        let bytes = u128::from(bits) * queue.as_nanos() / 8_000_000_000;
        Self::Rate { bits, queue: u32::try_from(bytes).unwrap_or(u32::MAX), mark: None }
    }
}

#[cfg(test)]
mod tests;
