//! Commands: which one is due, and what it says (RFC 5740 §4.2.3).

use super::compose::*;
use crate::norm::sender::lifecycle::session::{EOT_COUNT, EOT_COUNT_LOSSY, LOSSY};

impl Sender {
    pub(crate) fn send_eot(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        if self.session.begins_closing() {
            let lossy = self.members.iter().any(|(_, member)| member.loss > LOSSY);
            self.session.eots = if lossy { EOT_COUNT_LOSSY } else { EOT_COUNT };
        }
        let due = self.session.take_eot(now, self.grtt.get());
        due.then(|| self.emit_command(Command::Eot(Eot { reserved: [0; 3] }), out))
    }

    /// Sends the command that is due, if any.
    pub(crate) fn next_command(
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
            return Some(self.send_membership_query(now, out));
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
    pub(crate) fn send_welcome(
        &mut self,
        now: Timestamp,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
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

    pub(crate) fn send_urgent(
        &mut self,
        urgent: Urgent,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
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
                Some(self.send_application(MembershipQuery::Collision { node, keeper }, out))
            }
            Urgent::Eject { node } => {
                // Receivers of other makes would not understand.
                let identity =
                    self.members.identity(node).filter(|_| self.config.mode.sends_evictions())?;
                let lane = self.config.slow.and_then(|slow| slow.separate_group);
                Some(
                    self.send_application(
                        MembershipQuery::Evict { node, identity, group: lane },
                        out,
                    ),
                )
            }
        }
    }

    pub(crate) fn send_application(
        &mut self,
        call: MembershipQuery,
        out: &mut TransmitBuf,
    ) -> Transmit {
        let mut content = Vec::with_capacity(64);
        call.emit(&mut content);
        let application = Application { reserved: [0; 3], content: &content };
        self.emit_command(Command::Application(application), out)
    }

    pub(crate) fn send_probe(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Transmit {
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
        if self.config.mode.sends_rate() {
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

    pub(crate) fn send_membership_query(
        &mut self,
        now: Timestamp,
        out: &mut TransmitBuf,
    ) -> Transmit {
        let listed = self.members.len();
        let window = self.session.call_sent(now, self.grtt.get(), listed);
        self.members.note_call(Some(window + self.grtt.get() * 2));
        let call = MembershipQuery::Query {
            round: self.session.call_round,
            window_ms: u32::try_from(window.as_millis()).unwrap_or(u32::MAX),
            send_time: WireTime::from_nanos(now.as_nanos()),
            confirmed: u32::try_from(self.members.confirmed()).unwrap_or(u32::MAX),
            listed: u32::try_from(self.members.announced()).unwrap_or(u32::MAX),
        };
        self.send_application(call, out)
    }

    pub(crate) fn acking_limit(&self) -> usize {
        usize::from(self.config.segment_size) / 4
    }

    pub(crate) fn send_ack_request(
        &mut self,
        now: Timestamp,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
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
    pub(crate) fn send_flush(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
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

    pub(crate) fn emit_flush(
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
    pub(crate) fn watermark(&self) -> Option<(ObjectId, RawPayloadId)> {
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
}
