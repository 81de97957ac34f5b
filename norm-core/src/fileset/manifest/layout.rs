//! The layout of a set at its sender: which parts of the files are in holes.
//!
//! ```text
//!  0  bytes in the payload, 64 bits: the sum of the files' sizes without holes
//!  8  number of files with holes, 32 bits
//! 12  each, ascending:
//!      0  number of the entry, 32 bits
//!      4  number of holes, 32 bits; at least 1
//!      8  holes, each: offset in the file, bytes, 64 bits each; ascending, with content between
//! ```

use super::Holes;
use crate::fileset::ContentError;
use crate::fileset::cursor::Cursor;

const HOLE_LEN: usize = 16;
/// Bytes that the files of any set may have, holes included.
const SMALL_SET: u64 = 1 << 40;
/// Bytes that a larger set may have for each byte of data.
const SPARSENESS: u64 = 64;

/// True when files with `size` bytes in all, of which `data` are not in holes, are not suspiciously
/// sparse: at most 1 TiB, or 64 times the data.
pub fn sparse_fits(size: u64, data: u64) -> bool {
    size <= SMALL_SET.max(data.saturating_mul(SPARSENESS))
}

/// Builds a layout.
#[derive(Clone, Debug, Default)]
pub(super) struct LayoutWriter {
    files: Vec<u8>,
    count: u32,
}

impl LayoutWriter {
    /// Bytes of the layout with another file with these holes.
    pub(super) fn len_with(&self, holes: Holes<'_>) -> usize {
        let more = if holes.is_empty() { 0 } else { 8 + HOLE_LEN * holes.len() };
        12 + self.files.len() + more
    }

    /// Adds the holes of an entry, if it has any.
    pub(super) fn push(&mut self, number: u32, holes: Holes<'_>) {
        if holes.is_empty() {
            return;
        }
        self.files.extend_from_slice(&number.to_be_bytes());
        self.files.extend_from_slice(&(holes.len() as u32).to_be_bytes());
        self.files.extend_from_slice(holes.encoded());
        self.count += 1;
    }

    /// Appends the encoded form.
    pub(super) fn emit(&self, payload_size: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&payload_size.to_be_bytes());
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&self.files);
    }
}

/// What is left to read of a layout.
#[derive(Copy, Clone, Debug)]
pub(super) struct LayoutReader<'a> {
    payload_size: u64,
    files: u32,
    body: Cursor<'a>,
}

impl<'a> LayoutReader<'a> {
    pub(super) fn new(mut body: Cursor<'a>) -> Result<Self, ContentError> {
        let payload_size = body.u64()?;
        let files = body.u32()?;
        Ok(Self { payload_size, files, body })
    }

    pub(super) fn payload_size(&self) -> u64 {
        self.payload_size
    }

    /// The holes of a file of `size` bytes; entries are asked about in their order.
    pub(super) fn holes_of(&mut self, number: u32, size: u64) -> Result<Holes<'a>, ContentError> {
        let mut ahead = self.body;
        if self.files == 0 || ahead.u32()? != number {
            return Ok(Holes::NONE);
        }
        let count = ahead.u32()? as usize;
        if count == 0 {
            return Err(ContentError::BadField);
        }
        let len = count.checked_mul(HOLE_LEN).ok_or(ContentError::TooLarge)?;
        let holes = Holes::new(ahead.bytes(len)?);
        holes.check(size)?;
        self.body = ahead;
        self.files -= 1;
        Ok(holes)
    }

    /// Refuses what is left: holes of entries that are no files, or out of order.
    pub(super) fn check_end(&self) -> Result<(), ContentError> {
        match (self.files, self.body.remaining()) {
            (0, 0) => Ok(()),
            (0, _) => Err(ContentError::TrailingBytes),
            _ => Err(ContentError::BadField),
        }
    }
}
