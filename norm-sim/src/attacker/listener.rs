//! The listener: what an attacker learns of a session, in bounded memory.

use std::sync::Arc;

use norm_core::Rng;
use norm_core::norm::wire::{
    Cmd, Command, FecId, Fti, Header, Identity, MemberReport, MembershipQuery, Message, MoveProof,
    NodeId, ObjectId, PayloadFormat, PayloadId, SenderFields, WireTime,
};

use norm_seal::HEADER_LEN;

use super::choice::below;
use crate::packet::{Body, HostId, Packet};

/// Packets that are remembered. A newer one replaces a random older one.
const MAX_PACKETS: usize = 256;
/// Senders that are remembered.
const MAX_SENDERS: usize = 8;
/// Receivers that are remembered.
const MAX_MEMBERS: usize = 64;
/// Packets of another protocol that are remembered.
const MAX_OTHERS: usize = 16;
/// Hosts that are remembered.
const MAX_HOSTS: usize = 64;

/// What was observed.
#[derive(Debug, Default)]
pub(super) struct Listener {
    pub(super) packets: Vec<Arc<[u8]>>,
    pub(super) hosts: Vec<HostId>,
    pub(super) senders: Vec<Sender>,
    pub(super) members: Vec<Member>,
    /// Sealed packets of another protocol.
    pub(super) others: Vec<Other>,
}

/// A sealed packet that is no message of NORM.
#[derive(Clone, Debug)]
pub(super) struct Other {
    pub(super) host: HostId,
    pub(super) header: [u8; HEADER_LEN],
    pub(super) plain: Arc<[u8]>,
}

/// A sender, as far as it is known from its messages.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) host: HostId,
    pub(super) node: NodeId,
    pub(super) fields: SenderFields,
    pub(super) fec_id: FecId,
    pub(super) object: ObjectId,
    pub(super) place: PayloadId,
    pub(super) fti: Option<Fti>,
    pub(super) symbol_size: usize,
    pub(super) cc_sequence: u16,
    /// The send time of its last CMD(CC) or membership query.
    pub(super) probe: WireTime,
    pub(super) round: u16,
    /// The last proof that it has moved.
    pub(super) proof: Option<MoveProof>,
    /// The header of its last sealed packet.
    pub(super) sealed: Option<[u8; HEADER_LEN]>,
}

/// A receiver, as far as it is known from its feedback.
#[derive(Copy, Clone, Debug)]
pub(super) struct Member {
    pub(super) node: NodeId,
    pub(super) identity: Option<Identity>,
}

impl Listener {
    /// Takes a packet.
    pub(super) fn observe(&mut self, packet: &Packet, rng: &mut Rng) {
        let Body::Datagram(bytes) = &packet.body else { return };
        if self.packets.len() < MAX_PACKETS {
            self.packets.push(Arc::clone(bytes));
        } else if rng.chance(0.1) {
            self.packets[below(rng, MAX_PACKETS)] = Arc::clone(bytes);
        }
        if self.hosts.len() < MAX_HOSTS && !self.hosts.contains(&packet.from) {
            self.hosts.push(packet.from);
        }
        if packet.plain.is_some()
            && let Some(header) = bytes.first_chunk()
        {
            let there = self.senders.iter_mut().filter(|sender| sender.host == packet.from);
            there.for_each(|sender| sender.sealed = Some(*header));
        }
        // All that a key would hide may be known from elsewhere.
        let plain = packet.plain().unwrap_or_default();
        let Ok((header, message)) = Message::parse(plain) else {
            return self.observe_other(packet, rng);
        };
        match message {
            Message::Nack(_) | Message::Ack(_) => self.member(header.source, None),
            Message::Report(report) => {
                let identity = MemberReport::parse(report.content).map(|report| report.identity);
                self.member(header.source, identity);
            }
            Message::Info(info) => {
                let Some(sender) = self.sender(packet.from, header, info.sender) else { return };
                sender.object = info.object;
                sender.fti = info.extensions.fti(info.fec_id).or(sender.fti);
            }
            Message::Data(data) => {
                let Some(sender) = self.sender(packet.from, header, data.sender) else { return };
                let format = PayloadFormat::for_fec(data.fec_id);
                let Some(place) = format.and_then(|f| data.payload_id.decode(f)) else { return };
                if sender.object != data.object {
                    sender.fti = None;
                }
                sender.at(data.fec_id, data.object, place);
                sender.fti = data.extensions.fti(data.fec_id).or(sender.fti);
                sender.symbol_size = data.payload.len();
            }
            Message::Cmd(cmd) => {
                if let Some(sender) = self.sender(packet.from, header, cmd.sender) {
                    sender.command(&cmd);
                }
            }
        }
    }

    /// Takes a packet of another protocol.
    fn observe_other(&mut self, packet: &Packet, rng: &mut Rng) {
        let (Body::Datagram(bytes), Some(plain)) = (&packet.body, &packet.plain) else { return };
        let Some(header) = bytes.first_chunk() else { return };
        let other = Other { host: packet.from, header: *header, plain: Arc::clone(plain) };
        // Forged packets have counters next to the last ones.
        self.others.iter_mut().for_each(|known| known.header = *header);
        if self.others.len() < MAX_OTHERS {
            self.others.push(other);
        } else {
            self.others[below(rng, MAX_OTHERS)] = other;
        }
    }

    fn sender(
        &mut self,
        host: HostId,
        header: Header,
        fields: SenderFields,
    ) -> Option<&mut Sender> {
        let node = header.source;
        let known =
            |s: &Sender| (s.host, s.node, s.fields.instance) == (host, node, fields.instance);
        let place = match self.senders.iter().position(known) {
            Some(place) => place,
            None if self.senders.len() < MAX_SENDERS => {
                self.senders.push(Sender::new(host, node, fields));
                self.senders.len() - 1
            }
            None => return None,
        };
        let sender = self.senders.get_mut(place)?;
        sender.fields = fields;
        Some(sender)
    }

    fn member(&mut self, node: NodeId, identity: Option<Identity>) {
        if let Some(member) = self.members.iter_mut().find(|member| member.node == node) {
            member.identity = identity.or(member.identity);
        } else if self.members.len() < MAX_MEMBERS {
            self.members.push(Member { node, identity });
        }
    }
}

impl Sender {
    fn new(host: HostId, node: NodeId, fields: SenderFields) -> Self {
        Self {
            host,
            node,
            fields,
            fec_id: FecId::RAPTORQ,
            object: ObjectId(0),
            place: PayloadId { block: 0, block_len: 0, symbol: 0 },
            fti: None,
            symbol_size: 1024,
            cc_sequence: 0,
            probe: WireTime::ZERO,
            round: 0,
            proof: None,
            sealed: None,
        }
    }

    /// Notes the position of its transmission.
    fn at(&mut self, fec_id: FecId, object: ObjectId, place: PayloadId) {
        self.fec_id = fec_id;
        self.object = object;
        self.place = place;
    }

    fn command(&mut self, cmd: &Cmd<'_>) {
        self.proof = cmd.extensions.move_proof().or(self.proof);
        match cmd.command {
            Command::Cc(cc) => {
                self.cc_sequence = cc.cc_sequence;
                self.probe = cc.send_time;
            }
            Command::Flush(flush) => {
                let format = PayloadFormat::for_fec(flush.fec_id);
                if let Some(place) = format.and_then(|f| flush.payload_id.decode(f)) {
                    self.at(flush.fec_id, flush.object, place);
                }
            }
            Command::Application(application) => {
                if let Some(MembershipQuery::Query { round, send_time, .. }) =
                    MembershipQuery::parse(application.content)
                {
                    self.round = round;
                    self.probe = send_time;
                }
            }
            _ => {}
        }
    }

    /// The layout of its payload ids.
    pub(super) fn format(&self) -> PayloadFormat {
        PayloadFormat::for_fec(self.fec_id).unwrap_or(PayloadFormat::Block8Symbol24)
    }
}
