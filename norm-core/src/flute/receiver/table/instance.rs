//! An instance of the table that is being put together.

use std::collections::BTreeMap;

use super::super::payload::{Payload, Symbols};
use crate::base::Timestamp;
use crate::fec::{BlockBuffer, Layout, Scheme};
use crate::flute::fdt::{Fdt, MAX_DOCUMENT, decode};
use crate::flute::layout::geometry;
use crate::flute::wire::{FdtInstanceId, Fti, NtpTime};

/// Blocks of an instance at most.
const MAX_BLOCKS: u32 = 4096;
/// Source symbols in a coded block of an instance at most: it is decoded at once.
const MAX_BLOCK_LEN: u32 = 2048;
/// The same of Raptor and Reed-Solomon, which take longer.
const MAX_SLOW_BLOCK_LEN: u32 = 512;
/// What a block takes besides its symbols.
const BLOCK_OVERHEAD: usize = 256;

/// What became of a packet of an instance.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// More has to come.
    More,
    /// All of it is here.
    Whole,
    /// It contradicts the layout.
    Invalid,
}

/// An instance that is not whole.
#[derive(Debug)]
pub(super) struct Instance {
    id: FdtInstanceId,
    fti: Fti,
    layout: Layout,
    /// When its last packet was sent, by the sender's clock.
    sent: Option<NtpTime>,
    blocks: BTreeMap<u32, BlockBuffer>,
    whole: u32,
}

impl Instance {
    /// `None` when the information cannot be, or is beyond our limits.
    pub(super) fn new(id: FdtInstanceId, fti: Fti) -> Option<Self> {
        let layout = fti.layout().ok()?;
        let is_long = match layout.scheme() {
            Scheme::NoCode => false,
            Scheme::RaptorQ => layout.block_len(0) > MAX_BLOCK_LEN,
            Scheme::Raptor | Scheme::ReedSolomon(_) => layout.block_len(0) > MAX_SLOW_BLOCK_LEN,
        };
        let fits = layout.size() <= MAX_DOCUMENT as u64 && layout.blocks() <= MAX_BLOCKS;
        let (sent, blocks, whole) = (None, BTreeMap::new(), 0);
        (fits && !is_long).then_some(Self { id, fti, layout, sent, blocks, whole })
    }

    /// The instance id.
    pub(super) const fn id(&self) -> FdtInstanceId {
        self.id
    }

    /// What packets say of it.
    pub(super) const fn fti(&self) -> Fti {
        self.fti
    }

    /// When its last packet was sent, by the sender's clock.
    pub(super) const fn sent(&self) -> Option<NtpTime> {
        self.sent
    }

    /// Bytes that it may take: all symbols, as many coded ones, and room to decode.
    pub(super) fn cost(&self) -> usize {
        let padded = self.layout.symbols() * u64::from(self.layout.symbol_size());
        2 * padded as usize + self.layout.blocks() as usize * BLOCK_OVERHEAD
    }

    /// Takes the symbols of a packet.
    pub(super) fn take(&mut self, payload: &Payload<'_>, sent: Option<NtpTime>) -> Taken {
        self.sent = sent.or(self.sent);
        let Some(symbols) = Symbols::new(&self.layout, payload) else { return Taken::Invalid };
        let Some(of) = geometry(&self.layout, symbols.block()) else { return Taken::Invalid };
        let block = match self.blocks.entry(symbols.block()) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let new = BlockBuffer::new(of.scheme, of.symbols, of.symbol_size, of.len);
                let Ok(new) = new else { return Taken::Invalid };
                entry.insert(new)
            }
        };
        let was_whole = block.is_source_complete();
        for (symbol, bytes) in symbols {
            block.put(symbol, bytes);
        }
        if !was_whole && block.should_try() && block.recover() {
            self.whole += 1;
        }
        if self.whole == self.layout.blocks() { Taken::Whole } else { Taken::More }
    }

    /// The bytes of an instance that is whole.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.blocks.values().for_each(|block| bytes.extend_from_slice(block.source()));
        bytes
    }
}

/// An instance that was whole.
#[derive(Debug)]
pub(super) struct Known {
    id: FdtInstanceId,
    fti: Fti,
    layout: Option<Layout>,
    bytes: Vec<u8>,
    heard_at: Timestamp,
}

impl Known {
    pub(super) fn new(now: Timestamp, id: FdtInstanceId, fti: Fti, bytes: Vec<u8>) -> Self {
        Self { id, fti, layout: fti.layout().ok(), bytes, heard_at: now }
    }

    /// It was heard again.
    pub(super) const fn note_heard(&mut self, now: Timestamp) {
        self.heard_at = now;
    }

    /// When it was heard last.
    pub(super) const fn heard_at(&self) -> Timestamp {
        self.heard_at
    }

    /// The instance id.
    pub(super) const fn id(&self) -> FdtInstanceId {
        self.id
    }

    /// What it takes.
    pub(super) const fn cost(&self) -> usize {
        self.bytes.capacity() + size_of::<Self>()
    }

    /// True unless a packet with the same id is of another instance.
    pub(super) fn has(&self, fti: Fti, payload: &Payload<'_>) -> bool {
        let symbols =
            self.layout.and_then(|layout| Some((layout, Symbols::new(&layout, payload)?)));
        let Some((layout, symbols)) = symbols.filter(|_| self.fti == fti) else { return false };
        let Some(of) = geometry(&layout, symbols.block()) else { return false };
        let is_same = |(symbol, bytes): (u32, &[u8])| {
            let start = of.offset + u64::from(symbol) * u64::from(of.symbol_size);
            let known = self.bytes.get(start as usize..).unwrap_or_default();
            symbol >= of.symbols || known.starts_with(bytes)
        };
        symbols.into_iter().all(is_same)
    }
}

/// Reads the bytes of an instance, encoded or not.
pub(super) fn read(bytes: &[u8]) -> Option<Fdt> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let is_plain = text.trim_ascii_start().starts_with(b"<");
    let plain = is_plain.then(|| Fdt::parse(text).ok()).flatten();
    plain.or_else(|| {
        let decoded = decode(bytes, MAX_DOCUMENT).ok()?;
        Fdt::parse(decoded.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&decoded)).ok()
    })
}
