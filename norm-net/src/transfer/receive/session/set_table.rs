//! The file sets that are being received.
//!
//! `checks` acts on what is verified and ends sets; `duplicates` is about several copies of one
//! set, `refusals` about those that are here already or not wanted, `successors` about one sender
//! that goes on where another one has ended, `retries` about those that had no room on the disk.

mod checks;
mod refusals;
mod retries;
mod successors;

use std::collections::VecDeque;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::{ObjectRef, SenderId};
use norm_core::fileset::SetId;
use norm_core::transfer::{MemberState, ReceiverStatus};
use norm_files::sink::{Opened, SetError, SetState, Spools};

use super::duplicates::{self, Jobs};
use super::engine::Engine;
use super::failure::{Failure, cannot_write};
use super::policy::Aim;
use super::remaining::{Candidate, KnownContents};
use super::set_job::{Covering, OpenedPart, SetJob};
use super::shared::{Shared, Turn};
use super::sweeper::Sweeper;
use super::tasks::{Owner, Target};
use crate::event::{Hint, Problem};
use refusals::{OtherSet, Refusals};
use retries::{Retries, Retry};
use successors::{HeldSets, LeftSenders, is_succeeded, moved_on};

/// Sets received at once; further ones are ignored.
const MAX_SETS: usize = 64;

/// The sets, and what is remembered of earlier ones.
#[derive(Debug)]
pub(super) struct SetTable {
    jobs: Jobs,
    next_number: u64,
    spools: Spools,
    sweeper: Sweeper,
    /// Sets that do not begin yet.
    held: HeldSets,
    left: LeftSenders,
    refusals: Refusals,
    retries: Retries,
    /// Sets that are complete.
    complete: VecDeque<SetId>,
    known: KnownContents,
}

impl SetTable {
    /// No sets yet; their files go to `spools`.
    pub(super) fn new(spools: Spools, sweeper: Sweeper) -> Self {
        let (jobs, complete) = (Jobs::new(), VecDeque::new());
        let known = KnownContents::default();
        let held = HeldSets::default();
        let left = LeftSenders::default();
        let (refusals, retries) = (Refusals::default(), Retries::default());
        Self {
            jobs,
            next_number: 0,
            spools,
            sweeper,
            held,
            left,
            refusals,
            retries,
            complete,
            known,
        }
    }

    /// True when no set is being received.
    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty() && !self.refusals.is_asking()
    }

    /// The sets that are being received.
    pub(super) fn jobs(&self) -> impl Iterator<Item = &SetJob> {
        self.jobs.values()
    }

    /// The sets, each once: the copy that has come farthest.
    pub(super) fn leaders(&self) -> impl Iterator<Item = &SetJob> {
        duplicates::leaders(&self.jobs)
    }

    /// The set that an object belongs to.
    pub(super) fn number_of(&self, object: ObjectRef) -> Option<u64> {
        self.jobs.iter().find(|(_, job)| job.owns(object)).map(|(&number, _)| number)
    }

    /// Sets of a sender that are not all written.
    pub(super) fn unwritten(&self, sender: SenderId) -> Vec<u64> {
        let of_sender = self.jobs.iter().filter(|(_, job)| job.sender() == sender);
        of_sender.filter(|(_, job)| !job.all_written()).map(|(&number, _)| number).collect()
    }

    /// Where the blocks of an object go, if it belongs to a set.
    pub(super) fn target(&self, object: ObjectRef) -> Option<(Owner, Target)> {
        let (&number, job) = self.jobs.iter().find(|(_, job)| job.owns(object))?;
        Some((Owner::Set(number), job.target(object)?))
    }

    /// Tells a sender how we are doing, and why it failed if it did.
    pub(super) fn tell(
        &self,
        turn: &mut Turn<'_, impl Engine>,
        sender: SenderId,
        state: MemberState,
        reason: String,
    ) {
        let settled = turn.shared.senders.settled(sender);
        let sum = |bytes: fn(&SetJob) -> u64| {
            let jobs = self.jobs.values().filter(|job| job.sender() == sender);
            jobs.fold(settled, |sum, job| sum.saturating_add(bytes(job)))
        };
        let (bytes_done, bytes_total) = (sum(SetJob::bytes_written), sum(SetJob::bytes_total));
        let status = ReceiverStatus { state, bytes_done, bytes_total, reason };
        turn.engine.set_status(sender, status);
    }

    /// An object says that it is a part of a set.
    pub(super) fn opened(&mut self, turn: &mut Turn<'_, impl Engine>, part: &OpenedPart) {
        if self.complete.contains(&part.descriptor.set.set) {
            return refuse_complete(turn.engine, part);
        }
        match self.number_of(part.object).or_else(|| self.follow(part)) {
            Some(number) => self.open(turn, number, part),
            None if self.refusals.ignore(turn, part) || self.refusals.ask(turn, part) => {}
            None if self.hold(turn, part) => {}
            None => self.open_first(turn, part),
        }
    }

    /// Begins the set that an object is a part of, if it may be received.
    fn open_first(&mut self, turn: &mut Turn<'_, impl Engine>, part: &OpenedPart) {
        if let Some(number) = self.begin(turn, part) {
            self.open(turn, number, part);
        }
    }

    /// Takes an object of a set that is being received.
    fn open(&mut self, turn: &mut Turn<'_, impl Engine>, number: u64, part: &OpenedPart) {
        let Some(job) = self.jobs.get_mut(&number) else { return };
        match job.open(turn.engine, part, turn.now) {
            Ok(()) => {
                self.tell(turn, part.object.sender, MemberState::Receiving, String::new());
            }
            Err(error) => {
                let failure = Failure::incomplete(Problem::InvalidSet { error });
                self.fail(turn, number, failure);
            }
        }
    }

    /// A sender has cut its objects anew: those of its set have other keys, the first of them this
    /// one. What is here of them stays.
    pub(super) fn moved(&mut self, engine: &mut impl Engine, sender: SenderId, first: u64) {
        for job in self.jobs.values_mut().filter(|job| job.sender() == sender) {
            job.move_to(first);
            engine.expect_partial(sender, job.keys());
            job.give_up_needless(engine);
        }
    }

    /// The set that an object speaks of, if it is one of the same sender whose objects have other
    /// keys now: the sender may not have been heard saying so.
    fn follow(&mut self, part: &OpenedPart) -> Option<u64> {
        let first = part.new_state().ok()?.keys().start;
        let (sender, set) = (part.object.sender, part.descriptor.set.set);
        let mut jobs = self.jobs.iter_mut();
        let (&number, job) = jobs.find(|(_, job)| {
            job.sender() == sender && job.id() == set && job.keys().end <= first
        })?;
        job.move_to(first);
        Some(number)
    }

    /// Begins to receive the set that an object speaks of, if it may be received.
    fn begin(&mut self, turn: &mut Turn<'_, impl Engine>, part: &OpenedPart) -> Option<u64> {
        if self.jobs.len() >= MAX_SETS {
            turn.give_up(part.object);
            turn.shared.events.hint(Hint::TooManySets { limit: MAX_SETS });
            return None;
        }
        self.drop_orphan(turn, part.descriptor.set.set);
        self.take_over(turn, part);
        self.sweeper.sweep(turn.now);
        let sender = part.object.sender;
        let state = match part.new_state() {
            Ok(state) if self.jobs.values().any(|job| job.overlaps(sender, &state)) => {
                Err(SetError::Contradiction)
            }
            other => other,
        };
        let state = match state {
            Ok(state) => state,
            Err(error) => {
                // Nonsense is no reason to fail, or to end.
                turn.give_up(part.object);
                let set = part.descriptor.set.set;
                turn.shared.events.hint(Hint::SetIgnored { sender, set, error });
                return None;
            }
        };
        match self.spools.open(state.manifest(), state.payload_size()) {
            Ok(opened) => Some(self.start(turn, sender, state, opened)),
            Err(error) => {
                turn.engine.give_up(sender, state.keys());
                let problem = cannot_write(&turn.shared.policy.directory, &error);
                let failure = Failure::local(problem);
                let (name, keys, needed) = (part.name(), state.keys(), state.payload_size());
                self.retries.remember(turn, &failure, Retry { name, keys, needed });
                self.failed(turn, name, state.manifest(), false, failure);
                None
            }
        }
    }

    /// Starts to receive a set into its spool.
    fn start(
        &mut self,
        turn: &mut Turn<'_, impl Engine>,
        sender: SenderId,
        state: SetState,
        opened: Opened,
    ) -> u64 {
        let Opened { spool, problem } = opened;
        let resumed = spool.have().bytes();
        let aim = turn.shared.policy.files.aim();
        if resumed > 0 || aim != Aim::All || state.summary().list_first {
            turn.engine.expect_partial(sender, state.keys());
        }
        turn.engine.want(sender, state.keys().start, turn.now);
        let number = self.next_number;
        self.next_number += 1;
        let begun = turn.begun(sender);
        turn.shared.summary.begun(begun);
        let job = SetJob::new(sender, state, spool, turn.now, turn.nacks()).with_aim(aim);
        let job = job.begun_at(begun);
        let job = job.with_covering(Covering::new(turn.shared.policy.is_sealed));
        let job = job.expecting(turn.shared.policy.files.expect);
        job.give_up_needless(turn.engine);
        let (name, bytes) = (job.name(), job.payload_size());
        let events = &turn.shared.events;
        if duplicates::copies(&self.jobs, name.set).next().is_none() {
            events.set_found(name.sender, job.summary());
        }
        if let Some(problem) = problem {
            events.resume_data_unusable(name, problem);
        }
        if resumed > 0 {
            events.set_resumed(name, resumed, bytes);
        }
        self.jobs.insert(number, job);
        self.apply_statement(turn, number);
        number
    }

    /// A set of a sender that the engine has forgotten cannot become complete: it makes room for
    /// the same set from a new one.
    fn drop_orphan(&mut self, turn: &mut Turn<'_, impl Engine>, id: SetId) {
        let orphan = duplicates::copies(&self.jobs, id)
            .find(|(_, job)| turn.engine.source(job.sender()).is_none());
        if let Some((number, _)) = orphan {
            self.fail(turn, number, Failure::gone(Problem::SenderForgotten));
        }
    }

    /// Holds the part of a set that is to begin, if the same files are being received from another
    /// sender that may be gone. Its sender hears how much of them is here.
    fn hold(&mut self, turn: &mut Turn<'_, impl Engine>, part: &OpenedPart) -> bool {
        let Ok(state) = part.new_state() else { return false };
        if self.held.contains(part.name()) {
            return true; // it was opened before nothing more of it was wanted
        }
        let first = self.doubtful(turn, part, turn.now).filter(|_| !self.held.is_full());
        let Some(first) = first else { return false };
        let (bytes_done, bytes_total) = (first.bytes_written(), first.bytes_total());
        let (here, reason) = (MemberState::Receiving, String::new());
        let status = ReceiverStatus { state: here, bytes_done, bytes_total, reason };
        turn.engine.set_status(part.object.sender, status);
        turn.engine.give_up(part.object.sender, state.keys());
        self.held.push(*part, turn.now);
        true
    }

    /// The same files from another sender, which has said nothing since then and is not yet gone.
    fn doubtful(
        &self,
        turn: &Turn<'_, impl Engine>,
        part: &OpenedPart,
        since: Timestamp,
    ) -> Option<&SetJob> {
        let first = self.jobs.values().find(|job| is_succeeded(job, part))?;
        let sender = first.sender();
        let speaks = turn.engine.source(sender).is_some_and(|source| source.last_heard > since);
        (!speaks && !turn.is_gone(sender)).then_some(first)
    }

    /// Begins the sets that need not wait any longer, and forgets senders that have heard that we
    /// have left them.
    pub(super) fn follow_successors(&mut self, turn: &mut Turn<'_, impl Engine>) {
        let mut held = std::mem::take(&mut self.held);
        let waits = |part: &_, since| self.doubtful(turn, part, since).is_some();
        let released = held.release(waits);
        self.held = held;
        for part in released {
            let sender = part.object.sender;
            // Its sender may have been forgotten meanwhile.
            if turn.engine.source(sender).is_some() {
                let keys = part.new_state().map_or(0..0, |state| state.keys());
                keys.for_each(|key| turn.engine.restart(ObjectRef { sender, key }));
                self.open_first(turn, &part);
            }
        }
        for sender in self.left.take_told(turn.now) {
            turn.shared.senders.forget(turn.engine, sender);
        }
    }

    /// A sender says nothing more, and another one sends the same files: it gets what is here of
    /// them. The first one hears so, if it hears anything, and is as good as never heard then.
    fn take_over(&mut self, turn: &mut Turn<'_, impl Engine>, part: &OpenedPart) {
        let replaced = self.jobs.iter().find(|&(&number, job)| {
            let alone =
                self.jobs.iter().all(|(&other, o)| other == number || o.sender() != job.sender());
            is_succeeded(job, part) && alone && turn.is_gone(job.sender())
        });
        let number = replaced.map(|(&number, _)| number);
        let Some(job) = number.and_then(|number| self.jobs.remove(&number)) else { return };
        let (sender, next) = (job.sender(), turn.shared.senders.address(part.object.sender));
        turn.engine.give_up(sender, job.keys());
        self.tell(turn, sender, MemberState::Leaving, moved_on(next));
        turn.engine.report_now(sender, turn.now);
        turn.shared.ending.tell_again(turn.now, sender);
        self.left.push(sender, turn.now);
        job.release();
    }

    /// Forgets a set and its sender; what is here of it waits for the next one.
    pub(super) fn leave(&mut self, turn: &mut Turn<'_, impl Engine>, number: u64) {
        if let Some(job) = self.jobs.remove(&number) {
            turn.shared.senders.forget(turn.engine, job.sender());
            job.release();
        }
    }

    /// Notes which sets have progressed.
    pub(super) fn note_progress(&mut self, turn: &Turn<'_, impl Engine>) {
        let waits = turn.shared.tasks.load().waiting() > 0;
        for job in self.jobs.values_mut() {
            job.note_progress(turn.engine, turn.now, waits);
        }
    }

    /// Tells senders of sets that are all in memory, and whether the disk takes less than arrives.
    pub(super) fn tell_news(&mut self, turn: &mut Turn<'_, impl Engine>, disk: bool) {
        let jobs = self.jobs.values_mut();
        let news: Vec<_> = jobs.filter_map(|job| Some((job.sender(), job.news(disk)?))).collect();
        for (sender, state) in news {
            self.tell(turn, sender, state, String::new());
            if matches!(state, MemberState::Writing | MemberState::Comparing) {
                turn.engine.report_now(sender, turn.now);
            }
        }
    }

    /// Has a set opened again that had no room on the disk, when there is some.
    pub(super) fn retry(&mut self, turn: &mut Turn<'_, impl Engine>) {
        self.retries.retry(turn);
    }

    /// Gives up waiting for the set that is expected, when nothing but others is sent one way.
    pub(super) fn give_up_expected(&mut self, turn: &mut Turn<'_, impl Engine>) {
        if !self.is_empty() || turn.shared.ending.any_settled() {
            return;
        }
        let expected = turn.shared.policy.files.expect;
        let other = self.refusals.take_other(turn.now);
        if let Some((OtherSet { name, manifest, found, .. }, expected)) = other.zip(expected) {
            let failure = Failure::wrong(Problem::OtherContent { expected, found });
            self.failed(turn, name, manifest, true, failure);
        }
    }

    /// Gives up sets of which nothing more has come for this long.
    pub(super) fn give_up_stalled(&mut self, turn: &mut Turn<'_, impl Engine>, limit: Duration) {
        let stalled: Vec<(u64, SenderId)> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.stalled_for(turn.now) >= limit)
            .map(|(&number, job)| (number, job.sender()))
            .collect();
        for (number, sender) in stalled {
            if let Some(problem) = self.jobs.get(&number).and_then(SetJob::unproved) {
                self.refuse(turn, number, problem);
                continue;
            }
            let problem = Problem::Stalled { after: limit };
            let is_gone = !turn.shared.policy.continuous && turn.is_silent(sender);
            let failure =
                if is_gone { Failure::gone(problem) } else { Failure::incomplete(problem) };
            self.fail(turn, number, failure);
        }
    }

    /// Sets that are not waited for, because another transfer was complete at `completed`, and why.
    pub(super) fn remaining(
        &self,
        turn: &Turn<'_, impl Engine>,
        completed: Timestamp,
    ) -> Vec<(u64, Failure)> {
        let unwritten = self.jobs.iter().filter(|(_, job)| !job.all_written());
        let dropped = unwritten.filter_map(|(&number, job)| {
            let candidate = Candidate {
                is_before: self.known.is_before(job.manifest(), completed),
                is_silent: turn.is_silent(job.sender()),
                grown_at: job.grown_at(),
            };
            Some((number, candidate.failure(turn.now, completed)?))
        });
        dropped.collect()
    }

    /// Writes down what has come of each set, now and then.
    pub(super) fn save(&mut self, shared: &Shared, now: Timestamp) {
        for (&number, job) in &mut self.jobs {
            if let Some(spool) = job.save_due(now) {
                shared.tasks.save(number, spool);
            }
        }
    }
}

/// A set that is complete needs nothing but the confirmation.
fn refuse_complete(engine: &mut impl Engine, part: &OpenedPart) {
    let ObjectRef { sender, key } = part.object;
    let keys = part.new_state().map_or(key..key + 1, |state| state.keys());
    for key in keys {
        engine.refuse(ObjectRef { sender, key });
    }
}
