//! What a sender holds of its stream: the newest blocks, in which it cuts what is written, and
//! which it keeps for repair.

use std::collections::VecDeque;

use bytes::Bytes;

use super::header::{HEADER_LEN, SegmentHeader};
use super::shape::{Place, StreamShape};

/// Which beginnings of messages receivers learn of. A segment can name only one (RFC 5740 §4.2.1).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum MessageMarks {
    /// Every one: a segment is closed, and sent short, before a second message begins in it. For
    /// receivers that know messages by their marks.
    Every,
    /// The first of each segment: no segment is sent shorter for its sake. For messages that say
    /// their length themselves; the marks are for receivers that join late or have lost something.
    FirstOfSegment,
}

/// A stream being written: a ring of whole blocks and one that is begun.
///
/// It holds `blocks` blocks of `block_len * (segment_size + 8)` bytes at most, and takes no more
/// than fits until the oldest are dropped.
#[derive(Debug)]
pub(crate) struct StreamSource {
    shape: StreamShape,
    blocks: usize,
    marks: MessageMarks,
    /// Number of the oldest block held.
    first: u64,
    whole: VecDeque<Bytes>,
    /// The block that is being written; empty when nothing of it is.
    begun: Vec<u8>,
    /// The first place that is not closed.
    end: Place,
    /// Bytes of content in the segment there.
    filled: usize,
    /// Where in it a message begins.
    message_start: Option<u16>,
    /// The next byte begins a message.
    begins_message: bool,
    written: u64,
    closing: bool,
    ended: bool,
}

impl StreamSource {
    /// An empty stream. It keeps `blocks` blocks, 2 at least; fewer are taken as 2.
    pub(crate) fn new(shape: StreamShape, blocks: usize, marks: MessageMarks) -> Self {
        Self {
            shape,
            blocks: blocks.max(2),
            marks,
            first: 0,
            whole: VecDeque::new(),
            begun: Vec::new(),
            end: Place::default(),
            filled: 0,
            message_start: None,
            begins_message: true,
            written: 0,
            closing: false,
            ended: false,
        }
    }

    /// Takes bytes as far as there is room, none after [`StreamSource::close`]; how many.
    ///
    /// A segment is closed when it is full, and then can be sent.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() && !self.closing && self.has_place() {
            if self.begins_message && !self.mark_message() {
                self.close_segment();
                continue;
            }
            let room = self.shape.segment_size() - self.filled;
            let (taken, left) = rest.split_at(room.min(rest.len()));
            self.put(taken);
            rest = left;
            if self.filled == self.shape.segment_size() {
                self.close_segment();
            }
        }
        bytes.len() - rest.len()
    }

    /// The next byte begins a message, as the first of the stream does. Without effect when
    /// repeated: there are no empty messages.
    pub(crate) fn end_message(&mut self) {
        self.begins_message = true;
    }

    /// Closes the segment that is begun, so that it can be sent, shorter than others.
    pub(crate) fn flush(&mut self) {
        if self.filled > 0 {
            self.close_segment();
        }
    }

    /// Ends the stream after what was written: flushes, and adds the segment that says so, as soon
    /// as there is room for it.
    pub(crate) fn close(&mut self) {
        self.flush();
        self.closing = true;
        self.end_stream();
    }

    /// Whether [`StreamSource::close`] was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.closing
    }

    /// Whether the segment that says the end is there: when it was sent, everything was. It is the
    /// last one before [`StreamSource::end`].
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Bytes for which there is room; more than will be taken when segments are closed before they
    /// are full.
    pub(crate) fn room(&self) -> usize {
        if self.closing || !self.has_place() {
            return 0;
        }
        let segments = self.shape.block_len() as usize;
        let begun = segments - self.end.symbol as usize;
        let fresh = (self.blocks - 1 - self.whole.len()) * segments;
        (begun + fresh) * self.shape.segment_size() - self.filled
    }

    /// Blocks kept at most.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks
    }

    /// Bytes written so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// The first place that is not closed: every segment before it can be sent.
    pub(crate) fn end(&self) -> Place {
        self.end
    }

    /// The oldest block that is held.
    pub(crate) fn first_block(&self) -> u64 {
        self.first
    }

    /// The payload for this place, header included and as long as its content; `None` when it is
    /// dropped or not closed.
    pub(crate) fn symbol(&self, place: Place) -> Option<&[u8]> {
        if place >= self.end || place.symbol >= self.shape.block_len() {
            return None;
        }
        let block: &[u8] = match self.whole_block(place.block) {
            Some(block) => block,
            None if place.block == self.end.block => &self.begun,
            None => return None,
        };
        let symbol = block.get(self.shape.range(place.symbol))?;
        let header = SegmentHeader::parse(symbol)?;
        symbol.get(..HEADER_LEN + usize::from(header.len))
    }

    /// Whether all segments of a block are closed and held: only then can it be coded.
    pub(crate) fn is_whole(&self, block: u64) -> bool {
        self.whole_block(block).is_some()
    }

    /// The symbols of a whole block, each filled up with zeros to segment size and header, for
    /// coding. Shared, not copied.
    pub(crate) fn block_bytes(&self, block: u64) -> Option<Bytes> {
        self.whole_block(block).cloned()
    }

    /// Bytes of the longest payload of a whole block, header included. After that many bytes its
    /// coded symbols are zeros, as long as the code is linear. RFC 5740 §4.2.1 sends them in full
    /// all the same; a sink takes both.
    pub(crate) fn longest_payload(&self, block: u64) -> Option<usize> {
        let bytes = self.whole_block(block)?;
        let headers = bytes.chunks_exact(self.shape.symbol_size()).filter_map(SegmentHeader::parse);
        headers.map(|header| HEADER_LEN + usize::from(header.len)).max()
    }

    /// Forgets the whole blocks before this one, which makes room. The block that is begun stays.
    pub(crate) fn drop_before(&mut self, block: u64) {
        while self.first < block && self.whole.pop_front().is_some() {
            self.first += 1;
        }
        self.end_stream();
    }

    fn whole_block(&self, block: u64) -> Option<&Bytes> {
        let index = usize::try_from(block.checked_sub(self.first)?).ok()?;
        self.whole.get(index)
    }

    /// Whether there is a place for the segment at the end.
    fn has_place(&self) -> bool {
        self.whole.len() < self.blocks
    }

    /// Notes in the segment that a message begins here. False when it must begin in the next one.
    fn mark_message(&mut self) -> bool {
        if self.message_start.is_none() {
            self.message_start = u16::try_from(self.filled).ok();
        } else if self.marks == MessageMarks::Every {
            return false;
        }
        self.begins_message = false;
        true
    }

    /// Puts bytes, which must fit, into the segment at the end.
    fn put(&mut self, bytes: &[u8]) {
        let start = self.shape.range(self.end.symbol).start + HEADER_LEN + self.filled;
        if let Some(room) = self.begun_block().get_mut(start..start + bytes.len()) {
            room.copy_from_slice(bytes);
            self.filled += bytes.len();
            self.written += bytes.len() as u64;
        }
    }

    fn begun_block(&mut self) -> &mut Vec<u8> {
        if self.begun.is_empty() {
            self.begun = vec![0; self.shape.block_bytes()];
        }
        &mut self.begun
    }

    /// Writes the header of the segment at the end; what follows goes into the next one.
    fn close_segment(&mut self) {
        let offset = self.written - self.filled as u64;
        // A segment has 65,535 bytes at most; offsets wrap on the wire.
        let header = SegmentHeader {
            len: self.filled as u16,
            message_start: self.message_start.take(),
            offset: offset as u32,
        };
        let range = self.shape.range(self.end.symbol);
        if let Some(symbol) = self.begun_block().get_mut(range)
            && let Some(place) = symbol.first_chunk_mut()
        {
            *place = header.emit();
        }
        self.filled = 0;
        self.end = self.shape.after(self.end);
        if self.end.symbol == 0 {
            self.whole.push_back(Bytes::from(core::mem::take(&mut self.begun)));
        }
    }

    fn end_stream(&mut self) {
        if self.closing && !self.ended && self.has_place() {
            self.close_segment();
            self.ended = true;
        }
    }
}

#[cfg(test)]
mod tests;
