//! Packets of objects of which it is not known yet how they are cut into blocks: those in memory,
//! and how many the store has.

use core::net::IpAddr;
use core::ops::Range;
use std::collections::BTreeMap;

use super::nameless::{Kind, Nameless};
use crate::endpoint::RawPacket;

/// What a packet in memory takes besides its bytes, with its share of the lists.
const OVERHEAD: usize = 96;
/// Bytes of memory that it takes to find a packet again that the store has.
pub(super) const RECORD: usize = 48;

/// Packets of one object.
#[derive(Debug, Default)]
struct OfObject {
    here: Vec<RawPacket>,
    aside: Aside,
    state: State,
}

/// What is to become of the packets that the store has of an object.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
enum State {
    /// They wait.
    #[default]
    Waiting,
    /// They are read back.
    Recalled,
    /// They are read back, and are no longer wanted.
    Unwanted,
}

/// Packets that the store has.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Aside {
    /// How many.
    pub(super) packets: usize,
    /// Bytes of payload ids and symbols.
    pub(super) bytes: usize,
}

impl Aside {
    /// Memory that it takes to find them again.
    pub(super) const fn records(self) -> usize {
        self.packets * RECORD
    }
}

/// Packets of one session, by the key of their object.
#[derive(Debug, Default)]
pub(super) struct Early {
    objects: BTreeMap<u64, OfObject>,
    /// Bytes that are taken of the memory.
    bytes: usize,
}

impl Early {
    /// Keeps a packet of this source in memory; gives it back when there is no room.
    pub(super) fn keep(
        &mut self,
        room: &mut Nameless,
        source: IpAddr,
        key: u64,
        packet: RawPacket,
    ) -> Result<(), RawPacket> {
        let bytes = packet.content.len() + OVERHEAD;
        if !room.take(source, Kind::Packets, bytes) {
            return Err(packet);
        }
        self.bytes += bytes;
        self.objects.entry(key).or_default().here.push(packet);
        Ok(())
    }

    /// The store has taken a packet with as many bytes of payload id and symbols.
    pub(super) fn note_aside(&mut self, key: u64, bytes: usize) {
        let aside = &mut self.objects.entry(key).or_default().aside;
        aside.packets += 1;
        aside.bytes += bytes;
    }

    /// Hands out the packets of an object that are in memory.
    pub(super) fn take(&mut self, room: &mut Nameless, source: IpAddr, key: u64) -> Vec<RawPacket> {
        let Some(object) = self.objects.get_mut(&key) else { return Vec::new() };
        let packets = core::mem::take(&mut object.here);
        if object.aside == Aside::default() && object.state == State::Waiting {
            self.objects.remove(&key);
        }
        let bytes = packets.iter().map(|packet| packet.content.len() + OVERHEAD).sum();
        self.bytes -= bytes;
        room.give(source, Kind::Packets, bytes);
        packets
    }

    /// The packets of an object that the store has are to be read back now; false when there are
    /// none, or they are read already.
    pub(super) fn begin_recall(&mut self, key: u64) -> bool {
        let waiting = |object: &&mut OfObject| {
            object.state == State::Waiting && object.aside != Aside::default()
        };
        let Some(object) = self.objects.get_mut(&key).filter(waiting) else { return false };
        object.state = State::Recalled;
        true
    }

    /// True while packets of an object are read back.
    pub(super) fn is_recalled(&self, key: u64) -> bool {
        self.objects.get(&key).is_some_and(|object| object.state != State::Waiting)
    }

    /// As many packets were read back, or all that there are: what they took, and whether they are
    /// wanted.
    pub(super) fn recalled(&mut self, key: u64, read: Aside, is_last: bool) -> (Aside, bool) {
        let Some(object) = self.objects.get_mut(&key) else { return (Aside::default(), false) };
        let is_wanted = object.state == State::Recalled;
        let all = object.aside;
        if is_last || !is_wanted {
            self.objects.remove(&key);
            return (all, is_wanted);
        }
        let packets = read.packets.min(all.packets);
        let bytes = read.bytes.min(all.bytes);
        object.aside = Aside { packets: all.packets - packets, bytes: all.bytes - bytes };
        (Aside { packets, bytes }, true)
    }

    /// The packets of an object that the store has are not wanted: what they took; `None` when they
    /// are being read, and stay until that has come to an end.
    pub(super) fn drop_aside(&mut self, key: u64) -> Option<Aside> {
        let object = self.objects.get_mut(&key)?;
        if object.state != State::Waiting {
            object.state = State::Unwanted;
            return None;
        }
        let aside = core::mem::take(&mut object.aside);
        if object.here.is_empty() {
            self.objects.remove(&key);
        }
        Some(aside)
    }

    /// The objects of which packets are kept.
    pub(super) fn keys(&self, within: Range<u64>) -> Vec<u64> {
        self.objects.range(within).map(|(&key, _)| key).collect()
    }

    /// The objects of which the store has packets that are not read back, and all that it has.
    pub(super) fn aside(&self) -> (Vec<u64>, Aside) {
        let mut all = Aside::default();
        let mut waiting = Vec::new();
        for (&key, OfObject { aside, state, .. }) in &self.objects {
            all.packets += aside.packets;
            all.bytes += aside.bytes;
            if *state == State::Waiting && aside.packets > 0 {
                waiting.push(key);
            }
        }
        (waiting, all)
    }

    /// Bytes that are taken of the memory.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// True when nothing is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}
