//! What else is on its way when a transfer is complete: a session that is to receive one goes on with what had
//! begun before, as long as it grows. Of sets the list of files must be here: packets of strangers have none.

use std::collections::BTreeMap;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::SenderId;
use norm_core::fileset::ContentId;

use super::end::Failure;
use super::{Engine, Session};
use crate::event::{Problem, Remaining};

/// What does not grow for so long is not waited for.
const STILL: Duration = Duration::from_secs(5);
/// Contents remembered at most.
const MOST: usize = 1_000;

/// When the list of files of what is on its way was here first, whoever sends it, and wherever.
#[derive(Debug, Default)]
pub(super) struct Begun {
    contents: BTreeMap<ContentId, Timestamp>,
}

impl Begun {
    /// The list of files is here, perhaps again.
    pub(super) fn note(&mut self, content: ContentId, now: Timestamp) {
        if self.contents.len() < MOST {
            self.contents.entry(content).or_insert(now);
        }
    }

    /// It is here: if it begins again, that is another time.
    pub(super) fn complete(&mut self, content: ContentId) {
        self.contents.remove(&content);
    }

    /// True when it is known what this is.
    pub(super) fn knows(&self, content: ContentId) -> bool {
        self.contents.contains_key(&content)
    }

    fn is_before(&self, content: ContentId, received: Timestamp) -> bool {
        self.contents.get(&content).is_some_and(|&begun| begun <= received)
    }
}

impl Session {
    /// True when nothing new is begun, because a transfer is complete.
    pub(super) fn is_served(&self) -> bool {
        !self.policy.daemon && self.end.completed_at().is_some()
    }

    /// One transfer is received: what begins later, does not grow, or has a silent sender is not waited for.
    pub(super) fn drop_the_rest(&mut self, engine: &mut Engine, now: Timestamp) {
        let Some(received) = self.end.completed_at() else { return };
        let over = |remote: SenderId, before: bool, grown: Timestamp| {
            if !before {
                Some(Remaining::BeganLater)
            } else if self.is_silent(engine, remote) {
                Some(Remaining::SenderSilent)
            } else if now >= grown.max(received) + STILL {
                Some(Remaining::Stalled)
            } else {
                None
            }
        };
        let open = self.sets.iter().filter(|(_, set)| !set.state.all_written());
        let sets: Vec<(u64, Remaining)> = open
            .filter_map(|(&number, set)| {
                let before = self.begun.is_before(set.state.content(), received);
                Some((number, over(set.remote, before, set.moved.grown_at())?))
            })
            .collect();
        let plain = self.plain.iter().filter(|(_, sender)| sender.is_under_way());
        let plain: Vec<(SenderId, Remaining)> = plain
            .filter_map(|(&remote, sender)| {
                let before = sender.started() <= received;
                Some((remote, over(remote, before, sender.grown_at())?))
            })
            .collect();
        for (number, reason) in sets {
            self.fail(engine, now, number, Failure::Gone(Problem::Remaining { cause: reason }));
        }
        for (remote, reason) in plain {
            self.plain_ended(
                engine,
                now,
                remote,
                &Failure::Gone(Problem::Remaining { cause: reason }),
            );
        }
        // Of senders that know no sets nothing more is taken: what they have sent is all.
        let done: Vec<SenderId> = self
            .plain
            .iter()
            .filter(|(_, s)| !s.is_under_way())
            .map(|(&remote, _)| remote)
            .collect();
        for remote in done {
            self.plain_done(engine, now, remote);
        }
    }
}
