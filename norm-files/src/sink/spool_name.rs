//! Names of spools that are in use: a content id, and a number to tell its spools apart.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use norm_core::fileset::{ManifestHash, TEMP_PREFIX};

/// The names in use in one directory by this session, and whether they are first ones.
#[derive(Clone, Debug, Default)]
pub struct NamesInUse(Arc<Mutex<BTreeMap<(ManifestHash, u32), bool>>>);

impl NamesInUse {
    /// Takes the first name of this content that is free, with this number or a higher one.
    pub fn take(&self, content: ManifestHash, from: u32, is_first: bool) -> SpoolName {
        let mut names = self.lock();
        let mut number = from;
        while let Entry::Occupied(_) = names.entry((content, number)) {
            number += 1;
        }
        names.insert((content, number), is_first);
        drop(names);
        SpoolName { content, number, is_first, in_use: self.clone() }
    }

    /// True when a first name of this content is in use.
    pub fn has_first(&self, content: ManifestHash) -> bool {
        let names = self.lock();
        let mut names = names.range((content, 0)..=(content, u32::MAX));
        names.any(|(_, &is_first)| is_first)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(ManifestHash, u32), bool>> {
        // Nothing in here panics halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name in use; free again when dropped.
#[derive(Debug)]
pub struct SpoolName {
    content: ManifestHash,
    /// 0 is not written.
    number: u32,
    /// What has it may be resumed.
    is_first: bool,
    in_use: NamesInUse,
}

impl SpoolName {
    /// What the files with this name are about.
    pub fn content(&self) -> ManifestHash {
        self.content
    }

    /// The number that tells the names of a content apart.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// True for the first spool of its content: what has this name may be resumed.
    pub fn is_first(&self) -> bool {
        self.is_first
    }
}

impl Drop for SpoolName {
    fn drop(&mut self) {
        self.in_use.lock().remove(&(self.content, self.number));
    }
}

impl fmt::Display for SpoolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => write!(f, "{TEMP_PREFIX}{}", self.content),
            number => write!(f, "{TEMP_PREFIX}{}-{number}", self.content),
        }
    }
}
