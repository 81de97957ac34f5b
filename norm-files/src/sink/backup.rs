//! Keeps what is replaced or removed: it goes to the same path below another directory.
//!
//! That directory is opened once, and nothing leads out of it. What was kept there before is never
//! replaced: a number is added, as in `name.~1~`. On one file system a second name is given, or the
//! name is moved; elsewhere content, mode and time are copied.

use std::ffi::{OsStr, OsString};
use std::fs::{self, FileTimes};
use std::io;
use std::path::{Path, PathBuf};

use norm_core::fileset::TEMP_PREFIX;

use super::output::{OpenDirectory, Place, Tree};
use super::system::{self, FileKind};

/// Numbers that are tried for one name.
const MAX_NUMBER: u32 = 9_999;

/// A directory that keeps what is replaced or removed.
#[derive(Debug)]
pub struct Backup {
    root: OpenDirectory,
}

/// What happens to a name that is kept elsewhere.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays until it is replaced.
    Stays,
    /// It goes.
    Goes,
}

impl Backup {
    /// Opens a directory, which is made if it is not there, for an output directory, which is
    /// there.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when one of them is in the other, or they are the same: then
    /// what is kept could be taken for what was received. What the system says.
    pub fn open(directory: &Path, output: &Path) -> io::Result<Self> {
        let output = fs::canonicalize(output)?;
        // Nothing is made for one that cannot be; what is not there may have links in its way.
        are_apart(&resolved(directory)?, &output)?;
        fs::create_dir_all(directory)?;
        let root = OpenDirectory::root(directory)?;
        are_apart(&fs::canonicalize(directory)?, &output)?;
        Ok(Self { root })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// Keeps the file or link that has this name, under a path below; false when nothing has it.
    ///
    /// # Errors
    /// With where it was to be kept.
    pub fn keep(
        &self,
        from: &Place,
        path: &Path,
        fate: Fate,
    ) -> Result<bool, (PathBuf, io::Error)> {
        let mut tree = Tree::of(self.root.clone(), false);
        let kept = tree.make_place(path).and_then(|to| keep(from, &to, path, fate));
        kept.map_err(|error| (self.root.path().join(path), error))
    }
}

fn are_apart(one: &Path, other: &Path) -> io::Result<()> {
    if one.starts_with(other) || other.starts_with(one) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(())
}

/// Where a path leads, of which not all may be there.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let there = path.ancestors().find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
    let Some((above, there)) = there else { return Ok(path.clone()) };
    Ok(path.strip_prefix(above).map_or(path.clone(), |rest| there.join(rest)))
}

fn keep(from: &Place, to: &Place, path: &Path, fate: Fate) -> io::Result<bool> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let Some(there) = from.look()? else { return Ok(false) };
    let mut copy = None;
    for number in 0..=MAX_NUMBER {
        let to = to.beside(numbered(name, number));
        // An earlier attempt may have done it.
        let is_same = |other: system::There| other.id == there.id && other.id != (0, 0);
        let kept = match fate {
            Fate::Stays if to.look()?.is_some_and(is_same) => return Ok(true),
            _ if copy.is_some() => Err(io::ErrorKind::CrossesDevices.into()),
            Fate::Stays => from.link_to(&to),
            Fate::Goes => from.rename_to(&to, false),
        };
        let kept = match kept {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
            // Another file system, or one without second names.
            Err(_) => {
                let part = match copy.take() {
                    Some(part) => part,
                    None => copied(from, &to, there.kind)?,
                };
                let named = part.rename_to(&to, false);
                copy = named.is_err().then_some(part);
                named
            }
            Ok(()) => return Ok(true),
        };
        match kept {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                copy.map(|part| part.remove());
                return Err(error);
            }
            Ok(()) if fate == Fate::Goes => return from.remove().map(|()| true),
            Ok(()) => return Ok(true),
        }
    }
    copy.map(|part| part.remove());
    Err(io::ErrorKind::AlreadyExists.into())
}

fn numbered(name: &OsStr, number: u32) -> OsString {
    let mut name = name.to_owned();
    if number > 0 {
        name.push(format!(".~{number}~"));
    }
    name
}

/// A copy under a temporary name beside `to`.
fn copied(from: &Place, to: &Place, kind: FileKind) -> io::Result<Place> {
    let part = to.beside(format!("{TEMP_PREFIX}backup-{}", std::process::id()));
    // What a killed run has left.
    let _ = part.remove();
    let made = match kind {
        FileKind::File => copy_file(from, &part),
        FileKind::Link => part.make_link(&from.read_link()?),
        FileKind::Directory | FileKind::Other => Err(io::ErrorKind::Unsupported.into()),
    };
    match made {
        Ok(()) => Ok(part),
        Err(error) => {
            let _ = part.remove();
            Err(error)
        }
    }
}

fn copy_file(from: &Place, part: &Place) -> io::Result<()> {
    let file = from.open()?;
    let there = system::stat(&file)?;
    if !there.is_file() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let made = part.create()?;
    system::copy(&file, 0, there.len(), &made, 0)?;
    #[cfg(unix)]
    system::set_mode(&made, std::os::unix::fs::MetadataExt::mode(&there) & 0o777)?;
    if let Ok(time) = there.modified() {
        // A file system may refuse that.
        let _ = system::set_times(&made, FileTimes::new().set_modified(time));
    }
    super::space::flush(&made)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Fixture {
        temp: tempfile::TempDir,
        backup: Backup,
    }

    impl Fixture {
        fn new() -> Self {
            let temp = tempfile::tempdir().unwrap();
            let backup = temp.path().join("backup");
            Self::with(temp, &backup)
        }

        fn with(temp: tempfile::TempDir, backup: &Path) -> Self {
            let out = temp.path().join("out");
            fs::create_dir(&out).unwrap();
            Self { backup: Backup::open(backup, &out).unwrap(), temp }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.temp.path().join(name)
        }

        fn keep(&self, name: &str, fate: Fate) -> Result<bool, (PathBuf, io::Error)> {
            let mut tree = Tree::new(&self.path("out"), false).unwrap();
            let place = tree.place(Path::new(name)).unwrap();
            self.backup.keep(&place, Path::new(name), fate)
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.path(name)).unwrap()
        }
    }

    #[test]
    fn older_backups_are_never_replaced() {
        let fixture = Fixture::new();
        fs::create_dir(fixture.path("out/d")).unwrap();
        for content in ["one", "two", "three"] {
            fs::write(fixture.path("out/d/f"), content).unwrap();
            assert!(fixture.keep("d/f", Fate::Goes).unwrap());
            assert!(!fixture.path("out/d/f").exists());
        }
        assert!(!fixture.keep("d/f", Fate::Goes).unwrap(), "it is gone");
        let names = ["backup/d/f", "backup/d/f.~1~", "backup/d/f.~2~"];
        assert_eq!(names.map(|name| fixture.read(name)), ["one", "two", "three"]);
    }

    #[test]
    fn what_is_replaced_keeps_its_name_until_then_and_is_kept_once() {
        let fixture = Fixture::new();
        fs::write(fixture.path("out/f"), "old").unwrap();
        symlink("/etc/passwd", fixture.path("out/link")).unwrap();
        for _ in 0..2 {
            assert!(fixture.keep("f", Fate::Stays).unwrap());
            assert!(fixture.keep("link", Fate::Stays).unwrap());
        }
        assert_eq!(fixture.read("out/f"), "old");
        assert_eq!(fs::read_dir(fixture.path("backup")).unwrap().count(), 2);
        assert_eq!(fs::read_link(fixture.path("backup/link")).unwrap(), Path::new("/etc/passwd"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn on_another_file_system_a_copy_is_kept() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};

        let Ok(other) = tempfile::tempdir_in("/dev/shm") else { return };
        let fixture = Fixture::with(tempfile::tempdir().unwrap(), other.path());
        let kept = |name: &str| other.path().join(name);
        fs::write(fixture.path("out/f"), "old").unwrap();
        fs::write(kept("f"), "older").unwrap();
        let mode = fs::Permissions::from_mode(0o640);
        fs::set_permissions(fixture.path("out/f"), mode).unwrap();
        symlink("f", fixture.path("out/link")).unwrap();
        for name in ["f", "link"] {
            assert!(fixture.keep(name, Fate::Stays).unwrap());
        }
        let read = |name| fs::read_to_string(kept(name)).unwrap();
        assert_eq!(["f", "f.~1~"].map(read), ["older", "old"]);
        let (ours, theirs) =
            (fs::metadata(fixture.path("out/f")).unwrap(), fs::metadata(kept("f.~1~")).unwrap());
        assert_eq!((theirs.mode(), theirs.mtime()), (ours.mode(), ours.mtime()));
        assert_eq!(fs::read_link(kept("link")).unwrap(), Path::new("f"));
        assert!(fixture.keep("f", Fate::Goes).unwrap());
        assert!(!fixture.path("out/f").exists());
        assert_eq!(read("f.~2~"), "old");
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 4, "and no rest");
    }

    #[test]
    fn backups_leave_neither_their_directory_nor_are_in_the_output() {
        let fixture = Fixture::new();
        let outside = fixture.path("outside");
        fs::create_dir(&outside).unwrap();
        fs::create_dir(fixture.path("out/d")).unwrap();
        fs::write(fixture.path("out/d/f"), "old").unwrap();
        symlink(&outside, fixture.path("backup/d")).unwrap();
        let (path, _) = fixture.keep("d/f", Fate::Goes).unwrap_err();
        assert_eq!(path, fixture.path("backup/d/f"));
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        assert_eq!(fixture.read("out/d/f"), "old");
        for (backup, out) in [("out", "out"), ("out/d", "out"), ("backup", "backup/out")] {
            fs::create_dir_all(fixture.path(out)).unwrap_or_default();
            let refused = Backup::open(&fixture.path(backup), &fixture.path(out)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{backup}");
        }
        symlink(fixture.path("out"), fixture.path("link")).unwrap();
        for backup in ["out/new/deep", "link/new"] {
            assert!(Backup::open(&fixture.path(backup), &fixture.path("out")).is_err());
        }
        assert!(!fixture.path("out/new").exists());
    }
}
