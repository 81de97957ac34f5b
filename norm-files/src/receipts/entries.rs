//! A file, directory or link of a set that was received.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use norm_core::fileset::Mtime;

use crate::source::mtime_of;
use crate::state::{RecordReader, STAMP_LEN, Stamp};

/// What something is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum ReceiptKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
}

/// A file, directory or link of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptEntry {
    /// What it is.
    pub kind: ReceiptKind,
    /// Where it is, below the output directory.
    pub path: PathBuf,
    /// As it was when the set was complete, encoded; `None` when that does not tell whether it has
    /// changed since. A directory has none: it is to be there.
    stamp: Option<[u8; STAMP_LEN]>,
}

impl ReceiptEntry {
    /// A directory.
    pub fn directory(path: PathBuf) -> Self {
        Self { kind: ReceiptKind::Directory, path, stamp: None }
    }

    /// A file that is in place below `root` with this size. It was made with this modification
    /// time, or compared after `began`: then it must not have been changed since shortly before.
    pub fn file(root: &Path, path: PathBuf, size: u64, modified: Mtime, began: SystemTime) -> Self {
        let stamp = fs::symlink_metadata(root.join(&path)).ok().and_then(|metadata| {
            let stamp = Stamp::of(&metadata).filter(|_| metadata.is_file())?;
            let is_known = mtime_of(&metadata) == modified || stamp.is_settled(began);
            (metadata.len() == size && is_known).then(|| stamp.emit())
        });
        Self { kind: ReceiptKind::File, path, stamp }
    }

    /// A symbolic link that was made below `root`, or compared.
    pub fn link(root: &Path, path: PathBuf) -> Self {
        let stamp = fs::symlink_metadata(root.join(&path)).ok();
        let stamp = stamp.filter(fs::Metadata::is_symlink).as_ref().and_then(Stamp::of);
        Self { kind: ReceiptKind::Link, path, stamp: stamp.map(|stamp| stamp.emit()) }
    }

    /// True when it is below `root` as it was when the set was complete.
    pub fn is_unchanged(&self, root: &Path) -> bool {
        let Ok(metadata) = fs::symlink_metadata(root.join(&self.path)) else { return false };
        if self.kind == ReceiptKind::Directory {
            return metadata.is_dir();
        }
        let stamp = Stamp::of(&metadata).map(|stamp| stamp.emit());
        self.stamp.is_some() && stamp == self.stamp
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let path = bytes_of(&self.path)?;
        let len = u32::try_from(path.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let kind = match self.kind {
            ReceiptKind::File => 1,
            ReceiptKind::Directory => 2,
            ReceiptKind::Link => 3,
        };
        out.write_all(&[kind, u8::from(self.stamp.is_some())])?;
        out.write_all(&len.to_be_bytes())?;
        if let Some(stamp) = &self.stamp {
            out.write_all(stamp)?;
        }
        out.write_all(path)
    }

    pub(super) fn read(record: &mut RecordReader) -> io::Result<Self> {
        let [kind, has_stamp] = record.array()?;
        let kind = match kind {
            1 => ReceiptKind::File,
            2 => ReceiptKind::Directory,
            3 => ReceiptKind::Link,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        let len = record.u32()?;
        let stamp = if has_stamp == 0 { None } else { Some(record.array()?) };
        let path = path_of(record.bytes(len.into())?)?;
        // Nothing outside of the output directory is looked at.
        let plain = |part| matches!(part, std::path::Component::Normal(_));
        match path.components().all(plain) {
            true => Ok(Self { kind, path, stamp }),
            false => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// The bytes of a path.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "not on other systems")]
pub(super) fn bytes_of(path: &Path) -> io::Result<&[u8]> {
    Ok(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))
}

/// The bytes of a path.
#[cfg(not(unix))]
pub(super) fn bytes_of(path: &Path) -> io::Result<&[u8]> {
    path.to_str().map(str::as_bytes).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// A path of its bytes.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "not on other systems")]
pub(super) fn path_of(bytes: Vec<u8>) -> io::Result<PathBuf> {
    let path: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(bytes);
    Ok(path.into())
}

/// A path of its bytes.
#[cfg(not(unix))]
pub(super) fn path_of(bytes: Vec<u8>) -> io::Result<PathBuf> {
    let path = String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(path.into())
}
