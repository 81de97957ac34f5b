//! FEC object transmission information as attributes of an FDT (RFC 6726 §5).

use crate::fec::FecId;
use crate::flute::wire::Fti;

/// The attributes `FEC-OTI-…`, as far as they are there. Values are as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Oti {
    /// `FEC-Encoding-ID`.
    pub fec: Option<FecId>,
    /// `FEC-Instance-ID`; of id 129 only.
    pub instance: Option<u64>,
    /// `Maximum-Source-Block-Length`.
    pub max_block_len: Option<u64>,
    /// `Encoding-Symbol-Length`.
    pub symbol_size: Option<u64>,
    /// `Max-Number-of-Encoding-Symbols`.
    pub max_symbols: Option<u64>,
    /// `Scheme-Specific-Info`, decoded.
    pub scheme_info: Option<Vec<u8>>,
}

impl Oti {
    /// These, and what they do not say from `common`.
    #[must_use]
    pub fn or(&self, common: &Self) -> Self {
        Self {
            fec: self.fec.or(common.fec),
            instance: self.instance.or(common.instance),
            max_block_len: self.max_block_len.or(common.max_block_len),
            symbol_size: self.symbol_size.or(common.symbol_size),
            max_symbols: self.max_symbols.or(common.max_symbols),
            scheme_info: self.scheme_info.as_ref().or(common.scheme_info.as_ref()).cloned(),
        }
    }

    /// What has to be said of an object, and no more.
    pub fn of(fti: &Fti) -> Self {
        let mut oti = Self {
            fec: Some(fti.fec_id()),
            symbol_size: Some(fti.symbol_size().into()),
            ..Self::default()
        };
        match *fti {
            Fti::NoCode { max_block_len, .. } => oti.max_block_len = Some(max_block_len.into()),
            Fti::Raptor { blocks, sub_blocks, alignment, .. } => {
                let [z0, z1] = blocks.to_be_bytes();
                oti.scheme_info = Some(vec![z0, z1, sub_blocks, alignment]);
            }
            Fti::ReedSolomon { m, group, max_block_len, max_symbols, .. } => {
                oti.max_block_len = Some(max_block_len.into());
                oti.max_symbols = Some(max_symbols.into());
                oti.scheme_info = Some(vec![m, group]);
            }
            Fti::ReedSolomon8 { max_block_len, max_symbols, .. } => {
                oti.max_block_len = Some(max_block_len.into());
                oti.max_symbols = Some(max_symbols.into());
            }
            Fti::RaptorQ { blocks, sub_blocks, alignment, .. } => {
                let [n0, n1] = sub_blocks.to_be_bytes();
                oti.scheme_info = Some(vec![blocks, n0, n1, alignment]);
            }
            Fti::SmallBlock { instance, max_block_len, max_symbols, .. } => {
                oti.instance = Some(instance.into());
                oti.max_block_len = Some(max_block_len.into());
                oti.max_symbols = Some(max_symbols.into());
            }
        }
        oti
    }

    /// The information for an object of `size` bytes; `None` when something is missing, or does
    /// not fit its field.
    pub fn fti(&self, size: u64) -> Option<Fti> {
        let symbol_size = u16::try_from(self.symbol_size?).ok()?;
        let info = self.scheme_info.as_deref();
        Some(match self.fec? {
            FecId::NO_CODE => {
                let max_block_len = u32::try_from(self.max_block_len?).ok()?;
                Fti::NoCode { size, symbol_size, max_block_len }
            }
            FecId::RAPTOR => {
                let &[z0, z1, sub_blocks, alignment] = info?.as_array()?;
                let blocks = u16::from_be_bytes([z0, z1]);
                Fti::Raptor { size, symbol_size, blocks, sub_blocks, alignment }
            }
            FecId::REED_SOLOMON => {
                // Without it, both have their defaults.
                let &[m, group] = info.unwrap_or(&[0, 0]).as_array()?;
                let (max_block_len, max_symbols) = self.block()?;
                Fti::ReedSolomon { size, m, group, symbol_size, max_block_len, max_symbols }
            }
            FecId::REED_SOLOMON_8 => {
                let (max_block_len, max_symbols) = self.block()?;
                Fti::ReedSolomon8 {
                    size,
                    symbol_size,
                    max_block_len: u8::try_from(max_block_len).ok()?,
                    max_symbols: u8::try_from(max_symbols).ok()?,
                }
            }
            FecId::RAPTORQ => {
                let &[blocks, n0, n1, alignment] = info?.as_array()?;
                let sub_blocks = u16::from_be_bytes([n0, n1]);
                Fti::RaptorQ { size, symbol_size, blocks, sub_blocks, alignment }
            }
            FecId::SMALL_BLOCK => {
                let instance = u16::try_from(self.instance.unwrap_or(0)).ok()?;
                let (max_block_len, max_symbols) = self.block()?;
                Fti::SmallBlock { size, instance, symbol_size, max_block_len, max_symbols }
            }
            _ => return None,
        })
    }

    /// Symbols of a block at most: source symbols, and all.
    fn block(&self) -> Option<(u16, u16)> {
        let max_block_len = u16::try_from(self.max_block_len?).ok()?;
        Some((max_block_len, u16::try_from(self.max_symbols?).ok()?))
    }
}
