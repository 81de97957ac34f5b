//! One sender goes on where another one has ended: it has crashed, its user has stopped it, or it
//! says nothing any more. The next one gets what is here.
//!
//! A sender that is started again at once is heard before the silence of the first one means
//! anything. So the set of a second sender of the same files waits until the first one speaks or is
//! gone; only then does it begin with what is here of it, or with nothing. Meanwhile nothing of it
//! is asked for.

use std::net::SocketAddr;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::{ObjectRef, SenderId};
use norm_core::transfer::{MemberState, ReceiverStatus};

use super::SetTable;
use crate::transfer::receive::session::engine::Engine;
use crate::transfer::receive::session::set_job::{OpenedPart, SetJob};
use crate::transfer::receive::session::shared::Turn;

/// How long a sender is told that we have left it.
const LEAVE_TIME: Duration = Duration::from_millis(200);
/// Sets that are held at once; further ones begin.
const MAX_HELD: usize = 16;

/// Sets that do not begin yet, each by the part of it that was heard first.
#[derive(Debug, Default)]
pub(super) struct HeldSets {
    sets: Vec<Held>,
}

/// A sender that was left for another one.
#[derive(Copy, Clone, Debug)]
pub(super) struct Left {
    sender: SenderId,
    until: Timestamp,
}

#[derive(Copy, Clone, Debug)]
struct Held {
    part: OpenedPart,
    since: Timestamp,
}

impl SetTable {
    /// Holds the part of a set that is to begin, if the same files are being received from another
    /// sender that may be gone. Its sender hears how much of them is here.
    pub(super) fn hold(&mut self, turn: &mut Turn<'_, impl Engine>, part: &OpenedPart) -> bool {
        let Ok(state) = part.new_state() else { return false };
        if self.held.sets.iter().any(|held| held.part.name() == part.name()) {
            return true; // it was opened before nothing more of it was wanted
        }
        let Some(first) = self.doubtful(turn, part, turn.now) else { return false };
        if self.held.sets.len() >= MAX_HELD {
            return false;
        }
        let (bytes_done, bytes_total) = (first.bytes_written(), first.bytes_total());
        let (here, reason) = (MemberState::Receiving, String::new());
        let status = ReceiverStatus { state: here, bytes_done, bytes_total, reason };
        turn.engine.set_status(part.object.sender, status);
        turn.engine.give_up(part.object.sender, state.keys());
        self.held.sets.push(Held { part: *part, since: turn.now });
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

    /// Begins the sets that need not wait any longer.
    pub(in super::super) fn release_held(&mut self, turn: &mut Turn<'_, impl Engine>) {
        if self.held.sets.is_empty() {
            return;
        }
        let (held, released): (Vec<Held>, Vec<Held>) = std::mem::take(&mut self.held.sets)
            .into_iter()
            .partition(|held| self.doubtful(turn, &held.part, held.since).is_some());
        self.held.sets = held;
        for Held { part, .. } in released {
            let sender = part.object.sender;
            // Its sender may have been forgotten meanwhile.
            if turn.engine.source(sender).is_some() {
                let keys = part.new_state().map_or(0..0, |state| state.keys());
                keys.for_each(|key| turn.engine.restart(ObjectRef { sender, key }));
                self.open_first(turn, &part);
            }
        }
    }

    /// A sender says nothing more, and another one sends the same files: it gets what is here of
    /// them. The first one hears so, if it hears anything, and is as good as never heard then.
    pub(super) fn take_over(&mut self, turn: &mut Turn<'_, impl Engine>, part: &OpenedPart) {
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
        self.left.push(Left { sender, until: turn.now + LEAVE_TIME });
        job.release();
    }

    /// Forgets senders that have heard that we have left them.
    pub(in super::super) fn forget_left(&mut self, turn: &mut Turn<'_, impl Engine>) {
        let now = turn.now;
        for left in self.left.extract_if(.., |left| now >= left.until) {
            turn.shared.senders.forget(turn.engine, left.sender);
        }
    }

    /// Forgets a set and its sender; what is here of it waits for the next one.
    pub(in super::super) fn leave(&mut self, turn: &mut Turn<'_, impl Engine>, number: u64) {
        if let Some(job) = self.jobs.remove(&number) {
            turn.shared.senders.forget(turn.engine, job.sender());
            job.release();
        }
    }
}

/// What a sender hears of a receiver that another one serves from now on.
fn moved_on(address: Option<SocketAddr>) -> String {
    let other = address.map_or("another sender".to_owned(), |at| format!("the sender at {at}"));
    format!("it goes on with {other}, which has the same files")
}

/// True when this set is of the same files as a part of another one, from another sender, and is
/// not all here. Of one set from two senders nothing tells which is right: see `duplicates`.
fn is_succeeded(job: &SetJob, part: &OpenedPart) -> bool {
    job.content() == part.descriptor.content
        && job.id() != part.descriptor.set
        && job.sender() != part.object.sender
        && !job.all_written()
}
