//! The parts of a file set: manifest, extents of the payload, digest list.

use norm_core::fileset::{
    ManifestHash, PartKind, SetDescriptor, SetId, SetSummary, digest_list_len,
};
use norm_core::transfer::{ObjectMeta, ObjectSpec};
use norm_files::source::{Extents, FileSet};

/// Largest block, in bytes: long segments make short blocks.
const MAX_BLOCK_BYTES: u32 = 1_500_000;

/// Source symbols of the longest block, where `most` are aimed at.
pub(crate) fn longest_block(segment_size: u16, most: u32) -> u32 {
    (MAX_BLOCK_BYTES / u32::from(segment_size.max(1))).clamp(16, most)
}

/// What there is to be cut up, in bytes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) manifest: u64,
    pub(crate) payload: u64,
    pub(crate) list: u64,
}

impl Sizes {
    /// Of what was found.
    pub(crate) fn of(found: &FileSet) -> Self {
        Self {
            manifest: found.manifest.len() as u64,
            payload: found.payload_size,
            list: digest_list_len(found.map.chunks()),
        }
    }
}

/// The objects of a set with this manifest, in the order in which they are sent; with `list_first`
/// the digest list before the payload.
pub(crate) fn objects_of_set(
    set: SetId,
    manifest: ManifestHash,
    list_first: bool,
    sizes: Sizes,
    extents: Extents,
) -> impl Iterator<Item = ObjectSpec> {
    let set = SetSummary {
        set,
        parts: extents.count + 2,
        list_first,
        payload_size: sizes.payload,
        manifest_size: sizes.manifest,
        list_size: sizes.list,
        manifest,
        content: None,
    };
    let manifest = std::iter::once((PartKind::Manifest, 0, sizes.manifest));
    let payload = (0..extents.count)
        .filter_map(move |index| extents.get(index))
        .map(|(offset, size)| (PartKind::Payload, offset, size));
    let digests = Some((PartKind::DigestList, 0, sizes.list));
    let (before, after) = if list_first { (digests, None) } else { (None, digests) };
    let parts = manifest.chain(before).chain(payload).chain(after);
    (0..).zip(parts).map(move |(index, (kind, offset, size))| {
        let part = SetDescriptor { kind, offset, set };
        ObjectSpec { size, meta: ObjectMeta::SetPart { index, part } }
    })
}
