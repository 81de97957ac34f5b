//! The sets that a service has.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use norm_core::fileset::ContentHash;
use norm_files::complete::CompleteSet;

use crate::protocol::bitmap::Bitmap;
use crate::protocol::catalogue::ListedSet;

/// Sets to be served. Copies share them.
#[derive(Clone, Debug, Default)]
pub struct Sets(Arc<RwLock<Vec<Arc<ServedSet>>>>);

/// A set, and which of its chunks are still as they were.
#[derive(Debug)]
pub(super) struct ServedSet {
    pub(super) set: CompleteSet,
    have: Mutex<Bitmap>,
}

impl Sets {
    /// Adds a set, in place of one with the same content.
    pub fn add(&self, set: CompleteSet) {
        let have = Mutex::new(Bitmap::full(set.chunks().chunks()));
        // Nothing in here panics halfway.
        let mut sets = self.0.write().unwrap_or_else(PoisonError::into_inner);
        sets.retain(|other| other.set.content() != set.content());
        sets.push(Arc::new(ServedSet { set, have }));
    }

    /// Serves a set no longer.
    pub fn remove(&self, content: ContentHash) {
        let mut sets = self.0.write().unwrap_or_else(PoisonError::into_inner);
        sets.retain(|set| set.set.content() != content);
    }

    /// The set with this content.
    pub(super) fn get(&self, content: ContentHash) -> Option<Arc<ServedSet>> {
        let sets = self.0.read().unwrap_or_else(PoisonError::into_inner);
        sets.iter().find(|set| set.set.content() == content).map(Arc::clone)
    }

    /// What is told of all of them.
    pub(super) fn list(&self) -> Vec<ListedSet> {
        let sets = self.0.read().unwrap_or_else(PoisonError::into_inner);
        sets.iter().map(|set| set.listed()).collect()
    }
}

impl ServedSet {
    /// Which chunks are here.
    pub(super) fn have(&self) -> MutexGuard<'_, Bitmap> {
        // Nothing in here panics halfway.
        self.have.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listed(&self) -> ListedSet {
        let set = &self.set;
        ListedSet {
            content: set.content().to_string(),
            bytes: set.chunks().payload_size(),
            chunks: set.chunks().chunks(),
            chunks_here: self.have().count(),
            manifest_bytes: set.manifest().len() as u64,
            digests_bytes: set.list().len() as u64,
        }
    }
}
