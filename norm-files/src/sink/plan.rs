//! What a set will become in the output directory, and whether it may.
//!
//! Decided as soon as the head is here, so that a receiver that cannot take the files says so before
//! gigabytes have come.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use norm_core::fileset::{ContentError, EntryKind, Manifest, Mtime};

use super::existing::may_be_same;
use crate::names;

/// A file or directory to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Below the output directory; plain components only.
    pub path: PathBuf,
    /// Unix mode bits; 0 where the sender has none.
    pub mode: u32,
    pub mtime: Mtime,
    /// Where its content begins in the payload; 0 for a directory.
    pub offset: u64,
    /// Its content's bytes; 0 for a directory.
    pub size: u64,
}

/// Everything that a set will become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order of their contents in the payload.
    pub files: Vec<Planned>,
    /// Directories of the set.
    pub directories: Vec<Planned>,
    /// What was found there when that was looked at.
    pub here: Option<Here>,
}

/// Why a set cannot be put into the output directory.
#[derive(Debug)]
pub enum PlanError {
    /// The head is damaged.
    Content(ContentError),
    /// A name of which nothing safe is left.
    Name(String),
    /// Two entries would be the same file, or one a directory below the other.
    Clash(PathBuf),
    /// Something else is there already.
    Exists(PathBuf),
    /// A file of the same size and other content is there.
    Differs(PathBuf),
    /// A symbolic link, or a file, where a directory must be.
    InTheWay(PathBuf),
    /// A directory where a file must be.
    IsDirectory(PathBuf),
    /// The directory cannot be looked into.
    Io(PathBuf, io::Error),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(error) => write!(f, "the list of files is unusable: {error}"),
            Self::Name(name) => write!(f, "the file name {name:?} cannot be created here"),
            Self::Clash(path) => {
                write!(f, "the set has two entries for {}", path.display())
            }
            Self::Exists(path) => write!(
                f,
                "{} exists already: use --overwrite to replace it, or another directory",
                path.display()
            ),
            Self::Differs(path) => write!(
                f,
                "{} exists already: its size is the same, its content is not (or cannot be read): use \
                 --overwrite to replace it, or move it away",
                path.display()
            ),
            Self::InTheWay(path) => write!(
                f,
                "{} is in the way: a directory is needed there, and links are not followed",
                path.display()
            ),
            Self::IsDirectory(path) => write!(
                f,
                "{} is a directory, and a file is to be put there: move it away, or use another directory",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "cannot look at {}: {error}", path.display()),
        }
    }
}

/// Files of a set that are in their places already, with the right size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here {
    files: u64,
    first: PathBuf,
}

impl fmt::Display for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.first.display();
        let (it, its) = match self.files {
            1 => {
                write!(f, "{first} is here already, with the same size: it stays as it is")?;
                ("it", "its")
            }
            n => {
                write!(
                    f,
                    "{n} files are here already, with the same sizes, {first} for one: they stay as \
                     they are"
                )?;
                ("them", "their")
            }
        };
        write!(
            f,
            " if {its} content turns out to be the same in the end, and if not, the transfer fails then; \
             --overwrite replaces {it}"
        )
    }
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Claim {
    File,
    Directory,
}

impl Plan {
    /// Reads a head whose payload must have this many bytes.
    pub fn new(head: &[u8], payload_size: u64) -> Result<Self, PlanError> {
        let head = Manifest::parse(head).map_err(PlanError::Content)?;
        if head.payload_size() != payload_size {
            return Err(PlanError::Content(ContentError::SizeMismatch));
        }
        let mut plan = Self::default();
        let mut claims = HashMap::new();
        let mut entries = head.entries();
        loop {
            let offset = entries.offset();
            let Some(entry) = entries.next() else { return Ok(plan) };
            let entry = entry.map_err(PlanError::Content)?;
            let path =
                names::to_path(entry.path).map_err(|_| PlanError::Name(entry.path.to_owned()))?;
            claim(&mut claims, &path, entry.kind)?;
            let (mode, mtime, size) = (entry.mode, entry.mtime, entry.size);
            match entry.kind {
                EntryKind::File => {
                    plan.files.push(Planned { path, mode, mtime, offset, size });
                }
                EntryKind::Directory => {
                    plan.directories.push(Planned { path, mode, mtime, offset: 0, size: 0 });
                }
            }
        }
    }

    /// The sum of the files' sizes in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Checks that nothing under `root` is in the way: no link or file where directories must be, and,
    /// unless files may be replaced, no file with one of the names, but for those of the right size: they may
    /// turn out to be the same.
    /// Those are told: how many, and the first.
    pub fn check(&self, root: &Path, overwrite: bool) -> Result<Option<Here>, PlanError> {
        let mut known = HashMap::new();
        let mut here = None;
        for directory in &self.directories {
            check_directories(root, &directory.path, &mut known)?;
        }
        for file in &self.files {
            let parent_exists = match file.path.parent() {
                Some(parent) => check_directories(root, parent, &mut known)?,
                None => true,
            };
            let target = root.join(&file.path);
            if parent_exists && check_target(&target, file.size, overwrite)? && !overwrite {
                here.get_or_insert(Here { files: 0, first: target }).files += 1;
            }
        }
        Ok(here)
    }
}

/// Notes what is to be at `path` and above it.
fn claim(
    claims: &mut HashMap<PathBuf, Claim>,
    path: &Path,
    kind: EntryKind,
) -> Result<(), PlanError> {
    let clash = || PlanError::Clash(path.to_owned());
    for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
        match claims.get(above) {
            Some(Claim::Directory) => break,
            Some(Claim::File) => return Err(clash()),
            None => claims.insert(above.to_owned(), Claim::Directory),
        };
    }
    let wanted = if kind == EntryKind::File { Claim::File } else { Claim::Directory };
    match claims.insert(path.to_owned(), wanted) {
        None => Ok(()),
        Some(Claim::Directory) if wanted == Claim::Directory => Ok(()),
        Some(_) => Err(clash()),
    }
}

/// Walks down `path` below `root`. True when it is there, false when some of it must be created.
fn check_directories(
    root: &Path,
    path: &Path,
    known: &mut HashMap<PathBuf, bool>,
) -> Result<bool, PlanError> {
    if let Some(&there) = known.get(path) {
        return Ok(there);
    }
    let mut there = true;
    let mut at = root.to_owned();
    for component in path.components() {
        at.push(component);
        if there {
            there = is_directory(&at)?;
        }
    }
    known.insert(path.to_owned(), there);
    Ok(there)
}

/// True for a directory, false when there is nothing.
pub fn is_directory(path: &Path) -> Result<bool, PlanError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(true),
        Ok(_) => Err(PlanError::InTheWay(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(PlanError::Io(path.to_owned(), error)),
    }
}

/// Checks that a file of `size` bytes may be made at `path`, or may be there already: true when one of the name is.
pub fn check_target(path: &Path, size: u64, overwrite: bool) -> Result<bool, PlanError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(PlanError::IsDirectory(path.to_owned())),
        Ok(_) if overwrite || may_be_same(path, size) => Ok(true),
        Ok(_) => Err(PlanError::Exists(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(PlanError::Io(path.to_owned(), error)),
    }
}

#[cfg(test)]
mod tests;
