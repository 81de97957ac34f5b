//! Blocks of content in memory: read ahead of the cursor, kept behind it for repair.

use core::ops::Range;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use crate::base::Timestamp;

/// A first-in-first-out cache of blocks under a byte budget.
#[derive(Debug)]
pub(crate) struct BlockCache {
    blocks: BTreeMap<u64, Bytes>,
    order: VecDeque<u64>,
    bytes: usize,
    budget: usize,
    pending: BTreeSet<u64>,
    /// Read and not used yet: these make room last, and fewer new ones are read.
    fresh: BTreeSet<u64>,
    /// Blocks that were all here or on their way when somebody looked last, and still are.
    kept: Range<u64>,
    /// Until when what was sent is kept.
    keep_until: Timestamp,
}

/// Reads under way at most.
const MAX_PENDING: usize = 16;
/// What was sent is kept for this long after somebody has asked for repair.
const KEEP: Duration = Duration::from_secs(2);

impl BlockCache {
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            blocks: BTreeMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            budget,
            pending: BTreeSet::new(),
            fresh: BTreeSet::new(),
            kept: 0..0,
            keep_until: Timestamp::ZERO,
        }
    }

    /// True when these blocks are known to be here or on their way: there is nothing to read.
    pub(crate) fn keeps(&self, blocks: &Range<u64>) -> bool {
        self.kept == *blocks
    }

    /// Looks whether these blocks are here or on their way.
    pub(crate) fn note_kept(&mut self, blocks: Range<u64>) {
        let mut each = blocks.clone();
        if each.all(|block| self.blocks.contains_key(&block) || self.pending.contains(&block)) {
            self.kept = blocks;
        }
    }

    pub(crate) fn get(&mut self, block: u64) -> Option<&Bytes> {
        self.fresh.remove(&block);
        self.blocks.get(&block)
    }

    /// True when a Read job should be made for the block of `len` bytes; it then counts as under way.
    pub(crate) fn want(&mut self, block: u64, len: usize) -> bool {
        let expected = self.pending.len() + self.fresh.len() + 1;
        let room = self.pending.is_empty() || expected.saturating_mul(len) <= self.budget;
        !self.blocks.contains_key(&block)
            && room
            && self.pending.len() < MAX_PENDING
            && self.pending.insert(block)
    }

    /// A read came back empty-handed.
    pub(crate) fn failed(&mut self, block: u64) {
        self.kept = 0..0;
        self.pending.remove(&block);
    }

    pub(crate) fn insert(&mut self, block: u64, bytes: Bytes) {
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

    /// Somebody asks for repair: from now on what is sent will be wanted again.
    pub(crate) fn repair_wanted(&mut self, now: Timestamp) {
        self.keep_until = now + KEEP;
    }

    /// All of a block was sent, and need not be kept. While nobody asks for repair it goes: its memory, which is in the
    /// processor's cache, serves the next one, and should it be wanted after all, it is read again.
    pub(crate) fn sent(&mut self, now: Timestamp, block: u64) {
        if now >= self.keep_until {
            self.drop_block(block);
        }
    }

    /// Drops a block that will hardly be wanted again.
    pub(crate) fn drop_block(&mut self, block: u64) {
        self.order.retain(|&b| b != block);
        self.forget(block);
    }

    fn forget(&mut self, block: u64) {
        self.kept = 0..0;
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
    fn the_oldest_block_makes_room_and_reads_are_asked_for_once() {
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
    fn what_was_read_is_used_before_it_makes_room_and_no_more_is_read_than_fits() {
        let mut cache = BlockCache::new(300);
        assert!(cache.want(1, 100) && cache.want(2, 100) && cache.want(3, 100));
        assert!(!cache.want(4, 100), "three are on their way");
        for block in 1..=3 {
            cache.insert(block, Bytes::from(vec![0; 100]));
        }
        assert!(cache.get(2).is_some());
        assert!(cache.want(4, 100));
        cache.insert(4, Bytes::from(vec![0; 100]));
        assert!(cache.get(2).is_none() && cache.get(1).is_some());
    }

    #[test]
    fn what_was_sent_is_kept_only_while_somebody_asks_for_repair() {
        let mut cache = BlockCache::new(1000);
        let now = Timestamp::ZERO + Duration::from_secs(10);
        for block in 0..3 {
            cache.insert(block, Bytes::from(vec![0; 100]));
        }
        cache.sent(now, 0);
        assert!(cache.get(0).is_none() && cache.get(1).is_some());
        cache.repair_wanted(now);
        cache.sent(now + KEEP - Duration::from_nanos(1), 1);
        assert!(cache.get(1).is_some());
        cache.sent(now + KEEP, 2);
        assert!(cache.get(2).is_none());
    }

    #[test]
    fn what_is_kept_is_looked_at_again_when_something_goes() {
        let mut cache = BlockCache::new(250);
        cache.note_kept(1..3);
        assert!(!cache.keeps(&(1..3)), "nothing was asked for");
        assert!(cache.want(1, 100) && cache.want(2, 100));
        cache.note_kept(1..3);
        assert!(cache.keeps(&(1..3)) && !cache.keeps(&(2..4)));
        cache.insert(1, Bytes::from(vec![0; 100]));
        assert!(cache.keeps(&(1..3)));
        cache.failed(2);
        assert!(!cache.keeps(&(1..3)));
        assert!(cache.want(2, 100));
        cache.insert(2, Bytes::from(vec![0; 100]));
        cache.note_kept(1..3);
        cache.insert(3, Bytes::from(vec![0; 100]));
        assert!(!cache.keeps(&(1..3)), "one has made room");
    }

    #[test]
    fn a_block_larger_than_the_budget_is_still_kept_while_it_is_the_only_one() {
        let mut cache = BlockCache::new(10);
        cache.insert(1, Bytes::from(vec![0; 100]));
        assert!(cache.get(1).is_some());
    }
}
