//! Every system call of the sink goes through this module, so that tests can have each of them
//! fail (`faults`). It decides nothing; without the feature `faults` it costs nothing.

#[cfg(unix)]
mod at;
#[cfg(not(unix))]
mod at_paths;
mod disk;
#[cfg(feature = "faults")]
pub mod faults;

use std::fs::{self, File, FileTimes, Metadata, OpenOptions, ReadDir, TryLockError};
use std::io::{self, Read};
use std::path::Path;

use crate::positioned;
#[cfg(unix)]
use at as directory;
#[cfg(not(unix))]
use at_paths as directory;

pub use directory::{
    Handle, create_at, id, link_at, link_file_at, look_at, make_directory_at, make_link_at,
    open_at, open_directory, open_directory_at, open_root, open_to_write_at, read_link_at,
    remove_at, remove_directory_at, rename_at, rename_new_at, set_attribute, set_link_owner_at,
    set_link_time_at, set_owner,
};
pub use disk::{Room, allocate, close, is_memory, reports_at_once, room};

/// As many bytes are copied by reading and writing them: that is quicker than to ask the system to.
const COPIED_IN_MEMORY: u64 = 128 << 10;

/// A kind of system call.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// To open a file or directory that exists, or may (`open`).
    Open,
    /// To open a new file (`open` with `O_CREAT`).
    Create,
    /// To look at what has a name (`lstat`).
    Look,
    /// To look at an open file (`fstat`).
    Stat,
    /// To read (`pread`).
    Read,
    /// To write (`pwrite`).
    Write,
    /// To copy a part of a file (`copy_file_range`).
    Copy,
    /// To set a file's length (`ftruncate`).
    SetLen,
    /// To take room (`fallocate`).
    Allocate,
    /// To give room back (`fallocate`, punching a hole).
    Release,
    /// To give a name, replacing what has it (`rename`).
    Rename,
    /// To give a second name (`link`).
    Link,
    /// To remove a name (`unlink`).
    Remove,
    /// To make a directory (`mkdir`).
    MakeDirectory,
    /// To make a symbolic link (`symlink`).
    MakeLink,
    /// To list a directory (`getdents`).
    List,
    /// To lock a file (`flock`).
    Lock,
    /// To set the mode of a file or directory (`fchmod`).
    SetMode,
    /// To set its times (`futimens`).
    SetTimes,
    /// To set its user and group (`fchown`).
    SetOwner,
    /// To set an extended attribute (`fsetxattr`).
    SetAttribute,
    /// To have written what is in the cache (`fsync`).
    Sync,
    /// To close a file that was written (`close`).
    Close,
    /// To ask a file system for its room (`statvfs`).
    Room,
    /// To ask a file system for its kind (`fstatfs`).
    Kind,
}

/// What something is that has a name.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// Something else.
    Other,
}

/// What there is under a name.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct There {
    /// What it is.
    pub kind: FileKind,
    /// Bytes of a file.
    pub len: u64,
    /// Numbers of file system and file; zeros where there are none.
    pub id: (u64, u64),
}

/// Fails where a test wants this call to.
#[inline]
#[cfg(feature = "faults")]
fn pass(call: Call) -> io::Result<()> {
    faults::pass(call)
}

/// Fails where a test wants this call to.
#[inline(always)]
#[cfg(not(feature = "faults"))]
#[expect(clippy::unnecessary_wraps, clippy::inline_always, reason = "as with the feature")]
fn pass(_call: Call) -> io::Result<()> {
    Ok(())
}

/// The bytes that belong at `offset` of a payload, perhaps damaged where a test wants it.
#[cfg(feature = "faults")]
pub fn in_memory(bytes: &[u8], offset: u64) -> std::borrow::Cow<'_, [u8]> {
    faults::in_memory(bytes, offset)
}

/// The bytes that belong at `offset` of a payload.
#[cfg(not(feature = "faults"))]
pub fn in_memory(bytes: &[u8], _offset: u64) -> std::borrow::Cow<'_, [u8]> {
    std::borrow::Cow::Borrowed(bytes)
}

/// Opens what is there, or what is made when it is not.
pub fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    pass(Call::Open)?;
    options.open(path)
}

/// Opens what these options make.
pub fn create(options: &OpenOptions, path: &Path) -> io::Result<File> {
    pass(Call::Create)?;
    options.open(path)
}

/// What has this name; of a link, the link.
pub fn look(path: &Path) -> io::Result<Metadata> {
    pass(Call::Look)?;
    fs::symlink_metadata(path)
}

/// Where a symbolic link leads.
pub fn read_link(path: &Path) -> io::Result<std::path::PathBuf> {
    pass(Call::Look)?;
    fs::read_link(path)
}

/// What an open file is.
pub fn stat(file: &File) -> io::Result<Metadata> {
    pass(Call::Stat)?;
    file.metadata()
}

/// Fills `buffer` from `offset` on.
pub fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    pass(Call::Read)?;
    positioned::read_exact_at(file, buffer, offset)
}

/// Writes all of `bytes` from `offset` on.
pub fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    pass(Call::Write)?;
    positioned::write_all_at(file, bytes, offset)
}

/// All that is left of a file, at most `limit` bytes.
pub fn read_to_end(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    pass(Call::Read)?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Copies `len` bytes, from `offset` on, to a place in another file; from several threads at once.
///
/// # Errors
/// [`io::ErrorKind::UnexpectedEof`] when there are fewer; what the system says.
pub fn copy(from: &File, offset: u64, len: u64, to: &File, at: u64) -> io::Result<()> {
    pass(Call::Copy)?;
    let done = if len > COPIED_IN_MEMORY { disk::copy(from, offset, len, to, at) } else { 0 };
    let (offset, len, at) = (offset + done, len - done, at + done);
    let mut buffer = vec![0; usize::try_from(len.min(COPIED_IN_MEMORY)).unwrap_or_default()];
    let mut copied = 0;
    while copied < len {
        let step = usize::try_from(len - copied).unwrap_or(usize::MAX).min(buffer.len());
        let bytes = &mut buffer[..step];
        positioned::read_exact_at(from, bytes, offset + copied)?;
        positioned::write_all_at(to, bytes, at + copied)?;
        copied += step as u64;
    }
    Ok(())
}

/// Where the next content of a file may be, from `at` on; at its end if there is none.
pub fn next_data(file: &File, at: u64) -> u64 {
    disk::next_data(file, at)
}

/// Gives a file its length.
pub fn set_len(file: &File, len: u64) -> io::Result<()> {
    pass(Call::SetLen)?;
    file.set_len(len)
}

/// Gives the room of a part of a file back, whose bytes are not wanted.
pub fn release(file: &File, from: u64, len: u64) -> io::Result<()> {
    pass(Call::Release)?;
    disk::release(file, from, len)
}

/// Gives a file a name, which another one may have had.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    pass(Call::Rename)?;
    fs::rename(from, to)
}

/// Removes a name of a file.
pub fn remove(path: &Path) -> io::Result<()> {
    pass(Call::Remove)?;
    fs::remove_file(path)
}

/// What a directory holds.
pub fn list(path: &Path) -> io::Result<ReadDir> {
    pass(Call::List)?;
    fs::read_dir(path)
}

/// Locks a file, unless another process has.
pub fn try_lock(file: &File) -> Result<(), TryLockError> {
    pass(Call::Lock).map_err(TryLockError::Error)?;
    file.try_lock()
}

/// Sets the mode, where files have one.
#[cfg(unix)]
pub fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    pass(Call::SetMode)?;
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

/// Sets the mode, where files have one.
#[cfg(not(unix))]
pub fn set_mode(_file: &File, _mode: u32) -> io::Result<()> {
    pass(Call::SetMode)
}

/// Sets times.
pub fn set_times(file: &File, times: FileTimes) -> io::Result<()> {
    pass(Call::SetTimes)?;
    file.set_times(times)
}

/// Waits until a file system has what was written.
pub fn sync(file: &File) -> io::Result<()> {
    pass(Call::Sync)?;
    file.sync_all()
}
