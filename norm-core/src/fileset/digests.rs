//! The digest list of a file set: BLAKE3 hashes of its manifest and of each extent of its payload.
//!
//! ```text
//!  0  magic "NTAL"
//!  4  version, 1
//!  5  reserved, 3 zero bytes
//!  8  number of extents, 32 bits
//! 12  hash of the manifest, 32 bytes
//! 44  hash of each extent in order, 32 bytes each
//!     root: hash of the set id and of everything above, 32 bytes
//! ```
//!
//! The root tells a damaged digest list, or that of another set, from the right one. It has no key:
//! anyone can make a digest list, so this is no protection against an adversary.

use blake3::Hash;

use super::cursor::Cursor;
use super::{ContentError, SetId};

const MAGIC: [u8; 4] = *b"NTAL";
const VERSION: u8 = 1;
const HEADER_LEN: usize = 12;
const HASH_LEN: usize = blake3::OUT_LEN;
/// Keeps the root apart from every other use of BLAKE3.
const ROOT_CONTEXT: &str = "norm-core 2026-11-22 file set tail version 1 root";

/// Bytes in a digest list at most: 8 million extents.
pub const MAX_DIGEST_LIST_BYTES: usize = 256 << 20;

/// Bytes in the digest list of a set with this many extents.
pub const fn digest_list_len(extents: u32) -> u64 {
    (HEADER_LEN + 2 * HASH_LEN) as u64 + HASH_LEN as u64 * extents as u64
}

/// Builds a digest list.
#[derive(Clone, Debug)]
pub struct DigestListWriter {
    out: Vec<u8>,
    set: SetId,
    extents: u32,
}

impl DigestListWriter {
    /// The digest list of this set, whose encoded manifest has this hash.
    pub fn new(set: SetId, manifest: &Hash) -> Self {
        let mut out = Vec::with_capacity(digest_list_len(16) as usize);
        out.extend_from_slice(&MAGIC);
        out.push(VERSION);
        out.resize(HEADER_LEN, 0);
        out.extend_from_slice(manifest.as_bytes());
        Self { out, set, extents: 0 }
    }

    /// Adds the hash of the next extent.
    ///
    /// # Errors
    /// [`ContentError::TooLarge`] when the list would exceed [`MAX_DIGEST_LIST_BYTES`].
    pub fn push(&mut self, extent: &Hash) -> Result<(), ContentError> {
        if digest_list_len(self.extents + 1) > MAX_DIGEST_LIST_BYTES as u64 {
            return Err(ContentError::TooLarge);
        }
        self.out.extend_from_slice(extent.as_bytes());
        self.extents += 1;
        Ok(())
    }

    /// Extents added so far.
    pub fn extents(&self) -> u32 {
        self.extents
    }

    /// The encoded list, [`digest_list_len`] bytes.
    pub fn finish(mut self) -> Vec<u8> {
        self.out[8..HEADER_LEN].copy_from_slice(&self.extents.to_be_bytes());
        let root = root(&self.set, &self.out);
        self.out.extend_from_slice(root.as_bytes());
        self.out
    }
}

/// A received digest list that is complete and belongs to its set.
#[derive(Copy, Clone, Debug)]
pub struct DigestList<'a> {
    manifest: Hash,
    extents: &'a [[u8; HASH_LEN]],
    root: Hash,
}

impl<'a> DigestList<'a> {
    /// Checks the digest list of this set, root included.
    ///
    /// # Errors
    /// [`ContentError`] when the list is malformed, too long or of another set.
    pub fn parse(bytes: &'a [u8], set: &SetId) -> Result<Self, ContentError> {
        if bytes.len() > MAX_DIGEST_LIST_BYTES {
            return Err(ContentError::TooLarge);
        }
        let mut cursor = Cursor::new(bytes);
        cursor.preamble(MAGIC, VERSION)?;
        if cursor.array()? != [0; 3] {
            return Err(ContentError::BadField);
        }
        let extents = cursor.u32()?;
        match (bytes.len() as u64).cmp(&digest_list_len(extents)) {
            core::cmp::Ordering::Less => return Err(ContentError::Truncated),
            core::cmp::Ordering::Greater => return Err(ContentError::TrailingBytes),
            core::cmp::Ordering::Equal => {}
        }
        let manifest = Hash::from_bytes(cursor.array()?);
        // The length is right, so this is the number of extents and no bytes are left over.
        let (extents, _) = cursor.bytes(cursor.remaining() - HASH_LEN)?.as_chunks();
        let claimed = Hash::from_bytes(cursor.array()?);
        if root(set, &bytes[..bytes.len() - HASH_LEN]) != claimed {
            return Err(ContentError::RootMismatch);
        }
        Ok(Self { manifest, extents, root: claimed })
    }

    /// The hash of the encoded manifest.
    pub fn manifest(&self) -> Hash {
        self.manifest
    }

    /// The hash of this extent; `None` when there is no such extent.
    pub fn extent(&self, index: u32) -> Option<Hash> {
        let index = usize::try_from(index).ok()?;
        self.extents.get(index).copied().map(Hash::from_bytes)
    }

    /// The hashes of all extents in order.
    pub fn extents(&self) -> impl ExactSizeIterator<Item = Hash> + use<'a> {
        self.extents.iter().copied().map(Hash::from_bytes)
    }

    /// The root: one hash that stands for the set and all its content.
    pub fn root(&self) -> Hash {
        self.root
    }
}

fn root(set: &SetId, before: &[u8]) -> Hash {
    blake3::Hasher::new_derive_key(ROOT_CONTEXT).update(&set.0).update(before).finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SET: SetId = SetId(*b"0123456789abcdef");

    fn list(extents: u8) -> Vec<u8> {
        let mut writer = DigestListWriter::new(SET, &blake3::hash(b"manifest"));
        for i in 0..extents {
            writer.push(&blake3::hash(&[i])).unwrap();
        }
        assert_eq!(writer.extents(), u32::from(extents));
        writer.finish()
    }

    fn error(bytes: &[u8], set: &SetId) -> Option<ContentError> {
        DigestList::parse(bytes, set).err()
    }

    #[test]
    fn hashes_come_back_in_order() {
        for extents in [0, 1, 7] {
            let bytes = list(extents);
            assert_eq!(bytes.len() as u64, digest_list_len(u32::from(extents)));
            let parsed = DigestList::parse(&bytes, &SET).unwrap();
            assert_eq!(parsed.manifest(), blake3::hash(b"manifest"));
            let expected: Vec<Hash> = (0..extents).map(|i| blake3::hash(&[i])).collect();
            assert_eq!(parsed.extents().collect::<Vec<_>>(), expected);
            assert_eq!(parsed.extent(0), expected.first().copied());
            assert_eq!(parsed.extent(u32::from(extents)), None);
            assert_eq!(bytes[bytes.len() - 32..], *parsed.root().as_bytes());
        }
    }

    #[test]
    fn header_layout_is_fixed() {
        let bytes = list(3);
        assert_eq!(bytes[..12], *b"NTAL\x01\0\0\0\0\0\0\x03");
        assert_eq!(bytes[12..44], *blake3::hash(b"manifest").as_bytes());
    }

    #[test]
    fn flipped_bits_and_other_lengths_are_refused() {
        let good = list(2);
        for len in 0..good.len() {
            assert_eq!(error(&good[..len], &SET), Some(ContentError::Truncated));
        }
        for at in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            assert!(error(&bytes, &SET).is_some(), "bit {at}");
        }
        let longer = [good.as_slice(), &[0]].concat();
        assert_eq!(error(&longer, &SET), Some(ContentError::TrailingBytes));
    }

    #[test]
    fn list_of_another_set_or_version_is_refused() {
        let mut bytes = list(2);
        let other = SetId(*b"0123456789abcdeg");
        assert_eq!(error(&bytes, &other), Some(ContentError::RootMismatch));
        bytes.swap(50, 51 + 32); // bytes of two extents
        assert_eq!(error(&bytes, &SET), Some(ContentError::RootMismatch));
        bytes[4] = 2;
        assert_eq!(error(&bytes, &SET), Some(ContentError::UnsupportedVersion(2)));
        bytes[0] = b'M';
        assert_eq!(error(&bytes, &SET), Some(ContentError::BadMagic));
    }

    #[test]
    fn length_follows_from_the_number_of_extents() {
        assert_eq!(digest_list_len(0), 76);
        assert_eq!(digest_list_len(u32::MAX), 76 + 32 * u64::from(u32::MAX));
        let mut bytes = list(0);
        bytes[8..12].fill(0xff);
        assert_eq!(error(&bytes, &SET), Some(ContentError::Truncated));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200), extents in 0u8..5,
        ) {
            prop_assert!(DigestList::parse(&bytes, &SET).is_err());
            let start = list(extents);
            let n = bytes.len().min(12);
            bytes[..n].copy_from_slice(&start[..n]);
            prop_assert!(DigestList::parse(&bytes, &SET).is_err());
        }
    }
}
