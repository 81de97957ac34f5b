//! What a receiver tells its application, and what it counts.

use core::net::SocketAddr;

use bytes::Bytes;

use crate::endpoint::{ObjectRef, SenderId};
use crate::norm::wire::NodeId;

/// Something the application should know.
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
    /// Size and INFO of an object are known; answer with `accept` or `refuse`.
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
    /// Every block of an object is written; answer with `confirm` or `restart`.
    ObjectComplete {
        /// Which object.
        object: ObjectRef,
    },
    /// The sender can no longer repair an object that we lack.
    ObjectAborted {
        /// Which object.
        object: ObjectRef,
    },
    /// An object that has no content, and whose NORM_INFO does not come although it was asked for
    /// again and again: not even its name is known.
    EmptyObjectLost {
        /// Which object.
        object: ObjectRef,
    },
    /// A block could not be written; its object makes no progress until `restart`.
    StoreFailed {
        /// Which object.
        object: ObjectRef,
    },
    /// The sender has heard our confirmation: it is safe to leave.
    Released {
        /// Our number for the sender.
        sender: SenderId,
    },
    /// A stream has begun. Accept or refuse it ([`super::Receiver::accept`]).
    StreamOpened {
        /// The stream.
        object: ObjectRef,
        /// Bytes that the sender keeps for repair.
        buffer: u64,
        /// Its NORM_INFO.
        info: Option<Bytes>,
    },
    /// There is something to read of an accepted stream ([`super::Receiver::read_stream`]). Said
    /// again only after a read has found nothing.
    StreamReadable {
        /// The stream.
        object: ObjectRef,
    },
    /// The sender says that it sends nothing until further notice, and still lives.
    SenderPaused {
        /// Our number for the sender.
        sender: SenderId,
    },
    /// It goes on.
    SenderResumed {
        /// Our number for the sender.
        sender: SenderId,
    },
    /// Nothing heard from the sender for the configured patience.
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
    /// The sender said that it ends the session, and has been silent since.
    SenderEnded {
        /// Our number for the sender.
        sender: SenderId,
    },
    /// A command of the sender's application (RFC 5740 §4.2.3.7).
    Command {
        /// Our number for the sender.
        sender: SenderId,
        /// Its content: bytes from the network.
        content: Bytes,
    },
}

/// Counters; all start at 0 and never go back.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverStats {
    /// Datagrams taken.
    pub packets: u64,
    /// UDP payload bytes taken.
    pub bytes: u64,
    /// Messages of senders that we follow.
    pub heard: u64,
    /// Those of them with a CE mark ("congestion experienced", RFC 3168).
    pub ce_marked: u64,
    /// Content symbols kept.
    pub symbols: u64,
    /// Content symbols that we had, or no longer needed.
    pub duplicates: u64,
    /// Symbols that the store had no room for, or of blocks beyond the cap.
    pub no_room: u64,
    /// Symbols of objects whose shape was not known yet.
    pub unopened: u64,
    /// Blocks that needed decoding.
    pub decoded: u64,
    /// Decodings that needed more symbols.
    pub decode_retries: u64,
    /// NACKs sent.
    pub nacks: u64,
    /// NACKs left unsent because others had asked for the same.
    pub suppressed: u64,
    /// ACKs sent.
    pub acks: u64,
    /// Reports sent.
    pub reports: u64,
    /// Datagrams that could not be parsed.
    pub malformed: u64,
    /// Content that contradicts the object's shape, or of a scheme that we do not know.
    pub invalid: u64,
    /// Well-formed datagrams that did not concern us.
    pub unrelated: u64,
    /// Packets sent.
    pub sent_packets: u64,
    /// UDP payload bytes sent.
    pub sent_bytes: u64,
}
