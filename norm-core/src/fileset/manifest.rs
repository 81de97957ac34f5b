//! The manifest of a file set: the list of its files, folders and links.
//!
//! ```text
//!  0  magic "NMAN"
//!  4  version, 2
//!  5  reserved, 3 zero bytes
//!  8  number of entries, 32 bits
//! 12  bytes of all entries, 64 bits
//! 20  entries, see `entry`
//!     layout, see `layout`: bytes in the payload, what was left out, and where files have holes
//! ```
//!
//! The manifest hash is that of all bytes before the layout: the same files have the same manifest
//! hash, however much of them is in holes on the sender's disk. Contents follow each other in the
//! payload in the order of the entries, without what is in holes. Paths and targets of links are
//! handed on as they came: use [`safe_components`](super::safe_components) before touching a file.

mod entry;
mod holes;
mod layout;
mod xattrs;

use super::cursor::Cursor;
use super::{CHUNK_BYTES, ContentError, ManifestHash, chunks_in};

pub use entry::{Entry, EntryKind, Mtime, Owner};
pub use holes::{Hole, HoleList, Holes, MAX_HOLES};
pub use layout::{LeftOutCounts, sparse_fits};
pub use xattrs::{MAX_XATTR_BYTES, MAX_XATTRS, Xattr, XattrList, Xattrs};

use layout::LayoutReader;

const MAGIC: [u8; 4] = *b"NMAN";
const VERSION: u8 = 2;
/// Bytes before the first entry.
pub const HEADER_LEN: usize = 20;

/// Entries in a manifest at most.
pub const MAX_ENTRIES: u32 = 1 << 24;
/// Bytes in an encoded manifest at most.
pub const MAX_MANIFEST_BYTES: u64 = 4 << 30;
/// Bytes in a path, or in the target of a link, at most.
pub const MAX_PATH_BYTES: usize = 4096;
/// Bytes in a file at most, holes included: 16 TiB.
pub const MAX_FILE_BYTES: u64 = 16 << 40;

/// Builds a manifest.
#[derive(Clone, Debug)]
pub struct ManifestWriter {
    /// What is encoded and not taken yet; in the beginning with room for the header.
    out: Vec<u8>,
    /// Bytes that were taken.
    taken: usize,
    layout: layout::LayoutWriter,
    /// Of each entry so far, whether it is a regular file.
    files: Vec<bool>,
    payload_size: u64,
    chunks: u64,
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
        let layout = layout::LayoutWriter::default();
        Self { out, taken: 0, layout, files: Vec::new(), payload_size: 0, chunks: 0 }
    }

    /// Adds an entry. Its content begins at [`ManifestWriter::payload_size`] as it was before.
    ///
    /// # Errors
    /// [`ContentError`], with nothing changed, when a field is out of range, when a hard link is to
    /// no file that came before, or when the manifest would exceed [`MAX_ENTRIES`],
    /// [`MAX_MANIFEST_BYTES`] or a payload of 2^64 - 1 bytes.
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<(), ContentError> {
        let number = self.entries();
        entry.check()?;
        entry.check_link(|to| self.files.get(to as usize) == Some(&true))?;
        let data = entry.size - entry.holes.bytes();
        let payload_size = self.payload_size.checked_add(data).ok_or(ContentError::TooLarge)?;
        let len = self.position() + entry.encoded_len() + self.layout.len_with(entry.holes);
        if number >= MAX_ENTRIES || len as u64 > MAX_MANIFEST_BYTES {
            return Err(ContentError::TooLarge);
        }
        entry.emit(&mut self.out);
        self.layout.push(number, entry.holes);
        self.files.push(matches!(entry.kind, EntryKind::File));
        self.payload_size = payload_size;
        self.chunks += data_chunks(entry.size, entry.holes);
        Ok(())
    }

    /// Entries added so far.
    pub fn entries(&self) -> u32 {
        self.files.len() as u32
    }

    /// Where the next entry begins, in bytes: see [`Entry::at`].
    pub fn position(&self) -> usize {
        self.taken + self.out.len()
    }

    /// Bytes in the payload so far.
    pub fn payload_size(&self) -> u64 {
        self.payload_size
    }

    /// Chunks outside of holes so far.
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Says what is left out of the set: layout, like holes.
    pub fn set_left_out(&mut self, counts: LeftOutCounts) {
        self.layout.set_left_out(counts);
    }

    /// Bytes that are encoded and not [taken](Self::take) yet.
    pub fn buffered(&self) -> usize {
        self.out.len()
    }

    /// Takes what is encoded so far, which is kept elsewhere: what is taken later, and at the end,
    /// follows it. The header in its first bytes is not final.
    pub fn take(&mut self) -> Vec<u8> {
        self.taken += self.out.len();
        core::mem::take(&mut self.out)
    }

    /// The header, which is to be in place of the first bytes, and what follows all that was
    /// [taken](Self::take).
    pub fn finish_rest(mut self) -> ([u8; HEADER_LEN], Vec<u8>) {
        let header = self.header();
        self.layout.emit(self.payload_size, &mut self.out);
        (header, self.out)
    }

    /// The encoded manifest, of which nothing was taken, and its hash.
    pub fn finish(mut self) -> (Vec<u8>, ManifestHash) {
        let header = self.header();
        self.out[..HEADER_LEN].copy_from_slice(&header);
        let hash = ManifestHash::of(&self.out);
        self.layout.emit(self.payload_size, &mut self.out);
        (self.out, hash)
    }

    fn header(&self) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        header[..4].copy_from_slice(&MAGIC);
        header[4] = VERSION;
        header[8..12].copy_from_slice(&self.entries().to_be_bytes());
        header[12..].copy_from_slice(&((self.position() - HEADER_LEN) as u64).to_be_bytes());
        header
    }
}

/// A received manifest, of which only the header has been read yet.
#[derive(Copy, Clone, Debug)]
pub struct Manifest<'a> {
    entries: u32,
    /// Header and entries.
    identity: &'a [u8],
    layout: LayoutReader<'a>,
}

impl<'a> Manifest<'a> {
    /// Reads the header. The entries are checked as they are read, see [`Manifest::entries`].
    ///
    /// # Errors
    /// [`ContentError`] when the header is malformed or announces more than is accepted.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ContentError> {
        if bytes.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(ContentError::TooLarge);
        }
        let mut cursor = Cursor::new(bytes);
        cursor.preamble(MAGIC, VERSION)?;
        if cursor.array()? != [0; 3] {
            return Err(ContentError::BadField);
        }
        let entries = cursor.u32()?;
        let len = usize::try_from(cursor.u64()?).map_err(|_| ContentError::Truncated)?;
        if entries > MAX_ENTRIES {
            return Err(ContentError::TooLarge);
        }
        if len / entry::MIN_LEN < entries as usize {
            return Err(ContentError::Truncated);
        }
        cursor.bytes(len)?;
        let layout = LayoutReader::new(cursor)?;
        // No more than was read.
        let identity = bytes.get(..HEADER_LEN + len).ok_or(ContentError::Truncated)?;
        Ok(Self { entries, identity, layout })
    }

    /// The manifest hash: of all but the layout. Takes as long as hashing takes.
    pub fn hash(&self) -> ManifestHash {
        ManifestHash::of(self.identity)
    }

    /// Header and entries, as they came.
    pub fn bytes(&self) -> &'a [u8] {
        self.identity
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
        self.layout.payload_size()
    }

    /// What the sender says that it has left out.
    pub fn left_out(&self) -> LeftOutCounts {
        self.layout.left_out()
    }

    /// Reads the entries. The manifest is good only when the iterator has ended without an error;
    /// it ends after the first one. The last item is an error when the sizes do not add up to the
    /// payload's or bytes are left over.
    pub fn entries(&self) -> Entries<'a> {
        let mut body = Cursor::new(self.identity);
        // It was read before.
        let _ = body.bytes(HEADER_LEN);
        Entries {
            body,
            layout: self.layout,
            number: 0,
            entries: self.entries,
            entries_len: self.identity.len().saturating_sub(HEADER_LEN),
            files: Vec::new(),
            offset: 0,
            size: 0,
            ended: false,
        }
    }
}

/// The entries of a manifest in order; see [`Manifest::entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    body: Cursor<'a>,
    layout: LayoutReader<'a>,
    number: u32,
    entries: u32,
    /// Bytes in all entries.
    entries_len: usize,
    /// A bit for each entry so far: whether it is a regular file, to which a link may lead.
    files: Vec<u64>,
    offset: u64,
    size: u64,
    ended: bool,
}

impl<'a> Entries<'a> {
    /// Where the content of the next entry begins in the payload, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the next entry begins in the manifest, in bytes: see [`Entry::at`].
    pub fn position(&self) -> usize {
        HEADER_LEN + self.entries_len - self.body.remaining()
    }

    /// Bytes in all files so far, holes included; no more than a number can say.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn read(&mut self) -> Result<Entry<'a>, ContentError> {
        let mut entry = Entry::read(&mut self.body)?;
        entry.check_link(|to| to < self.number && self.is_file(to))?;
        if let EntryKind::File = entry.kind {
            entry.holes = self.layout.holes_of(self.number, entry.size)?;
        }
        let data = entry.size - entry.holes.bytes();
        let end = self.offset.checked_add(data).ok_or(ContentError::SizeMismatch)?;
        if end > self.layout.payload_size() {
            return Err(ContentError::SizeMismatch);
        }
        self.note(matches!(entry.kind, EntryKind::File));
        self.offset = end;
        self.size = self.size.saturating_add(entry.size);
        Ok(entry)
    }

    fn note(&mut self, is_file: bool) {
        if self.number.is_multiple_of(64) {
            self.files.push(0);
        }
        if let Some(last) = self.files.last_mut() {
            *last |= u64::from(is_file) << (self.number % 64);
        }
        self.number += 1;
    }

    fn is_file(&self, number: u32) -> bool {
        let word = self.files.get(number as usize / 64);
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    fn check_end(&self) -> Result<(), ContentError> {
        if self.body.remaining() > 0 {
            return Err(ContentError::TrailingBytes);
        }
        self.layout.check_end()?;
        if self.offset != self.layout.payload_size() {
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
        let item = if self.number == self.entries {
            self.check_end().err().map(Err)
        } else {
            Some(self.read())
        };
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

impl core::iter::FusedIterator for Entries<'_> {}

/// Chunks of a file that are not wholly in holes: only their hashes travel. The size is in bytes.
pub fn data_chunks(size: u64, holes: Holes<'_>) -> u64 {
    let whole = |hole: Hole| {
        let first = hole.offset.div_ceil(CHUNK_BYTES);
        let end = if hole.end() == size { chunks_in(size) } else { hole.end() / CHUNK_BYTES };
        end.saturating_sub(first)
    };
    chunks_in(size) - holes.iter().map(whole).sum::<u64>()
}

#[cfg(test)]
mod tests;
