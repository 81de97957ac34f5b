//! The sending end: which segments to send, and which are lost (RFC 5681, RFC 6675, RFC 6298).

use core::ops::Range;
use core::time::Duration;
use std::collections::BTreeSet;

use norm_core::{Rng, Timestamp};

use super::rto::Rto;
use super::window::{MSS, RECEIVE_WINDOW, Window};
use crate::node::contract::{FlowStats, Node, Outbox};
use crate::packet::{Body, HostId, Packet, Segment, To};
use crate::scenario::Control;

/// Payload bytes of a segment.
const FULL: u64 = MSS as u64;

/// The sending end. Sequence numbers count from 0, and continue after a restart of the host.
#[derive(Debug)]
pub(super) struct Source {
    to: HostId,
    control: Control,
    start_after: Duration,
    started: bool,
    window: Window,
    rto: Rto,
    /// All bytes before this one are acknowledged.
    acknowledged: u64,
    /// The first byte that was never sent.
    next: u64,
    /// Starts of later segments that have arrived.
    arrived: BTreeSet<u64>,
    /// Segments before this byte are lost unless they have arrived.
    lost_until: u64,
    /// Lost segments before this byte were sent again.
    resent_until: u64,
    /// Number of lost segments from `resent_until` to `lost_until`.
    lost: u64,
    /// Losses are repaired until all bytes before this one are acknowledged.
    recovery: Option<u64>,
    /// The recovery follows a timeout: the window grows during it.
    timed_out: bool,
    /// End of the segments that were sent before the last reduction for a CE mark. They may have
    /// a CE mark, too.
    marked: Option<u64>,
    /// End and send time of a segment whose round trip is measured.
    timed: Option<(u64, Timestamp)>,
    deadline: Timestamp,
    resent: u64,
}

impl Source {
    pub(super) fn new(to: HostId, control: Control, me: HostId, seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ u64::from(me));
        Self {
            to,
            control,
            start_after: Duration::from_nanos(1 + rng.below(100_000_000)),
            started: false,
            window: Window::new(control),
            rto: Rto::default(),
            acknowledged: 0,
            next: 0,
            arrived: BTreeSet::new(),
            lost_until: 0,
            resent_until: 0,
            lost: 0,
            recovery: None,
            timed_out: false,
            marked: None,
            timed: None,
            deadline: Timestamp::MAX,
            resent: 0,
        }
    }

    /// Estimate of the segments in flight ("pipe").
    fn in_flight(&self) -> u64 {
        (self.next - self.acknowledged) / FULL - self.arrived.len() as u64 - self.lost
    }

    /// Number of segments in this range that have not arrived.
    fn missing(&self, range: Range<u64>) -> u64 {
        (range.end - range.start) / FULL - self.arrived.range(range).count() as u64
    }

    fn arm(&mut self, now: Timestamp) {
        self.deadline = now + self.rto.timeout();
    }

    fn emit(&mut self, sequence: u64, out: &mut Outbox) {
        let segment = Segment { sequence, len: MSS, acknowledged: 0, echo: false };
        out.packets.push((To::Host(self.to), Body::Tcp(segment)));
    }

    /// Sends the first lost segment again.
    fn resend(&mut self, out: &mut Outbox) {
        while self.arrived.contains(&self.resent_until) {
            self.resent_until += FULL;
        }
        self.emit(self.resent_until, out);
        self.resent_until += FULL;
        self.lost -= 1;
        self.resent += 1;
        // It is unknown which of the two an acknowledgment answers (Karn).
        self.timed = None;
    }

    /// Sends the segments that the windows allow: lost ones first, then new ones.
    fn send(&mut self, now: Timestamp, out: &mut Outbox) {
        while (self.in_flight() + 1) as f64 <= self.window.size() {
            let end = self.next + FULL;
            if self.lost > 0 {
                self.resend(out);
            } else if end - self.acknowledged <= RECEIVE_WINDOW {
                self.emit(self.next, out);
                self.next = end;
                self.timed.get_or_insert((end, now));
            } else {
                break;
            }
            if self.deadline == Timestamp::MAX {
                self.arm(now);
            }
        }
    }

    /// All bytes before `end` have arrived; some of them are newly acknowledged.
    fn on_new(&mut self, now: Timestamp, end: u64) {
        let acked = (end - self.acknowledged) / FULL;
        self.acknowledged = end;
        self.arrived = self.arrived.split_off(&end);
        self.lost_until = self.lost_until.max(end);
        if end > self.resent_until {
            self.resent_until = end;
            self.lost = self.missing(end..self.lost_until);
        }
        if let Some((_, at)) = self.timed.take_if(|(segment, _)| *segment <= end) {
            self.rto.sample(now.saturating_since(at));
        }
        if self.recovery.is_none() || self.timed_out {
            self.window.on_ack(now, acked as f64, self.rto.srtt());
        }
        if self.recovery.is_some_and(|until| end >= until) {
            self.recovery = None;
            self.timed_out = false;
        }
        self.arm(now);
    }

    /// The segment that starts there has arrived after a missing one.
    fn on_arrived(&mut self, start: u64) {
        if !self.arrived.insert(start) {
            return;
        }
        if (self.resent_until..self.lost_until).contains(&start) {
            self.lost -= 1;
        }
        // A segment is lost when three others have overtaken it.
        let third = self.arrived.iter().rev().nth(2).copied();
        if let Some(third) = third.filter(|third| *third > self.lost_until) {
            self.lost += self.missing(self.lost_until..third);
            self.lost_until = third;
        }
    }

    /// Reduces the window, unless a CE mark in the same round trip has done so.
    fn reduce(&mut self) {
        if self.marked.is_none_or(|point| self.acknowledged > point) {
            self.window.reduce();
            self.marked = None;
        }
    }

    /// Treats all segments that have not arrived as lost, and begins with one segment.
    fn begin_again(&mut self) {
        self.window.restart();
        self.resent_until = self.acknowledged;
        self.lost_until = self.next;
        self.lost = self.missing(self.acknowledged..self.next);
        self.recovery = Some(self.next);
        self.timed_out = true;
        self.marked = None;
        self.timed = None;
    }
}

impl Node for Source {
    fn start(&mut self, now: Timestamp, _: &mut Outbox) {
        self.window = Window::new(self.control);
        self.rto = Rto::default();
        self.started = false;
        self.deadline = now + self.start_after;
    }

    fn stop(&mut self, _: Timestamp) {
        self.started = false;
        self.deadline = Timestamp::MAX;
    }

    fn receive(&mut self, now: Timestamp, packet: &Packet, out: &mut Outbox) {
        let Body::Tcp(segment) = packet.body else { return };
        let end = segment.acknowledged;
        if !self.started || segment.len > 0 || end > self.next {
            return;
        }
        if end > self.acknowledged {
            self.on_new(now, end);
        }
        if (self.acknowledged + 1..self.next).contains(&segment.sequence) {
            self.on_arrived(segment.sequence);
        }
        if self.recovery.is_none() && self.lost > 0 {
            self.reduce();
            self.recovery = Some(self.next);
            self.resend(out);
            self.arm(now);
        } else if segment.echo && self.recovery.is_none() {
            self.reduce();
            self.marked.get_or_insert(self.next);
        }
        self.send(now, out);
    }

    fn timeout(&mut self, now: Timestamp, out: &mut Outbox) {
        if now < self.deadline {
            return;
        }
        self.deadline = Timestamp::MAX;
        if self.started {
            // Losses under repair have reduced the window already.
            if self.recovery.is_none() {
                self.reduce();
            }
            self.rto.back_off();
            self.begin_again();
        } else if self.next > self.acknowledged {
            self.begin_again();
        }
        self.started = true;
        self.send(now, out);
    }

    fn next(&self) -> Timestamp {
        self.deadline
    }

    fn flow(&self) -> Option<FlowStats> {
        Some(FlowStats { acknowledged: self.acknowledged, resent: self.resent })
    }
}
