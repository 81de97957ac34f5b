//! What transfers of every kind share in a session.

use norm_core::Timestamp;
use norm_core::endpoint::{ObjectRef, SenderId};

use super::ending::Ending;
use super::engine::Engine;
use super::notifier::Notifier;
use super::policy::Policy;
use super::senders::SenderTable;
use super::statements::Statements;
use super::summary::Summary;
use super::tasks::Tasks;
use crate::transfer::gate_watch::GateWatch;

/// The parts of a session that transfers of every kind need.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) policy: Policy,
    pub(super) events: Notifier,
    pub(super) senders: SenderTable,
    pub(super) tasks: Tasks,
    pub(super) ending: Ending,
    pub(super) summary: Summary,
    pub(super) gate: GateWatch,
    pub(super) statements: Statements,
}

/// Something happens: what a transfer needs to act on it.
pub(super) struct Turn<'a, E> {
    pub(super) shared: &'a mut Shared,
    pub(super) engine: &'a mut E,
    pub(super) now: Timestamp,
}

impl<E: Engine> Turn<'_, E> {
    /// True when nothing new is begun, because the one transfer that is wanted is complete.
    pub(super) fn is_served(&self) -> bool {
        !self.shared.policy.continuous && self.shared.ending.completed_at().is_some()
    }

    /// True when a sender fell silent and nothing useful came from it since, or it was forgotten.
    pub(super) fn is_silent(&self, sender: SenderId) -> bool {
        self.shared.senders.is_silent(self.engine, sender)
    }

    /// True when a sender says nothing more: reason enough to go on with another one.
    pub(super) fn is_gone(&self, sender: SenderId) -> bool {
        self.shared.senders.is_gone(self.engine, self.now, sender)
    }

    /// When the transfer that begins now was heard first: one way its symbols are kept before it is
    /// known what it is.
    pub(super) fn begun(&self, sender: SenderId) -> Timestamp {
        let found_at = self.shared.senders.found_at(sender);
        found_at.filter(|_| self.shared.policy.is_flute).unwrap_or(self.now)
    }

    /// Requests for repair sent so far.
    pub(super) fn nacks(&self) -> u64 {
        self.engine.stats().nacks
    }

    /// A transfer from this sender is complete: it is to hear of that.
    pub(super) fn owe_release(&mut self, sender: SenderId) {
        if !self.shared.policy.is_mute {
            self.shared.senders.owe_release(sender);
        }
    }

    /// Stops wanting one object.
    pub(super) fn give_up(&mut self, object: ObjectRef) {
        self.engine.give_up(object.sender, object.key..object.key + 1);
    }
}
