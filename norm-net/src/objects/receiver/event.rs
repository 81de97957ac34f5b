//! What a receiver of objects tells its application, and the way there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use norm_core::endpoint::SenderId;
use norm_core::transfer::NodeId;

use super::reader::StreamReader;
use crate::event::{Events, Hint};
use crate::objects::signal::Signal;

/// A sender, as this receiver knows it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct SenderInfo {
    /// This receiver's number for it; a sender that starts again gets another.
    pub id: SenderId,
    /// Its node id.
    pub node: NodeId,
    /// Where it sends from.
    pub address: SocketAddr,
}

/// What happens in a receiving session.
#[derive(Debug)]
#[non_exhaustive]
pub enum ObjectEvent {
    /// A sender was heard for the first time.
    SenderFound {
        /// The sender.
        sender: SenderInfo,
    },
    /// A whole object. It is confirmed to the sender once it waits here to be fetched.
    Data {
        /// The sender.
        sender: SenderInfo,
        /// Its NORM_INFO, if it has any: bytes from the network.
        info: Option<Bytes>,
        /// The sender calls it a file.
        file: bool,
        /// Its content: bytes from the network.
        bytes: Bytes,
    },
    /// A stream has begun, or was found under way.
    Stream {
        /// The sender.
        sender: SenderInfo,
        /// Its NORM_INFO, if it has any: bytes from the network.
        info: Option<Bytes>,
        /// Its content. Dropping it refuses the rest.
        reader: StreamReader,
    },
    /// Bytes of the sender's application to ours. Repeated ones may come repeatedly.
    Command {
        /// The sender.
        sender: SenderInfo,
        /// Its content: bytes from the network.
        content: Bytes,
    },
    /// An object was refused: larger than [`max_data`], or a stream beyond [`max_streams`].
    ///
    /// [`max_data`]: super::super::ObjectReceiveOptions::max_data
    /// [`max_streams`]: super::super::ObjectReceiveOptions::max_streams
    Refused {
        /// The sender.
        sender: SenderInfo,
        /// Bytes of the object, or of the stream's buffer.
        size: u64,
    },
    /// An object will not be completed: its sender can no longer repair it, or is gone.
    Aborted {
        /// The sender.
        sender: SenderInfo,
        /// Its NORM_INFO, if it has any: bytes from the network.
        info: Option<Bytes>,
    },
    /// Nothing was heard of a sender for the configured patience: it counts as gone.
    SenderSilent {
        /// The sender.
        sender: SenderInfo,
    },
    /// A sender has ended its session.
    SenderEnded {
        /// The sender.
        sender: SenderInfo,
    },
    /// Something that may explain why nothing is heard: packets came that are not sealed with this
    /// session's key.
    Hint(Hint),
}

/// Memory that an object takes beside its content.
const OVERHEAD: usize = 1 << 10;

/// Memory for objects: reserved when one is accepted, given back when it is fetched.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    limit: usize,
    used: Arc<AtomicUsize>,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, used: Arc::new(AtomicUsize::new(0)) }
    }

    /// Takes memory for an object of `size` bytes if there is enough, or no other object at all.
    /// Only the session does so.
    pub(super) fn reserve(&self, size: usize) -> bool {
        let used = self.used.load(Ordering::Acquire);
        let cost = size.saturating_add(OVERHEAD);
        if used > 0 && used.saturating_add(cost) > self.limit {
            return false;
        }
        self.used.fetch_add(cost, Ordering::AcqRel);
        true
    }

    pub(super) fn give_back(&self, size: usize) {
        self.used.fetch_sub(size.saturating_add(OVERHEAD), Ordering::AcqRel);
    }
}

/// The events of a session. Objects that are not fetched hold it up when their memory is used up.
pub(super) fn with_budget(
    events: Events<ObjectEvent>,
    budget: Budget,
    signal: Signal,
) -> Events<ObjectEvent> {
    events.with_hook(move |event| {
        if let ObjectEvent::Data { bytes, .. } = event {
            budget.give_back(bytes.len());
        }
        signal.raise();
    })
}
