//! The spools of a session: which names they have, and which of them can be gone on with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use norm_core::fileset::{ContentId, TEMP_PREFIX};

use super::resume::{self, Names};
use super::spool::Spool;

/// The spools of a session: each has names of its own.
#[derive(Debug)]
pub struct Spools {
    directory: PathBuf,
    /// Goes on with what was kept, and keeps what is not finished.
    resume: bool,
    taken: Taken,
    /// The first spool of each content, while anybody holds it.
    live: BTreeMap<ContentId, Weak<Spool>>,
}

/// A spool, and what there was of it.
#[derive(Debug)]
pub struct Opened {
    /// The files.
    pub spool: Arc<Spool>,
    /// Why what was there is of no use.
    pub complaint: Option<&'static str>,
}

/// How long a spool that is being closed is waited for.
const CLOSING: Duration = Duration::from_millis(100);

impl Spools {
    /// Spools in this directory.
    pub fn new(directory: &Path, resume: bool) -> Self {
        let directory = directory.to_owned();
        Self { directory, resume, taken: Taken::default(), live: BTreeMap::new() }
    }

    /// The files for a payload of this many bytes: those of a set with the same content that was given up,
    /// if there are any, or new ones in place of stale ones.
    ///
    /// # Errors
    /// When the directory cannot be written, has too little room, or another receiver is at work on
    /// the same content in it.
    pub fn open(&mut self, content: ContentId, payload: u64) -> io::Result<Opened> {
        // Workers may have something of it in hand still.
        let given_up = self.live.get(&content).and_then(Weak::upgrade);
        if let Some(spool) = given_up.filter(|spool| spool.claim(payload)) {
            spool.begin_again();
            return Ok(Opened { spool, complaint: None });
        }
        self.live.retain(|_, spool| spool.strong_count() > 0);
        let closing =
            || !self.live.contains_key(&content) && lock_names(&self.taken).contains(&(content, 0));
        let since = Instant::now();
        while closing() && since.elapsed() < CLOSING {
            std::thread::sleep(Duration::from_millis(1));
        }
        let (spool, complaint) = self.make(content, payload)?;
        let spool = Arc::new(spool);
        if spool.is_first() {
            self.live.insert(content, Arc::downgrade(&spool));
        }
        Ok(Opened { spool, complaint })
    }

    fn make(&self, content: ContentId, payload: u64) -> io::Result<(Spool, Option<&'static str>)> {
        let mut name = Name::take(&self.taken, content);
        let names = Names::new(&self.directory, &name);
        if name.number == 0 && resume::is_of_other_size(&names, content, payload) {
            // What is kept is not to be lost by that.
            name = Name::take(&self.taken, content);
        }
        Spool::make(&self.directory, name, payload, self.resume)
    }

    /// [`open`](Self::open), without sharing it.
    /// A new spool, whatever is kept of the content.
    ///
    /// # Errors
    /// When the system refuses a file.
    pub fn create(&self, content: ContentId, payload: u64) -> io::Result<Spool> {
        self.make(content, payload).map(|(spool, _)| spool)
    }
}

/// Names in use: a content id, and a number to tell its spools apart.
type Taken = Arc<Mutex<BTreeSet<(ContentId, u32)>>>;

/// A name in use; free again when dropped.
#[derive(Debug)]
pub struct Name {
    pub content: ContentId,
    /// 0 for the first.
    pub number: u32,
    taken: Taken,
}

impl Name {
    fn take(taken: &Taken, content: ContentId) -> Self {
        let mut names = lock_names(taken);
        let mut number = 0;
        while !names.insert((content, number)) {
            number += 1;
        }
        drop(names);
        Self { content, number, taken: Arc::clone(taken) }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        lock_names(&self.taken).remove(&(self.content, self.number));
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => write!(f, "{TEMP_PREFIX}{}", self.content),
            number => write!(f, "{TEMP_PREFIX}{}-{number}", self.content),
        }
    }
}

fn lock_names(taken: &Taken) -> MutexGuard<'_, BTreeSet<(ContentId, u32)>> {
    // Nothing in here panics halfway.
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
