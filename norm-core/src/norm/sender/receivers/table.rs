//! The receivers that a sender has heard of.

use core::ops::Bound;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::claims::Contests;
use super::member::Peer;
use super::member::{Member, MemberStatus};
use crate::base::Timestamp;
use crate::base::order::Order;
use crate::norm::wire::{Identity, NodeId};

/// What hearing from a node meant.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
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
pub(crate) struct Members {
    /// In no order. Some are free.
    members: Vec<Member>,
    free: Vec<u32>,
    /// Where in `members` a node is.
    nodes: BTreeMap<NodeId, u32>,
    by_identity: Order,
    by_peer: Order,
    /// Addresses that speak without having said who they are.
    strangers: BTreeSet<Peer>,
    /// Silent ones in whose name another address speaks, and since when.
    contests: Contests,
    /// Within this time whoever is asked answers; `None` while nobody is asked.
    asked: Option<Duration>,
    limit: usize,
    /// Whoever is heard is listed, under its node id.
    list_all: bool,
    active: usize,
    confirmed: usize,
    ejected: usize,
}

/// Silent for this long, a receiver may have gone elsewhere.
pub(crate) const MOVE_AFTER: Duration = Duration::from_secs(2);
/// It is asked first, for this time at least: roll calls come each 100 ms meanwhile, as they do for all
/// strangers, and one that lives answers some of them. Then whoever else speaks in its name is believed.
const ASKED_FOR: Duration = Duration::from_secs(1);
/// Strangers counted at most.
const MAX_STRANGERS: usize = 4_096;
/// The list grows by this part of itself at a time.
const GROW_BY: usize = 8;

impl Members {
    pub(crate) fn new(limit: usize, list_all: bool) -> Self {
        Self {
            members: Vec::new(),
            free: Vec::new(),
            nodes: BTreeMap::new(),
            by_identity: Order::default(),
            by_peer: Order::default(),
            strangers: BTreeSet::new(),
            contests: Contests::default(),
            asked: Some(ASKED_FOR),
            limit,
            list_all,
            active: 0,
            confirmed: 0,
            ejected: 0,
        }
    }

    /// Everybody heard, announced or not: what suppression must reckon with.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len() + self.strangers.len()
    }

    /// Those that have said who they are, whatever became of them.
    pub(crate) fn announced(&self) -> usize {
        self.nodes.len()
    }

    /// Those that are not out, and were heard since `limit`.
    pub(crate) fn present(&self, limit: Timestamp) -> usize {
        self.iter().filter(|(_, m)| m.is_active() && m.last_heard >= limit).count()
    }

    pub(crate) fn confirmed(&self) -> usize {
        self.confirmed
    }

    /// True when nobody is still expected to finish.
    pub(crate) fn all_settled(&self) -> bool {
        self.active == 0
    }

    /// In node id order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeId, &Member)> {
        self.nodes.iter().map(|(&node, &at)| (node, &self.members[at as usize]))
    }

    fn get(&self, node: NodeId) -> Option<&Member> {
        self.nodes.get(&node).map(|&at| &self.members[at as usize])
    }

    pub(crate) fn get_mut(&mut self, node: NodeId) -> Option<&mut Member> {
        self.nodes.get(&node).map(|&at| &mut self.members[at as usize])
    }

    /// Who is listed with an identity.
    fn named(&self, identity: Identity) -> Option<NodeId> {
        let first = self.by_identity.first(|at| self.members[at as usize].identity.0 < identity.0);
        let member = &self.members[first? as usize];
        (member.identity == identity).then_some(member.node)
    }

    /// Who is listed with an address.
    fn neighbour(&self, peer: Peer) -> Option<NodeId> {
        let first = self.by_peer.first(|at| self.members[at as usize].peer < peer);
        let member = &self.members[first? as usize];
        (member.peer == peer).then_some(member.node)
    }

    /// Notes feedback from `node` at `peer`; `identity` when the message carried one, `joined` the
    /// block that is being sent if it is new.
    pub(crate) fn heard(
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
            && self.strangers.len() < MAX_STRANGERS
            && self.neighbour(peer).is_none()
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
        let Some(&at) = self.nodes.get(&node) else {
            let Some(id) = identity else { return Heard::Stranger };
            return self.announce(now, (node, peer), id, joined);
        };
        let member = &mut self.members[at as usize];
        if identity.is_some_and(|id| id != member.identity) {
            return Heard::Collision(member.identity);
        }
        if member.peer != peer {
            if identity.is_none() || self.holds(now, at) {
                return Heard::Stranger;
            }
            self.leave_address(at);
            let member = &mut self.members[at as usize];
            // It may have started again with a node id that its user gave it.
            (member.peer, member.joined) = (peer, joined);
            if member.status == MemberStatus::Failed {
                self.set_status(node, MemberStatus::Active);
            }
            self.enter_address(at);
        }
        self.contests.end(at);
        let member = &mut self.members[at as usize];
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
        let (known, neighbour) = (self.named(id), self.neighbour(peer));
        // Somebody else's name, from elsewhere; or two names at one address.
        let others = [known, neighbour].map(|old| self.nodes.get(&old?).copied());
        let others = if known == neighbour { [None; 2] } else { others };
        let held = others.map(|other| other.is_some_and(|at| self.holds(now, at)));
        if held.contains(&true) {
            return Heard::Stranger;
        }
        let Some(old) = known.or(neighbour) else {
            if self.nodes.len() >= self.limit {
                return Heard::Unlisted;
            }
            self.insert(Member::new(now, (node, peer), id, joined));
            return Heard::New;
        };
        // It may have started again with nothing; if not, it confirms again. From another address it has
        // started again: it comes late, and nothing that was said of it holds.
        let member = self.get(old).copied();
        for gone in known.into_iter().chain(neighbour) {
            self.forget(gone);
        }
        let mut fresh = Member::new(now, (node, peer), id, joined);
        let same = member.filter(|m| m.identity == id && m.peer == peer);
        fresh.joined = same.map_or(joined, |m| m.joined);
        self.insert(fresh);
        if same.is_some_and(|m| m.status == MemberStatus::Evicted) {
            self.set_status(node, MemberStatus::Evicted);
        }
        Heard::Moved(old)
    }

    /// Those who are asked now answer within this time; `None` while nobody is asked.
    pub(crate) fn note_call(&mut self, answers: Option<Duration>) {
        self.asked = answers.map(|answers| answers.max(ASKED_FOR));
    }

    /// True while a receiver keeps its names although another address speaks in them.
    fn holds(&mut self, now: Timestamp, at: u32) -> bool {
        let member = &self.members[at as usize];
        if member.is_gone() {
            return false;
        }
        let asked = self.asked.filter(|_| !member.speaks(now));
        asked.is_none_or(|asked| !self.contests.is_over(at, now, asked))
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
        self.nodes.insert(member.node, at);
        let key = |at: u32| (self.members[at as usize].identity.0, at);
        self.by_identity.insert(at, |other| key(other) < key(at));
        self.enter_address(at);
        self.active += 1;
    }

    fn enter_address(&mut self, at: u32) {
        self.strangers.remove(&self.members[at as usize].peer);
        let key = |at: u32| (self.members[at as usize].peer, at);
        self.by_peer.insert(at, |other| key(other) < key(at));
    }

    fn leave_address(&mut self, at: u32) {
        let key = |at: u32| (self.members[at as usize].peer, at);
        self.by_peer.remove(at, |other| key(other) < key(at));
    }

    /// Takes a receiver off the list, as if it had never come.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.set_status(node, MemberStatus::Failed);
        if let Some(at) = self.nodes.remove(&node) {
            let key = |at: u32| (self.members[at as usize].identity.0, at);
            self.by_identity.remove(at, |other| key(other) < key(at));
            self.leave_address(at);
            self.contests.end(at);
            self.free.push(at);
        }
    }

    /// Changes a status; true if it was another one.
    pub(crate) fn set_status(&mut self, node: NodeId, status: MemberStatus) -> bool {
        let Some(member) = self.get_mut(node) else { return false };
        let old = core::mem::replace(&mut member.status, status);
        self.active -= usize::from(old == MemberStatus::Active);
        self.active += usize::from(status == MemberStatus::Active);
        self.confirmed -= usize::from(old == MemberStatus::Confirmed);
        self.confirmed += usize::from(status == MemberStatus::Confirmed);
        self.ejected -= usize::from(old == MemberStatus::Evicted);
        self.ejected += usize::from(status == MemberStatus::Evicted);
        old != status
    }

    /// New data make every confirmation stale.
    pub(crate) fn reopen(&mut self) {
        for &at in self.nodes.values() {
            let member = &mut self.members[at as usize];
            if member.status == MemberStatus::Confirmed {
                member.status = MemberStatus::Active;
                self.active += 1;
            }
        }
        self.confirmed = 0;
    }

    /// Active receivers, ascending: all of them if they are at most `limit`, else a run of exactly
    /// `limit`, the one that follows `after`. So a shorter list names everybody.
    pub(crate) fn next_active(&self, after: NodeId, limit: usize) -> Vec<NodeId> {
        let after = (Bound::Excluded(after), Bound::Unbounded);
        let active = |range: (Bound<NodeId>, Bound<NodeId>)| {
            let members = self.nodes.range(range).map(|(&node, &at)| (node, at));
            members.filter(|(_, at)| self.members[*at as usize].is_active()).map(|(node, _)| node)
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
    pub(crate) fn is_active(&self, node: NodeId) -> bool {
        self.get(node).is_some_and(Member::is_active)
    }

    /// Those that were sent away.
    pub(crate) fn ejected(&self) -> usize {
        self.ejected
    }

    /// True of a receiver that was sent away.
    pub(crate) fn is_ejected(&self, node: NodeId) -> bool {
        self.get(node).is_some_and(|member| member.status == MemberStatus::Evicted)
    }

    /// Its 128-bit identity.
    pub(crate) fn identity(&self, node: NodeId) -> Option<Identity> {
        self.get(node).map(|member| member.identity)
    }

    /// The first active receivers behind `after`, going round; `limit` at most.
    pub(crate) fn following(&self, after: NodeId, limit: usize) -> Vec<NodeId> {
        let behind = self.nodes.range((Bound::Excluded(after), Bound::Unbounded));
        let before = self.nodes.range(..=after);
        let is_active = |at: u32| self.members[at as usize].is_active();
        let active = behind.chain(before).filter(|(_, at)| is_active(**at));
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
