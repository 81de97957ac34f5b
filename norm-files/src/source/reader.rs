//! Where the bytes of a session come from: manifest, files and digest list of a set, or files
//! alone.
//!
//! One thread reads, mostly in the order of the payload, so the payload is hashed as it is read for
//! the first time (`hashing`), and the digest list is ready when it is wanted. What was hashed
//! before (`hash_first`) is compared as it is read (`comparison`). What is read again for repair is
//! not hashed again. Memory does not grow with the files' sizes, but for the hashes.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use norm_core::fileset::{ChunkMap, ContentHash, FileHash, ManifestHash};

use super::comparison::Comparison;
use super::hash_cache::HashCache;
use super::hash_first::HashedSet;
use super::hashing::Hashing;
use super::open_files::{Files, changed};
use super::pool::Pool;
use super::read_error::SourceError;
use super::scan::FileSet;
use super::{Extents, HashedFile, SourceFile};

/// Bytes read at once to hash what was not asked for.
const HASH_STEP: u64 = 1 << 20;

/// Reads any part of a session's objects.
#[derive(Debug)]
pub struct Reader {
    files: Files,
    content: Content,
    /// Where hashes are kept for the next time, if they are.
    cache: Option<HashCache>,
    /// Nothing was read before.
    began: SystemTime,
    /// Why reading failed, to be reported.
    failure: Option<SourceError>,
}

/// What the objects are.
#[derive(Debug)]
enum Content {
    /// Those of a set.
    Set(Box<SetContent>),
    /// Files, which begin at these places of the payload.
    Files(Vec<u64>),
}

/// A set's manifest, and its digest list.
#[derive(Debug)]
struct SetContent {
    extents: Extents,
    manifest: Bytes,
    manifest_hash: ManifestHash,
    map: Arc<ChunkMap>,
    hashes: Hashes,
    pool: Pool,
}

/// The hashes of a set.
#[derive(Debug)]
enum Hashes {
    /// They are made as the payload is read: the digest list is the last object.
    Later { hashing: Box<Hashing>, list: Option<(Bytes, ContentHash)> },
    /// They were made before: the digest list follows the manifest.
    First(Box<Comparison>),
}

impl Reader {
    /// The objects of a set, hashed as they are read.
    pub fn new(extents: Extents, found: FileSet) -> Self {
        let content = Content::Set(Box::new(SetContent {
            extents,
            manifest: found.manifest.into(),
            manifest_hash: found.manifest_hash,
            map: Arc::clone(&found.map),
            hashes: Hashes::Later {
                hashing: Box::new(Hashing::new(found.manifest_hash, found.map)),
                list: None,
            },
            pool: Pool::default(),
        }));
        Self::with(content, found.files)
    }

    /// An object for each file; `offsets` says where they begin in the payload.
    pub fn of_files(offsets: Vec<u64>, found: FileSet) -> Self {
        let content = Content::Files(offsets);
        Self::with(content, found.files)
    }

    fn with(content: Content, files: Vec<SourceFile>) -> Self {
        let (files, began) = (Files::new(files), SystemTime::now());
        Self { files, content, cache: None, began, failure: None }
    }

    /// The same with a cache of hashes.
    #[must_use]
    pub fn with_cache(self, cache: Option<HashCache>) -> Self {
        Self { cache, ..self }
    }

    /// Hashes all files of a set now: its digest list is the second object then, and what is read
    /// later must have the same hashes. `watch` hears several times per second how many bytes are
    /// hashed, and may end it: then the result is `None`. Without a set nothing is hashed.
    ///
    /// # Errors
    /// When a file has changed since the scan, or cannot be read.
    pub fn hash_first(
        &mut self,
        watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<HashedSet>, SourceError> {
        let Content::Set(set) = &self.content else { return Ok(None) };
        let cache = self.cache.as_ref();
        let hashed =
            HashedSet::of(self.files.all(), Arc::clone(&set.map), set.manifest_hash, cache, watch)?;
        if let Some(hashed) = &hashed {
            self.take_hashes(hashed.clone());
        }
        Ok(hashed)
    }

    /// Takes what was hashed before, if it is of this set; false if not.
    pub fn take_hashes(&mut self, hashed: HashedSet) -> bool {
        match &mut self.content {
            Content::Set(set) if set.manifest_hash == hashed.manifest() => {
                set.hashes = Hashes::First(Box::new(Comparison::new(hashed)));
                true
            }
            _ => false,
        }
    }

    /// Exactly `len` bytes of the object with this number in the session, from `offset` on. `None`
    /// when they could not be had; [`Reader::take_failure`] tells why.
    pub fn read(&mut self, object: u64, offset: u64, len: u32) -> Option<Bytes> {
        let files = &mut self.files;
        let result = match &mut self.content {
            Content::Set(set) => set.read(files, object, offset, len),
            Content::Files(offsets) => read_file(files, offsets, object, offset, len),
        };
        result.map_err(|error| self.fail(error)).ok()
    }

    /// Keeps the hashes that were made while the payload was read, for the next time.
    pub fn keep_hashes(&self) {
        let (Content::Set(set), Some(cache)) = (&self.content, &self.cache) else { return };
        let Hashes::Later { list: Some((list, _)), .. } = &set.hashes else { return };
        cache.keep_all(self.files.all(), &set.map, self.began, list);
    }

    /// Notes why the set cannot be sent; the first reason stays.
    pub fn fail(&mut self, error: SourceError) {
        self.failure.get_or_insert(error);
    }

    /// Why a read failed: the first reason.
    pub fn take_failure(&mut self) -> Option<SourceError> {
        self.failure.take()
    }

    /// Names the set with all its content; `None` until the digest list has been made, and without
    /// a set.
    pub fn content(&self) -> Option<ContentHash> {
        let Content::Set(set) = &self.content else { return None };
        match &set.hashes {
            Hashes::Later { list, .. } => list.as_ref().map(|(_, content)| *content),
            Hashes::First(comparison) => Some(comparison.hashed().content()),
        }
    }

    /// The hashes of the first files with content, as far as they are hashed.
    pub fn hashes(&self) -> impl Iterator<Item = HashedFile> {
        let hashes = match &self.content {
            Content::Set(set) => set.hashes.files(),
            Content::Files(_) => Vec::new(),
        };
        let files = self.files.all().iter().zip(hashes);
        files.map(|(file, hash)| HashedFile { path: file.path.clone(), hash })
    }
}

impl SetContent {
    fn read(
        &mut self,
        files: &mut Files,
        object: u64,
        offset: u64,
        len: u32,
    ) -> Result<Bytes, SourceError> {
        let extents = u64::from(self.extents.count);
        let (list, first_extent) = match self.hashes {
            Hashes::Later { .. } => (extents + 1, 1),
            Hashes::First(_) => (1, 2),
        };
        match object {
            0 => slice(&self.manifest, offset, len),
            n if n == list => {
                let digest_list = self.digest_list(files)?;
                slice(&digest_list, offset, len)
            }
            n if n - first_extent < extents => {
                let start = (n - first_extent) * self.extents.extent_bytes;
                self.read_payload(files, start.saturating_add(offset), len)
            }
            _ => Err(SourceError::OutOfRange),
        }
    }

    fn read_payload(
        &mut self,
        files: &mut Files,
        offset: u64,
        len: u32,
    ) -> Result<Bytes, SourceError> {
        let end = offset.saturating_add(u64::from(len));
        if end > self.extents.payload_size {
            return Err(SourceError::OutOfRange);
        }
        let mut bytes = self.pool.take(len as usize);
        files.read(offset, bytes.as_mut())?;
        self.hashes.update(files, offset, bytes.as_ref())?;
        Ok(bytes.freeze())
    }

    /// The digest list, made when it is first wanted. What has not been read by then is read for
    /// hashing.
    fn digest_list(&mut self, files: &mut Files) -> Result<Bytes, SourceError> {
        while let Some(end) = self.hashes.unread(self.extents.payload_size) {
            let step = HASH_STEP.min(self.extents.payload_size - end);
            self.read_payload(files, end, step as u32)?;
        }
        self.hashes.list()
    }
}

impl Hashes {
    /// The hashes of the first files with content, as far as they are hashed.
    fn files(&self) -> Vec<FileHash> {
        match self {
            Self::Later { hashing, .. } => hashing.files(),
            Self::First(comparison) => comparison.hashed().files().to_vec(),
        }
    }

    /// Takes bytes that were read of the payload.
    fn update(&mut self, files: &Files, offset: u64, bytes: &[u8]) -> Result<(), SourceError> {
        match self {
            Self::Later { hashing, .. } => {
                // Known to be within the bytes, if there is anything new at all.
                let known = hashing.end().saturating_sub(offset);
                let known = usize::try_from(known).ok().filter(|_| offset <= hashing.end());
                if let Some(new) = known.and_then(|known| bytes.get(known..)) {
                    hashing.update(new);
                }
                Ok(())
            }
            Self::First(comparison) => comparison.update(offset, bytes).map_err(|file| {
                let file = files.all().get(file);
                let how = "its content is no longer what was hashed before the transfer";
                file.map_or(SourceError::OutOfRange, |file| changed(file, how))
            }),
        }
    }

    /// Where the payload goes on that has to be read before there is a digest list.
    fn unread(&self, payload_size: u64) -> Option<u64> {
        match self {
            Self::Later { hashing, list: None } => {
                Some(hashing.end()).filter(|&end| end < payload_size)
            }
            Self::Later { .. } | Self::First(_) => None,
        }
    }

    /// The digest list, when all is hashed.
    fn list(&mut self) -> Result<Bytes, SourceError> {
        match self {
            Self::Later { list: Some((made, _)), .. } => Ok(made.clone()),
            Self::Later { hashing, list } => {
                let (made, content) = hashing.digest_list().ok_or(SourceError::OutOfRange)?;
                let made = Bytes::from(made);
                *list = Some((made.clone(), content));
                Ok(made)
            }
            Self::First(comparison) => Ok(comparison.hashed().list().clone()),
        }
    }
}

/// Part of the file that is this object.
fn read_file(
    files: &mut Files,
    offsets: &[u64],
    object: u64,
    offset: u64,
    len: u32,
) -> Result<Bytes, SourceError> {
    let start = usize::try_from(object).ok().and_then(|object| offsets.get(object));
    let start = *start.ok_or(SourceError::OutOfRange)?;
    let mut bytes = vec![0; len as usize];
    files.read(start.saturating_add(offset), &mut bytes)?;
    Ok(bytes.into())
}

/// Part of something in memory, without copying.
fn slice(all: &Bytes, offset: u64, len: u32) -> Result<Bytes, SourceError> {
    let start = usize::try_from(offset).map_err(|_| SourceError::OutOfRange)?;
    let end = start.checked_add(len as usize).filter(|&end| end <= all.len());
    end.map(|end| all.slice(start..end)).ok_or(SourceError::OutOfRange)
}

#[cfg(test)]
mod tests;
