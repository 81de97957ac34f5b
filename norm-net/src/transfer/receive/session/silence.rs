//! Senders that say nothing more, and sets that do not grow.

use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::SenderId;

use super::end::{Failure, HINT_AFTER};
use super::sets::ActiveSet;
use super::{Engine, Session};
use crate::event::{Hint, Problem, ReceiveEvent};

/// A daemon without timeout gives a set up that has not grown for this long.
const DAEMON_PATIENCE: Duration = Duration::from_secs(600);

/// When a set last grew.
#[derive(Copy, Clone, Debug)]
pub(super) struct Movement {
    /// Symbols kept from its sender: at a low rate a block takes long.
    kept: u64,
    /// Bytes written: a slow disk may be behind.
    written: u64,
    /// How far its sender is: what it sends may be here from before.
    position: Option<(u64, u32)>,
    at: Timestamp,
    /// When more came of it.
    grown: Timestamp,
}

impl Movement {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { kept: 0, written: 0, position: None, at: now, grown: now }
    }

    /// The set has changed otherwise.
    pub(super) fn touch(&mut self, now: Timestamp) {
        self.at = now;
    }

    /// For how long nothing has moved.
    pub(super) fn still_for(&self, now: Timestamp) -> Duration {
        now.saturating_since(self.at)
    }

    /// When it last moved.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// When more came of it last.
    pub(super) fn grown_at(&self) -> Timestamp {
        self.grown
    }

    pub(super) fn note(
        &mut self,
        now: Timestamp,
        kept: u64,
        written: u64,
        position: Option<(u64, u32)>,
    ) {
        if (self.kept, self.written) != (kept, written) {
            self.grown = now;
        }
        if (self.kept, self.written, self.position) != (kept, written, position) {
            *self = Self { kept, written, position, at: now, grown: self.grown };
        }
    }
}

impl ActiveSet {
    /// For how long nothing more has come of what is missing.
    fn still_for(&self, now: Timestamp) -> Duration {
        // Workers that check and carve need their time, however long.
        let waits = !self.state.all_written();
        if waits { self.moved.still_for(now) } else { Duration::ZERO }
    }
}

impl Session {
    /// Nothing was heard from a sender for some seconds.
    pub(super) fn sender_silent(&mut self, engine: &Engine, remote: SenderId) {
        let kept = engine.store().kept(remote);
        if let Some(sender) = self.senders.get_mut(&remote) {
            sender.silent_at = Some(kept);
        }
        self.events.send(ReceiveEvent::SenderSilent { sender: remote });
        let waits = !self.policy.daemon && !self.end.settled() && self.all_silent(engine);
        if waits && !std::mem::replace(&mut self.end.hinted_silence, true) {
            let timeout = self.policy.timeout;
            self.events.hint(Hint::SenderSilent { after: HINT_AFTER, timeout });
        }
    }

    /// True when nobody sends what we wait for.
    fn all_silent(&self, engine: &Engine) -> bool {
        if self.sets.is_empty() && self.plain.is_empty() {
            return self.senders.keys().all(|&remote| self.is_silent(engine, remote));
        }
        self.plain.keys().all(|&remote| self.is_silent(engine, remote))
            && self
                .sets
                .values()
                .all(|set| !set.state.all_written() && self.is_silent(engine, set.remote))
    }

    /// True when a sender fell silent and nothing useful came from it since, or it was forgotten.
    pub(super) fn is_silent(&self, engine: &Engine, remote: SenderId) -> bool {
        let kept = engine.store().kept(remote);
        let silent = |sender: &super::SenderState| sender.silent_at == Some(kept);
        engine.progress(remote).is_none() || self.senders.get(&remote).is_some_and(silent)
    }

    /// Notes which sets have grown.
    pub(super) fn note_movement(&mut self, engine: &Engine, now: Timestamp) {
        for set in self.sets.values_mut() {
            let written = set.spool.written();
            let position = engine.position(set.remote);
            set.moved.note(now, engine.store().kept(set.remote), written, position);
            if engine.is_paused(set.remote) {
                // It has said so: nothing more is to come yet.
                set.moved.touch(now);
            }
        }
    }

    /// Gives up sets of which nothing more has come for as long as the user wants to wait.
    pub(super) fn give_up_stalled(&mut self, engine: &mut Engine, now: Timestamp) {
        let limit = match self.policy.timeout {
            None if self.policy.daemon => Some(DAEMON_PATIENCE),
            timeout => timeout,
        };
        self.watch_plain(engine, now, limit);
        let Some(limit) = limit else { return };
        let stalled: Vec<(u64, SenderId)> = self
            .sets
            .iter()
            .filter(|(_, set)| set.still_for(now) >= limit)
            .map(|(&number, set)| (number, set.remote))
            .collect();
        for (number, remote) in stalled {
            let problem = Problem::Stalled { after: limit };
            let gone = !self.policy.daemon && self.is_silent(engine, remote);
            let failure = if gone { Failure::Gone(problem) } else { Failure::Incomplete(problem) };
            self.fail(engine, now, number, failure);
        }
    }
}
