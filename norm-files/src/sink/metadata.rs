//! Modes and times of files that are made: the sender's, as far as they are harmless.

use std::fs::{File, FileTimes};
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use norm_core::fileset::Mtime;

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

/// Sets the mode, where files have one.
#[cfg(unix)]
pub fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

/// Sets the mode, where files have one.
#[cfg(not(unix))]
pub fn set_mode(_file: &File, _mode: u32) -> io::Result<()> {
    Ok(())
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
    match file.set_times(FileTimes::new().set_modified(time)) {
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
