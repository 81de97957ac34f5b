//! Takes what receivers say: NACK, ACK, REPORT (RFC 5740 §4.3, §5.4).

pub(crate) use super::Sender;
pub(crate) use super::emit::compose::Urgent;
pub(crate) use super::event::SenderEvent;
pub(crate) use super::receivers::member::{MemberStatus, Peer};
pub(crate) use super::receivers::table::Heard;
pub(crate) use super::repair::table::BlockNeed;
pub(crate) use crate::base::Timestamp;
pub(crate) use crate::base::range_set::RangeSet;
pub(crate) use crate::endpoint::Datagram;
pub(crate) use crate::fec::{EXTRA_SYMBOLS, Scheme};
pub(crate) use crate::norm::wire::{
    ACK_FLUSH, ACK_WINDOW, Ack, AckFlush, CcFlags, Extensions, Identity, InstanceId, MemberReport,
    MemberState, Message, Nack, NodeId, ObjectId, PayloadId, RawPayloadId, ReceiveWindow,
    RepairFlags, RepairForm, RepairItem, RepairRequest, WireTime,
};
pub(crate) use core::net::SocketAddr;
pub(crate) use core::ops::Range;
pub(crate) use core::time::Duration;

/// Answers waiting to be sent at most.
pub(crate) const MAX_URGENT: usize = 16;

/// At most one answer to a node id that is taken in this time.
pub(crate) const COLLISION_PAUSE: Duration = Duration::from_millis(50);

/// Whether what somebody says of itself counts.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It is listed, and speaks from the address that it is listed with.
    Member,
    /// Anybody.
    Stranger,
}

impl Sender {
    pub(crate) fn take_feedback(&mut self, now: Timestamp, datagram: &Datagram<'_>) {
        let Ok((header, message)) = Message::parse(datagram.payload) else {
            self.stats.malformed += 1;
            return;
        };
        let (node, to_group) = (header.source, datagram.to_group);
        if node == NodeId::NONE || node == NodeId::ANY {
            self.stats.not_ours += 1;
            return;
        }
        let from = (node, datagram.source);
        match message {
            Message::Nack(nack) if self.is_ours(nack.sender, nack.instance) => {
                self.stats.nacks += 1;
                self.cache.repair_wanted(now);
                let trust = self.hear(now, from, None, "", nack.grtt_response);
                if trust == Trust::Member && self.passes_over(now, node) {
                    return;
                }
                self.welcome.seat(node);
                if trust == Trust::Member {
                    self.take_congestion(now, node, nack.grtt_response, nack.extensions, true);
                }
                self.take_nack(now, node, trust, &nack, to_group);
            }
            Message::Ack(ack) if self.is_ours(ack.sender, ack.instance) => {
                self.stats.acks += 1;
                if self.hear(now, from, None, "", ack.grtt_response) == Trust::Member {
                    let over = self.passes_over(now, node);
                    if !over {
                        self.take_congestion(now, node, ack.grtt_response, ack.extensions, false);
                    }
                    if !over || ack.ack_type != ACK_WINDOW {
                        self.take_ack(now, node, &ack);
                    }
                }
            }
            Message::Report(report) => match MemberReport::parse(report.content) {
                Some(report) if self.is_ours(report.sender, report.instance) => {
                    self.stats.reports += 1;
                    self.take_report(now, from, &report);
                }
                _ => self.stats.not_ours += 1,
            },
            _ => self.stats.not_ours += 1,
        }
    }

    pub(crate) fn is_ours(&self, sender: NodeId, instance: InstanceId) -> bool {
        sender == self.config.node && instance == self.instance
    }

    /// Notes that a receiver lives, and how far away it is.
    pub(crate) fn hear(
        &mut self,
        now: Timestamp,
        from: (NodeId, SocketAddr),
        identity: Option<Identity>,
        name: &str,
        response: WireTime,
    ) -> Trust {
        let (node, address) = from;
        let cursor = self.cursor_block();
        let heard = if node == self.config.node {
            // Our own id is taken.
            Heard::Collision(Identity([0; 16]))
        } else {
            self.members.heard(now, (node, Peer::new(address)), identity, cursor)
        };
        match heard {
            Heard::New => {
                self.session.newcomer(now);
                self.welcome_late(node);
                let name = name.to_owned();
                self.event(SenderEvent::ReceiverFound { node, name, address });
            }
            Heard::Moved(from) => self.event(SenderEvent::ReceiverMoved { from, to: node }),
            Heard::Known => {}
            Heard::Stranger => {
                self.session.stranger(now, !self.config.trust_unannounced);
                if let Some(rtt) =
                    round_trip(now, response).filter(|_| self.config.trust_unannounced)
                {
                    self.grtt.sample(rtt);
                }
                return Trust::Stranger;
            }
            Heard::Unlisted => {
                self.stats.unlisted += 1;
                return Trust::Stranger;
            }
            Heard::Collision(keeper) => {
                if now >= self.session.collide_from {
                    self.session.collide_from = now + COLLISION_PAUSE;
                    self.push_urgent(Urgent::Collision { node, keeper });
                }
                return Trust::Stranger;
            }
        }
        // Only who has said who it is may stretch the timers, and only who is waited for.
        let left_out = self.leaves_out(node) || self.members.is_ejected(node);
        if let Some(rtt) = round_trip(now, response).filter(|_| !left_out) {
            let believed = self.members.get_mut(node).and_then(|member| member.believe(rtt));
            if let Some(rtt) = believed.or((!self.grtt.is_measured()).then_some(rtt)) {
                self.grtt.sample(rtt);
            }
        }
        Trust::Member
    }

    /// A receiver's view of its path, if it tells one; `nack` when it came in a NACK.
    pub(crate) fn take_congestion(
        &mut self,
        now: Timestamp,
        node: NodeId,
        response: WireTime,
        extensions: Extensions<'_>,
        nack: bool,
    ) {
        let Some(heard) = extensions.cc_feedback() else { return };
        let Some(rtt) = round_trip(now, response) else { return };
        if !heard.flags.contains(CcFlags::RTT) {
            self.untold.note(node, rtt, heard.rate);
        }
        self.take_view(now, node, rtt, (&heard, extensions.path_report()), nack);
    }

    /// One that has missed the beginning of what is being sent, and calls no roll. A stream is begun
    /// anywhere, and when all is sent everybody is listed anyway.
    pub(crate) fn welcome_late(&mut self, node: NodeId) {
        let object = self.objects.get(self.cursor.key);
        let late = object.is_some_and(|o| o.stream.is_none()) && self.cursor.place().block > 0;
        if late && self.config.mode.lists_late_joiners() {
            self.welcome.invite(node);
        }
    }

    pub(crate) fn push_urgent(&mut self, urgent: Urgent) {
        if self.urgent.len() < MAX_URGENT && !self.urgent.contains(&urgent) {
            self.urgent.push_back(urgent);
        }
    }

    pub(crate) fn take_report(
        &mut self,
        now: Timestamp,
        from: (NodeId, SocketAddr),
        report: &MemberReport<'_>,
    ) {
        let (node, identity) = (from.0, Some(report.identity));
        let leaves = matches!(report.state, MemberState::Failed | MemberState::Leaving);
        if self.session.is_gathering() && self.session.is_leaving(report.identity, leaves) {
            // It says again that it goes.
            return;
        }
        let trust = self.hear(now, from, identity, report.name, report.grtt_response);
        if trust == Trust::Stranger {
            return;
        }
        self.watch_loss(now, node, report.loss);
        let ejected = self.members.is_ejected(node);
        if ejected {
            self.passes_over(now, node);
        }
        let Some(member) = self.members.get_mut(node) else { return };
        member.bytes_done = report.bytes_done;
        member.loss = report.loss;
        member.state = report.state;
        let over = matches!(report.state, MemberState::Failed | MemberState::Leaving);
        if ejected {
            return;
        }
        if over && self.session.is_gathering() {
            self.members.forget(node);
            self.event(SenderEvent::ReceiverFailed { node, reason: report.reason.to_owned() });
        } else if over && member.status != MemberStatus::Confirmed {
            if self.members.set_status(node, MemberStatus::Failed) {
                let reason = report.reason.to_owned();
                self.event(SenderEvent::ReceiverFailed { node, reason });
            }
        } else if self.events.len() < super::MAX_EVENTS {
            self.event(SenderEvent::ReceiverReport {
                node,
                name: report.name.to_owned(),
                address: from.1,
                state: report.state,
                bytes_done: report.bytes_done,
                bytes_total: report.bytes_total,
                loss: report.loss,
                drops: report.drops,
                ce_marked: report.ce_marked,
            });
        }
    }

    pub(crate) fn take_ack(&mut self, now: Timestamp, node: NodeId, ack: &Ack<'_>) {
        if ack.ack_type == ACK_WINDOW {
            if let Some(credit) = ReceiveWindow::parse(ack.payload) {
                let paced = self.is_paced();
                self.window.answered(now, node, ack.ack_id, credit, paced);
            }
            return;
        }
        if ack.ack_type != ACK_FLUSH {
            self.take_application_ack(node, ack);
            return;
        }
        let Ok(flush) = AckFlush::parse(ack.payload) else {
            self.stats.malformed += 1;
            return;
        };
        // Some fill in another source block length (FEC id 129), which says nothing here.
        let format = self.payload_format();
        let place = |id: RawPayloadId| id.decode(format).map(|id| (id.block, id.symbol));
        let newest = self.watermark().is_some_and(|(object, id)| {
            object == flush.object && place(id) == place(flush.payload_id)
        });
        if newest
            && self.session.all_sent.is_some()
            && self.members.set_status(node, MemberStatus::Confirmed)
        {
            self.event(SenderEvent::ReceiverConfirmed { node });
        }
    }

    pub(crate) fn take_application_ack(&mut self, node: NodeId, ack: &Ack<'_>) {
        let Some(request) = &mut self.session.ack_request else { return };
        if (request.ack_type, request.ack_id) != (ack.ack_type, ack.ack_id) {
            return;
        }
        let before = request.pending.len();
        request.pending.retain(|&pending| pending != node);
        request.answers += before - request.pending.len();
    }

    /// Says what can be repaired at all; at most once per two round trips (RFC 5740 §5.4.3).
    pub(crate) fn squelch(&mut self, now: Timestamp) {
        if now >= self.session.squelch_from && !self.objects.is_empty() {
            self.session.squelch_from = now + self.grtt.get() * 2;
            self.push_urgent(Urgent::Squelch);
        }
    }
}

/// How long an echo took. The wire carries 32-bit seconds of our own clock; zero is none, and later
/// than now is an error or a lie.
fn round_trip(now: Timestamp, response: WireTime) -> Option<Duration> {
    let sent = Some(response).filter(|response| !response.is_zero())?.to_nanos();
    now.as_nanos().checked_sub(sent).map(Duration::from_nanos)
}
