//! Why a transfer could not be started or carried on. Every message says what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use norm_core::norm::sender::ConfigError;

use crate::error::NetError;

/// A transfer could not be started, or its sockets failed.
#[derive(Debug)]
pub enum SendError {
    /// Nothing to send was given.
    NoPaths,
    /// A file or directory could not be examined.
    Scan {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A name cannot be sent: it is no text, too long, or missing.
    Name {
        /// The file with this name.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
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
    /// There is more to send than a transfer can hold.
    TooLarge(String),
    /// An option has a value that cannot work.
    Config(String),
    /// The sockets could not be opened.
    Net(NetError),
    /// The system refused a thread or randomness, or the sockets failed for good.
    Io(io::Error),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPaths => f.write_str("nothing to send: name at least one file or directory"),
            Self::Scan { path, error } => {
                write!(f, "cannot read {}: {error}", path.display())?;
                match error.kind() {
                    io::ErrorKind::NotFound => f.write_str("; check the name"),
                    io::ErrorKind::PermissionDenied => {
                        f.write_str("; change its permissions or leave it out")
                    }
                    _ => Ok(()),
                }
            }
            Self::Name { path, problem } => {
                write!(f, "cannot send {}: its name {problem}; rename it", path.display())
            }
            Self::SameName { name, first, second } => write!(
                f,
                "{} and {} would both arrive as {name}: send them one after the other, or the \
                 directories that they are in",
                first.display(),
                second.display()
            ),
            Self::TooLarge(message) | Self::Config(message) => f.write_str(message),
            Self::Net(error) => error.fmt(f),
            Self::Io(error) => write!(f, "sending failed: {error}"),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Scan { error, .. } | Self::Io(error) => Some(error),
            Self::Net(error) => Some(error),
            _ => None,
        }
    }
}

impl From<NetError> for SendError {
    fn from(error: NetError) -> Self {
        Self::Net(error)
    }
}

impl From<io::Error> for SendError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ConfigError> for SendError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.to_string())
    }
}
