//! How objects are cut into blocks, within the limits of scheme and profile.

use super::config::FecChoice;
use super::error::SenderError;
use super::profile::{Profile, Rules};
use crate::fec::{
    FecId, Field, Layout, LayoutError, MAX_BLOCK_BYTES, MAX_NO_CODE_BLOCK_LEN, MAX_NO_CODE_BLOCKS,
    MAX_NO_CODE_OBJECT_BYTES, MAX_RAPTOR_BLOCK_LEN, MAX_RAPTOR_BLOCKS, MAX_RAPTOR_OBJECT_BYTES,
    MAX_RAPTORQ_BLOCK_LEN, MAX_RAPTORQ_BLOCKS, MAX_RAPTORQ_OBJECT_BYTES, MAX_RS8_SYMBOLS,
    MAX_RS16_SYMBOLS, PayloadFormat, Points, RsCode, RsForm,
};

impl FecChoice {
    /// The FEC encoding id.
    pub const fn fec_id(self) -> FecId {
        match self {
            Self::NoCode => FecId::NO_CODE,
            Self::Raptor => FecId::RAPTOR,
            Self::RaptorQ => FecId::RAPTORQ,
            Self::ReedSolomon { form, .. } => match form {
                RsForm::Id5 => FecId::REED_SOLOMON_8,
                RsForm::Id2Bits8 | RsForm::Id2Bits16 | RsForm::Id2Bits16Be => FecId::REED_SOLOMON,
                RsForm::Id129 => FecId::SMALL_BLOCK,
            },
        }
    }

    /// Bytes of the payload id.
    pub(super) fn payload_id_len(self) -> usize {
        PayloadFormat::for_fec(self.fec_id()).map_or(0, PayloadFormat::len)
    }
}

/// Bytes of EXT_FTI.
pub(super) fn fti_len(fec: FecChoice) -> usize {
    if fec.fec_id() == FecId::REED_SOLOMON_8 { 12 } else { 16 }
}

/// What is decided of the layout of all objects.
#[derive(Copy, Clone, Debug)]
pub(super) struct LayoutChoice {
    fec: FecChoice,
    symbol_size: u16,
    /// Source symbols of a block aimed at.
    target: u32,
    /// Source symbols of a block at most.
    max_len: u32,
    max_blocks: u64,
    max_object: u64,
    one_block: bool,
}

impl LayoutChoice {
    pub(super) fn new(
        profile: Profile,
        fec: FecChoice,
        symbol_size: u16,
        target: u32,
    ) -> Result<Self, SenderError> {
        let rules = profile.rules();
        if !rules.schemes.contains(&fec.fec_id()) {
            return Err(SenderError::Scheme { profile, fec: fec.fec_id() });
        }
        let (max_len, max_blocks, max_object) = limits(fec, rules);
        let max_len = max_len.min(MAX_BLOCK_BYTES / u32::from(symbol_size.max(1)));
        let max_blocks = if rules.one_block { 1 } else { max_blocks };
        // A longer block than Reed-Solomon has is no target that could be missed.
        let fits = !matches!(fec, FecChoice::ReedSolomon { .. }) || target <= max_len;
        if target == 0 || max_len == 0 || !fits {
            return Err(SenderError::BlockLen { max: max_len });
        }
        let target = target.min(max_len);
        let one_block = rules.one_block;
        Ok(Self { fec, symbol_size, target, max_len, max_blocks, max_object, one_block })
    }

    /// The layout of an object of `size` bytes.
    pub(super) fn layout(&self, size: u64) -> Result<Layout, SenderError> {
        let symbol_size = self.symbol_size;
        let per_block = u64::from(self.max_len) * u64::from(symbol_size);
        let limit = per_block.saturating_mul(self.max_blocks).min(self.max_object);
        if size > limit {
            return Err(SenderError::ObjectTooLarge { size, limit });
        }
        let symbols = size.div_ceil(u64::from(symbol_size));
        let needed = u32::try_from(symbols.div_ceil(self.max_blocks)).unwrap_or(self.max_len);
        let len = if self.one_block { self.max_len } else { self.target.max(needed) };
        Ok(match self.fec {
            FecChoice::NoCode => Layout::no_code(size, symbol_size, len)?,
            // Less than four symbols become shorter ones, less than four bytes have no code.
            FecChoice::Raptor => match Layout::raptor_symbol_size(size, symbol_size) {
                Some(symbol_size) => Layout::choose_raptor(size, symbol_size, len)?,
                None => Layout::no_code(size, symbol_size, len)?,
            },
            FecChoice::RaptorQ => Layout::choose_raptorq(size, symbol_size, len)?,
            FecChoice::ReedSolomon { form, parity } => {
                let len = u16::try_from(len).map_err(|_| LayoutError::BlockTooLong)?;
                let code = RsCode::new(form, Points::Rizzo, len, parity)?;
                Layout::reed_solomon(size, symbol_size, code)?
            }
        })
    }
}

/// Source symbols of a block, blocks and bytes of an object at most.
fn limits(fec: FecChoice, rules: &Rules) -> (u32, u64, u64) {
    match fec {
        FecChoice::NoCode => {
            // The announced length has 16 bits in the table of some.
            let len = if rules.one_block { 0xffff } else { MAX_NO_CODE_BLOCK_LEN };
            (len, MAX_NO_CODE_BLOCKS.into(), MAX_NO_CODE_OBJECT_BYTES)
        }
        FecChoice::Raptor => {
            let blocks = u64::from(MAX_RAPTOR_BLOCKS).min(rules.max_coded_blocks);
            (MAX_RAPTOR_BLOCK_LEN, blocks, MAX_RAPTOR_OBJECT_BYTES)
        }
        FecChoice::RaptorQ => {
            let blocks = u64::from(MAX_RAPTORQ_BLOCKS).min(rules.max_coded_blocks);
            (MAX_RAPTORQ_BLOCK_LEN, blocks, MAX_RAPTORQ_OBJECT_BYTES)
        }
        FecChoice::ReedSolomon { form, parity } => {
            let len = match form.field() {
                Field::Gf256 => MAX_RS8_SYMBOLS.saturating_sub(parity),
                _ if parity <= MAX_RS16_SYMBOLS => MAX_RS16_SYMBOLS,
                _ => 0,
            };
            let blocks = (u64::from(form.max_block()) + 1).min(rules.max_coded_blocks);
            (len.into(), blocks, MAX_NO_CODE_OBJECT_BYTES)
        }
    }
}
