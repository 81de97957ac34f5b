//! A file from a sender that speaks of no set: another implementation, whose NORM_INFO is the name.
//!
//! It is written to a temporary file in the output directory (`parts`) and renamed when it is
//! complete. Senders may name any number of files: nothing is made on the disk before the first
//! bytes of one are here. Nothing says what its bytes should be, so it is not verified.

mod parts;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use norm_core::fileset::name_to_text;

use super::backup::{Backup, Fate};
use super::existing::{Received, is_identical};
use super::flush::flush;
use super::metadata::{DEFAULT_FILE_MODE, RefusedMetadata};
use super::output::{OpenDirectory, Place, Tree};
use super::place::{PlaceError, PlaceOptions, Placed, failed};
use super::plan::check_target;
use super::spool_files::create_new_at;
use super::{space, system};
use crate::names;

pub use parts::{Parts, sweep_parts};

/// Folders above a file, at most: names of senders that have more are no names.
const MAX_FOLDERS: usize = 64;

/// A file that arrives; its temporary file goes when this goes.
#[derive(Debug)]
pub struct StandaloneFile {
    /// Names for temporary files in the output directory.
    parts: Arc<Parts>,
    /// Where it is to be below the output directory.
    path: PathBuf,
    target: PathBuf,
    /// The name of its temporary file, once there is one.
    temporary: Mutex<Option<String>>,
    size: AtomicU64,
    /// Bytes written.
    written: AtomicU64,
}

impl StandaloneFile {
    /// A file of `size` bytes that is to be at `path` below the output directory, which `parts` has
    /// names for. Nothing is made yet.
    ///
    /// # Errors
    /// When something is in the way, there is no room for it, or the system refuses.
    pub fn new(
        parts: &Arc<Parts>,
        path: &Path,
        size: u64,
        overwrite: bool,
    ) -> Result<Self, PlaceError> {
        let root = parts.directory();
        let target = root.join(path);
        let looked = Tree::new(root, false).and_then(|mut tree| place_if_there(&mut tree, path));
        if looked.map_err(|error| failed(&target, error))?.is_some() {
            check_target(&target, size, overwrite)?;
        }
        if let Some(free) = space::Free::of(root).bytes.filter(|&free| free < size) {
            let error = io::Error::new(
                io::ErrorKind::StorageFull,
                format!("{size} bytes are to come, but {free} are free"),
            );
            return Err(PlaceError::Io(target, error.into()));
        }
        let file = Self {
            parts: Arc::clone(parts),
            path: path.to_owned(),
            target,
            temporary: Mutex::new(None),
            size: AtomicU64::new(size),
            written: AtomicU64::new(0),
        };
        parts.begin_waiting(file.weight());
        Ok(file)
    }

    /// Where it is to be.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Bytes of memory that it takes, about.
    fn weight(&self) -> usize {
        2 * size_of::<Self>() + 2 * self.target.as_os_str().len()
    }

    /// True when something of it is on the disk.
    pub fn is_begun(&self) -> bool {
        self.lock().is_some()
    }

    /// Writes a block to its place, and counts it. With the first one room for the whole file is
    /// taken.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        system::write_all_at(&self.begin()?.open_to_write()?, bytes, offset)?;
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Reads all of it, in order.
    ///
    /// # Errors
    /// What the system says.
    pub fn reader(&self) -> io::Result<impl io::Read + use<>> {
        Ok(Stream { file: self.begin()?.open_to_write()?, at: 0, end: self.size() })
    }

    /// Makes other content of it before it is placed: `make` reads what arrived and writes that.
    ///
    /// # Errors
    /// What `make` or the system says. The file is as it was then.
    pub fn rewrite(
        &self,
        make: impl FnOnce(&mut dyn io::Read, &mut dyn io::Write) -> io::Result<u64>,
    ) -> io::Result<()> {
        let mut reader = self.reader()?;
        let old = self.begin()?;
        let new = second(&old);
        let mut writer = Stream { file: create_new_at(&new)?, at: 0, end: 0 };
        let made = make(&mut reader, &mut writer).and_then(|size| {
            drop((reader, writer));
            new.rename_to(&old, true)?;
            Ok(size)
        });
        match made {
            Ok(size) => self.size.store(size, Ordering::Relaxed),
            Err(error) => {
                // It goes with the next sweep if it does not go now.
                let _ = new.remove();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Gives it its name, unless a file with the same content has it already. Its mode may be
    /// refused; that is returned as well. Of `options` it has overwriting and the backup.
    ///
    /// # Errors
    /// When something else has the name, the system refuses, or `cancel` was set.
    pub fn place(
        &self,
        options: &PlaceOptions<'_>,
        cancel: &AtomicBool,
    ) -> Result<(Placed, Option<RefusedMetadata>), PlaceError> {
        let overwrite = options.overwrite;
        if let Some(backup) = options.backup.filter(|_| overwrite) {
            self.back_up(backup, cancel)?;
        }
        let mut refused = None;
        match self.place_at(overwrite, cancel, &mut refused) {
            Ok(placed) => Ok((placed, refused)),
            Err(error) => Err(failed(&self.target, error)),
        }
    }

    fn place_at(
        &self,
        overwrite: bool,
        cancel: &AtomicBool,
        refused: &mut Option<RefusedMetadata>,
    ) -> io::Result<Placed> {
        let temporary = self.begin()?;
        let file = temporary.open_to_write()?;
        let mut tree = self.tree()?;
        if !overwrite
            && let Some(place) = place_if_there(&mut tree, &self.path)?
            && is_identical(&self.received(&file), &place, cancel)?
        {
            return Ok(Placed::Present);
        }
        let set = system::set_mode(&file, DEFAULT_FILE_MODE);
        RefusedMetadata::note(refused, &self.target, set);
        flush(&file)?;
        let place = tree.make_place(&self.path)?;
        match temporary.rename_to(&place, overwrite) {
            // Another file system is mounted there.
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                self.copy_to(file, &place, overwrite).map(|()| Placed::New)
            }
            renamed => renamed.map(|()| Placed::New),
        }
    }

    /// Makes a copy on another file system, which gets the name when it is whole.
    fn copy_to(&self, file: File, place: &Place, overwrite: bool) -> io::Result<()> {
        let beside = place.beside(self.parts.next()?);
        let copy = create_new_at(&beside)?;
        let mut from = Stream { file, at: 0, end: self.size() };
        let mut to = Stream { file: copy, at: 0, end: 0 };
        let placed = io::copy(&mut from, &mut to).and_then(|_| {
            // A mode that is refused was told of already.
            let _ = system::set_mode(&to.file, DEFAULT_FILE_MODE);
            flush(&to.file)?;
            beside.rename_to(place, overwrite)
        });
        placed.inspect_err(|_| drop(beside.remove()))
    }

    /// Keeps what it replaces, unless that is the same.
    fn back_up(&self, backup: &Backup, cancel: &AtomicBool) -> Result<(), PlaceError> {
        let is_other = self.begin().and_then(|temporary| {
            let file = temporary.open_to_write()?;
            let place = place_if_there(&mut self.tree()?, &self.path)?;
            match place {
                Some(place) if !is_identical(&self.received(&file), &place, cancel)? => {
                    Ok(Some(place))
                }
                _ => Ok(None),
            }
        });
        let other = is_other.map_err(|error| failed(&self.target, error))?;
        let kept = other.map(|place| backup.keep(&place, &self.path, Fate::Stays));
        match kept {
            Some(Err((path, error))) => Err(PlaceError::Backup(path, error.into())),
            _ => Ok(()),
        }
    }

    fn received<'a>(&self, payload: &'a File) -> Received<'a> {
        Received { payload, offset: 0, size: self.size(), sparse: None }
    }

    /// Its temporary file, which is made if there is none. It is looked for and opened for each
    /// block: more files may arrive at once than a process may have open.
    fn begin(&self) -> io::Result<Place> {
        let mut temporary = self.lock();
        if let Some(name) = temporary.as_deref() {
            return self.temporary(name);
        }
        let name = self.parts.next()?;
        let place = self.temporary(&name)?;
        let file = create_new_at(&place)?;
        let size = self.size();
        if let Err(error) = space::reserve(&file, size) {
            // It goes with the next session if it does not go now.
            let _ = place.remove();
            let words = format!("{size} bytes are to come, but {error}");
            return Err(io::Error::new(error.kind(), words));
        }
        *temporary = Some(name);
        self.parts.end_waiting(self.weight());
        Ok(place)
    }

    fn temporary(&self, name: &str) -> io::Result<Place> {
        Ok(OpenDirectory::root(self.parts.directory())?.place(OsStr::new(name)))
    }

    fn tree(&self) -> io::Result<Tree> {
        Tree::new(self.parts.directory(), false)
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        // Nothing in here panics halfway.
        self.temporary.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A second temporary file beside one.
fn second(place: &Place) -> Place {
    let mut name = place.path().file_name().unwrap_or_default().to_owned();
    name.push("1");
    place.beside(name)
}

/// A place in a directory, if that is there.
fn place_if_there(tree: &mut Tree, path: &Path) -> io::Result<Option<Place>> {
    match tree.place(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        place => place.map(Some),
    }
}

impl Drop for StandaloneFile {
    fn drop(&mut self) {
        match self.lock().take() {
            // Gone already when it has its name.
            Some(name) => drop(self.temporary(&name).and_then(|place| place.remove())),
            None => self.parts.end_waiting(self.weight()),
        }
    }
}

/// A file that is read or written from its start to its end.
struct Stream {
    file: File,
    at: u64,
    /// The end of what is read.
    end: u64,
}

impl io::Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let len = left.min(buffer.len());
        let part = buffer.get_mut(..len).unwrap_or_default();
        system::read_exact_at(&self.file, part, self.at)?;
        self.at += len as u64;
        Ok(len)
    }
}

impl io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        system::write_all_at(&self.file, bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where a file belongs below the output directory, by the name that its sender gave it; `None`
/// when that is no name, or leads through more than 64 folders.
pub fn path_of(name: Option<&[u8]>) -> Option<PathBuf> {
    // Other bytes may be no name at all.
    let name = std::str::from_utf8(name?).ok()?;
    // Some programs send the end of the string as well.
    let name = name.trim_end_matches('\0');
    // Its bytes, whatever characters they are.
    let path = names::to_path(&name_to_text(name.as_bytes())).ok()?;
    let is_deep = path.components().count() > MAX_FOLDERS + 1;
    (!is_deep && !name.contains(char::is_control)).then_some(path)
}

#[cfg(test)]
mod tests;
