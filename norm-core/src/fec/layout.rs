//! What an object looks like to the FEC scheme: the FEC object transmission information (RFC 5052
//! §5.1), checked.
//!
//! A [`Layout`] that exists is safe: whatever a hostile packet carried, block numbers, symbol
//! counts and the memory for one block are within the limits of this module.

mod raptor;

use super::error::LayoutError;
use super::limits::{
    MAX_BLOCK_BYTES, MAX_NO_CODE_BLOCK_LEN, MAX_NO_CODE_BLOCKS, MAX_NO_CODE_OBJECT_BYTES,
    MAX_RAPTORQ_BLOCK_LEN, MAX_RAPTORQ_BLOCKS, MAX_RAPTORQ_OBJECT_BYTES,
};
use super::partition::Partition;
use super::scheme::{RsCode, Scheme};

/// A checked object layout: scheme, symbol size and partition into blocks.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    scheme: Scheme,
    partition: Partition,
    max_block_len: u32,
    alignment: u8,
}

impl Layout {
    /// Checks a RaptorQ layout (RFC 6330 §3.3): object size F in bytes, symbol size T, number of
    /// source blocks Z, of sub-blocks N, and symbol alignment Al.
    ///
    /// Z of 0 is accepted only for an empty object, for which more than 1 is refused.
    ///
    /// # Errors
    /// [`LayoutError`] when a number is out of the range of RFC 6330, N is not 1, or a block
    /// exceeds [`MAX_BLOCK_BYTES`].
    pub fn raptorq(
        size: u64,
        symbol_size: u16,
        blocks: u8,
        sub_blocks: u16,
        alignment: u8,
    ) -> Result<Self, LayoutError> {
        if size > MAX_RAPTORQ_OBJECT_BYTES {
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
        check_block(&partition, MAX_RAPTORQ_BLOCK_LEN)?;
        let max_block_len = partition.longest_block_len();
        Ok(Self { scheme: Scheme::RaptorQ, partition, max_block_len, alignment })
    }

    /// Checks a layout without code (RFC 5445 §3): object size in bytes, symbol size, and the
    /// number of symbols in a block at most. At most 65536 blocks of at most 65536 symbols.
    ///
    /// # Errors
    /// [`LayoutError`] when a number is out of range, or a block exceeds [`MAX_BLOCK_BYTES`].
    pub fn no_code(size: u64, symbol_size: u16, max_block_len: u32) -> Result<Self, LayoutError> {
        if size > MAX_NO_CODE_OBJECT_BYTES {
            return Err(LayoutError::ObjectTooLarge);
        }
        let partition = Partition::by_max_block_len(size, symbol_size, max_block_len)?;
        if partition.blocks() > MAX_NO_CODE_BLOCKS {
            return Err(LayoutError::TooManyBlocks);
        }
        check_block(&partition, MAX_NO_CODE_BLOCK_LEN)?;
        Ok(Self { scheme: Scheme::NoCode, partition, max_block_len, alignment: 1 })
    }

    /// Checks a Reed-Solomon layout: object size in bytes, symbol size, and the code, whose
    /// `block_len` is the number of symbols in a block at most.
    ///
    /// # Errors
    /// [`LayoutError`] when there are more blocks than the form can number, when symbols are empty
    /// or of an odd size with GF(2^16), or when the object exceeds 2^48 - 1 bytes.
    pub fn reed_solomon(size: u64, symbol_size: u16, code: RsCode) -> Result<Self, LayoutError> {
        if size > MAX_NO_CODE_OBJECT_BYTES {
            return Err(LayoutError::ObjectTooLarge);
        }
        if code.form().field().has_words() && !symbol_size.is_multiple_of(2) {
            return Err(LayoutError::OddSymbol);
        }
        let max_block_len = u32::from(code.block_len());
        let partition = Partition::by_max_block_len(size, symbol_size, max_block_len)?;
        if partition.blocks().saturating_sub(1) > code.form().max_block() {
            return Err(LayoutError::TooManyBlocks);
        }
        check_block(&partition, max_block_len)?;
        Ok(Self { scheme: Scheme::ReedSolomon(code), partition, max_block_len, alignment: 1 })
    }

    /// A sender's RaptorQ layout: the fewest blocks of at most `target_block_len` symbols (less
    /// where the scheme or [`MAX_BLOCK_BYTES`] asks for less), no sub-blocks, and an alignment of 4
    /// where the symbol size allows.
    ///
    /// # Errors
    /// [`LayoutError`] when the object exceeds [`Layout::max_raptorq_object`].
    pub fn choose_raptorq(
        size: u64,
        symbol_size: u16,
        target_block_len: u32,
    ) -> Result<Self, LayoutError> {
        let block_len = target(symbol_size, target_block_len, MAX_RAPTORQ_BLOCK_LEN)?;
        if size > Self::max_raptorq_object(symbol_size, target_block_len) {
            return Err(LayoutError::ObjectTooLarge);
        }
        let symbols = size.div_ceil(u64::from(symbol_size));
        let blocks = u8::try_from(symbols.div_ceil(u64::from(block_len)))
            .map_err(|_| LayoutError::ObjectTooLarge)?;
        let alignment = if symbol_size.is_multiple_of(4) { 4 } else { 1 };
        Self::raptorq(size, symbol_size, blocks, 1, alignment)
    }

    /// A sender's layout without code: the fewest blocks of at most `target_block_len` symbols
    /// (less where the scheme or [`MAX_BLOCK_BYTES`] asks for less).
    ///
    /// # Errors
    /// [`LayoutError`] when the object exceeds [`Layout::max_no_code_object`].
    pub fn choose_no_code(
        size: u64,
        symbol_size: u16,
        target_block_len: u32,
    ) -> Result<Self, LayoutError> {
        let block_len = target(symbol_size, target_block_len, MAX_NO_CODE_BLOCK_LEN)?;
        if size > Self::max_no_code_object(symbol_size, target_block_len) {
            return Err(LayoutError::ObjectTooLarge);
        }
        Self::no_code(size, symbol_size, block_len)
    }

    /// The largest object in bytes that [`Layout::choose_raptorq`] accepts; 0 when one of the
    /// arguments is 0.
    pub const fn max_raptorq_object(symbol_size: u16, target_block_len: u32) -> u64 {
        let block_len = cap_block_len(symbol_size, target_block_len, MAX_RAPTORQ_BLOCK_LEN);
        let bytes = MAX_RAPTORQ_BLOCKS as u64 * block_len as u64 * symbol_size as u64;
        if bytes < MAX_RAPTORQ_OBJECT_BYTES { bytes } else { MAX_RAPTORQ_OBJECT_BYTES }
    }

    /// The largest object in bytes that [`Layout::choose_no_code`] accepts; 0 when one of the
    /// arguments is 0.
    pub const fn max_no_code_object(symbol_size: u16, target_block_len: u32) -> u64 {
        let block_len = cap_block_len(symbol_size, target_block_len, MAX_NO_CODE_BLOCK_LEN);
        let bytes = MAX_NO_CODE_BLOCKS as u64 * block_len as u64 * symbol_size as u64;
        if bytes < MAX_NO_CODE_OBJECT_BYTES { bytes } else { MAX_NO_CODE_OBJECT_BYTES }
    }

    /// The FEC scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// How the object is cut into blocks and symbols.
    pub const fn partition(&self) -> &Partition {
        &self.partition
    }

    /// Bytes in the object.
    pub const fn size(&self) -> u64 {
        self.partition.object_size()
    }

    /// Bytes in a symbol, T.
    pub const fn symbol_size(&self) -> u16 {
        self.partition.symbol_size()
    }

    /// Source symbols in the object.
    pub const fn symbols(&self) -> u64 {
        self.partition.symbols()
    }

    /// Source blocks in the object; 0 only for an empty one. With RaptorQ at most 255, with Raptor
    /// 65,535.
    pub const fn blocks(&self) -> u32 {
        self.partition.blocks()
    }

    /// Source symbols K in this block; 0 when there is no such block.
    pub const fn block_len(&self, block: u32) -> u32 {
        self.partition.block_len(block)
    }

    /// Where this block begins in the object, in bytes.
    pub const fn block_offset(&self, block: u32) -> u64 {
        self.partition.block_offset(block)
    }

    /// Bytes of the object in this block.
    pub const fn block_bytes(&self, block: u32) -> u32 {
        self.partition.block_bytes(block)
    }

    /// Bytes of the object in this source symbol; see [`Partition::symbol_bytes`].
    pub const fn symbol_bytes(&self, block: u32, symbol: u32) -> u16 {
        self.partition.symbol_bytes(block, symbol)
    }

    /// The maximum block length in symbols as announced; with Raptor and RaptorQ, which do not
    /// announce it, the length of the longest block.
    pub const fn max_block_len(&self) -> u32 {
        self.max_block_len
    }

    /// Sub-blocks in each block, N of RFC 5053 and RFC 6330: always 1.
    pub const fn sub_blocks(&self) -> u16 {
        1
    }

    /// The symbol alignment Al of RFC 5053 and RFC 6330 in bytes; 1 for other schemes.
    pub const fn alignment(&self) -> u8 {
        self.alignment
    }
}

/// The longest block within the target, the scheme's limit and [`MAX_BLOCK_BYTES`]; 0 when one of
/// the arguments is 0.
const fn cap_block_len(symbol_size: u16, target: u32, scheme_limit: u32) -> u32 {
    if symbol_size == 0 {
        return 0;
    }
    let by_memory = MAX_BLOCK_BYTES / symbol_size as u32;
    let limit = if by_memory < scheme_limit { by_memory } else { scheme_limit };
    if target < limit { target } else { limit }
}

fn target(symbol_size: u16, target: u32, scheme_limit: u32) -> Result<u32, LayoutError> {
    if symbol_size == 0 {
        return Err(LayoutError::SymbolSizeZero);
    }
    match cap_block_len(symbol_size, target, scheme_limit) {
        0 => Err(LayoutError::BlockLenZero),
        len => Ok(len),
    }
}

fn check_block(partition: &Partition, max_len: u32) -> Result<(), LayoutError> {
    let longest = partition.longest_block_len();
    if longest > max_len {
        return Err(LayoutError::BlockTooLong);
    }
    // The partition has checked that this product fits.
    if longest * u32::from(partition.symbol_size()) > MAX_BLOCK_BYTES {
        return Err(LayoutError::BlockTooLarge);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_raptorq_parameters_are_refused() {
        use LayoutError as E;
        let check = Layout::raptorq;
        assert_eq!(check(1 << 40, 1344, 255, 1, 4), Err(E::ObjectTooLarge));
        assert_eq!(check(u64::MAX, 1344, 255, 1, 4), Err(E::ObjectTooLarge));
        assert_eq!(check(1000, 0, 1, 1, 1), Err(E::SymbolSizeZero));
        assert_eq!(check(0, 0, 0, 0, 0), Err(E::SymbolSizeZero));
        assert_eq!(check(1000, 100, 1, 1, 0), Err(E::Alignment));
        assert_eq!(check(1000, 102, 1, 1, 4), Err(E::Alignment));
        assert_eq!(check(1000, 3, 1, 1, 6), Err(E::Alignment));
        assert_eq!(check(1000, 100, 1, 0, 4), Err(E::SubBlocks));
        assert_eq!(check(1000, 100, 1, 2, 4), Err(E::SubBlocks));
        assert_eq!(check(1000, 100, 0, 1, 4), Err(E::NoBlocks));
        assert_eq!(check(1000, 100, 11, 1, 4), Err(E::TooManyBlocks));
        assert_eq!(check(0, 100, 2, 1, 4), Err(E::TooManyBlocks));
        // 103 GB asked for by 12 bytes: the largest object in one block of 1-byte symbols.
        assert_eq!(check((1 << 40) - 1, 1, 1, 1, 1), Err(E::BlockTooLarge));
        assert_eq!(check(1_000_000_000, 8, 1, 1, 4), Err(E::BlockTooLong));
        assert_eq!(check(56_404, 1, 1, 1, 1), Err(E::BlockTooLong));
        assert_eq!(check(u64::from(MAX_BLOCK_BYTES) + 1, 8192, 1, 1, 4), Err(E::BlockTooLarge));
        assert!(check(56_403, 1, 1, 1, 1).is_ok());
        assert!(check(u64::from(MAX_BLOCK_BYTES), 8192, 1, 1, 4).is_ok());
        assert!(check(1000, 100, 10, 1, 4).is_ok());
    }

    #[test]
    fn hostile_parameters_without_code_are_refused() {
        use LayoutError as E;
        let check = Layout::no_code;
        assert_eq!(check(1 << 48, 1000, 64), Err(E::ObjectTooLarge));
        assert_eq!(check(1000, 0, 64), Err(E::SymbolSizeZero));
        assert_eq!(check(1000, 10, 0), Err(E::BlockLenZero));
        assert_eq!(check(65_537, 1, 1), Err(E::TooManyBlocks));
        assert_eq!(check(65_537, 1, 65_537), Err(E::BlockTooLong));
        assert_eq!(check(65_536 * 4096, 4096, 65_536), Err(E::BlockTooLarge));
        assert!(check(65_536, 1, 1).is_ok());
        assert!(check(65_536, 1, 65_536).is_ok());
        // The announced maximum may be larger than any block.
        assert_eq!(check(1000, 10, u32::MAX).unwrap().block_len(0), 100);
    }

    #[test]
    fn layout_of_an_empty_object_has_no_blocks() {
        for layout in [
            Layout::raptorq(0, 1344, 0, 1, 4),
            Layout::raptorq(0, 1344, 1, 1, 4),
            Layout::choose_raptorq(0, 1344, 64),
            Layout::no_code(0, 1344, 64),
            Layout::choose_no_code(0, 1344, 64),
        ] {
            assert_eq!(layout.unwrap().blocks(), 0);
        }
    }

    #[test]
    fn sender_takes_the_fewest_blocks_within_the_target() {
        let layout = Layout::choose_raptorq(1344 * 129, 1344, 64).unwrap();
        assert_eq!((layout.blocks(), layout.block_len(0), layout.block_len(2)), (3, 43, 43));
        assert_eq!((layout.alignment(), layout.sub_blocks()), (4, 1));
        assert_eq!(Layout::choose_raptorq(100, 7, 64).unwrap().alignment(), 1);
        let layout = Layout::choose_no_code(1344 * 129, 1344, 64).unwrap();
        assert_eq!((layout.blocks(), layout.max_block_len()), (3, 64));
    }

    #[test]
    fn largest_object_is_accepted_and_one_byte_more_is_not() {
        for (symbol_size, target) in [(1344, 64), (1344, u32::MAX), (65_535, u32::MAX), (1, 1)] {
            let max = Layout::max_raptorq_object(symbol_size, target);
            let layout = Layout::choose_raptorq(max, symbol_size, target).unwrap();
            assert_eq!(layout.blocks(), 255);
            assert_eq!(
                Layout::choose_raptorq(max + 1, symbol_size, target),
                Err(LayoutError::ObjectTooLarge)
            );
            let max = Layout::max_no_code_object(symbol_size, target);
            assert!(Layout::choose_no_code(max, symbol_size, target).is_ok());
            assert_eq!(
                Layout::choose_no_code(max + 1, symbol_size, target),
                Err(LayoutError::ObjectTooLarge)
            );
        }
        assert_eq!(Layout::max_raptorq_object(1344, 64), 255 * 64 * 1344);
        assert_eq!(Layout::max_raptorq_object(0, 64), 0);
        assert_eq!(Layout::max_raptorq_object(1344, 0), 0);
        assert_eq!(Layout::choose_raptorq(1, 0, 64), Err(LayoutError::SymbolSizeZero));
        assert_eq!(Layout::choose_raptorq(1, 1344, 0), Err(LayoutError::BlockLenZero));
    }

    proptest! {
        #[test]
        fn packets_give_a_layout_within_the_limits_or_an_error(
            size in prop_oneof![0u64..1 << 41, 0u64..1 << 20],
            symbol_size: u16, blocks: u8, sub_blocks in 0u16..3, alignment in 0u8..9, max: u32,
        ) {
            let made = [
                Layout::raptorq(size, symbol_size, blocks, sub_blocks, alignment),
                Layout::no_code(size, symbol_size, max),
                Layout::choose_raptorq(size, symbol_size, max),
                Layout::choose_no_code(size, symbol_size, max),
            ];
            for layout in made.into_iter().flatten() {
                let k = layout.block_len(0);
                prop_assert!(u64::from(k) * u64::from(symbol_size) <= u64::from(MAX_BLOCK_BYTES));
                match layout.scheme() {
                    Scheme::RaptorQ => {
                        prop_assert!(k <= 56_403 && layout.blocks() <= 255);
                        // The crate that implements the code asserts its own rules; it must agree.
                        let blocks = layout.blocks() as u8;
                        let align = layout.alignment();
                        raptorq::ObjectTransmissionInformation::new(
                            size, symbol_size, blocks, layout.sub_blocks(), align,
                        );
                    }
                    Scheme::NoCode => prop_assert!(k <= 65_536 && layout.blocks() <= 65_536),
                    _ => unreachable!("not made here"),
                }
                prop_assert!(layout.size() == size && (layout.blocks() == 0) == (size == 0));
            }
        }

        #[test]
        fn receiver_rebuilds_the_senders_layout(
            size in 0u64..1 << 34, symbol_size in 1u16..2000, target in 1u32..60_000,
        ) {
            if let Ok(sent) = Layout::choose_raptorq(size, symbol_size, target) {
                let z = u8::try_from(sent.blocks()).unwrap();
                let heard = Layout::raptorq(
                    size, symbol_size, z, sent.sub_blocks(), sent.alignment(),
                );
                prop_assert_eq!(heard, Ok(sent));
            }
            if let Ok(sent) = Layout::choose_no_code(size, symbol_size, target) {
                prop_assert_eq!(Layout::no_code(size, symbol_size, sent.max_block_len()), Ok(sent));
            }
        }
    }
}
