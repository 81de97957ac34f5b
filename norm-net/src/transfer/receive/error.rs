//! Why receiving cannot begin, or ended at once.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::event::path_text;
use crate::io::error::NetError;
use crate::transfer::config_problem::ConfigProblem;

/// Receiving failed as a whole. What goes wrong with one set is told by events and in the report.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReceiveError {
    /// An option has a value that cannot work.
    Config(ConfigProblem),
    /// The output directory cannot be used.
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The directory that is to keep what is replaced cannot be used.
    BackupDirectory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// No socket or interface could be had.
    Net(NetError),
    /// The system refused a thread or randomness, or the sockets failed for good.
    Io(io::Error),
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(problem) => problem.fmt(f),
            Self::Directory { path, error } => write!(
                f,
                "cannot write to the output directory {}: {error}; choose another one",
                path_text(path)
            ),
            Self::BackupDirectory { path, error } => write!(
                f,
                "cannot write to the backup directory {}: {error}; choose another one",
                path_text(path)
            ),
            Self::Net(error) => error.fmt(f),
            Self::Io(error) => write!(f, "the session failed: {error}"),
        }
    }
}

impl std::error::Error for ReceiveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(problem) => Some(problem),
            Self::Directory { error, .. }
            | Self::BackupDirectory { error, .. }
            | Self::Io(error) => Some(error),
            Self::Net(error) => Some(error),
        }
    }
}

impl From<NetError> for ReceiveError {
    fn from(error: NetError) -> Self {
        Self::Net(error)
    }
}

impl From<io::Error> for ReceiveError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
