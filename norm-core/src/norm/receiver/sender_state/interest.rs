//! What is wanted of a sender, and what is here.

use core::ops::Range;
use std::collections::BTreeMap;

use crate::base::range_set::RangeSet;
use crate::norm::receiver::objects::object::RecvObject;

/// Objects of a sender, by key: those in progress, and how far the others have come.
#[derive(Debug)]
pub(crate) struct Interest {
    /// The first object that is wanted; `None` before reception begins (RFC 5740 §5.2).
    first: Option<u64>,
    /// Objects in progress.
    objects: BTreeMap<u64, RecvObject>,
    /// Objects that are written, refused or given up.
    done: RangeSet,
    /// Objects that the application has confirmed.
    confirmed: RangeSet,
    /// Objects of which much may be here although nothing of them was heard.
    partial: RangeSet,
    /// Content bytes written.
    bytes_done: u64,
    /// Symbols kept. An attacker that repeats some packets of a sender has fewer of them.
    symbols: u64,
}

impl Interest {
    pub(super) fn new() -> Self {
        Self {
            first: None,
            objects: BTreeMap::new(),
            done: RangeSet::new(),
            confirmed: RangeSet::new(),
            partial: RangeSet::new(),
            bytes_done: 0,
            symbols: 0,
        }
    }

    /// The first object that is wanted; `None` before reception begins.
    pub(crate) fn first(&self) -> Option<u64> {
        self.first
    }

    /// Reception begins: objects from this one on are wanted.
    pub(super) fn begin(&mut self, first: u64) {
        self.first = Some(first);
    }

    /// Reception has not begun.
    pub(super) fn forget_beginning(&mut self) {
        self.first = None;
        self.partial = RangeSet::new();
    }

    /// Wants objects from this one on, which may be earlier ones. False before reception begins.
    pub(crate) fn extend_to(&mut self, key: u64) -> bool {
        self.first = self.first.map(|first| first.min(key));
        self.first.is_some()
    }

    /// The sender repairs nothing before this object.
    pub(crate) fn shrink_to(&mut self, key: u64) {
        self.first = self.first.map(|first| first.max(key));
    }

    /// All objects that were wanted go on as other ones, from this one on; what is here of them is
    /// counted again.
    pub(crate) fn move_to(&mut self, first: u64) {
        self.shrink_to(first);
        self.bytes_done = 0;
    }

    /// Objects in progress.
    pub(crate) fn objects(&self) -> impl ExactSizeIterator<Item = (u64, &RecvObject)> {
        self.objects.iter().map(|(&key, object)| (key, object))
    }

    /// Objects in progress.
    pub(crate) fn objects_mut(&mut self) -> impl Iterator<Item = (u64, &mut RecvObject)> {
        self.objects.iter_mut().map(|(&key, object)| (key, object))
    }

    /// Objects in progress with these keys.
    pub(crate) fn objects_in(&self, keys: Range<u64>) -> impl Iterator<Item = (u64, &RecvObject)> {
        self.objects.range(keys).map(|(&key, object)| (key, object))
    }

    /// Keys of the objects in progress in this range.
    pub(crate) fn keys_in(&self, keys: Range<u64>) -> Vec<u64> {
        self.objects_in(keys).map(|(key, _)| key).collect()
    }

    /// An object in progress.
    pub(crate) fn object(&self, key: u64) -> Option<&RecvObject> {
        self.objects.get(&key)
    }

    /// An object in progress.
    pub(crate) fn object_mut(&mut self, key: u64) -> Option<&mut RecvObject> {
        self.objects.get_mut(&key)
    }

    /// The object, begun if it is not in progress; `None` if there are `limit` others.
    pub(crate) fn object_within(&mut self, key: u64, limit: usize) -> Option<&mut RecvObject> {
        if self.objects.len() >= limit && !self.objects.contains_key(&key) {
            return None;
        }
        Some(self.objects.entry(key).or_insert_with(RecvObject::new))
    }

    /// Forgets an object in progress.
    pub(crate) fn remove_object(&mut self, key: u64) -> Option<RecvObject> {
        self.objects.remove(&key)
    }

    /// True when an object is written, refused or given up.
    pub(crate) fn is_done(&self, key: u64) -> bool {
        self.done.contains(key)
    }

    /// These objects are done: nothing of them is wanted any more.
    pub(crate) fn finish(&mut self, keys: Range<u64>) {
        self.done.insert(keys.start, keys.end);
    }

    /// Runs of objects that are not done.
    pub(crate) fn not_done(&self, keys: Range<u64>) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.done.gaps(keys.start, keys.end)
    }

    /// The application has confirmed an object, which is done.
    pub(crate) fn confirm(&mut self, key: u64) {
        self.done.insert(key, key + 1);
        self.confirmed.insert(key, key + 1);
    }

    /// An object is wanted again from the start.
    pub(crate) fn reopen(&mut self, key: u64) {
        self.done.remove(key, key + 1);
        self.confirmed.remove(key, key + 1);
    }

    /// Notes that of these objects much may be here.
    pub(crate) fn expect_partial(&mut self, keys: Range<u64>) {
        self.partial.insert(keys.start, keys.end);
    }

    /// Objects of which much may be here although nothing of them was heard.
    pub(crate) fn partial(&self) -> &RangeSet {
        &self.partial
    }

    /// True when everything through `key` is done.
    pub(crate) fn is_done_through(&self, key: u64) -> bool {
        self.first.is_some_and(|first| first > key || self.done.covers(first, key + 1))
    }

    /// True when everything through `key` is confirmed by the application.
    pub(crate) fn is_confirmed_through(&self, key: u64) -> bool {
        self.first.is_some_and(|first| first <= key && self.confirmed.covers(first, key + 1))
    }

    /// True when everything before `key` is confirmed by the application.
    pub(crate) fn is_confirmed_before(&self, key: u64) -> bool {
        self.first.is_some_and(|first| first >= key || self.confirmed.covers(first, key))
    }

    /// Content bytes written.
    pub(crate) fn bytes_done(&self) -> u64 {
        self.bytes_done
    }

    /// Notes that content was written, or was in its place.
    pub(crate) fn add_bytes_done(&mut self, bytes: u64) {
        self.bytes_done += bytes;
    }

    /// Content that was written is wrong.
    pub(crate) fn remove_bytes_done(&mut self, bytes: u64) {
        self.bytes_done = self.bytes_done.saturating_sub(bytes);
    }

    /// Symbols kept.
    pub(crate) fn symbols(&self) -> u64 {
        self.symbols
    }

    /// Notes that a symbol was kept.
    pub(crate) fn note_symbol(&mut self) {
        self.symbols += 1;
    }

    /// Bytes that a block of an object takes in memory; 0 while that is not known.
    pub(crate) fn block_bytes(&self, key: u64) -> u64 {
        let geometry = self.objects.get(&key).and_then(|object| object.geometry(0));
        geometry.map_or(0, |g| u64::from(g.symbols) * u64::from(g.symbol_size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confirmation_reaches_to_the_first_object_that_lacks_it() {
        let mut interest = Interest::new();
        assert!(!interest.is_done_through(7) && !interest.is_confirmed_before(7));
        assert!(!interest.extend_to(7), "reception has not begun");
        interest.begin(7);
        interest.confirm(7);
        interest.finish(8..10);
        assert!(interest.is_done_through(9) && !interest.is_done_through(10));
        assert!(interest.is_confirmed_through(7) && !interest.is_confirmed_through(8));
        assert!(interest.is_confirmed_before(8) && !interest.is_confirmed_before(9));
        interest.reopen(7);
        assert!(!interest.is_confirmed_through(7) && !interest.is_done_through(7));
        assert!(interest.extend_to(5) && !interest.is_confirmed_before(6));
        interest.shrink_to(10);
        assert!(interest.is_done_through(9) && !interest.is_done_through(10));
    }
}
