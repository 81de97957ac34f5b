//! Blocks of content in memory: read ahead of the position, kept after it for repair.

use core::ops::Range;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use crate::base::Timestamp;

/// A first-in-first-out cache of blocks under a byte budget.
#[derive(Debug)]
pub(super) struct BlockCache {
    blocks: BTreeMap<u64, Bytes>,
    order: VecDeque<u64>,
    bytes: usize,
    budget: usize,
    /// Blocks that are being read.
    pending: BTreeSet<u64>,
    /// Blocks that were read and not used yet: they make room last, and fewer new ones are read.
    fresh: BTreeSet<u64>,
    /// Blocks that are all in memory or being read, from one on that was asked for.
    ahead: Range<u64>,
    /// End of the time in which sent blocks stay.
    keep_until: Timestamp,
}

/// Most reads at a time.
const MAX_PENDING: usize = 16;
/// Time after a NACK in which sent blocks stay.
const KEEP_AFTER_NACK: Duration = Duration::from_secs(2);

impl BlockCache {
    pub(super) fn new(budget: usize) -> Self {
        Self {
            blocks: BTreeMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            budget,
            pending: BTreeSet::new(),
            fresh: BTreeSet::new(),
            ahead: 0..0,
            keep_until: Timestamp::ZERO,
        }
    }

    /// Bytes that the cache may hold.
    pub(super) fn budget(&self) -> usize {
        self.budget
    }

    /// The first block from `start` on that is not known to be in memory or being read. A run that
    /// is asked for again and again is looked at only once, however many blocks it has.
    pub(super) fn first_absent(&mut self, start: u64) -> u64 {
        if !(self.ahead.start..=self.ahead.end).contains(&start) {
            self.ahead = start..start;
        }
        self.ahead.end
    }

    /// Notes that the first absent block is in memory, being read, or need not be read.
    pub(super) fn note_present(&mut self, block: u64) {
        if block == self.ahead.end {
            self.ahead.end += 1;
        }
    }

    /// True when a block is in memory or being read.
    pub(super) fn is_present(&self, block: u64) -> bool {
        self.blocks.contains_key(&block) || self.pending.contains(&block)
    }

    /// The run that is known to be present ends before a block that is not.
    fn note_absent(&mut self, block: u64) {
        if self.ahead.contains(&block) {
            self.ahead.end = block;
        }
    }

    pub(super) fn get(&mut self, block: u64) -> Option<&Bytes> {
        self.fresh.remove(&block);
        self.blocks.get(&block)
    }

    /// True when a Read job should be made for the block of `len` bytes; it then counts as pending.
    pub(super) fn want(&mut self, block: u64, len: usize) -> bool {
        let expected = self.pending.len() + self.fresh.len() + 1;
        let room = self.pending.is_empty() || expected.saturating_mul(len) <= self.budget;
        !self.blocks.contains_key(&block)
            && room
            && self.pending.len() < MAX_PENDING
            && self.pending.insert(block)
    }

    /// A read has failed.
    pub(super) fn failed(&mut self, block: u64) {
        self.note_absent(block);
        self.pending.remove(&block);
    }

    pub(super) fn insert(&mut self, block: u64, bytes: Bytes) {
        self.pending.remove(&block);
        self.bytes += bytes.len();
        if let Some(old) = self.blocks.insert(block, bytes) {
            self.bytes -= old.len();
        } else {
            self.order.push_back(block);
        }
        self.fresh.insert(block);
        while self.bytes > self.budget && self.order.len() > 1 {
            let used = self.order.iter().position(|block| !self.fresh.contains(block));
            if let Some(oldest) = self.order.remove(used.unwrap_or(0)) {
                self.forget(oldest);
            }
        }
    }

    /// A NACK has arrived: sent blocks stay for a while.
    pub(super) fn note_nack(&mut self, now: Timestamp) {
        self.keep_until = now + KEEP_AFTER_NACK;
    }

    /// All of a block was sent. Without NACKs of late it goes: its memory, which is in the
    /// processor's cache, serves the next block, and repair reads the block again.
    pub(super) fn sent(&mut self, now: Timestamp, block: u64) {
        if now >= self.keep_until {
            self.drop_block(block);
        }
    }

    /// Drops a block that will hardly be needed again.
    pub(super) fn drop_block(&mut self, block: u64) {
        self.order.retain(|&b| b != block);
        self.forget(block);
    }

    /// Drops blocks whose content has changed.
    pub(super) fn drop_blocks(&mut self, blocks: Range<u64>) {
        if blocks.start < blocks.end {
            let there: Vec<u64> = self.blocks.range(blocks).map(|(&block, _)| block).collect();
            there.into_iter().for_each(|block| self.drop_block(block));
        }
    }

    fn forget(&mut self, block: u64) {
        self.note_absent(block);
        self.fresh.remove(&block);
        if let Some(old) = self.blocks.remove(&block) {
            self.bytes -= old.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_block_makes_room_and_each_block_is_read_once() {
        let mut cache = BlockCache::new(250);
        for block in 0..4 {
            assert!(cache.want(block, 100));
            assert!(!cache.want(block, 100));
            cache.insert(block, Bytes::from(vec![0; 100]));
        }
        assert!(cache.get(0).is_none() && cache.get(1).is_none());
        assert!(cache.get(2).is_some() && cache.get(3).is_some());
        cache.drop_block(2);
        cache.insert(4, Bytes::from(vec![0; 100]));
        assert!(cache.get(3).is_some() && cache.get(4).is_some());
        assert_eq!(cache.bytes, 200);
    }

    #[test]
    fn block_is_used_before_it_makes_room_and_reads_fit_the_budget() {
        let mut cache = BlockCache::new(300);
        assert!(cache.want(1, 100) && cache.want(2, 100) && cache.want(3, 100));
        assert!(!cache.want(4, 100), "three are being read");
        for block in 1..=3 {
            cache.insert(block, Bytes::from(vec![0; 100]));
        }
        assert!(cache.get(2).is_some());
        assert!(cache.want(4, 100));
        cache.insert(4, Bytes::from(vec![0; 100]));
        assert!(cache.get(2).is_none() && cache.get(1).is_some());
    }

    #[test]
    fn sent_block_stays_only_for_a_while_after_a_nack() {
        let mut cache = BlockCache::new(1000);
        let now = Timestamp::ZERO + Duration::from_secs(10);
        for block in 0..3 {
            cache.insert(block, Bytes::from(vec![0; 100]));
        }
        cache.sent(now, 0);
        assert!(cache.get(0).is_none() && cache.get(1).is_some());
        cache.note_nack(now);
        cache.sent(now + KEEP_AFTER_NACK - Duration::from_nanos(1), 1);
        assert!(cache.get(1).is_some());
        cache.sent(now + KEEP_AFTER_NACK, 2);
        assert!(cache.get(2).is_none());
    }

    #[test]
    fn run_is_looked_at_again_from_a_block_that_is_gone() {
        let mut cache = BlockCache::new(250);
        assert_eq!(cache.first_absent(1), 1, "nothing was asked for");
        for block in 1..3 {
            assert!(cache.want(block, 100) && cache.is_present(block));
            cache.note_present(block);
        }
        assert_eq!(cache.first_absent(1), 3);
        assert_eq!(cache.first_absent(2), 3, "the position has moved");
        assert_eq!(cache.first_absent(1), 3);
        cache.insert(1, Bytes::from(vec![0; 100]));
        cache.failed(2);
        assert_eq!(cache.first_absent(1), 2);
        assert!(!cache.is_present(2) && cache.want(2, 100));
        cache.note_present(2);
        cache.insert(2, Bytes::from(vec![0; 100]));
        assert!(cache.get(1).is_some());
        cache.insert(3, Bytes::from(vec![0; 100]));
        assert_eq!(cache.first_absent(1), 1, "the first has made room");
        assert_eq!(cache.first_absent(2), 2, "it is another run");
        cache.note_present(2);
        cache.drop_block(9);
        assert_eq!(cache.first_absent(2), 3, "it is of no run");
        assert_eq!(cache.first_absent(7), 7);
    }

    #[test]
    fn block_larger_than_the_budget_stays_while_it_is_the_only_one() {
        let mut cache = BlockCache::new(10);
        cache.insert(1, Bytes::from(vec![0; 100]));
        assert!(cache.get(1).is_some());
    }
}
