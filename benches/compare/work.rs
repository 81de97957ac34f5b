//! Files in memory: the source, its copies at the receivers, and logs.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytesize::ByteSize;
use tempfile::TempDir;

use crate::shell;

/// Folder for files in memory.
const MEMORY: &str = "/dev/shm";

/// The folder of all files. It is removed when this value is dropped.
pub struct Work {
    folder: TempDir,
    source: PathBuf,
    bytes: u64,
    hash: blake3::Hash,
}

impl Work {
    /// Makes the folder, with an empty source.
    pub fn create() -> Result<Self, String> {
        let make = || -> io::Result<_> {
            let folder = tempfile::Builder::new().prefix("norm-compare-").tempdir_in(MEMORY)?;
            let source = folder.path().join("source");
            File::create(&source)?;
            fs::create_dir(folder.path().join("logs"))?;
            Ok((folder, source))
        };
        let (folder, source) =
            make().map_err(|error| format!("no place for files in {MEMORY}: {error}"))?;
        Ok(Self { folder, source, bytes: 0, hash: blake3::hash(b"") })
    }

    /// Makes a source of this many bytes, unless it has as many.
    pub fn set_size(&mut self, bytes: u64) -> Result<(), String> {
        if bytes != self.bytes {
            write_noise(&self.source, bytes)
                .map_err(|error| format!("no place for the source in {MEMORY}: {error}"))?;
            self.hash = hash(&self.source)?;
            self.bytes = bytes;
        }
        Ok(())
    }

    pub fn source(&self) -> &Path {
        &self.source
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Checks that there is room for one copy for each receiver.
    pub fn check_room(&self, copies: u64) -> Result<(), String> {
        let mut df = Command::new("df");
        let text = shell::run(df.args(["--output=avail", "--block-size=1", MEMORY]))?;
        let left: u64 = text.lines().nth(1).and_then(|line| line.trim().parse().ok()).unwrap_or(0);
        let wanted = self.bytes * copies;
        if left < wanted {
            let (wanted, left) = (ByteSize(wanted), ByteSize(left));
            return Err(format!(
                "{copies} copies need {wanted} in {MEMORY}, which has {left} left"
            ));
        }
        Ok(())
    }

    pub fn logs(&self) -> PathBuf {
        self.folder.path().join("logs")
    }

    /// A path beside the receivers' folders.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of a receiver, from 0.
    pub fn receiver(&self, index: usize) -> PathBuf {
        self.path("receivers").join(index.to_string())
    }

    /// New, empty folders for this many receivers.
    pub fn clear(&self, receivers: usize) -> Result<(), String> {
        let all = self.path("receivers");
        let make = || {
            if all.exists() {
                fs::remove_dir_all(&all)?;
            }
            (0..receivers).try_for_each(|index| fs::create_dir_all(self.receiver(index)))
        };
        make().map_err(|error: io::Error| format!("{}: {error}", all.display()))
    }

    /// True when the file has the source's length. It may still have holes.
    pub fn is_there(&self, file: &Path) -> bool {
        fs::metadata(file).is_ok_and(|data| data.len() == self.bytes)
    }

    /// True when the file is equal to the source.
    pub fn is_right(&self, file: &Path) -> bool {
        self.is_there(file) && hash(file).is_ok_and(|hash| hash == self.hash)
    }
}

/// When a file was last changed: written, renamed, or given its times.
pub fn last_change(file: &Path) -> Option<SystemTime> {
    let data = fs::metadata(file).ok()?;
    let seconds = Duration::from_secs(u64::try_from(data.ctime()).ok()?);
    Some(UNIX_EPOCH + seconds + Duration::from_nanos(u64::try_from(data.ctime_nsec()).ok()?))
}

/// BLAKE3 of a file, with one thread.
pub fn hash(file: &Path) -> Result<blake3::Hash, String> {
    let mut hasher = blake3::Hasher::new();
    let read = File::open(file).and_then(|file| hasher.update_reader(file).map(drop));
    read.map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(hasher.finalize())
}

/// Writes content that cannot be compressed.
fn write_noise(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut noise = blake3::Hasher::new().update(b"compare").finalize_xof();
    let mut buffer = vec![0; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        let part = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        noise.fill(&mut buffer[..part]);
        file.write_all(&buffer[..part])?;
        left -= part as u64;
    }
    file.flush()
}
