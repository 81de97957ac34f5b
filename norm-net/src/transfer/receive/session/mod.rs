//! A receiving session around its engine: what is done with objects, when to give up, when to end.
//!
//! `sets` follows the objects of each set from the first packet to the last file; `plain` takes files
//! from senders that know no sets; `twins` is about one
//! set from several senders, `ejected` about senders that wait no longer, `silence` about senders that say nothing more; `tasks` is what workers do;
//! `resume` keeps what is not finished; `end` decides when the session is over and what came of it.

mod ejected;
mod end;
mod plain;
mod rest;
mod resume;
mod sets;
mod silence;
mod tasks;
mod twins;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crossbeam_channel::Receiver as Channel;
use norm_core::Timestamp;
use norm_core::endpoint::{Endpoint, Job, JobDone, ObjectRef, SenderId, StoreJob, StoreOutcome};
use norm_core::fec::Scheme;
use norm_core::fileset::SetId;
use norm_core::norm::receiver::Progress;
use norm_core::norm::wire::{MemberState, NodeId};
use norm_core::norm::{Receiver, ReceiverEvent};

use super::event::Events;
use super::store::{BlockStore, Returns};
use crate::event::{
    Hint, MAX_NAMED, MAX_REPORTS, Problem, ReceiveEvent, ReceiveProgress, SetFailure, SetReport,
};
use crate::io::driver::Application;
use crate::io::inline::Inline;
use crate::io::workers::Workers;
use crate::stopper::{JobResults, Stopper};
use norm_files::sink::Spools;

use ejected::Whereabouts;
use end::End;
pub(super) use end::Failure;
use plain::PlainSender;
use rest::Begun;
use sets::ActiveSet;
use silence::Movement;
use tasks::{Owner, StoreTask, Target, TaskDone, TaskResults};

type Engine = Receiver<BlockStore>;

/// Progress is told this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// Complete sets remembered, so that they are not received again.
const MAX_REMEMBERED: usize = 4_096;
/// Senders that are told of: somebody may make up any number.
const MAX_SENDERS_TOLD: u64 = 64;

/// What a session needs from its surroundings.
pub(super) struct Surroundings {
    pub(super) events: Events,
    pub(super) stopper: Stopper,
    pub(super) results: JobResults,
    pub(super) returns: Returns,
    pub(super) waker: Arc<mio::Waker>,
    pub(super) store_workers: Workers,
    pub(super) decode_workers: Workers,
    pub(super) check_workers: Workers,
}

/// What of the user's options the session acts on.
pub(super) struct Policy {
    pub(super) directory: PathBuf,
    pub(super) overwrite: bool,
    /// Nothing is kept for later sessions, nor used that was.
    pub(super) fresh: bool,
    pub(super) daemon: bool,
    pub(super) timeout: Option<Duration>,
    /// Senders hear nothing from us, so none will release us.
    pub(super) mute: bool,
    /// The session's own group and port.
    pub(super) group: SocketAddr,
    /// Name of the interface, for hints.
    pub(super) interface: String,
}

/// A sender that was heard.
#[derive(Debug)]
struct SenderState {
    node: NodeId,
    address: SocketAddr,
    /// A set from it is complete and it has not heard so yet.
    owes_release: bool,
    hinted: bool,
    /// The symbols kept from it when it fell silent: silent for as long as there are no more.
    silent_at: Option<u64>,
    /// Bytes of its sets that are no longer under way.
    settled: u64,
}

/// The application around a receiver's engine.
pub(super) struct Session {
    policy: Policy,
    events: Events,
    stopper: Stopper,
    results: JobResults,
    returns: Returns,
    quick: Inline,
    /// One thread, so that blocks are written, and hashed, in the order in which they come.
    store_workers: Workers,
    /// Blocks that must be decoded before: these come out of order.
    decode_workers: Workers,
    check_workers: Workers,
    task_results: TaskResults,
    tasks_done: Channel<TaskDone>,
    cancel: Arc<AtomicBool>,
    spools: Spools,
    sets: BTreeMap<u64, ActiveSet>,
    next_set: u64,
    /// Senders that know no sets.
    plain: BTreeMap<SenderId, PlainSender>,
    next_plain: u64,
    senders: BTreeMap<SenderId, SenderState>,
    senders_told: u64,
    complete: VecDeque<SetId>,
    reports: VecDeque<SetReport>,
    failed: VecDeque<SetFailure>,
    bytes_complete: u64,
    first_set: Option<Timestamp>,
    begun: Begun,
    next_progress: Timestamp,
    next_sweep: Timestamp,
    whereabouts: Whereabouts,
    end: End,
}

impl Session {
    pub(super) fn new(policy: Policy, around: Surroundings, now: Timestamp) -> Self {
        let (done, tasks_done) = crossbeam_channel::unbounded();
        let spools = Spools::new(&policy.directory, !policy.fresh);
        Self {
            policy,
            events: around.events,
            stopper: around.stopper,
            results: around.results,
            returns: around.returns,
            quick: Inline::new(),
            store_workers: around.store_workers,
            decode_workers: around.decode_workers,
            check_workers: around.check_workers,
            task_results: TaskResults { done, waker: around.waker },
            tasks_done,
            cancel: Arc::new(AtomicBool::new(false)),
            spools,
            sets: BTreeMap::new(),
            next_set: 0,
            plain: BTreeMap::new(),
            next_plain: 0,
            senders: BTreeMap::new(),
            senders_told: 0,
            complete: VecDeque::new(),
            reports: VecDeque::new(),
            failed: VecDeque::new(),
            bytes_complete: 0,
            first_set: None,
            begun: Begun::default(),
            next_progress: now,
            next_sweep: now,
            whereabouts: Whereabouts::default(),
            end: End::new(now),
        }
    }

    /// The set that an object belongs to.
    fn set_of(&mut self, object: ObjectRef) -> Option<(u64, &mut ActiveSet)> {
        self.sets
            .iter_mut()
            .find(|(_, set)| set.remote == object.sender && set.state.keys().contains(&object.key))
            .map(|(&number, set)| (number, set))
    }

    /// Drops what is known of senders that the engine, which follows only so many, has forgotten.
    fn forget_senders(&mut self, engine: &mut Engine) {
        let (sets, plain) = (&self.sets, &self.plain);
        self.senders.retain(|&remote, _| {
            let keep = engine.progress(remote).is_some()
                || plain.contains_key(&remote)
                || sets.values().any(|set| set.remote == remote);
            if !keep {
                engine.store_mut().forget(remote);
            }
            keep
        });
    }

    /// Tells a sender how we are doing.
    fn tell(&self, engine: &mut Engine, remote: SenderId, state: MemberState, reason: &str) {
        let settled = self.senders.get(&remote).map_or(0, |sender| sender.settled);
        let under_way = self.sets.values().filter(|set| set.remote == remote);
        let bytes_total =
            under_way.fold(settled, |sum, set| sum.saturating_add(set.state.bytes_total()));
        engine.set_progress(remote, Progress { state, bytes_total, reason: reason.to_owned() });
    }

    fn store(&mut self, engine: &mut Engine, now: Timestamp, job: StoreJob) {
        let slot = job.slot;
        let object = slot.object_ref();
        let held = engine.store_mut().lend(slot);
        let returns = self.returns.clone();
        let failures = self.task_results.clone();
        let part = self.set_of(object).and_then(|(number, set)| {
            let part = set.state.part(object.key)?;
            Some((Owner::Set(number), Target::Part(Arc::clone(&set.spool), part)))
        });
        let file = || Some((Owner::File(object), Target::File(self.plain_file(object)?)));
        match (held, part.or_else(file)) {
            (Some(held), Some((owner, target))) => {
                let task = StoreTask { owner, target, job, held, returns, failures };
                let work = || task.run();
                let solves = job.decode && job.geometry.scheme == Scheme::RaptorQ;
                match if solves { Err(work) } else { self.quick.attempt(work) } {
                    Ok(done) => engine.handle_job(now, done),
                    Err(work) => {
                        let (coded, plain) = (&self.decode_workers, &self.store_workers);
                        let results = self.results.clone();
                        let workers = if job.decode { coded } else { plain };
                        workers.submit(move || results.send(work()));
                    }
                }
            }
            (held, _) => {
                // The set was given up while the job was on its way here.
                if let Some(held) = held {
                    returns.release(slot, held);
                }
                engine.handle_job(now, JobDone::Store { slot, outcome: StoreOutcome::Failed });
            }
        }
    }

    fn tell_progress(&mut self, engine: &Engine, now: Timestamp) {
        let idle = self.sets.is_empty() && self.plain.is_empty();
        if idle || now < self.next_progress {
            return;
        }
        self.next_progress = now + PROGRESS_EVERY;
        let mut progress = ReceiveProgress {
            ce_marked: engine.stats().ce_marked,
            elapsed: self.first_set.map_or(Duration::ZERO, |first| now.saturating_since(first)),
            decoded: engine.stats().decoded,
            nacks: engine.stats().nacks,
            no_room: engine.stats().no_room,
            malformed: engine.stats().malformed,
            wire_bytes: engine.stats().bytes,
            ..ReceiveProgress::default()
        };
        for set in self.leaders() {
            progress.bytes_done += set.spool.written();
            progress.bytes_total = progress.bytes_total.saturating_add(set.state.bytes_total());
            progress.loss = progress.loss.max(loss(engine, set.remote));
        }
        for (&remote, sender) in &self.plain {
            progress.bytes_done = progress.bytes_done.saturating_add(sender.written());
            progress.bytes_total = progress.bytes_total.saturating_add(sender.bytes_total());
            progress.loss = progress.loss.max(loss(engine, remote));
        }
        self.events.send(ReceiveEvent::Progress(progress));
    }
}

/// Share of packets lost from a sender, 0 to 1.
fn loss(engine: &Engine, remote: SenderId) -> f64 {
    engine.progress(remote).map_or(0.0, |(_, loss)| f64::from(loss) / 65_535.0)
}

/// Appends, and forgets the oldest beyond a limit.
fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, limit: usize) {
    if queue.len() >= limit {
        queue.pop_front();
    }
    queue.push_back(item);
}

impl Session {
    /// Keeps what is told of a complete set; of all but the last ones without the names of its files.
    fn keep_report(&mut self, report: SetReport) {
        push_bounded(&mut self.reports, report, MAX_REPORTS);
        if let Some(old) = self.reports.len().checked_sub(MAX_NAMED + 1) {
            self.reports[old].paths = Vec::new();
        }
    }
}

impl Application<Engine> for Session {
    fn event(&mut self, engine: &mut Engine, now: Timestamp, event: ReceiverEvent) {
        if let ReceiverEvent::ObjectOpened { object, .. } = &event
            && engine.progress(object.sender).is_none()
        {
            return; // of a sender that was left meanwhile
        }
        match event {
            ReceiverEvent::SenderFound { sender: remote, node, address } => {
                self.forget_senders(engine);
                let state = SenderState {
                    node,
                    address,
                    owes_release: false,
                    hinted: false,
                    silent_at: None,
                    settled: 0,
                };
                self.senders.insert(remote, state);
                self.senders_told += 1;
                match self.senders_told {
                    ..=MAX_SENDERS_TOLD => {
                        let sender = remote;
                        self.events.send(ReceiveEvent::SenderFound { sender, node, address });
                    }
                    n if n == MAX_SENDERS_TOLD + 1 => {
                        self.events.hint(Hint::TooManySenders { limit: MAX_SENDERS_TOLD });
                    }
                    _ => {}
                }
            }
            ReceiverEvent::StreamOpened { object, .. } => {
                self.stream_opened(engine, object);
            }
            ReceiverEvent::ObjectOpened { object, size, info, .. } => {
                self.object_opened(engine, now, object, size, info.as_deref());
            }
            ReceiverEvent::ObjectComplete { object } => {
                self.object_written(engine, object);
                self.plain_written(object);
            }
            ReceiverEvent::ObjectAborted { object } => {
                let failure = Failure::Incomplete(Problem::Irreparable);
                match self.set_of(object).map(|(number, _)| number) {
                    Some(number) => self.fail(engine, now, number, failure),
                    None => self.plain_failed(engine, now, object, failure),
                }
            }
            ReceiverEvent::EmptyObjectLost { object } => self.plain_lost(engine, now, object),
            ReceiverEvent::StoreFailed { object } => {
                // The worker's own account comes first, and says why.
                self.finish_tasks(engine, now);
                let failure = Failure::Local(Problem::BlockUnwritten);
                match self.set_of(object).map(|(number, _)| number) {
                    Some(number) => self.fail(engine, now, number, failure),
                    None => self.plain_failed(engine, now, object, failure),
                }
            }
            ReceiverEvent::Released { sender: remote } => {
                if let Some(sender) = self.senders.get_mut(&remote) {
                    sender.owes_release = false;
                }
            }
            ReceiverEvent::SenderPaused { sender } => {
                self.events.send(ReceiveEvent::SenderPaused { sender });
            }
            ReceiverEvent::SenderResumed { sender } => {
                self.events.send(ReceiveEvent::SenderResumed { sender });
            }
            ReceiverEvent::SenderSilent { sender: remote } => {
                if !self.plain_silent(engine, now, remote) {
                    self.sender_silent(engine, remote);
                }
            }
            ReceiverEvent::SenderEnded { sender: remote } => self.sender_ended(engine, now, remote),
            ReceiverEvent::Evicted { sender: remote, separate_group: lane } => {
                self.ejected(engine, now, remote, lane)
            }
            ReceiverEvent::Command { .. } | ReceiverEvent::StreamReadable { .. } => {}
        }
    }

    fn job(&mut self, engine: &mut Engine, now: Timestamp, job: Job) {
        if let Job::Store(job) = job {
            self.store(engine, now, job);
        }
    }

    fn nothing_leaves(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.end.refused, true) {
            self.events.hint(Hint::NothingLeaves { error: error.into() });
        }
    }

    fn kernel_drops(&mut self, engine: &mut Engine, packets: u32) {
        engine.set_host_drops(packets.into());
    }

    fn turn(&mut self, engine: &mut Engine, now: Timestamp) -> ControlFlow<()> {
        self.finish_tasks(engine, now);
        self.save_states(now);
        self.tell_progress(engine, now);
        self.watch(engine, now)
    }
}
