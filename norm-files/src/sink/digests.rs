//! The digest list of a set that is received.

use norm_core::fileset::{
    ChunkHash, ChunkMap, ContentError, ContentHash, DigestList, HASH_BYTES, ManifestHash,
};

use crate::kept::KeptBytes;
use crate::zeros::ZeroHashes;

/// The hashes that a digest list announces, checked against its own content hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// The encoded list, which was checked.
    list: KeptBytes,
    len: usize,
    content: Option<ContentHash>,
    /// Chunks of withdrawn files.
    withdrawn: Vec<u32>,
}

impl Digests {
    /// Parses the digest list of the set with this manifest, whose files have no holes.
    ///
    /// # Errors
    /// When it is malformed or of another set.
    pub fn parse(bytes: &[u8], manifest: ManifestHash) -> Result<Self, ContentError> {
        Self::parse_kept(bytes.into(), manifest, [])
    }

    /// The same of a set with these chunks, whose files may have holes; the hashes of what is in
    /// them were [prepared](ZeroHashes::prepare).
    ///
    /// # Errors
    /// As of [`parse`](Self::parse).
    pub(super) fn parse_with(
        list: KeptBytes,
        manifest: ManifestHash,
        map: &ChunkMap,
        zeros: &ZeroHashes,
    ) -> Result<Self, ContentError> {
        Self::parse_kept(list, manifest, zeros.of_set(map))
    }

    fn parse_kept(
        kept: KeptBytes,
        manifest: ManifestHash,
        holes: impl IntoIterator<Item = (u32, ChunkHash)>,
    ) -> Result<Self, ContentError> {
        let list = DigestList::parse(&kept, manifest, holes)?;
        let (len, content) = (list.chunks().len(), list.content());
        let withdrawn = list.withdrawn().collect();
        Ok(Self { list: kept, len, content, withdrawn })
    }

    /// The hash of the chunk with this number; `None` after the last one.
    pub fn chunk(&self, number: u32) -> Option<ChunkHash> {
        DigestList::chunk_at(&self.list, number)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Names the set with all its content; `None` when files are withdrawn.
    pub fn content(&self) -> Option<ContentHash> {
        self.content
    }

    /// The hash at the end of the list: the content hash, or what stands for it when files are
    /// withdrawn.
    pub fn end(&self) -> [u8; HASH_BYTES] {
        self.list.last_chunk().copied().unwrap_or_default()
    }

    /// The numbers of the chunks of withdrawn files, ascending: nothing has their hashes.
    pub fn withdrawn(&self) -> &[u32] {
        &self.withdrawn
    }
}

#[cfg(test)]
mod tests {
    use norm_core::fileset::DigestListWriter;

    use super::*;

    #[test]
    fn digests_answer_by_number() {
        let manifest = ManifestHash::of(b"manifest");
        let mut writer = DigestListWriter::new(manifest);
        writer.push(&ChunkHash([1; 32])).unwrap();
        let (bytes, content) = writer.finish();
        let digests = Digests::parse(&bytes, manifest).unwrap();
        assert_eq!((digests.chunk(0), digests.chunk(1)), (Some(ChunkHash([1; 32])), None));
        assert_eq!((digests.len(), digests.content()), (1, content));
        let other = Digests::parse(&bytes, ManifestHash::of(b"other"));
        assert_eq!(other, Err(ContentError::ContentMismatch));
    }
}
