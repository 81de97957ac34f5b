//! The FEC schemes spoken here, and the numbers that go with them.

use super::block::EXTRA_SYMBOLS;
use super::error::{CodeError, LayoutError};
use super::ids::{FecId, PayloadFormat};
use super::limits::{MAX_RAPTOR_SYMBOLS, MAX_RAPTORQ_SYMBOLS, MAX_RS8_SYMBOLS, MAX_RS16_SYMBOLS};
use super::raptor::encode_raptor;
use super::raptorq::encode_repair;
use super::reed_solomon::{Field, Points, ReedSolomon};

/// The FEC schemes spoken here.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Compact No-Code, FEC encoding id 0 (RFC 5445 §3): lost symbols are sent again.
    NoCode,
    /// Raptor, FEC encoding id 1 (RFC 5053). FLUTE only: NORM has no profile for it.
    Raptor,
    /// RaptorQ, FEC encoding id 6 (RFC 6330).
    RaptorQ,
    /// Reed-Solomon, FEC encoding ids 5, 2 and 129.
    ReedSolomon(RsCode),
}

impl Scheme {
    /// True when lost symbols can be computed from others.
    pub const fn is_coded(self) -> bool {
        !matches!(self, Self::NoCode)
    }

    /// Coded symbols that a block of `block_len` source symbols has.
    pub const fn parity(self, block_len: u32) -> u32 {
        match self {
            Self::NoCode => 0,
            Self::Raptor => MAX_RAPTOR_SYMBOLS.saturating_sub(block_len),
            Self::RaptorQ => MAX_RAPTORQ_SYMBOLS.saturating_sub(block_len),
            Self::ReedSolomon(code) => code.parity as u32,
        }
    }

    /// Coded symbols worth keeping beyond those that a block lacks. A solve with m symbols more
    /// than K fails with a probability of about 0.85 * 0.567^m under Raptor, and of about
    /// 0.01^(m + 1) under RaptorQ. Reed-Solomon needs none.
    pub const fn extra_symbols(self) -> u32 {
        match self {
            Self::Raptor => 64,
            Self::RaptorQ => EXTRA_SYMBOLS,
            Self::NoCode | Self::ReedSolomon(_) => 0,
        }
    }

    /// True when coded symbols come from a solve over the whole block, which takes long and much
    /// memory, as does recovery.
    pub const fn solves(self) -> bool {
        matches!(self, Self::Raptor | Self::RaptorQ)
    }

    /// The FEC encoding id that packets carry.
    pub const fn fec_id(self) -> FecId {
        match self {
            Self::NoCode => FecId::NO_CODE,
            Self::Raptor => FecId::RAPTOR,
            Self::RaptorQ => FecId::RAPTORQ,
            Self::ReedSolomon(code) => match code.form() {
                RsForm::Id5 => FecId::REED_SOLOMON_8,
                RsForm::Id2Bits8 | RsForm::Id2Bits16 | RsForm::Id2Bits16Be => FecId::REED_SOLOMON,
                RsForm::Id129 => FecId::SMALL_BLOCK,
            },
        }
    }

    /// How block and symbol numbers share a payload id.
    pub const fn payload_format(self) -> PayloadFormat {
        match self {
            Self::NoCode | Self::Raptor => PayloadFormat::Block16Symbol16,
            Self::RaptorQ => PayloadFormat::Block8Symbol24,
            Self::ReedSolomon(code) => match code.form() {
                RsForm::Id5 | RsForm::Id2Bits8 => PayloadFormat::Block24Symbol8,
                RsForm::Id2Bits16 | RsForm::Id2Bits16Be => PayloadFormat::Block16Symbol16,
                RsForm::Id129 => PayloadFormat::Block32Len16Symbol16,
            },
        }
    }
}

/// Which FEC encoding id carries a Reed-Solomon code, and over which field it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RsForm {
    /// Id 5: GF(2^8), block number 24 bits (RFC 5510 §5).
    Id5,
    /// Id 2 with m = 8 (RFC 5510 §4).
    Id2Bits8,
    /// Id 2 with m = 16 (RFC 5510 §4), elements little-endian, as the NRL's NORM has them.
    Id2Bits16,
    /// The same, elements big-endian, as FLUTE has them.
    Id2Bits16Be,
    /// Id 129, instance 0: GF(2^8), block number 32 bits (RFC 5740 §4.2.1).
    Id129,
}

impl RsForm {
    /// The field that symbols are coded over.
    pub const fn field(self) -> Field {
        match self {
            Self::Id2Bits16 => Field::Gf65536,
            Self::Id2Bits16Be => Field::Gf65536Be,
            Self::Id5 | Self::Id2Bits8 | Self::Id129 => Field::Gf256,
        }
    }

    /// The largest block number that fits the payload id.
    pub const fn max_block(self) -> u32 {
        match self {
            Self::Id2Bits16 | Self::Id2Bits16Be => 0xffff,
            Self::Id5 | Self::Id2Bits8 => 0x00ff_ffff,
            Self::Id129 => u32::MAX - 1,
        }
    }
}

/// A Reed-Solomon code with its limits checked.
///
/// All blocks, short ones too, are coded as if they had `block_len` symbols, the missing ones zero.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RsCode {
    form: RsForm,
    points: Points,
    block_len: u16,
    parity: u16,
}

impl RsCode {
    /// A code for blocks of at most `block_len` source symbols with `parity` coded ones.
    ///
    /// # Errors
    /// [`LayoutError::BlockLenZero`], or [`LayoutError::BlockTooLong`] when the field or
    /// [`MAX_RS16_SYMBOLS`] do not allow that many.
    pub const fn new(
        form: RsForm,
        points: Points,
        block_len: u16,
        parity: u16,
    ) -> Result<Self, LayoutError> {
        if block_len == 0 {
            return Err(LayoutError::BlockLenZero);
        }
        let fits = match form.field() {
            Field::Gf256 => block_len as u32 + parity as u32 <= MAX_RS8_SYMBOLS as u32,
            Field::Gf65536 | Field::Gf65536Be => {
                block_len <= MAX_RS16_SYMBOLS && parity <= MAX_RS16_SYMBOLS
            }
        };
        if !fits {
            return Err(LayoutError::BlockTooLong);
        }
        Ok(Self { form, points, block_len, parity })
    }

    /// The code itself, to encode and decode a block of `k` source symbols with. The dimension is
    /// the longest block's, as the NRL implementation has it; with the points of RFC 5510 it is K,
    /// as that document has it.
    ///
    /// # Errors
    /// [`CodeError::BlockTooLong`] when a block has more symbols than the code allows.
    pub fn coder(self, k: u32) -> Result<ReedSolomon, CodeError> {
        let block_len = match self.points {
            Points::Rizzo => self.block_len.into(),
            Points::Rfc5510 => k,
        };
        let parity = self.parity.into();
        ReedSolomon::new(self.form.field(), self.points, block_len, parity)
    }

    /// Id and field.
    pub const fn form(self) -> RsForm {
        self.form
    }

    /// The points that the code is built on.
    pub const fn points(self) -> Points {
        self.points
    }

    /// Source symbols in the longest block.
    pub const fn block_len(self) -> u16 {
        self.block_len
    }

    /// Coded symbols of each block.
    pub const fn parity(self) -> u16 {
        self.parity
    }
}

/// Computes `count` coded symbols of a block of `k` source symbols, `count * symbol_size` bytes.
///
/// `source` is the content of the block, at most `k * symbol_size` bytes; what is missing at the
/// end is taken as zeros. `first_symbol` is an encoding symbol id, at least `k`.
///
/// # Errors
/// [`CodeError`] when the block or the ids are outside the scheme's limits.
pub fn encode(
    scheme: Scheme,
    k: u32,
    symbol_size: u16,
    source: &[u8],
    first_symbol: u32,
    count: u32,
) -> Result<Vec<u8>, CodeError> {
    match scheme {
        Scheme::NoCode => Err(CodeError::SymbolRange),
        Scheme::Raptor => encode_raptor(k, symbol_size, source, first_symbol, count),
        Scheme::RaptorQ => encode_repair(k, symbol_size, source, first_symbol, count),
        Scheme::ReedSolomon(code) => {
            let first = first_symbol.checked_sub(k).ok_or(CodeError::SymbolRange)?;
            let mut out = Vec::new();
            code.coder(k)?.encode(k, symbol_size, source, first, count, &mut out)?;
            Ok(out)
        }
    }
}
