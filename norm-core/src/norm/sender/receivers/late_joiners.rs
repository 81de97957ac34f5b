//! Receivers that come when an object's beginning has gone by.
//!
//! Standard receivers begin with the next object, unless a FLUSH that lists them says that this one
//! is meant for them (RFC 5740 §5.2).

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::wire::NodeId;

/// Receivers that a FLUSH is to list, and when.
#[derive(Debug, Default)]
pub(crate) struct LateJoiners {
    waiting: Vec<LateJoiner>,
    next: Timestamp,
}

#[derive(Copy, Clone, Debug)]
struct LateJoiner {
    node: NodeId,
    /// How often it is still to be listed.
    left: u32,
}

/// How often each is listed: a FLUSH may be lost.
const REPEATS: u32 = 4;
/// Most late joiners at a time; the others are listed when all is sent.
const MAX_WAITING: usize = 64;
/// Shortest time between two of these FLUSH commands.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

impl LateJoiners {
    /// A receiver has come.
    pub(crate) fn add(&mut self, node: NodeId) {
        let known = self.waiting.iter().any(|joiner| joiner.node == node);
        if self.waiting.len() < MAX_WAITING && !known {
            self.waiting.push(LateJoiner { node, left: REPEATS });
        }
    }

    /// It asks for content: it has begun.
    pub(crate) fn confirm(&mut self, node: NodeId) {
        self.waiting.retain(|joiner| joiner.node != node);
    }

    /// No receiver need be listed any more.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Receivers to be listed now; counts that they are.
    pub(crate) fn take(&mut self, now: Timestamp, grtt: Duration) -> Vec<NodeId> {
        if now < self.next || self.waiting.is_empty() {
            return Vec::new();
        }
        self.next = now + MIN_INTERVAL.max(grtt * 2);
        let mut nodes: Vec<NodeId> = self.waiting.iter().map(|joiner| joiner.node).collect();
        nodes.sort_unstable();
        self.waiting.iter_mut().for_each(|joiner| joiner.left -= 1);
        self.waiting.retain(|joiner| joiner.left > 0);
        nodes
    }

    /// When receivers are to be listed next.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        (!self.waiting.is_empty()).then_some(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_joiner_is_listed_a_few_times_or_until_it_asks() {
        let mut joiners = LateJoiners::default();
        assert_eq!(joiners.next(), None);
        (2..4).for_each(|node| joiners.add(NodeId(node)));
        joiners.add(NodeId(2));
        let mut now = Timestamp::from_nanos(1_000_000_000);
        assert_eq!(joiners.take(now, MIN_INTERVAL), [NodeId(2), NodeId(3)]);
        assert_eq!(joiners.take(now + MIN_INTERVAL, MIN_INTERVAL), [], "too soon");
        joiners.confirm(NodeId(3));
        let mut times = 1;
        while let Some(next) = joiners.next() {
            assert!(next > now);
            now = next;
            assert_eq!(joiners.take(now, MIN_INTERVAL), [NodeId(2)]);
            times += 1;
        }
        assert_eq!(times, REPEATS);
    }
}
