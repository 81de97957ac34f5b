//! A file from a sender that speaks of no set: another implementation, whose NORM_INFO is the name.
//!
//! It is written to a temporary file beside its place and renamed when it is complete. Nothing says
//! what its bytes should be, so it is not verified.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use norm_core::fileset::{TEMP_PREFIX, name_to_text};

use super::backup::{Backup, Fate};
use super::existing::{Received, is_identical};
use super::flush::flush;
use super::metadata::{DEFAULT_FILE_MODE, RefusedMetadata};
use super::output::{Place, Tree};
use super::place::{PlaceError, PlaceOptions, Placed, failed};
use super::plan::check_target;
use super::spool_files::{create_new_at, part_name};
use super::{space, system};
use crate::names;

/// A file that arrives; its temporary file goes when this goes.
#[derive(Debug)]
pub struct StandaloneFile {
    /// The output directory.
    root: PathBuf,
    /// Where it is to be below it.
    path: PathBuf,
    target: PathBuf,
    /// The name of its temporary file.
    temporary: String,
    size: AtomicU64,
    /// Bytes written.
    written: AtomicU64,
}

impl StandaloneFile {
    /// Takes room for a file of `size` bytes that is to be at `path` below `root`. `label` names
    /// its temporary file, and no other's in the directory.
    ///
    /// # Errors
    /// When something is in the way, or the system refuses.
    pub fn create(
        root: &Path,
        path: &Path,
        label: &str,
        size: u64,
        overwrite: bool,
    ) -> Result<Self, PlaceError> {
        let target = root.join(path);
        let refused = |error| failed(&target, error);
        let mut tree = Tree::new(root, false).map_err(refused)?;
        let place = tree.make_place(path).map_err(refused)?;
        check_target(&target, size, overwrite)?;
        let refused = |error: io::Error| PlaceError::Io(target.clone(), error.into());
        let temporary = part_name(&format!("{TEMP_PREFIX}{label}"));
        let opened = create_new_at(&place.beside(&temporary)).map_err(refused)?;
        let file = Self {
            root: root.to_owned(),
            path: path.to_owned(),
            target: target.clone(),
            temporary,
            size: AtomicU64::new(size),
            written: AtomicU64::new(0),
        };
        space::reserve(&opened, size).map_err(|error| {
            refused(io::Error::new(error.kind(), format!("{size} bytes are to come, but {error}")))
        })?;
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

    /// Writes a block to its place, and counts it.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        system::write_all_at(&self.open()?, bytes, offset)?;
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Reads all of it, in order.
    ///
    /// # Errors
    /// What the system says.
    pub fn reader(&self) -> io::Result<impl io::Read + use<>> {
        let file = self.find()?.beside(&self.temporary).open_to_write()?;
        Ok(Stream { file, at: 0, end: self.size() })
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
        let place = self.find()?;
        let (old, new) = (place.beside(&self.temporary), place.beside(self.second()));
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

    /// The name of a second temporary file.
    fn second(&self) -> String {
        format!("{}1", self.temporary)
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
        let placed = self.find().and_then(|place| {
            let file = self.open_at(&place)?;
            let received = Received { payload: &file, offset: 0, size: self.size(), sparse: None };
            if !overwrite && is_identical(&received, &place, cancel)? {
                return Ok(Placed::Present);
            }
            let set = system::set_mode(&file, DEFAULT_FILE_MODE);
            RefusedMetadata::note(&mut refused, &self.target, set);
            flush(&file)?;
            let temporary = place.beside(&self.temporary);
            temporary.rename_to(&place, overwrite).map(|()| Placed::New)
        });
        match placed {
            Ok(placed) => Ok((placed, refused)),
            Err(error) => Err(failed(&self.target, error)),
        }
    }

    /// Keeps what it replaces, unless that is the same.
    fn back_up(&self, backup: &Backup, cancel: &AtomicBool) -> Result<(), PlaceError> {
        let is_other = self.find().and_then(|place| {
            let file = self.open_at(&place)?;
            let received = Received { payload: &file, offset: 0, size: self.size(), sparse: None };
            Ok((!is_identical(&received, &place, cancel)?).then_some(place))
        });
        let other = is_other.map_err(|error| failed(&self.target, error))?;
        let kept = other.map(|place| backup.keep(&place, &self.path, Fate::Stays));
        match kept {
            Some(Err((path, error))) => Err(PlaceError::Backup(path, error.into())),
            _ => Ok(()),
        }
    }

    /// Looked for and opened for each block: more files may arrive at once than a process may have
    /// open.
    fn open(&self) -> io::Result<File> {
        self.open_at(&self.find()?)
    }

    fn open_at(&self, place: &Place) -> io::Result<File> {
        place.beside(&self.temporary).open_to_write()
    }

    fn find(&self) -> io::Result<Place> {
        Tree::new(&self.root, false)?.place(&self.path)
    }
}

impl Drop for StandaloneFile {
    fn drop(&mut self) {
        // Gone already when it has its name.
        let _ = self.find().and_then(|place| place.beside(&self.temporary).remove());
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
/// when that is no name.
pub fn path_of(name: Option<&[u8]>) -> Option<PathBuf> {
    // Other bytes may be no name at all.
    let name = std::str::from_utf8(name?).ok()?;
    // Some programs send the end of the string as well.
    let name = name.trim_end_matches('\0');
    // Its bytes, whatever characters they are.
    let path = names::to_path(&name_to_text(name.as_bytes())).ok()?;
    (!name.contains(char::is_control)).then_some(path)
}

#[cfg(test)]
mod tests;
