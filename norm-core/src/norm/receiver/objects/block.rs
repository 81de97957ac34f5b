//! Which symbols of a block are here. The store has their bytes.

use crate::base::Timestamp;
use crate::base::bits::Bits;
use crate::endpoint::BlockGeometry;
use crate::fec::next_try;

/// A block in progress.
#[derive(Debug)]
pub(crate) struct RecvBlock {
    /// Source symbols that are here.
    have: Bits,
    /// Coded symbols that are here, ascending.
    coded: Vec<u32>,
    /// The number of symbols at which to try to decode.
    next_try: u32,
    /// A job has it.
    busy: bool,
    /// When symbols of it were asked for last.
    asked: Option<Timestamp>,
}

impl RecvBlock {
    pub(super) fn new(geometry: &BlockGeometry) -> Self {
        let symbols = geometry.symbols;
        let have = Bits::new(symbols);
        Self { have, coded: Vec::new(), next_try: symbols, busy: false, asked: None }
    }

    /// Source symbols that are here.
    pub(super) fn have(&self) -> &Bits {
        &self.have
    }

    /// Coded symbols that are here, ascending.
    pub(super) fn coded(&self) -> &[u32] {
        &self.coded
    }

    /// True when the symbol is here.
    pub(crate) fn contains(&self, symbol: u32) -> bool {
        self.have.contains(symbol) || self.coded.binary_search(&symbol).is_ok()
    }

    /// Notes a symbol that the store has taken.
    pub(crate) fn insert(&mut self, symbol: u32) {
        if symbol < self.have.len() {
            self.have.insert(symbol);
        } else if let Err(at) = self.coded.binary_search(&symbol) {
            self.coded.insert(at, symbol);
        }
    }

    /// True when no symbol is here.
    pub(crate) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    fn count(&self) -> u32 {
        self.have.count() + self.coded.len() as u32
    }

    /// Symbols to come before it is worth trying to decode; 0 when it is ready or a job has it.
    pub(super) fn missing(&self) -> u32 {
        if self.busy || self.have.is_full() {
            0
        } else {
            self.next_try.saturating_sub(self.count())
        }
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
        self.missing() == self.have.len() - self.have.count()
    }

    /// Hands it to a job; true when that has to decode.
    pub(super) fn start_job(&mut self) -> bool {
        self.busy = true;
        !self.have.is_full()
    }

    /// The decoder needs more symbols than there are.
    pub(crate) fn need_more(&mut self) {
        self.busy = false;
        self.next_try = next_try(self.have.len(), self.count());
    }

    /// When symbols of it were asked for last.
    pub(super) fn asked(&self) -> Option<Timestamp> {
        self.asked
    }

    /// Notes that a NACK asks for symbols of it.
    pub(crate) fn note_asked(&mut self, now: Timestamp) {
        self.asked = Some(now);
    }
}
