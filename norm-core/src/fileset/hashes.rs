//! The hashes that name files and sets of files.

use core::fmt;

/// Bytes in each of these hashes.
pub const HASH_BYTES: usize = blake3::OUT_LEN;

/// Keeps content hashes apart from every other use of BLAKE3.
const CONTENT_CONTEXT: &str = "norm-core 2026-11-29 file set version 2 content";

/// Names for 32 bytes that are shown as 64 hexadecimal digits.
macro_rules! hash_names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; HASH_BYTES]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    )*};
}

hash_names! {
    /// Names a transfer under way and its resume data: BLAKE3 of the manifest without its layout.
    ///
    /// Sets with the same manifest hash have the same files, by name, size, mode and time,
    /// whichever sender they come from. It does not cover what is in them: a [`ContentHash`] does.
    ManifestHash;

    /// Names files with all that is in them: the same for every sender, code, cut and protocol.
    ContentHash;

    /// BLAKE3 of all bytes of a file, holes read as zeros: what `b3sum` prints.
    FileHash;

    /// The hash of a chunk, see [`ChunkHasher`](super::ChunkHasher).
    ChunkHash;
}

impl ManifestHash {
    /// The hash of an encoded manifest without its layout.
    pub fn of(identity: &[u8]) -> Self {
        Self(*blake3::hash(identity).as_bytes())
    }
}

impl FileHash {
    /// The hash of a file without content.
    pub fn of_empty() -> Self {
        Self(*blake3::hash(b"").as_bytes())
    }
}

/// Computes a [`ContentHash`]: BLAKE3 in its key derivation mode over the manifest hash and the
/// hash of all chunk hashes in the order of the manifest, those of chunks in holes included.
#[derive(Clone, Debug)]
pub struct ContentHasher {
    manifest: ManifestHash,
    chunks: blake3::Hasher,
}

impl ContentHasher {
    /// Begins with the set that has this manifest.
    pub fn new(manifest: ManifestHash) -> Self {
        Self { manifest, chunks: blake3::Hasher::new() }
    }

    /// Takes the hash of the next chunk.
    pub fn push(&mut self, chunk: &ChunkHash) {
        self.chunks.update(&chunk.0);
    }

    /// Takes the hashes of the next chunks.
    pub(super) fn extend(&mut self, chunks: &[[u8; HASH_BYTES]]) {
        self.chunks.update(chunks.as_flattened());
    }

    /// The content hash.
    pub fn finish(&self) -> ContentHash {
        let mut hasher = blake3::Hasher::new_derive_key(CONTENT_CONTEXT);
        hasher.update(&self.manifest.0).update(self.chunks.finalize().as_bytes());
        ContentHash(*hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_shown_as_their_digits() {
        let hash = blake3::hash(b"manifest");
        assert_eq!(ManifestHash::of(b"manifest").to_string(), hash.to_hex().as_str());
    }

    #[test]
    fn content_hash_depends_on_manifest_and_every_chunk_in_its_place() {
        let of = |manifest: &[u8], chunks: &[u8]| {
            let mut hasher = ContentHasher::new(ManifestHash::of(manifest));
            chunks.iter().for_each(|&n| hasher.push(&ChunkHash([n; 32])));
            hasher.finish()
        };
        let one = of(b"m", &[1, 2]);
        assert_eq!(one, of(b"m", &[1, 2]));
        for other in [of(b"n", &[1, 2]), of(b"m", &[2, 1]), of(b"m", &[1]), of(b"m", &[1, 2, 3])] {
            assert_ne!(one, other);
        }
        let mut at_once = ContentHasher::new(ManifestHash::of(b"m"));
        at_once.extend(&[[1; 32], [2; 32]]);
        assert_eq!(at_once.finish(), one);
    }
}
