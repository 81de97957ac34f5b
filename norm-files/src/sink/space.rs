//! How much room a file system has, and taking it.

use std::fs::File;
use std::io;
use std::path::Path;

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
    file.set_len(len)
}

/// Takes the room for a file that has its length, in steps of so many bytes, since nobody can write
/// meanwhile, and for as long as `wanted`. Whatever its length has become, it stays.
///
/// # Errors
/// As of [`reserve`].
pub fn reserve_while(
    file: &File,
    len: u64,
    step: u64,
    wanted: impl Fn() -> bool,
) -> io::Result<bool> {
    if is_memory(file) {
        return Ok(false);
    }
    let mut from = 0;
    while from < len && wanted() {
        let part = step.clamp(1, len - from);
        match allocate(file, from, part) {
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
    file.metadata().map_or(0, |there| std::os::unix::fs::MetadataExt::blocks(&there) * 512)
}

/// Bytes of room that a file has taken; 0 where the system does not tell.
#[cfg(not(unix))]
pub fn taken(_file: &File) -> u64 {
    0
}

/// True on `tmpfs`.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(unsafe_code, reason = "the standard library does not tell the kind of a file system")]
fn is_memory(file: &File) -> bool {
    use std::mem::MaybeUninit;
    use std::os::fd::AsRawFd;

    let mut answer = MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: the descriptor is open for as long as `file` is borrowed, and the call writes no more
    // than one `statfs` to the pointer; zeroed, it is a valid one whatever is written of it.
    let answer = unsafe {
        if libc::fstatfs(file.as_raw_fd(), answer.as_mut_ptr()) != 0 {
            return false;
        }
        answer.assume_init()
    };
    answer.f_type == libc::TMPFS_MAGIC
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_memory(_file: &File) -> bool {
    false
}

fn says_too_large(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull)
}

/// Takes the room, as `fallocate` does. Not `posix_fallocate`: the C library writes every block
/// where the file system cannot do it.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn allocate(file: &File, from: u64, len: u64) -> io::Result<()> {
    fallocate(file, libc::FALLOC_FL_KEEP_SIZE, from, len)
}

/// Gives the room of a part of a file back, whose bytes are not wanted; where the file system
/// cannot do that, nothing happens.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn release(file: &File, from: u64, len: u64) {
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    let _ = fallocate(file, mode, from, len);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn release(_file: &File, _from: u64, _len: u64) {}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(unsafe_code, reason = "the standard library cannot take room ahead, nor give it back")]
fn fallocate(file: &File, mode: libc::c_int, from: u64, len: u64) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    let from = i64::try_from(from).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let size = i64::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
    loop {
        // SAFETY: the call gets numbers only; the descriptor is open for as long as `file` is
        // borrowed.
        if unsafe { libc::fallocate64(file.as_raw_fd(), mode, from, size) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn allocate(_file: &File, _from: u64, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Bytes that may still be written where `directory` is; `None` where the system does not tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(unsafe_code, reason = "the standard library does not tell the free space")]
pub fn free(directory: &Path) -> Option<u64> {
    use std::ffi::CString;
    use std::mem::MaybeUninit;
    use std::os::unix::ffi::OsStrExt;

    let path = CString::new(directory.as_os_str().as_bytes()).ok()?;
    let mut answer = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends with a zero byte and outlives the call, which writes no more than one
    // `statvfs` to the other pointer; zeroed, it is a valid one whatever is written of it.
    let answer = unsafe {
        if libc::statvfs(path.as_ptr(), answer.as_mut_ptr()) != 0 {
            return None;
        }
        answer.assume_init()
    };
    answer.f_bavail.checked_mul(answer.f_frsize)
}

/// Bytes that may still be written where `directory` is; `None` where the system does not tell.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn free(_directory: &Path) -> Option<u64> {
    None
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
