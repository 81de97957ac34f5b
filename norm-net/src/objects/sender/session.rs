//! The application around the sending engine: hands objects and parts of streams to it.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::ControlFlow;
use std::thread::available_parallelism;
use std::time::Duration;

use bytes::{Buf, Bytes};
use crossbeam_channel::{Receiver as Channel, Sender as ChannelSender, TryRecvError};
use norm_core::Timestamp;
use norm_core::endpoint::{EncodeJob, Endpoint, Job, JobDone, JobFailed, ReadJob};
use norm_core::fec::encode;
use norm_core::norm::sender::{ConfigError, MemberStatus, ObjectSpec, StreamSpec};
use norm_core::norm::{Sender, SenderEvent};

use super::event::{ObjectSendEvent, ObjectSendOutcome, ObjectSendReport};
use super::writer::Part;
use super::{ObjectError, ObjectNumber};
use crate::event::Outlet;
use crate::io::driver::Application;
use crate::io::seal::SealState;
use crate::io::socket::LinkChange;
use crate::io::workers::{Workers, guarded};
use crate::objects::signal::Signal;
use crate::stopper::{JobResults, Stopper};
use crate::transfer::gate_watch::GateWatch;

type Reply<T> = ChannelSender<Result<T, ObjectError>>;

/// What the handle asks for.
#[derive(Debug)]
pub(super) enum Request {
    Data { bytes: Bytes, info: Option<Bytes>, reply: Reply<ObjectNumber> },
    Stream { spec: StreamSpec, parts: Channel<Part>, reply: Reply<()> },
    Command { content: Bytes, times: u32, reply: Reply<()> },
    Finish,
}

/// What of the options the session still needs.
#[derive(Debug)]
pub(super) struct Limits {
    /// Bytes of DATA objects in the session.
    pub(super) held: usize,
    pub(super) segment_size: usize,
}

/// Commands that wait at most.
const MAX_COMMANDS: usize = 16;
/// Events that are not fetched; further ones are dropped.
const MAX_EVENTS: usize = 4_096;
/// A session that cannot tell its receivers that it ends is given up after this time.
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);

/// What a session is made of.
pub(super) struct Parts {
    pub(super) limits: Limits,
    pub(super) requests: Channel<Request>,
    pub(super) events: Outlet<ObjectSendEvent>,
    pub(super) stopper: Stopper,
    pub(super) signal: Signal,
    pub(super) results: JobResults,
}

/// A stream that is not closed yet.
#[derive(Debug)]
struct OpenStream {
    key: u64,
    parts: Channel<Part>,
    /// What the engine had no room for.
    rest: Bytes,
}

pub(super) struct Session {
    limits: Limits,
    requests: Channel<Request>,
    events: Outlet<ObjectSendEvent>,
    stopper: Stopper,
    signal: Signal,
    encoders: Workers,
    results: JobResults,
    began: Timestamp,
    /// The content of all DATA objects: receivers may still ask for repair of any of them.
    objects: BTreeMap<u64, Bytes>,
    held: usize,
    streams: Vec<OpenStream>,
    commands: VecDeque<(Bytes, u32)>,
    /// The last command is being repeated until then.
    command_until: Timestamp,
    any_object: bool,
    finishing: bool,
    /// When the end was begun from here.
    ending: Option<Timestamp>,
    /// The outcome, where it does not follow from what receivers did.
    outcome: Option<ObjectSendOutcome>,
    gate: GateWatch,
}

impl Session {
    pub(super) fn new(parts: Parts, now: Timestamp) -> io::Result<Self> {
        let Parts { limits, requests, events, stopper, signal, results } = parts;
        let cores = available_parallelism().map_or(1, usize::from);
        Ok(Self {
            limits,
            requests,
            events,
            stopper,
            signal,
            encoders: Workers::new("norm-encode", cores)?,
            results,
            began: now,
            objects: BTreeMap::new(),
            held: 0,
            streams: Vec::new(),
            commands: VecDeque::new(),
            command_until: Timestamp::ZERO,
            any_object: false,
            finishing: false,
            ending: None,
            outcome: None,
            gate: GateWatch::default(),
        })
    }

    pub(super) fn report(&self, engine: &Sender, now: Timestamp) -> ObjectSendReport {
        let receivers: Vec<_> = engine.members().map(|(node, m)| (node, m.status)).collect();
        let confirmed = |(_, status): &(_, MemberStatus)| *status == MemberStatus::Confirmed;
        let outcome = self.outcome.unwrap_or_else(|| {
            if receivers.is_empty() {
                ObjectSendOutcome::NoReceivers
            } else if receivers.iter().all(confirmed) {
                ObjectSendOutcome::Complete
            } else {
                ObjectSendOutcome::Incomplete
            }
        });
        let elapsed = now.saturating_since(self.began);
        ObjectSendReport { outcome, receivers, elapsed, stats: *engine.stats() }
    }

    fn take_requests(&mut self, engine: &mut Sender) {
        while let Ok(request) = self.requests.try_recv() {
            // The writer or handle that asked may be gone.
            match request {
                Request::Data { bytes, info, reply } => {
                    let _ = reply.send(self.take_data(engine, bytes, info));
                }
                Request::Stream { spec, parts, reply } => {
                    let _ = reply.send(self.take_stream(engine, &spec, parts));
                }
                Request::Command { content, times, reply } => {
                    let _ = reply.send(self.take_command(content, times));
                }
                Request::Finish => self.finishing = true,
            }
        }
    }

    fn take_data(
        &mut self,
        engine: &mut Sender,
        bytes: Bytes,
        info: Option<Bytes>,
    ) -> Result<ObjectNumber, ObjectError> {
        let held = self.held.saturating_add(bytes.len());
        if held > self.limits.held {
            return Err(ObjectError::Full { limit: self.limits.held });
        }
        let spec = ObjectSpec { size: bytes.len() as u64, info, file: false };
        let key = engine.enqueue(spec)?;
        self.held = held;
        self.any_object = true;
        self.objects.insert(key, bytes);
        Ok(ObjectNumber(key))
    }

    fn take_stream(
        &mut self,
        engine: &mut Sender,
        spec: &StreamSpec,
        parts: Channel<Part>,
    ) -> Result<(), ObjectError> {
        let key = engine.open_stream(spec)?;
        self.any_object = true;
        self.streams.push(OpenStream { key, parts, rest: Bytes::new() });
        Ok(())
    }

    fn take_command(&mut self, content: Bytes, times: u32) -> Result<(), ObjectError> {
        if content.len() > self.limits.segment_size {
            return Err(ConfigError::CommandTooLong.into());
        }
        if self.commands.len() >= MAX_COMMANDS {
            return Err(ObjectError::Busy);
        }
        self.commands.push_back((content, times));
        Ok(())
    }

    /// The engine repeats one command at a time; a new one would replace it.
    fn next_command(&mut self, engine: &mut Sender, now: Timestamp) {
        if now < self.command_until {
            return;
        }
        if let Some((content, times)) = self.commands.pop_front()
            && engine.send_command(content, times, now).is_ok()
        {
            self.command_until = now + engine.grtt() * 2 * times.max(1);
        }
    }

    /// Tells the engine that nothing more will come, when that is so.
    fn finish_if_due(&mut self, engine: &mut Sender, now: Timestamp) {
        let busy = !self.commands.is_empty() || now < self.command_until;
        if !self.finishing || self.ending.is_some() || busy || !self.streams.is_empty() {
            return;
        }
        if self.any_object {
            engine.finish();
        } else {
            // Without objects there is nothing to confirm.
            self.ending = Some(now);
            engine.abort(now);
        }
    }

    fn read(&self, job: ReadJob) -> Result<Bytes, JobFailed> {
        let content = self.objects.get(&job.object).ok_or(JobFailed)?;
        let from = usize::try_from(job.offset).map_err(|_| JobFailed)?;
        let range = from..from.checked_add(job.len as usize).ok_or(JobFailed)?;
        content.get(range.clone()).ok_or(JobFailed)?;
        Ok(content.slice(range))
    }

    fn encode(&self, job: EncodeJob) {
        let results = self.results.clone();
        self.encoders.submit(move || {
            let EncodeJob { block, scheme, symbols, symbol_size, source, first, count } = job;
            let coded = guarded(|| encode(scheme, symbols, symbol_size, &source, first, count));
            let result = coded.ok().and_then(Result::ok).map(Bytes::from).ok_or(JobFailed);
            results.send(JobDone::Encode { block, first, result });
        });
    }

    fn tell(&self, event: ObjectSendEvent) {
        // Refused when too many wait, or there is no handle any more.
        let _ = self.events.push(event, MAX_EVENTS);
    }
}

impl OpenStream {
    /// Moves what was written into the engine as far as there is room. False when the stream is
    /// closed.
    fn pump(&mut self, engine: &mut Sender, now: Timestamp, finishing: bool) -> bool {
        loop {
            if !self.rest.is_empty() {
                let taken = engine.write_stream(self.key, &self.rest, now);
                self.rest.advance(taken.min(self.rest.len()));
                if !self.rest.is_empty() {
                    return true;
                }
            }
            match self.parts.try_recv() {
                Ok(Part::Bytes(bytes)) => self.rest = bytes,
                Ok(Part::EndMessage) => engine.end_message(self.key),
                Ok(Part::Flush) => engine.flush_stream(self.key),
                Err(TryRecvError::Empty) if !finishing => return true,
                Err(_) => {
                    engine.close_stream(self.key, now);
                    return false;
                }
            }
        }
    }
}

impl Application<Sender> for Session {
    fn keeps_refused(&self) -> bool {
        true
    }

    fn nothing_leaves(&mut self, engine: &mut Sender, now: Timestamp, _: &io::Error) {
        engine.note_cut_off(now);
    }

    fn link_changed(&mut self, engine: &mut Sender, now: Timestamp, change: &LinkChange) {
        if let LinkChange::Moved { from, to, .. } = change
            && from != to
        {
            engine.address_changed(now);
        }
    }

    fn event(&mut self, _: &mut Sender, now: Timestamp, event: SenderEvent) {
        match event {
            SenderEvent::ReceiverFound { node, name, address } => {
                self.tell(ObjectSendEvent::ReceiverFound { node, name, address });
            }
            SenderEvent::ReceiverConfirmed { node } => {
                self.tell(ObjectSendEvent::ReceiverConfirmed { node });
            }
            SenderEvent::ReceiverFailed { node, reason } => {
                self.tell(ObjectSendEvent::ReceiverFailed { node, reason });
            }
            SenderEvent::ReceiverLost { node } => self.tell(ObjectSendEvent::ReceiverLost { node }),
            SenderEvent::Started => self.tell(ObjectSendEvent::Started),
            SenderEvent::AllSent => self.tell(ObjectSendEvent::AllSent),
            SenderEvent::StartTimedOut { .. } => {
                self.outcome.get_or_insert(ObjectSendOutcome::StartTimedOut);
                self.ending = Some(now);
            }
            SenderEvent::ReadFailed => {
                self.outcome.get_or_insert(ObjectSendOutcome::Failed);
                self.ending = Some(now);
            }
            // No receiver is evicted here, nor has one a part from before.
            SenderEvent::ReceiverEvicted { .. }
            | SenderEvent::OnRequest { .. }
            | SenderEvent::ReceiverSlow { .. }
            | SenderEvent::ReceiverMoved { .. }
            | SenderEvent::ReceiverReport { .. }
            | SenderEvent::PacketSize { .. }
            | SenderEvent::PathMtuTooSmall { .. }
            | SenderEvent::Acknowledged { .. }
            | SenderEvent::Abandoned
            | SenderEvent::ReceiverIgnored { .. }
            | SenderEvent::Finished => {}
        }
    }

    fn gate(&mut self, _: &mut Sender, _: Timestamp, state: &SealState) {
        self.gate.note(state).for_each(|hint| self.tell(ObjectSendEvent::Hint(hint)));
    }

    fn job(&mut self, engine: &mut Sender, now: Timestamp, job: Job) {
        match job {
            Job::Read(job) => {
                let done = JobDone::Read { block: job.block, result: self.read(job) };
                engine.handle_job(now, done);
            }
            Job::Encode(job) => self.encode(job),
            // This sender has none of these.
            Job::Store(_) | Job::Recall(_) | Job::Prepare(_) | Job::Gather(_) => {}
        }
    }

    fn turn(&mut self, engine: &mut Sender, now: Timestamp) -> ControlFlow<()> {
        // Before looking, so that whatever comes afterwards wakes the loop.
        self.signal.lower();
        if self.stopper.is_stopped() && self.ending.is_none() {
            self.outcome.get_or_insert(ObjectSendOutcome::Stopped);
            self.ending = Some(now);
            engine.abort(now);
        }
        if engine.is_finished() || self.ending.is_some_and(|since| now >= since + FAREWELL_LIMIT) {
            return ControlFlow::Break(());
        }
        self.take_requests(engine);
        let finishing = self.finishing;
        self.streams.retain_mut(|stream| stream.pump(engine, now, finishing));
        self.next_command(engine, now);
        self.finish_if_due(engine, now);
        ControlFlow::Continue(())
    }
}
