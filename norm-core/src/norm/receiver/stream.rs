//! Streams being received (NORM_OBJECT_STREAM, RFC 5740 §4.2.1): symbols go into a sink, and
//! applications read from it.

use super::event::ReceiverEvent;
use super::needs::{DueBound, Need};
use super::{JoinPolicy, Receiver, ReceiverConfig};
use crate::base::Timestamp;
use crate::endpoint::{ObjectRef, SenderId, SymbolStore};
use crate::fec::{Layout, ReedSolomon, Scheme};
use crate::norm::stream::{
    Inserted, Place, Read, SinkConfig, StreamNeed, StreamShape, StreamSink, unwrap_block,
};
use crate::norm::wire::PayloadFormat;

/// Blocks held for reading at most: tiny ones must not cost more than their bytes.
const MAX_BLOCKS: usize = 16_384;

/// A stream that the application has accepted.
#[derive(Debug)]
pub(super) struct RecvStream {
    sink: StreamSink,
    coder: ReedSolomon,
    shape: StreamShape,
    /// Which bits of a block number packets carry.
    mask: u64,
    /// Blocks that the sender keeps.
    kept: u64,
    /// The greatest place of first transmission heard; `None` before the first symbol.
    position: Option<Place>,
    /// Everything before was sent: what of it is missing may be asked for.
    due: Place,
    /// The application knows that there is something to read.
    told: bool,
}

impl RecvStream {
    /// `None` when an object cannot be a stream: it is not coded with Reed-Solomon, or too large.
    fn new(layout: &Layout, format: PayloadFormat, config: &ReceiverConfig) -> Option<Self> {
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
            kept: (layout.size() / block.max(1)).max(1),
            position: None,
            due: Place::default(),
            told: false,
        })
    }

    /// The block that a packet names.
    pub(super) fn unwrap(&self, wire: u32) -> u64 {
        let near = self.position.map_or(u64::from(wire), |position| position.block);
        unwrap_block(wire.into(), near, self.mask)
    }

    /// A block number as packets carry it.
    pub(super) fn wire_block(&self, block: u64) -> u32 {
        (block & self.mask) as u32
    }

    fn take(
        &mut self,
        policy: JoinPolicy,
        first: bool,
        (wire, symbol): (u32, u32),
        payload: &[u8],
    ) -> Inserted {
        let block = self.unwrap(wire);
        if self.position.is_none() {
            let start = match policy {
                JoinPolicy::Current => block,
                JoinPolicy::Object | JoinPolicy::All => block.saturating_sub(self.kept - 1),
            };
            self.sink.sync(Place::new(start, 0));
            self.position = Some(Place::new(block, symbol));
        }
        let here = Place::new(block, symbol);
        if first && symbol < self.shape.block_len() {
            self.position = self.position.max(Some(here));
            self.due = self.due.max(Place::new(block, 0));
        }
        let inserted = self.sink.insert(block, symbol, payload);
        if inserted == Inserted::Kept {
            let (coder, k) = (&self.coder, self.shape.block_len());
            let size = self.shape.symbol_size() as u16;
            self.sink.recover(|bytes, held, parity| {
                let parity =
                    parity.iter().filter_map(|(id, bytes)| Some((id.checked_sub(k)?, bytes)));
                coder.decode(k, size, bytes, |symbol| held.contains(symbol), parity).is_ok()
            });
        }
        inserted
    }

    /// Everything through this place was sent. The block behind it.
    pub(super) fn flushed(&mut self, wire: u32, symbol: u32) -> u32 {
        let block = self.unwrap(wire);
        if self.position.is_some() && symbol < self.shape.block_len() {
            self.due = self.due.max(self.shape.after(Place::new(block, symbol)));
        }
        (block + 1).min(u64::from(u32::MAX)) as u32
    }

    /// The sender has fallen silent: what was heard of last is the last there is.
    pub(super) fn rest(&mut self) {
        if let Some(position) = self.position {
            self.due = self.due.max(self.shape.after(position));
        }
    }

    /// The application has read everything through this place.
    pub(super) fn has_read(&self, wire: u32, symbol: u32) -> bool {
        self.position.is_some() && self.sink.has_read(Place::new(self.unwrap(wire), symbol))
    }

    /// The sender repairs nothing before this block.
    pub(super) fn squelched(&mut self, wire: u32) {
        if self.position.is_some() {
            let block = self.unwrap(wire);
            self.sink.give_up_before(block);
        }
    }

    /// Calls `visit` for everything that is due and missing, ascending, until it returns false.
    pub(super) fn visit_needs(&self, key: u64, visit: &mut dyn FnMut(Need<'_>) -> bool) -> bool {
        if self.position.is_none() {
            return true;
        }
        let mut more = true;
        let last = u64::from(u32::MAX);
        self.sink.needs(self.due, |need| {
            more = match need {
                StreamNeed::Blocks { first, last: end } => {
                    let (first, last) = (first.min(last) as u32, end.min(last) as u32);
                    visit(Need::Blocks { key, first, last, stream: true })
                }
                StreamNeed::Symbols { block, from, before, held, missing, coded, parity } => {
                    let mut parity: Vec<u32> = parity.iter().map(|(id, _)| id).collect();
                    parity.sort_unstable();
                    let (block, span) = (block.min(last) as u32, (from, before));
                    let (have, parity) = (held, &parity);
                    visit(Need::Stream { key, block, span, have, missing, coded, parity })
                }
            };
            more
        });
        more
    }
}

impl<S: SymbolStore> Receiver<S> {
    /// Reads from an accepted stream into `buf`. After [`Read::Pending`],
    /// [`ReceiverEvent::StreamReadable`] says when to try again; after [`Read::End`] the stream is
    /// confirmed and forgotten.
    pub fn read_stream(&mut self, object: ObjectRef, buf: &mut [u8]) -> Read {
        let Some(stream) = self.object_mut(object).and_then(|state| state.stream.as_deref_mut())
        else {
            return Read::End;
        };
        let read = stream.sink.read(buf);
        match read {
            Read::Pending => stream.told = false,
            Read::End => {
                self.drop_object(object);
                self.confirm(object);
            }
            Read::Data { .. } | Read::Gap { .. } => {}
        }
        read
    }

    /// Leaves out what remains of a message that is begun: the next byte read is the first one of a
    /// message.
    pub fn skip_to_message(&mut self, object: ObjectRef) {
        if let Some(stream) = self.object_mut(object).and_then(|state| state.stream.as_deref_mut())
        {
            stream.sink.skip_to_message();
        }
    }

    /// Takes an accepted stream into use. False when it cannot be one.
    pub(super) fn accept_stream(&mut self, object: ObjectRef) -> bool {
        let Some(remote) = self.remotes.get_mut(&object.sender) else { return false };
        let format = remote.format;
        let Some(state) = remote.objects.get_mut(&object.key) else { return false };
        let Some(layout) = state.layout() else { return false };
        let Some(stream) = RecvStream::new(layout, format, &self.config) else { return false };
        state.accepted = true;
        state.stream = Some(Box::new(stream));
        true
    }

    /// Takes a symbol of a stream.
    pub(super) fn take_stream_symbol(
        &mut self,
        now: Timestamp,
        index: SenderId,
        key: u64,
        id: (u32, u32),
        first: bool,
        payload: &[u8],
    ) {
        let policy = self.config.join;
        let object = ObjectRef { sender: index, key };
        let Some(state) = self.object_mut(object) else { return };
        let Some(stream) = state.stream.as_deref_mut() else {
            self.stats.unopened += 1;
            return;
        };
        let before = stream.due;
        let inserted = stream.take(policy, first, id, payload);
        let more_due = stream.due > before;
        let news = inserted == Inserted::Kept && !stream.told;
        stream.told |= news;
        let due = DueBound { key, block: stream.due.block.min(u64::from(u32::MAX)) as u32 };
        match inserted {
            Inserted::Kept => self.stats.symbols += 1,
            Inserted::Duplicate | Inserted::Old => self.stats.duplicates += 1,
            Inserted::TooNew => self.stats.no_room += 1,
            Inserted::Bad => self.stats.invalid += 1,
        }
        if news {
            self.event(ReceiverEvent::StreamReadable { object });
        }
        if let Some(remote) = self.remotes.get_mut(&index) {
            remote.make_due(due);
        }
        if more_due {
            self.with_remote(index, |this, remote| this.check_repairs(now, remote));
        }
    }
}
