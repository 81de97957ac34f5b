//! Reading a stream: bytes in order, the beginnings of messages, gaps and the end.

use super::super::header::{HEADER_LEN, SegmentHeader};
use super::super::shape::Place;
use super::{Resume, StreamSink};

/// What a read found. Bytes are handed out strictly in order.
///
/// A reader of bytes adds up the `Data`. A reader of messages also looks at its flags: a message is
/// over where one `ends_message`, or at the latest where the next `begins_message`; what was
/// collected of one is worthless after a `Gap`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// The next `len` bytes are in the buffer; never bytes of two messages whose border is known.
    Data {
        /// How many; 0 only for an empty buffer.
        len: usize,
        /// The first of them is the first one of a message.
        begins_message: bool,
        /// The last of them is the last one of a message. Can be false of one that is, while what
        /// follows has not come.
        ends_message: bool,
    },
    /// Bytes are lost here for good. Said when what follows is there, and once for losses without
    /// anything readable between them.
    Gap {
        /// How many bytes, skipped ones included, modulo 2^32; `None` when nothing was read before.
        bytes: Option<u32>,
    },
    /// What comes next is not there yet.
    Pending,
    /// The stream is over. Everything was read or reported as lost.
    End,
}

/// Where reading is, and in what state.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    place: Place,
    /// The next byte of the segment there.
    byte: u16,
    /// The position in the stream after the last byte read, modulo 2^32; `None` before the first.
    offset: Option<u32>,
    /// A loss that was not reported to the reader yet.
    gap: bool,
    /// Reading goes on where a message begins.
    seeking: bool,
    ended: bool,
}

impl Cursor {
    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn restart(&mut self, place: Place, seeking: bool) {
        let gap = self.gap || self.offset.is_some();
        *self = Self { place, byte: 0, offset: self.offset, gap, seeking, ended: false };
    }

    /// Something before the next byte is lost.
    pub(super) fn lose(&mut self, resume: Resume) {
        self.gap = true;
        self.seeking |= resume == Resume::AtMessage;
    }

    pub(super) fn go_to(&mut self, place: Place) {
        self.place = place;
        self.byte = 0;
    }

    pub(super) fn finish(&mut self, place: Place) {
        self.go_to(place);
        self.ended = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }
}

impl StreamSink {
    /// Reads into `buf` what is there, up to the next known beginning of a message.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> Read {
        let at_end = self.is_at_end();
        if !at_end && self.segment().is_none() {
            return Read::Pending;
        }
        if self.cursor.gap {
            return self.report_gap();
        }
        if at_end {
            self.reach_end();
            return Read::End;
        }
        let begins_message = self.begins_message() == Some(true);
        let mut len = 0;
        loop {
            len += self.read_segment(buf.get_mut(len..).unwrap_or_default());
            let more = !self.cursor.gap && self.begins_message() == Some(false);
            if len >= buf.len() || !more {
                break;
            }
        }
        let border = self.is_at_end() || self.begins_message() == Some(true);
        Read::Data { len, begins_message, ends_message: len > 0 && border && !self.cursor.gap }
    }

    /// Whether the next byte is the first one of a message; `None` while it is not there, and at
    /// the end.
    pub(crate) fn begins_message(&self) -> Option<bool> {
        let (header, _) = self.segment()?;
        Some(header.message_start == Some(self.cursor.byte))
    }

    /// Bytes from the next one to the end of its message, as far as that is known: when all of them
    /// are there, and the beginning of the next message or the end of the stream.
    pub(crate) fn message_left(&self) -> Option<u64> {
        let Cursor { mut place, mut byte, .. } = self.cursor;
        let mut left = 0;
        let end = self.end().unwrap_or(Place::new(u64::MAX, 0));
        while place < end {
            let (header, _) = self.segment_at(place)?;
            // A message that begins at the first byte of all is the one that is measured.
            let start = header.message_start.filter(|&s| s > byte || (s == byte && left > 0));
            if let Some(start) = start {
                return Some(left + u64::from(start - byte));
            }
            left += u64::from(header.len.saturating_sub(byte));
            place = self.config.shape.after(place);
            byte = 0;
        }
        (left > 0).then_some(left)
    }

    /// Leaves out what remains of a message that is begun: the next byte read is the first one of a
    /// message. Nothing to do where one begins.
    pub(crate) fn skip_to_message(&mut self) {
        self.cursor.seeking = true;
        self.settle();
    }

    /// Whether everything before the end was read, or lost.
    pub(super) fn is_at_end(&self) -> bool {
        self.cursor.ended || self.end.is_some_and(|(end, _)| end <= self.cursor.place)
    }

    /// Brings the cursor to the next byte to be read: past what will not come, past what makes no
    /// sense, and when a message is sought, to it.
    ///
    /// To be called after everything that can change one of these.
    pub(super) fn settle(&mut self) {
        while !self.is_at_end() {
            let place = self.cursor.place;
            let missing =
                self.blocks.get(&place.block).is_none_or(|b| !b.held().contains(place.symbol));
            if missing {
                if place.block >= self.given_up {
                    break;
                }
                self.cursor.lose(self.config.resume);
                self.go_to(self.next_held(place));
            } else if let Some((header, _)) = self.segment() {
                if self.seek_within(header) {
                    break;
                }
                self.go_to(self.config.shape.after(place));
            } else {
                self.broken += 1;
                self.cursor.lose(self.config.resume);
                self.go_to(self.config.shape.after(place));
            }
        }
    }

    /// The first place from `from` on that is held; no farther than where missing ones may come.
    fn next_held(&self, from: Place) -> Place {
        let stop = Place::new(self.given_up, 0);
        let mut blocks = self.blocks.range(from.block..);
        let held = blocks.find_map(|(&number, block)| {
            let first = if number == from.block { from.symbol } else { 0 };
            block.held().first_set(first).map(|symbol| Place::new(number, symbol))
        });
        held.map_or(stop, |place| place.min(stop))
    }

    /// Moves to where a message begins in this segment, if one is sought; false when none does.
    fn seek_within(&mut self, header: SegmentHeader) -> bool {
        if !self.cursor.seeking {
            return true;
        }
        let start = header.message_start.filter(|&start| start >= self.cursor.byte);
        let Some(start) = start else { return false };
        self.cursor.byte = start;
        self.cursor.seeking = false;
        true
    }

    /// The header and content of the segment at the cursor, if it is there, makes sense, and is not
    /// the end.
    fn segment(&self) -> Option<(SegmentHeader, &[u8])> {
        if self.is_at_end() {
            return None;
        }
        self.segment_at(self.cursor.place)
    }

    fn segment_at(&self, place: Place) -> Option<(SegmentHeader, &[u8])> {
        let block = self.blocks.get(&place.block)?;
        let symbol = block.source(&self.config.shape, place.symbol)?;
        let header = SegmentHeader::parse(symbol).filter(|header| !header.is_end())?;
        Some((header, symbol.get(HEADER_LEN..)?))
    }

    /// Copies from the segment at the cursor, up to its end or the next message; how many bytes.
    fn read_segment(&mut self, buf: &mut [u8]) -> usize {
        let Some((header, content)) = self.segment() else { return 0 };
        let byte = self.cursor.byte;
        let stop = header.message_start.filter(|&start| start > byte).unwrap_or(header.len);
        let content = content.get(usize::from(byte)..usize::from(stop)).unwrap_or_default();
        let len = content.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..len), content.get(..len)) {
            to.copy_from_slice(from);
        }
        // No more than the segment's length, which has 16 bits.
        let byte = byte.saturating_add(len as u16);
        self.cursor.byte = byte;
        self.cursor.offset = Some(header.offset.wrapping_add(u32::from(byte)));
        if byte >= header.len {
            self.go_to(self.config.shape.after(self.cursor.place));
            self.settle();
        }
        len
    }

    /// Reports a loss; what follows it is at the cursor.
    fn report_gap(&mut self) -> Read {
        let resumed = match (self.segment(), self.end) {
            (Some((header, _)), _) => Some(header.offset.wrapping_add(u32::from(self.cursor.byte))),
            (None, Some((_, offset))) => Some(offset),
            (None, None) => None,
        };
        let before = self.cursor.offset;
        self.cursor.gap = false;
        // After a gap the count begins anew; a second one right after it must not repeat this one.
        self.cursor.offset = resumed.or(before);
        let bytes = before.and_then(|before| Some(resumed?.wrapping_sub(before)));
        Read::Gap { bytes }
    }

    fn reach_end(&mut self) {
        if let Some((end, _)) = self.end.filter(|_| !self.cursor.ended) {
            self.finish(end);
        }
    }
}
