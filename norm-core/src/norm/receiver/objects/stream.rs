//! The content of a stream that is being received (NORM_OBJECT_STREAM, RFC 5740 §4.2.1): symbols go
//! into a sink, and applications read from it.

use crate::fec::{Layout, ReedSolomon, Scheme};
use crate::norm::receiver::config::{JoinPolicy, ReceiverConfig};
use crate::norm::receiver::nack::need::{Need, Position, StreamSymbolNeed};
use crate::norm::stream::{
    Inserted, Place, Read, SinkConfig, StreamNeed, StreamShape, StreamSink, unwrap_block,
};
use crate::norm::wire::PayloadFormat;

/// Blocks held for reading: tiny ones must not cost more than their bytes.
const MAX_BLOCKS: usize = 16_384;

/// A stream that the application has accepted.
#[derive(Debug)]
pub(crate) struct RecvStream {
    sink: StreamSink,
    coder: ReedSolomon,
    shape: StreamShape,
    /// Which bits of a block number packets carry.
    mask: u64,
    /// Blocks that the sender can repair.
    repair_blocks: u64,
    /// The greatest place of first transmission heard; `None` before the first symbol.
    position: Option<Place>,
    /// Everything before was sent: what of it is missing may be asked for.
    due: Place,
    /// The application knows that there is something to read.
    notified: bool,
}

/// A symbol of a stream, as a packet brings it.
#[derive(Copy, Clone, Debug)]
pub(crate) struct StreamSymbol<'a> {
    /// The block, as packets number it.
    pub(crate) block: u32,
    pub(crate) symbol: u32,
    /// It is sent for the first time.
    pub(crate) is_first: bool,
    pub(crate) payload: &'a [u8],
}

/// What became of a symbol of a stream.
#[derive(Copy, Clone, Debug)]
pub(crate) struct StreamTaken {
    pub(crate) inserted: Inserted,
    /// The application is to learn that there is something to read.
    pub(crate) readable: bool,
    /// More is due than before.
    pub(crate) more_due: bool,
}

impl RecvStream {
    /// `None` when an object cannot be a stream: it is not coded with Reed-Solomon, or too large.
    pub(crate) fn new(
        layout: &Layout,
        format: PayloadFormat,
        config: &ReceiverConfig,
    ) -> Option<Self> {
        let Scheme::ReedSolomon(code) = layout.scheme() else { return None };
        layout.symbol_size().checked_add(8)?;
        let shape = StreamShape::new(layout.symbol_size(), code.block_len())?;
        let blocks = (config.stream_buffer / shape.block_bytes()).clamp(2, MAX_BLOCKS) as u64;
        let block = u64::from(shape.block_len()) * shape.segment_size() as u64;
        let sink = StreamSink::new(SinkConfig {
            shape,
            parity: code.parity(),
            blocks,
            overflow: config.stream_overflow,
            resume: config.stream_resume,
        });
        Some(Self {
            sink,
            coder: code.coder(shape.block_len()).ok()?,
            shape,
            mask: u64::from(format.max_block()),
            repair_blocks: (layout.size() / block.max(1)).max(1),
            position: None,
            due: Place::default(),
            notified: false,
        })
    }

    /// The block that a packet names.
    pub(crate) fn unwrap(&self, wire: u32) -> u64 {
        let near = self.position.map_or(u64::from(wire), |position| position.block);
        unwrap_block(wire.into(), near, self.mask)
    }

    /// A block number as packets carry it.
    pub(crate) fn wire_block(&self, block: u64) -> u32 {
        (block & self.mask) as u32
    }

    /// Where what is due ends: the block, among those of the object.
    pub(crate) fn due(&self, key: u64) -> Position {
        Position::new(key, narrow(self.due.block))
    }

    /// Takes a symbol. The first one decides where reading begins.
    pub(crate) fn take(&mut self, join: JoinPolicy, symbol: &StreamSymbol<'_>) -> StreamTaken {
        let due = self.due;
        let here = Place::new(self.unwrap(symbol.block), symbol.symbol);
        if self.position.is_none() {
            let start = match join {
                JoinPolicy::Current => here.block,
                JoinPolicy::Object | JoinPolicy::All => {
                    here.block.saturating_sub(self.repair_blocks - 1)
                }
            };
            self.sink.sync(Place::new(start, 0));
            self.position = Some(here);
        }
        if symbol.is_first && here.symbol < self.shape.block_len() {
            self.position = self.position.max(Some(here));
            self.due = self.due.max(Place::new(here.block, 0));
        }
        let inserted = self.sink.insert(here.block, here.symbol, symbol.payload);
        if inserted == Inserted::Kept {
            self.recover();
        }
        let readable = inserted == Inserted::Kept && !self.notified;
        self.notified |= readable;
        StreamTaken { inserted, readable, more_due: self.due > due }
    }

    /// Decodes the block that has got a symbol, if that suffices.
    fn recover(&mut self) {
        let (coder, k) = (&self.coder, self.shape.block_len());
        let size = self.shape.symbol_size() as u16;
        self.sink.recover(|bytes, held, parity| {
            let parity = parity.iter().filter_map(|(id, bytes)| Some((id.checked_sub(k)?, bytes)));
            coder.decode(k, size, bytes, |symbol| held.contains(symbol), parity).is_ok()
        });
    }

    /// Reads into `buf`. If there is nothing to read, the application is to learn of the next
    /// symbol.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> Read {
        let read = self.sink.read(buf);
        self.notified &= !matches!(read, Read::Pending);
        read
    }

    /// Leaves out what remains of a message that is begun.
    pub(crate) fn skip_to_message(&mut self) {
        self.sink.skip_to_message();
    }

    /// Everything through this place was sent. Returns the block after it.
    pub(crate) fn flush(&mut self, wire: u32, symbol: u32) -> u32 {
        let block = self.unwrap(wire);
        if self.position.is_some() && symbol < self.shape.block_len() {
            self.due = self.due.max(self.shape.after(Place::new(block, symbol)));
        }
        narrow(block + 1)
    }

    /// The sender has fallen silent: what was heard of last is the last there is.
    pub(crate) fn make_all_due(&mut self) {
        if let Some(position) = self.position {
            self.due = self.due.max(self.shape.after(position));
        }
    }

    /// True when the application has read everything through this place.
    pub(crate) fn has_read(&self, wire: u32, symbol: u32) -> bool {
        self.position.is_some() && self.sink.has_read(Place::new(self.unwrap(wire), symbol))
    }

    /// The sender repairs nothing before this block.
    pub(crate) fn squelch(&mut self, wire: u32) {
        if self.position.is_some() {
            let block = self.unwrap(wire);
            self.sink.give_up_before(block);
        }
    }

    /// Calls `visit` for everything that is due and missing, ascending, until it returns false.
    pub(crate) fn visit_needs(&self, key: u64, visit: &mut dyn FnMut(Need<'_>) -> bool) -> bool {
        if self.position.is_none() {
            return true;
        }
        let mut more = true;
        self.sink.needs(self.due, |need| {
            more = match need {
                StreamNeed::Blocks { first, last } => {
                    visit(Need::StreamBlocks { key, first: narrow(first), last: narrow(last) })
                }
                StreamNeed::Symbols { block, from, before, held, missing, coded, parity } => {
                    let mut parity: Vec<u32> = parity.iter().map(|(id, _)| id).collect();
                    parity.sort_unstable();
                    let at = Position::new(key, narrow(block));
                    let (have, parity) = (held, &parity[..]);
                    visit(Need::StreamSymbols(StreamSymbolNeed {
                        at,
                        from,
                        before,
                        have,
                        missing,
                        coded,
                        parity,
                    }))
                }
            };
            more
        });
        more
    }
}

/// A block's number in a [`Position`].
fn narrow(block: u64) -> u32 {
    block.min(u64::from(u32::MAX)) as u32
}
