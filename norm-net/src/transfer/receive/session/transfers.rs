//! Everything that a session receives, from all senders, and what happens to it.

mod watch;

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::{ObjectRef, SenderId};
use norm_core::transfer::{InboundNotice, NodeId, ObjectMeta};
use norm_files::sink::Spools;
use norm_seal::HeardStatement;

use super::disk::DiskWatch;
use super::engine::Engine;
use super::failure::Failure;
use super::notifier::Notifier;
use super::outcome::Subject;
use super::policy::Policy;
use super::senders::{Found, MAX_ANNOUNCED};
use super::separate_group::{SeparateGroup, may_join};
use super::set_job::{OpenedPart, SetJob};
use super::set_table::SetTable;
use super::shared::{Shared, Turn};
use super::spool_room::SpoolRoom;
use super::standalone::StandaloneFiles;
use super::sweeper::Sweeper;
use super::tasks::{Owner, Target, TaskDone};
use crate::event::{Hint, Problem};
use crate::io::error::NetError;
use crate::io::membership::Expected;

/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// Silence after which the user is told what may be wrong.
const HINT_AFTER: Duration = Duration::from_secs(5);
/// Time in which the session that is wanted is not heard, and another one is.
const OTHER_SESSION_AFTER: Duration = Duration::from_secs(2);
/// A continuous session without timeout gives up a set that has stalled for this long.
const CONTINUOUS_PATIENCE: Duration = Duration::from_secs(600);
/// What senders hear of a receiver that its user has stopped.
const STOPPED: &str = "stopped by its user";

/// Hints that are given once.
#[derive(Debug, Default)]
struct Hinted {
    /// That no sender was heard.
    no_sender: bool,
    /// That all senders are silent.
    silence: bool,
    /// That nothing leaves this machine.
    refusal: bool,
    /// That the disk is the limit.
    disk: bool,
    /// That symbols cannot be kept on the disk.
    spool: bool,
    /// That a sender speaks another protocol, or has another session than is wanted.
    other_protocol: bool,
    /// That a switch forgets members.
    forgotten: bool,
    /// That a sender does not hear this receiver.
    unseen: bool,
}

/// All that is received.
#[derive(Debug)]
pub(super) struct Transfers {
    sets: SetTable,
    standalone: StandaloneFiles,
    group: SeparateGroup,
    hinted: Hinted,
    disk: DiskWatch,
    spool_room: SpoolRoom,
    next_progress: Timestamp,
    /// When to see whether a sender hears this receiver.
    next_unseen: Timestamp,
}

impl Transfers {
    /// None yet. Says what earlier sessions have left in the output directory.
    pub(super) fn new(policy: &Policy, events: &Notifier, now: Timestamp) -> Self {
        let (sweeper, found) = Sweeper::start(policy.directory.clone(), !policy.resume, now);
        events.resume_data_found(&found);
        Self {
            sets: SetTable::new(Spools::new(&policy.directory, policy.resume), sweeper),
            standalone: StandaloneFiles::default(),
            group: SeparateGroup::default(),
            hinted: Hinted::default(),
            disk: DiskWatch::new(now),
            spool_room: SpoolRoom::default(),
            next_progress: now,
            next_unseen: now,
        }
    }

    /// Takes what the engine says.
    pub(super) fn notice(&mut self, turn: &mut Turn<'_, impl Engine>, notice: InboundNotice) {
        match notice {
            InboundNotice::SenderFound { sender, node, address } => {
                self.sender_found(turn, sender, node, address);
            }
            InboundNotice::SenderIgnored { address, name } => {
                turn.shared.events.hint(Hint::SenderIgnored { address, name: printable(&name) });
            }
            InboundNotice::Opened { object, size, meta } => {
                self.opened(turn, object, size, &meta);
            }
            InboundNotice::StreamOpened { object } => ignore_stream(turn, object),
            InboundNotice::Complete { object } => {
                if self.sets.written(turn, object) {
                    self.next_progress = Timestamp::ZERO;
                }
                self.standalone.written(turn, object);
            }
            InboundNotice::Aborted { object } => {
                self.object_failed(turn, object, Failure::incomplete(Problem::Irreparable));
            }
            InboundNotice::EmptyLost { object } => self.standalone.empty_lost(turn, object),
            InboundNotice::StoreFailed { object } => {
                // The worker's own account comes first, and says why.
                self.finish_tasks(turn);
                self.object_failed(turn, object, Failure::local(Problem::BlockUnwritten));
            }
            InboundNotice::Moved { sender, first, .. } => self.moved(turn, sender, first),
            InboundNotice::Withdrawn { sender, withdrawal } => {
                self.sets.withdrawn(turn, sender, &withdrawal);
            }
            InboundNotice::ShortPacketsOnly { sender, largest, in_use } => {
                if let Some(address) = turn.shared.senders.address(sender) {
                    let hint = Hint::OnlyShortPackets { sender, address, largest, in_use };
                    turn.shared.events.hint(hint);
                }
            }
            InboundNotice::Fragmented { sender, bytes } => fragmented(turn, sender, bytes),
            InboundNotice::Released { sender } => turn.shared.senders.released(sender),
            InboundNotice::SenderMoved { sender, address } => {
                turn.shared.senders.moved(sender, address);
                turn.shared.events.sender_moved(sender, address);
            }
            InboundNotice::Paused { sender } => turn.shared.events.sender_paused(sender),
            InboundNotice::Resumed { sender } => turn.shared.events.sender_resumed(sender),
            InboundNotice::Stopped { sender } => turn.shared.events.sender_stopped(sender),
            InboundNotice::Silent { sender } => {
                if !self.standalone.fell_silent(turn, sender) {
                    self.sender_silent(turn, sender);
                }
            }
            InboundNotice::Ended { sender } => self.sender_ended(turn, sender),
            InboundNotice::Evicted { sender, separate_group } => {
                self.evicted(turn, sender, separate_group);
            }
        }
    }

    fn sender_found(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        sender: SenderId,
        node: NodeId,
        address: SocketAddr,
    ) {
        let (sets, standalone) = (&self.sets, &self.standalone);
        turn.shared.senders.forget_unknown(turn.engine, |sender| {
            standalone.has_sender(sender) || sets.jobs().any(|job| job.sender() == sender)
        });
        match turn.shared.senders.found(turn.now, sender, node, address) {
            Found::Announced => turn.shared.events.sender_found(sender, node, address),
            Found::TooMany => {
                turn.shared.events.hint(Hint::TooManySenders { limit: MAX_ANNOUNCED });
            }
            Found::Unannounced => {}
        }
    }

    /// A sender has cut what it sends into shorter packets.
    fn moved(&mut self, turn: &mut Turn<'_, impl Engine>, sender: SenderId, first: u64) {
        self.sets.moved(turn.engine, sender, first);
        if let Some(address) = turn.shared.senders.address(sender) {
            turn.shared.events.hint(Hint::ShorterPackets { sender, address });
        }
    }

    /// A sender has stated something of a set.
    pub(super) fn stated(&mut self, turn: &mut Turn<'_, impl Engine>, heard: &HeardStatement) {
        self.sets.stated(turn, heard);
    }

    /// It is known what an object is.
    fn opened(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        object: ObjectRef,
        size: u64,
        meta: &ObjectMeta,
    ) {
        if turn.engine.source(object.sender).is_none() {
            return; // its sender was left meanwhile
        }
        match meta {
            &ObjectMeta::SetPart { index, part: descriptor } => {
                self.sets.opened(turn, &OpenedPart { object, size, index, descriptor });
            }
            ObjectMeta::File { name, content } => {
                let policy = &turn.shared.policy;
                if policy.is_sealed {
                    // Nothing that is signed says what is in it.
                    return refuse_opaque(turn, object);
                }
                if policy.files.expect.is_some() && !policy.is_flute {
                    // Nothing tells what is in it.
                    return refuse_opaque(turn, object);
                }
                self.standalone.opened(turn, object, size, name.as_deref(), content);
            }
            ObjectMeta::Opaque(_) => refuse_opaque(turn, object),
        }
    }

    /// Where the blocks of an object go; `None` when it was given up.
    pub(super) fn target(&self, object: ObjectRef) -> Option<(Owner, Target)> {
        self.sets.target(object).or_else(|| self.standalone.target(object))
    }

    /// An object cannot be had, or not be written.
    fn object_failed(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        object: ObjectRef,
        failure: Failure,
    ) {
        match self.sets.number_of(object) {
            Some(number) => self.sets.fail(turn, number, failure),
            None => self.standalone.object_failed(turn, object, failure),
        }
    }

    /// Takes what the workers have finished.
    fn finish_tasks(&mut self, turn: &mut Turn<'_, impl Engine>) {
        while let Some(done) = turn.shared.tasks.next_done() {
            match done {
                TaskDone::Set { number, result } => self.sets.task_done(turn, number, result),
                TaskDone::Receipt { name, unchanged } => {
                    self.sets.receipt_read(turn, name, unchanged.as_ref());
                }
                TaskDone::File { object, result } => {
                    self.standalone.task_done(turn, object, result);
                }
            }
        }
    }

    /// A sender has ended its session, and says nothing more.
    fn sender_ended(&mut self, turn: &mut Turn<'_, impl Engine>, sender: SenderId) {
        turn.shared.events.sender_ended(sender);
        turn.shared.senders.released(sender);
        turn.shared.senders.fell_silent(turn.engine, sender);
        let failure = Failure::incomplete(Problem::SenderEnded);
        for number in self.sets.unwritten(sender) {
            self.sets.fail(turn, number, failure.clone());
        }
        self.standalone.ended(turn, sender, &failure);
    }

    /// A sender says that it no longer waits for us, because we keep the others slow.
    fn evicted(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        sender: SenderId,
        separate_group: Option<SocketAddr>,
    ) {
        let unwritten = self.sets.unwritten(sender);
        if unwritten.is_empty() || self.group.is_moving() {
            return;
        }
        if !self.group.is_confirmed(turn.now, sender) {
            return;
        }
        let home = turn.shared.policy.group;
        let group = separate_group.filter(|&group| may_join(home, group) && self.may_leave(sender));
        turn.shared.events.evicted(sender, group);
        let Some(group) = group else {
            for number in unwritten {
                self.sets.fail(turn, number, Failure::evicted(Problem::Evicted));
            }
            return;
        };
        // The same set begins again there, and goes on with what is here.
        for number in unwritten {
            self.sets.leave(turn, number);
        }
        self.group.go(turn.now, group);
    }

    /// True when all that is received is of this sender, and a manifest is here: then the sender
    /// has what it announces. One separate group does not lead to another.
    fn may_leave(&self, sender: SenderId) -> bool {
        !self.group.is_away()
            && self.standalone.is_empty()
            && self.sets.jobs().all(|job| job.sender() == sender)
            && self.sets.jobs().any(|job| job.plan().is_some())
    }

    /// Where the session is to go on, if it is to listen elsewhere; `home` is its own group.
    pub(super) fn take_move(&mut self, home: SocketAddr) -> Option<SocketAddr> {
        self.group.take_move(home)
    }

    /// The separate group cannot be joined: what was to come there is not received.
    pub(super) fn cannot_move(&mut self, shared: &mut Shared, now: Timestamp, error: &NetError) {
        self.group.stay();
        shared.events.hint(Hint::SeparateGroupUnreachable { error: error.to_string() });
        let failure = Failure::evicted(Problem::Evicted);
        shared.ending.failed(now, None, Subject::SeparateGroup, true, failure);
    }

    /// What is to be heard: something while a sender goes on and, unless something of it is
    /// missing, was heard not long ago.
    pub(super) fn expected(
        &self,
        shared: &Shared,
        engine: &impl Engine,
        now: Timestamp,
    ) -> Expected {
        let is_idle = self.is_idle();
        let known = shared.senders.all().filter_map(|sender| engine.source(sender));
        Expected::of_senders(
            known.filter(|sender| !is_idle || now < sender.last_heard + CONTINUOUS_PATIENCE),
        )
    }

    /// Looks at what is done, and at the clock. `Break` ends the session, or has it listen
    /// elsewhere.
    pub(super) fn turn(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        is_stopped: bool,
    ) -> ControlFlow<()> {
        self.finish_tasks(turn);
        self.sets.save(turn.shared, turn.now);
        self.tell_progress(turn);
        self.hint_at_silence(turn);
        self.hint_if_unseen(turn);
        if is_stopped {
            self.stop(turn);
        } else {
            self.sets.follow_successors(turn);
            self.sets.retry(turn);
            self.sets.judge_wrong(turn);
            self.watch_disk(turn);
            self.sets.note_progress(turn);
            self.sets.refuse_unproved(turn);
            self.give_up_stalled(turn);
            self.plan_end(turn);
        }
        for sender in turn.shared.ending.farewells_due(turn.now) {
            turn.engine.report_now(sender, turn.now);
        }
        self.watch_separate_group(turn);
        if self.group.is_moving() || turn.shared.ending.is_over(turn.now) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// True when nothing is being received.
    fn is_idle(&self) -> bool {
        self.sets.is_empty() && self.standalone.is_empty()
    }

    /// The session is over: says what stays for later ones, and closes all files.
    pub(super) fn close(self, events: &Notifier) {
        self.sets.jobs().for_each(|job: &SetJob| job.tell_resumable(events));
    }
}

/// Text from the network, fit for a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Something that is no file set of this version, nor a file.
fn refuse_opaque(turn: &mut Turn<'_, impl Engine>, object: ObjectRef) {
    turn.engine.refuse(object);
    if let Some(address) = turn.shared.senders.hint_once(object.sender) {
        turn.shared.events.hint(Hint::NotAFileSet { sender: object.sender, address });
    }
}

/// Packets of a sender are longer than our link lets through.
fn fragmented(turn: &Turn<'_, impl Engine>, sender: SenderId, bytes: u32) {
    let (shared, address) = (&*turn.shared, turn.shared.senders.address(sender));
    if let (Some(address), Some(mtu)) = (address, shared.policy.mtu) {
        let interface = shared.policy.interface.clone();
        shared.events.hint(Hint::Fragmented { sender, address, bytes, mtu, interface });
    }
}

/// A stream has no end and no name: it is not for files.
fn ignore_stream(turn: &mut Turn<'_, impl Engine>, object: ObjectRef) {
    turn.give_up(object);
    if let Some(address) = turn.shared.senders.hint_once(object.sender) {
        turn.shared.events.hint(Hint::StreamIgnored { sender: object.sender, address });
    }
}
