//! The objects of a set on their way: what is taken, compared and checked, and what turns out wrong
//! or withdrawn.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use norm_core::Timestamp;
use norm_core::endpoint::ObjectRef;
use norm_core::fileset::{ContentError, ManifestHash, PartKind};
use norm_files::sink::{Compared, Comparison, Digests, Part, PlanError, Reading, SetError};
use norm_seal::HeardStatement;

use super::super::engine::Engine;
use super::super::failure::{Failure, damaged, not_placed, not_planned};
use super::super::policy::Aim;
use super::super::tasks::{Check, Planned, SetResult, WrittenPart};
use super::covering::Covered;
use super::{OpenedPart, SetJob, Step, Verdict, WrongParts, whole};
use crate::event::Problem;

impl SetJob {
    /// Stops wanting what its aim does not need.
    pub(in super::super) fn give_up_needless(&self, engine: &mut impl Engine) {
        let (summary, first) = (self.summary(), self.keys().start);
        if self.is_preview() {
            // The digest list is of no use when it comes last.
            let end = first + u64::from(summary.parts);
            engine.give_up(self.sender, first + u64::from(summary.first_extent())..end);
        }
    }

    /// Takes one of its objects, less what is here of it.
    ///
    /// # Errors
    /// Why it cannot be one of its objects.
    pub(in super::super) fn open(
        &mut self,
        engine: &mut impl Engine,
        opened: &OpenedPart,
        now: Timestamp,
    ) -> Result<(), SetError> {
        let OpenedPart { object, size, index, descriptor } = opened;
        let part = self.state.open(object.key, *index, descriptor, *size)?;
        self.give_up_needless(engine);
        if self.state.is_written(object.key) {
            // In another layout; it may be verified already.
            engine.accept_with(*object, &whole(part.size));
        } else {
            self.accept(engine, *object, &part, now);
        }
        Ok(())
    }

    fn accept(&mut self, engine: &mut impl Engine, object: ObjectRef, part: &Part, now: Timestamp) {
        match part.kind {
            PartKind::Payload if self.aim == Aim::Part && self.plan.is_none() => {
                self.waiting.push(object);
            }
            PartKind::Manifest if self.spool.take_manifest(part.size) => {
                engine.accept_with(object, &whole(part.size));
            }
            PartKind::Payload => {
                let (start, end) = (part.offset, part.offset + part.size);
                let unwanted = self.spool.unwanted();
                for (from, to) in unwanted.iter().flat_map(|set| set.overlaps(start, end)) {
                    engine.note_unwanted(object, from - start..to - start);
                }
                let held = self.spool.held(start, end);
                self.on_disk.accept(engine, object, part, &held);
                self.bound_requests(engine, object, part, now);
            }
            PartKind::Manifest | PartKind::DigestList => engine.accept(object),
        }
    }

    /// Has only that of an object asked for which is compared.
    fn bound_requests(
        &self,
        engine: &mut impl Engine,
        object: ObjectRef,
        part: &Part,
        now: Timestamp,
    ) {
        let end = match self.comparing.frontier().saturating_sub(part.offset) {
            end if end >= part.size => u64::MAX,
            end => end,
        };
        engine.ask_up_to(object, end, now);
    }

    /// Begins to compare it with the files that are there, when both lists are here and it is time
    /// to. Returns also what is set when that is to end.
    pub(in super::super) fn start_comparing(
        &mut self,
        overwrite: bool,
    ) -> Option<(Comparison, Arc<AtomicBool>)> {
        if !self.comparing.waits() {
            return None;
        }
        let (plan, digests) = self.plan.as_ref().zip(self.state.digests())?;
        let (spool, plan, digests) = (self.spool(), Arc::clone(plan), Arc::clone(digests));
        let comparison = Comparison::new(spool, plan, digests, overwrite);
        let stop = self.comparing.begin(comparison.chunks(), !overwrite);
        Some((comparison, stop))
    }

    /// Some of it was compared: says what is here, and what may be asked for.
    pub(in super::super) fn compared(
        &mut self,
        engine: &mut impl Engine,
        compared: &Compared,
        now: Timestamp,
    ) {
        let news = self.comparing.note(compared);
        for object in self.objects() {
            let part = self.state.part(object.key).filter(|part| part.kind == PartKind::Payload);
            let Some(part) = part else { continue };
            let end = part.offset + part.size;
            let within = |place: &Range<u64>| place.start.max(part.offset)..place.end.min(end);
            for place in compared.held.iter().map(within).filter(|place| !place.is_empty()) {
                self.on_disk.note(engine, object, &part, place);
            }
            if !within(&news).is_empty() {
                self.bound_requests(engine, object, &part, now);
            }
        }
    }

    /// Takes the objects that have waited for the manifest.
    pub(in super::super) fn accept_waiting(&mut self, engine: &mut impl Engine, now: Timestamp) {
        for object in std::mem::take(&mut self.waiting) {
            if let Some(part) = self.state.part(object.key) {
                self.accept(engine, object, &part, now);
            }
        }
    }

    /// Every block of the object with this key is written: what is to be read back.
    pub(in super::super) fn written(&mut self, key: u64) -> Option<WrittenPart> {
        let Part { kind, offset, size } = self.state.written(key)?;
        Some(match kind {
            PartKind::Manifest => self.check(Check::Manifest { key, size }),
            PartKind::DigestList if self.plan.is_none() => {
                // What is in holes is known from the manifest.
                self.early_list = Some((key, size));
                return None;
            }
            PartKind::DigestList => self.check(Check::DigestList { key, size }),
            PartKind::Payload => self.read_back(offset..offset + size, Reading::Whole),
        })
    }

    /// The digest list, if it came before the manifest, which is here now.
    pub(in super::super) fn take_early_list(&mut self) -> Option<WrittenPart> {
        let (key, size) = self.early_list.take()?;
        self.state.is_written(key).then(|| self.check(Check::DigestList { key, size }))
    }

    /// All of the payload, as far as it is here and not hashed.
    pub(in super::super) fn read_back_all(&mut self, which: Reading) -> WrittenPart {
        self.read_back(0..self.payload_size(), which)
    }

    fn read_back(&mut self, range: Range<u64>, which: Reading) -> WrittenPart {
        self.reading += 1;
        self.check(Check::Payload { range, which })
    }

    fn check(&self, check: Check) -> WrittenPart {
        WrittenPart {
            check,
            payload_size: self.payload_size(),
            list_size: self.summary().list_size,
            list_first: self.summary().list_first,
            spool: Arc::clone(&self.spool),
        }
    }

    /// Takes what came of a task.
    pub(in super::super) fn task_done(&mut self, now: Timestamp, result: SetResult) -> Step {
        self.progress.touch(now);
        match result {
            SetResult::Manifest { key, hash, plan } => self.manifest_read(key, hash, plan),
            SetResult::Payload { damaged } => {
                self.reading -= 1;
                for place in damaged {
                    self.spool.forget(place.start, place.end);
                    self.state.damaged(place);
                }
                Step::Judge
            }
            SetResult::DigestList { key, digests: Ok(digests) } => self.list_read(key, digests),
            SetResult::DigestList { key, digests: Err(error) } => Step::Again(key, damaged(error)),
            SetResult::Compared(compared) => Step::Compared(compared),
            SetResult::Previewed(preview, problem) => Step::Previewed(preview, problem),
            SetResult::Placed(Ok(placed)) => Step::Complete(placed),
            SetResult::Placed(Err(error)) => Step::Fail(Failure::local(not_placed(error))),
            // Files that get their names leave the directory.
            SetResult::Unsaved(_) if self.is_placing() => Step::Judge,
            SetResult::Unsaved(problem) | SetResult::Failed(problem) => {
                Step::Fail(Failure::local(problem))
            }
        }
    }

    /// Its sender has stated something of it. What is to be judged by that, if anything has waited.
    pub(in super::super) fn stated(&mut self, heard: &HeardStatement) -> Option<SetResult> {
        let (key, digests) = self.covering.note(heard)?;
        Some(SetResult::DigestList { key, digests: Ok(digests) })
    }

    fn list_read(&mut self, key: u64, digests: Arc<Digests>) -> Step {
        let announced = self.summary().content;
        let is_other = announced.is_some() && announced != digests.content();
        match self.covering.judge(key, &digests, announced.is_some()) {
            Covered::Yes if !is_other => {}
            Covered::NotYet => return Step::Judge,
            _ => return Step::Again(key, damaged(ContentError::ContentMismatch)),
        }
        if let Some(expected) = self.expect.filter(|_| self.expect != digests.content()) {
            let other = |found| Problem::OtherContent { expected, found };
            // Without some of its files it is not the expected content either.
            let problem = digests.content().map_or(Problem::Withdrawn, other);
            return Step::Fail(Failure::wrong(problem));
        }
        self.state.digests_parsed(key, digests);
        self.find_withdrawn();
        Step::Judge
    }

    fn manifest_read(
        &mut self,
        key: u64,
        hash: Option<ManifestHash>,
        plan: Result<Planned, PlanError>,
    ) -> Step {
        if hash.is_some_and(|hash| hash != self.manifest()) {
            return Step::Again(key, Problem::WrongManifest);
        }
        match plan {
            Ok(Planned { plan, present, unmatched }) => {
                self.state.manifest_checked(key);
                self.unwanted = plan.unwanted_ranges().iter().map(|(from, to)| to - from).sum();
                self.plan = Some(Arc::new(plan));
                self.find_withdrawn();
                Step::FilesKnown(present, unmatched)
            }
            Err(PlanError::Content(error)) => Step::Again(key, damaged(error)),
            Err(PlanError::NothingWanted) => Step::Fail(Failure::unwanted()),
            Err(error) => Step::Fail(Failure::local(not_planned(error))),
        }
    }

    /// What the checks so far say. What is wrong is wanted again from here on.
    pub(in super::super) fn verdict(&mut self) -> Verdict {
        if self.is_verified || self.is_preview() {
            return Verdict::Pending;
        }
        self.asks_later = false;
        let lists = self.plan.as_ref().zip(self.state.digests());
        if let Some((plan, digests)) = lists {
            let wrong = self.spool.judge(digests);
            for place in self.state.wrong(&wrong, plan.chunks(), &self.withdrawn) {
                self.spool.forget(place.start, place.end);
            }
        }
        let begun = self.state.wanted_again();
        let again = WrongParts { written: self.state.take_restarts(), begun };
        if again != WrongParts::default() {
            self.has_read_all = false;
            return Verdict::Again(again);
        }
        if !self.state.lists_are_checked() || self.reading > 0 {
            return Verdict::Pending;
        }
        if !self.spool.not_verified(|file| !self.is_awaited(file)).is_empty() {
            self.has_read_all = true;
            return Verdict::Unhashed;
        }
        if !self.covering.is_complete(self.state.digests()) {
            return Verdict::Pending;
        }
        self.is_verified = true;
        self.lost = self.lost();
        Verdict::Verified
    }

    /// True when a chunk turned out wrong since the last verdict, or what is wrong could not be
    /// asked for yet.
    pub(in super::super) fn is_wrong(&self) -> bool {
        self.spool.is_wrong() || self.asks_later
    }

    /// What was wrong of the object with this key was asked for, unless that is to be done later.
    pub(in super::super) fn asked_again(&mut self, key: u64, is_done: bool) {
        if is_done {
            self.state.asked_again(key);
        }
        self.asks_later |= !is_done;
    }

    /// Files of which something was wrong too often: where they were to be.
    pub(in super::super) fn failed_files(&self) -> Vec<PathBuf> {
        self.paths(&self.state.failed().difference(&self.lost).copied().collect())
    }

    /// True when the object with this key, which is wrong, may be received once more; then it is
    /// wanted again.
    pub(in super::super) fn again(&mut self, key: u64) -> bool {
        self.state.again(key)
    }

    /// Forgets a manifest or digest list that is received again.
    pub(in super::super) fn forget(&mut self, key: u64) {
        if let Some(part) = self.state.part(key) {
            self.spool.forget_list(part.size);
            if part.kind == PartKind::Manifest {
                self.plan = None;
            }
        }
    }

    /// The sender can no longer send these entries. False when that is no news.
    pub(in super::super) fn withdraw(&mut self, entries: &[Range<u32>]) -> bool {
        let is_news = !self.is_verified && self.withdrawn.note(entries, self.plan.as_deref());
        if is_news {
            self.find_stale();
        }
        is_news
    }

    /// Finds what is on disk of files that notices have named since this was called last.
    fn find_stale(&mut self) {
        let Self { plan: Some(plan), sender, state, withdrawn, on_disk, .. } = self else { return };
        for file in withdrawn.take_news().into_iter().flatten() {
            let place = plan.chunks().payload_of(file);
            let over = state.extents_over(place.clone());
            let objects = over.map(|(key, part)| (ObjectRef { sender: *sender, key }, part));
            on_disk.withdraw(place, objects);
        }
    }

    /// Has the engine make blocks without what is on disk of these.
    pub(in super::super) fn let_go(&mut self, engine: &mut impl Engine) {
        self.on_disk.let_go(engine);
    }

    /// Manifest or digest list have come: finds out which files are withdrawn.
    pub(super) fn find_withdrawn(&mut self) {
        let Some(plan) = &self.plan else { return };
        self.withdrawn.manifest_known(plan);
        if let Some(digests) = self.state.digests() {
            self.withdrawn.list_known(digests, plan);
        }
        self.find_stale();
    }

    /// True when a file of the set is to be right before the set can be.
    pub(super) fn is_awaited(&self, file: usize) -> bool {
        let is_lost = if self.has_read_all {
            self.withdrawn.contains(file)
        } else {
            // All of it may be here, and right.
            self.withdrawn.is_gone(file)
        };
        !is_lost && !self.state.failed().contains(&file) && self.is_wanted(file)
    }

    fn is_wanted(&self, file: usize) -> bool {
        self.plan.as_ref().is_none_or(|plan| plan.is_wanted(file))
    }

    /// Files that are withdrawn, and not here as they should be.
    pub(super) fn lost(&self) -> BTreeSet<usize> {
        let mut lost: BTreeSet<usize> = self.withdrawn.gone().collect();
        let chunks = self.plan.as_ref().map(|plan| plan.chunks());
        let wrong = self.spool.not_verified(|file| !self.withdrawn.is_told(file));
        let files = wrong.iter().filter_map(|&number| Some(chunks?.chunk(number)?.file));
        lost.extend(files);
        lost.retain(|&file| self.is_wanted(file));
        lost
    }

    /// Where the files were to be that are withdrawn and not here, once all else is verified.
    pub(in super::super) fn withdrawn_files(&self) -> Vec<PathBuf> {
        self.paths(&self.lost)
    }

    /// Where these files are to be, by their places among all, under each of their names.
    pub(super) fn paths(&self, files: &BTreeSet<usize>) -> Vec<PathBuf> {
        let Some(plan) = &self.plan else { return Vec::new() };
        let names = |&at: &usize| {
            let file = plan.file(at).map(|file| file.path);
            file.into_iter().chain(plan.names_of(at))
        };
        let directory = self.spool.directory();
        files.iter().flat_map(names).map(|path| directory.join(path)).collect()
    }
}
