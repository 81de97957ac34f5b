//! EXT_FTI: what a receiver must know of an object's code (RFC 5740 §4.2.1).
//!
//! All begin alike; the rest is the scheme's.
//! ```text
//!         | het 64         | hel           | object_size, high 16         |
//!         | object_size, low 32                                           |
//! id 0    | 0              |               | symbol_size 16               |  RFC 5445 §3.2.2
//!         | max_block_len 32                                              |
//! id 6    | symbol_size 16                 | blocks 8      | sub_blocks   |  own, from the
//!         | sub_blocks     | alignment 8   | 0                            |  OTI of RFC 6330 §3.3
//! id 5    | symbol_size 16                 | max_block_len | parity 8     |  RFC 5510 §5.2.4
//! id 2    | m 8            | group 8       | symbol_size 16               |  RFC 5510 §4.2.4
//!         | max_block_len 16               | parity 16                    |
//! id 129  | instance 16                    | symbol_size 16               |  RFC 5740 figure 7
//!         | max_block_len 16               | parity 16                    |
//! ```

use super::ext::EXT_FTI;
use super::reader::Reader;
use super::{FecId, ObjectSize, ParseError};

/// FEC Object Transmission Information. Values are as they came: check them before use.
///
/// `parity` is what the known peer puts there, the number of parity symbols of a block. RFC 5510
/// and RFC 5445 want source and parity together in that field ("max_n"); the two can be told apart
/// only by a value larger than `max_block_len`, and not always.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Fti {
    /// FEC id 0: no code at all.
    NoCode {
        /// Bytes in the object.
        size: ObjectSize,
        /// Bytes in a symbol.
        symbol_size: u16,
        /// Source symbols in the largest block.
        max_block_len: u32,
    },
    /// FEC id 6.
    RaptorQ {
        /// Bytes in the object.
        size: ObjectSize,
        /// Bytes in a symbol (T).
        symbol_size: u16,
        /// Source blocks (Z).
        blocks: u8,
        /// Sub-blocks in a block (N).
        sub_blocks: u16,
        /// Symbol alignment in bytes (Al).
        alignment: u8,
    },
    /// FEC id 5.
    ReedSolomon8 {
        /// Bytes in the object, or in a stream's buffer.
        size: ObjectSize,
        /// Bytes in a symbol.
        symbol_size: u16,
        /// Source symbols in the largest block.
        max_block_len: u8,
        /// Parity symbols; see [`Fti`].
        parity: u8,
    },
    /// FEC id 2.
    ReedSolomon {
        /// Bytes in the object, or in a stream's buffer.
        size: ObjectSize,
        /// Bits of a field element: 8 or 16.
        m: u8,
        /// Symbols in a packet (G): 1.
        group: u8,
        /// Bytes in a symbol.
        symbol_size: u16,
        /// Source symbols in the largest block.
        max_block_len: u16,
        /// Parity symbols; see [`Fti`].
        parity: u16,
    },
    /// FEC id 129.
    SmallBlock {
        /// Bytes in the object, or in a stream's buffer.
        size: ObjectSize,
        /// FEC instance id: which code. 0 is the peer's Reed-Solomon over GF(2^8).
        instance: u16,
        /// Bytes in a symbol.
        symbol_size: u16,
        /// Source symbols in the largest block.
        max_block_len: u16,
        /// Parity symbols; see [`Fti`].
        parity: u16,
    },
}

impl Fti {
    /// The scheme, which the message's `fec_id` must name.
    pub const fn fec_id(&self) -> FecId {
        match self {
            Self::NoCode { .. } => FecId::NO_CODE,
            Self::RaptorQ { .. } => FecId::RAPTORQ,
            Self::ReedSolomon8 { .. } => FecId::REED_SOLOMON_8,
            Self::ReedSolomon { .. } => FecId::REED_SOLOMON,
            Self::SmallBlock { .. } => FecId::SMALL_BLOCK,
        }
    }

    /// The object's size, which every scheme tells.
    pub const fn size(&self) -> ObjectSize {
        match *self {
            Self::NoCode { size, .. }
            | Self::RaptorQ { size, .. }
            | Self::ReedSolomon8 { size, .. }
            | Self::ReedSolomon { size, .. }
            | Self::SmallBlock { size, .. } => size,
        }
    }

    /// Bytes in a symbol, which every scheme tells.
    pub const fn symbol_size(&self) -> u16 {
        match *self {
            Self::NoCode { symbol_size, .. }
            | Self::RaptorQ { symbol_size, .. }
            | Self::ReedSolomon8 { symbol_size, .. }
            | Self::ReedSolomon { symbol_size, .. }
            | Self::SmallBlock { symbol_size, .. } => symbol_size,
        }
    }

    /// Reads the body of an EXT_FTI, the bytes after het and hel; `None` when the scheme is
    /// unknown or the length is not that scheme's. Reserved bits are ignored.
    pub fn parse(fec: FecId, body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body, ParseError::Extension);
        let size = ObjectSize::from_be_bytes(reader.array().ok()?);
        let fti = Self::read(fec, size, &mut reader).ok()?;
        reader.is_empty().then_some(fti)
    }

    fn read(fec: FecId, size: ObjectSize, reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(match fec {
            FecId::NO_CODE => {
                let _reserved = reader.u16()?;
                Self::NoCode { size, symbol_size: reader.u16()?, max_block_len: reader.u32()? }
            }
            FecId::RAPTORQ => {
                let symbol_size = reader.u16()?;
                let blocks = reader.u8()?;
                let sub_blocks = reader.u16()?;
                let alignment = reader.u8()?;
                let _padding = reader.u16()?;
                Self::RaptorQ { size, symbol_size, blocks, sub_blocks, alignment }
            }
            FecId::REED_SOLOMON_8 => {
                let symbol_size = reader.u16()?;
                let [max_block_len, parity] = reader.array()?;
                Self::ReedSolomon8 { size, symbol_size, max_block_len, parity }
            }
            FecId::REED_SOLOMON => {
                let [m, group] = reader.array()?;
                let (symbol_size, max_block_len) = (reader.u16()?, reader.u16()?);
                let parity = reader.u16()?;
                Self::ReedSolomon { size, m, group, symbol_size, max_block_len, parity }
            }
            FecId::SMALL_BLOCK => {
                let (instance, symbol_size) = (reader.u16()?, reader.u16()?);
                let (max_block_len, parity) = (reader.u16()?, reader.u16()?);
                Self::SmallBlock { size, instance, symbol_size, max_block_len, parity }
            }
            _ => return Err(ParseError::FecId),
        })
    }

    /// Appends the whole extension, het and hel included: 12 bytes for id 5, else 16.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let (bytes, len) = self.to_extension();
        out.extend(bytes.iter().take(len));
    }

    /// The whole extension, and how many of the bytes it takes.
    pub(super) fn to_extension(self) -> ([u8; 16], usize) {
        let [s0, s1, s2, s3, s4, s5] = self.size().to_be_bytes();
        let [t0, t1] = self.symbol_size().to_be_bytes();
        let (words, tail): (u8, [u8; 8]) = match self {
            Self::NoCode { max_block_len, .. } => {
                let [b0, b1, b2, b3] = max_block_len.to_be_bytes();
                (4, [0, 0, t0, t1, b0, b1, b2, b3])
            }
            Self::RaptorQ { blocks, sub_blocks, alignment, .. } => {
                let [n0, n1] = sub_blocks.to_be_bytes();
                (4, [t0, t1, blocks, n0, n1, alignment, 0, 0])
            }
            Self::ReedSolomon8 { max_block_len, parity, .. } => {
                (3, [t0, t1, max_block_len, parity, 0, 0, 0, 0])
            }
            Self::ReedSolomon { m, group, max_block_len, parity, .. } => {
                let ([b0, b1], [p0, p1]) = (max_block_len.to_be_bytes(), parity.to_be_bytes());
                (4, [m, group, t0, t1, b0, b1, p0, p1])
            }
            Self::SmallBlock { instance, max_block_len, parity, .. } => {
                let [i0, i1] = instance.to_be_bytes();
                let ([b0, b1], [p0, p1]) = (max_block_len.to_be_bytes(), parity.to_be_bytes());
                (4, [i0, i1, t0, t1, b0, b1, p0, p1])
            }
        };
        let [x0, x1, x2, x3, x4, x5, x6, x7] = tail;
        let head = [EXT_FTI, words, s0, s1, s2, s3, s4, s5];
        let [h0, h1, h2, h3, h4, h5, h6, h7] = head;
        let bytes = [h0, h1, h2, h3, h4, h5, h6, h7, x0, x1, x2, x3, x4, x5, x6, x7];
        (bytes, usize::from(words) << 2)
    }
}

#[cfg(test)]
mod tests;
