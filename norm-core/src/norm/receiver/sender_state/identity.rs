//! The ids and the address of a sender, and the identity that we use with it.

use core::net::SocketAddr;
use core::time::Duration;

use crate::base::{Rng, Timestamp};
use crate::norm::moves::SenderIds;
use crate::norm::wire::{Identity, InstanceId, NodeId};

/// The context of a receiver's first identity, which keeps the hash apart from other uses of
/// BLAKE3.
const CONTEXT: &str = "norm-core 2026-11-26 identity of a receiver to a sender";
/// The context of every identity of a receiver after the first.
const NEW_CONTEXT: &str = "norm-core 2026-11-26 another identity of a receiver to a sender";

/// Requests for what is acknowledged after which a sender seems not to believe us.
const MIN_REPEATS: u32 = 2;
/// The time during which another address that has spoken under our node id may be believed.
const CLAIM_WINDOW: Duration = Duration::from_secs(10);
/// The shortest time from one identity to the next. It doubles each time.
const MIN_RENEWAL_INTERVAL: Duration = Duration::from_secs(1);
/// The longest time from one identity to the next.
const MAX_RENEWAL_INTERVAL: Duration = Duration::from_secs(64);

/// Where a sender's messages come from. An attacker that copies a sender's ids has another address
/// and is another sender here.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) node: NodeId,
    pub(crate) instance: InstanceId,
    pub(crate) address: SocketAddr,
}

impl Source {
    /// It sends from another address now.
    pub(super) fn move_to(&mut self, address: SocketAddr) {
        self.address = address;
    }

    /// Its ids, without its address.
    pub(crate) fn ids(&self) -> SenderIds {
        SenderIds { node: self.node, instance: self.instance }
    }

    /// True when a message names this node id and instance id.
    pub(crate) fn is_named(&self, node: NodeId, instance: InstanceId) -> bool {
        (self.node, self.instance) == (node, instance)
    }
}

/// The node id and identity that we use with one sender, and whether it believes us.
#[derive(Debug, Default)]
pub(crate) struct Alias {
    /// What makes the identity another one than the first.
    nonce: Option<u64>,
    /// When another address last spoke to the sender under our node id.
    claimed_at: Option<Timestamp>,
    /// No other identity is taken before.
    renew_from: Timestamp,
    interval: Duration,
}

impl Alias {
    /// The identity that we use with the sender. `hidden`: each sender sees one of its own.
    pub(crate) fn identity(&self, identity: Identity, hidden: bool, source: &Source) -> Identity {
        match self.nonce {
            None if !hidden => identity,
            None => derive(CONTEXT, identity, source, None),
            nonce => derive(NEW_CONTEXT, identity, source, nonce),
        }
    }

    /// Feedback to the sender was heard that has our node id. Any node can send that: it is only a
    /// hint.
    pub(crate) fn note_claim(&mut self, now: Timestamp) {
        self.claimed_at = Some(now);
    }

    /// Takes another identity if the sender does not believe us, which has asked `repeats` times in
    /// a row for what is acknowledged: a copy of our messages may have come to it before our own.
    /// True when the node id is to be drawn again, too.
    pub(crate) fn renew(&mut self, now: Timestamp, repeats: u32, rng: &mut Rng) -> bool {
        let claimed = self.claimed_at.is_some_and(|at| now < at + CLAIM_WINDOW);
        if repeats < MIN_REPEATS || !claimed || now < self.renew_from {
            return false;
        }
        let interval = (self.interval * 2).clamp(MIN_RENEWAL_INTERVAL, MAX_RENEWAL_INTERVAL);
        let nonce = Some(rng.next_u64().max(1));
        *self = Self { nonce, claimed_at: None, renew_from: now + interval, interval };
        true
    }
}

fn derive(context: &str, identity: Identity, source: &Source, nonce: Option<u64>) -> Identity {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(&identity.0);
    hasher.update(&source.node.0.to_be_bytes()).update(&source.instance.0.to_be_bytes());
    if let Some(nonce) = nonce {
        hasher.update(&nonce.to_be_bytes());
    }
    let hash = hasher.finalize();
    Identity(core::array::from_fn(|at| hash.as_bytes()[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Identity = Identity([7; 16]);

    fn source(node: u32, instance: u16) -> Source {
        let address = SocketAddr::from(([10, 0, 0, 1], 5740));
        Source { node: NodeId(node), instance: InstanceId(instance), address }
    }

    #[test]
    fn hidden_identity_differs_between_sessions() {
        let alias = Alias::default();
        let hidden =
            |identity, node, instance| alias.identity(identity, true, &source(node, instance));
        let one = hidden(FIRST, 1, 2);
        assert_eq!(one, hidden(FIRST, 1, 2));
        let new = Alias { nonce: Some(5), ..Alias::default() };
        for other in [
            FIRST,
            hidden(FIRST, 1, 3),
            hidden(FIRST, 2, 2),
            hidden(Identity([8; 16]), 1, 2),
            new.identity(FIRST, true, &source(1, 2)),
            derive(CONTEXT, FIRST, &source(1, 2), Some(5)),
            derive(NEW_CONTEXT, FIRST, &source(1, 2), None),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(alias.identity(FIRST, false, &source(1, 2)), FIRST);
    }

    #[test]
    fn alias_is_renewed_after_a_claim_and_not_too_often() {
        let at = |secs| Timestamp::ZERO + Duration::from_secs(secs);
        let (mut alias, mut rng) = (Alias::default(), Rng::new(1));
        assert!(!alias.renew(at(100), 2, &mut rng), "no other address has spoken");
        alias.note_claim(at(100));
        assert!(!alias.renew(at(100), 1, &mut rng));
        assert!(alias.renew(at(100), 2, &mut rng));
        alias.note_claim(at(100));
        assert!(!alias.renew(at(100), 2, &mut rng) && alias.renew(at(101), 2, &mut rng));
        alias.note_claim(at(101));
        assert!(!alias.renew(at(102), 2, &mut rng), "the interval doubles");
        assert!(!alias.renew(at(111), 2, &mut rng), "that was too long ago");
    }
}
