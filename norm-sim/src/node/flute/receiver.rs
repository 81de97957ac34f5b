//! A receiving FLUTE engine and its application.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use norm_core::Timestamp;
use norm_core::base::range_set::RangeSet;
use norm_core::endpoint::{Endpoint, Job, JobDone, ObjectRef, SenderId, StoreJob, StoreOutcome};
use norm_core::flute::receiver::{Receiver, ReceiverEvent, ReceiverStats};

use super::sources::Sources;
use super::store::{Block, FluteStore};
use crate::node::contract::{Node, Outbox, hand_over};
use crate::outcome::FluteReceiverOutcome;
use crate::packet::{Body, HostId, Packet, host_at};
use crate::scenario::{Broken, FluteReceiverPlan, FluteSenderPlan, Scenario};

/// A FLUTE receiver of a run.
#[derive(Debug)]
pub(crate) struct FluteReceiver {
    plan: FluteReceiverPlan,
    sources: Arc<Sources>,
    me: HostId,
    engine: Option<Receiver<FluteStore>>,
    /// Results of jobs, and when each is ready.
    jobs: VecDeque<(Timestamp, JobDone)>,
    /// Hosts of the senders that were found.
    senders: BTreeMap<SenderId, HostId>,
    objects: BTreeMap<ObjectRef, Opened>,
    /// Hosts and numbers of objects that are complete.
    complete: BTreeSet<(HostId, usize)>,
    /// Packets of these hosts have come damaged: nothing is certain of what they send.
    damaged: BTreeSet<HostId>,
    completed: Option<Duration>,
    ended: bool,
    stats: ReceiverStats,
    next: Timestamp,
}

/// An object that was opened.
#[derive(Debug)]
struct Opened {
    from: HostId,
    /// Which object of a sender of the scenario it is; `None` of others.
    index: Option<usize>,
    size: u64,
    written: RangeSet,
    is_complete: bool,
}

/// Bytes of tables, and of symbols of blocks that jobs have: the engine counts them apart from its
/// settings.
const ASSEMBLY: usize = 28 << 20;

impl FluteReceiver {
    pub(crate) fn new(plan: &FluteReceiverPlan, scenario: &Scenario, me: HostId) -> Self {
        Self {
            plan: plan.clone(),
            sources: Arc::new(Sources::new(scenario)),
            me,
            engine: None,
            jobs: VecDeque::new(),
            senders: BTreeMap::new(),
            objects: BTreeMap::new(),
            complete: BTreeSet::new(),
            damaged: BTreeSet::new(),
            completed: None,
            ended: false,
            stats: ReceiverStats::default(),
            next: Timestamp::MAX,
        }
    }

    /// When it had all objects.
    pub(crate) fn completed(&self) -> Option<Duration> {
        self.completed
    }

    /// True when it is switched off.
    pub(crate) fn is_off(&self) -> bool {
        self.engine.is_none()
    }

    pub(crate) fn outcome(&self) -> FluteReceiverOutcome {
        FluteReceiverOutcome {
            host: self.me,
            completed: self.completed,
            objects: self.complete.len() as u32,
            ended: self.ended,
            stats: self.engine.as_ref().map_or(self.stats, |engine| *engine.stats()),
        }
    }

    /// Checks the end of a run.
    ///
    /// # Panics
    /// When it has to be complete, and is not.
    pub(crate) fn check_end(&self) {
        let excused = !self.plan.must_complete || !self.damaged.is_empty();
        let outcome = self.outcome();
        assert!(
            excused || self.completed.is_some(),
            "FLUTE receiver is incomplete: {outcome:?}, of {} objects",
            self.sources.objects()
        );
    }

    fn serve(&mut self, now: Timestamp, out: &mut Outbox) {
        let Some(mut engine) = self.engine.take() else { return };
        if engine.poll_timeout().is_some_and(|due| due <= now) {
            engine.handle_timeout(now);
        }
        let mut busy = true;
        while core::mem::take(&mut busy) {
            while let Some(event) = engine.poll_event() {
                busy = true;
                self.take_event(&mut engine, out.elapsed(), event);
            }
            while let Some(job) = engine.poll_job() {
                let Job::Store(job) = job else { panic!("a receiver only stores") };
                let begin = self.jobs.back().map_or(now, |(at, _)| now.max(*at));
                let done = self.store(&mut engine, &job);
                self.jobs.push_back((begin + self.plan.job_time, done));
            }
            while self.jobs.front().is_some_and(|(at, _)| *at <= now)
                && let Some((_, done)) = self.jobs.pop_front()
            {
                busy = true;
                engine.handle_job(now, done);
            }
        }
        assert!(
            engine.poll_transmit(now, &mut out.transmit).is_none(),
            "a receiver of FLUTE has no way back"
        );
        self.check_load(&engine);
        let job = self.jobs.front().map(|(at, _)| *at);
        let timers = [engine.poll_timeout(), job];
        self.next = timers.into_iter().flatten().min().unwrap_or(Timestamp::MAX);
        self.engine = Some(engine);
    }

    /// Its tables stay within their caps.
    fn check_load(&self, engine: &Receiver<FluteStore>) {
        let (load, config) = (engine.load(), &self.plan.config);
        let bytes = config.max_bookkeeping + config.max_early + ASSEMBLY;
        let objects = config.max_sessions * config.max_objects;
        let within =
            load.sessions <= config.max_sessions && load.objects <= objects && load.bytes <= bytes;
        assert!(within, "host {}: {load:?} is more than allowed", self.me);
    }

    fn take_event(
        &mut self,
        engine: &mut Receiver<FluteStore>,
        at: Duration,
        event: ReceiverEvent,
    ) {
        match event {
            ReceiverEvent::SenderFound { sender, address, .. } => {
                let (host, _) = host_at(address).expect("packets come from hosts");
                self.senders.insert(sender, host);
            }
            ReceiverEvent::ObjectOpened { object, size, meta } => {
                let from = self.senders[&object.sender];
                let source = self.sources.of(from);
                let index = source.and_then(|_| FluteSenderPlan::index_of(&meta));
                let expected = source.and_then(|source| source.sizes.get(index?).copied());
                let right = source.is_none() || expected == Some(size);
                assert!(right || self.damaged.contains(&from), "{meta:?} has {size} bytes");
                let (written, is_complete) = (RangeSet::new(), false);
                let opened = Opened { from, index, size, written, is_complete };
                self.objects.insert(object, opened);
                engine.accept(object);
            }
            ReceiverEvent::ObjectComplete { object } => self.complete(object, at),
            ReceiverEvent::ObjectAborted { object } => {
                self.objects.remove(&object).expect("what is aborted was opened");
            }
            ReceiverEvent::StoreFailed { object } => panic!("{object:?}: no job has failed"),
            ReceiverEvent::SenderEnded { sender } => {
                self.ended |= self.sources.of(self.senders[&sender]).is_some();
            }
            ReceiverEvent::TableExpired { .. } | ReceiverEvent::SenderSilent { .. } => {}
        }
    }

    fn complete(&mut self, object: ObjectRef, at: Duration) {
        let opened = self.objects.get_mut(&object).expect("what is complete was opened");
        assert!(!opened.is_complete, "{object:?} is complete twice");
        opened.is_complete = true;
        let whole = opened.written.covers(0, opened.size);
        assert!(whole || opened.size == 0, "{object:?} is complete without all of its bytes");
        if let Some(index) = opened.index {
            self.complete.insert((opened.from, index));
        }
        if self.complete.len() == self.sources.objects() {
            self.completed = self.completed.or(Some(at));
        }
    }

    fn store(&mut self, engine: &mut Receiver<FluteStore>, job: &StoreJob) -> JobDone {
        let slot = job.slot;
        let outcome = match engine.store_mut().take(job) {
            Ok(block) => {
                self.write(job, &block);
                StoreOutcome::Written
            }
            Err(()) => StoreOutcome::NeedMore,
        };
        JobDone::Store { slot, outcome }
    }

    /// Compares a block with the content instead of writing it.
    ///
    /// # Panics
    /// When a byte is wrong: the most important invariant.
    fn write(&mut self, job: &StoreJob, block: &Block) {
        let (slot, mut of) = (job.slot, job.geometry);
        if self.plan.broken == Some(Broken::WritesAtAWrongOffset) && slot.block % 7 == 1 {
            of.offset += 1;
        }
        // What was aborted meanwhile is of no use.
        let Some(object) = self.objects.get_mut(&slot.object_ref()) else { return };
        object.written.insert(of.offset, of.offset + u64::from(of.len));
        let Some(source) = self.sources.of(object.from) else { return };
        let (index, damaged) = (object.index, self.damaged.contains(&object.from));
        assert!(index.is_some() || damaged, "{slot:?} is of no object of the scenario");
        let Some(index) = index.filter(|_| !damaged) else { return };
        let right = match block.runs() {
            None => block.object() == Some(index),
            Some(mut runs) => runs.all(|(at, bytes)| {
                let offset = of.offset + u64::from(at);
                bytes == source.content.read(index as u64, offset, bytes.len())
            }),
        };
        assert!(right, "WRONG BYTE delivered in {slot:?}: {of:?} of object {index}, {source:?}");
    }
}

impl Node for FluteReceiver {
    fn start(&mut self, now: Timestamp, out: &mut Outbox) {
        self.stop(now);
        let config = self.plan.config.clone();
        let store = FluteStore::new(Arc::clone(&self.sources));
        self.engine = Some(Receiver::new(config, store));
        self.serve(now, out);
    }

    fn stop(&mut self, _now: Timestamp) {
        if let Some(engine) = self.engine.take() {
            self.stats = *engine.stats();
        }
        self.jobs.clear();
        self.senders.clear();
        self.objects.clear();
        self.complete.clear();
        self.damaged.clear();
        self.completed = None;
        self.ended = false;
        self.next = Timestamp::MAX;
    }

    fn receive(&mut self, now: Timestamp, packet: &Packet, out: &mut Outbox) {
        let Body::Datagram(payload) = &packet.body else { return };
        let Some(engine) = &mut self.engine else { return };
        if !packet.intact {
            self.damaged.insert(packet.from);
        }
        engine.store_mut().expect(packet);
        hand_over(engine, now, packet, payload, out);
        self.serve(now, out);
    }

    fn timeout(&mut self, now: Timestamp, out: &mut Outbox) {
        self.serve(now, out);
    }

    fn next(&self) -> Timestamp {
        self.next
    }

    fn is_done(&self) -> bool {
        self.completed.is_some()
    }
}
