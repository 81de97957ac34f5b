//! One host: its link, its clock, its life, and what runs on it.

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use norm_core::{Rng, Timestamp};

use crate::clock::START;
use crate::invariants::check_timer;
use crate::link::Direction;
use crate::node::Machine;
use crate::outcome::Captured;
use crate::packet::{Body, HostId, Outbox, Packet, mix};
use crate::scenario::{Change, Clock, Role, Scenario};
use crate::switch::{Arriving, Entry, Log};
use crate::truth::Truth;

/// What a thread needs for the hosts that it works on, and what they have sent.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    outbox: Outbox,
    /// When each packet was sent, and what arrives of it at the host's switch.
    pub(crate) sent: Vec<(Timestamp, Arc<Packet>)>,
    pub(crate) arriving: Vec<Arriving>,
    pub(crate) captured: Vec<Captured>,
    pub(crate) deliveries: u64,
    /// Content packets that have reached a receiver, and that were lost on a host's link.
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    /// Bytes that were lost on the way to the switch.
    pub(crate) lost_at_once: u64,
}

/// A packet that has left the switch and arrives at a time of its own.
#[derive(Debug)]
struct Late {
    at: Timestamp,
    number: u64,
    packet: Arc<Packet>,
}

impl PartialEq for Late {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}
impl Eq for Late {}
impl PartialOrd for Late {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Late {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// See the module.
pub(crate) struct Host {
    id: HostId,
    pub(crate) switch: u32,
    machine: Machine,
    alive: bool,
    /// True time of the next timer or change of life, whichever is first.
    due: Timestamp,
    /// The machine's timer as it asked for it, and the true time at which it gets it.
    timer: (Timestamp, Timestamp),
    /// The next entry of the switch's log to look at.
    cursor: u64,
    /// Packets on the last link that are for this host alone, in the order of the log.
    alone: VecDeque<Entry>,
    down: Direction,
    up: Direction,
    /// The way down may lose packets and nothing else: they arrive in the order of the log.
    in_order: bool,
    late: BinaryHeap<Reverse<Late>>,
    late_number: u64,
    sent_number: u64,
    clock: Clock,
    rng: Rng,
    life: VecDeque<(Timestamp, Change)>,
    stalled_until: Option<Timestamp>,
    socket: Vec<Arc<Packet>>,
    socket_bytes: u32,
    socket_buffer: u32,
    /// Record what is seen here.
    pub(crate) captures: bool,
    receives: bool,
    /// Receivers that miss what is lost on the way to the switch.
    audience: u64,
    trace: [u64; 2],
}

/// A socket's buffer, where the plan does not say.
const SOCKET_BUFFER: u32 = 1 << 20;

impl Host {
    pub(crate) fn new(scenario: &Scenario, truth: &Arc<Truth>, id: HostId) -> Self {
        let plan = &scenario.hosts[id as usize];
        let rng = |way: u64| Rng::new(mix(scenario.seed, u64::from(id) * 8 + way));
        let link = &plan.link;
        let down = Direction::new(&link.down, link.delay, rng(1));
        let up = Direction::new(&link.up, link.delay_up.unwrap_or(link.delay), rng(0));
        let mut life: Vec<(Timestamp, Change)> =
            plan.life.iter().map(|(at, change)| (START + *at, *change)).collect();
        if !life.iter().any(|(_, change)| *change == Change::Start) {
            life.insert(0, (START, Change::Start));
        }
        life.sort_by_key(|(at, _)| *at);
        let socket_buffer = match &plan.role {
            Role::Receiver(plan) => plan.socket_buffer,
            _ => SOCKET_BUFFER,
        };
        Self {
            id,
            switch: plan.switch,
            machine: Machine::new(scenario, truth, id),
            alive: false,
            due: life[0].0,
            timer: (Timestamp::MAX, Timestamp::MAX),
            cursor: 0,
            alone: VecDeque::new(),
            in_order: down.line.only_drops(),
            down,
            up,
            late: BinaryHeap::new(),
            late_number: 0,
            sent_number: 0,
            clock: plan.clock,
            rng: rng(2),
            life: life.into(),
            stalled_until: None,
            socket: Vec::new(),
            socket_bytes: 0,
            socket_buffer,
            captures: false,
            receives: matches!(plan.role, Role::Receiver(_)),
            audience: truth.receivers.into(),
            trace: [0; 2],
        }
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The least time that anything needs from here to the switch, and back.
    pub(crate) fn delays(&self) -> (Duration, Duration) {
        (self.up.delay, self.down.delay)
    }

    /// Nothing more will happen in its life.
    pub(crate) fn is_settled(&self) -> bool {
        self.life.is_empty()
    }

    /// A fingerprint of everything that arrived and was sent.
    pub(crate) fn trace(&self) -> [u64; 2] {
        self.trace
    }

    /// A packet for this host alone has left the switch. When it may arrive.
    pub(crate) fn push(&mut self, entry: Entry) -> Timestamp {
        let at = entry.departs + self.down.delay;
        self.alone.push_back(entry);
        at
    }

    /// Does everything that happens before `until`; the time of the next thing known.
    pub(crate) fn run(&mut self, until: Timestamp, log: &Log, turn: &mut Turn) -> Timestamp {
        if !self.in_order {
            self.take_off(log, turn);
        }
        loop {
            let arrival = self.next_arrival(log);
            let next = self.due.min(arrival);
            if next >= until {
                return next;
            }
            if self.due <= arrival {
                self.own_turn(self.due, turn);
            } else if self.in_order {
                self.take_from_link(arrival, log, turn);
            } else if let Some(Reverse(late)) = self.late.pop() {
                self.arrive(late.at, &late.packet, turn);
            }
        }
    }

    /// When the next packet arrives.
    fn next_arrival(&mut self, log: &Log) -> Timestamp {
        if !self.in_order {
            return self.late.peek().map_or(Timestamp::MAX, |Reverse(late)| late.at);
        }
        while log.get(self.cursor).is_some_and(|entry| entry.packet.from == self.id) {
            self.cursor += 1;
        }
        let shared = log.get(self.cursor).map_or(Timestamp::MAX, |entry| entry.departs);
        let alone = self.alone.front().map_or(Timestamp::MAX, |entry| entry.departs);
        shared.min(alone) + self.down.delay
    }

    /// The next packet on the link, from the log or for this host alone.
    fn take_next<'a>(&mut self, log: &'a Log, hold: &'a mut Option<Entry>) -> Option<&'a Entry> {
        while log.get(self.cursor).is_some_and(|entry| entry.packet.from == self.id) {
            self.cursor += 1;
        }
        let shared = log.get(self.cursor);
        let order = shared.map_or(u64::MAX, |entry| entry.order);
        if self.alone.front().is_some_and(|entry| entry.order < order) {
            *hold = self.alone.pop_front();
            return hold.as_ref();
        }
        self.cursor += u64::from(shared.is_some());
        shared
    }

    /// Takes the next packet of a link that keeps their order.
    fn take_from_link(&mut self, at: Timestamp, log: &Log, turn: &mut Turn) {
        let mut hold = None;
        let Some(entry) = self.take_next(log, &mut hold) else { return };
        if !self.alive {
            return;
        }
        if self.down.line.passes(entry.departs, &entry.packet) {
            self.arrive(at, &entry.packet, turn);
        } else {
            self.note_loss(&entry.packet, turn);
        }
    }

    /// Takes everything off a link on which each packet has a delay of its own.
    fn take_off(&mut self, log: &Log, turn: &mut Turn) {
        let mut hold = None;
        while let Some(entry) = self.take_next(log, &mut hold) {
            let Self { down, late, late_number, .. } = self;
            let copies = down.carry(entry.departs, &entry.packet, |at, packet| {
                *late_number += 1;
                late.push(Reverse(Late { at, number: *late_number, packet }));
            });
            if copies == 0 {
                let packet = Arc::clone(&entry.packet);
                self.note_loss(&packet, turn);
            }
        }
    }

    fn note_loss(&self, packet: &Packet, turn: &mut Turn) {
        turn.lost += u64::from(self.receives && packet.symbol.is_some());
    }

    fn arrive(&mut self, at: Timestamp, packet: &Arc<Packet>, turn: &mut Turn) {
        if !self.alive {
            return;
        }
        if self.stalled_until.is_some() {
            if self.socket_bytes + packet.size <= self.socket_buffer {
                self.socket_bytes += packet.size;
                self.socket.push(Arc::clone(packet));
            } else {
                self.note_loss(packet, turn);
            }
            return;
        }
        self.hand_over(at, packet, turn);
        self.after_turn(at, turn);
    }

    fn hand_over(&mut self, at: Timestamp, packet: &Packet, turn: &mut Turn) {
        self.trace[0] = mix(self.trace[0] ^ at.as_nanos(), packet.fingerprint);
        turn.deliveries += 1;
        turn.delivered += u64::from(self.receives && packet.symbol.is_some());
        if self.captures {
            turn.captured.extend(captured(at, packet));
        }
        turn.outbox.elapsed = at.saturating_since(START);
        self.machine.receive(self.clock.shows(at), packet, &mut turn.outbox);
    }

    /// A timer, or something in the host's life.
    fn own_turn(&mut self, at: Timestamp, turn: &mut Turn) {
        let now = self.clock.shows(at);
        turn.outbox.elapsed = at.saturating_since(START);
        let change = self.life.front().is_some_and(|(when, _)| *when <= at);
        if change && let Some((_, change)) = self.life.pop_front() {
            match change {
                Change::Start => {
                    (self.alive, self.stalled_until) = (true, None);
                    self.empty_socket();
                    self.machine.start(now, &mut turn.outbox);
                }
                Change::Stop => {
                    (self.alive, self.stalled_until) = (false, None);
                    self.empty_socket();
                    self.machine.stop(now);
                }
                Change::Stall(time) => self.stalled_until = Some(at + time),
            }
        } else if let Some(until) = self.stalled_until {
            if until <= at {
                self.stalled_until = None;
                for packet in self.empty_socket() {
                    self.hand_over(at, &packet, turn);
                }
                if self.machine.next() <= now {
                    self.machine.timeout(now, &mut turn.outbox);
                }
            }
        } else if self.alive {
            // Late timers are asked for again if the machine still wants them.
            self.timer = (Timestamp::MAX, Timestamp::MAX);
            if self.machine.next() <= now {
                self.machine.timeout(now, &mut turn.outbox);
            }
        }
        self.after_turn(at, turn);
    }

    fn empty_socket(&mut self) -> Vec<Arc<Packet>> {
        self.socket_bytes = 0;
        core::mem::take(&mut self.socket)
    }

    /// Sends what the machine wants sent, and sets its timer.
    fn after_turn(&mut self, at: Timestamp, turn: &mut Turn) {
        if !turn.outbox.packets.is_empty() {
            self.send(at, turn);
        }
        let next = if self.alive { self.machine.next() } else { Timestamp::MAX };
        if self.alive && self.stalled_until.is_none() && next != self.timer.0 {
            check_timer(self.clock.shows(at), next, self.id);
        }
        if next != self.timer.0 {
            let mut true_time = self.clock.reaches(next);
            if !self.clock.late.is_zero() && next != Timestamp::MAX {
                true_time += self.clock.late.mul_f64(self.rng.unit());
            }
            self.timer = (next, true_time);
        }
        let wake = self.stalled_until.unwrap_or(self.timer.1);
        self.due = self.life.front().map_or(wake, |(when, _)| wake.min(*when));
    }

    fn send(&mut self, at: Timestamp, turn: &mut Turn) {
        let mut packets = core::mem::take(&mut turn.outbox.packets);
        for (to, body) in packets.drain(..) {
            let mut packet = Packet::new(self.id, to, body);
            if let (Machine::Sender(node), Body::Datagram(bytes)) =
                (&mut self.machine, &packet.body)
            {
                packet.symbol = node.check_sent(bytes);
                packet.capable = node.uses_ecn();
            }
            if self.captures {
                turn.captured.extend(captured(at, &packet));
            }
            self.trace[1] = mix(self.trace[1] ^ at.as_nanos(), packet.fingerprint);
            let packet = Arc::new(packet);
            let Self { up, sent_number, switch, id, .. } = self;
            let copies = up.carry(at, &packet, |at, packet| {
                *sent_number += 1;
                let (switch, port, number) = (*switch, *id, *sent_number);
                turn.arriving.push(Arriving { at, switch, port, number, packet });
            });
            if copies == 0 {
                turn.lost_at_once += u64::from(packet.size);
            }
            if copies == 0 && packet.symbol.is_some() {
                turn.lost += self.audience;
            }
            turn.sent.push((at, packet));
        }
        turn.outbox.packets = packets;
    }
}

/// What a capture shows of a packet.
pub(crate) fn captured(at: Timestamp, packet: &Packet) -> Option<Captured> {
    let Body::Datagram(payload) = &packet.body else { return None };
    let (at, payload) = (at.saturating_since(START), Arc::clone(payload));
    Some(Captured { at, from: packet.from, to: packet.to, payload })
}
