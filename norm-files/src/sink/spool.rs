//! The temporary files of a set on its way, in the output directory.
//!
//! `.norm-<content>.head`, `.payload`, `.tail` and `.state`: names that no received file can have. They go
//! when the [`Spool`] goes, unless a later session can go on with them ([`super::resume`]); only the payload
//! may leave under a final name. When two senders announce the same content, the files of the second have a
//! number behind the content's id, and are not kept.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use norm_core::fileset::{ContentId, PartKind};

use super::hashing::Hashes;
use super::resume::{self, Found, Have, Names, State};
use super::set::Part;
use super::spool_table::Name;
use super::{place, positioned, space, verify};

/// One of the files.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum SpoolFile {
    /// The manifest.
    Manifest,
    /// The payload, holes and all.
    Payload,
    /// The digest list.
    DigestList,
}

impl From<PartKind> for SpoolFile {
    fn from(kind: PartKind) -> Self {
        match kind {
            PartKind::Manifest => Self::Manifest,
            PartKind::Payload => Self::Payload,
            PartKind::DigestList => Self::DigestList,
        }
    }
}

/// The files of one set, open for reading and writing. When it is dropped they stay, if a later session
/// can go on with them, and are removed otherwise.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    names: Names,
    head: File,
    payload: File,
    tail: File,
    /// Of the payload, as far as it is written in order.
    pub hashes: Hashes,
    /// Content bytes written and not found wrong since.
    pub written: AtomicU64,
    /// Of the payload.
    have: Mutex<Have>,
    /// The state on the disk does not say all.
    unsaved: AtomicBool,
    /// Bytes of the head, if all of it was there from the start.
    head_here: AtomicU64,
    /// Somebody receives into it.
    claimed: AtomicBool,
    /// Not to be kept.
    discarded: AtomicBool,
    /// Bytes of the payload.
    size: u64,
    /// Free again only after the files are closed.
    name: Name,
}

/// Room is taken in such steps: nothing can be written while one is under way.
const STEP: u64 = 16 << 20;

impl Spool {
    /// Opens the files, and says why what was there of them is of no use.
    ///
    /// # Errors
    /// As of [`Spools::open`](super::spool_table::Spools::open).
    pub fn make(
        directory: &Path,
        name: Name,
        size: u64,
        resume: bool,
    ) -> io::Result<(Self, Option<&'static str>)> {
        // The first one has taken the room. Only one of them can turn out to be right, and none may
        // be turned away because of another.
        let first = name.number == 0;
        let names = Names::new(directory, &name);
        let found = match first && resume {
            true => resume::open(&names, name.content, size)?,
            false => Found::Nothing(None),
        };
        let (kept, complaint) = match found {
            Found::Kept(kept) => (Some(kept), None),
            Found::Nothing(complaint) => (None, complaint),
        };
        // After a crash the room for what is missing may be taken already.
        let here =
            |kept: &resume::Kept| kept.have.bytes().max(space::taken(&kept.payload)).min(size);
        let wanted = size - kept.as_ref().map_or(0, here);
        if let Some(free) = space::free(directory)
            && first
            && free < wanted
        {
            let free = format!("only {free} are free: make room there, or take another folder");
            let error = io::Error::new(io::ErrorKind::StorageFull, free);
            return Err(no_room(directory, wanted, &error));
        }
        let clipped = kept.as_ref().is_some_and(|kept| kept.clipped);
        let (head, payload, have) = match kept {
            Some(kept) => (kept.head, kept.payload, kept.have),
            None => {
                let (head, payload) = fresh_files(&names)?;
                (head, payload, Have::default())
            }
        };
        let resumes = have.bytes() > 0;
        let tail = fresh(&names.tail()).inspect_err(|_| {
            if !resumes {
                names.remove();
            }
        })?;
        let spool = Self {
            directory: directory.to_owned(),
            names,
            head,
            payload,
            tail,
            hashes: Hashes::default(),
            written: AtomicU64::new(have.bytes()),
            have: Mutex::new(have),
            unsaved: AtomicBool::new(clipped),
            head_here: AtomicU64::new(0),
            claimed: AtomicBool::new(true),
            discarded: AtomicBool::new(!(first && resume)),
            size,
            name,
        };
        if clipped {
            // Before the file has its length again.
            spool.save()?;
        }
        if resumes {
            spool.look_at_head();
        }
        space::set_len(&spool.payload, size)?;
        Ok((spool, complaint))
    }

    /// Takes the room for the payload, for as long as `wanted`. It takes a while, in which blocks can be
    /// written.
    ///
    /// # Errors
    /// When there is too little.
    pub fn take_room(&self, wanted: impl Fn() -> bool) -> io::Result<()> {
        if self.name.number > 0 {
            return Ok(());
        }
        space::reserve_while(&self.payload, self.size, STEP, wanted)
            .map(|_| ())
            .map_err(|error| no_room(&self.directory, self.size, &error))
    }

    /// The temporary name of a file that is to get a final name beside this path.
    pub fn part_beside(&self, target: &Path) -> PathBuf {
        target.with_file_name(resume::part_name(&self.name))
    }

    /// The directory that the spool is in: the output directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The open file.
    pub fn file(&self, which: SpoolFile) -> &File {
        match which {
            SpoolFile::Manifest => &self.head,
            SpoolFile::Payload => &self.payload,
            SpoolFile::DigestList => &self.tail,
        }
    }

    /// Where the file is.
    pub fn path(&self, which: SpoolFile) -> PathBuf {
        match which {
            SpoolFile::Manifest => self.names.head(),
            SpoolFile::Payload => self.names.payload(),
            SpoolFile::DigestList => self.names.tail(),
        }
    }

    /// Writes a block to its place, and counts it.
    pub fn write(&self, which: SpoolFile, bytes: &[u8], offset: u64) -> io::Result<()> {
        positioned::write_all_at(self.file(which), bytes, offset)?;
        let len = bytes.len() as u64;
        let new = match which {
            SpoolFile::Payload => {
                self.unsaved.store(true, Ordering::Relaxed);
                self.have().insert(offset, offset + len)
            }
            SpoolFile::Manifest | SpoolFile::DigestList => len,
        };
        self.written.fetch_add(new, Ordering::Relaxed);
        Ok(())
    }

    /// What is here of the payload.
    pub fn have(&self) -> MutexGuard<'_, Have> {
        // Nothing in here panics halfway.
        self.have.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, less what was cut off the payload, because files were made of it.
    fn have_now(&self) -> io::Result<MutexGuard<'_, Have>> {
        let mut have = self.have();
        have.remove(self.payload.metadata()?.len(), u64::MAX);
        Ok(have)
    }

    /// True when a head of this size was here from the start; it counts as written then.
    pub fn take_manifest(&self, size: u64) -> bool {
        let here = size > 0 && self.head_here.load(Ordering::Relaxed) == size;
        if here {
            self.written.fetch_add(size, Ordering::Relaxed);
        }
        here
    }

    /// A part turned out wrong, and is to be received again.
    pub fn forget(&self, part: &Part) {
        let gone = match part.kind {
            PartKind::Payload => {
                drop(self.hashes.take(part.offset));
                self.unsaved.store(true, Ordering::Relaxed);
                self.have().remove(part.offset, part.offset.saturating_add(part.size))
            }
            PartKind::Manifest => {
                self.head_here.store(0, Ordering::Relaxed);
                part.size
            }
            PartKind::DigestList => part.size,
        };
        self.written.fetch_sub(gone, Ordering::Relaxed);
    }

    /// True when the state on the disk does not say all that is here.
    pub fn is_unsaved(&self) -> bool {
        !self.discarded.load(Ordering::Relaxed) && self.unsaved.load(Ordering::Relaxed)
    }

    /// Writes down what is here of the payload.
    ///
    /// # Errors
    /// What the system says.
    pub fn save(&self) -> io::Result<()> {
        // One at a time: the state is taken and written under the lock.
        let have = self.have_now()?;
        self.unsaved.store(false, Ordering::Relaxed);
        let state = State { content: self.name.content, payload: self.size, have: have.clone() };
        let new = self.names.new_state();
        let written = fresh(&new).and_then(|mut file| file.write_all(&state.emit()));
        written.and_then(|()| fs::rename(&new, self.names.state())).inspect_err(|_| {
            let _ = fs::remove_file(&new);
        })
    }

    /// Not to be kept: it is finished, or wrong.
    pub fn discard(&self) {
        self.discarded.store(true, Ordering::Relaxed);
    }

    /// Bytes that stay for a later session when this goes; `None` when nothing stays.
    pub fn keeps(&self) -> Option<u64> {
        let bytes = self.have_now().map_or(0, |have| have.bytes());
        let worth = bytes >= resume::LEAST && !self.discarded.load(Ordering::Relaxed);
        let ours = || resume::is_still(&self.payload, &self.path(SpoolFile::Payload));
        (worth && ours()).then_some(bytes)
    }

    /// Nobody receives into it any more; who comes with the same content may.
    pub fn release(&self) {
        self.claimed.store(false, Ordering::Release);
    }

    /// True when nobody receives into it, and it is what a payload of so many bytes can go on with: then it
    /// is the caller's.
    pub fn claim(&self, payload: u64) -> bool {
        let fits = self.size == payload
            && !self.discarded.load(Ordering::Relaxed)
            && resume::is_still(&self.payload, &self.path(SpoolFile::Payload));
        fits && !self.claimed.swap(true, Ordering::AcqRel)
    }

    /// The only one that may be kept of its content.
    pub fn is_first(&self) -> bool {
        self.name.number == 0
    }

    /// Somebody else goes on with it, in other pieces perhaps.
    pub fn begin_again(&self) {
        self.hashes.clear();
        self.written.store(self.have().bytes(), Ordering::Relaxed);
        self.look_at_head();
    }

    /// Finds out whether all of the head is here.
    fn look_at_head(&self) {
        let here = self.head.metadata().and_then(|there| {
            let head = verify::read_whole(self, SpoolFile::Manifest, there.len())?;
            let right = ContentId::of(&blake3::hash(&head)) == self.name.content;
            Ok(if right { there.len() } else { 0 })
        });
        self.head_here.store(here.unwrap_or(0), Ordering::Relaxed);
    }

    /// Lets go of the room that is taken for what is missing.
    fn give_back_room(&self) -> io::Result<()> {
        let have = self.have_now()?;
        let end = have.end();
        for (from, to) in have.ranges().gaps(0, end) {
            space::release(&self.payload, from, to - from);
        }
        // It may have got a file's mode already.
        place::set_mode(&self.payload, 0o600)?;
        self.payload.set_len(end)
    }
}

fn no_room(directory: &Path, payload: u64, error: &io::Error) -> io::Error {
    let place = directory.display();
    io::Error::new(error.kind(), format!("{payload} bytes to come, but in {place} {error}"))
}

impl Drop for Spool {
    fn drop(&mut self) {
        // Room first: on a full disk the state needs some. If it gets none, the last one still counts.
        let kept = self.keeps().is_some()
            && self.give_back_room().is_ok()
            && (self.save().is_ok()
                || resume::has_state(&self.names, self.name.content, self.size));
        if kept {
            let _ = fs::remove_file(self.names.tail());
        } else {
            self.names.remove();
        }
    }
}

/// New files in place of what there is.
fn fresh_files(names: &Names) -> io::Result<(File, File)> {
    // The head's file carries the lock, so it is first.
    let head = fresh(&names.head())?;
    lock(&head)?;
    for stale in [names.state(), names.new_state()] {
        let _ = fs::remove_file(stale);
    }
    let payload = fresh(&names.payload()).inspect_err(|_| {
        let _ = fs::remove_file(names.head());
    })?;
    Ok((head, payload))
}

/// A new empty file with this name, whatever was there before; never one reached through a link.
pub fn fresh(path: &Path) -> io::Result<File> {
    make_fresh(path).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let whose = "perhaps another user's, left by an earlier transfer: remove it";
            io::Error::new(error.kind(), format!("{}: {error} ({whose})", path.display()))
        }
        _ => error,
    })
}

fn make_fresh(path: &Path) -> io::Result<File> {
    if let Ok(there) = fs::symlink_metadata(path) {
        if there.is_file() {
            lock(&OpenOptions::new().write(true).open(path)?)?;
        }
        fs::remove_file(path)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    // What is not verified yet is nobody else's business.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another receiver is receiving the same set into this directory: give each its own",
        )),
        // Some file systems have no locks.
        Err(TryLockError::Error(_)) | Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
