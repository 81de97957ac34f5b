//! Who we say that we are: to each sender as its own.

use super::Receiver;
use super::remote::Remote;
use crate::endpoint::SymbolStore;
use crate::wire::{Identity, InstanceId, NodeId};

/// Keeps the hash apart from every other use of BLAKE3.
const CONTEXT: &str = "norm-core 2026-11-26 identity of a receiver to a sender";

impl<S: SymbolStore> Receiver<S> {
    /// What we call ourselves to this sender.
    pub(super) fn identity_to(&self, remote: &Remote) -> Identity {
        let identity = self.config.identity;
        match self.config.identity_per_sender {
            true => derive(identity, remote.node, remote.instance),
            false => identity,
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
