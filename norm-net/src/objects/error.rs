//! Why an object could not be handed to a session.

use std::fmt;
use std::io;

use norm_core::norm::sender::ConfigError;

/// A sender did not take what it was given.
#[derive(Debug)]
#[non_exhaustive]
pub enum ObjectError {
    /// The session is over, was stopped, or the stream was closed.
    Over,
    /// It does not fit the session's settings.
    Config(ConfigError),
    /// The session would hold more bytes of DATA objects than
    /// [`ObjectSendOptions::max_held`](super::ObjectSendOptions::max_held) allows.
    Full {
        /// The bytes allowed.
        limit: usize,
    },
    /// Too many commands wait to be sent.
    Busy,
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over => f.write_str("the session or stream is over: open another"),
            Self::Config(error) => error.fmt(f),
            Self::Full { limit } => write!(
                f,
                "a session keeps its objects for repair, at most {limit} bytes of them: finish it \
                 and open another, or send a stream"
            ),
            Self::Busy => f.write_str("too many commands wait to be sent: try again later"),
        }
    }
}

impl std::error::Error for ObjectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ConfigError> for ObjectError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<ObjectError> for io::Error {
    fn from(error: ObjectError) -> Self {
        let kind = match error {
            ObjectError::Over => io::ErrorKind::BrokenPipe,
            ObjectError::Config(_) => io::ErrorKind::InvalidInput,
            ObjectError::Full { .. } | ObjectError::Busy => io::ErrorKind::QuotaExceeded,
        };
        Self::new(kind, error)
    }
}
