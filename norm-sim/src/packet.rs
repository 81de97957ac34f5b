//! Packets in transit, and the addresses of hosts.

use core::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use norm_core::endpoint::Proof;

/// Index of a host in [`crate::Scenario::hosts`].
pub type HostId = u32;

/// Where a packet goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// Every other host.
    Group,
    /// One host, wherever it is.
    Host(HostId),
    /// An address that a host has after it has moved this often. Nothing is there before and after.
    Address(HostId, u16),
}

/// What a packet carries.
#[derive(Clone, Debug)]
pub enum Body {
    /// A UDP payload.
    Datagram(Arc<[u8]>),
    /// A segment of a TCP flow, without its bytes.
    Tcp(Segment),
}

/// A segment of a TCP flow.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// For data, its first byte. For an acknowledgment, the first byte of the segment that it
    /// answers, or 0.
    pub sequence: u64,
    /// Payload bytes.
    pub len: u32,
    /// All bytes before this one were received.
    pub acknowledged: u64,
    /// The acknowledgment reports a CE mark.
    pub echo: bool,
}

/// A packet; all hosts that it is delivered to share it.
#[derive(Clone, Debug)]
pub struct Packet {
    /// The host that sent it.
    pub from: HostId,
    /// How often that had moved.
    pub from_moves: u16,
    /// Its destination.
    pub to: To,
    /// What it carries.
    pub body: Body,
    /// Bytes on the wire, headers included.
    pub size: u32,
    /// It is ECN-capable (RFC 3168): routers may set a CE mark instead of dropping it.
    pub ecn_capable: bool,
    /// A router has set a CE mark.
    pub ce: bool,
    /// No fault has changed a byte.
    pub intact: bool,
    /// When it was sent, its host had lost another's NACK on its link and received nothing since:
    /// no request of others could have suppressed it.
    pub cut_off: bool,
    /// A fingerprint of addresses and bytes, for the trace.
    pub fingerprint: u64,
    /// What was sealed, for what watches the run.
    pub plain: Option<Arc<[u8]>>,
    /// What a gate has proved of it.
    pub proof: Proof,
    /// The symbol that it carries, if a sender of the scenario sent it. It was compared with the
    /// reference then.
    pub symbol: Option<Symbol>,
}

/// A symbol of a sender.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Symbol {
    /// The object's transport id.
    pub object: u16,
    /// Source block number.
    pub block: u32,
    /// Encoding symbol id.
    pub symbol: u32,
    /// It is made of bytes that have changed since the start.
    pub changed: bool,
}

impl Packet {
    /// A packet at the time of sending.
    pub(crate) fn new(from: HostId, to: To, body: Body) -> Self {
        let (size, bytes_hash) = match &body {
            Body::Datagram(bytes) => (bytes.len() as u32 + UDP_OVERHEAD, hash(bytes)),
            Body::Tcp(s) => (s.size(), mix(s.sequence, mix(s.acknowledged, s.len.into()))),
        };
        let ends = match to {
            To::Group => u64::from(from) << 32 | u64::from(u32::MAX),
            To::Host(to) | To::Address(to, 0) => u64::from(from) << 32 | u64::from(to),
            To::Address(to, moves) => mix(u64::from(from) << 32 | u64::from(to), moves.into()),
        };
        let fingerprint = mix(bytes_hash, ends);
        Self {
            from,
            from_moves: 0,
            to,
            ecn_capable: matches!(body, Body::Tcp(_)),
            body,
            size,
            ce: false,
            intact: true,
            cut_off: false,
            fingerprint,
            plain: None,
            proof: Proof::None,
            symbol: None,
        }
    }

    /// The bytes of its datagram as they were before they were sealed.
    pub(crate) fn plain(&self) -> Option<&[u8]> {
        match (&self.plain, &self.body) {
            (Some(plain), _) => Some(plain),
            (None, Body::Datagram(bytes)) => Some(bytes),
            (None, Body::Tcp(_)) => None,
        }
    }

    /// This packet with other bytes, which a fault has changed.
    pub(crate) fn damaged(&self, bytes: &[u8]) -> Self {
        let body = Body::Datagram(Arc::from(bytes));
        let Self { from, from_moves, to, ecn_capable, ce, cut_off, .. } = *self;
        Self { intact: false, from_moves, ecn_capable, ce, cut_off, ..Self::new(from, to, body) }
    }
}

/// Bytes of an IPv4 and a UDP header.
const UDP_OVERHEAD: u32 = 28;
/// Bytes of an IPv4 and a TCP header with timestamps.
const TCP_OVERHEAD: u32 = 52;

impl Segment {
    /// Bytes on the wire, headers included.
    pub(crate) fn size(&self) -> u32 {
        self.len + TCP_OVERHEAD
    }
}

/// Mixes two numbers, well enough to show any difference between runs.
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

/// Port of all nodes that have not moved. Each move changes the port, which is part of an address.
const PORT: u16 = 5740;

/// A host's address after it has moved this often.
pub(crate) fn address(host: HostId, moves: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from(0x0a00_0001 + host), PORT.wrapping_add(moves)))
}

/// The host that has or had this address, and how often it had moved then.
pub(crate) fn host_at(address: SocketAddr) -> Option<(HostId, u16)> {
    match address {
        SocketAddr::V4(v4) => {
            let host = u32::from(*v4.ip()).checked_sub(0x0a00_0001)?;
            Some((host, v4.port().wrapping_sub(PORT)))
        }
        SocketAddr::V6(_) => None,
    }
}
