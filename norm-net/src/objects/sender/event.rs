//! What a sender of objects tells its application.

use std::net::SocketAddr;
use std::time::Duration;

use norm_core::norm::sender::{MemberStatus, SenderStats};
use norm_core::transfer::NodeId;

use crate::event::Hint;

/// What happens in a sending session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectSendEvent {
    /// Enough receivers are there: data starts. Not said when none were waited for.
    Started,
    /// A receiver was heard for the first time.
    ReceiverFound {
        /// Its node id.
        node: NodeId,
        /// What it calls itself, if it tells: text from the network.
        name: String,
        /// Where it sends from.
        address: SocketAddr,
    },
    /// A receiver has confirmed everything sent so far.
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
    /// A receiver has been silent for too long and is no longer waited for.
    ReceiverLost {
        /// Its node id.
        node: NodeId,
    },
    /// Everything handed over so far, with closed streams, was sent once.
    AllSent,
    /// Something that may explain why no receiver is heard: packets came that are not sealed with
    /// this session's key.
    Hint(Hint),
}

/// How a sending session ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectSendOutcome {
    /// Every receiver that was heard has confirmed everything.
    Complete,
    /// Some receivers have not.
    Incomplete,
    /// No receiver was heard; silent ones may still have everything.
    NoReceivers,
    /// Too few receivers were heard in time; nothing was sent.
    StartTimedOut,
    /// It was stopped.
    Stopped,
    /// A block could not be coded: an internal error.
    Failed,
}

/// What came of a sending session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObjectSendReport {
    /// How it ended.
    pub outcome: ObjectSendOutcome,
    /// All receivers heard, in node id order, and where each stood at the end.
    pub receivers: Vec<(NodeId, MemberStatus)>,
    /// From opening to the end.
    pub elapsed: Duration,
    /// What was sent and heard.
    pub stats: SenderStats,
}
