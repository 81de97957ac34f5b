//! What was received, and where it is: so that it is known again, and need not be received twice.
//!
//! A [`Receipt`] is kept of each set that is complete in an output directory. It holds the set's
//! manifest and digest list, and of each file, directory and link its path and its stamp. While
//! all stamps are the same, all of the set is here.
//!
//! ```text
//!  0  magic "NRCP"
//!  4  version, 1
//!  5  reserved, 3 zero bytes
//!  8  manifest hash, content hash, 32 bytes each
//! 72  bytes in the manifest, 64 bits; in the digest list, 64 bits
//! 88  number of entries, 32 bits; of them regular files, 32 bits; bytes in them, 64 bits
//! 104 bytes in the path of the output directory, 32 bits; the path
//!     entries, each:
//!      0  1 regular file, 2 directory, 3 link
//!      1  1 if a stamp follows, else 0
//!      2  bytes in the path, 32 bits
//!      6  stamp, 48 bytes, if there is one
//!         path below the output directory
//!     manifest, digest list
//!     BLAKE3 of everything above, 32 bytes
//! ```

mod entries;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use norm_core::fileset::{ContentHash, ManifestHash};

use crate::state::{MAX_STATE_BYTES, RecordReader, RecordWriter, StateFolders};
pub use entries::{ReceiptEntry, ReceiptKind};

const MAGIC: [u8; 8] = *b"NRCP\x01\0\0\0";
const EXTENSION: &str = ".receipt";
/// Hexadecimal digits of the hash of an output directory's path, in names.
const DIRECTORY_DIGITS: usize = 32;

/// What a receipt says of its set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptHeader {
    /// The output directory.
    pub directory: PathBuf,
    /// Names the transfer.
    pub manifest: ManifestHash,
    /// Names the files with all that is in them.
    pub content: ContentHash,
    /// Bytes in the manifest.
    pub manifest_len: u64,
    /// Bytes in the digest list.
    pub list_len: u64,
    /// Files, directories and links.
    pub entries: u32,
    /// Of these, regular files.
    pub files: u32,
    /// Bytes in the files.
    pub bytes: u64,
}

/// A set that was received as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What it is about.
    pub header: ReceiptHeader,
    /// Everything that the set has become, in the order of the files in the manifest.
    pub entries: Vec<ReceiptEntry>,
    /// The encoded manifest.
    pub manifest: Vec<u8>,
    /// The encoded digest list.
    pub list: Vec<u8>,
}

/// The receipts of a user.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    folders: StateFolders,
}

impl Store {
    /// Those in these folders, if there are to be some.
    pub fn new(folders: &StateFolders) -> Option<Self> {
        let folder = folders.receipts()?.to_owned();
        Some(Self { folder, folders: folders.clone() })
    }

    /// Keeps a receipt in place of an older one of the same content and directory. The oldest ones
    /// go when there are too many bytes. `manifest` and `list` must have as many bytes as the
    /// header says.
    ///
    /// # Errors
    /// What the system says.
    pub fn keep<'a>(
        &self,
        header: &ReceiptHeader,
        entries: impl Iterator<Item = ReceiptEntry> + 'a,
        manifest: &mut dyn Read,
        list: &mut dyn Read,
    ) -> io::Result<()> {
        let mut out = RecordWriter::new(&self.folder)?;
        header.write(&mut out)?;
        let mut count = 0;
        for entry in entries {
            entry.write(&mut out)?;
            count += 1;
        }
        let copied = io::copy(manifest, &mut out)? + io::copy(list, &mut out)?;
        if count != header.entries || copied != header.manifest_len + header.list_len {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        out.finish(&name(&header.directory, header.content)?)?;
        self.folders.trim(MAX_STATE_BYTES);
        Ok(())
    }

    /// True when there is a receipt of this content in this output directory.
    pub fn has(&self, directory: &Path, content: ContentHash) -> bool {
        name(directory, content).is_ok_and(|name| self.folder.join(name).is_file())
    }

    /// What the receipt of this content says, if there is one, and everything that it lists is
    /// where it was, unchanged. Memory does not grow with the set.
    pub fn unchanged(
        &self,
        directory: &Path,
        content: ContentHash,
        cancel: &AtomicBool,
    ) -> Option<ReceiptHeader> {
        let path = self.folder.join(name(directory, content).ok()?);
        let mut record = RecordReader::open(&path).ok()?;
        let header = ReceiptHeader::read(&mut record).ok()?;
        if header.content != content {
            return None;
        }
        for _ in 0..header.entries {
            let entry = ReceiptEntry::read(&mut record).ok()?;
            if cancel.load(Ordering::Relaxed) || !entry.is_unchanged(directory) {
                return None;
            }
        }
        Some(header)
    }

    /// The receipt of this content in this output directory.
    pub fn look_up(&self, directory: &Path, content: ContentHash) -> Option<Receipt> {
        self.read(&name(directory, content).ok()?)
    }

    /// Says what the receipt of this content lists, as far as it can be read. Memory does not grow
    /// with the set.
    pub fn visit(&self, directory: &Path, content: ContentHash, see: &mut dyn FnMut(ReceiptEntry)) {
        let Ok(name) = name(directory, content) else { return };
        let Ok(mut record) = RecordReader::open(&self.folder.join(name)) else { return };
        let Ok(header) = ReceiptHeader::read(&mut record) else { return };
        for _ in 0..header.entries {
            let Ok(entry) = ReceiptEntry::read(&mut record) else { return };
            see(entry);
        }
    }

    /// The contents that were received into this output directory, the last one first.
    pub fn of_directory(&self, directory: &Path) -> Vec<ContentHash> {
        let Ok(wanted) = directory_name(directory) else { return Vec::new() };
        let mut found = self.all();
        found.retain(|(_, name)| name.starts_with(&wanted));
        found.iter().filter_map(|(_, name)| content_of(name)).collect()
    }

    /// What was received last into this output directory.
    pub fn last(&self, directory: &Path) -> Option<Receipt> {
        let contents = self.of_directory(directory).into_iter();
        contents.filter_map(|content| self.look_up(directory, content)).next()
    }

    /// The receipts of this content, in all output directories, the last one first.
    pub fn of_content(&self, content: ContentHash) -> Vec<Receipt> {
        let all = self.all().into_iter();
        let wanted = all.filter(|(_, name)| content_of(name) == Some(content));
        wanted.filter_map(|(_, name)| self.read(&name)).collect()
    }

    /// Forgets the receipt of this content in this output directory.
    pub fn forget(&self, directory: &Path, content: ContentHash) {
        if let Ok(name) = name(directory, content) {
            let _ = fs::remove_file(self.folder.join(name));
        }
    }

    /// The names of all receipts, by the time when they were written or read, the last one first.
    fn all(&self) -> Vec<(SystemTime, String)> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let named = |entry: io::Result<fs::DirEntry>| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            content_of(&name)?;
            Some((entry.metadata().ok()?.modified().ok()?, name))
        };
        let mut all: Vec<_> = entries.filter_map(named).collect();
        all.sort_by(|a, b| b.cmp(a));
        all
    }

    fn read(&self, name: &str) -> Option<Receipt> {
        let mut record = RecordReader::open(&self.folder.join(name)).ok()?;
        let header = ReceiptHeader::read(&mut record).ok()?;
        let entries = (0..header.entries).map(|_| ReceiptEntry::read(&mut record));
        let entries = entries.collect::<io::Result<_>>().ok()?;
        let manifest = record.bytes(header.manifest_len).ok()?;
        let list = record.bytes(header.list_len).ok()?;
        (record.left() == 0).then_some(Receipt { header, entries, manifest, list })
    }
}

impl ReceiptHeader {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let directory = entries::bytes_of(&self.directory)?;
        let len = u32::try_from(directory.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        out.write_all(&MAGIC)?;
        out.write_all(&self.manifest.0)?;
        out.write_all(&self.content.0)?;
        out.write_all(&self.manifest_len.to_be_bytes())?;
        out.write_all(&self.list_len.to_be_bytes())?;
        out.write_all(&self.entries.to_be_bytes())?;
        out.write_all(&self.files.to_be_bytes())?;
        out.write_all(&self.bytes.to_be_bytes())?;
        out.write_all(&len.to_be_bytes())?;
        out.write_all(directory)
    }

    fn read(record: &mut RecordReader) -> io::Result<Self> {
        if record.array()? != MAGIC {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let manifest = ManifestHash(record.array()?);
        let content = ContentHash(record.array()?);
        let (manifest_len, list_len) = (record.u64()?, record.u64()?);
        let (entries, files, bytes) = (record.u32()?, record.u32()?, record.u64()?);
        let len = record.u32()?;
        let directory = entries::path_of(record.bytes(len.into())?)?;
        Ok(Self { directory, manifest, content, manifest_len, list_len, entries, files, bytes })
    }
}

/// The common part of the names of a directory's receipts.
fn directory_name(directory: &Path) -> io::Result<String> {
    let directory = fs::canonicalize(directory)?;
    let hash = blake3::hash(entries::bytes_of(&directory)?);
    Ok(hash.to_hex()[..DIRECTORY_DIGITS].to_owned() + "-")
}

fn name(directory: &Path, content: ContentHash) -> io::Result<String> {
    Ok(format!("{}{content}{EXTENSION}", directory_name(directory)?))
}

/// The content that a receipt's name speaks of.
fn content_of(name: &str) -> Option<ContentHash> {
    let (directory, rest) = name.strip_suffix(EXTENSION)?.split_once('-')?;
    let hash = blake3::Hash::from_hex(rest).ok()?;
    (directory.len() == DIRECTORY_DIGITS).then_some(ContentHash(*hash.as_bytes()))
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
