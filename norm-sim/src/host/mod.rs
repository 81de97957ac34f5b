//! A host: its links, its clock, the changes in its life, and its node.

mod downlink;
mod processor;
mod recipients;
pub(crate) mod seal;
mod socket;

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use norm_core::endpoint::Destination;
use norm_core::{Rng, Timestamp};
use norm_seal::{Own, SealCounters};

use crate::clock::{Clock, START};
use crate::invariants::{check_timer, is_request_to_all};
use crate::link::Direction;
use crate::node::{Machine, Outbox};
use crate::outcome::Captured;
use crate::packet::{Body, HostId, Packet, To, host_at, mix};
use crate::reference::Reference;
use crate::scenario::{Change, Role, Scenario};
use crate::switch::{Arriving, Entry, Log};

use downlink::Downlink;
use processor::Processor;
use recipients::Recipients;
pub(crate) use recipients::receiver_key;
use seal::{HostSeal, Membership, Sealing};
use socket::Socket;

/// The work space of a thread, and what the hosts that it runs have sent.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    outbox: Outbox,
    /// Packets with their send times.
    pub(crate) sent: Vec<(Timestamp, Arc<Packet>)>,
    /// Copies of them that arrive at a switch.
    pub(crate) arriving: Vec<Arriving>,
    pub(crate) captured: Vec<Captured>,
    /// Packets that have arrived at a host.
    pub(crate) deliveries: u64,
    /// Content packets that have arrived at a receiver.
    pub(crate) delivered: u64,
    /// Content packets that were lost on a host's link, counted for each receiver.
    pub(crate) lost: u64,
    /// Bytes that were lost on the way to the switch.
    pub(crate) lost_at_source: u64,
}

/// The timer of a node.
#[derive(Copy, Clone, Debug)]
struct Timer {
    /// The time that the node asked for, by its clock.
    asked: Timestamp,
    /// The true time at which the timer expires.
    due: Timestamp,
}

impl Timer {
    const NEVER: Self = Self { asked: Timestamp::MAX, due: Timestamp::MAX };
}

/// A host of a run.
pub(crate) struct Host {
    id: HostId,
    pub(crate) switch: u32,
    machine: Machine,
    alive: bool,
    /// How often it has moved.
    moves: u16,
    /// True time of the timer or of the next change, whichever is first.
    due: Timestamp,
    timer: Timer,
    down: Downlink,
    up: Direction,
    sent_count: u64,
    clock: Clock,
    rng: Rng,
    life: VecDeque<(Timestamp, Change)>,
    stalled_until: Option<Timestamp>,
    socket: Socket,
    processor: Option<Processor>,
    captures: bool,
    /// The gate of a sealed session.
    seal: Option<HostSeal>,
    /// The host is a receiving engine.
    is_receiver: bool,
    /// It has lost a NACK of another receiver, and nothing has arrived since.
    cut_off: bool,
    /// Number of receivers that miss what is lost on the way to the switch.
    audience: u64,
    /// Fingerprints of what arrived and of what was sent.
    trace: [u64; 2],
}

/// Socket buffer in bytes, where the plan does not set it.
const SOCKET_BUFFER: u32 = 1 << 20;

impl Host {
    pub(crate) fn new(scenario: &Scenario, reference: &Arc<Reference>, id: HostId) -> Self {
        let plan = &scenario.hosts[id as usize];
        let rng = |way: u64| Rng::new(mix(scenario.seed, u64::from(id) * 8 + way));
        let link = &plan.link;
        let down = Direction::new(&link.down, link.delay, rng(1));
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
            machine: Machine::new(scenario, reference, id),
            alive: false,
            moves: 0,
            due: life[0].0,
            timer: Timer::NEVER,
            down: Downlink::new(id, down),
            up: Direction::new(&link.up, link.delay_up.unwrap_or(link.delay), rng(0)),
            sent_count: 0,
            clock: plan.clock,
            rng: rng(2),
            life: life.into(),
            stalled_until: None,
            socket: plan.limits.map_or_else(
                || Socket::new(socket_buffer),
                |limits| Socket::linux(limits.socket_buffer),
            ),
            processor: plan.limits.map(|limits| Processor::new(limits, rng(3))),
            captures: false,
            seal: seal(scenario, id, rng(4)),
            is_receiver: matches!(plan.role, Role::Receiver(_)),
            cut_off: false,
            audience: reference.receivers.into(),
            trace: [0; 2],
        }
    }

    /// Records datagrams that are sent and received here.
    pub(crate) fn capture(&mut self) {
        self.captures = true;
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The shortest time to the switch.
    pub(crate) fn delay_up(&self) -> Duration {
        self.up.delay
    }

    /// The shortest time from the switch.
    pub(crate) fn delay_down(&self) -> Duration {
        self.down.delay()
    }

    /// True when the run need not wait for its node.
    pub(crate) fn is_done(&self) -> bool {
        self.machine.is_done() || (!self.alive && self.is_settled())
    }

    /// True when no change will follow.
    pub(crate) fn is_settled(&self) -> bool {
        self.life.is_empty()
    }

    /// A fingerprint of everything that arrived and was sent.
    pub(crate) fn trace(&self) -> [u64; 2] {
        self.trace
    }

    /// Number of packets that the socket has dropped.
    pub(crate) fn drops(&self) -> u64 {
        self.socket.drops()
    }

    /// Takes a packet for this host alone that has left the switch. Returns its earliest arrival.
    pub(crate) fn push(&mut self, entry: Entry) -> Timestamp {
        self.down.push(entry)
    }

    /// Runs the host up to `until`. Returns the time of its next known event.
    pub(crate) fn run(&mut self, until: Timestamp, log: &Log, turn: &mut Turn) -> Timestamp {
        let in_order = self.down.is_in_order();
        if !in_order {
            let Self { down, is_receiver, cut_off, .. } = self;
            down.take_all(log, |packet| *cut_off |= note_loss(*is_receiver, packet, turn));
        }
        loop {
            let arrival = self.down.next_arrival(log);
            let next = self.due.min(arrival);
            if next >= until {
                return next;
            }
            if self.due <= arrival {
                self.own_turn(self.due, turn);
            } else if in_order {
                self.take_from_link(arrival, log, turn);
            } else if let Some((at, packet)) = self.down.pop_delayed() {
                self.arrive(at, &packet, turn);
            }
        }
    }

    /// Takes the next packet of a link that is in order.
    fn take_from_link(&mut self, at: Timestamp, log: &Log, turn: &mut Turn) {
        let mut hold = None;
        let Some(entry) = self.down.take_next(log, &mut hold) else { return };
        if !self.alive {
            return;
        }
        if self.down.passes(entry) {
            self.arrive(at, &entry.packet, turn);
        } else {
            self.cut_off |= note_loss(self.is_receiver, &entry.packet, turn);
        }
    }

    fn arrive(&mut self, at: Timestamp, packet: &Arc<Packet>, turn: &mut Turn) {
        let elsewhere = matches!(packet.to, To::Address(_, moves) if moves != self.moves);
        if !self.alive || elsewhere {
            return;
        }
        if self.stalled_until.is_some() || self.processor.is_some() {
            if !self.socket.push(at, packet) {
                self.cut_off |= note_loss(self.is_receiver, packet, turn);
            }
            if let Some(processor) = &mut self.processor {
                processor.wake(at);
                self.set_due();
            }
            return;
        }
        self.hand_over(at, at, packet, turn);
        self.after_turn(at, turn);
    }

    /// What the gate has counted since its last start; `None` without a key.
    pub(crate) fn sealed(&self) -> Option<SealCounters> {
        self.seal.as_ref().map(HostSeal::counters)
    }

    /// Hands a packet to the node that has arrived now or before.
    fn hand_over(&mut self, at: Timestamp, arrived: Timestamp, packet: &Packet, turn: &mut Turn) {
        self.trace[0] = mix(self.trace[0] ^ at.as_nanos(), packet.fingerprint);
        self.cut_off = false;
        turn.deliveries += 1;
        turn.delivered += u64::from(self.is_receiver && packet.symbol.is_some());
        if self.captures {
            turn.captured.extend(captured(at, packet));
        }
        turn.outbox.start_turn(at.saturating_since(START));
        if self.processor.is_some() {
            turn.outbox.limit_turn(at.saturating_since(arrived));
        }
        let now = self.clock.shows(at);
        let Some(seal) = &mut self.seal else {
            return self.machine.receive(now, packet, &mut turn.outbox);
        };
        seal.set_time(now, at);
        match seal.open(now, packet) {
            Some(opened) => self.machine.receive(now, &opened, &mut turn.outbox),
            // A driver looks after its engine whatever has come.
            None => self.serve_timer(at, turn),
        }
    }

    /// The timer has expired, or a change of the host's life is due.
    fn own_turn(&mut self, at: Timestamp, turn: &mut Turn) {
        turn.outbox.start_turn(at.saturating_since(START));
        if self.processor.is_some() {
            turn.outbox.limit_turn(Duration::ZERO);
        }
        let change = self.life.front().is_some_and(|(when, _)| *when <= at);
        if change && let Some((_, change)) = self.life.pop_front() {
            self.change(at, change, turn);
        } else if let Some(until) = self.stalled_until {
            if until <= at {
                self.stalled_until = None;
                if let Some(processor) = &mut self.processor {
                    processor.resume(at);
                } else {
                    for (_, packet) in self.socket.take() {
                        self.hand_over(at, at, &packet, turn);
                    }
                }
                self.serve_timer(at, turn);
            }
        } else if self.reads_at().is_some_and(|reads| reads <= at) {
            self.read(at, turn);
        } else if self.alive {
            // A delayed timer is set again if the node still wants it.
            self.timer = Timer::NEVER;
            self.serve_timer(at, turn);
        }
        self.after_turn(at, turn);
    }

    /// When a limited processor reads the next packet.
    fn reads_at(&self) -> Option<Timestamp> {
        self.processor.as_ref().and_then(Processor::reads_at)
    }

    /// A limited processor reads one packet from the socket.
    fn read(&mut self, at: Timestamp, turn: &mut Turn) {
        let Some((arrived, packet)) = self.socket.pop() else { return };
        if let Some(processor) = &mut self.processor {
            processor.work(at);
            processor.has_read(!self.socket.is_empty());
            if processor.looks(at) {
                self.machine.set_host_drops(self.socket.drops());
            }
        }
        self.hand_over(at, arrived, &packet, turn);
    }

    fn empty_socket(&mut self) {
        self.socket.take();
        if let Some(processor) = &mut self.processor {
            processor.reset();
        }
    }

    fn change(&mut self, at: Timestamp, change: Change, turn: &mut Turn) {
        let now = self.clock.shows(at);
        match change {
            Change::Start => {
                self.alive = true;
                self.stalled_until = None;
                self.empty_socket();
                self.seal.iter_mut().for_each(HostSeal::restart);
                self.machine.start(now, &mut turn.outbox);
            }
            Change::Stop => {
                self.alive = false;
                self.stalled_until = None;
                self.empty_socket();
                self.machine.stop(now);
            }
            Change::Move => {
                self.moves = self.moves.wrapping_add(1);
                if self.alive {
                    self.machine.moved(now, &mut turn.outbox);
                }
            }
            Change::Stall(time) => self.stalled_until = Some(at + time),
        }
    }

    fn serve_timer(&mut self, at: Timestamp, turn: &mut Turn) {
        let now = self.clock.shows(at);
        if self.machine.next() <= now {
            self.machine.timeout(now, &mut turn.outbox);
        }
    }

    /// Sends the packets of the node, and sets its timer.
    fn after_turn(&mut self, at: Timestamp, turn: &mut Turn) {
        self.introduce(at, turn);
        if !turn.outbox.packets.is_empty() {
            self.send(at, turn);
            self.introduce(at, turn);
        }
        let next = self.next();
        if next != self.timer.asked {
            if self.alive && self.stalled_until.is_none() {
                check_timer(self.clock.shows(at), next, self.id);
            }
            let mut due = self.clock.reaches(next);
            if !self.clock.late.is_zero() && next != Timestamp::MAX {
                due += self.clock.late.mul_f64(self.rng.unit());
            }
            if let Some(processor) = &mut self.processor
                && next != Timestamp::MAX
                && !turn.outbox.has_more()
            {
                due += processor.latency();
            }
            self.timer = Timer { asked: next, due };
        }
        self.set_due();
    }

    /// Finds out when the host does something next by itself.
    fn set_due(&mut self) {
        let ready = self.processor.as_ref().map_or(self.timer.due, |processor| {
            let timer = processor.free_from(self.timer.due);
            processor.reads_at().map_or(timer, |reads| reads.min(timer))
        });
        let wake = self.stalled_until.unwrap_or(ready);
        self.due = self.life.front().map_or(wake, |(when, _)| wake.min(*when));
    }

    fn send(&mut self, at: Timestamp, turn: &mut Turn) {
        let mut leaving = Vec::with_capacity(turn.outbox.packets.len());
        let mut feedback_to = turn.outbox.feedback_to.drain(..);
        let mut to_sign = turn.outbox.to_sign.drain(..);
        let mut seems_from = turn.outbox.seems_from.drain(..);
        for (to, body) in turn.outbox.packets.drain(..) {
            let sealing = Sealing {
                sender: feedback_to.next().flatten(),
                to_sign: to_sign.next().unwrap_or(false),
            };
            let from = seems_from.next().flatten().unwrap_or(self.id);
            // A limited processor sends one packet after the other.
            let at = self.processor.as_mut().map_or(at, |processor| processor.work(at));
            let mut packet = Packet {
                cut_off: self.cut_off,
                from_moves: self.moves,
                ..Packet::new(from, to, body)
            };
            if let (Machine::NormSender(node), Body::Datagram(bytes)) =
                (&mut self.machine, &packet.body)
            {
                packet.symbol = node.check_sent(at.saturating_since(START), bytes);
                packet.ecn_capable = node.uses_ecn();
            }
            if let (Machine::FluteSender(node), Body::Datagram(bytes)) =
                (&mut self.machine, &packet.body)
            {
                packet.symbol = node.check_sent(at.saturating_since(START), bytes);
            }
            if let Some(seal) = &mut self.seal {
                let Some(sealed) = sealed(seal, &packet, sealing) else { continue };
                packet = sealed;
            }
            leaving.push((at, packet));
        }
        drop((feedback_to, to_sign, seems_from));
        leaving.into_iter().for_each(|(at, packet)| self.carry(at, packet, turn));
    }

    /// A packet leaves the host.
    fn carry(&mut self, at: Timestamp, packet: Packet, turn: &mut Turn) {
        if self.captures {
            turn.captured.extend(captured(at, &packet));
        }
        self.trace[1] = mix(self.trace[1] ^ at.as_nanos(), packet.fingerprint);
        let packet = Arc::new(packet);
        let Self { up, sent_count, switch, id, .. } = self;
        let copies = up.carry(at, &packet, |at, packet| {
            *sent_count += 1;
            let (switch, port, number) = (*switch, *id, *sent_count);
            turn.arriving.push(Arriving { at, switch, port, number, packet });
        });
        if copies == 0 {
            turn.lost_at_source += u64::from(packet.size);
        }
        if copies == 0 && packet.symbol.is_some() {
            turn.lost += self.audience;
        }
        turn.sent.push((at, packet));
    }

    /// Sends what the guard has to say itself, if that is due: which key signs in the session, keys
    /// of epochs, statements, challenges and their answers.
    fn introduce(&mut self, at: Timestamp, turn: &mut Turn) {
        let now = self.clock.shows(at);
        // A node that waits for nothing has ended its session.
        let is_over =
            !self.alive || !self.waits_for_keys() && (self.machine.next() == Timestamp::MAX);
        let Some(seal) = self.seal.as_mut().filter(|_| !is_over) else { return };
        seal.set_time(now, at);
        seal.change_keys(now, at);
        let own: Vec<Own> = core::iter::from_fn(|| seal.own(now)).collect();
        for Own { bytes, to } in own {
            let to = match to {
                Destination::Group => To::Group,
                Destination::Unicast(to) => match host_at(to) {
                    Some((host, moves)) => To::Address(host, moves),
                    None => continue,
                },
            };
            let packet = Packet::new(self.id, to, Body::Datagram(bytes.into()));
            self.carry(at, Packet { from_moves: self.moves, ..packet }, turn);
        }
    }

    /// True of a receiver that has heard nothing yet because it has no key.
    fn waits_for_keys(&self) -> bool {
        self.is_receiver && self.seal.as_ref().is_some_and(HostSeal::has_recipients)
    }

    /// When the node or its gate wants to wake up, by the host's clock.
    fn next(&self) -> Timestamp {
        let next = self.machine.next();
        if !self.alive || (self.machine.next() == Timestamp::MAX) && !self.waits_for_keys() {
            return Timestamp::MAX;
        }
        let own = self.seal.as_ref().and_then(HostSeal::next_own);
        own.map_or(next, |own| next.min(own))
    }
}

/// The gate of a host; `None` for those without the key.
fn seal(scenario: &Scenario, id: HostId, rng: Rng) -> Option<HostSeal> {
    let (role, is_heard) = match scenario.hosts[id as usize].role {
        Role::Sender(_) | Role::FluteSender(_) => (norm_seal::Role::Sender, false),
        Role::Receiver(_) => (norm_seal::Role::Receiver, true),
        Role::FluteReceiver(_) => (norm_seal::Role::Receiver, false),
        Role::Tcp(_) | Role::Population(_) | Role::Engine(_) | Role::Attacker(_) => return None,
    };
    let recipients = Recipients::of(scenario);
    let member = |suite| Membership { host: id, role, is_heard, suite };
    scenario.sealed.map(|suite| HostSeal::new(member(suite), recipients, rng))
}

/// A packet as it leaves the gate; `None` if it cannot be sealed.
fn sealed(seal: &mut HostSeal, packet: &Packet, sealing: Sealing) -> Option<Packet> {
    let Body::Datagram(plain) = &packet.body else { return Some(packet.clone()) };
    let body = Body::Datagram(seal.seal(plain, sealing)?);
    let Packet { from, to, from_moves, ecn_capable, cut_off, symbol, .. } = *packet;
    let plain = Some(Arc::clone(plain));
    let packet = Packet::new(from, to, body);
    Some(Packet { from_moves, ecn_capable, cut_off, symbol, plain, ..packet })
}

/// Counts content that a receiver has lost. True when it has lost a NACK of another receiver.
fn note_loss(is_receiver: bool, packet: &Packet, turn: &mut Turn) -> bool {
    turn.lost += u64::from(is_receiver && packet.symbol.is_some());
    is_receiver && is_request_to_all(packet)
}

/// The record of a packet in a capture.
pub(crate) fn captured(at: Timestamp, packet: &Packet) -> Option<Captured> {
    let Body::Datagram(payload) = &packet.body else { return None };
    let (at, payload) = (at.saturating_since(START), Arc::clone(payload));
    Some(Captured { at, from: packet.from, to: packet.to, payload })
}
