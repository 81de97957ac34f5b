//! A model of many receivers, with a few bytes for each. They answer membership queries, requests
//! for receive windows and watermarks, lose packets independently, and send NACKs as a group whose
//! receivers overhear one another.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use norm_core::fec::Scheme;
use norm_core::norm::backoff::random_backoff;
use norm_core::norm::wire::{
    ACK_FLUSH, ACK_WINDOW, Ack, AckFlush, AckReq, Command, Data, Extensions, Flush, Header,
    Identity, MemberReport, MemberState, MembershipQuery, Message, Nack, NodeId, NodeList,
    ObjectFlags, ObjectId, PayloadFormat, PayloadId, ReceiveWindow, RepairFlags, RepairForm,
    RepairItem, RepairWriter, Report, SenderFields, Sequence, WireTime,
};
use norm_core::{Rng, Timestamp};

/// Nanoseconds from a receiver to the sender and to the other receivers.
const DELAY: u64 = 200_000;
/// Receive window in bytes.
const WINDOW: u64 = 96 << 20;
/// Number of receivers up to which they know which symbols they lost.
const SMALL_GROUP: u32 = 10;
/// Number of losses up to which a receiver names them, as long as no parity has come.
const MAX_NAMED: usize = 5;
/// Node id of the first receiver.
const FIRST_NODE: u32 = 1000;

/// Kinds of feedback.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Report,
    Window,
    Confirmation,
    Nack,
}

/// A datagram to the sender.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Feedback {
    pub(crate) at: u64,
    number: u64,
    pub(crate) member: u32,
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Phase {
    Idle,
    Backoff,
    Holdoff,
}

/// A request that all receivers overhear.
struct Overheard {
    at: u64,
    symbols: u32,
}

/// A symbol that a member lost.
#[derive(Copy, Clone, PartialEq, Eq)]
struct Lost {
    member: u32,
    symbol: u32,
}

/// Symbols that a member lacks of a block.
struct Need {
    block: u32,
    symbols: u32,
}

/// The blocks of a transfer.
#[derive(Copy, Clone)]
pub(crate) struct Blocks {
    pub(crate) objects: u32,
    pub(crate) per_object: u32,
}

struct Block {
    /// By member: number of symbols that it lacks.
    short: Vec<i16>,
    /// Members that lack symbols.
    needy: Vec<u32>,
    /// `needy` is known.
    counted: bool,
    /// Lost symbols, in a small group.
    lost: Vec<Lost>,
    /// Number of parity symbols that came.
    parity: u32,
    overheard: Vec<Overheard>,
    /// Number of blocks that were due when this one became due; 0 before.
    due: u32,
}

/// A group of receivers of one sender.
pub(crate) struct Group {
    members: u32,
    /// 1 / ln(1 - loss), for the distance from one loss to the next.
    step: f64,
    loss: f64,
    scheme: Scheme,
    sender: NodeId,
    fields: Option<SenderFields>,
    rng: Rng,
    /// Number of blocks of an object.
    per_object: u32,
    /// By running number.
    blocks: BTreeMap<u32, Block>,
    /// The block of the first transmission.
    position: u32,
    /// Number of blocks that are due.
    dues: u32,
    /// By member: number of blocks that it lacks.
    incomplete: Vec<u32>,
    phases: Vec<Phase>,
    /// By member: number of blocks that were due when its cycle began.
    bounds: Vec<u32>,
    /// By member: requests that were overheard before this time count no more.
    cleared: Vec<u64>,
    timers: BinaryHeap<Reverse<(u64, u32)>>,
    outbox: BinaryHeap<Reverse<Feedback>>,
    numbers: u64,
    probe: Option<(WireTime, u64)>,
}

impl Group {
    pub(crate) fn new(
        members: u32,
        loss: f64,
        scheme: Scheme,
        sender: NodeId,
        blocks: Blocks,
    ) -> Self {
        let each = members as usize;
        Self {
            members,
            step: 1.0 / (-loss).ln_1p(),
            loss,
            scheme,
            sender,
            fields: None,
            rng: Rng::new(7),
            per_object: blocks.per_object,
            blocks: BTreeMap::new(),
            position: 0,
            dues: 0,
            incomplete: vec![blocks.objects * blocks.per_object; each],
            phases: vec![Phase::Idle; each],
            bounds: vec![0; each],
            cleared: vec![0; each],
            timers: BinaryHeap::new(),
            outbox: BinaryHeap::new(),
            numbers: 0,
            probe: None,
        }
    }

    /// Time of the next event.
    pub(crate) fn next(&self) -> Option<u64> {
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let feedback = self.outbox.peek().map(|Reverse(feedback)| feedback.at);
        timer.into_iter().chain(feedback).min()
    }

    /// A datagram that has arrived at the sender.
    pub(crate) fn arrived(&mut self, now: u64) -> Option<Feedback> {
        let due = self.outbox.peek().is_some_and(|Reverse(feedback)| feedback.at <= now);
        if due { self.outbox.pop().map(|Reverse(feedback)| feedback) } else { None }
    }

    pub(crate) fn run_timers(&mut self, now: u64) {
        while let Some(&Reverse((at, member))) = self.timers.peek()
            && at <= now
        {
            self.timers.pop();
            self.expire(at, member);
        }
    }

    /// Takes a packet of the sender.
    pub(crate) fn observe(&mut self, now: u64, packet: &[u8]) {
        let (_, message) = Message::parse(packet).expect("the sender's packets can be parsed");
        match message {
            Message::Data(data) => self.take_data(now, &data),
            Message::Cmd(cmd) => {
                self.fields = Some(cmd.sender);
                match cmd.command {
                    Command::Cc(cc) => self.probe = Some((cc.send_time, now)),
                    Command::Application(command) => self.take_query(now, command.content),
                    Command::AckReq(request) => self.take_request(now, &request),
                    Command::Flush(flush) => self.take_flush(now, &flush),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn format(&self) -> PayloadFormat {
        self.scheme.payload_format()
    }

    fn spread(&mut self, longest: Duration) -> u64 {
        (self.rng.unit() * longest.as_nanos() as f64) as u64
    }

    fn response(&self, now: u64) -> WireTime {
        self.probe.map_or(WireTime::ZERO, |(sent, at)| {
            WireTime::from_nanos(sent.to_nanos() + now.saturating_sub(at))
        })
    }

    fn send(&mut self, now: u64, member: u32, kind: Kind, message: &Message<'_>) {
        let mut bytes = Vec::new();
        let source = NodeId(FIRST_NODE + member);
        message.emit(Header { sequence: Sequence(0), source }, &mut bytes);
        self.numbers += 1;
        let (at, number) = (now + DELAY, self.numbers);
        self.outbox.push(Reverse(Feedback { at, number, member, kind, bytes }));
    }

    fn take_query(&mut self, now: u64, content: &[u8]) {
        let Some(MembershipQuery::Query { round, window_ms, send_time, .. }) =
            MembershipQuery::parse(content)
        else {
            return;
        };
        self.probe = Some((send_time, now));
        let instance = self.fields.expect("it came with the query").instance;
        for member in 0..self.members {
            let at = now + self.spread(Duration::from_millis(window_ms.into()));
            let mut content = Vec::new();
            let report = MemberReport {
                sender: self.sender,
                instance,
                round,
                grtt_response: self.response(at),
                identity: Identity((u128::from(member) + 1).to_be_bytes()),
                state: MemberState::Receiving,
                bytes_done: 1 << 20,
                bytes_total: 1 << 30,
                loss: 655,
                drops: 0,
                ce_marked: 0,
                largest_heard: 1500,
                name: "receiver.example",
                reason: "",
            };
            report.emit(&mut content);
            let report = Report { extensions: Extensions::EMPTY, content: &content };
            self.send(at, member, Kind::Report, &Message::Report(report));
        }
    }

    fn listed(&self, list: NodeList<'_>) -> Vec<u32> {
        list.iter().map(|node| node.0 - FIRST_NODE).filter(|m| *m < self.members).collect()
    }

    fn acknowledge(&mut self, now: u64, member: u32, ack_type: u8, ack_id: u8, payload: &[u8]) {
        let kind = if ack_type == ACK_WINDOW { Kind::Window } else { Kind::Confirmation };
        let ack = Ack {
            sender: self.sender,
            instance: self.fields.expect("it came with the request").instance,
            ack_type,
            ack_id,
            grtt_response: self.response(now),
            extensions: Extensions::EMPTY,
            payload,
        };
        self.send(now, member, kind, &Message::Ack(ack));
    }

    fn take_request(&mut self, now: u64, request: &AckReq<'_>) {
        assert_eq!(request.ack_type, ACK_WINDOW, "the sender asks for nothing else");
        let mut payload = Vec::new();
        ReceiveWindow { bytes: WINDOW, burst: 4 << 20 }.emit(&mut payload);
        for member in self.listed(request.acking) {
            self.acknowledge(now, member, ACK_WINDOW, request.ack_id, &payload);
        }
    }

    fn take_flush(&mut self, now: u64, flush: &Flush<'_>) {
        self.reach(now, u32::MAX);
        let mut payload = Vec::new();
        let (fec_id, object, payload_id) = (flush.fec_id, flush.object, flush.payload_id);
        AckFlush { fec_id, reserved: 0, object, payload_id }.emit(&mut payload);
        let grtt = self.fields.expect("it came with the flush").grtt.to_duration();
        for member in self.listed(flush.acking) {
            if self.incomplete[member as usize] == 0 {
                let at = now + self.spread(grtt);
                self.acknowledge(at, member, ACK_FLUSH, 0, &payload);
            }
        }
    }

    fn take_data(&mut self, now: u64, data: &Data<'_>) {
        self.fields = Some(data.sender);
        let id = data.payload_id.decode(self.format()).expect("the sender's own format");
        let number = u32::from(data.object.0) * self.per_object + id.block;
        let repair = data.flags.contains(ObjectFlags::REPAIR);
        if !repair {
            self.reach(now, number);
        } else if !self.blocks.contains_key(&number) {
            return; // no member needs it any more
        }
        let members = self.members;
        let block = self.blocks.entry(number).or_insert_with(|| Block {
            short: vec![0; members as usize],
            needy: Vec::new(),
            counted: false,
            lost: Vec::new(),
            parity: 0,
            overheard: Vec::new(),
            due: 0,
        });
        if !repair {
            let mut member = skip(&mut self.rng, self.step);
            while member < f64::from(members) {
                block.short[member as usize] += 1;
                if members <= SMALL_GROUP {
                    block.lost.push(Lost { member: member as u32, symbol: id.symbol });
                }
                member += 1.0 + skip(&mut self.rng, self.step);
            }
            return;
        }
        block.count(&mut self.incomplete);
        let resent = block.lost.iter().any(|lost| lost.symbol == id.symbol);
        let (rng, incomplete, loss) = (&mut self.rng, &mut self.incomplete, self.loss);
        let (short, lost) = (&mut block.short, &mut block.lost);
        block.parity += u32::from(!resent);
        block.needy.retain(|&member| {
            let this = Lost { member, symbol: id.symbol };
            let helps = !resent || lost.contains(&this);
            if !helps || rng.unit() < loss {
                return true;
            }
            lost.retain(|entry| *entry != this);
            short[member as usize] -= 1;
            let whole = short[member as usize] == 0;
            incomplete[member as usize] -= u32::from(whole);
            !whole
        });
        if block.needy.is_empty() && block.due > 0 {
            self.blocks.remove(&number);
        }
    }

    /// The first transmission has come to a block: those before it are due.
    fn reach(&mut self, now: u64, block: u32) {
        if block <= self.position {
            return;
        }
        let passed: Vec<u32> = self.blocks.range(self.position..block).map(|(&b, _)| b).collect();
        self.position = block;
        for number in passed {
            self.dues += 1;
            let Some(block) = self.blocks.get_mut(&number) else { continue };
            block.count(&mut self.incomplete);
            block.due = self.dues;
            let needy = block.needy.clone();
            if needy.is_empty() {
                self.blocks.remove(&number);
            }
            for member in needy {
                if self.phases[member as usize] == Phase::Idle {
                    self.begin(now, member);
                }
            }
        }
    }

    fn begin(&mut self, now: u64, member: u32) {
        let fields = self.fields.expect("content came before");
        let grtt = fields.grtt.to_duration();
        let longest = grtt * u32::from(fields.backoff);
        let wait = random_backoff(longest, fields.group_size.to_count(), &mut self.rng) + grtt / 4;
        self.bounds[member as usize] = self.dues;
        self.phases[member as usize] = Phase::Backoff;
        self.timers.push(Reverse((now + wait.as_nanos() as u64, member)));
    }

    fn expire(&mut self, now: u64, member: u32) {
        let index = member as usize;
        let phase = std::mem::replace(&mut self.phases[index], Phase::Idle);
        let due = self.blocks.iter().filter(|(_, block)| block.due > 0);
        let needs: Vec<Need> = due
            .map(|(&n, block)| Need { block: n, symbols: block.short[index].max(0) as u32 })
            .filter(|need| need.symbols > 0)
            .collect();
        if needs.is_empty() {
            return;
        }
        if phase == Phase::Holdoff {
            return self.begin(now, member);
        }
        let (cleared, bound) = (self.cleared[index], self.bounds[index]);
        let is_covered = |need: &&Need| {
            self.blocks[&need.block].overheard.iter().any(|request| {
                (cleared..=now).contains(&request.at) && request.symbols >= need.symbols
            })
        };
        let open = needs.iter().filter(|need| !is_covered(need));
        let open: Vec<u32> = open.map(|need| self.blocks[&need.block].due).collect();
        if !open.is_empty() && open.iter().all(|due| *due > bound) {
            return self.begin(now, member);
        }
        let fields = self.fields.expect("content came before");
        let hold = fields.grtt.to_duration() * (u32::from(fields.backoff) + 2);
        self.phases[index] = Phase::Holdoff;
        self.timers.push(Reverse((now + hold.as_nanos() as u64, member)));
        self.cleared[index] = now;
        if !open.is_empty() {
            self.ask(now, member, &needs);
        }
    }

    fn ask(&mut self, now: u64, member: u32, needs: &[Need]) {
        let mut requests = RepairWriter::new(1344);
        for need in needs {
            self.write(now, member, need, &mut requests);
        }
        let nack = Nack {
            sender: self.sender,
            instance: self.fields.expect("content came before").instance,
            reserved: 0,
            grtt_response: self.response(now),
            extensions: Extensions::EMPTY,
            requests: requests.as_requests(),
        };
        self.send(now, member, Kind::Nack, &Message::Nack(nack));
    }

    /// Writes the request for a block, which the others overhear.
    fn write(&mut self, now: u64, member: u32, need: &Need, requests: &mut RepairWriter) {
        let block = self.blocks.get_mut(&need.block).expect("a block that is due");
        block.overheard.push(Overheard { at: now + DELAY, symbols: need.symbols });
        let (fec_id, format) = (self.scheme.fec_id(), self.scheme.payload_format());
        let (object, number) = (need.block / self.per_object, need.block % self.per_object);
        let item = |symbol| {
            let payload_id = PayloadId { block: number, block_len: 0, symbol }.encode(format);
            RepairItem { fec_id, object: ObjectId(object as u16), payload_id }
        };
        let flags = RepairFlags::SEGMENT;
        let own = block.lost.iter().filter(|lost| lost.member == member);
        let own: Vec<u32> = own.map(|lost| lost.symbol).collect();
        let unnamed = own.is_empty() || block.parity > 0;
        match self.scheme {
            Scheme::ReedSolomon(code) if unnamed || own.len() > MAX_NAMED => {
                let max = u32::from(code.parity());
                let first = block.parity.min(max - need.symbols.min(max));
                let first = u32::from(code.block_len()) + first;
                requests.push_range(flags, item(first), item(first + need.symbols - 1));
            }
            _ if unnamed => {
                requests.push_item(RepairForm::Erasures, flags, item(need.symbols));
            }
            _ => {
                for symbol in own {
                    requests.push_item(RepairForm::Items, flags, item(symbol));
                }
            }
        }
    }
}

impl Block {
    /// Finds the members that lack symbols, once.
    fn count(&mut self, incomplete: &mut [u32]) {
        if std::mem::replace(&mut self.counted, true) {
            return;
        }
        for (member, incomplete) in (0..).zip(incomplete) {
            if self.short[member as usize] > 0 {
                self.needy.push(member);
            } else {
                *incomplete -= 1;
            }
        }
    }
}

/// Number of members before the next one that loses a packet.
fn skip(rng: &mut Rng, step: f64) -> f64 {
    ((-rng.unit()).ln_1p() * step).floor()
}

/// A time of the engine.
pub(crate) fn timestamp(at: u64) -> Timestamp {
    Timestamp::from_nanos(at)
}
