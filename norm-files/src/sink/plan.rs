//! What a set will become in the output directory, and whether it may.
//!
//! Decided as soon as the manifest is there, so that a receiver that cannot take the files says so
//! before gigabytes have come.

mod check;
mod planned;
mod problem;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use norm_core::base::range_set::RangeSet;
use norm_core::fileset::{
    ChunkMap, ContentError, Entry, EntryKind, LeftOutCounts, Manifest, sparse_fits,
};

use crate::names;

pub use check::{check_target, is_directory};
pub use planned::{
    Attributes, PlannedDirectory, PlannedFile, PlannedLink, PlannedName, PlannedOwner,
};
pub use problem::{PlanError, PresentFiles};

/// Everything that a set will become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    files: Vec<PlannedFile>,
    directories: Vec<PlannedDirectory>,
    /// The numbers of the files in the manifest.
    entries: Vec<u32>,
    /// Other names of files, in the order of the files.
    names: Vec<PlannedName>,
    /// Symbolic links.
    links: Vec<PlannedLink>,
    left_out: LeftOutCounts,
    /// Of the files, in their order.
    chunks: Arc<ChunkMap>,
    /// Files that are not made, by their places among all.
    unwanted: RangeSet,
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
        let mut reading = Reading::default();
        let mut entries = manifest.entries();
        loop {
            let offset = entries.offset();
            let Some(entry) = entries.next() else { break };
            reading.add(&entry.map_err(PlanError::Content)?, offset)?;
        }
        Ok(reading.finish(manifest.left_out()))
    }

    /// The files among these entries of the manifest, by their places among all.
    pub fn files_of(&self, entries: Range<u64>) -> Range<usize> {
        let before = |entry: u64| self.entries.partition_point(|&file| u64::from(file) < entry);
        before(entries.start)..before(entries.end)
    }

    /// Refuses files that have many more bytes than travel, as [`sparse_fits`] says.
    ///
    /// # Errors
    /// [`PlanError::TooSparse`].
    pub fn check_sparse(&self) -> Result<(), PlanError> {
        let size = self.files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.size));
        let data = self.chunks.payload_size();
        if sparse_fits(size, data) { Ok(()) } else { Err(PlanError::TooSparse { size, data }) }
    }

    /// All files, in the order of their contents in the payload.
    pub fn files(&self) -> &[PlannedFile] {
        &self.files
    }

    /// The directories that the set lists.
    pub fn directories(&self) -> &[PlannedDirectory] {
        &self.directories
    }

    /// Other names of files, in the order of the files.
    pub fn names(&self) -> &[PlannedName] {
        &self.names
    }

    /// Other names of the file with this place among all.
    pub fn names_of(&self, file: usize) -> &[PlannedName] {
        let start = self.names.partition_point(|name| name.file < file);
        let end = self.names.partition_point(|name| name.file <= file);
        self.names.get(start..end).unwrap_or_default()
    }

    /// The symbolic links.
    pub fn links(&self) -> &[PlannedLink] {
        &self.links
    }

    /// What the sender has left out.
    pub fn left_out(&self) -> LeftOutCounts {
        self.left_out
    }

    /// The chunks of the files, in their order.
    pub fn chunks(&self) -> &Arc<ChunkMap> {
        &self.chunks
    }

    /// Keeps the files, links and directories of which `wants` says that they are wanted, and the
    /// directories above them. It is told of each whether it is a directory.
    pub fn retain(&mut self, mut wants: impl FnMut(&Path, bool) -> bool) {
        let mut above: HashSet<PathBuf> = HashSet::new();
        let mut keep_above = |path: &Path| {
            // Those above one that is known are known.
            let new = path.ancestors().skip(1).take_while(|path| !above.contains(*path));
            let new: Vec<PathBuf> = new.map(Path::to_owned).collect();
            above.extend(new);
        };
        self.names.retain(|name| wants(&name.path, false));
        let mut names = std::mem::take(&mut self.names).into_iter().peekable();
        for (at, file) in self.files.iter_mut().enumerate() {
            let is_next = |name: &PlannedName| name.file == at;
            let place = at as u64;
            if self.unwanted.contains(place) || !wants(&file.path, false) {
                // Another name may be wanted: then that is the file.
                match names.next_if(is_next) {
                    Some(name) => file.path = name.path,
                    None => self.unwanted.insert(place, place + 1),
                }
            }
            if !self.unwanted.contains(place) {
                keep_above(&file.path);
            }
            self.names.extend(std::iter::from_fn(|| names.next_if(is_next)));
        }
        self.names.iter().for_each(|name| keep_above(&name.path));
        self.links.retain(|link| wants(&link.path, false));
        self.links.iter().for_each(|link| keep_above(&link.path));
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
        self.directories.is_empty() && self.links.is_empty() && self.wanted().next().is_none()
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

    /// Bytes of the files that are to be made, without those in holes.
    pub fn bytes(&self) -> u64 {
        self.wanted().map(|(_, file)| file.data).sum()
    }
}

/// A plan that is being read.
#[derive(Default)]
struct Reading {
    plan: Plan,
    claims: HashMap<PathBuf, Claim>,
    chunks: ChunkMap,
    /// The numbers of the entries that are files.
    files: Vec<u32>,
    /// The number of the next entry.
    number: u32,
}

impl Reading {
    /// Takes the next entry, whose content begins at `offset` of the payload.
    fn add(&mut self, entry: &Entry<'_>, offset: u64) -> Result<(), PlanError> {
        let unusable = || PlanError::Name(entry.path.to_owned());
        let path = names::to_path(entry.path).map_err(|_| unusable())?;
        claim(&mut self.claims, &path, entry.kind != EntryKind::Directory)?;
        let (mode, mtime, size) = (entry.mode, entry.mtime, entry.size);
        let attributes = Attributes::of(entry);
        match entry.kind {
            EntryKind::File => {
                self.chunks.push(size, entry.holes).map_err(PlanError::Content)?;
                let data = self.chunks.payload_size() - offset;
                self.files.push(self.number);
                let file = PlannedFile { path, mode, mtime, offset, size, data, attributes };
                self.plan.files.push(file);
            }
            EntryKind::Directory => {
                let directory = PlannedDirectory { path, mode, mtime, attributes };
                self.plan.directories.push(directory);
            }
            EntryKind::SymbolicLink { .. } if !cfg!(unix) => {
                return Err(PlanError::Unsupported(entry.path.to_owned()));
            }
            EntryKind::SymbolicLink { target } => {
                if target.contains('\0') {
                    return Err(unusable());
                }
                let (target, owner) = (names::of_system(target), attributes.owner().cloned());
                self.plan.links.push(PlannedLink { path, target, mtime, owner });
            }
            EntryKind::HardLink { to } => {
                // The manifest was checked: it is a file that came before.
                let file = self.files.partition_point(|&number| number < to);
                self.plan.names.push(PlannedName { path, file });
            }
        }
        self.number += 1;
        Ok(())
    }

    fn finish(self, left_out: LeftOutCounts) -> Plan {
        let Self { mut plan, chunks, files, .. } = self;
        plan.entries = files;
        plan.names.sort_by_key(|name| name.file);
        plan.chunks = Arc::new(chunks);
        plan.left_out = left_out;
        plan
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

#[cfg(test)]
mod tests;
