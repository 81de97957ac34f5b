//! A packet under way, and what a host is to the network.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;

use norm_core::endpoint::PacketOverhead;
use norm_core::{Datagram, Endpoint, Timestamp, TransmitBuf};

use crate::tcp::Segment;

/// A host's place in [`crate::Scenario::hosts`].
pub type HostId = u32;

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
    #[allow(dead_code, reason = "for the nodes of TCP flows")]
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
    /// It may be marked instead of dropped (RFC 3168): TCP's, and those of a sender that heeds marks.
    pub capable: bool,
    /// A queue on the way was long.
    pub marked: bool,
    /// As it was sent: no fault has changed a byte.
    pub intact: bool,
    /// A fingerprint of ends and bytes, for the trace.
    pub fingerprint: u64,
    /// The symbol that it carries, if an honest sender's: compared with the truth when it was sent.
    pub symbol: Option<Symbol>,
}

/// Names a symbol of a sender.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Symbol {
    /// The object's transport id.
    pub object: u16,
    /// Source block number.
    pub block: u32,
    /// Encoding symbol id.
    pub symbol: u32,
}

impl Packet {
    /// A packet as it is sent.
    pub(crate) fn new(from: HostId, to: To, body: Body) -> Self {
        let (size, bytes_hash) = match &body {
            Body::Datagram(bytes) => (bytes.len() as u32 + UDP_OVERHEAD, hash(bytes)),
            Body::Tcp(s) => (s.size(), mix(s.sequence, mix(s.acknowledged, s.len.into()))),
        };
        let ends = match to {
            To::Group => u64::from(from) << 32 | u64::from(u32::MAX),
            To::Host(to) => u64::from(from) << 32 | u64::from(to),
        };
        let fingerprint = mix(bytes_hash, ends);
        Self {
            from,
            to,
            capable: matches!(body, Body::Tcp(_)),
            body,
            size,
            marked: false,
            intact: true,
            fingerprint,
            symbol: None,
        }
    }

    /// The same packet with other bytes: a fault on the way.
    pub(crate) fn damaged(&self, bytes: &[u8]) -> Self {
        let body = Body::Datagram(Arc::from(bytes));
        let (capable, marked) = (self.capable, self.marked);
        Self { intact: false, capable, marked, ..Self::new(self.from, self.to, body) }
    }
}

/// Mixes two numbers well enough to notice any difference between runs.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.rotate_left(23) ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 29)
}

fn hash(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let start = mix(u64::from_le_bytes(last), bytes.len() as u64);
    words.iter().fold(start, |hash, word| mix(hash, u64::from_le_bytes(*word)))
}

/// Bytes of an IPv4 and a UDP header.
pub const UDP_OVERHEAD: u32 = PacketOverhead::IPV4.bytes() as u32;

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
    /// The sending end of a flow: payload bytes acknowledged, and segments sent again.
    fn flow(&self) -> Option<(u64, u64)> {
        None
    }
}

/// What a host sends in one turn; it leaves at once.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) packets: Vec<(To, Body)>,
    /// True time since the start of the run, for reports only: a node lives by its own clock.
    pub(crate) elapsed: Duration,
    /// Buffers shared by all nodes of a thread.
    pub(crate) transmit: TransmitBuf,
    pub(crate) scratch: Vec<u8>,
}

/// Datagrams per batch: a driver with segmentation offload.
const BATCH: usize = 16;

impl Default for Outbox {
    fn default() -> Self {
        Self {
            packets: Vec::new(),
            elapsed: Duration::ZERO,
            transmit: TransmitBuf::new(BATCH),
            scratch: Vec::new(),
        }
    }
}

impl Outbox {
    /// Sends a datagram.
    pub(crate) fn send(&mut self, to: To, payload: &[u8]) {
        self.packets.push((to, Body::Datagram(Arc::from(payload))));
    }
}

/// Hands a datagram to an engine, which may change the bytes that it gets.
pub(crate) fn hand_over(
    engine: &mut impl Endpoint,
    now: Timestamp,
    packet: &Packet,
    payload: &[u8],
    out: &mut Outbox,
) {
    out.scratch.clear();
    out.scratch.extend_from_slice(payload);
    let (source, to_group) = (address(packet.from), packet.to == To::Group);
    let marked = packet.marked;
    engine.handle_datagram(
        now,
        Datagram { source, to_group, marked, waited: Duration::ZERO, payload: &mut out.scratch },
    );
}

/// A host's address.
pub(crate) fn address(host: HostId) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from(0x0a00_0001 + host), PORT))
}

/// The host with this address.
pub(crate) fn host_at(address: SocketAddr) -> Option<HostId> {
    match address {
        SocketAddr::V4(v4) => u32::from(*v4.ip()).checked_sub(0x0a00_0001),
        SocketAddr::V6(_) => None,
    }
}

const PORT: u16 = 5740;
