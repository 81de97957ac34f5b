//! Keeps what a set replaces, before the first file is placed.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use super::outcome::{PlaceError, failed};
use super::placer::Placer;
use crate::sink::backup::{Backup, Fate};
use crate::sink::output::{Place, Tree};
use crate::sink::system::FileKind;

/// What is known meanwhile.
pub(super) struct BackingUp<'a> {
    placer: &'a Placer<'a>,
    tree: &'a mut Tree,
    backup: &'a Backup,
    /// Directories that are there, and links that stand where directories must be.
    known: HashSet<PathBuf>,
    count: u64,
}

impl<'a> BackingUp<'a> {
    /// Nothing is kept yet.
    pub(super) fn new(placer: &'a Placer<'a>, tree: &'a mut Tree, backup: &'a Backup) -> Self {
        Self { placer, tree, backup, known: HashSet::new(), count: 0 }
    }

    /// Keeps files with other content, links that lead elsewhere, and whatever else has a name that
    /// is needed; returns how much that was.
    ///
    /// # Errors
    /// When something cannot be kept: nothing is replaced then.
    pub(super) fn all(mut self, failed_files: &BTreeSet<usize>) -> Result<u64, PlaceError> {
        let (placer, plan) = (self.placer, self.placer.plan());
        for directory in plan.directories() {
            self.way(&directory.path)?;
        }
        for (at, file) in plan.wanted().filter(|(at, _)| !failed_files.contains(at)) {
            for path in std::iter::once(file.path.clone()).chain(plan.names_of(at)) {
                let Some(place) = self.find(&path)? else { continue };
                let same = placer.has_content(at, &file, &place);
                if !same.map_err(|error| failed(&placer.path(&path), error))? {
                    self.keep(&place, &path)?;
                }
            }
        }
        for link in plan.links() {
            let Some(place) = self.find(&link.path)? else { continue };
            if !place.read_link().is_ok_and(|target| target == link.target) {
                self.keep(&place, &link.path)?;
            }
        }
        Ok(self.count)
    }

    /// What has this name, if anything does.
    fn find(&mut self, path: &Path) -> Result<Option<Place>, PlaceError> {
        if let Some(parent) = path.parent() {
            self.way(parent)?;
        }
        match self.tree.place(path) {
            Ok(place) => Ok(Some(place)),
            // Something else is on the way, which is kept.
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed(&self.placer.path(path), error)),
        }
    }

    /// Keeps a link that stands where a directory must be.
    fn way(&mut self, directory: &Path) -> Result<(), PlaceError> {
        let mut above: Vec<&Path> = directory.ancestors().collect();
        above.reverse();
        for path in above.into_iter().filter(|path| !path.as_os_str().is_empty()) {
            if self.known.contains(path) {
                continue;
            }
            let place = match self.tree.place(path) {
                Ok(place) => place,
                Err(error) if is_missing(&error) => return Ok(()),
                Err(error) => return Err(failed(&self.placer.path(path), error)),
            };
            let there = place.look().map_err(|error| failed(&self.placer.path(path), error))?;
            match there.map(|there| there.kind) {
                Some(FileKind::Directory) => drop(self.known.insert(path.to_owned())),
                Some(FileKind::Link) => {
                    self.keep(&place, path)?;
                    self.known.insert(path.to_owned());
                    return Ok(());
                }
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    fn keep(&mut self, place: &Place, path: &Path) -> Result<(), PlaceError> {
        let kept = self.backup.keep(place, path, Fate::Stays);
        let kept = kept.map_err(|(path, error)| PlaceError::Backup(path, error.into()))?;
        self.count += u64::from(kept);
        Ok(())
    }
}

/// True when there is no directory of this name.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
