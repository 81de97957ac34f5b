//! Why a transfer could not be started or carried on. Every message says what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use norm_core::norm::sender::ConfigError;
use norm_files::source::ScanError;

use crate::io::error::NetError;

/// A transfer could not be started, or its sockets failed.
#[derive(Debug)]
pub enum SendError {
    /// The paths cannot be sent.
    Scan(ScanError),
    /// A name, with its folders, does not fit the NORM_INFO of one packet.
    NameTooLong {
        /// The file with this name.
        path: PathBuf,
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
            Self::Scan(error) => error.fmt(f),
            Self::NameTooLong { path } => write!(
                f,
                "cannot send {}: its name with its directories is longer than one packet of the NRL's \
                 protocol; rename it",
                path.display()
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
            Self::Scan(error) => Some(error),
            Self::Io(error) => Some(error),
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

impl From<ScanError> for SendError {
    fn from(error: ScanError) -> Self {
        Self::Scan(error)
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
