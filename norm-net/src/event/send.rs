//! What happens while a transfer is sent.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use norm_core::fileset::ContentHash;
use norm_core::transfer::{MemberState, NodeId};

#[cfg(feature = "serde")]
use super::serial;
use super::{Hint, IgnoredReceiver, WithdrawnFile};
use crate::transfer::schedule::{Bound, TimeOfDay};

/// Something that happens while a transfer is sent. Names and reasons come from the network;
/// control characters in them are replaced.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum SendEvent {
    /// A receiver was heard for the first time, and its name is known. Not said again when it comes
    /// to the separate group.
    ReceiverFound {
        /// The receiver.
        #[cfg_attr(feature = "serde", serde(flatten))]
        receiver: ReceiverInfo,
    },
    /// A receiver was heard that does not count, because of the roster: nothing is repaired for it,
    /// and it is not waited for. Said once of each, of the first four thousand.
    ReceiverIgnored(IgnoredReceiver),
    /// All files are being hashed before the session begins: about four times per second.
    Hashing {
        /// Seconds since that began.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
        #[cfg_attr(feature = "schema", schemars(with = "f64"))]
        elapsed: Duration,
        /// Bytes that are hashed.
        bytes_done: u64,
        /// Bytes of all files.
        bytes_total: u64,
    },
    /// All files are hashed, and the session begins.
    Hashed {
        /// Names the files with all that is in them.
        content: ContentHash,
    },
    /// Content begins to flow: at once, or when enough receivers have announced themselves and it
    /// is known how long packets may be.
    Started {
        /// Receivers heard of by then.
        receivers: usize,
    },
    /// Every receiver that was asked has a part of the content from before: only what they ask for
    /// is sent ([`crate::Payload::Auto`]).
    OnRequest {
        /// These receivers.
        receivers: usize,
        /// Bytes of content that each of them has at least.
        bytes_done: u64,
        /// Bytes of content in all.
        bytes_total: u64,
    },
    /// Packets with content are of this length from now on: the longest that passes to all
    /// receivers. Said when content begins to flow, unless a length was given, and when it changes.
    PacketSize {
        /// Bytes of an IP packet that passes, headers included.
        packet: u16,
        /// Bytes of content per packet.
        segment_size: u16,
        /// The receiver that gets no longer packets; null when all get the longest.
        receiver: Option<ReceiverInfo>,
    },
    /// A receiver gets only shorter packets than are sent, because a link on the way to it has a
    /// smaller MTU. It is treated as a slow one.
    ReceiverMtuTooSmall {
        /// The receiver.
        #[cfg_attr(feature = "serde", serde(flatten))]
        receiver: ReceiverInfo,
        /// Bytes of the longest IP packet that it got lately, headers included.
        largest: u16,
        /// Bytes of the IP packets that it would have to get.
        needed: u16,
    },
    /// How far the transfer is: about four times per second, and once at the end. While receivers
    /// are served in the separate group after all others have finished, it is about that group
    /// alone.
    Progress(SendProgress),
    /// A report of a receiver has come. Receivers of other implementations send none.
    ReceiverProgress(ReceiverProgress),
    /// All content has been sent once; when only repair is sent, manifest and digest list have. Not
    /// said of the separate group.
    AllSent,
    /// By the schedule another bound of the rate holds from now on: said at the start, and at each
    /// change. A separate group says so, too.
    RateBound {
        /// The bound in bits per second; 0 is a pause, null is no bound.
        #[cfg_attr(feature = "serde", serde(rename = "rate", serialize_with = "serial::bound"))]
        #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
        bound: Bound,
        /// Local time of day at which it ends, as `HH:MM` or `HH:MM:SS`; null is never.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_text"))]
        #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
        until: Option<TimeOfDay>,
    },
    /// The session was asked to leave its receivers to another sender: no more content is sent, and
    /// they wait. It ends in a moment.
    ContentStopped {
        /// Receivers that wait.
        receivers: usize,
        /// Time until it ends, in seconds: so long it can still be stopped, which ends the
        /// receivers, too.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
        #[cfg_attr(feature = "schema", schemars(with = "f64"))]
        wait: Duration,
    },
    /// A receiver has everything under its final name, and verified if a file set was sent.
    ReceiverConfirmed {
        /// The receiver.
        #[cfg_attr(feature = "serde", serde(flatten))]
        receiver: ReceiverInfo,
    },
    /// A receiver said that it cannot finish, or left. It may come back, and then be confirmed.
    ReceiverFailed {
        /// The receiver.
        #[cfg_attr(feature = "serde", serde(flatten))]
        receiver: ReceiverInfo,
        /// Why, in its own words; `no reason given` when it gave none.
        reason: String,
    },
    /// A receiver keeps the others slow, and is waited for. Said once of a receiver, of the first
    /// eight, where no policy for slow receivers is given.
    ReceiverSlow {
        /// The receiver.
        #[cfg_attr(feature = "serde", serde(flatten))]
        receiver: ReceiverInfo,
        /// What is slow about it.
        cause: SlowCause,
        /// Share of packets that it loses, 0 to 1.
        loss: f64,
    },
    /// A file of the set changed, was removed or could not be read while it was sent: receivers
    /// drop it, and get the others. Of the first ten thousand.
    FileWithdrawn(WithdrawnFile),
    /// A receiver kept the others slow and is no longer waited for.
    ReceiverEvicted {
        /// The receiver.
        #[cfg_attr(feature = "serde", serde(flatten))]
        receiver: ReceiverInfo,
        /// The group in which it goes on; null is nowhere.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_address"))]
        separate_group: Option<SocketAddr>,
    },
    /// A receiver has been silent for too long and is no longer waited for. It counts again when it
    /// is heard again.
    ReceiverLost {
        /// The receiver.
        #[cfg_attr(feature = "serde", serde(flatten))]
        receiver: ReceiverInfo,
    },
    /// Something looks wrong. A hint is no failure.
    Hint(#[cfg_attr(feature = "serde", serde(serialize_with = "serial::described"))] Hint),
}

/// Why a receiver keeps the others slow.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[non_exhaustive]
pub enum SlowCause {
    /// It cannot store content faster: its disk, memory or processor is busy.
    Storage,
    /// Its path takes no more, and those of others do.
    Path,
    /// It loses much more than the others, and its repair takes their time.
    Loss,
}

impl From<norm_core::transfer::SlowCause> for SlowCause {
    fn from(cause: norm_core::transfer::SlowCause) -> Self {
        match cause {
            norm_core::transfer::SlowCause::Storage => Self::Storage,
            norm_core::transfer::SlowCause::Path => Self::Path,
            norm_core::transfer::SlowCause::Loss => Self::Loss,
        }
    }
}

/// Why a receiver does not count in a session with a roster.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[non_exhaustive]
pub enum IgnoredReason {
    /// Its name is not in the roster.
    NotInRoster,
    /// The line with its name has another address.
    OtherAddress,
    /// The line with its name has a key, and what it says is not proved to be of that key.
    NotProved,
    /// Another receiver with its name is there, or has confirmed.
    NameTaken,
    /// It has come under another name of the roster.
    OtherName,
}

impl From<norm_core::transfer::IgnoredReason> for IgnoredReason {
    fn from(reason: norm_core::transfer::IgnoredReason) -> Self {
        match reason {
            norm_core::transfer::IgnoredReason::NotInRoster => Self::NotInRoster,
            norm_core::transfer::IgnoredReason::OtherAddress => Self::OtherAddress,
            norm_core::transfer::IgnoredReason::NotProved => Self::NotProved,
            norm_core::transfer::IgnoredReason::NameTaken => Self::NameTaken,
            norm_core::transfer::IgnoredReason::OtherName => Self::OtherName,
        }
    }
}

/// Names a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReceiverInfo {
    /// Node id of the receiver.
    pub node: NodeId,
    /// What the receiver calls itself; `node ` and its node id when it does not say.
    pub name: String,
    /// Where the receiver sends from; null while that is not known.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_address"))]
    pub address: Option<SocketAddr>,
}

impl ReceiverInfo {
    /// A receiver whose address is not known.
    pub fn new(node: NodeId, name: impl Into<String>) -> Self {
        Self { node, name: name.into(), address: None }
    }
}

/// How far a receiver is, by its own report.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReceiverProgress {
    /// The receiver.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub receiver: ReceiverInfo,
    /// What it is doing. Only the event `receiver_confirmed` means success.
    pub state: MemberState,
    /// Bytes of content that it has.
    pub bytes_done: u64,
    /// Bytes of content that it expects; 0 when it does not know yet.
    pub bytes_total: u64,
    /// Share of packets lost on the way to it of late, 0 to 1.
    pub loss: f64,
    /// Packets that reached its machine and were dropped there so far, for want of time or room.
    pub drops: u32,
    /// Packets that arrived with a CE mark so far: a router's queue was long (ECN, RFC 3168).
    pub ce_marked: u32,
}

impl ReceiverProgress {
    /// A receiver that has received nothing, to begin with.
    pub fn new(receiver: ReceiverInfo, state: MemberState) -> Self {
        Self { receiver, state, bytes_done: 0, bytes_total: 0, loss: 0.0, drops: 0, ce_marked: 0 }
    }
}

/// What a transfer is doing.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[non_exhaustive]
pub enum SendPhase {
    /// Waiting for receivers.
    #[default]
    Waiting,
    /// Sending everything once, and repair.
    Sending,
    /// Sending nothing, because the schedule says so.
    Paused,
    /// Everything was sent once; repairing, and waiting for receivers to confirm.
    Confirming,
    /// In passes: everything was sent once, and is sent again.
    Repeating,
    /// All known receivers have finished; staying for late ones.
    Lingering,
    /// Telling the receivers that the session ends.
    Ending,
}

/// How far a transfer is. Content is what the objects hold: all files, the manifest and the hashes.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SendProgress {
    /// Seconds since the session began.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub elapsed: Duration,
    /// What the transfer is doing.
    pub phase: SendPhase,
    /// Local time of day at which a pause ends, as `HH:MM` or `HH:MM:SS`; null without a pause, or
    /// when it has no end.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_text"))]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub paused_until: Option<TimeOfDay>,
    /// These are the numbers of the separate group for slow receivers.
    pub in_separate_group: bool,
    /// Only what receivers ask for is sent, so that nearly all of it is repair.
    pub on_request: bool,
    /// One way: which pass through everything is under way, from 1 on; 0 by NORM.
    pub pass: u64,
    /// Bytes of content sent once.
    pub bytes_sent: u64,
    /// Bytes of content in all.
    pub bytes_total: u64,
    /// The file that is being sent; when all were sent once, and where only what receivers ask for
    /// is sent, the one that was read last. Null before there is one, and in passes, in which many
    /// are under way.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_path"))]
    pub file: Option<PathBuf>,
    /// Files of which all was sent once; null in passes, and where only what receivers ask for is
    /// sent.
    pub files_sent: Option<u64>,
    /// Files in all, other names (hard links) included.
    pub files_total: u64,
    /// Bytes of UDP payload sent so far, repair and commands included.
    pub wire_bytes: u64,
    /// Content packets sent for the first time so far.
    pub data_packets: u64,
    /// Content packets sent for repair so far.
    pub repair_packets: u64,
    /// Receivers that are waited for before content flows; 0 when it flows at once.
    pub wanted: usize,
    /// Seconds since the last receiver joined, or since the session began.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub unchanged: Duration,
    /// Receivers heard of.
    pub receivers: usize,
    /// Receivers that have everything.
    pub confirmed: usize,
    /// Receivers that failed, left or fell silent.
    pub failed: usize,
    /// Receivers that were evicted.
    pub evicted: usize,
    /// The largest share of lost packets that a receiver reported, 0 to 1, evicted ones aside.
    pub worst_loss: f64,
    /// The fewest bytes of content that a receiver still at work reported; `bytes_total` when none
    /// of those heard is at work, 0 when none was heard.
    pub slowest: u64,
}
