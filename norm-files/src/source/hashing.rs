//! Hashes of chunks and files, made as the payload is read for the first time.

use std::path::PathBuf;

use norm_core::fileset::{
    CHUNK_BYTES, ChunkHash, ChunkHasher, ContentHash, DigestListWriter, FileHash, FileHasher,
    ManifestHash,
};

use super::SourceFile;

/// Files of which the hash is remembered, for the report.
pub(super) const MAX_FILES: usize = 1_000;

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
    /// Everything before this byte of the payload is hashed.
    end: u64,
    /// The file that is next, by its place among those with content.
    file: usize,
    /// The chunk that is not whole yet.
    chunk: Option<ChunkHasher>,
    /// The file that is not whole yet.
    merged: FileHasher,
    list: DigestListWriter,
    /// The list cannot have as many hashes.
    is_too_long: bool,
    /// Hashes of the first whole files.
    files: Vec<FileHash>,
}

impl Hashing {
    /// Nothing is hashed of the set with this manifest.
    pub(super) fn new(manifest: ManifestHash) -> Self {
        Self {
            end: 0,
            file: 0,
            chunk: None,
            merged: FileHasher::default(),
            list: DigestListWriter::new(manifest),
            is_too_long: false,
            files: Vec::new(),
        }
    }

    /// Everything before this byte of the payload is hashed.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Hashes of the first files, as far as they are whole.
    pub(super) fn files(&self) -> &[FileHash] {
        &self.files
    }

    /// Takes the next bytes of the payload, which is that of these files.
    pub(super) fn update(&mut self, files: &[SourceFile], mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let Some(file) = files.get(self.file) else { return };
            let within = self.end - file.offset;
            let chunk_start = within / CHUNK_BYTES * CHUNK_BYTES;
            let chunk_end = (chunk_start + CHUNK_BYTES).min(file.size);
            let room = usize::try_from(chunk_end - within).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            let mut chunk =
                self.chunk.take().unwrap_or_else(|| ChunkHasher::new(chunk_start, file.size));
            chunk.update(now);
            self.end += now.len() as u64;
            if now.len() < room {
                self.chunk = Some(chunk);
            } else {
                self.chunk_done(&chunk.finish(), chunk_end == file.size);
            }
            bytes = later;
        }
    }

    fn chunk_done(&mut self, hash: &ChunkHash, is_last: bool) {
        self.is_too_long |= self.list.push(hash).is_err();
        self.merged.push(hash);
        if is_last {
            self.file += 1;
            let merged = std::mem::take(&mut self.merged);
            if self.files.len() < MAX_FILES {
                self.files.push(merged.finish());
            }
        }
    }

    /// The digest list and the content hash of what is hashed; `None` when it is too much.
    pub(super) fn digest_list(&self) -> Option<(Vec<u8>, ContentHash)> {
        (!self.is_too_long).then(|| self.list.clone().finish())
    }
}
