//! The files of a set as one run of bytes.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::path::Path;

use norm_core::base::range_set::RangeSet;

use super::current::CurrentFile;
use super::read_error::SourceError;
use crate::complete::read_data;
use crate::source::scan::{self, Ctime, SourceFile, SourceFiles, mtime};
use crate::system_error::is_file_limit;

/// Files kept open at most.
const MAX_OPEN: usize = 64;
/// How a file has changed that is gone.
const REMOVED: &str = "it was removed after the transfer began";

/// Reads the concatenation of many files, of which only the last used are open.
#[derive(Debug)]
pub struct Files {
    files: SourceFiles,
    /// Open files by index, the last used one at the back.
    open: VecDeque<(usize, File)>,
    /// Those that are not read any more, by index.
    withdrawn: RangeSet,
    current: CurrentFile,
}

impl Files {
    pub fn new(files: SourceFiles) -> Self {
        let (open, withdrawn) = (VecDeque::new(), RangeSet::new());
        Self { files, open, withdrawn, current: CurrentFile::default() }
    }

    /// Which of them was read last, from now on.
    pub fn current(&self) -> &CurrentFile {
        &self.current
    }

    /// All of them.
    pub fn all(&self) -> &SourceFiles {
        &self.files
    }

    /// Takes all files for those that the scan has found, however they have changed.
    #[cfg(test)]
    pub fn find_again(&mut self) {
        self.open.clear();
        self.files.find_again();
    }

    /// Where a file, by its index, is in the concatenation.
    pub fn place(&self, index: usize) -> Range<u64> {
        self.files.map().payload_of(index)
    }

    /// True when a file, by its index, is not read any more.
    pub fn is_withdrawn(&self, index: usize) -> bool {
        self.withdrawn.contains(index as u64)
    }

    /// True when some file is not read any more.
    pub fn any_withdrawn(&self) -> bool {
        self.withdrawn.pieces() > 0
    }

    /// Does not read a file any more; false if that was so before.
    pub fn withdraw(&mut self, index: usize) -> bool {
        let is_new = !self.is_withdrawn(index);
        self.withdrawn.insert(index as u64, index as u64 + 1);
        self.open.retain(|(open, _)| *open != index);
        is_new
    }

    /// Fills `buffer` from `offset` of the concatenation on.
    ///
    /// # Errors
    /// When a file has changed since the scan or cannot be read, or when there are not as many
    /// bytes.
    pub fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        match self.read_most(offset, buffer)?.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    /// The same, with zeros for files that have changed or cannot be read: returns these, by index.
    ///
    /// # Errors
    /// When there are not as many bytes.
    pub fn read_most(
        &mut self,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<Vec<(usize, SourceError)>, SourceError> {
        let mut lost = Vec::new();
        let end = offset.saturating_add(buffer.len() as u64);
        for (index, within) in self.over(offset, end) {
            let start = self.place(index).start + within.start - offset;
            let place = start as usize..(start + within.end - within.start) as usize;
            let part = buffer.get_mut(place).ok_or(SourceError::OutOfRange)?;
            if self.is_withdrawn(index) {
                part.fill(0);
            } else if let Err(error) = self.read_file(index, within.start, part) {
                part.fill(0);
                lost.push((index, error));
            }
        }
        if end > self.files.map().payload_size() && end > offset {
            return Err(SourceError::OutOfRange);
        }
        Ok(lost)
    }

    /// The files with bytes in `start..end` of the concatenation, by index, and which of theirs.
    pub fn over(&self, start: u64, end: u64) -> impl Iterator<Item = (usize, Range<u64>)> + use<> {
        let first = self.files.map().file_at(start);
        let files = (first..self.files.len()).map(|index| (index, self.place(index)));
        let files = files.take_while(|(_, place)| place.start < end);
        let within = files.map(|(index, place)| {
            let from = start.saturating_sub(place.start);
            (index, from..place.end.min(end) - place.start)
        });
        within.collect::<Vec<_>>().into_iter()
    }

    fn read_file(&mut self, index: usize, offset: u64, part: &mut [u8]) -> Result<(), SourceError> {
        let file = match self.open.iter().position(|(open, _)| *open == index) {
            Some(place) => self.open.remove(place).map(|(_, file)| file),
            None => None,
        };
        let Some(expected) = self.files.get(index) else { return Err(SourceError::OutOfRange) };
        let file = match file {
            Some(file) => file,
            None => open(&mut self.open, &expected.path).map_err(|e| read_error(&expected, e))?,
        };
        read_checked(&file, &expected, offset, part)?;
        if self.open.len() >= MAX_OPEN {
            self.open.pop_front();
        }
        self.open.push_back((index, file));
        self.current.set(expected.path);
        Ok(())
    }
}

/// Opens a file; where too many are open, at the cost of one that was used long ago.
fn open(others: &mut VecDeque<(usize, File)>, path: &Path) -> io::Result<File> {
    loop {
        match scan::open(path) {
            Err(error) if is_file_limit(error.raw_os_error()) && others.pop_front().is_some() => {}
            opened => return opened,
        }
    }
}

/// Reads a part of a file's data, and checks that it is still what the scan saw.
pub fn read_checked(
    file: &File,
    expected: &SourceFile,
    offset: u64,
    part: &mut [u8],
) -> Result<(), SourceError> {
    let read = read_data(file, expected.sparse.as_deref(), offset, part);
    read.map_err(|error| read_error(expected, error))?;
    // Asked after reading, so that no change before or during it goes unseen.
    let metadata = file.metadata().map_err(|error| read_error(expected, error))?;
    if metadata.len() != expected.size {
        return Err(changed(expected, "its size changed after the transfer began"));
    }
    if mtime(&metadata) != expected.mtime {
        return Err(changed(expected, "it was modified after the transfer began"));
    }
    if Ctime::of(&metadata) != expected.ctime {
        return Err(changed(expected, how_inode_changed(&metadata)));
    }
    Ok(())
}

/// What has become of a file whose inode has changed, and neither its size nor its time.
fn how_inode_changed(metadata: &Metadata) -> &'static str {
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::nlink(metadata) == 0 {
        return REMOVED;
    }
    let _ = metadata;
    "its permissions, links or times were changed after the transfer began"
}

/// The error of a file that is no longer what it was.
pub fn changed(file: &SourceFile, how: &'static str) -> SourceError {
    SourceError::Changed { path: file.path.clone(), how }
}

/// What it means that a file could not be read.
pub fn read_error(file: &SourceFile, error: io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => changed(file, "it became shorter after the transfer began"),
        io::ErrorKind::NotFound => changed(file, REMOVED),
        _ => SourceError::Read { path: file.path.clone(), error },
    }
}
