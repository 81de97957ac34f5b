//! Events and counters of a receiver.

use core::net::SocketAddr;

use crate::endpoint::{ObjectRef, SenderId};
use crate::flute::wire::Tsi;
use crate::transfer::ObjectMeta;

/// Something that concerns the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiverEvent {
    /// A session was heard for the first time, or again after its sender had ended it.
    SenderFound {
        /// Our number for this run of the session.
        sender: SenderId,
        /// The session.
        tsi: Tsi,
        /// Where it is sent from.
        address: SocketAddr,
    },
    /// It is known what an object is, and how long. It may open again when its sender changes its
    /// content, or when it is restarted.
    ObjectOpened {
        /// Which object.
        object: ObjectRef,
        /// Content bytes, as they travel.
        size: u64,
        /// What the FDT says of it: text from the network.
        meta: ObjectMeta,
    },
    /// Every block of an accepted object is written.
    ObjectComplete {
        /// Which object.
        object: ObjectRef,
    },
    /// The sender has other content under the number of an object that was accepted: what came of
    /// it is worth nothing.
    ObjectAborted {
        /// Which object.
        object: ObjectRef,
    },
    /// A block could not be written. Its object makes no progress until it is restarted.
    StoreFailed {
        /// Which object.
        object: ObjectRef,
    },
    /// A table had expired when it came, by the sender's clock if that is known, else by ours. It
    /// is used all the same. Said once.
    TableExpired {
        /// Our number for the sender.
        sender: SenderId,
        /// Seconds since it expired.
        seconds: u64,
    },
    /// Nothing was heard from the sender for [`super::ReceiverConfig::patience`].
    SenderSilent {
        /// Our number for the sender.
        sender: SenderId,
    },
    /// The sender has ended its session, and all that came of it is written.
    SenderEnded {
        /// Our number for the sender.
        sender: SenderId,
    },
}

/// Counters. All start at 0 and never decrease.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverStats {
    /// Datagrams taken.
    pub packets: u64,
    /// UDP payload bytes taken.
    pub bytes: u64,
    /// Packets of sessions that are followed.
    pub heard: u64,
    /// Those of them with a CE mark ("congestion experienced", RFC 3168).
    pub ce_marked: u64,
    /// Content symbols kept.
    pub symbols: u64,
    /// Content symbols that we had, or no longer needed.
    pub duplicates: u64,
    /// Symbols, objects and entries of tables for which there was no room.
    pub no_room: u64,
    /// Packets that had to be signed and were not.
    pub unsigned: u64,
    /// Packets kept until their object was known.
    pub early: u64,
    /// Packets of objects that were not known, for which there was no room.
    pub early_dropped: u64,
    /// Blocks that needed decoding.
    pub decoded: u64,
    /// Decodings that needed more symbols.
    pub decode_retries: u64,
    /// Datagrams that could not be parsed.
    pub malformed: u64,
    /// Content that contradicts the layout of its object, or of a FEC scheme that is not known.
    pub invalid: u64,
    /// Well-formed datagrams of sessions that are not followed.
    pub unrelated: u64,
    /// Tables taken.
    pub tables: u64,
    /// Tables that came whole and could not be read.
    pub bad_tables: u64,
    /// Tables that came with other bytes under the same instance id.
    pub changed_tables: u64,
    /// Tables that had expired when they came.
    pub expired_tables: u64,
}
