//! Objects that are not received now, and are to be later.

use std::time::Duration;

use norm_core::Timestamp;
use norm_core::base::range_set::RangeSet;

/// How long after a disk was full what had no room is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// Objects that are tried again at once.
const MAX_AT_ONCE: usize = 1_024;

/// Their keys.
#[derive(Debug, Default)]
pub(super) struct Postponed {
    /// Too many other files were to come, of which nothing was here.
    crowded: RangeSet,
    /// There was no room on the disk.
    unwritten: RangeSet,
    /// When those are tried again.
    retry_at: Timestamp,
}

impl Postponed {
    /// Too many other files are to come.
    pub(super) fn crowd_out(&mut self, key: u64) {
        self.crowded.insert(key, key.saturating_add(1));
    }

    /// There is no room on the disk. True if that is news.
    pub(super) fn has_no_room(&mut self, now: Timestamp, key: u64) -> bool {
        let is_new = !self.unwritten.contains(key);
        self.unwritten.insert(key, key.saturating_add(1));
        self.retry_at = self.retry_at.max(now + RETRY_AFTER);
        is_new
    }

    /// An object is complete, or nothing more of it is wanted.
    pub(super) fn settle(&mut self, key: u64) {
        self.crowded.remove(key, key.saturating_add(1));
        self.unwritten.remove(key, key.saturating_add(1));
    }

    /// Objects that were never begun, or could not be written.
    pub(super) fn count(&self) -> u64 {
        let sets = [&self.crowded, &self.unwritten];
        sets.iter().flat_map(|keys| keys.iter()).map(|(start, end)| end - start).sum()
    }

    /// True when there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.crowded.pieces() == 0 && self.unwritten.pieces() == 0
    }

    /// Those that are to be tried again now: `has_place` when few others wait. What had no room
    /// stays known, so that the same is not told twice.
    pub(super) fn take_due(&mut self, now: Timestamp, has_place: bool) -> Vec<u64> {
        let mut due = Vec::new();
        if has_place {
            due = first(&self.crowded);
            for &key in &due {
                self.crowded.remove(key, key.saturating_add(1));
            }
        }
        if now >= self.retry_at && self.unwritten.pieces() > 0 {
            self.retry_at = now + RETRY_AFTER;
            due.extend(first(&self.unwritten));
        }
        due
    }
}

/// The first keys of a set.
fn first(keys: &RangeSet) -> Vec<u64> {
    keys.iter().flat_map(|(start, end)| start..end).take(MAX_AT_ONCE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_had_no_place_is_tried_when_there_is_one() {
        let mut postponed = Postponed::default();
        (0..2_000).for_each(|key| postponed.crowd_out(key));
        assert!(postponed.take_due(Timestamp::ZERO, false).is_empty());
        assert_eq!(postponed.take_due(Timestamp::ZERO, true), (0..1_024).collect::<Vec<_>>());
        assert_eq!(postponed.count(), 976);
        assert_eq!(postponed.take_due(Timestamp::ZERO, true).len(), 976);
        assert!(postponed.is_empty());
    }

    #[test]
    fn what_had_no_room_is_tried_now_and_then_and_told_once() {
        let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
        let mut postponed = Postponed::default();
        assert!(postponed.has_no_room(at(1), 7));
        assert!(postponed.take_due(at(10), true).is_empty());
        assert_eq!(postponed.take_due(at(11), true), [7]);
        assert!(postponed.take_due(at(20), true).is_empty());
        assert!(!postponed.has_no_room(at(20), 7));
        assert_eq!(postponed.take_due(at(30), true), [7]);
        postponed.settle(7);
        assert!(postponed.is_empty() && postponed.take_due(at(99), true).is_empty());
    }
}
