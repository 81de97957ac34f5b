//! A packet under way, and what a host is to the network.

use core::time::Duration;
use std::sync::Arc;

use norm_core::Timestamp;

use crate::tcp::Segment;

/// A host's place in [`crate::Scenario::hosts`].
pub type HostId = u32;

/// What true time shows when a run begins, so that no clock shows zero.
pub(crate) const START: Duration = Duration::from_secs(1);

/// Where a packet goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// Every other host.
    Group,
    /// One host.
    Host(HostId),
}

/// What a packet carries.
#[derive(Clone, Debug)]
pub enum Body {
    /// A UDP payload.
    Datagram(Arc<[u8]>),
    /// A segment of a TCP flow, without its bytes.
    Tcp(Segment),
}

/// A packet; shared by all that it is delivered to.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Who sent it.
    pub from: HostId,
    /// To whom.
    pub to: To,
    /// What it carries.
    pub body: Body,
    /// Bytes on the wire, headers included.
    pub size: u32,
    /// A queue on the way was long (RFC 3168).
    pub marked: bool,
    /// As it was sent: no fault has changed a byte.
    pub intact: bool,
    /// A fingerprint of ends and bytes, for the trace.
    pub fingerprint: u64,
}

/// Bytes of an IPv4 and a UDP header.
pub const UDP_OVERHEAD: u32 = 28;

/// What runs on a host. Time is the host's own clock.
pub(crate) trait Node: Send {
    /// Starts, or starts again with nothing but what a disk would have kept.
    fn start(&mut self, now: Timestamp, out: &mut Outbox);
    /// Is switched off without a word.
    fn stop(&mut self, now: Timestamp);
    /// Takes a packet.
    fn receive(&mut self, now: Timestamp, packet: &Packet, out: &mut Outbox);
    /// Its time has come.
    fn timeout(&mut self, now: Timestamp, out: &mut Outbox);
    /// When `timeout` is to be called: later than now, `Timestamp::MAX` for never.
    fn next(&self) -> Timestamp;
    /// Bytes acknowledged and segments sent again, if it is the sending end of a TCP flow.
    fn flow(&self) -> Option<(u64, u64)> {
        None
    }
}

/// What a host sends in one turn; it leaves at once.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) packets: Vec<(To, Body)>,
}

impl Outbox {
    /// Sends a datagram.
    pub(crate) fn send(&mut self, to: To, payload: &[u8]) {
        self.packets.push((to, Body::Datagram(Arc::from(payload))));
    }
}
