//! A population: a statistical model of many receivers, with a few bytes for each of them.
//!
//! All members share one link, and what is lost on it is lost for all of them. After it each member
//! loses packets independently. In all that the sender can observe, members act as receivers: each
//! has its own losses and its own NACK cycle with the core's backoff, receives the NACKs of the
//! others (or loses them), and asks with the core's messages. They are simpler where the sender
//! cannot observe it: symbols are counted and not kept, packets come in order, timers are not
//! rescaled when the round trip changes, and no member announces itself. Tests compare a population
//! with as many full engines.

mod block;
mod chance;
mod timers;

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use norm_core::fec::Layout;
use norm_core::norm::backoff::random_backoff;
use norm_core::norm::wire::{
    Command, Extensions, FecId, Header, Message, Nack, NodeId, ObjectFlags, ObjectId,
    PayloadFormat, PayloadId, RepairFlags, RepairForm, RepairItem, RepairRequests, RepairWriter,
    SenderFields, Sequence, WireTime,
};
use norm_core::{Rng, Timestamp};

use super::contract::{Node, Outbox};
use crate::outcome::PopulationOutcome;
use crate::packet::{Body, HostId, Packet, To, mix};
use crate::reference::Reference;
use crate::scenario::PopulationPlan;

use block::{Block, Overheard};
use chance::Chance;
use timers::{Phase, Timers};

/// What the population knows of the sender.
#[derive(Copy, Clone, Debug)]
struct Sender {
    host: HostId,
    node: NodeId,
    fields: SenderFields,
}

impl Sender {
    fn grtt(&self) -> Duration {
        self.fields.grtt.to_duration()
    }

    fn backoff(&self) -> u32 {
        self.fields.backoff.into()
    }

    fn group_size(&self) -> u64 {
        self.fields.group_size.to_count()
    }
}

/// A block of an object, in the order of first transmission.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    object: u16,
    block: u32,
}

/// Symbols that a member lacks of a block.
#[derive(Copy, Clone, Debug)]
struct Need {
    place: Place,
    symbols: u32,
}

/// A NACK in transit to the other members.
#[derive(Debug)]
struct Echo {
    at: u64,
    number: u64,
    needs: Vec<Need>,
}

/// How often in a row a member was suppressed while the same symbols of a block were its oldest
/// need.
#[derive(Copy, Clone, Debug, Default)]
struct Suppressions {
    /// When the block was due, and how many symbols were missing.
    oldest: (u32, u32),
    count: u8,
    /// NACKs that were sent since.
    sent: u8,
}

/// See the suppression guard of an engine.
const MAX_DOUBLINGS: u8 = 4;

/// A population of receivers of one sender.
#[derive(Debug)]
pub(crate) struct Population {
    plan: PopulationPlan,
    reference: Arc<Reference>,
    loss: Chance,
    rng: Rng,
    sender: Option<Sender>,
    blocks: BTreeMap<Place, Block>,
    /// Blocks that members may ask for.
    wanted: Vec<Place>,
    /// Position of the first transmission.
    position: Place,
    timers: Timers,
    /// By member: requests that were overheard before this time count no more.
    cleared: Vec<u64>,
    /// By member: number of blocks that were due when its cycle began. Later blocks get a cycle of
    /// their own.
    bounds: Vec<u32>,
    /// By member, as the suppression guard of an engine has it.
    suppressions: Vec<Suppressions>,
    /// Number of blocks that are due.
    dues: u32,
    /// By member: number of blocks that it still lacks.
    incomplete: Vec<u32>,
    echoes: Vec<Echo>,
    /// Send time of the last CMD(CC), and when it arrived.
    probe: Option<(WireTime, u64)>,
    /// Number of NACKs sent and overheard.
    numbers: u64,
    outcome: PopulationOutcome,
}

impl Population {
    pub(crate) fn new(
        plan: &PopulationPlan,
        reference: Arc<Reference>,
        me: HostId,
        seed: u64,
    ) -> Self {
        let members = plan.receivers;
        let blocks = reference.blocks();
        Self {
            plan: plan.clone(),
            reference,
            loss: Chance::new(plan.loss),
            rng: Rng::new(seed),
            sender: None,
            blocks: BTreeMap::new(),
            wanted: Vec::new(),
            position: Place::default(),
            timers: Timers::new(members),
            cleared: vec![0; members as usize],
            bounds: vec![0; members as usize],
            suppressions: vec![Suppressions::default(); members as usize],
            dues: 0,
            incomplete: vec![blocks; members as usize],
            echoes: Vec::new(),
            probe: None,
            numbers: 0,
            outcome: PopulationOutcome {
                host: me,
                receivers: members,
                complete: 0,
                completed: None,
                nacks: 0,
                nack_bytes: 0,
                suppressed: 0,
            },
        }
    }

    pub(crate) fn outcome(&self) -> PopulationOutcome {
        self.outcome.clone()
    }

    /// Number of members that have all objects.
    pub(crate) fn complete(&self) -> u32 {
        self.outcome.complete
    }

    fn take_data(&mut self, now: u64, packet: &Packet, flags: ObjectFlags, out: &Outbox) {
        let Some(symbol) = packet.symbol else { return };
        let layout =
            self.reference.of(packet.from).and_then(|sent| sent.layout(symbol.object.into()));
        let Some(layout) = layout else { return };
        let place = Place { object: symbol.object, block: symbol.block };
        let k = layout.block_len(symbol.block);
        let first = !flags.contains(ObjectFlags::REPAIR) && symbol.symbol < k;
        if first {
            self.reach(now, packet.from, place, out);
        }
        let members = self.plan.receivers;
        let block = self.blocks.entry(place).or_insert_with(|| Block::new(k));
        if first {
            block.source(members, self.loss, &mut self.rng);
            return;
        }
        let mut tally = Tally { incomplete: &mut self.incomplete, complete: 0 };
        block.repair(members, self.loss, &mut self.rng, |member| tally.has_block(member));
        let complete = tally.complete;
        if block.due > 0 && block.needy().is_empty() {
            self.wanted.retain(|wanted| *wanted != place);
        }
        self.completed(complete, out);
    }

    fn completed(&mut self, members: u32, out: &Outbox) {
        self.outcome.complete += members;
        if members > 0 && self.outcome.complete == self.plan.receivers {
            self.outcome.completed = Some(out.elapsed());
        }
    }

    /// The first transmission has come to a place: all blocks before it are due.
    fn reach(&mut self, now: u64, host: HostId, place: Place, out: &Outbox) {
        if place <= self.position {
            return;
        }
        let from = self.position;
        self.position = place;
        let mut passed = Vec::new();
        for object in from.object..=place.object {
            let layout = self.reference.of(host).and_then(|sent| sent.layout(object.into()));
            let blocks = layout.as_ref().map_or(0, Layout::blocks);
            let start = if object == from.object { from.block } else { 0 };
            let end = if object == place.object { place.block.min(blocks) } else { blocks };
            passed.extend((start..end).map(|block| Place { object, block }));
        }
        for place in passed {
            self.make_due(now, host, place, out);
        }
    }

    fn make_due(&mut self, now: u64, host: HostId, place: Place, out: &Outbox) {
        let layout = self.reference.of(host).and_then(|sent| sent.layout(place.object.into()));
        let Some(k) = layout.map(|layout| layout.block_len(place.block)) else { return };
        let block = self.blocks.entry(place).or_insert_with(|| Block::new(k));
        self.dues += 1;
        let mut tally = Tally { incomplete: &mut self.incomplete, complete: 0 };
        block.make_due(self.dues, self.plan.receivers, |member| tally.has_block(member));
        let complete = tally.complete;
        let needy = block.needy().to_vec();
        if !needy.is_empty() {
            self.wanted.push(place);
        }
        self.completed(complete, out);
        for member in needy {
            if self.timers.phases[member as usize] == Phase::Idle {
                self.begin(now, member);
            }
        }
    }

    /// Begins a NACK cycle.
    fn begin(&mut self, now: u64, member: u32) {
        let Some(sender) = self.sender else { return };
        let longest = sender.grtt() * sender.backoff();
        let backoff = random_backoff(longest, sender.group_size(), &mut self.rng);
        let wait = backoff + sender.grtt() / 4;
        self.bounds[member as usize] = self.dues;
        self.timers.set(member, Phase::Backoff, now + wait.as_nanos() as u64);
    }

    /// A member's timer has run out.
    fn expire(&mut self, now: u64, member: u32, out: &mut Outbox) {
        let Some(sender) = self.sender else { return };
        let phase = core::mem::replace(&mut self.timers.phases[member as usize], Phase::Idle);
        let need = |&place: &Place| Need { place, symbols: self.blocks[&place].need(member) };
        let needs: Vec<Need> =
            self.wanted.iter().map(need).filter(|need| need.symbols > 0).collect();
        if needs.is_empty() {
            return;
        }
        if phase == Phase::Holdoff {
            self.begin(now, member);
            return;
        }
        let bound = self.bounds[member as usize];
        let uncovered = needs.iter().filter(|need| !self.is_covered(member, need));
        let dues: Vec<u32> = uncovered.map(|need| self.blocks[&need.place].due).collect();
        let mut covered = dues.iter().all(|due| *due > bound);
        let oldest = (self.blocks[&needs[0].place].due, needs[0].symbols);
        covered &= !self.ends_suppression(member, oldest, sender.group_size());
        if covered && !dues.is_empty() {
            self.begin(now, member);
            return;
        }
        let hold = sender.grtt() * (sender.backoff() + 2);
        self.timers.set(member, Phase::Holdoff, now + hold.as_nanos() as u64);
        self.cleared[member as usize] = now;
        if covered {
            self.outcome.suppressed += 1;
        } else {
            let last = &mut self.suppressions[member as usize];
            *last = Suppressions { count: 0, sent: last.sent.saturating_add(1), ..*last };
            self.ask(now, member, sender, needs, out);
        }
    }

    /// True when suppression has brought no repair for too long, and the member asks itself.
    fn ends_suppression(&mut self, member: u32, oldest: (u32, u32), group: u64) -> bool {
        let last = &mut self.suppressions[member as usize];
        if last.oldest != oldest {
            *last = Suppressions { oldest, ..Suppressions::default() };
        }
        last.count = last.count.saturating_add(1);
        let accepted = 1 << last.sent.min(MAX_DOUBLINGS);
        let share = 4u64.saturating_pow(last.count.saturating_sub(accepted).into());
        last.count > accepted && self.rng.below(group.max(1)) < share
    }

    /// True when the member has overheard a request for as much.
    fn is_covered(&self, member: u32, need: &Need) -> bool {
        let cleared = self.cleared[member as usize];
        self.blocks[&need.place].overheard.iter().any(|request| {
            let lost = || self.loss.happens_to(mix(request.number, u64::from(member) + 1));
            request.at >= cleared && request.symbols >= need.symbols && !lost()
        })
    }

    fn ask(&mut self, now: u64, member: u32, sender: Sender, needs: Vec<Need>, out: &mut Outbox) {
        let requests = write_requests(&needs);
        let grtt_response = self.probe.map_or(WireTime::ZERO, |(sent, at)| {
            WireTime::from_nanos(sent.to_nanos() + (now - at))
        });
        let nack = Message::Nack(Nack {
            sender: sender.node,
            instance: sender.fields.instance,
            reserved: 0,
            grtt_response,
            extensions: Extensions::EMPTY,
            requests: requests.as_requests(),
        });
        let mut bytes = Vec::new();
        let node = NodeId(member.wrapping_add(1000));
        nack.emit(Header { sequence: Sequence(self.numbers as u16), source: node }, &mut bytes);
        let to = if self.plan.unicast { To::Host(sender.host) } else { To::Group };
        out.send(to, &bytes);
        self.outcome.nacks += 1;
        self.outcome.nack_bytes += bytes.len() as u64;
        self.numbers += 1;
        if !self.plan.unicast {
            let at = now + self.plan.delay.as_nanos() as u64;
            self.echoes.push(Echo { at, number: self.numbers, needs });
        }
    }

    /// Takes NACKs that have reached the other members by now.
    fn take_echoes(&mut self, now: u64) {
        let arrived = self.echoes.iter().take_while(|echo| echo.at <= now).count();
        for Echo { at, number, needs } in self.echoes.drain(..arrived) {
            for Need { place, symbols } in needs {
                if let Some(block) = self.blocks.get_mut(&place) {
                    block.overheard.push(Overheard { at, symbols, number });
                }
            }
        }
    }

    /// Takes the requests that the sender advertises.
    fn overhear(&mut self, now: u64, requests: RepairRequests<'_>) {
        self.numbers += 1;
        for request in requests.iter() {
            if request.form != RepairForm::Erasures {
                continue;
            }
            for item in request.items.iter() {
                let Some(id) = item.payload_id.decode(PayloadFormat::Block8Symbol24) else {
                    continue;
                };
                let place = Place { object: item.object.0, block: id.block };
                if let Some(block) = self.blocks.get_mut(&place) {
                    let number = self.numbers;
                    block.overheard.push(Overheard { at: now, symbols: id.symbol, number });
                }
            }
        }
    }
}

/// The requests of a NACK.
fn write_requests(needs: &[Need]) -> RepairWriter {
    let mut requests = RepairWriter::new(1344);
    for &Need { place, symbols } in needs {
        let id = PayloadId { block: place.block, block_len: 0, symbol: symbols };
        let item = RepairItem {
            fec_id: FecId::RAPTORQ,
            object: ObjectId(place.object),
            payload_id: id.encode(PayloadFormat::Block8Symbol24),
        };
        requests.push_item(RepairForm::Erasures, RepairFlags::SEGMENT, item);
    }
    requests
}

/// Counts members that have got their last block.
struct Tally<'a> {
    /// By member: number of blocks that it lacks.
    incomplete: &'a mut [u32],
    complete: u32,
}

impl Tally<'_> {
    fn has_block(&mut self, member: u32) {
        let left = &mut self.incomplete[member as usize];
        *left -= 1;
        self.complete += u32::from(*left == 0);
    }
}

impl Node for Population {
    fn start(&mut self, _now: Timestamp, _out: &mut Outbox) {}

    fn stop(&mut self, _now: Timestamp) {}

    fn receive(&mut self, now: Timestamp, packet: &Packet, out: &mut Outbox) {
        let Body::Datagram(bytes) = &packet.body else { return };
        let Ok((header, message)) = Message::parse(bytes) else { return };
        if self.reference.of(packet.from).is_none() {
            return;
        }
        let now = now.as_nanos();
        let sender = |fields| Some(Sender { host: packet.from, node: header.source, fields });
        match message {
            Message::Data(data) => {
                self.sender = sender(data.sender);
                self.take_data(now, packet, data.flags, out);
            }
            Message::Cmd(cmd) => {
                self.sender = sender(cmd.sender);
                match cmd.command {
                    Command::Cc(cc) => self.probe = Some((cc.send_time, now)),
                    Command::Flush(flush) => {
                        let end = Place { object: flush.object.0 + 1, block: 0 };
                        self.reach(now, packet.from, end, out);
                    }
                    Command::RepairAdv(adv) => self.overhear(now, adv.requests),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn timeout(&mut self, now: Timestamp, out: &mut Outbox) {
        let now = now.as_nanos();
        while let Some(members) = self.timers.take(now) {
            self.take_echoes(now);
            for member in members {
                self.expire(now, member, out);
            }
        }
    }

    fn next(&self) -> Timestamp {
        self.timers.next().map_or(Timestamp::MAX, Timestamp::from_nanos)
    }
}
