//! What a sender tells its application, and what it counts.

use core::net::SocketAddr;
use std::collections::VecDeque;

use crate::norm::wire::{MemberState, NodeId};
use crate::transfer::{IgnoredReason, SlowCause};

/// Something that the application should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SenderEvent {
    /// A receiver has announced itself.
    ReceiverFound {
        /// Its node id.
        node: NodeId,
        /// Its display name: text from the network.
        name: String,
        /// Where it sends from.
        address: SocketAddr,
    },
    /// A receiver has taken another node id.
    ReceiverMoved {
        /// The id that it had.
        from: NodeId,
        /// The id that it has now.
        to: NodeId,
    },
    /// A receiver has announced itself that is not expected: its feedback does not count. Told once
    /// of each of some.
    ReceiverIgnored {
        /// Its node id.
        node: NodeId,
        /// Its display name: text from the network.
        name: String,
        /// Where it sends from.
        address: SocketAddr,
        /// Why.
        reason: IgnoredReason,
    },
    /// A receiver reported its state.
    ReceiverReport {
        /// Its node id.
        node: NodeId,
        /// Its display name: text from the network.
        name: String,
        /// Where it sends from.
        address: SocketAddr,
        /// State of its transfer.
        state: MemberState,
        /// Content bytes it has.
        bytes_done: u64,
        /// Content bytes it expects; 0 when it does not know yet.
        bytes_total: u64,
        /// Loss it sees, as a fraction of 65,535.
        loss: u16,
        /// Packets that reached its host and were dropped there.
        drops: u32,
        /// Packets that arrived with a CE mark (ECN).
        ce_marked: u32,
    },
    /// A receiver confirmed everything: verified and under its final name.
    ReceiverConfirmed {
        /// Its node id.
        node: NodeId,
    },
    /// A receiver said that it cannot finish.
    ReceiverFailed {
        /// Its node id.
        node: NodeId,
        /// Its reason: text from the network.
        reason: String,
    },
    /// A receiver was silent for too long and is no longer waited for.
    ReceiverLost {
        /// Its node id.
        node: NodeId,
    },
    /// A receiver was evicted because it kept the others slow, perhaps to a separate group.
    ReceiverEvicted {
        /// Its node id.
        node: NodeId,
    },
    /// A receiver holds the others back, and is waited for. Told once of each of some.
    ReceiverSlow {
        /// Its node id.
        node: NodeId,
        /// Why.
        cause: SlowCause,
    },
    /// Packets with content are of this length from now on. Said when content begins to flow, if
    /// lengths were tried, and whenever the length changes.
    PacketSize {
        /// Bytes of the IP packets that pass to all receivers, all headers included.
        packet: u16,
        /// Bytes of content per packet.
        segment: u16,
        /// The receiver that gets no longer ones; `None` when all get the longest.
        node: Option<NodeId>,
    },
    /// A receiver gets only shorter packets than are sent: none of the lengths that were tried pass
    /// to it, or it came late and the others get longer ones. It is evicted by the policy for slow
    /// receivers, if there is one.
    PathMtuTooSmall {
        /// Its node id.
        node: NodeId,
        /// Bytes of the longest IP packet that it got, all headers included.
        largest: u16,
        /// Bytes of the IP packets that it would have to get.
        needed: u16,
    },
    /// Enough receivers have announced themselves: content flows.
    Started,
    /// Too few receivers announced themselves in time; nothing was sent.
    StartTimedOut {
        /// Receivers that had announced themselves.
        receivers: usize,
    },
    /// Every receiver has failed, and none joined for a second: the session ends early.
    Abandoned,
    /// All receivers that report have a part of the content: only what they ask for is sent
    /// ([`super::Payload::Auto`]).
    OnRequest {
        /// These receivers.
        receivers: usize,
        /// Content bytes that each of them has at least.
        bytes_done: u64,
    },
    /// Every object has been sent once; in a carousel, after its first pass.
    AllSent,
    /// An object could not be read, or coded; the session ends.
    ReadFailed,
    /// Every receiver listed for an acknowledgment request of ours has answered or was given up.
    Acknowledged {
        /// Id that `request_ack` returned.
        ack_id: u8,
        /// Receivers that answered.
        answers: usize,
    },
    /// The session is over: nothing more will be sent.
    Finished,
}

/// Most events that are kept for an application that does not fetch them; further reports are
/// dropped.
const MAX_EVENTS: usize = 8_192;

/// Events that the application has not fetched.
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: VecDeque<SenderEvent>,
}

impl Events {
    pub(super) fn push(&mut self, event: SenderEvent) {
        self.queue.push_back(event);
    }

    /// Adds an event that may be dropped.
    pub(super) fn push_report(&mut self, report: SenderEvent) {
        if self.queue.len() < MAX_EVENTS {
            self.queue.push_back(report);
        }
    }

    pub(super) fn pop(&mut self) -> Option<SenderEvent> {
        self.queue.pop_front()
    }
}

/// Counters; all start at 0 and never go back.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct SenderStats {
    /// Packets sent.
    pub packets: u64,
    /// UDP payload bytes sent.
    pub bytes: u64,
    /// Content packets sent for the first time.
    pub data_packets: u64,
    /// Source symbols sent again.
    pub resent_packets: u64,
    /// Fresh coded symbols sent.
    pub coded_packets: u64,
    /// Commands sent.
    pub commands: u64,
    /// NACKs accepted.
    pub nacks: u64,
    /// ACKs accepted.
    pub acks: u64,
    /// Reports accepted.
    pub reports: u64,
    /// Datagrams that could not be parsed.
    pub malformed: u64,
    /// Well-formed datagrams for another session or sender.
    pub not_ours: u64,
    /// Requests for what does not exist or was just repaired.
    pub ignored_requests: u64,
    /// Receivers that did not fit the list.
    pub unlisted: u64,
    /// Feedback of receivers that are not in the roster.
    pub unexpected: u64,
}
