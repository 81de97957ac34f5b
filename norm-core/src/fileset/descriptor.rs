//! Which part of which file set an object is, independent of the protocol that carries it.

use blake3::Hash;

/// Parts of a set at most, manifest and digest list included: as many objects as a session of any
/// protocol can hold.
pub const MAX_PARTS: u32 = 32_767;

/// The id of a file set: 128 bits, drawn at random by its sender.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub [u8; 16]);

impl core::fmt::Display for SetId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Identifies the files of a set, whichever sender it comes from and however its payload is cut
/// into extents: the beginning of its manifest's hash.
///
/// Sets with the same content id have the same files, by name, size, mode and time. It does not
/// cover what is in them: the digest list does.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub [u8; 16]);

impl ContentId {
    /// The content id of the set whose encoded manifest has this hash.
    pub fn of(manifest: &Hash) -> Self {
        Self(core::array::from_fn(|at| manifest.as_bytes()[at]))
    }
}

impl core::fmt::Display for ContentId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a part of a set holds.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// The list of files.
    Manifest,
    /// A piece of the files' contents.
    Payload,
    /// The hashes.
    DigestList,
}

/// Which part of which file set an object is.
///
/// The parts of a set are, in order: the manifest, the extents of the payload, the digest list.
/// Each travels as one object.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SetDescriptor {
    /// What this part holds.
    pub kind: PartKind,
    /// The set.
    pub set: SetId,
    /// Parts of the set, manifest and digest list included: at least 2.
    pub parts: u32,
    /// Where this extent begins in the payload, in bytes; 0 for manifest and digest list.
    pub offset: u64,
    /// Bytes in the payload of the whole set.
    pub payload_size: u64,
    /// Identifies the files of the set.
    pub content: ContentId,
}

impl SetDescriptor {
    /// Extents of payload in the set.
    pub fn extents(&self) -> u32 {
        self.parts.saturating_sub(2)
    }

    /// False when the numbers contradict each other: fewer parts than the kind implies, an extent
    /// that begins outside the payload, a manifest or digest list with an offset, extents without
    /// payload or the reverse.
    pub fn is_consistent(&self) -> bool {
        let extents = u64::from(self.extents());
        // No extent is empty, so there are no more of them than bytes.
        let payload =
            if extents == 0 { self.payload_size == 0 } else { self.payload_size >= extents };
        let offset = match self.kind {
            PartKind::Payload => self.offset < self.payload_size,
            PartKind::Manifest | PartKind::DigestList => self.offset == 0,
        };
        self.parts >= 2 && payload && offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_id_is_the_beginning_of_the_manifest_hash() {
        let hash = blake3::hash(b"manifest");
        let id = ContentId::of(&hash);
        assert_eq!(id.0, hash.as_bytes()[..16]);
        assert_eq!(id.to_string(), hash.to_hex()[..32]);
    }
}
