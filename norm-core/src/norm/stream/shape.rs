//! How a stream is cut: places, and the numbers that every part shares.

use super::header::HEADER_LEN;
use crate::fec::MAX_BLOCK_BYTES;

/// The block numbers there are; no stream lasts longer. Below it, numbers can be added up safely.
pub(crate) const MAX_BLOCKS: u64 = 1 << 62;

/// Where a segment lies in a stream. Blocks are counted without the wrap that they have on the
/// wire.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) block: u64,
    pub(crate) symbol: u32,
}

impl Place {
    pub(crate) const fn new(block: u64, symbol: u32) -> Self {
        Self { block, symbol }
    }
}

/// The block number nearest to `near` that packets, which carry the bits of `mask`, call `wire`.
pub(crate) const fn unwrap_block(wire: u64, near: u64, mask: u64) -> u64 {
    let ahead = wire.wrapping_sub(near) & mask;
    if ahead <= mask / 2 {
        near.saturating_add(ahead)
    } else {
        // Before the beginning there is nothing; then it must be ahead.
        match near.checked_sub(mask - ahead + 1) {
            Some(block) => block,
            None => near.saturating_add(ahead),
        }
    }
}

/// The sizes of a stream; one that exists is within limits.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamShape {
    segment_size: u16,
    block_len: u16,
}

impl StreamShape {
    /// Segments of at most `segment_size` bytes, header not counted, and blocks of `block_len`
    /// symbols. `None` when one is 0, or a block exceeds [`MAX_BLOCK_BYTES`].
    pub(crate) fn new(segment_size: u16, block_len: u16) -> Option<Self> {
        let shape = Self { segment_size, block_len };
        let fits = shape.block_bytes() <= MAX_BLOCK_BYTES as usize;
        (segment_size > 0 && block_len > 0 && fits).then_some(shape)
    }

    /// Bytes of content in a segment at most.
    pub(crate) fn segment_size(&self) -> usize {
        usize::from(self.segment_size)
    }

    /// Source symbols in every block.
    pub(crate) fn block_len(&self) -> u32 {
        u32::from(self.block_len)
    }

    /// Bytes of a symbol as it is coded: header, content, zeros.
    pub(crate) fn symbol_size(&self) -> usize {
        HEADER_LEN + self.segment_size()
    }

    /// Bytes of all symbols of a block.
    pub(crate) fn block_bytes(&self) -> usize {
        usize::from(self.block_len) * self.symbol_size()
    }

    /// Where in the block's bytes this symbol lies.
    pub(crate) fn range(&self, symbol: u32) -> core::ops::Range<usize> {
        let start = symbol as usize * self.symbol_size();
        start..start + self.symbol_size()
    }

    /// The place after this one.
    pub(crate) fn after(&self, place: Place) -> Place {
        self.canonical(Place::new(place.block, place.symbol.saturating_add(1)))
    }

    /// The canonical form of a place: the first one of the next block when it lies after the last
    /// symbol, and no farther than numbers reach.
    pub(crate) fn canonical(&self, place: Place) -> Place {
        if place.block >= MAX_BLOCKS {
            Place::new(MAX_BLOCKS, 0)
        } else if place.symbol >= self.block_len() {
            Place::new(place.block + 1, 0)
        } else {
            place
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_huge_shapes_are_refused() {
        assert!(StreamShape::new(0, 4).is_none());
        assert!(StreamShape::new(4, 0).is_none());
        assert!(StreamShape::new(u16::MAX, u16::MAX).is_none());
        let shape = StreamShape::new(1400, 64).unwrap();
        assert_eq!((shape.symbol_size(), shape.block_bytes()), (1408, 64 * 1408));
    }

    #[test]
    fn block_numbers_survive_their_wrap() {
        let mask = 0xff_ffff;
        assert_eq!(unwrap_block(5, 0, mask), 5);
        assert_eq!(unwrap_block(0, 5, mask), 0);
        assert_eq!(unwrap_block(2, 0xff_ffff, mask), 0x100_0002);
        assert_eq!(unwrap_block(0xff_fffe, 0x100_0002, mask), 0xff_fffe);
        assert_eq!(unwrap_block(0xff_fffe, 0, mask), 0xff_fffe, "there is nothing before 0");
    }

    #[test]
    fn next_block_follows_the_last_symbol() {
        let shape = StreamShape::new(10, 4).unwrap();
        assert_eq!(shape.after(Place::new(1, 2)), Place::new(1, 3));
        assert_eq!(shape.after(Place::new(1, 3)), Place::new(2, 0));
        assert_eq!(shape.canonical(Place::new(u64::MAX, u32::MAX)), Place::new(MAX_BLOCKS, 0));
    }
}
