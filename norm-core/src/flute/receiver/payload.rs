//! The symbols of a packet, by the layout of their object.

use crate::endpoint::BlockGeometry;
use crate::fec::{FecId, Layout, PayloadFormat, RawPayloadId, Scheme};
use crate::flute::layout::geometry;

/// What a packet carries after its header.
#[derive(Copy, Clone, Debug)]
pub(super) struct Payload<'a> {
    fec: FecId,
    content: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Payload id and symbols, coded with this scheme.
    pub(super) const fn new(fec: FecId, content: &'a [u8]) -> Self {
        Self { fec, content }
    }

    /// True when there is nothing.
    pub(super) const fn is_empty(&self) -> bool {
        self.content.is_empty()
    }
}

/// Symbols of one block with ids that follow each other, and how long each of them has to be.
#[derive(Clone, Debug)]
pub(super) struct Symbols<'a> {
    block: u32,
    geometry: BlockGeometry,
    next: u32,
    rest: &'a [u8],
    /// Bytes of the block's last source symbol.
    last: usize,
    /// All symbols.
    all: u32,
}

impl<'a> Symbols<'a> {
    /// `None` when the packet has no symbols of an object with this layout.
    pub(super) fn new(layout: &Layout, payload: &Payload<'a>) -> Option<Self> {
        if payload.fec != layout.scheme().fec_id() {
            return None;
        }
        let format = layout.scheme().payload_format();
        let (id, rest) = payload.content.split_at_checked(format.len())?;
        let id = RawPayloadId::in_format(format, id)?.decode(format)?;
        let geometry = geometry(layout, id.block)?;
        let of = &geometry;
        let (symbol_size, source) = (usize::from(of.symbol_size), of.symbols);
        let wrong_len =
            format == PayloadFormat::Block32Len16Symbol16 && u32::from(id.block_len) != source;
        let all = source.saturating_add(of.scheme.parity(source));
        let last = of.len as usize - (source - 1) as usize * symbol_size;
        let symbols = rest.len().div_ceil(symbol_size);
        let end = u64::from(id.symbol) + symbols as u64;
        // Only the very last symbol may be short.
        let tail = rest.len() - symbols.saturating_sub(1) * symbol_size;
        let may_be_short = match end {
            end if end == u64::from(source) => tail == last,
            end if end > u64::from(source) => matches!(of.scheme, Scheme::ReedSolomon(_)),
            _ => false,
        };
        let is_good = symbols > 0 && end <= u64::from(all) && (tail == symbol_size || may_be_short);
        let (block, next) = (id.block, id.symbol);
        let this = Self { block, geometry, next, rest, last, all };
        (is_good && !wrong_len).then_some(this)
    }

    /// Their block.
    pub(super) const fn block(&self) -> u32 {
        self.block
    }

    /// Its shape and place.
    pub(super) const fn geometry(&self) -> &BlockGeometry {
        &self.geometry
    }
}

impl<'a> Iterator for Symbols<'a> {
    type Item = (u32, &'a [u8]);

    /// The next symbol; the last one of an object comes without its padding.
    fn next(&mut self) -> Option<(u32, &'a [u8])> {
        if self.rest.is_empty() || self.next >= self.all {
            return None;
        }
        let size = usize::from(self.geometry.symbol_size);
        let (symbol, rest) = self.rest.split_at(size.min(self.rest.len()));
        let number = self.next;
        self.next = number + 1;
        self.rest = rest;
        let is_last = number + 1 == self.geometry.symbols;
        let kept = if is_last { symbol.get(..self.last).unwrap_or(symbol) } else { symbol };
        Some((number, kept))
    }
}
