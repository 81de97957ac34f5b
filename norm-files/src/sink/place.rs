//! Places the files of a verified set: gives them their final names.
//!
//! From the last file to the first, the payload is cut off after what was copied; so the disk holds
//! the payload and the file at hand, not everything twice. The first file, alone in the payload by
//! then, is not copied at all: the payload itself gets its name. For a set of one file nothing is
//! copied.
//!
//! A file that is present already, with the content that it should have, stays as it is, mode and
//! time too: it may be the same file as one elsewhere (a hard link), or not be meant for others to
//! read.
//!
//! All or nothing: what is in the way is found before the first file is placed.
//!
//! A file appears under its final name in one step, whole, with mode and time. Its blocks may still
//! be in the system's cache then: nothing is flushed to the disk (`fsync`), as with `cp`; a power
//! failure in the seconds after can lose content.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::existing::{is_identical, may_be_identical};
use super::metadata::{DEFAULT_DIRECTORY_MODE, DEFAULT_FILE_MODE, permissions, set_mode, set_time};
use super::plan::{Plan, PlanError, PlannedDirectory, PlannedFile, is_directory};
use super::resume::has_name;
use super::spool::Spool;
use super::spool_files::{SpoolFile, create_new};
use crate::SystemError;

/// Why files could not be placed; those placed before stay, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceError {
    /// Something is in the way.
    Plan(PlanError),
    /// A file or directory could not be made.
    Io(PathBuf, SystemError),
    /// The session was stopped meanwhile.
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

impl std::error::Error for PlaceError {}

impl From<PlanError> for PlaceError {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

/// What became of a file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It was made, and has its final name.
    New,
    /// It was present already, with the same content.
    Present,
}

/// Makes directories and files; says each finished file to `placed`. Returns how many of the files
/// were present before.
///
/// # Errors
/// When something is in the way, the system refuses, or `cancel` was set.
pub fn place_set(
    spool: &Spool,
    plan: &Plan,
    overwrite: bool,
    cancel: &AtomicBool,
    placed: &mut dyn FnMut(&Path, u64, Placed),
) -> Result<u64, PlaceError> {
    let root = spool.directory();
    let placer = Placer { spool, overwrite, cancel };
    plan.check(root, overwrite)?;
    let present = placer.find_present(plan)?;
    let mut created = HashSet::new();
    for directory in plan.directories() {
        make_directories(root, &directory.path, &mut created)?;
    }
    let mut count = 0;
    for (at, file) in plan.files().iter().enumerate().rev() {
        if cancel.load(Ordering::Relaxed) {
            return Err(PlaceError::Stopped);
        }
        if let Some(parent) = file.path.parent() {
            make_directories(root, parent, &mut created)?;
        }
        let target = root.join(&file.path);
        let result = placer
            .place(file, &target, present.contains(&at))
            .map_err(|error| failed(&target, error))?;
        count += u64::from(result == Placed::Present);
        placed(&target, file.size, result);
    }
    finish_directories(root, plan.directories(), &created, overwrite)?;
    Ok(count)
}

/// Sets modes and times of directories: last, because files change the times of the directories
/// that they are made in. Directories that were there before stay as they are, or have their time
/// set where files in them are replaced.
fn finish_directories(
    root: &Path,
    directories: &[PlannedDirectory],
    created: &HashSet<PathBuf>,
    overwrite: bool,
) -> Result<(), PlaceError> {
    for directory in directories {
        let path = root.join(&directory.path);
        let done = if created.contains(&path) {
            set_directory(directory, &path)
        } else if overwrite && cfg!(unix) {
            // It may belong to another user.
            File::open(&path).and_then(|open| set_time(&open, directory.mtime)).or(Ok(()))
        } else {
            Ok(())
        };
        done.map_err(|error| PlaceError::Io(path, error.into()))?;
    }
    Ok(())
}

/// What it means for a file's placement that the system refused a call.
pub fn failed(target: &Path, error: io::Error) -> PlaceError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => PlanError::Exists(target.to_owned()).into(),
        io::ErrorKind::Interrupted => PlaceError::Stopped,
        _ => PlaceError::Io(target.to_owned(), error.into()),
    }
}

struct Placer<'a> {
    spool: &'a Spool,
    overwrite: bool,
    cancel: &'a AtomicBool,
}

impl Placer<'_> {
    /// Which files are present already, by their places in the plan.
    ///
    /// # Errors
    /// When one has the right size and other content.
    fn find_present(&self, plan: &Plan) -> Result<HashSet<usize>, PlaceError> {
        let mut present = HashSet::new();
        if self.overwrite {
            return Ok(present);
        }
        for (at, file) in plan.files().iter().enumerate() {
            let target = self.spool.directory().join(&file.path);
            if !may_be_identical(&target, file.size) {
                continue;
            }
            let same = is_identical(self.payload(), file.offset, file.size, &target, self.cancel);
            if !same.map_err(|error| failed(&target, error))? {
                return Err(PlanError::Differs(target).into());
            }
            present.insert(at);
        }
        Ok(present)
    }

    /// Places one, unless it was `present` when it was looked at, and is still.
    fn place(&self, file: &PlannedFile, target: &Path, present: bool) -> io::Result<Placed> {
        if present && may_be_identical(target, file.size) {
            // A run that was killed may have made it, and left this.
            let _ = fs::remove_file(self.spool.part_beside(target));
            // Not if it is the payload by another name: it would be cut itself.
            if file.size > 0 && !has_name(self.payload(), target) {
                self.payload().set_len(file.offset)?;
            }
            return Ok(Placed::Present);
        }
        if file.offset == 0 && file.size > 0 && self.rename_payload(file, target)? {
            return Ok(Placed::New);
        }
        let part = self.spool.part_beside(target);
        let made = self.copy(file, &part).and_then(|()| rename(&part, target, self.overwrite));
        if made.is_err() {
            let _ = fs::remove_file(&part);
        }
        made?;
        if file.size > 0 {
            self.payload().set_len(file.offset)?;
        }
        Ok(Placed::New)
    }

    /// Gives the payload itself the file's name; false where names of two file systems cannot do
    /// that.
    fn rename_payload(&self, file: &PlannedFile, target: &Path) -> io::Result<bool> {
        self.payload().set_len(file.size)?;
        set_metadata(self.payload(), file)?;
        match rename(&self.spool.path(SpoolFile::Payload), target, self.overwrite) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Ok(false),
            renamed => renamed.map(|()| true),
        }
    }

    fn copy(&self, file: &PlannedFile, part: &Path) -> io::Result<()> {
        let mut to = create_new(part)?;
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
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when the name is taken and may not be replaced.
pub fn rename(from: &Path, to: &Path, overwrite: bool) -> io::Result<()> {
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
        if !is_directory(&at)? {
            fs::create_dir(&at).map_err(|error| PlaceError::Io(at.clone(), error.into()))?;
            created.insert(at.clone());
        }
    }
    Ok(())
}

fn set_metadata(file: &File, planned: &PlannedFile) -> io::Result<()> {
    set_mode(file, permissions(planned.mode, DEFAULT_FILE_MODE))?;
    set_time(file, planned.mtime)
}

fn set_directory(planned: &PlannedDirectory, path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let directory = File::open(path)?;
        // Its owner must be able to look into it and to remove it.
        set_mode(&directory, permissions(planned.mode, DEFAULT_DIRECTORY_MODE) | 0o700)?;
        set_time(&directory, planned.mtime)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
