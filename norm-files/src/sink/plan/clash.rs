//! Whether two entries of a set would be the same file, or one a directory below another that is a
//! file.
//!
//! In the order of their components, whatever is below a path follows it without anything else in
//! between: so two neighbours tell. A sender lists what it sends in that order, and each entry is
//! compared with the one before as they are read, with no memory but for that one. Where entries
//! are in another order (those of several paths, or forged ones), their places are sorted.

use std::cmp::Ordering;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use norm_core::fileset::{ContentError, Entry, EntryKind, Manifest};

use super::problem::PlanError;
use crate::names;

/// Entries that are compared with the ones before.
#[derive(Default)]
pub(super) struct Clashes {
    before: Option<(PathBuf, bool)>,
    is_unordered: bool,
}

impl Clashes {
    /// Compares the next one, which is a directory or is not.
    ///
    /// # Errors
    /// [`PlanError::Clash`] with the one before.
    pub(super) fn add(&mut self, path: &Path, is_directory: bool) -> Result<(), PlanError> {
        if self.is_unordered {
            return Ok(());
        }
        if let Some((before, before_is_directory)) = &mut self.before {
            let first = Claim { path: bytes(before), is_directory: *before_is_directory };
            let next = Claim { path: bytes(path), is_directory };
            if clash(first, next) {
                return Err(PlanError::Clash(path.to_owned()));
            }
            self.is_unordered = compare(first.path, next.path).is_gt();
            before.clear();
            before.push(path);
            *before_is_directory = is_directory;
        } else {
            self.before = Some((path.to_owned(), is_directory));
        }
        Ok(())
    }

    /// True when all came in order, so that any clash was found.
    pub(super) fn are_complete(&self) -> bool {
        !self.is_unordered
    }
}

/// What an entry would be.
#[derive(Copy, Clone)]
struct Claim<'a> {
    path: &'a [u8],
    is_directory: bool,
}

/// An entry to be sorted.
#[derive(Copy, Clone)]
struct Key {
    /// Where its entry is in the manifest, or its path among those that are written differently
    /// there.
    at: u32,
    /// Bytes of such a path; 0 of others.
    len: u16,
    is_directory: bool,
}

/// Compares all entries of a manifest that was read before, in any order.
///
/// # Errors
/// [`PlanError::Clash`].
pub(super) fn check_all(manifest: &Manifest<'_>) -> Result<(), PlanError> {
    let too_large = || PlanError::Content(ContentError::TooLarge);
    let mut keys = Vec::with_capacity(manifest.len() as usize);
    // Paths as they are here, of entries that have them otherwise.
    let mut others: Vec<u8> = Vec::new();
    let mut entries = manifest.entries();
    loop {
        let position = entries.position();
        let Some(entry) = entries.next() else { break };
        let entry = entry.map_err(PlanError::Content)?;
        let path = names::to_path(entry.path);
        let path = path.map_err(|_| PlanError::Name(entry.path.to_owned()))?;
        let (path, is_directory) = (bytes(&path), entry.kind == EntryKind::Directory);
        let (at, len) = match path == entry.path.as_bytes() {
            true => (position, 0),
            false => (others.len(), path.len()),
        };
        if len > 0 {
            others.extend_from_slice(path);
        }
        let at = u32::try_from(at).map_err(|_| too_large())?;
        let len = u16::try_from(len).map_err(|_| too_large())?;
        keys.push(Key { at, len, is_directory });
    }
    let path = |key: &Key| -> &[u8] {
        let path = match key.len {
            0 => Entry::path_at(manifest.bytes(), key.at as usize),
            len => others.get(key.at as usize..).and_then(|path| path.get(..usize::from(len))),
        };
        path.unwrap_or_default()
    };
    // The runs that are in order stay so, and are merged.
    keys.sort_by(|a, b| compare(path(a), path(b)));
    for pair in keys.windows(2) {
        let [first, next] = pair else { continue };
        let claim = |key: &Key| Claim { path: path(key), is_directory: key.is_directory };
        if clash(claim(first), claim(next)) {
            let next = String::from_utf8_lossy(path(next)).into_owned();
            return Err(PlanError::Clash(next.into()));
        }
    }
    Ok(())
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// The order of components: what is below a path follows it at once.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    match a.iter().zip(b).find(|(a, b)| a != b) {
        None => a.len().cmp(&b.len()),
        Some((a, b)) if is_separator(*a) || is_separator(*b) => {
            is_separator(*b).cmp(&is_separator(*a))
        }
        Some((a, b)) => a.cmp(b),
    }
}

fn is_separator(byte: u8) -> bool {
    byte == MAIN_SEPARATOR as u8
}

/// True when two paths cannot both be, of which the first is not after the other.
fn clash(first: Claim<'_>, next: Claim<'_>) -> bool {
    match next.path.strip_prefix(first.path) {
        Some([]) => !(first.is_directory && next.is_directory),
        Some([separator, ..]) => !first.is_directory && is_separator(*separator),
        None => false,
    }
}
