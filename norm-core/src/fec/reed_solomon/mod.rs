//! Reed-Solomon codes (RFC 5510 §8), the FEC schemes 2, 5 and 129 of NORM.
//!
//! The symbols of a block are the values of a polynomial at fixed points, position by position: the
//! source symbols define it, parity symbols are further values of it, and any as many values as
//! there are source symbols define it again. The kernels are in `norm-gf`.

mod code;

#[cfg(test)]
mod tests;

use norm_gf::{Gf256, Gf65536};

use super::error::CodeError;
use super::limits::{MAX_RS8_SYMBOLS, MAX_RS16_SYMBOLS, block_size, bytes};
use crate::base::bits::Bits;
use code::{Code, Loss};

/// The field whose elements the symbols consist of.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// GF(2^8) by 0x11D: up to 255 source and parity symbols together.
    Gf256,
    /// GF(2^16) by 0x1100B, elements little-endian: up to 4096 source and 4096 parity symbols, of
    /// an even number of bytes.
    Gf65536,
    /// The same field, elements big-endian.
    Gf65536Be,
}

impl Field {
    /// True for a field whose elements have two bytes: symbols consist of whole ones.
    pub const fn has_words(self) -> bool {
        matches!(self, Self::Gf65536 | Self::Gf65536Be)
    }
}

/// The points at which the polynomial is evaluated, with a = 2.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Points {
    /// 0, 1, a, a^2 …, as in Rizzo's code and all that descends from it: the NORM implementation of
    /// the NRL, OpenFEC, zfec.
    Rizzo,
    /// 1, a, a^2 …, as RFC 5510 §8.2.1 has it.
    Rfc5510,
}

/// A systematic code for blocks of up to `max_block_len` source symbols with `parity` parity
/// symbols.
///
/// Its dimension is always `max_block_len`: a shorter block is one whose other symbols are zeros
/// and are not sent. So parity symbol i of any block is the value at point `max_block_len + i`.
/// (RFC 5510 makes the code as long as each block instead; for that, make one code per block
/// length.)
///
/// Making one takes time and memory proportional to `max_block_len + parity`, some microseconds for
/// GF(2^8); a clone shares it.
#[derive(Clone, Debug)]
pub struct ReedSolomon {
    field: Field,
    max_block_len: u32,
    parity: u32,
    code: Code,
}

impl ReedSolomon {
    /// A code for blocks of 1 to `max_block_len` source symbols.
    ///
    /// # Errors
    /// [`CodeError::Empty`] when `max_block_len` is 0, [`CodeError::BlockTooLong`] when the symbols
    /// are more than the [`Field`] has room for.
    pub fn new(
        field: Field,
        points: Points,
        max_block_len: u32,
        parity: u32,
    ) -> Result<Self, CodeError> {
        if max_block_len == 0 {
            return Err(CodeError::Empty);
        }
        let symbols = max_block_len.checked_add(parity).ok_or(CodeError::BlockTooLong)?;
        let fits = match field {
            Field::Gf256 => symbols <= MAX_RS8_SYMBOLS.into(),
            Field::Gf65536 | Field::Gf65536Be => {
                max_block_len.max(parity) <= MAX_RS16_SYMBOLS.into()
            }
        };
        if !fits {
            return Err(CodeError::BlockTooLong);
        }
        let code = match field {
            Field::Gf256 => Code::new::<Gf256>(points, max_block_len, symbols),
            Field::Gf65536 | Field::Gf65536Be => {
                Code::new::<Gf65536>(points, max_block_len, symbols)
            }
        };
        Ok(Self { field, max_block_len, parity, code })
    }

    /// Source symbols of a block at most.
    #[must_use]
    pub const fn max_block_len(&self) -> u32 {
        self.max_block_len
    }

    /// Parity symbols that there are of every block.
    #[must_use]
    pub const fn parity(&self) -> u32 {
        self.parity
    }

    /// Appends `count` parity symbols to `out`, from number `first_parity` on; on the wire, number
    /// i is the encoding symbol id `k + i`.
    ///
    /// `source` is the content of the block, at most `k * symbol_size` bytes; what is missing at
    /// the end is taken as zeros.
    ///
    /// # Errors
    /// [`CodeError`] when the numbers are not those of the code, or the content does not fit the
    /// symbols; `out` is then as it was.
    pub fn encode(
        &self,
        k: u32,
        symbol_size: u16,
        source: &[u8],
        first_parity: u32,
        count: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), CodeError> {
        let size = self.block_size(k, symbol_size)?;
        if source.len() > size {
            return Err(CodeError::ContentLength);
        }
        match first_parity.checked_add(count) {
            Some(end) if end <= self.parity => (),
            _ => return Err(CodeError::SymbolRange),
        }
        let swapped;
        let source = if self.field == Field::Gf65536Be {
            swapped = swapped_words(source);
            &swapped
        } else {
            source
        };
        let start = out.len();
        out.resize(start + bytes(count, symbol_size)?, 0);
        let out = &mut out[start..];
        let symbol_size = usize::from(symbol_size);
        // What is beyond the content is zeros and adds nothing.
        let (whole, rest) = source.split_at(source.len() - source.len() % symbol_size);
        let mut sources: Vec<&[u8]> = whole.chunks_exact(symbol_size).collect();
        let mut last = rest.to_vec();
        if !rest.is_empty() {
            last.resize(symbol_size, 0);
            sources.push(&last);
        }
        let first = self.max_block_len + first_parity;
        match self.field {
            Field::Gf256 => self.code.encode::<Gf256>(symbol_size, &sources, first, out),
            Field::Gf65536 => self.code.encode::<Gf65536>(symbol_size, &sources, first, out),
            Field::Gf65536Be => {
                self.code.encode::<Gf65536>(symbol_size, &sources, first, out);
                swap_words(out);
            }
        }
        Ok(())
    }

    /// Computes the source symbols of a block that are not held.
    ///
    /// `block` has `k * symbol_size` bytes, arbitrary ones at the places of symbols not held.
    /// `parity` gives parity symbols of `symbol_size` bytes by number, as in
    /// [`encode`](Self::encode); as many are taken from it as source symbols are lost.
    ///
    /// # Errors
    /// Each leaves `block` as it was: [`CodeError::TooFewSymbols`] when they do not suffice,
    /// [`CodeError::SymbolRange`], [`CodeError::RepeatedSymbol`] or [`CodeError::SymbolLength`]
    /// when one cannot be of this block.
    pub fn decode<'a>(
        &self,
        k: u32,
        symbol_size: u16,
        block: &mut [u8],
        held: impl Fn(u32) -> bool,
        parity: impl Iterator<Item = (u32, &'a [u8])>,
    ) -> Result<(), CodeError> {
        let size = self.block_size(k, symbol_size)?;
        if block.len() != size {
            return Err(CodeError::ContentLength);
        }
        let symbol_size = usize::from(symbol_size);
        let mut loss = Loss::default();
        for (n, symbol) in (0..k).zip(block.chunks_exact_mut(symbol_size)) {
            if held(n) {
                loss.held.push((n, symbol));
            } else {
                loss.lost.push((n, symbol));
            }
        }
        let mut given = Bits::new(self.parity);
        for (n, symbol) in parity.take(loss.lost.len()) {
            if n >= self.parity {
                return Err(CodeError::SymbolRange);
            }
            if symbol.len() != symbol_size {
                return Err(CodeError::SymbolLength);
            }
            if !given.insert(n) {
                return Err(CodeError::RepeatedSymbol);
            }
            loss.given.push((self.max_block_len + n, symbol));
        }
        if loss.given.len() < loss.lost.len() {
            return Err(CodeError::TooFewSymbols);
        }
        match self.field {
            Field::Gf256 => self.code.decode::<Gf256>(symbol_size, loss),
            Field::Gf65536 => self.code.decode::<Gf65536>(symbol_size, loss),
            Field::Gf65536Be => {
                let given: Vec<_> =
                    loss.given.iter().map(|(n, symbol)| (*n, swapped_words(symbol))).collect();
                loss.given = given.iter().map(|(n, symbol)| (*n, symbol.as_slice())).collect();
                loss.held.iter_mut().for_each(|(_, symbol)| swap_words(symbol));
                self.code.decode::<Gf65536>(symbol_size, loss);
                swap_words(block);
            }
        }
        Ok(())
    }

    /// Bytes of a block, once its numbers are known to be within the limits of this code.
    fn block_size(&self, k: u32, symbol_size: u16) -> Result<usize, CodeError> {
        let size = block_size(k, symbol_size, self.max_block_len)?;
        if self.field.has_words() && !symbol_size.is_multiple_of(2) {
            return Err(CodeError::OddSymbolSize);
        }
        Ok(size)
    }
}

/// Changes the byte order of elements of two bytes.
fn swap_words(symbols: &mut [u8]) {
    let (words, _) = symbols.as_chunks_mut::<2>();
    words.iter_mut().for_each(|word| word.reverse());
}

/// Elements of two bytes in the other byte order; a last byte alone gets a zero for company.
fn swapped_words(symbols: &[u8]) -> Vec<u8> {
    let mut swapped = symbols.to_vec();
    swapped.resize(symbols.len().next_multiple_of(2), 0);
    swap_words(&mut swapped);
    swapped
}
