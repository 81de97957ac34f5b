//! Why files and folders cannot be sent.

use std::fmt;
use std::io;
use std::path::PathBuf;

use norm_core::fileset::{CHUNK_BYTES, MAX_CHUNKS, MAX_ENTRIES, MAX_MANIFEST_BYTES};

use super::PatternError;
use crate::system_error::is_file_limit;

/// What is wrong with a name.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameProblem {
    /// It is longer than a manifest can say.
    TooLong,
    /// The system's names are Unicode, and this one is none.
    NotUnicode,
}

impl fmt::Display for NameProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "is too long",
            Self::NotUnicode => "is not valid Unicode",
        })
    }
}

/// A set of paths cannot be sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScanError {
    /// No path was given.
    NoPaths,
    /// A file or folder could not be examined.
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A given path is neither a file nor a folder, so that its size is not known.
    SpecialFile {
        /// The path.
        path: PathBuf,
    },
    /// A given path is a file whose size is not what the system says, as in `/proc`.
    UnknownSize {
        /// The path.
        path: PathBuf,
    },
    /// A given path is the root directory, which has no name to arrive under.
    RootDirectory {
        /// The path.
        path: PathBuf,
    },
    /// A given path is a part of an unfinished transfer.
    Temporary {
        /// The path.
        path: PathBuf,
    },
    /// A name cannot be sent.
    Name {
        /// The file with this name.
        path: PathBuf,
        /// What is wrong with it.
        problem: NameProblem,
    },
    /// Two of the given paths would arrive under one name.
    SameName {
        /// The name.
        name: String,
        /// One path.
        first: PathBuf,
        /// The other one.
        second: PathBuf,
    },
    /// A pattern is none.
    Pattern(PatternError),
    /// All that was found is left out, or nothing was found.
    NothingLeft,
    /// Names in a list are relative to one directory, and there are several paths.
    SeveralDirectories,
    /// A name in a list leads out of the directory that it is relative to.
    Outside {
        /// The name.
        path: PathBuf,
    },
    /// Files of a list do not exist.
    Missing {
        /// The first of them.
        first: PathBuf,
        /// How many, at least 1.
        count: u64,
    },
    /// More files, or longer names, than a manifest can list.
    TooManyEntries,
    /// More bytes than a digest list can have hashes for.
    TooManyBytes,
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPaths => f.write_str("nothing to send: name at least one file or directory"),
            Self::Unreadable { path, error } => {
                write!(f, "cannot read {}: {error}", path.display())?;
                match error.kind() {
                    io::ErrorKind::NotFound => f.write_str("; check the name"),
                    _ if is_file_limit(error.raw_os_error()) => {
                        f.write_str("; raise the limit on open files (ulimit -n)")
                    }
                    io::ErrorKind::PermissionDenied => {
                        f.write_str("; change its permissions or leave it out")
                    }
                    _ => Ok(()),
                }
            }
            Self::SpecialFile { path } => write!(
                f,
                "cannot send {}: it is neither a file nor a directory, so its size is not known; \
                 copy it to a file first",
                path.display()
            ),
            Self::UnknownSize { path } => write!(
                f,
                "cannot send {}: its size is not what the system says, as of files in /proc and \
                 /sys, which are made while they are read; copy it to a disk, and send the copy",
                path.display()
            ),
            Self::RootDirectory { path } => write!(
                f,
                "cannot send {}: the root directory has no name to arrive under; name what is in \
                 it",
                path.display()
            ),
            Self::Temporary { path } => write!(
                f,
                "cannot send {}: it is a part of an unfinished transfer; receive that to its end, \
                 or give the file another name",
                path.display()
            ),
            Self::Name { path, problem } => {
                write!(f, "cannot send {}: its name {problem}; rename it", path.display())
            }
            Self::TooManyEntries => write!(
                f,
                "more than {MAX_ENTRIES} files, or {} MiB of names, are too many for one transfer: \
                 send them in parts or in an archive",
                MAX_MANIFEST_BYTES >> 20
            ),
            Self::TooManyBytes => too_many_bytes(f),
            _ => self.of_choice(f),
        }
    }
}

impl ScanError {
    /// What is wrong with the choice of what is sent.
    fn of_choice(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameName { name, first, second } => write!(
                f,
                "{} and {} would both arrive as {name}: send them one after the other, or the \
                 directories that they are in",
                first.display(),
                second.display()
            ),
            Self::Pattern(error) => fmt::Display::fmt(error, f),
            Self::SeveralDirectories => f.write_str(
                "a list of names is relative to one directory, and several paths are given: give \
                 one",
            ),
            Self::Outside { path } => write!(
                f,
                "cannot send {} of the list: it is not below the directory that the list is \
                 relative to; write it without \"..\", or name another directory",
                path.display()
            ),
            Self::Missing { first, count } => {
                match count {
                    1 => write!(f, "{} does not exist", first.display())?,
                    n => write!(f, "{n} files do not exist, {} for one", first.display())?,
                }
                f.write_str(": correct the list of files, or make it anew")
            }
            _ => f.write_str(
                "nothing is left to send: the directory is empty, or all that is in it is left out",
            ),
        }
    }
}

fn too_many_bytes(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let tebibytes = (u64::from(MAX_CHUNKS) * CHUNK_BYTES) >> 40;
    write!(
        f,
        "more than {tebibytes} TiB, or {MAX_CHUNKS} files, are too much for one transfer: send \
         them in parts"
    )
}

impl From<PatternError> for ScanError {
    fn from(error: PatternError) -> Self {
        Self::Pattern(error)
    }
}

impl std::error::Error for ScanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { error, .. } => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_and_nothing_are_told_apart() {
        assert!(ScanError::TooManyBytes.to_string().contains("send them in parts"));
        assert!(ScanError::TooManyEntries.to_string().contains("in an archive"));
        assert!(ScanError::NothingLeft.to_string().starts_with("nothing is left to send"));
    }
}
