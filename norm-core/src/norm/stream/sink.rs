//! What a receiver holds of a stream: a window of blocks from the next byte to be read on.
//!
//! Segments lie where their block and symbol say, and are read in that order. The offsets in their
//! headers only tell how much a gap has swallowed. How it is read is in `reader`, what is missing
//! in `needs`.

use std::collections::BTreeMap;

mod reader;

use super::block::{Block, EmptyBlock, Parity};
use super::header::{HEADER_LEN, SegmentHeader};
use super::needs::{NeedWalk, StreamNeed};
use super::shape::{MAX_BLOCKS, Place, StreamShape};
use crate::base::bits::Bits;
use reader::Cursor;
pub use reader::Read;

/// What happens to a segment after the window.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// It is refused. The sender finds it missing, and what it still keeps comes when there is
    /// room.
    Refuse,
    /// The oldest blocks are given up for it, read or not.
    DropOldest,
}

/// Where reading goes on after a gap, and where it begins when a stream is joined midway.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// At the next message that is known to begin. Of a stream in which the sender marks none,
    /// nothing more is read.
    AtMessage,
    /// At the next byte that is there.
    AtByte,
}

/// Sizes and policies of a [`StreamSink`].
#[derive(Copy, Clone, Debug)]
pub(crate) struct SinkConfig {
    pub(crate) shape: StreamShape,
    /// Coded symbols that there are for a block: ids from `block_len` on.
    pub(crate) parity: u16,
    /// Blocks held at most, 1 at least.
    pub(crate) blocks: u64,
    pub(crate) overflow: Overflow,
    pub(crate) resume: Resume,
}

/// What became of a symbol.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// It is kept.
    Kept,
    /// It is held already, or a coded one where there are enough.
    Duplicate,
    /// It lies before what is read next, or after the end of the stream.
    Old,
    /// It lies after the window.
    TooNew,
    /// It cannot be: too long, too short, no such symbol, or a header that contradicts itself.
    Bad,
}

/// A stream being read.
///
/// A block takes the memory of its `block_len` symbols of `segment_size + 8` bytes when the first
/// one comes, and of as many coded symbols as are missing: in all never more than twice the window.
#[derive(Debug)]
pub(crate) struct StreamSink {
    config: SinkConfig,
    /// The blocks of the window of which anything came.
    blocks: BTreeMap<u64, Block>,
    /// Blocks that have become decodable, each once.
    due: Vec<u64>,
    cursor: Cursor,
    /// What is missing before this block will not come.
    given_up: u64,
    /// Where the stream ends, and how many bytes it had, modulo 2^32.
    end: Option<(Place, u32)>,
    /// What is held of a block of which nothing came.
    empty: EmptyBlock,
    /// Segments that were decoded and made no sense.
    broken: u64,
    /// Decodes that failed.
    undecodable: u64,
}

impl StreamSink {
    /// An empty sink that reads from the beginning of the stream.
    pub(crate) fn new(config: SinkConfig) -> Self {
        let config = SinkConfig { blocks: config.blocks.clamp(1, MAX_BLOCKS), ..config };
        Self {
            config,
            blocks: BTreeMap::new(),
            due: Vec::new(),
            cursor: Cursor::default(),
            given_up: 0,
            end: None,
            empty: EmptyBlock::new(&config.shape),
            broken: 0,
            undecodable: 0,
        }
    }

    /// Begins at this place, without anything before it; for a receiver that joins midway. Drops
    /// all that is held, also what was learned of the stream's end; the reader sees a gap if it has
    /// already read something.
    pub(crate) fn sync(&mut self, first: Place) {
        let first = self.config.shape.canonical(first);
        self.blocks.clear();
        self.due.clear();
        self.end = None;
        self.given_up = 0;
        let seek = self.config.resume == Resume::AtMessage && first > Place::default();
        self.cursor.restart(first, seek);
    }

    /// Takes a symbol of the stream: its block, counted without wrap, its encoding symbol id and
    /// its payload.
    ///
    /// Payloads that are shorter than `segment_size + 8` are filled up with zeros, coded ones too.
    /// Coded symbols are kept up to the number missing. Call [`StreamSink::recover`] afterwards.
    pub(crate) fn insert(&mut self, block: u64, symbol: u32, payload: &[u8]) -> Inserted {
        let Some(header) = self.check(block, symbol, payload) else { return Inserted::Bad };
        if self.is_useless(block) {
            return Inserted::Old;
        }
        if block >= self.window_end() {
            match self.config.overflow {
                Overflow::Refuse => return Inserted::TooNew,
                Overflow::DropOldest => self.drop_before(block + 1 - self.config.blocks),
            }
        }
        // Making room can have gone past the block, when it was given up.
        if self.is_useless(block) {
            return Inserted::Old;
        }
        let shape = self.config.shape;
        let entry = self.blocks.entry(block).or_insert_with(|| Block::new(&shape));
        let was_due = entry.is_due();
        if !entry.put(&shape, symbol, payload) {
            return Inserted::Duplicate;
        }
        if !was_due && entry.is_due() {
            self.due.push(block);
        }
        if let Some(header) = header.filter(SegmentHeader::is_end) {
            self.note_end(Place::new(block, symbol), header.offset);
        }
        self.settle();
        Inserted::Kept
    }

    /// Decodes what has become decodable, by a function that completes a block: its symbols, which
    /// of them are held, and coded ones; false when it cannot. Returns how many blocks it
    /// completed.
    pub(crate) fn recover(
        &mut self,
        mut decode: impl FnMut(&mut [u8], &Bits, &Parity) -> bool,
    ) -> usize {
        let shape = self.config.shape;
        let mut recovered = 0;
        for number in core::mem::take(&mut self.due) {
            let Some(block) = self.blocks.get_mut(&number).filter(|block| block.is_due()) else {
                continue;
            };
            if !block.decode(&shape, &mut decode) {
                self.undecodable += 1;
                continue;
            }
            recovered += 1;
            if let Some((symbol, offset)) = block.end_of_stream(&shape) {
                self.note_end(Place::new(number, symbol), offset);
            }
        }
        self.settle();
        recovered
    }

    /// What is missing before this block will not come any more: the sender has dropped it. What is
    /// held of it is still read; in place of the rest the reader sees a gap.
    pub(crate) fn give_up_before(&mut self, block: u64) {
        self.given_up = self.given_up.max(block.min(MAX_BLOCKS));
        self.settle();
    }

    /// Drops everything before this block, unread or not; the reader sees a gap.
    pub(crate) fn drop_before(&mut self, block: u64) {
        let first = Place::new(block.min(MAX_BLOCKS), 0);
        if self.cursor.place() < first && !self.is_at_end() {
            self.cursor.lose(self.config.resume);
            self.go_to(first);
        }
        self.settle();
    }

    /// Calls `visit` for what is missing of everything before `bound`, ascending, until it returns
    /// false. Leaves out what was given up, and what lies after the window or the stream's end.
    ///
    /// `bound` is the first place that the sender has not sent.
    pub(crate) fn needs(&self, bound: Place, mut visit: impl FnMut(StreamNeed<'_>) -> bool) {
        if self.cursor.has_ended() {
            return;
        }
        let walk = NeedWalk {
            shape: &self.config.shape,
            blocks: &self.blocks,
            empty: &self.empty,
            next: self.cursor.place(),
            bound: self.trim(bound),
        };
        walk.run(self.cursor.place().block.max(self.given_up), &mut visit);
    }

    /// Whether nothing is missing before `bound`; see [`StreamSink::needs`].
    pub(crate) fn has_all_before(&self, bound: Place) -> bool {
        let mut all = true;
        self.needs(bound, |_| {
            all = false;
            false
        });
        all
    }

    /// Where the next byte to be read lies; after the last segment when the end was read.
    pub(crate) fn position(&self) -> Place {
        self.cursor.place()
    }

    /// Whether the segment at this place, and all before it, was read or given up.
    pub(crate) fn has_read(&self, place: Place) -> bool {
        self.cursor.has_ended() || place < self.cursor.place()
    }

    /// Where the stream ends, when that is known: the place of the segment that says so.
    pub(crate) fn end(&self) -> Option<Place> {
        self.end.map(|(place, _)| place)
    }

    /// The first block after the window.
    pub(crate) fn window_end(&self) -> u64 {
        self.cursor.place().block.saturating_add(self.config.blocks)
    }

    /// Segments that were decoded and made no sense: they were read as gaps.
    pub(crate) fn broken(&self) -> u64 {
        self.broken
    }

    /// Decodes that failed.
    pub(crate) fn undecodable(&self) -> u64 {
        self.undecodable
    }

    /// Bytes of memory held for symbols.
    pub(crate) fn memory(&self) -> usize {
        self.blocks.values().map(Block::memory).sum()
    }

    /// What of `bound` lies within the window and the stream.
    fn trim(&self, bound: Place) -> Place {
        let window = Place::new(self.window_end(), 0);
        let end = self.end().unwrap_or(window);
        self.config.shape.canonical(bound).min(window).min(end)
    }

    /// The header of a source symbol, `Some(None)` for a coded one, `None` when it cannot be.
    fn check(&self, block: u64, symbol: u32, payload: &[u8]) -> Option<Option<SegmentHeader>> {
        let shape = self.config.shape;
        let symbols = shape.block_len() + u32::from(self.config.parity);
        if block >= MAX_BLOCKS || symbol >= symbols || payload.len() > shape.symbol_size() {
            return None;
        }
        if symbol < shape.block_len() {
            return SegmentHeader::parse(payload).map(Some);
        }
        // A payload has a header at least, and so have those that it was coded from.
        (payload.len() >= HEADER_LEN).then_some(None)
    }

    /// Whether nothing of this block will be read any more: it lies before the cursor, or after
    /// the stream's end.
    fn is_useless(&self, block: u64) -> bool {
        let after_end = self.end().is_some_and(|end| end.block < block);
        self.is_at_end() || after_end || block < self.cursor.place().block
    }

    fn note_end(&mut self, place: Place, offset: u32) {
        if self.end.is_none_or(|(known, _)| place < known) {
            self.end = Some((place, offset));
        }
    }

    /// Moves on to a place, and frees the blocks before it.
    fn go_to(&mut self, place: Place) {
        self.cursor.go_to(place);
        while let Some(oldest) = self.blocks.first_entry()
            && *oldest.key() < place.block
        {
            let number = *oldest.key();
            oldest.remove();
            self.due.retain(|&due| due != number);
        }
    }

    /// Frees everything: the reader has seen the end.
    fn finish(&mut self, end: Place) {
        self.cursor.finish(self.cursor.place().max(self.config.shape.after(end)));
        self.blocks.clear();
        self.due.clear();
    }
}

#[cfg(test)]
mod tests;
