//! What a block and an object may be at most, under each scheme.

use super::error::CodeError;

/// Bytes in one source block at most, padding included: bounds the memory that a packet can ask
/// for.
pub const MAX_BLOCK_BYTES: u32 = 128 << 20;
/// Source symbols in a RaptorQ block at most (RFC 6330 §5.1.2, K'_max).
pub const MAX_RAPTORQ_BLOCK_LEN: u32 = 56_403;
/// Blocks in a RaptorQ object at most: the source block number has 8 bits, Z is 1 to 255.
pub const MAX_RAPTORQ_BLOCKS: u8 = u8::MAX;
/// Bytes in a RaptorQ object at most: the transfer length has 40 bits (RFC 6330 §3.3.2).
pub const MAX_RAPTORQ_OBJECT_BYTES: u64 = (1 << 40) - 1;
/// Source symbols in a block without code at most: the encoding symbol id has 16 bits (RFC 5445
/// §3).
pub const MAX_NO_CODE_BLOCK_LEN: u32 = 1 << 16;
/// Blocks in an object without code at most: the source block number has 16 bits (RFC 5445 §3).
pub const MAX_NO_CODE_BLOCKS: u32 = 1 << 16;
/// Bytes in an object without code at most: EXT_FTI has 48 bits for the size (RFC 5740 §4.2.1).
pub const MAX_NO_CODE_OBJECT_BYTES: u64 = (1 << 48) - 1;
/// Encoding symbol ids in a RaptorQ block: they have 24 bits (RFC 6330 §3.2).
pub const MAX_RAPTORQ_SYMBOLS: u32 = 1 << 24;
/// Source symbols in a Raptor block at least: fewer have no systematic index (RFC 5053 §5.7).
pub const MIN_RAPTOR_BLOCK_LEN: u32 = 4;
/// Source symbols in a Raptor block at most (RFC 5053 §5.1.2, Kmax).
pub const MAX_RAPTOR_BLOCK_LEN: u32 = 8_192;
/// Blocks in a Raptor object at most: Z has 16 bits (RFC 5053 §3.2.3).
pub const MAX_RAPTOR_BLOCKS: u16 = u16::MAX;
/// Bytes in a Raptor object at most (RFC 5053 §3.2.2).
pub const MAX_RAPTOR_OBJECT_BYTES: u64 = (1 << 45) - 1;
/// Encoding symbol ids in a Raptor block: they have 16 bits (RFC 5053 §3.1).
pub const MAX_RAPTOR_SYMBOLS: u32 = 1 << 16;
/// Source symbols of a block coded over GF(2^16) at most, and parity symbols at most. The field has
/// room for 65,535 together; this bounds what a code, and the recovery of one block, may cost.
pub const MAX_RS16_SYMBOLS: u16 = 4_096;
/// Source and parity symbols together of a block coded over GF(2^8) at most.
pub const MAX_RS8_SYMBOLS: u16 = 255;

/// Bytes in a block of `k` symbols, once both numbers are known to be within the limits.
pub(super) fn block_size(k: u32, symbol_size: u16, max_len: u32) -> Result<usize, CodeError> {
    if k == 0 || symbol_size == 0 {
        return Err(CodeError::Empty);
    }
    if k > max_len {
        return Err(CodeError::BlockTooLong);
    }
    bytes(k, symbol_size)
}

/// Bytes of these symbols, if a block may have as many.
pub(super) fn bytes(symbols: u32, symbol_size: u16) -> Result<usize, CodeError> {
    match symbols.checked_mul(u32::from(symbol_size)) {
        Some(bytes) if bytes <= MAX_BLOCK_BYTES => Ok(bytes as usize),
        _ => Err(CodeError::BlockTooLarge),
    }
}
