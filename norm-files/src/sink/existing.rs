//! Whether a file that is in place already has the content that was received for it: then nothing
//! needs to be made, and nothing is in the way.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::system;

/// Bytes compared at once.
const CHUNK: usize = 256 << 10;

/// True when a regular file is at `target`, with the `size` bytes that `received` has from `offset`
/// on. A link is none, wherever it leads; neither is what cannot be read.
///
/// # Errors
/// What the system says about `received`; [`io::ErrorKind::Interrupted`] after `cancel` was set.
pub fn is_identical(
    received: &File,
    offset: u64,
    size: u64,
    target: &Path,
    cancel: &AtomicBool,
) -> io::Result<bool> {
    if !may_be_identical(target, size) {
        return Ok(false);
    }
    let Ok(existing) = open(target) else { return Ok(false) };
    // It may be another one by now.
    if !system::stat(&existing).is_ok_and(|m| m.is_file() && m.len() == size) {
        return Ok(false);
    }
    let theirs = Bytes { file: &existing, offset: 0 };
    has_same_bytes(Bytes { file: received, offset }, theirs, size, cancel)
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

    use super::*;

    fn received(dir: &Path) -> File {
        let path = dir.join("received");
        fs::write(&path, [vec![1; 7], vec![2; CHUNK + 1], vec![3; 7]].concat()).unwrap();
        File::open(path).unwrap()
    }

    fn identical(dir: &Path, name: &str) -> bool {
        let (received, run) = (received(dir), AtomicBool::new(false));
        is_identical(&received, 7, CHUNK as u64 + 1, &dir.join(name), &run).unwrap()
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
        fs::write(dir.path().join("f"), [1]).unwrap();
        let stop = AtomicBool::new(true);
        let stopped = is_identical(&received(dir.path()), 0, 1, &dir.path().join("f"), &stop);
        assert_eq!(stopped.unwrap_err().kind(), io::ErrorKind::Interrupted);
    }
}
