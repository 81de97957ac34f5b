//! How much room a file system has, and taking it.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::in_place::InPlace;
use super::plan::{Plan, PlannedFile};
use super::system::{self, Room};

/// Gives a new file its length, and as much room on the disk, so that a disk that is too full is
/// noticed now. True if the room is taken; false where the file system cannot do that, or is
/// memory, where it costs half as much as writing: the file is sparse there, and its blocks take
/// room as they are written.
///
/// # Errors
/// When there is too little room, or what the system says.
pub fn reserve(file: &File, len: u64) -> io::Result<bool> {
    set_len(file, len)?;
    reserve_while(file, 0..len, len, || true)
}

/// Gives a file its length, and no room.
///
/// # Errors
/// When the file system has no files of that length, or what the system says.
pub fn set_len(file: &File, len: u64) -> io::Result<()> {
    if i64::try_from(len).is_err() {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    system::set_len(file, len)
}

/// Takes the room for a part of a file that has its length, while `wanted` says so: in steps of
/// `step` bytes, since nothing can be written during one. Whatever its length has become, it stays.
///
/// # Errors
/// As of [`reserve`].
pub fn reserve_while(
    file: &File,
    part: Range<u64>,
    step: u64,
    wanted: impl Fn() -> bool,
) -> io::Result<bool> {
    if system::is_memory(file) {
        return Ok(false);
    }
    let mut from = part.start;
    while from < part.end && wanted() {
        let len = step.clamp(1, part.end - from);
        match system::allocate(file, from, len) {
            Ok(()) => from += len,
            Err(error) if says_too_large(&error) => return Err(error),
            // Not supported here, in one of many words.
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

/// Bytes of room that a file has taken; 0 where the system does not tell.
#[cfg(unix)]
pub fn taken(file: &File) -> u64 {
    system::stat(file).map_or(0, |there| std::os::unix::fs::MetadataExt::blocks(&there) * 512)
}

/// Bytes of room that a file has taken; 0 where the system does not tell.
#[cfg(not(unix))]
pub fn taken(_file: &File) -> u64 {
    0
}

fn says_too_large(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull)
}

/// Gives the room of a part of a file back, whose bytes are not wanted; where the file system
/// cannot do that, nothing happens.
pub fn release(file: &File, from: u64, len: u64) {
    let _ = system::release(file, from, len);
}

/// What a file system has room for; `None` where it does not tell.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Free {
    /// Bytes that may still be written.
    pub bytes: Option<u64>,
    /// Files that may still be made.
    pub files: Option<u64>,
}

impl Free {
    /// What there is room for in this directory.
    pub fn of(directory: &Path) -> Self {
        system::room(directory).map_or(Self::default(), Self::from)
    }
}

/// What a set needs room for.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Bytes of payload that are to come and to be written.
    pub payload: u64,
    /// Bytes of the largest file that is there twice for a while, when it gets its name.
    pub twice: u64,
    /// Files that are to be made.
    pub files: u64,
}

impl Needs {
    /// What these files need, of which `present` bytes have taken room already.
    pub fn new(plan: &Plan, in_place: Option<&InPlace>, present: u64) -> Self {
        let mut needs = Self::default();
        let is_missing = |file: &PlannedFile| !in_place.is_some_and(|files| files.has(file));
        for file in plan.wanted().map(|(_, file)| file).filter(is_missing) {
            needs.payload += file.data;
            needs.files += 1;
            // The payload itself becomes the first one, if that has no holes.
            if file.offset > 0 || file.data < file.size {
                needs.twice = needs.twice.max(file.data);
            }
        }
        needs.payload = needs.payload.saturating_sub(present);
        needs
    }

    /// Checks that this is free in `directory`.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`], with what is missing.
    pub fn check(&self, free: Free, directory: &Path) -> io::Result<()> {
        let &Self { payload, twice, files } = self;
        let full = |words| Err(io::Error::new(io::ErrorKind::StorageFull, words));
        let place = directory.display();
        match (free.bytes, free.files) {
            (Some(bytes), _) if bytes < payload => {
                full(format!("{payload} bytes to come, but in {place} only {bytes} are free"))
            }
            (Some(bytes), _) if bytes < payload.saturating_add(twice) => full(format!(
                "{payload} bytes to come, and {twice} more for a while, when the largest file gets \
                 its name, but in {place} only {bytes} are free"
            )),
            (_, Some(free)) if free < files => full(format!(
                "{files} files to come, but in {place} only {free} more can be made, because its \
                 inodes are used up"
            )),
            _ => Ok(()),
        }
    }
}

/// What it means for a payload of this many bytes that its room cannot be taken.
pub fn no_room(directory: &Path, payload: u64, error: &io::Error) -> io::Error {
    let place = directory.display();
    io::Error::new(error.kind(), format!("{payload} bytes to come, but in {place} {error}"))
}

impl From<Room> for Free {
    fn from(room: Room) -> Self {
        // Some shares say 0 of everything, and some file systems have any number of files.
        let known = |all: u64, free: u64| (all > 0).then_some(free);
        Self {
            bytes: known(room.bytes, room.free_bytes),
            files: known(room.files, room.free_files),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_room_is_taken_where_the_file_system_can_do_that() {
        use std::os::unix::fs::MetadataExt;
        const LEN: u64 = 8 << 20;
        let file = tempfile::tempfile().unwrap();
        let taken = reserve(&file, LEN).unwrap();
        let metadata = file.metadata().unwrap();
        assert_eq!(metadata.len(), LEN);
        assert!(!taken || metadata.blocks() * 512 >= LEN, "{} blocks", metadata.blocks());
    }

    #[test]
    fn in_steps_it_comes_to_the_same_and_ends_when_it_is_no_longer_wanted() {
        let file = tempfile::tempfile().unwrap();
        let taken = reserve_while(&file, 0..1_000_000, 300_000, || true).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 0, "the length is for others to set");
        assert!(!taken || super::taken(&file) >= 1_000_000);
        let file = tempfile::tempfile().unwrap();
        reserve_while(&file, 0..1_000_000, 300_000, || false).unwrap();
        assert_eq!(super::taken(&file), 0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn room_is_given_back_and_the_rest_stays() {
        use std::io::{Seek, Write};
        use std::os::unix::fs::MetadataExt;
        const LEN: usize = 8 << 20;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[7; LEN]).unwrap();
        release(&file, 1 << 20, 6 << 20);
        let metadata = file.metadata().unwrap();
        assert_eq!(metadata.len(), LEN as u64);
        file.rewind().unwrap();
        let content = io::read_to_string(file).unwrap();
        let (holes, rest) = (content[1 << 20..7 << 20].bytes(), content[7 << 20..].bytes());
        let given_back = holes.clone().all(|byte| byte == 0);
        assert!(given_back || holes.clone().all(|byte| byte == 7), "a file system without holes");
        assert!(!given_back || metadata.blocks() * 512 < LEN as u64 / 2);
        assert!(rest.chain(content[..1 << 20].bytes()).all(|byte| byte == 7));
    }

    #[test]
    fn file_system_that_says_zero_of_everything_does_not_know() {
        assert_eq!(Free::from(Room::default()), Free::default());
        let full = Room { bytes: 10, free_bytes: 0, files: 10, free_files: 0 };
        assert_eq!(Free::from(full), Free { bytes: Some(0), files: Some(0) });
        let any_number = Room { files: 0, free_files: 0, ..full };
        assert_eq!(Free::from(any_number).files, None);
    }

    #[test]
    fn nothing_to_take_is_no_error() {
        let file = tempfile::tempfile().unwrap();
        reserve(&file, 0).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn more_than_any_disk_has_is_refused_rather_than_sparse() {
        let file = tempfile::tempfile().unwrap();
        assert!(says_too_large(&reserve(&file, 1 << 62).unwrap_err()));
        assert!(says_too_large(&reserve(&file, u64::MAX).unwrap_err()));
        assert_eq!(file.metadata().unwrap().len(), 0);
    }
}
