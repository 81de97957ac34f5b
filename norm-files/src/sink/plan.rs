//! What a set will become in the output directory, and whether it may.
//!
//! Decided as soon as the manifest is there, so that a receiver that cannot take the files says so
//! before gigabytes have come.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use norm_core::base::range_set::RangeSet;
use norm_core::fileset::{ChunkMap, ContentError, EntryKind, Manifest, Mtime};

use super::existing::may_be_identical;
use super::system;
use crate::SystemError;
use crate::names;

/// A file to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// Below the output directory; plain components only.
    pub path: PathBuf,
    /// Unix mode bits; 0 where the sender has none.
    pub mode: u32,
    /// When it was last modified.
    pub mtime: Mtime,
    /// Where its content begins in the payload, in bytes.
    pub offset: u64,
    /// Its content's bytes.
    pub size: u64,
}

/// A directory to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDirectory {
    /// Below the output directory; plain components only.
    pub path: PathBuf,
    /// Unix mode bits; 0 where the sender has none.
    pub mode: u32,
    /// When it was last modified.
    pub mtime: Mtime,
}

/// Everything that a set will become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    files: Vec<PlannedFile>,
    directories: Vec<PlannedDirectory>,
    /// Of the files, in their order.
    chunks: Arc<ChunkMap>,
    /// Files that are not made, by their places among all.
    unwanted: RangeSet,
}

/// Why a set cannot be put into the output directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// The manifest is damaged.
    Content(ContentError),
    /// A link, or a file with holes: these are not made yet.
    Unsupported(String),
    /// A name of which nothing safe is left.
    Name(String),
    /// Two entries would be the same file, or one a directory below the other.
    Clash(PathBuf),
    /// Nothing of the set matches what is wanted.
    NothingWanted,
    /// Something else is there already.
    Exists(PathBuf),
    /// A file of the same size and other content is there.
    Differs(PathBuf),
    /// A symbolic link, or a file, where a directory must be.
    InTheWay(PathBuf),
    /// A directory where a file must be.
    IsDirectory(PathBuf),
    /// The directory cannot be looked into.
    Io(PathBuf, SystemError),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(error) => write!(f, "the list of files is unusable: {error}"),
            Self::Unsupported(name) => write!(
                f,
                "{name:?} is a link or a file with holes, which this program cannot make: have its \
                 sender leave it out"
            ),
            Self::Name(name) => write!(f, "the file name {name:?} cannot be created here"),
            Self::Clash(path) => {
                write!(f, "the set has two entries for {}", path.display())
            }
            Self::NothingWanted => f.write_str("nothing of the set is wanted"),
            Self::Exists(path) => write!(f, "{} exists already", path.display()),
            Self::Differs(path) => write!(
                f,
                "{} exists already: its size is the same, its content is not (or cannot be read)",
                path.display()
            ),
            Self::InTheWay(path) => write!(
                f,
                "{} is in the way: a directory is needed there, and links are not followed",
                path.display()
            ),
            Self::IsDirectory(path) => write!(
                f,
                "{} is a directory, and a file is to be put there: move it away, or use another \
                 directory",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "cannot look at {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for PlanError {}

/// Files of a set that are in their places already, with the right size: they stay as they are if
/// their content turns out to be the same in the end; if not, the transfer fails then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentFiles {
    /// How many; at least 1.
    pub count: u64,
    /// The first of them.
    pub first: PathBuf,
}

impl fmt::Display for PresentFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.first.display();
        match self.count {
            1 => write!(
                f,
                "{first} is here already, with the same size: it stays as it is if its content \
                 turns out to be the same in the end, and if not, the transfer fails then"
            ),
            n => write!(
                f,
                "{n} files are here already, with the same sizes, {first} for one: they stay as \
                 they are if their content turns out to be the same in the end, and if not, the \
                 transfer fails then"
            ),
        }
    }
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Claim {
    File,
    Directory,
}

impl Plan {
    /// Reads a manifest whose payload must have this many bytes.
    ///
    /// # Errors
    /// When it is damaged, or lists what cannot be made.
    pub fn new(manifest: &[u8], payload_size: u64) -> Result<Self, PlanError> {
        let manifest = Manifest::parse(manifest).map_err(PlanError::Content)?;
        if manifest.payload_size() != payload_size {
            return Err(PlanError::Content(ContentError::SizeMismatch));
        }
        let mut plan = Self::default();
        let mut claims = HashMap::new();
        let mut chunks = ChunkMap::default();
        let mut entries = manifest.entries();
        loop {
            let offset = entries.offset();
            let Some(entry) = entries.next() else {
                plan.chunks = Arc::new(chunks);
                return Ok(plan);
            };
            let entry = entry.map_err(PlanError::Content)?;
            let path =
                names::to_path(entry.path).map_err(|_| PlanError::Name(entry.path.to_owned()))?;
            claim(&mut claims, &path, entry.kind == EntryKind::File)?;
            let (mode, mtime, size) = (entry.mode, entry.mtime, entry.size);
            match entry.kind {
                EntryKind::File if entry.holes.is_empty() => {
                    chunks.push(size).map_err(PlanError::Content)?;
                    plan.files.push(PlannedFile { path, mode, mtime, offset, size });
                }
                EntryKind::Directory => {
                    plan.directories.push(PlannedDirectory { path, mode, mtime });
                }
                EntryKind::File | EntryKind::SymbolicLink { .. } | EntryKind::HardLink { .. } => {
                    return Err(PlanError::Unsupported(entry.path.to_owned()));
                }
            }
        }
    }

    /// All files, in the order of their contents in the payload.
    pub fn files(&self) -> &[PlannedFile] {
        &self.files
    }

    /// The directories that the set lists.
    pub fn directories(&self) -> &[PlannedDirectory] {
        &self.directories
    }

    /// The chunks of the files, in their order.
    pub fn chunks(&self) -> &Arc<ChunkMap> {
        &self.chunks
    }

    /// Keeps the files and directories of which `wants` says that they are wanted, and the
    /// directories above them. It is told of each whether it is a directory.
    pub fn retain(&mut self, mut wants: impl FnMut(&Path, bool) -> bool) {
        let mut above: HashSet<PathBuf> = HashSet::new();
        let mut keep_above = |path: &Path| {
            // Those above one that is known are known.
            let new = path.ancestors().skip(1).take_while(|path| !above.contains(*path));
            let new: Vec<PathBuf> = new.map(Path::to_owned).collect();
            above.extend(new);
        };
        for (at, file) in (0..).zip(&self.files) {
            if self.unwanted.contains(at) || !wants(&file.path, false) {
                self.unwanted.insert(at, at + 1);
            } else {
                keep_above(&file.path);
            }
        }
        let wanted = self.directories.iter().map(|directory| wants(&directory.path, true));
        let wanted: Vec<bool> = wanted.collect();
        let kept = self.directories.iter().zip(&wanted).filter(|(_, wanted)| **wanted);
        kept.for_each(|(directory, _)| keep_above(&directory.path));
        let mut wanted = wanted.into_iter();
        self.directories.retain(|directory| {
            wanted.next().unwrap_or_default() || above.contains(&directory.path)
        });
    }

    /// The files that are to be made, each with its place among all.
    pub fn wanted(&self) -> impl DoubleEndedIterator<Item = (usize, &PlannedFile)> {
        let files = self.files.iter().enumerate();
        files.filter(|&(at, _)| self.is_wanted(at))
    }

    /// True when the file with this place among all is to be made.
    pub fn is_wanted(&self, at: usize) -> bool {
        !self.unwanted.contains(at as u64)
    }

    /// True when nothing is to be made of it.
    pub fn is_empty(&self) -> bool {
        self.directories.is_empty() && self.wanted().next().is_none()
    }

    /// How many files are not to be made.
    pub fn unwanted_files(&self) -> u64 {
        self.unwanted.iter().map(|(start, end)| end - start).sum()
    }

    /// What of the payload is of files that are not to be made.
    pub fn unwanted_ranges(&self) -> RangeSet {
        let mut ranges = RangeSet::new();
        for (start, end) in self.unwanted.iter() {
            let file = |at: u64| usize::try_from(at).ok().and_then(|at| self.files.get(at));
            let end = file(end).map_or(self.chunks.payload_size(), |file| file.offset);
            ranges.insert(file(start).map_or(end, |file| file.offset), end);
        }
        ranges
    }

    /// The sum of the sizes of the files that are to be made, in bytes.
    pub fn bytes(&self) -> u64 {
        self.wanted().map(|(_, file)| file.size).sum()
    }

    /// Checks that nothing under `root` is in the way: no link or file where directories must be,
    /// and, unless files may be replaced, no file with one of the names, but for those of the right
    /// size: they may turn out to be identical, and are returned.
    ///
    /// # Errors
    /// When something is in the way.
    pub fn check(&self, root: &Path, overwrite: bool) -> Result<Option<PresentFiles>, PlanError> {
        let mut known = HashMap::new();
        let mut present = None;
        for directory in &self.directories {
            check_directories(root, &directory.path, &mut known)?;
        }
        for (_, file) in self.wanted() {
            let parent_exists = match file.path.parent() {
                Some(parent) => check_directories(root, parent, &mut known)?,
                None => true,
            };
            let target = root.join(&file.path);
            if parent_exists && check_target(&target, file.size, overwrite)? && !overwrite {
                present.get_or_insert(PresentFiles { count: 0, first: target }).count += 1;
            }
        }
        Ok(present)
    }
}

/// Notes what is to be at `path` and above it.
fn claim(
    claims: &mut HashMap<PathBuf, Claim>,
    path: &Path,
    is_file: bool,
) -> Result<(), PlanError> {
    let clash = || PlanError::Clash(path.to_owned());
    for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
        match claims.get(above) {
            Some(Claim::Directory) => break,
            Some(Claim::File) => return Err(clash()),
            None => claims.insert(above.to_owned(), Claim::Directory),
        };
    }
    let wanted = if is_file { Claim::File } else { Claim::Directory };
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
    if let Some(&exists) = known.get(path) {
        return Ok(exists);
    }
    let mut exists = true;
    let mut at = root.to_owned();
    for component in path.components() {
        at.push(component);
        if exists {
            exists = is_directory(&at)?;
        }
    }
    known.insert(path.to_owned(), exists);
    Ok(exists)
}

/// True for a directory, false when there is nothing.
pub fn is_directory(path: &Path) -> Result<bool, PlanError> {
    match system::look(path) {
        Ok(metadata) if metadata.is_dir() => Ok(true),
        Ok(_) => Err(PlanError::InTheWay(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(PlanError::Io(path.to_owned(), error.into())),
    }
}

/// Checks that a file of `size` bytes may be made at `path`, or may be there already: true when
/// there is one with that name.
pub fn check_target(path: &Path, size: u64, overwrite: bool) -> Result<bool, PlanError> {
    match system::look(path) {
        Ok(metadata) if metadata.is_dir() => Err(PlanError::IsDirectory(path.to_owned())),
        Ok(_) if overwrite || may_be_identical(path, size) => Ok(true),
        Ok(_) => Err(PlanError::Exists(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(PlanError::Io(path.to_owned(), error.into())),
    }
}

#[cfg(test)]
mod tests;
