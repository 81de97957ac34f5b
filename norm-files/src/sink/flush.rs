//! What file systems promise of what was written.

use std::fs::File;
use std::io;

use super::system;

/// Waits for what a file system has not promised yet: shares take a write, and may refuse it when
/// the file is closed or flushed. On a local disk that would cost much and tell nothing.
///
/// # Errors
/// When what was written does not stay.
pub fn flush(file: &File) -> io::Result<()> {
    system::close(file)?;
    if system::reports_at_once(file) {
        return Ok(());
    }
    match system::sync(file) {
        // Not every file system can.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        synced => synced,
    }
}
