//! Which symbols of a block are here. The store has their bytes, but for those that are on disk.

use super::held::HeldSymbols;
use crate::base::Timestamp;
use crate::base::bits::Bits;
use crate::endpoint::BlockGeometry;
use crate::fec::next_try;

/// A block in progress.
#[derive(Debug)]
pub(crate) struct RecvBlock {
    /// Source symbols that need not come: they are here, or not wanted.
    covered: Bits,
    /// Those of them that are on disk, and not in the store.
    held: Bits,
    /// Those of them that are not wanted, and not here.
    unwanted: Bits,
    /// Coded symbols that are here, ascending.
    coded: Vec<u32>,
    /// The number of symbols at which to try to decode.
    next_try: u32,
    /// A job has it.
    busy: bool,
    /// When symbols of it were asked for last.
    asked: Option<Timestamp>,
    /// When the last symbol came.
    touched: Option<Timestamp>,
}

impl RecvBlock {
    pub(crate) fn new(geometry: &BlockGeometry, held: Option<HeldSymbols>) -> Self {
        let symbols = geometry.symbols;
        let mut block = Self {
            covered: Bits::new(symbols),
            held: Bits::new(0),
            unwanted: Bits::new(0),
            coded: Vec::new(),
            next_try: symbols,
            busy: false,
            asked: None,
            touched: None,
        };
        if let Some(held) = held {
            block.cover(&held);
        }
        block
    }

    /// These symbols need not come.
    pub(crate) fn cover(&mut self, now: &HeldSymbols) {
        if self.held.is_empty() {
            self.held = Bits::new(now.held.len());
            self.unwanted = Bits::new(now.held.len());
        }
        for symbol in now.covered.ones() {
            let is_held = now.held.contains(symbol);
            if self.contains(symbol) {
                continue;
            }
            self.covered.insert(symbol);
            if is_held {
                self.held.insert(symbol);
                self.unwanted.remove(symbol);
            } else {
                self.unwanted.insert(symbol);
            }
        }
    }

    /// Nothing that the store does not have is here, as far as is known.
    pub(crate) fn uncover(&mut self) {
        let gone: Vec<u32> = self.held.ones().chain(self.unwanted.ones()).collect();
        for symbol in gone {
            self.covered.remove(symbol);
        }
        self.held = Bits::new(0);
        self.unwanted = Bits::new(0);
    }

    /// Source symbols that need not come.
    pub(crate) fn covered(&self) -> &Bits {
        &self.covered
    }

    /// Coded symbols that are here, ascending.
    pub(crate) fn coded(&self) -> &[u32] {
        &self.coded
    }

    /// True when the symbol is here.
    pub(crate) fn contains(&self, symbol: u32) -> bool {
        let is_source = self.covered.contains(symbol) && !self.unwanted.contains(symbol);
        is_source || self.coded.binary_search(&symbol).is_ok()
    }

    /// Notes a symbol that the store has taken.
    pub(crate) fn insert(&mut self, symbol: u32) {
        if symbol < self.covered.len() {
            self.covered.insert(symbol);
            self.unwanted.remove(symbol);
        } else if let Err(at) = self.coded.binary_search(&symbol) {
            self.coded.insert(at, symbol);
        }
    }

    /// True when the store has no symbol of it.
    pub(crate) fn is_empty(&self) -> bool {
        self.count() == self.held.count()
    }

    /// Symbols that are here.
    fn count(&self) -> u32 {
        self.covered.count() - self.unwanted.count() + self.coded.len() as u32
    }

    /// Symbols to come before it is worth trying to decode; 0 when it is ready or a job has it.
    pub(crate) fn missing(&self) -> u32 {
        if self.busy || self.covered.is_full() {
            0
        } else {
            self.next_try.saturating_sub(self.count())
        }
    }

    /// True when all source symbols are here, or not wanted.
    pub(crate) fn is_whole(&self) -> bool {
        self.covered.is_full()
    }

    /// Symbols that are here beyond those with which decoding is tried.
    pub(crate) fn surplus(&self) -> u32 {
        self.count().saturating_sub(self.next_try)
    }

    /// True when a job has it.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy
    }

    /// True when it is to be stored now.
    pub(crate) fn is_ready(&self) -> bool {
        !self.busy && self.missing() == 0
    }

    /// True when naming the missing source symbols says all that is needed.
    pub(crate) fn is_nameable(&self) -> bool {
        self.missing() >= self.covered.len() - self.covered.count()
    }

    /// True when some of it is not wanted.
    pub(crate) fn has_unwanted(&self) -> bool {
        self.unwanted.count() > 0
    }

    /// Hands it to a job; with the symbols on disk when that has to decode.
    pub(crate) fn start_job(&mut self) -> Option<&Bits> {
        self.busy = true;
        (!self.covered.is_full()).then_some(&self.held)
    }

    /// The decoder needs more symbols than there are.
    pub(crate) fn need_more(&mut self) {
        self.busy = false;
        self.next_try = next_try(self.covered.len(), self.count());
    }

    /// When symbols of it were asked for last.
    pub(crate) fn asked(&self) -> Option<Timestamp> {
        self.asked
    }

    /// When the last symbol came.
    pub(crate) fn touched(&self) -> Option<Timestamp> {
        self.touched
    }

    /// Notes that a symbol has come.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.touched = Some(now);
    }

    /// Notes that a NACK asks for symbols of it.
    pub(crate) fn note_asked(&mut self, now: Timestamp) {
        self.asked = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fec::Scheme;

    fn bits(ones: &[u32]) -> Bits {
        let mut bits = Bits::new(8);
        ones.iter().for_each(|&symbol| {
            bits.insert(symbol);
        });
        bits
    }

    fn block(held: &[u32], covered: &[u32]) -> RecvBlock {
        let (offset, len) = (0, 80);
        let scheme = Scheme::RaptorQ;
        let geometry = BlockGeometry { scheme, symbols: 8, symbol_size: 10, offset, len };
        let symbols = HeldSymbols { held: bits(held), covered: bits(covered) };
        RecvBlock::new(&geometry, Some(symbols))
    }

    #[test]
    fn held_symbols_count_as_those_that_have_come() {
        let mut block = block(&[0, 1, 2, 3, 4], &[0, 1, 2, 3, 4]);
        assert_eq!((block.missing(), block.is_nameable(), block.is_empty()), (3, true, true));
        block.insert(5);
        block.insert(9);
        assert_eq!((block.missing(), block.is_nameable(), block.is_empty()), (1, false, false));
        block.insert(8);
        assert!(block.is_ready() && !block.is_nameable());
        let held = block.start_job().map(|held| held.ones().collect::<Vec<_>>());
        assert_eq!(held, Some(vec![0, 1, 2, 3, 4]));
        block.need_more();
        assert_eq!(block.missing(), 1);
        block.insert(6);
        block.insert(7);
        assert!(block.is_ready() && block.start_job().is_none(), "nothing is to be decoded");
    }

    #[test]
    fn unwanted_symbols_are_not_asked_for_and_help_to_decode() {
        let mut block = block(&[0, 1], &[0, 1, 2, 3, 4, 5]);
        assert_eq!((block.missing(), block.is_nameable()), (6, true));
        let lacking = |block: &RecvBlock| block.covered().clear_runs().collect::<Vec<_>>();
        assert_eq!(lacking(&block), [(6, 8)]);
        assert!(!block.contains(2), "it is taken when it passes");
        block.insert(2);
        assert!(block.contains(2) && block.has_unwanted());
        assert_eq!(block.missing(), 5);
        (10..14).for_each(|symbol| block.insert(symbol));
        assert_eq!((block.missing(), block.is_nameable()), (1, false), "one suffices");
        block.insert(7);
        assert!(block.is_ready() && block.start_job().is_some());
    }

    #[test]
    fn what_is_on_disk_and_wrong_has_to_come() {
        let mut block = block(&[0, 1, 2, 3], &[0, 1, 2, 3, 4]);
        block.insert(7);
        block.uncover();
        assert_eq!((block.missing(), block.covered().count()), (7, 1));
        block.cover(&HeldSymbols { held: bits(&[0, 1]), covered: bits(&[0, 1]) });
        assert_eq!(block.missing(), 5);
    }

    #[test]
    fn symbols_may_turn_out_to_be_on_disk_later() {
        let mut block = block(&[], &[6, 7]);
        block.insert(0);
        block.cover(&HeldSymbols { held: bits(&[0, 1, 2, 6]), covered: bits(&[0, 1, 2, 6, 7]) });
        assert_eq!((block.missing(), block.held.count()), (4, 3), "one is in the store");
        assert_eq!(block.unwanted.ones().collect::<Vec<_>>(), [7]);
    }
}
