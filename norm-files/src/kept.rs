//! Bytes that may be too many for memory: from [`IN_MEMORY`] on they are in a file without a name,
//! mapped into memory, so that the system can take the room back while they are not needed.
//!
//! Where such a file cannot be made or written, they are in memory as before.

#[cfg(unix)]
mod file;
#[cfg(not(unix))]
#[path = "kept/no_file.rs"]
mod file;
mod hashes;

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::Bytes;

use file::UnnamedFile;
pub use hashes::KeptHashes;

/// As many bytes stay in memory.
const IN_MEMORY: usize = 1 << 20;

/// Where files are that may be large: before the directory of temporary files, which may be in
/// memory.
const LARGE_FILES: &str = "/var/tmp";

/// The directory for large temporary files, the only one for files of [`KeptBytes`] that have no
/// other place: that of `TMPDIR`, else `/var/tmp` where such files can be made in it, else that of
/// all temporary files. It is the same for as long as the process runs.
pub fn large_files() -> PathBuf {
    static CHOSEN: OnceLock<PathBuf> = OnceLock::new();
    let choose = || {
        let large = Path::new(LARGE_FILES);
        let may_be_large = std::env::var_os("TMPDIR").is_none() && file::can_be_in(large);
        if may_be_large { large.to_owned() } else { std::env::temp_dir() }
    };
    CHOSEN.get_or_init(choose).clone()
}

/// Bytes that are kept, and do not change. Copies share them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeptBytes(Bytes);

impl KeptBytes {
    /// The bytes, without a copy.
    pub fn to_bytes(&self) -> Bytes {
        self.0.clone()
    }
}

impl Deref for KeptBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for KeptBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for KeptBytes {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl fmt::Debug for KeptBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeptBytes({})", self.0.len())
    }
}

/// Collects bytes that are to be kept.
#[derive(Debug)]
pub struct Keeper<'a> {
    /// Where a file is made, if there can be one.
    directory: Option<&'a Path>,
    memory: Vec<u8>,
    file: Option<UnnamedFile>,
    may_have_file: bool,
}

impl<'a> Keeper<'a> {
    /// Without bytes. A file is made in `directory` if there is one and that can be; else where the
    /// system has temporary files.
    pub fn new(directory: Option<&'a Path>) -> Self {
        Self { directory, memory: Vec::new(), file: None, may_have_file: true }
    }

    /// Appends bytes.
    pub fn append(&mut self, bytes: &[u8]) {
        if self.file.is_none() && self.memory.len() + bytes.len() > IN_MEMORY && self.may_have_file
        {
            self.file = UnnamedFile::new(self.directory);
            self.may_have_file = self.file.is_some();
            let memory = std::mem::take(&mut self.memory);
            self.put(&memory);
        }
        self.put(bytes);
    }

    fn put(&mut self, bytes: &[u8]) {
        if let Some(file) = &mut self.file {
            if file.append(bytes) {
                return;
            }
            // It is full: what is in it moves to memory.
            self.memory = file.read();
            self.file = None;
            self.may_have_file = false;
        }
        self.memory.extend_from_slice(bytes);
    }

    /// All bytes, with `start` in place of the first ones.
    pub fn finish(mut self, start: &[u8]) -> KeptBytes {
        if let Some(file) = &mut self.file {
            if let Some(mapped) = file.map(start) {
                return KeptBytes(mapped);
            }
            self.memory = file.read();
        }
        if let Some(first) = self.memory.get_mut(..start.len()) {
            first.copy_from_slice(start);
        }
        KeptBytes(self.memory.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(pieces: &[Vec<u8>], start: &[u8], directory: Option<&Path>) -> KeptBytes {
        let mut keeper = Keeper::new(directory);
        pieces.iter().for_each(|piece| keeper.append(piece));
        keeper.finish(start)
    }

    #[test]
    fn bytes_come_back_from_memory_and_from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        for sizes in [[0, 0, 0], [3, 5, 7], [IN_MEMORY, 0, 1], [9, 2 * IN_MEMORY, 5]] {
            let pieces: Vec<Vec<u8>> =
                sizes.iter().map(|&size| (0..size).map(|n| (n % 251) as u8).collect()).collect();
            let mut whole = pieces.concat();
            let start = [7; 8].get(..whole.len().min(8)).unwrap();
            whole[..start.len()].copy_from_slice(start);
            let none = dir.path().join("none");
            for directory in [None, Some(dir.path()), Some(&*none)] {
                let kept = keep(&pieces, start, directory);
                assert!(*kept == *whole, "{sizes:?}");
                assert!(kept.to_bytes() == whole && kept == KeptBytes::from(whole.clone()));
            }
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "it has no name");
    }

    #[test]
    #[cfg(unix)]
    fn bytes_move_to_memory_when_a_file_is_full() {
        let mut keeper = Keeper::new(None);
        keeper.append(&vec![1; 2 * IN_MEMORY]);
        assert!(keeper.memory.is_empty());
        keeper.file.as_mut().unwrap().fill();
        keeper.append(&vec![2; IN_MEMORY]);
        assert_eq!(keeper.memory.len(), 3 * IN_MEMORY);
        keeper.append(&[3; 5]);
        let kept = keeper.finish(&[9]);
        assert_eq!((kept[0], kept[1], kept[2 * IN_MEMORY]), (9, 1, 2));
        assert_eq!(kept[3 * IN_MEMORY..], [3; 5]);
    }
}
