//! A receiving NORM engine and its application.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use norm_core::endpoint::{
    Destination, Endpoint, Job, JobDone, ObjectRef, SenderId, StoreJob, StoreOutcome,
};
use norm_core::fec::Layout;
use norm_core::norm::receiver::{Feedback, Progress, Receiver, ReceiverEvent};
use norm_core::norm::wire::{Command, Identity, MemberState, Message};
use norm_core::{Rng, Timestamp};

use super::contract::{Node, Outbox, hand_over};
use super::holding::Holdings;
use crate::drawn::DrawnChunks;
use crate::invariants::check_load;
use crate::outcome::ReceiverOutcome;
use crate::packet::{Body, HostId, Packet, To, host_at};
use crate::reference::Reference;
use crate::scenario::{Broken, ReceiverPlan, engine_seed};
use crate::store::SimStore;

/// A receiver of a run.
#[derive(Debug)]
pub(crate) struct NormReceiver {
    plan: ReceiverPlan,
    reference: Arc<Reference>,
    me: HostId,
    seed: u64,
    /// Number of starts.
    life: u32,
    /// True time of the last start.
    since: Duration,
    engine: Option<Receiver<SimStore>>,
    /// Results of jobs, and when the disk is ready with each.
    jobs: VecDeque<(Timestamp, JobDone)>,
    disk_free: Timestamp,
    stored_blocks: u64,
    /// Addresses of all senders that the engine has found.
    heard: BTreeSet<SocketAddr>,
    /// Senders of the scenario; those of attackers are not among them.
    genuine: BTreeMap<SenderId, HostId>,
    confirmed: BTreeSet<(HostId, u16)>,
    /// By object: how often it was received again.
    retries: BTreeMap<(HostId, u16), u32>,
    /// A sender of the scenario has fallen silent without an EOT.
    silent: bool,
    fault: Rng,
    holdings: Holdings,
    next: Timestamp,
    outcome: ReceiverOutcome,
}

/// How often an object is received again of which another host has sent a part.
const MAX_RETRIES: u32 = 3;

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
            genuine: BTreeMap::new(),
            confirmed: BTreeSet::new(),
            retries: BTreeMap::new(),
            silent: false,
            fault: Rng::new(engine_seed(seed, me, u32::MAX)),
            holdings: Holdings::new(plan.held, plan.wanted, engine_seed(seed, me, u32::MAX - 1)),
            next: Timestamp::MAX,
            outcome: ReceiverOutcome::new(me),
        }
    }

    /// True when it waits for nothing more, or has never found a sender.
    pub(crate) fn is_quiet(&self) -> bool {
        let o = &self.outcome;
        // One that sends nothing is not told that it may go.
        let is_mute = self.plan.config.feedback == Feedback::None;
        let is_free = o.released || o.ended || (is_mute && o.completed.is_some());
        self.engine.is_none() || is_free || self.silent || self.genuine.is_empty()
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.outcome.completed.is_some()
    }

    /// When it was complete.
    pub(crate) fn completed(&self) -> Option<Duration> {
        self.outcome.completed
    }

    /// True when it is switched off.
    pub(crate) fn is_off(&self) -> bool {
        self.engine.is_none()
    }

    pub(crate) fn host(&self) -> HostId {
        self.me
    }

    /// True time of its last start.
    pub(crate) fn since(&self) -> Duration {
        self.since
    }

    /// True when it runs, is incomplete, and has given its user no reason.
    pub(crate) fn is_incomplete_without_reason(&self) -> bool {
        let o = &self.outcome;
        let explained = o.completed.is_some() || o.failed.is_some() || o.aborted > 0;
        self.engine.is_some() && !explained
    }

    /// True when its NACKs go to the group, as suppression needs it.
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

    /// Drives the engine until it has nothing left to do.
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
                    self.holdings.settle(&mut engine);
                }
                continue;
            }
            if self.holdings.next() <= now {
                self.holdings.compare(&mut engine, now);
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
                    Destination::Unicast(to) => self.sender_at(to),
                };
                let payload = Arc::from(out.transmit.as_bytes());
                out.packets.push((to, Body::Datagram(payload)));
                out.feedback_to.push(transmit.feedback_to);
            }
            timed = true;
        }
        if let Some((at, _)) = self.jobs.front() {
            self.next = self.next.min(*at);
        }
        self.next = self.next.min(self.holdings.next());
        self.engine = Some(engine);
    }

    /// The destination of unicast feedback, which must be a sender.
    fn sender_at(&self, to: SocketAddr) -> To {
        assert!(self.heard.contains(&to), "host {} sends to {to}, which is no sender", self.me);
        let (host, moves) = host_at(to).expect("every sender is a host");
        To::Address(host, moves)
    }

    fn work(&mut self, engine: &mut Receiver<SimStore>, now: Timestamp, job: &Job) {
        let Job::Store(mut job) = job.clone() else { panic!("a receiver only stores") };
        if self.plan.broken == Some(Broken::WritesAtAWrongOffset) && self.fault.chance(0.05) {
            job.geometry.offset += u64::from(job.geometry.symbol_size);
        }
        let blocks = engine.store().len();
        self.outcome.peak_blocks = self.outcome.peak_blocks.max(blocks as u32);
        check_load(self.me, engine, &self.plan.config);
        let full = self.plan.disk_full_after.is_some_and(|blocks| self.stored_blocks >= blocks);
        let done = if full {
            JobDone::Store { slot: job.slot, outcome: StoreOutcome::Failed }
        } else if self.is_held_lost(&job) {
            JobDone::Store { slot: job.slot, outcome: StoreOutcome::HeldLost }
        } else {
            engine.store_mut().store(&job)
        };
        self.stored_blocks += 1;
        self.disk_free = self.disk_free.max(now) + self.plan.store_delay;
        self.jobs.push_back((self.disk_free, done));
    }

    /// True when what a job is to read from the disk cannot be read.
    fn is_held_lost(&mut self, job: &StoreJob) -> bool {
        let share = self.plan.held.map_or(0.0, |held| held.unreadable);
        let lost = !job.held.is_empty() && self.fault.chance(share);
        if lost {
            let start = job.geometry.offset;
            let range = start..start + u64::from(job.geometry.len);
            self.holdings.lose(job.slot.object_ref(), range);
        }
        lost
    }

    fn take_event(
        &mut self,
        engine: &mut Receiver<SimStore>,
        now: Timestamp,
        out: &Outbox,
        event: &ReceiverEvent,
    ) {
        match *event {
            ReceiverEvent::SenderFound { sender: id, address, .. } => {
                self.heard.insert(address);
                check_load(self.me, engine, &self.plan.config);
                if let Some((host, _)) =
                    host_at(address).filter(|(host, _)| self.reference.of(*host).is_some())
                {
                    self.genuine.insert(id, host);
                    let expects = self.plan.held.is_some_and(|held| held.expected)
                        || self.plan.wanted.is_some_and(|wanted| wanted.expected);
                    if expects {
                        engine.expect_partial(id, 0..u64::MAX);
                    }
                    self.silent = false;
                    self.outcome.ended = false;
                }
            }
            ReceiverEvent::ObjectOpened { object, size, .. } => {
                self.open(engine, now, object, size);
            }
            ReceiverEvent::ObjectComplete { object } => self.verify(engine, now, out, object),
            ReceiverEvent::ObjectAborted { object } => {
                engine.store_mut().settle(object);
                let genuine = self.reference_of(object).is_some();
                self.outcome.aborted += u32::from(genuine);
            }
            ReceiverEvent::StoreFailed { object } => {
                self.fail(engine, now, object, "cannot write: the disk is full");
            }
            ReceiverEvent::Command { sender, ref content } => {
                let genuine = self.genuine.contains_key(&sender);
                if let Some(drawn) = DrawnChunks::parse(content).filter(|_| genuine) {
                    self.holdings.withdraw(engine, sender, drawn);
                }
            }
            ReceiverEvent::SenderMoved { address, .. } => {
                self.heard.insert(address);
                self.outcome.moves += 1;
            }
            ReceiverEvent::Released { sender } if self.genuine.contains_key(&sender) => {
                self.outcome.released = true;
            }
            ReceiverEvent::SenderEnded { sender } if self.genuine.contains_key(&sender) => {
                self.outcome.ended = true;
            }
            ReceiverEvent::SenderSilent { sender } if self.genuine.contains_key(&sender) => {
                self.silent = true;
            }
            _ => {}
        }
    }

    /// The sender and the size of an object of the scenario.
    fn reference_of(&self, object: ObjectRef) -> Option<(HostId, u64)> {
        let host = *self.genuine.get(&object.sender)?;
        let layout = self.reference.of(host)?.layout(object.key)?;
        Some((host, layout.size()))
    }

    /// The sender of an object, and the low 16 bits of the key that the object had at first.
    fn name_of(&self, host: HostId, object: ObjectRef) -> (HostId, u16) {
        let reference = self.reference.of(host);
        (host, reference.map_or(object.key, |sent| sent.first_key_of(object.key)) as u16)
    }

    fn open(
        &mut self,
        engine: &mut Receiver<SimStore>,
        now: Timestamp,
        object: ObjectRef,
        size: u64,
    ) {
        match self.reference_of(object) {
            // What was verified in an earlier layout is not needed again.
            Some((host, _)) if self.confirmed.contains(&self.name_of(host, object)) => {
                engine.refuse(object);
            }
            Some((host, actual)) if actual == size => {
                let (_, name) = self.name_of(host, object);
                self.holdings.accept(engine, now, object, name.into(), size);
            }
            Some(_) => self.retry(engine, now, object, true),
            None => engine.give_up(object.sender, object.key..object.key + 1),
        }
    }

    /// All blocks are written: verifies the object, as a real application does with hashes.
    fn verify(
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
        if written.tainted || written.mixed {
            return self.retry(engine, now, object, written.tainted);
        }
        let reference = self.reference.of(host).and_then(|reference| reference.layout(object.key));
        let blocks = reference.as_ref().map_or(0, Layout::blocks);
        for block in written.blocks.gaps(0, blocks.into()).flat_map(|(from, to)| from..to) {
            let place = reference.map_or(0..0, |layout| {
                let offset = layout.block_offset(block as u32);
                offset..offset + u64::from(layout.block_bytes(block as u32))
            });
            assert!(
                self.holdings.covers(object, place),
                "host {}: {object:?} is called complete without block {block} of {blocks}",
                self.me
            );
        }
        engine.confirm(object);
        if self.confirmed.insert(self.name_of(host, object)) {
            self.outcome.objects += 1;
            if self.outcome.objects == self.reference.objects {
                self.outcome.completed = Some(out.elapsed());
            }
        }
    }

    /// Number of blocks of an object.
    fn blocks_of(&self, host: HostId, object: ObjectRef) -> u32 {
        let layout = self.reference.of(host).and_then(|reference| reference.layout(object.key));
        layout.as_ref().map_or(0, Layout::blocks)
    }

    /// Receives an object again, or gives it up; `forged` when someone else has sent a part of it.
    fn retry(
        &mut self,
        engine: &mut Receiver<SimStore>,
        now: Timestamp,
        object: ObjectRef,
        forged: bool,
    ) {
        let Some((host, _)) = self.reference_of(object) else { return };
        // Each block changes once, so each may be mixed once.
        let changes = if forged { 0 } else { self.blocks_of(host, object) };
        let retries = self.retries.entry(self.name_of(host, object)).or_default();
        *retries += 1;
        if *retries > MAX_RETRIES + changes {
            assert!(forged, "host {}: {object:?} is mixed again, and changes once", self.me);
            return self.fail(engine, now, object, "the content does not match its hashes");
        }
        self.outcome.retries += 1;
        engine.restart(object);
        engine.store_mut().settle(object);
    }

    /// Gives an object up, and reports the reason to the sender.
    fn fail(
        &mut self,
        engine: &mut Receiver<SimStore>,
        now: Timestamp,
        object: ObjectRef,
        reason: &str,
    ) {
        engine.give_up(object.sender, object.key..object.key + 1);
        let reason = reason.to_owned();
        self.outcome.failed.get_or_insert_with(|| reason.clone());
        let progress =
            Progress { state: MemberState::Failed, bytes_done: 0, bytes_total: 0, reason };
        engine.set_progress(object.sender, progress);
        engine.report_now(object.sender, now);
    }

    /// True when the fault of the plan makes the receiver ignore a message.
    fn ignores(&self, payload: &[u8]) -> bool {
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
        self.since = out.elapsed();
        let stats = self.outcome.stats;
        let peak_blocks = self.outcome.peak_blocks;
        self.outcome = ReceiverOutcome { stats, peak_blocks, ..ReceiverOutcome::new(self.me) };
        let mut config = self.plan.config.clone();
        if config.identity == Identity([0; 16]) {
            config.identity = Identity((u128::from(self.me) + 1).to_be_bytes());
        }
        if config.name.is_empty() {
            config.name = format!("receiver-{}", self.me);
        }
        config.auto_accept = false;
        config.auto_confirm = false;
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
        self.genuine.clear();
        self.confirmed.clear();
        self.retries.clear();
        self.holdings.clear();
        self.silent = false;
        self.next = Timestamp::MAX;
    }

    fn moved(&mut self, now: Timestamp, out: &mut Outbox) {
        if let Some(engine) = &mut self.engine {
            engine.address_changed(now);
        }
        self.serve(now, out);
    }

    fn receive(&mut self, now: Timestamp, packet: &Packet, out: &mut Outbox) {
        let Body::Datagram(payload) = &packet.body else { return };
        if self.plan.broken.is_some() && self.ignores(payload) {
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

    fn set_host_drops(&mut self, packets: u64) {
        if let Some(engine) = &mut self.engine {
            engine.set_host_drops(packets);
        }
    }

    fn next(&self) -> Timestamp {
        self.next
    }
}
