//! Everything that a session receives, from all senders, and what happens to it.

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::{ObjectRef, SenderId};
use norm_core::transfer::{InboundNotice, MemberState, NodeId, ObjectMeta};
use norm_files::sink::Spools;

use super::disk::DiskWatch;
use super::ending::Standing;
use super::engine::Engine;
use super::failure::Failure;
use super::notifier::Notifier;
use super::outcome::Subject;
use super::policy::Policy;
use super::senders::{Found, MAX_ANNOUNCED};
use super::separate_group::{SeparateGroup, Visit, may_join};
use super::set_job::{OpenedPart, SetJob};
use super::set_table::SetTable;
use super::shared::{Shared, Turn};
use super::spool_room::SpoolRoom;
use super::standalone::StandaloneFiles;
use super::sweeper::Sweeper;
use super::tasks::{Owner, Target, TaskDone};
use crate::event::{Hint, Problem, ReceiveProgress};
use crate::io::error::NetError;
use crate::io::membership::{Expected, Recovered};
use crate::io::socket::LinkChange;

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

    /// Nothing was heard from a sender for some seconds, and something of it may be missing.
    fn sender_silent(&mut self, turn: &mut Turn<'_, impl Engine>, sender: SenderId) {
        let shared = &mut *turn.shared;
        shared.senders.fell_silent(turn.engine, sender);
        if turn.engine.source(sender).is_some_and(|source| source.is_stopped) {
            return; // that was said
        }
        shared.events.sender_silent(sender);
        let waits = !shared.policy.continuous && !shared.ending.any_settled();
        if waits && !self.hinted.silence && self.is_silent(turn) {
            self.hinted.silence = true;
            let (timeout, source) = (turn.shared.policy.timeout, turn.shared.policy.source);
            turn.shared.events.hint(Hint::SenderSilent { after: HINT_AFTER, timeout, source });
        }
    }

    /// True when nothing comes of what is waited for.
    fn is_silent(&self, turn: &Turn<'_, impl Engine>) -> bool {
        if self.is_idle() {
            return turn.shared.senders.all().all(|sender| turn.is_silent(sender));
        }
        self.standalone.senders().all(|sender| turn.is_silent(sender))
            && self.sets.jobs().all(|job| !job.all_written() && turn.is_silent(job.sender()))
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

    /// The network had forgotten that this host is in the group.
    pub(super) fn recovered(&mut self, shared: &Shared, recovered: Recovered) {
        if !std::mem::replace(&mut self.hinted.forgotten, true) {
            shared.events.hint(Hint::forgotten(shared.policy.group, recovered));
        }
    }

    /// The system refuses to send.
    pub(super) fn nothing_leaves(&mut self, events: &Notifier, error: &io::Error) {
        if !self.hinted.refusal {
            self.hinted.refusal = true;
            events.hint(Hint::NothingLeaves { error: error.into() });
        }
    }

    /// The address or the interface of this machine has changed.
    pub(super) fn link_changed(&mut self, shared: &Shared, change: &LinkChange) {
        // That nothing leaves is the same, and is told anew when it happens again.
        self.hinted.refusal = !matches!(change, LinkChange::Moved { .. });
        shared.events.hint(Hint::link_changed(change, shared.policy.group));
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

    fn tell_progress(&mut self, turn: &Turn<'_, impl Engine>) {
        if self.is_idle() || turn.now < self.next_progress {
            return;
        }
        self.next_progress = turn.now + PROGRESS_INTERVAL;
        let stats = turn.engine.stats();
        let mut progress = ReceiveProgress {
            elapsed: turn.shared.summary.elapsed(turn.now),
            decoded: stats.decoded,
            nacks: stats.nacks,
            no_room: stats.no_room,
            malformed: stats.malformed,
            ce_marked: stats.ce_marked,
            wire_bytes: stats.bytes,
            files_done: Some(0),
            ..ReceiveProgress::default()
        };
        for job in self.sets.leaders() {
            job.add_progress(turn.engine, &mut progress);
        }
        self.standalone.add_progress(turn.engine, &mut progress);
        if turn.shared.policy.is_flute {
            progress.passes_left = progress.passes();
        }
        turn.shared.events.progress(progress);
    }

    /// Says when the disk takes less than arrives.
    fn watch_disk(&mut self, turn: &mut Turn<'_, impl Engine>) {
        let is_full = turn.engine.store_mut().is_nearly_full();
        self.disk.note(turn.now, turn.shared.tasks.load().written_for(), is_full);
        self.sets.tell_news(turn, self.disk.is_limit());
        self.watch_spool(turn);
        if self.disk.is_limit() && !self.hinted.disk {
            self.hinted.disk = true;
            let directory = turn.shared.policy.directory.clone();
            turn.shared.events.hint(Hint::SlowDisk { directory });
        }
    }

    /// Says when symbols cannot be kept, or may not find room.
    fn watch_spool(&mut self, turn: &Turn<'_, impl Engine>) {
        if let Some(memory) = turn.shared.policy.spooling {
            let (mut total, mut written) = self.standalone.bytes();
            for job in self.sets.leaders() {
                total = total.saturating_add(job.bytes_total());
                written = written.saturating_add(job.bytes_written());
            }
            let to_come = total.saturating_sub(written);
            let directory = &turn.shared.policy.directory;
            if let Some(hint) = self.spool_room.look(directory, total, to_come, memory) {
                turn.shared.events.hint(hint);
            }
        }
        let failure = turn.engine.store().take_spool_failure();
        if let Some(error) = failure.filter(|_| !self.hinted.spool) {
            self.hinted.spool = true;
            let directory = turn.shared.policy.directory.clone();
            turn.shared.events.hint(Hint::SpoolFailed { directory, error: (&error).into() });
        }
    }

    fn hint_at_silence(&mut self, turn: &Turn<'_, impl Engine>) {
        let shared = &*turn.shared;
        let is_alone = shared.senders.is_empty() && !self.group.is_away();
        if is_alone
            && !self.hinted.other_protocol
            && let Some(address) = shared.policy.other.source()
        {
            // That explains why no sender is heard.
            self.hinted.other_protocol = true;
            self.hinted.no_sender = true;
            let is_flute = !shared.policy.is_flute;
            shared.events.hint(Hint::OtherProtocol { address, is_flute });
        }
        if is_alone
            && !self.hinted.other_protocol
            && turn.now >= shared.ending.started() + OTHER_SESSION_AFTER
            && let Some((address, tsi)) = turn.engine.other_session()
            && let Some(wanted) = shared.policy.tsi
        {
            self.hinted.other_protocol = true;
            self.hinted.no_sender = true;
            shared.events.hint(Hint::OtherSession { address, tsi, wanted });
        }
        // That explains it as well.
        self.hinted.no_sender |= shared.gate.explains_silence();
        if is_alone && !self.hinted.no_sender && turn.now >= shared.ending.started() + HINT_AFTER {
            self.hinted.no_sender = true;
            let (group, interface) = (shared.policy.group, shared.policy.interface.clone());
            let (has_carrier, others, after) = (true, Vec::new(), HINT_AFTER);
            let hint = Hint::NoSender { group, interface, has_carrier, others, after };
            shared.events.hint(hint.with_surroundings());
        }
    }

    /// Says once that a sender does not hear this receiver.
    fn hint_if_unseen(&mut self, turn: &Turn<'_, impl Engine>) {
        if self.hinted.unseen || turn.now < self.next_unseen {
            return;
        }
        self.next_unseen = turn.now + PROGRESS_INTERVAL;
        let shared = &*turn.shared;
        for sender in shared.senders.all() {
            let since = turn.engine.source(sender).and_then(|source| source.unheard_since);
            let Some(address) = shared.senders.address(sender) else { continue };
            if since.is_some_and(|since| turn.now >= since + HINT_AFTER) {
                self.hinted.unseen = true;
                let (group, after) = (shared.policy.group, HINT_AFTER);
                return shared.events.hint(Hint::Unseen { sender, address, group, after });
            }
        }
    }

    /// The user wants to go: says so to all senders, and ends what workers do.
    fn stop(&mut self, turn: &mut Turn<'_, impl Engine>) {
        if turn.shared.ending.is_stopped() {
            return;
        }
        turn.shared.tasks.cancel();
        let is_interrupted = !self.sets.is_empty() || self.standalone.is_waiting(turn.engine);
        let standalone: Vec<SenderId> = self.standalone.senders().collect();
        for sender in standalone {
            self.standalone.done(turn, sender);
        }
        let senders: Vec<SenderId> = turn.shared.senders.all().collect();
        for &sender in &senders {
            self.sets.tell(turn, sender, MemberState::Leaving, STOPPED.to_owned());
        }
        turn.shared.ending.stop(turn.now, is_interrupted, senders);
    }

    /// Gives up what has stalled for as long as the user wants to wait.
    fn give_up_stalled(&mut self, turn: &mut Turn<'_, impl Engine>) {
        let policy = &turn.shared.policy;
        let default = policy.continuous.then_some(CONTINUOUS_PATIENCE);
        let limit = policy.timeout.or(default);
        self.standalone.watch(turn, limit);
        if let Some(limit) = limit {
            self.sets.give_up_stalled(turn, limit);
        }
    }

    /// Decides when a session that receives one transfer ends.
    fn plan_end(&mut self, turn: &mut Turn<'_, impl Engine>) {
        if turn.shared.policy.continuous {
            return;
        }
        self.sets.give_up_expected(turn);
        if self.is_idle() {
            self.standalone.give_up_expected(turn);
        }
        if let Some(completed) = turn.shared.ending.completed_at() {
            for (number, failure) in self.sets.remaining(turn, completed) {
                self.sets.fail(turn, number, failure);
            }
            self.standalone.drop_remaining(turn, completed);
        }
        let standing = Standing {
            is_busy: self.group.is_waiting(turn.now) || !self.is_idle(),
            owes_release: turn.engine.releases() && turn.shared.senders.any_owes_release(),
            heard: turn.engine.stats().heard,
        };
        let timeout = turn.shared.policy.timeout;
        turn.shared.ending.plan(turn.now, standing, timeout);
    }

    /// Nothing more is to be had in the separate group: a continuous session goes home, others give
    /// up.
    fn watch_separate_group(&mut self, turn: &mut Turn<'_, impl Engine>) {
        let owes_release = turn.engine.releases() && turn.shared.senders.any_owes_release();
        let is_busy = !self.is_idle();
        let Some(visit) = self.group.result(turn.now, is_busy, owes_release) else { return };
        let ending = &mut turn.shared.ending;
        if turn.shared.policy.continuous {
            self.group.go_home();
        } else if visit == Visit::InVain && !ending.has_failed(Subject::SeparateGroup) {
            let failure = Failure::evicted(Problem::SeparateGroupSilent);
            ending.failed(turn.now, None, Subject::SeparateGroup, true, failure);
        }
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
