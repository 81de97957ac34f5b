//! A receiving engine and its application.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use norm_core::endpoint::{Destination, Endpoint, Job, JobDone, ObjectRef, SenderId, StoreOutcome};
use norm_core::fec::Layout;
use norm_core::norm::receiver::{Feedback, Progress, Receiver, ReceiverEvent, ReceiverStats};
use norm_core::norm::wire::{Command, Identity, MemberState, Message};
use norm_core::{Rng, Timestamp};

use super::contract::{Node, Outbox, hand_over};
use crate::invariants::check_load;
use crate::outcome::ReceiverOutcome;
use crate::packet::{Body, HostId, Packet, To, host_at};
use crate::reference::Reference;
use crate::scenario::{Broken, ReceiverPlan, engine_seed};
use crate::store::SimStore;

/// See the module.
#[derive(Debug)]
pub(crate) struct NormReceiver {
    plan: ReceiverPlan,
    reference: Arc<Reference>,
    me: HostId,
    seed: u64,
    life: u32,
    since: Duration,
    engine: Option<Receiver<SimStore>>,
    /// Jobs done, and when the disk has finished them.
    jobs: VecDeque<(Timestamp, JobDone)>,
    disk_free: Timestamp,
    stored_blocks: u64,
    /// Where we heard senders, and which of them are honest ones, by the engine's number.
    heard: BTreeSet<SocketAddr>,
    honest: BTreeMap<SenderId, HostId>,
    confirmed: BTreeSet<(HostId, u16)>,
    tries: BTreeMap<(HostId, u16), u32>,
    /// An honest sender has fallen silent without a goodbye.
    silent: bool,
    fault: Rng,
    next: Timestamp,
    outcome: ReceiverOutcome,
}

/// An object is received again this often when it turned out wrong.
const TRIES: u32 = 3;

impl NormReceiver {
    pub(crate) fn new(
        plan: &ReceiverPlan,
        reference: Arc<Reference>,
        me: HostId,
        seed: u64,
    ) -> Self {
        Self {
            plan: plan.clone(),
            reference,
            me,
            seed,
            life: 0,
            since: Duration::ZERO,
            engine: None,
            jobs: VecDeque::new(),
            disk_free: Timestamp::ZERO,
            stored_blocks: 0,
            heard: BTreeSet::new(),
            honest: BTreeMap::new(),
            confirmed: BTreeSet::new(),
            tries: BTreeMap::new(),
            silent: false,
            fault: Rng::new(engine_seed(seed, me, u32::MAX)),
            next: Timestamp::MAX,
            outcome: ReceiverOutcome {
                host: me,
                completed: None,
                objects: 0,
                aborted: 0,
                again: 0,
                failed: None,
                released: false,
                ended: false,
                stats: ReceiverStats::default(),
                most_blocks: 0,
            },
        }
    }

    /// True when it has nothing left to find out: also when it never heard of a sender.
    pub(crate) fn is_quiet(&self) -> bool {
        let o = &self.outcome;
        self.engine.is_none() || o.released || o.ended || self.silent || self.honest.is_empty()
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.outcome.completed.is_some()
    }

    pub(crate) fn host(&self) -> HostId {
        self.me
    }

    /// When it was last switched on, in true time.
    pub(crate) fn since(&self) -> Duration {
        self.since
    }

    /// True when it is switched on, incomplete, and would not tell its user why.
    pub(crate) fn is_incomplete_without_reason(&self) -> bool {
        let o = &self.outcome;
        let explained = o.completed.is_some() || o.failed.is_some() || o.aborted > 0;
        self.engine.is_some() && !explained
    }

    /// Speaks to the group, as suppression needs it.
    pub(crate) fn is_multicast(&self) -> bool {
        self.plan.config.feedback == Feedback::Multicast
    }

    pub(crate) fn outcome(&self) -> ReceiverOutcome {
        let mut outcome = self.outcome.clone();
        if let Some(engine) = &self.engine {
            outcome.stats = *engine.stats();
        }
        outcome
    }

    /// Everything that has become possible, until nothing is left.
    fn serve(&mut self, now: Timestamp, out: &mut Outbox) {
        let Some(mut engine) = self.engine.take() else { return };
        let mut timed = false;
        loop {
            while let Some(event) = engine.poll_event() {
                self.take_event(&mut engine, now, out, &event);
            }
            while let Some(job) = engine.poll_job() {
                self.work(&mut engine, now, &job);
            }
            if self.jobs.front().is_some_and(|(at, _)| *at <= now) {
                if let Some((_, done)) = self.jobs.pop_front() {
                    engine.handle_job(now, done);
                }
                continue;
            }
            self.next = engine.poll_timeout().unwrap_or(Timestamp::MAX);
            if self.next > now || timed {
                break;
            }
            engine.handle_timeout(now);
            while let Some(transmit) = engine.poll_transmit(now, &mut out.transmit) {
                let to = match transmit.destination {
                    Destination::Group => To::Group,
                    Destination::Unicast(to) => self.known(to),
                };
                let payload = Arc::from(out.transmit.as_bytes());
                out.packets.push((to, Body::Datagram(payload)));
            }
            timed = true;
        }
        if let Some((at, _)) = self.jobs.front() {
            self.next = self.next.min(*at);
        }
        self.engine = Some(engine);
    }

    fn known(&self, to: SocketAddr) -> To {
        assert!(self.heard.contains(&to), "host {} sends to {to}, and never heard it", self.me);
        To::Host(host_at(to).expect("who was heard is a host"))
    }

    fn work(&mut self, engine: &mut Receiver<SimStore>, now: Timestamp, job: &Job) {
        let Job::Store(mut job) = *job else { panic!("a receiver only stores") };
        if self.plan.broken == Some(Broken::WritesAtAWrongOffset) && self.fault.chance(0.05) {
            job.geometry.offset += u64::from(job.geometry.symbol_size);
        }
        let blocks = engine.store().len();
        self.outcome.most_blocks = self.outcome.most_blocks.max(blocks as u32);
        check_load(self.me, engine, &self.plan.config);
        let full = self.plan.disk_full_after.is_some_and(|most| self.stored_blocks >= most);
        let done = if full {
            JobDone::Store { slot: job.slot, outcome: StoreOutcome::Failed }
        } else {
            engine.store_mut().store(&job)
        };
        self.stored_blocks += 1;
        self.disk_free = self.disk_free.max(now) + self.plan.store_delay;
        self.jobs.push_back((self.disk_free, done));
    }

    fn take_event(
        &mut self,
        engine: &mut Receiver<SimStore>,
        now: Timestamp,
        out: &Outbox,
        event: &ReceiverEvent,
    ) {
        match *event {
            ReceiverEvent::SenderFound { sender: remote, address, .. } => {
                self.heard.insert(address);
                check_load(self.me, engine, &self.plan.config);
                if let Some(host) =
                    host_at(address).filter(|host| self.reference.of(*host).is_some())
                {
                    self.honest.insert(remote, host);
                    (self.silent, self.outcome.ended) = (false, false);
                }
            }
            ReceiverEvent::ObjectOpened { object, size, .. } => {
                self.open(engine, now, object, size);
            }
            ReceiverEvent::ObjectComplete { object } => self.check(engine, now, out, object),
            ReceiverEvent::ObjectAborted { object } => {
                engine.store_mut().settle(object);
                let ours = self.reference_of(object).is_some();
                self.outcome.aborted += u32::from(ours);
            }
            ReceiverEvent::StoreFailed { object } => {
                self.fail(engine, now, object, "cannot write: the disk is full");
            }
            ReceiverEvent::Released { sender: remote } if self.honest.contains_key(&remote) => {
                self.outcome.released = true;
            }
            ReceiverEvent::SenderEnded { sender: remote } if self.honest.contains_key(&remote) => {
                self.outcome.ended = true;
            }
            ReceiverEvent::SenderSilent { sender: remote } if self.honest.contains_key(&remote) => {
                self.silent = true;
            }
            _ => {}
        }
    }

    /// The honest sender of an object, and the object's true size.
    fn reference_of(&self, object: ObjectRef) -> Option<(HostId, u64)> {
        let host = *self.honest.get(&object.sender)?;
        let layout = self.reference.of(host)?.layout(object.key)?;
        Some((host, layout.size()))
    }

    fn open(
        &mut self,
        engine: &mut Receiver<SimStore>,
        now: Timestamp,
        object: ObjectRef,
        size: u64,
    ) {
        match self.reference_of(object) {
            Some((_, reference)) if reference == size => engine.accept(object),
            Some(_) => self.again(engine, now, object),
            None => engine.give_up(object.sender, object.key..object.key + 1),
        }
    }

    /// Every block is written: verify, as the hashes of a real application would.
    fn check(
        &mut self,
        engine: &mut Receiver<SimStore>,
        now: Timestamp,
        out: &Outbox,
        object: ObjectRef,
    ) {
        let written = engine.store_mut().settle(object);
        let Some((host, _)) = self.reference_of(object) else {
            panic!("host {} completes an object that it did not accept: {object:?}", self.me);
        };
        if written.tainted {
            return self.again(engine, now, object);
        }
        let reference = self.reference.of(host).and_then(|reference| reference.layout(object.key));
        let blocks = reference.map_or(0, Layout::blocks);
        assert!(
            written.blocks == blocks,
            "host {}: {object:?} is called complete with {} of {blocks} blocks written",
            self.me,
            written.blocks
        );
        engine.confirm(object);
        if self.confirmed.insert((host, object.key as u16)) {
            self.outcome.objects += 1;
            if self.outcome.objects == self.reference.objects {
                self.outcome.completed = Some(out.elapsed);
            }
        }
    }

    fn again(&mut self, engine: &mut Receiver<SimStore>, now: Timestamp, object: ObjectRef) {
        let Some((host, _)) = self.reference_of(object) else { return };
        let tries = self.tries.entry((host, object.key as u16)).or_default();
        *tries += 1;
        if *tries > TRIES {
            return self.fail(
                engine,
                now,
                object,
                "what arrived does not match the sender's hashes",
            );
        }
        self.outcome.again += 1;
        engine.restart(object);
        engine.store_mut().settle(object);
    }

    /// Gives an object up, and tells the sender why.
    fn fail(
        &mut self,
        engine: &mut Receiver<SimStore>,
        now: Timestamp,
        object: ObjectRef,
        reason: &str,
    ) {
        engine.give_up(object.sender, object.key..object.key + 1);
        let (state, reason) = (MemberState::Failed, reason.to_owned());
        self.outcome.failed.get_or_insert_with(|| reason.clone());
        engine.set_progress(object.sender, Progress { state, bytes_total: 0, reason });
        engine.report_now(object.sender, now);
    }

    /// True when the fault that was asked for makes the receiver deaf to this.
    fn is_deaf_to(&self, payload: &[u8]) -> bool {
        self.plan.broken == Some(Broken::ForgetsSuppression)
            && match Message::parse(payload) {
                Ok((_, Message::Nack(_))) => true,
                Ok((_, Message::Cmd(cmd))) => matches!(cmd.command, Command::RepairAdv(_)),
                _ => false,
            }
    }
}

impl Node for NormReceiver {
    fn start(&mut self, now: Timestamp, out: &mut Outbox) {
        self.stop(now);
        self.life += 1;
        self.since = out.elapsed;
        let o = &mut self.outcome;
        (o.completed, o.failed, o.released, o.ended) = (None, None, false, false);
        (o.objects, o.aborted, o.again) = (0, 0, 0);
        let mut config = self.plan.config.clone();
        if config.identity == Identity([0; 16]) {
            config.identity = Identity((u128::from(self.me) + 1).to_be_bytes());
        }
        if config.name.is_empty() {
            config.name = format!("receiver-{}", self.me);
        }
        (config.auto_accept, config.auto_confirm) = (false, false);
        let store =
            SimStore::new(Arc::clone(&self.reference), config.max_blocks, self.plan.real_store);
        let seed = engine_seed(self.seed, self.me, self.life);
        self.engine = Some(Receiver::new(config, store, seed));
        self.serve(now, out);
    }

    fn stop(&mut self, _now: Timestamp) {
        if let Some(engine) = self.engine.take() {
            self.outcome.stats = *engine.stats();
        }
        self.jobs.clear();
        self.disk_free = Timestamp::ZERO;
        self.stored_blocks = 0;
        self.heard.clear();
        self.honest.clear();
        self.confirmed.clear();
        self.tries.clear();
        self.silent = false;
        self.next = Timestamp::MAX;
    }

    fn receive(&mut self, now: Timestamp, packet: &Packet, out: &mut Outbox) {
        let Body::Datagram(payload) = &packet.body else { return };
        if self.plan.broken.is_some() && self.is_deaf_to(payload) {
            return;
        }
        let Some(engine) = &mut self.engine else { return };
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
}
