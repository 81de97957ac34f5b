//! Whether a file that is in place already has the content that was received for it: then nothing
//! needs to be made, and nothing is in the way.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use norm_core::fileset::SparseFile;

use super::output::Place;
use super::system::{self, FileKind};

/// Bytes compared at once.
const CHUNK: usize = 256 << 10;

/// A file that was received.
#[derive(Copy, Clone, Debug)]
pub struct Received<'a> {
    /// The payload that has its data.
    pub payload: &'a File,
    /// Where they begin.
    pub offset: u64,
    /// Bytes of the file, holes included.
    pub size: u64,
    /// Where the data are in the file, if it has holes.
    pub sparse: Option<&'a SparseFile>,
}

/// True when a regular file is at `target`, with the bytes of one that was received. A link is
/// none, wherever it leads; neither is what cannot be read.
///
/// # Errors
/// What the system says about `received`; [`io::ErrorKind::Interrupted`] after `cancel` was set.
pub fn is_identical(
    received: &Received<'_>,
    target: &Place,
    cancel: &AtomicBool,
) -> io::Result<bool> {
    let &Received { payload, offset, size, sparse } = received;
    if !is_of_size(target, size) {
        return Ok(false);
    }
    let Ok(existing) = target.open() else { return Ok(false) };
    // It may be another one by now.
    if !system::stat(&existing).is_ok_and(|m| m.is_file() && m.len() == size) {
        return Ok(false);
    }
    let file = &existing;
    let ours = |at| Bytes { file: payload, offset: offset + at };
    let Some(sparse) = sparse else {
        return has_same_bytes(ours(0), Bytes { file, offset: 0 }, size, cancel);
    };
    for piece in sparse.pieces(0..sparse.data()) {
        let theirs = Bytes { file, offset: piece.offset };
        if !has_same_bytes(ours(piece.data), theirs, piece.len, cancel)? {
            return Ok(false);
        }
    }
    for hole in sparse.holes() {
        if !is_zero(file, hole.offset..hole.end(), cancel)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// True when this part of a file reads as zeros; false when it cannot be read.
///
/// # Errors
/// [`io::ErrorKind::Interrupted`] after `cancel` was set.
pub fn is_zero(file: &File, part: Range<u64>, cancel: &AtomicBool) -> io::Result<bool> {
    let mut buffer = vec![0; CHUNK];
    let mut at = part.start;
    while at < part.end {
        if cancel.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        at = system::next_data(file, at).max(at).min(part.end);
        let len = usize::try_from(part.end - at).unwrap_or(CHUNK).min(CHUNK);
        let bytes = &mut buffer[..len];
        if system::read_exact_at(file, bytes, at).is_err() || bytes.iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
        at += len as u64;
    }
    Ok(true)
}

/// True when a regular file of this size has the name: then only its content can tell.
pub fn is_of_size(target: &Place, size: u64) -> bool {
    let there = target.look().ok().flatten();
    there.is_some_and(|there| there.kind == FileKind::File && there.len == size)
}

/// Bytes of a file, from a place on.
#[derive(Copy, Clone)]
pub struct Bytes<'a> {
    pub file: &'a File,
    pub offset: u64,
}

/// True when `size` bytes of two files are the same; what cannot be read of the second one is not.
///
/// # Errors
/// What the system says about the first one; [`io::ErrorKind::Interrupted`] after `cancel` was set.
pub fn has_same_bytes(
    received: Bytes<'_>,
    existing: Bytes<'_>,
    size: u64,
    cancel: &AtomicBool,
) -> io::Result<bool> {
    let mut buffers = [vec![0; CHUNK], vec![0; CHUNK]];
    let [ours, theirs] = &mut buffers;
    let mut done = 0;
    while done < size {
        if cancel.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = usize::try_from(size - done).unwrap_or(CHUNK).min(CHUNK);
        let (ours, theirs) = (&mut ours[..len], &mut theirs[..len]);
        system::read_exact_at(received.file, ours, received.offset + done)?;
        if system::read_exact_at(existing.file, theirs, existing.offset + done).is_err()
            || ours != theirs
        {
            return Ok(false);
        }
        done += len as u64;
    }
    Ok(true)
}

/// True when a regular file of this size is at `path`: then only its content can tell.
pub fn may_be_identical(path: &Path, size: u64) -> bool {
    system::look(path).is_ok_and(|there| there.is_file() && there.len() == size)
}

/// Opens a file for reading, if it is one.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Neither through a link nor waiting for a pipe that was put there meanwhile.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NOFOLLOW | libc::O_NONBLOCK,
    );
    system::open(&options, path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use norm_core::fileset::{ChunkMap, Hole, HoleList};

    use super::*;
    use crate::sink::output::OpenDirectory;

    fn received(dir: &Path) -> File {
        let path = dir.join("received");
        fs::write(&path, [vec![1; 7], vec![2; CHUNK + 1], vec![3; 7]].concat()).unwrap();
        File::open(path).unwrap()
    }

    fn identical(dir: &Path, name: &str) -> bool {
        is_same(dir, name, &AtomicBool::new(false)).unwrap()
    }

    fn is_same(dir: &Path, name: &str, cancel: &AtomicBool) -> io::Result<bool> {
        let (payload, size) = (&received(dir), CHUNK as u64 + 1);
        let received = Received { payload, offset: 7, size, sparse: None };
        let target = OpenDirectory::root(dir).unwrap().place(name.as_ref());
        is_identical(&received, &target, cancel)
    }

    #[test]
    fn only_equal_bytes_are_identical() {
        let dir = tempfile::tempdir().unwrap();
        let mut content = vec![2; CHUNK + 1];
        assert!(!identical(dir.path(), "f"), "nothing is there");
        fs::write(dir.path().join("f"), &content).unwrap();
        assert!(identical(dir.path(), "f"));
        for at in [0, CHUNK - 1, CHUNK] {
            content[at] ^= 1;
            fs::write(dir.path().join("f"), &content).unwrap();
            assert!(!identical(dir.path(), "f"), "{at}");
            content[at] ^= 1;
        }
        fs::write(dir.path().join("f"), &content[1..]).unwrap();
        assert!(!identical(dir.path(), "f"), "shorter");
        content.push(2);
        fs::write(dir.path().join("f"), &content).unwrap();
        assert!(!identical(dir.path(), "f"), "longer");
    }

    #[test]
    #[cfg(unix)]
    fn links_directories_and_pipes_are_never_identical() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), vec![2; CHUNK + 1]).unwrap();
        std::os::unix::fs::symlink("f", dir.path().join("link")).unwrap();
        fs::create_dir(dir.path().join("folder")).unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for name in ["link", "folder", "pipe"] {
            assert!(!identical(dir.path(), name), "{name}");
        }
    }

    #[test]
    fn comparison_can_be_stopped() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), vec![2; CHUNK + 1]).unwrap();
        let stopped = is_same(dir.path(), "f", &AtomicBool::new(true));
        assert_eq!(stopped.unwrap_err().kind(), io::ErrorKind::Interrupted);
    }
    #[test]
    fn file_with_holes_is_compared_with_zeros_in_them() {
        let dir = tempfile::tempdir().unwrap();
        let mut holes = HoleList::default();
        holes.push(Hole { offset: 3, len: 1 << 20 });
        let mut map = ChunkMap::default();
        map.push((1 << 20) + 10, holes.as_holes()).unwrap();
        fs::write(dir.path().join("received"), [[7; 3], [1; 3], [2; 3], [3; 3]].concat()).unwrap();
        let payload = &File::open(dir.path().join("received")).unwrap();
        let (size, sparse) = ((1 << 20) + 10, map.sparse(0).map(|sparse| &**sparse));
        let received = Received { payload, offset: 2, size, sparse };
        let target = OpenDirectory::root(dir.path()).unwrap().place("f".as_ref());
        let mut content = vec![0; size as usize];
        content[..3].copy_from_slice(&[7, 1, 1]);
        content[size as usize - 7..].copy_from_slice(&[1, 2, 2, 2, 3, 3, 3]);
        let same = |content: &[u8]| {
            fs::write(dir.path().join("f"), content).unwrap();
            is_identical(&received, &target, &AtomicBool::new(false)).unwrap()
        };
        assert!(same(&content));
        for at in [0, 3, 500_000, size as usize - 8, size as usize - 1] {
            content[at] ^= 1;
            assert!(!same(&content), "{at}");
            content[at] ^= 1;
        }
        let whole = File::create(dir.path().join("f")).unwrap();
        whole.set_len(size).unwrap();
        assert!(!is_identical(&received, &target, &AtomicBool::new(false)).unwrap());
    }
}
