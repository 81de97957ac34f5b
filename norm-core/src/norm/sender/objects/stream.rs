//! A stream being sent (NORM_OBJECT_STREAM, RFC 5740 §4.2.1): content that is written while it is
//! sent, and held in a buffer for repair.

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;

use crate::base::Timestamp;
use crate::norm::stream::{MessageMarks, Place, StreamShape, StreamSource};

/// A stream to be sent.
#[derive(Clone, Debug)]
pub struct StreamSpec {
    /// Bytes kept for repair, rounded up to whole blocks, two at least. Content that leaves the
    /// buffer can no longer be repaired.
    pub buffer: usize,
    /// NORM_INFO: at most one segment of application bytes about the stream.
    pub info: Option<Bytes>,
    /// Which beginnings of messages receivers learn of.
    pub marks: MessageMarks,
}

/// A stream in the session.
#[derive(Debug)]
pub(crate) struct SendStream {
    source: StreamSource,
    shape: StreamShape,
    /// For each complete block that is held, when its last symbol was sent first.
    sent: VecDeque<SentBlock>,
}

#[derive(Copy, Clone, Debug)]
struct SentBlock {
    block: u64,
    at: Timestamp,
}

impl SendStream {
    pub(super) fn new(shape: StreamShape, spec: &StreamSpec) -> Self {
        let blocks = spec.buffer.div_ceil(shape.block_bytes()).max(2);
        let source = StreamSource::new(shape, blocks, spec.marks);
        Self { source, shape, sent: VecDeque::new() }
    }

    /// Takes bytes as far as the buffer has room; returns how many.
    pub(super) fn write(&mut self, bytes: &[u8]) -> usize {
        self.source.write(bytes)
    }

    /// The next byte written begins a message.
    pub(super) fn end_message(&mut self) {
        self.source.end_message();
    }

    /// Closes the segment that is begun, so that it can be sent.
    pub(super) fn flush(&mut self) {
        self.source.flush();
    }

    /// Ends the stream after what was written.
    pub(super) fn close(&mut self) {
        self.source.close();
    }

    /// It was closed, but the buffer has no room yet for the segment that says so.
    pub(super) fn is_closing(&self) -> bool {
        self.source.is_closed() && !self.source.is_ended()
    }

    /// The segment that says the end is in the buffer.
    pub(crate) fn is_ended(&self) -> bool {
        self.source.is_ended()
    }

    /// The first place that is not closed.
    pub(crate) fn end(&self) -> Place {
        self.source.end()
    }

    /// Number of the oldest block held.
    pub(crate) fn first_block(&self) -> u64 {
        self.source.first_block()
    }

    /// All of a block is written and held.
    pub(crate) fn is_whole(&self, block: u64) -> bool {
        self.source.is_whole(block)
    }

    /// Content of a block that is whole.
    pub(crate) fn block_bytes(&self, block: u64) -> Option<Bytes> {
        self.source.block_bytes(block)
    }

    /// A symbol, if it is closed and held.
    pub(crate) fn symbol(&self, place: Place) -> Option<&[u8]> {
        self.source.symbol(place)
    }

    /// Source symbols of a complete block.
    pub(crate) fn block_len(&self) -> u32 {
        self.shape.block_len()
    }

    /// Bytes of a coded symbol: a segment and the header before it.
    pub(crate) fn symbol_size(&self) -> u16 {
        u16::try_from(self.shape.symbol_size()).unwrap_or(u16::MAX)
    }

    /// Bytes of the buffer, for receivers to know.
    pub(super) fn size(&self) -> u64 {
        let block = u64::from(self.shape.block_len()) * self.shape.segment_size() as u64;
        block * self.source.blocks() as u64
    }

    /// Symbols of a block that are closed and not dropped.
    pub(crate) fn held(&self, block: u64) -> u32 {
        let end = self.source.end();
        match block {
            _ if block < self.source.first_block() || block > end.block => 0,
            _ if block == end.block => end.symbol,
            _ => self.shape.block_len(),
        }
    }

    /// One past the last block of which something is closed.
    pub(crate) fn blocks(&self) -> u64 {
        let end = self.source.end();
        end.block + u64::from(end.symbol > 0)
    }

    /// The last place that can be named: that of the newest symbol closed before `end`.
    pub(crate) fn before(&self, end: Place) -> Place {
        match (end.symbol, end.block) {
            (0, 0) => end,
            (0, block) => Place::new(block - 1, self.shape.block_len() - 1),
            (symbol, block) => Place::new(block, symbol - 1),
        }
    }

    /// Takes symbols of a block from `next` for one batch of at most `limit`: equal segments, of
    /// which only the last may be shorter.
    pub(crate) fn batch(
        &self,
        block: u64,
        limit: usize,
        mut next: impl FnMut() -> Option<u32>,
    ) -> StreamBatch {
        let full = self.shape.symbol_size();
        let mut batch = StreamBatch::default();
        while batch.symbols.len() < limit
            && let Some(symbol) = next()
        {
            // Only symbols that exist are asked for.
            let Some(payload) = self.source.symbol(Place::new(block, symbol)) else { continue };
            batch.symbols.push(symbol);
            batch.bytes += payload.len();
            if payload.len() < full {
                break;
            }
        }
        batch
    }

    /// All of a block was sent once.
    pub(super) fn note_sent(&mut self, now: Timestamp, block: u64) {
        self.sent.push_back(SentBlock { block, at: now });
    }

    /// Drops the oldest block if it was sent at least `keep` ago and is not in repair. False when
    /// it stays.
    pub(super) fn release(
        &mut self,
        now: Timestamp,
        keep: Duration,
        is_in_repair: impl Fn(u64) -> bool,
    ) -> bool {
        let first = self.source.first_block();
        let Some(&SentBlock { block, at }) = self.sent.front() else { return false };
        if block != first || is_in_repair(first) || now < at + keep {
            return false;
        }
        self.sent.pop_front();
        self.source.drop_before(first + 1);
        true
    }
}

/// Symbols of a stream's block that fit one batch.
#[derive(Debug, Default)]
pub(crate) struct StreamBatch {
    pub(crate) symbols: Vec<u32>,
    /// Bytes of the symbols, headers included.
    pub(crate) bytes: usize,
}
