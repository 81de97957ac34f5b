//! The standalone files of one sender.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::SenderId;
use norm_core::transfer::{FileContent, NodeId};
use norm_files::sink::{Parts, Placed, StandaloneFile};

use super::dry_run::NamedFiles;
use super::postponed::Postponed;
use crate::event::{MAX_PATHS, Problem, SetFailure, SetReport};
use crate::transfer::receive::session::engine::Engine;
use crate::transfer::receive::session::failure::Failure;
use crate::transfer::receive::session::progress::{Measure, Progress};
use crate::transfer::receive::session::summary::rate;

/// Failed files that are announced one by one; a sender may name any number.
const MAX_FAILURES_ANNOUNCED: u64 = 100;

/// The standalone files of one sender.
#[derive(Debug)]
pub(super) struct StandaloneSender {
    node: NodeId,
    /// Names of temporary files.
    parts: Arc<Parts>,
    /// Objects that are received later.
    pub(super) postponed: Postponed,
    /// In a dry run: what it has named.
    pub(super) named: NamedFiles,
    /// Files that are being received, by key.
    files: BTreeMap<u64, Arc<StandaloneFile>>,
    /// What is said of their content, where something is.
    contents: BTreeMap<u64, FileContent>,
    /// The first complete ones.
    paths: Vec<PathBuf>,
    complete: u64,
    /// Of these, those that were present before.
    present: u64,
    /// Bytes of the complete ones.
    bytes: u64,
    failed: u64,
    /// The weightiest one.
    failure: Option<Failure>,
    started: Timestamp,
    nacks_before: u64,
    progress: Progress,
}

impl StandaloneSender {
    /// A sender whose first file begins, when `nacks` requests were sent for others.
    pub(super) fn new(node: NodeId, directory: &Path, now: Timestamp, nacks: u64) -> Self {
        Self {
            node,
            parts: Arc::new(Parts::new(directory)),
            postponed: Postponed::default(),
            named: NamedFiles::default(),
            files: BTreeMap::new(),
            contents: BTreeMap::new(),
            paths: Vec::new(),
            complete: 0,
            present: 0,
            bytes: 0,
            failed: 0,
            failure: None,
            started: now,
            nacks_before: nacks,
            progress: Progress::new(now),
        }
    }

    /// The same, of which something came before it was known what it is.
    pub(super) fn begun_at(self, started: Timestamp) -> Self {
        Self { started, ..self }
    }

    /// Its node id.
    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    /// Names of temporary files, and what files take of which nothing is here yet.
    pub(super) fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    /// When its first file began.
    pub(super) fn started(&self) -> Timestamp {
        self.started
    }

    /// Bytes written, of complete files too.
    pub(super) fn bytes_written(&self) -> u64 {
        self.files.values().fold(self.bytes, |sum, file| sum.saturating_add(file.written()))
    }

    /// Bytes of the files known.
    pub(super) fn bytes_total(&self) -> u64 {
        self.files.values().fold(self.bytes, |sum, file| sum.saturating_add(file.size()))
    }

    /// How many files are complete, and of how many is known.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.complete, self.complete + self.files.len() as u64)
    }

    /// Where a file will be that is being received: the last one to begin of which something is
    /// here.
    pub(super) fn current(&self) -> Option<PathBuf> {
        let file = self.files.values().rev().find(|file| file.written() > 0)?;
        Some(file.target().to_owned())
    }

    /// True while files of it are being received, or are to be later.
    pub(super) fn is_receiving(&self) -> bool {
        !self.files.is_empty() || !self.postponed.is_empty()
    }

    /// True when files of it are complete.
    pub(super) fn has_complete(&self) -> bool {
        self.complete > 0
    }

    /// The file that the object with this key is, while it is being received.
    pub(super) fn file(&self, key: u64) -> Option<Arc<StandaloneFile>> {
        self.files.get(&key).cloned()
    }

    /// A file begins.
    pub(super) fn begin(
        &mut self,
        now: Timestamp,
        key: u64,
        file: StandaloneFile,
        content: FileContent,
    ) {
        self.progress.touch(now);
        if content != FileContent::default() {
            self.contents.insert(key, content);
        }
        self.files.insert(key, Arc::new(file));
    }

    /// What is said of the content of the file with this key.
    pub(super) fn content(&self, key: u64) -> FileContent {
        self.contents.get(&key).cloned().unwrap_or_default()
    }

    /// Takes a file out that is no longer received.
    pub(super) fn take(&mut self, key: u64) -> Option<Arc<StandaloneFile>> {
        self.contents.remove(&key);
        self.files.remove(&key)
    }

    /// Takes all files out that are no longer received, with their keys.
    pub(super) fn take_all(&mut self) -> BTreeMap<u64, Arc<StandaloneFile>> {
        std::mem::take(&mut self.files)
    }

    /// A file, which was taken out, has its name.
    pub(super) fn placed(&mut self, now: Timestamp, file: &StandaloneFile, placed: Placed) {
        self.progress.touch(now);
        self.complete += 1;
        self.present += u64::from(placed == Placed::Present);
        self.bytes = self.bytes.saturating_add(file.size());
        if self.paths.len() < MAX_PATHS {
            self.paths.push(file.target().to_owned());
        }
    }

    /// Nothing more comes of what was to be received later: it fails.
    pub(super) fn fail_postponed(&mut self, failure: &Failure) {
        let count = std::mem::take(&mut self.postponed).count();
        if count > 0 {
            self.note_failure(failure.clone());
            self.failed += count - 1;
        }
    }

    /// A file, which was taken out or never began, has failed. True when that is to be announced.
    pub(super) fn file_failed(&mut self, now: Timestamp, failure: Failure) -> bool {
        self.progress.touch(now);
        self.note_failure(failure);
        self.failed <= MAX_FAILURES_ANNOUNCED
    }

    /// Something has failed of which not even the name is known.
    pub(super) fn note_failure(&mut self, failure: Failure) {
        self.failed += 1;
        if self.failure.as_ref().is_none_or(|worst| worst.severity < failure.severity) {
            self.failure = Some(failure);
        }
    }

    /// Notes how far it is; `symbols` of it were kept so far.
    pub(super) fn note_progress(&mut self, now: Timestamp, symbols: u64) {
        let written = self.bytes_written();
        self.progress.note(now, Measure { symbols, written, position: None });
    }

    /// Something is tried once more.
    pub(super) fn touch(&mut self, now: Timestamp) {
        self.progress.touch(now);
    }

    /// For how long nothing has changed.
    pub(super) fn stalled_for(&self, now: Timestamp) -> Duration {
        self.progress.stalled_for(now)
    }

    /// When more of its files came last.
    pub(super) fn grown_at(&self) -> Timestamp {
        self.progress.grown_at()
    }

    /// The weightiest failure, if any.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// What is told of the failed ones, of which this is the weightiest problem.
    pub(super) fn failure_report(&self, sender: SenderId, problem: Problem) -> SetFailure {
        SetFailure::of_files(sender, self.failed, problem)
    }

    /// What is told of the complete ones.
    pub(super) fn report(&self, engine: &impl Engine, sender: SenderId) -> SetReport {
        // Not the time that it took to see that no more comes.
        let elapsed = self.progress.at().saturating_since(self.started);
        SetReport {
            node: Some(self.node),
            files: self.complete,
            present: self.present,
            bytes: self.bytes,
            paths: self.paths.clone(),
            elapsed,
            bits_per_second: rate(self.bytes, elapsed),
            loss: engine.source(sender).map_or(0.0, |source| source.loss),
            nacks: engine.stats().nacks - self.nacks_before,
            ..SetReport::new(sender)
        }
    }
}
