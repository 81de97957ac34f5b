//! Block partitioning (RFC 5052 §9.1, the same as Partition\[Kt, Z\] of RFC 6330 §4.4.1.2).
//!
//! Blocks are as equal as can be: the first ones hold one symbol more than the others. Everything
//! is integer arithmetic; no limit of a FEC scheme is known here.

use super::error::LayoutError;

/// How an object is cut into source blocks, and these into symbols.
///
/// Only the very last symbol of the object may be shorter than the symbol size.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    object_size: u64,
    symbol_size: u16,
    blocks: u32,
    /// Symbols in each of the first `large_blocks` blocks; the others hold one less.
    large_len: u32,
    large_blocks: u32,
}

impl Partition {
    /// The partition with the fewest blocks of at most `max_block_len` symbols.
    ///
    /// # Errors
    /// [`LayoutError`] when the symbol size or `max_block_len` is 0, when there are more than 2^32
    /// - 1 blocks, or when a block has more than 2^32 - 1 bytes.
    pub fn by_max_block_len(
        object_size: u64,
        symbol_size: u16,
        max_block_len: u32,
    ) -> Result<Self, LayoutError> {
        if symbol_size == 0 {
            return Err(LayoutError::SymbolSizeZero);
        }
        if max_block_len == 0 {
            return Err(LayoutError::BlockLenZero);
        }
        let symbols = object_size.div_ceil(u64::from(symbol_size));
        let blocks = u32::try_from(symbols.div_ceil(u64::from(max_block_len)))
            .map_err(|_| LayoutError::TooManyBlocks)?;
        Self::by_blocks(object_size, symbol_size, blocks)
    }

    /// The partition into `blocks` blocks, none of them empty. An object of 0 bytes has no blocks,
    /// whatever `blocks` says.
    ///
    /// # Errors
    /// [`LayoutError`] when the symbol size is 0, when `blocks` is 0 or exceeds the number of
    /// symbols, or when a block has more than 2^32 - 1 bytes.
    pub fn by_blocks(object_size: u64, symbol_size: u16, blocks: u32) -> Result<Self, LayoutError> {
        if symbol_size == 0 {
            return Err(LayoutError::SymbolSizeZero);
        }
        if object_size == 0 {
            return Ok(Self { object_size, symbol_size, blocks: 0, large_len: 0, large_blocks: 0 });
        }
        if blocks == 0 {
            return Err(LayoutError::NoBlocks);
        }
        let symbols = object_size.div_ceil(u64::from(symbol_size));
        if u64::from(blocks) > symbols {
            return Err(LayoutError::TooManyBlocks);
        }
        let large_len = symbols.div_ceil(u64::from(blocks));
        // The padded length of a block: within u32, so that offsets in a block never overflow.
        let large_len = u32::try_from(large_len).map_err(|_| LayoutError::BlockTooLarge)?;
        if large_len.checked_mul(u32::from(symbol_size)).is_none() {
            return Err(LayoutError::BlockTooLarge);
        }
        let remainder = (symbols % u64::from(blocks)) as u32; // below `blocks`, hence fits
        let large_blocks = if remainder == 0 { blocks } else { remainder };
        Ok(Self { object_size, symbol_size, blocks, large_len, large_blocks })
    }

    /// Bytes in the object.
    pub const fn object_size(&self) -> u64 {
        self.object_size
    }

    /// Bytes in a symbol.
    pub const fn symbol_size(&self) -> u16 {
        self.symbol_size
    }

    /// Source symbols in the object.
    pub const fn symbols(&self) -> u64 {
        self.object_size.div_ceil(self.symbol_size as u64)
    }

    /// Source blocks in the object; 0 only for an empty object.
    pub const fn blocks(&self) -> u32 {
        self.blocks
    }

    /// Source symbols in the longest block.
    pub const fn longest_block_len(&self) -> u32 {
        self.large_len
    }

    /// Source symbols in this block; 0 when there is no such block.
    pub const fn block_len(&self, block: u32) -> u32 {
        if block < self.large_blocks {
            self.large_len
        } else if block < self.blocks {
            self.large_len - 1
        } else {
            0
        }
    }

    /// Where this block begins in the object, in bytes. The object's size when there is no such
    /// block.
    pub const fn block_offset(&self, block: u32) -> u64 {
        if block >= self.blocks {
            return self.object_size;
        }
        let block = block as u64;
        let large = self.large_blocks as u64;
        let short_before = block.saturating_sub(large);
        let symbols = block * self.large_len as u64 - short_before;
        symbols * self.symbol_size as u64
    }

    /// The block that has this byte of the object; the number of blocks when there is no such byte.
    pub const fn block_at(&self, offset: u64) -> u32 {
        if offset >= self.object_size {
            return self.blocks;
        }
        let symbol = offset / self.symbol_size as u64;
        let large = self.large_blocks as u64 * self.large_len as u64;
        if symbol < large {
            return (symbol / self.large_len as u64) as u32;
        }
        // Symbols that are in no large block are in blocks of at least one symbol.
        self.large_blocks + ((symbol - large) / (self.large_len as u64 - 1)) as u32
    }

    /// Bytes of the object in this block; less than its symbols hold only in the last block. 0 when
    /// there is no such block.
    pub const fn block_bytes(&self, block: u32) -> u32 {
        let padded = self.block_len(block) * self.symbol_size as u32;
        let left = self.object_size - self.block_offset(block);
        if left < padded as u64 { left as u32 } else { padded }
    }

    /// Bytes of the object in this source symbol: the symbol size, but for the very last symbol of
    /// the object. 0 when there is no such symbol.
    pub const fn symbol_bytes(&self, block: u32, symbol: u32) -> u16 {
        if symbol >= self.block_len(block) {
            return 0;
        }
        let left = self.block_bytes(block) - symbol * self.symbol_size as u32;
        if left < self.symbol_size as u32 { left as u16 } else { self.symbol_size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lengths(p: &Partition) -> Vec<u32> {
        (0..p.blocks()).map(|b| p.block_len(b)).collect()
    }

    #[test]
    fn partition_of_101_symbols_into_blocks_of_20() {
        let p = Partition::by_max_block_len(100_003, 1000, 20).unwrap();
        assert_eq!(p.symbols(), 101);
        assert_eq!(lengths(&p), [17, 17, 17, 17, 17, 16]);
        assert_eq!(p.block_offset(5), 85_000);
        assert_eq!(p.block_bytes(5), 15_003);
        assert_eq!(p.symbol_bytes(5, 14), 1000);
        assert_eq!(p.symbol_bytes(5, 15), 3);
        assert_eq!(p.symbol_bytes(5, 16), 0);
        assert_eq!(p, Partition::by_blocks(100_003, 1000, 6).unwrap());
    }

    #[test]
    fn evenly_divisible_objects_have_equal_blocks() {
        let p = Partition::by_blocks(12_000, 1000, 3).unwrap();
        assert_eq!(lengths(&p), [4, 4, 4]);
        assert_eq!([0, 1, 2, 3].map(|b| p.block_offset(b)), [0, 4000, 8000, 12_000]);
    }

    #[test]
    fn empty_object_has_no_blocks() {
        for p in [Partition::by_max_block_len(0, 9, 4), Partition::by_blocks(0, 9, 7)] {
            let p = p.unwrap();
            assert_eq!((p.blocks(), p.symbols(), p.longest_block_len()), (0, 0, 0));
            assert_eq!((p.block_len(0), p.block_bytes(0), p.block_offset(0)), (0, 0, 0));
            assert_eq!(p.symbol_bytes(0, 0), 0);
        }
    }

    #[test]
    fn missing_block_is_empty() {
        let p = Partition::by_max_block_len(100_003, 1000, 20).unwrap();
        for block in [6, 7, u32::MAX] {
            assert_eq!((p.block_len(block), p.block_bytes(block)), (0, 0));
            assert_eq!(p.block_offset(block), 100_003);
        }
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        use LayoutError as E;
        let by_len = Partition::by_max_block_len;
        assert_eq!(by_len(1, 0, 1), Err(E::SymbolSizeZero));
        assert_eq!(by_len(1, 1, 0), Err(E::BlockLenZero));
        assert_eq!(by_len(u64::MAX, 1, 1), Err(E::TooManyBlocks));
        assert_eq!(by_len(u64::MAX, u16::MAX, u32::MAX), Err(E::BlockTooLarge));
        let by_blocks = Partition::by_blocks;
        assert_eq!(by_blocks(1, 0, 1), Err(E::SymbolSizeZero));
        assert_eq!(by_blocks(1, 1, 0), Err(E::NoBlocks));
        assert_eq!(by_blocks(10, 5, 3), Err(E::TooManyBlocks));
        assert_eq!(by_blocks(1 << 32, 1, 1), Err(E::BlockTooLarge));
        assert_eq!(by_blocks(1 << 32, 2, 1), Err(E::BlockTooLarge));
        assert!(by_blocks((1 << 32) - 1, 1, 1).is_ok());
    }

    proptest! {
        #[test]
        fn blocks_and_symbols_cover_the_object_exactly(
            size in 0u64..2_000_000, symbol in 1u16..3000, max in 1u32..400,
        ) {
            let p = Partition::by_max_block_len(size, symbol, max).unwrap();
            let mut offset = 0;
            let mut symbols = 0;
            prop_assert_eq!(p.block_at(size), p.blocks());
            for block in 0..p.blocks() {
                let (first, bytes) = (p.block_offset(block), u64::from(p.block_bytes(block)));
                prop_assert_eq!([first, first + bytes - 1].map(|at| p.block_at(at)), [block; 2]);
                prop_assert!((1..=max).contains(&p.block_len(block)));
                prop_assert_eq!(p.block_offset(block), offset);
                let content: u64 = (0..p.block_len(block))
                    .map(|s| u64::from(p.symbol_bytes(block, s)))
                    .sum();
                prop_assert_eq!(u64::from(p.block_bytes(block)), content);
                offset += content;
                symbols += u64::from(p.block_len(block));
            }
            prop_assert_eq!(offset, size);
            prop_assert_eq!(symbols, p.symbols());
        }

        #[test]
        fn any_parameters_give_a_partition_or_an_error(
            size: u64, symbol: u16, blocks: u32, block: u32, index: u32,
        ) {
            for p in [
                Partition::by_blocks(size, symbol, blocks),
                Partition::by_max_block_len(size, symbol, blocks),
            ].into_iter().flatten() {
                prop_assert!(p.block_bytes(block) <= p.block_len(block) * u32::from(symbol));
                prop_assert!(p.block_offset(block) <= size);
                prop_assert!(p.symbol_bytes(block, index) <= symbol);
                if let Some(last) = p.blocks().checked_sub(1) {
                    let end = p.block_offset(last) + u64::from(p.block_bytes(last));
                    prop_assert_eq!(end, size);
                }
            }
        }
    }
}
