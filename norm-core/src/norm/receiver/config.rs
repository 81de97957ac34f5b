//! What an application decides about a receiving session.

use core::net::SocketAddr;
use core::time::Duration;

use super::admission::SenderFilter;
use crate::endpoint::{Margins, PacketOverhead};
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
    /// With the first object heard, from its start. The application may then ask for earlier ones
    /// ([`crate::norm::Receiver::request_from`]).
    Object,
    /// With everything that the sender may still have, back over half the id space.
    All,
}

/// What a receiver believes although its sender has not signed it, in a session in which senders
/// sign what they say. Every member of the group can forge what is not signed.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Everything.
    #[default]
    All,
    /// DATA, with what it says of its object; not INFO and commands, nor what headers say of the
    /// session.
    Data,
    /// Of DATA the symbols alone, of objects that signed messages have told of. For content that is
    /// compared with a hash.
    Symbols,
}

/// Settings of a [`crate::norm::Receiver`].
#[derive(Clone, Debug)]
pub struct ReceiverConfig {
    /// The receiver's identity, across node ids and sessions: random, or stored on disk.
    pub identity: Identity,
    /// Each sender sees a hash of the identity and of its own node id and instance id, which says
    /// nothing about the receiver's identity in other sessions.
    pub identity_per_sender: bool,
    /// The receiver's name in reports; cut at 64 bytes.
    pub name: String,
    /// The first node id; `None` draws one. Another is drawn when two nodes have the same.
    pub node: Option<NodeId>,
    /// How feedback travels.
    pub feedback: Feedback,
    /// Send membership reports, so that senders count the receiver and wait for it. In groups of
    /// hundreds of thousands receivers should only ask for repair.
    pub announce: bool,
    /// Which senders are followed.
    pub only: SenderFilter,
    /// Where to begin.
    pub join: JoinPolicy,
    /// Take every object without asking the application ([`crate::norm::Receiver::accept`]).
    pub auto_accept: bool,
    /// Take every stream as it begins, without asking the application. Content that arrives before
    /// a stream is accepted is dropped, and must be asked for.
    pub accept_streams: bool,
    /// Confirm every object that was written without asking ([`crate::norm::Receiver::confirm`]).
    pub auto_confirm: bool,
    /// Senders followed at once. A further one takes the place of one that has sent no content, or
    /// of the one that has been silent for longest.
    pub max_senders: usize,
    /// Objects in progress per sender; packets of further ones count as lost.
    pub max_objects: usize,
    /// Blocks in progress of all senders; packets of further ones count as lost.
    pub max_blocks: usize,
    /// Source symbols in a RaptorQ block. Objects with larger blocks are ignored: the time to
    /// decode grows with the block, and an attacker's choice of symbols makes it very long.
    pub max_block_len: u32,
    /// The points of Reed-Solomon codes, which no packet contains: [`Points::Rizzo`] for NRL's
    /// implementation and nearly all others.
    pub points: Points,
    /// Bytes of each accepted stream held for reading, rounded down to blocks, but at least two
    /// blocks. Repair takes as many again.
    pub stream_buffer: usize,
    /// What happens to segments of a stream for which that buffer has no room.
    pub stream_overflow: Overflow,
    /// Where reading of a stream continues after a loss that cannot be repaired.
    pub stream_resume: Resume,
    /// Bytes that the receiving socket can hold until they are read. A sender without a rate limit
    /// sends no larger bursts. `u64::MAX` for no limit.
    pub socket_buffer: u64,
    /// Bytes of the longest IP packet that our link lets through, all headers included: longer ones
    /// have come in fragments, and the application hears of it. `None` when it is not known.
    pub link_mtu: Option<u32>,
    /// What layers around the engine have taken off each packet that it gets.
    pub margins: Margins,
    /// What is believed although it is not signed.
    pub trust: Trust,
    /// The silence after which a sender is reported silent. A sender that has ended the session is
    /// reported after one second at the latest.
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
            only: SenderFilter::default(),
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
            link_mtu: None,
            margins: Margins::NONE,
            trust: Trust::All,
            patience: Duration::from_secs(5),
        }
    }

    /// Bytes of each packet to or from this address beside what the engine sees of it.
    pub(super) fn overhead(&self, address: SocketAddr) -> PacketOverhead {
        PacketOverhead::to(address.ip()).with(self.margins)
    }

    /// True unless the receiver is silent.
    pub(super) fn sends_feedback(&self) -> bool {
        self.feedback != Feedback::None
    }
}
