//! What is made below the output directory, by open directories: never through a link, whatever
//! takes the place of a directory meanwhile.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::plan::PlanError;
use super::space;
use super::system::{self, FileKind, Handle, There};

/// A directory that is kept open.
#[derive(Clone, Debug)]
pub struct OpenDirectory {
    handle: Arc<Handle>,
    path: PathBuf,
    /// Its file system refuses a write at once or never; once that is known.
    reports_at_once: Arc<OnceLock<bool>>,
}

/// A name in an open directory, whatever has it.
#[derive(Clone, Debug)]
pub struct Place {
    directory: OpenDirectory,
    name: OsString,
}

/// The output directory, and those below it.
#[derive(Debug)]
pub struct Tree {
    root: OpenDirectory,
    /// The last one that was opened, by its path below the root.
    last: Option<(PathBuf, OpenDirectory)>,
    /// The last one that was not there.
    missing: Option<PathBuf>,
    /// Links that stand where directories must be are replaced.
    replaces_links: bool,
    /// Directories that were made.
    made: HashSet<PathBuf>,
}

impl OpenDirectory {
    /// Opens the output directory, whose name may be a link.
    ///
    /// # Errors
    /// What the system says.
    pub fn root(path: &Path) -> io::Result<Self> {
        Ok(Self::opened(system::open_root(path)?, path.to_owned()))
    }

    fn opened(handle: Handle, path: PathBuf) -> Self {
        Self { handle: Arc::new(handle), path, reports_at_once: Arc::default() }
    }

    /// Opens a directory below it, through no link; plain components only.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotADirectory`] for links and files.
    pub fn below(&self, path: &Path) -> io::Result<Self> {
        if path.as_os_str().is_empty() {
            return Ok(self.clone());
        }
        let handle = system::open_directory(&self.handle, path)?;
        Ok(Self::opened(handle, self.path.join(path)))
    }

    /// Its path, for people.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A name in it: a single component.
    pub fn place(&self, name: &OsStr) -> Place {
        Place { directory: self.clone(), name: name.to_owned() }
    }
}

impl Place {
    /// The path, for people and for what is only looked at.
    pub fn path(&self) -> PathBuf {
        self.directory.path.join(&self.name)
    }

    /// Another name in the same directory.
    pub fn beside(&self, name: impl Into<OsString>) -> Self {
        Self { directory: self.directory.clone(), name: name.into() }
    }

    fn at(&self) -> (&Handle, &OsStr) {
        (&self.directory.handle, &self.name)
    }

    /// What has the name, if anything does.
    ///
    /// # Errors
    /// What the system says.
    pub fn look(&self) -> io::Result<Option<There>> {
        match system::look_at(&self.directory.handle, &self.name) {
            Ok(there) => Ok(Some(there)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// True when this open file has the name.
    ///
    /// # Errors
    /// What the system says.
    pub fn is_file(&self, file: &File) -> io::Result<bool> {
        let id = system::id(file)?;
        Ok(self.look()?.is_some_and(|there| there.kind == FileKind::File && there.id == id))
    }

    /// Opens a file for reading, and waits for no pipe.
    ///
    /// # Errors
    /// What the system says, of a link too.
    pub fn open(&self) -> io::Result<File> {
        system::open_at(&self.directory.handle, &self.name)
    }

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// What the system says, of a link too.
    pub fn open_to_write(&self) -> io::Result<File> {
        system::open_to_write_at(&self.directory.handle, &self.name)
    }

    /// Opens the directory that has the name, to set its mode and the like.
    ///
    /// # Errors
    /// What the system says, of a link too.
    pub fn open_directory(&self) -> io::Result<File> {
        system::open_directory_at(&self.directory.handle, &self.name)
    }

    /// Makes a file, which other users cannot read.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something has the name.
    pub fn create(&self) -> io::Result<File> {
        system::create_at(&self.directory.handle, &self.name)
    }

    /// Waits for what the file system has not promised yet of a file that was made here
    /// ([`space::flush`]).
    ///
    /// # Errors
    /// When what was written does not stay.
    pub fn flush(&self, file: &File) -> io::Result<()> {
        let known = &self.directory.reports_at_once;
        if *known.get_or_init(|| system::reports_at_once(file)) {
            return Ok(());
        }
        space::flush(file)
    }

    /// Gives what has this name another one in one step; without `replace` only if nothing has it.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something has it and may not be replaced.
    pub fn rename_to(&self, to: &Self, replace: bool) -> io::Result<()> {
        if replace {
            return system::rename_at(self.at(), to.at());
        }
        match system::rename_new_at(self.at(), to.at()) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            renamed => return renamed,
        }
        match system::link_at(self.at(), to.at()) {
            Ok(()) => {
                // It has its name; if the other one stays, it goes with the rest.
                let _ = self.remove();
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Err(error),
            // A file system without links: look first.
            Err(_) => match to.look()? {
                Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
                None => system::rename_at(self.at(), to.at()),
            },
        }
    }

    /// Gives an open file, which has the name `first`, this name too.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something has it; what the system says.
    pub fn link_file(&self, file: &File, first: &Self) -> io::Result<()> {
        match system::link_file_at(file, self.at()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            linked => return linked,
        }
        // By name, which something else may have by now.
        system::link_at(first.at(), self.at())?;
        if self.is_file(file)? {
            return Ok(());
        }
        self.remove()?;
        Err(io::ErrorKind::NotFound.into())
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something has the name.
    pub fn make_link(&self, target: &OsStr) -> io::Result<()> {
        system::make_link_at(target, &self.directory.handle, &self.name)
    }

    /// Where the symbolic link with this name leads.
    ///
    /// # Errors
    /// What the system says.
    pub fn read_link(&self) -> io::Result<OsString> {
        system::read_link_at(&self.directory.handle, &self.name)
    }

    /// Sets the time of modification of a link: seconds since 1970 and nanoseconds.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_link_time(&self, time: (i64, u32)) -> io::Result<()> {
        system::set_link_time_at(&self.directory.handle, &self.name, time)
    }

    /// Sets user and group of a link.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_link_owner(&self, owner: (u32, u32)) -> io::Result<()> {
        system::set_link_owner_at(&self.directory.handle, &self.name, owner)
    }

    /// Gives what has this name another one too: a link itself, wherever it leads.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something has the other one;
    /// [`io::ErrorKind::CrossesDevices`] on another file system; what the system says.
    pub fn link_to(&self, to: &Self) -> io::Result<()> {
        system::link_at(self.at(), to.at())
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`io::ErrorKind::DirectoryNotEmpty`] when something is in it; what the system says.
    pub fn remove_directory(&self) -> io::Result<()> {
        system::remove_directory_at(&self.directory.handle, &self.name)
    }

    /// Removes the name of a file or link.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self) -> io::Result<()> {
        system::remove_at(&self.directory.handle, &self.name)
    }

    fn make_directory(&self) -> io::Result<()> {
        system::make_directory_at(&self.directory.handle, &self.name)
    }
}

impl Tree {
    /// The output directory; `replaces_links` when links that stand where directories must be are
    /// replaced.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(root: &Path, replaces_links: bool) -> io::Result<Self> {
        Ok(Self::of(OpenDirectory::root(root)?, replaces_links))
    }

    /// The same of a directory that is open.
    pub fn of(root: OpenDirectory, replaces_links: bool) -> Self {
        Self { root, last: None, missing: None, replaces_links, made: HashSet::new() }
    }

    /// The output directory itself.
    pub fn root(&self) -> &OpenDirectory {
        &self.root
    }

    /// A place below it, in a directory that exists.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when it does not, with a [`PlanError`] inside when something is
    /// in its way; what the system says.
    pub fn place(&mut self, path: &Path) -> io::Result<Place> {
        let (parent, name) = split(path)?;
        if let Some((_, directory)) = self.last.as_ref().filter(|(last, _)| last == parent) {
            return Ok(directory.place(name));
        }
        if self.missing.as_deref() == Some(parent) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let directory = match self.root.below(parent) {
            Ok(directory) => directory,
            Err(error) => {
                let is_missing = error.kind() == io::ErrorKind::NotFound;
                self.missing = is_missing.then(|| parent.to_owned());
                return Err(self.explain(parent, error));
            }
        };
        let place = directory.place(name);
        self.last = Some((parent.to_owned(), directory));
        Ok(place)
    }

    /// A place below it, whose directory is made if it is not there.
    ///
    /// # Errors
    /// As of [`place`](Self::place); what the system says.
    pub fn make_place(&mut self, path: &Path) -> io::Result<Place> {
        let (parent, name) = split(path)?;
        Ok(self.make(parent)?.place(name))
    }

    /// The directory with this path, which is made if it is not there, with those above it.
    ///
    /// # Errors
    /// With a [`PlanError`] inside when something is in the way; what the system says.
    pub fn make(&mut self, path: &Path) -> io::Result<OpenDirectory> {
        if let Some((_, directory)) = self.last.as_ref().filter(|(last, _)| last == path) {
            return Ok(directory.clone());
        }
        self.missing = None;
        let directory = match self.root.below(path) {
            Ok(directory) => directory,
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make_steps(path)?,
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => self.make_steps(path)?,
            Err(error) => return Err(error),
        };
        self.last = Some((path.to_owned(), directory.clone()));
        Ok(directory)
    }

    fn make_steps(&mut self, path: &Path) -> io::Result<OpenDirectory> {
        let (mut at, mut below) = (self.root.clone(), PathBuf::new());
        for name in path {
            below.push(name);
            at = match at.below(Path::new(name)) {
                Ok(directory) => directory,
                Err(error) => self.make_one(&at, name, &below, error)?,
            };
        }
        Ok(at)
    }

    /// Makes a directory that could not be opened, because of this error.
    fn make_one(
        &mut self,
        at: &OpenDirectory,
        name: &OsStr,
        below: &Path,
        error: io::Error,
    ) -> io::Result<OpenDirectory> {
        let place = at.place(name);
        match error.kind() {
            io::ErrorKind::NotFound => {}
            io::ErrorKind::NotADirectory => {
                let is_link = |there: There| there.kind == FileKind::Link;
                if !self.replaces_links || !place.look()?.is_some_and(is_link) {
                    return Err(in_the_way(place.path()));
                }
                place.remove()?;
            }
            _ => return Err(error),
        }
        match place.make_directory() {
            Ok(()) => drop(self.made.insert(below.to_owned())),
            // Another receiver was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let opened = at.below(Path::new(name));
        opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory => in_the_way(place.path()),
            _ => error,
        })
    }

    /// The same tree for another thread: it opens directories by itself.
    ///
    /// # Errors
    /// What the system says.
    pub fn again(&self) -> io::Result<Self> {
        Self::new(&self.root.path, self.replaces_links)
    }

    /// Directories that another thread made below the same root count as made here, too.
    pub fn absorb(&mut self, other: Self) {
        self.made.extend(other.made);
    }

    /// True when a directory was not there before.
    pub fn was_made(&self, path: &Path) -> bool {
        self.made.contains(path)
    }

    /// Names what is no directory where one must be.
    fn explain(&self, path: &Path, error: io::Error) -> io::Error {
        if error.kind() != io::ErrorKind::NotADirectory {
            return error;
        }
        let mut above: Vec<&Path> =
            path.ancestors().filter(|above| !above.as_os_str().is_empty()).collect();
        above.reverse();
        let is_one = |path: &&&Path| self.root.below(path).is_ok();
        let way = above.iter().find(|path| !is_one(path)).map_or(path, |path| path);
        in_the_way(self.root.path.join(way))
    }
}

/// The directory of a path below the output directory, and its name there.
fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    path.parent().zip(path.file_name()).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

fn in_the_way(path: PathBuf) -> io::Error {
    io::Error::new(io::ErrorKind::NotADirectory, PlanError::InTheWay(path))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn reason(error: io::Error) -> PlanError {
        *error.into_inner().unwrap().downcast::<PlanError>().unwrap()
    }

    #[test]
    fn directories_are_made_once_and_links_are_never_followed() {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(outside.path(), dir.path().join("way")).unwrap();
        fs::write(dir.path().join("file"), "x").unwrap();
        let mut tree = Tree::new(dir.path(), false).unwrap();
        tree.make_place(Path::new("a/b/c")).unwrap().create().unwrap();
        assert!(tree.was_made(Path::new("a/b")) && !tree.was_made(Path::new("a/b/c")));
        assert!(dir.path().join("a/b/c").is_file());
        for path in ["way/x", "file/x", "way/deep/x"] {
            let way = dir.path().join(path.split('/').next().unwrap());
            for error in [tree.make_place(Path::new(path)), tree.place(Path::new(path))] {
                assert_eq!(reason(error.unwrap_err()), PlanError::InTheWay(way.clone()));
            }
        }
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        let missing = tree.place(Path::new("none/x")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn links_in_the_way_are_replaced_where_that_is_wanted() {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(outside.path(), dir.path().join("way")).unwrap();
        fs::write(dir.path().join("file"), "x").unwrap();
        let mut tree = Tree::new(dir.path(), true).unwrap();
        tree.make_place(Path::new("way/deep/x")).unwrap().create().unwrap();
        assert!(fs::symlink_metadata(dir.path().join("way")).unwrap().is_dir());
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        assert!(tree.make_place(Path::new("file/x")).is_err());
    }

    #[test]
    fn what_takes_the_place_of_an_open_directory_gets_nothing() {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut tree = Tree::new(dir.path(), false).unwrap();
        let place = tree.make_place(Path::new("a/file")).unwrap();
        fs::rename(dir.path().join("a"), dir.path().join("moved")).unwrap();
        symlink(outside.path(), dir.path().join("a")).unwrap();
        place.create().unwrap();
        assert!(dir.path().join("moved/file").is_file());
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn names_in_use_are_taken_only_to_replace_what_has_them() {
        let dir = tempfile::tempdir().unwrap();
        let root = OpenDirectory::root(dir.path()).unwrap();
        let place = |name: &str| root.place(OsStr::new(name));
        let file = place("a").create().unwrap();
        fs::write(dir.path().join("b"), "precious").unwrap();
        let taken = place("a").rename_to(&place("b"), false).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(place("b").link_file(&file, &place("a")).unwrap_err().kind(), taken.kind());
        place("c").link_file(&file, &place("a")).unwrap();
        assert!(place("c").is_file(&file).unwrap() && !place("b").is_file(&file).unwrap());
        place("a").rename_to(&place("b"), true).unwrap();
        assert!(place("b").is_file(&file).unwrap());
        place("l").make_link(OsStr::new("../x")).unwrap();
        assert_eq!(place("l").read_link().unwrap(), "../x");
        assert!(place("l").open().is_err(), "a link");
    }
}
