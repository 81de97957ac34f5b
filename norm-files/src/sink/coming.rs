//! Blocks that are in memory and on their way to the disk: a slow one is no reason to ask for them
//! again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use norm_core::base::range_set::RangeSet;
use norm_core::fileset::PartKind;

use super::set::Part;

/// What is to be written.
#[derive(Debug, Default)]
pub struct Coming {
    /// Of the payload.
    payload: Mutex<RangeSet>,
    /// Bytes of the digest list that have come, written or not.
    digests: AtomicU64,
}

impl Coming {
    /// A block of a part is to be written.
    pub fn announce(&self, part: &Part, offset: u64, len: u64) {
        match part.kind {
            PartKind::Payload => {
                let start = part.offset + offset;
                self.payload().insert(start, start + len);
            }
            PartKind::DigestList => drop(self.digests.fetch_add(len, Ordering::Relaxed)),
            PartKind::Manifest => {}
        }
    }

    /// It is written, or will not be.
    pub fn settle(&self, part: &Part, offset: u64, len: u64) {
        if part.kind == PartKind::Payload {
            let start = part.offset + offset;
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
        let extent = Part { kind: PartKind::Payload, offset: 100, size: 50 };
        let mut have = RangeSet::new();
        have.insert(0, 110);
        coming.announce(&extent, 10, 20);
        assert!(coming.covers_rest(&have, 0, 130) && !coming.covers_rest(&have, 0, 131));
        assert!(coming.any(129, 200) && !coming.any(130, 200) && !coming.any(0, 110));
        coming.settle(&extent, 10, 20);
        assert!(!coming.any(0, 200) && !coming.covers_rest(&have, 0, 111));
        let list = Part { kind: PartKind::DigestList, offset: 0, size: 7 };
        coming.announce(&list, 0, 7);
        coming.settle(&list, 0, 7);
        assert_eq!(coming.digests(), 7);
    }
}
