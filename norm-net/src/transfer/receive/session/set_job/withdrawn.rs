//! Files that the sender of a set has withdrawn.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use norm_core::endpoint::ObjectRef;

use super::super::engine::Engine;
use super::SetJob;

impl SetJob {
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
