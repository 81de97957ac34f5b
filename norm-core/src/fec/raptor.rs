//! Raptor (RFC 5053) by the `raptor-code` crate, with everything checked before the crate sees it.
//!
//! The crate indexes its tables with K, which it does not check, and allocates what it is asked
//! for. So nothing here hands it a block that is not within the limits of
//! [`Layout`](super::Layout), or a symbol that is not exactly T bytes. N is 1, hence the symbol
//! alignment changes no byte of the code.

use ::raptor_code::{SourceBlockDecoder, SourceBlockEncoder};

use super::error::CodeError;
use super::limits::{
    MAX_RAPTOR_BLOCK_LEN, MAX_RAPTOR_SYMBOLS, MIN_RAPTOR_BLOCK_LEN, block_size, bytes,
};

/// Bytes in a block of `k` symbols, if Raptor has such blocks.
pub(super) fn raptor_block_size(k: u32, symbol_size: u16) -> Result<usize, CodeError> {
    let size = block_size(k, symbol_size, MAX_RAPTOR_BLOCK_LEN)?;
    if k < MIN_RAPTOR_BLOCK_LEN { Err(CodeError::BlockTooShort) } else { Ok(size) }
}

/// Computes `count` repair symbols of a block of `k` source symbols, `count * symbol_size` bytes;
/// see [`encode`](super::encode). All ids must be below 65,536.
pub(super) fn encode_raptor(
    k: u32,
    symbol_size: u16,
    source: &[u8],
    first_symbol: u32,
    count: u32,
) -> Result<Vec<u8>, CodeError> {
    let size = raptor_block_size(k, symbol_size)?;
    let end = first_symbol.checked_add(count).ok_or(CodeError::SymbolRange)?;
    if first_symbol < k || end > MAX_RAPTOR_SYMBOLS {
        return Err(CodeError::SymbolRange);
    }
    if source.len() > size {
        return Err(CodeError::ContentLength);
    }
    let total = bytes(count, symbol_size)?;
    let mut padded = Vec::new();
    let source = if source.len() == size {
        source
    } else {
        padded.reserve_exact(size);
        padded.extend_from_slice(source);
        padded.resize(size, 0);
        &padded
    };
    // Every K in range has a systematic index, with which it succeeds (RFC 5053 §5.7).
    let made = SourceBlockEncoder::new(source, k as usize);
    let mut encoder = made.map_err(|_| CodeError::BlockTooShort)?;
    let mut out = Vec::with_capacity(total);
    for (made, symbol) in (1..).zip(first_symbol..end) {
        out.extend_from_slice(&encoder.fountain(symbol));
        // Of those that are zero whatever the content is, with K = 5, the crate returns no bytes.
        out.resize(made * usize::from(symbol_size), 0);
    }
    Ok(out)
}

/// A block that is being solved, of `k` symbols. With K symbols Raptor fails as often as not,
/// before most of the work is done: what was done is kept for when more symbols have come.
pub(super) struct RaptorSolver {
    decoder: SourceBlockDecoder,
    k: u32,
    symbol_size: u16,
}

impl RaptorSolver {
    /// With no symbols; `None` when Raptor has no such blocks.
    pub(super) fn new(k: u32, symbol_size: u16) -> Option<Self> {
        raptor_block_size(k, symbol_size).ok()?;
        Some(Self { decoder: SourceBlockDecoder::new(k as usize), k, symbol_size })
    }

    /// Takes more symbols, each once; false when one of them is not T bytes long or has an id of
    /// 65,536 or more: it is of no use then.
    pub(super) fn push<'a>(&mut self, symbols: impl Iterator<Item = (u32, &'a [u8])>) -> bool {
        for (symbol, payload) in symbols {
            if symbol >= MAX_RAPTOR_SYMBOLS || payload.len() != usize::from(self.symbol_size) {
                return false;
            }
            self.decoder.push_encoding_symbol(payload, symbol);
        }
        true
    }

    /// Solves for the whole block, `k * symbol_size` bytes. `None` when the symbols do not suffice.
    pub(super) fn solve(&mut self) -> Option<Vec<u8>> {
        let size = raptor_block_size(self.k, self.symbol_size).ok()?;
        self.decoder.decode(size)
    }
}

/// Solves for the whole block with these symbols alone.
#[cfg(test)]
fn solve_raptor<'a>(
    k: u32,
    symbol_size: u16,
    symbols: impl Iterator<Item = (u32, &'a [u8])>,
) -> Option<Vec<u8>> {
    let mut solver = RaptorSolver::new(k, symbol_size)?;
    if solver.push(symbols) { solver.solve() } else { None }
}

#[cfg(test)]
mod tests;
