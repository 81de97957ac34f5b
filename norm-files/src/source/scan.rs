//! Finds what is to be sent, and lists it in the manifest of the set.
//!
//! Given paths keep their last component as their name, unless they mean what is in a directory.
//! Directories are walked in the order of their names, so that the same tree makes the same
//! manifest. Links inside them are not followed. Every file is opened once, so that one that cannot
//! be read is reported now and not hours later.

mod listed;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File, FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use norm_core::fileset::{
    ContentError, Entry, EntryKind, MAX_CHUNKS, MAX_FILE_BYTES, Manifest, ManifestHash,
    ManifestWriter, Mtime, TEMP_PREFIX,
};

use super::left_out::leave_out;
use super::rules::Rules;
use super::selection::means_contents;
use super::{LeftOut, NameProblem, Reason, ScanError, Selection};
use crate::names;

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
    /// What is not sent, by reason.
    pub left_out: Vec<LeftOut>,
    /// Patterns of rules that have decided nothing, but for those of files.
    pub unused_patterns: Vec<String>,
}

impl FileSet {
    /// What is sent, in the order of the manifest.
    pub fn entries(&self) -> Vec<FoundEntry> {
        // It was written here.
        let Ok(manifest) = Manifest::parse(&self.manifest) else { return Vec::new() };
        let found = |entry: Entry<'_>| FoundEntry {
            path: names::of_system(entry.path).into(),
            is_directory: entry.kind == EntryKind::Directory,
            size: entry.size,
        };
        manifest.entries().filter_map(Result::ok).map(found).collect()
    }
}

/// Something that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundEntry {
    /// Its name, with its directories, as it arrives.
    pub path: PathBuf,
    /// It is a directory; else it is a file.
    pub is_directory: bool,
    /// Bytes of a file.
    pub size: u64,
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
    /// When its inode last changed before the scan.
    pub ctime: Ctime,
    /// Its number in the manifest.
    pub entry: u32,
}

/// When an inode last changed: seconds and nanoseconds since 1970; zeros where systems have no such
/// time.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Ctime(i64, i64);

impl Ctime {
    /// That of a file.
    pub fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Self(metadata.ctime(), metadata.ctime_nsec())
        }
        #[cfg(not(unix))]
        {
            let _ = metadata;
            Self::default()
        }
    }
}

/// Examines what is selected.
///
/// # Errors
/// When a path cannot be examined or named, when two would arrive under the same name, when a
/// pattern is none, and when there is nothing, or too much for one manifest.
pub fn scan(selection: impl Into<Selection>) -> Result<FileSet, ScanError> {
    let selection = selection.into();
    let mut scanner = Scanner::new(Rules::new(&selection.rules)?);
    match &selection.listed {
        None => scanner.paths(&selection.paths)?,
        Some(names) => scanner.listed(&selection.paths, names)?,
    }
    if scanner.file_count + scanner.directories == 0 {
        return Err(ScanError::NothingLeft);
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

struct Scanner {
    manifest: ManifestWriter,
    rules: Rules,
    files: Vec<SourceFile>,
    file_count: u64,
    directories: u64,
    left_out: Vec<LeftOut>,
}

impl Scanner {
    fn new(rules: Rules) -> Self {
        Self {
            manifest: ManifestWriter::new(),
            rules,
            files: Vec::new(),
            file_count: 0,
            directories: 0,
            left_out: Vec::new(),
        }
    }

    /// Enters the given paths and everything below them.
    fn paths(&mut self, paths: &[PathBuf]) -> Result<(), ScanError> {
        if paths.is_empty() {
            return Err(ScanError::NoPaths);
        }
        // A single path cannot clash with another.
        let mut names = (paths.len() > 1).then(BTreeMap::new);
        for path in paths {
            for item in self.given(path)? {
                if let Some(names) = &mut names
                    && let Some(first) = names.insert(item.name.clone(), item.path.clone())
                {
                    return Err(ScanError::SameName { name: item.name, first, second: item.path });
                }
                self.walk(item, path)?;
            }
        }
        Ok(())
    }

    /// What a path stands for, without what rules leave out: itself, or what is in the directory.
    fn given(&mut self, path: &Path) -> Result<Vec<Item>, ScanError> {
        // Follows a link: to name one is to mean what it points to.
        let kind = fs::metadata(path).map_err(scan_error(path))?.file_type();
        if means_contents(path) && kind.is_dir() {
            if fs::canonicalize(path).map_err(scan_error(path))?.parent().is_none() {
                return Err(ScanError::RootDirectory { path: path.to_owned() });
            }
            let root = Item { path: path.to_owned(), name: String::new(), kind };
            return Ok(self.kept(children(&root)?));
        }
        let item = Item { path: path.to_owned(), name: base_name(path)?, kind };
        let kept = self.kept(vec![item]);
        if !kept.is_empty() && !kind.is_file() && !kind.is_dir() {
            return Err(ScanError::SpecialFile { path: path.to_owned() });
        }
        if kept.iter().any(is_temporary) {
            return Err(ScanError::Temporary { path: path.to_owned() });
        }
        Ok(kept)
    }

    /// Enters `root` and everything below it, each directory before what it holds.
    fn walk(&mut self, root: Item, given: &Path) -> Result<(), ScanError> {
        let mut stack = vec![root];
        while let Some(item) = stack.pop() {
            if is_temporary(&item) {
                self.leave_out(Reason::Temporary, item.path);
            } else if item.kind.is_dir() {
                self.directory(&item)?;
                stack.extend(self.kept(children(&item)?).into_iter().rev());
            } else if item.kind.is_file() {
                match self.file(item) {
                    Err(ScanError::UnknownSize { path }) if path != given => {
                        self.leave_out(Reason::UnknownSize, path);
                    }
                    entered => entered?,
                }
            } else {
                self.leave_out(reason(item.kind), item.path);
            }
        }
        Ok(())
    }

    /// Those that no rule leaves out.
    fn kept(&mut self, mut items: Vec<Item>) -> Vec<Item> {
        if !self.rules.is_empty() {
            items.retain(|item| !self.is_excluded(item));
        }
        items
    }

    /// True for something that a rule leaves out, which is noted.
    fn is_excluded(&mut self, item: &Item) -> bool {
        let name = names::of_system(&item.name);
        let excluded = self.rules.exclude(Path::new(&name), item.kind.is_dir());
        if excluded {
            self.leave_out(Reason::Excluded, item.path.clone());
        }
        excluded
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
        let entry = self.manifest.entries();
        let mtime = self.enter(&item, EntryKind::File, &metadata, size)?;
        self.file_count += 1;
        if size > 0 {
            let ctime = Ctime::of(&metadata);
            self.files.push(SourceFile { path: item.path, offset, size, mtime, ctime, entry });
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

    fn leave_out(&mut self, reason: Reason, path: PathBuf) {
        leave_out(&mut self.left_out, reason, path);
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
            left_out: self.left_out,
            unused_patterns: self.rules.unused(),
        })
    }
}

/// Why something that is neither a file nor a directory is not sent.
fn reason(kind: FileType) -> Reason {
    if kind.is_symlink() {
        return Reason::SymbolicLink;
    }
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
    Reason::OtherType
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
                Some(name) if directory.name.is_empty() => name.into_owned(),
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

/// The last component of a path.
fn base_name(path: &Path) -> Result<String, ScanError> {
    let Some(name) = path.file_name() else {
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
