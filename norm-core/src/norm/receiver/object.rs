//! An object under way at a receiver: which symbols of which blocks are here.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::stream::RecvStream;
use crate::base::Timestamp;
use crate::base::bits::Bits;
use crate::endpoint::BlockGeometry;
use crate::fec::{Layout, Points, Scheme, next_try};
use crate::norm::wire::{Fti, ObjectFlags};

/// One block under way. The store has the bytes; this knows which.
#[derive(Debug)]
pub(super) struct RecvBlock {
    /// Source symbols here.
    pub(super) have: Bits,
    /// Coded symbols here, ascending.
    coded: Vec<u32>,
    /// Try to decode at this many symbols.
    next_try: u32,
    /// A job has it.
    pub(super) busy: bool,
    /// When symbols of it were asked for last.
    pub(super) asked: Option<Timestamp>,
}

impl RecvBlock {
    pub(super) fn new(geometry: &BlockGeometry) -> Self {
        let symbols = geometry.symbols;
        let have = Bits::new(symbols);
        Self { have, coded: Vec::new(), next_try: symbols, busy: false, asked: None }
    }

    /// Coded symbols here, ascending.
    pub(super) fn coded(&self) -> &[u32] {
        &self.coded
    }

    /// True when the symbol is here already.
    pub(super) fn contains(&self, symbol: u32) -> bool {
        self.have.contains(symbol) || self.coded.binary_search(&symbol).is_ok()
    }

    /// Notes a symbol that the store has taken.
    pub(super) fn insert(&mut self, symbol: u32) {
        if symbol < self.have.len() {
            self.have.insert(symbol);
        } else if let Err(at) = self.coded.binary_search(&symbol) {
            self.coded.insert(at, symbol);
        }
    }

    /// True when no symbol is here.
    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    fn count(&self) -> u32 {
        self.have.count() + self.coded.len() as u32
    }

    /// Symbols still to come before it is worth trying; 0 when it is ready or being tried.
    pub(super) fn missing(&self) -> u32 {
        if self.busy || self.have.is_full() {
            0
        } else {
            self.next_try.saturating_sub(self.count())
        }
    }

    /// True when it should be stored now.
    pub(super) fn is_ready(&self) -> bool {
        !self.busy && self.missing() == 0
    }

    /// True when source symbols are missing.
    pub(super) fn needs_decoding(&self) -> bool {
        !self.have.is_full()
    }

    /// True when naming the missing source symbols says all that is needed.
    pub(super) fn is_nameable(&self) -> bool {
        self.missing() == self.have.len() - self.have.count()
    }

    /// The decoder asks for more.
    pub(super) fn need_more(&mut self) {
        self.busy = false;
        self.next_try = next_try(self.have.len(), self.count());
    }
}

/// What is known of an object's INFO.
#[derive(Clone, Debug, PartialEq, Eq)]
enum InfoState {
    /// No packet of the object was heard.
    Unknown,
    /// There is none.
    Absent,
    /// There is one, and it is not here.
    Missing,
    /// Here it is.
    Here(Bytes),
}

/// Changes that the receiver must act on.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// Size and INFO have just become known.
    Now,
    /// They were known, or still are not.
    No,
}

/// An object under way.
#[derive(Debug)]
pub(super) struct RecvObject {
    layout: Option<Layout>,
    info: InfoState,
    pub(super) file: bool,
    pub(super) is_stream: bool,
    /// Its content, once it is accepted.
    pub(super) stream: Option<Box<RecvStream>>,
    opened: bool,
    pub(super) accepted: bool,
    /// Blocks written.
    written: Bits,
    pub(super) blocks: BTreeMap<u32, RecvBlock>,
}

impl RecvObject {
    pub(super) fn new() -> Self {
        Self {
            layout: None,
            info: InfoState::Unknown,
            file: false,
            is_stream: false,
            stream: None,
            opened: false,
            accepted: false,
            written: Bits::new(0),
            blocks: BTreeMap::new(),
        }
    }

    /// Learns what any packet of the object says of it. `None`: its FTI is impossible or beyond
    /// our limits.
    pub(super) fn learn(
        &mut self,
        flags: ObjectFlags,
        fti: Option<Fti>,
        info: Option<&[u8]>,
        max_block_len: u32,
        points: Points,
    ) -> Option<Opened> {
        self.file |= flags.contains(ObjectFlags::FILE);
        self.is_stream |= flags.contains(ObjectFlags::STREAM);
        match (info, &self.info) {
            (Some(bytes), InfoState::Unknown | InfoState::Missing | InfoState::Absent) => {
                self.info = InfoState::Here(Bytes::copy_from_slice(bytes));
            }
            (None, InfoState::Unknown) if flags.contains(ObjectFlags::INFO) => {
                self.info = InfoState::Missing;
            }
            (None, InfoState::Unknown) => self.info = InfoState::Absent,
            _ => {}
        }
        if self.layout.is_none()
            && let Some(fti) = fti
        {
            let layout = fti.layout(points).ok()?;
            if layout.scheme() == Scheme::RaptorQ && layout.block_len(0) > max_block_len {
                return None;
            }
            if !self.is_stream {
                self.written = Bits::new(layout.blocks());
            }
            self.layout = Some(layout);
        }
        let known = self.layout.is_some() && !self.needs_info();
        let now = known && !self.opened;
        self.opened |= known;
        Some(if now { Opened::Now } else { Opened::No })
    }

    /// Source symbols in a block; 0 while that is not known.
    pub(super) fn block_len(&self, block: u32) -> u32 {
        match &self.layout {
            Some(layout) if self.is_stream => layout.max_block_len(),
            Some(layout) => layout.block_len(block),
            None => 0,
        }
    }

    pub(super) fn layout(&self) -> Option<&Layout> {
        self.layout.as_ref()
    }

    pub(super) fn info(&self) -> Option<Bytes> {
        if let InfoState::Here(bytes) = &self.info { Some(bytes.clone()) } else { None }
    }

    /// INFO is wanted: it exists, or it is the only place left to learn the object's shape from.
    pub(super) fn needs_info(&self) -> bool {
        match self.info {
            InfoState::Unknown | InfoState::Missing => true,
            InfoState::Absent | InfoState::Here(_) => false,
        }
    }

    pub(super) fn geometry(&self, block: u32) -> Option<BlockGeometry> {
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

    pub(super) fn is_written(&self, block: u32) -> bool {
        self.written.contains(block)
    }

    /// A block is in its place; true if it was not before.
    pub(super) fn set_written(&mut self, block: u32) -> bool {
        self.blocks.remove(&block);
        self.written.insert(block)
    }

    /// Runs of blocks that are not written, as half-open ranges.
    pub(super) fn unwritten(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.written.clear_runs()
    }

    /// True when every block is written and INFO is here, if there is one.
    pub(super) fn is_complete(&self) -> bool {
        self.opened && self.accepted && !self.is_stream && self.written.is_full()
    }
}
