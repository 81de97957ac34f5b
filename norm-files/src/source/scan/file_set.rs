//! What was found.

use std::path::PathBuf;
use std::sync::Arc;

use norm_core::fileset::{ChunkMap, Entry, EntryKind, Manifest, ManifestHash};

use super::source_files::SourceFiles;
use crate::kept::KeptBytes;
use crate::names;
use crate::source::LeftOut;

/// What was found.
#[derive(Debug)]
pub struct FileSet {
    /// The encoded manifest.
    pub manifest: KeptBytes,
    /// Its hash.
    pub manifest_hash: ManifestHash,
    /// Chunks of `files`.
    pub map: Arc<ChunkMap>,
    /// Files with content, in the order of the payload.
    pub files: SourceFiles,
    /// Files, empty ones and other names of files included.
    pub file_count: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes in all files, without those in holes.
    pub payload_size: u64,
    /// What is not sent, by reason.
    pub left_out: Vec<LeftOut>,
    /// Paths that were given, and are symbolic links that are sent as they are.
    pub given_links: Vec<PathBuf>,
    /// Patterns of rules that have decided nothing, but for those of files.
    pub unused_patterns: Vec<String>,
}

impl FileSet {
    /// The name of the set: that of its first file or directory, and how many others there are
    /// beside it.
    pub fn name(&self) -> String {
        let Ok(manifest) = Manifest::parse(&self.manifest) else { return String::new() };
        let top = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
        let (mut first, mut last, mut others) = (None, String::new(), 0_u64);
        for entry in manifest.entries().filter_map(Result::ok) {
            let name = top(entry.path);
            match &first {
                None => first = Some(name.clone()),
                Some(_) => others += u64::from(name != last),
            }
            last = name;
        }
        match (first.unwrap_or_default(), others) {
            (first, 0) => first,
            (first, others) => format!("{first} and {others} more"),
        }
    }

    /// What is sent, in the order of the manifest.
    pub fn entries(&self) -> Vec<FoundEntry> {
        // It was written here.
        let Ok(manifest) = Manifest::parse(&self.manifest) else { return Vec::new() };
        let found = |entry: Entry<'_>| FoundEntry {
            path: names::of_system(entry.path).into(),
            is_directory: entry.kind == EntryKind::Directory,
            size: entry.size,
            link: match entry.kind {
                EntryKind::SymbolicLink { target } => Some(names::of_system(target).into()),
                _ => None,
            },
        };
        manifest.entries().filter_map(Result::ok).map(found).collect()
    }
}

/// Something that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundEntry {
    /// Its name, with its directories, as it arrives.
    pub path: PathBuf,
    /// It is a directory; else it is a file or link.
    pub is_directory: bool,
    /// Bytes of a file.
    pub size: u64,
    /// Where a symbolic link leads; `None` of all else.
    pub link: Option<PathBuf>,
}
