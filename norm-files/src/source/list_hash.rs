//! What a digest list ends with.

use std::sync::{Arc, OnceLock};

use norm_core::fileset::HASH_BYTES;

/// The hash at the end of a set's digest list, as soon as that is made: from the thread that reads
/// to that of the session. Copies share it.
#[derive(Clone, Debug, Default)]
pub struct ListHash(Arc<OnceLock<[u8; HASH_BYTES]>>);

impl ListHash {
    /// The hash; `None` while there is no list.
    pub fn get(&self) -> Option<[u8; HASH_BYTES]> {
        self.0.get().copied()
    }

    /// The list is made; it is made once.
    pub(super) fn set(&self, list: &[u8]) {
        if let Some(hash) = list.last_chunk() {
            self.0.get_or_init(|| *hash);
        }
    }
}
