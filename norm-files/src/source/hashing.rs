//! Hashes of chunks and files, made as the payload is read for the first time.

use std::ops::Range;
use std::path::PathBuf;

use norm_core::fileset::{
    CHUNK_BYTES, ChunkHash, ChunkHasher, ContentHash, DigestListWriter, FileHash, FileHasher,
    ManifestHash,
};

use super::open_files::Files;

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

    /// Hashes of the first files, as far as they are whole; those of withdrawn ones mean nothing.
    pub(super) fn files(&self) -> &[FileHash] {
        &self.files
    }

    /// The hash of a chunk, if it is hashed and its file not withdrawn.
    pub(super) fn chunk(&self, number: u32) -> Option<ChunkHash> {
        self.list.chunk(number)
    }

    /// A file is withdrawn: forgets the hashes of its chunks, which are these.
    pub(super) fn withdraw(&mut self, chunks: Range<u32>) {
        self.list.withdraw(chunks);
    }

    /// Takes the next bytes of the payload, which is that of these files. Chunks of withdrawn files
    /// get no hash.
    pub(super) fn update(&mut self, files: &Files, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let Some(file) = files.all().get(self.file) else { return };
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
                let hash = (!files.is_withdrawn(self.file)).then(|| chunk.finish());
                self.chunk_done(hash, chunk_end == file.size);
            }
            bytes = later;
        }
    }

    fn chunk_done(&mut self, hash: Option<ChunkHash>, is_last: bool) {
        let added = match hash {
            Some(hash) => {
                self.merged.push(&hash);
                self.list.push(&hash)
            }
            None => self.list.push_withdrawn(),
        };
        self.is_too_long |= added.is_err();
        if is_last {
            self.file += 1;
            let merged = std::mem::take(&mut self.merged);
            if self.files.len() < MAX_FILES {
                self.files.push(merged.finish());
            }
        }
    }

    /// The digest list of what is hashed, and its content hash unless files are withdrawn; `None`
    /// when it is too much.
    pub(super) fn digest_list(&self) -> Option<(Vec<u8>, Option<ContentHash>)> {
        (!self.is_too_long).then(|| self.list.clone().finish())
    }
}
