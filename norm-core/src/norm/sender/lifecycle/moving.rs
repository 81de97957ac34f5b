//! What a sender does whose address has changed, so that its receivers go with it.
//!
//! Receivers believe that it has left the old address when that has been silent for a while. So the
//! sender is silent first, then says where it is, with its proof, and goes on when all have heard
//! that. From another address, content would be that of another sender.

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::moves::{LEFT_AFTER, MOVE_INTERVAL, MoveChain, TELL_FOR};
use crate::norm::wire::MoveProof;

/// Time between two notices meanwhile: several may be lost.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// Time between two notices after that, for receivers that were cut off.
const REPEAT_EVERY: Duration = Duration::from_secs(1);
/// How long notices are repeated.
const REPEAT_FOR: Duration = Duration::from_secs(10);

/// The sender's moves, and what is to be told of the last one.
#[derive(Debug, Default)]
pub(crate) struct Moving {
    /// Without a secret, receivers take the sender for another one.
    chain: Option<MoveChain>,
    /// Nothing but notices is sent until then.
    holds_until: Option<Timestamp>,
    next_notice: Option<Timestamp>,
    /// The last notice is due before then.
    told_until: Timestamp,
    /// The value that is told was heard from the present address.
    revealed: bool,
    /// Receivers that have taken the last move take the next one from then on.
    not_before: Timestamp,
}

impl Moving {
    /// Lets receivers believe in moves from now on.
    pub(crate) fn set_chain(&mut self, chain: MoveChain) {
        self.chain = Some(chain);
    }

    /// The address has changed; `last_sent` is when a packet last left from the old one. Returns
    /// the new proof, if there is one.
    pub(crate) fn begin(
        &mut self,
        now: Timestamp,
        last_sent: Timestamp,
        grtt: Duration,
    ) -> Option<MoveProof> {
        let chain = self.chain.as_mut()?;
        // What was never told serves for this move, too.
        let unused = self.holds_until.is_some() && !self.revealed;
        if !unused && !chain.advance() {
            return None;
        }
        let left = last_sent + LEFT_AFTER + grtt;
        let quiet = left.max(self.not_before).max(now);
        self.revealed = false;
        self.next_notice = Some(quiet);
        self.holds_until = Some(quiet + TELL_FOR);
        self.told_until = quiet + TELL_FOR + REPEAT_FOR;
        Some(chain.proof())
    }

    /// Nothing but notices may be sent.
    pub(crate) fn holds(&self) -> bool {
        self.holds_until.is_some()
    }

    /// Ends the time in which nothing but notices may be sent. True when it has just ended.
    pub(super) fn end_hold(&mut self, now: Timestamp) -> bool {
        self.holds_until.take_if(|until| now >= *until).is_some()
    }

    /// A notice is due; it is sent.
    pub(crate) fn take_notice(&mut self, now: Timestamp) -> bool {
        let due = self.next_notice.is_some_and(|next| now >= next);
        if due {
            if !self.revealed {
                self.not_before = now + TELL_FOR + MOVE_INTERVAL;
            }
            self.revealed = true;
            let next = now + if self.holds() { TELL_EVERY } else { REPEAT_EVERY };
            self.next_notice = Some(next).filter(|next| *next < self.told_until);
        }
        due
    }

    /// When the next notice is due, or the next packet may leave.
    pub(super) fn next(&self) -> Option<Timestamp> {
        [self.next_notice, self.holds_until].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::norm::moves::SenderIds;
    use crate::norm::wire::{InstanceId, NodeId};

    fn at(millis: u64) -> Timestamp {
        Timestamp::since_epoch(Duration::from_secs(100) + Duration::from_millis(millis))
    }

    fn moving() -> Moving {
        let ids = SenderIds { node: NodeId(1), instance: InstanceId(2) };
        Moving { chain: Some(MoveChain::new(ids, [3; 16])), ..Moving::default() }
    }

    /// Lets time pass; when notices were sent, and when the hold ended.
    fn course(moving: &mut Moving, from: u64, to: u64) -> (Vec<u64>, Option<u64>) {
        let (mut notices, mut ended) = (Vec::new(), None);
        for millis in from..to {
            if moving.end_hold(at(millis)) {
                ended = Some(millis);
            }
            if moving.take_notice(at(millis)) {
                notices.push(millis);
            }
            assert!(moving.next().is_none_or(|next| next > at(millis)), "no timer in the past");
        }
        (notices, ended)
    }

    #[test]
    fn move_is_told_after_a_silence_and_before_content() {
        let mut moving = moving();
        let grtt = Duration::from_millis(10);
        assert_eq!(moving.begin(at(1000), at(900), grtt).map(|proof| proof.moves), Some(1));
        assert!(moving.holds());
        let (notices, ended) = course(&mut moving, 1000, 20_000);
        assert_eq!(notices[..6], [2910, 3010, 3110, 3210, 3310, 3410]);
        assert_eq!(ended, Some(3410));
        assert_eq!(notices[6..], [4410, 5410, 6410, 7410, 8410, 9410, 10_410, 11_410, 12_410]);
        assert!(!moving.holds());
    }

    #[test]
    fn second_move_waits_until_receivers_take_it() {
        let mut moving = moving();
        moving.begin(at(0), at(0), Duration::ZERO);
        course(&mut moving, 0, 3000);
        assert_eq!(moving.begin(at(3000), at(2999), Duration::ZERO).map(|p| p.moves), Some(2));
        let (notices, ended) = course(&mut moving, 3000, 30_000);
        assert_eq!(notices[0], 2000 + 500 + 10_000);
        assert_eq!(ended, Some(13_000));
    }

    #[test]
    fn move_that_was_not_told_yet_takes_no_value() {
        let mut moving = moving();
        moving.begin(at(0), at(0), Duration::ZERO);
        course(&mut moving, 0, 1000);
        assert_eq!(moving.begin(at(1000), at(0), Duration::ZERO).map(|p| p.moves), Some(1));
        let (notices, _) = course(&mut moving, 1000, 3000);
        assert_eq!(notices[0], 2000);
    }

    #[test]
    fn without_a_secret_nothing_is_held() {
        let mut moving = Moving::default();
        assert_eq!(moving.begin(at(0), at(0), Duration::ZERO), None);
        assert!(!moving.holds() && moving.next().is_none());
    }
}
