//! What an application decides about a receiving session.

use core::time::Duration;

use crate::fec::Points;
use crate::norm::stream::{Overflow, Resume};
use crate::norm::wire::{Identity, NodeId};

/// How feedback travels to the sender.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// To the group, so that receivers can suppress each other's (RFC 5740 §5.3).
    Multicast,
    /// To the address that the sender's messages come from.
    Unicast,
    /// Not at all: a silent receiver, which the sender never hears of.
    None,
}

/// Where a receiver that joins a running session begins.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum JoinPolicy {
    /// With the next object that begins, as RFC 5740 §5.2 suggests and the NRL library does.
    Current,
    /// With the whole of the first object heard; the application may then ask for earlier ones.
    Object,
    /// With everything that the sender may still have, back over half the id space.
    All,
}

/// Settings of a [`crate::norm::Receiver`].
#[derive(Clone, Debug)]
pub struct ReceiverConfig {
    /// Who we are, across node ids and sessions; random or kept on disk.
    pub identity: Identity,
    /// Each sender sees a hash of the identity and of its own node id and instance id: what it sees says
    /// nothing of who we are in other sessions.
    pub identity_per_sender: bool,
    /// What we call ourselves in reports; cut at 64 bytes.
    pub name: String,
    /// The node id to begin with; `None` draws one. Another is drawn when two nodes collide.
    pub node: Option<NodeId>,
    /// How feedback travels.
    pub feedback: Feedback,
    /// Tell senders who we are, so that they count us and wait for us. Receivers by the hundred
    /// thousand had better not, and ask for repair only.
    pub announce: bool,
    /// Where to begin.
    pub join: JoinPolicy,
    /// Take every object without asking the application ([`crate::norm::Receiver::accept`]).
    pub auto_accept: bool,
    /// Take every stream as it begins, before the application hears of it and may refuse: what comes
    /// of a stream before it is accepted is not kept, and must be asked for.
    pub accept_streams: bool,
    /// Confirm every object that was written without asking ([`crate::norm::Receiver::confirm`]).
    pub auto_confirm: bool,
    /// Senders followed at once; one that has sent no content, then the one silent for longest,
    /// makes room.
    pub max_senders: usize,
    /// Objects under way per sender; packets of further ones count as lost for now.
    pub max_objects: usize,
    /// Blocks under way in all; packets of further ones count as lost for now.
    pub max_blocks: usize,
    /// Symbols per coded block accepted at most: the time of a solve grows with it, and a hostile
    /// choice of symbols makes a large one very slow.
    pub max_block_len: u32,
    /// The points of Reed-Solomon codes, which no packet tells: [`Points::Rizzo`] for the NRL
    /// implementation, and nearly everybody.
    pub points: Points,
    /// Bytes of each accepted stream held for reading, in whole blocks, two at least; for repair as
    /// many again.
    pub stream_buffer: usize,
    /// What happens to a stream's segments behind that buffer.
    pub stream_overflow: Overflow,
    /// Where reading of a stream goes on after a loss that cannot be repaired.
    pub stream_resume: Resume,
    /// Bytes that the receiving socket holds: what may arrive while nobody looks. A sender without a
    /// rate sends no faster than that. `u64::MAX` when it does not matter.
    pub socket_buffer: u64,
    /// Silence after which a sender is reported silent, or gone if it has said goodbye.
    pub patience: Duration,
}

impl ReceiverConfig {
    /// Defaults for a receiver with this identity.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            identity_per_sender: false,
            name: String::new(),
            node: None,
            feedback: Feedback::Multicast,
            announce: true,
            join: JoinPolicy::Object,
            auto_accept: false,
            accept_streams: false,
            auto_confirm: false,
            max_senders: 32,
            max_objects: 256,
            max_blocks: 256,
            max_block_len: 4096,
            points: Points::Rizzo,
            stream_buffer: 4 << 20,
            stream_overflow: Overflow::Refuse,
            stream_resume: Resume::AtMessage,
            socket_buffer: u64::MAX,
            patience: Duration::from_secs(5),
        }
    }

    /// True unless the receiver is silent.
    pub(super) fn sends_feedback(&self) -> bool {
        self.feedback != Feedback::None
    }
}
