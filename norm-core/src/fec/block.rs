//! A source block being put together from whatever symbols arrive.
//!
//! Source symbols go straight to their place, so that a block that lost nothing costs one copy and
//! no coding. Repair symbols wait in a small area beside it until they are enough to solve for the
//! rest. Which symbols to ask for, and when, is decided elsewhere.

use super::attempt::Attempt;
use super::error::CodeError;
use super::layout::Layout;
use super::limits::{MAX_NO_CODE_BLOCK_LEN, MAX_RAPTORQ_BLOCK_LEN, block_size};
use super::raptor::raptor_block_size;
use super::raptorq::solve;
use super::scheme::{RsCode, Scheme};

/// Repair symbols that are kept beyond those missing, but under Raptor, which needs more: see
/// [`Scheme::extra_symbols`]. A RaptorQ solve fails with a probability of
/// about 10^-2, 10^-4, 10^-6 ... at 0, 1, 2 ... symbols more than K, so 8 are ample.
pub const EXTRA_SYMBOLS: u32 = 8;

/// The number of symbols at which to try the next solve, when `received` were not enough: K, K + 1,
/// K + 2, K + 4, K + 8 and so on. Always more than `received`.
///
/// Each failed solve costs as much as a good one; the gaps keep a sender of useless symbols cheap.
pub const fn next_try(k: u32, received: u32) -> u32 {
    if received < k {
        return k;
    }
    let excess = received - k;
    let next = if excess == 0 { 1 } else { excess.saturating_add(1).next_power_of_two() };
    k.saturating_add(next)
}

/// Whether a solve is due when the symbol that made it `received` has just arrived; for callers
/// that count every symbol. See [`next_try`].
pub const fn should_try(k: u32, received: u32) -> bool {
    received >= k && (received == k || next_try(k, received - 1) == received)
}

/// One source block being received: K places of T bytes, and a few repair symbols.
#[derive(Clone, Debug)]
pub struct BlockBuffer {
    scheme: Scheme,
    k: u32,
    symbol_size: u16,
    block_bytes: u32,
    /// `k * symbol_size` bytes. A place not in `held` has arbitrary content.
    symbols: Vec<u8>,
    /// One bit per source symbol.
    held: Vec<u64>,
    missing: u32,
    repair_ids: Vec<u32>,
    highest_repair: u32,
    repair: Vec<u8>,
    /// The symbols held when a solve last failed.
    failed_at: Option<u32>,
    /// What can be used of that.
    attempt: Attempt,
}

impl BlockBuffer {
    /// An empty buffer for a block of `k` symbols of `symbol_size` bytes, with `block_bytes` bytes
    /// of content; less than `k * symbol_size` only in the last block of an object.
    ///
    /// Allocates the block at once, [`MAX_BLOCK_BYTES`](super::MAX_BLOCK_BYTES) at most.
    ///
    /// # Errors
    /// [`CodeError`] when the numbers are not within the limits of the scheme, or the content does
    /// not fit the symbols.
    pub fn new(
        scheme: Scheme,
        k: u32,
        symbol_size: u16,
        block_bytes: u32,
    ) -> Result<Self, CodeError> {
        let mut buffer = Self {
            scheme,
            k: 0,
            symbol_size: 0,
            block_bytes: 0,
            symbols: Vec::new(),
            held: Vec::new(),
            missing: 0,
            repair_ids: Vec::new(),
            highest_repair: 0,
            repair: Vec::new(),
            failed_at: None,
            attempt: Attempt::default(),
        };
        buffer.reset(scheme, k, symbol_size, block_bytes)?;
        Ok(buffer)
    }

    /// An empty buffer for this block of an object.
    ///
    /// # Errors
    /// [`CodeError::Empty`] when there is no such block.
    pub fn for_block(layout: &Layout, block: u32) -> Result<Self, CodeError> {
        let (k, bytes) = (layout.block_len(block), layout.block_bytes(block));
        Self::new(layout.scheme(), k, layout.symbol_size(), bytes)
    }

    /// Empties the buffer and takes it into use for another block, keeping its memory.
    ///
    /// # Errors
    /// As [`BlockBuffer::new`]; the buffer is then as it was before.
    pub fn reset(
        &mut self,
        scheme: Scheme,
        k: u32,
        symbol_size: u16,
        block_bytes: u32,
    ) -> Result<(), CodeError> {
        let size = match scheme {
            Scheme::NoCode => block_size(k, symbol_size, MAX_NO_CODE_BLOCK_LEN),
            Scheme::Raptor => raptor_block_size(k, symbol_size),
            Scheme::RaptorQ => block_size(k, symbol_size, MAX_RAPTORQ_BLOCK_LEN),
            Scheme::ReedSolomon(code) => block_size(k, symbol_size, code.block_len().into()),
        }?;
        let content = block_bytes as usize;
        if content > size || content <= size - usize::from(symbol_size) {
            return Err(CodeError::ContentLength);
        }
        if self.symbols.capacity() < size {
            // Fresh zeros cost nothing until they are touched; growing the old vector would copy
            // it.
            self.symbols = vec![0; size];
        } else {
            self.symbols.resize(size, 0);
        }
        self.held.clear();
        self.held.resize((k as usize).div_ceil(64), 0);
        self.repair_ids.clear();
        self.highest_repair = 0;
        self.repair.clear();
        self.scheme = scheme;
        self.k = k;
        self.symbol_size = symbol_size;
        self.block_bytes = block_bytes;
        self.missing = k;
        self.failed_at = None;
        self.attempt.clear();
        Ok(())
    }

    /// Empties the buffer and takes it into use for this block of an object; see
    /// [`BlockBuffer::reset`].
    ///
    /// # Errors
    /// [`CodeError::Empty`] when there is no such block; the buffer is then as it was before.
    pub fn reset_for_block(&mut self, layout: &Layout, block: u32) -> Result<(), CodeError> {
        let (k, bytes) = (layout.block_len(block), layout.block_bytes(block));
        self.reset(layout.scheme(), k, layout.symbol_size(), bytes)
    }

    /// Stores the symbol with this encoding symbol id: a source symbol below K, a repair symbol
    /// from K on.
    ///
    /// The payload must have exactly T bytes; only the last source symbol of the block has as many
    /// as the content left, or T with the padding, which is taken as zeros. A Reed-Solomon parity
    /// symbol may be shorter, where all source symbols are. `false`, and nothing changes, when the
    /// length is wrong, the symbol is held already, its id is out of range, or no more repair
    /// symbols are needed.
    pub fn put(&mut self, symbol: u32, payload: &[u8]) -> bool {
        if symbol < self.k {
            self.put_source(symbol, payload)
        } else {
            self.put_repair(symbol, payload)
        }
    }

    fn put_source(&mut self, symbol: u32, payload: &[u8]) -> bool {
        let full = usize::from(self.symbol_size);
        let start = symbol as usize * full;
        let content = (self.block_bytes as usize - start).min(full);
        if self.holds(symbol) || (payload.len() != content && payload.len() != full) {
            return false;
        }
        let Some(place) = self.symbols.get_mut(start..start + full) else { return false };
        let (kept, padding) = place.split_at_mut(content);
        kept.copy_from_slice(&payload[..content]);
        padding.fill(0);
        self.held[symbol as usize / 64] |= 1 << (symbol % 64);
        self.missing -= 1;
        if self.missing == 0 {
            self.drop_repair();
        }
        true
    }

    fn put_repair(&mut self, symbol: u32, payload: &[u8]) -> bool {
        let full = usize::from(self.symbol_size);
        let short = matches!(self.scheme, Scheme::ReedSolomon(_)) && payload.len() < full;
        let exists = symbol - self.k < self.scheme.parity(self.k);
        if !exists || !(short || payload.len() == full) {
            return false;
        }
        let extra = self.scheme.extra_symbols();
        let limit = if self.missing == 0 { 0 } else { (self.missing + extra) as usize };
        if self.repair_ids.len() >= limit || self.holds_repair(symbol) {
            return false;
        }
        if self.repair.capacity() - self.repair.len() < full {
            // Double, as a vector does, but never beyond what can still be used.
            let more = self.repair_ids.len().max(4).min(limit - self.repair_ids.len());
            self.repair.reserve_exact(more * full);
        }
        self.repair.extend_from_slice(payload);
        self.repair.resize(self.repair.len() + full - payload.len(), 0);
        self.repair_ids.push(symbol);
        self.highest_repair = self.highest_repair.max(symbol);
        true
    }

    fn holds_repair(&self, symbol: u32) -> bool {
        // Symbols mostly arrive in order, and then there is nothing to search.
        symbol <= self.highest_repair && self.repair_ids.contains(&symbol)
    }

    /// Whether this source symbol is held (or recovered).
    pub fn holds(&self, symbol: u32) -> bool {
        let word = self.held.get(symbol as usize / 64).copied().unwrap_or(0);
        symbol < self.k && word >> (symbol % 64) & 1 == 1
    }

    /// Distinct symbols held, source and repair; K once the block is complete.
    pub fn received(&self) -> u32 {
        self.k - self.missing + self.repair_ids.len() as u32
    }

    /// Source symbols that are not held.
    pub fn missing(&self) -> u32 {
        self.missing
    }

    /// Whether all source symbols are held (or recovered).
    pub fn is_source_complete(&self) -> bool {
        self.missing == 0
    }

    /// Whether [`BlockBuffer::recover`] is worth its time: the block is complete, or there are as
    /// many symbols as [`next_try`] asks for.
    pub fn should_try(&self) -> bool {
        let due = self.failed_at.map_or(self.k, |failed| next_try(self.k, failed));
        self.missing == 0 || (self.scheme.is_coded() && self.received() >= due)
    }

    /// Completes the block, by a solve where symbols are missing and K or more are held. `true`
    /// when it is complete.
    ///
    /// A solve takes milliseconds, and for a time about three more times the memory of the block.
    /// It is not repeated until another symbol has come in. One of Raptor that fails keeps
    /// [`attempt_bytes`](Self::attempt_bytes).
    pub fn recover(&mut self) -> bool {
        if self.missing == 0 {
            return true;
        }
        let received = self.received();
        let again = self.failed_at.is_some_and(|failed| failed >= received);
        if received < self.k || again {
            return false;
        }
        let done = match self.scheme {
            Scheme::NoCode => false,
            Scheme::Raptor => {
                let full = usize::from(self.symbol_size);
                let (source, repair) =
                    (self.symbols.chunks_exact(full), self.repair.chunks_exact(full));
                let repair = self.repair_ids.iter().copied().zip(repair);
                let (k, symbol_size) = (self.k, self.symbol_size);
                let solved = self.attempt.solve(k, symbol_size, &self.held, source, repair);
                self.take_solved(solved)
            }
            Scheme::RaptorQ => {
                let solved = solve(self.k, self.symbol_size, self.symbols_held());
                self.take_solved(solved)
            }
            Scheme::ReedSolomon(code) => self.decode(code),
        };
        if !done {
            self.failed_at = Some(received);
        }
        done
    }

    /// Bytes that are kept of a solve that has failed, about: the next one is quicker by that.
    pub fn attempt_bytes(&self) -> usize {
        let size = self.k as usize * usize::from(self.symbol_size);
        // Besides the symbols a bit for each two of them.
        if self.attempt.is_begun() { size + self.k as usize * (self.k as usize / 8) } else { 0 }
    }

    /// Frees those.
    pub fn forget_attempt(&mut self) {
        self.attempt.clear();
    }

    fn take_solved(&mut self, solved: Option<Vec<u8>>) -> bool {
        let Some(solved) = solved else { return false };
        self.fill_in(&solved);
        true
    }

    fn decode(&mut self, code: RsCode) -> bool {
        let (k, full) = (self.k, usize::from(self.symbol_size));
        let Ok(decoder) = code.coder(k) else { return false };
        let held = &self.held;
        let holds = |symbol: u32| held[symbol as usize / 64] >> (symbol % 64) & 1 == 1;
        let ids = self.repair_ids.iter().map(|id| id - k);
        let parity = ids.zip(self.repair.chunks_exact(full));
        let result = decoder.decode(k, self.symbol_size, &mut self.symbols, holds, parity);
        if result.is_ok() {
            self.held.fill(u64::MAX);
            self.missing = 0;
            self.drop_repair();
        }
        result.is_ok()
    }

    /// All symbols held, with their encoding symbol ids.
    fn symbols_held(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let full = usize::from(self.symbol_size);
        let source = (0..self.k).zip(self.symbols.chunks_exact(full));
        let repair = self.repair_ids.iter().copied().zip(self.repair.chunks_exact(full));
        source.filter(|&(symbol, _)| self.holds(symbol)).chain(repair)
    }

    /// Takes the missing source symbols from the solved block.
    fn fill_in(&mut self, solved: &[u8]) {
        let full = usize::from(self.symbol_size);
        let places = self.symbols.chunks_exact_mut(full).zip(solved.chunks_exact(full));
        for (symbol, (place, solved)) in places.enumerate() {
            let bit = 1 << (symbol % 64);
            let word = &mut self.held[symbol / 64];
            if *word & bit == 0 {
                place.copy_from_slice(solved);
                *word |= bit;
            }
        }
        self.missing = 0;
        self.drop_repair();
    }

    /// Frees the repair symbols: a pooled buffer must not keep what one lossy block needed.
    fn drop_repair(&mut self) {
        self.attempt.clear();
        self.repair_ids = Vec::new();
        self.repair = Vec::new();
    }

    /// The content of the source symbols that are held, in runs: where each begins in the block, in
    /// bytes, and its bytes.
    pub fn runs(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let mut at = 0;
        core::iter::from_fn(move || {
            let start = (at..self.k).find(|&symbol| self.holds(symbol))?;
            let end = (start..self.k).find(|&symbol| !self.holds(symbol)).unwrap_or(self.k);
            at = end;
            let byte = |symbol: u32| (symbol * u32::from(self.symbol_size)).min(self.block_bytes);
            let (start, end) = (byte(start), byte(end));
            Some((start, self.symbols.get(start as usize..end as usize)?))
        })
    }

    /// The content of the block; empty until it is complete.
    pub fn source(&self) -> &[u8] {
        if self.missing == 0 { &self.symbols[..self.block_bytes as usize] } else { &[] }
    }
}

#[cfg(test)]
mod tests;
