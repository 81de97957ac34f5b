//! Looks whether anything under the output directory is in the way of a plan.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::problem::{PlanError, PresentFiles};
use super::{Plan, PlannedLink};
use crate::sink::existing::may_be_identical;
use crate::sink::system;

/// Directories that are remembered: those of neighbours are mostly the same.
const MAX_KNOWN: usize = 4096;

impl Plan {
    /// Checks that nothing under `root` is in the way: no link or file where directories must be
    /// (links may, if files may be replaced) and, unless files may be replaced, nothing with one of
    /// the names, but for links that lead where they should, and files of the right size: they may
    /// turn out to be identical, and are returned.
    ///
    /// # Errors
    /// When something is in the way.
    pub fn check(&self, root: &Path, overwrite: bool) -> Result<Option<PresentFiles>, PlanError> {
        let mut look = Look { root, overwrite, known: HashMap::new(), present: None };
        for directory in self.directories() {
            look.directories(&directory.path)?;
        }
        for (_, file) in self.wanted() {
            look.file(&file.path, file.size)?;
        }
        for name in self.names() {
            look.file(&name.path, self.file(name.file).map_or(0, |file| file.size))?;
        }
        for link in self.links() {
            look.link(&link)?;
        }
        Ok(look.present)
    }
}

/// What was looked at.
struct Look<'a> {
    root: &'a Path,
    overwrite: bool,
    /// Directories, and whether they are there.
    known: HashMap<PathBuf, bool>,
    present: Option<PresentFiles>,
}

impl Look<'_> {
    fn file(&mut self, path: &Path, size: u64) -> Result<(), PlanError> {
        if self.parent(path)? {
            let target = self.root.join(path);
            if check_target(&target, size, self.overwrite)? && !self.overwrite {
                let first = || PresentFiles { count: 0, first: target };
                self.present.get_or_insert_with(first).count += 1;
            }
        }
        Ok(())
    }

    fn link(&mut self, link: &PlannedLink) -> Result<(), PlanError> {
        if !self.parent(&link.path)? {
            return Ok(());
        }
        let target = self.root.join(&link.path);
        match system::look(&target) {
            Ok(there) if there.is_dir() => Err(PlanError::IsDirectory(target)),
            Ok(_) if self.overwrite => Ok(()),
            Ok(_) if system::read_link(&target).is_ok_and(|to| to.as_os_str() == link.target) => {
                Ok(())
            }
            Ok(_) => Err(PlanError::Exists(target)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(PlanError::Io(target, error.into())),
        }
    }

    /// True when the directory above is there.
    fn parent(&mut self, path: &Path) -> Result<bool, PlanError> {
        path.parent().map_or(Ok(true), |parent| self.directories(parent))
    }

    /// Walks down `path` below the root. True when it is there, false when some of it must be
    /// created.
    fn directories(&mut self, path: &Path) -> Result<bool, PlanError> {
        if let Some(&exists) = self.known.get(path) {
            return Ok(exists);
        }
        let mut exists = true;
        let mut at = self.root.to_owned();
        for component in path.components() {
            at.push(component);
            if exists {
                exists = match is_directory(&at) {
                    Err(PlanError::InTheWay(_)) if self.overwrite && is_link(&at) => false,
                    looked => looked?,
                };
            }
        }
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(path.to_owned(), exists);
        Ok(exists)
    }
}

fn is_link(path: &Path) -> bool {
    system::look(path).is_ok_and(|there| there.is_symlink())
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
