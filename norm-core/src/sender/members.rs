//! The receivers that a sender has heard of.

use core::net::{IpAddr, SocketAddr};
use core::ops::Bound;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use crate::rng::Rng;
use crate::time::Timestamp;
use crate::wire::{Identity, MemberState, NodeId};

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
    pub(super) joined: u64,
    /// Where it speaks from.
    peer: Peer,
    /// The last round trip measured with it, in microseconds.
    last_rtt: Option<u32>,
}

impl Member {
    fn new(now: Timestamp, peer: Peer, identity: Identity, joined: u64) -> Self {
        Self {
            status: MemberStatus::Active,
            identity,
            last_heard: now,
            bytes_done: 0,
            loss: 0,
            state: MemberState::Joined,
            joined,
            peer,
            last_rtt: None,
        }
    }

    fn is_active(&self) -> bool {
        self.status == MemberStatus::Active
    }

    /// True when it has spoken so lately that nobody else can be meant by its names.
    fn speaks(&self, now: Timestamp) -> bool {
        now < self.last_heard + MOVE_AFTER
    }

    /// A round trip as far as it is believed: the smaller one of two in a row.
    pub(super) fn believe(&mut self, rtt: Duration) -> Option<Duration> {
        let micros = u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX);
        let before = self.last_rtt.replace(micros)?;
        Some(rtt.min(Duration::from_micros(before.into())))
    }
}

/// Where feedback comes from: a mix of address and port, of which a list can be long.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Peer(u64);

impl Peer {
    pub(super) fn new(address: SocketAddr) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let ip = u128::from_be_bytes(ip.octets());
        let seed = (ip as u64) ^ ((ip >> 64) as u64).rotate_left(32);
        Self(Rng::new(seed ^ (u64::from(address.port()) << 48)).next_u64())
    }
}

/// What hearing from a node meant.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// First time that it said who it is: it counts from now on.
    New,
    /// It was listed under another node id, and has taken this one.
    Moved(NodeId),
    /// It has not said who it is, or speaks in the name of somebody at another address: it may be
    /// served, but nobody waits for it, and what it says of itself is not believed.
    Stranger,
    /// Known.
    Known,
    /// The list is full.
    Unlisted,
    /// Two receivers use one node id; the first keeps it.
    Collision(Identity),
}

/// All receivers, by node id. Nothing proves who speaks; but who was there first is not pushed aside
/// by what comes from another address, and one address is one receiver.
#[derive(Debug)]
pub(super) struct Members {
    members: BTreeMap<NodeId, Member>,
    nodes: BTreeMap<Identity, NodeId>,
    peers: BTreeMap<Peer, NodeId>,
    /// Addresses that speak without having said who they are.
    strangers: BTreeSet<Peer>,
    limit: usize,
    /// Whoever is heard is listed, under its node id.
    list_all: bool,
    active: usize,
    confirmed: usize,
}

/// Silent for this long, a receiver may have gone elsewhere.
const MOVE_AFTER: Duration = Duration::from_secs(2);
/// Strangers counted at most.
const MAX_STRANGERS: usize = 4_096;

impl Members {
    pub(super) fn new(limit: usize, list_all: bool) -> Self {
        Self {
            members: BTreeMap::new(),
            nodes: BTreeMap::new(),
            peers: BTreeMap::new(),
            strangers: BTreeSet::new(),
            limit,
            list_all,
            active: 0,
            confirmed: 0,
        }
    }

    /// Everybody heard, announced or not: what suppression must reckon with.
    pub(super) fn len(&self) -> usize {
        self.members.len() + self.strangers.len()
    }

    /// Those that have said who they are, whatever became of them.
    pub(super) fn announced(&self) -> usize {
        self.members.len()
    }

    /// Those that are not out, and were heard since `limit`.
    pub(super) fn present(&self, limit: Timestamp) -> usize {
        let here = |m: &&Member| m.is_active() && m.last_heard >= limit;
        self.members.values().filter(here).count()
    }

    pub(super) fn confirmed(&self) -> usize {
        self.confirmed
    }

    /// True when nobody is still expected to finish.
    pub(super) fn all_settled(&self) -> bool {
        self.active == 0
    }

    /// In node id order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeId, &Member)> {
        self.members.iter().map(|(&node, member)| (node, member))
    }

    pub(super) fn get_mut(&mut self, node: NodeId) -> Option<&mut Member> {
        self.members.get_mut(&node)
    }

    /// Notes feedback from `node` at `peer`; `identity` when the message carried one, `joined` the
    /// block that is being sent if it is new.
    pub(super) fn heard(
        &mut self,
        now: Timestamp,
        (node, peer): (NodeId, Peer),
        identity: Option<Identity>,
        joined: u64,
    ) -> Heard {
        let named = || Identity(u128::from(node.0).to_be_bytes());
        let identity = identity.or_else(|| self.list_all.then(named));
        let heard = self.place(now, (node, peer), identity, joined);
        if heard == Heard::Stranger
            && !self.peers.contains_key(&peer)
            && self.strangers.len() < MAX_STRANGERS
        {
            self.strangers.insert(peer);
        }
        heard
    }

    fn place(
        &mut self,
        now: Timestamp,
        (node, peer): (NodeId, Peer),
        identity: Option<Identity>,
        joined: u64,
    ) -> Heard {
        let Some(member) = self.members.get_mut(&node) else {
            let Some(id) = identity else { return Heard::Stranger };
            return self.announce(now, (node, peer), id, joined);
        };
        if identity.is_some_and(|id| id != member.identity) {
            return Heard::Collision(member.identity);
        }
        if member.peer != peer {
            if identity.is_none() || member.speaks(now) {
                return Heard::Stranger;
            }
            self.peers.remove(&member.peer);
            member.peer = peer;
            self.strangers.remove(&peer);
            self.peers.insert(peer, node);
        }
        member.last_heard = now;
        if member.status == MemberStatus::Lost {
            self.set_status(node, MemberStatus::Active);
        }
        Heard::Known
    }

    /// A node id that is not listed, of somebody who says who it is.
    fn announce(
        &mut self,
        now: Timestamp,
        (node, peer): (NodeId, Peer),
        id: Identity,
        joined: u64,
    ) -> Heard {
        let known = self.nodes.get(&id).copied();
        let neighbour = self.peers.get(&peer).copied();
        // Somebody else's name, from elsewhere; or two names at one address.
        let taken = |other: NodeId| self.members.get(&other).is_some_and(|m| m.speaks(now));
        if known.is_some_and(|old| neighbour != Some(old) && taken(old))
            || neighbour.is_some_and(|old| known != Some(old) && taken(old))
        {
            return Heard::Stranger;
        }
        let Some(old) = known.or(neighbour) else {
            if self.members.len() >= self.limit {
                return Heard::Unlisted;
            }
            self.insert(node, Member::new(now, peer, id, joined));
            return Heard::New;
        };
        // It may have started again with nothing; if not, it confirms again.
        let member = self.members.get(&old).copied();
        for gone in known.into_iter().chain(neighbour) {
            self.forget(gone);
        }
        let fresh = Member::new(now, peer, id, joined);
        let joined = member.filter(|m| m.identity == id).map_or(joined, |m| m.joined);
        self.insert(node, Member { joined, ..fresh });
        Heard::Moved(old)
    }

    fn insert(&mut self, node: NodeId, member: Member) {
        self.strangers.remove(&member.peer);
        self.peers.insert(member.peer, node);
        self.nodes.insert(member.identity, node);
        self.members.insert(node, member);
        self.active += 1;
    }

    /// Takes a receiver off the list, as if it had never come.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.set_status(node, MemberStatus::Failed);
        if let Some(member) = self.members.remove(&node) {
            self.nodes.remove(&member.identity);
            self.peers.remove(&member.peer);
        }
    }

    /// Changes a status; true if it was another one.
    pub(super) fn set_status(&mut self, node: NodeId, status: MemberStatus) -> bool {
        let Some(member) = self.members.get_mut(&node) else { return false };
        let old = core::mem::replace(&mut member.status, status);
        self.active -= usize::from(old == MemberStatus::Active);
        self.active += usize::from(status == MemberStatus::Active);
        self.confirmed -= usize::from(old == MemberStatus::Confirmed);
        self.confirmed += usize::from(status == MemberStatus::Confirmed);
        old != status
    }

    /// New data make every confirmation stale.
    pub(super) fn reopen(&mut self) {
        for member in self.members.values_mut() {
            if member.status == MemberStatus::Confirmed {
                member.status = MemberStatus::Active;
                self.active += 1;
            }
        }
        self.confirmed = 0;
    }

    /// Active receivers, ascending: all of them if they are at most `limit`, else a run of exactly
    /// `limit`, the one that follows `after`. So a shorter list names everybody.
    pub(super) fn next_active(&self, after: NodeId, limit: usize) -> Vec<NodeId> {
        let after = (Bound::Excluded(after), Bound::Unbounded);
        let active = |range: (Bound<NodeId>, Bound<NodeId>)| {
            let members = self.members.range(range).filter(|(_, member)| member.is_active());
            members.map(|(&node, _)| node)
        };
        let everybody = (Bound::Unbounded, Bound::Unbounded);
        if self.active <= limit {
            return active(everybody).collect();
        }
        let mut nodes: Vec<NodeId> = active(after).take(limit).collect();
        if nodes.is_empty() {
            nodes.extend(active(everybody).take(limit));
        } else if nodes.len() < limit {
            nodes.clear();
            nodes.extend(active(everybody).rev().take(limit));
            nodes.reverse();
        }
        nodes
    }

    /// True of a receiver that is expected to finish.
    pub(super) fn is_active(&self, node: NodeId) -> bool {
        self.members.get(&node).is_some_and(Member::is_active)
    }

    /// The first active receivers behind `after`, going round; `limit` at most.
    pub(super) fn following(&self, after: NodeId, limit: usize) -> Vec<NodeId> {
        let behind = self.members.range((Bound::Excluded(after), Bound::Unbounded));
        let before = self.members.range(..=after);
        let active = behind.chain(before).filter(|(_, member)| member.is_active());
        active.map(|(&node, _)| node).take(limit).collect()
    }

    /// Active receivers that were last heard before `limit`.
    pub(super) fn silent_since(&self, limit: Timestamp) -> Vec<NodeId> {
        self.members
            .iter()
            .filter(|(_, m)| m.is_active() && m.last_heard < limit)
            .map(|(&node, _)| node)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::ZERO;

    fn id(n: u32) -> Identity {
        Identity(u128::from(n).to_be_bytes())
    }

    fn at(n: u16) -> Peer {
        Peer::new(SocketAddr::from(([10, 0, 0, 1], n)))
    }

    fn hear(members: &mut Members, node: u32, peer: u16, identity: Option<u32>) -> Heard {
        members.heard(NOW, (NodeId(node), at(peer)), identity.map(id), 0)
    }

    #[test]
    fn a_member_stays_within_128_bytes() {
        let indices = size_of::<(Identity, NodeId)>() + size_of::<(Peer, NodeId)>();
        assert!(size_of::<(NodeId, Member)>() + indices <= 120);
    }

    #[test]
    fn counts_follow_the_statuses() {
        let mut members = Members::new(3, false);
        for n in 1..=4u16 {
            let heard = hear(&mut members, n.into(), n, Some(n.into()));
            assert_eq!(heard, if n <= 3 { Heard::New } else { Heard::Unlisted });
        }
        assert!(members.set_status(NodeId(1), MemberStatus::Confirmed));
        assert!(!members.set_status(NodeId(1), MemberStatus::Confirmed));
        assert_eq!(members.confirmed(), 1);
        assert_eq!(members.next_active(NodeId(2), 9), [NodeId(2), NodeId(3)]);
        assert_eq!(members.next_active(NodeId(0), 1), [NodeId(2)]);
        assert_eq!(members.next_active(NodeId(2), 1), [NodeId(3)]);
        assert_eq!(members.next_active(NodeId(3), 1), [NodeId(2)]);
        assert_eq!(members.following(NodeId(2), 9), [NodeId(3), NodeId(2)]);
        assert_eq!(members.following(NodeId(3), 1), [NodeId(2)]);
        assert!(members.is_active(NodeId(2)) && !members.is_active(NodeId(1)));
        members.set_status(NodeId(2), MemberStatus::Failed);
        members.set_status(NodeId(3), MemberStatus::Lost);
        assert!(members.all_settled());
        assert_eq!(hear(&mut members, 3, 3, None), Heard::Known);
        assert!(!members.all_settled());
        members.reopen();
        assert_eq!(members.confirmed(), 0);
        assert_eq!(members.next_active(NodeId(0), 9), [NodeId(1), NodeId(3)]);
    }

    #[test]
    fn a_list_is_full_while_there_are_enough_and_goes_round() {
        let mut members = Members::new(9, false);
        for n in 1..=6 {
            hear(&mut members, n, n as u16, Some(n));
        }
        members.set_status(NodeId(4), MemberStatus::Confirmed);
        let next = |after, limit| -> Vec<u32> {
            members.next_active(NodeId(after), limit).iter().map(|node| node.0).collect()
        };
        assert_eq!(next(3, 9), [1, 2, 3, 5, 6]);
        assert_eq!(next(3, 5), [1, 2, 3, 5, 6]);
        assert_eq!(next(1, 3), [2, 3, 5]);
        assert_eq!(next(3, 3), [3, 5, 6]);
        assert_eq!(next(6, 3), [1, 2, 3]);
        assert!(next(3, 0).is_empty());
    }

    #[test]
    fn who_has_not_said_who_it_is_holds_nobody_up() {
        let mut members = Members::new(9, false);
        assert_eq!(hear(&mut members, 7, 7, None), Heard::Stranger);
        assert!(!members.set_status(NodeId(7), MemberStatus::Confirmed));
        assert!(members.all_settled() && members.next_active(NodeId(0), 9).is_empty());
        assert_eq!((members.len(), members.announced(), members.confirmed()), (1, 0, 0));
        assert_eq!(hear(&mut members, 7, 7, Some(7)), Heard::New);
        assert!(!members.all_settled());
        assert_eq!((members.len(), members.present(NOW)), (1, 1));
        members.forget(NodeId(7));
        assert_eq!((members.len(), members.announced(), members.present(NOW)), (0, 0, 0));
        assert!(members.all_settled());
    }

    #[test]
    fn two_identities_on_one_node_id_are_a_collision_and_who_moves_keeps_its_place() {
        let mut members = Members::new(9, false);
        assert_eq!(hear(&mut members, 1, 1, Some(1)), Heard::New);
        assert_eq!(hear(&mut members, 1, 2, Some(2)), Heard::Collision(id(1)));
        members.set_status(NodeId(1), MemberStatus::Confirmed);
        assert_eq!(hear(&mut members, 5, 5, Some(1)), Heard::Stranger, "too soon");
        assert_eq!(hear(&mut members, 5, 1, Some(1)), Heard::Moved(NodeId(1)), "it is itself");
        assert_eq!(
            (members.announced(), members.confirmed(), members.all_settled()),
            (1, 0, false)
        );
        let later = NOW + MOVE_AFTER;
        let moved = members.heard(later, (NodeId(5), at(9)), Some(id(1)), 0);
        assert_eq!(moved, Heard::Known, "silent for long, it may have another address");
        assert_eq!(hear(&mut members, 5, 1, None), Heard::Stranger, "and not the old one");
    }

    #[test]
    fn one_address_is_one_receiver_and_speaks_for_no_other() {
        let mut members = Members::new(9, false);
        assert_eq!(hear(&mut members, 1, 1, Some(1)), Heard::New);
        assert_eq!(hear(&mut members, 66, 66, Some(66)), Heard::New);
        for n in 67..99 {
            assert_eq!(hear(&mut members, n, 66, Some(n)), Heard::Stranger);
            assert_eq!(hear(&mut members, 1, 66, None), Heard::Stranger);
            assert_eq!(hear(&mut members, n, 66, Some(1)), Heard::Stranger);
        }
        assert_eq!((members.len(), members.announced()), (2, 2));
        let later = NOW + MOVE_AFTER;
        let restarted = members.heard(later, (NodeId(7), at(66)), Some(id(7)), 3);
        assert_eq!(restarted, Heard::Moved(NodeId(66)));
        assert_eq!((members.len(), members.announced()), (2, 2));
    }

    #[test]
    fn a_round_trip_is_believed_the_second_time() {
        let mut members = Members::new(9, false);
        hear(&mut members, 1, 1, Some(1));
        let member = members.get_mut(NodeId(1)).unwrap();
        let ms = Duration::from_millis;
        let believed = [5, 3000, 4].map(|rtt| member.believe(ms(rtt)));
        assert_eq!(believed, [None, Some(ms(5)), Some(ms(4))]);
    }
}
