//! The temporary files of a set on its way, in the output directory.
//!
//! `.norm-<set>.head`, `.norm-<set>.payload` and `.norm-<set>.tail`: names that no received file can
//! have. They go when the [`Spool`] goes; only the payload may leave under a final name. When two
//! senders announce one set, the files of the second have a number behind the set's id.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use norm_core::content::{ObjectKind, SetId, TEMP_PREFIX};

use super::hashing::Hashes;
use super::{positioned, space};

/// One of the files.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum SpoolFile {
    Head,
    Payload,
    Tail,
}

impl From<ObjectKind> for SpoolFile {
    fn from(kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::Head => Self::Head,
            ObjectKind::Payload => Self::Payload,
            ObjectKind::Tail => Self::Tail,
        }
    }
}

/// The spools of a session: each has names of its own.
#[derive(Debug)]
pub(super) struct Spools {
    directory: PathBuf,
    taken: Taken,
}

impl Spools {
    /// Spools in this directory.
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), taken: Taken::default() }
    }

    /// Creates the files for a payload of this many bytes, in place of stale ones of the same set.
    ///
    /// # Errors
    /// When the directory cannot be written, has too little room, or another receiver is at work on
    /// the same set in it.
    pub(super) fn create(&self, set: SetId, payload: u64) -> io::Result<Spool> {
        Spool::create(&self.directory, Name::take(&self.taken, set), payload)
    }
}

/// Names in use: a set's id, and a number to tell its spools apart.
type Taken = Arc<Mutex<BTreeSet<(SetId, u32)>>>;

/// A name in use; free again when dropped.
#[derive(Debug)]
struct Name {
    set: SetId,
    number: u32,
    taken: Taken,
}

impl Name {
    fn take(taken: &Taken, set: SetId) -> Self {
        let mut names = lock_names(taken);
        let mut number = 0;
        while !names.insert((set, number)) {
            number += 1;
        }
        drop(names);
        Self { set, number, taken: Arc::clone(taken) }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        lock_names(&self.taken).remove(&(self.set, self.number));
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => write!(f, "{TEMP_PREFIX}{}", self.set),
            number => write!(f, "{TEMP_PREFIX}{}-{number}", self.set),
        }
    }
}

fn lock_names(taken: &Taken) -> MutexGuard<'_, BTreeSet<(SetId, u32)>> {
    // Nothing in here panics halfway.
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The files of one set, open for reading and writing; removed when dropped.
#[derive(Debug)]
pub(super) struct Spool {
    directory: PathBuf,
    /// Free again only after the files have gone.
    name: Name,
    head: File,
    payload: File,
    tail: File,
    /// Of the payload, as far as it is written in order.
    pub(super) hashes: Hashes,
    /// Content bytes written and not found wrong since.
    pub(super) written: AtomicU64,
    /// Bytes of the payload.
    size: u64,
}

/// Room is taken in such steps: nothing can be written while one is under way.
const STEP: u64 = 16 << 20;

impl Spool {
    fn create(directory: &Path, name: Name, payload: u64) -> io::Result<Self> {
        // The first one has taken the room. Only one of them can turn out to be right, and none may
        // be turned away because of another.
        let first = name.number == 0;
        if let Some(free) = space::free(directory)
            && first
            && free < payload
        {
            let free = format!("only {free} are free");
            let error = io::Error::new(io::ErrorKind::StorageFull, free);
            return Err(no_room(directory, payload, &error));
        }
        let path = |which| path(directory, &name, which);
        // The head's file carries the lock, so it is first.
        let head = fresh(&path(SpoolFile::Head))?;
        lock(&head)?;
        let rest = || Ok((fresh(&path(SpoolFile::Payload))?, fresh(&path(SpoolFile::Tail))?));
        let (payload_file, tail) = rest().inspect_err(|_: &io::Error| {
            let _ = fs::remove_file(path(SpoolFile::Payload));
            let _ = fs::remove_file(path(SpoolFile::Head));
        })?;
        let spool = Self {
            directory: directory.to_owned(),
            name,
            head,
            payload: payload_file,
            tail,
            hashes: Hashes::default(),
            written: AtomicU64::new(0),
            size: payload,
        };
        if !first {
            spool.payload.set_len(payload)?;
        }
        Ok(spool)
    }

    /// Takes the room for the payload, for as long as `wanted`. It takes a while, in which blocks can be
    /// written.
    ///
    /// # Errors
    /// When there is too little.
    pub(super) fn take_room(&self, wanted: impl Fn() -> bool) -> io::Result<()> {
        if self.name.number > 0 {
            return Ok(());
        }
        space::reserve_while(&self.payload, self.size, STEP, wanted)
            .map(|_| ())
            .map_err(|error| no_room(&self.directory, self.size, &error))
    }

    pub(super) fn set(&self) -> SetId {
        self.name.set
    }

    /// The temporary name of a file that is to get a final name beside this path.
    pub(super) fn part_beside(&self, target: &Path) -> PathBuf {
        target.with_file_name(format!("{}.part", self.name))
    }

    /// The directory that the spool is in: the output directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn file(&self, which: SpoolFile) -> &File {
        match which {
            SpoolFile::Head => &self.head,
            SpoolFile::Payload => &self.payload,
            SpoolFile::Tail => &self.tail,
        }
    }

    pub(super) fn path(&self, which: SpoolFile) -> PathBuf {
        path(&self.directory, &self.name, which)
    }

    /// Writes a block to its place, and counts it.
    pub(super) fn write(&self, which: SpoolFile, bytes: &[u8], offset: u64) -> io::Result<()> {
        positioned::write_all_at(self.file(which), bytes, offset)?;
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

fn no_room(directory: &Path, payload: u64, error: &io::Error) -> io::Error {
    let place = directory.display();
    io::Error::new(error.kind(), format!("{payload} bytes to come, but in {place} {error}"))
}

impl Drop for Spool {
    fn drop(&mut self) {
        for which in [SpoolFile::Payload, SpoolFile::Tail, SpoolFile::Head] {
            // Gone already when the payload became a file; else there is nobody left to tell.
            let _ = fs::remove_file(self.path(which));
        }
    }
}

fn path(directory: &Path, name: &Name, which: SpoolFile) -> PathBuf {
    let kind = match which {
        SpoolFile::Head => "head",
        SpoolFile::Payload => "payload",
        SpoolFile::Tail => "tail",
    };
    directory.join(format!("{name}.{kind}"))
}

/// A new empty file with this name, whatever was there before; never one reached through a link.
pub(super) fn fresh(path: &Path) -> io::Result<File> {
    if let Ok(there) = fs::symlink_metadata(path) {
        if there.is_file() {
            lock(&OpenOptions::new().write(true).open(path)?)?;
        }
        fs::remove_file(path)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    // What is not verified yet is nobody else's business.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another receiver is receiving the same set into this directory: give each its own",
        )),
        // Some file systems have no locks.
        Err(TryLockError::Error(_)) | Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: SetId = SetId([0xab; 16]);

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn blocks_go_to_their_place_in_any_order_and_nothing_is_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spools::new(dir.path()).create(SET, 10).unwrap();
        let prefix = format!(".norm-{}", "ab".repeat(16));
        let expected = ["head", "payload", "tail"].map(|kind| format!("{prefix}.{kind}"));
        assert_eq!(names(dir.path()), expected);
        spool.write(SpoolFile::Payload, b"56789", 5).unwrap();
        spool.write(SpoolFile::Payload, b"01234", 0).unwrap();
        spool.write(SpoolFile::Tail, b"tail", 0).unwrap();
        assert_eq!(spool.written.load(Ordering::Relaxed), 14);
        assert_eq!(fs::read(spool.path(SpoolFile::Payload)).unwrap(), b"0123456789");
        drop(spool);
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn stale_files_of_the_same_set_are_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(format!("{TEMP_PREFIX}{SET}.payload")), b"stale and long")
            .unwrap();
        let spool = Spools::new(dir.path()).create(SET, 3).unwrap();
        spool.take_room(|| true).unwrap();
        assert_eq!(fs::read(spool.path(SpoolFile::Payload)).unwrap(), [0; 3]);
    }

    #[test]
    #[cfg(unix)]
    fn a_link_in_place_of_a_spool_file_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let victim = dir.path().join("victim");
        fs::write(&victim, b"precious").unwrap();
        std::os::unix::fs::symlink(&victim, dir.path().join(format!("{TEMP_PREFIX}{SET}.payload")))
            .unwrap();
        let spool = Spools::new(dir.path()).create(SET, 4).unwrap();
        spool.write(SpoolFile::Payload, b"evil", 0).unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn two_receivers_do_not_share_the_files_of_a_set() {
        let dir = tempfile::tempdir().unwrap();
        let first = Spools::new(dir.path()).create(SET, 4).unwrap();
        let second = Spools::new(dir.path()).create(SET, 4).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::ResourceBusy);
        first.write(SpoolFile::Payload, b"mine", 0).unwrap();
        assert_eq!(fs::read(first.path(SpoolFile::Payload)).unwrap(), b"mine");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_payload_that_cannot_fit_is_refused_before_anything_is_created() {
        let dir = tempfile::tempdir().unwrap();
        let error = Spools::new(dir.path()).create(SET, u64::MAX).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(error.to_string().contains("18446744073709551615 bytes to come"), "{error}");
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn two_spools_of_one_set_are_apart_and_a_name_is_free_again_when_its_files_have_gone() {
        let dir = tempfile::tempdir().unwrap();
        let spools = Spools::new(dir.path());
        let first = spools.create(SET, 4).unwrap();
        let second = spools.create(SET, 4).unwrap();
        second.take_room(|| true).unwrap();
        first.write(SpoolFile::Payload, b"good", 0).unwrap();
        second.write(SpoolFile::Payload, b"evil", 0).unwrap();
        let target = dir.path().join("file");
        assert_ne!(first.part_beside(&target), second.part_beside(&target));
        let plain = first.path(SpoolFile::Payload);
        assert_eq!(fs::read(&plain).unwrap(), b"good");
        assert_eq!(fs::read(second.path(SpoolFile::Payload)).unwrap(), b"evil");
        drop(first);
        assert_eq!(names(dir.path()).len(), 3);
        assert_eq!(spools.create(SET, 4).unwrap().path(SpoolFile::Payload), plain);
    }
}
