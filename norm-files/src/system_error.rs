//! What the system said about a call that failed.

use std::error::Error;
use std::fmt;
use std::io;

/// An error of the system as a value that can be copied and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemError {
    kind: io::ErrorKind,
    message: String,
}

impl SystemError {
    /// What kind of failure it is.
    pub fn kind(&self) -> io::ErrorKind {
        self.kind
    }
}

impl From<io::Error> for SystemError {
    fn from(error: io::Error) -> Self {
        Self { kind: error.kind(), message: error.to_string() }
    }
}

impl fmt::Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for SystemError {}
