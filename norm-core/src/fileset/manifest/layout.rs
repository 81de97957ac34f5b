//! The layout of a set at its sender: which parts of the files are in holes, and what it has left
//! out.
//!
//! ```text
//!  0  bytes in the payload, 64 bits: the sum of the files' sizes without holes
//!  8  entries that were left out: sockets, named pipes, devices, others (32 bits each)
//! 24  number of files with holes, 32 bits
//! 28  each, ascending:
//!      0  number of the entry, 32 bits
//!      4  number of holes, 32 bits; at least 1
//!      8  holes, each: offset in the file, bytes, 64 bits each; ascending, with content between
//! ```

use super::Holes;
use crate::fileset::ContentError;
use crate::fileset::cursor::Cursor;

const HEADER_LEN: usize = 28;
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

/// How many entries a sender has found and cannot send, by kind.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOutCounts {
    /// Sockets.
    pub sockets: u32,
    /// Named pipes (FIFOs).
    pub fifos: u32,
    /// Block and character devices.
    pub devices: u32,
    /// Others that are neither files nor folders nor links, or that the sender cannot send.
    pub others: u32,
}

impl LeftOutCounts {
    /// How many in all.
    pub fn all(&self) -> u64 {
        let Self { sockets, fifos, devices, others } = *self;
        [sockets, fifos, devices, others].into_iter().map(u64::from).sum()
    }

    fn emit(&self, out: &mut Vec<u8>) {
        let Self { sockets, fifos, devices, others } = *self;
        for count in [sockets, fifos, devices, others] {
            out.extend_from_slice(&count.to_be_bytes());
        }
    }

    fn read(body: &mut Cursor<'_>) -> Result<Self, ContentError> {
        let (sockets, fifos) = (body.u32()?, body.u32()?);
        Ok(Self { sockets, fifos, devices: body.u32()?, others: body.u32()? })
    }
}

/// Builds a layout.
#[derive(Clone, Debug, Default)]
pub(super) struct LayoutWriter {
    left_out: LeftOutCounts,
    files: Vec<u8>,
    count: u32,
}

impl LayoutWriter {
    /// Bytes of the layout with another file with these holes.
    pub(super) fn len_with(&self, holes: Holes<'_>) -> usize {
        let more = if holes.is_empty() { 0 } else { 8 + HOLE_LEN * holes.len() };
        HEADER_LEN + self.files.len() + more
    }

    /// Says what the sender has left out.
    pub(super) fn set_left_out(&mut self, counts: LeftOutCounts) {
        self.left_out = counts;
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
        self.left_out.emit(out);
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&self.files);
    }
}

/// What is left to read of a layout.
#[derive(Copy, Clone, Debug)]
pub(super) struct LayoutReader<'a> {
    payload_size: u64,
    left_out: LeftOutCounts,
    files: u32,
    body: Cursor<'a>,
}

impl<'a> LayoutReader<'a> {
    pub(super) fn new(mut body: Cursor<'a>) -> Result<Self, ContentError> {
        let payload_size = body.u64()?;
        let left_out = LeftOutCounts::read(&mut body)?;
        let files = body.u32()?;
        Ok(Self { payload_size, left_out, files, body })
    }

    pub(super) fn left_out(&self) -> LeftOutCounts {
        self.left_out
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
