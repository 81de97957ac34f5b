//! Why a layout is refused, or a block cannot be coded.

/// Why a block cannot be coded. All are misuse by the caller: no packet causes one once its layout
/// was accepted.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum CodeError {
    /// The symbol size or the number of source symbols is 0.
    Empty,
    /// More source symbols than the scheme allows in a block.
    BlockTooLong,
    /// Fewer source symbols than the scheme needs in a block: Raptor needs 4.
    BlockTooShort,
    /// More bytes than [`MAX_BLOCK_BYTES`](super::MAX_BLOCK_BYTES) in a block, or asked for at
    /// once.
    BlockTooLarge,
    /// The content is longer than the symbols of the block, or so short that the last is empty.
    ContentLength,
    /// The symbols asked for or given are not all repair symbols of the code. RaptorQ has ids below
    /// 2^24, Raptor below 2^16, a Reed-Solomon code as many parity symbols as it was made for.
    SymbolRange,
    /// A symbol is not as long as the others.
    SymbolLength,
    /// A symbol is given twice.
    RepeatedSymbol,
    /// Fewer repair symbols than the block lacks.
    TooFewSymbols,
    /// The symbols are not whole elements of GF(2^16).
    OddSymbolSize,
}

impl core::fmt::Display for CodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Empty => "a block needs symbols, and these need bytes",
            Self::BlockTooLong => "the block has more symbols than the FEC scheme allows",
            Self::BlockTooShort => "the block has fewer symbols than the FEC scheme needs",
            Self::BlockTooLarge => "the block has more than 128 MiB",
            Self::ContentLength => "the content does not fit the symbols of the block",
            Self::SymbolRange => "not the ids of repair symbols",
            Self::SymbolLength => "a symbol is not as long as the others",
            Self::RepeatedSymbol => "a symbol is given twice",
            Self::TooFewSymbols => "fewer repair symbols than the block lacks",
            Self::OddSymbolSize => "GF(2^16) needs symbols of an even number of bytes",
        })
    }
}

impl core::error::Error for CodeError {}

/// Why a layout is refused.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// A scheme that is not coded here.
    UnknownScheme,
    /// The symbol size is 0.
    SymbolSizeZero,
    /// The maximum block length is 0 symbols.
    BlockLenZero,
    /// An object that is not empty has 0 blocks.
    NoBlocks,
    /// The object is larger than the scheme can carry.
    ObjectTooLarge,
    /// More blocks than the scheme can number, or than there are symbols.
    TooManyBlocks,
    /// A block has more symbols than the scheme allows.
    BlockTooLong,
    /// A block has fewer symbols than the scheme needs: Raptor needs 4.
    BlockTooShort,
    /// A block has more bytes than [`MAX_BLOCK_BYTES`](super::MAX_BLOCK_BYTES).
    BlockTooLarge,
    /// The symbol alignment is 0 or does not divide the symbol size.
    Alignment,
    /// Symbols over GF(2^16) have an odd number of bytes.
    OddSymbol,
    /// Sub-blocking (N other than 1) is not supported.
    SubBlocks,
}

impl core::fmt::Display for LayoutError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::UnknownScheme => "the FEC scheme is not one that is coded here",
            Self::SymbolSizeZero => "the symbol size is 0",
            Self::BlockLenZero => "the maximum block length is 0",
            Self::NoBlocks => "the object has content but no blocks",
            Self::ObjectTooLarge => "the object is larger than the FEC scheme can carry",
            Self::TooManyBlocks => "the object has more blocks than the FEC scheme can number",
            Self::BlockTooLong => "a block has more symbols than the FEC scheme allows",
            Self::BlockTooShort => "a block has fewer symbols than the FEC scheme needs",
            Self::BlockTooLarge => "a block has more than 128 MiB",
            Self::Alignment => "the symbol alignment does not divide the symbol size",
            Self::OddSymbol => "symbols coded over GF(2^16) need an even number of bytes",
            Self::SubBlocks => "sub-blocks are not supported",
        })
    }
}

impl core::error::Error for LayoutError {}
