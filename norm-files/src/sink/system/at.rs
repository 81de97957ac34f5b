//! System calls on what has a name in an open directory. None of them follows a link.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{self as sys, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::{Call, FileKind, There, pass};

/// An open directory.
#[derive(Debug)]
pub struct Handle(OwnedFd);

/// How directories are opened that are only gone through.
#[cfg(any(target_os = "linux", target_os = "android"))]
const THROUGH: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// How directories are opened that are only gone through.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const THROUGH: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// How a file is opened that may have become something else: a pipe is not waited for.
const CAREFULLY: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
/// Mode of new files: not for other users to read before they are verified.
const NEW_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Opens the directory with this name, which may be a link to one.
pub fn open_root(path: &Path) -> io::Result<Handle> {
    pass(Call::Open)?;
    Ok(Handle(sys::open(path, THROUGH, Mode::empty())?))
}

/// Opens a directory below another one: plain components, none of which is a link.
///
/// # Errors
/// [`io::ErrorKind::NotADirectory`] when one of them is, or is a file.
pub fn open_directory(from: &Handle, below: &Path) -> io::Result<Handle> {
    pass(Call::Open)?;
    let opened = match open_at_once(from, below) {
        // An old kernel, a sandbox, directories that move meanwhile, or a very long name.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN | Errno::NAMETOOLONG) => {
            open_in_steps(from, below)
        }
        opened => opened,
    };
    match opened {
        Ok(opened) => Ok(Handle(opened)),
        Err(Errno::LOOP) => Err(io::ErrorKind::NotADirectory.into()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn open_at_once(from: &Handle, below: &Path) -> Result<OwnedFd, Errno> {
    use sys::ResolveFlags;
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    sys::openat2(&from.0, below, THROUGH | OFlags::NOFOLLOW, Mode::empty(), how)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn open_at_once(_from: &Handle, _below: &Path) -> Result<OwnedFd, Errno> {
    Err(Errno::NOSYS)
}

fn open_in_steps(from: &Handle, below: &Path) -> Result<OwnedFd, Errno> {
    let mut at: Option<OwnedFd> = None;
    for name in below {
        let from = at.as_ref().unwrap_or(&from.0).as_fd();
        let next = sys::openat(from, name, THROUGH | OFlags::NOFOLLOW, Mode::empty())?;
        at = Some(next);
    }
    at.ok_or(Errno::NOENT)
}

/// What has this name; of a link, the link.
pub fn look_at(directory: &Handle, name: &OsStr) -> io::Result<There> {
    pass(Call::Look)?;
    let found = sys::statat(&directory.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let kind = match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Link,
        _ => FileKind::Other,
    };
    let len = u64::try_from(found.st_size).unwrap_or(0);
    // The types differ between systems.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
    let id = (found.st_dev as u64, u64::from(found.st_ino));
    Ok(There { kind, len, id })
}

/// Opens a file for reading.
pub fn open_at(directory: &Handle, name: &OsStr) -> io::Result<File> {
    pass(Call::Open)?;
    let opened = sys::openat(&directory.0, name, OFlags::RDONLY | CAREFULLY, Mode::empty())?;
    Ok(opened.into())
}

/// Opens a file for reading and writing.
pub fn open_to_write_at(directory: &Handle, name: &OsStr) -> io::Result<File> {
    pass(Call::Open)?;
    let opened = sys::openat(&directory.0, name, OFlags::RDWR | CAREFULLY, Mode::empty())?;
    Ok(opened.into())
}

/// Opens a directory itself, to set its mode and the like.
pub fn open_directory_at(directory: &Handle, name: &OsStr) -> io::Result<File> {
    pass(Call::Open)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | CAREFULLY;
    Ok(sys::openat(&directory.0, name, flags, Mode::empty())?.into())
}

/// Makes a file, for reading and writing.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when something has the name.
pub fn create_at(directory: &Handle, name: &OsStr) -> io::Result<File> {
    pass(Call::Create)?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | CAREFULLY;
    Ok(sys::openat(&directory.0, name, flags, NEW_FILE)?.into())
}

/// Gives something a name, which another one may have had.
pub fn rename_at(from: (&Handle, &OsStr), to: (&Handle, &OsStr)) -> io::Result<()> {
    pass(Call::Rename)?;
    Ok(sys::renameat(&from.0.0, from.1, &to.0.0, to.1)?)
}

/// Gives something a name that nothing has.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when something has it; [`io::ErrorKind::Unsupported`] where a
/// file system cannot do that in one step.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn rename_new_at(from: (&Handle, &OsStr), to: (&Handle, &OsStr)) -> io::Result<()> {
    pass(Call::Rename)?;
    let flags = sys::RenameFlags::NOREPLACE;
    match sys::renameat_with(&from.0.0, from.1, &to.0.0, to.1, flags) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            Err(io::ErrorKind::Unsupported.into())
        }
        renamed => Ok(renamed?),
    }
}

/// Gives something a name that nothing has.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`]: it cannot be done in one step.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn rename_new_at(_from: (&Handle, &OsStr), _to: (&Handle, &OsStr)) -> io::Result<()> {
    pass(Call::Rename)?;
    Err(io::ErrorKind::Unsupported.into())
}

/// Gives what has a name a second one.
pub fn link_at(from: (&Handle, &OsStr), to: (&Handle, &OsStr)) -> io::Result<()> {
    pass(Call::Link)?;
    Ok(sys::linkat(&from.0.0, from.1, &to.0.0, to.1, AtFlags::empty())?)
}

/// Gives an open file a second name.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] also where the system has no names for open files (`/proc`).
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn link_file_at(file: &File, to: (&Handle, &OsStr)) -> io::Result<()> {
    pass(Call::Link)?;
    let name = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(sys::linkat(sys::CWD, name, &to.0.0, to.1, AtFlags::SYMLINK_FOLLOW)?)
}

/// Gives an open file a second name.
///
/// # Errors
/// [`io::ErrorKind::NotFound`]: the system has no names for open files.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn link_file_at(_file: &File, _to: (&Handle, &OsStr)) -> io::Result<()> {
    pass(Call::Link)?;
    Err(io::ErrorKind::NotFound.into())
}

/// Makes a symbolic link.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when something has the name.
pub fn make_link_at(target: &OsStr, directory: &Handle, name: &OsStr) -> io::Result<()> {
    pass(Call::MakeLink)?;
    Ok(sys::symlinkat(target, &directory.0, name)?)
}

/// Where a symbolic link leads.
pub fn read_link_at(directory: &Handle, name: &OsStr) -> io::Result<OsString> {
    pass(Call::Look)?;
    let target = sys::readlinkat(&directory.0, name, Vec::new())?;
    Ok(OsString::from_vec(target.into_bytes()))
}

/// Removes a name of a file or link.
pub fn remove_at(directory: &Handle, name: &OsStr) -> io::Result<()> {
    pass(Call::Remove)?;
    Ok(sys::unlinkat(&directory.0, name, AtFlags::empty())?)
}

/// Removes an empty directory.
///
/// # Errors
/// [`io::ErrorKind::DirectoryNotEmpty`] when something is in it.
pub fn remove_directory_at(directory: &Handle, name: &OsStr) -> io::Result<()> {
    pass(Call::Remove)?;
    Ok(sys::unlinkat(&directory.0, name, AtFlags::REMOVEDIR)?)
}

/// Makes a directory.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when something has the name.
pub fn make_directory_at(directory: &Handle, name: &OsStr) -> io::Result<()> {
    pass(Call::MakeDirectory)?;
    Ok(sys::mkdirat(&directory.0, name, Mode::RWXU | Mode::RWXG | Mode::RWXO)?)
}

/// Sets the time of modification of a link, in seconds since 1970 and nanoseconds; that of the last
/// access stays.
pub fn set_link_time_at(directory: &Handle, name: &OsStr, time: (i64, u32)) -> io::Result<()> {
    pass(Call::SetTimes)?;
    let (seconds, nanos) = time;
    let omit = sys::Timespec { tv_sec: 0, tv_nsec: sys::UTIME_OMIT };
    let time = sys::Timespec { tv_sec: seconds, tv_nsec: nanos.into() };
    let times = sys::Timestamps { last_access: omit, last_modification: time };
    Ok(sys::utimensat(&directory.0, name, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Sets user and group of a link.
pub fn set_link_owner_at(directory: &Handle, name: &OsStr, owner: (u32, u32)) -> io::Result<()> {
    pass(Call::SetOwner)?;
    let user = sys::Uid::from_raw(owner_id(owner.0)?);
    let group = sys::Gid::from_raw(owner_id(owner.1)?);
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    Ok(sys::chownat(&directory.0, name, Some(user), Some(group), flags)?)
}

/// Sets user and group of a file or directory; either may stay.
pub fn set_owner(file: &File, user: Option<u32>, group: Option<u32>) -> io::Result<()> {
    pass(Call::SetOwner)?;
    let user = user.map(owner_id).transpose()?.map(sys::Uid::from_raw);
    let group = group.map(owner_id).transpose()?.map(sys::Gid::from_raw);
    Ok(sys::fchown(file, user, group)?)
}

/// An id of a user or group. The system reads the highest number as "stays as it is": no user and
/// no group has it, but a manifest may.
fn owner_id(id: u32) -> io::Result<u32> {
    if id == u32::MAX { Err(io::ErrorKind::InvalidInput.into()) } else { Ok(id) }
}

/// Sets an extended attribute.
pub fn set_attribute(file: &File, name: &[u8], value: &[u8]) -> io::Result<()> {
    pass(Call::SetAttribute)?;
    let name = OsStr::from_bytes(name);
    Ok(sys::fsetxattr(file, name, value, sys::XattrFlags::empty())?)
}

/// What an open file is.
pub fn id(file: &File) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let there = super::stat(file)?;
    Ok((there.dev(), there.ino()))
}
