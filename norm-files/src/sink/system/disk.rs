//! System calls that the standard library does not offer.

use std::fs::File;
use std::io;
use std::path::Path;

use super::{Call, pass};

/// What a file system says of its room. Some say 0 of everything, and mean that they do not know.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes in all.
    pub bytes: u64,
    /// Bytes that may still be written.
    pub free_bytes: u64,
    /// Files in all.
    pub files: u64,
    /// Files that may still be made.
    pub free_files: u64,
}

/// The room of the file system that has this directory.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(unsafe_code, reason = "the standard library does not tell the free space")]
pub fn room(directory: &Path) -> io::Result<Room> {
    use std::ffi::CString;
    use std::mem::MaybeUninit;
    use std::os::unix::ffi::OsStrExt;

    pass(Call::Room)?;
    let path = CString::new(directory.as_os_str().as_bytes())?;
    let mut answer = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends with a zero byte and outlives the call, which writes no more than one
    // `statvfs` to the other pointer; zeroed, it is a valid one whatever is written of it.
    let answer = unsafe {
        if libc::statvfs(path.as_ptr(), answer.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        answer.assume_init()
    };
    Ok(Room {
        bytes: answer.f_blocks.saturating_mul(answer.f_frsize),
        free_bytes: answer.f_bavail.saturating_mul(answer.f_frsize),
        files: answer.f_files,
        free_files: answer.f_favail,
    })
}

/// The room of the file system that has this directory.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn room(_directory: &Path) -> io::Result<Room> {
    pass(Call::Room)?;
    Err(io::ErrorKind::Unsupported.into())
}

/// File systems whose writes fail at once if they fail: those of local disks.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LOCAL: [u64; 13] = [
    0xef53,      // ext2, ext3, ext4
    0x5846_5342, // xfs
    0x9123_683e, // btrfs
    0xca45_1a4e, // bcachefs
    0xf2f5_2010, // f2fs
    0x2fc1_2fc1, // zfs
    0x794c_7630, // overlay
    0x0102_1994, // tmpfs
    0x8584_58f6, // ramfs
    0x4d44,      // FAT
    0x2011_bab0, // exFAT
    0x7366_746e, // NTFS of the kernel
    0x3153_464a, // JFS
];

/// True on a file system that refuses a write at once when it has no room for it. Shares, and all
/// that is not known, may refuse it later, when the file is flushed.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn reports_at_once(file: &File) -> bool {
    kind(file).is_ok_and(|kind| LOCAL.contains(&kind))
}

/// True on a file system that refuses a write at once when it has no room for it.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn reports_at_once(_file: &File) -> bool {
    false
}

/// True on `tmpfs`.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn is_memory(file: &File) -> bool {
    kind(file).is_ok_and(|kind| kind == 0x0102_1994)
}

/// True on `tmpfs`.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn is_memory(_file: &File) -> bool {
    false
}

/// The kernel's number of the kind of file system.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(unsafe_code, reason = "the standard library does not tell the kind of a file system")]
fn kind(file: &File) -> io::Result<u64> {
    use std::mem::MaybeUninit;
    use std::os::fd::AsRawFd;

    pass(Call::Kind)?;
    let mut answer = MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: the descriptor is open for as long as `file` is borrowed, and the call writes no more
    // than one `statfs` to the pointer; zeroed, it is a valid one whatever is written of it.
    let answer = unsafe {
        if libc::fstatfs(file.as_raw_fd(), answer.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        answer.assume_init()
    };
    // The type is signed, and of 32 or 64 bits; the numbers have 32.
    Ok(answer.f_type as u64 & 0xffff_ffff)
}

/// Copies `len` bytes within the system, which may share them between both files; returns how many
/// it took before it would take no more.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn copy(from: &File, offset: u64, len: u64, to: &File, at: u64) -> u64 {
    let (mut from_at, mut to_at) = (offset, at);
    while to_at - at < len {
        let rest = usize::try_from(len - (to_at - at)).unwrap_or(usize::MAX).min(1 << 30);
        let (read, written) = (Some(&mut from_at), Some(&mut to_at));
        match rustix::fs::copy_file_range(from, read, to, written, rest) {
            Ok(1..) | Err(rustix::io::Errno::INTR) => {}
            Ok(0) | Err(_) => break,
        }
    }
    to_at - at
}

/// Copies nothing: what the system cannot copy is read and written.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn copy(_from: &File, _offset: u64, _len: u64, _to: &File, _at: u64) -> u64 {
    0
}

/// Takes the room, as `fallocate` does. Not `posix_fallocate`: the C library writes every block
/// where the file system cannot do it.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn allocate(file: &File, from: u64, len: u64) -> io::Result<()> {
    pass(Call::Allocate)?;
    fallocate(file, libc::FALLOC_FL_KEEP_SIZE, from, len)
}

/// Gives the room of a part of a file back, whose bytes are not wanted.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn release(file: &File, from: u64, len: u64) -> io::Result<()> {
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    fallocate(file, mode, from, len)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn allocate(_file: &File, _from: u64, _len: u64) -> io::Result<()> {
    pass(Call::Allocate)?;
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn release(_file: &File, _from: u64, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Where the next content of a file may be, from `at` on; at its end if there is none.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn next_data(file: &File, at: u64) -> u64 {
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(at)) {
        Ok(found) => found,
        Err(rustix::io::Errno::NXIO) => u64::MAX,
        // A file system that does not tell.
        Err(_) => at,
    }
}

/// Where the next content of a file may be, from `at` on; at its end if there is none.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn next_data(_file: &File, at: u64) -> u64 {
    at
}

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

/// Closes one descriptor of a file, another one of which stays open: shares flush it then, and say
/// what they could not write. The standard library closes without listening.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the standard library does not tell what closing a file said")]
pub fn close(file: &File) -> io::Result<()> {
    use std::os::fd::IntoRawFd;

    let descriptor = file.try_clone()?.into_raw_fd();
    // SAFETY: the descriptor was made for this call, and nothing else has it.
    let closed = unsafe { libc::close(descriptor) };
    let result = if closed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    pass(Call::Close).and(result)
}

#[cfg(not(unix))]
pub fn close(_file: &File) -> io::Result<()> {
    pass(Call::Close)
}
