//! What a receiver of objects tells its application, and the way there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::Receiver as Channel;
use norm_core::norm::wire::NodeId;

use super::reader::StreamReader;
use crate::objects::signal::Signal;

/// A sender, as this receiver knows it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteSender {
    /// This receiver's number for it; a sender that starts again gets another.
    pub number: u32,
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
        sender: RemoteSender,
    },
    /// A whole object. It is confirmed to the sender once it waits here to be fetched.
    Data {
        /// Who sent it.
        sender: RemoteSender,
        /// Its NORM_INFO, if it has any: bytes from the network.
        info: Option<Bytes>,
        /// The sender calls it a file.
        file: bool,
        /// Its content: bytes from the network.
        bytes: Bytes,
    },
    /// A stream has begun, or was found under way.
    Stream {
        /// Who sends it.
        sender: RemoteSender,
        /// Its NORM_INFO, if it has any: bytes from the network.
        info: Option<Bytes>,
        /// Its content. Dropping it refuses the rest.
        reader: StreamReader,
    },
    /// Bytes of the sender's application to ours. Repeated ones may come repeatedly.
    Command {
        /// Who sent it.
        sender: RemoteSender,
        /// Its content: bytes from the network.
        content: Bytes,
    },
    /// An object was refused: larger than [`max_data`], or a stream beyond [`max_streams`].
    ///
    /// [`max_data`]: super::super::ObjectReceiveOptions::max_data
    /// [`max_streams`]: super::super::ObjectReceiveOptions::max_streams
    Refused {
        /// Who sent it.
        sender: RemoteSender,
        /// Bytes of the object, or of the stream's buffer.
        size: u64,
    },
    /// An object will not be completed: its sender can no longer repair it, or is gone.
    Aborted {
        /// Who sent it.
        sender: RemoteSender,
        /// Its NORM_INFO, if it has any: bytes from the network.
        info: Option<Bytes>,
    },
    /// Nothing was heard of a sender for the configured patience: it counts as gone.
    SenderSilent {
        /// The sender.
        sender: RemoteSender,
    },
    /// A sender has ended its session.
    SenderEnded {
        /// The sender.
        sender: RemoteSender,
    },
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

    /// Takes memory for an object of `size` bytes if there is enough, or no other object at all. Only
    /// the session does so.
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

/// The events of a session; clones fetch from the same queue. Objects that are not fetched hold up
/// the session when their memory is used up.
#[derive(Clone, Debug)]
pub struct ObjectEvents {
    pub(super) events: Channel<ObjectEvent>,
    pub(super) budget: Budget,
    pub(super) signal: Signal,
}

impl ObjectEvents {
    /// Waits for the next event; `None` when the session is over.
    pub fn recv(&self) -> Option<ObjectEvent> {
        let event = self.events.recv().ok()?;
        Some(self.fetched(event))
    }

    /// Waits for the next event this long; `None` when there was none, or the session is over.
    pub fn recv_timeout(&self, timeout: Duration) -> Option<ObjectEvent> {
        let event = self.events.recv_timeout(timeout).ok()?;
        Some(self.fetched(event))
    }

    /// The next event if there is one now.
    pub fn try_recv(&self) -> Option<ObjectEvent> {
        let event = self.events.try_recv().ok()?;
        Some(self.fetched(event))
    }

    fn fetched(&self, event: ObjectEvent) -> ObjectEvent {
        if let ObjectEvent::Data { bytes, .. } = &event {
            self.budget.give_back(bytes.len());
        }
        self.signal.raise();
        event
    }
}
