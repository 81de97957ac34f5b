//! Who we say that we are: to each sender as its own.

use core::time::Duration;

use super::Receiver;
use super::remote::Remote;
use crate::endpoint::SymbolStore;
use crate::time::Timestamp;
use crate::wire::{Identity, InstanceId, NodeId};

/// Keeps the hash apart from every other use of BLAKE3.
const CONTEXT: &str = "norm-core 2026-11-26 identity of a receiver to a sender";

/// A sender that asks so often for what we have acknowledged does not believe us, ...
const DEAF: u32 = 3;
/// ... if somebody else has spoken in our name this lately: it may have been heard before us.
const COPIED: Duration = Duration::from_secs(10);

/// Whether we still go by our first name.
#[derive(Debug, Default)]
pub(super) struct Name {
    /// How often we took another.
    renamed: u32,
    /// When somebody else last spoke under our node id.
    copied_at: Option<Timestamp>,
}

impl<S: SymbolStore> Receiver<S> {
    /// What we call ourselves to this sender.
    pub(super) fn identity_to(&self, remote: &Remote) -> Identity {
        let identity = match self.name.renamed {
            0 => self.config.identity,
            times => derive(self.config.identity, NodeId(times), InstanceId(0)),
        };
        match self.config.identity_per_sender {
            true => derive(identity, remote.node, remote.instance),
            false => identity,
        }
    }

    /// Somebody's feedback is heard. Ours is not: the driver keeps it from us.
    pub(super) fn note_speaker(&mut self, now: Timestamp, node: NodeId) {
        if node == self.node {
            self.name.copied_at = Some(now);
        }
    }

    /// A sender asks again for what we have acknowledged. If a copy of our words came to it before our own,
    /// it believes whoever sent that copy, and we are heard under another name only.
    pub(super) fn asked_again(&mut self, now: Timestamp, times: u32) {
        let copied = self.name.copied_at.is_some_and(|at| now < at + COPIED);
        if times >= DEAF && copied && now >= self.redraw_from {
            self.name = Name { renamed: self.name.renamed.wrapping_add(1), copied_at: None };
            self.redraw_node(now);
        }
    }

    /// True when the sender with this number means somebody else.
    pub(super) fn is_other(&self, index: u32, identity: Identity) -> bool {
        self.remotes.get(&index).is_none_or(|remote| self.identity_to(remote) != identity)
    }
}

fn derive(identity: Identity, sender: NodeId, instance: InstanceId) -> Identity {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(&identity.0).update(&sender.0.to_be_bytes()).update(&instance.0.to_be_bytes());
    let hash = hasher.finalize();
    Identity(core::array::from_fn(|at| hash.as_bytes()[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_for_one_session_and_another_for_every_other() {
        let ours = Identity([7; 16]);
        let one = derive(ours, NodeId(1), InstanceId(2));
        assert_eq!(one, derive(ours, NodeId(1), InstanceId(2)));
        for other in [
            ours,
            derive(ours, NodeId(1), InstanceId(3)),
            derive(ours, NodeId(2), InstanceId(2)),
            derive(Identity([8; 16]), NodeId(1), InstanceId(2)),
        ] {
            assert_ne!(one, other);
        }
    }
}
