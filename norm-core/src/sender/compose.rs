//! Writes packets into the driver's buffer.

use core::time::Duration;

use super::Sender;
use super::objects::SendObject;
use super::session::{EOT_COUNT, EOT_COUNT_LOSSY, LOSSY};
use crate::bits::Bits;
use crate::endpoint::{Destination, Transmit, TransmitBuf};
use crate::fec::Scheme;
use crate::time::Timestamp;
use crate::wire::{
    AckReq, Application, Cc, CcNodes, Cmd, Command, Data, Eot, ExtensionBuf, Extensions, FecId,
    Flush, Header, Identity, Info, Message, NodeId, NodeList, ObjectFlags, ObjectId, ObjectList,
    PayloadFormat, PayloadId, QuantizedGroupSize, QuantizedRate, REPAIR_ADV_LIMIT, RawPayloadId,
    RepairAdv, RepairFlags, RepairForm, RepairItem, RepairWriter, RollCall, SenderFields, Sequence,
    Squelch, WireTime, encode_cc_nodes, encode_nodes,
};

/// Header bytes of the longest DATA message: common part, payload id, EXT_FTI. FEC encoding id 129
/// has 4 more in the payload id.
pub const DATA_OVERHEAD: usize = 16 + 4 + 16;

/// Commands that answer something and go before everything else.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Urgent {
    /// Objects before this one, or this one, cannot be repaired.
    Squelch,
    /// What is being repaired, for receivers that cannot hear each other.
    RepairAdv,
    /// Two receivers share a node id.
    Collision { node: NodeId, keeper: Identity },
    /// A receiver has to go.
    Eject { node: NodeId },
}

/// Before anybody was heard, receivers assume the RFC's group size.
const UNKNOWN_GROUP: u64 = 10_000;
/// A group this small needs no suppression to speak of.
const SMALL_GROUP: u64 = 10;
/// The rate in bits per second that is told when there is no limit.
const UNLIMITED: u64 = 100_000_000_000;
/// While receivers are still announcing themselves, there are at least this many.
const UNCOUNTED_GROUP: u64 = 50;

impl Sender {
    /// The RFC's K: more backoff for larger groups, none for a single receiver, and more still where
    /// receivers hear each other only through our advertisements (RFC 5740 §5.4.4).
    pub(super) fn backoff(&self) -> u8 {
        self.config.backoff.unwrap_or(match self.group_size() {
            1 => 0,
            2..=SMALL_GROUP => 1,
            _ if self.session.unicast => 6,
            _ => 4,
        })
    }

    /// Receivers that suppression reckons with. Those heard so far are few of many until two roll
    /// calls have brought nobody new, or all are there that the sender was to wait for.
    pub(super) fn group_size(&self) -> u64 {
        let expected = self.config.min_receivers;
        self.config.group_size.unwrap_or(match self.members.len() as u64 {
            0 => UNKNOWN_GROUP,
            heard if self.session.is_counted() => heard,
            heard if expected > 0 && heard >= expected as u64 && !self.is_streaming() => heard,
            heard => heard.max(UNCOUNTED_GROUP),
        })
    }

    /// A stream is sent. It keeps its blocks for three cycles only, so it begins with long ones.
    fn is_streaming(&self) -> bool {
        self.objects.get(self.cursor.key).is_some_and(|object| object.stream.is_some())
    }

    /// So large a group that NACKs are to be spared.
    pub(super) fn is_large(&self) -> bool {
        self.group_size() > SMALL_GROUP
    }

    /// How long requests are gathered: until the last receiver's NACK would be here.
    pub(super) fn gather_time(&self) -> Duration {
        let alone = self.group_size() <= 1 && self.backoff() == 0;
        if alone { Duration::ZERO } else { self.grtt.get() * (u32::from(self.backoff()) + 1) }
    }

    fn sender_fields(&self) -> SenderFields {
        SenderFields {
            instance: self.instance,
            grtt: self.grtt.advertised(),
            backoff: self.backoff(),
            group_size: QuantizedGroupSize::from_count(self.group_size()),
        }
    }

    pub(super) fn fec_id(&self) -> FecId {
        self.config.scheme.fec_id()
    }

    pub(super) fn payload_format(&self) -> PayloadFormat {
        self.config.scheme.payload_format()
    }

    /// Names a symbol of a block of an object; the block's length travels with FEC id 129 only.
    fn payload_id(&self, object: &SendObject, block: u32, symbol: u32) -> RawPayloadId {
        let block_len = object.block_len(block) as u16;
        // A stream's block numbers wrap.
        let block = block & self.payload_format().max_block();
        PayloadId { block, block_len, symbol }.encode(self.payload_format())
    }

    /// Bytes of the longest DATA message.
    pub(super) fn packet_size(&self) -> usize {
        let ids = self.payload_format().len() - PayloadFormat::Block8Symbol24.len();
        usize::from(self.config.segment_size) + DATA_OVERHEAD + ids
    }

    fn header(&mut self) -> Header {
        let sequence = self.sequence;
        self.sequence = Sequence(sequence.0.wrapping_add(1));
        Header { sequence, source: self.config.node }
    }

    fn emit(&mut self, message: &Message<'_>, out: &mut TransmitBuf) -> Transmit {
        let header = self.header();
        message.emit(header, &mut out.bytes);
        Transmit { destination: Destination::Group, segment_size: out.bytes.len() }
    }

    pub(super) fn emit_command(&mut self, command: Command<'_>, out: &mut TransmitBuf) -> Transmit {
        self.stats.commands += 1;
        let sender = self.sender_fields();
        let message = Message::Cmd(Cmd { sender, extensions: Extensions::EMPTY, command });
        self.emit(&message, out)
    }

    pub(super) fn send_info(
        &mut self,
        key: u64,
        extra: ObjectFlags,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let object = self.objects.get(key)?;
        let payload = object.info.clone()?;
        let mut extensions = ExtensionBuf::new();
        extensions.push_fti(&object.fti());
        let message = Message::Info(Info {
            sender: self.sender_fields(),
            flags: object.flags.with(extra),
            fec_id: self.fec_id(),
            object: object.id(),
            extensions: extensions.as_extensions(),
            payload: &payload,
        });
        Some(self.emit(&message, out))
    }

    /// Sends source symbols of one block as equal segments; a short one must come last.
    pub(super) fn send_source(
        &mut self,
        number: u64,
        ids: impl IntoIterator<Item = u32>,
        source: &[u8],
        flags: ObjectFlags,
        fti: bool,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let size = usize::from(self.config.segment_size);
        let symbols = ids.into_iter().filter_map(|id| {
            let start = id as usize * size;
            Some((id, source.get(start..source.len().min(start + size))?))
        });
        self.send_data(number, symbols, flags, fti, out)
    }

    /// Sends coded symbols `first..first + count`, which lie in `symbols` from index `offset` on.
    #[expect(clippy::too_many_arguments, reason = "a run of symbols is described by these")]
    pub(super) fn send_symbols(
        &mut self,
        number: u64,
        first: u32,
        symbols: &[u8],
        offset: usize,
        count: u32,
        fti: bool,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let (object, block) = self.objects.by_block(number)?;
        let size = usize::from(object.geometry(block).symbol_size);
        let coded = symbols.chunks_exact(size).skip(offset).take(count as usize);
        self.send_data(number, (first..).zip(coded), ObjectFlags::REPAIR, fti, out)
    }

    pub(super) fn send_data<'a>(
        &mut self,
        number: u64,
        symbols: impl Iterator<Item = (u32, &'a [u8])>,
        extra: ObjectFlags,
        fti: bool,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let (object, block) = self.objects.by_block(number)?;
        let (id, flags) = (object.id(), object.flags.with(extra));
        let (format, block_len) = (self.payload_format(), object.block_len(block) as u16);
        let block = block & format.max_block();
        let payload_id = |symbol| PayloadId { block, block_len, symbol }.encode(format);
        let mut extensions = ExtensionBuf::new();
        if fti {
            extensions.push_fti(&object.fti());
        }
        let mut segment_size = 0;
        for (symbol, payload) in symbols {
            let message = Message::Data(Data {
                sender: self.sender_fields(),
                flags,
                fec_id: self.fec_id(),
                object: id,
                payload_id: payload_id(symbol),
                extensions: extensions.as_extensions(),
                payload,
            });
            let header = self.header();
            message.emit(header, &mut out.bytes);
            if segment_size == 0 {
                segment_size = out.bytes.len();
            }
        }
        (segment_size > 0).then_some(Transmit { destination: Destination::Group, segment_size })
    }

    pub(super) fn send_eot(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        if self.session.begins_closing() {
            let lossy = self.members.iter().any(|(_, member)| member.loss > LOSSY);
            self.session.eots = if lossy { EOT_COUNT_LOSSY } else { EOT_COUNT };
        }
        let due = self.session.take_eot(now, self.grtt.get());
        due.then(|| self.emit_command(Command::Eot(Eot { reserved: [0; 3] }), out))
    }

    /// Sends the command that is due, if any.
    pub(super) fn next_command(
        &mut self,
        now: Timestamp,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        if let Some(urgent) = self.urgent.pop_front() {
            return self.send_urgent(urgent, out);
        }
        if now >= self.session.next_cc {
            return Some(self.send_probe(now, out));
        }
        if self.session.must_call(now) {
            return Some(self.send_roll_call(now, out));
        }
        if let Some(command) = self.session.command.as_mut().filter(|c| c.next <= now) {
            command.left = command.left.saturating_sub(1);
            command.next = now + self.grtt.get() * 2;
            let (content, over) = (command.content.clone(), command.left == 0);
            if over {
                self.session.command = None;
            }
            let application = Application { reserved: [0; 3], content: &content };
            return Some(self.emit_command(Command::Application(application), out));
        }
        self.ask_for_credit(now, out)
            .or_else(|| self.send_welcome(now, out))
            .or_else(|| self.send_ack_request(now, out))
    }

    /// CMD(FLUSH) of what was sent last, for those who came too late to begin with it by themselves.
    fn send_welcome(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        if self.welcome.next().is_none_or(|next| now < next) {
            return None;
        }
        let (object, at) = (self.objects.get(self.cursor.key), self.cursor.place());
        let object = object.filter(|object| object.stream.is_none() && at.block > 0);
        let Some(object) = object.filter(|_| self.session.all_sent.is_none()) else {
            self.welcome.close();
            return None;
        };
        let block = at.block as u32 - u32::from(at.symbol == 0);
        let symbol = if at.symbol == 0 { object.block_len(block) } else { at.symbol } - 1;
        let (object, payload_id) = (object.id(), self.payload_id(object, block, symbol));
        let nodes = self.welcome.take(now, self.grtt.get());
        Some(self.emit_flush(object, payload_id, &nodes, out))
    }

    fn send_urgent(&mut self, urgent: Urgent, out: &mut TransmitBuf) -> Option<Transmit> {
        match urgent {
            Urgent::Squelch => {
                // A stream forgets what lies before its buffer, and with it the objects before it.
                let forgets = |o: &&SendObject| {
                    o.stream.as_ref().is_some_and(|stream| stream.source.first_block() > 0)
                };
                let first = self.objects.get(self.objects.first_key());
                let first = self.objects.get(self.cursor.key).filter(forgets).or(first)?;
                let block = first.stream.as_ref().map_or(0, |s| s.source.first_block() as u32);
                let squelch = Squelch {
                    fec_id: self.fec_id(),
                    object: first.id(),
                    payload_id: self.payload_id(first, block, 0),
                    invalid: ObjectList::EMPTY,
                };
                Some(self.emit_command(Command::Squelch(squelch), out))
            }
            Urgent::RepairAdv => Some(self.send_repair_adv(out)),
            Urgent::Collision { node, keeper } => {
                Some(self.send_application(RollCall::Collision { node, keeper }, out))
            }
            Urgent::Eject { node } => {
                // Receivers of other makes would not understand.
                let identity = self.members.identity(node).filter(|_| !self.config.rfc_only)?;
                let lane = self.config.slow.and_then(|slow| slow.lane);
                Some(self.send_application(RollCall::Eject { node, identity, lane }, out))
            }
        }
    }

    fn send_application(&mut self, call: RollCall, out: &mut TransmitBuf) -> Transmit {
        let mut content = Vec::with_capacity(64);
        call.emit(&mut content);
        let application = Application { reserved: [0; 3], content: &content };
        self.emit_command(Command::Application(application), out)
    }

    pub(super) fn send_probe(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Transmit {
        self.session.probe_sent(now);
        let (watch, listed) = match self.pause_watch() {
            None => self.watch(now),
            paused => (paused, Vec::new()),
        };
        let mut nodes = Vec::new();
        encode_cc_nodes(&listed, &mut nodes);
        let cc = Cc {
            reserved: 0,
            cc_sequence: self.session.cc_sequence,
            send_time: WireTime::from_nanos(now.as_nanos()),
            nodes: CcNodes::from_bytes(&nodes).unwrap_or(CcNodes::EMPTY),
        };
        self.stats.commands += 1;
        let mut extensions = ExtensionBuf::new();
        if self.config.rfc_only {
            let bits = self.rate().unwrap_or(UNLIMITED);
            extensions.push_rate(QuantizedRate::from_bytes_per_second(bits as f64 / 8.0));
        } else if let Some(watch) = watch {
            extensions.push_watch(watch);
        }
        let message = Message::Cmd(Cmd {
            sender: self.sender_fields(),
            extensions: extensions.as_extensions(),
            command: Command::Cc(cc),
        });
        self.emit(&message, out)
    }

    fn send_roll_call(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Transmit {
        let listed = self.members.len();
        let window = self.session.call_sent(now, self.grtt.get(), listed);
        let call = RollCall::Call {
            round: self.session.call_round,
            window_ms: u32::try_from(window.as_millis()).unwrap_or(u32::MAX),
            send_time: WireTime::from_nanos(now.as_nanos()),
            confirmed: u32::try_from(self.members.confirmed()).unwrap_or(u32::MAX),
            listed: u32::try_from(self.members.announced()).unwrap_or(u32::MAX),
        };
        self.send_application(call, out)
    }

    pub(super) fn acking_limit(&self) -> usize {
        usize::from(self.config.segment_size) / 4
    }

    fn send_ack_request(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        let limit = self.acking_limit();
        let gap = self.grtt.get() * 2;
        let request = self.session.ack_request.as_mut()?;
        if now < request.next || request.left == 0 || request.pending.is_empty() {
            return None;
        }
        request.left -= 1;
        request.next = now + gap.max(Duration::from_millis(20));
        let count = request.pending.len().min(limit);
        let mut list = Vec::new();
        encode_nodes(&request.pending[..count], &mut list);
        request.pending.rotate_left(count);
        let (ack_type, ack_id) = (request.ack_type, request.ack_id);
        let acking = NodeList::from_bytes(&list).unwrap_or(NodeList::EMPTY);
        let command = Command::AckReq(AckReq { reserved: 0, ack_type, ack_id, acking });
        Some(self.emit_command(command, out))
    }

    /// CMD(FLUSH) at the end of what was sent; with receivers listed it is the watermark that asks
    /// them to confirm (RFC 5740 §4.2.3.1, §5.5.3).
    pub(super) fn send_flush(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        if self.session.next_flush.is_none_or(|next| now < next) {
            return None;
        }
        self.session.flush_sent(now, self.grtt.get());
        // Of a stream that goes on nobody is asked to confirm anything.
        let limit = if self.session.all_sent.is_some() { self.acking_limit() } else { 0 };
        let nodes = self.members.next_active(self.session.flush_after, limit);
        self.session.flush_after = nodes.last().copied().unwrap_or(NodeId::NONE);
        let (object, payload_id) = self.watermark()?;
        Some(self.emit_flush(object, payload_id, &nodes, out))
    }

    fn emit_flush(
        &mut self,
        object: ObjectId,
        payload_id: RawPayloadId,
        nodes: &[NodeId],
        out: &mut TransmitBuf,
    ) -> Transmit {
        let mut list = Vec::new();
        encode_nodes(nodes, &mut list);
        let fec_id = self.fec_id();
        let acking = NodeList::from_bytes(&list).unwrap_or(NodeList::EMPTY);
        let flush = Command::Flush(Flush { fec_id, object, payload_id, acking });
        self.emit_command(flush, out)
    }

    /// The last symbol of the last object: what receivers confirm.
    pub(super) fn watermark(&self) -> Option<(ObjectId, RawPayloadId)> {
        let current = self.objects.get(self.cursor.key);
        if let Some((object, stream)) = current.and_then(|o| Some((o, o.stream.as_ref()?))) {
            let at = stream.before(self.cursor.place());
            return Some((object.id(), self.payload_id(object, at.block as u32, at.symbol)));
        }
        let object = self.objects.last()?;
        if let Some(stream) = &object.stream {
            let at = stream.before(stream.source.end());
            return Some((object.id(), self.payload_id(object, at.block as u32, at.symbol)));
        }
        let block = object.layout.blocks().saturating_sub(1);
        let symbol = object.layout.block_len(block).saturating_sub(1);
        Some((object.id(), self.payload_id(object, block, symbol)))
    }

    /// Tells receivers that NACK by unicast what has been asked for already (RFC 5740 §5.4.4).
    fn send_repair_adv(&mut self, out: &mut TransmitBuf) -> Transmit {
        let mut writer = RepairWriter::new(usize::from(self.config.segment_size));
        let fits = self.advertise_blocks(&mut writer) && self.advertise_whole(&mut writer);
        let adv = RepairAdv {
            flags: if fits { 0 } else { REPAIR_ADV_LIMIT },
            reserved: 0,
            requests: writer.as_requests(),
        };
        self.emit_command(Command::RepairAdv(adv), out)
    }

    fn repair_item(&self, number: u64, symbol: u32) -> Option<RepairItem> {
        let (object, block) = self.objects.by_block(number)?;
        Some(RepairItem {
            fec_id: self.fec_id(),
            object: object.id(),
            payload_id: self.payload_id(object, block, symbol),
        })
    }

    fn advertise_blocks(&self, writer: &mut RepairWriter) -> bool {
        self.repairs.gathered().all(|(number, need, pending)| {
            if let Scheme::ReedSolomon(code) = self.config.scheme {
                return self.advertise_parity(number, need.min(code.parity().into()), writer)
                    && self.advertise_symbols(number, pending, writer);
            }
            if self.coded() {
                let item = self.repair_item(number, need);
                return item.is_none_or(|item| {
                    writer.push_item(RepairForm::Erasures, RepairFlags::SEGMENT, item)
                });
            }
            self.advertise_symbols(number, pending, writer)
        })
    }

    /// Names parity symbols, as receivers do for Reed-Solomon codes.
    fn advertise_parity(&self, number: u64, count: u32, writer: &mut RepairWriter) -> bool {
        let Some((object, block)) = self.objects.by_block(number) else { return true };
        let first = object.block_len(block);
        let last = first + count.saturating_sub(1);
        let range = self.repair_item(number, first).zip(self.repair_item(number, last));
        let range = range.filter(|_| count > 0);
        range.is_none_or(|(a, b)| writer.push_range(RepairFlags::SEGMENT, a, b))
    }

    fn advertise_symbols(&self, number: u64, pending: &Bits, writer: &mut RepairWriter) -> bool {
        let mut from = 0;
        while let Some(start) = pending.first_set(from) {
            let end = pending.first_clear(start).unwrap_or(pending.len());
            let range = self.repair_item(number, start).zip(self.repair_item(number, end - 1));
            if let Some((first, last)) = range
                && !writer.push_range(RepairFlags::SEGMENT, first, last)
            {
                return false;
            }
            from = end;
        }
        true
    }

    fn advertise_whole(&self, writer: &mut RepairWriter) -> bool {
        self.repairs.whole().all(|(start, end)| {
            let range = self.repair_item(start, 0).zip(self.repair_item(end - 1, 0));
            range.is_none_or(|(first, last)| writer.push_range(RepairFlags::BLOCK, first, last))
        })
    }
}
