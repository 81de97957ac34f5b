//! The temporary files of one set in the output directory, and what of the set is in them.
//!
//! They go when the [`Spool`] goes, unless a later session can resume with them
//! ([`super::resume`]); only the payload may leave under a final name. Files of a second spool of
//! the same content are never kept.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockWriteGuard};

use norm_core::base::range_set::RangeSet;
use norm_core::fileset::{
    ChunkHash, ChunkMap, ContentError, FileHash, HASH_BYTES, MAX_DIGEST_LIST_BYTES, Manifest,
    ManifestHash,
};

use super::coming::Coming;
use super::digests::Digests;
use super::in_place::InPlace;
use super::ledger::{HashRun, Ledger, ReadBack};
use super::plan::Plan;
use super::resume::{self, Found, Have, ResumeData, ResumeProblem, State};
use super::set::{MAX_MANIFEST_READ, Part};
use super::space::{Free, Needs};
use super::spool_files::{SpoolFile, SpoolNames, create_new, lock};
use super::spool_name::SpoolName;
use super::{space, system};
use crate::kept::{Keeper, KeptBytes};
use crate::zeros::ZeroHashes;

/// Bytes that are read at once.
const PIECE: u64 = 1 << 20;

/// The files of one set, open for reading and writing. When it is dropped they stay, if a later
/// session can resume with them, and are removed otherwise.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    names: SpoolNames,
    manifest: File,
    payload: File,
    digests: File,
    /// The chunks of the payload, once the manifest is known.
    ledger: Mutex<Option<Ledger>>,
    /// A chunk does not have the hash that the digest list has for it.
    wrong: AtomicBool,
    /// Hashes of what is in holes.
    zeros: ZeroHashes,
    /// Where their hashes are written down for later sessions, once there are any.
    chunks: Mutex<Option<File>>,
    /// Content bytes written and not found wrong since.
    written: AtomicU64,
    /// Of the payload.
    have: Mutex<Have>,
    /// Where the last piece of the payload was written; the largest number before there is one.
    last: AtomicU64,
    /// The state on the disk does not say all.
    unsaved: AtomicBool,
    /// Bytes of the manifest, if all of it was there from the start; else 0.
    manifest_present: AtomicU64,
    /// A transfer receives into it.
    claimed: AtomicBool,
    /// Not to be kept.
    discarded: AtomicBool,
    /// Blocks that are here, in memory, and are to be written.
    coming: Coming,
    /// Files that are in place already.
    in_place: OnceLock<Mutex<InPlace>>,
    /// Open while blocks are written: chunks that are in place are noted when none is.
    gate: RwLock<()>,
    /// What of the payload is not wanted: nothing of it is written from then on.
    unwanted: OnceLock<RangeSet>,
    /// Bytes of the payload.
    size: u64,
    /// Free again only after the files are closed, so it is the last field.
    name: SpoolName,
}

/// Room is taken in steps of this many bytes: nothing can be written while one is under way.
const ROOM_STEP: u64 = 16 << 20;

impl Spool {
    /// Opens the files, and says why resume data that was there is of no use.
    ///
    /// # Errors
    /// As of [`Spools::open`](super::spool_table::Spools::open).
    pub fn open(
        directory: &Path,
        name: SpoolName,
        size: u64,
        resume: bool,
    ) -> io::Result<(Self, Option<ResumeProblem>)> {
        let names = SpoolNames::new(directory, &name);
        let is_kept = name.is_first() && resume;
        let found = match is_kept {
            true => resume::open(&names, name.content(), size)?,
            false => Found::Nothing(None),
        };
        let (data, problem) = match found {
            Found::Data(data) => (Some(data), None),
            Found::Nothing(problem) => (None, problem),
        };
        let ResumeData { manifest, payload, have, clipped } = match data {
            Some(data) => data,
            None => new_files(&names)?,
        };
        let resumes = have.bytes() > 0;
        let digests = create_new(&names.digests()).inspect_err(|_| {
            if !resumes {
                names.remove();
            }
        })?;
        let spool = Self {
            directory: directory.to_owned(),
            names,
            manifest,
            payload,
            digests,
            ledger: Mutex::new(None),
            zeros: ZeroHashes::default(),
            wrong: AtomicBool::new(false),
            chunks: Mutex::new(None),
            written: AtomicU64::new(have.bytes()),
            have: Mutex::new(have),
            last: AtomicU64::new(u64::MAX),
            unsaved: AtomicBool::new(clipped),
            manifest_present: AtomicU64::new(0),
            claimed: AtomicBool::new(true),
            discarded: AtomicBool::new(!is_kept),
            coming: Coming::default(),
            in_place: OnceLock::new(),
            gate: RwLock::new(()),
            unwanted: OnceLock::new(),
            size,
            name,
        };
        if clipped {
            // Before the file has its length again.
            spool.save()?;
        }
        if resumes {
            spool.look_at_manifest();
        }
        space::set_len(&spool.payload, size)?;
        Ok((spool, problem))
    }

    /// Says where the chunks of the payload are: their hashes are known from here on. Those that an
    /// earlier session has written down tell what was damaged since. What of the payload is not
    /// wanted counts as here.
    pub fn know_files(&self, plan: &Plan) {
        if plan.unwanted_files() > 0 && self.unwanted.set(plan.unwanted_ranges()).is_ok() {
            let more = self.have().bytes();
            self.written.fetch_sub(more - self.wanted_here(), Ordering::Relaxed);
        }
        let mut ledger = self.ledger();
        // Another sender of the same files may have said so before.
        if ledger.as_ref().is_none_or(|known| known.map() != plan.chunks()) {
            let kept = self.kept_hashes(plan.chunks());
            *ledger = Some(Ledger::new(Arc::clone(plan.chunks()), kept, &self.directory));
        }
    }

    /// What an earlier session has written down of chunks that are here.
    fn kept_hashes(&self, map: &ChunkMap) -> Vec<ChunkHash> {
        let have = self.have();
        if have.bytes() == 0 {
            return Vec::new();
        }
        let Ok(file) = resume::regular(&self.names.chunks(), false) else { return Vec::new() };
        let limit = u64::from(map.chunks()) * HASH_BYTES as u64;
        let Ok(bytes) = system::read_to_end(&file, limit) else { return Vec::new() };
        let (hashes, _) = bytes.as_chunks::<HASH_BYTES>();
        let here = |number| {
            let place = map.chunk(number).map(|chunk| chunk.range());
            place.is_some_and(|place| have.covers(place.start, place.end))
        };
        let kept = (0..map.chunks()).zip(hashes);
        kept.map(|(n, hash)| ChunkHash(if here(n) { *hash } else { [0; HASH_BYTES] })).collect()
    }

    fn ledger(&self) -> MutexGuard<'_, Option<Ledger>> {
        // A panic in here was in a block's write, and the set fails with it.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the chunks of the payload are, once that is known.
    pub(super) fn chunk_map(&self) -> Option<Arc<ChunkMap>> {
        self.ledger().as_ref().map(|ledger| Arc::clone(ledger.map()))
    }

    /// The parts of `start..end` of the payload that are wanted.
    fn wanted(&self, start: u64, end: u64) -> Vec<(u64, u64)> {
        match self.unwanted.get() {
            Some(unwanted) => unwanted.gaps(start, end).collect(),
            None => vec![(start, end)],
        }
    }

    /// Bytes that are here of what is wanted: an earlier session may have wanted more.
    fn wanted_here(&self) -> u64 {
        let have = self.have();
        let lacking = |start, end| -> u64 {
            have.ranges().gaps(start, end).map(|(from, to)| to - from).sum()
        };
        let wanted = self.wanted(0, self.size).into_iter();
        wanted.map(|(start, end)| end - start - lacking(start, end)).sum()
    }

    /// The digest list, from its bytes, once the chunks are known. What is in holes is hashed
    /// first.
    ///
    /// # Errors
    /// [`io::ErrorKind::Interrupted`] after `cancel` was set. The inner error tells that the list
    /// is malformed or of another set.
    pub fn parse_digests(
        &self,
        list: KeptBytes,
        cancel: &AtomicBool,
    ) -> io::Result<Result<Digests, ContentError>> {
        let Some(map) = self.chunk_map() else { return Err(io::ErrorKind::InvalidInput.into()) };
        self.zeros.prepare(&map, cancel)?;
        Ok(Digests::parse_with(list, self.content(), &map, &self.zeros))
    }

    /// Begins to read back a chunk; false when its hash is known, or not wanted.
    pub(super) fn start_reading(&self, chunk: u32) -> bool {
        let place = self.chunk_map().and_then(|map| map.chunk(chunk)).map(|chunk| chunk.range());
        if place.is_some_and(|place| self.wanted(place.start, place.end).is_empty()) {
            return false;
        }
        self.ledger().as_mut().is_some_and(|ledger| ledger.start_reading(chunk))
    }

    /// A chunk that is here was read back. False when it was damaged since an earlier session has
    /// left it.
    pub(super) fn was_read(&self, chunk: u32, hash: ChunkHash) -> bool {
        self.unsaved.store(true, Ordering::Relaxed);
        self.ledger().as_mut().is_none_or(|ledger| ledger.was_read(chunk, hash))
    }

    /// Waits until no block is being written, and keeps it so.
    pub(super) fn close_gate(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A chunk is in place with this hash, and `new` bytes of it were not here before.
    pub(super) fn count_compared(&self, chunk: u32, hash: ChunkHash, new: u64) {
        self.written.fetch_add(new, Ordering::Relaxed);
        if let Some(ledger) = self.ledger().as_mut() {
            ledger.was_compared(chunk, hash);
        }
    }

    /// Compares the chunks that were hashed since with the digest list, of as many chunks; returns
    /// the wrong ones.
    pub fn judge(&self, digests: &Arc<Digests>) -> Vec<u32> {
        self.wrong.store(false, Ordering::Relaxed);
        self.ledger().as_mut().map_or(Vec::new(), |ledger| ledger.judge(digests))
    }

    /// True when a chunk that was written turned out wrong since: it is to be
    /// [judged](Self::judge).
    pub fn is_wrong(&self) -> bool {
        self.wrong.load(Ordering::Relaxed)
    }

    /// The chunks that are not verified, but for those of some files, by their places among all.
    pub fn not_verified(&self, is_left_out: impl Fn(usize) -> bool) -> Vec<u32> {
        let ledger = self.ledger();
        let Some(ledger) = ledger.as_ref() else { return Vec::new() };
        let file = |number| ledger.map().chunk(number).map(|chunk| chunk.file);
        let counts = |&number: &u32| file(number).is_some_and(|file| !is_left_out(file));
        ledger.not_verified().filter(counts).collect()
    }

    /// The hash of a file, by its place among all, once its chunks are known.
    pub fn file_hash(&self, file: usize) -> Option<FileHash> {
        self.ledger().as_mut()?.file_hash(file, &self.zeros)
    }

    /// Says what the payload will become: files that are in place already are compared with what
    /// comes, instead of being written a second time.
    pub fn use_files_in_place(&self, plan: &Plan) {
        let found = InPlace::find(plan, &self.directory);
        if !found.is_empty() {
            // Another sender of the same files may have said so before.
            let _ = self.in_place.set(Mutex::new(found));
        }
    }

    /// The files that are in place already, if there are any.
    pub(super) fn in_place(&self) -> Option<MutexGuard<'_, InPlace>> {
        // Nothing in here panics halfway.
        self.in_place.get().map(|files| files.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Checks that there is room for what this payload will become, as far as the system tells.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`], with how much is missing.
    pub fn check_room(&self, plan: &Plan) -> io::Result<()> {
        // The first one takes the room. Only one of them can turn out to be right, and none may be
        // turned away because of another.
        if !self.name.is_first() {
            return Ok(());
        }
        // Asked first, so that room that is taken meanwhile is not missed.
        let free = Free::of(&self.directory);
        // After a crash the room for what is missing may be taken already.
        let present = match self.unwanted.get() {
            Some(_) => self.wanted_here(),
            None => self.have().bytes().max(space::taken(&self.payload)),
        };
        let needs = Needs::new(plan, self.in_place().as_deref(), present);
        needs.check(free, &self.directory)
    }

    /// Takes the room for the payload, while `wanted` says so. It takes some time, in which blocks
    /// can be written.
    ///
    /// # Errors
    /// When there is too little.
    pub fn take_room(&self, wanted: impl Fn() -> bool) -> io::Result<()> {
        if !self.name.is_first() {
            return Ok(());
        }
        let mut others = self.unwanted.get().cloned().unwrap_or_default();
        if let Some(files) = self.in_place() {
            files.ranges().for_each(|range| others.insert(range.start, range.end));
        }
        for (start, end) in others.gaps(0, self.size) {
            space::reserve_while(&self.payload, start..end, ROOM_STEP, &wanted)
                .map_err(|error| space::no_room(&self.directory, self.size, &error))?;
        }
        Ok(())
    }

    /// The temporary name of a file that a thread makes, to get a final name in the same directory;
    /// threads are numbered from 0 to 7.
    pub fn part(&self, thread: usize) -> String {
        self.names.part(thread)
    }

    /// The directory that the spool is in: the output directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What the files are about.
    pub fn content(&self) -> ManifestHash {
        self.name.content()
    }

    /// The open file.
    pub fn file(&self, which: SpoolFile) -> &File {
        match which {
            SpoolFile::Manifest => &self.manifest,
            SpoolFile::Payload => &self.payload,
            SpoolFile::DigestList => &self.digests,
        }
    }

    /// Where the file is.
    pub fn path(&self, which: SpoolFile) -> PathBuf {
        self.names.of(which)
    }

    /// Content bytes written, and not found wrong since; resume data counts.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// A block of a part is in memory, and is to be written.
    pub fn announce(&self, part: &Part, offset: u64, len: u64) {
        self.coming.announce(part.kind, part.offset + offset, len);
    }

    /// What was announced is written, or never will be.
    pub fn settle(&self, part: &Part, offset: u64, len: u64) {
        self.coming.settle(part.kind, part.offset + offset, len);
    }

    /// True while some of this range of the payload is to be written.
    pub fn is_coming(&self, start: u64, end: u64) -> bool {
        self.coming.any(start, end)
    }

    /// Blocks that are here, in memory, and are to be written.
    pub(super) fn coming(&self) -> &Coming {
        &self.coming
    }

    /// What of the payload is not wanted, once that is known.
    pub fn unwanted(&self) -> Option<&RangeSet> {
        self.unwanted.get()
    }

    /// True when all that is wanted of the payload is here, and a digest list of this many bytes.
    pub fn has_all(&self, digests: u64) -> bool {
        let mut have = self.have().ranges().clone();
        if let Some(files) = self.in_place() {
            files.compared().iter().for_each(|(start, end)| have.insert(start, end));
        }
        let wanted = self.wanted(0, self.size);
        self.coming.digests() >= digests
            && wanted.iter().all(|&(from, to)| self.coming.covers_rest(&have, from, to))
    }

    /// What is missing of what is wanted of the payload, ascending; `None` where that is more than
    /// `most` pieces.
    pub fn missing(&self, most: usize) -> Option<Vec<(u64, u64)>> {
        let pieces = |set: Option<&RangeSet>| set.map_or(0, RangeSet::pieces);
        let mut have = {
            let have = self.have();
            let pieces = have.ranges().pieces() + pieces(self.unwanted.get());
            (pieces <= most).then(|| have.ranges().clone())?
        };
        if let Some(files) = self.in_place() {
            files.compared().iter().for_each(|(start, end)| have.insert(start, end));
        }
        let wanted = self.wanted(0, self.size).into_iter();
        let missing: Vec<_> = wanted.flat_map(|(start, end)| have.gaps(start, end)).collect();
        (missing.len() <= most).then_some(missing)
    }

    /// Where the last piece of the payload was written, if one was.
    pub fn last_written(&self) -> Option<u64> {
        Some(self.last.load(Ordering::Relaxed)).filter(|&last| last != u64::MAX)
    }

    /// True when all of this range of the payload is written, or compared.
    pub(super) fn is_written(&self, start: u64, end: u64) -> bool {
        if self.have().covers(start, end) {
            return true;
        }
        let Some(files) = self.in_place() else { return false };
        let have = self.have();
        have.ranges().gaps(start, end).all(|(from, to)| files.compared().covers(from, to))
    }

    /// Writes a block of a part of the set to its place, `offset` bytes into the part.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_block(&self, part: &Part, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write(part.kind.into(), bytes, part.offset + offset)
    }

    /// Writes bytes to their place, and counts them. What is verified already stays as it is.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, which: SpoolFile, bytes: &[u8], offset: u64) -> io::Result<()> {
        let new = match which {
            SpoolFile::Payload => self.write_and_hash(bytes, offset)?,
            SpoolFile::Manifest | SpoolFile::DigestList => {
                system::write_all_at(self.file(which), bytes, offset)?;
                bytes.len() as u64
            }
        };
        self.written.fetch_add(new, Ordering::Relaxed);
        Ok(())
    }

    /// Writes what is wanted and of no verified chunk; returns how many bytes are new.
    fn write_and_hash(&self, bytes: &[u8], offset: u64) -> io::Result<u64> {
        let bytes = system::in_memory(bytes, offset);
        let _gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        let end = offset + bytes.len() as u64;
        let parts = match self.ledger().as_ref() {
            Some(ledger) if !ledger.is_unverified() => ledger.unverified(offset, end),
            _ => vec![(offset, end)],
        };
        self.last.store(offset, Ordering::Relaxed);
        let mut new = 0;
        for (start, end) in parts.into_iter().flat_map(|(start, end)| self.wanted(start, end)) {
            let part = (start - offset) as usize..(end - offset) as usize;
            let part = bytes.get(part).unwrap_or_default();
            new += self.write_payload(part, start)?;
            if let Some(ledger) = self.ledger().as_mut() {
                ledger.written(self, start, part)?;
                if ledger.is_wrong() {
                    self.wrong.store(true, Ordering::Relaxed);
                }
            }
        }
        Ok(new)
    }

    /// Writes what is of no file in place; returns how many bytes were not there before.
    fn write_payload(&self, bytes: &[u8], offset: u64) -> io::Result<u64> {
        if self.in_place.get().is_none() {
            return self.write_piece(bytes, offset);
        }
        loop {
            let Some(mut files) = self.in_place() else { return Ok(0) };
            match files.take(bytes, offset) {
                Ok((pieces, mut new)) => {
                    drop(files);
                    for (at, piece) in pieces {
                        new += self.write_piece(piece, at)?;
                    }
                    return Ok(new);
                }
                // One file fewer each time.
                Err(differs) => {
                    files.give_up(differs, |bytes, at| self.write_piece(bytes, at))?;
                }
            }
        }
    }

    pub(super) fn write_piece(&self, bytes: &[u8], offset: u64) -> io::Result<u64> {
        system::write_all_at(&self.payload, bytes, offset)?;
        self.unsaved.store(true, Ordering::Relaxed);
        Ok(self.have().insert(offset, offset + bytes.len() as u64))
    }

    /// The first `len` bytes of the manifest or the digest list, with little memory: both are
    /// bounded by the content model. They are copied, because others may change the spool's file.
    ///
    /// # Errors
    /// When they are longer than any can be, and what the system says.
    pub fn read_whole(&self, which: SpoolFile, len: u64) -> io::Result<KeptBytes> {
        if len > MAX_MANIFEST_READ.max(MAX_DIGEST_LIST_BYTES) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut keeper = Keeper::new(Some(&self.directory));
        let mut buffer = vec![0; usize::try_from(len.min(PIECE)).unwrap_or_default()];
        for start in (0..len).step_by(PIECE as usize) {
            let piece = usize::try_from((len - start).min(PIECE)).unwrap_or_default();
            let piece = buffer.get_mut(..piece).unwrap_or_default();
            system::read_exact_at(self.file(which), piece, start)?;
            keeper.append(piece);
        }
        Ok(keeper.finish(&[]))
    }

    /// What is there of the payload.
    pub fn have(&self) -> MutexGuard<'_, Have> {
        // Nothing in here panics halfway.
        self.have.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is there of the payload, less what was cut off because files were made of it.
    fn have_now(&self) -> io::Result<MutexGuard<'_, Have>> {
        let mut have = self.have();
        have.remove(system::stat(&self.payload)?.len(), u64::MAX);
        Ok(have)
    }

    /// True when a manifest of this size was there from the start; it counts as written then.
    pub fn take_manifest(&self, size: u64) -> bool {
        let present = size > 0 && self.manifest_present.load(Ordering::Relaxed) == size;
        if present {
            self.written.fetch_add(size, Ordering::Relaxed);
        }
        present
    }

    /// Forgets `start..end` of the payload, which turned out wrong and is to be received again.
    pub fn forget(&self, start: u64, end: u64) {
        if let Some(ledger) = self.ledger().as_mut() {
            ledger.forget(start, end);
        }
        self.unsaved.store(true, Ordering::Relaxed);
        let compared = self.in_place().map_or(0, |mut files| files.forget(start, end));
        let gone = self.have().remove(start, end) + compared;
        self.written.fetch_sub(gone, Ordering::Relaxed);
    }

    /// Forgets a manifest or digest list of this many bytes that turned out wrong, and is to be
    /// received again.
    pub fn forget_list(&self, size: u64) {
        self.manifest_present.store(0, Ordering::Relaxed);
        self.written.fetch_sub(size, Ordering::Relaxed);
    }

    /// True when the state on the disk does not say all that is there.
    pub fn is_unsaved(&self) -> bool {
        !self.is_discarded() && self.unsaved.load(Ordering::Relaxed)
    }

    /// Writes down what is there of the payload.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::NotFound`] when the directory is no longer there.
    pub fn save(&self) -> io::Result<()> {
        if self.is_moved() {
            return Err(io::ErrorKind::NotFound.into());
        }
        // Without them there is less to find damage by.
        let _ = self.save_hashes();
        // One at a time: the state is taken and written under the lock.
        let have = self.have_now()?;
        self.unsaved.store(false, Ordering::Relaxed);
        let content = self.name.content();
        let state = State { content, payload: self.size, have: have.clone() };
        let new = self.names.new_state();
        let file = create_new(&new)?;
        let written = system::write_all_at(&file, &state.emit(), 0);
        written.and_then(|()| system::rename(&new, &self.names.state())).inspect_err(|_| {
            self.unsaved.store(true, Ordering::Relaxed);
            let _ = system::remove(&new);
        })
    }

    /// Writes down the hashes that have changed.
    fn save_hashes(&self) -> io::Result<()> {
        // Nothing in here panics halfway.
        let mut file = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let runs = self.ledger().as_mut().map_or(Vec::new(), Ledger::take_unsaved);
            if runs.is_empty() {
                return Ok(());
            }
            let written = match &mut *file {
                Some(file) => write_runs(file, &runs),
                none => resume::regular(&self.names.chunks(), true)
                    .and_then(|file| write_runs(none.insert(file), &runs)),
            };
            written.inspect_err(|_| {
                if let Some(ledger) = self.ledger().as_mut() {
                    ledger.not_saved(&runs);
                }
            })?;
        }
    }

    /// Says that it is not to be kept: it is finished, or wrong.
    pub fn discard(&self) {
        self.discarded.store(true, Ordering::Relaxed);
    }

    /// Writes down what is there of the payload, and returns the bytes that stay for a later
    /// session when this is dropped; `None` when nothing stays.
    pub fn resumable(&self) -> Option<u64> {
        let bytes = self.have_now().map_or(0, |have| have.bytes());
        if bytes < resume::MIN_BYTES || self.is_discarded() || !self.is_ours() {
            return None;
        }
        match self.save() {
            Ok(()) => Some(bytes),
            Err(_) => resume::state(&self.names, self.name.content(), self.size)
                .map(|state| state.have.bytes().min(bytes)),
        }
    }

    /// Says that its transfer is over: another one with the same content may claim it.
    pub fn release(&self) {
        self.claimed.store(false, Ordering::Release);
    }

    /// True when it was released, and a payload of this many bytes can resume with it: then it is
    /// the caller's.
    pub(super) fn claim(&self, payload: u64) -> bool {
        let fits = self.size == payload && !self.is_discarded() && self.is_ours();
        fits && !self.claimed.swap(true, Ordering::AcqRel)
    }

    /// True for the first spool of its content, the only one that may be kept.
    pub(super) fn is_first(&self) -> bool {
        self.name.is_first()
    }

    /// Prepares it for another sender, which may cut the payload into other extents.
    pub(super) fn begin_again(&self) {
        if let Some(ledger) = self.ledger().as_mut() {
            ledger.begin_again();
        }
        self.written.store(self.wanted_here(), Ordering::Relaxed);
        self.look_at_manifest();
    }

    /// The payload's file has its name still, and no other.
    fn is_ours(&self) -> bool {
        self.has_only_its_name().unwrap_or(false)
    }

    /// True when the payload has lost its name: it was removed, or with it the directory, which may
    /// have been unmounted.
    pub(super) fn is_moved(&self) -> bool {
        resume::has_name(&self.payload, &self.names.payload()).is_ok_and(|same| !same)
    }

    fn has_only_its_name(&self) -> io::Result<bool> {
        resume::is_only_name(&self.payload, &self.names.payload())
    }

    fn is_discarded(&self) -> bool {
        self.discarded.load(Ordering::Relaxed)
    }

    /// Finds out whether all of the manifest is there.
    fn look_at_manifest(&self) {
        let present = system::stat(&self.manifest).and_then(|there| {
            let manifest = self.read_whole(SpoolFile::Manifest, there.len())?;
            let hash = Manifest::parse(&manifest).ok().map(|manifest| manifest.hash());
            Ok(if hash == Some(self.name.content()) { there.len() } else { 0 })
        });
        self.manifest_present.store(present.unwrap_or(0), Ordering::Relaxed);
    }

    /// Gives back the room that is taken for what is missing. Nothing is lost when it stays taken.
    fn give_back_room(&self) {
        let Ok(have) = self.have_now() else { return };
        let end = have.end();
        for (from, to) in have.ranges().gaps(0, end) {
            space::release(&self.payload, from, to - from);
        }
        // It may have got a file's mode already.
        let _ = system::set_mode(&self.payload, 0o600);
        let _ = system::set_len(&self.payload, end);
    }

    /// Keeps it for a later session, if it is worth that. What the system refuses to tell or do is
    /// no reason to throw content away.
    fn keep(&self) -> bool {
        let bytes = match self.have_now() {
            Ok(have) => have.bytes(),
            Err(_) => self.have().bytes(),
        };
        if bytes < resume::MIN_BYTES || self.is_discarded() {
            return false;
        }
        match self.has_only_its_name() {
            // Room first: on a full disk the state needs some.
            Ok(true) => self.give_back_room(),
            Ok(false) => return false,
            // It may be a placed file by now, and is not to be cut.
            Err(_) => {}
        }
        // If no state can be written, the last one still counts.
        self.save().or_else(|_| self.save()).is_ok()
            || resume::state(&self.names, self.name.content(), self.size).is_some()
    }
}

impl ReadBack for Spool {
    fn read_back(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self.in_place() {
            Some(mut files) => files.read(&self.payload, buffer, offset),
            None => system::read_exact_at(&self.payload, buffer, offset),
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if self.keep() {
            let _ = system::remove(&self.names.digests());
        } else {
            self.names.remove();
        }
    }
}

fn write_runs(file: &File, runs: &[HashRun]) -> io::Result<()> {
    runs.iter().try_for_each(|run| {
        let at = u64::from(run.first) * HASH_BYTES as u64;
        system::write_all_at(file, &run.hashes, at)
    })
}

/// New files in place of stale ones: nothing is there of the payload.
fn new_files(names: &SpoolNames) -> io::Result<ResumeData> {
    // The manifest's file carries the lock, so it is first.
    let manifest = create_new(&names.manifest())?;
    lock(&manifest)?;
    for stale in [names.state(), names.new_state(), names.chunks()] {
        let _ = system::remove(&stale);
    }
    let payload = create_new(&names.payload()).inspect_err(|_| {
        let _ = system::remove(&names.manifest());
    })?;
    Ok(ResumeData { manifest, payload, have: Have::default(), clipped: false })
}

#[cfg(test)]
mod tests;
