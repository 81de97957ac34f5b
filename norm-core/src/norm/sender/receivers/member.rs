//! What a sender knows of one receiver.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::size_evidence::{SizeAnswer, SizeEvidence};
use crate::base::Rng;
use crate::base::Timestamp;
use crate::endpoint::{Proof, ReceiverKey};
use crate::norm::wire::{Identity, MemberReport, MemberState, NodeId};

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
    joined: u64,
    peer: Peer,
    node: NodeId,
    /// The last round trip measured with it, in microseconds; zero before the first.
    last_rtt: u32,
    sizes: SizeEvidence,
}

/// Silence after which a receiver may have another address.
pub(super) const MOVE_AFTER: Duration = Duration::from_secs(2);

impl Member {
    pub(super) fn new(now: Timestamp, speaker: Speaker, identity: Identity, joined: u64) -> Self {
        Self {
            status: MemberStatus::Active,
            identity,
            last_heard: now,
            bytes_done: 0,
            loss: 0,
            state: MemberState::Joined,
            joined,
            peer: speaker.peer,
            node: speaker.node,
            last_rtt: 0,
            sizes: SizeEvidence::default(),
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.status == MemberStatus::Active
    }

    /// The running number of the block that was being sent when it came.
    pub(crate) fn joined(&self) -> u64 {
        self.joined
    }

    /// What its reports say of the length of packets.
    pub(crate) fn sizes(&self) -> SizeEvidence {
        self.sizes
    }

    /// Takes what a report says of the length of packets; returns what is known now.
    pub(super) fn note_sizes(&mut self, answer: &SizeAnswer) -> SizeEvidence {
        self.sizes.take(answer);
        self.sizes
    }

    /// Packets of this many bytes are in use from now on.
    pub(super) fn judge_sizes_anew(&mut self, packet: u16) {
        self.sizes.judge_anew(packet);
    }

    /// Where it speaks from.
    pub(super) fn peer(&self) -> Peer {
        self.peer
    }

    /// Which receiver it is.
    pub(super) fn person(&self) -> Person {
        Person { identity: self.identity.0, key: self.peer.key }
    }

    /// The key that proves what it says.
    pub(crate) fn key(&self) -> Option<ReceiverKey> {
        self.peer.key
    }

    /// Its node id.
    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    /// Changes its status; returns the old one.
    pub(super) fn replace_status(&mut self, status: MemberStatus) -> MemberStatus {
        core::mem::replace(&mut self.status, status)
    }

    /// It was heard.
    pub(super) fn note_heard(&mut self, now: Timestamp) {
        self.last_heard = now;
    }

    /// Notes what it reports of itself.
    pub(super) fn note_report(&mut self, report: &MemberReport<'_>) {
        self.bytes_done = report.bytes_done;
        self.loss = report.loss;
        self.state = report.state;
    }

    /// It has another address since this block.
    pub(super) fn move_to(&mut self, peer: Peer, joined: u64) {
        self.peer = peer;
        self.joined = joined;
    }

    /// True when it has spoken so lately that its identity cannot be claimed.
    pub(super) fn speaks(&self, now: Timestamp) -> bool {
        now < self.last_heard + MOVE_AFTER
    }

    /// True when it has gone: a claim of its identity may be its own return.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.status, MemberStatus::Failed | MemberStatus::Lost)
    }

    /// A round trip as far as it is believed: the smaller one of two in a row.
    pub(super) fn believe(&mut self, rtt: Duration) -> Option<Duration> {
        let micros = u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX).max(1);
        let before = core::mem::replace(&mut self.last_rtt, micros);
        (before > 0).then(|| rtt.min(Duration::from_micros(before.into())))
    }
}

/// Which receiver one is: what it calls itself, and the key that proves it, so that others that say
/// the same are others.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Person {
    identity: [u8; 16],
    key: Option<ReceiverKey>,
}

/// Where feedback comes from.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Speaker {
    pub(crate) node: NodeId,
    pub(crate) peer: Peer,
    pub(crate) address: SocketAddr,
}

impl Speaker {
    /// What is not proved comes from another peer than what is, whatever its address.
    pub(crate) fn new(node: NodeId, address: SocketAddr, proof: Proof) -> Self {
        Self { node, peer: Peer::new(address, proof), address }
    }

    /// Which receiver it is that calls itself this.
    pub(super) fn person(&self, identity: Identity) -> Person {
        Person { identity: identity.0, key: self.peer.key }
    }
}

/// Where a receiver speaks from: its address, as a mix of IP address and port, because a list can
/// be long, and the key that proves it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Peer {
    address: u64,
    key: Option<ReceiverKey>,
}

impl Peer {
    fn new(address: SocketAddr, proof: Proof) -> Self {
        let key = match proof {
            Proof::Receiver(key) => Some(key),
            Proof::None | Proof::Group | Proof::Signed => None,
        };
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let ip = u128::from_be_bytes(ip.octets());
        let seed = (ip as u64) ^ ((ip >> 64) as u64).rotate_left(32);
        Self { address: Rng::new(seed ^ (u64::from(address.port()) << 48)).next_u64(), key }
    }

    /// The key that proves it.
    pub(super) fn key(self) -> Option<ReceiverKey> {
        self.key
    }
}
