//! What a transfer tells while it runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver as Channel, Sender as ChannelSender, unbounded};
use norm_core::norm::wire::{MemberState, NodeId};

use super::lane::Gate;

use crate::transfer::schedule::{Bound, TimeOfDay};

/// Something the user may want to see. Names and reasons come from the network; control characters
/// in them are replaced.
#[derive(Clone, Debug)]
pub enum SendEvent {
    /// A receiver was heard for the first time.
    ReceiverFound {
        /// Its node id.
        node: NodeId,
        /// What it calls itself; made from the node id when it does not say.
        name: String,
    },
    /// Data starts to flow.
    Started {
        /// Receivers known by now.
        receivers: usize,
    },
    /// How far the transfer is; about four times per second, and once at the end.
    Progress(SendProgress),
    /// A receiver said how far it is.
    ReceiverProgress {
        /// Its node id.
        node: NodeId,
        /// What it calls itself.
        name: String,
        /// What it is doing.
        state: MemberState,
        /// Content bytes that it has.
        bytes_done: u64,
        /// Content bytes that it expects; 0 when it does not know yet.
        bytes_total: u64,
        /// Share of packets that it lost, 0 to 1.
        loss: f64,
        /// Packets that reached its machine and were dropped there so far, for want of time or room.
        drops: u32,
        /// Packets that routers have marked on the way to it so far (ECN).
        marked: u32,
    },
    /// Everything has been sent once.
    AllSent,
    /// A receiver has everything, verified and under its final name.
    ReceiverConfirmed {
        /// Its node id.
        node: NodeId,
        /// What it calls itself.
        name: String,
    },
    /// A receiver said that it cannot finish, or left.
    ReceiverFailed {
        /// Its node id.
        node: NodeId,
        /// What it calls itself.
        name: String,
        /// Why, in its own words.
        reason: String,
    },
    /// A receiver kept the others slow: it was sent away, or to the slow lane.
    ReceiverEjected {
        /// Its node id.
        node: NodeId,
        /// What it calls itself.
        name: String,
        /// The group of the slow lane.
        lane: Option<SocketAddr>,
    },
    /// A receiver has been silent for too long and is no longer waited for.
    ReceiverLost {
        /// Its node id.
        node: NodeId,
        /// What it calls itself.
        name: String,
    },
    /// By the schedule another bound of the rate holds from now on.
    Bounded {
        /// Which.
        bound: Bound,
        /// Until when; `None` for good.
        until: Option<TimeOfDay>,
    },
    /// Something looks wrong, and what to do about it.
    Hint(String),
}

/// What a transfer is doing.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum SendPhase {
    /// Waiting for receivers.
    Waiting,
    /// Sending everything once, and repairs.
    Sending,
    /// Sending nothing, because the schedule says so.
    Paused {
        /// Until this time of day.
        until: Option<TimeOfDay>,
    },
    /// Everything was sent; repairing, and waiting for receivers to confirm.
    Confirming,
    /// All known receivers have finished; staying for late ones.
    Lingering,
    /// Saying goodbye.
    Ending,
}

/// How far a transfer is. Content is what the objects hold: all files, their list and the hashes.
#[derive(Copy, Clone, Debug)]
pub struct SendProgress {
    /// Since the session began.
    pub elapsed: Duration,
    /// Content bytes sent once.
    pub bytes_sent: u64,
    /// Content bytes in all.
    pub bytes_total: u64,
    /// UDP payload sent so far, in bytes.
    pub wire_bytes: u64,
    /// Content packets sent for repair so far.
    pub repair_packets: u64,
    /// Content packets sent for the first time so far.
    pub data_packets: u64,
    /// Receivers heard of.
    pub receivers: usize,
    /// Receivers that have everything.
    pub confirmed: usize,
    /// Receivers that failed, left or fell silent.
    pub failed: usize,
    /// Receivers that were sent away, or to the slow lane.
    pub ejected: usize,
    /// The largest share of lost packets that a receiver reported, 0 to 1.
    pub worst_loss: f64,
    /// The fewest content bytes that a receiver not finished reported; `bytes_total` when all that
    /// were heard have finished, 0 when none was heard.
    pub slowest: u64,
    /// Only what receivers ask for is sent, so that nearly all of it is repair.
    pub on_request: bool,
    /// What the transfer is doing.
    pub phase: SendPhase,
}

/// Beyond this many unread events, progress is dropped.
const MANY: usize = 4_096;
/// Beyond this many unread events, everything is dropped: nobody reads them.
const TOO_MANY: usize = 262_144;

/// The events' way out: never blocks the session, and stays small when nobody reads.
#[derive(Clone, Debug)]
pub(super) struct Events {
    queue: ChannelSender<SendEvent>,
    /// Of the slow lane: tells what concerns single receivers, and while the session beside it runs,
    /// no more.
    lane: Option<Arc<Gate>>,
}

impl Events {
    pub(super) fn new() -> (Self, Channel<SendEvent>) {
        let (queue, events) = unbounded();
        (Self { queue, lane: None }, events)
    }

    /// The same way out for the slow lane, beside a session that may send somebody there.
    pub(super) fn of_lane(&self, beside: Arc<Gate>) -> Self {
        Self { queue: self.queue.clone(), lane: Some(beside) }
    }

    pub(super) fn push(&self, event: SendEvent) {
        let beside = self.lane.as_ref().map(|beside| beside.is_open());
        let told = match (&event, beside) {
            (_, None) => true,
            (SendEvent::Progress(_), Some(beside)) => !beside,
            (SendEvent::ReceiverFound { .. } | SendEvent::Started { .. }, _) => false,
            (event, _) => !matches!(event, SendEvent::AllSent),
        };
        if !told {
            return;
        }
        let transient =
            matches!(event, SendEvent::Progress(_) | SendEvent::ReceiverProgress { .. });
        if self.queue.len() < if transient { MANY } else { TOO_MANY } {
            // Fails when the application has dropped its end; it then does not want to know.
            let _ = self.queue.send(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unread_progress_gives_way_to_what_matters() {
        let (events, unread) = Events::new();
        for _ in 0..2 * MANY {
            events.push(SendEvent::ReceiverProgress {
                node: NodeId(1),
                name: String::new(),
                state: MemberState::Receiving,
                bytes_done: 0,
                bytes_total: 0,
                loss: 0.0,
                drops: 0,
                marked: 0,
            });
        }
        assert_eq!(unread.len(), MANY);
        events.push(SendEvent::AllSent);
        assert!(matches!(unread.iter().nth(MANY), Some(SendEvent::AllSent)));
    }
}
