//! What the system says of a file.

use std::fs::{File, FileType, Metadata};
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use norm_core::fileset::{Hole, HoleList, MAX_HOLES, Mtime, XattrList};

use crate::Preserve;
use crate::source::Reason;

/// Why something that is neither a file, a directory nor a link is not sent.
pub fn reason(kind: FileType) -> Reason {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_socket() {
            return Reason::Socket;
        } else if kind.is_fifo() {
            return Reason::Fifo;
        } else if kind.is_char_device() || kind.is_block_device() {
            return Reason::Device;
        }
    }
    if kind.is_symlink() { Reason::SymbolicLink } else { Reason::OtherType }
}

/// Opens a file for reading, without waiting for what it may have to say.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options.open(path)
}

/// False for files that have another size than the system says, as those in `/proc` and `/sys`,
/// which are made while they are read.
pub fn has_its_size(file: &File, metadata: &Metadata) -> bool {
    let size = metadata.len();
    if size > 0 && takes_room(metadata) {
        return true;
    }
    // An empty one has no first byte, and any other one has a last one.
    let read = read_byte(file, size.saturating_sub(1));
    match (size, read) {
        (0, Ok(read)) => read == 0,
        (0, Err(error)) => error.kind() != io::ErrorKind::WouldBlock,
        // One that cannot be read is found out when it is sent.
        (_, read) => read.unwrap_or(1) == 1,
    }
}

/// Reads one byte; returns how many there were.
#[cfg(unix)]
fn read_byte(file: &File, offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, &mut [0], offset)
}

#[cfg(not(unix))]
fn read_byte(_file: &File, offset: u64) -> io::Result<usize> {
    Ok(usize::from(offset > 0))
}

/// True when blocks of a disk are in use for a file; a file of any size may do without.
#[cfg(unix)]
fn takes_room(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::blocks(metadata) > 0
}

#[cfg(not(unix))]
fn takes_room(_metadata: &Metadata) -> bool {
    true
}

/// When an inode last changed: seconds and nanoseconds since 1970; zeros where systems have no such
/// time.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Ctime(i64, u32);

impl Ctime {
    /// The same in words, which need no alignment to eight bytes.
    pub fn to_words(self) -> [u32; 3] {
        let Self(seconds, nanos) = self;
        [(seconds >> 32) as u32, seconds as u32, nanos]
    }

    /// From [words](Self::to_words).
    pub fn from_words([high, low, nanos]: [u32; 3]) -> Self {
        Self(i64::from(high as i32) << 32 | i64::from(low), nanos)
    }

    /// That of a file.
    pub fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            // Less than 10^9.
            Self(metadata.ctime(), metadata.ctime_nsec() as u32)
        }
        #[cfg(not(unix))]
        {
            let _ = metadata;
            Self::default()
        }
    }
}

/// When a file was last modified; 1970 where the system does not tell.
pub fn mtime(metadata: &Metadata) -> Mtime {
    let time: SystemTime = metadata.modified().unwrap_or(UNIX_EPOCH);
    let whole = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => Mtime { seconds: whole(after.as_secs()), nanos: after.subsec_nanos() },
        Err(before) => {
            let before = before.duration();
            let (seconds, nanos) = (-whole(before.as_secs()), before.subsec_nanos());
            match nanos {
                0 => Mtime { seconds, nanos },
                // Nanoseconds count forward from the second before.
                _ => Mtime { seconds: seconds - 1, nanos: 1_000_000_000 - nanos },
            }
        }
    }
}

/// The mode of a file; 0 where files have none.
#[cfg(unix)]
pub fn mode(metadata: &Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o7777
}

/// The mode of a file; 0 where files have none.
#[cfg(not(unix))]
pub fn mode(_: &Metadata) -> u32 {
    0
}

/// Numbers of file system and file; `None` where there are none.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "not on other systems")]
pub fn id(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

/// Numbers of file system and file; `None` where there are none.
#[cfg(not(unix))]
pub fn id(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// True for a file that has other names.
#[cfg(unix)]
pub fn has_other_names(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

/// True for a file that has other names.
#[cfg(not(unix))]
pub fn has_other_names(_: &Metadata) -> bool {
    false
}

/// Where a file of `size` bytes has no content; of too many holes the largest.
pub fn holes(file: &File, size: u64) -> HoleList {
    let mut holes = find_holes(file, size);
    if holes.len() > MAX_HOLES as usize {
        holes.sort_unstable_by_key(|hole| std::cmp::Reverse(hole.len));
        holes.truncate(MAX_HOLES as usize);
        holes.sort_unstable_by_key(|hole| hole.offset);
    }
    let mut list = HoleList::default();
    holes.into_iter().for_each(|hole| list.push(hole));
    list
}

#[cfg(unix)]
fn find_holes(file: &File, size: u64) -> Vec<Hole> {
    use rustix::fs::{SeekFrom, seek};
    let mut holes: Vec<Hole> = Vec::new();
    let mut at = 0;
    while at < size {
        // A file system that knows no holes says that one is at the end.
        let Ok(start) = seek(file, SeekFrom::Hole(at)) else { break };
        if start >= size {
            break;
        }
        let end = match seek(file, SeekFrom::Data(start)) {
            Ok(end) => end.min(size),
            Err(rustix::io::Errno::NXIO) => size,
            Err(_) => break,
        };
        if end <= start {
            break;
        }
        match holes.last_mut() {
            // It is being written to.
            Some(last) if last.end() >= start => last.len = end - last.offset,
            _ => holes.push(Hole { offset: start, len: end - start }),
        }
        at = end;
    }
    holes
}

#[cfg(not(unix))]
fn find_holes(_file: &File, _size: u64) -> Vec<Hole> {
    Vec::new()
}

/// The extended attributes that are to be preserved; none where they cannot be read.
#[cfg(unix)]
pub fn xattrs(file: &File, preserve: Preserve) -> XattrList {
    use norm_core::fileset::{MAX_XATTR_BYTES, Xattr};
    let mut list = XattrList::default();
    let names = xattr_names(file).unwrap_or_default();
    let mut names: Vec<&[u8]> = names.split(|&byte| byte == 0).collect();
    names.sort_unstable();
    let mut value = vec![0; MAX_XATTR_BYTES as usize];
    for name in names.into_iter().filter(|name| preserve.wants_xattr(name)) {
        let Ok(len) = rustix::fs::fgetxattr(file, name, &mut value[..]) else { continue };
        // One that is too much for a manifest, which Linux has not.
        let _ = list.push(Xattr { name, value: value.get(..len).unwrap_or_default() });
    }
    list
}

/// The extended attributes that are to be preserved.
#[cfg(not(unix))]
pub fn xattrs(_file: &File, _preserve: Preserve) -> XattrList {
    XattrList::default()
}

/// The names of the extended attributes, each with a zero after it.
#[cfg(unix)]
fn xattr_names(file: &File) -> io::Result<Vec<u8>> {
    loop {
        let len = rustix::fs::flistxattr_query(file)?;
        let mut names = vec![0; len];
        match rustix::fs::flistxattr(file, &mut names[..]) {
            // There are more by now.
            Err(rustix::io::Errno::RANGE) => {}
            read => {
                names.truncate(read?);
                return Ok(names);
            }
        }
    }
}
