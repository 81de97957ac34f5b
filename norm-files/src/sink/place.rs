//! Makes the files of a verified set out of its spool.
//!
//! From the last file to the first, the spool is cut off behind what was copied; so the disk holds
//! the payload and the file at hand, not everything twice. The first file, alone in the spool by
//! then, is not copied at all: the spool itself gets its name. For a set of one file nothing is
//! copied.
//!
//! A file that is there already with the content that it should have stays as it is, mode and time too: it
//! may be the same file as one elsewhere (a hard link), or be meant for nobody else to read.
//!
//! All or nothing: what is in the way is found before the first file is made.
//!
//! A file appears under its final name in one step, whole, with mode and time. Its blocks may still
//! be in the system's cache then: nothing is flushed to the disk (`fsync`), as with `cp`; a power
//! failure in the seconds after can lose content.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File, FileTimes};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use norm_core::fileset::Mtime;

use super::existing::{may_be_same, same_file};
use super::plan::{Plan, PlanError, Planned, is_directory};
use super::resume::is_named;
use super::spool::{Spool, SpoolFile, fresh};

/// Why the files could not be made; those made before stay, whole.
#[derive(Debug)]
pub enum PlaceError {
    /// Something is in the way.
    Plan(PlanError),
    /// What the system said about a file.
    Io(PathBuf, io::Error),
    /// The user has stopped the session.
    Stopped,
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(error) => error.fmt(f),
            Self::Io(path, error) => write!(f, "cannot create {}: {error}", path.display()),
            Self::Stopped => f.write_str("stopped by the user"),
        }
    }
}

/// What became of a file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// It was made, and has its final name.
    New,
    /// It was there already, with the same content.
    Before,
}

/// Makes directories and files; tells each finished file to `made`. Returns how many of them were there
/// before.
pub fn place_set(
    spool: &Spool,
    plan: &Plan,
    overwrite: bool,
    cancel: &AtomicBool,
    made: &mut dyn FnMut(&Path, u64, Made),
) -> Result<u64, PlaceError> {
    let root = spool.directory();
    let placer = Placer { spool, overwrite, cancel };
    plan.check(root, overwrite).map_err(PlaceError::Plan)?;
    let here = placer.find_here(plan)?;
    let mut created = HashSet::new();
    for directory in &plan.directories {
        make_directories(root, &directory.path, &mut created)?;
    }
    let mut before = 0;
    for (at, file) in plan.files.iter().enumerate().rev() {
        if cancel.load(Ordering::Relaxed) {
            return Err(PlaceError::Stopped);
        }
        if let Some(parent) = file.path.parent() {
            make_directories(root, parent, &mut created)?;
        }
        let target = root.join(&file.path);
        let result = placer
            .make(file, &target, here.contains(&at))
            .map_err(|error| failed(&target, error))?;
        before += u64::from(result == Made::Before);
        made(&target, file.size, result);
    }
    // Last, because files change the times of the directories that they are made in. What was there
    // before stays as it is, or has its time set where files in it are replaced.
    for directory in &plan.directories {
        let path = root.join(&directory.path);
        let done = if created.contains(&path) {
            set_directory(directory, &path)
        } else if overwrite && cfg!(unix) {
            // It may belong to somebody else.
            File::open(&path).and_then(|open| set_time(&open, directory.mtime)).or(Ok(()))
        } else {
            Ok(())
        };
        done.map_err(|error| PlaceError::Io(path, error))?;
    }
    Ok(before)
}

pub fn failed(target: &Path, error: io::Error) -> PlaceError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => PlaceError::Plan(PlanError::Exists(target.to_owned())),
        io::ErrorKind::Interrupted => PlaceError::Stopped,
        _ => PlaceError::Io(target.to_owned(), error),
    }
}

struct Placer<'a> {
    spool: &'a Spool,
    overwrite: bool,
    cancel: &'a AtomicBool,
}

impl Placer<'_> {
    /// Which files are there already; with one of the right size and other content it goes no further.
    fn find_here(&self, plan: &Plan) -> Result<HashSet<usize>, PlaceError> {
        let mut here = HashSet::new();
        if self.overwrite {
            return Ok(here);
        }
        for (at, file) in plan.files.iter().enumerate() {
            let target = self.spool.directory().join(&file.path);
            if !may_be_same(&target, file.size) {
                continue;
            }
            let same = same_file(self.payload(), file.offset, file.size, &target, self.cancel);
            if !same.map_err(|error| failed(&target, error))? {
                return Err(PlaceError::Plan(PlanError::Differs(target)));
            }
            here.insert(at);
        }
        Ok(here)
    }

    /// Makes one, unless it was `here` when it was looked at, and is still.
    fn make(&self, file: &Planned, target: &Path, here: bool) -> io::Result<Made> {
        if here && may_be_same(target, file.size) {
            // A run that was killed may have made it, and left this.
            let _ = fs::remove_file(self.spool.part_beside(target));
            // Not if it is the payload by another name: it would be cut itself.
            if file.size > 0 && !is_named(self.payload(), target) {
                self.payload().set_len(file.offset)?;
            }
            return Ok(Made::Before);
        }
        if file.offset == 0 && file.size > 0 && self.rename_spool(file, target)? {
            return Ok(Made::New);
        }
        let part = self.spool.part_beside(target);
        let made = self.copy(file, &part).and_then(|()| place(&part, target, self.overwrite));
        if made.is_err() {
            let _ = fs::remove_file(&part);
        }
        made?;
        if file.size > 0 {
            self.payload().set_len(file.offset)?;
        }
        Ok(Made::New)
    }

    /// Gives the spool itself the file's name; false where names of two file systems cannot do that.
    fn rename_spool(&self, file: &Planned, target: &Path) -> io::Result<bool> {
        self.payload().set_len(file.size)?;
        set_metadata(self.payload(), file)?;
        match place(&self.spool.path(SpoolFile::Payload), target, self.overwrite) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Ok(false),
            placed => placed.map(|()| true),
        }
    }

    fn copy(&self, file: &Planned, part: &Path) -> io::Result<()> {
        let mut to = fresh(part)?;
        let mut from = self.payload();
        from.seek(SeekFrom::Start(file.offset))?;
        if io::copy(&mut from.take(file.size), &mut to)? != file.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        set_metadata(&to, file)
    }

    fn payload(&self) -> &File {
        self.spool.file(SpoolFile::Payload)
    }
}

/// Moves a finished file to its name in one step.
pub fn place(from: &Path, to: &Path, overwrite: bool) -> io::Result<()> {
    if overwrite {
        return fs::rename(from, to);
    }
    // A rename would replace what is there; a link is refused then.
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Err(error),
        // A file system without links: look first.
        Err(_) => match fs::symlink_metadata(to) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(from, to),
        },
    }
}

/// Makes the directory at `path` below `root` and those above it; notes those that were not there.
pub fn make_directories(
    root: &Path,
    path: &Path,
    created: &mut HashSet<PathBuf>,
) -> Result<(), PlaceError> {
    let mut at = root.to_owned();
    for component in path.components() {
        at.push(component);
        if !is_directory(&at).map_err(PlaceError::Plan)? {
            fs::create_dir(&at).map_err(|error| PlaceError::Io(at.clone(), error))?;
            created.insert(at.clone());
        }
    }
    Ok(())
}

/// Mode for files of senders that have none.
pub const STANDALONE_MODE: u32 = 0o644;
/// Mode for directories of senders that have none.
const PLAIN_DIRECTORY_MODE: u32 = 0o755;
/// Permissions of user, group and others: no set-user-id and the like from the network.
const PERMISSIONS: u32 = 0o777;

fn set_metadata(file: &File, planned: &Planned) -> io::Result<()> {
    let mode = if planned.mode == 0 { STANDALONE_MODE } else { planned.mode & PERMISSIONS };
    set_mode(file, mode)?;
    set_time(file, planned.mtime)
}

fn set_directory(planned: &Planned, path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let directory = File::open(path)?;
        let mode =
            if planned.mode == 0 { PLAIN_DIRECTORY_MODE } else { planned.mode & PERMISSIONS };
        // Its owner must be able to look into it and to remove it.
        set_mode(&directory, mode | 0o700)?;
        set_time(&directory, planned.mtime)?;
    }
    Ok(())
}

#[cfg(unix)]
pub fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
pub fn set_mode(_file: &File, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// Sets the time of modification; one that the system cannot express is left out.
fn set_time(file: &File, mtime: Mtime) -> io::Result<()> {
    let whole = Duration::from_secs(mtime.seconds.unsigned_abs());
    let start = if mtime.seconds < 0 {
        UNIX_EPOCH.checked_sub(whole)
    } else {
        UNIX_EPOCH.checked_add(whole)
    };
    let time: Option<SystemTime> =
        start.and_then(|t| t.checked_add(Duration::from_nanos(mtime.nanos.into())));
    let Some(time) = time else { return Ok(()) };
    match file.set_times(FileTimes::new().set_modified(time)) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests;
