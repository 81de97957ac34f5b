//! A file from a sender that speaks of no set: another implementation, whose NORM_INFO is the name.
//!
//! It is written to a temporary file beside its place and renamed when it is complete. Nothing says
//! what its bytes should be, so it is not verified.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use norm_core::fileset::{TEMP_PREFIX, name_to_text};

use super::existing::is_identical;
use super::metadata::{DEFAULT_FILE_MODE, RefusedMetadata};
use super::place::{PlaceError, Placed, failed, make_directories, rename};
use super::plan::check_target;
use super::spool_files::{create_new, part_name};
use super::{space, system};
use crate::names;

/// A file that arrives; its temporary file goes when this goes.
#[derive(Debug)]
pub struct StandaloneFile {
    /// Where it is to be.
    target: PathBuf,
    temporary: PathBuf,
    size: u64,
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
        if let Some(parent) = path.parent() {
            make_directories(root, parent, &mut HashSet::new())?;
        }
        check_target(&target, size, overwrite)?;
        let temporary = target.with_file_name(part_name(&format!("{TEMP_PREFIX}{label}")));
        let refused = |error: io::Error| PlaceError::Io(target.clone(), error.into());
        let opened = create_new(&temporary).map_err(refused)?;
        let file = Self { target: target.clone(), temporary, size, written: AtomicU64::new(0) };
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
        self.size
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

    /// Gives it its name, unless a file with the same content has it already. Its mode may be
    /// refused; that is returned as well.
    ///
    /// # Errors
    /// When something else has the name, the system refuses, or `cancel` was set.
    pub fn place(
        &self,
        overwrite: bool,
        cancel: &AtomicBool,
    ) -> Result<(Placed, Option<RefusedMetadata>), PlaceError> {
        let mut refused = None;
        let placed = self.open().and_then(|file| {
            if !overwrite && is_identical(&file, 0, self.size, &self.target, cancel)? {
                return Ok(Placed::Present);
            }
            let set = system::set_mode(&file, DEFAULT_FILE_MODE);
            RefusedMetadata::note(&mut refused, &self.target, set);
            space::flush(&file)?;
            rename(&self.temporary, &self.target, overwrite).map(|()| Placed::New)
        });
        match placed {
            Ok(placed) => Ok((placed, refused)),
            Err(error) => Err(failed(&self.target, error)),
        }
    }

    /// Opened for each block: more files may arrive at once than a process may have open.
    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW);
        system::open(&options, &self.temporary)
    }
}

impl Drop for StandaloneFile {
    fn drop(&mut self) {
        // Gone already when it has its name.
        let _ = system::remove(&self.temporary);
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
