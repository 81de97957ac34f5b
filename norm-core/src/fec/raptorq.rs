//! RaptorQ (RFC 6330) by the `raptorq` crate, with everything checked before the crate sees it.
//!
//! The crate asserts its preconditions and allocates what it is asked for. So nothing here hands it
//! a block that is not within the limits of [`Layout`](super::Layout), a symbol that is not exactly
//! T bytes, or the same symbol twice. N is 1, hence the symbol alignment changes no byte of the
//! code and the crate is always given 1.

use ::raptorq::{
    EncodingPacket, ObjectTransmissionInformation, PayloadId, SourceBlockDecoder,
    SourceBlockEncoder,
};

use super::error::CodeError;
use super::limits::{MAX_RAPTORQ_BLOCK_LEN, MAX_RAPTORQ_SYMBOLS, block_size, bytes};

/// The crate's description of one block; `size` must come from [`block_size`].
fn block_config(size: usize, symbol_size: u16) -> ObjectTransmissionInformation {
    ObjectTransmissionInformation::new(size as u64, symbol_size, 1, 1, 1)
}

/// A source block made ready for repair symbols, for when more of them may be wanted later.
///
/// Holds about twice the bytes of the block.
#[derive(Clone, Debug)]
pub struct RepairEncoder {
    k: u32,
    symbol_size: u16,
    encoder: SourceBlockEncoder,
}

impl RepairEncoder {
    /// Computes the intermediate symbols of a block (RFC 6330 §5.3.3), the slow part of encoding.
    ///
    /// `source` is the content of the block, at most `k * symbol_size` bytes; what is missing at
    /// the end is taken as zeros.
    ///
    /// # Errors
    /// [`CodeError`] when the numbers are not within the limits of RaptorQ, or the content is
    /// longer than the symbols.
    pub fn new(k: u32, symbol_size: u16, source: &[u8]) -> Result<Self, CodeError> {
        let size = block_size(k, symbol_size, MAX_RAPTORQ_BLOCK_LEN)?;
        let config = block_config(size, symbol_size);
        let encoder = if source.len() == size {
            SourceBlockEncoder::new(0, &config, source)
        } else if source.len() < size {
            let mut padded = Vec::with_capacity(size);
            padded.extend_from_slice(source);
            padded.resize(size, 0);
            SourceBlockEncoder::new(0, &config, &padded)
        } else {
            return Err(CodeError::ContentLength);
        };
        Ok(Self { k, symbol_size, encoder })
    }

    /// Appends `count` repair symbols to `out`, with the encoding symbol ids from `first_symbol`
    /// (at least K) on.
    ///
    /// # Errors
    /// [`CodeError::SymbolRange`] when ids are below K or above 24 bits,
    /// [`CodeError::BlockTooLarge`] when too many are asked for at once.
    pub fn repair(
        &self,
        first_symbol: u32,
        count: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), CodeError> {
        let first = first_symbol.checked_sub(self.k).ok_or(CodeError::SymbolRange)?;
        let end = first_symbol.checked_add(count).ok_or(CodeError::SymbolRange)?;
        if end > MAX_RAPTORQ_SYMBOLS {
            return Err(CodeError::SymbolRange);
        }
        out.reserve(bytes(count, self.symbol_size)?);
        for packet in self.encoder.repair_packets(first, count) {
            out.extend_from_slice(packet.data());
        }
        Ok(())
    }
}

/// Computes `count` repair symbols of a block of `k` source symbols, `count * symbol_size` bytes.
///
/// `source` is the content of the block, at most `k * symbol_size` bytes; what is missing at the
/// end is taken as zeros. `first_symbol` is an encoding symbol id, at least `k`; all ids must be
/// below 2^24. No more than [`MAX_BLOCK_BYTES`](super::MAX_BLOCK_BYTES) are computed at once.
///
/// # Errors
/// As [`RepairEncoder::new`] and [`RepairEncoder::repair`].
pub fn encode_repair(
    k: u32,
    symbol_size: u16,
    source: &[u8],
    first_symbol: u32,
    count: u32,
) -> Result<Vec<u8>, CodeError> {
    let mut out = Vec::new();
    RepairEncoder::new(k, symbol_size, source)?.repair(first_symbol, count, &mut out)?;
    Ok(out)
}

/// Solves for the whole block, `k * symbol_size` bytes. `None` when the symbols do not suffice, or
/// when one of them is not T bytes long or has an id of 2^24 or more.
///
/// The ids must differ from each other, and the block must have passed [`block_size`].
pub(super) fn solve<'a>(
    k: u32,
    symbol_size: u16,
    symbols: impl Iterator<Item = (u32, &'a [u8])>,
) -> Option<Vec<u8>> {
    let size = block_size(k, symbol_size, MAX_RAPTORQ_BLOCK_LEN).ok()?;
    let packets: Option<Vec<EncodingPacket>> = symbols
        .map(|(symbol, payload)| {
            let fits = symbol < MAX_RAPTORQ_SYMBOLS && payload.len() == usize::from(symbol_size);
            fits.then(|| EncodingPacket::new(PayloadId::new(0, symbol), payload.to_vec()))
        })
        .collect();
    // All symbols in one call: the crate attempts a full solve in every call.
    SourceBlockDecoder::new(0, &block_config(size, symbol_size), size as u64).decode(packets?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repair_symbols_do_not_depend_on_how_many_are_asked_for() {
        let source: Vec<u8> = (0..10 * 16u8).collect();
        let all = encode_repair(10, 16, &source, 10, 8).unwrap();
        assert_eq!(all.len(), 8 * 16);
        let tail = encode_repair(10, 16, &source, 13, 2).unwrap();
        assert_eq!(tail, all[3 * 16..5 * 16]);
        let encoder = RepairEncoder::new(10, 16, &source).unwrap();
        let mut appended = vec![9];
        encoder.repair(17, 1, &mut appended).unwrap();
        assert_eq!(appended[1..], all[7 * 16..]);
    }

    #[test]
    fn short_source_is_padded_with_zeros() {
        let mut source = vec![7u8; 50];
        let short = encode_repair(4, 16, &source, 4, 3).unwrap();
        source.resize(64, 0);
        assert_eq!(short, encode_repair(4, 16, &source, 4, 3).unwrap());
    }

    #[test]
    fn requests_out_of_range_are_refused() {
        use CodeError as E;
        assert_eq!(encode_repair(0, 16, &[], 0, 1), Err(E::Empty));
        assert_eq!(encode_repair(4, 0, &[], 4, 1), Err(E::Empty));
        assert_eq!(encode_repair(56_404, 1, &[], 60_000, 1), Err(E::BlockTooLong));
        assert_eq!(encode_repair(u32::MAX, 1, &[], 60_000, 1), Err(E::BlockTooLong));
        assert_eq!(encode_repair(56_403, 65_535, &[], 60_000, 1), Err(E::BlockTooLarge));
        assert_eq!(encode_repair(4, 16, &[0; 65], 4, 1), Err(E::ContentLength));
        assert_eq!(encode_repair(4, 16, &[0; 64], 3, 1), Err(E::SymbolRange));
        assert_eq!(encode_repair(4, 16, &[0; 64], (1 << 24) - 1, 2), Err(E::SymbolRange));
        assert_eq!(encode_repair(4, 16, &[0; 64], 5, u32::MAX), Err(E::SymbolRange));
        assert_eq!(encode_repair(4, 32, &[0; 64], 4, 1 << 23), Err(E::BlockTooLarge));
        assert_eq!(encode_repair(4, 16, &[0; 64], (1 << 24) - 1, 1).map(|s| s.len()), Ok(16));
    }
}
