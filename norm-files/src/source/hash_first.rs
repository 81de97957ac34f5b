//! Hashes all files before a session begins: on several threads, which take runs of chunks.

use std::fs::File;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use norm_core::base::range_set::RangeSet;
use norm_core::fileset::{CHUNK_BYTES, ChunkHash, ChunkMap, ContentHash, FileHash, ManifestHash};

use super::SourceFiles;
use super::hash_cache::{HashCache, MIN_BYTES};
use super::hashing::{digest_list, first_files, hash_in};
use super::open_files::{read_checked, read_error};
use super::read_error::SourceError;
use crate::kept::KeptHashes;
use crate::zeros::ZeroHashes;

/// Chunks that a thread takes at once.
const RUN: u32 = 16;
/// Threads at most: more than disks can serve.
const MAX_THREADS: usize = 16;
/// How often it is told how much is hashed.
const WATCH_INTERVAL: Duration = Duration::from_millis(50);

/// The hashes of a set, known before the first byte of its payload is sent. Copies share the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedSet {
    manifest: ManifestHash,
    map: Arc<ChunkMap>,
    list: Bytes,
    content: ContentHash,
    /// Of the first files.
    files: Vec<FileHash>,
}

impl HashedSet {
    /// Hashes all files of the set with this manifest, but for those whose hashes are in the cache,
    /// which gets the others. `watch` hears several times per second how
    /// many bytes are hashed, and may end it: then the result is `None`.
    ///
    /// # Errors
    /// When a file has changed since the scan, or cannot be read.
    pub(super) fn of(
        files: &SourceFiles,
        map: Arc<ChunkMap>,
        manifest: ManifestHash,
        cache: Option<&HashCache>,
        watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<Self>, SourceError> {
        let began = SystemTime::now();
        let zeros = ZeroHashes::default();
        let mut hashes = KeptHashes::new(map.chunks(), None);
        let known = cache.map_or(RangeSet::new(), |cache| look_up(cache, files, &map, &mut hashes));
        let work = Work {
            files,
            map: &map,
            zeros: &zeros,
            runs: runs(&known, map.chunks()),
            next: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        };
        if !work.run(&mut hashes, watch)? {
            return Ok(None);
        }
        if let Some(cache) = cache {
            for (number, file) in files.iter().enumerate().filter(|&(n, _)| is_cached(&map, n)) {
                let chunks = map.of_file(number);
                if !known.covers(chunks.start.into(), chunks.end.into()) {
                    // With too few hashes it says nothing.
                    cache.keep(&file, began, chunks.map_while(|number| hashes.get(number)));
                }
            }
            cache.trim();
        }
        Self::new(map, manifest, &zeros, &mut hashes).map(Some)
    }

    fn new(
        map: Arc<ChunkMap>,
        manifest: ManifestHash,
        zeros: &ZeroHashes,
        hashes: &mut KeptHashes,
    ) -> Result<Self, SourceError> {
        let chunks = map.chunks();
        let list = digest_list(manifest, &map, zeros, hashes, chunks);
        let (list, content) = list.ok_or(SourceError::OutOfRange)?;
        let content = content.ok_or(SourceError::OutOfRange)?;
        let files = first_files(&map, zeros, hashes, chunks);
        Ok(Self { manifest, map, list, content, files })
    }

    /// Names the transfer.
    pub fn manifest(&self) -> ManifestHash {
        self.manifest
    }

    /// Names the set with all its content.
    pub fn content(&self) -> ContentHash {
        self.content
    }

    /// Where the chunks are in the payload.
    pub(super) fn map(&self) -> &Arc<ChunkMap> {
        &self.map
    }

    /// The digest list.
    pub(super) fn list(&self) -> &Bytes {
        &self.list
    }

    /// The hash of the chunk with this number.
    pub(super) fn chunk(&self, number: u32) -> Option<ChunkHash> {
        hash_in(&self.list, number)
    }

    /// The hashes of the first files.
    pub(super) fn files(&self) -> &[FileHash] {
        &self.files
    }
}

/// What all threads share.
struct Work<'a> {
    files: &'a SourceFiles,
    map: &'a ChunkMap,
    zeros: &'a ZeroHashes,
    /// The chunks that are to be hashed.
    runs: Vec<Range<u32>>,
    /// The first run that no thread has taken.
    next: AtomicUsize,
    /// Stopped, or failed.
    is_over: AtomicBool,
}

/// The hashes of a run of chunks, with the number of the first one, and bytes of them all.
struct Run {
    first: u32,
    hashes: Vec<ChunkHash>,
    bytes: u64,
}

/// True when the chunks of a file may be in the cache: where holes are, a file system may say
/// otherwise another time.
fn is_cached(map: &ChunkMap, file: usize) -> bool {
    map.sparse(file).is_none()
}

/// Puts the hashes that are in the cache in their places; returns their numbers.
fn look_up(
    cache: &HashCache,
    files: &SourceFiles,
    map: &ChunkMap,
    hashes: &mut KeptHashes,
) -> RangeSet {
    let mut known = RangeSet::new();
    let large = files.iter().enumerate().filter(|(_, file)| file.size >= MIN_BYTES);
    for (number, file) in large.filter(|&(n, _)| is_cached(map, n)) {
        let chunks = map.of_file(number);
        if let Some(found) = cache.look_up(&file, chunks.len()) {
            known.insert(chunks.start.into(), chunks.end.into());
            chunks.zip(found).for_each(|(number, hash)| hashes.set(number, hash));
        }
    }
    known
}

/// Runs of chunks whose hashes are not known.
fn runs(known: &RangeSet, chunks: u32) -> Vec<Range<u32>> {
    // They are numbers of chunks.
    let gaps = known.gaps(0, chunks.into()).map(|(start, end)| start as u32..end as u32);
    let cut = |gap: Range<u32>| {
        gap.clone().step_by(RUN as usize).map(move |start| start..gap.end.min(start + RUN))
    };
    gaps.flat_map(cut).collect()
}

impl Work<'_> {
    /// Puts the hashes of all runs in their places; false when `watch` has ended it.
    fn run(
        &self,
        hashes: &mut KeptHashes,
        watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<bool, SourceError> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(MAX_THREADS).min(self.runs.len());
        let chunks = self.runs.iter().flat_map(Range::clone);
        let total: u64 = chunks.filter_map(|n| self.map.chunk(n)).map(|chunk| chunk.data).sum();
        let known = self.map.payload_size() - total;
        thread::scope(|scope| {
            let (sender, results) = mpsc::channel();
            for _ in 0..threads {
                let sender = sender.clone();
                scope.spawn(move || self.take_runs(&sender));
            }
            // Before the first one is done, if there are few.
            scope.spawn(|| self.zeros.prepare(self.map, &self.is_over));
            drop(sender);
            let (mut done, mut failure) = (0, None);
            loop {
                if watch(known + done).is_break() {
                    self.is_over.store(true, Ordering::Relaxed);
                }
                match results.recv_timeout(WATCH_INTERVAL) {
                    Ok(Ok(run)) => {
                        let Run { first, hashes: new, bytes } = run;
                        (first..).zip(new).for_each(|(number, hash)| hashes.set(number, hash));
                        done += bytes;
                    }
                    Ok(Err(error)) => {
                        self.is_over.store(true, Ordering::Relaxed);
                        failure.get_or_insert(error);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            failure.map_or(Ok(done == total), Err)
        })
    }

    /// What one thread does.
    fn take_runs(&self, results: &mpsc::Sender<Result<Run, SourceError>>) {
        let mut buffer = vec![0; CHUNK_BYTES as usize];
        while let Some(run) = self.runs.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let hashed = self.hash_run(run.clone(), &mut buffer).transpose();
            let goes_on = matches!(hashed, Some(Ok(_)));
            let is_told = hashed.is_some_and(|hashed| results.send(hashed).is_ok());
            if !goes_on || !is_told {
                return;
            }
        }
    }

    /// Hashes these chunks; `None` when it is over before.
    fn hash_run(&self, run: Range<u32>, buffer: &mut [u8]) -> Result<Option<Run>, SourceError> {
        let mut done = Run { first: run.start, hashes: Vec::new(), bytes: 0 };
        let mut open: Option<(usize, File)> = None;
        for number in run {
            if self.is_over.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let chunk = self.map.chunk(number).ok_or(SourceError::OutOfRange)?;
            let source = self.files.get(chunk.file).ok_or(SourceError::OutOfRange)?;
            let file = match open.take().filter(|(at, _)| *at == chunk.file) {
                Some((_, file)) => file,
                None => File::open(&source.path).map_err(|error| read_error(&source, error))?,
            };
            let bytes = buffer.get_mut(..chunk.data as usize).ok_or(SourceError::OutOfRange)?;
            read_checked(&file, &source, chunk.payload - source.offset, bytes)?;
            done.hashes.push(self.map.hash(number, bytes).ok_or(SourceError::OutOfRange)?);
            done.bytes += chunk.data;
            open = Some((chunk.file, file));
        }
        Ok(Some(done))
    }
}
