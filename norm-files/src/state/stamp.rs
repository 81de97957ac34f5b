//! What tells that a file has not changed: its number, size and times.

use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file that was changed as short a time before may be changed again without being told from
/// before: clocks of file systems are coarse.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// Bytes of the encoded form.
pub(crate) const STAMP_LEN: usize = 48;

/// A file at some time, by device and number, size, and the times of its last changes. As long as
/// these are the same its content is, too.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds since 1970, and nanoseconds.
    modified: (i64, u32),
    /// The same of any change, of names and modes too.
    changed: (i64, u32),
}

impl Stamp {
    /// What the system says of a file; `None` where it does not say enough.
    #[cfg(unix)]
    pub fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let nanos = |nanos: i64| u32::try_from(nanos).ok();
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), nanos(metadata.mtime_nsec())?),
            changed: (metadata.ctime(), nanos(metadata.ctime_nsec())?),
        })
    }

    /// What the system says of a file; `None` where it does not say enough.
    #[cfg(not(unix))]
    pub fn of(_: &Metadata) -> Option<Self> {
        None
    }

    /// True when the file was not changed since 2 seconds before `at`, so that what was read from
    /// then on is what is in it.
    pub fn is_settled(&self, at: SystemTime) -> bool {
        let Ok(at) = at.duration_since(UNIX_EPOCH) else { return false };
        let Some(at) = at.checked_sub(SETTLED_AFTER) else { return false };
        let at = (i64::try_from(at.as_secs()).unwrap_or(i64::MAX), at.subsec_nanos());
        self.modified <= at && self.changed <= at
    }

    /// Device and number.
    pub(crate) fn identity(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.device.to_be_bytes());
        bytes[8..].copy_from_slice(&self.inode.to_be_bytes());
        bytes
    }

    /// The encoded form: device, number, size, and seconds and nanoseconds of both times.
    pub(crate) fn emit(&self) -> [u8; STAMP_LEN] {
        let mut bytes = [0; STAMP_LEN];
        bytes[..16].copy_from_slice(&self.identity());
        bytes[16..24].copy_from_slice(&self.size.to_be_bytes());
        bytes[24..32].copy_from_slice(&self.modified.0.to_be_bytes());
        bytes[32..36].copy_from_slice(&self.modified.1.to_be_bytes());
        bytes[36..44].copy_from_slice(&self.changed.0.to_be_bytes());
        bytes[44..].copy_from_slice(&self.changed.1.to_be_bytes());
        bytes
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn stamp_tells_files_and_changes_apart() {
        let dir = tempfile::tempdir().unwrap();
        let stamp = |name: &str| Stamp::of(&fs::metadata(dir.path().join(name)).unwrap()).unwrap();
        fs::write(dir.path().join("a"), "same").unwrap();
        fs::write(dir.path().join("b"), "same").unwrap();
        let before = stamp("a");
        assert_eq!((before, before.emit()), (stamp("a"), stamp("a").emit()));
        assert_ne!(before.emit(), stamp("b").emit());
        fs::write(dir.path().join("a"), "longer").unwrap();
        assert_ne!(before.emit(), stamp("a").emit());
        assert_eq!(before.identity(), stamp("a").identity());
    }

    #[test]
    fn file_is_settled_two_seconds_after_its_last_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "x").unwrap();
        let now = SystemTime::now();
        let old = now - Duration::from_secs(1_000);
        fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        let stamp = Stamp::of(&fs::metadata(&path).unwrap()).unwrap();
        assert!(!stamp.is_settled(now), "its other time is new");
        assert!(!stamp.is_settled(UNIX_EPOCH) && !stamp.is_settled(old));
        assert!(stamp.is_settled(SystemTime::now() + Duration::from_secs(3)));
    }
}
