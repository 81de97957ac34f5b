//! The spools of a session: which names they have, and which of them can be resumed.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use norm_core::fileset::ManifestHash;

use super::resume::{self, ResumeProblem};
use super::spool::Spool;
use super::spool_files::SpoolNames;
use super::spool_name::NamesInUse;
use super::system;

/// The spools of a session: each has names of its own.
#[derive(Debug)]
pub struct Spools {
    directory: PathBuf,
    /// Of the directory, when the session began.
    device: Option<u64>,
    /// Uses resume data, and keeps what is not finished.
    resume: bool,
    in_use: NamesInUse,
    /// The first spool of each content, while it is in use.
    live: BTreeMap<ManifestHash, Weak<Spool>>,
}

/// A spool, and what there was of it.
#[derive(Debug)]
pub struct Opened {
    /// The files.
    pub spool: Arc<Spool>,
    /// Why the resume data that was there is of no use.
    pub problem: Option<ResumeProblem>,
}

/// Names that are tried for a spool.
const MAX_NAMES: usize = 5;
/// A spool that is being closed is waited for no longer than this.
const MAX_CLOSING: Duration = Duration::from_millis(100);

impl Spools {
    /// Spools in this directory, with resume data or without.
    pub fn new(directory: &Path, resume: bool) -> Self {
        let (directory, device) = (directory.to_owned(), device(directory).ok());
        Self { directory, device, resume, in_use: NamesInUse::default(), live: BTreeMap::new() }
    }

    /// The files for a payload of this many bytes: those of a set with the same content that was
    /// given up, if there are any, or new ones in place of stale ones.
    ///
    /// # Errors
    /// When the directory cannot be written, or another receiver is at work on the same content in
    /// it; [`io::ErrorKind::NotFound`] when it is gone, or no longer on the same file system.
    pub fn open(&mut self, content: ManifestHash, payload: u64) -> io::Result<Opened> {
        // Workers may still write to one that was given up.
        let given_up = self.live.get(&content).and_then(Weak::upgrade);
        if let Some(spool) = given_up.filter(|spool| spool.claim(payload)) {
            spool.begin_again();
            return Ok(Opened { spool, problem: None });
        }
        self.live.retain(|_, spool| spool.strong_count() > 0);
        let closing = || !self.live.contains_key(&content) && self.in_use.has_first(content);
        let since = Instant::now();
        while closing() && since.elapsed() < MAX_CLOSING {
            std::thread::sleep(Duration::from_millis(1));
        }
        let (spool, problem) = self.make(content, payload)?;
        let spool = Arc::new(spool);
        if spool.is_first() {
            self.live.insert(content, Arc::downgrade(&spool));
        }
        Ok(Opened { spool, problem })
    }

    /// A spool that is not shared: no later [`open`](Self::open) gets it.
    ///
    /// # Errors
    /// As of [`open`](Self::open).
    pub fn create(&self, content: ManifestHash, payload: u64) -> io::Result<Spool> {
        self.make(content, payload).map(|(spool, _)| spool)
    }

    fn make(
        &self,
        content: ManifestHash,
        payload: u64,
    ) -> io::Result<(Spool, Option<ResumeProblem>)> {
        // What is written to the place of something that was unmounted is on another disk.
        if device(&self.directory)? != self.device.unwrap_or_default() && self.device.is_some() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut is_first = !self.in_use.has_first(content);
        let mut number = 0;
        let mut refused = None;
        for _ in 0..MAX_NAMES {
            let name = self.in_use.take(content, number, is_first);
            number = name.number() + 1;
            let names = SpoolNames::new(&self.directory, &name);
            if is_first && resume::is_of_other_size(&names, content, payload) {
                // The resume data is not to be lost by that.
                is_first = false;
                continue;
            }
            match Spool::open(&self.directory, name, payload, self.resume) {
                // Files of another user, or such that the disk cannot read: others may do.
                Err(error) if is_about_files(&error) => drop(refused.get_or_insert(error)),
                opened => return opened,
            }
        }
        Err(refused.unwrap_or_else(|| io::ErrorKind::PermissionDenied.into()))
    }
}

/// The number of the file system of a directory; 0 where file systems have none.
#[cfg(unix)]
fn device(directory: &Path) -> io::Result<u64> {
    // Its name may be a link.
    let directory = system::open(OpenOptions::new().read(true), directory)?;
    system::stat(&directory).map(|there| std::os::unix::fs::MetadataExt::dev(&there))
}

#[cfg(not(unix))]
fn device(_directory: &Path) -> io::Result<u64> {
    Ok(0)
}

/// True for errors that other files in the same directory may not have.
fn is_about_files(error: &io::Error) -> bool {
    // EIO has no kind of its own.
    error.kind() == io::ErrorKind::PermissionDenied || error.raw_os_error() == Some(5)
}

#[cfg(test)]
mod tests;
