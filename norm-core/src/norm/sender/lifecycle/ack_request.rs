//! An application's request for explicit acknowledgment (CMD(ACK_REQ), RFC 5740 §4.2.3.6).

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::sender::event::SenderEvent;
use crate::norm::wire::NodeId;

/// Shortest time between two requests, unless two round trips are longer.
const MIN_INTERVAL: Duration = Duration::from_millis(20);

/// The request that is being sent, if any.
#[derive(Debug)]
pub(crate) struct AckRequests {
    current: Option<Request>,
    next_id: u8,
}

#[derive(Debug)]
struct Request {
    ack_type: u8,
    ack_id: u8,
    pending: Vec<NodeId>,
    answers: usize,
    left: u32,
    next: Timestamp,
}

impl Request {
    fn is_open(&self) -> bool {
        self.left > 0 && !self.pending.is_empty()
    }
}

/// A request that is to be sent.
#[derive(Debug)]
pub(crate) struct AckQuestion {
    pub(crate) ack_type: u8,
    pub(crate) ack_id: u8,
    pub(crate) nodes: Vec<NodeId>,
}

impl AckRequests {
    pub(super) fn new() -> Self {
        Self { current: None, next_id: 0 }
    }

    /// Asks these receivers, each up to `times` times; returns the id. A request that is still
    /// being sent is replaced.
    pub(super) fn begin(
        &mut self,
        ack_type: u8,
        pending: Vec<NodeId>,
        times: u32,
        now: Timestamp,
    ) -> u8 {
        let ack_id = self.next_id;
        self.next_id = ack_id.wrapping_add(1);
        self.current =
            Some(Request { ack_type, ack_id, pending, answers: 0, left: times, next: now });
        ack_id
    }

    /// A request is being sent, or its answers are awaited.
    pub(super) fn is_open(&self) -> bool {
        self.current.is_some()
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.current.as_ref().filter(|request| request.is_open()).map(|request| request.next)
    }

    /// Takes the request, if it is due, with `limit` receivers at most.
    pub(crate) fn take(
        &mut self,
        now: Timestamp,
        grtt: Duration,
        limit: usize,
    ) -> Option<AckQuestion> {
        let request = self.current.as_mut()?;
        if now < request.next || !request.is_open() {
            return None;
        }
        request.left -= 1;
        request.next = now + (grtt * 2).max(MIN_INTERVAL);
        let count = request.pending.len().min(limit);
        let nodes = request.pending[..count].to_vec();
        request.pending.rotate_left(count);
        Some(AckQuestion { ack_type: request.ack_type, ack_id: request.ack_id, nodes })
    }

    /// A receiver has answered.
    pub(crate) fn answered(&mut self, node: NodeId, ack_type: u8, ack_id: u8) {
        let Some(request) = &mut self.current else { return };
        if request.ack_type != ack_type || request.ack_id != ack_id {
            return;
        }
        let before = request.pending.len();
        request.pending.retain(|&pending| pending != node);
        request.answers += before - request.pending.len();
    }

    /// Ends a request that all receivers have answered or that was sent often enough.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<SenderEvent> {
        let over = |r: &Request| r.pending.is_empty() || (r.left == 0 && now >= r.next);
        let request = self.current.take_if(|request| over(request))?;
        Some(SenderEvent::Acknowledged { ack_id: request.ack_id, answers: request.answers })
    }
}
