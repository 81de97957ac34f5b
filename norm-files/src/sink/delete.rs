//! Removes what an earlier set has left in the output directory and a new one does not have.
//!
//! Nothing else goes: only what was received into that directory, as what it was received. What is
//! something else by now stays, and so does a directory that is not empty. No link is followed.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::backup::{Backup, Fate};
use super::output::Tree;
use super::plan::Plan;
use super::system::FileKind;
use crate::SystemError;

/// What is to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Superfluous {
    /// Files and links, below the output directory.
    entries: Vec<(PathBuf, FileKind)>,
    /// Directories, those within before those above.
    directories: Vec<PathBuf>,
}

/// What became of what was to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Files and links that are gone.
    pub files: u64,
    /// Directories that are gone.
    pub directories: u64,
    /// What could not be removed, or kept elsewhere before.
    pub refused: u64,
    /// The first of these, and what the system said.
    pub first: Option<(PathBuf, SystemError)>,
}

impl Superfluous {
    /// What an earlier set has, and a new one does not; nothing if they have nothing in common:
    /// then the new one does not follow the earlier one.
    pub fn find(earlier: &Plan, new: &Plan) -> Self {
        let kept: HashSet<&Path> = paths(new).map(|(path, _)| path).collect();
        let above: HashSet<&Path> = kept.iter().flat_map(|path| path.ancestors().skip(1)).collect();
        let is_kept = |path: &Path| kept.contains(path) || above.contains(path);
        if !paths(earlier).any(|(path, _)| is_kept(path)) {
            return Self::default();
        }
        let mut found = Self::default();
        for (path, kind) in paths(earlier).filter(|(path, _)| !is_kept(path) && is_plain(path)) {
            match kind {
                FileKind::Directory => found.directories.push(path.to_owned()),
                kind => found.entries.push((path.to_owned(), kind)),
            }
        }
        let depth = |path: &PathBuf| std::cmp::Reverse(path.components().count());
        found.directories.sort_by_key(depth);
        found
    }

    /// True when there is nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.directories.is_empty()
    }

    /// Their paths: files and links, then directories.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let entries = self.entries.iter().map(|(path, _)| path);
        entries.chain(&self.directories).map(PathBuf::as_path)
    }

    /// Removes them below `root`, where the new set is in place; files and links go to a `backup` if
    /// there is one. Says what is gone.
    ///
    /// # Errors
    /// When the output directory cannot be opened; [`io::ErrorKind::Interrupted`] after `cancel` was
    /// set. What was removed before is gone.
    pub fn remove(
        &self,
        root: &Path,
        new: &Plan,
        backup: Option<&Backup>,
        cancel: &AtomicBool,
        gone: &mut dyn FnMut(&Path),
    ) -> io::Result<Removed> {
        let mut tree = Tree::new(root, false)?;
        let mut removed = Removed::default();
        let others = Others::new(new);
        for (path, kind) in &self.entries {
            if cancel.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match remove(&mut tree, path, *kind, &others, backup) {
                Ok(true) => {
                    removed.files += 1;
                    gone(path);
                }
                Ok(false) => {}
                Err((at, error)) => removed.refuse(at, error),
            }
        }
        for path in &self.directories {
            match tree.place(path).and_then(|place| place.remove_directory()) {
                Ok(()) => {
                    removed.directories += 1;
                    gone(path);
                }
                Err(error) if stays(&error) => {}
                Err(error) => removed.refuse(root.join(path), error),
            }
        }
        Ok(removed)
    }
}

impl Removed {
    fn refuse(&mut self, path: PathBuf, error: io::Error) {
        self.refused += 1;
        self.first.get_or_insert_with(|| (path, error.into()));
    }
}

/// True when a directory is not empty, or something else has its name, or nothing has.
fn stays(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotADirectory, NotFound};
    // Some systems say that a directory with something in it exists.
    matches!(error.kind(), DirectoryNotEmpty | AlreadyExists | NotADirectory | NotFound)
}

/// Removes a file or link, if it is one still; true when it is gone by that.
fn remove(
    tree: &mut Tree,
    path: &Path,
    kind: FileKind,
    others: &Others<'_>,
    backup: Option<&Backup>,
) -> Result<bool, (PathBuf, io::Error)> {
    let failed = |tree: &Tree, error| (tree.root().path().join(path), error);
    let place = match tree.place(path) {
        Ok(place) => place,
        // There is nothing, or a link on the way.
        Err(error) if stays(&error) => return Ok(false),
        Err(error) => return Err(failed(tree, error)),
    };
    let there = place.look().map_err(|error| failed(tree, error))?;
    let Some(there) = there.filter(|there| there.kind == kind) else { return Ok(false) };
    // On some file systems letters mean the same in both cases.
    if let Some(other) = others.like(path)
        && let Ok(Some(other)) = tree.place(other).and_then(|place| place.look())
        && other.id == there.id
    {
        return Ok(false);
    }
    match backup {
        Some(backup) => backup.keep(&place, path, Fate::Goes),
        None => place.remove().map(|()| true).map_err(|error| failed(tree, error)),
    }
}

/// The paths of a set by what they are without the case of letters.
struct Others<'a>(HashMap<u64, &'a Path>);

impl<'a> Others<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self(paths(plan).map(|(path, _)| (folded(path), path)).collect())
    }

    fn like(&self, path: &Path) -> Option<&'a Path> {
        self.0.get(&folded(path)).copied()
    }
}

fn folded(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.to_string_lossy().to_lowercase().hash(&mut hasher);
    hasher.finish()
}

/// Everything that a set makes, wanted or not, and what it is.
fn paths(plan: &Plan) -> impl Iterator<Item = (&Path, FileKind)> {
    let files = plan.files().iter().map(|file| (&*file.path, FileKind::File));
    let names = plan.names().iter().map(|name| (&*name.path, FileKind::File));
    let links = plan.links().iter().map(|link| (&*link.path, FileKind::Link));
    let directories = plan.directories().iter().map(|one| (&*one.path, FileKind::Directory));
    files.chain(names).chain(links).chain(directories)
}

/// True when a path leads nowhere but down.
fn is_plain(path: &Path) -> bool {
    path.components().all(|component| matches!(component, Component::Normal(_)))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use norm_core::fileset::{Entry, EntryKind, ManifestWriter};

    use super::*;

    /// Names that end with a slash are directories, those with an arrow links.
    fn plan(names: &[&str]) -> Plan {
        let mut writer = ManifestWriter::new();
        for name in names {
            let entry = match (name.strip_suffix('/'), name.split_once("->")) {
                (Some(directory), _) => Entry::new(EntryKind::Directory, directory),
                (None, Some((link, target))) => {
                    Entry::new(EntryKind::SymbolicLink { target }, link)
                }
                (None, None) => Entry { size: 1, ..Entry::new(EntryKind::File, name) },
            };
            writer.push(&entry).unwrap();
        }
        let size = writer.payload_size();
        Plan::new(&writer.finish().0, size).unwrap()
    }

    fn make(root: &Path, names: &[&str]) {
        for name in names {
            let path = |name: &str| root.join(name);
            match (name.strip_suffix('/'), name.split_once("->")) {
                (Some(directory), _) => fs::create_dir_all(path(directory)).unwrap(),
                (None, Some((link, target))) => symlink(target, path(link)).unwrap(),
                (None, None) => {
                    fs::create_dir_all(path(name).parent().unwrap()).unwrap();
                    fs::write(path(name), "x").unwrap();
                }
            }
        }
    }

    /// What is removed, and what became of it.
    fn remove(
        root: &Path,
        earlier: &[&str],
        new: &[&str],
        backup: Option<&Backup>,
    ) -> (Vec<String>, Removed) {
        let (earlier, new) = (plan(earlier), plan(new));
        let superfluous = Superfluous::find(&earlier, &new);
        let (mut gone, run) = (Vec::new(), AtomicBool::new(false));
        let mut note = |path: &Path| gone.push(path.to_str().unwrap().to_owned());
        let removed = superfluous.remove(root, &new, backup, &run, &mut note).unwrap();
        (gone, removed)
    }

    #[test]
    fn only_what_the_earlier_set_had_and_the_new_one_has_not_goes() {
        let dir = tempfile::tempdir().unwrap();
        let earlier =
            ["s/", "s/a", "s/b", "s/d/", "s/d/c", "s/d/e/", "s/l->a", "s/full/", "s/full/f"];
        make(dir.path(), &earlier);
        make(dir.path(), &["s/mine", "s/full/mine", "s/d/e/"]);
        let (gone, removed) = remove(dir.path(), &earlier, &["s/", "s/a", "s/new"], None);
        assert_eq!(gone, ["s/b", "s/d/c", "s/full/f", "s/l", "s/d/e", "s/d"]);
        assert_eq!((removed.files, removed.directories, removed.refused), (4, 2, 0));
        for path in ["s/a", "s/mine", "s/full/mine"] {
            assert!(dir.path().join(path).exists(), "{path}");
        }
        assert!(fs::symlink_metadata(dir.path().join("s/l")).is_err());
    }

    #[test]
    fn set_with_nothing_in_common_removes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), &["a", "b"]);
        assert_eq!(remove(dir.path(), &["a", "b"], &["c"], None).0, [""; 0]);
        assert_eq!(remove(dir.path(), &["a", "b"], &["b", "c"], None).0, ["a"]);
        let parent = plan(&["d/x"]);
        assert!(!Superfluous::find(&plan(&["d/", "d/y"]), &parent).is_empty(), "in one directory");
    }

    #[test]
    fn what_is_something_else_by_now_stays_and_links_are_not_followed() {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        make(outside.path(), &["f", "g"]);
        let earlier = ["keep", "a", "b->x", "d/f", "e/", "e/g"];
        make(dir.path(), &["keep", "a/", "b"]);
        symlink(outside.path(), dir.path().join("d")).unwrap();
        symlink(outside.path(), dir.path().join("e")).unwrap();
        let (gone, removed) = remove(dir.path(), &earlier, &["keep"], None);
        assert_eq!((gone, removed), (Vec::new(), Removed::default()));
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 2);
        assert!(fs::symlink_metadata(dir.path().join("e")).unwrap().is_symlink());
    }

    #[test]
    fn removed_files_and_links_go_to_the_backup() {
        let temp = tempfile::tempdir().unwrap();
        let (out, kept) = (temp.path().join("out"), temp.path().join("kept"));
        make(&out, &["d/", "d/a", "d/l->a", "b"]);
        let backup = Backup::open(&kept, &out).unwrap();
        let (gone, _) = remove(&out, &["d/", "d/a", "d/l->a", "b"], &["b"], Some(&backup));
        assert_eq!(gone, ["d/a", "d/l", "d"]);
        assert_eq!(fs::read(kept.join("d/a")).unwrap(), b"x");
        assert_eq!(fs::read_link(kept.join("d/l")).unwrap(), Path::new("a"));
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    }

    #[test]
    fn file_that_the_new_set_has_under_a_name_that_means_the_same_stays() {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), &["a", "README"]);
        // As on a file system where letters mean the same in both cases.
        fs::hard_link(dir.path().join("README"), dir.path().join("readme")).unwrap();
        assert_eq!(remove(dir.path(), &["a", "README"], &["a", "readme"], None).0, [""; 0]);
        fs::remove_file(dir.path().join("readme")).unwrap();
        make(dir.path(), &["readme"]);
        assert_eq!(remove(dir.path(), &["a", "README"], &["a", "readme"], None).0, ["README"]);
    }
}
