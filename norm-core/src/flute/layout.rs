//! FEC object transmission information to and from the layout of an object.
//!
//! Reed-Solomon is Rizzo's code, as all known implementations have it, although RFC 5510 §8.2.1
//! writes other points. Unlike in NORM, a block that is shorter than the longest is coded as a
//! block of its own length ([`geometry`]).

use super::wire::Fti;
use crate::endpoint::BlockGeometry;
use crate::fec::{Layout, LayoutError, MAX_RS16_SYMBOLS, Points, RsCode, RsForm, Scheme};

/// The points that Reed-Solomon codes are built on.
const POINTS: Points = Points::Rizzo;

impl Fti {
    /// The layout that is described.
    ///
    /// # Errors
    /// [`LayoutError`] when the values are impossible, beyond our limits, or of a scheme that is
    /// not coded here.
    pub fn layout(&self) -> Result<Layout, LayoutError> {
        match *self {
            Self::NoCode { size, symbol_size, max_block_len } => {
                Layout::no_code(size, symbol_size, max_block_len)
            }
            Self::Raptor { size, symbol_size, blocks, sub_blocks, alignment } => {
                Layout::raptor(size, symbol_size, blocks, sub_blocks, alignment)
            }
            Self::RaptorQ { size, symbol_size, blocks, sub_blocks, alignment } => {
                Layout::raptorq(size, symbol_size, blocks, sub_blocks, alignment)
            }
            Self::ReedSolomon8 { size, symbol_size, max_block_len, max_symbols } => {
                let code = code(RsForm::Id5, max_block_len.into(), max_symbols.into())?;
                Layout::reed_solomon(size, symbol_size, code)
            }
            Self::ReedSolomon {
                size,
                m,
                group: 0 | 1,
                symbol_size,
                max_block_len,
                max_symbols,
            } => {
                let form = match m {
                    0 | 8 => RsForm::Id2Bits8,
                    16 => RsForm::Id2Bits16Be,
                    _ => return Err(LayoutError::UnknownScheme),
                };
                Layout::reed_solomon(size, symbol_size, code(form, max_block_len, max_symbols)?)
            }
            Self::SmallBlock { size, instance: 0, symbol_size, max_block_len, max_symbols } => {
                let code = code(RsForm::Id129, max_block_len, max_symbols)?;
                Layout::reed_solomon(size, symbol_size, code)
            }
            Self::ReedSolomon { .. } | Self::SmallBlock { .. } => Err(LayoutError::UnknownScheme),
        }
    }

    /// What packets say of an object of this layout.
    pub fn of(layout: &Layout) -> Self {
        let (size, symbol_size) = (layout.size(), layout.symbol_size());
        match layout.scheme() {
            Scheme::NoCode => {
                Self::NoCode { size, symbol_size, max_block_len: layout.max_block_len() }
            }
            Scheme::Raptor => Self::Raptor {
                size,
                symbol_size,
                blocks: u16::try_from(layout.blocks()).unwrap_or(u16::MAX).max(1),
                // Always 1.
                sub_blocks: layout.sub_blocks() as u8,
                alignment: layout.alignment(),
            },
            Scheme::RaptorQ => Self::RaptorQ {
                size,
                symbol_size,
                // An object without bytes is said to have one.
                blocks: u8::try_from(layout.blocks()).unwrap_or(u8::MAX).max(1),
                sub_blocks: layout.sub_blocks(),
                alignment: layout.alignment(),
            },
            Scheme::ReedSolomon(code) => {
                let max_block_len = code.block_len();
                let max_symbols = max_block_len.saturating_add(code.parity());
                let byte = |n: u16| u8::try_from(n).unwrap_or(u8::MAX);
                match code.form() {
                    RsForm::Id5 => Self::ReedSolomon8 {
                        size,
                        symbol_size,
                        max_block_len: byte(max_block_len),
                        max_symbols: byte(max_symbols),
                    },
                    RsForm::Id2Bits8 | RsForm::Id2Bits16 | RsForm::Id2Bits16Be => {
                        Self::ReedSolomon {
                            size,
                            m: if code.form() == RsForm::Id2Bits8 { 8 } else { 16 },
                            group: 1,
                            symbol_size,
                            max_block_len,
                            max_symbols,
                        }
                    }
                    RsForm::Id129 => Self::SmallBlock {
                        size,
                        instance: 0,
                        symbol_size,
                        max_block_len,
                        max_symbols,
                    },
                }
            }
        }
    }
}

/// A code for blocks of at most `block_len` source symbols, of `max_symbols` with the coded ones
/// (max_n of RFC 5510 §4.2.4).
fn code(form: RsForm, block_len: u16, max_symbols: u16) -> Result<RsCode, LayoutError> {
    let parity = max_symbols.saturating_sub(block_len);
    let parity = if form.field().has_words() { parity.min(MAX_RS16_SYMBOLS) } else { parity };
    RsCode::new(form, POINTS, block_len, parity)
}

/// Shape and place of a block, if there is one of this number, with the code that is its own.
pub fn geometry(layout: &Layout, block: u32) -> Option<BlockGeometry> {
    let symbols = layout.block_len(block);
    if symbols == 0 {
        return None;
    }
    let scheme = match layout.scheme() {
        Scheme::ReedSolomon(whole) => {
            let block_len = u16::try_from(symbols).ok()?;
            let max_symbols = whole.block_len().saturating_add(whole.parity());
            Scheme::ReedSolomon(code(whole.form(), block_len, max_symbols).ok()?)
        }
        scheme => scheme,
    };
    Some(BlockGeometry {
        scheme,
        symbols,
        symbol_size: layout.symbol_size(),
        offset: layout.block_offset(block),
        len: layout.block_bytes(block),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fec::encode;

    #[test]
    fn layout_survives_the_wire() {
        for size in [0, 1, 1343, 1344, 1345, 10_000_000] {
            let mut layouts = vec![
                Layout::choose_raptorq(size, 1344, 1024).unwrap(),
                Layout::choose_no_code(size, 1344, 1024).unwrap(),
            ];
            layouts.extend(Layout::choose_raptor(size, 1344, 1024).ok());
            for form in [RsForm::Id5, RsForm::Id2Bits8, RsForm::Id2Bits16Be, RsForm::Id129] {
                let code = code(form, 64, 80).unwrap();
                layouts.push(Layout::reed_solomon(size, 1344, code).unwrap());
            }
            for layout in layouts {
                let fti = Fti::of(&layout);
                assert_eq!(fti.layout(), Ok(layout));
                assert_eq!(fti.fec_id(), layout.scheme().fec_id());
            }
        }
    }

    #[test]
    fn codes_that_are_not_ours_are_refused() {
        use LayoutError as E;
        let rs = |m, group, symbol_size, max_block_len, max_symbols| {
            let fti =
                Fti::ReedSolomon { size: 1000, m, group, symbol_size, max_block_len, max_symbols };
            fti.layout().err()
        };
        assert_eq!(rs(4, 1, 10, 8, 10), Some(E::UnknownScheme));
        assert_eq!(rs(8, 2, 10, 8, 10), Some(E::UnknownScheme));
        assert_eq!(rs(16, 1, 11, 8, 10), Some(E::OddSymbol));
        assert_eq!(rs(8, 1, 10, 0, 10), Some(E::BlockLenZero));
        assert_eq!(rs(8, 1, 0, 8, 10), Some(E::SymbolSizeZero));
        assert_eq!(rs(8, 1, 10, 8, 256), Some(E::BlockTooLong));
        assert_eq!((rs(0, 0, 10, 8, 10), rs(16, 1, 10, 8, u16::MAX)), (None, None));
        let (size, symbol_size, max_block_len, max_symbols) = (1000, 10, 8, 10);
        let small = Fti::SmallBlock { size, instance: 1, symbol_size, max_block_len, max_symbols };
        assert_eq!(small.layout(), Err(E::UnknownScheme));
    }

    #[test]
    fn short_blocks_are_coded_as_blocks_of_their_own_length() {
        // Blocks of four and three symbols.
        let fti = Fti::ReedSolomon8 { size: 14, symbol_size: 2, max_block_len: 4, max_symbols: 6 };
        let layout = fti.layout().unwrap();
        let parity = |block| {
            let geometry = geometry(&layout, block).unwrap();
            let source = vec![7; geometry.len as usize];
            let first = geometry.symbols;
            let count = geometry.scheme.parity(first);
            encode(geometry.scheme, first, 2, &source, first, count).unwrap().len()
        };
        assert_eq!((parity(0), parity(1)), (4, 6));
        assert_eq!(geometry(&layout, 2), None);
    }
}
