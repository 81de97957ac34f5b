//! One set from several senders at the same time: a real one, and strangers who replay its packets or
//! what they made of them.
//!
//! Nobody can tell who is who before the hashes do. So each copy is received by itself, in files of its
//! own; the first that is complete and verified wins, and the others go without a word. A copy that
//! fails while another is under way does so silently as well: also towards its sender, because a
//! report names the sender by ids that the stranger has copied.

use std::cmp::Reverse;

use norm_core::Timestamp;
use norm_core::endpoint::ObjectRef;
use norm_core::fileset::{ContentId, SetId};
use norm_core::norm::wire::MemberState;

use super::sets::ActiveSet;
use super::{Engine, Session};
use crate::event::RootHash;

impl Session {
    /// True when somebody is sending this set.
    pub(super) fn is_under_way(&self, id: SetId) -> bool {
        self.sets.values().any(|set| set.state.id() == id)
    }

    /// Copies of a set other than this one.
    pub(super) fn twins(&self, number: u64, id: SetId) -> impl Iterator<Item = (u64, &ActiveSet)> {
        let others = self.sets.iter().map(|(&other, set)| (other, set));
        others.filter(move |(other, set)| *other != number && set.state.id() == id)
    }

    /// The sets, each once: the copy that has come farthest.
    pub(super) fn leaders(&self) -> impl Iterator<Item = &ActiveSet> {
        let reach = |number: u64, set: &ActiveSet| (set.spool.written(), Reverse(number));
        let behind = move |number: u64, set: &ActiveSet| {
            let here = reach(number, set);
            self.twins(number, set.state.id()).any(|(other, twin)| reach(other, twin) > here)
        };
        self.sets.iter().filter(move |&(&number, set)| !behind(number, set)).map(|(_, set)| set)
    }

    /// Everything of a set is right: its files may be made, unless those of a copy are.
    pub(super) fn verified(&mut self, number: u64, root: RootHash) {
        let Some(set) = self.sets.get_mut(&number) else { return };
        set.root = Some(root);
        let id = set.state.id();
        self.carve_verified(id);
    }

    /// Makes the files of a verified copy of a set, if there is one and no other is at that.
    pub(super) fn carve_verified(&mut self, id: SetId) {
        let copies = || self.sets.iter().filter(|(_, set)| set.state.id() == id);
        if copies().any(|(_, set)| set.carving) {
            return;
        }
        let next = copies().find(|(_, set)| set.root.is_some()).map(|(&number, _)| number);
        if let Some(number) = next {
            self.carve(number);
        }
    }

    /// A set is complete: what a sender that is gone has left of the same files is not needed.
    pub(super) fn drop_gone(&mut self, engine: &mut Engine, now: Timestamp, content: ContentId) {
        let gone = |set: &ActiveSet| {
            set.state.content() == content && self.is_gone(engine, now, set.remote)
        };
        let numbers: Vec<u64> =
            self.sets.iter().filter(|(_, set)| gone(set)).map(|(&number, _)| number).collect();
        for number in numbers {
            let Some(set) = self.sets.remove(&number) else { continue };
            set.spool.discard();
            engine.give_up(set.remote, set.state.keys());
        }
    }

    /// A set is complete: drops its other copies. Their senders hear the same as the first one.
    pub(super) fn drop_twins(&mut self, engine: &mut Engine, id: SetId) {
        while let Some(number) = self.sets.iter().find(|(_, s)| s.state.id() == id).map(|(&n, _)| n)
        {
            let Some(set) = self.sets.remove(&number) else { return };
            let remote = set.remote;
            set.spool.discard();
            for key in set.state.keys() {
                engine.refuse(ObjectRef { sender: remote, key });
            }
            if let Some(sender) = self.senders.get_mut(&remote) {
                sender.owes_release = !self.policy.mute;
                sender.settled = sender.settled.saturating_add(set.state.bytes_total());
            }
            self.tell(engine, remote, MemberState::Complete, "");
        }
    }
}
