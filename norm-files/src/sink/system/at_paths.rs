//! Calls on what has a name in a directory, where directories cannot be kept open: by path. What
//! such systems do not have is refused.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::{Call, FileKind, There, pass};

/// A directory.
#[derive(Debug)]
pub struct Handle(PathBuf);

/// The directory with this name, which may be a link to one.
pub fn open_root(path: &Path) -> io::Result<Handle> {
    pass(Call::Open)?;
    fs::metadata(path)?;
    Ok(Handle(path.to_owned()))
}

/// A directory below another one: plain components, none of which is a link.
///
/// # Errors
/// [`io::ErrorKind::NotADirectory`] when one of them is, or is a file.
pub fn open_directory(from: &Handle, below: &Path) -> io::Result<Handle> {
    pass(Call::Open)?;
    let mut at = from.0.clone();
    for name in below {
        at.push(name);
        if !fs::symlink_metadata(&at)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
    }
    Ok(Handle(at))
}

/// What has this name; of a link, the link.
pub fn look_at(directory: &Handle, name: &OsStr) -> io::Result<There> {
    pass(Call::Look)?;
    let found = fs::symlink_metadata(directory.0.join(name))?;
    let kind = match found.file_type() {
        kind if kind.is_file() => FileKind::File,
        kind if kind.is_dir() => FileKind::Directory,
        kind if kind.is_symlink() => FileKind::Link,
        _ => FileKind::Other,
    };
    Ok(There { kind, len: found.len(), id: (0, 0) })
}

/// Opens a file for reading.
pub fn open_at(directory: &Handle, name: &OsStr) -> io::Result<File> {
    pass(Call::Open)?;
    File::open(directory.0.join(name))
}

/// Opens a file for reading and writing.
pub fn open_to_write_at(directory: &Handle, name: &OsStr) -> io::Result<File> {
    pass(Call::Open)?;
    OpenOptions::new().read(true).write(true).open(directory.0.join(name))
}

/// Opens a directory itself.
pub fn open_directory_at(directory: &Handle, name: &OsStr) -> io::Result<File> {
    open_at(directory, name)
}

/// Makes a file, for reading and writing.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when something has the name.
pub fn create_at(directory: &Handle, name: &OsStr) -> io::Result<File> {
    pass(Call::Create)?;
    let path = directory.0.join(name);
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// Gives something a name, which another one may have had.
pub fn rename_at(from: (&Handle, &OsStr), to: (&Handle, &OsStr)) -> io::Result<()> {
    pass(Call::Rename)?;
    fs::rename(from.0.0.join(from.1), to.0.0.join(to.1))
}

/// Gives something a name that nothing has.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`]: it cannot be done in one step.
pub fn rename_new_at(_from: (&Handle, &OsStr), _to: (&Handle, &OsStr)) -> io::Result<()> {
    pass(Call::Rename)?;
    Err(io::ErrorKind::Unsupported.into())
}

/// Gives what has a name a second one.
pub fn link_at(from: (&Handle, &OsStr), to: (&Handle, &OsStr)) -> io::Result<()> {
    pass(Call::Link)?;
    fs::hard_link(from.0.0.join(from.1), to.0.0.join(to.1))
}

/// Gives an open file a second name.
///
/// # Errors
/// [`io::ErrorKind::NotFound`]: the system has no names for open files.
pub fn link_file_at(_file: &File, _to: (&Handle, &OsStr)) -> io::Result<()> {
    pass(Call::Link)?;
    Err(io::ErrorKind::NotFound.into())
}

/// Makes a symbolic link.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`].
pub fn make_link_at(_target: &OsStr, _directory: &Handle, _name: &OsStr) -> io::Result<()> {
    pass(Call::MakeLink)?;
    Err(io::ErrorKind::Unsupported.into())
}

/// Where a symbolic link leads.
pub fn read_link_at(directory: &Handle, name: &OsStr) -> io::Result<OsString> {
    pass(Call::Look)?;
    fs::read_link(directory.0.join(name)).map(PathBuf::into_os_string)
}

/// Removes a name of a file or link.
pub fn remove_at(directory: &Handle, name: &OsStr) -> io::Result<()> {
    pass(Call::Remove)?;
    fs::remove_file(directory.0.join(name))
}

/// Removes an empty directory.
///
/// # Errors
/// [`io::ErrorKind::DirectoryNotEmpty`] when something is in it.
pub fn remove_directory_at(directory: &Handle, name: &OsStr) -> io::Result<()> {
    pass(Call::Remove)?;
    fs::remove_dir(directory.0.join(name))
}

/// Makes a directory.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when something has the name.
pub fn make_directory_at(directory: &Handle, name: &OsStr) -> io::Result<()> {
    pass(Call::MakeDirectory)?;
    fs::create_dir(directory.0.join(name))
}

/// Sets the time of modification of a link.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`].
pub fn set_link_time_at(_: &Handle, _: &OsStr, _: (i64, u32)) -> io::Result<()> {
    pass(Call::SetTimes)?;
    Err(io::ErrorKind::Unsupported.into())
}

/// Sets user and group of a link.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`].
pub fn set_link_owner_at(_: &Handle, _: &OsStr, _: (u32, u32)) -> io::Result<()> {
    pass(Call::SetOwner)?;
    Err(io::ErrorKind::Unsupported.into())
}

/// Sets user and group of a file or directory.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`].
pub fn set_owner(_: &File, _: Option<u32>, _: Option<u32>) -> io::Result<()> {
    pass(Call::SetOwner)?;
    Err(io::ErrorKind::Unsupported.into())
}

/// Sets an extended attribute.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`].
pub fn set_attribute(_: &File, _: &[u8], _: &[u8]) -> io::Result<()> {
    pass(Call::SetAttribute)?;
    Err(io::ErrorKind::Unsupported.into())
}

/// What an open file is; files have no numbers here.
pub fn id(file: &File) -> io::Result<(u64, u64)> {
    super::stat(file).map(|_| (0, 0))
}
