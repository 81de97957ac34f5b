//! The list of sets that a service has, as JSON: `{"sets": [...]}`.

use norm_core::fileset::ContentHash;
use serde::{Deserialize, Serialize};

use super::route::content_hash;

/// Bytes of a list at most.
pub const MAX_CATALOGUE_BYTES: usize = 1 << 20;
/// Sets in a list at most.
pub const MAX_SETS: usize = 2_000;

/// A set that a service has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedSet {
    /// The content hash, 64 hexadecimal digits.
    pub content: String,
    /// Bytes of the payload.
    pub bytes: u64,
    /// Chunks of the payload.
    pub chunks: u32,
    /// Of these, those that are here.
    pub chunks_here: u32,
    /// Bytes of the manifest.
    pub manifest_bytes: u64,
    /// Bytes of the digest list.
    pub digests_bytes: u64,
}

impl ListedSet {
    /// Its content hash; `None` when that is none.
    pub fn content(&self) -> Option<ContentHash> {
        content_hash(&self.content)
    }

    /// True when all of it is here.
    pub fn is_complete(&self) -> bool {
        self.chunks_here == self.chunks
    }
}

#[derive(Serialize, Deserialize)]
struct Catalogue {
    sets: Vec<ListedSet>,
}

/// The list of these sets, of which no more than [`MAX_SETS`] are told.
pub fn emit(sets: impl IntoIterator<Item = ListedSet>) -> Vec<u8> {
    let sets = sets.into_iter().take(MAX_SETS).collect();
    // Text and numbers are always JSON.
    serde_json::to_vec(&Catalogue { sets }).unwrap_or_default()
}

/// The sets of a list; `None` when it is malformed or too long. Fields that are not known are
/// ignored.
pub fn parse(json: &[u8]) -> Option<Vec<ListedSet>> {
    if json.len() > MAX_CATALOGUE_BYTES {
        return None;
    }
    let Catalogue { sets } = serde_json::from_slice(json).ok()?;
    let is_right = |set: &ListedSet| set.content().is_some() && set.chunks_here <= set.chunks;
    (sets.len() <= MAX_SETS && sets.iter().all(is_right)).then_some(sets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> ListedSet {
        ListedSet {
            content: "a5".repeat(32),
            bytes: 3 << 20,
            chunks: 3,
            chunks_here: 2,
            manifest_bytes: 100,
            digests_bytes: 172,
        }
    }

    #[test]
    fn sets_come_back() {
        assert_eq!(parse(&emit([set()])), Some(vec![set()]));
        assert_eq!(parse(br#"{"sets":[],"more":1}"#), Some(Vec::new()));
        let many = emit((0..MAX_SETS + 5).map(|_| set()));
        assert!(many.len() <= MAX_CATALOGUE_BYTES, "{}", many.len());
        assert_eq!(parse(&many).unwrap().len(), MAX_SETS);
    }

    #[test]
    fn nonsense_is_no_list() {
        let short = emit([ListedSet { content: "a5".into(), ..set() }]);
        let more_here = emit([ListedSet { chunks_here: 4, ..set() }]);
        let deep = vec![b'['; MAX_CATALOGUE_BYTES];
        for wrong in
            [&b""[..], b"{}", b"[]", &short, &more_here, &deep, &[b' '; MAX_CATALOGUE_BYTES + 1]]
        {
            assert_eq!(parse(wrong), None);
        }
    }
}
