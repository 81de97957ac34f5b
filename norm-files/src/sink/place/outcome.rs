//! What comes of files that are placed.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use norm_core::fileset::FileHash;

use crate::sink::backup::Backup;
use crate::sink::delete::Removed;
use crate::sink::metadata::RefusedMetadata;
use crate::sink::plan::PlanError;
use crate::{Preserve, SystemError};

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
