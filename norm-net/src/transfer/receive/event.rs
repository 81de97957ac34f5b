//! What happens while receiving.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel::Sender;
use norm_core::norm::wire::NodeId;

use super::SetReport;

/// Something a user may want to know.
#[derive(Clone, Debug)]
pub enum ReceiveEvent {
    /// A sender was heard for the first time.
    SenderFound {
        /// Its node id.
        node: NodeId,
        /// Where it sends from.
        address: SocketAddr,
    },
    /// A set is on its way.
    SetFound {
        /// The set's id, in hex.
        set: String,
        /// Bytes of all its files.
        bytes: u64,
    },
    /// Much of it was kept by an earlier session, and is not received again.
    SetResumed {
        /// The set's id, in hex.
        set: String,
        /// Bytes that are here.
        bytes: u64,
        /// Bytes of all its files.
        of: u64,
    },
    /// The list of a set's files is here.
    FilesKnown {
        /// Files in it.
        files: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// About four per second while a set is on its way.
    Progress(ReceiveProgress),
    /// Every byte of a set is here; the rest is comparing hashes and making files.
    Verifying,
    /// A file has its final name.
    FileComplete {
        /// Where.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// It was there already, with the same content.
        before: bool,
    },
    /// A file that belongs to no set cannot be had or made; its sender may go on with others.
    FileFailed {
        /// Where it was to be.
        path: PathBuf,
        /// Why. Parts of it may come from the network.
        reason: String,
    },
    /// All files of a set have their final names; or a sender that knows no sets is done.
    SetComplete(SetReport),
    /// A set has failed. Files of it that were complete before stay.
    SetFailed {
        /// The set's id, in hex.
        set: String,
        /// Why. Parts of it may come from the network.
        reason: String,
    },
    /// What is here of a set stays for the next session that is sent the same files.
    SetKept {
        /// The set's id, in hex.
        set: String,
        /// Bytes that are here.
        bytes: u64,
        /// Bytes of all its files.
        of: u64,
    },
    /// At the start, what earlier sessions have left in the directory.
    Leftovers {
        /// Of each unfinished set that can be gone on with: the bytes that are here, and those of all its
        /// files.
        kept: Vec<(u64, u64)>,
        /// Unfinished sets that were removed: too old, of no use, or because nothing was to be kept.
        removed: usize,
    },
    /// A sender says that it sends nothing for now, and will go on.
    SenderPaused,
    /// It goes on.
    SenderResumed,
    /// Nothing is heard from a sender for some seconds.
    SenderSilent,
    /// A sender has said goodbye.
    SenderEnded,
    /// The sender waits for this receiver no longer, because it keeps the others slow.
    Ejected {
        /// Where receiving goes on; `None`: nowhere.
        lane: Option<SocketAddr>,
    },
    /// Something that may explain trouble.
    Hint(String),
}

/// How far receiving is; counters since the start.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct ReceiveProgress {
    /// Since the first set was found.
    pub elapsed: Duration,
    /// Bytes written of the sets on their way, lists and hashes included.
    pub bytes_done: u64,
    /// Bytes of these sets in all.
    pub bytes_total: u64,
    /// Share of packets lost on the way of late, 0 to 1; the worst of all senders.
    pub loss: f64,
    /// Blocks that had losses and were repaired by decoding.
    pub decoded: u64,
    /// Requests for repair sent.
    pub nacks: u64,
    /// Packets dropped because the memory for blocks was full.
    pub no_room: u64,
    /// Packets that could not be parsed.
    pub malformed: u64,
    /// UDP payload bytes received.
    pub wire_bytes: u64,
}

/// Events nobody has fetched, beyond which those that only accompany are left out.
const MAX_WAITING: usize = 65_536;

/// The sending end of the events' channel.
#[derive(Clone, Debug)]
pub(super) struct Events(pub(super) Sender<ReceiveEvent>);

impl Events {
    pub(super) fn send(&self, event: ReceiveEvent) {
        let optional =
            matches!(event, ReceiveEvent::Progress(_) | ReceiveEvent::FileComplete { .. });
        if !optional || self.0.len() < MAX_WAITING {
            // Fails only when nobody listens.
            let _ = self.0.send(event);
        }
    }

    pub(super) fn hint(&self, message: impl Into<String>) {
        self.send(ReceiveEvent::Hint(message.into()));
    }
}
