//! What a set will become in the output directory, and whether it may.
//!
//! Decided as soon as the manifest is there, so that a receiver that cannot take the files says so
//! before gigabytes have come. Sets may have millions of files: of each a plan holds no more than
//! where it is in the manifest, and the rest is read there when it is asked for.

mod check;
mod clash;
mod planned;
mod problem;
mod reading;
mod single;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use norm_core::base::range_set::RangeSet;
use norm_core::fileset::{ChunkMap, Entry, EntryKind, LeftOutCounts, sparse_fits};

use crate::kept::KeptBytes;
use crate::names;

pub use check::{check_target, is_directory};
pub use planned::{
    Attributes, PlannedDirectory, PlannedFile, PlannedLink, PlannedName, PlannedOwner,
};
pub use problem::{PlanError, PresentFiles};
pub use single::plan_files;

/// Everything that a set will become.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The encoded manifest, which was checked.
    manifest: KeptBytes,
    files: Vec<FilePlace>,
    /// Where the directories are in the manifest.
    directories: Vec<Position>,
    /// Other names of files, in the order of the files.
    names: Vec<NamePlace>,
    /// Where the symbolic links are in the manifest.
    links: Vec<Position>,
    /// Files whose own name is not wanted, and where the one is that they get.
    renamed: BTreeMap<u32, Position>,
    left_out: LeftOutCounts,
    /// Bytes of all files, holes included.
    size: u64,
    /// Of the files, in their order.
    chunks: Arc<ChunkMap>,
    /// Files that are not made, by their places among all.
    unwanted: RangeSet,
}

/// Where an entry begins in the manifest.
type Position = u32;

/// A file in the manifest.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct FilePlace {
    position: Position,
    /// The number of its entry.
    entry: u32,
}

/// Another name of a file in the manifest.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct NamePlace {
    position: Position,
    /// The file, by its place among all.
    file: u32,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plan = f.debug_struct("Plan");
        plan.field("files", &self.files.len()).field("directories", &self.directories.len());
        plan.field("names", &self.names.len()).field("links", &self.links.len());
        plan.finish_non_exhaustive()
    }
}

impl Plan {
    /// Reads a manifest whose payload must have this many bytes.
    ///
    /// # Errors
    /// When it is damaged, or lists what cannot be made.
    pub fn new(manifest: &[u8], payload_size: u64) -> Result<Self, PlanError> {
        Self::of(manifest.into(), payload_size)
    }

    /// The same of one that is kept, which is not copied.
    ///
    /// # Errors
    /// As of [`new`](Self::new).
    pub fn of(manifest: KeptBytes, payload_size: u64) -> Result<Self, PlanError> {
        reading::read(manifest, payload_size)
    }

    /// The files among these entries of the manifest, by their places among all.
    pub fn files_of(&self, entries: Range<u64>) -> Range<usize> {
        let before = |entry: u64| self.files.partition_point(|file| u64::from(file.entry) < entry);
        before(entries.start)..before(entries.end)
    }

    /// Refuses files that have many more bytes than travel, as [`sparse_fits`] says.
    ///
    /// # Errors
    /// [`PlanError::TooSparse`].
    pub fn check_sparse(&self) -> Result<(), PlanError> {
        let (size, data) = (self.size, self.chunks.payload_size());
        if sparse_fits(size, data) { Ok(()) } else { Err(PlanError::TooSparse { size, data }) }
    }

    /// How many files there are.
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// The file with this place among all; `None` after the last one.
    pub fn file(&self, at: usize) -> Option<PlannedFile> {
        let place = self.files.get(at)?;
        let entry = self.entry(place.position)?;
        let Entry { mode, mtime, size, .. } = entry;
        let renamed = u32::try_from(at).ok().and_then(|at| self.renamed.get(&at));
        let path = match renamed {
            Some(&position) => self.path(position)?,
            None => names::to_path(entry.path).ok()?,
        };
        let Range { start, end } = self.chunks.payload_of(at);
        let attributes = Attributes::of(&entry);
        Some(PlannedFile { path, mode, mtime, offset: start, size, data: end - start, attributes })
    }

    /// The name that the sender gave the file with this place among all, whichever of its names is
    /// wanted; `None` after the last one.
    pub fn sent_path(&self, at: usize) -> Option<PathBuf> {
        self.path(self.files.get(at)?.position)
    }

    /// All files, in the order of their contents in the payload.
    pub fn files(&self) -> impl DoubleEndedIterator<Item = PlannedFile> + '_ {
        (0..self.files.len()).filter_map(|at| self.file(at))
    }

    /// How many directories the set lists.
    pub fn directory_count(&self) -> usize {
        self.directories.len()
    }

    /// The directories that the set lists.
    pub fn directories(&self) -> impl DoubleEndedIterator<Item = PlannedDirectory> + '_ {
        (0..self.directories.len()).filter_map(|at| self.directory(at))
    }

    /// The directory with this place among all; `None` after the last one.
    pub fn directory(&self, at: usize) -> Option<PlannedDirectory> {
        let entry = self.entry(*self.directories.get(at)?)?;
        let path = names::to_path(entry.path).ok()?;
        let attributes = Attributes::of(&entry);
        Some(PlannedDirectory { path, mode: entry.mode, mtime: entry.mtime, attributes })
    }

    /// How many other names of files there are.
    pub fn name_count(&self) -> usize {
        self.names.len()
    }

    /// Other names of files, in the order of the files.
    pub fn names(&self) -> impl Iterator<Item = PlannedName> + '_ {
        self.names.iter().filter_map(|name| {
            Some(PlannedName { path: self.path(name.position)?, file: name.file as usize })
        })
    }

    /// Which of the other names are those of the file with this place among all.
    pub fn name_range(&self, file: usize) -> Range<usize> {
        let start = self.names.partition_point(|name| (name.file as usize) < file);
        let end = self.names.partition_point(|name| name.file as usize <= file);
        start..end
    }

    /// How many names the wanted ones of these files have, their own and others, by their places
    /// among all.
    pub fn names_in(&self, files: Range<usize>) -> u64 {
        if files.is_empty() {
            return 0;
        }
        let (start, end) = (files.start as u64, files.end as u64);
        let unwanted: u64 = self.unwanted.overlaps(start, end).map(|(from, to)| to - from).sum();
        let others = self.name_range(files.start).start..self.name_range(files.end - 1).end;
        end - start - unwanted + others.len() as u64
    }

    /// Other names of the file with this place among all.
    pub fn names_of(&self, file: usize) -> impl Iterator<Item = PathBuf> + '_ {
        let names = self.names.get(self.name_range(file)).unwrap_or_default();
        names.iter().filter_map(|name| self.path(name.position))
    }

    /// How many symbolic links there are.
    pub fn link_count(&self) -> usize {
        self.links.len()
    }

    /// The symbolic links.
    pub fn links(&self) -> impl Iterator<Item = PlannedLink> + '_ {
        self.links.iter().filter_map(|&position| {
            let entry = self.entry(position)?;
            let EntryKind::SymbolicLink { target } = entry.kind else { return None };
            Some(PlannedLink {
                path: names::to_path(entry.path).ok()?,
                target: names::of_system(target),
                mtime: entry.mtime,
                owner: entry.owner.map(PlannedOwner::from),
            })
        })
    }

    /// The paths of everything that the set makes, wanted or not.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        (0..).map_while(|at| self.nth_path(at))
    }

    /// The path with this place among [all](Self::paths).
    pub fn nth_path(&self, at: usize) -> Option<PathBuf> {
        let Some(at) = at.checked_sub(self.files.len()) else { return Some(self.file(at)?.path) };
        if let Some(name) = self.names.get(at) {
            return self.path(name.position);
        }
        let at = at.checked_sub(self.names.len())?;
        let in_directories = || self.directories.get(at.checked_sub(self.links.len())?);
        self.path(*self.links.get(at).or_else(in_directories)?)
    }

    /// The entry at this position, which was checked when the plan was made.
    fn entry(&self, position: Position) -> Option<Entry<'_>> {
        Entry::at(&self.manifest, position as usize).ok()
    }

    fn path(&self, position: Position) -> Option<PathBuf> {
        names::to_path(self.entry(position)?.path).ok()
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
        let mut wants_at = |plan: &Self, position, is_directory| {
            let path = plan.path(position).filter(|path| wants(path, is_directory));
            path.inspect(|path| keep_above(path)).is_some()
        };
        let mut names = std::mem::take(&mut self.names);
        names.retain(|name| wants_at(self, name.position, false));
        let mut names = names.into_iter().peekable();
        for at in 0..self.files.len() as u32 {
            let Some(&FilePlace { position, .. }) = self.files.get(at as usize) else { break };
            let position = self.renamed.get(&at).copied().unwrap_or(position);
            let is_next = |name: &NamePlace| name.file == at;
            let place = u64::from(at);
            if self.unwanted.contains(place) || !wants_at(self, position, false) {
                // Another name may be wanted: then that is the file.
                match names.next_if(is_next) {
                    Some(name) => drop(self.renamed.insert(at, name.position)),
                    None => self.unwanted.insert(place, place + 1),
                }
            }
            self.names.extend(std::iter::from_fn(|| names.next_if(is_next)));
        }
        let mut links = std::mem::take(&mut self.links);
        links.retain(|&position| wants_at(self, position, false));
        self.links = links;
        let directories = std::mem::take(&mut self.directories);
        let wanted: Vec<bool> =
            directories.iter().map(|&position| wants_at(self, position, true)).collect();
        let is_above = |position| self.path(position).is_some_and(|path| above.contains(&path));
        let kept = directories.into_iter().zip(wanted);
        let kept = kept.filter(|&(position, wanted)| wanted || is_above(position));
        self.directories = kept.map(|(position, _)| position).collect();
    }

    /// The files that are to be made, by their places among all.
    pub fn wanted_places(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        (0..self.files.len()).filter(|&at| self.is_wanted(at))
    }

    /// The files that are to be made, each with its place among all.
    pub fn wanted(&self) -> impl DoubleEndedIterator<Item = (usize, PlannedFile)> + '_ {
        self.wanted_places().filter_map(|at| Some((at, self.file(at)?)))
    }

    /// True when the file with this place among all is to be made.
    pub fn is_wanted(&self, at: usize) -> bool {
        !self.unwanted.contains(at as u64)
    }

    /// True when nothing is to be made of it.
    pub fn is_empty(&self) -> bool {
        let no_file = self.wanted_places().next().is_none();
        self.directories.is_empty() && self.links.is_empty() && no_file
    }

    /// How many files are not to be made.
    pub fn unwanted_files(&self) -> u64 {
        self.unwanted.iter().map(|(start, end)| end - start).sum()
    }

    /// What of the payload is of files that are not to be made.
    pub fn unwanted_ranges(&self) -> RangeSet {
        let mut ranges = RangeSet::new();
        let start_of = |at: u64| self.chunks.payload_of(usize::try_from(at).unwrap_or(usize::MAX));
        for (start, end) in self.unwanted.iter() {
            ranges.insert(start_of(start).start, start_of(end).start);
        }
        ranges
    }

    /// Bytes of the files that are to be made, without those in holes.
    pub fn bytes(&self) -> u64 {
        let data = |at| {
            let Range { start, end } = self.chunks.payload_of(at);
            end - start
        };
        self.wanted_places().map(data).sum()
    }
}

#[cfg(test)]
mod tests;
