//! The temporary files of one set in the output directory, and what of the set is in them.
//!
//! They go when the [`Spool`] goes, unless a later session can resume with them
//! ([`super::resume`]); only the payload may leave under a final name. Files of a second spool of
//! the same content are never kept.

mod kept;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockWriteGuard};

use norm_core::base::range_set::RangeSet;
use norm_core::fileset::{Chunk, ChunkHash, MAX_DIGEST_LIST_BYTES, ManifestHash};

use super::coming::Coming;
use super::in_place::InPlace;
use super::ledger::{Ledger, ReadBack};
use super::plan::Plan;
use super::resume::Have;
use super::set::{MAX_MANIFEST_READ, Part};
use super::space::{Free, Needs};
use super::spool_files::{SpoolFile, SpoolNames};
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

    /// Waits until no block is being written, and keeps it so.
    pub(super) fn close_gate(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().unwrap_or_else(PoisonError::into_inner)
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

    /// What is here of `start..end` of the payload, written or in memory, counted from `start`.
    pub fn held(&self, start: u64, end: u64) -> RangeSet {
        let mut here = self.have().ranges().clone();
        if let Some(files) = self.in_place() {
            files.compared().iter().for_each(|(from, to)| here.insert(from, to));
        }
        self.coming().add_to(&mut here, start, end);
        let mut held = RangeSet::new();
        here.overlaps(start, end).for_each(|(from, to)| held.insert(from - start, to - start));
        held
    }

    /// True when this byte of the payload is of a file that is in place already.
    pub(super) fn is_in_place(&self, at: u64) -> bool {
        self.in_place().is_some_and(|files| files.has_at(at))
    }

    /// A chunk of a file that is there has the right hash: it counts as here, where it is, or
    /// copied.
    ///
    /// # Errors
    /// What the system says of the copy.
    pub(super) fn put_compared(
        &self,
        number: u32,
        hash: ChunkHash,
        bytes: &[u8],
        chunk: &Chunk,
    ) -> io::Result<()> {
        // No block is written meanwhile.
        let _gate = self.close_gate();
        let place = chunk.range();
        let matched = self.in_place().and_then(|mut files| files.match_range(&place));
        let new = match matched {
            Some(new) => new,
            None => self.write_piece(bytes, place.start)?,
        };
        self.count_compared(number, hash, new);
        Ok(())
    }

    /// A file that is in place, and has this byte of the payload, is another one: what was compared
    /// of it is copied.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn give_up_in_place(&self, at: u64) -> io::Result<()> {
        let Some(mut files) = self.in_place() else { return Ok(()) };
        match files.find_at(at) {
            Some(differs) => files.give_up(differs, |bytes, at| self.write_piece(bytes, at)),
            None => Ok(()),
        }
    }

    /// Reads bytes of the payload that are written. What cannot be read is forgotten: it is to come
    /// again.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::NotFound`] when it is not written.
    pub fn read_held(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset + buffer.len() as u64;
        if !self.is_written(offset, end) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.read_back(buffer, offset).inspect_err(|_| self.forget(offset, end))
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
}

impl ReadBack for Spool {
    fn read_back(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self.in_place() {
            Some(mut files) => files.read(&self.payload, buffer, offset),
            None => system::read_exact_at(&self.payload, buffer, offset),
        }
    }
}

#[cfg(test)]
mod tests;
