//! What a spool finds of earlier sessions, and leaves to later ones: the state, and the hashes of
//! its chunks.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use norm_core::fileset::{ChunkHash, ChunkMap, ContentError, FileHash, HASH_BYTES, Manifest};

use super::super::coming::Coming;
use super::super::digests::Digests;
use super::super::ledger::{HashRun, Ledger};
use super::super::plan::Plan;
use super::super::resume::{self, Found, Have, ResumeData, ResumeProblem, State};
use super::super::spool_files::{SpoolFile, SpoolNames, create_new, lock};
use super::super::spool_name::SpoolName;
use super::super::{space, system};
use super::Spool;
use crate::kept::KeptBytes;
use crate::zeros::ZeroHashes;

impl Spool {
    /// Opens the files, and says why resume data that was there is of no use.
    ///
    /// # Errors
    /// As of [`Spools::open`](super::super::spool_table::Spools::open).
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

    pub(super) fn ledger(&self) -> MutexGuard<'_, Option<Ledger>> {
        // A panic in here was in a block's write, and the set fails with it.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the chunks of the payload are, once that is known.
    pub(in super::super) fn chunk_map(&self) -> Option<Arc<ChunkMap>> {
        self.ledger().as_ref().map(|ledger| Arc::clone(ledger.map()))
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
    pub(in super::super) fn start_reading(&self, chunk: u32) -> bool {
        let place = self.chunk_map().and_then(|map| map.chunk(chunk)).map(|chunk| chunk.range());
        if place.is_some_and(|place| self.wanted(place.start, place.end).is_empty()) {
            return false;
        }
        self.ledger().as_mut().is_some_and(|ledger| ledger.start_reading(chunk))
    }

    /// A chunk that is here was read back. False when it was damaged since an earlier session has
    /// left it.
    pub(in super::super) fn was_read(&self, chunk: u32, hash: ChunkHash) -> bool {
        self.unsaved.store(true, Ordering::Relaxed);
        self.ledger().as_mut().is_none_or(|ledger| ledger.was_read(chunk, hash))
    }

    /// A chunk is in place with this hash, and `new` bytes of it were not here before.
    pub(in super::super) fn count_compared(&self, chunk: u32, hash: ChunkHash, new: u64) {
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

    /// True when a manifest of this size was there from the start; it counts as written then.
    pub fn take_manifest(&self, size: u64) -> bool {
        let present = size > 0 && self.manifest_present.load(Ordering::Relaxed) == size;
        if present {
            self.written.fetch_add(size, Ordering::Relaxed);
        }
        present
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
    pub(in super::super) fn claim(&self, payload: u64) -> bool {
        let fits = self.size == payload && !self.is_discarded() && self.is_ours();
        fits && !self.claimed.swap(true, Ordering::AcqRel)
    }

    /// True for the first spool of its content, the only one that may be kept.
    pub(in super::super) fn is_first(&self) -> bool {
        self.name.is_first()
    }

    /// Prepares it for another sender, which may cut the payload into other extents.
    pub(in super::super) fn begin_again(&self) {
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
    pub(in super::super) fn is_moved(&self) -> bool {
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
