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
use norm_core::endpoint::SenderId;

use crate::transfer::receive::session::notifier::SetRef;
use crate::transfer::receive::session::set_job::{OpenedPart, SetJob};

/// How long a sender is told that we have left it.
const LEAVE_TIME: Duration = Duration::from_millis(200);
/// Sets that are held at once; further ones begin.
const MAX_HELD: usize = 16;

/// Sets that do not begin yet, each by the part of it that was heard first.
#[derive(Debug, Default)]
pub(super) struct HeldSets {
    sets: Vec<Held>,
}

#[derive(Copy, Clone, Debug)]
struct Held {
    part: OpenedPart,
    since: Timestamp,
}

impl HeldSets {
    /// True when this set is held.
    pub(super) fn contains(&self, name: SetRef) -> bool {
        self.sets.iter().any(|held| held.part.name() == name)
    }

    /// True when no other set can be held.
    pub(super) fn is_full(&self) -> bool {
        self.sets.len() >= MAX_HELD
    }

    /// Holds the set of this part from now on.
    pub(super) fn push(&mut self, part: OpenedPart, now: Timestamp) {
        self.sets.push(Held { part, since: now });
    }

    /// Takes the sets that need not wait any longer: those of which `waits` is false, by the part
    /// and the time since when it is held.
    pub(super) fn release(
        &mut self,
        waits: impl Fn(&OpenedPart, Timestamp) -> bool,
    ) -> Vec<OpenedPart> {
        let released = self.sets.extract_if(.., |held| !waits(&held.part, held.since));
        released.map(|held| held.part).collect()
    }
}

/// Senders that were left for another one, and are told so.
#[derive(Debug, Default)]
pub(super) struct LeftSenders {
    senders: Vec<(SenderId, Timestamp)>,
}

impl LeftSenders {
    /// A sender was left.
    pub(super) fn push(&mut self, sender: SenderId, now: Timestamp) {
        self.senders.push((sender, now + LEAVE_TIME));
    }

    /// Takes those that have been told for long enough.
    pub(super) fn take_told(&mut self, now: Timestamp) -> Vec<SenderId> {
        let told = self.senders.extract_if(.., |(_, until)| now >= *until);
        told.map(|(sender, _)| sender).collect()
    }
}

/// What a sender hears of a receiver that another one serves from now on.
pub(super) fn moved_on(address: Option<SocketAddr>) -> String {
    let other = address.map_or("another sender".to_owned(), |at| format!("the sender at {at}"));
    format!("it goes on with {other}, which has the same files")
}

/// True when this set is of the same files as a part of another one, from another sender, and is
/// not all here. Of one set from two senders nothing tells which is right: see `duplicates`.
pub(super) fn is_succeeded(job: &SetJob, part: &OpenedPart) -> bool {
    job.manifest() == part.descriptor.set.manifest
        && job.id() != part.descriptor.set.set
        && job.sender() != part.object.sender
        && !job.all_written()
}
