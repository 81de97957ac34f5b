//! The contract between a host and the node that runs on it.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use norm_core::{Datagram, Endpoint, Timestamp, TransmitBuf};

use crate::packet::{Body, HostId, Packet, To, address};

/// A node: an engine of any protocol with its application, a model, or an attacker.
///
/// Time is that of the host's own clock.
pub(crate) trait Node: Send {
    /// Starts, or starts again with nothing but what a disk would have kept.
    fn start(&mut self, now: Timestamp, out: &mut Outbox);
    /// Is switched off, and sends nothing more.
    fn stop(&mut self, now: Timestamp);
    /// Has another address from now on.
    fn moved(&mut self, _now: Timestamp, _out: &mut Outbox) {}
    /// Takes a packet.
    fn receive(&mut self, now: Timestamp, packet: &Packet, out: &mut Outbox);
    /// Is called at the time that `next` returned.
    fn timeout(&mut self, now: Timestamp, out: &mut Outbox);
    /// When to call `timeout`: later than now, or `Timestamp::MAX` for never.
    fn next(&self) -> Timestamp;
    /// Is told how many packets the host's socket has dropped so far.
    fn set_host_drops(&mut self, _packets: u64) {}
    /// True when the run need not wait for it.
    fn is_done(&self) -> bool {
        true
    }
    /// Counters of the sending end of a TCP flow.
    fn flow(&self) -> Option<FlowStats> {
        None
    }
}

/// Counters of a TCP flow.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct FlowStats {
    /// Payload bytes that were acknowledged.
    pub(crate) acknowledged: u64,
    /// Segments that were sent again.
    pub(crate) resent: u64,
}

/// Packets that a node sends in one call; they leave at once.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) packets: Vec<(To, Body)>,
    /// Of a receiver: the sender that each of them is for.
    pub(crate) feedback_to: Vec<Option<SocketAddr>>,
    /// Of a sender: whether each of them is to be signed.
    pub(crate) to_sign: Vec<bool>,
    /// Of an attacker: the host that each of them seems to come from.
    pub(crate) seems_from: Vec<Option<HostId>>,
    elapsed: Duration,
    /// How long the packet of this turn has waited in the socket.
    waited: Duration,
    /// Batches that the node may still send in this turn.
    batches: usize,
    /// The node has more to send than it may in this turn.
    more: bool,
    /// A buffer that all nodes of a thread share.
    pub(crate) transmit: TransmitBuf,
    scratch: Vec<u8>,
}

/// Datagrams per batch: those of a driver with segmentation offload.
const BATCH: usize = 16;
/// Batches that a limited processor sends before it looks at its socket again, as the driver of
/// `norm-net` does.
const LIMITED_BATCHES: usize = 8;

impl Default for Outbox {
    fn default() -> Self {
        Self {
            packets: Vec::new(),
            feedback_to: Vec::new(),
            to_sign: Vec::new(),
            seems_from: Vec::new(),
            elapsed: Duration::ZERO,
            waited: Duration::ZERO,
            batches: usize::MAX,
            more: false,
            transmit: TransmitBuf::new(BATCH),
            scratch: Vec::new(),
        }
    }
}

impl Outbox {
    /// Starts the turn of a node, at this true time since the start of the run.
    pub(crate) fn start_turn(&mut self, elapsed: Duration) {
        self.elapsed = elapsed;
        self.waited = Duration::ZERO;
        self.batches = usize::MAX;
        self.more = false;
    }

    /// The turn is that of a limited processor, and its packet has waited in the socket.
    pub(crate) fn limit_turn(&mut self, waited: Duration) {
        self.waited = waited;
        self.batches = LIMITED_BATCHES;
    }

    /// True if the node may send one more batch in this turn; if not, it notes that there is more.
    pub(crate) fn may_send(&mut self) -> bool {
        self.more = self.batches == 0;
        self.batches = self.batches.saturating_sub(1);
        !self.more
    }

    /// The node has more to send than it may in this turn.
    pub(crate) fn has_more(&self) -> bool {
        self.more
    }

    /// True time since the start of the run, for outcomes only: a node lives by its own clock.
    pub(crate) fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Sends a datagram that seems to come from another host.
    pub(crate) fn send_as(&mut self, host: Option<HostId>, to: To, payload: &[u8]) {
        self.seems_from.resize(self.packets.len(), None);
        self.seems_from.push(host);
        self.send(to, payload);
    }

    /// Sends a datagram.
    pub(crate) fn send(&mut self, to: To, payload: &[u8]) {
        self.packets.push((to, Body::Datagram(Arc::from(payload))));
    }
}

/// Hands a datagram to an engine, which may change the bytes of its copy.
pub(crate) fn hand_over(
    engine: &mut impl Endpoint,
    now: Timestamp,
    packet: &Packet,
    payload: &[u8],
    out: &mut Outbox,
) {
    out.scratch.clear();
    out.scratch.extend_from_slice(payload);
    let (source, to_group) = (address(packet.from, packet.from_moves), packet.to == To::Group);
    let (ce, waited) = (packet.ce, out.waited);
    engine.handle_datagram(
        now,
        Datagram { source, to_group, ce, waited, proof: packet.proof, payload: &mut out.scratch },
    );
}
