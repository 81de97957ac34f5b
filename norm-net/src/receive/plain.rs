//! A file from a sender that speaks of no set: another implementation, whose NORM_INFO is the name.
//!
//! It is written to a temporary file beside its place and renamed when it is complete. Nothing says
//! what its bytes should be, so it is not verified.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use norm_core::fileset::{TEMP_PREFIX, name_to_text};
use norm_core::norm::wire::NodeId;

use super::carve::{self, CarveError, Made, PLAIN_MODE, make_directories, set_mode};
use super::plan::check_target;
use super::same::same_file;
use super::spool::fresh;
use super::{positioned, space};
use crate::names;

/// A file on its way; its temporary file goes when this goes.
#[derive(Debug)]
pub(super) struct PlainFile {
    /// Where it is to be.
    target: PathBuf,
    temporary: PathBuf,
    size: u64,
    /// Bytes written.
    written: AtomicU64,
}

impl PlainFile {
    /// Takes room for a file of `size` bytes that is to be at `path` below `root`. `label` names its
    /// temporary file, and no other's in the directory.
    ///
    /// # Errors
    /// When something is in the way, or the system refuses.
    pub(super) fn create(
        root: &Path,
        path: &Path,
        label: &str,
        size: u64,
        overwrite: bool,
    ) -> Result<Self, CarveError> {
        let target = root.join(path);
        if let Some(parent) = path.parent() {
            make_directories(root, parent, &mut HashSet::new())?;
        }
        check_target(&target, size, overwrite).map_err(CarveError::Plan)?;
        let temporary = target.with_file_name(format!("{TEMP_PREFIX}{label}.part"));
        let failed = |error| CarveError::Io(target.clone(), error);
        let opened = fresh(&temporary).map_err(failed)?;
        let file = Self { target: target.clone(), temporary, size, written: AtomicU64::new(0) };
        space::reserve(&opened, size).map_err(|error| {
            failed(io::Error::new(error.kind(), format!("{size} bytes are to come, but {error}")))
        })?;
        Ok(file)
    }

    /// Where it is to be.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Its size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Writes a block to its place, and counts it.
    pub(super) fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        positioned::write_all_at(&self.open()?, bytes, offset)?;
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Gives it its name, unless a file with the same content has it already.
    pub(super) fn place(&self, overwrite: bool, cancel: &AtomicBool) -> Result<Made, CarveError> {
        let placed = self.open().and_then(|file| {
            if !overwrite && same_file(&file, 0, self.size, &self.target, cancel)? {
                return Ok(Made::Before);
            }
            set_mode(&file, PLAIN_MODE)?;
            carve::place(&self.temporary, &self.target, overwrite).map(|()| Made::New)
        });
        placed.map_err(|error| carve::failed(&self.target, error))
    }

    /// Opened for each block: there may be more files under way than a process may have open.
    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW);
        options.open(&self.temporary)
    }
}

impl Drop for PlainFile {
    fn drop(&mut self) {
        // Gone already when it has its name.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Where an object belongs below the output directory: by its INFO, or else by its numbers.
pub(super) fn path_of(info: Option<&[u8]>, node: NodeId, object: u64) -> PathBuf {
    let named = info.and_then(|bytes| {
        // Other bytes may be no name at all.
        let name = std::str::from_utf8(bytes).ok()?;
        // Some programs send the end of the string as well.
        let name = name.trim_end_matches('\0');
        // Its bytes, whatever characters they are.
        let path = names::to_path(&name_to_text(name.as_bytes())).ok()?;
        (!name.contains(char::is_control)).then_some(path)
    });
    // The low 16 bits of a key are the transport id.
    named.unwrap_or_else(|| PathBuf::from(format!("object-{:08x}-{}", node.0, object as u16)))
}

#[cfg(test)]
mod tests;
