//! Writes packets into the driver's buffer.

use super::advertise::Advertisement;
use super::packet::{AckRequest, Flush, InfoPacket, Packet, Probe, ProbeExtension};
use super::written::Written;
use crate::carousel::Symbol;
use crate::endpoint::{Destination, Transmit, TransmitBuf};
use crate::fec::{PayloadFormat, Scheme};
use crate::norm::sender::config::SenderConfig;
use crate::norm::sender::objects::{Content, DataBatch, SendObject, Symbols};
use crate::norm::sender::receivers::GroupTiming;
use crate::norm::sender::repair::RepairTable;
use crate::norm::stream::Place;
use crate::norm::wire::{
    self, AckReq, Application, Cc, CcNodes, Cmd, Command, Data, Eot, ExtensionBuf, Extensions,
    Header, Info, InstanceId, Message, MoveProof, NodeId, NodeList, ObjectFlags, ObjectList,
    PayloadId, QuantizedGroupSize, REPAIR_ADV_LIMIT, RepairAdv, SenderFields, Sequence, Squelch,
    encode_cc_nodes, encode_nodes,
};

/// Header bytes of the longest DATA message: common part, payload id, EXT_FTI. FEC encoding id 129
/// has 4 more in the payload id.
pub const DATA_OVERHEAD: usize = 16 + 4 + 16;

/// Writes messages, and counts them.
#[derive(Debug)]
pub(crate) struct PacketWriter {
    node: NodeId,
    instance: InstanceId,
    written: Written,
    scheme: Scheme,
    segment_size: u16,
    /// Bytes that a signature takes of INFO and commands.
    signature: usize,
    /// What lets receivers believe that the address has changed.
    proof: Option<MoveProof>,
}

/// What packets are written from.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Sources<'a> {
    pub(crate) content: &'a Content,
    pub(crate) repairs: &'a RepairTable,
    pub(crate) group: GroupTiming,
}

impl PacketWriter {
    pub(crate) fn new(config: &SenderConfig, instance: InstanceId, sequence: Sequence) -> Self {
        Self {
            node: config.node,
            instance,
            written: Written::new(sequence),
            scheme: config.scheme,
            segment_size: config.segment_size,
            signature: config.packets.signature,
            proof: None,
        }
    }

    /// Sets what INFO and commands about membership say of the sender's address.
    pub(crate) fn set_proof(&mut self, proof: MoveProof) {
        self.proof = Some(proof);
    }

    /// Bytes of content per packet from now on.
    pub(crate) fn set_segment_size(&mut self, bytes: u16) {
        self.segment_size = bytes;
    }

    /// What was written so far.
    pub(crate) fn written(&self) -> Written {
        self.written
    }

    /// The instance id, which tells this session from an earlier one of the same node.
    pub(crate) fn instance(&self) -> InstanceId {
        self.instance
    }

    /// Writes a packet, or the packets of a batch. `None` when there is nothing in it.
    pub(crate) fn write(
        &mut self,
        packet: &Packet,
        sources: Sources<'_>,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        match packet {
            Packet::Data(batch) => return self.write_data(batch, sources, out),
            Packet::Turn(symbols) => return self.write_turn(symbols, sources, out),
            Packet::Info(info) => return self.write_info(*info, sources, out),
            Packet::Probe(probe) => self.write_probe(probe, sources.group, out),
            Packet::Application(content) => {
                let application = Application { reserved: [0; 3], content };
                self.write_command(Command::Application(application), sources.group, out);
            }
            Packet::Membership(content) => self.write_membership(content, sources.group, out),
            Packet::SizeProbe(probe) => {
                let mut content = Vec::with_capacity(probe.len.into());
                probe.emit(&mut content);
                let application = Application { reserved: [0; 3], content: &content };
                self.write_command(Command::Application(application), sources.group, out);
            }
            Packet::Flush(flush) => self.write_flush(flush, sources.group, out),
            Packet::AckRequest(request) => self.write_ack_request(request, sources.group, out),
            Packet::Squelch(object, payload_id) => {
                let fec_id = self.scheme.fec_id();
                let (object, payload_id) = (*object, *payload_id);
                let squelch = Squelch { fec_id, object, payload_id, invalid: ObjectList::EMPTY };
                self.write_command(Command::Squelch(squelch), sources.group, out);
            }
            Packet::RepairAdv => self.write_repair_adv(sources, out),
            Packet::Eot => {
                let eot = Eot { reserved: [0; 3] };
                self.write_command(Command::Eot(eot), sources.group, out);
            }
        }
        out.transmit(Destination::Group)
    }

    fn fields(&self, group: GroupTiming) -> SenderFields {
        SenderFields {
            instance: self.instance,
            grtt: group.advertised,
            backoff: group.backoff,
            group_size: QuantizedGroupSize::from_count(group.size),
        }
    }

    fn write_message(&mut self, message: &Message<'_>, out: &mut TransmitBuf) {
        let header = Header { sequence: self.written.take(), source: self.node };
        out.append(|bytes| message.emit(header, bytes));
    }

    fn write_command(&mut self, command: Command<'_>, group: GroupTiming, out: &mut TransmitBuf) {
        let sender = self.fields(group);
        let cmd = Cmd { sender, extensions: Extensions::EMPTY, command };
        self.write_message(&Message::Cmd(cmd), out);
    }

    fn write_membership(&mut self, content: &[u8], group: GroupTiming, out: &mut TransmitBuf) {
        let mut extensions = ExtensionBuf::new();
        if let Some(proof) = self.proof {
            extensions.push_move(proof);
        }
        let message = Message::Cmd(Cmd {
            sender: self.fields(group),
            extensions: extensions.as_extensions(),
            command: Command::Application(Application { reserved: [0; 3], content }),
        });
        self.write_message(&message, out);
    }

    fn write_probe(&mut self, probe: &Probe, group: GroupTiming, out: &mut TransmitBuf) {
        let mut nodes = Vec::new();
        encode_cc_nodes(&probe.nodes, &mut nodes);
        let cc = Cc {
            reserved: 0,
            cc_sequence: probe.cc_sequence,
            send_time: probe.send_time,
            nodes: CcNodes::from_bytes(&nodes).unwrap_or(CcNodes::EMPTY),
        };
        let mut extensions = ExtensionBuf::new();
        match probe.extension {
            ProbeExtension::None => {}
            ProbeExtension::Rate(rate) => {
                extensions.push_rate(rate);
            }
            ProbeExtension::Watch(watch) => {
                extensions.push_watch(watch);
            }
        }
        let message = Message::Cmd(Cmd {
            sender: self.fields(group),
            extensions: extensions.as_extensions(),
            command: Command::Cc(cc),
        });
        self.write_message(&message, out);
    }

    fn write_flush(&mut self, flush: &Flush, group: GroupTiming, out: &mut TransmitBuf) {
        let mut list = Vec::new();
        encode_nodes(&flush.nodes, &mut list);
        let command = Command::Flush(wire::Flush {
            fec_id: self.scheme.fec_id(),
            object: flush.object,
            payload_id: flush.payload_id,
            acking: NodeList::from_bytes(&list).unwrap_or(NodeList::EMPTY),
        });
        self.write_command(command, group, out);
    }

    fn write_ack_request(
        &mut self,
        request: &AckRequest,
        group: GroupTiming,
        out: &mut TransmitBuf,
    ) {
        let mut list = Vec::new();
        encode_nodes(&request.nodes, &mut list);
        let command = Command::AckReq(AckReq {
            reserved: 0,
            ack_type: request.ack_type,
            ack_id: request.ack_id,
            acking: NodeList::from_bytes(&list).unwrap_or(NodeList::EMPTY),
        });
        self.write_command(command, group, out);
    }

    /// Tells receivers that NACK by unicast what was asked for already (RFC 5740 §5.4.4).
    fn write_repair_adv(&mut self, sources: Sources<'_>, out: &mut TransmitBuf) {
        let advertisement = Advertisement::new(sources.content, sources.repairs);
        let adv = RepairAdv {
            flags: if advertisement.is_complete() { 0 } else { REPAIR_ADV_LIMIT },
            reserved: 0,
            requests: advertisement.writer().as_requests(),
        };
        self.write_command(Command::RepairAdv(adv), sources.group, out);
    }

    fn write_info(
        &mut self,
        info: InfoPacket,
        sources: Sources<'_>,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let object = sources.content.objects().get(info.key)?;
        let mut extensions = ExtensionBuf::new();
        extensions.push_fti(&object.fti());
        let payload = object.info()?;
        // INFO must not be longer than DATA.
        let room = wire::signed_room(self.segment_size, self.signature);
        let room = room.saturating_sub(MoveProof::LEN);
        if let Some(proof) = self.proof.filter(|_| payload.len() <= room) {
            extensions.push_move(proof);
        }
        let message = Message::Info(Info {
            sender: self.fields(sources.group),
            flags: if info.turning {
                turn_flags(object, false)
            } else {
                flags(object, info.repair)
            },
            fec_id: self.scheme.fec_id(),
            object: object.id(),
            extensions: extensions.as_extensions(),
            payload,
        });
        self.write_message(&message, out);
        out.transmit(Destination::Group)
    }

    /// Writes symbols of passes, each with all that a receiver needs to begin with it.
    fn write_turn(
        &mut self,
        symbols: &[Symbol],
        sources: Sources<'_>,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let format = self.scheme.payload_format();
        for symbol in symbols {
            let object = sources.content.objects().at(symbol.object)?;
            let mut extensions = ExtensionBuf::new();
            extensions.push_fti(&object.fti());
            let block_len = object.block_len(symbol.sbn) as u16;
            let payload_id = PayloadId { block: symbol.sbn, block_len, symbol: symbol.id };
            let message = Message::Data(Data {
                sender: self.fields(sources.group),
                flags: turn_flags(object, symbol.is_last_pass),
                fec_id: self.scheme.fec_id(),
                object: object.id(),
                payload_id: payload_id.encode(format),
                extensions: extensions.as_extensions(),
                payload: &symbol.payload,
            });
            self.write_message(&message, out);
        }
        out.transmit(Destination::Group)
    }

    fn write_data(
        &mut self,
        batch: &DataBatch,
        sources: Sources<'_>,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let (object, block) = sources.content.objects().by_block(batch.block)?;
        let mut extensions = ExtensionBuf::new();
        if batch.fti {
            extensions.push_fti(&object.fti());
        }
        let mut data = DataWriter {
            sender: self.fields(sources.group),
            flags: flags(object, batch.repair),
            extensions: extensions.as_extensions(),
            object,
            block,
            block_len: object.block_len(block) as u16,
            format: self.scheme.payload_format(),
            writer: self,
        };
        data.write_batch(&batch.symbols, out);
        out.transmit(Destination::Group)
    }
}

/// Writes DATA messages of one block.
struct DataWriter<'a> {
    sender: SenderFields,
    flags: ObjectFlags,
    extensions: Extensions<'a>,
    object: &'a SendObject,
    block: u32,
    block_len: u16,
    format: PayloadFormat,
    writer: &'a mut PacketWriter,
}

impl DataWriter<'_> {
    fn write_batch(&mut self, symbols: &Symbols, out: &mut TransmitBuf) {
        match symbols {
            Symbols::Run { ids, content } => {
                ids.clone().for_each(|id| self.write_source(id, content, out));
            }
            Symbols::Some { ids, content } => {
                ids.iter().for_each(|&id| self.write_source(id, content, out));
            }
            Symbols::Stream { ids } => {
                let Some(stream) = self.object.stream() else { return };
                for &id in ids {
                    if let Some(payload) = stream.symbol(Place::new(self.block.into(), id)) {
                        self.write(id, payload, out);
                    }
                }
            }
            Symbols::Coded { first, content, .. } => {
                let size = usize::from(self.object.geometry(self.block).symbol_size);
                for (id, payload) in (*first..).zip(content.chunks_exact(size)) {
                    self.write(id, payload, out);
                }
            }
        }
    }

    /// Writes a source symbol of a block's content.
    fn write_source(&mut self, id: u32, content: &[u8], out: &mut TransmitBuf) {
        let size = usize::from(self.writer.segment_size);
        let start = id as usize * size;
        if let Some(payload) = content.get(start..content.len().min(start + size)) {
            self.write(id, payload, out);
        }
    }

    fn write(&mut self, symbol: u32, payload: &[u8], out: &mut TransmitBuf) {
        // A stream's block numbers wrap.
        let block = self.block & self.format.max_block();
        let payload_id = PayloadId { block, block_len: self.block_len, symbol };
        let message = Message::Data(Data {
            sender: self.sender,
            flags: self.flags,
            fec_id: self.writer.scheme.fec_id(),
            object: self.object.id(),
            payload_id: payload_id.encode(self.format),
            extensions: self.extensions,
            payload,
        });
        self.writer.write_message(&message, out);
    }
}

fn flags(object: &SendObject, repair: bool) -> ObjectFlags {
    object.flags().with(if repair { ObjectFlags::REPAIR } else { ObjectFlags(0) })
}

/// Flags of what is sent in passes. It is no first transmission, because that has an order of which
/// receivers conclude what they have lost; and until the last pass no repair is given.
fn turn_flags(object: &SendObject, is_last_pass: bool) -> ObjectFlags {
    let flags = flags(object, true);
    if is_last_pass { flags } else { flags.with(ObjectFlags::UNRELIABLE) }
}

/// Bytes of the longest DATA message.
pub(crate) fn max_packet_size(config: &SenderConfig) -> usize {
    let format = config.scheme.payload_format();
    let ids = format.len() - PayloadFormat::Block8Symbol24.len();
    usize::from(config.segment_size) + DATA_OVERHEAD + ids
}
