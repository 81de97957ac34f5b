//! Rules: faults and limits of one direction of a link.

mod bottleneck;
mod chance;
mod line;

use core::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use line::{Arrival, Line};

/// A fault or a limit of a link. Rules apply in their order, and the first one that drops a packet
/// ends it.
///
/// Each rule sees a packet at the time when it enters the link, and delays add up. So one
/// [`Rule::Rate`] is enough for a direction, and its position decides only which packets are
/// dropped before it. Probabilities are 0 to 1. Faults that change bytes do not apply to TCP
/// segments, which are simulated without bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// Each packet is lost with this probability, independently of the others.
    Loss(f64),
    /// Gilbert-Elliott: in the bad state packets are lost with probability `loss`.
    ///
    /// A share of `enter / (enter + leave)` of the packets meets the bad state, from the first
    /// packet on.
    Bursts {
        /// Probability, per packet, to enter the bad state.
        enter: f64,
        /// Probability, per packet, to leave it.
        leave: f64,
        /// Probability of loss in it.
        loss: f64,
    },
    /// Loss in a span of time, such as the start or the end of a transfer.
    LossDuring {
        /// Start of the span, in time of the run.
        from: Duration,
        /// End of the span.
        to: Duration,
        /// Probability of loss.
        loss: f64,
    },
    /// A recorded trace, with true for lost packets. At its end the whole trace is played again
    /// from a random position in it.
    Recorded(Vec<bool>),
    /// Nothing passes in a span of time.
    Outage {
        /// Start of the span, in time of the run.
        from: Duration,
        /// End of the span.
        to: Duration,
    },
    /// Packets longer than this many bytes (headers included) are dropped.
    Mtu(u32),
    /// From a time on, packets longer than this many bytes (headers included) are dropped: the path
    /// has changed.
    MtuFrom {
        /// The time, in time of the run.
        from: Duration,
        /// Bytes that pass.
        bytes: u32,
    },
    /// Packets to the group are dropped, as by a snooping switch or a router without multicast.
    NoMulticast,
    /// Nothing passes, as on the return path of a one-way link.
    Nothing,
    /// A bottleneck with a queue.
    Rate {
        /// Bits per second.
        bits: u64,
        /// Capacity of the queue in bytes; packets that do not fit are dropped.
        queue: u32,
        /// Bytes in the queue above which an ECN-capable packet gets a CE mark.
        mark: Option<u32>,
    },
    /// Each packet is delayed by a random part of this time, and may be reordered.
    Jitter(Duration),
    /// Some packets are delayed, and overtaken by others.
    Late {
        /// Share of the delayed packets.
        share: f64,
        /// Their additional delay.
        by: Duration,
    },
    /// Packets are held, and released all at once at each multiple of this time, as an access point
    /// of Wi-Fi does with multicast while stations sleep.
    Held(Duration),
    /// Each packet arrives twice with this probability.
    Duplicate(f64),
    /// A bit is flipped with this probability, undetected by any checksum.
    Corrupt(f64),
    /// The end of a packet is cut off with this probability.
    Truncate(f64),
}

impl Rule {
    /// Losses in bursts, as on a radio link with interference: a share `loss` of 0 to 0.5 in bursts
    /// of `mean_burst` packets (at least 1) on average, and no loss between them.
    pub fn wifi_bursts(loss: f64, mean_burst: f64) -> Self {
        let loss = loss.clamp(0.0, 0.5);
        let leave = 1.0 / mean_burst.max(1.0);
        Self::Bursts { enter: leave * loss / (1.0 - loss), leave, loss: 1.0 }
    }

    /// A bottleneck whose full queue drains in the time `queue`, without CE marks.
    pub fn bottleneck(bits: u64, queue: Duration) -> Self {
        let bytes = u128::from(bits) * queue.as_nanos() / 8_000_000_000;
        Self::Rate { bits, queue: u32::try_from(bytes).unwrap_or(u32::MAX), mark: None }
    }
}

#[cfg(test)]
mod tests;
