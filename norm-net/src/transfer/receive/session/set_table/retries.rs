//! Sets for which there was no room on the disk. A sender that sends everything again and again
//! brings them once more: they begin again when there is room.

use std::ops::Range;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::ObjectRef;

use crate::transfer::receive::session::engine::Engine;
use crate::transfer::receive::session::failure::Failure;
use crate::transfer::receive::session::notifier::SetRef;
use crate::transfer::receive::session::shared::Turn;

/// How often it is looked whether there is room.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// Sets that are remembered; the oldest one is forgotten for another.
const MAX_REMEMBERED: usize = 64;

/// A set that is to begin again.
#[derive(Clone, Debug)]
pub(super) struct Retry {
    pub(super) name: SetRef,
    pub(super) keys: Range<u64>,
    /// Bytes that it needs.
    pub(super) needed: u64,
}

/// The sets that had no room.
#[derive(Debug, Default)]
pub(super) struct Retries {
    sets: Vec<Retry>,
    due: Timestamp,
}

impl Retries {
    /// A set has failed: it begins again later if only the disk was full, and if it comes again.
    pub(super) fn remember(
        &mut self,
        turn: &Turn<'_, impl Engine>,
        failure: &Failure,
        retry: Retry,
    ) {
        let policy = &turn.shared.policy;
        if policy.continuous && policy.is_flute && failure.problem.is_full() {
            self.push(turn.now, retry);
        }
    }

    /// Has a set opened again for which there is room now.
    pub(super) fn retry(&mut self, turn: &mut Turn<'_, impl Engine>) {
        let directory = &turn.shared.policy.directory;
        let free = || norm_files::sink::Free::of(directory).bytes;
        let Some(Retry { name, keys, .. }) = self.take_due(turn.now, free) else { return };
        if turn.engine.source(name.sender).is_some() {
            let sender = name.sender;
            keys.for_each(|key| turn.engine.restart(ObjectRef { sender, key }));
        }
    }

    /// Remembers a set.
    fn push(&mut self, now: Timestamp, retry: Retry) {
        self.sets.retain(|known| known.name != retry.name);
        if self.sets.len() >= MAX_REMEMBERED {
            self.sets.remove(0);
        }
        self.sets.push(retry);
        self.due = now + RETRY_AFTER;
    }

    /// The sets for which there are `free` bytes now, if it is time to look: one after the other.
    fn take_due(&mut self, now: Timestamp, free: impl FnOnce() -> Option<u64>) -> Option<Retry> {
        if self.sets.is_empty() || now < self.due {
            return None;
        }
        self.due = now + RETRY_AFTER;
        let free = free();
        let fits = |retry: &Retry| free.is_none_or(|free| free >= retry.needed);
        let at = self.sets.iter().position(fits)?;
        Some(self.sets.remove(at))
    }
}

#[cfg(test)]
mod tests {
    use norm_core::endpoint::SenderId;
    use norm_core::fileset::SetId;

    use super::*;

    #[test]
    fn set_begins_again_when_there_is_room() {
        let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
        let mut retries = Retries::default();
        let mut push = |id, needed| {
            let name = SetRef { sender: SenderId(1), set: SetId([id; 16]) };
            retries.push(at(1), Retry { name, keys: 0..3, needed });
        };
        push(1, 1_000);
        push(2, 100);
        push(2, 200);
        let mut due = |seconds, free| {
            let due = retries.take_due(at(seconds), || free);
            due.map(|retry| (retry.name.set.0[0], retry.needed))
        };
        assert_eq!(due(10, Some(1 << 20)), None, "too soon");
        assert_eq!(due(11, Some(199)), None);
        assert_eq!(due(12, Some(999)), None, "looked at just now");
        assert_eq!(due(21, Some(999)), Some((2, 200)));
        assert_eq!(due(31, None), Some((1, 1_000)), "it is not known how much there is");
        assert_eq!(due(41, None), None);
    }
}
