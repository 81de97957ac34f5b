//! The digest list of a file set: the hashes of all chunks of its files.
//!
//! ```text
//!  0  magic "NDIG"
//!  4  version, 2
//!  5  flags: 1 when files are withdrawn
//!  6  reserved, 2 zero bytes
//!  8  number of hashes, 32 bits
//! 12  manifest hash, 32 bytes
//! 44  hash of each chunk in the order of the manifest, 32 bytes each; none of chunks in holes
//!     content hash, or with flag 1 a hash of the list, 32 bytes
//! ```
//!
//! The last hash tells a damaged digest list, or that of another set, from the right one. It has no
//! key: anyone can make a digest list, so this is no protection against an adversary.
//!
//! Chunks of withdrawn files have the hash 0, and no other chunk has. A set with such files has no
//! content hash.

use super::cursor::Cursor;
use super::{ChunkHash, ContentError, ContentHash, ContentHasher, HASH_BYTES, ManifestHash};

const MAGIC: [u8; 4] = *b"NDIG";
const VERSION: u8 = 2;
const HEADER_LEN: usize = 12;
/// Where the flags are.
const FLAGS: usize = 5;
/// Files are withdrawn.
const WITHDRAWN: u8 = 1;
/// Hashes begin here.
const HASHES: usize = HEADER_LEN + HASH_BYTES;
/// The hash of a chunk of a withdrawn file.
const NO_HASH: [u8; HASH_BYTES] = [0; HASH_BYTES];
/// Keeps the hash of a list without some files apart from every other use of BLAKE3.
const WITHDRAWN_CONTEXT: &str = "norm-core 2026-11-30 file set version 2 digest list withdrawn";

/// Bytes in a digest list at most.
pub const MAX_DIGEST_LIST_BYTES: u64 = 1 << 30;
/// Chunks that a digest list can have at most.
pub const MAX_CHUNKS: u32 =
    ((MAX_DIGEST_LIST_BYTES - digest_list_len(0)) / HASH_BYTES as u64) as u32;

/// Bytes in the digest list of a set with this many chunks outside of holes.
pub const fn digest_list_len(chunks: u32) -> u64 {
    (HEADER_LEN + 2 * HASH_BYTES) as u64 + HASH_BYTES as u64 * chunks as u64
}

/// True when a digest list can have this many bytes.
pub fn is_digest_list_len(len: u64) -> bool {
    let hashes = len.checked_sub(digest_list_len(0));
    len <= MAX_DIGEST_LIST_BYTES && hashes.is_some_and(|h| h.is_multiple_of(HASH_BYTES as u64))
}

/// Builds a digest list.
#[derive(Clone, Debug)]
pub struct DigestListWriter {
    /// What is encoded and not taken yet; in the beginning with room for the header.
    out: Vec<u8>,
    /// Something was taken.
    is_begun: bool,
    /// Of the hashes that were taken.
    taken: blake3::Hasher,
    /// Files are withdrawn.
    any_withdrawn: bool,
    chunks: u32,
    content: ContentHasher,
    manifest: ManifestHash,
}

impl DigestListWriter {
    /// The digest list of the set with this manifest.
    pub fn new(manifest: ManifestHash) -> Self {
        let mut out = Vec::with_capacity(digest_list_len(16) as usize);
        out.resize(HEADER_LEN, 0);
        out.extend_from_slice(&manifest.0);
        Self {
            out,
            is_begun: false,
            taken: blake3::Hasher::new(),
            any_withdrawn: false,
            chunks: 0,
            content: ContentHasher::new(manifest),
            manifest,
        }
    }

    /// Adds the hash of the next chunk.
    ///
    /// # Errors
    /// [`ContentError::TooLarge`] when the list would exceed [`MAX_DIGEST_LIST_BYTES`].
    pub fn push(&mut self, chunk: &ChunkHash) -> Result<(), ContentError> {
        if self.chunks >= MAX_CHUNKS {
            return Err(ContentError::TooLarge);
        }
        self.out.extend_from_slice(&chunk.0);
        self.content.push(chunk);
        self.chunks += 1;
        Ok(())
    }

    /// The hash of the next chunk, all of which is in a hole: it does not travel.
    pub fn push_hole(&mut self, chunk: &ChunkHash) {
        self.content.push(chunk);
    }

    /// Hashes in the list so far.
    pub fn chunks(&self) -> u32 {
        self.chunks
    }

    /// Adds the next chunk, which is of a withdrawn file.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_withdrawn(&mut self) -> Result<(), ContentError> {
        self.push(&ChunkHash(NO_HASH))?;
        self.any_withdrawn = true;
        Ok(())
    }

    /// Bytes that are encoded and not [taken](Self::take) yet.
    pub fn buffered(&self) -> usize {
        self.out.len()
    }

    /// Takes what is encoded so far, which is kept elsewhere: what is taken later, and at the end,
    /// follows it. The header in its first bytes is not final.
    pub fn take(&mut self) -> Vec<u8> {
        self.hash_taken();
        self.is_begun = true;
        core::mem::take(&mut self.out)
    }

    fn hash_taken(&mut self) {
        let header = if self.is_begun { 0 } else { HASHES };
        self.taken.update(self.out.get(header..).unwrap_or_default());
    }

    /// The encoded list, [`digest_list_len`] bytes, of which nothing was taken, and the content
    /// hash; `None` when files are withdrawn.
    pub fn finish(self) -> (Vec<u8>, Option<ContentHash>) {
        let (header, mut out, content) = self.finish_rest();
        out[..HEADER_LEN].copy_from_slice(&header);
        (out, content)
    }

    /// The header, which is to be in place of the first bytes, what follows all that was
    /// [taken](Self::take), and the content hash; `None` when files are withdrawn.
    pub fn finish_rest(mut self) -> ([u8; HEADER_LEN], Vec<u8>, Option<ContentHash>) {
        let mut header = [0; HEADER_LEN];
        header[..4].copy_from_slice(&MAGIC);
        header[4] = VERSION;
        header[8..].copy_from_slice(&self.chunks.to_be_bytes());
        if self.any_withdrawn {
            header[FLAGS] = WITHDRAWN;
            self.hash_taken();
            let hash = withdrawn_hash(self.manifest, &self.taken.finalize());
            self.out.extend_from_slice(&hash);
            return (header, self.out, None);
        }
        let content = self.content.finish();
        self.out.extend_from_slice(&content.0);
        (header, self.out, Some(content))
    }
}

/// The hash at the end of a list with withdrawn files: of the manifest hash and the hash of the
/// hashes as they travel, in BLAKE3's key derivation mode.
fn withdrawn_hash(manifest: ManifestHash, hashes: &blake3::Hash) -> [u8; HASH_BYTES] {
    let mut hasher = blake3::Hasher::new_derive_key(WITHDRAWN_CONTEXT);
    hasher.update(&manifest.0).update(hashes.as_bytes());
    *hasher.finalize().as_bytes()
}

/// A received digest list that is complete and belongs to its set.
#[derive(Copy, Clone, Debug)]
pub struct DigestList<'a> {
    chunks: &'a [[u8; HASH_BYTES]],
    content: Option<ContentHash>,
}

impl<'a> DigestList<'a> {
    /// Checks the digest list of the set with this manifest, content hash included. `holes` are the
    /// hashes of chunks in holes with the number of those in the list before, ascending.
    ///
    /// # Errors
    /// [`ContentError`] when the list is malformed, damaged, too long or of another set.
    pub fn parse(
        bytes: &'a [u8],
        manifest: ManifestHash,
        holes: impl IntoIterator<Item = (u32, ChunkHash)>,
    ) -> Result<Self, ContentError> {
        if bytes.len() as u64 > MAX_DIGEST_LIST_BYTES {
            return Err(ContentError::TooLarge);
        }
        let mut cursor = Cursor::new(bytes);
        cursor.preamble(MAGIC, VERSION)?;
        let [flags, reserved @ ..]: [u8; 3] = cursor.array()?;
        if flags & !WITHDRAWN != 0 || reserved != [0; 2] {
            return Err(ContentError::BadField);
        }
        let chunks = cursor.u32()?;
        match (bytes.len() as u64).cmp(&digest_list_len(chunks)) {
            core::cmp::Ordering::Less => return Err(ContentError::Truncated),
            core::cmp::Ordering::Greater => return Err(ContentError::TrailingBytes),
            core::cmp::Ordering::Equal => {}
        }
        let of_manifest = cursor.array()? == manifest.0;
        // The length is right, so this is the number of hashes and no bytes are left over.
        let (chunks, _) = cursor.bytes(cursor.remaining() - HASH_BYTES)?.as_chunks();
        let last = cursor.array()?;
        let is_whole = flags == 0;
        let list = Self { chunks, content: is_whole.then_some(ContentHash(last)) };
        let expected = match list.content {
            Some(_) => list.content_with(manifest, holes).map(|content| content.0),
            None => Some(withdrawn_hash(manifest, &blake3::hash(chunks.as_flattened()))),
        };
        if !of_manifest || expected != Some(last) {
            return Err(ContentError::ContentMismatch);
        }
        if is_whole == chunks.contains(&NO_HASH) {
            return Err(ContentError::BadField);
        }
        Ok(list)
    }

    /// The hashes of all chunks outside of holes, in order; zeros of those of withdrawn files.
    pub fn chunks(&self) -> impl ExactSizeIterator<Item = ChunkHash> + use<'a> {
        self.chunks.iter().copied().map(ChunkHash)
    }

    /// The hash of the chunk with this number, of those outside of holes; `None` after the last
    /// one.
    pub fn chunk(&self, number: u32) -> Option<ChunkHash> {
        let number = usize::try_from(number).ok()?;
        self.chunks.get(number).copied().map(ChunkHash)
    }

    /// The hash of the chunk with this number, of those outside of holes, in an encoded list that
    /// was [parsed](Self::parse) before: zeros of one of a withdrawn file; `None` after the last
    /// one.
    pub fn chunk_at(list: &[u8], number: u32) -> Option<ChunkHash> {
        let end = list.len().checked_sub(HASH_BYTES)?;
        let (hashes, _) = list.get(HASHES..end)?.as_chunks();
        hashes.get(usize::try_from(number).ok()?).copied().map(ChunkHash)
    }

    /// Names the set with all its content; `None` when files are withdrawn.
    pub fn content(&self) -> Option<ContentHash> {
        self.content
    }

    /// The numbers of the chunks of withdrawn files, of those outside of holes, ascending.
    pub fn withdrawn(&self) -> impl Iterator<Item = u32> + use<'a> {
        let chunks = self.chunks.iter().zip(0..);
        chunks.filter(|(hash, _)| **hash == NO_HASH).map(|(_, number)| number)
    }

    /// The content hash of these chunks; `None` when holes are in places that do not exist.
    fn content_with(
        &self,
        manifest: ManifestHash,
        holes: impl IntoIterator<Item = (u32, ChunkHash)>,
    ) -> Option<ContentHash> {
        let mut hasher = ContentHasher::new(manifest);
        let mut rest = self.chunks;
        for (before, hash) in holes {
            let done = self.chunks.len() - rest.len();
            let until = usize::try_from(before).ok()?;
            let (now, later) = rest.split_at_checked(until.checked_sub(done)?)?;
            hasher.extend(now);
            hasher.push(&hash);
            rest = later;
        }
        hasher.extend(rest);
        Some(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MANIFEST: ManifestHash = ManifestHash(*b"0123456789abcdef0123456789ABCDEF");

    fn list(chunks: u8) -> Vec<u8> {
        let mut writer = DigestListWriter::new(MANIFEST);
        (0..chunks).for_each(|n| writer.push(&ChunkHash([n + 1; 32])).unwrap());
        assert_eq!(writer.chunks(), u32::from(chunks));
        writer.finish().0
    }

    fn error(bytes: &[u8], manifest: ManifestHash) -> Option<ContentError> {
        DigestList::parse(bytes, manifest, []).err()
    }

    #[test]
    fn list_that_is_taken_in_pieces_is_the_same() {
        for withdrawn in [None, Some(0), Some(4)] {
            let write = |step: usize| {
                let (mut writer, mut kept) = (DigestListWriter::new(MANIFEST), Vec::new());
                for n in 0..6 {
                    match withdrawn == Some(n) {
                        true => writer.push_withdrawn().unwrap(),
                        false => writer.push(&ChunkHash([n as u8 + 1; 32])).unwrap(),
                    }
                    if n % step == 0 {
                        kept.append(&mut writer.take());
                        assert_eq!(writer.buffered(), 0);
                    }
                }
                let (header, rest, content) = writer.finish_rest();
                kept.extend(rest);
                kept[..HEADER_LEN].copy_from_slice(&header);
                let parsed = DigestList::parse(&kept, MANIFEST, []).unwrap();
                assert_eq!(parsed.content(), content);
                let at = |number| DigestList::chunk_at(&kept, number);
                assert!((0..8).all(|number| at(number) == parsed.chunk(number)));
                kept
            };
            let whole = write(1);
            assert!((2..6).all(|step| write(step) == whole), "{withdrawn:?}");
        }
        assert_eq!(DigestList::chunk_at(&[], 0), None);
    }

    #[test]
    fn hashes_come_back_in_order() {
        for chunks in [0, 1, 7] {
            let bytes = list(chunks);
            assert_eq!(bytes.len() as u64, digest_list_len(u32::from(chunks)));
            let parsed = DigestList::parse(&bytes, MANIFEST, []).unwrap();
            let expected: Vec<_> = (0..chunks).map(|n| ChunkHash([n + 1; 32])).collect();
            assert_eq!(parsed.chunks().collect::<Vec<_>>(), expected);
            assert_eq!(parsed.chunk(0), expected.first().copied());
            assert_eq!(parsed.chunk(u32::from(chunks)), None);
            assert_eq!(bytes[bytes.len() - 32..], parsed.content().unwrap().0);
        }
    }

    #[test]
    fn header_layout_is_fixed() {
        let bytes = list(3);
        assert_eq!(bytes[..12], *b"NDIG\x02\0\0\0\0\0\0\x03");
        assert_eq!(bytes[12..44], MANIFEST.0);
    }

    #[test]
    fn chunks_in_holes_do_not_travel_and_count_all_the_same() {
        let hash = |n: u8| ChunkHash([n + 1; 32]);
        let whole = DigestList::parse(&list(5), MANIFEST, []).unwrap().content();
        assert!(whole.is_some());
        let mut writer = DigestListWriter::new(MANIFEST);
        writer.push_hole(&hash(0));
        writer.push(&hash(1)).unwrap();
        writer.push_hole(&hash(2));
        writer.push_hole(&hash(3));
        writer.push(&hash(4)).unwrap();
        let (bytes, content) = writer.finish();
        assert_eq!((bytes.len() as u64, content), (digest_list_len(2), whole));
        let holes = [(0, hash(0)), (1, hash(2)), (1, hash(3))];
        let parsed = DigestList::parse(&bytes, MANIFEST, holes).unwrap();
        assert_eq!(parsed.chunks().collect::<Vec<_>>(), [hash(1), hash(4)]);
        for other in [&holes[..2], &[(0, hash(0)), (1, hash(2)), (9, hash(3))], &[(3, hash(0)); 3]]
        {
            let wrong = DigestList::parse(&bytes, MANIFEST, other.iter().copied()).err();
            assert_eq!(wrong, Some(ContentError::ContentMismatch));
        }
    }

    #[test]
    fn list_without_some_files_has_no_content_hash() {
        let hash = |n| ChunkHash([n; 32]);
        let mut writer = DigestListWriter::new(MANIFEST);
        writer.push(&hash(1)).unwrap();
        writer.push_withdrawn().unwrap();
        writer.push_withdrawn().unwrap();
        writer.push_hole(&hash(9));
        writer.push(&hash(4)).unwrap();
        writer.push_withdrawn().unwrap();
        let (bytes, content) = writer.finish();
        assert_eq!((bytes.len() as u64, content), (digest_list_len(5), None));
        // Whatever is in holes.
        for holes in [&[][..], &[(3, hash(9))]] {
            let parsed = DigestList::parse(&bytes, MANIFEST, holes.iter().copied()).unwrap();
            assert_eq!(parsed.content(), None);
            assert_eq!(parsed.withdrawn().collect::<Vec<_>>(), [1, 2, 4]);
            assert_eq!(parsed.chunk(3), Some(hash(4)));
        }
        for at in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            assert!(error(&bytes, MANIFEST).is_some(), "bit {at}");
        }
    }

    #[test]
    fn flag_and_hashes_agree_on_what_is_withdrawn() {
        let mut writer = DigestListWriter::new(MANIFEST);
        writer.push(&ChunkHash(NO_HASH)).unwrap();
        assert_eq!(error(&writer.finish().0, MANIFEST), Some(ContentError::BadField));
        let mut writer = DigestListWriter::new(MANIFEST);
        writer.push(&ChunkHash([1; 32])).unwrap();
        writer.any_withdrawn = true;
        assert_eq!(error(&writer.finish().0, MANIFEST), Some(ContentError::BadField));
    }

    #[test]
    fn flipped_bits_and_other_lengths_are_refused() {
        let good = list(2);
        for len in 0..good.len() {
            assert_eq!(error(&good[..len], MANIFEST), Some(ContentError::Truncated));
        }
        for at in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            assert!(error(&bytes, MANIFEST).is_some(), "bit {at}");
        }
        let longer = [good.as_slice(), &[0]].concat();
        assert_eq!(error(&longer, MANIFEST), Some(ContentError::TrailingBytes));
    }

    #[test]
    fn list_of_another_set_or_version_is_refused() {
        let mut bytes = list(2);
        let other = ManifestHash([9; 32]);
        assert_eq!(error(&bytes, other), Some(ContentError::ContentMismatch));
        bytes.swap(50, 51 + 32); // bytes of two chunks
        assert_eq!(error(&bytes, MANIFEST), Some(ContentError::ContentMismatch));
        bytes[4] = 1;
        assert_eq!(error(&bytes, MANIFEST), Some(ContentError::UnsupportedVersion(1)));
        bytes[0] = b'M';
        assert_eq!(error(&bytes, MANIFEST), Some(ContentError::BadMagic));
    }

    #[test]
    fn length_follows_from_the_number_of_chunks() {
        assert_eq!(digest_list_len(0), 76);
        assert!(digest_list_len(MAX_CHUNKS) <= MAX_DIGEST_LIST_BYTES);
        assert!(digest_list_len(MAX_CHUNKS + 1) > MAX_DIGEST_LIST_BYTES);
        assert!(is_digest_list_len(76) && is_digest_list_len(108) && !is_digest_list_len(75));
        assert!(!is_digest_list_len(107) && !is_digest_list_len(digest_list_len(MAX_CHUNKS + 1)));
        let mut bytes = list(0);
        bytes[8..12].fill(0xff);
        assert_eq!(error(&bytes, MANIFEST), Some(ContentError::Truncated));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200), chunks in 0u8..5,
            holes in prop::collection::vec(0u32..6, 0..4),
        ) {
            let holes: Vec<_> = holes.into_iter().map(|n| (n, ChunkHash([0; 32]))).collect();
            prop_assert!(DigestList::parse(&bytes, MANIFEST, holes.clone()).is_err());
            let start = list(chunks);
            let n = bytes.len().min(12);
            bytes[..n].copy_from_slice(&start[..n]);
            prop_assert!(DigestList::parse(&bytes, MANIFEST, holes.clone()).is_err());
        }
    }
}
