//! Writes packets into the driver's buffer.

pub(crate) use core::time::Duration;

pub(crate) use crate::base::Timestamp;
pub(crate) use crate::base::bits::Bits;
pub(crate) use crate::endpoint::{Destination, Transmit, TransmitBuf};
pub(crate) use crate::fec::Scheme;
pub(crate) use crate::norm::sender::Sender;
pub(crate) use crate::norm::sender::objects::table::SendObject;
pub(crate) use crate::norm::wire::{
    AckReq, Application, Cc, CcNodes, Cmd, Command, Data, Eot, ExtensionBuf, Extensions, FecId,
    Flush, Header, Identity, Info, MembershipQuery, Message, NodeId, NodeList, ObjectFlags,
    ObjectId, ObjectList, PayloadFormat, PayloadId, QuantizedGroupSize, QuantizedRate,
    REPAIR_ADV_LIMIT, RawPayloadId, RepairAdv, RepairFlags, RepairForm, RepairItem, RepairWriter,
    SenderFields, Sequence, Squelch, WireTime, encode_cc_nodes, encode_nodes,
};

/// Header bytes of the longest DATA message: common part, payload id, EXT_FTI. FEC encoding id 129
/// has 4 more in the payload id.
pub const DATA_OVERHEAD: usize = 16 + 4 + 16;

/// Commands that answer something and go before everything else.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Urgent {
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
pub(crate) const UNKNOWN_GROUP: u64 = 10_000;
/// A group this small needs no suppression to speak of.
pub(crate) const SMALL_GROUP: u64 = 10;
/// The rate in bits per second that is told when there is no limit.
pub(crate) const UNLIMITED: u64 = 100_000_000_000;
/// While receivers are still announcing themselves, there are at least this many.
pub(crate) const UNCOUNTED_GROUP: u64 = 50;

impl Sender {
    /// The RFC's K: more backoff for larger groups, none for a single receiver, and more still where
    /// receivers hear each other only through our advertisements (RFC 5740 §5.4.4).
    pub(crate) fn backoff(&self) -> u8 {
        self.config.backoff.unwrap_or(match self.group_size() {
            1 => 0,
            2..=SMALL_GROUP => 1,
            _ if self.session.unicast => 6,
            _ => 4,
        })
    }

    /// Receivers that suppression reckons with. Those heard so far are few of many until two roll
    /// calls have brought nobody new, or all are there that the sender was to wait for.
    pub(crate) fn group_size(&self) -> u64 {
        let expected = self.config.min_receivers;
        self.config.group_size.unwrap_or(match self.members.len() as u64 {
            0 => UNKNOWN_GROUP,
            heard if self.session.is_counted() => heard,
            heard if expected > 0 && heard >= expected as u64 && !self.is_streaming() => heard,
            heard => heard.max(UNCOUNTED_GROUP),
        })
    }

    /// A stream is sent. It keeps its blocks for three cycles only, so it begins with long ones.
    pub(crate) fn is_streaming(&self) -> bool {
        self.objects.get(self.cursor.key).is_some_and(|object| object.stream.is_some())
    }

    /// So large a group that NACKs are to be spared.
    pub(crate) fn is_large(&self) -> bool {
        self.group_size() > SMALL_GROUP
    }

    /// How long requests are gathered: until the last receiver's NACK would be here.
    pub(crate) fn gather_time(&self) -> Duration {
        let alone = self.group_size() <= 1 && self.backoff() == 0;
        if alone { Duration::ZERO } else { self.grtt.get() * (u32::from(self.backoff()) + 1) }
    }

    pub(crate) fn sender_fields(&self) -> SenderFields {
        SenderFields {
            instance: self.instance,
            grtt: self.grtt.advertised(),
            backoff: self.backoff(),
            group_size: QuantizedGroupSize::from_count(self.group_size()),
        }
    }

    pub(crate) fn fec_id(&self) -> FecId {
        self.config.scheme.fec_id()
    }

    pub(crate) fn payload_format(&self) -> PayloadFormat {
        self.config.scheme.payload_format()
    }

    /// Names a symbol of a block of an object; the block's length travels with FEC id 129 only.
    pub(crate) fn payload_id(&self, object: &SendObject, block: u32, symbol: u32) -> RawPayloadId {
        let block_len = object.block_len(block) as u16;
        // A stream's block numbers wrap.
        let block = block & self.payload_format().max_block();
        PayloadId { block, block_len, symbol }.encode(self.payload_format())
    }

    /// Bytes of the longest DATA message.
    pub(crate) fn packet_size(&self) -> usize {
        let ids = self.payload_format().len() - PayloadFormat::Block8Symbol24.len();
        usize::from(self.config.segment_size) + DATA_OVERHEAD + ids
    }

    pub(crate) fn header(&mut self) -> Header {
        let sequence = self.sequence;
        self.sequence = Sequence(sequence.0.wrapping_add(1));
        Header { sequence, source: self.config.node }
    }

    pub(crate) fn emit(&mut self, message: &Message<'_>, out: &mut TransmitBuf) -> Transmit {
        let header = self.header();
        out.append(|bytes| message.emit(header, bytes));
        Transmit { destination: Destination::Group, segment_size: out.segment_size() }
    }

    pub(crate) fn emit_command(&mut self, command: Command<'_>, out: &mut TransmitBuf) -> Transmit {
        self.stats.commands += 1;
        let sender = self.sender_fields();
        let message = Message::Cmd(Cmd { sender, extensions: Extensions::EMPTY, command });
        self.emit(&message, out)
    }

    pub(crate) fn send_info(
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
    pub(crate) fn send_source(
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
    pub(crate) fn send_symbols(
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

    pub(crate) fn send_data<'a>(
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
            out.append(|bytes| message.emit(header, bytes));
        }
        out.transmit(Destination::Group)
    }
}
