//! The receivers that a sender has heard of.

use core::ops::Bound;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::claims::IdentityClaims;
use super::member::{Member, MemberStatus, Peer, Person, Speaker};
use super::size_evidence::{SizeAnswer, SizeEvidence};
use crate::base::Timestamp;
use crate::base::order::Order;
use crate::norm::wire::{Identity, MemberReport, NodeId};

/// What hearing from a node meant.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It has announced itself for the first time: it counts from now on.
    New,
    /// It was listed under another node id, and has taken this one.
    Moved(NodeId),
    /// It has not announced itself, or claims the identity of a receiver at another address: it may
    /// be served, but is not waited for, and what it says of itself is not believed.
    Unannounced,
    /// Known.
    Known,
    /// The list is full.
    Unlisted,
    /// Two receivers use one node id; the first keeps it.
    Collision(Identity),
}

/// All receivers, by node id. Feedback proves no origin; but a listed receiver is not pushed aside
/// by feedback from another address, and one address is one receiver.
#[derive(Debug)]
pub(crate) struct MemberTable {
    /// In no order. Some places are free.
    members: Vec<Member>,
    free: Vec<u32>,
    /// Where in `members` a node is.
    nodes: BTreeMap<NodeId, u32>,
    by_person: Order,
    by_peer: Order,
    /// Addresses of receivers that have not announced themselves.
    unannounced: BTreeSet<Peer>,
    claims: IdentityClaims,
    /// Time in which receivers answer the queries; `None` while there are no queries.
    answer_time: Option<Duration>,
    limit: usize,
    /// Every receiver that is heard is listed, under its node id.
    lists_all_heard: bool,
    active: usize,
    confirmed: usize,
    evicted: usize,
}

/// Shortest time that a claimed receiver has to answer. Queries come each 100 ms meanwhile, as they
/// do for all unannounced receivers, and one that lives answers some of them.
const MIN_ANSWER_TIME: Duration = Duration::from_secs(1);
/// Most unannounced receivers that are counted.
const MAX_UNANNOUNCED: usize = 4_096;
/// The list grows by this part of itself at a time.
const GROW_BY: usize = 10;

impl MemberTable {
    pub(crate) fn new(limit: usize, lists_all_heard: bool) -> Self {
        Self {
            members: Vec::new(),
            free: Vec::new(),
            nodes: BTreeMap::new(),
            by_person: Order::default(),
            by_peer: Order::default(),
            unannounced: BTreeSet::new(),
            claims: IdentityClaims::default(),
            answer_time: Some(MIN_ANSWER_TIME),
            limit,
            lists_all_heard,
            active: 0,
            confirmed: 0,
            evicted: 0,
        }
    }

    /// Receivers heard, announced or not: what suppression must reckon with.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len() + self.unannounced.len()
    }

    /// Receivers that have announced themselves, whatever became of them.
    pub(crate) fn announced(&self) -> usize {
        self.nodes.len()
    }

    /// Active receivers that were heard since `limit`.
    pub(crate) fn present(&self, limit: Timestamp) -> usize {
        self.iter().filter(|(_, m)| m.is_active() && m.last_heard >= limit).count()
    }

    pub(crate) fn confirmed(&self) -> usize {
        self.confirmed
    }

    /// True when no receiver is expected to finish any more.
    pub(crate) fn all_settled(&self) -> bool {
        self.active == 0
    }

    /// In node id order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeId, &Member)> {
        self.nodes.iter().map(|(&node, &at)| (node, &self.members[at as usize]))
    }

    pub(crate) fn get(&self, node: NodeId) -> Option<&Member> {
        self.nodes.get(&node).map(|&at| &self.members[at as usize])
    }

    fn get_mut(&mut self, node: NodeId) -> Option<&mut Member> {
        self.nodes.get(&node).map(|&at| &mut self.members[at as usize])
    }

    /// The node of a receiver that is listed.
    pub(super) fn by_person(&self, person: Person) -> Option<NodeId> {
        let first = self.by_person.first(|at| self.members[at as usize].person() < person);
        let member = &self.members[first? as usize];
        (member.person() == person).then_some(member.node())
    }

    /// The node that is listed with an address.
    fn by_peer(&self, peer: Peer) -> Option<NodeId> {
        let first = self.by_peer.first(|at| self.members[at as usize].peer() < peer);
        let member = &self.members[first? as usize];
        (member.peer() == peer).then_some(member.node())
    }

    /// True of a listed receiver that speaks from its address.
    pub(super) fn is_listed(&self, speaker: Speaker) -> bool {
        self.get(speaker.node).is_some_and(|member| member.peer() == speaker.peer)
    }

    /// Notes feedback; `identity` when the message carried one, `joined` the block that is being
    /// sent if the receiver is new.
    pub(crate) fn heard(
        &mut self,
        now: Timestamp,
        speaker: Speaker,
        identity: Option<Identity>,
        joined: u64,
    ) -> Heard {
        let by_node = || Identity(u128::from(speaker.node.0).to_be_bytes());
        let identity = identity.or_else(|| self.lists_all_heard.then(by_node));
        let heard = self.place(now, speaker, identity, joined);
        if heard == Heard::Unannounced
            && self.unannounced.len() < MAX_UNANNOUNCED
            && self.by_peer(speaker.peer).is_none()
        {
            self.unannounced.insert(speaker.peer);
        }
        heard
    }

    fn place(
        &mut self,
        now: Timestamp,
        speaker: Speaker,
        identity: Option<Identity>,
        joined: u64,
    ) -> Heard {
        let node = speaker.node;
        let Some(&at) = self.nodes.get(&node) else {
            let Some(id) = identity else { return Heard::Unannounced };
            return self.announce(now, speaker, id, joined);
        };
        let member = &mut self.members[at as usize];
        if let Some(identity) = identity.filter(|id| speaker.person(*id) != member.person()) {
            // To one that poses as the receiver that is listed there is nothing to be said.
            let poses = identity == member.identity;
            return if poses { Heard::Unannounced } else { Heard::Collision(member.identity) };
        }
        if member.peer() != speaker.peer {
            if identity.is_none() || self.holds(now, at) {
                return Heard::Unannounced;
            }
            self.leave_address(at);
            let member = &mut self.members[at as usize];
            // It may have started again with a node id that its user gave it.
            member.move_to(speaker.peer, joined);
            if member.status == MemberStatus::Failed {
                self.set_status(node, MemberStatus::Active);
            }
            self.enter_address(at);
        }
        self.claims.end(at);
        let member = &mut self.members[at as usize];
        member.note_heard(now);
        if member.status == MemberStatus::Lost {
            self.set_status(node, MemberStatus::Active);
        }
        Heard::Known
    }

    /// A node id that is not listed announces itself.
    fn announce(&mut self, now: Timestamp, speaker: Speaker, id: Identity, joined: u64) -> Heard {
        let person = speaker.person(id);
        let (known, neighbour) = (self.by_person(person), self.by_peer(speaker.peer));
        // A known identity from another address; or a second identity at one address.
        let others = [known, neighbour].map(|old| self.nodes.get(&old?).copied());
        let others = if known == neighbour { [None; 2] } else { others };
        let held = others.map(|other| other.is_some_and(|at| self.holds(now, at)));
        if held.contains(&true) {
            return Heard::Unannounced;
        }
        let Some(old) = known.or(neighbour) else {
            if self.nodes.len() >= self.limit {
                return Heard::Unlisted;
            }
            self.insert(Member::new(now, speaker, id, joined));
            return Heard::New;
        };
        // It may have started again with nothing; if not, it confirms again. From another address
        // it has started again: it comes late, and nothing that was said of it holds.
        let member = self.get(old).copied();
        for gone in known.into_iter().chain(neighbour) {
            self.forget(gone);
        }
        let existing = member.filter(|m| m.identity == id && m.peer() == speaker.peer);
        let joined = existing.map_or(joined, |m| m.joined());
        self.insert(Member::new(now, speaker, id, joined));
        if existing.is_some_and(|m| m.status == MemberStatus::Evicted) {
            self.set_status(speaker.node, MemberStatus::Evicted);
        }
        Heard::Moved(old)
    }

    /// Receivers that are asked now answer within this time; `None` while none is asked.
    pub(crate) fn note_query(&mut self, answer_time: Option<Duration>) {
        self.answer_time = answer_time.map(|time| time.max(MIN_ANSWER_TIME));
    }

    /// True while a receiver keeps its identity although another address claims it.
    fn holds(&mut self, now: Timestamp, at: u32) -> bool {
        let member = &self.members[at as usize];
        if member.is_gone() {
            return false;
        }
        let answer_time = self.answer_time.filter(|_| !member.speaks(now));
        answer_time.is_none_or(|time| !self.claims.is_decided(at, now, time))
    }

    /// True when another receiver of the same name may take the place of this one: it has gone, or
    /// is silent and has not answered since that one came. What was confirmed stays.
    pub(super) fn makes_room(&mut self, now: Timestamp, node: NodeId) -> bool {
        let Some(&at) = self.nodes.get(&node) else { return true };
        let stays = [MemberStatus::Confirmed, MemberStatus::Evicted];
        !stays.contains(&self.members[at as usize].status) && !self.holds(now, at)
    }

    fn insert(&mut self, member: Member) {
        let at = match self.free.pop() {
            Some(at) => {
                self.members[at as usize] = member;
                at
            }
            None => {
                if self.members.len() == self.members.capacity() {
                    // To double would cost memory for as many again.
                    self.members.reserve_exact(self.members.len() / GROW_BY + 8);
                }
                self.members.push(member);
                self.members.len() as u32 - 1
            }
        };
        self.nodes.insert(member.node(), at);
        let key = |at: u32| (self.members[at as usize].person(), at);
        self.by_person.insert(at, |other| key(other) < key(at));
        self.enter_address(at);
        self.active += 1;
    }

    fn enter_address(&mut self, at: u32) {
        self.unannounced.remove(&self.members[at as usize].peer());
        let key = |at: u32| (self.members[at as usize].peer(), at);
        self.by_peer.insert(at, |other| key(other) < key(at));
    }

    fn leave_address(&mut self, at: u32) {
        let key = |at: u32| (self.members[at as usize].peer(), at);
        self.by_peer.remove(at, |other| key(other) < key(at));
    }

    /// Takes a receiver off the list, as if it had never come.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.set_status(node, MemberStatus::Failed);
        if let Some(at) = self.nodes.remove(&node) {
            let key = |at: u32| (self.members[at as usize].person(), at);
            self.by_person.remove(at, |other| key(other) < key(at));
            self.leave_address(at);
            self.claims.end(at);
            self.free.push(at);
        }
    }

    /// Changes a status; true if it was another one.
    pub(crate) fn set_status(&mut self, node: NodeId, status: MemberStatus) -> bool {
        let Some(member) = self.get_mut(node) else { return false };
        let old = member.replace_status(status);
        self.active -= usize::from(old == MemberStatus::Active);
        self.active += usize::from(status == MemberStatus::Active);
        self.confirmed -= usize::from(old == MemberStatus::Confirmed);
        self.confirmed += usize::from(status == MemberStatus::Confirmed);
        self.evicted -= usize::from(old == MemberStatus::Evicted);
        self.evicted += usize::from(status == MemberStatus::Evicted);
        old != status
    }

    /// Notes what a receiver reports of itself; returns its status, if it is listed.
    pub(crate) fn note_report(
        &mut self,
        node: NodeId,
        report: &MemberReport<'_>,
    ) -> Option<MemberStatus> {
        let member = self.get_mut(node)?;
        member.note_report(report);
        Some(member.status)
    }

    /// Takes what a receiver's report says of the length of packets; returns what is known now.
    pub(crate) fn note_sizes(&mut self, node: NodeId, answer: &SizeAnswer) -> SizeEvidence {
        self.get_mut(node).map(|member| member.note_sizes(answer)).unwrap_or_default()
    }

    /// Packets of this many bytes are in use from now on.
    pub(crate) fn judge_sizes_anew(&mut self, packet: u16) {
        for &at in self.nodes.values() {
            self.members[at as usize].judge_sizes_anew(packet);
        }
    }

    /// A round trip with a receiver was measured; how far it is believed.
    pub(super) fn believe(&mut self, node: NodeId, rtt: Duration) -> Option<Duration> {
        self.get_mut(node)?.believe(rtt)
    }

    /// New data make every confirmation stale.
    pub(crate) fn reopen(&mut self) {
        for &at in self.nodes.values() {
            let member = &mut self.members[at as usize];
            if member.status == MemberStatus::Confirmed {
                member.replace_status(MemberStatus::Active);
                self.active += 1;
            }
        }
        self.confirmed = 0;
    }

    /// Active receivers, ascending: all of them if they are at most `limit`, else a run of exactly
    /// `limit`, the one that follows `after`. So a shorter list names all active receivers.
    pub(crate) fn next_active(&self, after: NodeId, limit: usize) -> Vec<NodeId> {
        let after = (Bound::Excluded(after), Bound::Unbounded);
        let active = |range: (Bound<NodeId>, Bound<NodeId>)| {
            let members = self.nodes.range(range).map(|(&node, &at)| (node, at));
            members.filter(|(_, at)| self.members[*at as usize].is_active()).map(|(node, _)| node)
        };
        let all = (Bound::Unbounded, Bound::Unbounded);
        if self.active <= limit {
            return active(all).collect();
        }
        let mut nodes: Vec<NodeId> = active(after).take(limit).collect();
        if nodes.is_empty() {
            nodes.extend(active(all).take(limit));
        } else if nodes.len() < limit {
            nodes.clear();
            nodes.extend(active(all).rev().take(limit));
            nodes.reverse();
        }
        nodes
    }

    /// True of a receiver that is expected to finish.
    pub(crate) fn is_active(&self, node: NodeId) -> bool {
        self.get(node).is_some_and(Member::is_active)
    }

    /// Receivers that were evicted.
    pub(crate) fn evicted(&self) -> usize {
        self.evicted
    }

    /// True of a receiver that was evicted.
    pub(crate) fn is_evicted(&self, node: NodeId) -> bool {
        self.get(node).is_some_and(|member| member.status == MemberStatus::Evicted)
    }

    /// Its 128-bit identity.
    pub(crate) fn identity(&self, node: NodeId) -> Option<Identity> {
        self.get(node).map(|member| member.identity)
    }

    /// The first active receivers after `after`, going round; `limit` at most.
    pub(crate) fn following(&self, after: NodeId, limit: usize) -> Vec<NodeId> {
        let later = self.nodes.range((Bound::Excluded(after), Bound::Unbounded));
        let before = self.nodes.range(..=after);
        let is_active = |at: u32| self.members[at as usize].is_active();
        let active = later.chain(before).filter(|(_, at)| is_active(**at));
        active.map(|(&node, _)| node).take(limit).collect()
    }

    /// Active receivers that were last heard before `limit`.
    pub(crate) fn silent_since(&self, limit: Timestamp) -> Vec<NodeId> {
        let silent = self.iter().filter(|(_, m)| m.is_active() && m.last_heard < limit);
        silent.map(|(node, _)| node).collect()
    }
}

#[cfg(test)]
mod tests;
