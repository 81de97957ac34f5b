//! The hash that stands for all content of a file set.

use std::fmt;

/// The hash that stands for a file set with all its content: sender and receivers compute the same.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootHash(pub [u8; 32]);

/// As 64 hex digits.
impl fmt::Display for RootHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl From<norm_core::fileset::Hash> for RootHash {
    fn from(hash: norm_core::fileset::Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_shown_as_its_hash_is() {
        let hash = blake3::hash(b"content");
        assert_eq!(RootHash::from(hash).to_string(), hash.to_hex().as_str());
    }
}
