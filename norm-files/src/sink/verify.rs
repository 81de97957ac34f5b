//! Checking what was written: hashes of extents, the content of head and tail.
//!
//! Runs on worker threads. What was written in order was hashed then ([`super::hashing`]); the rest is
//! read back.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use norm_core::fileset::{
    ContentError, DigestList, Hash, MAX_DIGEST_LIST_BYTES, MAX_MANIFEST_BYTES, SetId,
};

use super::hashing::Begun;
use super::positioned;
use super::spool::{Spool, SpoolFile};

/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// The hashes that a tail announces, checked against its own root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    head: Hash,
    extents: Vec<Hash>,
    /// Hash over the set id and all other hashes.
    pub root: Hash,
}

impl Digests {
    /// Parses the tail of a set with this many extents.
    pub fn parse(bytes: &[u8], set: &SetId, extents: u32) -> Result<Self, ContentError> {
        let tail = DigestList::parse(bytes, set)?;
        if tail.extents().len() as u64 != u64::from(extents) {
            return Err(ContentError::SizeMismatch);
        }
        Ok(Self { head: tail.manifest(), extents: tail.extents().collect(), root: tail.root() })
    }

    /// The hash of the object with this index in the set: 0 is the head, then the extents. None for
    /// the tail, which is bound by the root.
    pub fn expected(&self, index: u32) -> Option<Hash> {
        match index.checked_sub(1) {
            None => Some(self.head),
            Some(extent) => self.extents.get(usize::try_from(extent).ok()?).copied(),
        }
    }
}

/// BLAKE3 of the extent of `len` bytes that begins at `offset` of the payload, all of it written.
///
/// # Errors
/// What the system says; [`io::ErrorKind::Interrupted`] after `cancel` was set.
pub fn hash_extent(spool: &Spool, offset: u64, len: u64, cancel: &AtomicBool) -> io::Result<Hash> {
    let mut begun = spool.hashes.take(offset);
    if begun.end > len {
        // A worker wrote a block of another session's, which was longer.
        begun = Begun::default();
    }
    let (mut hasher, mut done) = (begun.hasher, begun.end);
    let mut buffer = vec![0; if done < len { CHUNK } else { 0 }];
    while done < len {
        if cancel.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let part = usize::try_from(len - done).unwrap_or(CHUNK).min(CHUNK);
        let Some(chunk) = buffer.get_mut(..part) else { break };
        positioned::read_exact_at(spool.file(SpoolFile::Payload), chunk, offset + done)?;
        hasher.update(chunk);
        done += part as u64;
    }
    Ok(hasher.finalize())
}

/// The head or the tail, whole. Both are bounded by the content model.
pub fn read_whole(spool: &Spool, which: SpoolFile, len: u64) -> io::Result<Vec<u8>> {
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    if len > MAX_MANIFEST_BYTES.max(MAX_DIGEST_LIST_BYTES) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = vec![0; len];
    positioned::read_exact_at(spool.file(which), &mut bytes, 0)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::spool_table::Spools;
    use norm_core::fileset::{ContentId, DigestListWriter};

    const SET: SetId = SetId([7; 16]);
    const CONTENT: ContentId = ContentId([7; 16]);

    #[test]
    fn a_flipped_byte_on_disk_changes_the_hash_of_its_extent_only() {
        let dir = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let spool = Spools::new(dir.path(), true).create(CONTENT, content.len() as u64).unwrap();
        positioned::write_all_at(spool.file(SpoolFile::Payload), &content, 0).unwrap();
        let run = AtomicBool::new(false);
        let hash = |offset, len| hash_extent(&spool, offset, len, &run).unwrap();
        assert_eq!(hash(0, 2_000_000), blake3::hash(&content[..2_000_000]));
        let second = hash(2_000_000, 1_000_000);
        assert_eq!(second, blake3::hash(&content[2_000_000..]));
        let flipped = content[1_234_567] ^ 0x10;
        positioned::write_all_at(spool.file(SpoolFile::Payload), &[flipped], 1_234_567).unwrap();
        assert_ne!(hash(0, 2_000_000), blake3::hash(&content[..2_000_000]));
        assert_eq!(hash(2_000_000, 1_000_000), second);
        assert!(hash_extent(&spool, 2_999_999, 2, &run).is_err(), "beyond the end");
        run.store(true, Ordering::Relaxed);
        let stopped = hash_extent(&spool, 0, 10, &run).unwrap_err();
        assert_eq!(stopped.kind(), io::ErrorKind::Interrupted);
    }

    #[test]
    fn a_tail_answers_by_index_and_must_have_the_sets_number_of_extents() {
        let head = blake3::hash(b"head");
        let mut writer = DigestListWriter::new(SET, &head);
        writer.push(&blake3::hash(b"one")).unwrap();
        let bytes = writer.finish();
        let tail = Digests::parse(&bytes, &SET, 1).unwrap();
        assert_eq!(tail.expected(0), Some(head));
        assert_eq!(tail.expected(1), Some(blake3::hash(b"one")));
        assert_eq!(tail.expected(2), None);
        assert_eq!(Digests::parse(&bytes, &SET, 2), Err(ContentError::SizeMismatch));
        let other = SetId([8; 16]);
        assert_eq!(Digests::parse(&bytes, &other, 1), Err(ContentError::RootMismatch));
    }

    #[test]
    fn a_piece_that_no_set_can_have_is_not_allocated() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spools::new(dir.path(), true).create(CONTENT, 0).unwrap();
        assert!(read_whole(&spool, SpoolFile::Manifest, u64::MAX).is_err());
        assert_eq!(read_whole(&spool, SpoolFile::Manifest, 0).unwrap(), b"");
    }
}
