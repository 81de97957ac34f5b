//! When the end of what was sent is told, and which receivers are asked to confirm it (CMD(FLUSH),
//! RFC 5740 §4.2.3.1, §5.5.3).

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::sender::receivers::MemberTable;
use crate::norm::wire::NodeId;

/// Shortest time between two FLUSH commands, unless two round trips are longer.
const MIN_INTERVAL: Duration = Duration::from_millis(5);
/// Longest time between two FLUSH commands, unless two round trips are longer.
const MAX_INTERVAL: Duration = Duration::from_millis(500);

/// The schedule of FLUSH commands.
#[derive(Debug)]
pub(crate) struct FlushSchedule {
    /// `None` while there is new content.
    next: Option<Timestamp>,
    interval: Duration,
    /// Lists go round the receivers; this one was listed last.
    listed_last: NodeId,
}

impl FlushSchedule {
    pub(super) fn new() -> Self {
        Self { next: None, interval: MIN_INTERVAL, listed_last: NodeId::NONE }
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.next
    }

    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.next.is_some_and(|next| now >= next)
    }

    /// A FLUSH is sent; returns the receivers that it lists, `limit` at most. FLUSH commands thin
    /// out while nothing happens.
    pub(crate) fn sent(
        &mut self,
        now: Timestamp,
        grtt: Duration,
        members: &MemberTable,
        limit: usize,
    ) -> Vec<NodeId> {
        let shortest = (grtt * 2).max(MIN_INTERVAL);
        self.interval = self.interval.max(shortest);
        self.next = Some(now + self.interval);
        self.interval = (self.interval * 3 / 2).min(MAX_INTERVAL.max(shortest));
        let nodes = members.next_active(self.listed_last, limit);
        self.listed_last = nodes.last().copied().unwrap_or(NodeId::NONE);
        nodes
    }

    /// A FLUSH is due now, if any is.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        self.next = self.next.map(|_| now);
    }

    /// Everything was sent.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.next = Some(now);
    }

    /// There is new content.
    pub(crate) fn stop(&mut self) {
        self.next = None;
    }

    /// There is nothing new of a stream: FLUSH tells receivers how far it has come, so that they
    /// can ask for the last of it.
    pub(crate) fn note_stream_rests(&mut self, now: Timestamp) {
        if self.next.is_none() {
            self.interval = MIN_INTERVAL;
            self.next = Some(now + MIN_INTERVAL);
        }
    }

    /// Repairs were sent: receivers that needed them may confirm soon.
    pub(crate) fn hasten(&mut self) {
        self.interval = MIN_INTERVAL;
    }
}
