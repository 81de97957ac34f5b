//! Finds what is to be sent, and lists it in the manifest of the set.
//!
//! Given paths keep their last component as their name. Directories are walked in the order of
//! their names, so that the same tree makes the same manifest. Links inside them are not followed.
//! Every file is opened once, so that one that cannot be read is reported now and not hours later.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File, FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use norm_core::fileset::{
    ContentError, Entry, EntryKind, MAX_CHUNKS, MAX_FILE_BYTES, ManifestHash, ManifestWriter,
    Mtime, TEMP_PREFIX,
};

use super::{NameProblem, ScanError};
use crate::names;

/// Limit of the list of what is not sent.
const MAX_SKIPPED: usize = 1_000;

/// What was found.
#[derive(Debug)]
pub struct FileSet {
    /// The encoded manifest.
    pub manifest: Vec<u8>,
    /// Its hash.
    pub manifest_hash: ManifestHash,
    /// Chunks of all files.
    pub chunks: u32,
    /// Files with content, in the order of the payload.
    pub files: Vec<SourceFile>,
    /// Files, empty ones included.
    pub file_count: u64,
    /// Directories.
    pub directories: u64,
    /// Bytes in all files.
    pub payload_size: u64,
    /// What is not sent, and why: the first 1,000 entries.
    pub skipped: Vec<String>,
    /// How many are not sent, those beyond the list included.
    pub skipped_total: u64,
}

/// A file whose content is part of the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Where to open it.
    pub path: PathBuf,
    /// Where its content begins in the payload.
    pub offset: u64,
    /// Bytes of content, at least 1.
    pub size: u64,
    /// When it was last modified before the scan.
    pub mtime: Mtime,
}

/// Examines the given paths and everything below them.
///
/// # Errors
/// When a path cannot be examined or named, when two would arrive under the same name, and when
/// there is too much for one manifest.
pub fn scan(paths: &[PathBuf]) -> Result<FileSet, ScanError> {
    if paths.is_empty() {
        return Err(ScanError::NoPaths);
    }
    let mut scanner = Scanner::default();
    let mut names: BTreeMap<String, &PathBuf> = BTreeMap::new();
    for path in paths {
        let name = base_name(path)?;
        if let Some(first) = names.insert(name.clone(), path) {
            let (first, second) = (first.clone(), path.clone());
            return Err(ScanError::SameName { name, first, second });
        }
        // Follows a link: to name one is to mean what it points to.
        let kind = fs::metadata(path).map_err(scan_error(path))?.file_type();
        if !kind.is_file() && !kind.is_dir() {
            return Err(ScanError::SpecialFile { path: path.clone() });
        }
        let item = Item { path: path.clone(), name, kind };
        if is_temporary(&item) {
            return Err(ScanError::Temporary { path: path.clone() });
        }
        scanner.walk(item)?;
    }
    scanner.finish()
}

/// Something found and not yet entered.
struct Item {
    path: PathBuf,
    /// As it is to be sent.
    name: String,
    kind: FileType,
}

#[derive(Default)]
struct Scanner {
    manifest: ManifestWriter,
    files: Vec<SourceFile>,
    file_count: u64,
    directories: u64,
    skipped: Vec<String>,
    skipped_total: u64,
}

impl Scanner {
    /// Enters `root` and everything below it, each directory before what it holds.
    fn walk(&mut self, root: Item) -> Result<(), ScanError> {
        let named = root.path.clone();
        let mut stack = vec![root];
        while let Some(item) = stack.pop() {
            if is_temporary(&item) {
                self.skip(format!("{}: a part of an unfinished transfer", item.path.display()));
            } else if item.kind.is_dir() {
                self.directory(&item)?;
                stack.extend(children(&item)?.into_iter().rev());
            } else if item.kind.is_file() {
                match self.file(item) {
                    Err(ScanError::UnknownSize { path }) if path != named => {
                        self.skip(format!("{}: {UNKNOWN_SIZE}", path.display()));
                    }
                    entered => entered?,
                }
            } else {
                let what =
                    if item.kind.is_symlink() { "a symbolic link" } else { "a special file" };
                self.skip(format!("{}: {what}", item.path.display()));
            }
        }
        Ok(())
    }

    fn directory(&mut self, item: &Item) -> Result<(), ScanError> {
        let metadata = fs::metadata(&item.path).map_err(scan_error(&item.path))?;
        self.directories += 1;
        self.enter(item, EntryKind::Directory, &metadata, 0).map(|_| ())
    }

    fn file(&mut self, item: Item) -> Result<(), ScanError> {
        let opened = open(&item.path).and_then(|file| {
            let metadata = file.metadata()?;
            Ok((file, metadata))
        });
        let (file, metadata) = opened.map_err(scan_error(&item.path))?;
        if !has_its_size(&file, &metadata) {
            return Err(ScanError::UnknownSize { path: item.path });
        }
        let (offset, size) = (self.manifest.payload_size(), metadata.len());
        let mtime = self.enter(&item, EntryKind::File, &metadata, size)?;
        self.file_count += 1;
        if size > 0 {
            self.files.push(SourceFile { path: item.path, offset, size, mtime });
        }
        Ok(())
    }

    fn enter(
        &mut self,
        item: &Item,
        kind: EntryKind<'_>,
        metadata: &Metadata,
        size: u64,
    ) -> Result<Mtime, ScanError> {
        let mtime = mtime(metadata);
        let mode = mode(metadata);
        let entry = Entry { mode, mtime, size, ..Entry::new(kind, &item.name) };
        self.manifest.push(&entry).map_err(|error| match error {
            ContentError::TooLarge if size > MAX_FILE_BYTES => ScanError::TooManyBytes,
            ContentError::TooLarge => ScanError::TooManyEntries,
            _ => ScanError::Name { path: item.path.clone(), problem: NameProblem::TooLong },
        })?;
        Ok(mtime)
    }

    fn skip(&mut self, line: String) {
        self.skipped_total += 1;
        if self.skipped.len() < MAX_SKIPPED {
            self.skipped.push(line);
        }
    }

    fn finish(self) -> Result<FileSet, ScanError> {
        let chunks = u32::try_from(self.manifest.chunks()).ok();
        let chunks = chunks.filter(|&chunks| chunks <= MAX_CHUNKS);
        let payload_size = self.manifest.payload_size();
        let (manifest, manifest_hash) = self.manifest.finish();
        Ok(FileSet {
            manifest,
            manifest_hash,
            chunks: chunks.ok_or(ScanError::TooManyBytes)?,
            files: self.files,
            file_count: self.file_count,
            directories: self.directories,
            payload_size,
            skipped: self.skipped,
            skipped_total: self.skipped_total,
        })
    }
}

/// What is said of files whose size is not known.
const UNKNOWN_SIZE: &str = "the system does not tell its size";

/// Opens a file for reading, without waiting for what it may have to say.
fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options.open(path)
}

/// False for files that have another size than the system says, as those in `/proc` and `/sys`,
/// which are made while they are read.
fn has_its_size(file: &File, metadata: &Metadata) -> bool {
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

/// True for what receivers keep below their output directory.
fn is_temporary(item: &Item) -> bool {
    let name = item.path.file_name().and_then(|name| name.to_str());
    item.kind.is_file() && name.is_some_and(|name| name.starts_with(TEMP_PREFIX))
}

/// What a directory holds, in the order of the names.
fn children(directory: &Item) -> Result<Vec<Item>, ScanError> {
    let failed = scan_error(&directory.path);
    let entries: Vec<fs::DirEntry> =
        fs::read_dir(&directory.path).and_then(Iterator::collect).map_err(failed)?;
    let mut items = entries
        .into_iter()
        .map(|entry| {
            let path = entry.path();
            let kind = entry.file_type().map_err(scan_error(&path))?;
            // The name of what is skipped does not travel, so it may be anything.
            let name = match names::to_text(&entry.file_name()) {
                Some(name) => format!("{}/{name}", directory.name),
                None if kind.is_file() || kind.is_dir() => return Err(not_text(&path)),
                None => String::new(),
            };
            Ok(Item { path, name, kind })
        })
        .collect::<Result<Vec<_>, ScanError>>()?;
    items.sort_unstable_by(|a, b| a.path.file_name().cmp(&b.path.file_name()));
    Ok(items)
}

/// The last component of a path; of `.` and `..`, of what they stand for.
fn base_name(path: &Path) -> Result<String, ScanError> {
    let resolved;
    let name = match path.file_name() {
        Some(name) => Some(name),
        None => {
            resolved = fs::canonicalize(path).map_err(scan_error(path))?;
            resolved.file_name()
        }
    };
    let Some(name) = name else {
        return Err(ScanError::RootDirectory { path: path.to_owned() });
    };
    names::to_text(name).map(Cow::into_owned).ok_or_else(|| not_text(path))
}

fn not_text(path: &Path) -> ScanError {
    ScanError::Name { path: path.to_owned(), problem: NameProblem::NotUnicode }
}

fn scan_error(path: &Path) -> impl FnOnce(io::Error) -> ScanError {
    move |error| ScanError::Unreadable { path: path.to_owned(), error }
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

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::MetadataExt;
    metadata.mode() & 0o7777
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0
}

#[cfg(test)]
mod tests;
