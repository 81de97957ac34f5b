//! Packets of objects of which it is not known yet how they are cut into blocks.

use core::net::IpAddr;
use core::ops::Range;
use std::collections::BTreeMap;

use super::nameless::{Kind, Nameless};
use crate::fec::FecId;

/// What a packet takes besides its bytes, with its share of the lists.
const OVERHEAD: usize = 96;

/// What of a packet is kept: its scheme, payload id and symbols.
#[derive(Debug)]
pub(super) struct EarlyPacket {
    fec: FecId,
    content: Box<[u8]>,
}

impl EarlyPacket {
    /// Its FEC scheme.
    pub(super) const fn fec(&self) -> FecId {
        self.fec
    }

    /// Payload id and symbols.
    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }
}

/// Packets of one session, by the key of their object.
#[derive(Debug, Default)]
pub(super) struct Early {
    packets: BTreeMap<u64, Vec<EarlyPacket>>,
    bytes: usize,
}

impl Early {
    /// Keeps a packet of this source; false when there is no room.
    pub(super) fn keep(
        &mut self,
        room: &mut Nameless,
        source: IpAddr,
        key: u64,
        fec: FecId,
        content: &[u8],
    ) -> bool {
        let bytes = content.len() + OVERHEAD;
        if !room.take(source, Kind::Packets, bytes) {
            return false;
        }
        self.bytes += bytes;
        self.packets.entry(key).or_default().push(EarlyPacket { fec, content: content.into() });
        true
    }

    /// Hands out the packets of an object.
    pub(super) fn take(
        &mut self,
        room: &mut Nameless,
        source: IpAddr,
        key: u64,
    ) -> Vec<EarlyPacket> {
        let packets = self.packets.remove(&key).unwrap_or_default();
        let bytes = packets.iter().map(|packet| packet.content.len() + OVERHEAD).sum();
        self.bytes -= bytes;
        room.give(source, Kind::Packets, bytes);
        packets
    }

    /// The objects of which packets are kept.
    pub(super) fn keys(&self, within: Range<u64>) -> Vec<u64> {
        self.packets.range(within).map(|(&key, _)| key).collect()
    }

    /// Bytes that are taken.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// True when nothing is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}
