//! Places the files of a verified set: gives them their final names.
//!
//! From the last file to the first, the payload is cut off after what was copied; so the disk holds
//! the payload and the files at hand, not everything twice. The first file, alone in the payload by
//! then, is not copied at all: the payload itself gets its name. For a set of one file nothing is
//! copied. Small files are copied by several threads at a time ([`workers`]).
//!
//! A file that is present already, with the content that it should have, stays as it is, mode and
//! time too: it may be the same file as one elsewhere (a hard link), or not be meant for others to
//! read.
//!
//! All or nothing: what is in the way is found before the first file is placed. What is replaced is
//! kept by then, if it is to be ([`super::backup`]).
//!
//! Everything is made through open directories, never through a link ([`super::output`]). Other
//! names of a file (hard links) are made with it, of its open file: only of files that were made
//! here. Symbolic links are last.
//!
//! A file appears under its final name in one step, whole, with mode and time, if the file system
//! takes these. Its blocks may still be in the system's cache then: on a local disk nothing is
//! flushed (`fsync`), as with `cp`; a power failure in the seconds after can lose content. Shares
//! may refuse what they took, so they are asked first ([`flush`]).

mod back_up;
mod placer;
mod workers;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use norm_core::fileset::FileHash;

use super::backup::Backup;
use super::delete::Removed;
use super::metadata::{DEFAULT_DIRECTORY_MODE, MetadataSetter, RefusedMetadata, Wanted, set_time};
use super::output::Tree;
use super::plan::{Plan, PlanError};
use super::spool::Spool;
use crate::{Preserve, SystemError};
use back_up::BackingUp;
use placer::{Placer, Present};
use workers::{Batches, Workers};

/// Why files could not be placed; those placed before stay, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceError {
    /// Something is in the way.
    Plan(PlanError),
    /// The output directory is no longer what it was.
    Gone(PathBuf),
    /// A file or directory could not be made.
    Io(PathBuf, SystemError),
    /// What is to be replaced cannot be kept here.
    Backup(PathBuf, SystemError),
    /// The session was stopped meanwhile.
    Stopped,
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(error) => error.fmt(f),
            Self::Gone(path) => write!(f, "{} was removed or unmounted", path.display()),
            Self::Io(path, error) => write!(f, "cannot create {}: {error}", path.display()),
            Self::Backup(path, error) => {
                write!(f, "cannot keep what is replaced in {}: {error}", path.display())
            }
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

/// How files are placed.
#[derive(Copy, Clone, Debug, Default)]
pub struct PlaceOptions<'a> {
    /// What has a name that is needed is replaced; no directories are.
    pub overwrite: bool,
    /// Where what is replaced by something else is kept.
    pub backup: Option<&'a Backup>,
    /// What is set beyond permissions and times.
    pub preserve: Preserve,
}

/// What came of a set that is placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlacedSet {
    /// Files that were present before.
    pub present: u64,
    /// Files and links that were replaced and are kept elsewhere.
    pub backups: u64,
    /// What became of what earlier sets had and this one has not.
    pub removed: Removed,
    /// Modes, times and the like that were refused.
    pub refused: Option<RefusedMetadata>,
}

/// Makes directories, files and links, but for those that are not wanted and those of files with
/// these places in the plan, which have failed; says each finished file to `placed`.
///
/// # Errors
/// When something is in the way, the system refuses, or `cancel` was set.
pub fn place_set(
    spool: &Spool,
    plan: &Plan,
    failed_files: &BTreeSet<usize>,
    options: &PlaceOptions<'_>,
    cancel: &AtomicBool,
    placed: &mut dyn FnMut(PlacedFile<'_>),
) -> Result<PlacedSet, PlaceError> {
    let root = spool.directory();
    if spool.is_moved() {
        return Err(PlaceError::Gone(root.to_owned()));
    }
    let overwrite = options.overwrite;
    plan.check(root, overwrite)?;
    let opened = Tree::new(root, overwrite);
    let mut tree = opened.map_err(|error| PlaceError::Io(root.to_owned(), error.into()))?;
    let new_placer = || Placer::new(spool, plan, *options, cancel);
    let placer = new_placer();
    let present = Present::find(&placer, &mut tree, failed_files)?;
    let backups = match options.backup.filter(|_| overwrite) {
        Some(backup) => BackingUp::new(&placer, &mut tree, backup).all(failed_files)?,
        None => 0,
    };
    for directory in plan.directories() {
        let path = &directory.path;
        tree.make(path).map_err(|error| failed(&root.join(path), error))?;
    }
    let mut workers = Workers::new(tree, new_placer);
    let mut count = 0;
    for batch in Batches::new(plan, failed_files) {
        count += workers.place(&batch, &present, placed)?;
    }
    let (mut tree, mut placer) = workers.join();
    for link in plan.links() {
        let path = root.join(&link.path);
        placer.place_link(&mut tree, link).map_err(|error| failed(&path, error))?;
    }
    let Placer { mut metadata, mut refused, .. } = placer;
    finish_directories(&mut tree, plan, overwrite, &mut metadata, &mut refused);
    Ok(PlacedSet { present: count, backups, refused, ..PlacedSet::default() })
}

/// Sets modes and times of directories: last, because files change the times of the directories
/// that they are made in; those within before those above, which may let nothing in afterwards.
/// Directories that were there before stay as they are, or have their time set where files in them
/// are replaced.
fn finish_directories(
    tree: &mut Tree,
    plan: &Plan,
    overwrite: bool,
    metadata: &mut MetadataSetter,
    refused: &mut Option<RefusedMetadata>,
) {
    let mut directories: Vec<_> = plan.directories().iter().collect();
    directories.sort_by_key(|directory| std::cmp::Reverse(directory.path.components().count()));
    for directory in directories {
        if !cfg!(unix) {
            continue;
        }
        let opened = tree.place(&directory.path).and_then(|place| {
            let opened = place.open_directory();
            opened.map(|file| (place.path(), file))
        });
        if tree.was_made(&directory.path) {
            let wanted = Wanted {
                mode: directory.mode,
                default_mode: DEFAULT_DIRECTORY_MODE,
                mtime: directory.mtime,
                attributes: &directory.attributes,
            };
            match opened {
                Ok((path, file)) => {
                    RefusedMetadata::note(refused, &path, metadata.set(&file, wanted));
                }
                Err(error) => RefusedMetadata::note(refused, &directory.path, Err(error)),
            }
        } else if let (true, Ok((_, file))) = (overwrite, opened) {
            // It may belong to another user.
            let _ = set_time(&file, directory.mtime);
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

#[cfg(test)]
mod tests;
