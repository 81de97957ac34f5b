//! A TCP flow that competes for the links: congestion behaviour without the bytes.

use norm_core::Timestamp;

use crate::packet::{HostId, Node, Outbox, Packet};

/// One end of a flow.
#[derive(Clone, Debug, PartialEq)]
pub enum TcpPlan {
    /// Sends for ever to this host.
    Source {
        /// The host with the other end.
        to: HostId,
        /// How its window grows.
        control: Control,
    },
    /// Acknowledges.
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
    /// First byte, for data; 0 for an acknowledgment.
    pub sequence: u64,
    /// Payload bytes.
    pub len: u32,
    /// Everything before was received.
    pub acknowledged: u64,
    /// An acknowledgment says that a mark was seen.
    pub echo: bool,
}

/// A host with one end of a flow.
pub(crate) fn node(_plan: &TcpPlan, _me: HostId, _seed: u64) -> Box<dyn Node> {
    Box::new(Silent)
}

/// To be replaced by the flow itself.
struct Silent;

impl Node for Silent {
    fn start(&mut self, _now: Timestamp, _out: &mut Outbox) {}
    fn stop(&mut self, _now: Timestamp) {}
    fn receive(&mut self, _now: Timestamp, _packet: &Packet, _out: &mut Outbox) {}
    fn timeout(&mut self, _now: Timestamp, _out: &mut Outbox) {}
    fn next(&self) -> Timestamp {
        Timestamp::MAX
    }
}
