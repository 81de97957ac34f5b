//! Names of spools that are in use: a content id, and a number to tell its spools apart.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use norm_core::fileset::{ContentId, TEMP_PREFIX};

/// The names in use in one directory by this session.
#[derive(Clone, Debug, Default)]
pub struct NamesInUse(Arc<Mutex<BTreeSet<(ContentId, u32)>>>);

impl NamesInUse {
    /// Takes the first name of this content that is free.
    pub fn take(&self, content: ContentId) -> SpoolName {
        let mut names = self.lock();
        let mut number = 0;
        while !names.insert((content, number)) {
            number += 1;
        }
        drop(names);
        SpoolName { content, number, in_use: self.clone() }
    }

    /// True when the first name of this content is in use.
    pub fn has_first(&self, content: ContentId) -> bool {
        self.lock().contains(&(content, 0))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<(ContentId, u32)>> {
        // Nothing in here panics halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name in use; free again when dropped.
#[derive(Debug)]
pub struct SpoolName {
    content: ContentId,
    /// 0 for the first.
    number: u32,
    in_use: NamesInUse,
}

impl SpoolName {
    /// What the files with this name are about.
    pub fn content(&self) -> ContentId {
        self.content
    }

    /// True for the first name of its content: what has it may be resumed.
    pub fn is_first(&self) -> bool {
        self.number == 0
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
