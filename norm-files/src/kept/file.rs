//! A file without a name, and its bytes mapped into memory.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use memmap2::Mmap;

use super::large_files;

/// A file that is ours alone: nothing else can open it.
#[derive(Debug)]
pub(super) struct UnnamedFile {
    file: File,
    len: u64,
    #[cfg(test)]
    is_full: bool,
}

impl UnnamedFile {
    /// A file in this directory, or among those that are temporary; `None` where none can be made.
    pub(super) fn new(directory: Option<&Path>) -> Option<Self> {
        let file = directory.and_then(|directory| without_name(directory).ok());
        let file = file.or_else(|| in_directory(&large_files()).ok())?;
        Some(Self {
            file,
            len: 0,
            #[cfg(test)]
            is_full: false,
        })
    }

    /// Appends bytes; false when the system refuses them, and the file is as it was.
    pub(super) fn append(&mut self, bytes: &[u8]) -> bool {
        #[cfg(test)]
        if self.is_full {
            return false;
        }
        let written = self.file.write_all_at(bytes, self.len).is_ok();
        if written {
            self.len += bytes.len() as u64;
        }
        written
    }

    /// Writes bytes to their place; false when the system refuses them. Not for one that is mapped.
    pub(super) fn write_at(&self, bytes: &[u8], at: u64) -> bool {
        #[cfg(test)]
        if self.is_full {
            return false;
        }
        self.file.write_all_at(bytes, at).is_ok()
    }

    /// Reads bytes from their place; false when they are not there.
    pub(super) fn read_at(&self, bytes: &mut [u8], at: u64) -> bool {
        self.file.read_exact_at(bytes, at).is_ok()
    }

    /// It has nothing any more of what was written.
    #[cfg(test)]
    pub(super) fn lose(&self) {
        self.file.set_len(0).unwrap();
    }

    /// It takes no more bytes.
    #[cfg(test)]
    pub(super) fn fill(&mut self) {
        self.is_full = true;
    }

    /// All bytes that were appended, in memory. Those that cannot be read are zeros: what they mean
    /// is checked by a hash.
    pub(super) fn read(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(self.len).unwrap_or_default()];
        let _ = self.file.read_exact_at(&mut bytes, 0);
        bytes
    }

    /// All bytes, with `start` in place of the first ones; `None` when the system refuses.
    #[expect(unsafe_code, reason = "the standard library maps no files")]
    pub(super) fn map(&mut self, start: &[u8]) -> Option<Bytes> {
        self.file.write_all_at(start, 0).ok()?;
        // SAFETY: the file has no name, so that no other process can open it to change or cut it;
        // here it is not written again: this is its only handle, and it is closed with `self`.
        let mapped = unsafe { Mmap::map(&self.file) }.ok()?;
        (mapped.len() as u64 == self.len).then(|| Bytes::from_owner(mapped))
    }
}

/// True when such files can be made in a directory.
pub(super) fn can_be_in(directory: &Path) -> bool {
    in_directory(directory).is_ok()
}

/// A file without a name; on a file system that has none it has one for a moment.
fn in_directory(directory: &Path) -> io::Result<File> {
    without_name(directory).or_else(|_| unlinked(directory))
}

/// A file that never has a name.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn without_name(directory: &Path) -> io::Result<File> {
    let flags = libc::O_TMPFILE | libc::O_EXCL;
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(flags).open(directory)
}

/// A file that never has a name.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn without_name(_directory: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A file that has lost its name.
fn unlinked(directory: &Path) -> io::Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = directory.join(format!(".norm-{}-{number}", process::id()));
    let mut options = fs::OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}
