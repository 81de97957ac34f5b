//! Events and counters of a receiver.

use core::net::SocketAddr;

use bytes::Bytes;

use crate::endpoint::{ObjectRef, SenderId};
use crate::fileset::Withdrawal;
use crate::norm::wire::NodeId;

/// Something that concerns the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiverEvent {
    /// A sender was heard for the first time.
    SenderFound {
        /// Our number for the sender.
        sender: SenderId,
        /// Its node id.
        node: NodeId,
        /// Where it sends from.
        address: SocketAddr,
    },
    /// Size and INFO of an object are known. Answer with [`super::Receiver::accept`] or
    /// [`super::Receiver::refuse`].
    ObjectOpened {
        /// Which object.
        object: ObjectRef,
        /// Content bytes.
        size: u64,
        /// NORM_INFO, if the object has any: bytes from the network.
        info: Option<Bytes>,
        /// The sender calls it a file.
        file: bool,
    },
    /// Every block of an object is written. Answer with [`super::Receiver::confirm`] or
    /// [`super::Receiver::restart`].
    ObjectComplete {
        /// Which object.
        object: ObjectRef,
    },
    /// The sender can no longer repair an object that we lack.
    ObjectAborted {
        /// Which object.
        object: ObjectRef,
    },
    /// An object that has no content, and whose NORM_INFO does not arrive although it was asked for
    /// 20 times: not even its name is known.
    EmptyObjectLost {
        /// Which object.
        object: ObjectRef,
    },
    /// A block could not be written. Its object makes no progress until
    /// [`super::Receiver::restart`].
    StoreFailed {
        /// Which object.
        object: ObjectRef,
    },
    /// The sender has heard our confirmation: it is safe to leave.
    Released {
        /// Our number for the sender.
        sender: SenderId,
    },
    /// A stream has begun. Answer with [`super::Receiver::accept`] or [`super::Receiver::refuse`].
    StreamOpened {
        /// The stream.
        object: ObjectRef,
        /// Bytes that the sender keeps for repair.
        buffer: u64,
        /// Its NORM_INFO.
        info: Option<Bytes>,
    },
    /// There is something to read of an accepted stream ([`super::Receiver::read_stream`]). The
    /// event is repeated only after a read has found nothing.
    StreamReadable {
        /// The stream.
        object: ObjectRef,
    },
    /// The sender has another address, as it has proven: feedback goes there from now on.
    SenderMoved {
        /// Our number for the sender.
        sender: SenderId,
        /// Where it sends from now.
        address: SocketAddr,
    },
    /// A sender is not followed, because the settings want another one. Told of the first few.
    SenderIgnored {
        /// Where it sends from.
        address: SocketAddr,
        /// Its name, if it has said one: text from the network.
        name: String,
    },
    /// The sender says that it sends nothing until further notice.
    SenderPaused {
        /// Our number for the sender.
        sender: SenderId,
    },
    /// A sender that had paused sends again.
    SenderResumed {
        /// Our number for the sender.
        sender: SenderId,
    },
    /// The sender says that it sends no more content, and that another sender of the same content
    /// may go on.
    SenderStopped {
        /// Our number for the sender.
        sender: SenderId,
    },
    /// Nothing was heard from the sender for [`super::ReceiverConfig::patience`].
    SenderSilent {
        /// Our number for the sender.
        sender: SenderId,
    },
    /// The sender waits for us no longer, because we keep the others slow. The event is repeated
    /// while the sender still hears us.
    Evicted {
        /// Our number for the sender.
        sender: SenderId,
        /// The group on which the same file set is sent for slow receivers.
        separate_group: Option<SocketAddr>,
    },
    /// Commands of the sender arrive, and none of its content, although it sends some: a part of
    /// the path lets only shorter packets through. Said once.
    ShortPacketsOnly {
        /// Our number for the sender.
        sender: SenderId,
        /// Bytes of the longest IP packet that came lately, all headers included.
        largest: u16,
        /// Bytes of the IP packets that the sender makes; 0 when it does not say.
        in_use: u16,
    },
    /// All objects of the sender were cut anew, for shorter packets, and have other keys: the
    /// object that was `n` before the first of the new ones is `objects - n` after it, or as far as
    /// that modulo `objects`. Nothing of the old ones is asked for any more. Of the new ones
    /// [`Self::ObjectOpened`] follows: answer with [`super::Receiver::accept_with`] where something
    /// is here, so that no byte comes twice.
    ObjectsMoved {
        /// Our number for the sender.
        sender: SenderId,
        /// The key of the first new one.
        first: u64,
        /// How many there are.
        objects: u16,
    },
    /// A packet of the sender is longer than our link lets through: routers have cut it into
    /// fragments, and the loss of one is the loss of all. Said once.
    Fragmented {
        /// Our number for the sender.
        sender: SenderId,
        /// Bytes of the IP packet, all headers included.
        bytes: u32,
    },
    /// The sender said that it ends the session, and has been silent since.
    SenderEnded {
        /// Our number for the sender.
        sender: SenderId,
    },
    /// Entries of a file set can no longer be sent.
    Withdrawn {
        /// Our number for the sender.
        sender: SenderId,
        /// The set and its entries: from the network.
        withdrawal: Withdrawal,
    },
    /// A command of the sender's application (RFC 5740 §4.2.3.7).
    Command {
        /// Our number for the sender.
        sender: SenderId,
        /// Its content: bytes from the network.
        content: Bytes,
    },
}

/// Counters. All start at 0 and never decrease.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverStats {
    /// Datagrams taken.
    pub packets: u64,
    /// UDP payload bytes taken.
    pub bytes: u64,
    /// Messages of senders.
    pub heard: u64,
    /// Those of them with a CE mark ("congestion experienced", RFC 3168).
    pub ce_marked: u64,
    /// Content symbols kept.
    pub symbols: u64,
    /// Content symbols that we had, or no longer needed.
    pub duplicates: u64,
    /// Symbols for which the store had no room, or of objects and blocks beyond the limits of
    /// [`super::ReceiverConfig`].
    pub no_room: u64,
    /// Symbols of objects whose layout was not known, or of streams that were not accepted.
    pub unopened: u64,
    /// Blocks that needed decoding.
    pub decoded: u64,
    /// Decodings that needed more symbols.
    pub decode_retries: u64,
    /// NACKs sent.
    pub nacks: u64,
    /// NACKs suppressed because other receivers had asked for the same.
    pub suppressed: u64,
    /// ACKs sent.
    pub acks: u64,
    /// Membership reports sent.
    pub reports: u64,
    /// Datagrams that could not be parsed.
    pub malformed: u64,
    /// Content that contradicts the object's layout, or of an unknown FEC scheme.
    pub invalid: u64,
    /// Well-formed datagrams that did not concern us.
    pub unrelated: u64,
    /// Messages of senders that had to be signed and were not.
    pub unsigned: u64,
    /// Messages with the ids of a sender, from another address, that do not prove that it has
    /// moved, or come too soon.
    pub moves_refused: u64,
    /// Packets sent.
    pub sent_packets: u64,
    /// UDP payload bytes sent.
    pub sent_bytes: u64,
}
