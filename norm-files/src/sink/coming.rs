//! Blocks that are in memory and on their way to the disk: a slow one is no reason to ask for them
//! again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use norm_core::base::range_set::RangeSet;
use norm_core::fileset::PartKind;

/// What is to be written.
#[derive(Debug, Default)]
pub struct Coming {
    /// Of the payload.
    payload: Mutex<RangeSet>,
    /// Bytes of the digest list that have come, written or not.
    digests: AtomicU64,
}

impl Coming {
    /// A block is to be written: `len` bytes from `start` of the payload, or of another part on.
    pub fn announce(&self, kind: PartKind, start: u64, len: u64) {
        match kind {
            PartKind::Payload => {
                self.payload().insert(start, start + len);
            }
            PartKind::DigestList => drop(self.digests.fetch_add(len, Ordering::Relaxed)),
            PartKind::Manifest => {}
        }
    }

    /// It is written, or will not be.
    pub fn settle(&self, kind: PartKind, start: u64, len: u64) {
        if kind == PartKind::Payload {
            self.payload().remove(start, start + len);
        }
    }

    /// Bytes of the digest list that have come.
    pub fn digests(&self) -> u64 {
        self.digests.load(Ordering::Relaxed)
    }

    /// True when some of `start..end` is to be written.
    pub fn any(&self, start: u64, end: u64) -> bool {
        let payload = self.payload();
        payload.gaps(start, end).map(|(from, to)| to - from).sum::<u64>() < end - start
    }

    /// True when all of `start..end` that these ranges lack is to be written.
    pub fn covers_rest(&self, have: &RangeSet, start: u64, end: u64) -> bool {
        let payload = self.payload();
        have.gaps(start, end).all(|(from, to)| payload.covers(from, to))
    }

    /// Adds what of `start..end` is to be written.
    pub fn add_to(&self, set: &mut RangeSet, start: u64, end: u64) {
        self.payload().overlaps(start, end).for_each(|(from, to)| set.insert(from, to));
    }

    fn payload(&self) -> MutexGuard<'_, RangeSet> {
        // Nothing in here panics halfway.
        self.payload.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_is_here_until_it_is_settled() {
        let coming = Coming::default();
        let mut have = RangeSet::new();
        have.insert(0, 110);
        coming.announce(PartKind::Payload, 110, 20);
        assert!(coming.covers_rest(&have, 0, 130) && !coming.covers_rest(&have, 0, 131));
        assert!(coming.any(129, 200) && !coming.any(130, 200) && !coming.any(0, 110));
        coming.settle(PartKind::Payload, 110, 20);
        assert!(!coming.any(0, 200) && !coming.covers_rest(&have, 0, 111));
        coming.announce(PartKind::DigestList, 0, 7);
        coming.settle(PartKind::DigestList, 0, 7);
        assert_eq!(coming.digests(), 7);
    }
}
