//! Removes what earlier sets have left in the output directory and a new one does not have.
//!
//! Nothing else goes: only what a receipt says was received into that directory, and is as it was
//! then. What was changed since stays, and so does a directory that is not empty. Receipts of sets
//! that have nothing in common with the new one are of no account. No link is followed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::backup::{Backup, Fate};
use super::output::Tree;
use super::plan::Plan;
use super::system::{self, FileKind};
use crate::SystemError;
use crate::receipts::{ReceiptEntry, ReceiptKind, Store};

/// What is to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Superfluous {
    /// Files and links, below the output directory.
    entries: BTreeMap<PathBuf, FileKind>,
    /// Directories.
    directories: BTreeSet<PathBuf>,
    /// Files and links that were changed since they were received.
    changed: BTreeSet<PathBuf>,
}

/// What became of what was to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Files and links that are gone.
    pub files: u64,
    /// Directories that are gone.
    pub directories: u64,
    /// Files and links that stay, because they were changed since they were received.
    pub changed: u64,
    /// The first of these.
    pub first_changed: Option<PathBuf>,
    /// What could not be removed, or kept elsewhere before.
    pub refused: u64,
    /// The first of these, and what the system said.
    pub first_refused: Option<(PathBuf, SystemError)>,
}

impl Superfluous {
    /// What receipts of this output directory list, and a new set does not have.
    pub fn find(receipts: &Store, root: &Path, new: &Plan) -> Self {
        let kept = Kept::new(new);
        let mut found = Self::default();
        for content in receipts.of_directory(root) {
            let (mut one, mut is_related) = (Self::default(), false);
            receipts.visit(root, content, &mut |entry| {
                if kept.contains(&entry.path) {
                    is_related = true;
                } else {
                    one.add(root, entry);
                }
            });
            if is_related {
                found.entries.extend(one.entries);
                found.directories.extend(one.directories);
                found.changed.extend(one.changed);
            }
        }
        // As another receipt says, it is as it was received.
        found.changed.retain(|path| !found.entries.contains_key(path));
        found
    }

    fn add(&mut self, root: &Path, entry: ReceiptEntry) {
        let is_unchanged = entry.is_unchanged(root);
        let kind = match entry.kind {
            ReceiptKind::Directory => {
                if is_unchanged {
                    self.directories.insert(entry.path);
                }
                return;
            }
            ReceiptKind::File => FileKind::File,
            ReceiptKind::Link => FileKind::Link,
        };
        if is_unchanged {
            self.entries.insert(entry.path, kind);
        } else if system::look(&root.join(&entry.path)).is_ok() {
            self.changed.insert(entry.path);
        }
    }

    /// True when there is nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.directories.is_empty()
    }

    /// Files and links.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.entries.keys().map(PathBuf::as_path)
    }

    /// Files and links that stay, because they were changed since they were received.
    pub fn changed(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.changed.iter().map(PathBuf::as_path)
    }

    /// Removes them below `root`, where the new set is in place; files and links go to a `backup`
    /// if there is one. Says what is gone.
    ///
    /// # Errors
    /// When the output directory cannot be opened; [`io::ErrorKind::Interrupted`] after `cancel`
    /// was set. What was removed before is gone.
    pub fn remove(
        &self,
        root: &Path,
        new: &Plan,
        backup: Option<&Backup>,
        cancel: &AtomicBool,
        gone: &mut dyn FnMut(&Path),
    ) -> io::Result<Removed> {
        let mut tree = Tree::new(root, false)?;
        let mut removed = Removed { changed: self.changed.len() as u64, ..Removed::default() };
        removed.first_changed = self.changed.first().map(|path| root.join(path));
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
        // Those within before those above.
        for path in self.directories.iter().rev() {
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
        self.first_refused.get_or_insert_with(|| (path, error.into()));
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
        && let Ok(Some(other)) = tree.place(&other).and_then(|place| place.look())
        && other.id == there.id
    {
        return Ok(false);
    }
    match backup {
        Some(backup) => backup.keep(&place, path, Fate::Goes),
        None => place.remove().map(|()| true).map_err(|error| failed(tree, error)),
    }
}

/// The paths of a set and those above them, by hashes with a key that cannot be known: one that
/// has the hash of another, which is less likely than a broken disk, stays for once.
struct Kept {
    paths: HashSet<u64>,
    key: RandomState,
}

impl Kept {
    fn new(plan: &Plan) -> Self {
        let (mut paths, key) = (HashSet::new(), RandomState::new());
        for path in plan.paths() {
            paths.insert(key.hash_one(&*path));
            let above = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
            // Those above one that is known are known.
            above.map(|above| key.hash_one(above)).take_while(|&hash| paths.insert(hash)).count();
        }
        Self { paths, key }
    }

    fn contains(&self, path: &Path) -> bool {
        self.paths.contains(&self.key.hash_one(path))
    }
}

/// The paths of a set by what they are without the case of letters.
struct Others<'a> {
    plan: &'a Plan,
    /// Their places among all.
    places: HashMap<u64, usize>,
}

impl<'a> Others<'a> {
    fn new(plan: &'a Plan) -> Self {
        let places = plan.paths().enumerate().map(|(at, path)| (folded(&path), at));
        Self { plan, places: places.collect() }
    }

    fn like(&self, path: &Path) -> Option<PathBuf> {
        self.plan.nth_path(*self.places.get(&folded(path))?)
    }
}

fn folded(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.to_string_lossy().to_lowercase().hash(&mut hasher);
    hasher.finish()
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
