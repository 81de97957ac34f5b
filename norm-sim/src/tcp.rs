//! A TCP flow that competes for the links: congestion behaviour without the bytes.
//!
//! There is no handshake and no end: a source has always something to send, in segments of one
//! size. It repairs losses as RFC 6675 (SACK) says; an acknowledgment names the one segment that
//! it answers, and as acknowledgments of what is out of order do not wait, that is enough.

mod rto;
mod sink;
mod source;
mod window;

use crate::packet::{HostId, Node};

/// One end of a flow.
#[derive(Clone, Debug, PartialEq)]
pub enum TcpPlan {
    /// Sends for ever to this host, from a random moment in its first 100 ms on.
    Source {
        /// The host with the other end.
        to: HostId,
        /// How its window grows.
        control: Control,
    },
    /// Acknowledges what one source sends.
    Sink,
}

/// How a flow's window grows and shrinks.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// RFC 5681.
    Reno,
    /// RFC 9438.
    Cubic,
}

/// A segment of a flow.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First byte, for data; of the segment that it answers, for an acknowledgment, or 0.
    pub sequence: u64,
    /// Payload bytes.
    pub len: u32,
    /// Everything before was received.
    pub acknowledged: u64,
    /// An acknowledgment says that a mark was seen.
    pub echo: bool,
}

/// Payload bytes of a full segment: 1500 on the wire.
pub(crate) const MSS: u32 = 1448;
/// Bytes of an IPv4 and a TCP header with timestamps.
const OVERHEAD: u32 = 52;
/// The most that a source has under way, and a sink keeps out of order.
const RECEIVE_WINDOW: u64 = 6 << 20;

impl Segment {
    /// Bytes on the wire, headers included.
    pub(crate) fn size(&self) -> u32 {
        self.len + OVERHEAD
    }
}

/// One end of a flow, on host `me`.
pub(crate) fn node(plan: &TcpPlan, me: HostId, seed: u64) -> Box<dyn Node> {
    match *plan {
        TcpPlan::Source { to, control } => Box::new(source::Source::new(to, control, me, seed)),
        TcpPlan::Sink => Box::new(sink::Sink::default()),
    }
}

#[cfg(test)]
mod tests;
