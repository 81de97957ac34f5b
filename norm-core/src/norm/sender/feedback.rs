//! Takes what receivers say: NACK, ACK, REPORT (RFC 5740 §4.3, §5.4).

use core::time::Duration;

use super::config::{FeedbackFrom, SenderConfig};
use super::emit::{PendingAnswers, Written};
use super::event::{Events, SenderEvent, SenderStats};
use super::flow::FlowControl;
use super::lifecycle::Lifecycle;
use super::objects::Content;
use super::path_mtu::{PathMtu, Verdict};
use super::rate::slow::TransferView;
use super::rate::{PathFeedback, SendRate};
use super::receivers::{
    Attendance, GroupTiming, Heard, Member, MemberStatus, Receivers, Speaker, leaves,
};
use super::repair::{NackSource, Repair, read_nack};
use super::slowest::SlowestWatch;
use crate::base::Timestamp;
use crate::endpoint::Datagram;
use crate::norm::wire::{
    ACK_FLUSH, ACK_WINDOW, Ack, AckFlush, CcFlags, Extensions, Identity, InstanceId, MemberReport,
    MemberState, Message, Nack, NodeId, RawPayloadId, ReceiveWindow, WireTime,
};

/// Whether what a receiver says of itself counts.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Trust {
    /// It is listed, and speaks from the address that it is listed with.
    Member,
    /// Any other.
    Unannounced,
}

/// One datagram of feedback, and the parts that it may change.
#[derive(Debug)]
pub(super) struct Feedback<'a> {
    pub(super) now: Timestamp,
    pub(super) config: &'a SenderConfig,
    pub(super) instance: InstanceId,
    pub(super) written: Written,
    pub(super) content: &'a mut Content,
    pub(super) repair: &'a mut Repair,
    pub(super) receivers: &'a mut Receivers,
    pub(super) flow: &'a mut FlowControl,
    pub(super) rate: &'a mut SendRate,
    pub(super) slowest: &'a mut SlowestWatch,
    pub(super) lifecycle: &'a mut Lifecycle,
    pub(super) path: &'a mut PathMtu,
    pub(super) answers: &'a mut PendingAnswers,
    pub(super) stats: &'a mut SenderStats,
    pub(super) events: &'a mut Events,
}

impl Feedback<'_> {
    /// Takes a datagram; tells when the length of packets is to be acted on.
    pub(super) fn take(&mut self, datagram: &Datagram<'_>) -> Option<Verdict> {
        let Ok((header, message)) = Message::parse(datagram.payload) else {
            self.stats.malformed += 1;
            return None;
        };
        let node = header.source;
        if node == NodeId::NONE || node == NodeId::ANY {
            self.stats.not_ours += 1;
            return None;
        }
        let speaker = Speaker::new(node, datagram.source, datagram.proof);
        match message {
            Message::Nack(nack) if self.is_ours(nack.sender, nack.instance) => {
                self.take_nack(speaker, &nack, datagram.to_group);
            }
            Message::Ack(ack) if self.is_ours(ack.sender, ack.instance) => {
                self.take_ack(speaker, &ack);
            }
            Message::Report(report) => match MemberReport::parse(report.content) {
                Some(report) if self.is_ours(report.sender, report.instance) => {
                    if !self.attends(speaker, &report) {
                        return None;
                    }
                    self.take_report(speaker, &report);
                    return self.take_size(node, &report);
                }
                _ => self.stats.not_ours += 1,
            },
            _ => self.stats.not_ours += 1,
        }
        None
    }

    fn is_ours(&self, sender: NodeId, instance: InstanceId) -> bool {
        sender == self.config.node && instance == self.instance
    }

    fn group(&self) -> GroupTiming {
        self.receivers.group(self.lifecycle.is_counted(), self.content.is_streaming())
    }

    /// Whether a receiver that reports is expected; says so of one that is not.
    fn attends(&mut self, speaker: Speaker, report: &MemberReport<'_>) -> bool {
        let node = speaker.node;
        match self.receivers.attend(self.now, speaker, report) {
            Attendance::Expected => true,
            Attendance::Replaces(from) => {
                self.events.push(SenderEvent::ReceiverMoved { from, to: node });
                true
            }
            Attendance::Ignored { reason, first } => {
                self.stats.unexpected += 1;
                if first {
                    let (name, address) = (report.name.to_owned(), speaker.address);
                    let event = SenderEvent::ReceiverIgnored { node, name, address, reason };
                    self.events.push_report(event);
                }
                false
            }
        }
    }

    /// Whether a receiver counts that does not say its name. One that may be expected is asked for
    /// it.
    fn counts(&mut self, speaker: Speaker) -> bool {
        let counts = self.receivers.is_expected(speaker);
        if !counts {
            self.stats.unexpected += 1;
            if self.receivers.may_expect(speaker) {
                self.lifecycle.note_unannounced(self.now);
            }
        }
        counts
    }

    fn take_nack(&mut self, speaker: Speaker, nack: &Nack<'_>, to_group: bool) {
        if !self.counts(speaker) {
            return;
        }
        self.stats.nacks += 1;
        self.content.note_nack(self.now);
        let node = speaker.node;
        let trust = self.hear(speaker, None, "", nack.grtt_response);
        if trust == Trust::Member && self.passes_over(node) {
            return;
        }
        self.receivers.late_joiners_mut().confirm(node);
        if trust == Trust::Member {
            self.take_path(node, nack.grtt_response, nack.extensions, true);
        }
        if self.content.is_in_passes() {
            // It comes again by itself.
            self.stats.ignored_requests += 1;
        } else {
            self.take_needs(node, trust, nack);
        }
        self.receivers.note_nack(to_group);
        if !to_group && self.group().has_suppression() {
            self.answers.advertise(self.now, self.receivers.grtt());
        }
    }

    fn take_ack(&mut self, speaker: Speaker, ack: &Ack<'_>) {
        if !self.counts(speaker) {
            return;
        }
        self.stats.acks += 1;
        let node = speaker.node;
        if self.hear(speaker, None, "", ack.grtt_response) == Trust::Unannounced {
            return;
        }
        let passed_over = self.passes_over(node);
        if !passed_over {
            self.take_path(node, ack.grtt_response, ack.extensions, false);
        }
        match ack.ack_type {
            ACK_WINDOW if passed_over => {}
            ACK_WINDOW => {
                if let Some(window) = ReceiveWindow::parse(ack.payload) {
                    let pacing = self.rate.pacing();
                    self.flow.answered(self.now, node, ack.ack_id, window, pacing);
                }
            }
            ACK_FLUSH => self.take_confirmation(node, ack),
            _ => self.lifecycle.ack_requests_mut().answered(node, ack.ack_type, ack.ack_id),
        }
    }

    /// Notes that a receiver lives, and how far away it is.
    fn hear(
        &mut self,
        speaker: Speaker,
        identity: Option<Identity>,
        name: &str,
        response: WireTime,
    ) -> Trust {
        let (now, node) = (self.now, speaker.node);
        let rtt = round_trip(now, response);
        match self.receivers.heard(now, speaker, identity, self.content.current_block()) {
            Heard::New => {
                self.lifecycle.note_newcomer(now, self.receivers.grtt());
                self.rate.note_newcomer(node);
                self.note_late_joiner(node);
                self.events.push(SenderEvent::ReceiverFound {
                    node,
                    name: name.to_owned(),
                    address: speaker.address,
                });
            }
            Heard::Moved(from) => self.events.push(SenderEvent::ReceiverMoved { from, to: node }),
            Heard::Known => {}
            Heard::Unannounced => {
                self.lifecycle.note_unannounced(now);
                if let Some(rtt) = rtt.filter(|_| self.config.feedback == FeedbackFrom::All) {
                    self.receivers.measured_unlisted(rtt);
                }
                return Trust::Unannounced;
            }
            Heard::Unlisted => {
                self.stats.unlisted += 1;
                return Trust::Unannounced;
            }
            Heard::Collision(keeper) => {
                self.answers.collision(now, node, keeper);
                return Trust::Unannounced;
            }
        }
        // Only a receiver that has announced itself and is waited for may stretch the timers.
        let ignored = self.rate.leaves_out(node) || self.receivers.members().is_evicted(node);
        if let Some(rtt) = rtt.filter(|_| !ignored) {
            self.receivers.measured(node, rtt);
        }
        Trust::Member
    }

    /// A receiver that has missed the beginning of the object that is being sent sends no query.
    /// When all is sent, every receiver is listed anyway.
    fn note_late_joiner(&mut self, node: NodeId) {
        if self.content.is_late_to_join() && self.config.mode.lists_late_joiners() {
            self.receivers.late_joiners_mut().add(node);
        }
    }

    /// True when a receiver that was heard is to be ignored: it was evicted, which it is told
    /// again, or it is left out at present.
    fn passes_over(&mut self, node: NodeId) -> bool {
        let Some(slow) = self.rate.slow_mut() else { return false };
        if slow.leaves_out(node) {
            return true;
        }
        let evicted = self.receivers.members().is_evicted(node);
        if evicted && slow.repeats_notice(self.now) {
            self.answers.evict(node);
        }
        evicted
    }

    /// A receiver's view of its path, if it tells one; `nack` when it came in a NACK.
    fn take_path(
        &mut self,
        node: NodeId,
        response: WireTime,
        extensions: Extensions<'_>,
        nack: bool,
    ) {
        let Some(feedback) = extensions.cc_feedback() else { return };
        let Some(rtt) = round_trip(self.now, response) else { return };
        if !feedback.flags.contains(CcFlags::RTT) {
            self.receivers.rtt_notices_mut().add(node, rtt, feedback.rate);
        }
        let report = extensions.path_report();
        if let Some(report) = &report {
            self.slowest.note_path(node, report);
        }
        let receivers = self.receivers.members().announced();
        let path = PathFeedback { node, rtt, feedback: &feedback, report, nack, receivers };
        if let Some(next) = self.rate.take(self.now, &path, self.lifecycle.is_sending()) {
            self.lifecycle.probe_mut().schedule(next);
        }
    }

    /// What a NACK asks for.
    fn take_needs(&mut self, node: NodeId, trust: Trust, nack: &Nack<'_>) {
        let now = self.now;
        let is_member = trust == Trust::Member;
        let member = self.receivers.members().get(node).filter(|_| is_member);
        let joined = member.map_or(u64::MAX, Member::joined);
        let mut read = read_nack(self.content, nack);
        self.stats.ignored_requests += read.ignored;
        if read.squelch && !self.content.objects().is_empty() {
            self.answers.squelch(now, self.receivers.grtt());
        }
        if read.moved {
            self.answers.moved(now, self.receivers.grtt());
        }
        let trusted = is_member || self.config.feedback == FeedbackFrom::All;
        if !trusted {
            let packets = self.stats.packets;
            let cut = self.repair.limit_unannounced(now, packets, &mut read.needs);
            self.stats.ignored_requests += cut;
        }
        let heard = nack.extensions.heard().and_then(|newest| self.written.up_to(newest));
        let (source, group) = (NackSource { joined, trusted, heard }, self.group());
        let gather = group.gather_time();
        let taken = self.repair.take(now, read.needs, self.content, source, gather);
        self.stats.ignored_requests += taken.ignored;
        if let Some(oldest) = taken.oldest.filter(|_| is_member) {
            self.flow.lag_mut().note(now, oldest, group.nack_cycle());
        }
    }

    /// A receiver confirms a watermark; only the newest counts.
    fn take_confirmation(&mut self, node: NodeId, ack: &Ack<'_>) {
        let Ok(flush) = AckFlush::parse(ack.payload) else {
            self.stats.malformed += 1;
            return;
        };
        // Some fill in another source block length (FEC id 129), which says nothing here.
        let format = self.content.scheme().payload_format();
        let place = |id: RawPayloadId| id.decode(format).map(|id| (id.block, id.symbol));
        let newest = self.content.watermark().is_some_and(|(object, id)| {
            object == flush.object && place(id) == place(flush.payload_id)
        });
        if newest
            && self.lifecycle.is_all_sent()
            && self.receivers.members_mut().set_status(node, MemberStatus::Confirmed)
        {
            self.events.push(SenderEvent::ReceiverConfirmed { node });
        }
    }

    fn take_report(&mut self, speaker: Speaker, report: &MemberReport<'_>) {
        self.stats.reports += 1;
        let (node, gathering) = (speaker.node, self.lifecycle.is_gathering());
        if gathering && self.receivers.leaves_again(report) {
            return;
        }
        let identity = Some(report.identity);
        let trust = self.hear(speaker, identity, report.name, report.grtt_response);
        if trust == Trust::Unannounced {
            return;
        }
        self.watch_loss(node, report.loss);
        let evicted = self.receivers.members().is_evicted(node);
        if evicted {
            self.passes_over(node);
        }
        let Some(status) = self.receivers.note_report(node, report) else { return };
        let over = leaves(report.state);
        if evicted {
            return;
        }
        // In passes no watermark asks for a confirmation.
        if report.state == MemberState::Complete
            && self.content.is_in_passes()
            && self.receivers.members_mut().set_status(node, MemberStatus::Confirmed)
        {
            self.events.push(SenderEvent::ReceiverConfirmed { node });
        }
        let reason = || report.reason.to_owned();
        if over && gathering {
            self.receivers.members_mut().forget(node);
            self.events.push(SenderEvent::ReceiverFailed { node, reason: reason() });
        } else if over && status != MemberStatus::Confirmed {
            if self.receivers.members_mut().set_status(node, MemberStatus::Failed) {
                self.events.push(SenderEvent::ReceiverFailed { node, reason: reason() });
            }
        } else {
            self.events.push_report(SenderEvent::ReceiverReport {
                node,
                name: report.name.to_owned(),
                address: speaker.address,
                state: report.state,
                bytes_done: report.bytes_done,
                bytes_total: report.bytes_total,
                loss: report.loss,
                drops: report.drops,
                ce_marked: report.ce_marked,
            });
        }
    }

    /// A receiver reports the longest packet that it got.
    fn take_size(&mut self, node: NodeId, report: &MemberReport<'_>) -> Option<Verdict> {
        let member = self.receivers.members().get(node)?;
        if !member.is_active() || member.identity != report.identity {
            return None;
        }
        let answer = self.path.answer(report.round, report.largest_heard);
        let evidence = self.receivers.members_mut().note_sizes(node, &answer);
        self.path.judge(self.now, node, evidence, self.receivers.members())
    }

    /// A receiver reports what it loses: it may be evicted.
    fn watch_loss(&mut self, node: NodeId, loss: u16) {
        let (now, sent) = (self.now, self.stats.bytes);
        let Some(slow) = self.rate.slow_mut() else { return };
        let view = TransferView::new(now, self.lifecycle, self.receivers, None, sent);
        slow.note_loss(now, node, loss, &view, self.receivers.members_mut(), self.events);
    }
}

/// How long an echo took. The wire carries 32-bit seconds of our own clock; zero is none, and later
/// than now is an error or a lie.
fn round_trip(now: Timestamp, response: WireTime) -> Option<Duration> {
    let sent = Some(response).filter(|response| !response.is_zero())?.to_nanos();
    now.as_nanos().checked_sub(sent).map(Duration::from_nanos)
}
