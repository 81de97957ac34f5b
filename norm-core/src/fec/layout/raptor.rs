//! Layouts of Raptor (RFC 5053 §3.2 and §5.3.1.2).

use super::{Layout, check_block, target};
use crate::fec::error::LayoutError;
use crate::fec::limits::{
    MAX_RAPTOR_BLOCK_LEN, MAX_RAPTOR_BLOCKS, MAX_RAPTOR_OBJECT_BYTES, MIN_RAPTOR_BLOCK_LEN,
};
use crate::fec::partition::Partition;
use crate::fec::scheme::Scheme;

/// The symbol alignment in bytes that a sender takes where it can (RFC 5053 §4.2).
const ALIGNMENT: u16 = 4;

/// The shortest block length that a sender aims at: from 8 on, blocks that are as equal as can be
/// have 4 symbols each, whatever the size of the object.
const MIN_TARGET: u32 = 2 * MIN_RAPTOR_BLOCK_LEN;

impl Layout {
    /// Checks a Raptor layout (RFC 5053 §3.2): object size F in bytes, symbol size T, number of
    /// source blocks Z, of sub-blocks N, and symbol alignment Al.
    ///
    /// Z of 0 is accepted only for an empty object, for which more than 1 is refused.
    ///
    /// # Errors
    /// [`LayoutError`] when a number is out of the range of RFC 5053, N is not 1, a block has
    /// fewer than 4 or more than 8,192 symbols, or more bytes than
    /// [`MAX_BLOCK_BYTES`](crate::fec::MAX_BLOCK_BYTES).
    pub fn raptor(
        size: u64,
        symbol_size: u16,
        blocks: u16,
        sub_blocks: u8,
        alignment: u8,
    ) -> Result<Self, LayoutError> {
        if size > MAX_RAPTOR_OBJECT_BYTES {
            return Err(LayoutError::ObjectTooLarge);
        }
        if symbol_size == 0 {
            return Err(LayoutError::SymbolSizeZero);
        }
        if alignment == 0 || !symbol_size.is_multiple_of(u16::from(alignment)) {
            return Err(LayoutError::Alignment);
        }
        if sub_blocks != 1 {
            return Err(LayoutError::SubBlocks);
        }
        if size == 0 && blocks > 1 {
            return Err(LayoutError::TooManyBlocks);
        }
        let partition = Partition::by_blocks(size, symbol_size, u32::from(blocks))?;
        check_block(&partition, MAX_RAPTOR_BLOCK_LEN)?;
        let shortest = partition.blocks().checked_sub(1).map(|last| partition.block_len(last));
        if shortest.is_some_and(|len| len < MIN_RAPTOR_BLOCK_LEN) {
            return Err(LayoutError::BlockTooShort);
        }
        let max_block_len = partition.longest_block_len();
        Ok(Self { scheme: Scheme::Raptor, partition, max_block_len, alignment })
    }

    /// A sender's Raptor layout: the fewest blocks of at most `target_block_len` symbols (less
    /// where the scheme or [`MAX_BLOCK_BYTES`](crate::fec::MAX_BLOCK_BYTES) asks for less, and
    /// never less than 8), no sub-blocks, and an alignment of 4 where the symbol size allows.
    ///
    /// # Errors
    /// [`LayoutError::BlockTooShort`] when the object has fewer than 4 symbols: take those of
    /// [`Layout::raptor_symbol_size`], or no code. Other [`LayoutError`]s when the object exceeds
    /// [`Layout::max_raptor_object`].
    pub fn choose_raptor(
        size: u64,
        symbol_size: u16,
        target_block_len: u32,
    ) -> Result<Self, LayoutError> {
        let block_len = raptor_target(symbol_size, target_block_len)?;
        let symbols = size.div_ceil(u64::from(symbol_size));
        let blocks = u16::try_from(symbols.div_ceil(u64::from(block_len)))
            .map_err(|_| LayoutError::ObjectTooLarge)?;
        let alignment = if symbol_size.is_multiple_of(ALIGNMENT) { ALIGNMENT as u8 } else { 1 };
        Self::raptor(size, symbol_size, blocks, 1, alignment)
    }

    /// The largest object in bytes that [`Layout::choose_raptor`] accepts; 0 when one of the
    /// arguments is 0.
    pub fn max_raptor_object(symbol_size: u16, target_block_len: u32) -> u64 {
        let block_len = raptor_target(symbol_size, target_block_len).unwrap_or(0);
        let bytes = u64::from(MAX_RAPTOR_BLOCKS) * u64::from(block_len) * u64::from(symbol_size);
        bytes.min(MAX_RAPTOR_OBJECT_BYTES)
    }

    /// The longest symbols, of at most `symbol_size` bytes, that an object of `size` bytes has at
    /// least 4 of; a multiple of 4 bytes where it is shortened and that is possible. `None` when
    /// the object has fewer than 4 bytes: no symbols are short enough.
    pub fn raptor_symbol_size(size: u64, symbol_size: u16) -> Option<u16> {
        if size == 0 {
            return (symbol_size > 0).then_some(symbol_size);
        }
        // More than three symbols' worth.
        let longest = (size - 1) / u64::from(MIN_RAPTOR_BLOCK_LEN - 1);
        let shortened = match u16::try_from(longest) {
            Ok(longest) if longest < symbol_size => longest,
            _ => return (symbol_size > 0).then_some(symbol_size),
        };
        let aligned = shortened / ALIGNMENT * ALIGNMENT;
        let chosen = if aligned > 0 { aligned } else { shortened };
        (chosen > 0).then_some(chosen)
    }
}

fn raptor_target(symbol_size: u16, block_len: u32) -> Result<u32, LayoutError> {
    let block_len = if block_len == 0 { 0 } else { block_len.max(MIN_TARGET) };
    target(symbol_size, block_len, MAX_RAPTOR_BLOCK_LEN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fec::MAX_BLOCK_BYTES;
    use proptest::prelude::*;

    #[test]
    fn hostile_raptor_parameters_are_refused() {
        use LayoutError as E;
        let check = Layout::raptor;
        assert_eq!(check(1 << 45, 1344, 65_535, 1, 4), Err(E::ObjectTooLarge));
        assert_eq!(check(u64::MAX, 1344, 65_535, 1, 4), Err(E::ObjectTooLarge));
        assert_eq!(check(1000, 0, 1, 1, 1), Err(E::SymbolSizeZero));
        assert_eq!(check(0, 0, 0, 0, 0), Err(E::SymbolSizeZero));
        assert_eq!(check(1000, 100, 1, 1, 0), Err(E::Alignment));
        assert_eq!(check(1000, 102, 1, 1, 4), Err(E::Alignment));
        assert_eq!(check(1000, 100, 1, 0, 4), Err(E::SubBlocks));
        assert_eq!(check(1000, 100, 1, 2, 4), Err(E::SubBlocks));
        assert_eq!(check(1000, 100, 0, 1, 4), Err(E::NoBlocks));
        assert_eq!(check(1000, 100, 11, 1, 4), Err(E::TooManyBlocks));
        assert_eq!(check(0, 100, 2, 1, 4), Err(E::TooManyBlocks));
        assert_eq!(check(8193, 1, 1, 1, 1), Err(E::BlockTooLong));
        assert_eq!(check((1 << 45) - 1, 1, 1, 1, 1), Err(E::BlockTooLarge));
        assert_eq!(check(u64::from(MAX_BLOCK_BYTES) + 1, 32_768, 1, 1, 4), Err(E::BlockTooLarge));
        assert_eq!(check(300, 100, 1, 1, 4), Err(E::BlockTooShort));
        assert_eq!(check(1000, 100, 3, 1, 4), Err(E::BlockTooShort), "4 + 3 + 3 symbols");
        assert_eq!(check(1, 1, 1, 1, 1), Err(E::BlockTooShort));
        assert!(check(301, 100, 1, 1, 4).is_ok());
        assert!(check(1000, 100, 2, 1, 4).is_ok());
        assert!(check(8192, 1, 1, 1, 1).is_ok());
        assert!(check(u64::from(MAX_BLOCK_BYTES), 32_768, 1, 1, 4).is_ok());
        assert_eq!(check(0, 100, 1, 1, 4).map(|layout| layout.blocks()), Ok(0));
        assert_eq!(check(0, 100, 0, 1, 4).map(|layout| layout.blocks()), Ok(0));
    }

    #[test]
    fn sender_takes_the_fewest_raptor_blocks_within_the_target() {
        let layout = Layout::choose_raptor(1344 * 129, 1344, 64).unwrap();
        assert_eq!((layout.blocks(), layout.block_len(0), layout.block_len(2)), (3, 43, 43));
        assert_eq!((layout.alignment(), layout.sub_blocks()), (4, 1));
        assert_eq!(layout.scheme().parity(layout.block_len(0)), 65_536 - 43);
        assert_eq!(Layout::choose_raptor(100, 7, 64).unwrap().alignment(), 1);
        // Blocks of at most 4 symbols would be two, of 3 and 2.
        let layout = Layout::choose_raptor(50, 10, 4).unwrap();
        assert_eq!((layout.blocks(), layout.block_len(0)), (1, 5));
        assert_eq!(Layout::choose_raptor(30, 10, 64), Err(LayoutError::BlockTooShort));
        assert_eq!(Layout::choose_raptor(1, 0, 64), Err(LayoutError::SymbolSizeZero));
        assert_eq!(Layout::choose_raptor(1, 1344, 0), Err(LayoutError::BlockLenZero));
        for (symbol_size, target) in [(1344, 64), (1344, u32::MAX), (65_535, u32::MAX), (1, 1)] {
            let max = Layout::max_raptor_object(symbol_size, target);
            let largest = Layout::choose_raptor(max, symbol_size, target);
            assert_eq!(largest.map(|layout| layout.blocks()), Ok(65_535));
            let more = Layout::choose_raptor(max + 1, symbol_size, target);
            assert_eq!(more, Err(LayoutError::ObjectTooLarge));
        }
        assert_eq!(Layout::max_raptor_object(0, 64), 0);
        assert_eq!(Layout::max_raptor_object(1344, 0), 0);
    }

    #[test]
    fn small_objects_get_shorter_symbols() {
        let of = Layout::raptor_symbol_size;
        assert_eq!([0, 1, 2, 3].map(|size| of(size, 1344)), [Some(1344), None, None, None]);
        assert_eq!([4, 7, 10, 13].map(|size| of(size, 1344)), [Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!([4031, 4032, 4033].map(|n| of(n, 1344)), [Some(1340), Some(1340), Some(1344)]);
        assert_eq!(of(u64::MAX, 1343), Some(1343));
        assert_eq!((of(0, 0), of(1000, 0)), (None, None));
    }

    proptest! {
        #[test]
        fn raptor_packets_give_a_layout_within_the_limits_or_an_error(
            size in prop_oneof![0u64..1 << 46, 0u64..1 << 20],
            symbol_size: u16, blocks: u16, sub_blocks in 0u8..3, alignment in 0u8..9, max: u32,
        ) {
            let made = [
                Layout::raptor(size, symbol_size, blocks, sub_blocks, alignment),
                Layout::raptor(size, symbol_size, blocks % 8, 1, 1),
                Layout::choose_raptor(size, symbol_size, max),
            ];
            for layout in made.into_iter().flatten() {
                let k = layout.block_len(0);
                prop_assert!(u64::from(k) * u64::from(symbol_size) <= u64::from(MAX_BLOCK_BYTES));
                prop_assert!(layout.blocks() <= 65_535 && k <= 8192);
                prop_assert!(layout.size() == size && (layout.blocks() == 0) == (size == 0));
                if size > 0 {
                    prop_assert!(layout.block_len(layout.blocks() - 1) >= 4);
                }
            }
        }

        #[test]
        fn receiver_rebuilds_the_raptor_senders_layout(
            size in 0u64..1 << 34, symbol_size in 1u16..2000, target in 1u32..9_000,
        ) {
            let shortened = Layout::raptor_symbol_size(size, symbol_size);
            prop_assert_eq!(shortened.is_none(), (1..4).contains(&size));
            let Some(symbol_size) = shortened else { return Ok(()) };
            let sent = Layout::choose_raptor(size, symbol_size, target);
            if size <= Layout::max_raptor_object(symbol_size, target) {
                let sent = sent.unwrap();
                let z = u16::try_from(sent.blocks()).unwrap();
                let heard = Layout::raptor(size, symbol_size, z, 1, sent.alignment());
                prop_assert_eq!(heard, Ok(sent));
            } else {
                prop_assert_eq!(sent, Err(LayoutError::ObjectTooLarge));
            }
        }
    }
}
