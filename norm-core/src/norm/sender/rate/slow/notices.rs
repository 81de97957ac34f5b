//! Evicted receivers are told so: some times by the clock, and whenever they are heard.

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::wire::NodeId;

/// Receivers that are to be told, and when one may be told again.
#[derive(Debug)]
pub(super) struct EvictionNotices {
    pending: Vec<Notice>,
    /// When an evicted receiver that is heard may be told again.
    repeat_from: Timestamp,
}

#[derive(Copy, Clone, Debug)]
struct Notice {
    node: NodeId,
    /// How often it is still to be told.
    left: u32,
}

/// How often a receiver is told by the clock, ten times a second.
const NOTICES: u32 = 5;
/// Shortest time between two notices to receivers that are heard.
const MIN_REPEAT_INTERVAL: Duration = Duration::from_millis(20);

impl EvictionNotices {
    pub(super) fn new() -> Self {
        Self { pending: Vec::new(), repeat_from: Timestamp::ZERO }
    }

    pub(super) fn add(&mut self, node: NodeId) {
        self.pending.push(Notice { node, left: NOTICES });
    }

    /// True while notices are pending.
    pub(super) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Takes the receivers that are to be told now.
    pub(super) fn take(&mut self) -> Vec<NodeId> {
        let nodes = self.pending.iter().map(|notice| notice.node).collect();
        self.pending.iter_mut().for_each(|notice| notice.left -= 1);
        self.pending.retain(|notice| notice.left > 0);
        nodes
    }

    /// An evicted receiver was heard: true when it is to be told again.
    pub(super) fn repeats(&mut self, now: Timestamp) -> bool {
        let due = now >= self.repeat_from;
        if due {
            self.repeat_from = now + MIN_REPEAT_INTERVAL;
        }
        due
    }
}
