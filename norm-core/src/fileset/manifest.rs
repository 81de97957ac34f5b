//! The manifest of a file set: the list of its files and directories.
//!
//! ```text
//!  0  magic "NHED"
//!  4  version, 1
//!  5  reserved, 3 zero bytes
//!  8  number of entries, 32 bits
//! 12  bytes in the payload, 64 bits: the sum of the entries' sizes
//! 20  entries, each:
//!      0  kind: 1 file, 2 directory
//!      1  path length, 16 bits
//!      3  mode, 32 bits
//!      7  modification time: seconds since 1970 (64 bits, signed), nanoseconds (32 bits)
//!     19  size, 64 bits; 0 in a directory
//!     27  path, UTF-8
//! ```
//!
//! The contents follow each other in the payload in the order of the entries. Paths are handed on
//! as they came: use [`safe_components`](super::safe_components) before touching a file.

use super::ContentError;
use super::cursor::Cursor;

const MAGIC: [u8; 4] = *b"NHED";
const VERSION: u8 = 1;
const HEADER_LEN: usize = 20;
const ENTRY_LEN: usize = 27;
const NANOS_PER_SECOND: u32 = 1_000_000_000;

/// Entries in a manifest at most.
pub const MAX_ENTRIES: u32 = 1_000_000;
/// Bytes in an encoded manifest at most.
pub const MAX_MANIFEST_BYTES: usize = 256 << 20;
/// Bytes in a path at most.
pub const MAX_PATH_BYTES: usize = 4096;

/// What an entry is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
}

/// When a file was last modified.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mtime {
    /// Seconds since 1970-01-01 00:00 UTC; negative before.
    pub seconds: i64,
    /// Nanoseconds after that, below 10^9.
    pub nanos: u32,
}

/// A file or directory of a set.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What it is.
    pub kind: EntryKind,
    /// Unix mode bits as the sender has them; 0 where it has none.
    pub mode: u32,
    /// When it was last modified.
    pub mtime: Mtime,
    /// Bytes of content; 0 for a directory.
    pub size: u64,
    /// The path below the set's root, with `/` between the components; 1 to 4096 bytes. Not to be
    /// trusted when it came from the network.
    pub path: &'a str,
}

impl Entry<'_> {
    fn check(&self) -> Result<(), ContentError> {
        if self.path.is_empty() || self.path.len() > MAX_PATH_BYTES {
            return Err(ContentError::BadPath);
        }
        let sized_directory = self.kind == EntryKind::Directory && self.size != 0;
        if sized_directory || self.mtime.nanos >= NANOS_PER_SECOND {
            return Err(ContentError::BadField);
        }
        Ok(())
    }
}

/// Builds a manifest.
#[derive(Clone, Debug)]
pub struct ManifestWriter {
    out: Vec<u8>,
    entries: u32,
    payload_size: u64,
}

impl Default for ManifestWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl ManifestWriter {
    /// A manifest without entries.
    pub fn new() -> Self {
        let mut out = Vec::with_capacity(4096);
        out.extend_from_slice(&MAGIC);
        out.push(VERSION);
        out.resize(HEADER_LEN, 0);
        Self { out, entries: 0, payload_size: 0 }
    }

    /// Adds an entry. Its content begins at [`ManifestWriter::payload_size`] as it was before.
    ///
    /// # Errors
    /// [`ContentError`], with nothing changed, when a field is out of range, or when the manifest
    /// would exceed [`MAX_ENTRIES`], [`MAX_MANIFEST_BYTES`] or a payload of 2^64 - 1 bytes.
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<(), ContentError> {
        entry.check()?;
        let payload_size =
            self.payload_size.checked_add(entry.size).ok_or(ContentError::TooLarge)?;
        let len = self.out.len() + ENTRY_LEN + entry.path.len();
        if self.entries >= MAX_ENTRIES || len > MAX_MANIFEST_BYTES {
            return Err(ContentError::TooLarge);
        }
        let path_len = u16::try_from(entry.path.len()).map_err(|_| ContentError::BadPath)?;
        self.out.push(match entry.kind {
            EntryKind::File => 1,
            EntryKind::Directory => 2,
        });
        self.out.extend_from_slice(&path_len.to_be_bytes());
        self.out.extend_from_slice(&entry.mode.to_be_bytes());
        self.out.extend_from_slice(&entry.mtime.seconds.to_be_bytes());
        self.out.extend_from_slice(&entry.mtime.nanos.to_be_bytes());
        self.out.extend_from_slice(&entry.size.to_be_bytes());
        self.out.extend_from_slice(entry.path.as_bytes());
        self.entries += 1;
        self.payload_size = payload_size;
        Ok(())
    }

    /// Entries added so far.
    pub fn entries(&self) -> u32 {
        self.entries
    }

    /// The sum of the sizes so far, in bytes.
    pub fn payload_size(&self) -> u64 {
        self.payload_size
    }

    /// The encoded manifest.
    pub fn finish(mut self) -> Vec<u8> {
        self.out[8..12].copy_from_slice(&self.entries.to_be_bytes());
        self.out[12..HEADER_LEN].copy_from_slice(&self.payload_size.to_be_bytes());
        self.out
    }
}

/// A received manifest, of which only the header has been read yet.
#[derive(Copy, Clone, Debug)]
pub struct Manifest<'a> {
    entries: u32,
    payload_size: u64,
    body: Cursor<'a>,
}

impl<'a> Manifest<'a> {
    /// Reads the header. The entries are checked as they are read, see [`Manifest::entries`].
    ///
    /// # Errors
    /// [`ContentError`] when the header is malformed or announces more than is accepted.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ContentError> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(ContentError::TooLarge);
        }
        let mut body = Cursor::new(bytes);
        body.preamble(MAGIC, VERSION)?;
        if body.array()? != [0; 3] {
            return Err(ContentError::BadField);
        }
        let entries = body.u32()?;
        let payload_size = body.u64()?;
        if entries > MAX_ENTRIES {
            return Err(ContentError::TooLarge);
        }
        // A path has a byte at least.
        if body.remaining() as u64 / (ENTRY_LEN as u64 + 1) < u64::from(entries) {
            return Err(ContentError::Truncated);
        }
        Ok(Self { entries, payload_size, body })
    }

    /// The number of entries announced; no more than the bytes at hand can hold.
    pub fn len(&self) -> u32 {
        self.entries
    }

    /// Whether the set has no entries.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// The bytes in the payload announced.
    pub fn payload_size(&self) -> u64 {
        self.payload_size
    }

    /// Reads the entries. The manifest is good only when the iterator has ended without an error;
    /// it ends after the first one. The last item is an error when the sizes do not add up to the
    /// payload's or bytes are left over.
    pub fn entries(&self) -> Entries<'a> {
        Entries {
            body: self.body,
            left: self.entries,
            offset: 0,
            payload_size: self.payload_size,
            ended: false,
        }
    }
}

/// The entries of a manifest in order; see [`Manifest::entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    body: Cursor<'a>,
    left: u32,
    offset: u64,
    payload_size: u64,
    ended: bool,
}

impl<'a> Entries<'a> {
    /// Where the content of the next entry begins in the payload, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn read(&mut self) -> Result<Entry<'a>, ContentError> {
        let kind = match self.body.u8()? {
            1 => EntryKind::File,
            2 => EntryKind::Directory,
            _ => return Err(ContentError::BadKind),
        };
        let path_len = usize::from(self.body.u16()?);
        let mode = self.body.u32()?;
        let mtime = Mtime { seconds: self.body.i64()?, nanos: self.body.u32()? };
        let size = self.body.u64()?;
        let path = self.body.bytes(path_len)?;
        let path = core::str::from_utf8(path).map_err(|_| ContentError::BadPath)?;
        let entry = Entry { kind, mode, mtime, size, path };
        entry.check()?;
        let end = self.offset.checked_add(size).ok_or(ContentError::SizeMismatch)?;
        if end > self.payload_size {
            return Err(ContentError::SizeMismatch);
        }
        self.offset = end;
        Ok(entry)
    }

    fn check_end(&self) -> Result<(), ContentError> {
        if self.body.remaining() > 0 {
            return Err(ContentError::TrailingBytes);
        }
        if self.offset != self.payload_size {
            return Err(ContentError::SizeMismatch);
        }
        Ok(())
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, ContentError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = if self.left == 0 {
            self.check_end().err().map(Err)
        } else {
            self.left -= 1;
            Some(self.read())
        };
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

impl core::iter::FusedIterator for Entries<'_> {}

#[cfg(test)]
mod tests;
