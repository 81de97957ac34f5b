//! Where hashes and receipts are.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::record::{is_unfinished, make_folder};

/// Bytes that hashes and receipts may take together.
pub const MAX_STATE_BYTES: u64 = 1 << 30;
/// Of files that stay when room is made: they are short, and few.
pub(crate) const SERIAL_EXTENSION: &str = "serial";
/// Unfinished files of other programs stay for this long: they may be at work on them.
const UNFINISHED_AGE: Duration = Duration::from_secs(24 * 3600);

/// The folders for hashes and receipts. Without them nothing is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateFolders {
    hashes: Option<PathBuf>,
    receipts: Option<PathBuf>,
}

impl StateFolders {
    /// None: nothing is kept.
    pub fn none() -> Self {
        Self::default()
    }

    /// Both below one folder, which need not be there yet.
    pub fn within(folder: &Path) -> Self {
        Self { hashes: Some(folder.join("hashes")), receipts: Some(folder.join("receipts")) }
    }

    /// Those of the user, as the XDG Base Directory Specification has them; none for users without
    /// a home, as services are.
    pub fn of_user() -> Self {
        let place = |name, in_home: &str| {
            let given = env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
            let home = || {
                let home = PathBuf::from(env::var_os("HOME")?);
                Some(home).filter(|home| home.is_absolute() && home.parent().is_some())
            };
            let home = || home().filter(|home| home.is_dir());
            Some(given.or_else(|| Some(home()?.join(in_home)))?.join("norm"))
        };
        let hashes = place("XDG_CACHE_HOME", ".cache").map(|folder| folder.join("hashes"));
        let receipts = place("XDG_STATE_HOME", ".local/state");
        Self { hashes, receipts: receipts.map(|folder| folder.join("receipts")) }
    }

    /// The same without hashes.
    #[must_use]
    pub fn without_hashes(self) -> Self {
        Self { hashes: None, ..self }
    }

    /// Those that are there.
    pub fn existing(&self) -> Vec<PathBuf> {
        let both = [self.hashes(), self.receipts()].into_iter().flatten();
        both.filter(|folder| folder.is_dir()).map(Path::to_owned).collect()
    }

    /// Makes the folder for hashes of files, which others cannot look into.
    ///
    /// # Errors
    /// What the system says.
    pub fn make_hashes(&self) -> io::Result<()> {
        self.hashes().map_or(Ok(()), make_folder)
    }

    /// Makes the folder for receipts, which others cannot look into.
    ///
    /// # Errors
    /// What the system says.
    pub fn make_receipts(&self) -> io::Result<()> {
        self.receipts().map_or(Ok(()), make_folder)
    }

    /// The folder for hashes of files.
    pub(crate) fn hashes(&self) -> Option<&Path> {
        self.hashes.as_deref()
    }

    /// The folder for receipts.
    pub(crate) fn receipts(&self) -> Option<&Path> {
        self.receipts.as_deref()
    }

    /// Removes the oldest files until no more than `limit` bytes are left. What cannot be removed
    /// stays.
    pub(crate) fn trim(&self, limit: u64) {
        let folders = [self.hashes(), self.receipts()];
        let mut files: Vec<Kept> = folders.into_iter().flatten().flat_map(kept_in).collect();
        files.sort_by_key(|file| file.used);
        let mut total: u64 = files.iter().map(|file| file.bytes).sum();
        let now = SystemTime::now();
        for file in files {
            let is_stale = is_unfinished(&file.path)
                && now.duration_since(file.used).is_ok_and(|age| age > UNFINISHED_AGE);
            if (total > limit && !is_unfinished(&file.path)) || is_stale {
                total = total.saturating_sub(file.bytes);
                let _ = fs::remove_file(&file.path);
            }
        }
    }
}

/// A file that is kept.
struct Kept {
    path: PathBuf,
    bytes: u64,
    /// When it was written, or read last.
    used: SystemTime,
}

fn kept_in(folder: &Path) -> Vec<Kept> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let kept = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.ok()?;
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        let used = metadata.modified().ok()?;
        let stays = entry.path().extension().is_some_and(|name| name == SERIAL_EXTENSION);
        if stays {
            return None;
        }
        Some(Kept { path: entry.path(), bytes: metadata.len(), used })
    };
    entries.filter_map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_files_of_both_folders_go_first() {
        let dir = tempfile::tempdir().unwrap();
        let folders = StateFolders::within(dir.path());
        let write = |folder: &Path, name: &str, age: u64| {
            fs::create_dir_all(folder).unwrap();
            let path = folder.join(name);
            fs::write(&path, [0; 100]).unwrap();
            let used = SystemTime::now() - Duration::from_secs(age);
            fs::File::options().write(true).open(&path).unwrap().set_modified(used).unwrap();
            path
        };
        let (hashes, receipts) = (folders.hashes().unwrap(), folders.receipts().unwrap());
        let new = [write(hashes, "c", 10), write(receipts, "d", 0)];
        let old = [write(receipts, "a", 30), write(hashes, "b", 20)];
        let unfinished = write(hashes, ".new-1-1", 40);
        let litter = write(receipts, ".new-1-2", 2 * 24 * 3600);
        folders.trim(1_000);
        assert!(!litter.exists() && old.iter().chain(&new).all(|path| path.exists()));
        folders.trim(300);
        assert!(old.iter().all(|path| !path.exists()) && new.iter().all(|path| path.exists()));
        assert!(unfinished.exists(), "a program may be at work on it");
    }
}
