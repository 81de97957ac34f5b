//! Names of the temporary files of standalone files, and what killed runs have left of them.
//!
//! All of them lie in the output directory itself, whatever folders their files belong to, and are
//! called `.norm-parts-<n>-<m>.part`. A session takes the first `n` that is free, and locks
//! `.norm-parts-<n>.lock` for as long as it runs. What has a number whose file is not locked is of
//! a run that was killed: nothing tells how much of it is right, so it goes.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use norm_core::fileset::TEMP_PREFIX;

use crate::sink::output::{OpenDirectory, Place};
use crate::sink::resume::is_ours_at;
use crate::sink::spool_files::part_name;
use crate::sink::system;

/// Sessions in one directory at once, at most.
const MAX_SESSIONS: u32 = 1_000;

/// Hands out names in an output directory. They are taken, with the lock, when the first one is
/// asked for, and given back with the last user.
#[derive(Debug)]
pub struct Parts {
    directory: PathBuf,
    taken: Mutex<Option<Taken>>,
    /// Bytes of memory that files take of which nothing is on the disk yet.
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct Taken {
    stem: String,
    /// Names handed out so far.
    count: u64,
    lock: Place,
    /// Held so that no other session takes the names.
    _locked: File,
}

impl Parts {
    /// Names in this directory.
    pub fn new(directory: &Path) -> Self {
        let (taken, waiting) = (Mutex::new(None), AtomicUsize::new(0));
        Self { directory: directory.to_owned(), taken, waiting }
    }

    /// Bytes of memory, about, that its files take of which nothing is on the disk yet.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A file of as many bytes waits.
    pub(super) fn begin_waiting(&self, bytes: usize) {
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It waits no longer.
    pub(super) fn end_waiting(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The output directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The next name.
    ///
    /// # Errors
    /// What the system says.
    pub fn next(&self) -> io::Result<String> {
        let mut taken = self.lock();
        let mine = match taken.take() {
            Some(mine) => mine,
            None => take(&self.directory)?,
        };
        let mine = taken.insert(mine);
        mine.count += 1;
        Ok(part_name(&format!("{}-{}", mine.stem, mine.count)))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Taken>> {
        // Nothing in here panics halfway.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if let Some(taken) = self.lock().take() {
            // What stays goes with the next session.
            let _ = taken.lock.remove();
        }
    }
}

/// Takes the first names that no session has.
fn take(directory: &Path) -> io::Result<Taken> {
    let root = OpenDirectory::root(directory)?;
    for number in 0..MAX_SESSIONS {
        let stem = stem(number);
        let lock = root.place(OsStr::new(&lock_name(&stem)));
        let locked = match lock.create() {
            Ok(made) => claim(&lock, made, true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => reopen(&lock),
            Err(error) => return Err(error),
        };
        if let Some(locked) = locked {
            remove_parts(&root, &stem);
            return Ok(Taken { stem, count: 0, lock, _locked: locked });
        }
    }
    Err(io::Error::other("too many receivers use this directory: give each its own"))
}

/// Opens and locks the file of a run that was killed; `None` when it is one that is at work, or is
/// not ours.
fn reopen(lock: &Place) -> Option<File> {
    let file = lock.open_to_write().ok()?;
    let there = system::stat(&file).ok()?;
    if !there.is_file() || !is_ours_at(lock, &there) {
        return None;
    }
    claim(lock, file, false)
}

/// Locks a file, unless another session has, or has removed it meanwhile. One of a file system
/// without locks is only taken by the session that has made it.
fn claim(lock: &Place, file: File, is_new: bool) -> Option<File> {
    let is_locked = match system::try_lock(&file) {
        Ok(()) => true,
        Err(std::fs::TryLockError::WouldBlock) => false,
        Err(std::fs::TryLockError::Error(_)) => is_new,
    };
    (is_locked && lock.is_file(&file).unwrap_or(false)).then_some(file)
}

/// Removes what runs that were killed have left in this directory.
pub fn sweep_parts(directory: &Path) {
    let Ok(root) = OpenDirectory::root(directory) else { return };
    for name in names(directory) {
        let Some(stem) = name.strip_suffix(LOCK).filter(|stem| number_of(stem).is_some()) else {
            continue;
        };
        let lock = root.place(OsStr::new(&name));
        if let Some(_locked) = reopen(&lock) {
            remove_parts(&root, stem);
            // Last, so that what stays is found again.
            let _ = lock.remove();
        }
    }
}

/// Removes the temporary files with this stem, whose lock we have.
fn remove_parts(root: &OpenDirectory, stem: &str) {
    for name in names(root.path()).filter(|name| is_part(name, stem)) {
        let place = root.place(OsStr::new(&name));
        let file = place.open_to_write().and_then(|file| system::stat(&file));
        if file.is_ok_and(|there| there.is_file() && is_ours_at(&place, &there)) {
            // One that cannot be removed takes room, and does no other harm.
            let _ = place.remove();
        }
    }
}

const LOCK: &str = ".lock";

fn stem(number: u32) -> String {
    format!("{TEMP_PREFIX}parts-{number}")
}

fn lock_name(stem: &str) -> String {
    format!("{stem}{LOCK}")
}

/// The number of a stem, as [`stem`] writes it.
fn number_of(stem: &str) -> Option<u32> {
    let number = stem.strip_prefix(TEMP_PREFIX)?.strip_prefix("parts-")?;
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| is_plain)
}

/// True of the names that [`Parts::next`] makes with this stem, and of second ones beside them.
fn is_part(name: &str, stem: &str) -> bool {
    let rest = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-'));
    let Some((number, end)) = rest.and_then(|rest| rest.split_once('.')) else { return false };
    !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && matches!(end, "part" | "part1")
}

fn names(directory: &Path) -> impl Iterator<Item = String> {
    let entries = system::list(directory).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn left(dir: &Path) -> Vec<String> {
        let mut left: Vec<String> = names(dir).collect();
        left.sort();
        left
    }

    #[test]
    fn names_are_of_one_session_and_go_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (Parts::new(dir.path()), Parts::new(dir.path()));
        assert_eq!(left(dir.path()).len(), 0, "nothing is made before it is needed");
        let name = || one.next().unwrap();
        assert_eq!([name(), name()], [".norm-parts-0-1.part", ".norm-parts-0-2.part"]);
        assert_eq!(other.next().unwrap(), ".norm-parts-1-1.part");
        drop(one);
        assert_eq!(left(dir.path()), [".norm-parts-1.lock"]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_a_killed_run_has_left_goes_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let at_work = Parts::new(dir.path());
        at_work.next().unwrap();
        let others = [
            ".norm-parts-0-1.part",
            ".norm-parts-2-.part",
            ".norm-parts-2-x.part",
            ".norm-parts-2-1.part.txt",
            ".norm-parts-3-1.part",
            ".norm-parts-+2.lock",
            "file",
        ];
        let stale = [".norm-parts-2.lock", ".norm-parts-2-1.part", ".norm-parts-2-17.part1"];
        for name in others.iter().chain(&stale) {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink("file", dir.path().join(".norm-parts-2-5.part")).unwrap();
        sweep_parts(dir.path());
        let mut expected = others.to_vec();
        expected.extend([".norm-parts-0.lock", ".norm-parts-2-5.part"]);
        expected.sort_unstable();
        assert_eq!(left(dir.path()), expected);
        assert!(dir.path().join("file").exists(), "no link is followed");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn number_of_a_killed_run_is_taken_again() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".norm-parts-0.lock"), "").unwrap();
        fs::write(dir.path().join(".norm-parts-0-1.part"), "half").unwrap();
        let parts = Parts::new(dir.path());
        assert_eq!(parts.next().unwrap(), ".norm-parts-0-1.part");
        assert_eq!(left(dir.path()), [".norm-parts-0.lock"]);
    }
}
