//! The application around an engine that sends: starts its jobs, tells its events, knows when to
//! end. It knows no protocol.

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::Job;
use norm_core::transfer::{NodeId, Outbound, OutboundNotice, ReceiverStanding};
use norm_seal::StatedSet;

use super::admission::Admission;
use super::bounds::{Bounds, Change};
use super::gathering::Gathering;
use super::jobs::Jobs;
use super::options::Answers;
use super::outlet::SendOutlet;
use super::phases::{LEAVE_TIME, Phases};
use super::rate_trace::RateTraceFile;
use super::receivers::{Met, Receivers, Summary, missing};
use super::sent_files::SentFiles;
use super::silence::{HINT_AFTER, Silence};
use super::slow_group::SeparateGroup;
use super::stating::Stating;
use super::withdrawn::WithdrawnFiles;
use crate::event::{
    HashedFile, Hint, IgnoredReason, ReceiverReport, SendEvent, SendOutcome, SendPhase,
    SendProgress, SendReport, SlowCause, SourceProblem,
};
use crate::io::driver::{Application, Clock};
use crate::io::membership::{Expected, Recovered};
use crate::io::rekey::RecipientList;
use crate::io::seal::SealState;
use crate::io::socket::{LinkChange, TooLong};
use crate::stopper::{StopRequest, Stopper};
use crate::transfer::gate_watch::GateWatch;

/// Receivers that report to the group; more of them report to the sender alone.
const MAX_SHARING: usize = 400;
/// Time between two events about progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// What of the options and settings the session still needs.
#[derive(Debug)]
pub(super) struct Facts {
    /// The group, or the receiver's address.
    pub(super) group: SocketAddr,
    pub(super) min_receivers: usize,
    /// The engine waits for receivers before content flows, and tells when it does.
    pub(super) waits: bool,
    /// Which receivers can be expected to answer.
    pub(super) answers: Answers,
    /// Receivers have no names to wait for.
    pub(super) nameless: bool,
    pub(super) lingers: bool,
    pub(super) bytes: u64,
    pub(super) files: SentFiles,
    /// Where slow receivers are sent.
    pub(super) separate_group: Option<SocketAddr>,
    /// Those that keys are handed to.
    pub(super) recipients: Option<RecipientList>,
}

/// What a session is made of.
pub(super) struct Parts {
    pub(super) facts: Facts,
    pub(super) bounds: Bounds,
    pub(super) jobs: Jobs,
    pub(super) events: SendOutlet,
    pub(super) stopper: Stopper,
    pub(super) separate: Option<SeparateGroup>,
    /// The group, or the receiver's address.
    pub(super) group: SocketAddr,
    /// Of a session in a separate group: more receivers may come while this is open.
    pub(super) admission: Option<Admission>,
    /// What to say when no receiver is heard.
    pub(super) no_receiver: Hint,
    pub(super) rate_trace: Option<RateTraceFile>,
    pub(super) withdrawn: WithdrawnFiles,
    pub(super) stating: Option<Stating>,
}

/// A sending session, around any engine that sends.
#[derive(Debug)]
pub(super) struct Session {
    facts: Facts,
    bounds: Bounds,
    jobs: Jobs,
    events: SendOutlet,
    stopper: Stopper,
    separate: Option<SeparateGroup>,
    admission: Option<Admission>,
    silence: Silence,
    gathering: Gathering,
    phases: Phases,
    receivers: Receivers,
    next_progress: Timestamp,
    rate_trace: Option<RateTraceFile>,
    withdrawn: WithdrawnFiles,
    stating: Option<Stating>,
    /// The longest packet that the interface takes, once it has refused a longer one.
    packet_limit: Option<u32>,
    gate: GateWatch,
}

impl Session {
    pub(super) fn new(parts: Parts, now: Timestamp) -> Self {
        let (wanted, answers) = (parts.facts.min_receivers, parts.facts.answers);
        Self {
            facts: parts.facts,
            bounds: parts.bounds,
            jobs: parts.jobs,
            events: parts.events,
            stopper: parts.stopper,
            separate: parts.separate,
            admission: parts.admission,
            silence: Silence::new(parts.group, parts.no_receiver),
            gathering: Gathering::new(wanted, now),
            phases: Phases::new(now, answers),
            receivers: Receivers::default(),
            next_progress: now,
            rate_trace: parts.rate_trace,
            withdrawn: parts.withdrawn,
            stating: parts.stating,
            packet_limit: None,
            gate: GateWatch::default(),
        }
    }

    /// Keeps the hashes of what was sent for the next session.
    pub(super) fn keep_hashes(&self) {
        self.jobs.source().keep_hashes();
    }

    /// Tells the last progress, and how it ended.
    pub(super) fn finish(mut self, engine: &impl Outbound, clock: Clock) -> SendReport {
        let now = clock.now();
        self.tell_progress(engine, now);
        let mut report = self.report(engine, now);
        if self.admission.is_none() {
            report.receivers.extend(missing(engine));
        }
        self.withdrawn.report(&mut report);
        if let Some(separate) = self.separate.take()
            && separate.finish(&mut report)
        {
            let elapsed = self.phases.elapsed(clock.now());
            report.data_elapsed += elapsed.saturating_sub(report.elapsed);
            report.elapsed = elapsed;
        }
        report
    }

    fn report(&self, engine: &impl Outbound, now: Timestamp) -> SendReport {
        let stats = engine.stats();
        let source = self.jobs.source();
        let hashed = |file: norm_files::source::HashedFile| HashedFile::new(file.path, file.hash);
        SendReport {
            content: source.content(),
            hashes: source.hashes().map(hashed).collect(),
            bytes: self.facts.bytes,
            files: self.facts.files.total(),
            elapsed: self.phases.elapsed(now),
            data_elapsed: self.phases.data_elapsed(self.receivers.last_confirmed(), now),
            wire_bytes: stats.bytes,
            packets: stats.packets,
            data_packets: stats.data_packets,
            resent_packets: stats.resent_packets,
            coded_packets: stats.coded_packets,
            nacks: stats.nacks,
            receivers: self.reports(engine),
            ignored: self.receivers.all_ignored(),
            security: self.gate.security(),
            ..SendReport::new(self.phases.outcome(&self.summary(engine)))
        }
    }

    /// What came of all receivers that were heard, and the key of each that has proved itself.
    fn reports(&self, engine: &impl Outbound) -> Vec<ReceiverReport> {
        let recipients = self.facts.recipients.as_ref().map(RecipientList::keys);
        let keys = recipients.iter().flat_map(|keys| keys.iter());
        let keys = keys.map(|key| (key.receiver_key(), *key)).collect();
        self.receivers.reports(engine, self.phases.data(), &keys)
    }

    /// The receivers in numbers. Those that do not come to the separate group are not missing
    /// there.
    fn summary(&self, engine: &impl Outbound) -> Summary {
        let summary = Summary::of(engine);
        if self.admission.is_some() { Summary { missing: 0, ..summary } } else { summary }
    }

    fn start_data(&mut self, engine: &impl Outbound, now: Timestamp) {
        self.phases.start_data(now);
        self.events.push(SendEvent::Started { receivers: Summary::of(engine).receivers });
    }

    pub(super) fn stop(&mut self, engine: &mut impl Outbound, now: Timestamp) {
        self.phases.stop(now, &self.summary(engine));
        engine.abort(now);
    }

    /// Does what the user asks for, if anything.
    fn obey(&mut self, engine: &mut impl Outbound, now: Timestamp) {
        match self.stopper.request() {
            StopRequest::None => {}
            StopRequest::Leave if !self.phases.is_leaving() => self.leave(engine, now),
            StopRequest::Leave => {}
            StopRequest::Stop => self.stop(engine, now),
        }
    }

    /// Sends no more content. Receivers that are at work stay for another sender; without any the
    /// session ends.
    fn leave(&mut self, engine: &mut impl Outbound, now: Timestamp) {
        let receivers = Summary::of(engine).active();
        if receivers == 0 || self.phases.data().is_none() || self.facts.nameless {
            return self.stop(engine, now);
        }
        self.phases.leave(now);
        engine.leave(now);
        self.events.push(SendEvent::ContentStopped { receivers, wait: LEAVE_TIME });
    }

    pub(super) fn read_failed(&mut self, now: Timestamp) {
        let unknown =
            || SourceProblem::Internal { error: "a block could not be read or coded".to_owned() };
        let problem = self.jobs.take_failure().unwrap_or_else(unknown);
        self.phases.end(now, SendOutcome::SourceFailed { problem });
    }

    /// Tells of a receiver that is new.
    fn tell_new(&self, met: &Met) {
        if met.is_new {
            self.events.push(SendEvent::ReceiverFound { receiver: met.receiver.clone() });
        }
    }

    /// The receiver of an event, which is told of first if it is new.
    fn meet(&mut self, node: NodeId) -> crate::event::ReceiverInfo {
        let met = self.receivers.meet(node, true);
        self.tell_new(&met);
        met.receiver
    }

    fn phase(&self, engine: &impl Outbound, summary: &Summary) -> SendPhase {
        if self.phases.is_ending() || self.phases.is_leaving() || engine.is_finished() {
            SendPhase::Ending
        } else if self.bounds.is_paused() {
            SendPhase::Paused
        } else {
            let is_in_passes = engine.progress().pass > 0;
            self.phases.phase(summary, is_in_passes, self.facts.lingers)
        }
    }

    fn tell_progress(&self, engine: &impl Outbound, now: Timestamp) {
        let summary = Summary::of(engine);
        let (stats, progress) = (engine.stats(), engine.progress());
        let finished = if summary.receivers > 0 { progress.bytes_total } else { 0 };
        let phase = self.phase(engine, &summary);
        let until = self.bounds.paused_until().filter(|_| phase == SendPhase::Paused);
        self.events.push(SendEvent::Progress(SendProgress {
            elapsed: self.phases.elapsed(now),
            phase,
            paused_until: until,
            in_separate_group: self.admission.is_some(),
            on_request: progress.on_request,
            pass: progress.pass,
            bytes_sent: progress.bytes_sent,
            bytes_total: progress.bytes_total,
            file: self.facts.files.told(|| self.jobs.current_file(), &progress),
            files_sent: self.facts.files.sent(&progress),
            files_total: self.facts.files.total(),
            wire_bytes: stats.bytes,
            data_packets: stats.data_packets,
            repair_packets: stats.resent_packets + stats.coded_packets,
            wanted: self.gathering.wanted(),
            unchanged: self.gathering.unchanged(now),
            receivers: summary.receivers,
            confirmed: summary.confirmed,
            failed: summary.failed,
            evicted: summary.evicted,
            worst_loss: summary.worst_loss,
            slowest: summary.slowest.unwrap_or(finished),
        }));
    }

    /// Applies the bound of the rate that holds at this time of day, and tells of it.
    fn keep_bounds(&mut self, engine: &mut impl Outbound, now: Timestamp) {
        if let Some(Change { bound, until }) = self.bounds.look(now) {
            engine.set_rate_limit(bound.bits(), now);
            self.events.push(SendEvent::RateBound { bound, until });
        }
    }

    fn hint_if_silent(&mut self, engine: &impl Outbound, now: Timestamp) {
        let is_over = self.phases.is_ending() || self.phases.is_leaving();
        let is_waiting = self.facts.min_receivers > 0;
        let may_be_silent = self.facts.answers != Answers::All && !is_waiting;
        if is_over || may_be_silent || !self.bounds.has_sent_for(HINT_AFTER, now) {
            return;
        }
        if let Some(hint) = self.silence.due(|| engine.receivers().next().is_none()) {
            self.events.push(SendEvent::Hint(hint));
        }
    }

    /// Says, now and then, that receivers are missing before content flows.
    fn hint_if_missing(&mut self, engine: &impl Outbound, now: Timestamp) {
        self.gathering.note(Summary::of(engine).receivers, now);
        if self.phases.data().is_some() || self.phases.is_ending() || self.bounds.is_paused() {
            return;
        }
        if let Some(hint) = self.gathering.hint(now) {
            self.events.push(SendEvent::Hint(hint));
        }
    }

    fn receiver_slow(&mut self, node: NodeId, cause: SlowCause, loss: f64) {
        let receiver = self.meet(node);
        self.events.push(SendEvent::ReceiverSlow { receiver, cause, loss });
    }

    fn receiver_failed(&mut self, engine: &impl Outbound, node: NodeId, reason: &str) {
        let receiver = self.meet(node);
        let reason = self.receivers.failed(node, reason);
        self.events.push(SendEvent::ReceiverFailed { receiver, reason });
        // The engine has struck it off when it went before data flowed.
        if self.phases.data().is_none() && engine.receivers().all(|view| view.node != node) {
            self.receivers.forget(node);
        }
    }

    fn packet_size(&mut self, packet: u16, segment_size: u16, node: Option<NodeId>) {
        let receiver = node.map(|node| self.meet(node));
        self.events.push(SendEvent::PacketSize { packet, segment_size, receiver });
    }

    fn start_timed_out(&mut self, now: Timestamp, heard: usize) {
        let wanted = self.facts.min_receivers;
        self.phases.end(now, SendOutcome::StartTimedOut { heard, wanted });
    }

    fn mtu_too_small(&mut self, node: NodeId, largest: u16, needed: u16) {
        let receiver = self.meet(node);
        self.events.push(SendEvent::ReceiverMtuTooSmall { receiver, largest, needed });
    }

    fn receiver_ignored(
        &mut self,
        node: NodeId,
        name: &str,
        address: SocketAddr,
        reason: IgnoredReason,
    ) {
        let ignored = self.receivers.ignored(node, name, address, reason);
        self.events.push(SendEvent::ReceiverIgnored(ignored));
    }

    fn receiver_evicted(&mut self, node: NodeId) {
        let receiver = self.meet(node);
        let separate_group = self.facts.separate_group;
        self.events.push(SendEvent::ReceiverEvicted { receiver, separate_group });
        if let Some(separate) = &mut self.separate {
            separate.expect();
        }
    }
}

impl<E: Outbound> Application<E> for Session {
    fn nothing_leaves(&mut self, engine: &mut E, now: Timestamp, error: &io::Error) {
        engine.note_cut_off(now);
        if self.silence.nothing_leaves() {
            self.events.push(SendEvent::Hint(Hint::NothingLeaves { error: error.into() }));
        }
    }

    fn keeps_refused(&self) -> bool {
        true
    }

    fn too_long(&mut self, engine: &mut E, now: Timestamp, packet: &TooLong) -> bool {
        let limit = packet.limit();
        let goes_on = engine.limit_packets(now, limit);
        if goes_on && self.packet_limit.replace(limit) != Some(limit) {
            let hint = Hint::InterfaceMtu { interface: packet.interface.clone(), mtu: limit };
            self.events.push(SendEvent::Hint(hint));
        }
        goes_on
    }

    fn link_changed(&mut self, engine: &mut E, now: Timestamp, change: &LinkChange) {
        self.silence.set_explained(!matches!(change, LinkChange::Moved { .. }));
        if let LinkChange::Moved { from, to, .. } = change
            && from != to
        {
            engine.address_changed(now);
        }
        self.events.push(SendEvent::Hint(Hint::link_changed(change, self.facts.group)));
    }

    fn expected(&self, engine: &E, _now: Timestamp) -> Expected {
        let is_silent = self.phases.is_ending() || self.bounds.is_paused() || engine.is_finished();
        // Receivers without names report when they like, and those of large groups to us alone.
        let is_regular = !self.facts.nameless && engine.receivers().nth(MAX_SHARING).is_none();
        let mut standings = engine.receivers().map(|view| view.standing);
        if !is_silent
            && is_regular
            && standings.any(|standing| standing == ReceiverStanding::Active)
        {
            Expected::Feedback
        } else {
            Expected::Nothing
        }
    }

    fn gate(&mut self, _: &mut E, _: Timestamp, state: &SealState) {
        let hints = self.gate.note(state);
        hints.for_each(|hint| self.events.push(SendEvent::Hint(hint)));
    }

    fn states(&mut self) -> Option<StatedSet> {
        self.stating.as_mut()?.news()
    }

    fn recovered(&mut self, recovered: Recovered) {
        if let Some(hint) = self.silence.recovered(recovered) {
            self.events.push(SendEvent::Hint(hint));
        }
    }

    fn event(&mut self, engine: &mut E, now: Timestamp, event: E::Event) {
        let Some(notice) = E::notice(event) else { return };
        match notice {
            OutboundNotice::ReceiverFound { node, name, address } => {
                if let Some(admission) = &self.admission {
                    admission.count();
                }
                let met = self.receivers.found(node, &name, address, self.facts.nameless);
                self.tell_new(&met);
            }
            OutboundNotice::ReceiverIgnored { node, name, address, reason } => {
                self.receiver_ignored(node, &name, address, reason.into());
            }
            OutboundNotice::ReceiverMoved { from, to } => self.receivers.moved(from, to),
            OutboundNotice::ReceiverReport(notice) => {
                let (met, progress) = self.receivers.reported(&notice);
                self.tell_new(&met);
                self.events.push(SendEvent::ReceiverProgress(progress));
            }
            OutboundNotice::ReceiverConfirmed { node } => {
                let receiver = self.meet(node);
                self.receivers.confirmed(node, now);
                self.events.push(SendEvent::ReceiverConfirmed { receiver });
            }
            OutboundNotice::ReceiverFailed { node, reason } => {
                self.receiver_failed(engine, node, &reason);
            }
            OutboundNotice::ReceiverLost { node } => {
                let receiver = self.meet(node);
                self.events.push(SendEvent::ReceiverLost { receiver });
            }
            OutboundNotice::ReceiverSlow { node, cause } => {
                let view = engine.receivers().find(|view| view.node == node);
                let loss = view.map_or(0.0, |view| f64::from(view.loss) / f64::from(u16::MAX));
                self.receiver_slow(node, cause.into(), loss);
            }
            OutboundNotice::ReceiverEvicted { node } => self.receiver_evicted(node),
            OutboundNotice::PacketSize { packet, segment, node } => {
                self.packet_size(packet, segment, node);
            }
            OutboundNotice::PathMtuTooSmall { node, largest, needed } => {
                self.mtu_too_small(node, largest, needed);
            }
            OutboundNotice::Started => self.start_data(engine, now),
            OutboundNotice::StartTimedOut { receivers } => {
                self.start_timed_out(now, receivers);
            }
            OutboundNotice::OnRequest { receivers, bytes_done } => {
                let bytes_total = engine.progress().bytes_total;
                self.events.push(SendEvent::OnRequest { receivers, bytes_done, bytes_total });
            }
            OutboundNotice::AllSent => {
                self.phases.all_sent(now);
                self.events.push(SendEvent::AllSent);
            }
            OutboundNotice::Abandoned => {
                self.events.push(SendEvent::Hint(Hint::NoReceiverLeft));
            }
            OutboundNotice::ReadFailed => self.read_failed(now),
        }
    }

    fn job(&mut self, engine: &mut E, now: Timestamp, job: Job) {
        if let Some(done) = self.jobs.start(job) {
            engine.handle_job(now, done);
        }
    }

    fn turn(&mut self, engine: &mut E, now: Timestamp) -> ControlFlow<()> {
        if let Some(trace) = &mut self.rate_trace {
            trace.write(engine);
        }
        self.keep_bounds(engine, now);
        let found = self.jobs.withdrawn();
        self.withdrawn.add(engine, now, self.jobs.first_key(), found, &self.events);
        if self.phases.data().is_none() && !self.facts.waits {
            self.start_data(engine, now); // the engine does not tell: it need not wait
        }
        if !self.phases.is_ending() {
            self.obey(engine, now);
        }
        if engine.is_finished() || self.phases.is_over(now) {
            return ControlFlow::Break(());
        }
        if let Some(admission) = &self.admission {
            engine.keep_open(admission.is_open());
        }
        self.hint_if_silent(engine, now);
        if now >= self.next_progress {
            self.next_progress = now + PROGRESS_INTERVAL;
            self.hint_if_missing(engine, now);
            self.tell_progress(engine, now);
        }
        ControlFlow::Continue(())
    }
}
