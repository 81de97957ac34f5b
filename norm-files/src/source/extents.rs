//! How the payload of a file set is cut into extents.

/// Extents of a payload, equal but for the last one.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Extents {
    /// Bytes in each extent but the last, at least 1.
    pub extent_bytes: u64,
    /// Number of extents.
    pub count: u32,
    /// Bytes in all of them.
    pub payload_size: u64,
}

impl Extents {
    /// Cuts a payload into extents of `extent_bytes`; `None` when there would be more than 2^32 -
    /// 1, or when `extent_bytes` is 0.
    pub fn cut(payload_size: u64, extent_bytes: u64) -> Option<Self> {
        let extents = payload_size.checked_add(extent_bytes.checked_sub(1)?)? / extent_bytes;
        let count = u32::try_from(extents).ok()?;
        Some(Self { extent_bytes, count, payload_size })
    }

    /// Where an extent begins in the payload, and its length; `None` past the last one.
    pub fn get(&self, index: u32) -> Option<(u64, u64)> {
        if index >= self.count {
            return None;
        }
        let start = u64::from(index) * self.extent_bytes;
        Some((start, self.extent_bytes.min(self.payload_size - start)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_cover_the_payload_without_gap() {
        for (payload, bytes, count) in [(0, 10, 0), (1, 10, 1), (10, 10, 1), (25, 10, 3)] {
            let extents = Extents::cut(payload, bytes).unwrap();
            assert_eq!(extents.count, count);
            let mut end = 0;
            for index in 0..count {
                let (start, len) = extents.get(index).unwrap();
                assert!(start == end && len > 0);
                end = start + len;
            }
            assert_eq!((end, extents.get(count)), (payload, None));
        }
    }

    #[test]
    fn impossible_extents_are_refused() {
        assert_eq!(Extents::cut(10, 0), None);
        assert_eq!(Extents::cut(u64::MAX, 1), None);
        assert_eq!(Extents::cut(u64::MAX, u64::MAX), None, "the sum would overflow");
    }
}
