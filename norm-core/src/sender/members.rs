//! The receivers that a sender has heard of.

use core::time::Duration;
use std::collections::BTreeMap;

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
    /// Its 128-bit identity; zero until it has announced itself.
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
}

impl Member {
    fn new(now: Timestamp, identity: Identity, joined: u64) -> Self {
        Self {
            status: MemberStatus::Active,
            identity,
            last_heard: now,
            bytes_done: 0,
            loss: 0,
            state: MemberState::Joined,
            joined,
        }
    }

    /// It has said who it is, and is expected to finish.
    fn is_active(&self) -> bool {
        self.status == MemberStatus::Active && self.identity != UNKNOWN
    }
}

/// What hearing from a node meant.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// First time that it said who it is: it counts from now on.
    New,
    /// It is known under another node id, and has taken this one.
    Moved(NodeId),
    /// It has not said who it is: it is served, but nobody waits for it.
    Stranger,
    /// Known.
    Known,
    /// The list is full.
    Unlisted,
    /// Two receivers use one node id; the first keeps it.
    Collision(Identity),
}

/// All receivers, by node id.
#[derive(Debug)]
pub(super) struct Members {
    members: BTreeMap<NodeId, Member>,
    /// Node ids of those that have said who they are.
    nodes: BTreeMap<Identity, NodeId>,
    limit: usize,
    active: usize,
    confirmed: usize,
}

const UNKNOWN: Identity = Identity([0; 16]);
/// A node id must have been silent for this long before its receiver may have another.
const MOVE_AFTER: Duration = Duration::from_secs(2);

impl Members {
    pub(super) fn new(limit: usize) -> Self {
        Self { members: BTreeMap::new(), nodes: BTreeMap::new(), limit, active: 0, confirmed: 0 }
    }

    /// Everybody heard, announced or not: what suppression must reckon with.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Those that have said who they are, whatever became of them.
    pub(super) fn announced(&self) -> usize {
        self.nodes.len()
    }

    /// Those that have said who they are, are not out, and were heard since `limit`.
    pub(super) fn present(&self, limit: Timestamp) -> usize {
        let here = |m: &&Member| m.is_active() && m.last_heard >= limit;
        self.members.values().filter(here).count()
    }

    /// True when the node has said who it is.
    pub(super) fn is_announced(&self, node: NodeId) -> bool {
        self.members.get(&node).is_some_and(|member| member.identity != UNKNOWN)
    }

    pub(super) fn confirmed(&self) -> usize {
        self.confirmed
    }

    /// True when nobody is still expected to finish.
    pub(super) fn all_settled(&self) -> bool {
        self.active == 0
    }

    /// Those that have said who they are, in node id order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeId, &Member)> {
        let announced = |(_, member): &(&NodeId, &Member)| member.identity != UNKNOWN;
        self.members.iter().filter(announced).map(|(&node, member)| (node, member))
    }

    pub(super) fn get_mut(&mut self, node: NodeId) -> Option<&mut Member> {
        self.members.get_mut(&node)
    }

    /// Notes feedback from `node`; `identity` when the message carried one, `joined` the block that
    /// is being sent if it is new.
    pub(super) fn heard(
        &mut self,
        now: Timestamp,
        node: NodeId,
        identity: Option<Identity>,
        joined: u64,
    ) -> Heard {
        if let Some(member) = self.members.get_mut(&node) {
            match identity {
                Some(id) if member.identity != UNKNOWN && member.identity != id => {
                    return Heard::Collision(member.identity);
                }
                Some(id) if member.identity == UNKNOWN => {
                    self.members.remove(&node);
                    return self.announce(now, node, id, joined);
                }
                _ => {}
            }
            let announced = member.identity != UNKNOWN;
            member.last_heard = now;
            if member.status == MemberStatus::Lost {
                self.set_status(node, MemberStatus::Active);
            }
            return if announced { Heard::Known } else { Heard::Stranger };
        }
        if let Some(id) = identity {
            return self.announce(now, node, id, joined);
        }
        if self.members.len() >= self.limit {
            return Heard::Unlisted;
        }
        self.members.insert(node, Member::new(now, UNKNOWN, joined));
        Heard::Stranger
    }

    fn announce(&mut self, now: Timestamp, node: NodeId, id: Identity, joined: u64) -> Heard {
        if let Some(old) = self.nodes.get(&id).copied() {
            // Whoever still speaks under its old id has not moved: this is somebody else.
            let speaks = |m: &Member| now < m.last_heard + MOVE_AFTER;
            if self.members.get(&old).is_some_and(speaks) {
                return Heard::Stranger;
            }
            if let Some(mut member) = self.members.remove(&old) {
                member.last_heard = now;
                self.members.insert(node, member);
            }
            self.nodes.insert(id, node);
            // It may have started again with nothing; if not, it confirms again.
            self.set_status(node, MemberStatus::Active);
            return Heard::Moved(old);
        }
        if self.members.len() >= self.limit {
            return Heard::Unlisted;
        }
        self.nodes.insert(id, node);
        self.members.insert(node, Member::new(now, id, joined));
        self.active += 1;
        Heard::New
    }

    /// Takes a receiver off the list, as if it had never come.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.set_status(node, MemberStatus::Failed);
        if let Some(member) = self.members.remove(&node) {
            self.nodes.remove(&member.identity);
        }
    }

    /// Changes a status; true if it was another one.
    pub(super) fn set_status(&mut self, node: NodeId, status: MemberStatus) -> bool {
        let Some(member) = self.members.get_mut(&node) else { return false };
        let old = core::mem::replace(&mut member.status, status);
        if member.identity != UNKNOWN {
            self.active -= usize::from(old == MemberStatus::Active);
            self.active += usize::from(status == MemberStatus::Active);
            self.confirmed -= usize::from(old == MemberStatus::Confirmed);
            self.confirmed += usize::from(status == MemberStatus::Confirmed);
        }
        old != status
    }

    /// New data make every confirmation stale.
    pub(super) fn reopen(&mut self) {
        for member in self.members.values_mut() {
            if member.status == MemberStatus::Confirmed {
                member.status = MemberStatus::Active;
                self.active += usize::from(member.identity != UNKNOWN);
            }
        }
        self.confirmed = 0;
    }

    /// Active receivers, ascending: all of them if they are at most `limit`, else a run of exactly
    /// `limit`, the one that follows `after`. So a shorter list names everybody.
    pub(super) fn next_active(&self, after: NodeId, limit: usize) -> Vec<NodeId> {
        let mut active: Vec<NodeId> =
            self.members.iter().filter(|(_, m)| m.is_active()).map(|(&node, _)| node).collect();
        if active.len() > limit {
            let next = active.partition_point(|&node| node <= after);
            let start = if next >= active.len() { 0 } else { next.min(active.len() - limit) };
            active.drain(..start);
            active.truncate(limit);
        }
        active
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

    #[test]
    fn a_member_stays_within_128_bytes() {
        assert!(size_of::<(NodeId, Member)>() + size_of::<(Identity, NodeId)>() <= 96);
    }

    #[test]
    fn counts_follow_the_statuses() {
        let mut members = Members::new(3);
        for n in 1..=4 {
            let heard = members.heard(NOW, NodeId(n), Some(id(n)), 0);
            assert_eq!(heard, if n <= 3 { Heard::New } else { Heard::Unlisted });
        }
        assert!(members.set_status(NodeId(1), MemberStatus::Confirmed));
        assert!(!members.set_status(NodeId(1), MemberStatus::Confirmed));
        assert_eq!(members.confirmed(), 1);
        assert_eq!(members.next_active(NodeId(2), 9), [NodeId(2), NodeId(3)]);
        assert_eq!(members.next_active(NodeId(0), 1), [NodeId(2)]);
        assert_eq!(members.next_active(NodeId(2), 1), [NodeId(3)]);
        assert_eq!(members.next_active(NodeId(3), 1), [NodeId(2)]);
        members.set_status(NodeId(2), MemberStatus::Failed);
        members.set_status(NodeId(3), MemberStatus::Lost);
        assert!(members.all_settled());
        assert_eq!(members.heard(NOW, NodeId(3), None, 0), Heard::Known);
        assert!(!members.all_settled());
        members.reopen();
        assert_eq!(members.confirmed(), 0);
        assert_eq!(members.next_active(NodeId(0), 9), [NodeId(1), NodeId(3)]);
    }

    #[test]
    fn who_has_not_said_who_it_is_holds_nobody_up() {
        let mut members = Members::new(9);
        assert_eq!(members.heard(NOW, NodeId(7), None, 0), Heard::Stranger);
        members.set_status(NodeId(7), MemberStatus::Confirmed);
        members.set_status(NodeId(7), MemberStatus::Active);
        assert!(members.all_settled() && members.next_active(NodeId(0), 9).is_empty());
        assert_eq!((members.len(), members.announced(), members.confirmed()), (1, 0, 0));
        assert_eq!(members.heard(NOW, NodeId(7), Some(id(7)), 0), Heard::New);
        assert!(!members.all_settled());
        assert_eq!(members.present(NOW), 1);
        members.forget(NodeId(7));
        assert_eq!((members.len(), members.announced(), members.present(NOW)), (0, 0, 0));
        assert!(members.all_settled());
    }

    #[test]
    fn two_identities_on_one_node_id_are_a_collision_and_who_moves_keeps_its_place() {
        let mut members = Members::new(9);
        assert_eq!(members.heard(NOW, NodeId(1), None, 0), Heard::Stranger);
        assert_eq!(members.heard(NOW, NodeId(1), Some(id(1)), 0), Heard::New);
        assert_eq!(members.heard(NOW, NodeId(1), Some(id(2)), 0), Heard::Collision(id(1)));
        members.set_status(NodeId(1), MemberStatus::Confirmed);
        assert_eq!(members.heard(NOW, NodeId(5), Some(id(1)), 0), Heard::Stranger, "too soon");
        let moved = members.heard(NOW + MOVE_AFTER, NodeId(5), Some(id(1)), 0);
        assert_eq!(moved, Heard::Moved(NodeId(1)));
        assert_eq!((members.len(), members.confirmed(), members.all_settled()), (1, 0, false));
    }
}
