//! Answers to a sender that controls congestion (RFC 5740 §5.5.2): the parts of
//! [`crate::norm::congestion`], joined for one sender.

use core::time::Duration;

use super::event::ReceiverEvent;
use super::nack_timer::Timing;
use super::remote::Remote;
use super::{Feedback, Receiver};
use crate::base::Rng;
use crate::base::Timestamp;
use crate::endpoint::{SymbolStore, Transmit, TransmitBuf};
use crate::norm::congestion::{
    CcAnswer, CcGroup, CcProbe, LossEvent, LossHistory, PathMeter, PathState, RateMeter, equation,
};
use crate::norm::wire::{
    ACK_CC, Ack, Cc, CcFeedback, CcFlags, ExtensionBuf, Extensions, Message, NodeId, Sequence,
    Watch,
};

/// Bytes of a packet before two have come.
const TYPICAL_PACKET: f64 = 1400.0;
/// The least loss that EXT_CC can tell from none, which would stop a sender.
const LEAST_LOSS: f64 = 1.0 / u32::MAX as f64;
/// A receiver that comes late to its socket is no queue of the network; one that is later than this, or has let a
/// part of its buffer be filled, has a queue of its own, and is to be slowed down for.
const LONGEST_WAIT: Duration = Duration::from_millis(50);
const PART_OF_BUFFER: f64 = 0.25;

/// What is measured of one sender, and when it is told. Only a sender whose probes carry EXT_RATE
/// wants that: for others there is none, and their packets cost nothing here.
#[derive(Debug, Default)]
pub(super) struct Probes {
    answer: CcAnswer,
    loss: LossHistory,
    meter: RateMeter,
    /// One of ours wants to know what arrives between its probes, ...
    path: Option<PathMeter>,
    /// ... and nothing else.
    only_path: bool,
}

impl Probes {
    /// Notes a packet of the sender's sequence, of `bytes` bytes of UDP payload, perhaps marked.
    pub(super) fn note(
        &mut self,
        now: Timestamp,
        sequence: Sequence,
        (bytes, marked): (usize, bool),
        timing: &Timing,
    ) {
        if let Some(path) = &mut self.path {
            path.note(sequence, bytes, marked);
        }
        if self.only_path {
            return;
        }
        let rtt = self.answer.rtt(timing.grtt);
        self.meter.note(now, bytes, rtt);
        let lost = self.loss.note(now, sequence, rtt);
        let marked = if marked { self.loss.note_ce(now, rtt) } else { None };
        let Some(event) = lost.or(marked) else { return };
        if event == LossEvent::First
            && let Some(rate) = self.meter.rate(now)
        {
            let loss = equation::loss_rate(self.packet(), rtt, rate);
            self.loss.seed(1.0 / loss, rtt);
        }
        self.answer.expedite(now, &group(timing));
    }

    /// When an answer is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.answer.next()
    }

    fn probe(&mut self, now: Timestamp, probe: &CcProbe, timing: &Timing, rng: &mut Rng) {
        let path = self.path(now, timing);
        self.answer.probe(now, probe, &group(timing), &path, rng);
        if let Some(rtt) = self.answer.measured_rtt() {
            self.loss.correct_seed(rtt);
        }
    }

    fn overhear(&mut self, now: Timestamp, heard: &CcFeedback, timing: &Timing) {
        let path = self.path(now, timing);
        self.answer.overhear(now, heard, &group(timing), &path);
    }

    /// Takes the part of a probe that is for receivers of ours.
    fn watch(
        &mut self,
        arrived: Timestamp,
        cc: &Cc<'_>,
        watch: Watch,
        (limiting, grtt): (bool, Duration),
    ) {
        if core::mem::replace(&mut self.only_path, !watch.fair) && watch.fair {
            // What was measured before the sender wanted nothing else, is long ago.
            (self.loss, self.meter) = Default::default();
        }
        let path = self.path.get_or_insert_default();
        path.remember(grtt, watch.fair);
        let calm = watch.quiet || (watch.cruise && limiting);
        path.probe(arrived, cc.cc_sequence, cc.send_time, calm);
    }

    fn path(&self, now: Timestamp, timing: &Timing) -> PathState {
        if let Some(path) = self.path.as_ref().filter(|_| self.only_path) {
            // Half, because the answer is twice what arrives while nothing speaks against it.
            let rate = path.rate().map(|rate| rate / 2.0);
            return PathState { packet: TYPICAL_PACKET, receive_rate: rate, loss: None };
        }
        let loss = self.loss.rate_among(timing.group_size);
        PathState {
            packet: self.packet(),
            receive_rate: self.meter.rate(now),
            loss: self.loss.has_loss().then(|| loss.max(LEAST_LOSS)),
        }
    }

    fn packet(&self) -> f64 {
        self.meter.mean_packet().unwrap_or(TYPICAL_PACKET)
    }
}

/// A backoff factor of zero says that there is one receiver only.
fn group(timing: &Timing) -> CcGroup {
    let Timing { grtt, backoff, group_size } = *timing;
    CcGroup { grtt, backoff, size: group_size, alone: backoff == 0 }
}

impl Remote {
    /// Another receiver's EXT_CC, or the sender's word of it: it may speak for us too.
    pub(super) fn overhear_cc(&mut self, now: Timestamp, heard: Option<CcFeedback>) {
        if let (Some(probes), Some(heard)) = (&mut self.probes, heard) {
            probes.overhear(now, &heard, &self.timing);
        }
    }
}

impl<S: SymbolStore> Receiver<S> {
    /// Takes a sender's probe, which has been on this machine for so long already. The first with EXT_RATE
    /// begins the measurements.
    pub(super) fn take_probe(
        &mut self,
        (now, waited): (Timestamp, Duration),
        remote: &mut Remote,
        cc: &Cc<'_>,
        extensions: Extensions<'_>,
    ) {
        remote.note_probe(now, cc.send_time);
        let paused = extensions.watch().is_some_and(|watch| watch.paused);
        self.note_pause(now, remote, paused);
        if self.config.feedback == Feedback::None {
            return;
        }
        let watch = extensions.watch();
        let send_rate = extensions.rate().or(watch.map(|watch| watch.rate));
        if remote.probes.is_none() && send_rate.is_some() && !paused {
            remote.probes = Some(Box::default());
        }
        if let Some(probes) = &mut remote.probes {
            let entry = cc.nodes.iter().find(|entry| entry.id == self.node);
            if let Some(watch) = watch {
                let limiting = entry.is_some_and(|entry| entry.flags.contains(CcFlags::CLR));
                let room = self.config.socket_buffer as f64 * PART_OF_BUFFER;
                let most = room / watch.rate.to_bytes_per_second().max(1.0);
                let most = LONGEST_WAIT.as_secs_f64().min(most);
                let arrived = now - waited.min(Duration::from_secs_f64(most));
                probes.watch(arrived, cc, watch, (limiting, remote.timing.grtt));
            }
            if paused {
                return;
            }
            let probe = CcProbe { cc_sequence: cc.cc_sequence, send_rate, entry };
            probes.probe(now, &probe, &remote.timing, &mut self.rng);
        }
    }

    /// The sender has said whether it pauses. When it goes on, what is missing is asked for at once.
    pub(super) fn note_pause(&mut self, now: Timestamp, remote: &mut Remote, paused: bool) {
        if core::mem::replace(&mut remote.paused, paused) == paused {
            return;
        }
        if paused {
            self.event(ReceiverEvent::SenderPaused { sender: remote.index });
        } else {
            self.event(ReceiverEvent::SenderResumed { sender: remote.index });
            self.check_repairs(now, remote);
        }
    }

    /// Another receiver's acknowledgment, heard through the group.
    pub(super) fn overhear_ack(&mut self, now: Timestamp, node: NodeId, ack: &Ack<'_>) {
        if node == self.node {
            return;
        }
        let heard = ack.extensions.cc_feedback();
        for remote in self.remotes.values_mut() {
            if (remote.node, remote.instance) == (ack.sender, ack.instance) {
                remote.overhear_cc(now, heard);
            }
        }
    }

    /// EXT_CC for a NACK or ACK that is about to leave; nothing if the sender does not want it.
    ///
    /// A copycat gets none: the sender itself would take it for what it can send.
    pub(super) fn cc_extension(&self, now: Timestamp, remote: &mut Remote) -> ExtensionBuf {
        let mut extensions = ExtensionBuf::new();
        let known = self.is_known(remote);
        if let Some(probes) = remote.probes.as_mut().filter(|_| known) {
            let path = probes.path(now, &remote.timing);
            let feedback = probes.answer.attach(now, &group(&remote.timing), &path);
            let report = if probes.answer.is_listed() {
                PathMeter::report
            } else {
                PathMeter::significant_report
            };
            let report = probes.path.as_ref().and_then(report);
            if let Some(feedback) = feedback.filter(|_| !self.is_copycat(remote)) {
                extensions.push_cc(&feedback);
                report.inspect(|report| _ = extensions.push_path(report));
            }
        }
        extensions
    }

    /// A sender of ours hears only those who have said who they are.
    fn is_known(&self, remote: &Remote) -> bool {
        remote.reported.is_some() || !self.config.announce || remote.is_foreign()
    }

    /// An answer is due before we have said who we are: that comes first, soon, and the answer behind it.
    fn introduce(&mut self, now: Timestamp, remote: &mut Remote) {
        let (mute, soon) = (self.is_copycat(remote), now + self.random_part(remote.timing.grtt));
        let Some(probes) = &mut remote.probes else { return };
        if mute {
            probes.answer.drop_answer(now, &group(&remote.timing));
            return;
        }
        let (at, round) = remote.report.unwrap_or((soon, 0));
        // Whoever is said to be alone may be the first of many.
        let at = if remote.timing.is_alone() { at } else { soon.min(at) };
        remote.report = Some((at, round));
        probes.answer.postpone(at);
    }

    /// Answers a probe when that is due: NORM_ACK(CC).
    pub(super) fn send_cc_ack(
        &mut self,
        now: Timestamp,
        remote: &mut Remote,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let due = remote.probes.as_ref().and_then(|probes| probes.next());
        due.filter(|&at| at <= now)?;
        if !self.is_known(remote) {
            self.introduce(now, remote);
            return None;
        }
        let extensions = self.cc_extension(now, remote);
        if extensions.as_extensions().is_empty() {
            return None;
        }
        self.stats.acks += 1;
        let ack = Message::Ack(Ack {
            sender: remote.node,
            instance: remote.instance,
            ack_type: ACK_CC,
            ack_id: 0,
            grtt_response: remote.grtt_response(now),
            extensions: extensions.as_extensions(),
            payload: &[],
        });
        self.emit(remote, &ack, out)
    }
}

#[cfg(test)]
mod tests;
