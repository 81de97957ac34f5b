//! Files of their own: one object each.

use std::path::PathBuf;

use bytes::Bytes;
use norm_core::fileset::{Entry, EntryKind, Manifest, text_to_name};
use norm_core::transfer::{ObjectMeta, ObjectSpec};
use norm_files::source::{FileSet, LeftOut, MAX_LEFT_OUT_NAMES, Reason};

use crate::transfer::send::SendError;

/// The objects of a session: one for each file.
#[derive(Debug, Default)]
pub(crate) struct FilePlan {
    files: Vec<PlannedFile>,
    /// Directories that cannot be sent.
    empty: Vec<PathBuf>,
}

#[derive(Debug)]
struct PlannedFile {
    name: Bytes,
    /// Where its content begins in the payload.
    offset: u64,
    size: u64,
}

impl FilePlan {
    /// Makes objects of the files that were found, at most `max`. `check` refuses a file that does
    /// not fit the protocol.
    ///
    /// # Errors
    /// When there are too many files, or only directories; what `check` says.
    pub(crate) fn new(
        found: &FileSet,
        max: u64,
        check: impl Fn(&Entry<'_>) -> Result<(), SendError>,
    ) -> Result<Self, SendError> {
        let unreadable = SendError::Manifest;
        let manifest = Manifest::parse(&found.manifest).map_err(unreadable)?;
        let mut plan = Self::default();
        // The directory entered last, as long as nothing in it was.
        let mut empty: Option<String> = None;
        let mut entries = manifest.entries();
        loop {
            let offset = entries.offset();
            let Some(entry) = entries.next() else { break };
            let entry = entry.map_err(unreadable)?;
            let within = |directory: &String| {
                entry.path.strip_prefix(directory.as_str()).is_some_and(|p| p.starts_with('/'))
            };
            if let Some(directory) = empty.take_if(|directory| !within(directory)) {
                plan.skip(&directory);
            }
            empty = (entry.kind == EntryKind::Directory).then(|| entry.path.to_owned());
            if entry.kind == EntryKind::File {
                check(&entry)?;
                let name = Bytes::copy_from_slice(&text_to_name(entry.path));
                plan.files.push(PlannedFile { name, offset, size: entry.size });
            }
        }
        if let Some(directory) = empty {
            plan.skip(&directory);
        }
        let files = plan.files.len() as u64;
        if files > max {
            return Err(SendError::TooManyFiles { files, max });
        }
        if plan.files.is_empty() {
            return Err(SendError::OnlyDirectories);
        }
        Ok(plan)
    }

    fn skip(&mut self, directory: &str) {
        self.empty.push(PathBuf::from(directory));
    }

    /// What cannot be sent.
    pub(crate) fn left_out(&self) -> Vec<LeftOut> {
        let count = self.empty.len() as u64;
        let first = self.empty.iter().take(MAX_LEFT_OUT_NAMES).cloned().collect();
        let list = LeftOut { reason: Reason::EmptyDirectory, count, first };
        if count == 0 { Vec::new() } else { vec![list] }
    }

    /// The objects in the order in which they are sent.
    pub(crate) fn specs(&self) -> impl Iterator<Item = ObjectSpec> + '_ {
        self.files.iter().map(|file| ObjectSpec {
            size: file.size,
            meta: ObjectMeta::file(Some(file.name.clone())),
        })
    }

    /// The paths of the files, in the same order.
    pub(crate) fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.files.iter().map(|file| path(&file.name))
    }

    /// Where each object's content begins in the payload.
    pub(crate) fn offsets(&self) -> Vec<u64> {
        self.files.iter().map(|file| file.offset).collect()
    }
}

/// The path of a file as this system has it.
pub(crate) fn entry_path(entry: &Entry<'_>) -> PathBuf {
    path(&text_to_name(entry.path))
}

fn path(name: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(std::ffi::OsStr::from_bytes(name))
    }
    #[cfg(not(unix))]
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}
