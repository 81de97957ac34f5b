//! The receiving end. It acknowledges every second segment, and segments out of order at once.

use core::time::Duration;
use std::collections::BTreeMap;

use norm_core::Timestamp;

use super::window::RECEIVE_WINDOW;
use crate::node::contract::{Node, Outbox};
use crate::packet::{Body, HostId, Packet, Segment, To};

/// Longest delay of an acknowledgment, as in Linux.
const MAX_ACK_DELAY: Duration = Duration::from_millis(40);

/// The receiving end. What it has received outlives a restart of its host.
#[derive(Debug)]
pub(super) struct Sink {
    source: Option<HostId>,
    /// All bytes before this one were received.
    expected: u64,
    /// Start and end of segments that were received out of order.
    beyond: BTreeMap<u64, u64>,
    /// When to send a delayed acknowledgment.
    deadline: Timestamp,
    /// A segment since the last acknowledgment had a CE mark.
    echo: bool,
}

impl Default for Sink {
    fn default() -> Self {
        Self {
            source: None,
            expected: 0,
            beyond: BTreeMap::new(),
            deadline: Timestamp::MAX,
            echo: false,
        }
    }
}

impl Sink {
    /// Takes a segment. True if it is the next one, and none is missing.
    fn take(&mut self, segment: &Segment) -> bool {
        let start = segment.sequence;
        let end = start + u64::from(segment.len);
        let in_order = start <= self.expected && self.expected < end && self.beyond.is_empty();
        if end <= self.expected + RECEIVE_WINDOW {
            let known = self.beyond.entry(start).or_insert(end);
            *known = end.max(*known);
        }
        while let Some(first) = self.beyond.first_entry().filter(|e| *e.key() <= self.expected) {
            self.expected = self.expected.max(first.remove());
        }
        in_order
    }

    fn acknowledge(&mut self, to: HostId, sequence: u64, out: &mut Outbox) {
        let echo = core::mem::take(&mut self.echo);
        let segment = Segment { sequence, len: 0, acknowledged: self.expected, echo };
        out.packets.push((To::Host(to), Body::Tcp(segment)));
        self.deadline = Timestamp::MAX;
    }
}

impl Node for Sink {
    fn start(&mut self, _: Timestamp, _: &mut Outbox) {
        self.deadline = Timestamp::MAX;
    }

    fn stop(&mut self, _: Timestamp) {
        self.deadline = Timestamp::MAX;
    }

    fn receive(&mut self, now: Timestamp, packet: &Packet, out: &mut Outbox) {
        let Body::Tcp(segment) = &packet.body else { return };
        if segment.len == 0 {
            return;
        }
        let source = *self.source.get_or_insert(packet.from);
        assert_eq!(source, packet.from, "a TCP sink serves one source");
        self.echo |= packet.ce;
        if self.take(segment) && self.deadline == Timestamp::MAX {
            self.deadline = now + MAX_ACK_DELAY;
        } else {
            self.acknowledge(source, segment.sequence, out);
        }
    }

    fn timeout(&mut self, now: Timestamp, out: &mut Outbox) {
        if let Some(source) = self.source.filter(|_| now >= self.deadline) {
            self.acknowledge(source, 0, out);
        }
    }

    fn next(&self) -> Timestamp {
        self.deadline
    }
}
