//! How a sender proves to its receivers that it is the one that they heard at another address.
//!
//! The ids of a sender are heard by all, so they prove nothing. But a sender has a secret, and says
//! from the start what comes of hashing it many times. With each move it tells the value before
//! that: whatever hashes to the known value comes from the same sender. A value serves once, since
//! all hear it. RFC 5740 has nothing like it; the idea is Lamport's (1981).

use core::time::Duration;

use crate::norm::wire::{InstanceId, MoveProof, NodeId};

/// The silence after which receivers believe that a sender has left its address.
pub(crate) const LEFT_AFTER: Duration = Duration::from_secs(2);
/// Time for which a sender tells that it has moved before content goes on.
pub(crate) const TELL_FOR: Duration = Duration::from_millis(500);
/// Shortest time from one move to the next.
pub(crate) const MOVE_INTERVAL: Duration = Duration::from_secs(10);
/// Moves that a secret is good for.
const MAX_MOVES: u16 = 1_000;
/// Moves that a receiver may have missed in a row: each costs it a hash.
const MAX_MISSED: u16 = 32;
/// Keeps these hashes apart from others.
const CONTEXT: &str = "norm-core 2026-11-29 the value of a sender before its next move";

/// The sender that the values are of.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct SenderIds {
    pub(crate) node: NodeId,
    pub(crate) instance: InstanceId,
}

/// The sender's end: it knows all values.
#[derive(Debug)]
pub(crate) struct MoveChain {
    ids: SenderIds,
    secret: [u8; 16],
    proof: MoveProof,
}

impl MoveChain {
    /// The values that follow from a secret.
    pub(crate) fn new(ids: SenderIds, secret: [u8; 16]) -> Self {
        Self {
            ids,
            secret,
            proof: MoveProof { moves: 0, value: hashed(ids, secret, 0, MAX_MOVES) },
        }
    }

    /// What receivers are told now.
    pub(crate) fn proof(&self) -> MoveProof {
        self.proof
    }

    /// The sender has moved. False when all values are used up.
    pub(crate) fn advance(&mut self) -> bool {
        let moves = self.proof.moves + 1;
        if moves > MAX_MOVES {
            return false;
        }
        self.proof = MoveProof { moves, value: hashed(self.ids, self.secret, moves, MAX_MOVES) };
        true
    }
}

/// True when a proof can only come from the sender that gave the earlier one, and is a later one.
pub(crate) fn follows(ids: SenderIds, earlier: MoveProof, later: MoveProof) -> bool {
    let missed = later.moves.checked_sub(earlier.moves);
    missed.is_some_and(|missed| (1..=MAX_MISSED).contains(&missed))
        && hashed(ids, later.value, earlier.moves, later.moves) == earlier.value
}

/// The value after `to` moves, from that after `from` moves.
fn hashed(ids: SenderIds, value: [u8; 16], to: u16, from: u16) -> [u8; 16] {
    (to..from).rev().fold(value, |value, moves| {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&ids.node.0.to_be_bytes()).update(&ids.instance.0.to_be_bytes());
        let hash = hasher.update(&moves.to_be_bytes()).update(&value).finalize();
        core::array::from_fn(|at| hash.as_bytes()[at])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: SenderIds = SenderIds { node: NodeId(7), instance: InstanceId(9) };

    /// The proofs of a sender, in order.
    fn proofs(ids: SenderIds, count: usize) -> Vec<MoveProof> {
        let mut chain = MoveChain::new(ids, [5; 16]);
        let next = || {
            let proof = chain.proof();
            chain.advance().then_some(proof)
        };
        core::iter::from_fn(next).take(count).collect()
    }

    #[test]
    fn only_a_later_proof_of_the_same_sender_follows() {
        let all = proofs(IDS, 40);
        for later in 1..=32 {
            assert!(follows(IDS, all[0], all[later]));
            assert!(!follows(IDS, all[later], all[0]), "an earlier one");
        }
        assert!(!follows(IDS, all[3], all[3]), "the same");
        assert!(!follows(IDS, all[0], all[33]), "too many were missed");
        let other = SenderIds { instance: InstanceId(8), ..IDS };
        assert!(!follows(IDS, all[0], proofs(other, 2)[1]), "of another sender");
        assert!(!follows(other, all[0], all[1]), "to another sender");
        let guess = MoveProof { value: [0; 16], ..all[1] };
        assert!(!follows(IDS, all[0], guess));
        let renumbered = MoveProof { moves: 2, ..all[1] };
        assert!(!follows(IDS, all[0], renumbered));
    }

    #[test]
    fn values_are_used_up_in_the_end() {
        let mut chain = MoveChain::new(IDS, [5; 16]);
        assert_eq!((0..2_000).filter(|_| chain.advance()).count(), usize::from(MAX_MOVES));
        assert_eq!(chain.proof(), MoveProof { moves: MAX_MOVES, value: [5; 16] });
    }
}
