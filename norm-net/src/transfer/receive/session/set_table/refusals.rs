//! Sets that are not received: those that are here already, by a receipt, and those that are not
//! what is wanted.

use std::collections::VecDeque;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::fileset::{ContentHash, ManifestHash};
use norm_core::transfer::{MemberState, ReceiverStatus};

use crate::event::Hint;
use crate::transfer::receive::session::engine::Engine;
use crate::transfer::receive::session::notifier::SetRef;
use crate::transfer::receive::session::policy::Aim;
use crate::transfer::receive::session::set_job::OpenedPart;
use crate::transfer::receive::session::shared::Turn;
use crate::transfer::receive::session::summary::push_bounded;

/// Sets that are looked at at once; further ones are received.
const MAX_ASKED: usize = 16;
/// Sets that are remembered.
const MAX_REMEMBERED: usize = 1_000;

/// How long the expected set is waited for when another one is sent one way.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was found out of sets before they begin.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Sets that have a receipt, by the part that was heard first: a worker looks whether their
    /// files have changed.
    asked: Vec<OpenedPart>,
    /// Sets that have none, or have changed.
    settled: VecDeque<SetRef>,
    /// Sets with other content than is expected.
    other: VecDeque<SetRef>,
    /// The first of these, one way: nothing ends such a session.
    first_other: Option<OtherSet>,
}

/// A set with other content than is expected.
#[derive(Copy, Clone, Debug)]
pub(super) struct OtherSet {
    pub(super) name: SetRef,
    pub(super) manifest: ManifestHash,
    pub(super) found: ContentHash,
    at: Timestamp,
}

impl Refusals {
    /// True while a worker looks at a set.
    pub(super) fn is_asking(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Takes the part by which a set was heard first that was looked at.
    pub(super) fn take(&mut self, name: SetRef) -> Option<OpenedPart> {
        let at = self.asked.iter().position(|part| part.name() == name)?;
        Some(self.asked.swap_remove(at))
    }

    /// A set is to be received.
    pub(super) fn settle(&mut self, name: SetRef) {
        push_bounded(&mut self.settled, name, MAX_REMEMBERED);
    }

    /// Has a worker look at what the receipt of a set lists, if there is one; true while that is
    /// not known. Meanwhile nothing of the set is asked for.
    pub(super) fn ask(&mut self, turn: &mut Turn<'_, impl Engine>, part: &OpenedPart) -> bool {
        let name = part.name();
        if self.asked.iter().any(|asked| asked.name() == name) {
            return true;
        }
        let policy = &turn.shared.policy;
        let is_all = policy.files.aim() == Aim::All;
        let store = policy.files.receipts.as_ref().filter(|_| is_all);
        let (Some(content), Some(store)) = (part.descriptor.set.content, store) else {
            return false;
        };
        if self.settled.contains(&name) || self.asked.len() >= MAX_ASKED {
            return false;
        }
        let directory = policy.directory.clone();
        if !store.has(&directory, content) {
            self.settle(name);
            return false;
        }
        turn.shared.tasks.read_receipt(name, store.clone(), directory, content);
        let (keys, bytes) =
            part.new_state().map_or((0..0, 0), |state| (state.keys(), state.bytes_total()));
        let (state, reason) = (MemberState::Verifying, String::new());
        // What turns out to be missing is asked for: nothing needs to be sent unasked.
        let status = ReceiverStatus { state, bytes_done: bytes, bytes_total: bytes, reason };
        turn.engine.set_status(name.sender, status);
        turn.engine.give_up(name.sender, keys);
        self.asked.push(*part);
        true
    }

    /// The first set that was ignored, if some time has passed since: the one that is expected is
    /// sent elsewhere, or not at all. Handed out once.
    pub(super) fn take_other(&mut self, now: Timestamp) -> Option<OtherSet> {
        self.first_other.take_if(|other| now >= other.at + PATIENCE)
    }

    /// Ignores a set with other content than is expected, as far as its sender says what that is.
    /// True of such a set.
    pub(super) fn ignore(&mut self, turn: &mut Turn<'_, impl Engine>, part: &OpenedPart) -> bool {
        let name = part.name();
        let is_other = |content: &ContentHash| {
            turn.shared.policy.files.expect.is_some_and(|expected| expected != *content)
        };
        let Some(content) = part.descriptor.set.content.filter(is_other) else { return false };
        let keys = part.new_state().map_or(0..0, |state| state.keys());
        turn.engine.give_up(name.sender, keys);
        if turn.shared.policy.is_flute {
            let (manifest, at) = (part.descriptor.set.manifest, turn.now);
            self.first_other.get_or_insert(OtherSet { name, manifest, found: content, at });
        }
        if !self.other.contains(&name) {
            push_bounded(&mut self.other, name, MAX_REMEMBERED);
            let hint = Hint::OtherContent { sender: name.sender, set: name.set, content };
            let (state, reason) = (MemberState::Failed, hint.to_string());
            let status = ReceiverStatus { state, bytes_done: 0, bytes_total: 0, reason };
            turn.engine.set_status(name.sender, status);
            turn.engine.report_now(name.sender, turn.now);
            turn.shared.events.hint(hint);
        }
        true
    }
}
