//! EXT_FTI: FEC object transmission information in band (RFC 5775 §4.2, RFC 5052 §6.2).
//!
//! Each scheme has its own:
//! ```text
//!         | het 64         | hel           | ...                          |
//! id 0    | transfer_length 48                                            |  RFC 5445 §3.2
//!         | 0              |               | symbol_size 16               |
//!         | max_block_len 32                                              |
//! id 1    | transfer_length 48                                            |  RFC 5053 §3.2
//!         | 0              |               | symbol_size 16               |
//!         | blocks 16                      | sub_blocks 8 | alignment 8   |
//! id 2    | transfer_length 48                                            |  RFC 5510 §4.2
//!         | m 8            | group 8       | symbol_size 16               |
//!         | max_block_len 16               | max_symbols 16               |
//! id 5    | transfer_length 48                                            |  RFC 5510 §5.2
//!         | symbol_size 16                 | max_block_len | max_symbols  |
//! id 6    | transfer_length 40                           | 0              |  RFC 6330 §3.3
//!         | symbol_size 16                 | blocks 8      | sub_blocks   |
//!         | sub_blocks     | alignment 8   | 0                            |
//! id 129  | transfer_length 48                                            |  RFC 5445 §5.2
//!         | instance 16                    | symbol_size 16               |
//!         | max_block_len 16               | max_symbols 16               |
//! ```

use super::ext::EXT_FTI;
use crate::fec::FecId;

/// FEC object transmission information. Values are as they came: check them before use.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Fti {
    /// FEC id 0: no code.
    NoCode {
        /// Bytes in the object as it travels: 48 bits.
        size: u64,
        /// Bytes in a symbol (E).
        symbol_size: u16,
        /// Source symbols in the largest block (B).
        max_block_len: u32,
    },
    /// FEC id 1.
    Raptor {
        /// Bytes in the object as it travels: 48 bits.
        size: u64,
        /// Bytes in a symbol (T).
        symbol_size: u16,
        /// Source blocks (Z).
        blocks: u16,
        /// Sub-blocks in a block (N).
        sub_blocks: u8,
        /// Symbol alignment in bytes (Al).
        alignment: u8,
    },
    /// FEC id 2.
    ReedSolomon {
        /// Bytes in the object as it travels: 48 bits.
        size: u64,
        /// Bits of a field element; 0 stands for 8.
        m: u8,
        /// Symbols in a packet (G); 0 stands for 1.
        group: u8,
        /// Bytes in a symbol (E).
        symbol_size: u16,
        /// Source symbols in the largest block (B).
        max_block_len: u16,
        /// Source and coded symbols of a block at most (max_n).
        max_symbols: u16,
    },
    /// FEC id 5.
    ReedSolomon8 {
        /// Bytes in the object as it travels: 48 bits.
        size: u64,
        /// Bytes in a symbol (E).
        symbol_size: u16,
        /// Source symbols in the largest block (B).
        max_block_len: u8,
        /// Source and coded symbols of a block at most (max_n).
        max_symbols: u8,
    },
    /// FEC id 6.
    RaptorQ {
        /// Bytes in the object as it travels (F): 40 bits.
        size: u64,
        /// Bytes in a symbol (T).
        symbol_size: u16,
        /// Source blocks (Z).
        blocks: u8,
        /// Sub-blocks in a block (N).
        sub_blocks: u16,
        /// Symbol alignment in bytes (Al).
        alignment: u8,
    },
    /// FEC id 129.
    SmallBlock {
        /// Bytes in the object as it travels: 48 bits.
        size: u64,
        /// FEC instance id: which code. 0 is Reed-Solomon over GF(2^8).
        instance: u16,
        /// Bytes in a symbol (E).
        symbol_size: u16,
        /// Source symbols in the largest block (B).
        max_block_len: u16,
        /// Source and coded symbols of a block at most (max_n).
        max_symbols: u16,
    },
}

/// The largest object that a field of 48 bits can tell.
const MAX_48: u64 = (1 << 48) - 1;
/// The largest object that a field of 40 bits can tell.
const MAX_40: u64 = (1 << 40) - 1;

impl Fti {
    /// The scheme, which the codepoint must name.
    pub const fn fec_id(&self) -> FecId {
        match self {
            Self::NoCode { .. } => FecId::NO_CODE,
            Self::Raptor { .. } => FecId::RAPTOR,
            Self::ReedSolomon { .. } => FecId::REED_SOLOMON,
            Self::ReedSolomon8 { .. } => FecId::REED_SOLOMON_8,
            Self::RaptorQ { .. } => FecId::RAPTORQ,
            Self::SmallBlock { .. } => FecId::SMALL_BLOCK,
        }
    }

    /// Bytes in the object as it travels, its transfer length.
    pub const fn size(&self) -> u64 {
        match *self {
            Self::NoCode { size, .. }
            | Self::Raptor { size, .. }
            | Self::ReedSolomon { size, .. }
            | Self::ReedSolomon8 { size, .. }
            | Self::RaptorQ { size, .. }
            | Self::SmallBlock { size, .. } => size,
        }
    }

    /// Bytes in a symbol.
    pub const fn symbol_size(&self) -> u16 {
        match *self {
            Self::NoCode { symbol_size, .. }
            | Self::Raptor { symbol_size, .. }
            | Self::ReedSolomon { symbol_size, .. }
            | Self::ReedSolomon8 { symbol_size, .. }
            | Self::RaptorQ { symbol_size, .. }
            | Self::SmallBlock { symbol_size, .. } => symbol_size,
        }
    }

    /// Reads the body of an EXT_FTI, the bytes after het and hel; `None` when the scheme is unknown
    /// or the length is not that scheme's. Reserved bits are ignored.
    pub fn parse(fec: FecId, body: &[u8]) -> Option<Self> {
        let (&[s0, s1, s2, s3, s4, s5], tail) = body.split_first_chunk()?;
        let short = |high, low| u16::from_be_bytes([high, low]);
        let size = u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]);
        Some(match (fec, tail) {
            (FecId::NO_CODE, &[_, _, t0, t1, b0, b1, b2, b3]) => Self::NoCode {
                size,
                symbol_size: short(t0, t1),
                max_block_len: u32::from_be_bytes([b0, b1, b2, b3]),
            },
            (FecId::RAPTOR, &[_, _, t0, t1, z0, z1, sub_blocks, alignment]) => Self::Raptor {
                size,
                symbol_size: short(t0, t1),
                blocks: short(z0, z1),
                sub_blocks,
                alignment,
            },
            (FecId::REED_SOLOMON, &[m, group, t0, t1, b0, b1, n0, n1]) => Self::ReedSolomon {
                size,
                m,
                group,
                symbol_size: short(t0, t1),
                max_block_len: short(b0, b1),
                max_symbols: short(n0, n1),
            },
            (FecId::REED_SOLOMON_8, &[t0, t1, max_block_len, max_symbols]) => {
                Self::ReedSolomon8 { size, symbol_size: short(t0, t1), max_block_len, max_symbols }
            }
            (FecId::RAPTORQ, &[t0, t1, blocks, n0, n1, alignment, _, _]) => Self::RaptorQ {
                size: size >> 8,
                symbol_size: short(t0, t1),
                blocks,
                sub_blocks: short(n0, n1),
                alignment,
            },
            (FecId::SMALL_BLOCK, &[i0, i1, t0, t1, b0, b1, n0, n1]) => Self::SmallBlock {
                size,
                instance: short(i0, i1),
                symbol_size: short(t0, t1),
                max_block_len: short(b0, b1),
                max_symbols: short(n0, n1),
            },
            _ => return None,
        })
    }

    /// Appends the whole extension, het and hel included: 12 bytes for id 5, else 16. A size that
    /// its field has no room for becomes the largest that has.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let (bytes, len) = self.to_extension();
        out.extend(bytes.iter().take(len));
    }

    /// The whole extension, and how many of the bytes it takes.
    pub(super) fn to_extension(self) -> ([u8; 16], usize) {
        let [t0, t1] = self.symbol_size().to_be_bytes();
        let (mut words, mut size) = (4, self.size().min(MAX_48));
        let tail = match self {
            Self::NoCode { max_block_len, .. } => {
                let [b0, b1, b2, b3] = max_block_len.to_be_bytes();
                [0, 0, t0, t1, b0, b1, b2, b3]
            }
            Self::Raptor { blocks, sub_blocks, alignment, .. } => {
                let [z0, z1] = blocks.to_be_bytes();
                [0, 0, t0, t1, z0, z1, sub_blocks, alignment]
            }
            Self::ReedSolomon { m, group, max_block_len, max_symbols, .. } => {
                let ([b0, b1], [n0, n1]) = (max_block_len.to_be_bytes(), max_symbols.to_be_bytes());
                [m, group, t0, t1, b0, b1, n0, n1]
            }
            Self::ReedSolomon8 { max_block_len, max_symbols, .. } => {
                words = 3;
                [t0, t1, max_block_len, max_symbols, 0, 0, 0, 0]
            }
            Self::RaptorQ { blocks, sub_blocks, alignment, .. } => {
                size = size.min(MAX_40) << 8;
                let [n0, n1] = sub_blocks.to_be_bytes();
                [t0, t1, blocks, n0, n1, alignment, 0, 0]
            }
            Self::SmallBlock { instance, max_block_len, max_symbols, .. } => {
                let ([b0, b1], [n0, n1]) = (max_block_len.to_be_bytes(), max_symbols.to_be_bytes());
                let [i0, i1] = instance.to_be_bytes();
                [i0, i1, t0, t1, b0, b1, n0, n1]
            }
        };
        let [_, _, s0, s1, s2, s3, s4, s5] = size.to_be_bytes();
        let [x0, x1, x2, x3, x4, x5, x6, x7] = tail;
        let bytes = [EXT_FTI, words, s0, s1, s2, s3, s4, s5, x0, x1, x2, x3, x4, x5, x6, x7];
        (bytes, usize::from(words) * 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(size: u64) -> [Fti; 6] {
        let (symbol_size, max_block_len, max_symbols) = (0x0708, 0x090a, 0x0b0c);
        let (blocks, sub_blocks, alignment, instance) = (0x0d, 0x0e0f, 4, 0x1011);
        [
            Fti::NoCode { size, symbol_size, max_block_len: 0x0a0b_0c0d },
            Fti::Raptor { size, symbol_size, blocks: 0x0d0e, sub_blocks: 0x0f, alignment },
            Fti::ReedSolomon { size, m: 8, group: 1, symbol_size, max_block_len, max_symbols },
            Fti::ReedSolomon8 { size, symbol_size, max_block_len: 9, max_symbols: 10 },
            Fti::RaptorQ { size, symbol_size, blocks, sub_blocks, alignment },
            Fti::SmallBlock { size, instance, symbol_size, max_block_len, max_symbols },
        ]
    }

    #[test]
    fn fields_stand_where_the_rfcs_say() {
        let bytes = all(0x01_0203_0405).map(|fti| {
            let mut out = Vec::new();
            fti.emit(&mut out);
            out
        });
        let [no_code, raptor, rs, rs8, raptorq, small] = &bytes;
        assert_eq!(no_code[..], [64, 4, 0, 1, 2, 3, 4, 5, 0, 0, 7, 8, 10, 11, 12, 13]);
        assert_eq!(raptor[..], [64, 4, 0, 1, 2, 3, 4, 5, 0, 0, 7, 8, 13, 14, 15, 4]);
        assert_eq!(rs[..], [64, 4, 0, 1, 2, 3, 4, 5, 8, 1, 7, 8, 9, 10, 11, 12]);
        assert_eq!(rs8[..], [64, 3, 0, 1, 2, 3, 4, 5, 7, 8, 9, 10]);
        assert_eq!(raptorq[..], [64, 4, 1, 2, 3, 4, 5, 0, 7, 8, 13, 14, 15, 4, 0, 0]);
        assert_eq!(small[..], [64, 4, 0, 1, 2, 3, 4, 5, 16, 17, 7, 8, 9, 10, 11, 12]);
    }

    #[test]
    fn each_survives_and_is_none_of_another_length() {
        for fti in [0, 1, 1 << 39, MAX_40].into_iter().flat_map(all) {
            let mut out = Vec::new();
            fti.emit(&mut out);
            let body = &out[2..];
            assert_eq!(Fti::parse(fti.fec_id(), body), Some(fti));
            assert_eq!(Fti::parse(fti.fec_id(), &body[..body.len() - 1]), None);
            assert_eq!(Fti::parse(FecId(3), body), None);
        }
    }

    #[test]
    fn sizes_that_do_not_fit_become_the_largest_that_do() {
        for fti in all(u64::MAX) {
            let mut out = Vec::new();
            fti.emit(&mut out);
            let largest = if fti.fec_id() == FecId::RAPTORQ { MAX_40 } else { MAX_48 };
            assert_eq!(Fti::parse(fti.fec_id(), &out[2..]).map(|fti| fti.size()), Some(largest));
        }
    }
}
