//! What would become of a set in the output directory, and of what is there.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use norm_core::fileset::{Chunk, ChunkHasher};

use super::delete::Superfluous;
use super::digests::Digests;
use super::existing;
use super::in_place::InPlace;
use super::plan::{
    Plan, PlanError, PlannedDirectory, PlannedFile, PlannedLink, PlannedName, check_target,
    is_directory,
};
use super::space::{Free, Needs};
use super::system;

/// What would become of a file or directory.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing has its name: it would be made.
    Create,
    /// Something has its name, and would be replaced.
    Replace,
    /// It is there, with the same content.
    Keep,
    /// A file of the same size has its name. It would stay if its content turned out to be the
    /// same; if not, the transfer would fail.
    Compare,
    /// Something is in the way, and the transfer would fail.
    Refuse,
    /// An earlier set had it, and this one has not: it would be removed.
    Delete,
}

/// An entry of a set, and what would become of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PreviewEntry<'a> {
    /// Below the output directory.
    pub path: &'a Path,
    /// Bytes of a file; 0 for another name of it.
    pub bytes: u64,
    /// It is a directory; else it is a file or link.
    pub is_directory: bool,
    /// Where a symbolic link leads; `None` of all else.
    pub link: Option<&'a OsStr>,
    /// What would become of it.
    pub change: Change,
}

/// What would become of a set.
#[derive(Clone, Debug, Default)]
pub struct SetPreview {
    plan: Arc<Plan>,
    /// Of its entries, in the order of [`entries_of`].
    changes: Vec<Change>,
    problem: Option<PlanError>,
    superfluous: Superfluous,
}

/// How many entries of one kind there are, and how large they are.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

impl SetPreview {
    /// Looks at what is below `root`, and changes nothing. Without the digest list contents are
    /// not compared.
    ///
    /// # Errors
    /// [`io::ErrorKind::Interrupted`] after `cancel` was set.
    pub fn new(
        plan: Arc<Plan>,
        root: &Path,
        overwrite: bool,
        digests: Option<&Digests>,
        cancel: &AtomicBool,
    ) -> io::Result<Self> {
        let mut look = Look { plan: &plan, root, overwrite, digests, cancel, problem: None };
        let changes = entries_of(&plan).map(|entry| look.entry(&entry)).collect::<io::Result<_>>();
        let (changes, problem) = (changes?, look.problem);
        Ok(Self { changes, problem, plan, superfluous: Superfluous::default() })
    }

    /// The same when this goes in the end.
    #[must_use]
    pub fn with_superfluous(self, superfluous: Superfluous) -> Self {
        Self { superfluous, ..self }
    }

    /// Checks that there is room below `root`, or where that will be, as far as the system tells.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`], with how much is missing.
    pub fn check_room(&self, root: &Path) -> io::Result<()> {
        let exists = |path: &&Path| system::look(path).is_ok();
        let there = root.ancestors().find(exists).unwrap_or(Path::new("."));
        let in_place = InPlace::find(&self.plan, root);
        Needs::new(&self.plan, Some(&in_place), 0).check(Free::of(there), there)
    }

    /// The plan that it is of.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Why the transfer would fail: of several reasons the first.
    pub fn problem(&self) -> Option<&PlanError> {
        self.problem.as_ref()
    }

    /// Says directories, files, their other names, and links; then files that go.
    pub fn visit(&self, see: &mut dyn FnMut(PreviewEntry<'_>)) {
        for (entry, &change) in entries_of(&self.plan).zip(&self.changes) {
            see(entry.with(change));
        }
        for path in self.superfluous.files() {
            let change = Change::Delete;
            see(PreviewEntry { path, bytes: 0, is_directory: false, link: None, change });
        }
    }

    /// How much there is of what would become of entries.
    pub fn sum(&self, change: Change) -> Sum {
        let mut sum = Sum::default();
        self.visit(&mut |entry| {
            if entry.change != change {
                return;
            }
            match (entry.is_directory, entry.link) {
                (true, _) => sum.directories += 1,
                (false, Some(_)) => sum.links += 1,
                (false, None) => sum.files += 1,
            }
            sum.bytes += entry.bytes;
        });
        sum
    }
}

/// An entry of a plan.
enum Entry {
    Directory(PlannedDirectory),
    /// By its place among all.
    File(usize, PlannedFile),
    /// Another name of this file.
    Name(PlannedName, PlannedFile),
    Link(PlannedLink),
}

impl Entry {
    fn with(&self, change: Change) -> PreviewEntry<'_> {
        let (is_directory, link, bytes) = (false, None, 0);
        match self {
            Self::Directory(PlannedDirectory { path, .. }) => {
                PreviewEntry { path, bytes, is_directory: true, link, change }
            }
            Self::File(_, PlannedFile { path, size, .. }) => {
                PreviewEntry { path, bytes: *size, is_directory, link, change }
            }
            Self::Name(PlannedName { path, .. }, _) => {
                PreviewEntry { path, bytes, is_directory, link, change }
            }
            Self::Link(PlannedLink { path, target, .. }) => {
                PreviewEntry { path, bytes, is_directory, link: Some(target), change }
            }
        }
    }
}

/// What is wanted of a plan.
fn entries_of(plan: &Plan) -> impl Iterator<Item = Entry> + '_ {
    let names = plan.names().filter_map(|name| {
        let file = plan.file(name.file)?;
        Some(Entry::Name(name, file))
    });
    let files = plan.wanted().map(|(at, file)| Entry::File(at, file));
    let links = plan.links().map(Entry::Link);
    plan.directories().map(Entry::Directory).chain(files).chain(names).chain(links)
}

struct Look<'a> {
    plan: &'a Plan,
    root: &'a Path,
    overwrite: bool,
    digests: Option<&'a Digests>,
    cancel: &'a AtomicBool,
    problem: Option<PlanError>,
}

impl Look<'_> {
    fn refuse(&mut self, problem: PlanError) -> Change {
        self.problem.get_or_insert(problem);
        Change::Refuse
    }

    /// What is in the place of a directory, those above it included.
    fn way(&self, path: &Path) -> Result<Way, PlanError> {
        let mut at = self.root.to_owned();
        for component in path.components() {
            at.push(component);
            match is_directory(&at) {
                Ok(true) => {}
                Ok(false) => return Ok(Way::Free),
                Err(PlanError::InTheWay(_)) if self.overwrite && is_link(&at) => {
                    return Ok(Way::Link);
                }
                Err(problem) => return Err(problem),
            }
        }
        Ok(Way::There)
    }

    fn entry(&mut self, entry: &Entry) -> io::Result<Change> {
        let path = match entry {
            Entry::Directory(directory) => {
                return Ok(match self.way(&directory.path) {
                    Ok(Way::There) => Change::Keep,
                    Ok(Way::Free) => Change::Create,
                    Ok(Way::Link) => Change::Replace,
                    Err(problem) => self.refuse(problem),
                });
            }
            Entry::File(_, file) => &file.path,
            Entry::Name(name, _) => &name.path,
            Entry::Link(link) => &link.path,
        };
        let target = self.root.join(path);
        match path.parent().map_or(Ok(Way::There), |parent| self.way(parent)) {
            Ok(Way::There) => {}
            Ok(Way::Free | Way::Link) => return Ok(Change::Create),
            Err(problem) => return Ok(self.refuse(problem)),
        }
        match entry {
            Entry::File(at, file) => self.file(*at, file, target),
            Entry::Name(name, file) => self.file(name.file, file, target),
            Entry::Link(link) => Ok(self.link(link, target)),
            Entry::Directory(_) => Ok(Change::Keep),
        }
    }

    fn file(&mut self, at: usize, file: &PlannedFile, target: PathBuf) -> io::Result<Change> {
        match check_target(&target, file.size, self.overwrite) {
            Ok(false) => Ok(Change::Create),
            Ok(true) => self.compare(at, file, target),
            Err(problem) => Ok(self.refuse(problem)),
        }
    }

    fn link(&mut self, link: &PlannedLink, target: PathBuf) -> Change {
        let leads = |there: PathBuf| there.as_os_str() == link.target;
        match system::look(&target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Change::Create,
            Err(error) => self.refuse(PlanError::Io(target, error.into())),
            Ok(_) if system::read_link(&target).is_ok_and(leads) => Change::Keep,
            Ok(there) if there.is_dir() => self.refuse(PlanError::IsDirectory(target)),
            Ok(_) if self.overwrite => Change::Replace,
            Ok(_) => self.refuse(PlanError::Exists(target)),
        }
    }

    /// Something is there that may be what it should be, or may be replaced.
    fn compare(&mut self, at: usize, file: &PlannedFile, target: PathBuf) -> io::Result<Change> {
        let is_same = match self.digests {
            Some(digests) => Some(self.has_content(at, file, &target, digests)?),
            None => None,
        };
        Ok(match is_same {
            Some(true) => Change::Keep,
            _ if self.overwrite => Change::Replace,
            Some(false) => self.refuse(PlanError::Differs(target)),
            None => Change::Compare,
        })
    }

    /// True when a regular file is at `target` whose chunks have the right hashes.
    fn has_content(
        &self,
        at: usize,
        file: &PlannedFile,
        target: &Path,
        digests: &Digests,
    ) -> io::Result<bool> {
        if !existing::may_be_identical(target, file.size) {
            return Ok(false);
        }
        let Ok(there) = existing::open(target) else { return Ok(false) };
        if !system::stat(&there).is_ok_and(|now| now.is_file() && now.len() == file.size) {
            return Ok(false);
        }
        let mut buffer = Vec::new();
        let map = self.plan.chunks();
        for number in map.of_file(at) {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            // With the zeros of its holes.
            let Some(Chunk { offset, len, size, .. }) = map.chunk(number) else { return Ok(false) };
            buffer.resize(usize::try_from(len).unwrap_or(0), 0);
            if system::read_exact_at(&there, &mut buffer, offset).is_err()
                || digests.chunk(number) != Some(ChunkHasher::hash(offset, size, &buffer))
            {
                return Ok(false);
            }
        }
        for hole in map.sparse(at).into_iter().flat_map(|sparse| sparse.holes()) {
            if !existing::is_zero(&there, hole.offset..hole.end(), self.cancel)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What is in the place of a directory.
enum Way {
    There,
    Free,
    /// A link, which would be replaced.
    Link,
}

fn is_link(path: &Path) -> bool {
    system::look(path).is_ok_and(|there| there.is_symlink())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use norm_core::fileset::{
        CHUNK_BYTES, DigestListWriter, Entry as Listed, EntryKind, ManifestHash, ManifestWriter,
    };

    use super::*;

    const LARGE: usize = CHUNK_BYTES as usize + 5;

    /// `d`, and files of these contents.
    fn set(contents: &[(&str, Vec<u8>)]) -> (Arc<Plan>, Digests) {
        let mut writer = ManifestWriter::new();
        writer.push(&Listed::new(EntryKind::Directory, "d")).unwrap();
        for (path, content) in contents {
            let size = content.len() as u64;
            writer.push(&Listed { size, ..Listed::new(EntryKind::File, path) }).unwrap();
        }
        let size = writer.payload_size();
        let (manifest, hash) = writer.finish();
        let mut list = DigestListWriter::new(hash);
        for (_, content) in contents {
            for (n, chunk) in content.chunks(CHUNK_BYTES as usize).enumerate() {
                let at = n as u64 * CHUNK_BYTES;
                list.push(&ChunkHasher::hash(at, content.len() as u64, chunk)).unwrap();
            }
        }
        let digests = Digests::parse(&list.finish().0, hash).unwrap();
        assert_ne!(hash, ManifestHash([0; 32]));
        (Arc::new(Plan::new(&manifest, size).unwrap()), digests)
    }

    fn changes(
        plan: &Arc<Plan>,
        root: &Path,
        overwrite: bool,
        digests: Option<&Digests>,
    ) -> Vec<Change> {
        let run = AtomicBool::new(false);
        let preview = SetPreview::new(Arc::clone(plan), root, overwrite, digests, &run).unwrap();
        let mut changes = Vec::new();
        preview.visit(&mut |entry| changes.push(entry.change));
        assert_eq!(preview.problem().is_some(), changes.contains(&Change::Refuse));
        changes
    }

    #[test]
    fn what_would_become_of_each_entry_is_said_and_nothing_is_made() {
        use Change::{Compare, Create, Keep, Refuse, Replace};
        let dir = tempfile::tempdir().unwrap();
        let large: Vec<u8> = (0..LARGE).map(|n| (n % 251) as u8).collect();
        let contents = [
            ("d/new", vec![1]),
            ("same", large.clone()),
            ("other", large.clone()),
            ("longer", vec![1]),
            ("e/f", vec![1]),
            ("empty", Vec::new()),
        ];
        let (plan, digests) = set(&contents);
        assert_eq!(changes(&plan, &dir.path().join("none"), false, None), [Create; 7]);
        let path = |name: &str| dir.path().join(name);
        fs::write(path("same"), &large).unwrap();
        let mut wrong = large;
        wrong[LARGE - 1] ^= 1;
        fs::write(path("other"), wrong).unwrap();
        fs::write(path("longer"), "11").unwrap();
        fs::write(path("e"), "a file").unwrap();
        fs::write(path("empty"), "").unwrap();
        let expected = [Create, Create, Compare, Compare, Refuse, Refuse, Compare];
        assert_eq!(changes(&plan, dir.path(), false, None), expected);
        let expected = [Create, Create, Keep, Refuse, Refuse, Refuse, Keep];
        assert_eq!(changes(&plan, dir.path(), false, Some(&digests)), expected);
        let expected = [Create, Create, Keep, Replace, Replace, Refuse, Keep];
        assert_eq!(changes(&plan, dir.path(), true, Some(&digests)), expected);
        let expected = [Create, Create, Replace, Replace, Replace, Refuse, Replace];
        assert_eq!(changes(&plan, dir.path(), true, None), expected);
        assert!(!path("d").exists());
    }

    #[test]
    fn sums_are_by_what_would_become_of_entries() {
        let dir = tempfile::tempdir().unwrap();
        let (plan, digests) = set(&[("a", vec![1; 7]), ("d/b", vec![2; 5]), ("c", vec![3; 4])]);
        fs::write(dir.path().join("c"), [3; 4]).unwrap();
        let run = AtomicBool::new(false);
        let preview = SetPreview::new(plan, dir.path(), false, Some(&digests), &run).unwrap();
        let sum = |files, directories, bytes| Sum { files, directories, links: 0, bytes };
        assert_eq!(preview.sum(Change::Create), sum(2, 1, 12));
        assert_eq!(preview.sum(Change::Keep), sum(1, 0, 4));
        assert_eq!(preview.sum(Change::Refuse), Sum::default());
        let stop = AtomicBool::new(true);
        let plan = Arc::clone(&preview.plan);
        let stopped = SetPreview::new(plan, dir.path(), false, Some(&digests), &stop);
        assert_eq!(stopped.unwrap_err().kind(), io::ErrorKind::Interrupted);
    }

    #[test]
    #[cfg(unix)]
    fn links_are_compared_by_where_they_lead_and_never_followed() {
        use std::os::unix::fs::symlink;

        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut writer = ManifestWriter::new();
        let link = |path| Listed::new(EntryKind::SymbolicLink { target: "x" }, path);
        for path in ["same", "other", "file", "new"] {
            writer.push(&link(path)).unwrap();
        }
        writer.push(&Listed { size: 1, ..Listed::new(EntryKind::File, "way/f") }).unwrap();
        let plan = Arc::new(Plan::new(&writer.finish().0, 1).unwrap());
        symlink("x", dir.path().join("same")).unwrap();
        symlink("y", dir.path().join("other")).unwrap();
        fs::write(dir.path().join("file"), "f").unwrap();
        fs::write(outside.path().join("f"), "f").unwrap();
        symlink(outside.path(), dir.path().join("way")).unwrap();
        use Change::{Create, Keep, Refuse, Replace};
        let expected = [Refuse, Keep, Refuse, Refuse, Create];
        assert_eq!(changes(&plan, dir.path(), false, None), expected);
        let expected = [Create, Keep, Replace, Replace, Create];
        assert_eq!(changes(&plan, dir.path(), true, None), expected);
    }
}
