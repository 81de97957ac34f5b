//! How a file set is cut into NORM objects and blocks.

use norm_core::fec::Scheme;
use norm_core::fileset::{ManifestHash, SetId};
use norm_core::norm::MAX_OBJECTS;
use norm_core::transfer::ObjectSpec;
use norm_files::source::Extents;

use super::Fec;
use crate::transfer::objects::{Sizes, objects_of_set};
use crate::transfer::send::SendError;

/// Largest extent, in bytes: verifying it, and sending it again if need be, stay cheap.
const MAX_EXTENT_BYTES: u64 = 256 << 20;
/// Longest block that content may have under RaptorQ if it does not fit otherwise, in symbols.
const MAX_BLOCK_LEN: u32 = 8_192;

/// How a set is cut up: manifest, extents of the payload, digest list.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The code.
    scheme: Scheme,
    /// Symbols per block, K.
    pub(super) block_len: u32,
    /// With a Reed-Solomon code a whole number of blocks each, so that only the last extent has
    /// short ones, which cost as much as long ones.
    pub(super) extents: Extents,
    /// Bytes in the manifest.
    manifest_len: u64,
    /// Bytes in the digest list.
    list_len: u64,
}

impl Plan {
    /// Cuts a set up for packets of `segment_size` bytes of content at `rate` bits per second,
    /// under a code that is decided.
    ///
    /// A block takes about 100 ms, or less: repair can begin when a block is over, so longer ones
    /// delay it, and shorter ones code less well. Sets that would need too many objects get longer
    /// blocks, if the code allows.
    ///
    /// # Errors
    /// [`SendError::TooLarge`] when no cut fits the objects of one session.
    pub(super) fn new(
        fec: Fec,
        segment_size: u16,
        rate: Option<u64>,
        sizes: Sizes,
    ) -> Result<Self, SendError> {
        let Sizes { manifest: manifest_len, payload: payload_size, list: list_len } = sizes;
        let mut block_len = fec.block_len(segment_size, rate);
        while let Ok(scheme) = fec.scheme(block_len) {
            let object = fec.max_object(segment_size, block_len);
            let extent_bytes = extent_bytes(scheme, segment_size, block_len, object);
            if let Some(extents) = Extents::cut(payload_size, extent_bytes)
                && u64::from(extents.count) + 2 <= u64::from(MAX_OBJECTS)
                && manifest_len.max(list_len) <= object
            {
                return Ok(Self { scheme, block_len, extents, manifest_len, list_len });
            }
            if block_len >= MAX_BLOCK_LEN {
                break;
            }
            block_len *= 2;
        }
        Err(SendError::TooLarge { bytes: payload_size, manifest_bytes: manifest_len, segment_size })
    }

    /// The code.
    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Objects in the set.
    #[cfg(test)]
    pub(super) fn objects(&self) -> u32 {
        self.extents.count + 2
    }

    /// The objects of a set with this manifest, in the order in which they are sent; with
    /// `list_first` the digest list before the payload.
    pub(super) fn specs(
        &self,
        set: SetId,
        manifest: ManifestHash,
        list_first: bool,
    ) -> impl Iterator<Item = ObjectSpec> {
        let sizes = Sizes {
            manifest: self.manifest_len,
            payload: self.payload_size(),
            list: self.list_len,
        };
        objects_of_set(set, manifest, list_first, sizes, self.extents)
    }

    fn payload_size(&self) -> u64 {
        self.extents.payload_size
    }
}

/// Bytes in each extent but the last, where an object has at most `object`.
fn extent_bytes(scheme: Scheme, segment_size: u16, block_len: u32, object: u64) -> u64 {
    let limit = object.clamp(1, MAX_EXTENT_BYTES);
    let block = u64::from(block_len) * u64::from(segment_size);
    match scheme {
        Scheme::ReedSolomon(_) if (1..=limit).contains(&block) => limit / block * block,
        _ => limit,
    }
}

#[cfg(test)]
mod tests {
    use norm_core::fec::Layout;
    use norm_core::fileset::{PartKind, SetDescriptor, chunks_in, digest_list_len};
    use norm_core::transfer::ObjectMeta;

    use super::*;

    const SET: SetId = SetId([7; 16]);
    const MANIFEST: ManifestHash = ManifestHash([8; 32]);

    /// A plan for a set of one file.
    fn new_plan(
        fec: Fec,
        segment: u16,
        rate: Option<u64>,
        manifest: u64,
        payload: u64,
    ) -> Result<Plan, SendError> {
        let chunks = u32::try_from(chunks_in(payload)).unwrap_or(u32::MAX);
        let list = digest_list_len(chunks);
        Plan::new(fec, segment, rate, Sizes { manifest, payload, list })
    }

    fn parts(plan: &Plan) -> Vec<(SetDescriptor, u64)> {
        let part = |(number, spec): (u32, ObjectSpec)| match spec.meta {
            ObjectMeta::SetPart { index, part } if index == number => (part, spec.size),
            other => panic!("{other:?}"),
        };
        (0..).zip(plan.specs(SET, MANIFEST, false)).map(part).collect()
    }

    #[test]
    fn extents_cover_the_payload_without_gap_or_overlap() {
        let payload = 3 * MAX_EXTENT_BYTES + 1;
        let plan = new_plan(Fec::RaptorQ, 1344, None, 100, payload).unwrap();
        let objects = parts(&plan);
        assert_eq!(objects.len(), 6);
        assert_eq!((objects[0].0.kind, objects[0].1), (PartKind::Manifest, 100));
        assert_eq!(
            (objects[5].0.kind, objects[5].1),
            (PartKind::DigestList, digest_list_len(chunks_in(payload) as u32))
        );
        let mut offset = 0;
        for (part, size) in &objects[1..5] {
            assert_eq!((part.kind, part.offset), (PartKind::Payload, offset));
            offset += size;
        }
        assert_eq!(offset, payload);
        assert!(
            objects.iter().all(|(part, _)| part.set.parts == 6 && part.set.manifest == MANIFEST)
        );
    }

    #[test]
    fn extents_of_reed_solomon_sets_are_whole_blocks_and_all_of_them_full_ones() {
        let payload = 3 * MAX_EXTENT_BYTES + 1;
        let plan = new_plan(Fec::ReedSolomon, 1344, None, 100, payload).unwrap();
        let Scheme::ReedSolomon(code) = plan.scheme else { panic!() };
        let sizes: Vec<u64> = plan.specs(SET, MANIFEST, false).map(|spec| spec.size).collect();
        assert_eq!((sizes.len(), sizes[1..5].iter().sum::<u64>()), (6, payload));
        for &size in &sizes[1..4] {
            assert_eq!(size % (160 * 1344), 0);
            assert!((MAX_EXTENT_BYTES - 160 * 1344..=MAX_EXTENT_BYTES).contains(&size));
            let layout = Layout::reed_solomon(size, 1344, code).unwrap();
            assert!((0..layout.blocks()).all(|block| layout.block_len(block) == 160));
        }
    }

    #[test]
    fn reed_solomon_sets_may_be_as_large_as_others_to_a_block_per_extent() {
        let new = |payload| new_plan(Fec::ReedSolomon, 1344, None, 1, payload);
        let max = (u64::from(MAX_OBJECTS) - 2) * (MAX_EXTENT_BYTES / (160 * 1344) * (160 * 1344));
        assert_eq!(u64::from(new(max).unwrap().objects()), u64::from(MAX_OBJECTS));
        assert!(matches!(new(max + 1), Err(SendError::TooLarge { .. })));
        let tiny = new_plan(Fec::ReedSolomon, 64, Some(1), 200 << 20, 1 << 40).unwrap();
        assert_eq!(tiny.block_len, 64, "24 bits of block numbers suffice for any object");
    }

    #[test]
    fn an_empty_payload_has_no_extents() {
        let plan = new_plan(Fec::RaptorQ, 1344, None, 100, 0).unwrap();
        let objects = parts(&plan);
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[1].1, digest_list_len(0));
    }

    #[test]
    fn digest_list_follows_the_manifest_when_it_is_known_first() {
        let plan = new_plan(Fec::RaptorQ, 1344, None, 100, 2 * MAX_EXTENT_BYTES).unwrap();
        let specs: Vec<ObjectSpec> = plan.specs(SET, MANIFEST, true).collect();
        for (number, spec) in (0..).zip(&specs) {
            let ObjectMeta::SetPart { index, part } = &spec.meta else { panic!("{spec:?}") };
            assert!(part.set.list_first && part.is_consistent());
            assert_eq!((*index, part.set.kind_of(number)), (number, Some(part.kind)));
        }
        assert_eq!((specs.len(), specs[1].size), (4, digest_list_len(512)));
    }

    #[test]
    fn large_sets_at_low_rates_get_longer_blocks() {
        let small = new_plan(Fec::RaptorQ, 1344, Some(1), 100, 1 << 30).unwrap();
        assert_eq!(small.block_len, 64);
        let many = new_plan(Fec::RaptorQ, 1344, Some(1), 100, 1 << 40).unwrap();
        assert_eq!(many.block_len, 128);
        let long_list = new_plan(Fec::RaptorQ, 1344, Some(1), 200 << 20, 100).unwrap();
        assert_eq!(long_list.block_len, 1024);
    }

    #[test]
    fn more_than_a_session_can_hold_is_refused() {
        let max = (u64::from(MAX_OBJECTS) - 2) * MAX_EXTENT_BYTES;
        assert_eq!(
            u64::from(new_plan(Fec::RaptorQ, 1344, None, 1, max).unwrap().objects()),
            u64::from(MAX_OBJECTS)
        );
        assert!(matches!(
            new_plan(Fec::RaptorQ, 1344, None, 1, max + 1),
            Err(SendError::TooLarge { .. })
        ));
        assert!(matches!(
            new_plan(Fec::RaptorQ, 1344, None, 1, u64::MAX),
            Err(SendError::TooLarge { .. })
        ));
        assert!(matches!(
            new_plan(Fec::RaptorQ, 64, None, 256 << 20, 1),
            Err(SendError::TooLarge { .. })
        ));
        assert!(matches!(new_plan(Fec::RaptorQ, 0, None, 1, 1), Err(SendError::TooLarge { .. })));
    }
}
