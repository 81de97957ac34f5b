//! The socket buffer of a host that does nothing for a time.

use std::sync::Arc;

use crate::packet::Packet;

/// Packets that wait for a stalled host.
#[derive(Debug)]
pub(super) struct Socket {
    packets: Vec<Arc<Packet>>,
    bytes: u32,
    capacity: u32,
}

impl Socket {
    /// A socket that buffers this many bytes.
    pub(super) fn new(capacity: u32) -> Self {
        Self { packets: Vec::new(), bytes: 0, capacity }
    }

    /// Buffers a packet; false if there is no room for it.
    pub(super) fn push(&mut self, packet: &Arc<Packet>) -> bool {
        let fits = self.bytes + packet.size <= self.capacity;
        if fits {
            self.bytes += packet.size;
            self.packets.push(Arc::clone(packet));
        }
        fits
    }

    /// Empties the buffer, and returns its packets.
    pub(super) fn take(&mut self) -> Vec<Arc<Packet>> {
        self.bytes = 0;
        core::mem::take(&mut self.packets)
    }
}
