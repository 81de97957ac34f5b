//! Why the content of files cannot be had.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why the source cannot go on.
#[derive(Debug)]
pub enum SourceError {
    /// A file is no longer what the scan saw.
    Changed {
        /// Which one.
        path: PathBuf,
        /// How it differs.
        how: &'static str,
    },
    /// A file could not be read.
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A part that does not exist was asked for.
    OutOfRange,
    /// Reading or coding panicked; the message.
    Internal(String),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { path, how } => write!(f, "{}: {how}", path.display()),
            Self::Read { path, error } => write!(f, "{}: {error}", path.display()),
            Self::OutOfRange => f.write_str("a part of the set that does not exist was wanted"),
            Self::Internal(message) => f.write_str(message),
        }
    }
}
