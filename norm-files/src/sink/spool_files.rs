//! The temporary files of a set: their names, and how they are opened.
//!
//! They are called `.norm-<manifest hash>.manifest`, `.payload`, `.digests`, `.chunks`, `.state`:
//! names that no received file can have. When two senders announce the same files, the temporary
//! files of the second have a number after the hash.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use norm_core::fileset::PartKind;

use super::output::Place;
use super::resume::{is_ours, is_ours_at};
use super::system::{self, FileKind};

/// The last components of the files' names.
const MANIFEST: &str = "manifest";
const PAYLOAD: &str = "payload";
const DIGESTS: &str = "digests";
const CHUNKS: &str = "chunks";
const STATE: &str = "state";
const NEW_STATE: &str = "state-new";

/// One of the files that hold content.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum SpoolFile {
    /// The manifest.
    Manifest,
    /// The payload, holes and all.
    Payload,
    /// The digest list.
    DigestList,
}

impl From<PartKind> for SpoolFile {
    fn from(kind: PartKind) -> Self {
        match kind {
            PartKind::Manifest => Self::Manifest,
            PartKind::Payload => Self::Payload,
            PartKind::DigestList => Self::DigestList,
        }
    }
}

/// The names of the files of one spool.
#[derive(Clone, Debug)]
pub struct SpoolNames {
    directory: PathBuf,
    stem: String,
}

impl SpoolNames {
    /// Names in `directory` that begin with `stem`.
    pub fn new(directory: &Path, stem: &impl fmt::Display) -> Self {
        Self { directory: directory.to_owned(), stem: stem.to_string() }
    }

    /// The stem of a name that is one of a spool's: what comes before the last dot.
    pub fn stem_of(name: &str) -> Option<&str> {
        let (stem, kind) = name.rsplit_once('.')?;
        matches!(kind, MANIFEST | PAYLOAD | DIGESTS | CHUNKS | STATE | NEW_STATE).then_some(stem)
    }

    /// A file that holds content.
    pub fn of(&self, which: SpoolFile) -> PathBuf {
        self.path(match which {
            SpoolFile::Manifest => MANIFEST,
            SpoolFile::Payload => PAYLOAD,
            SpoolFile::DigestList => DIGESTS,
        })
    }

    /// The manifest, whose file carries the lock on all of them.
    pub fn manifest(&self) -> PathBuf {
        self.of(SpoolFile::Manifest)
    }

    /// The payload.
    pub fn payload(&self) -> PathBuf {
        self.of(SpoolFile::Payload)
    }

    /// The digest list.
    pub fn digests(&self) -> PathBuf {
        self.of(SpoolFile::DigestList)
    }

    /// The hashes of chunks that are there, each in its place; zeros of others.
    pub fn chunks(&self) -> PathBuf {
        self.path(CHUNKS)
    }

    /// The file that says which bytes of the payload are there.
    pub fn state(&self) -> PathBuf {
        self.path(STATE)
    }

    /// A state that is being written.
    pub fn new_state(&self) -> PathBuf {
        self.path(NEW_STATE)
    }

    /// The temporary name of a file that a thread makes of this spool, wherever it will be; threads
    /// count from 0 to less than [`MAX_MAKERS`].
    pub fn part(&self, thread: usize) -> String {
        part_of_thread(&self.stem, thread)
    }

    /// All the files, the manifest last.
    pub fn all(&self) -> [PathBuf; 6] {
        let [state, new_state] = [self.state(), self.new_state()];
        [state, new_state, self.chunks(), self.payload(), self.digests(), self.manifest()]
    }

    /// Removes them all. The manifest, which carries the lock, is last.
    pub fn remove(&self) {
        for name in self.all() {
            // Those that are gone already are no failure, and others will be found again later.
            let _ = system::remove(&name);
        }
    }

    fn path(&self, kind: &str) -> PathBuf {
        self.directory.join(format!("{}.{kind}", self.stem))
    }
}

/// Threads that make files of a spool at once, at most.
pub const MAX_MAKERS: usize = 8;

/// The temporary name of a file that is made of the spool with this stem.
pub fn part_name(stem: &str) -> String {
    format!("{stem}.part")
}

/// All temporary names of files that are made of the spool with this stem.
pub fn part_names(stem: &str) -> impl Iterator<Item = String> {
    (0..MAX_MAKERS).map(move |thread| part_of_thread(stem, thread))
}

fn part_of_thread(stem: &str, thread: usize) -> String {
    if thread == 0 { part_name(stem) } else { format!("{stem}.part{thread}") }
}

/// A new empty file with this name, whatever was there before; never one reached through a link.
///
/// # Errors
/// What the system says.
pub fn create_new(path: &Path) -> io::Result<File> {
    make_new(path).map_err(|error| refused(path, error))
}

fn refused(path: &Path, error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let whose = "perhaps another user's, left by an earlier transfer: remove it";
            io::Error::new(error.kind(), format!("{}: {error} ({whose})", path.display()))
        }
        _ => error,
    }
}

fn make_new(path: &Path) -> io::Result<File> {
    if let Ok(there) = system::look(path) {
        if there.is_file() {
            if !is_ours(path, &there) {
                // Perhaps it can be removed, but it is not ours to remove.
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            lock(&system::open(OpenOptions::new().write(true), path)?)?;
        }
        system::remove(path)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    // Not for other users to read before it is verified.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    system::create(&options, path)
}

/// The same as [`create_new`], below the output directory.
///
/// # Errors
/// What the system says.
pub fn create_new_at(place: &Place) -> io::Result<File> {
    match place.create() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => return created,
    }
    remove_stale(place).and_then(|()| place.create()).map_err(|error| refused(&place.path(), error))
}

/// Removes what has a temporary name: a file of ours that no other receiver uses, or something that
/// is no file.
///
/// # Errors
/// What the system says; [`io::ErrorKind::PermissionDenied`] when it is not ours.
pub fn remove_stale(place: &Place) -> io::Result<()> {
    let Some(there) = place.look()? else { return Ok(()) };
    if there.kind == FileKind::File {
        let file = place.open_to_write()?;
        if !is_ours_at(place, &system::stat(&file)?) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        lock(&file)?;
    }
    place.remove()
}

/// Locks a file, as far as its file system has locks.
///
/// # Errors
/// [`io::ErrorKind::ResourceBusy`] when another receiver has locked it.
pub fn lock(file: &File) -> io::Result<()> {
    match system::try_lock(file) {
        Err(TryLockError::WouldBlock) => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another receiver is receiving the same set into this directory: give each its own",
        )),
        // Some file systems have no locks.
        Err(TryLockError::Error(_)) | Ok(()) => Ok(()),
    }
}
