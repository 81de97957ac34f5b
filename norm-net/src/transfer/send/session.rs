//! The application around the sending engine: starts its jobs, tells its events, knows when to end.

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::{Endpoint, Job};
use norm_core::norm::wire::NodeId;
use norm_core::norm::{Sender, SenderEvent};

use super::event::{Events, SendEvent, SendPhase, SendProgress};
use super::jobs::Jobs;
use super::lane::{Gate, Lane};
use super::receivers::{Receivers, Summary, fraction};
use super::report::{SendOutcome, SendReport};
use super::timetable::Timetable;
use crate::io::driver::{Application, Clock, refusal};
use crate::stopper::Stopper;
use crate::transfer::schedule::{Bound, TimeOfDay};
use norm_files::source::SourceError;

const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// Without any receiver heard for so long, the user gets a hint.
const SILENCE: Duration = Duration::from_secs(5);
/// A goodbye that does not get out within this time is given up.
const GOODBYE: Duration = Duration::from_secs(2);

/// What of the options and settings the session still needs.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) min_receivers: usize,
    /// Receivers have no names to wait for.
    pub(super) nameless: bool,
    pub(super) lingers: bool,
    /// Only what is asked for is sent.
    pub(super) on_request: bool,
    pub(super) bytes: u64,
    pub(super) files: u64,
    /// Told when no receiver is heard.
    pub(super) silence_hint: String,
    /// Where slow receivers are sent.
    pub(super) lane: Option<SocketAddr>,
}

#[derive(Debug)]
pub(super) struct Session {
    facts: Facts,
    /// Bounds of the rate by the time of day.
    timetable: Option<Timetable>,
    /// Nothing is sent, until then.
    paused: Option<Option<TimeOfDay>>,
    /// When the sender began, or went on after a pause.
    awake: Timestamp,
    jobs: Jobs,
    events: Events,
    stopper: Stopper,
    receivers: Receivers,
    began: Timestamp,
    /// When data began to flow.
    data: Option<Timestamp>,
    all_sent: Option<Timestamp>,
    next_progress: Timestamp,
    hinted: bool,
    /// It was told that nothing leaves.
    refused: bool,
    /// When the end was begun from here.
    ending: Option<Timestamp>,
    /// The outcome, where it does not follow from what the receivers did.
    outcome: Option<SendOutcome>,
    lane: Option<Lane>,
    /// Of the slow lane itself: more receivers may come.
    gate: Option<Arc<Gate>>,
}

impl Session {
    pub(super) fn new(
        facts: Facts,
        timetable: Option<Timetable>,
        jobs: Jobs,
        events: Events,
        stopper: Stopper,
        now: Timestamp,
    ) -> Self {
        Self {
            facts,
            timetable,
            paused: None,
            awake: now,
            jobs,
            events,
            stopper,
            receivers: Receivers::default(),
            began: now,
            data: None,
            all_sent: None,
            next_progress: now,
            hinted: false,
            refused: false,
            ending: None,
            outcome: None,
            lane: None,
            gate: None,
        }
    }

    /// Slow receivers are sent there.
    pub(super) fn with_lane(self, lane: Option<Lane>) -> Self {
        Self { lane, ..self }
    }

    /// More receivers may come, whoever has been served, as long as this is open.
    pub(super) fn behind(self, gate: Option<Arc<Gate>>) -> Self {
        Self { gate, ..self }
    }

    /// Tells the last progress, and how it ended.
    pub(super) fn finish(mut self, engine: &Sender, clock: Clock) -> SendReport {
        let now = clock.now();
        self.tell_progress(engine, now);
        let lane = self.lane.take();
        let began = self.began;
        let mut report = self.report(engine, now);
        if let Some(lane) = lane
            && lane.finish(&mut report)
        {
            let elapsed = clock.now().saturating_since(began);
            report.data_elapsed += elapsed.saturating_sub(report.elapsed);
            report.elapsed = elapsed;
        }
        report
    }

    fn report(self, engine: &Sender, now: Timestamp) -> SendReport {
        let stats = engine.stats();
        let data_end = self.receivers.last_confirmed().or(self.all_sent).unwrap_or(now);
        let outcome = self.outcome.unwrap_or_else(|| Summary::of(engine).outcome());
        SendReport {
            outcome,
            root: self.jobs.source().root().map(|root| root.to_hex().to_string()),
            bytes: self.facts.bytes,
            files: self.facts.files,
            elapsed: now.saturating_since(self.began),
            data_elapsed: self.data.map_or(Duration::ZERO, |data| data_end.saturating_since(data)),
            wire_bytes: stats.bytes,
            packets: stats.packets,
            data_packets: stats.data_packets,
            resent_packets: stats.resent_packets,
            coded_packets: stats.coded_packets,
            nacks: stats.nacks,
            receivers: self.receivers.results(engine, self.data),
        }
    }

    fn start_data(&mut self, engine: &Sender, now: Timestamp) {
        self.data = Some(now);
        let receivers = Summary::of(engine).receivers;
        self.events.push(SendEvent::Started { receivers });
    }

    fn stop(&mut self, engine: &mut Sender, now: Timestamp) {
        self.ending = Some(now);
        // Whoever stops a sender that only waits for latecomers has not cut anything short.
        let summary = Summary::of(engine);
        let complete = self.all_sent.is_some() && summary.outcome() == SendOutcome::Complete;
        if self.outcome.is_none() && !complete {
            self.outcome = Some(SendOutcome::Stopped);
        }
        engine.abort(now);
    }

    fn read_failed(&mut self, now: Timestamp) {
        let outcome = match self.jobs.source().take_failure() {
            Some(error @ SourceError::Changed { .. }) => {
                SendOutcome::SourceChanged(error.to_string())
            }
            Some(error) => SendOutcome::ReadFailed(error.to_string()),
            None => SendOutcome::ReadFailed("a block could not be read or coded".to_owned()),
        };
        self.outcome.get_or_insert(outcome);
        self.ending = Some(now);
    }

    /// Tells of a receiver, unless that is done or should wait until it has said its name.
    fn meet(&mut self, node: NodeId, name: &str, anyway: bool) -> String {
        let tell = self.receivers.meet(node, name, anyway);
        let name = self.receivers.name(node);
        if tell {
            self.events.push(SendEvent::ReceiverFound { node, name: name.clone() });
        }
        name
    }

    fn phase(&self, engine: &Sender, summary: &Summary) -> SendPhase {
        if self.ending.is_some() || engine.is_finished() {
            return SendPhase::Ending;
        }
        if let Some(until) = self.paused {
            return SendPhase::Paused { until };
        }
        if self.data.is_none() {
            return SendPhase::Waiting;
        }
        if self.all_sent.is_none() {
            return SendPhase::Sending;
        }
        let settled = summary.receivers > 0 && summary.slowest.is_none();
        match (settled, self.facts.lingers) {
            (false, _) => SendPhase::Confirming,
            (true, true) => SendPhase::Lingering,
            (true, false) => SendPhase::Ending,
        }
    }

    fn tell_progress(&self, engine: &Sender, now: Timestamp) {
        let summary = Summary::of(engine);
        let stats = engine.stats();
        let (bytes_sent, bytes_total) = engine.progress();
        let finished = if summary.receivers > 0 { bytes_total } else { 0 };
        self.events.push(SendEvent::Progress(SendProgress {
            elapsed: now.saturating_since(self.began),
            bytes_sent,
            bytes_total,
            wire_bytes: stats.bytes,
            repair_packets: stats.resent_packets + stats.coded_packets,
            data_packets: stats.data_packets,
            receivers: summary.receivers,
            confirmed: summary.confirmed,
            failed: summary.failed,
            ejected: summary.ejected,
            worst_loss: summary.worst_loss,
            slowest: summary.slowest.unwrap_or(finished),
            on_request: self.facts.on_request,
            phase: self.phase(engine, &summary),
        }));
    }

    /// Applies the bound of the rate that holds at this time of day, and tells of it.
    fn keep_schedule(&mut self, engine: &mut Sender, now: Timestamp) {
        let change = self.timetable.as_mut().and_then(|timetable| timetable.look(now));
        let Some((bound, until)) = change else { return };
        if self.paused.is_some() && bound != Bound::Paused {
            self.awake = now;
        }
        self.paused = (bound == Bound::Paused).then_some(until);
        engine.set_rate_limit(bound.bits(), now);
        self.events.push(SendEvent::Bounded { bound, until });
    }

    fn hint_if_silent(&mut self, engine: &Sender, now: Timestamp) {
        let asleep = self.paused.is_some() || now < self.awake + SILENCE;
        if self.hinted || self.refused || asleep || self.ending.is_some() {
            return;
        }
        self.hinted = true;
        if engine.members().next().is_none() {
            self.events.push(SendEvent::Hint(self.facts.silence_hint.clone()));
        }
    }
}

impl Application<Sender> for Session {
    fn nothing_leaves(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.refused, true) {
            self.events.push(SendEvent::Hint(refusal(error)));
        }
    }

    fn event(&mut self, engine: &mut Sender, now: Timestamp, event: SenderEvent) {
        match event {
            SenderEvent::ReceiverFound { node, name, address } => {
                self.receivers.locate(node, address);
                if let Some(gate) = &self.gate {
                    gate.count();
                }
                self.meet(node, &name, self.facts.nameless);
            }
            SenderEvent::ReceiverMoved { from, to } => self.receivers.moved(from, to),
            SenderEvent::ReceiverReport {
                node,
                name,
                address,
                state,
                bytes_done,
                bytes_total,
                loss,
                drops,
                ce_marked,
            } => {
                self.receivers.locate(node, address);
                let name = self.meet(node, &name, true);
                let loss = fraction(loss);
                self.events.push(SendEvent::ReceiverProgress {
                    node,
                    name,
                    state,
                    bytes_done,
                    bytes_total,
                    loss,
                    drops,
                    marked: ce_marked,
                });
            }
            SenderEvent::ReceiverConfirmed { node } => {
                let name = self.meet(node, "", true);
                self.receivers.confirmed(node, now);
                self.events.push(SendEvent::ReceiverConfirmed { node, name });
            }
            SenderEvent::ReceiverFailed { node, reason } => {
                let name = self.meet(node, "", true);
                let reason = self.receivers.failed(node, &reason);
                self.events.push(SendEvent::ReceiverFailed { node, name, reason });
                // The engine has struck it off when it went before data flowed.
                if self.data.is_none() && engine.members().all(|(member, _)| member != node) {
                    self.receivers.forget(node);
                }
            }
            SenderEvent::ReceiverLost { node } => {
                let name = self.meet(node, "", true);
                self.events.push(SendEvent::ReceiverLost { node, name });
            }
            SenderEvent::ReceiverEvicted { node } => {
                let name = self.meet(node, "", true);
                let lane = self.facts.lane;
                self.events.push(SendEvent::ReceiverEjected { node, name, lane });
                if let Some(lane) = &mut self.lane {
                    lane.expect();
                }
            }
            SenderEvent::Started => self.start_data(engine, now),
            SenderEvent::StartTimedOut { receivers } => {
                let wanted = self.facts.min_receivers;
                self.outcome.get_or_insert(SendOutcome::StartTimedOut { receivers, wanted });
                self.ending = Some(now);
            }
            SenderEvent::AllSent => {
                self.all_sent = Some(now);
                self.events.push(SendEvent::AllSent);
            }
            SenderEvent::Abandoned => {
                let words = "no receiver is left: all have failed, so the rest is not sent";
                self.events.push(SendEvent::Hint(words.to_owned()));
            }
            SenderEvent::ReadFailed => self.read_failed(now),
            // No acknowledgments are requested; the end is seen in `turn`.
            SenderEvent::Acknowledged { .. } | SenderEvent::Finished => {}
        }
    }

    fn job(&mut self, engine: &mut Sender, now: Timestamp, job: Job) {
        if let Some(done) = self.jobs.start(job) {
            engine.handle_job(now, done);
        }
    }

    fn turn(&mut self, engine: &mut Sender, now: Timestamp) -> ControlFlow<()> {
        self.keep_schedule(engine, now);
        if self.data.is_none() && self.facts.min_receivers == 0 {
            self.start_data(engine, now); // the engine does not tell: it need not wait
        }
        if self.stopper.is_stopped() && self.ending.is_none() {
            self.stop(engine, now);
        }
        if engine.is_finished() || self.ending.is_some_and(|since| now >= since + GOODBYE) {
            return ControlFlow::Break(());
        }
        if let Some(gate) = &self.gate {
            engine.keep_open(gate.is_open());
        }
        self.hint_if_silent(engine, now);
        if now >= self.next_progress {
            self.next_progress = now + PROGRESS_EVERY;
            self.tell_progress(engine, now);
        }
        ControlFlow::Continue(())
    }
}
