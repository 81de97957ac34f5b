//! Receivers in whose name somebody speaks from another address.

use std::collections::BTreeMap;

use crate::time::Timestamp;

/// Kept at most; the oldest one makes room.
const MOST: usize = 64;

/// By place in the list: since when.
#[derive(Debug, Default)]
pub(super) struct Contests {
    since: BTreeMap<u32, Timestamp>,
}

impl Contests {
    /// When the contest for this place began: now if there was none.
    pub(super) fn since(&mut self, at: u32, now: Timestamp) -> Timestamp {
        if self.since.len() >= MOST && !self.since.contains_key(&at) {
            let oldest = self.since.iter().min_by_key(|(_, since)| **since).map(|(&at, _)| at);
            oldest.and_then(|oldest| self.since.remove(&oldest));
        }
        *self.since.entry(at).or_insert(now)
    }

    /// The receiver has spoken from where it is listed, or is listed there no longer.
    pub(super) fn end(&mut self, at: u32) {
        self.since.remove(&at);
    }
}
