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
//! A file appears under its final name in one step, whole, with mode and time, if the file system
//! takes these. Its blocks may still be in the system's cache then: on a local disk nothing is
//! flushed (`fsync`), as with `cp`; a power failure in the seconds after can lose content. Shares
//! may refuse what they took, so they are asked first ([`flush`]).

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use norm_core::fileset::FileHash;

use super::existing::{self, is_identical, may_be_identical};
use super::metadata::{
    DEFAULT_DIRECTORY_MODE, DEFAULT_FILE_MODE, RefusedMetadata, permissions, set_metadata, set_time,
};
use super::plan::{Plan, PlanError, PlannedDirectory, PlannedFile, is_directory};
use super::resume::has_name;
use super::space::flush;
use super::spool::Spool;
use super::spool_files::{SpoolFile, create_new};
use super::system;
use crate::SystemError;

/// Why files could not be placed; those placed before stay, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceError {
    /// Something is in the way.
    Plan(PlanError),
    /// The output directory is no longer what it was.
    Gone(PathBuf),
    /// A file or directory could not be made.
    Io(PathBuf, SystemError),
    /// The session was stopped meanwhile.
    Stopped,
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(error) => error.fmt(f),
            Self::Gone(path) => write!(f, "{} was removed or unmounted", path.display()),
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

/// A file of a set that is in its place.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PlacedFile<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// Its bytes.
    pub size: u64,
    /// BLAKE3 of its content.
    pub hash: Option<FileHash>,
    /// What became of it.
    pub placed: Placed,
}

/// What came of a set that is placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlacedSet {
    /// Files that were present before.
    pub present: u64,
    /// Modes and times that were refused.
    pub refused: Option<RefusedMetadata>,
}

/// Makes directories and files, but for those that are not wanted and those with these places in
/// the plan, which have failed; says each finished file to `placed`.
///
/// # Errors
/// When something is in the way, the system refuses, or `cancel` was set.
pub fn place_set(
    spool: &Spool,
    plan: &Plan,
    failed_files: &BTreeSet<usize>,
    overwrite: bool,
    cancel: &AtomicBool,
    placed: &mut dyn FnMut(PlacedFile<'_>),
) -> Result<PlacedSet, PlaceError> {
    let root = spool.directory();
    if spool.is_moved() {
        return Err(PlaceError::Gone(root.to_owned()));
    }
    let mut placer = Placer { spool, overwrite, cancel, refused: None };
    plan.check(root, overwrite)?;
    let present = placer.find_present(plan, failed_files)?;
    let mut created = HashSet::new();
    for directory in plan.directories() {
        make_directories(root, &directory.path, &mut created)?;
    }
    let mut count = 0;
    for (at, file) in plan.wanted().rev().filter(|(at, _)| !failed_files.contains(at)) {
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
        let hash = spool.file_hash(at);
        placed(PlacedFile { path: &target, size: file.size, hash, placed: result });
    }
    let mut refused = placer.refused;
    finish_directories(root, plan.directories(), &created, overwrite, &mut refused);
    Ok(PlacedSet { present: count, refused })
}

/// Sets modes and times of directories: last, because files change the times of the directories
/// that they are made in. Directories that were there before stay as they are, or have their time
/// set where files in them are replaced.
fn finish_directories(
    root: &Path,
    directories: &[PlannedDirectory],
    created: &HashSet<PathBuf>,
    overwrite: bool,
    refused: &mut Option<RefusedMetadata>,
) {
    for directory in directories {
        let path = root.join(&directory.path);
        if created.contains(&path) {
            RefusedMetadata::note(refused, &path, set_directory(directory, &path));
        } else if overwrite && cfg!(unix) {
            // It may belong to another user.
            let _ = open_directory(&path).and_then(|open| set_time(&open, directory.mtime));
        }
    }
}

/// What it means for a file's placement that the system refused a call.
pub fn failed(target: &Path, error: io::Error) -> PlaceError {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<PlanError>()) {
        return error.clone().into();
    }
    match error.kind() {
        io::ErrorKind::AlreadyExists => PlanError::Exists(target.to_owned()).into(),
        io::ErrorKind::Interrupted => PlaceError::Stopped,
        // Whatever was there or was made is not.
        io::ErrorKind::NotFound => PlaceError::Gone(target.parent().unwrap_or(target).to_owned()),
        _ => PlaceError::Io(target.to_owned(), error.into()),
    }
}

struct Placer<'a> {
    spool: &'a Spool,
    overwrite: bool,
    cancel: &'a AtomicBool,
    refused: Option<RefusedMetadata>,
}

impl Placer<'_> {
    /// Which files are present already, by their places in the plan.
    ///
    /// # Errors
    /// When one has the right size and other content.
    fn find_present(
        &self,
        plan: &Plan,
        failed_files: &BTreeSet<usize>,
    ) -> Result<HashSet<usize>, PlaceError> {
        let mut present = HashSet::new();
        for (at, file) in plan.wanted().filter(|(at, _)| !failed_files.contains(at)) {
            let target = self.spool.directory().join(&file.path);
            let in_place = self.spool.in_place().filter(|files| files.has(file));
            let may_be = !self.overwrite && may_be_identical(&target, file.size);
            if in_place.is_none() && !may_be {
                continue;
            }
            let same = match in_place {
                Some(files) => files.is_identical(self.payload(), file, self.cancel),
                None => is_identical(self.payload(), file.offset, file.size, &target, self.cancel),
            };
            if !same.map_err(|error| failed(&target, error))? {
                return Err(PlanError::Differs(target).into());
            }
            present.insert(at);
        }
        Ok(present)
    }

    /// Places one, unless it was `present` when it was looked at, and is still.
    fn place(&mut self, file: &PlannedFile, target: &Path, present: bool) -> io::Result<Placed> {
        if present && may_be_identical(target, file.size) {
            // A run that was killed may have made it, and left this.
            let _ = system::remove(&self.spool.part_beside(target));
            self.cut(file, target);
            if self.overwrite {
                let set = existing::open(target).and_then(|open| set_file(&open, file));
                RefusedMetadata::note(&mut self.refused, target, set);
            }
            return Ok(Placed::Present);
        }
        if self.spool.in_place().is_some_and(|files| files.has(file)) {
            // It was compared and is gone: the payload does not have it.
            let gone = PlanError::Differs(target.to_owned());
            return Err(io::Error::new(io::ErrorKind::NotFound, gone));
        }
        let is_last = file.offset == 0 && file.size > 0;
        let set = match is_last.then(|| self.rename_payload(file, target)) {
            Some(Err(error)) if error.kind() != io::ErrorKind::CrossesDevices => return Err(error),
            Some(Ok(set)) => set,
            // Names of two file systems cannot do that; a copy can.
            Some(Err(_)) | None => self.make_copy(file, target)?,
        };
        RefusedMetadata::note(&mut self.refused, target, set);
        Ok(Placed::New)
    }

    /// Cuts a file off the payload that is in its place. If that fails, it takes room for a while.
    fn cut(&self, file: &PlannedFile, target: &Path) {
        // Not if it is the payload by another name: it would be cut itself.
        if file.size > 0 && has_name(self.payload(), target).is_ok_and(|same| !same) {
            let _ = system::set_len(self.payload(), file.offset);
        }
    }

    /// Gives the payload itself the file's name. Returns whether mode and time could be set.
    fn rename_payload(&self, file: &PlannedFile, target: &Path) -> io::Result<io::Result<()>> {
        system::set_len(self.payload(), file.size)?;
        let set = set_file(self.payload(), file);
        flush(self.payload())?;
        rename(&self.spool.path(SpoolFile::Payload), target, self.overwrite)?;
        Ok(set)
    }

    /// Makes a file of a part of the payload. Returns whether mode and time could be set.
    fn make_copy(&self, file: &PlannedFile, target: &Path) -> io::Result<io::Result<()>> {
        let part = self.spool.part_beside(target);
        let copied = self.copy(file, &part);
        let made = copied.and_then(|set| {
            rename(&part, target, self.overwrite)?;
            Ok(set)
        });
        match made {
            Ok(_) => self.cut(file, target),
            Err(_) => drop(system::remove(&part)),
        }
        made
    }

    fn copy(&self, file: &PlannedFile, part: &Path) -> io::Result<io::Result<()>> {
        let mut to = create_new(part)?;
        if system::copy(self.payload(), file.offset, file.size, &mut to)? != file.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let set = set_file(&to, file);
        flush(&to)?;
        Ok(set)
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
        return system::rename(from, to);
    }
    // A rename would replace what is there; a link is refused then.
    match system::link(from, to) {
        Ok(()) => {
            // It has its name; if the other one stays, it goes with the rest.
            let _ = system::remove(from);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Err(error),
        // A file system without links: look first.
        Err(_) => match system::look(to) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => system::rename(from, to),
            Err(error) => Err(error),
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
            system::make_directory(&at)
                .map_err(|error| PlaceError::Io(at.clone(), error.into()))?;
            created.insert(at.clone());
        }
    }
    Ok(())
}

fn set_file(file: &File, planned: &PlannedFile) -> io::Result<()> {
    set_metadata(file, permissions(planned.mode, DEFAULT_FILE_MODE), planned.mtime)
}

fn set_directory(planned: &PlannedDirectory, path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        // Its owner must be able to look into it and to remove it.
        let mode = permissions(planned.mode, DEFAULT_DIRECTORY_MODE) | 0o700;
        set_metadata(&open_directory(path)?, mode, planned.mtime)?;
    }
    Ok(())
}

fn open_directory(path: &Path) -> io::Result<File> {
    system::open(OpenOptions::new().read(true), path)
}

#[cfg(test)]
mod tests;
