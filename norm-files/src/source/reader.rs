//! Where the bytes of a session come from: manifest, files and digest list of a set, or files
//! alone.
//!
//! One thread reads, mostly in the order of the payload, so the payload is hashed as it is read for
//! the first time (`hashing`), and the digest list is ready when it is wanted. What was hashed
//! before (`hash_first`) is compared as it is read (`comparison`). What is read again for repair is
//! not hashed again. Memory does not grow with the files' sizes, but for the hashes.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use norm_core::fileset::{ChunkHash, ChunkMap, ContentHash, FileHash, ManifestHash};

use super::comparison::Comparison;
use super::current::CurrentFile;
use super::hash_cache::HashCache;
use super::hash_first::HashedSet;
use super::hashing::{Hashing, hash_in};
use super::list_hash::ListHash;
use super::open_files::{Files, changed};
use super::pool::Pool;
use super::read_error::SourceError;
use super::scan::FileSet;
use super::withdrawals::{Withdrawals, WithdrawnFile};
use super::{Extents, HashedFile, SourceFiles};
use crate::complete::CompleteSet;

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
    list_hash: ListHash,
    pool: Pool,
    withdrawals: Withdrawals,
}

/// Where an object of a set has its content.
enum Place {
    /// Here.
    Memory(Bytes),
    /// In the payload, from this byte on.
    Payload(u64),
}

/// The hashes of a set.
#[derive(Debug)]
enum Hashes {
    /// They are made as the payload is read: the digest list is the last object.
    Later { hashing: Box<Hashing>, list: Option<(Bytes, Option<ContentHash>)> },
    /// They were made before: the digest list follows the manifest.
    First(Box<Comparison>),
}

impl Reader {
    /// The objects of a set, hashed as they are read.
    pub fn new(extents: Extents, found: FileSet) -> Self {
        let content = Content::Set(Box::new(SetContent {
            extents,
            manifest: found.manifest.to_bytes(),
            manifest_hash: found.manifest_hash,
            map: Arc::clone(&found.map),
            hashes: Hashes::Later {
                hashing: Box::new(Hashing::new(found.manifest_hash, found.map)),
                list: None,
            },
            list_hash: ListHash::default(),
            pool: Pool::default(),
            withdrawals: Withdrawals::default(),
        }));
        Self::with(content, found.files)
    }

    /// An object for each file; `offsets` says where they begin in the payload.
    pub fn of_files(offsets: Vec<u64>, found: FileSet) -> Self {
        let content = Content::Files(offsets);
        Self::with(content, found.files)
    }

    fn with(content: Content, files: SourceFiles) -> Self {
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
                set.list_hash.set(hashed.list());
                set.hashes = Hashes::First(Box::new(Comparison::new(hashed)));
                true
            }
            _ => false,
        }
    }

    /// The set that was hashed first, to be read by others too; `None` when it was not.
    pub fn complete(&self) -> Option<CompleteSet> {
        let Content::Set(set) = &self.content else { return None };
        let Hashes::First(comparison) = &set.hashes else { return None };
        let (hashed, files) = (comparison.hashed(), self.files.all().clone());
        let (manifest, list) = (set.manifest.clone(), hashed.list().clone());
        Some(CompleteSet::of_source(files, manifest, set.manifest_hash, list, hashed.content()))
    }

    /// The files of a set that can no longer be sent, as they are found; never any without a set.
    pub fn withdrawals(&self) -> Withdrawals {
        match &self.content {
            Content::Set(set) => set.withdrawals.clone(),
            Content::Files(_) => Withdrawals::default(),
        }
    }

    /// What the digest list of a set ends with, when it is made; never known without a set.
    pub fn list_hash(&self) -> ListHash {
        match &self.content {
            Content::Set(set) => set.list_hash.clone(),
            Content::Files(_) => ListHash::default(),
        }
    }

    /// Which file was read last, from now on.
    pub fn current(&self) -> CurrentFile {
        self.files.current().clone()
    }

    /// Exactly `len` bytes of the object with this number in the session, from `offset` on. `None`
    /// when they could not be had; [`Reader::take_failure`] tells why. Of a set, files that have
    /// changed since the scan or cannot be read are withdrawn: zeros take their place.
    pub fn read(&mut self, object: u64, offset: u64, len: u32) -> Option<Bytes> {
        let files = &mut self.files;
        let result = match &mut self.content {
            Content::Set(set) => set.read(files, object, offset, len),
            Content::Files(offsets) => read_file(files, offsets, object, offset, len),
        };
        result.map_err(|error| self.fail(error)).ok()
    }

    /// Fills `piece` with bytes of an object, for many short pieces in any order: they are not
    /// compared with what was hashed. False when they could not be had.
    pub fn read_piece(&mut self, object: u64, offset: u64, piece: &mut [u8]) -> bool {
        let files = &mut self.files;
        let result = match &mut self.content {
            Content::Set(set) => set.read_piece(files, object, offset, piece),
            Content::Files(offsets) => read_into(files, offsets, object, offset, piece),
        };
        result.map_err(|error| self.fail(error)).is_ok()
    }

    /// Keeps the hashes that were made while the payload was read, for the next time, unless files
    /// are withdrawn.
    pub fn keep_hashes(&self) {
        let (Content::Set(set), Some(cache)) = (&self.content, &self.cache) else { return };
        let Hashes::Later { list: Some((list, Some(_))), .. } = &set.hashes else { return };
        if self.files.any_withdrawn() {
            return;
        }
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

    /// Names the set with all its content; `None` until the digest list has been made, when files
    /// are withdrawn, and without a set.
    pub fn content(&self) -> Option<ContentHash> {
        let Content::Set(set) = &self.content else { return None };
        if self.files.any_withdrawn() {
            return None;
        }
        match &set.hashes {
            Hashes::Later { list, .. } => list.as_ref().and_then(|(_, content)| *content),
            Hashes::First(comparison) => Some(comparison.hashed().content()),
        }
    }

    /// The hashes of the first files with content, as far as they are hashed and not withdrawn.
    pub fn hashes(&self) -> impl Iterator<Item = HashedFile> {
        let hashes = match &self.content {
            Content::Set(set) => set.hashes.files(),
            Content::Files(_) => Vec::new(),
        };
        let files = self.files.all().iter().zip(hashes).enumerate();
        let sent = files.filter(|(index, _)| !self.files.is_withdrawn(*index));
        sent.map(|(_, (file, hash))| HashedFile { path: file.path, hash })
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
        match self.place(files, object)? {
            Place::Memory(bytes) => slice(&bytes, offset, len),
            Place::Payload(start) => self.read_payload(files, start.saturating_add(offset), len),
        }
    }

    /// Reads a piece of an object without a comparison.
    fn read_piece(
        &mut self,
        files: &mut Files,
        object: u64,
        offset: u64,
        piece: &mut [u8],
    ) -> Result<(), SourceError> {
        let len = u32::try_from(piece.len()).map_err(|_| SourceError::OutOfRange)?;
        match self.place(files, object)? {
            Place::Memory(bytes) => piece.copy_from_slice(&slice(&bytes, offset, len)?),
            Place::Payload(start) => {
                for (file, error) in files.read_most(start.saturating_add(offset), piece)? {
                    self.withdraw(files, file, error);
                }
            }
        }
        Ok(())
    }

    /// Where an object's content is.
    fn place(&mut self, files: &mut Files, object: u64) -> Result<Place, SourceError> {
        let extents = u64::from(self.extents.count);
        let first_extent = self.first_extent();
        let list = if first_extent == 1 { extents + 1 } else { 1 };
        match object {
            0 => Ok(Place::Memory(self.manifest.clone())),
            n if n == list => Ok(Place::Memory(self.digest_list(files)?)),
            n if n - first_extent < extents => {
                Ok(Place::Payload((n - first_extent) * self.extents.extent_bytes))
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
        for (file, error) in files.read_most(offset, bytes.as_mut())? {
            self.withdraw(files, file, error);
        }
        while let Err((file, error)) = self.hashes.compare(files, offset, bytes.as_ref()) {
            let place = files.place(file);
            self.withdraw(files, file, error);
            let from = place.start.saturating_sub(offset).min(len.into());
            let to = place.end.saturating_sub(offset).min(len.into());
            bytes.as_mut()[from as usize..to as usize].fill(0);
        }
        self.hashes.update(files, offset, bytes.as_ref());
        Ok(bytes.freeze())
    }

    /// A file can no longer be sent.
    fn withdraw(&mut self, files: &mut Files, index: usize, error: SourceError) {
        if !files.withdraw(index) {
            return;
        }
        let Some(file) = files.all().get(index) else { return };
        self.hashes.withdraw(index);
        let parts = self.parts(files.place(index));
        let (entry, path) = (file.entry, file.path);
        self.withdrawals.push(WithdrawnFile { entry, path, error, parts });
    }

    /// The objects with this part of the payload, and where in them it is.
    fn parts(&self, place: Range<u64>) -> Vec<(u64, Range<u64>)> {
        let bytes = self.extents.extent_bytes;
        let extents = place.start / bytes..place.end.div_ceil(bytes);
        let part = |extent: u64| {
            let start = extent * bytes;
            let within = place.start.max(start) - start..place.end.min(start + bytes) - start;
            (self.first_extent() + extent, within)
        };
        extents.map(part).collect()
    }

    /// The number of the object that is the first extent.
    fn first_extent(&self) -> u64 {
        match self.hashes {
            Hashes::Later { .. } => 1,
            Hashes::First(_) => 2,
        }
    }

    /// The digest list, made when it is first wanted. What has not been read by then is read for
    /// hashing.
    fn digest_list(&mut self, files: &mut Files) -> Result<Bytes, SourceError> {
        while let Some(end) = self.hashes.unread(self.extents.payload_size) {
            let step = HASH_STEP.min(self.extents.payload_size - end);
            self.read_payload(files, end, step as u32)?;
        }
        let list = self.hashes.list()?;
        self.list_hash.set(&list);
        Ok(list)
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

    /// Compares bytes of the payload with what was read before. A file that differs is an error, by
    /// its index: it is to be withdrawn, and the same bytes compared again.
    fn compare(
        &mut self,
        files: &mut Files,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), (usize, SourceError)> {
        // What comes in the order of the payload is hashed as it comes.
        let next = match self {
            Self::Later { hashing, .. } => hashing.end(),
            Self::First(comparison) => comparison.end(),
        };
        let again = usize::try_from(next.saturating_sub(offset)).unwrap_or(usize::MAX);
        let again = bytes.get(..again).unwrap_or(bytes);
        match self {
            Self::First(comparison) if offset > next => {
                let begun = comparison.begun();
                self.compare_chunks(files, begun, offset, &[])?;
                self.compare_again(files, offset, bytes)?;
                if let Self::First(comparison) = self {
                    comparison.skip_to(offset + bytes.len() as u64);
                }
                return Ok(());
            }
            _ => self.compare_again(files, offset, again)?,
        }
        let Self::First(comparison) = self else { return Ok(()) };
        comparison.update(files, offset, bytes).map_err(|file| (file, differs(files, file)))
    }

    /// Compares the chunks with bytes that are read again, or out of order.
    fn compare_again(
        &self,
        files: &mut Files,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), (usize, SourceError)> {
        let chunks = self.map().over(offset, offset + bytes.len() as u64);
        self.compare_chunks(files, chunks, offset, bytes)
    }

    /// Compares these chunks; what is not in `bytes`, which begin at `offset`, is read.
    fn compare_chunks(
        &self,
        files: &mut Files,
        chunks: Range<u32>,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), (usize, SourceError)> {
        let map = self.map();
        let mut whole = Vec::new();
        for number in chunks {
            let (Some(chunk), Some(hash)) = (map.chunk(number), self.chunk(number)) else {
                continue;
            };
            if files.is_withdrawn(chunk.file) {
                continue;
            }
            let place = chunk.range();
            let start = place.start.checked_sub(offset).map(|start| start as usize);
            let here = start.and_then(|start| bytes.get(start..start + chunk.data as usize));
            let content = match here {
                Some(content) => content,
                None => {
                    whole.resize(chunk.data as usize, 0);
                    files.read(place.start, &mut whole).map_err(|error| (chunk.file, error))?;
                    &whole
                }
            };
            if map.hash(number, content) != Some(hash) {
                return Err((chunk.file, differs(files, chunk.file)));
            }
        }
        Ok(())
    }

    /// Where the chunks are in the payload.
    fn map(&self) -> &ChunkMap {
        match self {
            Self::Later { hashing, .. } => hashing.map(),
            Self::First(comparison) => comparison.hashed().map(),
        }
    }

    /// The hash of a chunk, if it is hashed.
    fn chunk(&self, number: u32) -> Option<ChunkHash> {
        match self {
            Self::Later { list: Some((list, _)), .. } => hash_in(list, number),
            Self::Later { hashing, .. } => hashing.chunk(number),
            Self::First(comparison) => comparison.hashed().chunk(number),
        }
    }

    /// Takes bytes of the payload that were compared.
    fn update(&mut self, files: &Files, offset: u64, bytes: &[u8]) {
        let Self::Later { hashing, .. } = self else { return };
        // Known to be within the bytes, if there is anything new at all.
        let known = hashing.end().saturating_sub(offset);
        let known = usize::try_from(known).ok().filter(|_| offset <= hashing.end());
        if let Some(new) = known.and_then(|known| bytes.get(known..)) {
            hashing.update(files, new);
        }
    }

    /// A file is withdrawn: its chunks have no hashes in the digest list, unless that is made.
    fn withdraw(&mut self, file: usize) {
        if let Self::Later { hashing, list: None } = self {
            hashing.withdraw(file);
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
            Self::Later { hashing, list, .. } => {
                let (made, content) = hashing.digest_list().ok_or(SourceError::OutOfRange)?;
                *list = Some((made.clone(), content));
                Ok(made)
            }
            Self::First(comparison) => Ok(comparison.hashed().list().clone()),
        }
    }
}

/// The error of a file, by its index, whose content is another one than before.
fn differs(files: &Files, index: usize) -> SourceError {
    let how = "its content was changed after the transfer began";
    files.all().get(index).map_or(SourceError::OutOfRange, |file| changed(&file, how))
}

/// Part of the file that is this object.
fn read_file(
    files: &mut Files,
    offsets: &[u64],
    object: u64,
    offset: u64,
    len: u32,
) -> Result<Bytes, SourceError> {
    let mut bytes = vec![0; len as usize];
    read_into(files, offsets, object, offset, &mut bytes)?;
    Ok(bytes.into())
}

/// The same, into `part`.
fn read_into(
    files: &mut Files,
    offsets: &[u64],
    object: u64,
    offset: u64,
    part: &mut [u8],
) -> Result<(), SourceError> {
    let start = usize::try_from(object).ok().and_then(|object| offsets.get(object));
    let start = *start.ok_or(SourceError::OutOfRange)?;
    files.read(start.saturating_add(offset), part)
}

/// Part of something in memory, without copying.
fn slice(all: &Bytes, offset: u64, len: u32) -> Result<Bytes, SourceError> {
    let start = usize::try_from(offset).map_err(|_| SourceError::OutOfRange)?;
    let end = start.checked_add(len as usize).filter(|&end| end <= all.len());
    end.map(|end| all.slice(start..end)).ok_or(SourceError::OutOfRange)
}

#[cfg(test)]
mod tests;
