//! What a receiver sends: NACK, ACK and REPORT (RFC 5740 §4.3, §4.4). Answers to probes are in
//! `probes`.

use core::time::Duration;

use super::hush::Hush;
use super::need_writer::NeedWriter;
use super::remote::Remote;
use super::{Feedback, Receiver};
use crate::base::Timestamp;
use crate::endpoint::{Destination, SenderId, SymbolStore, Transmit, TransmitBuf};
use crate::norm::wire::{
    ACK_CC, ACK_WINDOW, Ack, AckFlush, Extensions, Header, MemberReport, Message, Nack,
    ReceiveWindow, RepairWriter, Report, Sequence,
};

/// Groups up to this size name missing symbols: a resend may be the cheapest repair.
const NAMED_GROUP: u64 = 10;
/// Groups above this size send acknowledgments and reports to the sender alone.
const LARGE_GROUP: u64 = 500;
/// Bytes of requests in a NACK at most. RFC 5740 §4.3.1 allows the sender's segment size; a forged
/// one must not make packets that no link takes.
const MAX_REQUESTS: u16 = 1344;

impl<S: SymbolStore> Receiver<S> {
    /// Starts a NACK cycle if something is missing.
    pub(super) fn check_repairs(&mut self, now: Timestamp, remote: &mut Remote) {
        let unheard = remote.paused || remote.said_goodbye;
        if self.config.feedback == Feedback::None || !remote.nack.is_idle() || unheard {
            return;
        }
        match remote.next_request(now) {
            Some(at) if at <= now => {
                remote.cycle_bound = remote.due;
                remote.nack.start(now, remote.timing, &mut self.rng);
            }
            Some(at) => remote.nack.wait(at),
            None => {}
        }
    }

    /// A random part of a span, for answers that must not come all at once.
    pub(super) fn random_part(&mut self, span: Duration) -> Duration {
        span.mul_f64(self.rng.unit())
    }

    /// How long to wait before an acknowledgment: up to one GRTT (RFC 5740 §5.5.3).
    pub(super) fn answer_delay(&mut self, index: SenderId) -> Duration {
        let grtt = self.remotes.get(&index).map_or(Duration::ZERO, |r| r.timing.grtt);
        let alone = self.remotes.get(&index).is_some_and(|r| r.timing.backoff == 0);
        if alone { Duration::ZERO } else { self.random_part(grtt) }
    }

    /// Sends what is due, one packet.
    pub(super) fn next_feedback(
        &mut self,
        now: Timestamp,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let due: Vec<SenderId> = self
            .remotes
            .values()
            .filter(|r| r.next_timeout().is_some_and(|at| at <= now))
            .map(|r| r.index)
            .collect();
        for index in due {
            let mut sent = None;
            self.with_remote(index, |this, remote| {
                sent = this
                    .send_credit(now, remote, out)
                    .or_else(|| this.send_ack(now, remote, out))
                    .or_else(|| this.send_report(now, remote, out))
                    .or_else(|| this.send_nack(now, remote, out))
                    .or_else(|| this.send_cc_ack(now, remote, out));
            });
            if sent.is_some() {
                return sent;
            }
        }
        None
    }

    pub(super) fn emit(
        &mut self,
        remote: &Remote,
        message: &Message<'_>,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        // In a large group only what the others can use goes to all of them.
        let large = remote.timing.group_size > LARGE_GROUP;
        let private = match message {
            Message::Nack(_) => false,
            Message::Ack(Ack { ack_type: ACK_CC, .. }) => false,
            Message::Ack(Ack { ack_type: ACK_WINDOW, .. }) => true,
            _ => large,
        } && !remote.unheard;
        let destination = match self.config.feedback {
            Feedback::Multicast if private => Destination::Unicast(remote.address),
            Feedback::Multicast => Destination::Group,
            Feedback::Unicast => Destination::Unicast(remote.address),
            Feedback::None => return None,
        };
        let header = Header { sequence: self.sequence, source: self.node };
        self.sequence = Sequence(self.sequence.0.wrapping_add(1));
        out.append(|bytes| message.emit(header, bytes));
        self.stats.sent_packets += 1;
        self.stats.sent_bytes += out.payload_bytes() as u64;
        out.transmit(destination)
    }

    fn send_ack(
        &mut self,
        now: Timestamp,
        remote: &mut Remote,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let due = remote.ack.take_if(|ack| ack.at <= now)?;
        let mut payload = Vec::with_capacity(16);
        if let Some(watermark) = due.watermark {
            let (fec_id, object, payload_id) = watermark;
            AckFlush { fec_id, reserved: 0, object, payload_id }.emit(&mut payload);
            remote.released &= remote.acked == Some(watermark);
            remote.acked = Some(watermark);
        }
        self.stats.acks += 1;
        let extensions = self.cc_extension(now, remote);
        let ack = Message::Ack(Ack {
            sender: remote.node,
            instance: remote.instance,
            ack_type: due.ack_type,
            ack_id: due.ack_id,
            grtt_response: remote.grtt_response(now),
            extensions: extensions.as_extensions(),
            payload: &payload,
        });
        self.emit(remote, &ack, out)
    }

    /// Says how much we can take: to the sender alone, because it concerns nobody else.
    fn send_credit(
        &mut self,
        now: Timestamp,
        remote: &mut Remote,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let (_, ack_id, credit) = remote.credit.take()?;
        let mut payload = Vec::with_capacity(ReceiveWindow::LEN);
        credit.emit(&mut payload);
        self.stats.acks += 1;
        let ack = Message::Ack(Ack {
            sender: remote.node,
            instance: remote.instance,
            ack_type: ACK_WINDOW,
            ack_id,
            grtt_response: remote.grtt_response(now),
            extensions: Extensions::EMPTY,
            payload: &payload,
        });
        self.emit(remote, &ack, out)
    }

    /// Bytes of blocks not yet begun that can be kept.
    pub(super) fn room(&mut self) -> u64 {
        if self.blocks < self.config.max_blocks { self.store.room() } else { 0 }
    }

    /// True for somebody who copies a sender's ids, and has sent us less than that one. What we say
    /// to it the other would take for itself: that we fail, or lack what it has long sent. A sender
    /// that has fallen silent, though, may have come back from another address.
    pub(super) fn is_copycat(&self, remote: &Remote) -> bool {
        let ids = (remote.node, remote.instance);
        let better = |r: &Remote| (r.node, r.instance) == ids && !r.silent && r.kept > remote.kept;
        self.remotes.values().any(better)
    }

    pub(super) fn send_report(
        &mut self,
        now: Timestamp,
        remote: &mut Remote,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let (_, round) = remote.report.take_if(|(at, _)| *at <= now)?;
        // Senders of other makes call no roll and know no reports.
        let silent = self.config.feedback == Feedback::None || !self.config.announce;
        let mute = silent || remote.is_foreign();
        if mute || self.is_copycat(remote) {
            return None;
        }
        remote.reported.get_or_insert(now);
        let total = remote.progress.bytes_total;
        let limit = if total > 0 { total } else { u64::MAX };
        let report = MemberReport {
            sender: remote.node,
            instance: remote.instance,
            round,
            grtt_response: remote.grtt_response(now),
            identity: self.identity_to(remote),
            state: remote.progress.state,
            // What was written twice, because its hash was wrong, counts once.
            bytes_done: remote.bytes_done.min(limit),
            bytes_total: remote.progress.bytes_total,
            loss: remote.loss.fraction(),
            drops: u32::try_from(self.stats.no_room + self.host_drops).unwrap_or(u32::MAX),
            ce_marked: u32::try_from(remote.marked).unwrap_or(u32::MAX),
            name: prefix(&self.config.name, MemberReport::MAX_NAME_LEN),
            reason: prefix(&remote.progress.reason, MemberReport::MAX_REASON_LEN),
        };
        let mut content = Vec::with_capacity(report.encoded_len());
        report.emit(&mut content);
        self.stats.reports += 1;
        let message = Message::Report(Report { extensions: Extensions::EMPTY, content: &content });
        self.emit(remote, &message, out)
    }

    fn send_nack(
        &mut self,
        now: Timestamp,
        remote: &mut Remote,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        if !remote.nack.is_due(now) {
            return None;
        }
        if remote.paused {
            remote.nack.stop();
            return None;
        }
        let mut any = false;
        let mut whole = false;
        let mut covered = true;
        let mut news = false;
        let mut oldest = None;
        let (heard, bound) = (&remote.heard, remote.cycle_bound);
        remote.visit_needs(&mut |need| {
            if remote.due_again(&need).is_some_and(|at| at > now) {
                return true;
            }
            any = true;
            oldest = oldest.or(Some(need.place()));
            whole |= need.is_whole();
            match need.before(bound) {
                Some(old) => covered &= heard.covers(&old),
                None => news |= !heard.covers(&need),
            }
            covered || !whole
        });
        if !any {
            remote.nack.stop();
            self.check_repairs(now, remote);
            return None;
        }
        if self.is_copycat(remote) {
            remote.nack.hold(now, remote.pause_from(now));
            return None;
        }
        if !whole {
            remote.reset_whole_pause();
        }
        let hushed =
            covered && !remote.hush.is_ignored(oldest, remote.timing.group_size, &mut self.rng);
        if hushed && news {
            // What has become due since is a cycle of its own, in which others may speak first.
            remote.nack.stop();
            self.check_repairs(now, remote);
            return None;
        }
        remote.nack.hold(now, remote.pause_from(now));
        remote.heard.clear();
        if hushed {
            self.stats.suppressed += 1;
            return None;
        }
        remote.hush = Hush::default();
        // Other makes expect to be asked for parity, and NRL's sends far more of a stream again than
        // was named.
        let mut writer = NeedWriter {
            requests: RepairWriter::new(usize::from(remote.segment_size.min(MAX_REQUESTS))),
            name_symbols: remote.timing.group_size <= NAMED_GROUP && !remote.is_foreign(),
            name_objects: !remote.is_foreign(),
            has_whole: false,
            asked: Vec::new(),
            asked_rest: false,
            has_empty: false,
            room: self.room(),
        };
        remote.write_needs(now, &mut writer, now >= remote.whole_from);
        if writer.has_whole {
            remote.pause_whole(now);
        }
        if writer.requests.is_empty() {
            return None;
        }
        if remote.timing.is_alone() {
            remote.note_requests(now, &writer);
            remote.nack.stop();
            self.check_repairs(now, remote);
        }
        if writer.has_empty {
            remote.note_asked();
        }
        self.stats.nacks += 1;
        let extensions = self.cc_extension(now, remote);
        let nack = Message::Nack(Nack {
            sender: remote.node,
            instance: remote.instance,
            reserved: 0,
            grtt_response: remote.grtt_response(now),
            extensions: extensions.as_extensions(),
            requests: writer.requests.as_requests(),
        });
        self.emit(remote, &nack, out)
    }
}

/// The longest prefix of at most `len` bytes that ends between characters.
fn prefix(text: &str, len: usize) -> &str {
    &text[..text.floor_char_boundary(len)]
}
