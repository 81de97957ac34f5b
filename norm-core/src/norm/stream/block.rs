//! A block of a stream as it is received.

use super::header::SegmentHeader;
use super::shape::StreamShape;
use crate::base::bits::Bits;

/// Coded symbols of a block with their ids, each as long as a source symbol is when it is coded.
#[derive(Debug, Default)]
pub(crate) struct Parity {
    symbols: Vec<(u32, Box<[u8]>)>,
}

impl Parity {
    /// Ids, `block_len` and above, and symbols; in the order in which they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.symbols.iter().map(|(id, symbol)| (*id, &**symbol))
    }

    /// Whether the symbol with this id is one of them.
    pub(crate) fn contains(&self, symbol: u32) -> bool {
        self.symbols.iter().any(|&(id, _)| id == symbol)
    }

    fn len(&self) -> u32 {
        self.symbols.len() as u32
    }
}

/// What is held of a block of which nothing came.
#[derive(Debug)]
pub(super) struct EmptyBlock {
    held: Bits,
    parity: Parity,
}

impl EmptyBlock {
    pub(super) fn new(shape: &StreamShape) -> Self {
        Self { held: Bits::new(shape.block_len()), parity: Parity::default() }
    }

    /// No source symbols.
    pub(super) fn held(&self) -> &Bits {
        &self.held
    }

    /// No coded symbols.
    pub(super) fn parity(&self) -> &Parity {
        &self.parity
    }
}

/// Places for the symbols of one block, and coded symbols up to the number of those missing.
#[derive(Debug)]
pub(super) struct Block {
    /// Symbols filled up with zeros. A place that is not in `held` is zero.
    bytes: Vec<u8>,
    held: Bits,
    parity: Parity,
}

impl Block {
    pub(super) fn new(shape: &StreamShape) -> Self {
        Self {
            bytes: vec![0; shape.block_bytes()],
            held: Bits::new(shape.block_len()),
            parity: Parity::default(),
        }
    }

    /// Which source symbols are held.
    pub(super) fn held(&self) -> &Bits {
        &self.held
    }

    /// The coded symbols that are held.
    pub(super) fn parity(&self) -> &Parity {
        &self.parity
    }

    /// More symbols that are needed before the block can be decoded.
    pub(super) fn lacks(&self) -> u32 {
        self.held.len().saturating_sub(self.held.count() + self.parity.len())
    }

    /// Whether a decode is due: there are enough symbols, but not all of the source.
    pub(super) fn is_due(&self) -> bool {
        !self.held.is_full() && self.lacks() == 0
    }

    /// A source symbol, if held.
    pub(super) fn source(&self, shape: &StreamShape, symbol: u32) -> Option<&[u8]> {
        if self.held.contains(symbol) { self.bytes.get(shape.range(symbol)) } else { None }
    }

    /// Keeps a symbol that is not longer than `shape` allows. False when it is of no use: held
    /// already, or a coded one where there are enough.
    pub(super) fn put(&mut self, shape: &StreamShape, symbol: u32, payload: &[u8]) -> bool {
        if symbol < shape.block_len() {
            self.put_source(shape, symbol, payload)
        } else {
            self.put_parity(shape, symbol, payload)
        }
    }

    fn put_source(&mut self, shape: &StreamShape, symbol: u32, payload: &[u8]) -> bool {
        if self.held.contains(symbol) {
            return false;
        }
        let place = self.bytes.get_mut(shape.range(symbol));
        let Some(place) = place.and_then(|place| place.get_mut(..payload.len())) else {
            return false;
        };
        place.copy_from_slice(payload);
        self.held.insert(symbol);
        if self.held.is_full() {
            self.parity = Parity::default();
        }
        true
    }

    fn put_parity(&mut self, shape: &StreamShape, symbol: u32, payload: &[u8]) -> bool {
        if self.lacks() == 0 || self.parity.contains(symbol) {
            return false;
        }
        let mut padded = vec![0; shape.symbol_size()].into_boxed_slice();
        let Some(place) = padded.get_mut(..payload.len()) else { return false };
        place.copy_from_slice(payload);
        self.parity.symbols.push((symbol, padded));
        true
    }

    /// Recovers the source by `decode`, which gets the bytes of the block, what of them is held,
    /// and the coded symbols. False, and the coded symbols are dropped, when that fails.
    pub(super) fn decode(
        &mut self,
        shape: &StreamShape,
        decode: impl FnOnce(&mut [u8], &Bits, &Parity) -> bool,
    ) -> bool {
        let parity = core::mem::take(&mut self.parity);
        let done = decode(&mut self.bytes, &self.held, &parity);
        for symbol in 0..shape.block_len() {
            if done {
                self.held.insert(symbol);
            } else if !self.held.contains(symbol)
                && let Some(place) = self.bytes.get_mut(shape.range(symbol))
            {
                place.fill(0);
            }
        }
        done
    }

    /// The first symbol that says that the stream ends, and the position in bytes that it names.
    pub(super) fn end_of_stream(&self, shape: &StreamShape) -> Option<(u32, u32)> {
        (0..shape.block_len()).find_map(|symbol| {
            let header = SegmentHeader::parse(self.source(shape, symbol)?)?;
            header.is_end().then_some((symbol, header.offset))
        })
    }

    /// Bytes of memory that grow with the stream's sizes.
    pub(super) fn memory(&self) -> usize {
        self.bytes.len() + self.parity.symbols.iter().map(|(_, symbol)| symbol.len()).sum::<usize>()
    }
}
