//! The application around the receiving engine: puts objects together, feeds streams' readers.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use norm_core::Timestamp;
use norm_core::endpoint::{Job, JobDone, ObjectRef, SenderId, StoreJob, StoreOutcome};
use norm_core::norm::{Receiver, ReceiverEvent};
use norm_core::transfer::Inbound;

use super::event::{Budget, ObjectEvent, SenderInfo};
use super::feed::{Fed, Feed};
use super::reader::ITEM;
use crate::event::{Outlet, Refused};
use crate::io::driver::Application;
use crate::io::membership::Expected;
use crate::io::seal::SealState;
use crate::io::socket::LinkChange;
use crate::objects::signal::Signal;
use crate::stopper::{JobResults, Stopper};
use crate::transfer::gate_watch::GateWatch;
use crate::transfer::receive::store::{BlockStore, Returns};

type Engine = Receiver<BlockStore>;

/// What of the options the session acts on.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) max_data: usize,
    pub(super) max_streams: usize,
    pub(super) leave: Duration,
}

/// Events that wait to be fetched; what more there is waits with the session.
const MAX_EVENTS: usize = 256;
/// Events that wait with the session; further ones are dropped. Objects are not: memory bounds
/// them.
const MAX_WAITING: usize = 1_024;
/// How often the session looks whether the engine has dropped a sender to make room for another.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What a session is made of.
pub(super) struct Parts {
    pub(super) limits: Limits,
    pub(super) events: Outlet<ObjectEvent>,
    pub(super) budget: Budget,
    pub(super) signal: Signal,
    pub(super) stopper: Stopper,
    /// Leave without waiting for senders.
    pub(super) at_once: Arc<AtomicBool>,
    pub(super) returns: Returns,
    pub(super) results: JobResults,
}

/// A DATA object whose size is known.
#[derive(Debug)]
struct Incoming {
    size: usize,
    info: Option<Bytes>,
    file: bool,
    /// Its content, once there is memory for it.
    content: Option<Vec<u8>>,
}

/// An event on its way out, and the object to be confirmed when it is there.
type Outgoing = (ObjectEvent, Option<ObjectRef>);

/// A sender, and whether it has yet to hear what we confirmed.
#[derive(Copy, Clone, Debug)]
struct Known {
    sender: SenderInfo,
    owes_release: bool,
}

pub(super) struct Session {
    limits: Limits,
    events: Outlet<ObjectEvent>,
    budget: Budget,
    signal: Signal,
    stopper: Stopper,
    at_once: Arc<AtomicBool>,
    returns: Returns,
    results: JobResults,
    senders: BTreeMap<SenderId, Known>,
    objects: BTreeMap<ObjectRef, Incoming>,
    /// Objects that wait for memory.
    waiting: VecDeque<ObjectRef>,
    streams: BTreeMap<ObjectRef, Feed>,
    outgoing: VecDeque<Outgoing>,
    buf: Box<[u8; ITEM]>,
    next_look: Timestamp,
    leaving: Option<Timestamp>,
    gate: GateWatch,
}

impl Session {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { limits, events, budget, signal, stopper, at_once, returns, results } = parts;
        Self {
            limits,
            events,
            budget,
            signal,
            stopper,
            at_once,
            returns,
            results,
            senders: BTreeMap::new(),
            objects: BTreeMap::new(),
            waiting: VecDeque::new(),
            streams: BTreeMap::new(),
            outgoing: VecDeque::new(),
            buf: Box::new([0; ITEM]),
            next_look: Timestamp::ZERO,
            leaving: None,
            gate: GateWatch::default(),
        }
    }

    fn tell(&mut self, event: ObjectEvent) {
        if self.outgoing.len() < MAX_WAITING {
            self.outgoing.push_back((event, None));
        }
    }

    fn sender(&self, id: SenderId) -> Option<SenderInfo> {
        self.senders.get(&id).map(|known| known.sender)
    }

    fn open(&mut self, engine: &mut Engine, object: ObjectRef, size: u64, incoming: Incoming) {
        let Some(sender) = self.sender(object.sender) else { return engine.refuse(object) };
        if incoming.size > self.limits.max_data {
            engine.refuse(object);
            self.tell(ObjectEvent::Refused { sender, size });
            return;
        }
        self.objects.insert(object, incoming);
        self.waiting.push_back(object);
    }

    /// Accepts objects for which there is memory, in the order in which they were heard of.
    fn accept_waiting(&mut self, engine: &mut Engine) {
        while let Some(&object) = self.waiting.front() {
            if let Some(incoming) = self.objects.get_mut(&object) {
                if !self.budget.reserve(incoming.size) {
                    return;
                }
                incoming.content = Some(vec![0; incoming.size]);
                engine.accept(object);
            }
            self.waiting.pop_front();
        }
    }

    fn open_stream(
        &mut self,
        engine: &mut Engine,
        object: ObjectRef,
        size: u64,
        info: Option<Bytes>,
    ) {
        let Some(sender) = self.sender(object.sender) else { return engine.refuse(object) };
        if self.streams.len() >= self.limits.max_streams {
            engine.refuse(object);
            self.tell(ObjectEvent::Refused { sender, size });
            return;
        }
        let (feed, reader) = Feed::new(&self.signal);
        // The engine has accepted it already.
        self.streams.insert(object, feed);
        self.tell(ObjectEvent::Stream { sender, info, reader });
    }

    fn complete(&mut self, engine: &mut Engine, object: ObjectRef) {
        let Some(Incoming { size, info, file, content }) = self.objects.remove(&object) else {
            return;
        };
        let Some(sender) = self.sender(object.sender) else {
            if content.is_some() {
                self.budget.give_back(size);
            }
            return engine.confirm(object);
        };
        let bytes = Bytes::from(content.unwrap_or_default());
        let data = ObjectEvent::Data { sender, info, file, bytes };
        self.outgoing.push_back((data, Some(object)));
    }

    /// An object, or stream, that will not be completed.
    fn lose(&mut self, object: ObjectRef) {
        // The reader finds its stream cut.
        self.streams.remove(&object);
        let Some(lost) = self.objects.remove(&object) else { return };
        self.waiting.retain(|waiting| *waiting != object);
        if lost.content.is_some() {
            self.budget.give_back(lost.size);
        }
        if let Some(sender) = self.sender(object.sender) {
            self.tell(ObjectEvent::Aborted { sender, info: lost.info });
        }
    }

    /// A sender is gone, and all that is not complete with it.
    fn gone(&mut self, engine: &mut Engine, id: SenderId) -> Option<SenderInfo> {
        let of_it = ObjectRef { sender: id, key: 0 }..=ObjectRef { sender: id, key: u64::MAX };
        let objects = self.objects.range(of_it.clone()).map(|(&object, _)| object);
        let streams = self.streams.range(of_it).map(|(&object, _)| object);
        let lost: Vec<ObjectRef> = objects.chain(streams).collect();
        for object in lost {
            self.lose(object);
        }
        engine.forget(id);
        self.senders.remove(&id).map(|known| known.sender)
    }

    fn confirmed(&mut self, id: SenderId) {
        if let Some(known) = self.senders.get_mut(&id) {
            known.owes_release = true;
        }
    }

    fn deliver(&mut self, engine: &mut Engine) {
        while let Some((event, object)) = self.outgoing.pop_front() {
            match self.events.push(event, MAX_EVENTS) {
                Ok(()) => {}
                Err(Refused::Full(event)) => {
                    self.outgoing.push_front((event, object));
                    return;
                }
                Err(Refused::Closed) => continue, // not confirmed: there is no application
            }
            if let Some(object) = object {
                engine.confirm(object);
                self.confirmed(object.sender);
            }
        }
    }

    fn feed_streams(&mut self, engine: &mut Engine) {
        let mut ended = Vec::new();
        for (&object, feed) in &self.streams {
            match feed.pump(engine, object, &mut self.buf) {
                Fed::Open => continue,
                Fed::Ended => {}
                Fed::Unwanted => engine.refuse(object),
            }
            ended.push(object);
        }
        for object in ended {
            self.streams.remove(&object);
            self.confirmed(object.sender);
        }
    }

    /// Blocks are small and the codes fast: done here, not by a worker.
    fn store(&mut self, engine: &mut Engine, job: &StoreJob) {
        let slot = job.slot;
        let object = slot.object_ref();
        let Some(mut held) = engine.store_mut().lend(slot) else {
            return self.results.send(JobDone::Store { slot, outcome: StoreOutcome::Failed });
        };
        let content = self.objects.get_mut(&object).and_then(|o| o.content.as_deref_mut());
        let place = content.and_then(|content| {
            let from = usize::try_from(job.geometry.offset).ok()?;
            content.get_mut(from..from.checked_add(job.geometry.len as usize)?)
        });
        let outcome = match place {
            None => StoreOutcome::Failed,
            Some(_) if !held.buffer.recover() => StoreOutcome::NeedMore,
            Some(place) if place.len() == held.buffer.source().len() => {
                place.copy_from_slice(held.buffer.source());
                StoreOutcome::Written
            }
            Some(_) => StoreOutcome::Failed,
        };
        match outcome {
            StoreOutcome::NeedMore => self.returns.keep(slot, held),
            _ => self.returns.release(slot, held),
        }
        self.results.send(JobDone::Store { slot, outcome });
    }

    /// True when no sender is waited for any longer.
    fn has_left(&mut self, now: Timestamp) -> bool {
        if !self.stopper.is_stopped() {
            return false;
        }
        let since = *self.leaving.get_or_insert(now);
        let late = now >= since + self.limits.leave || self.at_once.load(Ordering::Acquire);
        late || !self.senders.values().any(|known| known.owes_release)
    }
}

impl Application<Engine> for Session {
    fn event(&mut self, engine: &mut Engine, _: Timestamp, event: ReceiverEvent) {
        match event {
            ReceiverEvent::SenderFound { sender: id, node, address } => {
                let sender = SenderInfo { id, node, address };
                self.senders.insert(id, Known { sender, owes_release: false });
                self.tell(ObjectEvent::SenderFound { sender });
            }
            ReceiverEvent::ObjectOpened { object, size, info, file } => {
                let in_memory = usize::try_from(size).unwrap_or(usize::MAX);
                let incoming = Incoming { size: in_memory, info, file, content: None };
                self.open(engine, object, size, incoming);
            }
            ReceiverEvent::StreamOpened { object, buffer, info } => {
                self.open_stream(engine, object, buffer, info);
            }
            ReceiverEvent::ObjectComplete { object } => self.complete(engine, object),
            ReceiverEvent::ObjectAborted { object } => self.lose(object),
            ReceiverEvent::EmptyObjectLost { object } => {
                if let Some(sender) = self.sender(object.sender) {
                    self.tell(ObjectEvent::Aborted { sender, info: None });
                }
            }
            ReceiverEvent::StoreFailed { object } => {
                // Cannot be but for an object that was given up meanwhile.
                engine.give_up(object.sender, object.key..object.key + 1);
                self.lose(object);
            }
            // It has no file sets.
            ReceiverEvent::Withdrawn { .. } => {}
            ReceiverEvent::Command { sender: id, content } => {
                if let Some(sender) = self.sender(id) {
                    self.tell(ObjectEvent::Command { sender, content });
                }
            }
            ReceiverEvent::Released { sender: id } => {
                if let Some(known) = self.senders.get_mut(&id) {
                    known.owes_release = false;
                }
            }
            ReceiverEvent::SenderSilent { sender: id } => {
                let gone = self.gone(engine, id);
                gone.into_iter().for_each(|sender| self.tell(ObjectEvent::SenderSilent { sender }));
            }
            // A sender that waits for us no longer has ended as far as we are concerned.
            ReceiverEvent::SenderEnded { sender: id }
            | ReceiverEvent::Evicted { sender: id, .. } => {
                let gone = self.gone(engine, id);
                gone.into_iter().for_each(|sender| self.tell(ObjectEvent::SenderEnded { sender }));
            }
            ReceiverEvent::SenderMoved { sender: id, address } => {
                if let Some(known) = self.senders.get_mut(&id) {
                    known.sender.address = address;
                }
            }
            // Streams are read whenever there is room; a pause changes nothing.
            ReceiverEvent::StreamReadable { .. }
            // Senders of objects and streams do not look for the length of packets.
            | ReceiverEvent::ObjectsMoved { .. }
            | ReceiverEvent::ShortPacketsOnly { .. }
            | ReceiverEvent::Fragmented { .. }
            | ReceiverEvent::SenderPaused { .. }
            | ReceiverEvent::SenderStopped { .. }
            | ReceiverEvent::SenderIgnored { .. }
            | ReceiverEvent::SenderResumed { .. } => {}
        }
    }

    fn link_changed(&mut self, engine: &mut Engine, now: Timestamp, change: &LinkChange) {
        if matches!(change, LinkChange::Moved { .. }) {
            engine.address_changed(now);
        }
    }

    fn expected(&self, engine: &Engine, _now: Timestamp) -> Expected {
        Expected::of_senders(self.senders.keys().filter_map(|&sender| engine.source(sender)))
    }

    fn gate(&mut self, _: &mut Engine, _: Timestamp, state: &SealState) {
        self.gate.note(state).for_each(|hint| self.tell(ObjectEvent::Hint(hint)));
    }

    fn job(&mut self, engine: &mut Engine, _now: Timestamp, job: Job) {
        if let Job::Store(job) = job {
            self.store(engine, &job);
        }
    }

    fn turn(&mut self, engine: &mut Engine, now: Timestamp) -> ControlFlow<()> {
        // Before looking, so that whatever comes afterwards wakes the loop.
        self.signal.lower();
        if now >= self.next_look {
            self.next_look = now + LOOK_INTERVAL;
            let dropped = |id: &&SenderId| engine.progress(**id).is_none();
            let dropped: Vec<SenderId> = self.senders.keys().filter(dropped).copied().collect();
            for id in dropped {
                self.gone(engine, id);
            }
        }
        self.accept_waiting(engine);
        self.feed_streams(engine);
        self.deliver(engine);
        if self.has_left(now) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
