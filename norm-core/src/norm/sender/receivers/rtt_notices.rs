//! Receivers that are still to be told their round trip (RFC 5740 §5.5.2.1).
//!
//! A receiver that does not know its round trip is suppressed only by others that do not know
//! theirs either: each one that is heard is told soon, so that the next one is heard.

use core::time::Duration;
use std::collections::VecDeque;

use crate::norm::wire::{CcFlags, CcNode, NodeId, QuantizedRate, QuantizedRtt};

/// Most notices that are pending; other receivers say again that they do not know their round trip.
const MAX_PENDING: usize = 64;

/// In the order in which the receivers were heard.
#[derive(Debug, Default)]
pub(crate) struct PendingRttNotices {
    queue: VecDeque<CcNode>,
}

impl PendingRttNotices {
    /// Adds a receiver with its round trip, and the rate that it can take.
    pub(crate) fn add(&mut self, node: NodeId, rtt: Duration, rate: QuantizedRate) {
        let item =
            CcNode { id: node, flags: CcFlags::RTT, rtt: QuantizedRtt::from_duration(rtt), rate };
        if let Some(known) = self.queue.iter_mut().find(|known| known.id == node) {
            *known = item;
        } else if self.queue.len() < MAX_PENDING {
            self.queue.push_back(item);
        }
    }

    /// Takes the notices for the next probe, `limit` at most.
    pub(crate) fn take(&mut self, limit: usize) -> Vec<CcNode> {
        self.queue.drain(..self.queue.len().min(limit)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notice_is_given_once_in_order_and_no_more_are_kept_than_fit() {
        let mut notices = PendingRttNotices::default();
        let rate = QuantizedRate::from_bytes_per_second(1e6);
        for n in 0..100 {
            notices.add(NodeId(n), Duration::from_millis(5), rate);
            notices.add(NodeId(0), Duration::from_millis(9), rate);
        }
        let first = notices.take(2);
        assert_eq!(first.iter().map(|item| item.id.0).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(first[0].rtt, QuantizedRtt::from_duration(Duration::from_millis(9)));
        assert_eq!(first[0].flags, CcFlags::RTT);
        assert_eq!(notices.take(1000).len(), MAX_PENDING - 2);
        assert!(notices.take(1).is_empty());
    }
}
