//! The position: the place of first transmission in the run of objects.

use crate::norm::stream::Place;

/// Where first transmission is.
#[derive(Debug)]
pub(crate) struct Position {
    key: u64,
    info_sent: bool,
    block: u32,
    symbol: u32,
    /// Content bytes sent for the first time.
    bytes: u64,
}

impl Position {
    pub(super) fn new(key: u64) -> Self {
        Self { key, info_sent: false, block: 0, symbol: 0, bytes: 0 }
    }

    /// Key of the object.
    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    pub(crate) fn block(&self) -> u32 {
        self.block
    }

    pub(crate) fn symbol(&self) -> u32 {
        self.symbol
    }

    /// Content bytes sent for the first time.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where it is in the object.
    pub(crate) fn place(&self) -> Place {
        Place::new(self.block.into(), self.symbol)
    }

    /// True when something of this block (of this object, if it is empty) was sent.
    pub(crate) fn has_passed(&self, key: u64, block: u32) -> bool {
        if key != self.key {
            return key < self.key;
        }
        block < self.block || (block == self.block && (self.symbol > 0 || self.info_sent))
    }

    /// True once per object: its INFO goes first.
    pub(crate) fn take_info(&mut self) -> bool {
        !core::mem::replace(&mut self.info_sent, true)
    }

    /// Symbols of the block, with this many bytes of content, are sent.
    pub(crate) fn advance(&mut self, symbols: u32, bytes: u64) {
        self.symbol += symbols;
        self.bytes += bytes;
    }

    /// The blocks before this one are not sent.
    pub(crate) fn skip_to(&mut self, block: u32) {
        if self.block < block {
            self.block = block;
            self.symbol = 0;
        }
    }

    /// Everything before this object was sent.
    pub(super) fn pass_to(&mut self, key: u64) {
        *self = Self { bytes: self.bytes, ..Self::new(key) };
    }

    /// The objects were laid out anew: the position is at the first of them.
    pub(super) fn restart(&mut self, key: u64) {
        *self = Self { bytes: self.bytes, ..Self::new(key) };
    }

    /// True when something was sent, be it an INFO.
    pub(super) fn has_moved(&self, first: u64) -> bool {
        self.key > first || self.info_sent
    }

    pub(crate) fn next_block(&mut self) {
        self.block = self.block.saturating_add(1);
        self.symbol = 0;
    }

    pub(crate) fn next_object(&mut self) {
        *self = Self { bytes: self.bytes, ..Self::new(self.key + 1) };
    }
}
