//! The last link of a packet: from the switch's log to a host.

use core::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use norm_core::Timestamp;

use crate::link::Direction;
use crate::packet::{HostId, Packet};
use crate::switch::{Entry, Log};

/// The link from the switch down to a host.
#[derive(Debug)]
pub(super) struct Downlink {
    host: HostId,
    direction: Direction,
    /// The link may lose packets, but does nothing else: they arrive in the order of the log.
    in_order: bool,
    /// Number of the next log entry to take.
    cursor: u64,
    /// Packets for this host alone, in the order of the log.
    unicast: VecDeque<Entry>,
    /// Packets with delays of their own, if the link is not in order.
    delayed: BinaryHeap<Reverse<Delayed>>,
    delayed_count: u64,
}

/// A packet that has left the switch and arrives at a time of its own.
#[derive(Debug)]
struct Delayed {
    at: Timestamp,
    number: u64,
    packet: Arc<Packet>,
}

impl PartialEq for Delayed {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}
impl Eq for Delayed {}
impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Delayed {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl Downlink {
    pub(super) fn new(host: HostId, direction: Direction) -> Self {
        Self {
            host,
            in_order: direction.line.only_drops(),
            direction,
            cursor: 0,
            unicast: VecDeque::new(),
            delayed: BinaryHeap::new(),
            delayed_count: 0,
        }
    }

    pub(super) fn delay(&self) -> core::time::Duration {
        self.direction.delay
    }

    pub(super) fn is_in_order(&self) -> bool {
        self.in_order
    }

    /// Takes a packet for this host alone, and returns its earliest arrival.
    pub(super) fn push(&mut self, entry: Entry) -> Timestamp {
        let at = entry.departs + self.direction.delay;
        self.unicast.push_back(entry);
        at
    }

    /// When the next packet arrives.
    pub(super) fn next_arrival(&mut self, log: &Log) -> Timestamp {
        if !self.in_order {
            return self.delayed.peek().map_or(Timestamp::MAX, |Reverse(delayed)| delayed.at);
        }
        self.skip_own(log);
        let shared = log.get(self.cursor).map_or(Timestamp::MAX, |entry| entry.departs);
        let unicast = self.unicast.front().map_or(Timestamp::MAX, |entry| entry.departs);
        shared.min(unicast) + self.direction.delay
    }

    /// Takes the next packet, of the log or for this host alone. `hold` owns the latter.
    pub(super) fn take_next<'a>(
        &mut self,
        log: &'a Log,
        hold: &'a mut Option<Entry>,
    ) -> Option<&'a Entry> {
        self.skip_own(log);
        let shared = log.get(self.cursor);
        let order = shared.map_or(u64::MAX, |entry| entry.order);
        if self.unicast.front().is_some_and(|entry| entry.order < order) {
            *hold = self.unicast.pop_front();
            return hold.as_ref();
        }
        self.cursor += u64::from(shared.is_some());
        shared
    }

    /// Skips the host's own packets.
    fn skip_own(&mut self, log: &Log) {
        while log.get(self.cursor).is_some_and(|entry| entry.packet.from == self.host) {
            self.cursor += 1;
        }
    }

    /// True if the packet arrives, on a link that is in order.
    pub(super) fn passes(&mut self, entry: &Entry) -> bool {
        self.direction.line.passes(entry.departs, &entry.packet)
    }

    /// Takes all packets of the log, on a link that is not in order. Calls `lost` for those that
    /// never arrive.
    pub(super) fn take_all(&mut self, log: &Log, mut lost: impl FnMut(&Packet)) {
        let mut hold = None;
        while let Some(entry) = self.take_next(log, &mut hold) {
            let Self { direction, delayed, delayed_count, .. } = self;
            let copies = direction.carry(entry.departs, &entry.packet, |at, packet| {
                *delayed_count += 1;
                delayed.push(Reverse(Delayed { at, number: *delayed_count, packet }));
            });
            if copies == 0 {
                lost(&entry.packet);
            }
        }
    }

    /// The next packet to arrive, and its time, on a link that is not in order.
    pub(super) fn pop_delayed(&mut self) -> Option<(Timestamp, Arc<Packet>)> {
        self.delayed.pop().map(|Reverse(delayed)| (delayed.at, delayed.packet))
    }
}
