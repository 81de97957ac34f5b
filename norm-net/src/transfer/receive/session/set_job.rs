//! One file set, from its first packet to its last file.

mod arrival;
mod covering;
mod files;
mod on_disk;
mod opened;
mod report;
mod verdict;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::base::range_set::RangeSet;
use norm_core::endpoint::{ObjectRef, SenderId};
use norm_core::fileset::{ContentHash, ManifestHash, SetId, SetSummary};
use norm_core::transfer::MemberState;
use norm_files::sink::{Plan, SetState, Spool, WholeSet, WithdrawnFiles};

use super::comparing::Comparing;
use super::engine::Engine;
use super::notifier::{Notifier, SetRef};
use super::policy::Aim;
use super::progress::{Measure, Progress};
use super::tasks::{PreviewedSet, Target, VerifiedSet};
use crate::event::{Problem, ReceiveProgress, SetReport};
pub(super) use covering::Covering;
pub(super) use files::Placing;
use on_disk::OnDisk;
pub(super) use opened::OpenedPart;
pub(super) use verdict::{Step, Verdict, WrongParts};

/// How often it is written down what is there of a set.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);

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
    /// What its sender has stated of it.
    covering: Covering,
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
            covering: Covering::default(),
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

    /// The same of which only this content is wanted, if one is named.
    pub(super) fn expecting(self, expect: Option<ContentHash>) -> Self {
        Self { expect, ..self }
    }

    /// The same of which its sender has to state something, if that is needed.
    pub(super) fn with_covering(self, covering: Covering) -> Self {
        Self { covering, ..self }
    }

    /// What its sender has to state of it and has not, when that is all that is missing.
    pub(super) fn unproved(&self) -> Option<Problem> {
        let is_read = self.all_written() && self.reading == 0;
        self.covering.problem(self.state.digests()).filter(|_| is_read)
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

    /// Where the blocks of one of its objects go; `None` before it is opened.
    pub(super) fn target(&self, object: ObjectRef) -> Option<Target> {
        let part = self.state.part(object.key)?;
        Some(Target::Part(Arc::clone(&self.spool), part))
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
        if self.all_written() && self.unproved().is_none() {
            Duration::ZERO
        } else {
            self.progress.stalled_for(now)
        }
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
        report::of(self, engine, now, present)
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

/// All bytes of an object.
fn whole(size: u64) -> RangeSet {
    let mut all = RangeSet::new();
    all.insert(0, size);
    all
}
