//! Commands that answer something, and go before everything else.

use core::time::Duration;
use std::collections::VecDeque;

use crate::base::Timestamp;
use crate::norm::wire::{Identity, NodeId};

/// A command that answers something.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What can be repaired at all.
    Squelch,
    /// What is being repaired, for receivers that cannot hear each other.
    RepairAdv,
    /// Two receivers share a node id; one keeps it.
    Collision { node: NodeId, keeper: Identity },
    /// Objects have other transport ids.
    Moved,
    /// A receiver is evicted.
    Evict { node: NodeId },
}

/// Answers that are to be sent, and when each kind may be sent again.
#[derive(Debug)]
pub(crate) struct PendingAnswers {
    queue: VecDeque<Answer>,
    squelch_from: Timestamp,
    advertise_from: Timestamp,
    moved_from: Timestamp,
    collision_from: Timestamp,
}

/// Most answers that are pending.
const MAX_PENDING: usize = 16;
/// Shortest time between two answers to node ids that are taken.
const MIN_COLLISION_INTERVAL: Duration = Duration::from_millis(50);

impl PendingAnswers {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            queue: VecDeque::new(),
            squelch_from: now,
            advertise_from: now,
            moved_from: now,
            collision_from: now,
        }
    }

    fn push(&mut self, answer: Answer) {
        if self.queue.len() < MAX_PENDING && !self.queue.contains(&answer) {
            self.queue.push_back(answer);
        }
    }

    /// Says what can be repaired; at most once in two round trips (RFC 5740 §5.4.3).
    pub(crate) fn squelch(&mut self, now: Timestamp, grtt: Duration) {
        if now >= self.squelch_from {
            self.squelch_from = now + grtt * 2;
            self.push(Answer::Squelch);
        }
    }

    /// Says what is being repaired; at most once in half a round trip.
    pub(crate) fn advertise(&mut self, now: Timestamp, grtt: Duration) {
        if now >= self.advertise_from {
            self.advertise_from = now + grtt / 2;
            self.push(Answer::RepairAdv);
        }
    }

    /// Says that objects have other transport ids; at most once in a round trip.
    pub(crate) fn moved(&mut self, now: Timestamp, grtt: Duration) {
        if now >= self.moved_from {
            self.moved_from = now + grtt;
            self.push(Answer::Moved);
        }
    }

    /// Says that a node id is taken.
    pub(crate) fn collision(&mut self, now: Timestamp, node: NodeId, keeper: Identity) {
        if now >= self.collision_from {
            self.collision_from = now + MIN_COLLISION_INTERVAL;
            self.push(Answer::Collision { node, keeper });
        }
    }

    /// Tells a receiver that it is evicted.
    pub(crate) fn evict(&mut self, node: NodeId) {
        self.push(Answer::Evict { node });
    }

    pub(crate) fn pop(&mut self) -> Option<Answer> {
        self.queue.pop_front()
    }
}
