//! What a sending session asks of an engine, whatever its protocol.

use core::fmt;
use core::net::SocketAddr;
use core::ops::Range;

use bytes::Bytes;

use super::{MemberState, NodeId, ObjectSpec};
use crate::base::Timestamp;
use crate::endpoint::{Endpoint, ReceiverKey};

/// An engine that sends objects to a group.
///
/// Objects are handed over with [`enqueue`](Self::enqueue); [`finish`](Self::finish) says that
/// these are all. The engine asks for their content by Read jobs ([`Endpoint::poll_job`]), and is
/// over when [`is_finished`](Self::is_finished) says so.
pub trait Outbound: Endpoint {
    /// Why an object cannot be sent.
    type Error: core::error::Error;

    /// Adds an object; returns its key, which Read jobs name. Keys of objects that are added one
    /// after the other follow each other.
    ///
    /// # Errors
    /// When the object does not fit the session.
    fn enqueue(&mut self, object: ObjectSpec) -> Result<u64, Self::Error>;
    /// No more objects will come: the session ends when every receiver has everything.
    fn finish(&mut self);
    /// Ends the session now: receivers are told.
    fn abort(&mut self, now: Timestamp);
    /// Sends no more content, and tells receivers to stay for another sender of the same content,
    /// until the session is aborted.
    fn leave(&mut self, now: Timestamp) {
        self.set_rate_limit(Some(0), now);
    }
    /// True when nothing more will be sent.
    fn is_finished(&self) -> bool;
    /// While `open`, more receivers may come: the session does not end, although those that are
    /// known have everything.
    fn keep_open(&mut self, open: bool);
    /// Sets the highest rate in bits per second from `now` on: `None` is that of the settings, 0 a
    /// pause.
    fn set_rate_limit(&mut self, bits: Option<u64>, now: Timestamp);
    /// Says that packets leave from another address from `now` on.
    fn address_changed(&mut self, now: Timestamp) {
        let _ = now;
    }
    /// Says that of late nothing could be sent: no receiver is given up for not being heard.
    fn note_cut_off(&mut self, now: Timestamp) {
        let _ = now;
    }
    /// Says that packets of more than `bytes`, all headers included, do not leave this host any
    /// more from `now` on. True when those that come are shorter, also because some of `bytes` were
    /// written before.
    fn limit_packets(&mut self, now: Timestamp, bytes: u32) -> bool {
        let _ = (now, bytes);
        false
    }
    /// Tells receivers that entries of a file set are withdrawn, from `now` on and for as long as
    /// the session lasts: by these [notices](crate::fileset::Withdrawal), instead of those of the
    /// last call. Without effect in an engine that has no such message.
    fn withdraw(&mut self, notices: Vec<Bytes>, now: Timestamp) {
        let _ = (notices, now);
    }
    /// Says that some bytes of the object with this key are not what they were when they were read.
    fn content_changed(&mut self, key: u64, bytes: Range<u64>) {
        let _ = (key, bytes);
    }
    /// How far sending is.
    fn progress(&self) -> OutboundProgress;
    /// What has been counted.
    fn stats(&self) -> OutboundStats;
    /// The receivers heard of, in node id order; none without a back channel.
    fn receivers(&self) -> impl Iterator<Item = ReceiverView>;
    /// Names of receivers that are expected and have not come, or left before content flowed; none
    /// without a roster.
    fn absent(&self) -> impl Iterator<Item = &str> {
        core::iter::empty()
    }
    /// Records what decides the rate, from now on: the names of the columns of such a trace, one
    /// line. `None` when the engine has no trace.
    fn start_rate_trace(&mut self) -> Option<&'static str> {
        None
    }
    /// Lines of the trace since the last call, comma-separated.
    fn take_rate_trace(&mut self, line: &mut dyn FnMut(&dyn fmt::Display)) {
        let _ = line;
    }
    /// An event in the vocabulary of transfers; `None` when it does not concern them.
    fn notice(event: Self::Event) -> Option<OutboundNotice>;
}

/// How far sending is. Content is what the objects hold.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundProgress {
    /// Content bytes sent once.
    pub bytes_sent: u64,
    /// Content bytes in all.
    pub bytes_total: u64,
    /// Content of files is sent only as far as receivers ask for it.
    pub on_request: bool,
    /// Which pass through everything is under way, from 1 on; 0 where there are none.
    pub pass: u64,
}

/// What an engine that sends has counted since it began.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundStats {
    /// Packets sent.
    pub packets: u64,
    /// UDP payload bytes sent.
    pub bytes: u64,
    /// Of the packets, content sent for the first time.
    pub data_packets: u64,
    /// Of the packets, content sent again as it was.
    pub resent_packets: u64,
    /// Of the packets, coded repair.
    pub coded_packets: u64,
    /// Requests for repair received.
    pub nacks: u64,
}

/// What a sender knows of a receiver.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct ReceiverView {
    /// Its node id.
    pub node: NodeId,
    /// Where it stands.
    pub standing: ReceiverStanding,
    /// Content bytes that it reported to have.
    pub bytes_done: u64,
    /// Share of packets that it reported to lose, as a fraction of 65,535.
    pub loss: u16,
    /// The key that proves what it says, and so that it has everything; `None` where nothing does.
    pub key: Option<ReceiverKey>,
}

/// Where a receiver stands, as far as its sender knows.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum ReceiverStanding {
    /// Heard, not finished.
    Active,
    /// It has everything.
    Confirmed,
    /// It said that it cannot finish, or left.
    Failed,
    /// Silent for too long.
    Lost,
    /// No longer waited for, because it kept the others slow.
    Evicted,
}

/// Why a receiver holds the others back.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum SlowCause {
    /// It cannot store content faster.
    Storage,
    /// Its path takes no more, and those of others do.
    Path,
    /// It loses much more than the others, which costs repair.
    Loss,
}

/// Why feedback of a receiver does not count in a session with a roster.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
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

/// What an engine that sends tells a transfer. Names and reasons are text from the network.
#[derive(Clone, Debug, PartialEq)]
pub enum OutboundNotice {
    /// A receiver was heard for the first time.
    ReceiverFound {
        /// Its node id.
        node: NodeId,
        /// What it calls itself; empty when it does not say.
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
    /// A receiver was heard that is not expected: its feedback does not count.
    ReceiverIgnored {
        /// Its node id.
        node: NodeId,
        /// What it calls itself; empty when it does not say.
        name: String,
        /// Where it sends from.
        address: SocketAddr,
        /// Why.
        reason: IgnoredReason,
    },
    /// A receiver reported how far it is.
    ReceiverReport(ReceiverNotice),
    /// A receiver has everything: verified and under its final name.
    ReceiverConfirmed {
        /// Its node id.
        node: NodeId,
    },
    /// A receiver said that it cannot finish, or left.
    ReceiverFailed {
        /// Its node id.
        node: NodeId,
        /// Why; may be empty.
        reason: String,
    },
    /// A receiver was silent for too long and is no longer waited for.
    ReceiverLost {
        /// Its node id.
        node: NodeId,
    },
    /// A receiver was evicted, because it kept the others slow.
    ReceiverEvicted {
        /// Its node id.
        node: NodeId,
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
    /// to it, or it came late and the others get longer ones.
    PathMtuTooSmall {
        /// Its node id.
        node: NodeId,
        /// Bytes of the longest IP packet that it got, all headers included.
        largest: u16,
        /// Bytes of the IP packets that it would have to get.
        needed: u16,
    },
    /// Enough receivers have announced themselves, and it is known how long packets may be: content
    /// flows. Not said when neither is waited for.
    Started,
    /// Too few receivers announced themselves in time; nothing was sent.
    StartTimedOut {
        /// Receivers that had announced themselves.
        receivers: usize,
    },
    /// Every receiver that reports has a part of the content: only the rest is sent.
    OnRequest {
        /// These receivers.
        receivers: usize,
        /// Content bytes that each of them has at least.
        bytes_done: u64,
    },
    /// A receiver holds the others back, and is waited for.
    ReceiverSlow {
        /// Its node id.
        node: NodeId,
        /// Why.
        cause: SlowCause,
    },
    /// Every object has been sent once.
    AllSent,
    /// Every receiver has failed: the session ends early.
    Abandoned,
    /// An object could not be read, or coded; the session ends.
    ReadFailed,
}

/// A receiver's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverNotice {
    /// Its node id.
    pub node: NodeId,
    /// What it calls itself; empty when it does not say.
    pub name: String,
    /// Where it sends from.
    pub address: SocketAddr,
    /// State of its transfer.
    pub state: MemberState,
    /// Content bytes that it has.
    pub bytes_done: u64,
    /// Content bytes that it expects; 0 when it does not know yet.
    pub bytes_total: u64,
    /// Loss that it sees, as a fraction of 65,535.
    pub loss: u16,
    /// Packets that reached its host and were dropped there.
    pub drops: u32,
    /// Packets that arrived with a CE mark (ECN).
    pub ce_marked: u32,
}
