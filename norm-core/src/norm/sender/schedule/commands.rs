//! Which command is due, and what it says (RFC 5740 §4.2.3).

use bytes::Bytes;

use crate::base::Timestamp;
use crate::norm::congestion::Total;
use crate::norm::sender::config::SenderConfig;
use crate::norm::sender::emit::{
    AckRequest, Answer, Flush, Packet, PendingAnswers, Probe, ProbeExtension,
};
use crate::norm::sender::flow::FlowControl;
use crate::norm::sender::lifecycle::Lifecycle;
use crate::norm::sender::objects::{Content, SendObject};
use crate::norm::sender::path_mtu::PathMtu;
use crate::norm::sender::rate::{ProbeStart, SendRate};
use crate::norm::sender::receivers::Receivers;
use crate::norm::wire::{
    ACK_WINDOW, CcNode, MembershipQuery, NodeId, QuantizedRate, Watch, WireTime,
};

/// Loss from which on EOT is sent more often: 2 %, as a fraction of 65,535.
const LOSSY_SHARE: u16 = 1_310;
/// The rate that is told when there is no limit, in bits per second.
const UNLIMITED_RATE: u64 = 100_000_000_000;
/// Bytes of a node id in a list.
const NODE_BYTES: usize = 4;
/// What a probe of a pause says. Its rate means nothing, but must be one.
const PAUSED: Watch =
    Watch { quiet: false, fair: false, paused: true, stopped: false, rate: QuantizedRate(1 << 4) };
/// What a probe says when no content will follow.
const STOPPED: Watch = Watch { stopped: true, ..PAUSED };

/// A poll for a command.
#[derive(Debug)]
pub(crate) struct CommandPoll<'a> {
    pub(crate) now: Timestamp,
    pub(crate) config: &'a SenderConfig,
    pub(crate) content: &'a Content,
    pub(crate) receivers: &'a mut Receivers,
    pub(crate) flow: &'a mut FlowControl,
    pub(crate) rate: &'a mut SendRate,
    pub(crate) lifecycle: &'a mut Lifecycle,
    pub(crate) path: &'a mut PathMtu,
    pub(crate) answers: &'a mut PendingAnswers,
    /// What was sent so far.
    pub(crate) total: Total,
}

impl CommandPoll<'_> {
    /// The command that is due.
    pub(crate) fn next(&mut self) -> Option<Packet> {
        while let Some(answer) = self.answers.pop() {
            if let Some(packet) = self.answer(answer) {
                return Some(packet);
            }
        }
        if self.lifecycle.probe_mut().is_due(self.now) {
            return Some(self.probe());
        }
        if self.lifecycle.is_query_due(self.now) {
            return Some(self.size_probe().unwrap_or_else(|| self.query()));
        }
        let grtt = self.receivers.grtt();
        if let Some(content) = self.lifecycle.command_mut().take(self.now, grtt) {
            return Some(Packet::Application(content));
        }
        if let Some(content) = self.lifecycle.notices_mut().take(self.now, grtt) {
            return Some(Packet::Application(content));
        }
        self.window_question().or_else(|| self.late_joiners()).or_else(|| self.ack_request())
    }

    /// A notice that the address has changed.
    pub(crate) fn move_notice(&mut self) -> Option<Packet> {
        let due = self.lifecycle.moving_mut().take_notice(self.now);
        due.then(|| own_command(MembershipQuery::Moved))
    }

    /// EOT, while the session closes.
    pub(crate) fn eot(&mut self) -> Option<Packet> {
        let grtt = self.receivers.grtt();
        let members = self.receivers.members();
        let is_lossy = || members.iter().any(|(_, member)| member.loss > LOSSY_SHARE);
        self.lifecycle.take_eot(self.now, grtt, is_lossy).then_some(Packet::Eot)
    }

    /// What is sent in a pause: probes that keep receivers waiting, for us or for another sender.
    pub(crate) fn pause_probe(&mut self) -> Option<Packet> {
        let cc_sequence = self.lifecycle.pause_probe(self.now)?;
        let watch = if self.lifecycle.is_stopped() { STOPPED } else { PAUSED };
        Some(self.probe_packet(cc_sequence, Some(watch), Vec::new()))
    }

    /// CMD(FLUSH) at the end of what was sent; with receivers listed it is the watermark that asks
    /// them to confirm (RFC 5740 §4.2.3.1, §5.5.3).
    pub(crate) fn flush(&mut self) -> Option<Packet> {
        if !self.lifecycle.flush_mut().is_due(self.now) {
            return None;
        }
        // While a stream goes on, no receiver is asked to confirm anything.
        let limit = if self.lifecycle.is_all_sent() { self.list_limit() } else { 0 };
        let (members, grtt) = (self.receivers.members(), self.receivers.grtt());
        let nodes = self.lifecycle.flush_mut().sent(self.now, grtt, members, limit);
        let (object, payload_id) = self.content.watermark()?;
        Some(Packet::Flush(Flush { object, payload_id, nodes }))
    }

    /// Most node ids in a list.
    fn list_limit(&self) -> usize {
        self.config.command_room() / NODE_BYTES
    }

    fn answer(&mut self, answer: Answer) -> Option<Packet> {
        match answer {
            Answer::Squelch => {
                let (object, payload_id) = self.content.oldest_kept()?;
                Some(Packet::Squelch(object, payload_id))
            }
            Answer::RepairAdv => Some(Packet::RepairAdv),
            Answer::Collision { node, keeper } => {
                Some(own_command(MembershipQuery::Collision { node, keeper }))
            }
            Answer::Moved => {
                let moved = self.content.objects().moved();
                (moved.layouts > 0).then(|| Packet::SizeProbe(self.path.probe(0, moved)))
            }
            Answer::Evict { node } => {
                if !self.config.mode.sends_evictions() {
                    return None;
                }
                let identity = self.receivers.members().identity(node)?;
                let group = self.config.slow.and_then(|slow| slow.separate_group);
                Some(own_command(MembershipQuery::Evict { node, identity, group }))
            }
        }
    }

    fn probe(&mut self) -> Packet {
        let cc_sequence = self.lifecycle.probe_mut().sent(self.now);
        let sending = self.lifecycle.is_sending();
        let start = ProbeStart { cc_sequence, total: self.total, sending };
        let content = self.rate.probe(self.now, start, self.receivers);
        if let Some(next) = content.next {
            self.lifecycle.probe_mut().schedule(next);
        }
        self.probe_packet(cc_sequence, content.watch, content.nodes)
    }

    fn probe_packet(&self, cc_sequence: u16, watch: Option<Watch>, nodes: Vec<CcNode>) -> Packet {
        let extension = if self.config.mode.sends_rate() {
            let bits = self.rate.get().unwrap_or(UNLIMITED_RATE);
            ProbeExtension::Rate(QuantizedRate::from_bytes_per_second(bits as f64 / 8.0))
        } else {
            watch.map_or(ProbeExtension::None, ProbeExtension::Watch)
        };
        let send_time = WireTime::from_nanos(self.now.as_nanos());
        Packet::Probe(Probe { cc_sequence, send_time, nodes, extension })
    }

    /// A probe that goes before the query.
    fn size_probe(&mut self) -> Option<Packet> {
        let count = self.receivers.members().len().max(self.lifecycle.expected());
        let probe = self.path.next_probe(count, self.content.objects().moved())?;
        Some(Packet::SizeProbe(probe))
    }

    fn query(&mut self) -> Packet {
        let query = self.lifecycle.query(self.now, self.receivers);
        self.path.query_sent(self.now, query.round);
        let answer_time = query.spread + self.receivers.grtt() * 2;
        self.receivers.members_mut().note_query(Some(answer_time));
        let members = self.receivers.members();
        let content = MembershipQuery::Query {
            round: query.round,
            window_ms: u32::try_from(query.spread.as_millis()).unwrap_or(u32::MAX),
            send_time: WireTime::from_nanos(self.now.as_nanos()),
            confirmed: u32::try_from(members.confirmed()).unwrap_or(u32::MAX),
            listed: u32::try_from(members.announced()).unwrap_or(u32::MAX),
        };
        let mut bytes = Vec::with_capacity(96);
        let limit = self.config.command_room();
        content.emit_named(self.lifecycle.sender_name(), limit, &mut bytes);
        Packet::Membership(Bytes::from(bytes))
    }

    /// Asks receivers how much they can take, when that is due.
    fn window_question(&mut self) -> Option<Packet> {
        let current = self.content.current();
        let useful = self.lifecycle.is_sending()
            && !self.content.is_in_passes()
            && self.config.mode.has_receive_windows()
            && current.is_some_and(SendObject::has_flow_control);
        let (bytes, members) = (self.content.position().bytes(), self.receivers.members());
        if !useful
            || !self.flow.must_ask(self.now, bytes, self.receivers.grtt())
            || members.all_settled()
        {
            return None;
        }
        let rate = &*self.rate;
        let heeded = |node: NodeId| members.is_active(node) && !rate.leaves_out(node);
        let (limit, pacing) = (self.list_limit(), rate.pacing());
        let question = self.flow.ask(self.now, bytes, members, heeded, limit, pacing);
        let (ack_id, nodes) = (question.ack_id, question.nodes);
        Some(Packet::AckRequest(AckRequest { ack_type: ACK_WINDOW, ack_id, nodes }))
    }

    /// FLUSH of what was sent last, for receivers that came too late to begin with it by
    /// themselves.
    fn late_joiners(&mut self) -> Option<Packet> {
        let next = self.receivers.late_joiners().next();
        if next.is_none_or(|next| self.now < next) {
            return None;
        }
        let grtt = self.receivers.grtt();
        let newest = self.content.newest_sent().filter(|_| !self.lifecycle.is_all_sent());
        let Some((object, payload_id)) = newest else {
            self.receivers.late_joiners_mut().clear();
            return None;
        };
        let nodes = self.receivers.late_joiners_mut().take(self.now, grtt);
        Some(Packet::Flush(Flush { object, payload_id, nodes }))
    }

    fn ack_request(&mut self) -> Option<Packet> {
        let (grtt, limit) = (self.receivers.grtt(), self.list_limit());
        let question = self.lifecycle.ack_requests_mut().take(self.now, grtt, limit)?;
        let (ack_type, ack_id, nodes) = (question.ack_type, question.ack_id, question.nodes);
        Some(Packet::AckRequest(AckRequest { ack_type, ack_id, nodes }))
    }
}

/// One of our own commands.
fn own_command(command: MembershipQuery) -> Packet {
    let mut content = Vec::with_capacity(64);
    command.emit(&mut content);
    Packet::Membership(Bytes::from(content))
}
