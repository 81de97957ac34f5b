//! What a sender knows of one receiver.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::table::MOVE_AFTER;
use crate::base::Rng;
use crate::base::Timestamp;
use crate::norm::wire::{Identity, MemberState, NodeId};

/// How far a receiver has come, as far as the sender knows.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum MemberStatus {
    /// Heard, not finished.
    Active,
    /// Confirmed the newest watermark.
    Confirmed,
    /// Said that it cannot finish, or left.
    Failed,
    /// Silent for too long.
    Lost,
    /// No longer waited for, because it kept the others slow.
    Evicted,
}

/// One receiver; kept small, because there may be a hundred thousand.
#[derive(Copy, Clone, Debug)]
pub struct Member {
    /// Where it stands.
    pub status: MemberStatus,
    /// Its 128-bit identity.
    pub identity: Identity,
    /// When it was last heard.
    pub last_heard: Timestamp,
    /// Content bytes it reported to have.
    pub bytes_done: u64,
    /// Loss it reported, as a fraction of 65,535.
    pub loss: u16,
    /// The state it reported.
    pub state: MemberState,
    /// The running number of the block that was being sent when it was first heard.
    pub(crate) joined: u64,
    /// Where it speaks from.
    pub(crate) peer: Peer,
    /// Its node id.
    pub(crate) node: NodeId,
    /// The last round trip measured with it, in microseconds; zero before the first.
    last_rtt: u32,
}

impl Member {
    pub(crate) fn new(
        now: Timestamp,
        (node, peer): (NodeId, Peer),
        identity: Identity,
        joined: u64,
    ) -> Self {
        Self {
            status: MemberStatus::Active,
            identity,
            last_heard: now,
            bytes_done: 0,
            loss: 0,
            state: MemberState::Joined,
            joined,
            peer,
            node,
            last_rtt: 0,
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.status == MemberStatus::Active
    }

    /// True when it has spoken so lately that nobody else can be meant by its names.
    pub(crate) fn speaks(&self, now: Timestamp) -> bool {
        now < self.last_heard + MOVE_AFTER
    }

    /// True when it has gone, or nothing is expected of it: who comes in its name may be itself again.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.status, MemberStatus::Failed | MemberStatus::Lost)
    }

    /// A round trip as far as it is believed: the smaller one of two in a row.
    pub(crate) fn believe(&mut self, rtt: Duration) -> Option<Duration> {
        let micros = u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX).max(1);
        let before = core::mem::replace(&mut self.last_rtt, micros);
        (before > 0).then(|| rtt.min(Duration::from_micros(before.into())))
    }
}

/// Where feedback comes from: a mix of address and port, of which a list can be long.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Peer(u64);

impl Peer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let ip = u128::from_be_bytes(ip.octets());
        let seed = (ip as u64) ^ ((ip >> 64) as u64).rotate_left(32);
        Self(Rng::new(seed ^ (u64::from(address.port()) << 48)).next_u64())
    }
}
