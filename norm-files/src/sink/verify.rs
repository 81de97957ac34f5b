//! Checks what was written: hashes of extents, contents of manifest and digest list.
//!
//! Runs on worker threads. Blocks that were written in order were hashed then ([`super::hashing`]);
//! everything else is read back.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use norm_core::fileset::{ContentError, DigestList, Hash, SetId};

use super::hashing::{PartialHash, ReadBack};
use super::space;
use super::spool::Spool;
use super::spool_files::SpoolFile;

/// How often it is looked whether blocks are written.
const WRITE_CHECK: Duration = Duration::from_millis(5);
/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// The hashes that a digest list announces, checked against its own root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    manifest: Hash,
    extents: Vec<Hash>,
    root: Hash,
}

impl Digests {
    /// Parses the digest list of a set with this many extents.
    ///
    /// # Errors
    /// When it is malformed, of another set, or of another number of extents.
    pub fn parse(bytes: &[u8], set: &SetId, extents: u32) -> Result<Self, ContentError> {
        let list = DigestList::parse(bytes, set)?;
        if list.extents().len() as u64 != u64::from(extents) {
            return Err(ContentError::SizeMismatch);
        }
        Ok(Self { manifest: list.manifest(), extents: list.extents().collect(), root: list.root() })
    }

    /// The hash of the part with this index in the set: 0 is the manifest, then come the extents.
    /// `None` for the digest list itself, which the root binds.
    pub fn expected(&self, index: u32) -> Option<Hash> {
        match index.checked_sub(1) {
            None => Some(self.manifest),
            Some(extent) => self.extents.get(usize::try_from(extent).ok()?).copied(),
        }
    }

    /// Hash over the set id and all other hashes.
    pub fn root(&self) -> Hash {
        self.root
    }
}

/// BLAKE3 of the extent of `len` bytes that begins at `offset` of the payload, all of it written.
///
/// # Errors
/// What the system says; [`io::ErrorKind::Interrupted`] after `cancel` was set.
pub fn hash_extent(spool: &Spool, offset: u64, len: u64, cancel: &AtomicBool) -> io::Result<Hash> {
    // Blocks of a transfer that went elsewhere may be on their way.
    while spool.is_coming(offset, offset + len) {
        if cancel.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        std::thread::sleep(WRITE_CHECK);
    }
    // What a share refuses now is no fault of the sender's.
    space::flush(spool.file(SpoolFile::Payload))?;
    let mut partial = spool.take_hash(offset);
    if partial.end() > len {
        // A worker wrote a block for another session, whose extent was longer.
        partial = PartialHash::default();
    }
    let mut done = partial.end();
    let mut hasher = partial.into_hasher();
    let mut buffer = vec![0; if done < len { CHUNK } else { 0 }];
    while done < len {
        if cancel.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let part = usize::try_from(len - done).unwrap_or(CHUNK).min(CHUNK);
        let Some(chunk) = buffer.get_mut(..part) else { break };
        spool.read_back(chunk, offset + done)?;
        hasher.update(chunk);
        done += part as u64;
    }
    Ok(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::spool_table::Spools;
    use crate::sink::system;
    use norm_core::fileset::{ContentId, DigestListWriter};

    const SET: SetId = SetId([7; 16]);
    const CONTENT: ContentId = ContentId([7; 16]);

    #[test]
    fn flipped_byte_changes_the_hash_of_its_extent_only() {
        let dir = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let spool = Spools::new(dir.path(), true).create(CONTENT, content.len() as u64).unwrap();
        system::write_all_at(spool.file(SpoolFile::Payload), &content, 0).unwrap();
        let run = AtomicBool::new(false);
        let hash = |offset, len| hash_extent(&spool, offset, len, &run).unwrap();
        assert_eq!(hash(0, 2_000_000), blake3::hash(&content[..2_000_000]));
        let second = hash(2_000_000, 1_000_000);
        assert_eq!(second, blake3::hash(&content[2_000_000..]));
        let flipped = content[1_234_567] ^ 0x10;
        system::write_all_at(spool.file(SpoolFile::Payload), &[flipped], 1_234_567).unwrap();
        assert_ne!(hash(0, 2_000_000), blake3::hash(&content[..2_000_000]));
        assert_eq!(hash(2_000_000, 1_000_000), second);
        assert!(hash_extent(&spool, 2_999_999, 2, &run).is_err(), "beyond the end");
        run.store(true, Ordering::Relaxed);
        let stopped = hash_extent(&spool, 0, 10, &run).unwrap_err();
        assert_eq!(stopped.kind(), io::ErrorKind::Interrupted);
    }

    #[test]
    fn digests_answer_by_index_and_number_as_many_as_extents() {
        let manifest = blake3::hash(b"manifest");
        let mut writer = DigestListWriter::new(SET, &manifest);
        writer.push(&blake3::hash(b"one")).unwrap();
        let bytes = writer.finish();
        let digests = Digests::parse(&bytes, &SET, 1).unwrap();
        assert_eq!(digests.expected(0), Some(manifest));
        assert_eq!(digests.expected(1), Some(blake3::hash(b"one")));
        assert_eq!(digests.expected(2), None);
        assert_eq!(Digests::parse(&bytes, &SET, 2), Err(ContentError::SizeMismatch));
        let other = SetId([8; 16]);
        assert_eq!(Digests::parse(&bytes, &other, 1), Err(ContentError::RootMismatch));
    }

    #[test]
    fn manifest_that_no_set_can_have_is_not_allocated() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spools::new(dir.path(), true).create(CONTENT, 0).unwrap();
        assert!(spool.read_whole(SpoolFile::Manifest, u64::MAX).is_err());
        assert_eq!(spool.read_whole(SpoolFile::Manifest, 0).unwrap(), b"");
    }
}
