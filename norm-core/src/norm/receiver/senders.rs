//! The senders that a receiver follows.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;

use crate::base::Timestamp;
use crate::endpoint::SenderId;
use crate::norm::wire::{InstanceId, MoveProof, NodeId};

use super::sender_state::SenderState;
use super::sender_state::identity::Source;
use super::sender_state::moves::Claim;
use super::timeout::TimeoutReason;

/// Senders followed at one address: an attacker that makes up senders must not push out others.
const MAX_SENDERS_PER_ADDRESS: usize = 4;
/// Symbols after which a sender counts as one that sends content.
const MIN_SYMBOLS: u64 = 64;

/// Node id, instance id and address of a sender, without what this machine adds: the number of the
/// interface, which is another one when that is made anew.
type Key = (NodeId, u16, IpAddr, u16);

/// The senders that are followed, by number.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    states: BTreeMap<SenderId, SenderState>,
    by_source: BTreeMap<Key, SenderId>,
    /// The number that the next sender gets.
    next: u32,
}

impl Senders {
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    pub(super) fn get(&self, id: SenderId) -> Option<&SenderState> {
        self.states.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: SenderId) -> Option<&mut SenderState> {
        self.states.get_mut(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SenderState> {
        self.states.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut SenderState> {
        self.states.values_mut()
    }

    /// The senders with this node id and instance id: one, unless there are duplicates.
    pub(super) fn named(
        &mut self,
        node: NodeId,
        instance: InstanceId,
    ) -> impl Iterator<Item = &mut SenderState> {
        self.iter_mut().filter(move |sender| sender.source.is_named(node, instance))
    }

    /// The sender of these messages.
    pub(super) fn find(&self, source: &Source) -> Option<SenderId> {
        self.by_source.get(&key(source)).copied()
    }

    /// Judges a packet: its sender may be one that is followed at another address, and has moved.
    pub(super) fn judge(
        &mut self,
        now: Timestamp,
        source: &Source,
        proof: Option<MoveProof>,
    ) -> (Claim, Option<SenderId>) {
        let ids = source.ids();
        let elsewhere = |sender: &&mut SenderState| key(&sender.source) != key(source);
        for sender in self.named(ids.node, ids.instance).filter(elsewhere) {
            let last_heard = sender.liveness.last_heard();
            let claim = sender.moves.judge(now, ids, last_heard, proof);
            if claim != Claim::Other {
                return (claim, Some(sender.id));
            }
        }
        (Claim::Other, None)
    }

    /// True when no less content has come from one sender than from another.
    pub(super) fn has_more(&self, one: SenderId, other: SenderId) -> bool {
        let symbols = |id| self.get(id).map(|sender| sender.interest.symbols());
        symbols(one) >= symbols(other)
    }

    /// Follows a sender at another address.
    pub(super) fn relocate(&mut self, id: SenderId, source: Source) {
        let Some(sender) = self.states.get_mut(&id) else { return };
        self.by_source.remove(&key(&sender.source));
        sender.source = source;
        self.by_source.insert(key(&source), id);
    }

    /// Follows a sender under the next number.
    pub(super) fn add(
        &mut self,
        source: Source,
        state: impl FnOnce(SenderId) -> SenderState,
    ) -> &mut SenderState {
        let id = SenderId(self.next);
        self.next = self.next.wrapping_add(1);
        self.by_source.insert(key(&source), id);
        self.states.entry(id).or_insert(state(id))
    }

    /// Follows a sender no longer.
    pub(super) fn remove(&mut self, id: SenderId) -> Option<SenderState> {
        let gone = self.states.remove(&id)?;
        self.by_source.remove(&key(&gone.source));
        Some(gone)
    }

    /// The least useful sender, if there are too many, at this address or `limit` in all.
    pub(super) fn superfluous(&self, address: SocketAddr, limit: usize) -> Option<SenderId> {
        let value = |sender: &&SenderState| {
            let has_content = sender.interest.symbols() > MIN_SYMBOLS;
            (has_content, sender.liveness.last_heard(), sender.id)
        };
        let neighbours = || self.iter().filter(|sender| sender.source.address == address);
        let least = if neighbours().count() >= MAX_SENDERS_PER_ADDRESS {
            neighbours().min_by_key(value)
        } else if self.len() >= limit {
            self.iter().min_by_key(value)
        } else {
            None
        };
        least.map(|sender| sender.id)
    }

    /// True for a sender that has the ids of another one, and has sent us less than that one: a
    /// clone or a forger. What we say to it the other would take for itself: that we fail, or lack
    /// what it has long sent. If the other one has fallen silent, though, it may have come back
    /// from another address.
    pub(super) fn is_duplicate(&self, id: SenderId) -> bool {
        let Some(sender) = self.get(id) else { return false };
        let Source { node, instance, .. } = sender.source;
        self.iter().any(|other| {
            other.source.is_named(node, instance)
                && !other.liveness.is_silent()
                && other.interest.symbols() > sender.interest.symbols()
        })
    }

    /// The senders of which a timer has ended.
    pub(super) fn due(&self, now: Timestamp) -> Vec<SenderId> {
        self.iter().filter(|sender| sender.is_due(now)).map(|sender| sender.id).collect()
    }

    /// The timer that ends first.
    pub(super) fn next_timeout(&self) -> Option<(Timestamp, TimeoutReason)> {
        self.iter().filter_map(SenderState::next_timeout).min()
    }
}

fn key(source: &Source) -> Key {
    (source.node, source.instance.0, source.address.ip(), source.address.port())
}
