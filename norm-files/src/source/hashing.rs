//! Hashes of chunks and files, made as the payload is read for the first time.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use norm_core::fileset::{
    ChunkHash, ChunkMap, ContentHash, DataHasher, DigestList, DigestListWriter, FileHash,
    HASH_BYTES, ManifestHash,
};

use super::open_files::Files;
use crate::kept::{Keeper, KeptHashes};
use crate::zeros::ZeroHashes;

/// Files of which the hash is told in the report.
pub(super) const MAX_FILES: usize = 1_000;
/// Bytes of a digest list that its writer has at most, and those of one hash.
const BUFFERED: usize = 256 << 10;
/// What is kept of the chunks of withdrawn files.
const WITHDRAWN: ChunkHash = ChunkHash([0; HASH_BYTES]);

/// A file that was hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedFile {
    /// Where it is.
    pub path: PathBuf,
    /// BLAKE3 of its content.
    pub hash: FileHash,
}

/// How far the payload has been hashed.
#[derive(Debug)]
pub(super) struct Hashing {
    manifest: ManifestHash,
    map: Arc<ChunkMap>,
    zeros: Arc<ZeroHashes>,
    /// Everything before this byte of the payload is hashed.
    end: u64,
    /// The chunk that is not whole yet.
    chunk: Option<DataHasher>,
    /// Those of whole chunks, until they are in a digest list.
    hashes: KeptHashes,
    /// How many chunks are whole.
    whole: u32,
    /// Of the first files, once they are.
    files: Vec<FileHash>,
}

impl Hashing {
    /// Nothing is hashed of the set with this manifest and these chunks. What is in holes is hashed
    /// meanwhile.
    pub(super) fn new(manifest: ManifestHash, map: Arc<ChunkMap>) -> Self {
        let zeros = Arc::new(ZeroHashes::default());
        if map.all_sparse().next().is_some() {
            let (map, zeros) = (Arc::clone(&map), Arc::clone(&zeros));
            // What it has not done is done later.
            let _ = std::thread::Builder::new()
                .name("holes".to_owned())
                .spawn(move || zeros.prepare(&map, &AtomicBool::new(false)));
        }
        let hashes = KeptHashes::new(map.chunks(), None);
        Self { manifest, map, zeros, end: 0, chunk: None, hashes, whole: 0, files: Vec::new() }
    }

    /// Everything before this byte of the payload is hashed.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Hashes of the first files, as far as they are whole; those of withdrawn ones mean nothing.
    pub(super) fn files(&self) -> Vec<FileHash> {
        match self.files.is_empty() {
            true => first_files(&self.map, &self.zeros, &self.hashes, self.whole),
            false => self.files.clone(),
        }
    }

    /// Where the chunks are in the payload.
    pub(super) fn map(&self) -> &ChunkMap {
        &self.map
    }

    /// The hash of a chunk, if it is hashed and its file not withdrawn, before the digest list is
    /// made.
    pub(super) fn chunk(&self, number: u32) -> Option<ChunkHash> {
        let hash = (number < self.whole).then(|| self.hashes.look_up(number)).flatten();
        hash.filter(|&hash| hash != WITHDRAWN)
    }

    /// A file is withdrawn: forgets the hashes of its chunks.
    pub(super) fn withdraw(&mut self, file: usize) {
        let chunks = self.map.of_file(file);
        let end = self.whole.min(chunks.end);
        (chunks.start..end).for_each(|number| self.hashes.set(number, WITHDRAWN));
    }

    /// Takes the next bytes of the payload, which is that of these files. Chunks of withdrawn files
    /// get no hash.
    pub(super) fn update(&mut self, files: &Files, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let number = self.whole;
            let Some(chunk) = self.map.chunk(number) else { return };
            let Some(mut hasher) = self.chunk.take().or_else(|| self.map.hasher(number)) else {
                return;
            };
            let room = usize::try_from(chunk.range().end - self.end).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            hasher.update(now);
            self.end += now.len() as u64;
            if now.len() < room {
                self.chunk = Some(hasher);
            } else {
                let is_withdrawn = files.is_withdrawn(chunk.file);
                let hash = if is_withdrawn { WITHDRAWN } else { hasher.finish() };
                self.hashes.set(number, hash);
                self.whole += 1;
            }
            bytes = later;
        }
    }

    /// The digest list of what is hashed, and its content hash unless files are withdrawn; `None`
    /// when it is too much, or a hash cannot be read. The hashes are in the list from here on.
    pub(super) fn digest_list(&mut self) -> Option<(Bytes, Option<ContentHash>)> {
        self.files = self.files();
        let (mut hashes, whole) = (std::mem::take(&mut self.hashes), self.whole);
        digest_list(self.manifest, &self.map, &self.zeros, &mut hashes, whole)
    }
}

/// Hashes of the first files, as far as those of their chunks are known: of the first `whole`.
pub(super) fn first_files(
    map: &ChunkMap,
    zeros: &ZeroHashes,
    hashes: &KeptHashes,
    whole: u32,
) -> Vec<FileHash> {
    let chunk = |number: u32| (number < whole).then(|| hashes.look_up(number)).flatten();
    let files = 0..map.files().min(MAX_FILES);
    files.map_while(|file| zeros.file(map, file, chunk)).collect()
}

/// The digest list of this many chunks with these hashes, and the content hash, unless files are
/// withdrawn; `None` when it is too much, or a hash cannot be read.
pub(super) fn digest_list(
    manifest: ManifestHash,
    map: &ChunkMap,
    zeros: &ZeroHashes,
    hashes: &mut KeptHashes,
    chunks: u32,
) -> Option<(Bytes, Option<ContentHash>)> {
    // It has been prepared, or is now.
    let _ = zeros.prepare(map, &AtomicBool::new(false));
    let (mut list, mut kept) = (DigestListWriter::new(manifest), Keeper::new(None));
    let mut holes = zeros.of_set(map).peekable();
    for number in 0..chunks {
        let hash = hashes.get(number)?;
        while let Some((_, hole)) = holes.next_if(|&(before, _)| before == number) {
            list.push_hole(&hole);
        }
        let added = if hash == WITHDRAWN { list.push_withdrawn() } else { list.push(&hash) };
        added.ok()?;
        if list.buffered() >= BUFFERED {
            kept.append(&list.take());
        }
    }
    holes.for_each(|(_, hole)| list.push_hole(&hole));
    let (header, rest, content) = list.finish_rest();
    kept.append(&rest);
    Some((kept.finish(&header).to_bytes(), content))
}

/// The hash of the chunk with this number in a digest list; `None` after the last one, and of
/// withdrawn files.
pub(super) fn hash_in(list: &[u8], number: u32) -> Option<ChunkHash> {
    DigestList::chunk_at(list, number).filter(|&hash| hash != WITHDRAWN)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use norm_core::fileset::{CHUNK_BYTES, Holes};

    use super::*;

    #[test]
    fn hashes_that_cannot_be_read_make_no_list_of_withdrawn_files() {
        const CHUNKS: u32 = 40 * 2048;
        let mut map = ChunkMap::default();
        map.push(u64::from(CHUNKS) * CHUNK_BYTES, Holes::NONE).unwrap();
        let (manifest, zeros) = (ManifestHash([1; 32]), ZeroHashes::default());
        let mut hashes = KeptHashes::new(CHUNKS, None);
        (0..CHUNKS).for_each(|number| hashes.set(number, ChunkHash([2; HASH_BYTES])));
        let (_, content) = digest_list(manifest, &map, &zeros, &mut hashes, CHUNKS).unwrap();
        assert!(content.is_some(), "nothing is withdrawn");
        hashes.lose();
        assert!(digest_list(manifest, &map, &zeros, &mut hashes, CHUNKS).is_none());
    }
}
