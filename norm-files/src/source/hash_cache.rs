//! Hashes of files that were sent before, found again by the file's number, size and times.
//!
//! ```text
//!  0  magic "NHSH"
//!  4  version, 1
//!  5  reserved, 3 zero bytes
//!  8  stamp, 48 bytes
//! 56  hash of each chunk, 32 bytes each
//!     BLAKE3 of everything above, 32 bytes
//! ```

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use norm_core::fileset::{CHUNK_BYTES, ChunkHash, ChunkMap, HASH_BYTES};

use super::scan::mtime;
use super::{SourceFile, SourceFiles};
use crate::state::{MAX_STATE_BYTES, RecordReader, RecordWriter, Stamp, StateFolders};

/// Bytes of a digest list before its hashes.
pub(super) const LIST_HEADER: usize = 44;

const MAGIC: [u8; 8] = *b"NHSH\x01\0\0\0";
/// Smaller files are hashed as fast as they are found here.
pub(super) const MIN_BYTES: u64 = CHUNK_BYTES;

/// Hashes of files, in a folder of the user.
#[derive(Clone, Debug)]
pub struct HashCache {
    folder: PathBuf,
    folders: StateFolders,
}

impl HashCache {
    /// That in these folders, if there is one to be.
    pub fn new(folders: &StateFolders) -> Option<Self> {
        let folder = folders.hashes()?.to_owned();
        Some(Self { folder, folders: folders.clone() })
    }

    /// True when the hashes of all these files are here, and there are some; `map` has their
    /// chunks.
    pub fn has_all(&self, files: &SourceFiles, map: &ChunkMap) -> bool {
        let has = |(number, file): (usize, SourceFile)| {
            file.size >= MIN_BYTES && self.look_up(&file, map.of_file(number).len()).is_some()
        };
        !files.is_empty() && files.iter().enumerate().all(has)
    }

    /// The hashes of a file's chunks, if it is as it was when they were kept, and as the scan saw
    /// it: of as many as are not in a hole.
    pub(super) fn look_up(&self, file: &SourceFile, chunks: usize) -> Option<Vec<ChunkHash>> {
        let stamp = stamp(file)?;
        let mut record = RecordReader::open(&self.folder.join(name(&stamp))).ok()?;
        if record.array().ok()? != MAGIC || record.array().ok()? != stamp.emit() {
            return None;
        }
        let hashes = record.bytes(record.left()).ok()?;
        let (hashes, rest) = hashes.as_chunks::<HASH_BYTES>();
        let fits = rest.is_empty() && hashes.len() == chunks;
        fits.then(|| hashes.iter().copied().map(ChunkHash).collect())
    }

    /// Keeps the hashes of all files of a set, which were read after `began`, by its digest list.
    /// Files with holes are not kept: a file system may say another time that these are elsewhere.
    pub(super) fn keep_all(
        &self,
        files: &SourceFiles,
        map: &ChunkMap,
        began: SystemTime,
        list: &[u8],
    ) {
        let (hashes, _) = list.get(LIST_HEADER..).unwrap_or_default().as_chunks::<HASH_BYTES>();
        for (number, file) in files.iter().enumerate().filter(|&(n, _)| map.sparse(n).is_none()) {
            let chunks = map.of_file(number);
            let own = hashes.get(chunks.start as usize..chunks.end as usize).unwrap_or_default();
            self.keep(&file, began, own.iter().copied().map(ChunkHash));
        }
        self.trim();
    }

    /// Keeps the hashes of a file that was read after `began`, unless it was changed since shortly
    /// before that, or is too small.
    pub(super) fn keep(
        &self,
        file: &SourceFile,
        began: SystemTime,
        hashes: impl Iterator<Item = ChunkHash>,
    ) {
        if file.size < MIN_BYTES {
            return;
        }
        if let Some(stamp) = stamp(file).filter(|stamp| stamp.is_settled(began)) {
            // It is hashed again the next time.
            let _ = self.write(&stamp, hashes);
        }
    }

    fn write(&self, stamp: &Stamp, hashes: impl Iterator<Item = ChunkHash>) -> io::Result<()> {
        let mut record = RecordWriter::new(&self.folder)?;
        record.write_all(&MAGIC)?;
        record.write_all(&stamp.emit())?;
        for hash in hashes {
            record.write_all(&hash.0)?;
        }
        record.finish(&name(stamp))
    }

    /// Removes the oldest if there are too many.
    pub(super) fn trim(&self) {
        self.folders.trim(MAX_STATE_BYTES);
    }
}

/// A file as it is now; `None` when it is no longer what the scan saw.
fn stamp(file: &SourceFile) -> Option<Stamp> {
    let metadata = fs::metadata(&file.path).ok()?;
    let same = metadata.is_file() && metadata.len() == file.size && mtime(&metadata) == file.mtime;
    Stamp::of(&metadata).filter(|_| same)
}

/// One file has one name here, whatever becomes of it.
fn name(stamp: &Stamp) -> String {
    blake3::hash(&stamp.identity()).to_hex()[..32].to_owned()
}
