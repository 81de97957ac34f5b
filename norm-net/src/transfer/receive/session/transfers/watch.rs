//! What is looked at now and then while a session receives: progress, silence, the disk, the end.

use std::io;

use norm_core::endpoint::SenderId;
use norm_core::transfer::MemberState;

use super::super::ending::Standing;
use super::super::engine::Engine;
use super::super::failure::Failure;
use super::super::notifier::Notifier;
use super::super::outcome::Subject;
use super::super::separate_group::Visit;
use super::super::shared::{Shared, Turn};
use super::{
    CONTINUOUS_PATIENCE, HINT_AFTER, OTHER_SESSION_AFTER, PROGRESS_INTERVAL, STOPPED, Transfers,
};
use crate::event::{Hint, Problem, ReceiveProgress};
use crate::io::membership::Recovered;
use crate::io::socket::LinkChange;

impl Transfers {
    /// Nothing was heard from a sender for some seconds, and something of it may be missing.
    pub(super) fn sender_silent(&mut self, turn: &mut Turn<'_, impl Engine>, sender: SenderId) {
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
    pub(super) fn is_silent(&self, turn: &Turn<'_, impl Engine>) -> bool {
        if self.is_idle() {
            return turn.shared.senders.all().all(|sender| turn.is_silent(sender));
        }
        self.standalone.senders().all(|sender| turn.is_silent(sender))
            && self.sets.jobs().all(|job| !job.all_written() && turn.is_silent(job.sender()))
    }

    /// The network had forgotten that this host is in the group.
    pub(in super::super) fn recovered(&mut self, shared: &Shared, recovered: Recovered) {
        if !std::mem::replace(&mut self.hinted.forgotten, true) {
            shared.events.hint(Hint::forgotten(shared.policy.group, recovered));
        }
    }

    /// The system refuses to send.
    pub(in super::super) fn nothing_leaves(&mut self, events: &Notifier, error: &io::Error) {
        if !self.hinted.refusal {
            self.hinted.refusal = true;
            events.hint(Hint::NothingLeaves { error: error.into() });
        }
    }

    /// The address or the interface of this machine has changed.
    pub(in super::super) fn link_changed(&mut self, shared: &Shared, change: &LinkChange) {
        // That nothing leaves is the same, and is told anew when it happens again.
        self.hinted.refusal = !matches!(change, LinkChange::Moved { .. });
        shared.events.hint(Hint::link_changed(change, shared.policy.group));
    }

    pub(super) fn tell_progress(&mut self, turn: &Turn<'_, impl Engine>) {
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
    pub(super) fn watch_disk(&mut self, turn: &mut Turn<'_, impl Engine>) {
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
    pub(super) fn watch_spool(&mut self, turn: &Turn<'_, impl Engine>) {
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

    pub(super) fn hint_at_silence(&mut self, turn: &Turn<'_, impl Engine>) {
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
    pub(super) fn hint_if_unseen(&mut self, turn: &Turn<'_, impl Engine>) {
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
    pub(super) fn stop(&mut self, turn: &mut Turn<'_, impl Engine>) {
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
    pub(super) fn give_up_stalled(&mut self, turn: &mut Turn<'_, impl Engine>) {
        let policy = &turn.shared.policy;
        let default = policy.continuous.then_some(CONTINUOUS_PATIENCE);
        let limit = policy.timeout.or(default);
        self.standalone.watch(turn, limit);
        if let Some(limit) = limit {
            self.sets.give_up_stalled(turn, limit);
        }
    }

    /// Decides when a session that receives one transfer ends.
    pub(super) fn plan_end(&mut self, turn: &mut Turn<'_, impl Engine>) {
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
    pub(super) fn watch_separate_group(&mut self, turn: &mut Turn<'_, impl Engine>) {
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
}
