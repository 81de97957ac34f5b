//! Which part of which file set an object is, independent of the protocol that carries it.

use super::cursor::Cursor;
use super::{
    ContentError, ContentHash, HASH_BYTES, MAX_MANIFEST_BYTES, ManifestHash, digest_list_len,
    is_digest_list_len,
};

/// Parts of a set at most, manifest and digest list included: as many objects as a session of any
/// protocol can hold.
pub const MAX_PARTS: u32 = 32_767;

/// The digest list follows the manifest, rather than the payload.
const LIST_FIRST: u16 = 1;

/// The id of a file set: 128 bits, drawn at random by its sender.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub [u8; 16]);

impl core::fmt::Display for SetId {
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

/// What is said of a whole set with each of its parts.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SetSummary {
    /// The set.
    pub set: SetId,
    /// Parts of the set, manifest and digest list included: at least 2.
    pub parts: u32,
    /// The digest list comes before the payload.
    pub list_first: bool,
    /// Bytes in the payload.
    pub payload_size: u64,
    /// Bytes in the manifest.
    pub manifest_size: u64,
    /// Bytes in the digest list.
    pub list_size: u64,
    /// Names the transfer.
    pub manifest: ManifestHash,
    /// Names what is sent; `None` while its sender has not hashed it.
    pub content: Option<ContentHash>,
}

impl SetSummary {
    /// Extents of payload in the set.
    pub fn extents(&self) -> u32 {
        self.parts.saturating_sub(2)
    }

    /// The place of the digest list among the parts.
    pub fn list_index(&self) -> u32 {
        if self.list_first { 1 } else { self.parts.saturating_sub(1) }
    }

    /// The place of the first extent among the parts.
    pub fn first_extent(&self) -> u32 {
        if self.list_first { 2 } else { 1 }
    }

    /// What the part in this place holds; `None` after the last one.
    pub fn kind_of(&self, index: u32) -> Option<PartKind> {
        match index {
            _ if index >= self.parts => None,
            0 => Some(PartKind::Manifest),
            _ if index == self.list_index() => Some(PartKind::DigestList),
            _ => Some(PartKind::Payload),
        }
    }

    /// True when the other one is of the same set: one of them may know the content, and the other
    /// not yet.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let content = self.content.or(other.content);
        Self { content, ..*self } == Self { content: other.content.or(self.content), ..*other }
    }

    fn is_consistent(&self) -> bool {
        let extents = u64::from(self.extents());
        // No extent is empty, so there are no more of them than bytes.
        let payload =
            if extents == 0 { self.payload_size == 0 } else { self.payload_size >= extents };
        let manifest = self.manifest_size <= MAX_MANIFEST_BYTES;
        // A chunk has a byte at least.
        let chunks = is_digest_list_len(self.list_size)
            && self.list_size >= digest_list_len(u32::from(self.payload_size > 0))
            && (self.list_size - digest_list_len(0)) / 32 <= self.payload_size;
        self.parts >= 2 && payload && manifest && chunks
    }
}

/// Which part of which file set an object is.
///
/// The parts of a set are, in order: the manifest, the extents of the payload, the digest list; or
/// manifest, digest list and extents. Each travels as one object.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SetDescriptor {
    /// What this part holds.
    pub kind: PartKind,
    /// Where this extent begins in the payload, in bytes; 0 for manifest and digest list.
    pub offset: u64,
    /// The set.
    pub set: SetSummary,
}

impl SetDescriptor {
    /// Bytes that [`SetDescriptor::emit`] appends.
    pub const LEN: usize = 116;

    /// The number that stands for the kind on the wire: 1 to 3.
    pub const fn kind_number(&self) -> u8 {
        match self.kind {
            PartKind::Manifest => 1,
            PartKind::Payload => 2,
            PartKind::DigestList => 3,
        }
    }

    /// Appends everything but the kind, as `docs/wire.md` shows it.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let Self { offset, set, .. } = self;
        let flags = if set.list_first { LIST_FIRST } else { 0 };
        // No set has more than MAX_PARTS; a reader refuses 0.
        let parts = u16::try_from(set.parts).unwrap_or(0);
        out.extend_from_slice(&set.set.0);
        out.extend_from_slice(&flags.to_be_bytes());
        out.extend_from_slice(&parts.to_be_bytes());
        out.extend_from_slice(&offset.to_be_bytes());
        out.extend_from_slice(&set.payload_size.to_be_bytes());
        out.extend_from_slice(&set.manifest_size.to_be_bytes());
        out.extend_from_slice(&set.list_size.to_be_bytes());
        out.extend_from_slice(&set.manifest.0);
        out.extend_from_slice(&set.content.map_or([0; HASH_BYTES], |content| content.0));
    }

    /// Reads what [`emit`](Self::emit) writes; bytes after it are ignored, so that later programs
    /// can add some.
    ///
    /// # Errors
    /// [`ContentError`] for an unknown kind, for missing bytes, and for numbers that contradict
    /// each other ([`is_consistent`](Self::is_consistent)).
    pub fn parse(kind: u8, bytes: &[u8]) -> Result<Self, ContentError> {
        let kind = match kind {
            1 => PartKind::Manifest,
            2 => PartKind::Payload,
            3 => PartKind::DigestList,
            _ => return Err(ContentError::BadKind),
        };
        let mut cursor = Cursor::new(bytes);
        let set = SetId(cursor.array()?);
        let flags = cursor.u16()?;
        let parts = cursor.u16()?.into();
        let offset = cursor.u64()?;
        let set = SetSummary {
            set,
            parts,
            list_first: flags == LIST_FIRST,
            payload_size: cursor.u64()?,
            manifest_size: cursor.u64()?,
            list_size: cursor.u64()?,
            manifest: ManifestHash(cursor.array()?),
            content: Some(cursor.array()?).filter(|hash| *hash != [0; HASH_BYTES]).map(ContentHash),
        };
        let part = Self { kind, offset, set };
        let known = flags & !LIST_FIRST == 0;
        if known && part.is_consistent() { Ok(part) } else { Err(ContentError::BadField) }
    }

    /// False when the numbers contradict each other: fewer parts than the kind implies, an extent
    /// that begins outside the payload, a manifest or digest list with an offset, extents without
    /// payload or the reverse, a size that no manifest or digest list of that payload has.
    pub fn is_consistent(&self) -> bool {
        let offset = match self.kind {
            PartKind::Payload => self.offset < self.set.payload_size,
            PartKind::Manifest | PartKind::DigestList => self.offset == 0,
        };
        self.set.is_consistent() && offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: SetSummary = SetSummary {
        set: SetId([1; 16]),
        parts: 5,
        list_first: false,
        payload_size: 100,
        manifest_size: 60,
        list_size: digest_list_len(2),
        manifest: ManifestHash([2; 32]),
        content: None,
    };

    #[test]
    fn digest_list_is_last_or_follows_the_manifest() {
        use PartKind::{DigestList, Manifest, Payload};
        let kinds = |set: SetSummary| [0, 1, 2, 3, 4, 5].map(|index| set.kind_of(index));
        let [head, list, extent] = [Manifest, DigestList, Payload].map(Some);
        assert_eq!(kinds(SET), [head, extent, extent, extent, list, None]);
        let first = SetSummary { list_first: true, ..SET };
        assert_eq!(kinds(first), [head, list, extent, extent, extent, None]);
        assert_eq!((SET.first_extent(), first.first_extent(), first.extents()), (1, 2, 3));
    }

    #[test]
    fn content_may_be_told_later_and_nothing_else_may_change() {
        let known = SetSummary { content: Some(ContentHash([7; 32])), ..SET };
        let other = SetSummary { content: Some(ContentHash([8; 32])), ..SET };
        assert!(SET.agrees_with(&known) && known.agrees_with(&SET) && known.agrees_with(&known));
        assert!(!known.agrees_with(&other));
        assert!(!SET.agrees_with(&SetSummary { list_size: 0, ..SET }));
    }

    #[test]
    fn impossible_lists_and_manifests_are_inconsistent() {
        let part = |set| SetDescriptor { kind: PartKind::Manifest, offset: 0, set };
        let is = |set: SetSummary| part(set).is_consistent();
        assert!(is(SET));
        assert!(!is(SetSummary { list_size: SET.list_size + 1, ..SET }));
        assert!(!is(SetSummary { list_size: digest_list_len(0), ..SET }), "bytes without chunk");
        assert!(!is(SetSummary { list_size: digest_list_len(101), ..SET }), "more than bytes");
        assert!(!is(SetSummary { list_size: u64::MAX, ..SET }));
        assert!(!is(SetSummary { manifest_size: MAX_MANIFEST_BYTES + 1, ..SET }));
    }
}
