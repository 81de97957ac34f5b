//! Why a directory could not be filled.

use std::fmt;
use std::path::PathBuf;

use norm_core::fileset::ContentHash;
use norm_files::SystemError;
use norm_files::sink::PlaceError;

use super::event::SourceReport;
use crate::client::{HttpError, SourceUrl};

/// Why a directory could not be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FillError {
    /// No source has a list of files; and why, of each.
    NoSource(Vec<(SourceUrl, HttpError)>),
    /// A service has several sets, and none was named.
    Several {
        /// The service.
        url: SourceUrl,
        /// What it has.
        contents: Vec<ContentHash>,
    },
    /// What the sources have is something else than what is wanted.
    Unexpected {
        /// What the last one has.
        found: ContentHash,
    },
    /// The digest list of a source is not that of its manifest, and no other source is left.
    Lists(SourceUrl),
    /// Something is in the way, or cannot be made.
    Place(PlaceError),
    /// The output directory, or the one for what is replaced, cannot be written.
    Directory(PathBuf, SystemError),
    /// What was replaced cannot be kept in the output directory itself.
    BackupInOutput(PathBuf),
    /// A thread cannot be started.
    Thread(SystemError),
    /// Another run is at work on the same content in the same directory, or files of it are in the
    /// way.
    Busy(PathBuf, SystemError),
    /// What was written is not what is read.
    Damaged(PathBuf),
    /// The sources do not have all of it.
    Incomplete {
        /// Bytes of content that are missing.
        missing: u64,
        /// Bytes of content that stay for the next time.
        kept: u64,
        /// What each source has given.
        sources: Vec<SourceReport>,
    },
    /// It was stopped.
    Stopped,
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSource(sources) => {
                f.write_str("no source has a list of files")?;
                sources.iter().try_for_each(|(url, error)| write!(f, "; {url}: {error}"))
            }
            Self::Several { url, contents } => {
                write!(f, "{url} has {} sets, and none is named", contents.len())
            }
            Self::Unexpected { found } => write!(f, "the source has other content: {found}"),
            Self::Lists(url) => write!(f, "{url}: its list of hashes is not that of its files"),
            Self::Place(error) => error.fmt(f),
            Self::Directory(path, error) => {
                write!(f, "cannot write to {}: {error}", path.display())
            }
            Self::BackupInOutput(path) => {
                write!(f, "{} is in the output directory", path.display())
            }
            Self::Thread(error) => write!(f, "cannot start: {error}"),
            Self::Busy(path, error) => {
                write!(f, "cannot begin in {}: {error}", path.display())
            }
            Self::Damaged(path) => {
                write!(f, "what was written to {} is not what is read", path.display())
            }
            Self::Incomplete { missing, .. } => {
                write!(f, "the sources do not have all of it: {missing} bytes are missing")
            }
            Self::Stopped => f.write_str("stopped by the user"),
        }
    }
}

impl std::error::Error for FillError {}

impl From<PlaceError> for FillError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Stopped => Self::Stopped,
            error => Self::Place(error),
        }
    }
}
