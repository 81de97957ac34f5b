//! Removes temporary files that nobody will come back for, and lists the others. Parts of files that were being
//! made when a run was killed go in any case (`parts`).
//!
//! Kept is what has a state that says something, for a week, and of several the newest sixteen. Files
//! that somebody is at work on are locked and not touched; neither is anything where nothing can be locked.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use norm_core::fileset::TEMP_PREFIX;

use super::Names;
use super::open::{read_state, regular};
use super::parts::remove_parts;

/// Unfinished sets are kept for this long after the last byte.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);
/// And so many of them.
const MAX_KEPT: usize = 16;
/// Files that are younger may be just about to be locked.
const YOUNG: Duration = Duration::from_secs(60);
/// Hexadecimal digits in a content id.
const ID_LEN: usize = 32;

/// What there is in a directory, after it was swept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Of each unfinished set: bytes that are there, and bytes of its payload.
    pub kept: Vec<(u64, u64)>,
    /// Unfinished sets that were removed.
    pub removed: usize,
}

/// Removes what is stale in an output directory; with `all`, whatever nobody is at work on.
pub fn sweep(directory: &Path, all: bool) -> Sweep {
    let mut result = Sweep::default();
    let mut kept = Vec::new();
    for stem in stems(directory) {
        let names = Names::new(directory, &stem);
        match look(directory, &names, &stem, all) {
            Look::Busy => {}
            Look::Stale(_lock) => {
                names.remove();
                result.removed += 1;
            }
            Look::Kept { age, bytes, payload } => kept.push((age, names, bytes, payload)),
        }
    }
    kept.sort_by_key(|&(age, ..)| age);
    for (n, (_, names, bytes, payload)) in kept.into_iter().enumerate() {
        if n < MAX_KEPT {
            result.kept.push((bytes, payload));
        } else if let Some(_lock) = locked(&names) {
            names.remove();
            result.removed += 1;
        }
    }
    result
}

enum Look {
    Busy,
    /// With the lock, where there is something to be locked: nobody begins with it meanwhile.
    Stale(Option<fs::File>),
    Kept {
        age: Duration,
        bytes: u64,
        payload: u64,
    },
}

fn look(directory: &Path, names: &Names, stem: &str, all: bool) -> Look {
    let there = [names.head(), names.payload(), names.tail(), names.state(), names.new_state()];
    let age = there.iter().filter_map(|path| age(path)).min();
    // Without a head nobody can be at work.
    let lock = locked(names);
    if lock.is_none() && fs::symlink_metadata(names.head()).is_ok() {
        return Look::Busy;
    }
    if let Some(head) = &lock {
        remove_parts(directory, stem, head);
    }
    if all {
        return Look::Stale(lock);
    }
    let Some(age) = age else { return Look::Busy };
    // Only the first of several copies of a set is gone on with.
    let state =
        read_state(names).filter(|_| lock.is_some() && stem.len() == TEMP_PREFIX.len() + ID_LEN);
    let payload = fs::symlink_metadata(names.payload()).is_ok_and(|there| there.is_file());
    match state {
        Some(state) if payload && age <= MAX_AGE => {
            Look::Kept { age, bytes: state.have.bytes(), payload: state.payload }
        }
        _ if age < YOUNG => Look::Busy,
        _ => Look::Stale(lock),
    }
}

/// The head, if it could be locked.
fn locked(names: &Names) -> Option<fs::File> {
    let head = regular(&names.head(), false).ok()?;
    head.try_lock().is_ok().then_some(head)
}

fn age(path: &Path) -> Option<Duration> {
    let modified = fs::symlink_metadata(path).ok()?.modified().ok()?;
    // One of the future is new.
    Some(SystemTime::now().duration_since(modified).unwrap_or_default())
}

/// The common parts of the names of temporary files: prefix, content id, and perhaps a number.
fn stems(directory: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(directory) else { return BTreeSet::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| Some(stem(&name)?.to_owned())).collect()
}

fn stem(name: &str) -> Option<&str> {
    let (stem, kind) = name.rsplit_once('.')?;
    let rest = stem.strip_prefix(TEMP_PREFIX)?;
    let (id, number) = rest.split_once('-').unwrap_or((rest, "0"));
    let hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    let ours = matches!(kind, "head" | "payload" | "tail" | "state" | "state-new")
        && id.len() == ID_LEN
        && id.bytes().all(hex)
        && number.parse::<u32>().is_ok();
    ours.then_some(stem)
}

#[cfg(test)]
mod tests;
