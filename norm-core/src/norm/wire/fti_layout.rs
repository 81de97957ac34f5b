//! EXT_FTI to and from the layout of an object.

use super::{Fti, ObjectSize};
use crate::fec::{
    Field, Layout, LayoutError, MAX_RS8_SYMBOLS, MAX_RS16_SYMBOLS, Points, RsCode, RsForm, Scheme,
};

impl Fti {
    /// The layout that a packet describes. `points` are those of a Reed-Solomon code, which no
    /// packet carries.
    ///
    /// # Errors
    /// [`LayoutError`] when the values are impossible, beyond our limits, or of another scheme.
    pub fn layout(&self, points: Points) -> Result<Layout, LayoutError> {
        let code = |form, block_len, last| {
            RsCode::new(form, points, block_len, parity(form, points, block_len, last))
        };
        match *self {
            Fti::RaptorQ { size, symbol_size, blocks, sub_blocks, alignment } => {
                Layout::raptorq(size.get(), symbol_size, blocks, sub_blocks, alignment)
            }
            Fti::NoCode { size, symbol_size, max_block_len } => {
                Layout::no_code(size.get(), symbol_size, max_block_len)
            }
            Fti::ReedSolomon8 { size, symbol_size, max_block_len, parity } => {
                let code = code(RsForm::Id5, max_block_len.into(), parity.into())?;
                Layout::reed_solomon(size.get(), symbol_size, code)
            }
            Fti::ReedSolomon { size, m, group: 1, symbol_size, max_block_len, parity } => {
                let form = match m {
                    8 => RsForm::Id2Bits8,
                    16 => RsForm::Id2Bits16,
                    _ => return Err(LayoutError::UnknownScheme),
                };
                Layout::reed_solomon(size.get(), symbol_size, code(form, max_block_len, parity)?)
            }
            Fti::SmallBlock { size, instance: 0, symbol_size, max_block_len, parity } => {
                let code = code(RsForm::Id129, max_block_len, parity)?;
                Layout::reed_solomon(size.get(), symbol_size, code)
            }
            Fti::ReedSolomon { .. } | Fti::SmallBlock { .. } => Err(LayoutError::UnknownScheme),
        }
    }

    /// What packets say about an object of this layout.
    pub fn of(layout: &Layout) -> Self {
        let size = ObjectSize::new(layout.size()).unwrap_or(ObjectSize::MAX);
        let symbol_size = layout.symbol_size();
        match layout.scheme() {
            Scheme::RaptorQ => Fti::RaptorQ {
                size,
                symbol_size,
                blocks: u8::try_from(layout.blocks()).unwrap_or(u8::MAX),
                sub_blocks: layout.sub_blocks(),
                alignment: layout.alignment(),
            },
            // Raptor does not get here: the configuration of a sender refuses it.
            Scheme::NoCode | Scheme::Raptor => {
                Fti::NoCode { size, symbol_size, max_block_len: layout.max_block_len() }
            }
            Scheme::ReedSolomon(code) => {
                let (max_block_len, parity) = (code.block_len(), last_field(code));
                let byte = |n: u16| u8::try_from(n).unwrap_or(u8::MAX);
                match code.form() {
                    RsForm::Id5 => Fti::ReedSolomon8 {
                        size,
                        symbol_size,
                        max_block_len: byte(max_block_len),
                        parity: byte(parity),
                    },
                    RsForm::Id2Bits8 | RsForm::Id2Bits16 | RsForm::Id2Bits16Be => {
                        let m = if code.form() == RsForm::Id2Bits8 { 8 } else { 16 };
                        Fti::ReedSolomon { size, m, group: 1, symbol_size, max_block_len, parity }
                    }
                    RsForm::Id129 => {
                        Fti::SmallBlock { size, instance: 0, symbol_size, max_block_len, parity }
                    }
                }
            }
        }
    }
}

/// The last field of a Reed-Solomon FTI: the number of coded symbols for NRL's points, source and
/// coded ones together ("max_n", RFC 5510 §4.2.4) for those of the RFC.
const fn last_field(code: RsCode) -> u16 {
    match code.points() {
        Points::Rizzo => code.parity(),
        Points::Rfc5510 => code.block_len() + code.parity(),
    }
}

/// The coded symbols that the last field means. Where NRL's meaning is impossible, the RFC's is
/// taken, whatever the points.
const fn parity(form: RsForm, points: Points, block_len: u16, last: u16) -> u16 {
    let fits = match form.field() {
        Field::Gf256 => block_len as u32 + last as u32 <= MAX_RS8_SYMBOLS as u32,
        Field::Gf65536 | Field::Gf65536Be => last <= MAX_RS16_SYMBOLS,
    };
    match points {
        Points::Rizzo if fits => last,
        Points::Rizzo | Points::Rfc5510 => last.saturating_sub(block_len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMS: [RsForm; 4] = [RsForm::Id5, RsForm::Id2Bits8, RsForm::Id2Bits16, RsForm::Id129];

    #[test]
    fn layout_survives_the_wire() {
        for size in [0, 1, 1343, 1344, 1345, 10_000_000] {
            let mut layouts = vec![
                Layout::choose_raptorq(size, 1344, 1024).unwrap(),
                Layout::choose_no_code(size, 1344, 1024).unwrap(),
            ];
            for (form, points) in
                FORMS.iter().flat_map(|&f| [(f, Points::Rizzo), (f, Points::Rfc5510)])
            {
                let code = RsCode::new(form, points, 64, 16).unwrap();
                layouts.push(Layout::reed_solomon(size, 1344, code).unwrap());
            }
            for layout in layouts {
                let points = match layout.scheme() {
                    Scheme::ReedSolomon(code) => code.points(),
                    _ => Points::Rizzo,
                };
                let fti = Fti::of(&layout);
                assert_eq!(fti.layout(points), Ok(layout));
                assert_eq!(fti.fec_id(), layout.scheme().fec_id());
            }
        }
    }

    #[test]
    fn last_field_is_parity_unless_that_is_impossible() {
        let size = ObjectSize::new(1000).unwrap();
        let parity = |max_block_len, parity, points| {
            let fti = Fti::ReedSolomon8 { size, symbol_size: 10, max_block_len, parity };
            match fti.layout(points)?.scheme() {
                Scheme::ReedSolomon(code) => Ok(code.parity()),
                _ => unreachable!(),
            }
        };
        assert_eq!(parity(64, 16, Points::Rizzo), Ok(16));
        assert_eq!(parity(64, 80, Points::Rizzo), Ok(80));
        assert_eq!(parity(200, 216, Points::Rizzo), Ok(16));
        assert_eq!(parity(64, 80, Points::Rfc5510), Ok(16));
        assert_eq!(parity(64, 16, Points::Rfc5510), Ok(0));
        assert_eq!(parity(0, 16, Points::Rizzo), Err(LayoutError::BlockLenZero));
    }

    #[test]
    fn codes_that_are_not_ours_are_refused() {
        let size = ObjectSize::new(1000).unwrap();
        let rs = |m, group, symbol_size, max_block_len, parity| {
            let fti = Fti::ReedSolomon { size, m, group, symbol_size, max_block_len, parity };
            fti.layout(Points::Rizzo).err()
        };
        assert_eq!(rs(4, 1, 10, 8, 2), Some(LayoutError::UnknownScheme));
        assert_eq!(rs(8, 2, 10, 8, 2), Some(LayoutError::UnknownScheme));
        assert_eq!(rs(16, 1, 11, 8, 2), Some(LayoutError::OddSymbol));
        assert_eq!(rs(16, 1, 10, 4097, 2), Some(LayoutError::BlockTooLong));
        assert_eq!(rs(16, 1, 10, 300, 65_535), Some(LayoutError::BlockTooLong));
        assert_eq!(rs(8, 1, 10, 255, 255), None, "255 is then the sum, without parity");
        let instance =
            Fti::SmallBlock { size, instance: 1, symbol_size: 10, max_block_len: 8, parity: 2 };
        assert_eq!(instance.layout(Points::Rizzo), Err(LayoutError::UnknownScheme));
    }
}
