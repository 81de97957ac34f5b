//! What a receiving session asks of an engine.

use core::net::SocketAddr;
use core::ops::Range;

use super::{MemberState, NodeId, ObjectMeta};
use crate::base::Timestamp;
use crate::base::range_set::RangeSet;
use crate::endpoint::{Endpoint, ObjectRef, SenderId, SymbolStore};
use crate::fileset::Withdrawal;

/// A receiving engine as a transfer of files sees it.
///
/// The objects of a sender have consecutive keys in the order in which it sends them; each part of
/// a file set is one object. The session answers [`InboundNotice::Opened`] with [`accept`],
/// [`accept_with`], [`refuse`] or [`give_up`], and [`InboundNotice::Complete`] with [`confirm`] or
/// [`restart`].
///
/// An engine without a back channel implements [`want`], [`expect_partial`], [`ask_up_to`],
/// [`set_status`], [`report_now`] and [`set_host_drops`] as no-ops; there, [`refuse`] and
/// [`confirm`] only mean that nothing more of the object is kept, and [`InboundNotice::Released`]
/// never comes. Senders that are unknown, or were forgotten, are ignored by every method.
///
/// [`accept`]: Self::accept
/// [`accept_with`]: Self::accept_with
/// [`refuse`]: Self::refuse
/// [`give_up`]: Self::give_up
/// [`confirm`]: Self::confirm
/// [`restart`]: Self::restart
/// [`want`]: Self::want
/// [`expect_partial`]: Self::expect_partial
/// [`ask_up_to`]: Self::ask_up_to
/// [`set_status`]: Self::set_status
/// [`report_now`]: Self::report_now
/// [`set_host_drops`]: Self::set_host_drops
pub trait Inbound: Endpoint {
    /// Keeps the bytes of blocks that are not whole yet.
    type Store: SymbolStore;

    /// What an event means for a transfer of files; `None` when it means nothing.
    fn notice(event: Self::Event) -> Option<InboundNotice>;

    /// The keeper of symbols.
    fn store(&self) -> &Self::Store;
    /// The keeper of symbols; the session takes whole blocks out of it.
    fn store_mut(&mut self) -> &mut Self::Store;

    /// Takes an opened object: its blocks are stored as they become whole.
    fn accept(&mut self, object: ObjectRef);
    /// Takes an opened object of which these bytes are in their place already: they are not asked
    /// for, and need not be stored. The object may be complete by that.
    fn accept_with(&mut self, object: ObjectRef, held: &RangeSet);
    /// Notes that some more bytes of an opened object are in their place.
    fn note_held(&mut self, object: ObjectRef, range: Range<u64>);
    /// Notes that some bytes of an opened object are not wanted: they are not asked for, but for
    /// those that are needed to decode others, and do not keep the object from being complete.
    fn note_unwanted(&mut self, object: ObjectRef, range: Range<u64>);
    /// Asks only for what lies before this byte of an opened object, until it is called with
    /// another one; [`u64::MAX`] for all of it. What comes of the rest is taken.
    fn ask_up_to(&mut self, object: ObjectRef, end: u64, now: Timestamp);
    /// Declines an object: it counts as received and confirmed, and its packets are ignored.
    fn refuse(&mut self, object: ObjectRef);
    /// Receives an object again from the start, because what was written is wrong.
    fn restart(&mut self, object: ObjectRef);
    /// Receives bytes of an object that is not complete again, because what is in their places is
    /// wrong. False when a block of them is being stored: nothing has happened then. An engine that
    /// cannot do so returns false, and [`restart`](Self::restart) follows when the object is
    /// complete.
    fn want_again(&mut self, object: ObjectRef, wrong: &[Range<u64>]) -> bool {
        let _ = (object, wrong);
        false
    }
    /// Forgets the symbols that have come of blocks over these bytes of an object and are not
    /// written: they do not go together with what is sent now, and are to come again. False when
    /// such a block is being stored: nothing has happened then.
    fn drop_symbols(&mut self, object: ObjectRef, range: &Range<u64>) -> bool {
        let _ = (object, range);
        true
    }
    /// Says that an object is verified and safe.
    fn confirm(&mut self, object: ObjectRef);
    /// Stops wanting these objects without confirming them.
    fn give_up(&mut self, sender: SenderId, keys: Range<u64>);

    /// Asks for the objects from this key on, although they were sent before the sender was found.
    fn want(&mut self, sender: SenderId, from: u64, now: Timestamp);
    /// Says that much of the objects with these keys may be here already, or is not wanted: their
    /// INFO is asked for first, and their content only after [`accept_with`](Self::accept_with).
    fn expect_partial(&mut self, sender: SenderId, keys: Range<u64>);
    /// Sets what reports to a sender say.
    fn set_status(&mut self, sender: SenderId, status: ReceiverStatus);
    /// Reports to a sender now, rather than when it asks.
    fn report_now(&mut self, sender: SenderId, now: Timestamp);
    /// Says how many packets this host has dropped so far before they could be handed in.
    fn set_host_drops(&mut self, packets: u64);

    /// Says that packets leave from another address from now on.
    fn address_changed(&mut self, now: Timestamp) {
        let _ = now;
    }

    /// Forgets a sender and everything of it that is not stored.
    fn forget(&mut self, sender: SenderId);

    /// What is known of a sender; `None` when the engine does not follow it, or no longer.
    fn source(&self, sender: SenderId) -> Option<SourceView>;
    /// True when everything that a sender is known to have is stored, refused or given up.
    fn has_all(&self, sender: SenderId) -> bool;
    /// True when, moreover, the sender has said that it has nothing else. False in a protocol that
    /// does not say so.
    fn has_told_all(&self, sender: SenderId) -> bool {
        let _ = sender;
        false
    }
    /// The number by which the protocol itself knows an object: NORM's object transport id, FLUTE's
    /// TOI. Consecutive keys have consecutive numbers, except where those wrap.
    fn number(&self, object: ObjectRef) -> u64;
    /// A session that was heard, and is ignored because another one is wanted: where it is sent
    /// from, and its number. `None` in a protocol where sessions have none.
    fn other_session(&self) -> Option<(SocketAddr, u64)> {
        None
    }
    /// True when a sender that hears what was confirmed says so ([`InboundNotice::Released`]);
    /// false without a back channel.
    fn releases(&self) -> bool {
        true
    }
    /// Our own node id at present; [`NodeId::NONE`] in a protocol where receivers have none.
    fn node(&self) -> NodeId;
    /// Counters since the engine was made.
    fn stats(&self) -> InboundStats;
}

/// What a receiving session hears of its engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InboundNotice {
    /// A sender was heard for the first time.
    SenderFound {
        /// The sender.
        sender: SenderId,
        /// Its node id.
        node: NodeId,
        /// Where it sends from.
        address: SocketAddr,
    },
    /// A sender is not followed, because the user wants another one.
    SenderIgnored {
        /// Where it sends from.
        address: SocketAddr,
        /// Its name, if it has said one: not to be trusted.
        name: String,
    },
    /// It is known what an object is.
    Opened {
        /// The object.
        object: ObjectRef,
        /// Content bytes.
        size: u64,
        /// What its sender says of it: not to be trusted.
        meta: ObjectMeta,
    },
    /// A stream has begun: bytes without a known end.
    StreamOpened {
        /// The stream.
        object: ObjectRef,
    },
    /// Every block of an accepted object is stored.
    Complete {
        /// The object.
        object: ObjectRef,
    },
    /// What is missing of an object can no longer be had.
    Aborted {
        /// The object.
        object: ObjectRef,
    },
    /// An empty object of which not even the name can be had.
    EmptyLost {
        /// The object.
        object: ObjectRef,
    },
    /// A block could not be stored; its object makes no progress until it is restarted.
    StoreFailed {
        /// The object.
        object: ObjectRef,
    },
    /// The sender knows what was confirmed.
    Released {
        /// The sender.
        sender: SenderId,
    },
    /// The sender goes on at another address, which it has proven to be its own.
    SenderMoved {
        /// The sender.
        sender: SenderId,
        /// Where it sends from now.
        address: SocketAddr,
    },
    /// The sender says that it sends nothing for now, and will resume.
    Paused {
        /// The sender.
        sender: SenderId,
    },
    /// The sender sends again.
    Resumed {
        /// The sender.
        sender: SenderId,
    },
    /// The sender says that it sends no more content, and that another sender of the same content
    /// may go on.
    Stopped {
        /// The sender.
        sender: SenderId,
    },
    /// Nothing was heard from the sender for some seconds.
    Silent {
        /// The sender.
        sender: SenderId,
    },
    /// The sender has ended its session.
    Ended {
        /// The sender.
        sender: SenderId,
    },
    /// The sender no longer waits for this receiver. It may say so again.
    Evicted {
        /// The sender.
        sender: SenderId,
        /// The group on which the same file set is sent for slow receivers.
        separate_group: Option<SocketAddr>,
    },
    /// All objects of the sender were cut anew, for shorter packets, and have other keys: the first
    /// one has this key, and the others follow in the same order. Each of them opens again; nothing
    /// of the old ones comes any more.
    Moved {
        /// The sender.
        sender: SenderId,
        /// The key of the first object.
        first: u64,
        /// How many objects there are.
        objects: u64,
    },
    /// The sender can no longer send entries of a file set.
    Withdrawn {
        /// The sender.
        sender: SenderId,
        /// The set and its entries.
        withdrawal: Withdrawal,
    },
    /// A packet of the sender is longer than our link lets through: it came in fragments. Said
    /// once.
    Fragmented {
        /// The sender.
        sender: SenderId,
        /// Bytes of the IP packet, all headers included.
        bytes: u32,
    },
    /// Commands of the sender arrive, and none of its content, although it sends some: a part of
    /// the path lets only shorter packets through. Said once.
    ShortPacketsOnly {
        /// The sender.
        sender: SenderId,
        /// Bytes of the longest IP packet that came lately, all headers included.
        largest: u16,
        /// Bytes of the IP packets that the sender makes; 0 when it does not say.
        in_use: u16,
    },
}

/// What is known of a sender.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct SourceView {
    /// When it was last heard.
    pub last_heard: Timestamp,
    /// It has said that it sends nothing for now, and still says so.
    pub is_paused: bool,
    /// It has said that it sends no more content, and that another sender may go on.
    pub is_stopped: bool,
    /// The last that was heard of it is that it ends its session.
    pub has_ended: bool,
    /// Share of its packets that were lost of late, 0 to 1.
    pub loss: f64,
    /// Key and block that it sends for the first time, as far as was heard.
    pub position: (u64, u32),
    /// Since when nothing that this receiver sends arrives there, as far as the sender tells.
    pub unheard_since: Option<Timestamp>,
}

/// What a receiver says of itself to a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverStatus {
    /// How far it is.
    pub state: MemberState,
    /// Content bytes that are here of what this sender sends, from it or from before.
    pub bytes_done: u64,
    /// Content bytes expected of this sender; 0 when that is not known.
    pub bytes_total: u64,
    /// Why it failed, in words; empty otherwise. Engines may cut it.
    pub reason: String,
}

/// Counters of a receiving engine; all start at 0 and never go back.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct InboundStats {
    /// Datagrams taken.
    pub packets: u64,
    /// UDP payload bytes taken.
    pub bytes: u64,
    /// Messages of senders that are followed.
    pub heard: u64,
    /// Those of them with a CE mark ("congestion experienced", RFC 3168).
    pub ce_marked: u64,
    /// Content symbols that were here, or no longer needed.
    pub duplicates: u64,
    /// Content symbols for which there was no room.
    pub no_room: u64,
    /// Blocks that needed decoding.
    pub decoded: u64,
    /// Requests for repair sent.
    pub nacks: u64,
    /// Requests for repair left unsent, because another receiver had asked for the same.
    pub suppressed: u64,
    /// Datagrams that could not be parsed.
    pub malformed: u64,
}
