//! Whether a sender that speaks from another address is the one that was heard.

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::moves::{LEFT_AFTER, MOVE_INTERVAL, SenderIds, TELL_FOR, follows};
use crate::norm::wire::MoveProof;

/// Time for which a sender that has left its address is given to prove where it is, before what has
/// its ids counts as another sender.
const PROVE_WITHIN: Duration = Duration::from_secs(5);

/// What packets with the ids of a sender are, that come from another address.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The sender has moved there.
    Moved,
    /// They are to be dropped: it may have moved, or it is a forger that repeats its proof.
    Refused,
    /// Another sender.
    Other,
}

/// What a sender has proven.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    /// The last proof that came from its address; none from senders that cannot move.
    proof: Option<MoveProof>,
    moved_at: Option<Timestamp>,
    /// When packets without proof began to come from elsewhere, while its own address is silent.
    strays_since: Option<Timestamp>,
}

impl Moves {
    /// Takes what the sender says from its own address, with a proof or without.
    pub(crate) fn note_heard(&mut self, ids: SenderIds, proof: Option<MoveProof>) {
        self.strays_since = None;
        let Some(new) = proof else { return };
        if self.proof.is_none_or(|known| follows(ids, known, new)) {
            self.proof = Some(new);
        }
    }

    /// Judges a packet with the sender's ids from another address, of which it was last heard at
    /// `last_heard` from its own.
    pub(crate) fn judge(
        &mut self,
        now: Timestamp,
        ids: SenderIds,
        last_heard: Timestamp,
        proof: Option<MoveProof>,
    ) -> Claim {
        let Some(known) = self.proof else { return Claim::Other };
        let has_left = now >= last_heard + LEFT_AFTER;
        match proof {
            Some(new) if follows(ids, known, new) => {
                if has_left && self.moved_at.is_none_or(|at| now >= at + MOVE_INTERVAL) {
                    Claim::Moved
                } else {
                    Claim::Refused
                }
            }
            Some(new) if new == known || follows(ids, new, known) => Claim::Refused,
            Some(_) => Claim::Other,
            None if has_left => {
                let since = *self.strays_since.get_or_insert(now);
                if now < since + PROVE_WITHIN { Claim::Refused } else { Claim::Other }
            }
            None => Claim::Other,
        }
    }

    /// True while a sender that has moved tells that, and sends nothing else.
    pub(crate) fn is_told(&self, now: Timestamp) -> bool {
        self.moved_at.is_some_and(|at| now < at + TELL_FOR)
    }

    /// Notes that the sender has moved.
    pub(crate) fn note_move(&mut self, now: Timestamp, proof: Option<MoveProof>) {
        *self = Self { proof, moved_at: Some(now), strays_since: None };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::norm::moves::MoveChain;
    use crate::norm::wire::{InstanceId, NodeId};

    const IDS: SenderIds = SenderIds { node: NodeId(7), instance: InstanceId(9) };

    fn at(millis: u64) -> Timestamp {
        Timestamp::since_epoch(Duration::from_secs(100) + Duration::from_millis(millis))
    }

    fn chain(secret: u8) -> MoveChain {
        MoveChain::new(IDS, [secret; 16])
    }

    /// The proof after this many moves.
    fn proof(moves: usize) -> Option<MoveProof> {
        let mut chain = chain(1);
        (0..moves).for_each(|_| assert!(chain.advance()));
        Some(chain.proof())
    }

    fn known() -> Moves {
        let mut moves = Moves::default();
        moves.note_heard(IDS, proof(0));
        moves
    }

    #[test]
    fn move_is_taken_when_the_old_address_is_silent() {
        let mut moves = known();
        assert_eq!(moves.judge(at(1999), IDS, at(0), proof(1)), Claim::Refused);
        assert_eq!(moves.judge(at(2000), IDS, at(0), proof(1)), Claim::Moved);
        assert_eq!(moves.judge(at(2000), IDS, at(0), proof(3)), Claim::Moved, "two were missed");
        moves.note_move(at(2000), proof(1));
        assert_eq!(moves.judge(at(11_999), IDS, at(2000), proof(2)), Claim::Refused, "too soon");
        assert_eq!(moves.judge(at(12_000), IDS, at(2000), proof(2)), Claim::Moved);
    }

    #[test]
    fn proof_that_was_heard_proves_nothing() {
        let mut moves = known();
        for replayed in [0, 1] {
            assert_eq!(
                moves.judge(at(9000), IDS, at(0), proof(replayed)),
                match replayed {
                    0 => Claim::Refused,
                    _ => Claim::Moved,
                }
            );
        }
        moves.note_move(at(9000), proof(1));
        for replayed in [0, 1] {
            assert_eq!(moves.judge(at(90_000), IDS, at(9000), proof(replayed)), Claim::Refused);
        }
    }

    #[test]
    fn another_chain_is_another_sender() {
        let mut moves = known();
        let mut other = chain(2);
        assert_eq!(moves.judge(at(9000), IDS, at(0), Some(other.proof())), Claim::Other);
        other.advance();
        assert_eq!(moves.judge(at(9000), IDS, at(0), Some(other.proof())), Claim::Other);
        // Nor is a proof replaced by one of another chain, even from the sender's own address.
        moves.note_heard(IDS, Some(other.proof()));
        assert_eq!(moves.judge(at(9000), IDS, at(0), proof(1)), Claim::Moved);
        assert_eq!(Moves::default().judge(at(9000), IDS, at(0), proof(1)), Claim::Other);
    }

    #[test]
    fn packets_without_proof_wait_for_one() {
        let mut moves = known();
        assert_eq!(moves.judge(at(1000), IDS, at(0), None), Claim::Other, "it is still there");
        for millis in [2000, 6999] {
            assert_eq!(moves.judge(at(millis), IDS, at(0), None), Claim::Refused);
        }
        assert_eq!(moves.judge(at(7000), IDS, at(0), None), Claim::Other);
        moves.note_heard(IDS, None);
        assert_eq!(moves.judge(at(9000), IDS, at(7000), None), Claim::Refused);
    }
}
