//! Sets of which every byte is in files of this machine, read chunk by chunk for others: those that
//! were hashed to be sent, and those that a receipt tells of.
//!
//! What is handed out is the buffer that was hashed, so that it is right whatever becomes of the
//! file meanwhile.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use norm_core::fileset::{
    Chunk, ChunkMap, ContentError, ContentHash, DigestList, Manifest, ManifestHash, SparseFile,
};

use crate::positioned::read_exact_at;
use crate::receipts::Receipt;
use crate::sink::{Plan, PlanError};
use crate::source::{SourceFiles, open};
use crate::zeros::ZeroHashes;

/// A set of which every byte was here when it was made. Copies share what they hold.
#[derive(Clone, Debug)]
pub struct CompleteSet {
    manifest: Bytes,
    manifest_hash: ManifestHash,
    list: Bytes,
    content: ContentHash,
    map: Arc<ChunkMap>,
    files: Files,
}

/// Where the files are.
#[derive(Clone, Debug)]
enum Files {
    Sent(SourceFiles),
    Received { root: PathBuf, plan: Arc<Plan> },
}

/// Why a chunk cannot be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChunkError {
    /// There is none with this number.
    OutOfRange,
    /// Its file has other bytes than before, or is too short.
    Changed,
    /// Its file cannot be read, or is gone.
    Io(io::Error),
}

impl CompleteSet {
    /// A set that was hashed to be sent: with its manifest, and its digest list.
    pub(crate) fn of_source(
        files: SourceFiles,
        manifest: Bytes,
        manifest_hash: ManifestHash,
        list: Bytes,
        content: ContentHash,
    ) -> Self {
        let map = Arc::clone(files.map());
        Self { manifest, manifest_hash, list, content, map, files: Files::Sent(files) }
    }

    /// The set of a receipt. Whether its files are still what they were turns out when they are
    /// read.
    ///
    /// # Errors
    /// When manifest or digest list are not what the receipt says.
    pub fn of_receipt(receipt: Receipt) -> Result<Self, PlanError> {
        let Receipt { header, manifest, list, .. } = receipt;
        let (manifest, list) = (Bytes::from(manifest), Bytes::from(list));
        let payload = Manifest::parse(&manifest).map_err(PlanError::Content)?.payload_size();
        let plan = Plan::new(&manifest, payload)?;
        let map = Arc::clone(plan.chunks());
        let zeros = ZeroHashes::default();
        let cancel = AtomicBool::new(false);
        // Nothing stops it.
        let _ = zeros.prepare(&map, &cancel);
        let parsed = DigestList::parse(&list, header.manifest, zeros.of_set(&map));
        let parsed = parsed.map_err(PlanError::Content)?;
        if parsed.content() != Some(header.content) {
            return Err(PlanError::Content(ContentError::ContentMismatch));
        }
        let files = Files::Received { root: header.directory, plan: Arc::new(plan) };
        let (manifest_hash, content) = (header.manifest, header.content);
        Ok(Self { manifest, manifest_hash, list, content, map, files })
    }

    /// The encoded manifest.
    pub fn manifest(&self) -> &Bytes {
        &self.manifest
    }

    /// Names the transfer.
    pub fn manifest_hash(&self) -> ManifestHash {
        self.manifest_hash
    }

    /// The encoded digest list.
    pub fn list(&self) -> &Bytes {
        &self.list
    }

    /// Names the set with all that is in it.
    pub fn content(&self) -> ContentHash {
        self.content
    }

    /// Where its chunks are in the payload.
    pub fn chunks(&self) -> &ChunkMap {
        &self.map
    }

    /// Reads the data of the chunk with this number, and compares them with its hash.
    ///
    /// # Errors
    /// When there is none, its file has changed, or cannot be read.
    pub fn read(&self, number: u32) -> Result<Bytes, ChunkError> {
        let chunk = self.map.chunk(number).ok_or(ChunkError::OutOfRange)?;
        let expected = DigestList::chunk_at(&self.list, number).ok_or(ChunkError::OutOfRange)?;
        let path = self.path(chunk.file).ok_or(ChunkError::OutOfRange)?;
        let len = usize::try_from(chunk.data).map_err(|_| ChunkError::OutOfRange)?;
        let mut data = vec![0; len];
        let file = open(&path).map_err(ChunkError::Io)?;
        let sparse = self.map.sparse(chunk.file).map(|sparse| &**sparse);
        let start = chunk.payload - self.map.payload_of(chunk.file).start;
        match read_data(&file, sparse, start, &mut data) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(ChunkError::Changed);
            }
            read => read.map_err(ChunkError::Io)?,
        }
        match self.map.hash(number, &data) == Some(expected) {
            true => Ok(data.into()),
            false => Err(ChunkError::Changed),
        }
    }

    fn path(&self, file: usize) -> Option<PathBuf> {
        match &self.files {
            Files::Sent(files) => files.get(file).map(|file| file.path),
            Files::Received { root, plan } => plan.file(file).map(|file| root.join(file.path)),
        }
    }
}

/// Reads data of a file from `offset` on, which counts no holes.
pub(crate) fn read_data(
    file: &File,
    sparse: Option<&SparseFile>,
    offset: u64,
    part: &mut [u8],
) -> io::Result<()> {
    let Some(sparse) = sparse else { return read_exact_at(file, part, offset) };
    let mut rest = part;
    for piece in sparse.pieces(offset..offset + rest.len() as u64) {
        let len = usize::try_from(piece.len).unwrap_or(usize::MAX).min(rest.len());
        let (now, later) = std::mem::take(&mut rest).split_at_mut(len);
        read_exact_at(file, now, piece.offset)?;
        rest = later;
    }
    Ok(())
}

/// Takes the data of a chunk out of all of its bytes, which may have some in holes.
///
/// `bytes` are those of the file from the chunk's offset on, `chunk.len` of them. `None` when there
/// are not as many.
pub fn data_of(map: &ChunkMap, chunk: &Chunk, bytes: &[u8]) -> Option<Vec<u8>> {
    let start = chunk.payload - map.payload_of(chunk.file).start;
    let Some(sparse) = map.sparse(chunk.file) else { return Some(bytes.to_vec()) };
    let mut data = Vec::with_capacity(usize::try_from(chunk.data).ok()?);
    for piece in sparse.pieces(start..start + chunk.data) {
        let from = usize::try_from(piece.offset.checked_sub(chunk.offset)?).ok()?;
        let len = usize::try_from(piece.len).ok()?;
        data.extend_from_slice(bytes.get(from..from.checked_add(len)?)?);
    }
    Some(data)
}

#[cfg(test)]
mod tests;
