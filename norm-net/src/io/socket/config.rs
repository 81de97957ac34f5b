//! What the user decides about a link.

use std::net::{IpAddr, SocketAddr};

use crate::io::dscp::Dscp;
use crate::io::error::{LinkProblem, NetError};
use crate::io::interface::InterfaceSpec;

/// The options of a [`Link`](super::Link).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// Multicast group and port of the session. A unicast address makes a unicast session: for the
    /// sender the receiver's address, for the receiver (`bind_session_port`) the address to listen
    /// on; one that is not of this machine means every address.
    pub group: SocketAddr,
    /// Interface to send and join on; without it the routing table decides.
    pub interface: Option<InterfaceSpec>,
    /// Only source to listen to: joins (source, group), as in source-specific multicast.
    pub source: Option<IpAddr>,
    /// Multicast TTL or hop limit, 1 to 255: how many routers a packet may pass, plus one. Unicast
    /// packets leave with the system's own.
    pub ttl: u32,
    /// Code point of all packets that are sent (DSCP, RFC 2474).
    pub dscp: Dscp,
    /// Whether all packets that are sent say that routers may set a CE mark instead of dropping
    /// them (ECT(0), RFC 3168). Only for senders that slow down when receivers report CE marks.
    pub ecn: bool,
    /// Whether receivers on this machine get what is sent to the group. On the loopback interface
    /// itself they always do.
    pub loopback: bool,
    /// Kernel receive buffer to ask for, in bytes.
    pub recv_buffer: usize,
    /// Kernel send buffer to ask for, in bytes.
    pub send_buffer: usize,
    /// Whether to join the group. A sender that only gets unicast feedback has no need to.
    pub join: bool,
    /// Unicast sessions only: whether to receive on the session's port, as receivers do.
    pub bind_session_port: bool,
    /// What the kernel hands over: it drops all other packets, our own that come back among them.
    /// `None` is everything. Only on Linux; elsewhere everything is handed over.
    pub feedback_filter: Option<PacketFilter>,
    /// Whether one system call may send several packets (GSO).
    pub gso: bool,
    /// Whether one system call may receive several packets as one (GRO).
    pub gro: bool,
}

/// Which datagrams are kept, by a byte of their payload: those in which it is at least `min`, after
/// a bitwise and with `mask`, and some others. Shorter ones are dropped.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PacketFilter {
    /// Which byte, from 0 on.
    pub offset: u8,
    /// Bits that count.
    pub mask: u8,
    /// The lowest value of these bits.
    pub min: u8,
    /// Those in which this byte is zero are kept, too.
    pub sample: Option<u8>,
}

impl PacketFilter {
    /// Keeps what receivers seal (the kind is in the second byte), and of what senders seal one
    /// packet of 256, by the last byte of the counter: a copy of this machine shows soon.
    pub const SEALED_FEEDBACK: Self = Self { offset: 1, mask: 0x0f, min: 1, sample: Some(27) };
}

impl LinkConfig {
    /// The defaults: joined, chosen interface, TTL 1, default forwarding, no loopback, 32 MiB to
    /// receive and 4 MiB to send, all batching.
    pub fn new(group: SocketAddr) -> Self {
        Self {
            group,
            interface: None,
            source: None,
            ttl: 1,
            dscp: Dscp::DEFAULT,
            ecn: false,
            loopback: false,
            recv_buffer: 32 << 20,
            send_buffer: 4 << 20,
            join: true,
            bind_session_port: false,
            feedback_filter: None,
            gso: true,
            gro: true,
        }
    }

    /// Whether the session is multicast.
    pub fn is_multicast(&self) -> bool {
        self.group.ip().is_multicast()
    }

    /// Refuses values that cannot work.
    pub(super) fn check(&self) -> Result<(), NetError> {
        let refuse = |problem| Err(NetError::Config(problem));
        let Self { group, ttl, .. } = *self;
        if group.port() == 0 {
            return refuse(LinkProblem::NoPort { group });
        }
        if !(1..=255).contains(&ttl) {
            return refuse(LinkProblem::Ttl { ttl });
        }
        if group.ip().is_unspecified() && !self.bind_session_port {
            return refuse(LinkProblem::NoDestination { group });
        }
        let Some(source) = self.source else { return Ok(()) };
        if !self.is_multicast() {
            return refuse(LinkProblem::SourceWithoutGroup { source, group });
        }
        if source.is_multicast() || source.is_unspecified() {
            return refuse(LinkProblem::SourceAddress { source });
        }
        if source.is_ipv4() != group.is_ipv4() {
            return refuse(LinkProblem::MixedFamilies { source, group });
        }
        Ok(())
    }
}
