//! An object in the session: content of a known size, or a stream.

use core::ops::Range;

use bytes::Bytes;

use super::position::Position;
use super::stream::SendStream;
use crate::endpoint::BlockGeometry;
use crate::fec::{Layout, Scheme};
use crate::norm::stream::{Place, unwrap_block};
use crate::norm::wire::{Fti, ObjectFlags, ObjectId, SetInfo};

/// Running numbers that a stream takes: as many blocks as it can ever have.
pub(super) const STREAM_BLOCKS: u64 = 1 << 32;

/// What an object's content is.
#[derive(Debug)]
pub(super) enum Body {
    /// Content of a known size, which Read jobs bring.
    Fixed,
    /// Content that is written while it is sent; the layout is that of its buffer.
    Stream(Box<SendStream>),
}

/// Whether a block can be sent again.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Repairable {
    /// This many of its symbols were sent.
    Sent(u32),
    /// It has left a stream's buffer; the running number of the first block that has not.
    Dropped(u64),
    /// Nothing of it was sent; the running number after those of its object.
    Unsent(u64),
}

/// An object in the session.
#[derive(Debug)]
pub(crate) struct SendObject {
    key: u64,
    info: Option<Bytes>,
    flags: ObjectFlags,
    layout: Layout,
    /// Running number of its block 0.
    first_block: u64,
    /// The key that Read jobs name: that of its first layout.
    source_key: u64,
    /// Blocks at its beginning that were sent in an earlier layout: they are sent when asked for.
    sent_before: u32,
    body: Body,
}

impl SendObject {
    pub(super) fn new(
        key: u64,
        first_block: u64,
        layout: Layout,
        info: Option<Bytes>,
        flags: ObjectFlags,
    ) -> Self {
        let flags = if info.is_some() { flags.with(ObjectFlags::INFO) } else { flags };
        let (source_key, sent_before, body) = (key, 0, Body::Fixed);
        Self { key, info, flags, layout, first_block, source_key, sent_before, body }
    }

    /// The same object in another layout, with this key and from this running number of a block on.
    /// Its first `sent` bytes were sent already.
    pub(super) fn laid_out(&self, key: u64, first_block: u64, layout: Layout, sent: u64) -> Self {
        let partition = layout.partition();
        let mut range = (0, partition.blocks());
        while range.0 < range.1 {
            let middle = u32::midpoint(range.0, range.1);
            let is_sent = partition.block_offset(middle + 1) <= sent;
            range = if is_sent { (middle + 1, range.1) } else { (range.0, middle) };
        }
        Self {
            key,
            info: self.info.as_ref().map(|info| moved_info(info, key.wrapping_sub(self.key))),
            flags: self.flags,
            layout,
            first_block,
            source_key: self.source_key,
            sent_before: range.0,
            body: Body::Fixed,
        }
    }

    /// The same object as a stream.
    pub(super) fn with_stream(mut self, stream: SendStream) -> Self {
        self.body = Body::Stream(Box::new(stream));
        self
    }

    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    pub(crate) fn id(&self) -> ObjectId {
        ObjectId(self.key as u16)
    }

    /// The key that Read jobs name.
    pub(crate) fn source_key(&self) -> u64 {
        self.source_key
    }

    /// Blocks at its beginning that are only sent when they are asked for.
    pub(crate) fn sent_before(&self) -> u32 {
        self.sent_before
    }

    /// Content bytes; of a stream those of its buffer.
    pub(super) fn size(&self) -> u64 {
        self.layout.partition().object_size()
    }

    /// Where a symbol of a block begins, in bytes.
    pub(super) fn offset(&self, block: u32, symbol: u32) -> u64 {
        let partition = self.layout.partition();
        let within = u64::from(symbol) * u64::from(partition.symbol_size());
        partition.block_offset(block) + within
    }

    pub(crate) fn info(&self) -> Option<&Bytes> {
        self.info.as_ref()
    }

    pub(crate) fn flags(&self) -> ObjectFlags {
        self.flags
    }

    /// Running number of its block 0.
    pub(crate) fn first_block(&self) -> u64 {
        self.first_block
    }

    /// The blocks with these bytes of it, by running number; none of a stream.
    pub(super) fn blocks_over(&self, bytes: Range<u64>) -> Range<u64> {
        if self.is_transient() || bytes.start >= bytes.end.min(self.size()) {
            return 0..0;
        }
        let blocks = u64::from(self.layout.blocks());
        // The block of a byte: the last one that begins at or before it.
        let of = |byte: u64| {
            let (mut low, mut high) = (0, blocks);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if self.offset(middle as u32, 0) <= byte { low = middle } else { high = middle }
            }
            low
        };
        let end = bytes.end.min(self.size());
        self.first_block + of(bytes.start)..self.first_block + of(end - 1) + 1
    }

    /// How it is cut.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.layout.scheme()
    }

    pub(crate) fn stream(&self) -> Option<&SendStream> {
        match &self.body {
            Body::Fixed => None,
            Body::Stream(stream) => Some(stream),
        }
    }

    pub(super) fn stream_mut(&mut self) -> Option<&mut SendStream> {
        match &mut self.body {
            Body::Fixed => None,
            Body::Stream(stream) => Some(stream),
        }
    }

    /// Receivers keep it as a whole, so that new data wait for their flow control. Readers of a
    /// stream may miss something rather than hold the writer up.
    pub(crate) fn has_flow_control(&self) -> bool {
        self.stream().is_none()
    }

    /// A receiver must be told that the object is meant for it although it came late. A stream is
    /// joined anywhere.
    pub(crate) fn lists_late_joiners(&self) -> bool {
        self.stream().is_none()
    }

    /// Its blocks stay in memory for a limited time only.
    pub(crate) fn is_transient(&self) -> bool {
        self.stream().is_some()
    }

    pub(crate) fn blocks(&self) -> u64 {
        if self.stream().is_some() { STREAM_BLOCKS } else { u64::from(self.layout.blocks()) }
    }

    /// Running number after those of its blocks of which something exists.
    pub(crate) fn end_block(&self) -> u64 {
        self.first_block + self.stream().map_or_else(|| self.blocks(), SendStream::blocks)
    }

    /// Number of its oldest block that can be repaired.
    pub(crate) fn first_kept(&self) -> u64 {
        self.stream().map_or(0, SendStream::first_block)
    }

    /// Source symbols in a block.
    pub(crate) fn block_len(&self, block: u32) -> u32 {
        match (&self.body, self.layout.scheme()) {
            (Body::Stream(_), Scheme::ReedSolomon(code)) => code.block_len().into(),
            _ => self.layout.block_len(block),
        }
    }

    /// False of a stream's block that is not completely written, or was dropped.
    pub(crate) fn can_be_coded(&self, block: u32) -> bool {
        self.stream().is_none_or(|stream| stream.is_whole(block.into()))
    }

    pub(crate) fn fti(&self) -> Fti {
        Fti::of(&self.layout)
    }

    pub(crate) fn geometry(&self, block: u32) -> BlockGeometry {
        if let Some(stream) = self.stream() {
            let (symbols, symbol_size) = (self.block_len(block), stream.symbol_size());
            let (scheme, len) = (self.layout.scheme(), symbols * u32::from(symbol_size));
            return BlockGeometry { scheme, symbols, symbol_size, offset: 0, len };
        }
        let partition = self.layout.partition();
        BlockGeometry {
            scheme: self.layout.scheme(),
            symbols: partition.block_len(block),
            symbol_size: partition.symbol_size(),
            offset: partition.block_offset(block),
            len: partition.block_bytes(block),
        }
    }

    /// Symbols of a block that were sent or, of content with a known size, soon will be.
    pub(crate) fn sent_symbols(&self, block: u32, position: &Position) -> u32 {
        let Some(stream) = self.stream() else { return self.geometry(block).symbols };
        let at = position.place();
        match u64::from(block) {
            _ if self.key > position.key() => 0,
            block if self.key < position.key() || block < at.block => stream.held(block),
            block if block == at.block => stream.held(block).min(at.symbol),
            _ => 0,
        }
    }

    /// Whether a block can be sent again.
    pub(crate) fn repairable(&self, block: u32, position: &Position) -> Repairable {
        if u64::from(block) < self.first_kept() {
            return Repairable::Dropped(self.first_block + self.first_kept());
        }
        match self.sent_symbols(block, position) {
            0 if self.is_transient() => Repairable::Unsent(self.first_block + self.blocks()),
            sent => Repairable::Sent(sent),
        }
    }

    /// All that exists of a stream was sent, and it goes on later.
    pub(crate) fn rests_at(&self, place: Place) -> bool {
        place.symbol > 0 && self.stream().is_some_and(|stream| place >= stream.end())
    }

    /// The block that packets call `wire`. A stream's block numbers wrap: of those, the nearest to
    /// the position, or to its end if it is not at the position.
    pub(crate) fn unwrap_block(&self, wire: u32, position: &Position) -> u64 {
        let Some(stream) = self.stream() else { return wire.into() };
        let at_position = self.key == position.key();
        let near = if at_position { position.place().block } else { stream.end().block };
        let mask = u64::from(self.layout.scheme().payload_format().max_block());
        unwrap_block(wire.into(), near, mask)
    }

    /// The last place that can be named: of a stream that of its newest symbol before `place`,
    /// otherwise that of its last symbol.
    pub(crate) fn last_place(&self, place: Option<Place>) -> Place {
        if let Some(stream) = self.stream() {
            return stream.before(place.unwrap_or_else(|| stream.end()));
        }
        let block = self.layout.blocks().saturating_sub(1);
        Place::new(block.into(), self.layout.block_len(block).saturating_sub(1))
    }
}

/// NORM_INFO of an object whose key has grown: the file set that it is a part of moves with it.
fn moved_info(info: &Bytes, by: u64) -> Bytes {
    let Ok(SetInfo { first_object, part }) = SetInfo::parse(info) else { return info.clone() };
    let mut moved = Vec::with_capacity(info.len());
    // The low 16 bits of a key are the transport id.
    SetInfo { first_object: ObjectId(first_object.0.wrapping_add(by as u16)), part }
        .emit(&mut moved);
    moved.into()
}
