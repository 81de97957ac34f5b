//! How much room a file system has, and taking it.

use std::fs::File;
use std::io;
use std::path::Path;

use super::system;

/// Gives a new file its length, and as much room on the disk, so that a disk that is too full is
/// noticed now. True if the room is taken; false where the file system cannot do that, or is
/// memory, where it costs half as much as writing: the file is sparse there, and its blocks take
/// room as they are written.
///
/// # Errors
/// When there is too little room, or what the system says.
pub fn reserve(file: &File, len: u64) -> io::Result<bool> {
    set_len(file, len)?;
    reserve_while(file, len, len, || true)
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

/// Takes the room for a file that has its length, while `wanted` says so: in steps of `step` bytes,
/// since nothing can be written during one. Whatever its length has become, it stays.
///
/// # Errors
/// As of [`reserve`].
pub fn reserve_while(
    file: &File,
    len: u64,
    step: u64,
    wanted: impl Fn() -> bool,
) -> io::Result<bool> {
    if system::is_memory(file) {
        return Ok(false);
    }
    let mut from = 0;
    while from < len && wanted() {
        let part = step.clamp(1, len - from);
        match system::allocate(file, from, part) {
            Ok(()) => from += part,
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

/// Bytes that may still be written where `directory` is; `None` where the system does not tell.
pub fn free(directory: &Path) -> Option<u64> {
    let room = system::room(directory).ok()?;
    // Some shares say 0 of everything.
    (room.bytes > 0).then_some(room.free_bytes)
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
        let taken = reserve_while(&file, 1_000_000, 300_000, || true).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 0, "the length is for others to set");
        assert!(!taken || super::taken(&file) >= 1_000_000);
        let file = tempfile::tempfile().unwrap();
        reserve_while(&file, 1_000_000, 300_000, || false).unwrap();
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
