//! The socket buffer of a host that is not always ready to read.

use std::collections::VecDeque;
use std::sync::Arc;

use norm_core::Timestamp;

use crate::packet::Packet;

/// Packets that wait for their host.
#[derive(Debug)]
pub(super) struct Socket {
    /// Packets with the times of their arrival.
    packets: VecDeque<(Timestamp, Arc<Packet>)>,
    /// Bytes in use.
    bytes: u64,
    /// Bytes in all.
    capacity: u64,
    charge: Charge,
    /// Packets that did not fit.
    drops: u64,
}

/// What a packet takes of the buffer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Charge {
    /// Its bytes on the wire.
    Wire,
    /// What Linux charges for it.
    Linux,
}

/// Bytes beside a packet that Linux allocates with it: headroom, and `skb_shared_info`.
const LINUX_BESIDE: u32 = 78 + 320;
/// Bytes of Linux's `sk_buff`.
const LINUX_SK_BUFF: u32 = 256;

impl Socket {
    /// A socket that buffers this many bytes of packets.
    pub(super) fn new(capacity: u32) -> Self {
        Self::with(capacity.into(), Charge::Wire)
    }

    /// A socket of Linux, for which a buffer of `asked` bytes was asked for: it may be charged
    /// twice as much (socket(7)). A packet is charged until it is read.
    pub(super) fn linux(asked: u32) -> Self {
        Self::with(u64::from(asked) * 2, Charge::Linux)
    }

    fn with(capacity: u64, charge: Charge) -> Self {
        Self { packets: VecDeque::new(), bytes: 0, capacity, charge, drops: 0 }
    }

    /// Buffers a packet that arrives now; false if there is no room for it.
    pub(super) fn push(&mut self, now: Timestamp, packet: &Arc<Packet>) -> bool {
        let fits = self.bytes + self.charge.of(packet.size) <= self.capacity;
        if fits {
            self.bytes += self.charge.of(packet.size);
            self.packets.push_back((now, Arc::clone(packet)));
        } else {
            self.drops += 1;
        }
        fits
    }

    /// Takes the first packet, with the time of its arrival.
    pub(super) fn pop(&mut self) -> Option<(Timestamp, Arc<Packet>)> {
        let (at, packet) = self.packets.pop_front()?;
        self.bytes -= self.charge.of(packet.size);
        Some((at, packet))
    }

    /// Empties the buffer, and returns its packets.
    pub(super) fn take(&mut self) -> VecDeque<(Timestamp, Arc<Packet>)> {
        self.bytes = 0;
        core::mem::take(&mut self.packets)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Number of packets that did not fit.
    pub(super) fn drops(&self) -> u64 {
        self.drops
    }
}

impl Charge {
    /// Linux: `truesize`, the bytes of the packet and beside it in a slab of a power of two, and
    /// the `sk_buff` (`SKB_TRUESIZE` in include/linux/skbuff.h).
    fn of(self, size: u32) -> u64 {
        match self {
            Self::Wire => size.into(),
            Self::Linux => ((size + LINUX_BESIDE).next_power_of_two() + LINUX_SK_BUFF).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_charges_what_it_allocates() {
        assert_eq!(Charge::Linux.of(1500), 2304);
        assert_eq!(Charge::Linux.of(1464), 2304);
        assert_eq!(Charge::Linux.of(100), 768);
        assert_eq!(Charge::Wire.of(1464), 1464);
    }
}
