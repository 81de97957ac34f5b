//! The files of a set as one run of bytes.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::Path;

use super::read_error::SourceError;
use crate::source::scan::{SourceFile, mtime};
use crate::system_error::is_file_limit;

/// Files kept open at most.
const MAX_OPEN: usize = 64;

/// Reads the concatenation of many files, of which only the last used are open.
#[derive(Debug)]
pub struct Files {
    files: Vec<SourceFile>,
    /// Open files by index, the last used one at the back.
    open: VecDeque<(usize, File)>,
}

impl Files {
    pub fn new(files: Vec<SourceFile>) -> Self {
        Self { files, open: VecDeque::new() }
    }

    /// All of them.
    pub fn all(&self) -> &[SourceFile] {
        &self.files
    }

    /// Fills `buffer` from `offset` of the concatenation on.
    ///
    /// # Errors
    /// When a file has changed since the scan or cannot be read, or when there are not as many
    /// bytes.
    pub fn read(&mut self, offset: u64, mut buffer: &mut [u8]) -> Result<(), SourceError> {
        let mut offset = offset;
        let mut index = self.files.partition_point(|f| f.offset + f.data() <= offset);
        while !buffer.is_empty() {
            let file = self.files.get(index).ok_or(SourceError::OutOfRange)?;
            let within = offset - file.offset;
            let left = usize::try_from(file.data() - within).unwrap_or(usize::MAX);
            let (part, rest) = buffer.split_at_mut(left.min(buffer.len()));
            self.read_file(index, within, part)?;
            offset += part.len() as u64;
            buffer = rest;
            index += 1;
        }
        Ok(())
    }

    fn read_file(&mut self, index: usize, offset: u64, part: &mut [u8]) -> Result<(), SourceError> {
        let file = match self.open.iter().position(|(open, _)| *open == index) {
            Some(place) => self.open.remove(place).map(|(_, file)| file),
            None => None,
        };
        let Some(expected) = self.files.get(index) else { return Err(SourceError::OutOfRange) };
        let file = match file {
            Some(file) => file,
            None => open(&mut self.open, &expected.path).map_err(|e| read_error(expected, e))?,
        };
        read_checked(&file, expected, offset, part)?;
        if self.open.len() >= MAX_OPEN {
            self.open.pop_front();
        }
        self.open.push_back((index, file));
        Ok(())
    }
}

/// Opens a file; where too many are open, at the cost of one that was used long ago.
fn open(others: &mut VecDeque<(usize, File)>, path: &Path) -> io::Result<File> {
    loop {
        match File::open(path) {
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
    read_data(file, expected, offset, part).map_err(|error| read_error(expected, error))?;
    // Asked after reading, so that no change before or during it goes unseen.
    let metadata = file.metadata().map_err(|error| read_error(expected, error))?;
    if metadata.len() != expected.size {
        return Err(changed(expected, "its size changed after the transfer began"));
    }
    if mtime(&metadata) != expected.mtime {
        return Err(changed(expected, "it was modified after the transfer began"));
    }
    Ok(())
}

/// Reads data from `offset` on, which counts no holes.
fn read_data(file: &File, source: &SourceFile, offset: u64, part: &mut [u8]) -> io::Result<()> {
    let Some(sparse) = &source.sparse else { return read_at(file, offset, part) };
    let mut rest = part;
    for piece in sparse.pieces(offset..offset + rest.len() as u64) {
        let len = usize::try_from(piece.len).unwrap_or(usize::MAX).min(rest.len());
        let (now, later) = std::mem::take(&mut rest).split_at_mut(len);
        read_at(file, piece.offset, now)?;
        rest = later;
    }
    Ok(())
}

/// The error of a file that is no longer what it was.
pub fn changed(file: &SourceFile, how: &'static str) -> SourceError {
    SourceError::Changed { path: file.path.clone(), how }
}

/// What it means that a file could not be read.
pub fn read_error(file: &SourceFile, error: io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => changed(file, "it became shorter after the transfer began"),
        io::ErrorKind::NotFound => changed(file, "it was removed after the transfer began"),
        _ => SourceError::Read { path: file.path.clone(), error },
    }
}

#[cfg(unix)]
fn read_at(file: &File, offset: u64, part: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, part, offset)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, offset: u64, part: &mut [u8]) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(part)
}
