//! Who we say that we are: to each sender as its own.

use core::time::Duration;

use super::Receiver;
use super::remote::Remote;
use crate::base::Timestamp;
use crate::endpoint::{SenderId, SymbolStore};
use crate::norm::wire::{Identity, InstanceId, NodeId};

/// Keeps the hash apart from every other use of BLAKE3.
const CONTEXT: &str = "norm-core 2026-11-26 identity of a receiver to a sender";

const CONTEXT_AGAIN: &str = "norm-core 2026-11-26 another identity of a receiver to a sender";

/// A sender that asks so often for what we have acknowledged does not believe us, ...
const DEAF: u32 = 2;
/// ... if somebody else has spoken in our name to it this lately: that may have been heard before us.
const COPIED: Duration = Duration::from_secs(10);
/// The time from one name to the next at least; twice as long each time.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(64);

/// Who we are to one sender, and whether it believes that.
#[derive(Debug, Default)]
pub(super) struct Name {
    /// What makes the name another one than the first.
    again: Option<u64>,
    /// When somebody else last spoke to it under our node id.
    copied_at: Option<Timestamp>,
    /// How often it has asked for what we have acknowledged.
    pub(super) asked_again: u32,
    /// No other name is taken before, and how long after that the next one.
    from: Timestamp,
    pause: Duration,
}

impl<S: SymbolStore> Receiver<S> {
    /// What we call ourselves to this sender.
    pub(super) fn identity_to(&self, remote: &Remote) -> Identity {
        let identity = self.config.identity;
        match (remote.name.again, self.config.identity_per_sender) {
            (None, false) => identity,
            (None, true) => derive(CONTEXT, identity, remote, 0),
            (Some(again), _) => derive(CONTEXT_AGAIN, identity, remote, again),
        }
    }

    /// Somebody's feedback to a sender is heard. Ours is not: the driver keeps it from us. Anybody can send
    /// this, and it is a hint and no more.
    pub(super) fn note_speaker(&mut self, now: Timestamp, node: NodeId, to: (NodeId, InstanceId)) {
        if node != self.node {
            return;
        }
        for remote in self.remotes.values_mut().filter(|r| (r.node, r.instance) == to) {
            remote.name.copied_at = Some(now);
        }
    }

    /// A sender asks again for what we have acknowledged. If a copy of our words came to it before our own,
    /// it believes whoever sent that copy, and we are heard under another name only.
    pub(super) fn mend_name(&mut self, now: Timestamp, index: SenderId) {
        let mut renamed = false;
        self.with_remote(index, |this, remote| {
            let copycat = this.is_copycat(remote);
            let name = &mut remote.name;
            let copied = name.copied_at.is_some_and(|at| now < at + COPIED);
            renamed = name.asked_again >= DEAF && copied && now >= name.from && !copycat;
            if renamed {
                let pause = (name.pause * 2).clamp(PAUSE, LONGEST_PAUSE);
                let again = Some(this.rng.next_u64().max(1));
                *name = Name { again, from: now + pause, pause, ..Name::default() };
            }
        });
        if renamed {
            self.redraw_node(now);
        }
    }

    /// True when the sender with this number means somebody else.
    pub(super) fn is_other(&self, index: SenderId, identity: Identity) -> bool {
        self.remotes.get(&index).is_none_or(|remote| self.identity_to(remote) != identity)
    }
}

fn derive(context: &str, identity: Identity, to: &Remote, again: u64) -> Identity {
    name(context, identity, (to.node, to.instance), again)
}

fn name(
    context: &str,
    identity: Identity,
    (sender, instance): (NodeId, InstanceId),
    again: u64,
) -> Identity {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(&identity.0).update(&sender.0.to_be_bytes()).update(&instance.0.to_be_bytes());
    if again != 0 {
        hasher.update(&again.to_be_bytes());
    }
    let hash = hasher.finalize();
    Identity(core::array::from_fn(|at| hash.as_bytes()[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_for_one_session_and_another_for_every_other() {
        let ours = Identity([7; 16]);
        let derive = |ours, node, instance, again| {
            name(CONTEXT, ours, (NodeId(node), InstanceId(instance)), again)
        };
        let one = derive(ours, 1, 2, 0);
        assert_eq!(one, derive(ours, 1, 2, 0));
        for other in [
            ours,
            derive(ours, 1, 3, 0),
            derive(ours, 2, 2, 0),
            derive(Identity([8; 16]), 1, 2, 0),
            derive(ours, 1, 2, 5),
            name(CONTEXT_AGAIN, ours, (NodeId(1), InstanceId(2)), 0),
        ] {
            assert_ne!(one, other);
        }
    }
}
