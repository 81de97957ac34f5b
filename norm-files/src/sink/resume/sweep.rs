//! Removes stale temporary files, and lists the resume data that stays. Parts of files that were
//! being placed when a run was killed go in any case (`parts`).
//!
//! Resume data stays for a week if its state says something, and of several the newest sixteen; a
//! clock that was wrong by years does not make it old.
//! Files that a receiver is at work on are locked and not touched; neither is anything where
//! nothing can be locked.

use std::collections::BTreeSet;
use std::fs::{File, FileTimes};
use std::path::Path;
use std::time::{Duration, SystemTime};

use norm_core::fileset::TEMP_PREFIX;

use super::open::{read_state, regular};
use super::parts::remove_parts;
use crate::sink::spool_files::SpoolNames;
use crate::sink::system;

/// Resume data stays for this long after the last byte.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Resume data that seems older was written by a clock that was wrong, or is read by one: it stays
/// for as long again.
const MAX_BELIEVED: Duration = Duration::from_secs(365 * 24 * 3600);
/// Unfinished sets of which resume data stays.
const MAX_RESUMABLE: usize = 16;
/// Files that are younger may be just about to be locked.
const MIN_AGE: Duration = Duration::from_secs(60);
/// Hexadecimal digits in a manifest hash.
const ID_LEN: usize = 64;

/// What there is in a directory, after it was swept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Unfinished sets that can be resumed, the newest first.
    pub resumable: Vec<Resumable>,
    /// Unfinished sets that were removed.
    pub removed: usize,
}

/// An unfinished set that can be resumed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Resumable {
    /// Bytes of the payload that are there.
    pub bytes: u64,
    /// Bytes of the whole payload.
    pub payload: u64,
}

/// Removes what is stale in an output directory; with `all`, everything that no receiver is at work
/// on.
pub fn sweep(directory: &Path, all: bool) -> Sweep {
    let mut result = Sweep::default();
    let mut found = Vec::new();
    for stem in stems(directory) {
        let names = SpoolNames::new(directory, &stem);
        match look(directory, &names, &stem, all) {
            Look::Busy => {}
            Look::Stale(_lock) => {
                names.remove();
                result.removed += 1;
            }
            Look::Resumable { age, set } => found.push((age, names, set)),
        }
    }
    found.sort_by_key(|&(age, ..)| age);
    for (n, (_, names, set)) in found.into_iter().enumerate() {
        if n < MAX_RESUMABLE {
            result.resumable.push(set);
        } else if let Some(_lock) = locked(&names) {
            names.remove();
            result.removed += 1;
        }
    }
    result
}

enum Look {
    /// Not to be touched.
    Busy,
    /// With the lock, where there is something to be locked: no receiver begins with it meanwhile.
    Stale(Option<File>),
    Resumable {
        age: Duration,
        set: Resumable,
    },
}

fn look(directory: &Path, names: &SpoolNames, stem: &str, all: bool) -> Look {
    let age = names.all().iter().filter_map(|path| age(path)).min();
    // Without a manifest no receiver can be at work.
    let lock = locked(names);
    if lock.is_none() && system::look(&names.manifest()).is_ok() {
        return Look::Busy;
    }
    if let Some(manifest) = &lock {
        remove_parts(directory, stem, manifest);
    }
    if all {
        return Look::Stale(lock);
    }
    let Some(age) = age else { return Look::Busy };
    // Only the first of several spools of a content has one.
    let state = read_state(names).filter(|_| lock.is_some());
    let payload = system::look(&names.payload()).is_ok_and(|there| there.is_file());
    match state {
        Some(state) if payload && (age <= MAX_AGE || age > MAX_BELIEVED) => {
            if age > MAX_BELIEVED {
                start_again(names);
            }
            let set = Resumable { bytes: state.have.bytes(), payload: state.payload };
            let age = if age > MAX_BELIEVED { Duration::ZERO } else { age };
            Look::Resumable { age, set }
        }
        _ if age < MIN_AGE => Look::Busy,
        _ => Look::Stale(lock),
    }
}

/// Has resume data count as new.
fn start_again(names: &SpoolNames) {
    // Refused, it stays until there are too many.
    let now = FileTimes::new().set_modified(SystemTime::now());
    let _ = regular(&names.state(), false).and_then(|state| system::set_times(&state, now));
}

/// The manifest, if it could be locked.
fn locked(names: &SpoolNames) -> Option<File> {
    let manifest = regular(&names.manifest(), false).ok()?;
    system::try_lock(&manifest).is_ok().then_some(manifest)
}

fn age(path: &Path) -> Option<Duration> {
    let modified = system::look(path).ok()?.modified().ok()?;
    // One of the future is new.
    Some(SystemTime::now().duration_since(modified).unwrap_or_default())
}

/// The common parts of the names of temporary files: prefix, manifest hash, and perhaps a number.
pub(super) fn stems(directory: &Path) -> BTreeSet<String> {
    let Ok(entries) = system::list(directory) else { return BTreeSet::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| Some(stem(&name)?.to_owned())).collect()
}

fn stem(name: &str) -> Option<&str> {
    let stem = SpoolNames::stem_of(name)?;
    let rest = stem.strip_prefix(TEMP_PREFIX)?;
    let (id, number) = rest.split_once('-').unwrap_or((rest, "0"));
    let hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    let ours = id.len() == ID_LEN && id.bytes().all(hex) && number.parse::<u32>().is_ok();
    ours.then_some(stem)
}

#[cfg(test)]
mod tests;
