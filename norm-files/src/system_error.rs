//! What the operating system said about a call that failed.

use std::fmt;
use std::io;

/// An error of the operating system: unlike [`io::Error`] it can be cloned and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SystemError {
    /// What kind of error it is.
    pub kind: io::ErrorKind,
    /// The system's number of it, where that is known.
    pub code: Option<i32>,
    /// What the system said.
    pub message: String,
}

impl fmt::Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SystemError {}

impl SystemError {
    /// True when the process, or the system, has as many files open as it may.
    pub fn is_file_limit(&self) -> bool {
        is_file_limit(self.code)
    }
}

/// True for the number of an error that says that too many files are open.
pub(crate) fn is_file_limit(code: Option<i32>) -> bool {
    // EMFILE and ENFILE have no kinds.
    cfg!(unix) && matches!(code, Some(24 | 23))
}

impl From<&io::Error> for SystemError {
    fn from(error: &io::Error) -> Self {
        Self { kind: error.kind(), code: error.raw_os_error(), message: error.to_string() }
    }
}

impl From<io::Error> for SystemError {
    fn from(error: io::Error) -> Self {
        Self::from(&error)
    }
}
