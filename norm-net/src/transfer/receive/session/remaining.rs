//! What else is being received when a transfer is complete: a session that is to receive one waits
//! for what had begun before, while it progresses. Of file sets the manifest must have been here
//! then: what attackers make up has none.

use std::collections::BTreeMap;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::fileset::ManifestHash;

use super::failure::Failure;
use crate::event::{Problem, Remaining};

/// A remaining transfer that does not grow for this long is not waited for.
const STALLED_AFTER: Duration = Duration::from_secs(5);
/// Contents remembered.
const MAX_CONTENTS: usize = 1_000;

/// When the manifest of what is being received was here first, from any sender and in any group.
#[derive(Debug, Default)]
pub(super) struct KnownContents {
    contents: BTreeMap<ManifestHash, Timestamp>,
}

impl KnownContents {
    /// The manifest is here, perhaps again.
    pub(super) fn note(&mut self, content: ManifestHash, now: Timestamp) {
        if self.contents.len() < MAX_CONTENTS {
            self.contents.entry(content).or_insert(now);
        }
    }

    /// It is complete: if it begins again, that is another time.
    pub(super) fn complete(&mut self, content: ManifestHash) {
        self.contents.remove(&content);
    }

    /// True when its manifest was here, so that it is known what was to come.
    pub(super) fn knows(&self, content: ManifestHash) -> bool {
        self.contents.contains_key(&content)
    }

    /// True when its manifest was here at this time.
    pub(super) fn is_before(&self, content: ManifestHash, at: Timestamp) -> bool {
        self.contents.get(&content).is_some_and(|&known| known <= at)
    }
}

/// A transfer that is not complete, when another one is.
#[derive(Copy, Clone, Debug)]
pub(super) struct Candidate {
    /// It had begun before the other one was complete.
    pub(super) is_before: bool,
    /// Its sender is silent.
    pub(super) is_silent: bool,
    /// When more of it came last.
    pub(super) grown_at: Timestamp,
}

impl Candidate {
    /// Its failure, if it is not waited for; the other one was complete at `completed`.
    pub(super) fn failure(self, now: Timestamp, completed: Timestamp) -> Option<Failure> {
        let cause = self.cause(now, completed)?;
        Some(Failure::gone(Problem::Remaining { cause }))
    }

    fn cause(self, now: Timestamp, completed: Timestamp) -> Option<Remaining> {
        if !self.is_before {
            Some(Remaining::BeganLater)
        } else if self.is_silent {
            Some(Remaining::SenderSilent)
        } else if now >= self.grown_at.max(completed) + STALLED_AFTER {
            Some(Remaining::Stalled)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn remaining_transfer_is_waited_for_while_it_grows() {
        let growing = Candidate { is_before: true, is_silent: false, grown_at: at(10) };
        assert_eq!(growing.cause(at(14), at(3)), None);
        assert_eq!(growing.cause(at(15), at(3)), Some(Remaining::Stalled));
        assert_eq!(growing.cause(at(15), at(12)), None, "the other one was complete later");
        let silent = Candidate { is_silent: true, ..growing };
        assert_eq!(silent.cause(at(11), at(3)), Some(Remaining::SenderSilent));
        let late = Candidate { is_before: false, ..growing };
        assert_eq!(late.cause(at(11), at(3)), Some(Remaining::BeganLater));
    }

    #[test]
    fn content_is_known_from_its_first_manifest_until_it_is_complete() {
        let content = ManifestHash([7; 32]);
        let mut known = KnownContents::default();
        assert!(!known.knows(content));
        known.note(content, at(5));
        known.note(content, at(9));
        assert!(known.is_before(content, at(5)) && !known.is_before(content, at(4)));
        known.complete(content);
        assert!(!known.knows(content));
    }
}
