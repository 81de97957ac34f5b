//! A file that is written as a whole, beside its name, and has a hash of itself at its end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use crate::sink::is_ours;

const HASH_LEN: usize = blake3::OUT_LEN;
/// What names of unfinished files begin with.
const UNFINISHED: &str = ".new-";

/// True of a file that is not finished.
pub(super) fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(UNFINISHED))
}

/// Writes a file; what is not finished is removed.
#[derive(Debug)]
pub(crate) struct RecordWriter {
    out: BufWriter<File>,
    hasher: blake3::Hasher,
    /// Where it is until it is finished.
    unfinished: Option<PathBuf>,
}

impl RecordWriter {
    /// Begins a file in this folder, which is made if need be.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        make_folder(folder)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{UNFINISHED}{}-{number}", std::process::id()));
        // One of a program that was killed, and had our number.
        let _ = fs::remove_file(&path);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let out = BufWriter::new(options.open(&path)?);
        Ok(Self { out, hasher: blake3::Hasher::new(), unfinished: Some(path) })
    }

    /// Gives it its name, in place of an older file.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn finish(mut self, name: &str) -> io::Result<()> {
        let hash = self.hasher.finalize();
        self.out.write_all(hash.as_bytes())?;
        self.out.flush()?;
        if let Some(path) = &self.unfinished {
            fs::rename(path, path.with_file_name(name))?;
        }
        self.unfinished = None;
        Ok(())
    }
}

impl Write for RecordWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for RecordWriter {
    fn drop(&mut self) {
        if let Some(path) = &self.unfinished {
            let _ = fs::remove_file(path);
        }
    }
}

/// Makes a folder that others cannot look into, with those above it.
#[cfg(unix)]
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a folder, with those above it.
#[cfg(not(unix))]
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Reads a file that is whole, and ours: all of it was hashed before the first byte is handed out.
#[derive(Debug)]
pub(crate) struct RecordReader {
    file: BufReader<File>,
    /// Bytes that are left.
    left: u64,
}

impl RecordReader {
    /// Opens a file, and notes that it was used.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::InvalidData`] when it is damaged, or not ours.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        std::os::unix::fs::OpenOptionsExt::custom_flags(
            &mut options,
            libc::O_NOFOLLOW | libc::O_NONBLOCK,
        );
        let mut file = options.open(path)?;
        let metadata = file.metadata()?;
        let left = metadata.len().checked_sub(HASH_LEN as u64).ok_or_else(invalid)?;
        if !metadata.is_file() || !is_ours(path, &metadata) {
            return Err(invalid());
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader((&mut file).take(left))?;
        let mut hash = [0; HASH_LEN];
        file.read_exact(&mut hash)?;
        if hasher.finalize() != hash {
            return Err(invalid());
        }
        file.rewind()?;
        // Where that is refused it only goes sooner.
        let _ = file.set_modified(SystemTime::now());
        Ok(Self { file: BufReader::new(file), left })
    }

    /// Bytes that are left.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// The next bytes.
    ///
    /// # Errors
    /// When there are not as many, and what the system says.
    pub(crate) fn bytes(&mut self, len: u64) -> io::Result<Vec<u8>> {
        self.left = self.left.checked_sub(len).ok_or_else(invalid)?;
        // No more than are in the file.
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| invalid())?];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The next bytes, as many as an array has.
    ///
    /// # Errors
    /// As of [`bytes`](Self::bytes).
    pub(crate) fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        self.left = self.left.checked_sub(N as u64).ok_or_else(invalid)?;
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The next number of 32 bits.
    ///
    /// # Errors
    /// As of [`bytes`](Self::bytes).
    pub(crate) fn u32(&mut self) -> io::Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next number of 64 bits.
    ///
    /// # Errors
    /// As of [`bytes`](Self::bytes).
    pub(crate) fn u64(&mut self) -> io::Result<u64> {
        self.array().map(u64::from_be_bytes)
    }
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path) -> PathBuf {
        let mut writer = RecordWriter::new(folder).unwrap();
        writer.write_all(b"abcdefgh\0\0\0\x07").unwrap();
        writer.finish("name").unwrap();
        folder.join("name")
    }

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(&dir.path().join("a/b"));
        let mut reader = RecordReader::open(&path).unwrap();
        assert_eq!(reader.left(), 12);
        assert_eq!((reader.bytes(8).unwrap(), reader.u32().unwrap()), (b"abcdefgh".to_vec(), 7));
        assert!(reader.u32().is_err() && reader.bytes(u64::MAX).is_err());
    }

    #[test]
    fn damaged_and_unfinished_files_are_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert!(RecordReader::open(&path).is_err(), "byte {at}");
            fs::write(&path, &good[..at]).unwrap();
            assert!(RecordReader::open(&path).is_err(), "{at} bytes");
        }
        fs::remove_file(&path).unwrap();
        let mut writer = RecordWriter::new(dir.path()).unwrap();
        writer.write_all(b"abc").unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "it is removed");
    }

    #[test]
    #[cfg(unix)]
    fn links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(RecordReader::open(&link).is_err());
    }
}
