//! What would become of a set in the output directory, and of what is there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use norm_core::fileset::{Chunk, ChunkHasher};

use super::digests::Digests;
use super::existing;
use super::in_place::InPlace;
use super::plan::{Plan, PlanError, PlannedFile, check_target, is_directory};
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
}

/// An entry of a set, and what would become of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PreviewEntry<'a> {
    /// Below the output directory.
    pub path: &'a Path,
    /// Its bytes; 0 for a directory.
    pub bytes: u64,
    /// It is a directory.
    pub is_directory: bool,
    /// What would become of it.
    pub change: Change,
}

/// What would become of a set.
#[derive(Clone, Debug, Default)]
pub struct SetPreview {
    plan: Arc<Plan>,
    /// Of the directories, in their order.
    directories: Vec<Change>,
    /// Of the files that are wanted, in their order.
    files: Vec<Change>,
    problem: Option<PlanError>,
}

/// How many entries of one kind there are, and how large they are.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
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
        let directories = plan.directories().iter().map(|one| look.directory(&one.path)).collect();
        let files: io::Result<_> = plan.wanted().map(|(at, file)| look.file(at, file)).collect();
        let (files, problem) = (files?, look.problem);
        Ok(Self { directories, files, problem, plan })
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

    /// Directories, then files.
    pub fn entries(&self) -> impl Iterator<Item = PreviewEntry<'_>> {
        let directories = self.plan.directories().iter().zip(&self.directories);
        let directories = directories.map(|(one, &change)| PreviewEntry {
            path: &one.path,
            bytes: 0,
            is_directory: true,
            change,
        });
        let files = self.plan.wanted().zip(&self.files).map(|((_, file), &change)| PreviewEntry {
            path: &file.path,
            bytes: file.size,
            is_directory: false,
            change,
        });
        directories.chain(files)
    }

    /// How much there is of what would become of entries.
    pub fn sum(&self, change: Change) -> Sum {
        let mut sum = Sum::default();
        for entry in self.entries().filter(|entry| entry.change == change) {
            sum.files += u64::from(!entry.is_directory);
            sum.directories += u64::from(entry.is_directory);
            sum.bytes += entry.bytes;
        }
        sum
    }
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

    /// True when a directory and those above it are there.
    fn is_there(&self, path: &Path) -> Result<bool, PlanError> {
        let mut at = self.root.to_owned();
        for component in path.components() {
            at.push(component);
            if !is_directory(&at)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn directory(&mut self, path: &Path) -> Change {
        match self.is_there(path) {
            Ok(true) => Change::Keep,
            Ok(false) => Change::Create,
            Err(problem) => self.refuse(problem),
        }
    }

    fn file(&mut self, at: usize, file: &PlannedFile) -> io::Result<Change> {
        let target = self.root.join(&file.path);
        match file.path.parent().map_or(Ok(true), |parent| self.is_there(parent)) {
            Ok(true) => {}
            Ok(false) => return Ok(Change::Create),
            Err(problem) => return Ok(self.refuse(problem)),
        }
        match check_target(&target, file.size, self.overwrite) {
            Ok(false) => Ok(Change::Create),
            Ok(true) => self.compare(at, file, target),
            Err(problem) => Ok(self.refuse(problem)),
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
            let Some(Chunk { offset, len, size, .. }) = map.chunk(number) else { return Ok(false) };
            buffer.resize(usize::try_from(len).unwrap_or(0), 0);
            if system::read_exact_at(&there, &mut buffer, offset).is_err()
                || digests.chunk(number) != Some(ChunkHasher::hash(offset, size, &buffer))
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use norm_core::fileset::{
        CHUNK_BYTES, DigestListWriter, Entry, EntryKind, ManifestHash, ManifestWriter,
    };

    use super::*;

    const LARGE: usize = CHUNK_BYTES as usize + 5;

    /// `d`, and files of these contents.
    fn set(contents: &[(&str, Vec<u8>)]) -> (Arc<Plan>, Digests) {
        let mut writer = ManifestWriter::new();
        writer.push(&Entry::new(EntryKind::Directory, "d")).unwrap();
        for (path, content) in contents {
            let size = content.len() as u64;
            writer.push(&Entry { size, ..Entry::new(EntryKind::File, path) }).unwrap();
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
        let changes: Vec<Change> = preview.entries().map(|entry| entry.change).collect();
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
        let sum = |files, directories, bytes| Sum { files, directories, bytes };
        assert_eq!(preview.sum(Change::Create), sum(2, 1, 12));
        assert_eq!(preview.sum(Change::Keep), sum(1, 0, 4));
        assert_eq!(preview.sum(Change::Refuse), Sum::default());
        let stop = AtomicBool::new(true);
        let plan = Arc::clone(&preview.plan);
        let stopped = SetPreview::new(plan, dir.path(), false, Some(&digests), &stop);
        assert_eq!(stopped.unwrap_err().kind(), io::ErrorKind::Interrupted);
    }
}
