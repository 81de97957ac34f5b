//! Finds what is to be sent, and lists it in the manifest of the set.
//!
//! Given paths keep their last component as their name, unless they mean what is in a directory.
//! Directories are walked in the order of their names, so that the same tree makes the same
//! manifest. Links are sent as they are, or what they lead to in their place; those that are given
//! with a slash at the end mean what is in the directory that they lead to. Every file is opened
//! once, so that one that cannot be read is reported now and not hours later.

mod examine;
mod file_set;
mod listed;
mod owners;
mod source_files;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use norm_core::fileset::{
    ChunkMap, ContentError, Entry, EntryKind, HoleList, MAX_FILE_BYTES, ManifestHash,
    ManifestWriter, TEMP_PREFIX, XattrList,
};

use super::left_out::{counts, leave_out};
use super::rules::Rules;
use super::selection::means_contents;
use super::{LeftOut, NameProblem, Reason, ScanError, Selection};
use crate::kept::Keeper;
use crate::{Preserve, names};
use examine::{has_its_size, has_other_names, id, mode, reason};
use owners::Owners;
use source_files::{Root, SourcePlace};

pub use examine::{Ctime, mtime, open};
pub use file_set::{FileSet, FoundEntry};
pub use source_files::{SourceFile, SourceFiles};

/// Bytes of the manifest that its writer has at most, and those of one entry.
const BUFFERED: usize = 256 << 10;

/// Examines what is selected.
///
/// # Errors
/// When a path cannot be examined or named, when two would arrive under the same name, when a
/// pattern is none, and when there is nothing, or too much for one manifest.
pub fn scan(selection: impl Into<Selection>) -> Result<FileSet, ScanError> {
    let selection = selection.into();
    let mut scanner = Scanner::new(&selection)?;
    match &selection.listed {
        None => scanner.paths(&selection.paths)?,
        Some(names) => scanner.listed(&selection.paths, names)?,
    }
    if scanner.manifest.entries() == 0 {
        return Err(ScanError::NothingLeft);
    }
    Ok(scanner.finish())
}

/// Something found and not yet entered.
struct Item {
    path: PathBuf,
    /// As it is to be sent.
    name: String,
    kind: FileType,
    /// Which of the roots it is of.
    root: u32,
}

struct Scanner {
    manifest: ManifestWriter,
    /// The manifest so far, but for what its writer has.
    kept: Keeper<'static>,
    map: ChunkMap,
    rules: Rules,
    roots: Vec<Root>,
    files: Vec<SourcePlace>,
    file_count: u64,
    directories: u64,
    links: u64,
    left_out: Vec<LeftOut>,
    /// Paths that were given, and are links that are sent as they are.
    given_links: Vec<PathBuf>,
    /// Links are followed.
    follows: bool,
    /// Neither links nor holes are sent.
    standalone: bool,
    preserve: Preserve,
    owners: Owners,
    /// The numbers of the entries of files that have other names.
    named: HashMap<(u64, u64), u32>,
    /// Where links are followed: the directories above, by name, and which they are.
    above: Vec<(String, (u64, u64))>,
}

/// What is entered.
struct Found<'a> {
    kind: EntryKind<'a>,
    metadata: &'a Metadata,
    size: u64,
    holes: HoleList,
    xattrs: XattrList,
}

impl<'a> Found<'a> {
    fn new(kind: EntryKind<'a>, metadata: &'a Metadata) -> Self {
        let (holes, xattrs) = (HoleList::default(), XattrList::default());
        Self { kind, metadata, size: 0, holes, xattrs }
    }
}

impl Scanner {
    fn new(selection: &Selection) -> Result<Self, ScanError> {
        Ok(Self {
            manifest: ManifestWriter::new(),
            kept: Keeper::new(None),
            map: ChunkMap::default(),
            rules: Rules::new(&selection.rules)?,
            roots: Vec::new(),
            files: Vec::new(),
            file_count: 0,
            directories: 0,
            links: 0,
            left_out: Vec::new(),
            given_links: Vec::new(),
            follows: selection.follow_links,
            standalone: selection.standalone,
            preserve: selection.preserve,
            owners: Owners::default(),
            named: HashMap::new(),
            above: Vec::new(),
        })
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
        let found = if self.is_followed(path) { fs::metadata } else { fs::symlink_metadata };
        let metadata = found(path).map_err(scan_error(path))?;
        let kind = metadata.file_type();
        if means_contents(path) && kind.is_dir() {
            if fs::canonicalize(path).map_err(scan_error(path))?.parent().is_none() {
                return Err(ScanError::RootDirectory { path: path.to_owned() });
            }
            let root = self.root(path, "");
            let root = Item { path: path.to_owned(), name: String::new(), kind, root };
            self.above.clear();
            self.above.extend(id(&metadata).map(|id| (String::new(), id)));
            let children = self.children(&root)?;
            return Ok(self.kept(children));
        }
        self.above.clear();
        let name = base_name(path)?;
        let root = self.root(path, &name);
        let item = Item { path: path.to_owned(), name, kind, root };
        let kept = self.kept(vec![item]);
        if !kept.is_empty() && !kind.is_file() && !kind.is_dir() && !kind.is_symlink() {
            return Err(ScanError::SpecialFile { path: path.to_owned() });
        }
        if kept.iter().any(is_temporary) {
            return Err(ScanError::Temporary { path: path.to_owned() });
        }
        if kind.is_symlink() && !kept.is_empty() {
            self.given_links.push(path.to_owned());
        }
        Ok(kept)
    }

    /// True when a given path stands for what it leads to, if it is a link: where links are
    /// followed, where none can be sent, and where what is in a directory is meant.
    fn is_followed(&self, path: &Path) -> bool {
        self.follows || self.standalone || !cfg!(unix) || means_contents(path)
    }

    /// Names are found below this path, which has this name; returns its number.
    fn root(&mut self, path: &Path, name: &str) -> u32 {
        self.roots.push(Root { path: path.to_owned(), name_len: name.len() });
        // There are no more than paths were given.
        (self.roots.len() - 1) as u32
    }

    /// Enters `root` and everything below it, each directory before what it holds.
    fn walk(&mut self, root: Item, given: &Path) -> Result<(), ScanError> {
        let mut stack = vec![root];
        while let Some(item) = stack.pop() {
            if is_temporary(&item) {
                self.leave_out(Reason::Temporary, item.path);
            } else if item.kind.is_dir() {
                if self.directory(&item)? {
                    let children = self.children(&item)?;
                    stack.extend(self.kept(children).into_iter().rev());
                }
            } else if item.kind.is_symlink() {
                self.link(item)?;
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

    /// Enters a directory; false for one that a link leads to which is in it.
    fn directory(&mut self, item: &Item) -> Result<bool, ScanError> {
        let metadata = fs::metadata(&item.path).map_err(scan_error(&item.path))?;
        if self.follows && !self.is_new(item, &metadata) {
            self.leave_out(Reason::BrokenLink, item.path.clone());
            return Ok(false);
        }
        let mut found = Found::new(EntryKind::Directory, &metadata);
        if self.preserve.any_xattrs() {
            let opened = open(&item.path).map_err(scan_error(&item.path))?;
            found.xattrs = examine::xattrs(&opened, self.preserve);
        }
        self.directories += 1;
        self.enter(item, &found)?;
        Ok(true)
    }

    /// True for a directory that is none of those above it.
    fn is_new(&mut self, item: &Item, metadata: &Metadata) -> bool {
        let Some(id) = id(metadata) else { return true };
        let is_above = |above: &str| {
            above.is_empty()
                || item.name.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
        };
        while self.above.last().is_some_and(|(above, _)| !is_above(above)) {
            self.above.pop();
        }
        let is_new = !self.above.iter().any(|&(_, other)| other == id);
        if is_new {
            self.above.push((item.name.clone(), id));
        }
        is_new
    }

    /// Enters a symbolic link as it is.
    fn link(&mut self, item: Item) -> Result<(), ScanError> {
        if self.standalone || !cfg!(unix) {
            self.leave_out(Reason::SymbolicLink, item.path);
            return Ok(());
        }
        let metadata = fs::symlink_metadata(&item.path).map_err(scan_error(&item.path))?;
        let target = fs::read_link(&item.path).map_err(scan_error(&item.path))?;
        let target = names::to_text(target.as_os_str()).ok_or_else(|| not_text(&item.path))?;
        self.links += 1;
        let kind = EntryKind::SymbolicLink { target: &target };
        self.enter(&item, &Found::new(kind, &metadata))
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
        if !self.standalone
            && has_other_names(&metadata)
            && let Some(id) = id(&metadata)
        {
            let number = self.manifest.entries();
            let to = *self.named.entry(id).or_insert(number);
            if to != number {
                self.file_count += 1;
                let entry = Entry::new(EntryKind::HardLink { to }, &item.name);
                return self.push(&item, &entry);
            }
        }
        let size = metadata.len();
        let mut found = Found { size, ..Found::new(EntryKind::File, &metadata) };
        if !self.standalone {
            found.holes = examine::holes(&file, size);
            if self.preserve.any_xattrs() {
                found.xattrs = examine::xattrs(&file, self.preserve);
            }
        }
        let (position, entry) = (self.manifest.position(), self.manifest.entries());
        self.enter(&item, &found)?;
        self.file_count += 1;
        if size > 0 {
            let pushed = self.map.push(size, found.holes.as_holes());
            pushed.map_err(|_| ScanError::TooManyBytes)?;
            let position = u32::try_from(position).map_err(|_| ScanError::TooManyEntries)?;
            let (root, ctime) = (item.root, Ctime::of(&metadata));
            self.files.push(SourcePlace::new(position, entry, root, ctime));
        }
        Ok(())
    }

    fn enter(&mut self, item: &Item, found: &Found<'_>) -> Result<(), ScanError> {
        let &Found { kind, metadata, size, .. } = found;
        let mtime = mtime(metadata);
        let mode = mode(metadata) & self.preserve.mode_bits();
        let owner = match self.preserve.owner {
            true => self.owners.of(metadata),
            false => None,
        };
        let (holes, xattrs) = (found.holes.as_holes(), found.xattrs.as_xattrs());
        let entry =
            Entry { mode, mtime, size, owner, xattrs, holes, ..Entry::new(kind, &item.name) };
        self.manifest.push(&entry).map_err(|error| not_entered(item, size, error))?;
        self.keep_entries();
        Ok(())
    }

    fn push(&mut self, item: &Item, entry: &Entry<'_>) -> Result<(), ScanError> {
        self.manifest.push(entry).map_err(|error| not_entered(item, entry.size, error))?;
        self.keep_entries();
        Ok(())
    }

    /// Puts entries with the others, when there are enough of them.
    fn keep_entries(&mut self) {
        if self.manifest.buffered() >= BUFFERED {
            self.kept.append(&self.manifest.take());
        }
    }

    /// What a directory holds, in the order of the names.
    fn children(&mut self, directory: &Item) -> Result<Vec<Item>, ScanError> {
        let mut items = children(directory)?;
        if self.follows {
            let mut broken = Vec::new();
            items.retain_mut(|item| {
                if !item.kind.is_symlink() {
                    return true;
                }
                let found = fs::metadata(&item.path);
                match found {
                    Ok(metadata) => item.kind = metadata.file_type(),
                    Err(_) => broken.push(item.path.clone()),
                }
                !item.kind.is_symlink()
            });
            broken.into_iter().for_each(|path| self.leave_out(Reason::BrokenLink, path));
        }
        Ok(items)
    }

    fn leave_out(&mut self, reason: Reason, path: PathBuf) {
        leave_out(&mut self.left_out, reason, path);
    }

    fn finish(mut self) -> FileSet {
        self.map.shrink_to_fit();
        self.manifest.set_left_out(counts(&self.left_out));
        let payload_size = self.manifest.payload_size();
        let entries_end = self.manifest.position();
        let (header, rest) = self.manifest.finish_rest();
        self.kept.append(&rest);
        let manifest = self.kept.finish(&header);
        // All but the layout.
        let manifest_hash = ManifestHash::of(manifest.get(..entries_end).unwrap_or_default());
        let map = Arc::new(self.map);
        let (kept, chunks) = (manifest.clone(), Arc::clone(&map));
        FileSet {
            manifest,
            manifest_hash,
            map,
            files: SourceFiles::new(kept, chunks, self.roots, self.files),
            file_count: self.file_count,
            directories: self.directories,
            links: self.links,
            payload_size,
            left_out: self.left_out,
            given_links: self.given_links,
            unused_patterns: self.rules.unused(),
        }
    }
}

fn not_entered(item: &Item, size: u64, error: ContentError) -> ScanError {
    match error {
        ContentError::TooLarge if size > MAX_FILE_BYTES => ScanError::TooManyBytes,
        ContentError::TooLarge => ScanError::TooManyEntries,
        _ => ScanError::Name { path: item.path.clone(), problem: NameProblem::TooLong },
    }
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
                None if kind.is_file() || kind.is_dir() || kind.is_symlink() => {
                    return Err(not_text(&path));
                }
                None => String::new(),
            };
            Ok(Item { path, name, kind, root: directory.root })
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

#[cfg(test)]
mod tests;
