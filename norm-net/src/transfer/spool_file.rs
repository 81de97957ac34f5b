//! A temporary file without a name: what is in it is gone with the process, however that ends.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use norm_files::positioned;

/// A file that is made when it is first written to; read and written at any place, by any thread.
#[derive(Debug)]
pub(crate) struct SpoolFile {
    directory: PathBuf,
    /// Locked only while it is opened.
    file: Mutex<Option<Arc<File>>>,
}

impl SpoolFile {
    /// A file in this directory.
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory, file: Mutex::new(None) }
    }

    /// This file, which may have a name.
    #[cfg(test)]
    pub(crate) fn of(file: File) -> Self {
        Self { directory: PathBuf::from("dir"), file: Mutex::new(Some(Arc::new(file))) }
    }

    /// Where it is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes all bytes from `offset` on.
    ///
    /// # Errors
    /// When the file cannot be made or written to, because the disk is full for instance: what is
    /// at these places is of no use then.
    pub(crate) fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        positioned::write_all_at(&*self.opened()?, bytes, offset)
    }

    /// Fills `bytes` from `offset` on.
    ///
    /// # Errors
    /// When that many bytes were not written, or cannot be read.
    pub(crate) fn read(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        positioned::read_exact_at(&*self.opened()?, bytes, offset)
    }

    /// Gives all room back, if the system lets it.
    pub(crate) fn clear(&self) {
        if let Some(file) = &*self.lock() {
            // What stays is gone with the process.
            let _ = file.set_len(0);
        }
    }

    fn opened(&self) -> io::Result<Arc<File>> {
        let mut file = self.lock();
        let open = match file.take() {
            Some(open) => open,
            None => Arc::new(tempfile::tempfile_in(&self.directory)?),
        };
        Ok(Arc::clone(file.insert(open)))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<File>>> {
        // Nothing in here panics halfway.
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_it_is_seen_in_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        let file = SpoolFile::new(dir.path().to_owned());
        file.write(b"abc", 5).unwrap();
        let mut read = [0; 4];
        file.read(&mut read, 4).unwrap();
        assert_eq!(&read, b"\0abc");
        assert!(file.read(&mut read, 5).is_err(), "there are three");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        file.clear();
        assert!(file.read(&mut read, 4).is_err());
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        let file = SpoolFile::new(PathBuf::from("/nowhere/at/all"));
        assert_eq!(file.write(b"abc", 0).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
