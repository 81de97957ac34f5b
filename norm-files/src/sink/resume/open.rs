//! Opens what an earlier session has left of a set, if it is of any use.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use norm_core::fileset::ContentId;

use super::state::MAX_STATE_BYTES;
use super::{Have, Names, State};
use crate::sink::spool::lock;

/// Files of a set that was begun.
#[derive(Debug)]
pub struct Kept {
    /// Locked.
    pub head: File,
    pub payload: File,
    pub have: Have,
    /// The state promises more than there is.
    pub clipped: bool,
}

/// What there was.
#[derive(Debug)]
pub enum Found {
    /// Nothing of use; and why, where something was there.
    Nothing(Option<&'static str>),
    Kept(Kept),
}

/// Looks for the files of the set with this content, and a payload of so many bytes.
///
/// # Errors
/// [`io::ErrorKind::ResourceBusy`] when another receiver is at work on them.
pub fn open(names: &Names, content: ContentId, payload: u64) -> io::Result<Found> {
    if fs::symlink_metadata(names.state()).is_err() {
        return Ok(Found::Nothing(None));
    }
    let Ok(head) = regular(&names.head(), true) else {
        return Ok(Found::Nothing(Some("a part of it is missing")));
    };
    lock(&head)?;
    if !is_still(&head, &names.head()) {
        // Somebody else was quicker, and has taken the name.
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    let Some(state) = read_state(names) else {
        return Ok(Found::Nothing(Some("the account of what is there is damaged")));
    };
    if (state.content, state.payload) != (content, payload) {
        return Ok(Found::Nothing(Some("it is of other files")));
    }
    let opened = regular(&names.payload(), false);
    let Some((file, len)) = opened
        .ok()
        .and_then(|file| file.metadata().ok().zip(Some(file)))
        .map(|(metadata, file)| (file, metadata.len()))
    else {
        return Ok(Found::Nothing(Some("a part of it is missing")));
    };
    let mut have = state.have;
    let clipped = have.remove(len, u64::MAX) > 0;
    Ok(Found::Kept(Kept { head, payload: file, have, clipped }))
}

/// True when there is a state of this content and payload.
pub fn has_state(names: &Names, content: ContentId, payload: u64) -> bool {
    read_state(names).is_some_and(|state| (state.content, state.payload) == (content, payload))
}

/// True when something is kept of this content, but of another payload: the content says how long it is, so
/// whoever announces this one is not to be believed.
pub fn is_of_other_size(names: &Names, content: ContentId, payload: u64) -> bool {
    read_state(names).is_some_and(|state| state.content == content && state.payload != payload)
}

/// What the state's file says; `None` when it says nothing sensible.
pub fn read_state(names: &Names) -> Option<State> {
    let file = regular(&names.state(), false).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_STATE_BYTES as u64 + 1).read_to_end(&mut bytes).ok()?;
    State::parse(&bytes)
}

/// True when the file still has this name, and no other: one that was made of it is not ours to change.
pub fn is_still(file: &File, path: &Path) -> bool {
    is_named(file, path) && file.metadata().is_ok_and(|ours| is_alone(&ours))
}

/// True when this is one of the file's names. Where the system does not tell, every file's name is.
pub fn is_named(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => there.is_file() && same(&ours, &there),
        _ => false,
    }
}

/// Opens a file of ours for reading and writing: never through a link, nor one that has another name.
pub fn regular(path: &Path, create: bool) -> io::Result<File> {
    let foreign = || Err(io::Error::from(io::ErrorKind::InvalidInput));
    match fs::symlink_metadata(path) {
        // A pipe would block.
        Ok(there) if !there.is_file() => return foreign(),
        Err(error) if !create => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(create);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    let good = metadata.is_file() && is_alone(&metadata) && is_ours(&metadata);
    if good { Ok(file) } else { foreign() }
}

/// True when it belongs to us: whoever owns a file may change it later.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the standard library does not tell who we are")]
pub fn is_ours(metadata: &Metadata) -> bool {
    // SAFETY: the call takes nothing and cannot fail.
    std::os::unix::fs::MetadataExt::uid(metadata) == unsafe { libc::geteuid() }
}

#[cfg(not(unix))]
pub fn is_ours(_metadata: &Metadata) -> bool {
    true
}

#[cfg(unix)]
fn is_alone(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) == 1
}

#[cfg(not(unix))]
fn is_alone(_metadata: &Metadata) -> bool {
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
