//! The sets on their way: from the first packet of one to its last file.

use std::sync::Arc;

use norm_core::Timestamp;
use norm_core::endpoint::{ObjectRef, SenderId};
use norm_core::fileset::{ContentId, PartKind, SetDescriptor, SetId};
use norm_core::norm::wire::{MemberState, ObjectId, SetInfo};

use super::end::Failure;
use super::resume::tell_kept;
use super::tasks::{CarveTask, CheckTask, Owner, RoomTask, TaskResult};
use super::{Engine, MAX_REMEMBERED, MAX_REPORTS, Movement, Session, loss, push_bounded};
use crate::event::{
    Action, Hint, MAX_PATHS, Problem, ReceiveEvent, RootHash, SetFailure, SetReport,
};
use crate::transfer::receive::problem::{not_placed, not_planned};
use norm_files::sink::{Opened, Plan, PlanError, SetError, SetState, Spool, Verdict};

/// Sets on their way at once; further ones are not received.
const MAX_SETS: usize = 64;

/// A set on its way.
#[derive(Debug)]
pub(super) struct ActiveSet {
    pub(super) remote: SenderId,
    pub(super) state: SetState,
    pub(super) spool: Arc<Spool>,
    /// Once the head is here.
    pub(super) plan: Option<Arc<Plan>>,
    /// The root, once everything is verified.
    pub(super) root: Option<RootHash>,
    /// Its files are being made.
    pub(super) carving: bool,
    started: Timestamp,
    pub(super) next_save: Timestamp,
    nacks_before: u64,
    pub(super) moved: Movement,
}

impl Session {
    /// Size and INFO of an object are known.
    pub(super) fn object_opened(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        object: ObjectRef,
        size: u64,
        info: Option<&[u8]>,
    ) {
        let parsed = info.and_then(|bytes| SetInfo::parse(bytes).ok());
        let Some(info) = parsed else {
            if info.is_some_and(SetInfo::has_magic) {
                self.not_a_set(engine, object);
            } else {
                self.plain_opened(engine, now, object, size, info);
            }
            return;
        };
        // The low 16 bits of a key are the transport id.
        let index = u32::from(info.index_of(ObjectId(object.key as u16)));
        let SetInfo { first_object, part: info } = info;
        if self.complete.contains(&info.set) {
            self.have_already(engine, object, index, &info);
            return;
        }
        let known = self.set_of(object).map(|(number, _)| number);
        let Some(number) =
            known.or_else(|| self.begin(engine, now, object, index, first_object, &info))
        else {
            return;
        };
        let Some(set) = self.sets.get_mut(&number) else { return };
        match set.state.open(object.key, index, &info, size) {
            Ok(part) => {
                Self::accept(engine, object, &set.spool, &part);
                self.tell(engine, object.sender, MemberState::Receiving, "");
            }
            Err(error) => {
                self.fail(engine, now, number, Failure::Incomplete(Problem::InvalidSet { error }))
            }
        }
    }

    /// A damaged file set, one of a newer format, or a stream.
    fn not_a_set(&mut self, engine: &mut Engine, object: ObjectRef) {
        engine.refuse(object);
        if let Some(sender) = self.senders.get_mut(&object.sender)
            && !std::mem::replace(&mut sender.hinted, true)
        {
            let (sender, address) = (object.sender, sender.address);
            self.events.hint(Hint::NotAFileSet { sender, address });
        }
    }

    /// A set that is here already needs nothing but the confirmation.
    fn have_already(
        &mut self,
        engine: &mut Engine,
        object: ObjectRef,
        index: u32,
        info: &SetDescriptor,
    ) {
        let keys = match SetState::new(object.key, index, info) {
            Ok(state) => state.keys(),
            Err(_) => object.key..object.key + 1,
        };
        for key in keys {
            engine.refuse(ObjectRef { sender: object.sender, key });
        }
    }

    /// Begins to receive a set that one of its objects speaks of.
    fn begin(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        object: ObjectRef,
        index: u32,
        first_object: ObjectId,
        info: &SetDescriptor,
    ) -> Option<u64> {
        let remote = object.sender;
        let one = object.key..object.key + 1;
        if self.sets.len() >= MAX_SETS {
            engine.give_up(remote, one);
            self.events.hint(Hint::TooManySets { limit: MAX_SETS });
            return None;
        }
        self.drop_orphan(engine, now, info.set);
        self.take_over(engine, now, remote, info);
        self.sweep(now);
        let news = !self.is_under_way(info.set);
        let state = match SetState::new(object.key, index, info) {
            Ok(state) if !self.overlaps(remote, &state) => state,
            other => {
                // No reason to fail, or to end, because somebody talks nonsense.
                let error = other.err().unwrap_or(SetError::Contradiction);
                engine.give_up(remote, one);
                self.events.hint(Hint::SetIgnored { sender: remote, set: info.set, error });
                return None;
            }
        };
        let Opened { spool, problem } = match self.spools.open(info.content, info.payload_size) {
            Ok(opened) => opened,
            Err(error) => {
                engine.give_up(remote, state.keys());
                let problem = Problem::system(Action::Write, &self.policy.directory, &error);
                let what = (info.set, info.content, false);
                self.note_failure(engine, now, remote, what, Failure::Local(problem));
                return None;
            }
        };
        let here = spool.have().bytes();
        if here > 0 {
            engine.expect_partial(remote, state.keys());
        }
        engine.request_from(remote, first_object, now);
        let bytes = state.payload_size();
        let number = self.next_set;
        self.next_set += 1;
        let task = RoomTask {
            set: number,
            spool: Arc::clone(&spool),
            cancel: Arc::clone(&self.cancel),
            results: self.task_results.clone(),
        };
        self.check_workers.submit(move || task.run());
        let nacks_before = engine.stats().nacks;
        let set = ActiveSet {
            remote,
            state,
            spool,
            plan: None,
            root: None,
            carving: false,
            started: now,
            next_save: now,
            nacks_before,
            moved: Movement::new(now),
        };
        self.sets.insert(number, set);
        self.first_set.get_or_insert(now);
        if news {
            let (sender, set, content) = (remote, info.set, info.content);
            self.events.send(ReceiveEvent::SetFound { sender, set, content, bytes });
        }
        if let Some(problem) = problem {
            let (sender, set) = (remote, info.set);
            self.events.hint(Hint::ResumeDataUnusable { sender, set, error: problem });
        }
        if here > 0 {
            self.events.send(ReceiveEvent::SetResumed {
                sender: remote,
                set: info.set,
                bytes_done: here,
                bytes_total: bytes,
            });
        }
        Some(number)
    }

    /// A set of a sender that the engine has forgotten cannot become complete: it makes room for the
    /// same set from a new one.
    fn drop_orphan(&mut self, engine: &mut Engine, now: Timestamp, id: SetId) {
        let orphan = self
            .sets
            .iter()
            .find(|(_, set)| set.state.id() == id && engine.progress(set.remote).is_none());
        if let Some((&number, _)) = orphan {
            self.fail(engine, now, number, Failure::Gone(Problem::SenderForgotten));
        }
    }

    fn overlaps(&self, remote: SenderId, state: &SetState) -> bool {
        let keys = state.keys();
        self.sets.values().any(|set| {
            let other = set.state.keys();
            set.remote == remote && keys.start < other.end && other.start < keys.end
        })
    }

    /// Every block of an object is written: read it back.
    pub(super) fn object_written(&mut self, engine: &mut Engine, object: ObjectRef) {
        let Some((number, set)) = self.set_of(object) else { return };
        let Some(part) = set.state.written(object.key) else { return };
        let (spool, extents) = (Arc::clone(&set.spool), set.state.extents());
        let (payload_size, all) = (set.state.payload_size(), set.state.all_written());
        let id = set.state.id();
        let task = CheckTask {
            set: number,
            key: object.key,
            part,
            id,
            extents,
            payload_size,
            overwrite: self.policy.overwrite,
            spool,
            cancel: Arc::clone(&self.cancel),
            results: self.task_results.clone(),
        };
        self.check_workers.submit(move || task.run());
        if all {
            self.events.send(ReceiveEvent::Verifying { sender: object.sender, set: id });
            self.tell(engine, object.sender, MemberState::Verifying, "");
            self.next_progress = Timestamp::ZERO;
        }
    }

    /// Takes what the workers have finished.
    pub(super) fn finish_tasks(&mut self, engine: &mut Engine, now: Timestamp) {
        while let Ok(done) = self.tasks_done.try_recv() {
            match done.owner {
                Owner::Set(number) => self.task_done(engine, now, number, done.result),
                Owner::File(object) => self.plain_task_done(engine, now, object, done.result),
            }
        }
    }

    fn task_done(&mut self, engine: &mut Engine, now: Timestamp, number: u64, result: TaskResult) {
        let Some(set) = self.sets.get_mut(&number) else { return };
        set.moved.touch(now);
        if self.end.is_stopped() && result.is_failure() {
            // Because it was told to stop.
            return;
        }
        match result {
            TaskResult::Manifest { key, hash, .. }
                if ContentId::of(&hash) != set.state.content() =>
            {
                return self.again_or_fail(engine, now, number, key, Problem::WrongManifest);
            }
            TaskResult::Manifest { key, hash, plan: Ok((plan, present)) } => {
                set.state.hashed(key, hash);
                self.begun.note(set.state.content(), now);
                let (id, files, bytes) = (set.state.id(), plan.files().len() as u64, plan.bytes());
                let (sender, here) = (set.remote, present);
                let news = !self.twins(number, id).any(|(_, twin)| twin.plan.is_some());
                if let Some(set) = self.sets.get_mut(&number) {
                    set.plan = Some(Arc::new(plan));
                }
                if news {
                    self.events.send(ReceiveEvent::FilesKnown { sender, set: id, files, bytes });
                    if let Some(here) = here {
                        let (files, first) = (here.count, here.first);
                        self.events.hint(Hint::FilesPresent { sender, set: id, files, first });
                    }
                }
            }
            TaskResult::Manifest { key, plan: Err(PlanError::Content(error)), .. } => {
                return self.again_or_fail(engine, now, number, key, Problem::Damaged { error });
            }
            TaskResult::Manifest { plan: Err(error), .. } => {
                return self.fail(engine, now, number, Failure::Local(not_planned(error)));
            }
            TaskResult::Extent { key, hash } => set.state.hashed(key, hash),
            TaskResult::DigestList { key, tail: Ok(tail) } => set.state.digests_parsed(key, tail),
            TaskResult::DigestList { key, tail: Err(error) } => {
                return self.again_or_fail(engine, now, number, key, Problem::Damaged { error });
            }
            TaskResult::Carved(Ok(before)) => {
                return self.set_complete(engine, now, number, before);
            }
            TaskResult::Carved(Err(error)) => {
                return self.fail(engine, now, number, Failure::Local(not_placed(error)));
            }
            // A file that belongs to no set.
            TaskResult::Placed(_) => return,
            TaskResult::Failed { action, error } => {
                let problem = Problem::system(action, &self.policy.directory, &error);
                return self.fail(engine, now, number, Failure::Local(problem));
            }
        }
        self.judge(engine, now, number);
    }

    /// Acts on what the checks so far say.
    fn judge(&mut self, engine: &mut Engine, now: Timestamp, number: u64) {
        let Some(set) = self.sets.get_mut(&number) else { return };
        match set.state.verdict() {
            Verdict::Pending => {}
            Verdict::Good { root } => self.verified(number, root.into()),
            Verdict::Again(keys) => {
                for key in keys {
                    self.receive_again(engine, number, key);
                }
            }
            Verdict::Hopeless => {
                self.fail(engine, now, number, Failure::Verify(Problem::HashMismatch));
            }
        }
    }

    fn again_or_fail(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        number: u64,
        key: u64,
        problem: Problem,
    ) {
        let hope = self.sets.get_mut(&number).is_some_and(|set| set.state.again(key));
        if hope {
            self.receive_again(engine, number, key);
        } else {
            self.fail(engine, now, number, Failure::Verify(problem));
        }
    }

    fn receive_again(&mut self, engine: &mut Engine, number: u64, key: u64) {
        let Some(set) = self.sets.get_mut(&number) else { return };
        let (remote, id, part) = (set.remote, set.state.id(), set.state.part(key));
        if let Some(part) = part {
            set.spool.forget(&part);
            if part.kind == PartKind::Manifest {
                set.plan = None;
            }
        }
        engine.restart(ObjectRef { sender: remote, key });
        self.tell(engine, remote, MemberState::Receiving, "");
        self.events.hint(Hint::ReceivedAgain { sender: remote, set: id });
    }

    pub(super) fn carve(&mut self, number: u64) {
        let Some(set) = self.sets.get_mut(&number) else { return };
        // A head that was hashed has a plan.
        let Some(plan) = set.plan.clone() else { return };
        set.carving = true;
        let task = CarveTask {
            set: number,
            sender: set.remote,
            id: set.state.id(),
            spool: Arc::clone(&set.spool),
            plan,
            overwrite: self.policy.overwrite,
            cancel: Arc::clone(&self.cancel),
            events: self.events.clone(),
            results: self.task_results.clone(),
        };
        self.check_workers.submit(move || task.run());
    }

    fn set_complete(&mut self, engine: &mut Engine, now: Timestamp, number: u64, before: u64) {
        let Some(set) = self.sets.remove(&number) else { return };
        let remote = set.remote;
        for key in set.state.keys() {
            engine.confirm(ObjectRef { sender: remote, key });
        }
        let settled = set.state.bytes_total();
        let (mut node, mut address) = (None, None);
        if let Some(sender) = self.senders.get_mut(&remote) {
            sender.owes_release = !self.policy.mute;
            sender.settled = sender.settled.saturating_add(settled);
            node = Some(sender.node);
            address = Some(sender.address);
        }
        let plan = set.plan.unwrap_or_default();
        let (bytes, elapsed) = (plan.bytes(), now.saturating_since(set.started));
        let directory = &self.policy.directory;
        let report = SetReport {
            sender: remote,
            node,
            address,
            set: Some(set.state.id()),
            root: set.root,
            files: plan.files().len() as u64,
            present: before,
            directories: plan.directories().len() as u64,
            bytes,
            paths: plan.files().iter().take(MAX_PATHS).map(|f| directory.join(&f.path)).collect(),
            elapsed,
            bits_per_second: rate(bytes, elapsed),
            loss: loss(engine, remote),
            nacks: engine.stats().nacks - set.nacks_before,
        };
        self.tell(engine, remote, MemberState::Complete, "");
        engine.report_now(remote, now);
        push_bounded(&mut self.complete, set.state.id(), MAX_REMEMBERED);
        self.keep_report(report.clone());
        self.bytes_complete = self.bytes_complete.saturating_add(bytes);
        self.end.completed(now, &set.state.content().to_string());
        self.begun.complete(set.state.content());
        // The temporary files go before anybody hears of it.
        set.spool.discard();
        drop(set.spool);
        self.drop_twins(engine, set.state.id());
        self.drop_gone(engine, now, set.state.content());
        self.events.send(ReceiveEvent::SetComplete(report));
    }

    /// Gives a set up: nothing more of it is asked for, what is here of it is kept unless it is wrong, its
    /// sender hears why.
    /// While another sender may still bring the same set, that is nobody's business.
    pub(super) fn fail(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        number: u64,
        failure: Failure,
    ) {
        let Some(set) = self.sets.remove(&number) else { return };
        engine.give_up(set.remote, set.state.keys());
        if let Some(sender) = self.senders.get_mut(&set.remote) {
            sender.settled = sender.settled.saturating_add(set.state.bytes_total());
        }
        let (remote, id, bytes) = (set.remote, set.state.id(), set.state.payload_size());
        let what = (id, set.state.content(), self.begun.knows(set.state.content()));
        let complete = self.end.is_complete(&set.state.content().to_string());
        if complete || matches!(failure, Failure::Verify(_)) {
            set.spool.discard();
        }
        let spool = set.spool;
        if self.is_under_way(id) {
            self.carve_verified(id);
        } else {
            self.note_failure(engine, now, remote, what, failure);
            tell_kept(&self.events, &spool, remote, id, bytes);
        }
        spool.release();
    }

    pub(super) fn note_failure(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        remote: SenderId,
        (id, content, known): (SetId, ContentId, bool),
        failure: Failure,
    ) {
        let problem = failure.problem().clone();
        self.tell(engine, remote, MemberState::Failed, &problem.to_string());
        engine.report_now(remote, now);
        self.end.failed(now, remote, (content.to_string(), known), failure);
        let failure = SetFailure::of_set(remote, id, problem);
        push_bounded(&mut self.failed, failure.clone(), MAX_REPORTS);
        self.events.send(ReceiveEvent::SetFailed(failure));
    }
}

/// Bits per second.
pub(super) fn rate(bytes: u64, elapsed: std::time::Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { bytes as f64 * 8.0 / seconds } else { 0.0 }
}
