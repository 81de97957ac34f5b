//! Does what senders' commands ask for (RFC 5740 §4.2.3).

use core::time::Duration;

use bytes::Bytes;

use super::event::ReceiverEvent;
use super::needs::DueBound;
use super::overhear::overheard;
use super::remote::{AckDue, Remote};
use super::{Feedback, Receiver};
use crate::base::Timestamp;
use crate::endpoint::{ObjectRef, SenderId, SymbolStore};
use crate::norm::wire::{
    ACK_WINDOW, AckReq, Cmd, Command, Extensions, Flush, MembershipQuery, NodeId, NodeList,
    ReceiveWindow, Squelch,
};

impl<S: SymbolStore> Receiver<S> {
    pub(super) fn take_command(
        &mut self,
        now: Timestamp,
        index: SenderId,
        cmd: &Cmd<'_>,
        waited: Duration,
    ) {
        match &cmd.command {
            Command::Flush(flush) => self.take_flush(now, index, flush),
            Command::Eot(_) => self.take_goodbye(index),
            Command::Squelch(squelch) => self.take_squelch(index, squelch),
            Command::Cc(cc) => {
                let rate = cmd.extensions.rate();
                self.with_remote(index, |this, remote| {
                    remote.foreign |= rate.is_some();
                    this.take_probe((now, waited), remote, cc, cmd.extensions);
                });
            }
            Command::RepairAdv(adv) => self.with_remote(index, |_, remote| {
                overheard(now, remote, adv.requests);
                remote.overhear_cc(now, cmd.extensions.cc_feedback());
            }),
            Command::AckReq(request) => self.take_ack_request(now, index, request),
            Command::Application(application) => {
                match MembershipQuery::parse(application.content) {
                    Some(call) => self.take_membership_query(now, index, &call),
                    None => {
                        let content = Bytes::copy_from_slice(application.content);
                        self.event(ReceiverEvent::Command { sender: index, content });
                    }
                }
            }
        }
    }

    fn take_flush(&mut self, now: Timestamp, index: SenderId, flush: &Flush<'_>) {
        let listed = flush.acking.iter().any(|node| node == self.node);
        let Some(key) = self.key_of(index, flush.object) else { return };
        if !self.synchronise(index, key, false, listed) {
            return;
        }
        self.note_scheme(index, flush.fec_id, Extensions::EMPTY);
        let wait = self.answer_delay(index);
        let node = self.node;
        let silent = self.config.feedback == Feedback::None;
        let watermark = (flush.fec_id, flush.object, flush.payload_id);
        let mut released = false;
        self.with_remote(index, |this, remote| {
            remote.newest = remote.newest.max(key);
            let at = flush.payload_id.decode(remote.format);
            if flush.payload_id.is_before_first(remote.format) {
                remote.note_empty(key);
            }
            let mut due = remote.flushed(key, at);
            let stream = remote.objects.get_mut(&key).and_then(|o| o.stream.as_deref_mut());
            let mut read = None;
            if let Some((stream, at)) = stream.zip(at) {
                let block = stream.flushed(at.block, at.symbol);
                due = DueBound { key, block };
                read = Some(stream.has_read(at.block, at.symbol));
            }
            remote.make_due(due);
            this.check_repairs(now, remote);
            // Of a stream that goes on, what the flush names must have been read.
            let confirmed = match read {
                Some(read) => read && remote.confirmed_before(key),
                None => remote.confirmed_through(key),
            };
            if !confirmed {
                return;
            }
            if listed && !silent && remote.ack.is_none() {
                remote.ack = Some(AckDue {
                    at: now + wait,
                    ack_type: crate::norm::wire::ACK_FLUSH,
                    ack_id: 0,
                    watermark: Some(watermark),
                });
            }
            let acked = remote.acked == Some(watermark);
            let heard = !listed && acked && passes_over(flush.acking, node, remote);
            if listed && acked {
                remote.name.asked_again = remote.name.asked_again.saturating_add(1);
            } else if !acked || heard {
                remote.name.asked_again = 0;
            }
            released = heard && !remote.released;
            remote.released |= heard;
        });
        if released {
            self.event(ReceiverEvent::Released { sender: index });
        }
        self.mend_name(now, index);
    }

    /// The sender closes: one that has had our confirmation will not ask for it again.
    fn take_goodbye(&mut self, index: SenderId) {
        let mut released = false;
        self.with_remote(index, |_, remote| {
            remote.said_goodbye = true;
            released = remote.acked.is_some() && !remote.released;
            remote.released |= released;
        });
        if released {
            self.event(ReceiverEvent::Released { sender: index });
        }
    }

    fn take_ack_request(&mut self, now: Timestamp, index: SenderId, request: &AckReq<'_>) {
        // CC acknowledgments belong to congestion control, FLUSH ones to FLUSH (§4.2.3.6).
        let ours = request.ack_type >= 16 && request.acking.iter().any(|node| node == self.node);
        if !ours || self.config.feedback == Feedback::None {
            return;
        }
        let (ack_type, ack_id) = (request.ack_type, request.ack_id);
        if ack_type == ACK_WINDOW {
            let (room, burst) = (self.room(), self.config.socket_buffer);
            self.with_remote(index, |_, remote| {
                // The sender may stop within one block, and has begun another.
                let room = room.saturating_sub(remote.block_bytes(remote.position.key) * 2);
                remote.credit = Some((now, ack_id, ReceiveWindow { bytes: room, burst }));
            });
            return;
        }
        let wait = self.answer_delay(index);
        self.with_remote(index, |_, remote| {
            if remote.ack.is_none() {
                let at = now + wait;
                remote.ack = Some(AckDue { at, ack_type, ack_id, watermark: None });
            }
        });
    }

    fn take_squelch(&mut self, index: SenderId, squelch: &Squelch<'_>) {
        let Some(first) = self.key_of(index, squelch.object) else { return };
        let invalid: Vec<u64> =
            squelch.invalid.iter().filter_map(|id| self.key_of(index, id)).collect();
        let Some(remote) = self.remotes.get_mut(&index) else { return };
        let Some(from) = remote.want_from else { return };
        let before: Vec<u64> = remote.objects.range(..first).map(|(&key, _)| key).collect();
        remote.want_from = Some(from.max(first));
        let listed = invalid.into_iter().filter(|key| *key >= first);
        let gone: Vec<u64> = before.into_iter().chain(listed).collect();
        let format = remote.format;
        let stream = remote.objects.get_mut(&first).and_then(|o| o.stream.as_deref_mut());
        if let Some((stream, at)) = stream.zip(squelch.payload_id.decode(format)) {
            stream.squelched(at.block);
        }
        for key in gone {
            self.abort_object(ObjectRef { sender: index, key });
        }
    }

    fn take_membership_query(&mut self, now: Timestamp, index: SenderId, call: &MembershipQuery) {
        match *call {
            MembershipQuery::Query { round, window_ms, send_time, listed, .. } => {
                let window = Duration::from_millis(u64::from(window_ms.min(600_000)));
                let wait = self.random_part(window);
                self.with_remote(index, |_, remote| {
                    remote.note_probe(now, send_time);
                    let late = remote.timing.grtt * 4;
                    remote.unheard |=
                        listed == 0 && remote.reported.is_some_and(|at| now > at + late);
                    if remote.answered_round != Some(round) {
                        remote.answered_round = Some(round);
                        remote.report = Some((now + wait, round));
                    }
                });
            }
            MembershipQuery::Collision { node, keeper } => {
                if node == self.node && self.is_other(index, keeper) {
                    self.redraw_node(now);
                }
            }
            MembershipQuery::Evict { node, identity, group: separate_group } => {
                if node == self.node && !self.is_other(index, identity) {
                    self.event(ReceiverEvent::Evicted { sender: index, separate_group });
                }
            }
        }
    }
}

/// True when an acking list without us shows that we are no longer asked: it is short enough to
/// name everybody, or goes past us.
fn passes_over(list: NodeList<'_>, node: NodeId, remote: &Remote) -> bool {
    let complete = list.len() < usize::from(remote.segment_size) / 4;
    let first = list.iter().next();
    let last = list.iter().last();
    complete || (first.is_some_and(|f| f < node) && last.is_some_and(|l| node < l))
}
