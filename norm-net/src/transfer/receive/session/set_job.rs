//! One file set, from its first packet to its last file.

mod files;
mod on_disk;
mod withdrawn;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::base::range_set::RangeSet;
use norm_core::endpoint::{ObjectRef, SenderId};
use norm_core::fileset::{
    ContentError, ContentHash, ManifestHash, PartKind, SetDescriptor, SetId, SetSummary,
};
use norm_core::transfer::MemberState;
use norm_files::sink::{
    Compared, Comparison, Part, PlacedSet, Plan, PlanError, PresentFiles, Reading, SetError,
    SetPreview, SetState, Spool, WholeSet, WithdrawnFiles,
};

use super::comparing::Comparing;
use super::engine::Engine;
use super::failure::{Failure, damaged, not_placed, not_planned};
use super::notifier::{Notifier, SetRef};
use super::policy::Aim;
use super::progress::{Measure, Progress};
use super::summary::rate;
use super::tasks::{Check, Planned, PreviewedSet, SetResult, Target, VerifiedSet, WrittenPart};
use crate::event::{MAX_PATHS, Problem, ReceiveProgress, SetReport};
pub(super) use files::Placing;
use on_disk::OnDisk;

/// How often it is written down what is there of a set.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// An object that says that it is a part of a set.
#[derive(Copy, Clone, Debug)]
pub(super) struct OpenedPart {
    pub(super) object: ObjectRef,
    /// Its bytes.
    pub(super) size: u64,
    /// Its place in the set.
    pub(super) index: u32,
    /// The set, and what this part holds.
    pub(super) descriptor: SetDescriptor,
}

impl OpenedPart {
    /// The set and its sender.
    pub(super) fn name(&self) -> SetRef {
        SetRef { sender: self.object.sender, set: self.descriptor.set.set }
    }

    /// The set that it says it is a part of, of which nothing else is known.
    ///
    /// # Errors
    /// When it cannot be a part of a set.
    pub(super) fn new_state(&self) -> Result<SetState, SetError> {
        SetState::new(self.object.key, self.index, &self.descriptor)
    }
}

/// What to do after a task.
#[derive(Debug)]
pub(super) enum Step {
    /// The manifest is here and good. These files were present before, and these patterns of what
    /// is wanted match nothing.
    FilesKnown(Option<PresentFiles>, Vec<String>),
    /// A part was read back: see what all checks so far say.
    Judge,
    /// Some of it was compared with files that are there.
    Compared(Compared),
    /// The object with this key is wrong: receive it again, or fail for this reason.
    Again(u64, Problem),
    /// All files have their names.
    Complete(PlacedSet),
    /// It is known what would become of it, and why it would fail, if it would.
    Previewed(Box<SetPreview>, Option<Problem>),
    /// It has failed.
    Fail(Failure),
}

/// What the checks so far say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not everything is here and checked yet.
    Pending,
    /// Everything is written, and some of it is not hashed.
    Unhashed,
    /// All is right, but for files that were wrong too often.
    Verified,
    /// Something of objects is wrong and must be received again.
    Again(WrongParts),
}

/// What of a set must be received again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WrongParts {
    /// Objects that were written as a whole, by key.
    pub(super) written: Vec<u64>,
    /// Other objects, by key, and the places in them.
    pub(super) begun: Vec<(u64, Vec<Range<u64>>)>,
}

/// One set that is being received.
#[derive(Debug)]
pub(super) struct SetJob {
    sender: SenderId,
    state: SetState,
    spool: Arc<Spool>,
    /// What becomes of it, once the manifest is here.
    plan: Option<Arc<Plan>>,
    /// The only content that is wanted, if any is named.
    expect: Option<ContentHash>,
    aim: Aim,
    /// Objects of the payload that wait until it is known what of them is wanted.
    waiting: Vec<ObjectRef>,
    /// Bytes of the payload that are not wanted.
    unwanted: u64,
    /// The digest list, by key and size, that came before the manifest.
    early_list: Option<(u64, u64)>,
    /// Everything is verified, or has failed.
    is_verified: bool,
    /// What its sender can no longer send.
    withdrawn: WithdrawnFiles,
    /// What of it the engine need not receive.
    on_disk: OnDisk,
    /// All that is written was hashed since something was wrong.
    has_read_all: bool,
    /// Files that are withdrawn and not here, when everything else is verified.
    lost: BTreeSet<usize>,
    /// Something wrong is to be asked for as soon as the engine can.
    asks_later: bool,
    /// How far it is compared with files that are there.
    comparing: Comparing,
    /// Parts of the payload that are being read back.
    reading: u32,
    /// Its files are being placed: how far that is.
    placing: Option<Arc<Placing>>,
    started: Timestamp,
    next_save: Timestamp,
    nacks_before: u64,
    /// What its sender has heard of it.
    told: MemberState,
    progress: Progress,
}

impl SetJob {
    /// A set that begins, when `nacks` requests were sent for others.
    pub(super) fn new(
        sender: SenderId,
        state: SetState,
        spool: Arc<Spool>,
        now: Timestamp,
        nacks: u64,
    ) -> Self {
        let summary = state.summary();
        let comparing = Comparing::new(summary.list_first, summary.payload_size);
        Self {
            sender,
            state,
            spool,
            plan: None,
            expect: None,
            aim: Aim::All,
            waiting: Vec::new(),
            unwanted: 0,
            early_list: None,
            is_verified: false,
            withdrawn: WithdrawnFiles::default(),
            on_disk: OnDisk::default(),
            has_read_all: false,
            lost: BTreeSet::new(),
            asks_later: false,
            comparing,
            reading: 0,
            placing: None,
            started: now,
            next_save: now,
            nacks_before: nacks,
            told: MemberState::Receiving,
            progress: Progress::new(now),
        }
    }

    /// The same with another aim. Where only a part is wanted, nothing of the payload is asked for
    /// or written until the manifest says which.
    pub(super) fn with_aim(self, aim: Aim) -> Self {
        Self { aim, ..self }
    }

    /// The same, of which something came before it was known what it is.
    pub(super) fn begun_at(self, started: Timestamp) -> Self {
        Self { started, ..self }
    }

    /// True when it is only said what would become of it.
    pub(super) fn is_preview(&self) -> bool {
        self.aim == Aim::Preview
    }

    /// Stops wanting what its aim does not need.
    pub(super) fn give_up_needless(&self, engine: &mut impl Engine) {
        let (summary, first) = (self.summary(), self.keys().start);
        if self.is_preview() {
            // The digest list is of no use when it comes last.
            let end = first + u64::from(summary.parts);
            engine.give_up(self.sender, first + u64::from(summary.first_extent())..end);
        }
    }

    /// The same of which only this content is wanted, if one is named.
    pub(super) fn expecting(self, expect: Option<ContentHash>) -> Self {
        Self { expect, ..self }
    }

    /// Its sender.
    pub(super) fn sender(&self) -> SenderId {
        self.sender
    }

    /// The set.
    pub(super) fn id(&self) -> SetId {
        self.state.id()
    }

    /// The set and its sender.
    pub(super) fn name(&self) -> SetRef {
        SetRef { sender: self.sender, set: self.id() }
    }

    /// What it is about.
    pub(super) fn manifest(&self) -> ManifestHash {
        self.state.manifest()
    }

    /// What its sender says of it.
    pub(super) fn summary(&self) -> &SetSummary {
        self.state.summary()
    }

    /// The keys of its objects.
    pub(super) fn keys(&self) -> Range<u64> {
        self.state.keys()
    }

    /// Its objects.
    pub(super) fn objects(&self) -> impl Iterator<Item = ObjectRef> + use<> {
        let sender = self.sender;
        self.state.keys().map(move |key| ObjectRef { sender, key })
    }

    /// True when an object is one of its.
    pub(super) fn owns(&self, object: ObjectRef) -> bool {
        self.sender == object.sender && self.state.owns(object.key)
    }

    /// True when it has objects in common with another set of the same sender.
    pub(super) fn overlaps(&self, sender: SenderId, other: &SetState) -> bool {
        let (ours, theirs) = (self.state.keys(), other.keys());
        self.sender == sender && ours.start < theirs.end && theirs.start < ours.end
    }

    /// Its objects have other keys from now on, the first of them this one.
    pub(super) fn move_to(&mut self, first: u64) {
        self.state.move_to(first);
    }

    /// Bytes of its files.
    pub(super) fn payload_size(&self) -> u64 {
        self.state.payload_size()
    }

    /// Bytes of all its objects that are wanted, as far as known.
    pub(super) fn bytes_total(&self) -> u64 {
        self.state.bytes_total().saturating_sub(self.unwanted)
    }

    /// Bytes of its objects that are written.
    pub(super) fn bytes_written(&self) -> u64 {
        self.spool.written()
    }

    /// Its files.
    pub(super) fn spool(&self) -> Arc<Spool> {
        Arc::clone(&self.spool)
    }

    /// True when every object is written.
    pub(super) fn all_written(&self) -> bool {
        self.state.all_written()
    }

    /// What becomes of it, once the manifest is here.
    pub(super) fn plan(&self) -> Option<&Plan> {
        self.plan.as_deref()
    }

    /// True when everything of it is verified.
    pub(super) fn is_verified(&self) -> bool {
        self.is_verified
    }

    /// True while its files are being placed.
    pub(super) fn is_placing(&self) -> bool {
        self.placing.is_some()
    }

    /// Takes one of its objects, less what is here of it.
    ///
    /// # Errors
    /// Why it cannot be one of its objects.
    pub(super) fn open(
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
    pub(super) fn start_comparing(
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
    pub(super) fn compared(
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
    pub(super) fn accept_waiting(&mut self, engine: &mut impl Engine, now: Timestamp) {
        for object in std::mem::take(&mut self.waiting) {
            if let Some(part) = self.state.part(object.key) {
                self.accept(engine, object, &part, now);
            }
        }
    }

    /// Where the blocks of one of its objects go; `None` before it is opened.
    pub(super) fn target(&self, object: ObjectRef) -> Option<Target> {
        let part = self.state.part(object.key)?;
        Some(Target::Part(Arc::clone(&self.spool), part))
    }

    /// Every block of the object with this key is written: what is to be read back.
    pub(super) fn written(&mut self, key: u64) -> Option<WrittenPart> {
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
    pub(super) fn take_early_list(&mut self) -> Option<WrittenPart> {
        let (key, size) = self.early_list.take()?;
        self.state.is_written(key).then(|| self.check(Check::DigestList { key, size }))
    }

    /// All of the payload, as far as it is here and not hashed.
    pub(super) fn read_back_all(&mut self, which: Reading) -> WrittenPart {
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
    pub(super) fn task_done(&mut self, now: Timestamp, result: SetResult) -> Step {
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
            SetResult::DigestList { key, digests: Ok(digests) } => {
                let announced = self.summary().content;
                if announced.is_some() && announced != digests.content() {
                    return Step::Again(key, damaged(ContentError::ContentMismatch));
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
    pub(super) fn verdict(&mut self) -> Verdict {
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
        self.is_verified = true;
        self.lost = self.lost();
        Verdict::Verified
    }

    /// True when a chunk turned out wrong since the last verdict, or what is wrong could not be
    /// asked for yet.
    pub(super) fn is_wrong(&self) -> bool {
        self.spool.is_wrong() || self.asks_later
    }

    /// What was wrong of the object with this key was asked for, unless that is to be done later.
    pub(super) fn asked_again(&mut self, key: u64, is_done: bool) {
        if is_done {
            self.state.asked_again(key);
        }
        self.asks_later |= !is_done;
    }

    /// Files of which something was wrong too often: where they were to be.
    pub(super) fn failed_files(&self) -> Vec<PathBuf> {
        self.paths(&self.state.failed().difference(&self.lost).copied().collect())
    }

    /// True when the object with this key, which is wrong, may be received once more; then it is
    /// wanted again.
    pub(super) fn again(&mut self, key: u64) -> bool {
        self.state.again(key)
    }

    /// Forgets a manifest or digest list that is received again.
    pub(super) fn forget(&mut self, key: u64) {
        if let Some(part) = self.state.part(key) {
            self.spool.forget_list(part.size);
            if part.kind == PartKind::Manifest {
                self.plan = None;
            }
        }
    }

    /// What its files would become, if it is to be said and all lists are here that come before the
    /// payload.
    pub(super) fn preview(&self) -> Option<PreviewedSet> {
        let plan = self.plan.as_ref().filter(|_| self.is_preview())?;
        let digests = self.state.digests().cloned();
        let is_known = digests.is_some() || !self.summary().list_first;
        is_known.then(|| PreviewedSet { plan: Arc::clone(plan), digests })
    }

    /// Begins to place the files of this verified set; `None` while there is no manifest.
    pub(super) fn start_placing(&mut self) -> Option<VerifiedSet> {
        let plan = Arc::clone(self.plan.as_ref()?);
        let placing = Arc::clone(self.placing.insert(Arc::default()));
        let failed: BTreeSet<usize> = self.state.failed().union(&self.lost).copied().collect();
        let content = self.state.digests().and_then(|digests| digests.content());
        let whole = content.map(|content| WholeSet {
            content,
            manifest_len: self.summary().manifest_size,
            list_len: self.summary().list_size,
        });
        let whole = whole.filter(|_| failed.is_empty() && plan.unwanted_files() == 0);
        let (name, spool) = (self.name(), Arc::clone(&self.spool));
        Some(VerifiedSet { name, spool, plan, failed, whole, placing })
    }

    /// Notes how far it is.
    pub(super) fn note_progress(&mut self, engine: &impl Engine, now: Timestamp, waits: bool) {
        let source = engine.source(self.sender);
        let measure = Measure {
            symbols: engine.store().symbols(self.sender),
            written: self.spool.written(),
            position: source.map(|source| source.position),
        };
        self.progress.note(now, measure);
        let waits = waits || self.comparing.is_running();
        if waits || source.is_some_and(|source| source.is_paused) {
            // Its sender has said so: nothing more is to come yet; or the disk has to take first
            // what is here, or to be read.
            self.progress.touch(now);
        }
    }

    /// What its sender is to hear of it now, if that is news: `disk` when the disk takes less than
    /// arrives.
    pub(super) fn news(&mut self, disk: bool) -> Option<MemberState> {
        let digests = self.summary().list_size;
        let state = match () {
            () if self.plan.is_some() && self.spool.has_all(digests) => MemberState::Verifying,
            () if self.comparing.is_running() => MemberState::Comparing,
            () if disk => MemberState::Writing,
            () => MemberState::Receiving,
        };
        let before = std::mem::replace(&mut self.told, state);
        (before != state && !self.all_written()).then_some(state)
    }

    /// For how long nothing more has come of what is missing.
    pub(super) fn stalled_for(&self, now: Timestamp) -> Duration {
        // Workers that check and place need their time, however long.
        if self.all_written() { Duration::ZERO } else { self.progress.stalled_for(now) }
    }

    /// When more of it came last.
    pub(super) fn grown_at(&self) -> Timestamp {
        self.progress.grown_at()
    }

    /// Adds how far it is.
    pub(super) fn add_progress(&self, engine: &impl Engine, progress: &mut ReceiveProgress) {
        progress.bytes_done += self.spool.written();
        progress.bytes_waiting += engine.store().waiting(self.sender);
        progress.bytes_total = progress.bytes_total.saturating_add(self.bytes_total());
        progress.loss = progress.loss.max(self.loss(engine));
        let (done, chunks) = self.comparing.progress().unwrap_or_default();
        progress.chunks_compared += u64::from(done);
        progress.chunks_to_compare += u64::from(chunks);
        if let Some(plan) = &self.plan {
            files::add(progress, &self.spool, plan, self.placing.as_deref());
        }
    }

    /// Share of its sender's packets that were lost of late, 0 to 1.
    fn loss(&self, engine: &impl Engine) -> f64 {
        engine.source(self.sender).map_or(0.0, |source| source.loss)
    }

    /// The spool, when it is time to write down what is there.
    pub(super) fn save_due(&mut self, now: Timestamp) -> Option<Arc<Spool>> {
        if now < self.next_save || !self.spool.is_unsaved() {
            return None;
        }
        self.next_save = now + SAVE_INTERVAL;
        Some(Arc::clone(&self.spool))
    }

    /// What is told of it when it is complete, with this many files present before.
    pub(super) fn report(&self, engine: &impl Engine, now: Timestamp, present: u64) -> SetReport {
        let elapsed = now.saturating_since(self.started);
        let mut report = SetReport {
            set: Some(self.id()),
            content: self.state.digests().and_then(|digests| digests.content()),
            present,
            elapsed,
            loss: self.loss(engine),
            nacks: engine.stats().nacks - self.nacks_before,
            ..SetReport::new(self.sender)
        };
        // There is a plan, or nothing could have been placed.
        if let Some(plan) = &self.plan {
            let directory = self.spool.directory();
            let here = || plan.wanted_places().filter(|at| !self.lost.contains(at));
            let named = || here().take(MAX_PATHS);
            let path = |at| Some(directory.join(plan.file(at)?.path));
            report.paths = named().filter_map(path).collect();
            report.hashes = named().filter_map(|at| self.spool.file_hash(at)).collect();
            report.unwanted = plan.unwanted_files();
            let lost_names = self.lost.iter().map(|&file| plan.name_range(file).len() as u64);
            let lost = self.lost.len() as u64 + lost_names.sum::<u64>();
            let files = (plan.file_count() + plan.name_count()) as u64;
            report.files = files - report.unwanted - lost;
            report.withdrawn_files = lost;
            report.links = plan.link_count() as u64;
            report.left_out = plan.left_out().into();
            report.directories = plan.directory_count() as u64;
            report.bytes = here().map(|at| bytes_of(plan, at)).sum();
        }
        if !self.lost.is_empty() {
            report.content = None;
            report.withdrawn = self.withdrawn_files();
            report.withdrawn.truncate(MAX_PATHS);
        }
        if report.unwanted > 0 {
            // It names more than what is here.
            report.content = None;
        }
        report.bits_per_second = rate(report.bytes, elapsed);
        report
    }

    /// Says what of it stays for later sessions, if anything does.
    pub(super) fn tell_resumable(&self, events: &Notifier) {
        if let Some(bytes) = self.spool.resumable() {
            events.resume_data_kept(self.name(), bytes, self.payload_size());
        }
    }

    /// Nothing of it is to stay for later sessions.
    pub(super) fn make_worthless(&self) {
        self.spool.discard();
    }

    /// It is over, and nothing of it stays.
    pub(super) fn discard(self) {
        self.make_worthless();
    }

    /// It is over; what is there of it may be claimed by another sender of the same files, or stays
    /// for later sessions.
    pub(super) fn release(self) {
        self.spool.release();
    }
}

/// Bytes in the payload of the file with this place among all.
fn bytes_of(plan: &Plan, file: usize) -> u64 {
    let Range { start, end } = plan.chunks().payload_of(file);
    end - start
}

/// All bytes of an object.
fn whole(size: u64) -> RangeSet {
    let mut all = RangeSet::new();
    all.insert(0, size);
    all
}
