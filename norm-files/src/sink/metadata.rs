//! Modes and times of files that are made: the sender's, as far as they are harmless.

use std::fs::{File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use norm_core::fileset::Mtime;

use super::system;
use crate::SystemError;

/// Mode for files of senders that say none.
pub const DEFAULT_FILE_MODE: u32 = 0o644;
/// Mode for directories of senders that say none.
pub const DEFAULT_DIRECTORY_MODE: u32 = 0o755;
/// Permissions of user, group and others: no set-user-id and the like from the network.
const PERMISSIONS: u32 = 0o777;

/// The mode to set for one that a sender says; 0 stands for none.
pub fn permissions(mode: u32, default: u32) -> u32 {
    if mode == 0 { default } else { mode & PERMISSIONS }
}

/// Modes and times that the file system refused to set; the content counts all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedMetadata {
    /// Files and directories; at least 1.
    pub entries: u64,
    /// The first of them.
    pub first: PathBuf,
    /// What the system said of it.
    pub error: SystemError,
}

impl RefusedMetadata {
    /// Notes one more, if this says that it was refused.
    pub fn note(noted: &mut Option<Self>, path: &Path, set: io::Result<()>) {
        let Err(error) = set else { return };
        let first = || Self { entries: 0, first: path.to_owned(), error: error.into() };
        noted.get_or_insert_with(first).entries += 1;
    }
}

/// Sets mode and time of modification: each, whatever becomes of the other one.
///
/// # Errors
/// What the system says; nothing else depends on either.
pub fn set_metadata(file: &File, mode: u32, mtime: Mtime) -> io::Result<()> {
    let mode = system::set_mode(file, mode);
    mode.and(set_time(file, mtime))
}

/// Sets the time of modification; one that the system cannot express is left out.
pub fn set_time(file: &File, mtime: Mtime) -> io::Result<()> {
    let whole = Duration::from_secs(mtime.seconds.unsigned_abs());
    let start = if mtime.seconds < 0 {
        UNIX_EPOCH.checked_sub(whole)
    } else {
        UNIX_EPOCH.checked_add(whole)
    };
    let time: Option<SystemTime> =
        start.and_then(|t| t.checked_add(Duration::from_nanos(mtime.nanos.into())));
    let Some(time) = time else { return Ok(()) };
    match system::set_times(file, FileTimes::new().set_modified(time)) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_beyond_what_the_system_knows_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::create(dir.path().join("f")).unwrap();
        for seconds in [i64::MIN, i64::MAX, -1, 0] {
            set_time(&file, Mtime { seconds, nanos: 999_999_999 }).unwrap();
        }
        assert_eq!(
            file.metadata().unwrap().modified().unwrap(),
            UNIX_EPOCH + Duration::from_nanos(999_999_999)
        );
    }
}
