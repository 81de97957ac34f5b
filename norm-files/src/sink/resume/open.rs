//! Opens the resume data of a set, if it is of any use.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;
#[cfg(unix)]
use std::sync::atomic::{AtomicU32, Ordering};

use norm_core::fileset::ManifestHash;
#[cfg(unix)]
use norm_core::fileset::TEMP_PREFIX;

use super::have::Have;
use super::state::{MAX_STATE_BYTES, State};
use crate::sink::output::Place;
use crate::sink::spool_files::{SpoolNames, lock};
use crate::sink::system;

/// Files of a set, and which bytes of the payload are there.
#[derive(Debug)]
pub struct ResumeData {
    /// Locked.
    pub manifest: File,
    /// The payload, shorter perhaps than it will be.
    pub payload: File,
    /// What is there of it.
    pub have: Have,
    /// The state promised more than there is.
    pub clipped: bool,
}

/// What there was.
#[derive(Debug)]
pub enum Found {
    /// Nothing of use; and why, where something was there.
    Nothing(Option<ResumeProblem>),
    /// Something to go on with.
    Data(ResumeData),
}

/// Why resume data is of no use.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResumeProblem {
    /// One of the files is missing, or is not ours.
    PartMissing,
    /// The state is damaged.
    Damaged,
    /// The state is of other content.
    OtherContent,
}

impl fmt::Display for ResumeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PartMissing => "a part of it is missing",
            Self::Damaged => "the account of what is there is damaged",
            Self::OtherContent => "it is of other files",
        })
    }
}

/// Looks for the files of the set with this content, and a payload of this many bytes.
///
/// # Errors
/// [`io::ErrorKind::ResourceBusy`] when another receiver is at work on them, and what the system
/// says about files that are there.
pub fn open(names: &SpoolNames, content: ManifestHash, payload: u64) -> io::Result<Found> {
    match system::look(&names.state()) {
        Ok(_) => {}
        Err(error) if is_absence(&error) => return Ok(Found::Nothing(None)),
        Err(error) => return Err(error),
    }
    let nothing = |problem| Ok(Found::Nothing(Some(problem)));
    // What is there, and cannot be opened now, is not to be replaced.
    let found = |opened: io::Result<File>| match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    };
    let Some(manifest) = found(regular(&names.manifest(), true))? else {
        return nothing(ResumeProblem::PartMissing);
    };
    lock(&manifest)?;
    if !is_only_name(&manifest, &names.manifest())? {
        // Another receiver was quicker, and has taken the name.
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    let state = match found(regular(&names.state(), false))? {
        Some(file) => State::parse(&system::read_to_end(&file, MAX_STATE_BYTES as u64 + 1)?),
        None => None,
    };
    let Some(state) = state else {
        return nothing(ResumeProblem::Damaged);
    };
    if (state.content, state.payload) != (content, payload) {
        return nothing(ResumeProblem::OtherContent);
    }
    let Some(payload) = found(regular(&names.payload(), false))? else {
        return nothing(ResumeProblem::PartMissing);
    };
    let len = system::stat(&payload)?.len();
    let mut have = state.have;
    let clipped = have.remove(len, u64::MAX) > 0;
    Ok(Found::Data(ResumeData { manifest, payload, have, clipped }))
}

/// True when nothing is there, or nothing that is a file of ours.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput)
}

/// The state, if it is of this content and payload.
pub fn state(names: &SpoolNames, content: ManifestHash, payload: u64) -> Option<State> {
    read_state(names).filter(|state| (state.content, state.payload) == (content, payload))
}

/// True when there is resume data of this content, but of another payload: the content says how
/// long it is, so a sender that announces this one is not to be believed.
pub fn is_of_other_size(names: &SpoolNames, content: ManifestHash, payload: u64) -> bool {
    read_state(names).is_some_and(|state| state.content == content && state.payload != payload)
}

/// What the state's file says; `None` when it says nothing sensible.
pub fn read_state(names: &SpoolNames) -> Option<State> {
    let file = regular(&names.state(), false).ok()?;
    let bytes = system::read_to_end(&file, MAX_STATE_BYTES as u64 + 1).ok()?;
    State::parse(&bytes)
}

/// True when the file still has this name, and no other: a placed file is not ours to change.
///
/// # Errors
/// When the system does not tell.
pub fn is_only_name(file: &File, path: &Path) -> io::Result<bool> {
    Ok(has_name(file, path)? && has_one_name(&system::stat(file)?))
}

/// True when this is one of the file's names. Where files have no numbers, every file's name is.
///
/// # Errors
/// When the system does not tell.
pub fn has_name(file: &File, path: &Path) -> io::Result<bool> {
    let ours = system::stat(file)?;
    match system::look(path) {
        Ok(there) => Ok(there.is_file() && same(&ours, &there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens a file of ours for reading and writing: never through a link, nor one that has another
/// name.
pub fn regular(path: &Path, create: bool) -> io::Result<File> {
    let refused = || Err(io::Error::from(io::ErrorKind::InvalidInput));
    match system::look(path) {
        // A pipe would block.
        Ok(there) if !there.is_file() => return refused(),
        Err(error) if !create => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(create);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW);
    let file = system::open(&options, path)?;
    let metadata = system::stat(&file)?;
    let good = metadata.is_file() && has_one_name(&metadata) && is_ours(path, &metadata);
    if good { Ok(file) } else { refused() }
}

/// True when what is at `path` belongs to us: the owner of a file may change it later. On a share
/// that gives all files to one user, those are ours that belong to the user of new ones.
#[cfg(unix)]
pub fn is_ours(path: &Path, metadata: &Metadata) -> bool {
    let owner = std::os::unix::fs::MetadataExt::uid(metadata);
    owner == nix::unistd::geteuid().as_raw() || owner_of_new(path).is_ok_and(|ours| ours == owner)
}

/// The same as [`is_ours`] below the output directory.
#[cfg(unix)]
pub fn is_ours_at(place: &Place, metadata: &Metadata) -> bool {
    let owner = std::os::unix::fs::MetadataExt::uid(metadata);
    owner == nix::unistd::geteuid().as_raw()
        || owner_of_new_at(place).is_ok_and(|ours| ours == owner)
}

#[cfg(unix)]
fn owner_of_new_at(place: &Place) -> io::Result<u32> {
    let probe = place.beside(probe_name());
    let file = probe.create()?;
    let owner = system::stat(&file).map(|made| std::os::unix::fs::MetadataExt::uid(&made));
    probe.remove()?;
    owner
}

/// A name that nothing has.
#[cfg(unix)]
fn probe_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{TEMP_PREFIX}owner-{}-{number}", std::process::id())
}

/// The owner of a file that is made beside this one.
#[cfg(unix)]
fn owner_of_new(path: &Path) -> io::Result<u32> {
    let probe = path.with_file_name(probe_name());
    let mut options = OpenOptions::new();
    let file = system::create(options.write(true).create_new(true), &probe)?;
    let owner = system::stat(&file).map(|made| std::os::unix::fs::MetadataExt::uid(&made));
    system::remove(&probe)?;
    owner
}

#[cfg(not(unix))]
pub fn is_ours_at(_place: &Place, _metadata: &Metadata) -> bool {
    true
}

#[cfg(not(unix))]
pub fn is_ours(_path: &Path, _metadata: &Metadata) -> bool {
    true
}

#[cfg(unix)]
fn has_one_name(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) == 1
}

#[cfg(not(unix))]
fn has_one_name(_metadata: &Metadata) -> bool {
    true
}

#[cfg(unix)]
fn same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn same(_one: &Metadata, _other: &Metadata) -> bool {
    true
}
