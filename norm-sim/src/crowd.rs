//! Receivers by the million: what a receiving engine would do, with a few bytes for each of them.
//!
//! A crowd stands behind one link. What is lost there, all of it loses; behind it every member loses
//! on its own. Members are real in what the sender can see: each has its own losses, its own NACK
//! cycle with the core's backoff, hears the NACKs of the others (or loses them), and asks in the
//! core's words. They are simpler where nobody can see it: symbols are counted and not kept, packets
//! come in order, timers are not rescaled when the round trip changes, and none announces itself.
//! Tests compare a crowd with as many full engines.

mod block;
mod chance;
mod timers;

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use norm_core::norm::backoff::random_backoff;
use norm_core::norm::wire::{
    Command, Extensions, FecId, Header, Message, Nack, NodeId, ObjectFlags, ObjectId,
    PayloadFormat, PayloadId, RepairFlags, RepairForm, RepairItem, RepairWriter, SenderFields,
    Sequence, WireTime,
};
use norm_core::{Rng, Timestamp};

use crate::outcome::CrowdOutcome;
use crate::packet::{Body, HostId, Node, Outbox, Packet, To, mix};
use crate::truth::Truth;

use block::Block;
use chance::Chance;
use timers::{Phase, Timers};

/// Many receivers behind one link.
#[derive(Clone, Debug, PartialEq)]
pub struct CrowdPlan {
    /// How many.
    pub receivers: u32,
    /// What each loses on its own of all that comes down, besides what the link loses for all.
    pub loss: f64,
    /// NACKs go to the sender alone, and its advertisements tell the others.
    pub unicast: bool,
    /// Time from one member to another.
    pub delay: Duration,
}

/// The sender as the crowd knows it.
#[derive(Copy, Clone, Debug)]
struct Known {
    host: HostId,
    node: NodeId,
    fields: SenderFields,
}

/// An object and a block of it.
type Place = (u16, u32);

/// A NACK on its way to the other members.
#[derive(Debug)]
struct Echo {
    at: u64,
    number: u64,
    needs: Vec<(Place, u32)>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Crowd {
    plan: CrowdPlan,
    truth: Arc<Truth>,
    loss: Chance,
    rng: Rng,
    sender: Option<Known>,
    /// By object and block.
    blocks: BTreeMap<Place, Block>,
    /// Blocks that somebody may ask for.
    wanted: Vec<Place>,
    /// The greatest place of first transmission.
    position: Place,
    timers: Timers,
    /// Requests overheard before count no more, by member.
    cleared: Vec<u64>,
    /// Blocks that were due when the member's cycle began; later ones are a cycle of their own.
    bounds: Vec<u32>,
    /// The oldest need when the member was last hushed, and how often in a row: as the engine's.
    hushed: Vec<(u32, u8)>,
    dues: u32,
    /// Blocks that each member still lacks.
    left: Vec<u32>,
    /// NACKs of our own on their way to the others.
    echoes: Vec<Echo>,
    probe: Option<(WireTime, u64)>,
    numbers: u64,
    outcome: CrowdOutcome,
}

impl Crowd {
    pub(crate) fn new(plan: &CrowdPlan, truth: Arc<Truth>, me: HostId, seed: u64) -> Self {
        let members = plan.receivers;
        let left = truth.blocks();
        Self {
            plan: plan.clone(),
            truth,
            loss: Chance::new(plan.loss),
            rng: Rng::new(seed),
            sender: None,
            blocks: BTreeMap::new(),
            wanted: Vec::new(),
            position: (0, 0),
            timers: Timers::new(members),
            cleared: vec![0; members as usize],
            bounds: vec![0; members as usize],
            hushed: vec![(0, 0); members as usize],
            dues: 0,
            left: vec![left; members as usize],
            echoes: Vec::new(),
            probe: None,
            numbers: 0,
            outcome: CrowdOutcome {
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

    pub(crate) fn outcome(&self) -> CrowdOutcome {
        self.outcome.clone()
    }

    /// Members that have everything.
    pub(crate) fn complete(&self) -> u32 {
        self.outcome.complete
    }

    fn take_data(&mut self, now: u64, packet: &Packet, flags: ObjectFlags, out: &Outbox) {
        let Some(symbol) = packet.symbol else { return };
        let layout = self.truth.of(packet.from).and_then(|t| t.layout(symbol.object.into()));
        let Some(layout) = layout else { return };
        let (place, k) = ((symbol.object, symbol.block), layout.block_len(symbol.block));
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
        let (left, due) = (&mut self.left, block.due > 0);
        let mut complete = 0;
        block.repair(members, self.loss, &mut self.rng, |member| {
            left[member as usize] -= 1;
            complete += u32::from(left[member as usize] == 0);
        });
        if due && block.needy().is_empty() {
            self.wanted.retain(|wanted| *wanted != place);
        }
        self.completed(complete, out);
    }

    fn completed(&mut self, members: u32, out: &Outbox) {
        self.outcome.complete += members;
        if members > 0 && self.outcome.complete == self.plan.receivers {
            self.outcome.completed = Some(out.elapsed);
        }
    }

    /// The first transmission has come to a place: everything before it is due.
    fn reach(&mut self, now: u64, host: HostId, place: Place, out: &Outbox) {
        if place <= self.position {
            return;
        }
        let from = self.position;
        self.position = place;
        let mut passed = Vec::new();
        for object in from.0..=place.0 {
            let blocks = self.truth.of(host).and_then(|t| t.layout(object.into()));
            let blocks = blocks.map_or(0, norm_core::fec::Layout::blocks);
            let start = if object == from.0 { from.1 } else { 0 };
            let end = if object == place.0 { place.1.min(blocks) } else { blocks };
            passed.extend((start..end).map(|block| (object, block)));
        }
        for place in passed {
            self.make_due(now, host, place, out);
        }
    }

    fn make_due(&mut self, now: u64, host: HostId, place: Place, out: &Outbox) {
        let layout = self.truth.of(host).and_then(|t| t.layout(place.0.into()));
        let Some(k) = layout.map(|layout| layout.block_len(place.1)) else { return };
        let block = self.blocks.entry(place).or_insert_with(|| Block::new(k));
        let (left, mut complete) = (&mut self.left, 0);
        self.dues += 1;
        block.make_due(self.dues, self.plan.receivers, |member| {
            left[member as usize] -= 1;
            complete += u32::from(left[member as usize] == 0);
        });
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
        let grtt = sender.fields.grtt.to_duration();
        let longest = grtt * u32::from(sender.fields.backoff);
        let group = sender.fields.group_size.to_count();
        let wait = random_backoff(longest, group, &mut self.rng) + grtt / 4;
        self.bounds[member as usize] = self.dues;
        self.timers.set(member, Phase::Backoff, now + wait.as_nanos() as u64);
    }

    /// A member's timer has run out.
    fn expire(&mut self, now: u64, member: u32, out: &mut Outbox) {
        let Some(sender) = self.sender else { return };
        let phase = core::mem::replace(&mut self.timers.phases[member as usize], Phase::Idle);
        let needs: Vec<(Place, u32)> = self
            .wanted
            .iter()
            .map(|place| (*place, self.blocks[place].need(member)))
            .filter(|(_, need)| *need > 0)
            .collect();
        if needs.is_empty() {
            return;
        }
        if phase == Phase::Holdoff {
            self.begin(now, member);
            return;
        }
        let bound = self.bounds[member as usize];
        let open = |(place, need): &(Place, u32)| {
            (!self.is_covered(member, *place, *need)).then(|| self.blocks[place].due)
        };
        let (mut covered, mut news) = (true, false);
        for due in needs.iter().filter_map(open) {
            covered &= due > bound;
            news |= due > bound;
        }
        let oldest = self.blocks[&needs[0].0].due;
        covered &= !self.is_stubborn(member, oldest, sender.fields.group_size.to_count());
        if covered && news {
            self.begin(now, member);
            return;
        }
        let grtt = sender.fields.grtt.to_duration();
        let hold = grtt * (u32::from(sender.fields.backoff) + 2);
        self.timers.set(member, Phase::Holdoff, now + hold.as_nanos() as u64);
        self.cleared[member as usize] = now;
        if covered {
            self.outcome.suppressed += 1;
        } else {
            self.hushed[member as usize] = (0, 0);
            self.ask(now, member, sender, needs, out);
        }
    }

    /// True when others have asked in vain for too long, and the member asks itself.
    fn is_stubborn(&mut self, member: u32, oldest: u32, group: u64) -> bool {
        let (before, times) = &mut self.hushed[member as usize];
        *times = if *before == oldest { times.saturating_add(1) } else { 1 };
        *before = oldest;
        let share = 4u64.saturating_pow(u32::from(*times) - 1);
        *times > 1 && self.rng.below(group.max(1)) < share
    }

    /// True when the member has heard somebody ask for as much.
    fn is_covered(&self, member: u32, place: Place, need: u32) -> bool {
        let cleared = self.cleared[member as usize];
        self.blocks[&place].heard.iter().any(|&(at, count, number)| {
            let lost = || self.loss.happens_to(mix(number, u64::from(member) + 1));
            at >= cleared && count >= need && !lost()
        })
    }

    fn ask(
        &mut self,
        now: u64,
        member: u32,
        sender: Known,
        needs: Vec<(Place, u32)>,
        out: &mut Outbox,
    ) {
        let mut requests = RepairWriter::new(1344);
        for &((object, block), need) in &needs {
            let id = PayloadId { block, block_len: 0, symbol: need };
            let item = RepairItem {
                fec_id: FecId::RAPTORQ,
                object: ObjectId(object),
                payload_id: id.encode(PayloadFormat::Block8Symbol24),
            };
            requests.push_item(RepairForm::Erasures, RepairFlags::SEGMENT, item);
        }
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

    /// NACKs that have reached the other members by now.
    fn hear(&mut self, now: u64) {
        let arrived = self.echoes.iter().take_while(|echo| echo.at <= now).count();
        for Echo { at, number, needs } in self.echoes.drain(..arrived) {
            for (place, count) in needs {
                if let Some(block) = self.blocks.get_mut(&place) {
                    block.heard.push((at, count, number));
                }
            }
        }
    }
}

impl Node for Crowd {
    fn start(&mut self, _now: Timestamp, _out: &mut Outbox) {}

    fn stop(&mut self, _now: Timestamp) {}

    fn receive(&mut self, now: Timestamp, packet: &Packet, out: &mut Outbox) {
        let Body::Datagram(bytes) = &packet.body else { return };
        let Ok((header, message)) = Message::parse(bytes) else { return };
        if self.truth.of(packet.from).is_none() {
            return;
        }
        let now = now.as_nanos();
        let know = |fields| Some(Known { host: packet.from, node: header.source, fields });
        match message {
            Message::Data(data) => {
                self.sender = know(data.sender);
                self.take_data(now, packet, data.flags, out);
            }
            Message::Cmd(cmd) => {
                self.sender = know(cmd.sender);
                match cmd.command {
                    Command::Cc(cc) => self.probe = Some((cc.send_time, now)),
                    Command::Flush(flush) => {
                        self.reach(now, packet.from, (flush.object.0 + 1, 0), out);
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
            self.hear(now);
            for member in members {
                self.expire(now, member, out);
            }
        }
    }

    fn next(&self) -> Timestamp {
        self.timers.next().map_or(Timestamp::MAX, Timestamp::from_nanos)
    }
}

impl Crowd {
    /// What the sender says that others have asked for.
    fn overhear(&mut self, now: u64, requests: norm_core::norm::wire::RepairRequests<'_>) {
        self.numbers += 1;
        for request in requests.iter() {
            if request.form != RepairForm::Erasures {
                continue;
            }
            for item in request.items.iter() {
                let Some(id) = item.payload_id.decode(PayloadFormat::Block8Symbol24) else {
                    continue;
                };
                if let Some(block) = self.blocks.get_mut(&(item.object.0, id.block)) {
                    block.heard.push((now, id.symbol, self.numbers));
                }
            }
        }
    }
}
