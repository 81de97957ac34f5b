//! How content is cut into NORM objects and blocks.

use norm_core::content::{ObjectKind, SetId, SetInfo, tail_len};
use norm_core::fec::Layout;
use norm_core::sender::ObjectSpec;

use super::SendError;

/// Most bytes in an extent, so that its verification, and its repetition if need be, stay cheap.
const MAX_EXTENT_BYTES: u64 = 256 << 20;
/// Objects in a session: half the 16-bit transport id space, less one.
const MAX_OBJECTS: u64 = 32_767;
const BLOCK_LEN: std::ops::RangeInclusive<u32> = 64..=1024;
/// Content that does not fit otherwise may have longer blocks, up to about this.
const LONGEST_BLOCK_LEN: u32 = 8_192;

/// How a set is cut up: head, extents of the payload, tail.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Symbols per block, K.
    pub(super) block_len: u32,
    /// Bytes per extent; the last one may have less.
    pub(super) extent_bytes: u64,
    /// Extents of payload.
    pub(super) extents: u32,
    /// Bytes in the head.
    pub(super) head_len: u64,
    /// Bytes in the payload.
    pub(super) payload_size: u64,
}

impl Plan {
    /// Cuts a set up for packets of `segment_size` bytes of content at `rate` bits per second.
    ///
    /// A block takes about 100 ms: repair can begin when a block is over, so longer ones delay it,
    /// and shorter ones code less well. Sets that would need too many objects get longer blocks.
    pub(super) fn new(
        segment_size: u16,
        rate: Option<u64>,
        head_len: u64,
        payload_size: u64,
    ) -> Result<Self, SendError> {
        let mut block_len = block_len(segment_size, rate);
        loop {
            let object = Layout::max_raptorq_object(segment_size, block_len);
            let extent_bytes = object.clamp(1, MAX_EXTENT_BYTES);
            let extents = payload_size.div_ceil(extent_bytes);
            if let Ok(extents) = u32::try_from(extents)
                && u64::from(extents) + 2 <= MAX_OBJECTS
                && head_len.max(tail_len(extents)) <= object
            {
                return Ok(Self { block_len, extent_bytes, extents, head_len, payload_size });
            }
            if block_len >= LONGEST_BLOCK_LEN {
                return Err(SendError::TooLarge(format!(
                    "{payload_size} bytes of files with a list of {head_len} bytes are too much for \
                     one transfer with segments of {segment_size} bytes: send them in parts, or \
                     with larger segments"
                )));
            }
            block_len *= 2;
        }
    }

    /// Objects in the set.
    pub(super) fn objects(&self) -> u32 {
        self.extents + 2
    }

    /// The objects in the order in which they are sent, for a session whose first one is `first`.
    pub(super) fn specs(&self, set: SetId, first: u16) -> impl Iterator<Item = ObjectSpec> {
        let plan = *self;
        let spec = move |kind: ObjectKind, offset: u64, size: u64| {
            let mut info = Vec::with_capacity(SetInfo::LEN);
            SetInfo {
                kind,
                set,
                first_object: first,
                objects: plan.objects(),
                offset,
                payload_size: plan.payload_size,
            }
            .emit(&mut info);
            ObjectSpec { size, info: Some(info.into()), file: kind == ObjectKind::Payload }
        };
        let extents = (0..u64::from(plan.extents)).map(move |extent| {
            let offset = extent * plan.extent_bytes;
            let size = plan.extent_bytes.min(plan.payload_size - offset);
            spec(ObjectKind::Payload, offset, size)
        });
        std::iter::once(spec(ObjectKind::Head, 0, self.head_len))
            .chain(extents)
            .chain(std::iter::once(spec(ObjectKind::Tail, 0, tail_len(self.extents))))
    }
}

/// About 100 ms of the rate, in symbols.
fn block_len(segment_size: u16, rate: Option<u64>) -> u32 {
    let Some(rate) = rate else { return *BLOCK_LEN.end() };
    let symbols = rate / 8 / 10 / u64::from(segment_size.max(1));
    u32::try_from(symbols).unwrap_or(u32::MAX).clamp(*BLOCK_LEN.start(), *BLOCK_LEN.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: SetId = SetId([7; 16]);

    fn infos(plan: &Plan) -> Vec<(SetInfo, u64, bool)> {
        let parse =
            |spec: ObjectSpec| (SetInfo::parse(&spec.info.unwrap()).unwrap(), spec.size, spec.file);
        plan.specs(SET, 5).map(parse).collect()
    }

    #[test]
    fn blocks_follow_the_rate() {
        assert_eq!(block_len(1344, None), 1024);
        assert_eq!(block_len(1344, Some(1)), 64);
        assert_eq!(block_len(1344, Some(100_000_000)), 930);
        assert_eq!(block_len(1344, Some(u64::MAX)), 1024);
    }

    #[test]
    fn extents_cover_the_payload_without_gap_or_overlap() {
        let payload = 3 * MAX_EXTENT_BYTES + 1;
        let plan = Plan::new(1344, None, 100, payload).unwrap();
        let objects = infos(&plan);
        assert_eq!(objects.len(), 6);
        assert_eq!((objects[0].0.kind, objects[0].1), (ObjectKind::Head, 100));
        assert_eq!((objects[5].0.kind, objects[5].1), (ObjectKind::Tail, tail_len(4)));
        let mut offset = 0;
        for (info, size, file) in &objects[1..5] {
            assert_eq!((info.kind, info.offset, *file), (ObjectKind::Payload, offset, true));
            offset += size;
        }
        assert_eq!(offset, payload);
        assert!(objects.iter().all(|(info, ..)| info.objects == 6 && info.first_object == 5));
    }

    #[test]
    fn an_empty_payload_has_no_extents() {
        let plan = Plan::new(1344, None, 100, 0).unwrap();
        let objects = infos(&plan);
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[1].1, tail_len(0));
    }

    #[test]
    fn large_sets_at_low_rates_get_longer_blocks() {
        let small = Plan::new(1344, Some(1), 100, 1 << 30).unwrap();
        assert_eq!(small.block_len, 64);
        let many = Plan::new(1344, Some(1), 100, 1 << 40).unwrap();
        assert_eq!(many.block_len, 128);
        let long_list = Plan::new(1344, Some(1), 200 << 20, 100).unwrap();
        assert_eq!(long_list.block_len, 1024);
    }

    #[test]
    fn more_than_a_session_can_hold_is_refused() {
        let most = (MAX_OBJECTS - 2) * MAX_EXTENT_BYTES;
        assert_eq!(u64::from(Plan::new(1344, None, 1, most).unwrap().objects()), MAX_OBJECTS);
        assert!(matches!(Plan::new(1344, None, 1, most + 1), Err(SendError::TooLarge(_))));
        assert!(matches!(Plan::new(1344, None, 1, u64::MAX), Err(SendError::TooLarge(_))));
        assert!(matches!(Plan::new(64, None, 256 << 20, 1), Err(SendError::TooLarge(_))));
        assert!(matches!(Plan::new(0, None, 1, 1), Err(SendError::TooLarge(_))));
    }
}
