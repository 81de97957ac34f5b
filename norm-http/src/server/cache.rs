//! Chunks that were read and verified of late.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use norm_core::fileset::ContentHash;

/// Chunks that stay.
const MAX_CHUNKS: usize = 64;

/// A chunk of a set.
pub(super) type ChunkKey = (ContentHash, u32);

/// The last chunks, the one that was used last at the end.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<VecDeque<(ChunkKey, Bytes)>>);

impl Cache {
    /// A chunk, if it is here.
    pub(super) fn get(&self, key: ChunkKey) -> Option<Bytes> {
        // Nothing in here panics halfway.
        let mut chunks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = chunks.iter().position(|(other, _)| *other == key)?;
        let found = chunks.remove(at)?;
        let bytes = found.1.clone();
        chunks.push_back(found);
        Some(bytes)
    }

    /// Keeps a chunk in place of the one that was not used for longest.
    pub(super) fn put(&self, key: ChunkKey, bytes: Bytes) {
        let mut chunks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        chunks.retain(|(other, _)| *other != key);
        if chunks.len() >= MAX_CHUNKS {
            chunks.pop_front();
        }
        chunks.push_back((key, bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_that_was_not_used_for_longest_goes() {
        let cache = Cache::default();
        let key = |number| (ContentHash([1; 32]), number);
        for number in 0..MAX_CHUNKS as u32 {
            cache.put(key(number), Bytes::from(vec![number as u8]));
        }
        assert_eq!(cache.get(key(0)).as_deref(), Some(&[0][..]));
        cache.put(key(1_000), Bytes::from_static(b"new"));
        assert_eq!(cache.get(key(1)), None);
        assert_eq!(cache.get(key(0)).as_deref(), Some(&[0][..]));
        assert_eq!(cache.get(key(1_000)).as_deref(), Some(&b"new"[..]));
        assert_eq!(cache.0.lock().unwrap().len(), MAX_CHUNKS);
    }
}
