//! Modes, times, owners and attributes of files that are made: the sender's, as far as they are
//! harmless or wanted.

use std::fs::{File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use norm_core::fileset::Mtime;

use super::output::Place;
use super::owners::Owners;
use super::plan::{Attributes, PlannedLink, PlannedOwner};
use super::system;
use crate::{Preserve, SystemError};

/// Mode for files of senders that say none.
pub const DEFAULT_FILE_MODE: u32 = 0o644;
/// Mode for directories of senders that say none.
pub const DEFAULT_DIRECTORY_MODE: u32 = 0o755;
/// Modes, times, owners and attributes that the system refused to set; the content counts all the
/// same.
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

    /// Adds what was noted elsewhere.
    pub fn join(noted: &mut Option<Self>, other: Option<Self>) {
        match (noted.as_mut(), other) {
            (Some(noted), Some(other)) => noted.entries += other.entries,
            (None, other) => *noted = other,
            (Some(_), None) => {}
        }
    }
}

/// What a sender says of a file or directory.
#[derive(Copy, Clone, Debug)]
pub struct Wanted<'a> {
    /// Mode bits; 0 stands for none.
    pub mode: u32,
    /// Mode where the sender says none.
    pub default_mode: u32,
    /// When it was last modified.
    pub mtime: Mtime,
    /// Owner and extended attributes.
    pub attributes: &'a Attributes,
}

/// Sets what is to be preserved.
#[derive(Debug)]
pub struct MetadataSetter {
    preserve: Preserve,
    owners: Owners,
}

impl MetadataSetter {
    /// Sets permissions and times, and this.
    pub fn new(preserve: Preserve) -> Self {
        Self { preserve, owners: Owners::default() }
    }

    /// Sets all of it on a file or directory of ours: each, whatever becomes of the others.
    ///
    /// # Errors
    /// What the system said first; nothing else depends on it.
    pub fn set(&mut self, file: &File, wanted: Wanted<'_>) -> io::Result<()> {
        // The owner first: a change of it takes bits of the mode and capabilities away.
        let owner = self.set_owner(file, wanted.attributes.owner());
        // What nobody may write has no attributes set by its owner.
        let xattrs = self.set_xattrs(file, wanted.attributes);
        let bits = match owner {
            Ok(()) => self.preserve.mode_bits(),
            // They would be those of another user's file.
            Err(_) => Preserve::default().mode_bits(),
        };
        let mode = if wanted.mode == 0 { wanted.default_mode } else { wanted.mode & bits };
        let mode = system::set_mode(file, mode);
        owner.and(xattrs).and(mode).and(set_time(file, wanted.mtime))
    }

    fn set_owner(&mut self, file: &File, owner: Option<&PlannedOwner>) -> io::Result<()> {
        let Some(owner) = owner.filter(|_| self.preserve.owner) else { return Ok(()) };
        let (user, group) = self.owners.ids(owner);
        system::set_owner(file, Some(user), Some(group)).inspect_err(|_| {
            // A user who may not give files away may be in several groups.
            let _ = system::set_owner(file, None, Some(group));
        })
    }

    fn set_xattrs(&self, file: &File, attributes: &Attributes) -> io::Result<()> {
        let wanted = attributes.xattrs().iter().filter(|x| self.preserve.wants_xattr(&x.name));
        let mut set = Ok(());
        for xattr in wanted {
            set = set.and(system::set_attribute(file, &xattr.name, &xattr.value));
        }
        set
    }

    /// Sets time and owner of a symbolic link of ours.
    ///
    /// # Errors
    /// As of [`set`](Self::set).
    pub fn set_link(&mut self, place: &Place, link: &PlannedLink) -> io::Result<()> {
        let owner = match link.owner.as_ref().filter(|_| self.preserve.owner) {
            Some(owner) => place.set_link_owner(self.owners.ids(owner)),
            None => Ok(()),
        };
        let time = place.set_link_time((link.mtime.seconds, link.mtime.nanos));
        owner.and(match time {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            set => set,
        })
    }
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
