//! Receivers that are still to be told their round trip (RFC 5740 §5.5.2.1).
//!
//! One that was never told its round trip is silenced only by others that were not told either: so
//! whoever is heard is told soon, and the next one can make itself heard.

use core::time::Duration;
use std::collections::VecDeque;

use crate::norm::wire::{CcFlags, CcNode, NodeId, QuantizedRate, QuantizedRtt};

/// Receivers kept at most; others say again that they do not know.
const MOST: usize = 64;

/// In the order in which they were heard.
#[derive(Debug, Default)]
pub(crate) struct Untold {
    queue: VecDeque<CcNode>,
}

impl Untold {
    /// A receiver that does not know its round trip, and what it can take.
    pub(crate) fn note(&mut self, node: NodeId, rtt: Duration, rate: QuantizedRate) {
        let item =
            CcNode { id: node, flags: CcFlags::RTT, rtt: QuantizedRtt::from_duration(rtt), rate };
        if let Some(known) = self.queue.iter_mut().find(|known| known.id == node) {
            *known = item;
        } else if self.queue.len() < MOST {
            self.queue.push_back(item);
        }
    }

    /// Takes those for the next probe, `limit` at most.
    pub(crate) fn take(&mut self, limit: usize) -> Vec<CcNode> {
        self.queue.drain(..self.queue.len().min(limit)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_the_first_heard_first_and_no_more_are_kept_than_fit() {
        let mut untold = Untold::default();
        let rate = QuantizedRate::from_bytes_per_second(1e6);
        for n in 0..100 {
            untold.note(NodeId(n), Duration::from_millis(5), rate);
            untold.note(NodeId(0), Duration::from_millis(9), rate);
        }
        let first = untold.take(2);
        assert_eq!(first.iter().map(|item| item.id.0).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(first[0].rtt, QuantizedRtt::from_duration(Duration::from_millis(9)));
        assert_eq!(first[0].flags, CcFlags::RTT);
        assert_eq!(untold.take(1000).len(), MOST - 2);
        assert!(untold.take(1).is_empty());
    }
}
