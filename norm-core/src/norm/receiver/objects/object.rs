//! An object that is being received: its blocks, or its stream.

use core::ops::Range;
use std::collections::BTreeMap;

use bytes::Bytes;

use super::info::InfoState;
use super::stream::RecvStream;
use crate::base::bits::Bits;
use crate::blocks::{Held, RecvBlock};
use crate::endpoint::{BlockGeometry, BlockSlot, StoreJob};
use crate::fec::{Layout, Scheme};
use crate::norm::receiver::config::ReceiverConfig;
use crate::norm::receiver::nack::need::Position;
use crate::norm::wire::{Fti, ObjectFlags, PayloadId};

/// Changes that the receiver must act on.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// Size and INFO have just become known.
    Now,
    /// They were known before, or are not known yet.
    No,
}

/// What a FLUSH that names a place of an object says of it.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Flushed {
    /// Everything before was sent.
    pub(crate) due: Position,
    /// For a stream: whether its application has read everything up to there.
    pub(crate) is_read: Option<bool>,
}

/// What an object is by its flags (RFC 5740 §4.2.1).
#[derive(Debug)]
enum Kind {
    Data,
    File,
    /// With its content, once it is accepted.
    Stream(Option<Box<RecvStream>>),
}

/// An object that is being received.
#[derive(Debug)]
pub(crate) struct RecvObject {
    layout: Option<Layout>,
    info: InfoState,
    kind: Kind,
    opened: bool,
    accepted: bool,
    /// Blocks that are written.
    written: Bits,
    /// Blocks in progress.
    blocks: BTreeMap<u32, RecvBlock>,
    /// What need not come.
    held: Held,
    /// What lies before this byte could be asked for when the NACK cycle began.
    cycle_end: u64,
}

impl RecvObject {
    pub(crate) fn new() -> Self {
        Self {
            layout: None,
            info: InfoState::Unknown,
            kind: Kind::Data,
            opened: false,
            accepted: false,
            written: Bits::new(0),
            blocks: BTreeMap::new(),
            held: Held::new(),
            cycle_end: u64::MAX,
        }
    }

    /// Learns what a packet of the object says of it. `None`: its FTI is impossible or beyond our
    /// config.
    pub(crate) fn learn(
        &mut self,
        flags: ObjectFlags,
        fti: Option<Fti>,
        info: Option<&[u8]>,
        config: &ReceiverConfig,
    ) -> Option<Opened> {
        match self.kind {
            Kind::Data | Kind::File if flags.contains(ObjectFlags::STREAM) => {
                self.kind = Kind::Stream(None);
            }
            Kind::Data if flags.contains(ObjectFlags::FILE) => self.kind = Kind::File,
            _ => {}
        }
        self.info.learn(info, flags.contains(ObjectFlags::INFO));
        if self.layout.is_none()
            && let Some(fti) = fti
        {
            let layout = fti.layout(config.points).ok()?;
            if layout.scheme() == Scheme::RaptorQ && layout.block_len(0) > config.max_block_len {
                return None;
            }
            if !self.is_stream() {
                self.written = Bits::new(layout.blocks());
            }
            self.layout = Some(layout);
        }
        let known = self.layout.is_some() && !self.info.is_needed();
        let now = known && !self.opened;
        self.opened |= known;
        Some(if now { Opened::Now } else { Opened::No })
    }

    /// True when the sender calls it a file.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File)
    }

    /// True when it is a stream.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.kind, Kind::Stream(_))
    }

    /// True when any coded symbols of a block serve in place of those that are missing. Of a stream
    /// some blocks cannot be coded.
    pub(crate) fn is_coded(&self) -> bool {
        !self.is_stream() && self.layout().is_some_and(|layout| layout.scheme().is_coded())
    }

    /// The content of an accepted stream.
    pub(crate) fn stream(&self) -> Option<&RecvStream> {
        if let Kind::Stream(stream) = &self.kind { stream.as_deref() } else { None }
    }

    /// The content of an accepted stream.
    pub(crate) fn stream_mut(&mut self) -> Option<&mut RecvStream> {
        if let Kind::Stream(stream) = &mut self.kind { stream.as_deref_mut() } else { None }
    }

    /// How it is cut into blocks, once that is known.
    pub(crate) fn layout(&self) -> Option<&Layout> {
        self.layout.as_ref()
    }

    /// Its NORM_INFO, if that is here.
    pub(crate) fn info(&self) -> Option<Bytes> {
        self.info.bytes()
    }

    /// True when size and INFO are known, and the application was told.
    pub(crate) fn is_opened(&self) -> bool {
        self.opened
    }

    /// True when the application has taken it.
    pub(crate) fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// The application takes it: its blocks are written as soon as they are complete.
    pub(crate) fn accept(&mut self) {
        self.accepted = true;
    }

    /// The application takes a stream.
    pub(crate) fn accept_stream(&mut self, stream: RecvStream) {
        self.accepted = true;
        self.kind = Kind::Stream(Some(Box::new(stream)));
    }

    /// Source symbols in a block; 0 while that is not known.
    pub(crate) fn block_len(&self, block: u32) -> u32 {
        match &self.layout {
            Some(layout) if self.is_stream() => layout.max_block_len(),
            Some(layout) => layout.block_len(block),
            None => 0,
        }
    }

    /// Coded symbols of each block; 0 unless it is coded with Reed-Solomon.
    pub(crate) fn parity(&self) -> u32 {
        match self.layout.as_ref().map(Layout::scheme) {
            Some(Scheme::ReedSolomon(code)) => code.parity().into(),
            _ => 0,
        }
    }

    /// A block's number among those of the object. In packets, those of streams wrap.
    pub(crate) fn unwrap_block(&self, wire: u32) -> u64 {
        self.stream().map_or(wire.into(), |stream| stream.unwrap(wire))
    }

    /// A block's number as packets carry it.
    pub(crate) fn wire_block(&self, block: u32) -> u32 {
        self.stream().map_or(block, |stream| stream.wire_block(block.into()))
    }

    /// Shape and place of a block, if there is one of this number.
    pub(crate) fn geometry(&self, block: u32) -> Option<BlockGeometry> {
        let layout = self.layout?;
        let partition = layout.partition();
        (block < layout.blocks()).then(|| BlockGeometry {
            scheme: layout.scheme(),
            symbols: partition.block_len(block),
            symbol_size: partition.symbol_size(),
            offset: partition.block_offset(block),
            len: partition.block_bytes(block),
        })
    }

    /// True when a block is written.
    pub(crate) fn is_written(&self, block: u32) -> bool {
        self.written.contains(block)
    }

    /// Notes that a block is written; true if it was not before.
    pub(crate) fn set_written(&mut self, block: u32) -> bool {
        self.blocks.remove(&block);
        self.written.insert(block)
    }

    /// A block does not count as written any more; true if it did.
    pub(super) fn unset_written(&mut self, block: u32) -> bool {
        self.written.remove(block)
    }

    /// Runs of blocks that are not written, as half-open ranges.
    pub(crate) fn unwritten(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.written.clear_runs()
    }

    /// True when every block is written and INFO is here, if there is one.
    pub(crate) fn is_complete(&self) -> bool {
        self.opened && self.accepted && !self.is_stream() && self.written.is_full()
    }

    /// Numbers of the blocks in progress.
    pub(crate) fn blocks(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.blocks.keys().copied()
    }

    /// A block in progress.
    pub(crate) fn block(&self, block: u32) -> Option<&RecvBlock> {
        self.blocks.get(&block)
    }

    /// A block in progress.
    pub(crate) fn block_mut(&mut self, block: u32) -> Option<&mut RecvBlock> {
        self.blocks.get_mut(&block)
    }

    /// A block, begun if it is not in progress.
    pub(crate) fn block_or_begin(
        &mut self,
        block: u32,
        geometry: &BlockGeometry,
    ) -> &mut RecvBlock {
        let held = &self.held;
        let begin = || RecvBlock::new(geometry, held.symbols(geometry));
        self.blocks.entry(block).or_insert_with(begin)
    }

    /// What need not come.
    pub(super) fn held(&self) -> &Held {
        &self.held
    }

    /// What need not come.
    pub(super) fn held_mut(&mut self) -> &mut Held {
        &mut self.held
    }

    /// What lies before this byte could be asked for when the NACK cycle began.
    pub(super) fn cycle_end(&self) -> u64 {
        self.cycle_end
    }

    /// What lies before this byte could be asked for when the NACK cycle began.
    pub(super) fn set_cycle_end(&mut self, end: u64) {
        self.cycle_end = end;
    }

    /// What is known of NORM_INFO.
    pub(super) fn info_state(&self) -> &InfoState {
        &self.info
    }

    /// Blocks in progress within a range of numbers, ascending.
    pub(super) fn blocks_in(&self, run: Range<u32>) -> impl Iterator<Item = (u32, &RecvBlock)> {
        let blocks = self.blocks.range(run.start..run.end.max(run.start));
        blocks.map(|(&number, block)| (number, block))
    }

    /// Forgets a block in progress.
    pub(crate) fn drop_block(&mut self, block: u32) {
        self.blocks.remove(&block);
    }

    /// Forgets all blocks that no job has, and returns their numbers.
    pub(crate) fn take_idle_blocks(&mut self) -> Vec<u32> {
        let idle = self.numbers(|block| !block.is_busy());
        self.blocks.retain(|_, block| block.is_busy());
        idle
    }

    /// Blocks that are to be stored now.
    pub(crate) fn ready_blocks(&self) -> Vec<u32> {
        self.numbers(RecvBlock::is_ready)
    }

    fn numbers(&self, which: impl Fn(&RecvBlock) -> bool) -> Vec<u32> {
        let blocks = self.blocks.iter().filter(|(_, block)| which(block));
        blocks.map(|(&number, _)| number).collect()
    }

    /// True when a block that has got a symbol is to be stored now.
    pub(crate) fn is_ready(&self, block: u32) -> bool {
        self.accepted && self.blocks.get(&block).is_some_and(RecvBlock::is_ready)
    }

    /// Hands a block to a job.
    pub(crate) fn start_store(&mut self, slot: BlockSlot) -> Option<StoreJob> {
        let geometry = self.geometry(slot.block)?;
        let held = self.blocks.get_mut(&slot.block)?.start_job();
        let decode = held.is_some();
        let runs = held.into_iter().flat_map(Bits::set_runs);
        let held = runs.map(|(start, end)| start..end).collect();
        Some(StoreJob { slot, geometry, decode, held })
    }

    /// What a FLUSH makes due: blocks that were sent completely, or all of an object without a
    /// layout.
    pub(crate) fn flush(&mut self, key: u64, at: PayloadId) -> Flushed {
        if let Some(stream) = self.stream_mut() {
            let due = Position::new(key, stream.flush(at.block, at.symbol));
            let is_read = Some(stream.has_read(at.block, at.symbol));
            return Flushed { due, is_read };
        }
        let mut due = Position::new(key + 1, 0);
        if let Some(layout) = self.layout
            && at.block < layout.blocks()
        {
            let complete = at.symbol.saturating_add(1) >= layout.block_len(at.block);
            let block = at.block + u32::from(complete);
            if block < layout.blocks() {
                due = Position::new(key, block);
            }
        }
        Flushed { due, is_read: None }
    }
}
