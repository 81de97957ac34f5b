//! FEC Encoding IDs, and the payload ids that say which symbol of which block a packet carries.
//!
//! A payload id's layout follows from the FEC Encoding ID (RFC 5445 §3.2.1 and §5.2.1, RFC 5053
//! §3.1, RFC 5510 §4.1 and §5.1, RFC 6330 §3.2). For id 2 it depends also on the field size m,
//! which only the FTI tells; so messages carry the bytes, which code that knows the object decodes.

/// An FEC Encoding ID (RFC 5052 §6.1): which code, and which layout of payload id and FTI.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct FecId(pub u8);

impl FecId {
    /// Compact No-Code (RFC 5445 §3).
    pub const NO_CODE: Self = Self(0);
    /// Raptor (RFC 5053); FLUTE only.
    pub const RAPTOR: Self = Self(1);
    /// Reed-Solomon over GF(2^m) (RFC 5510 §4).
    pub const REED_SOLOMON: Self = Self(2);
    /// Reed-Solomon over GF(2^8) (RFC 5510 §5).
    pub const REED_SOLOMON_8: Self = Self(5);
    /// RaptorQ (RFC 6330), in a profile of its own for NORM.
    pub const RAPTORQ: Self = Self(6);
    /// Small Block Systematic (RFC 5445 §5).
    pub const SMALL_BLOCK: Self = Self(129);
}

/// A symbol of a block, in numbers.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PayloadId {
    /// Source block number.
    pub block: u32,
    /// Source symbols in this block; only in [`PayloadFormat::Block32Len16Symbol16`], else 0.
    pub block_len: u16,
    /// Encoding symbol id; in a NACK of form ERASURES a count of symbols.
    pub symbol: u32,
}

impl PayloadId {
    /// The bytes in that layout. Bits that a field has no room for are dropped.
    pub fn encode(self, format: PayloadFormat) -> RawPayloadId {
        let (block, symbol) = (self.block, self.symbol);
        let word = match format {
            PayloadFormat::Block16Symbol16 => block << 16 | symbol & 0xffff,
            PayloadFormat::Block24Symbol8 => block << 8 | symbol & 0xff,
            PayloadFormat::Block8Symbol24 => block << 24 | symbol & 0x00ff_ffff,
            PayloadFormat::Block32Len16Symbol16 => {
                let tail = u64::from(self.block_len) << 16 | u64::from(symbol & 0xffff);
                let bytes = (u64::from(block) << 32 | tail).to_be_bytes();
                return RawPayloadId { bytes, len: 8 };
            }
        };
        RawPayloadId { bytes: (u64::from(word) << 32).to_be_bytes(), len: 4 }
    }
}

/// How block and symbol numbers share the bytes of a payload id.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum PayloadFormat {
    /// FEC ids 0 and 1, and id 2 with m = 16.
    Block16Symbol16,
    /// FEC id 5, and id 2 with m = 8.
    Block24Symbol8,
    /// FEC id 6.
    Block8Symbol24,
    /// FEC id 129.
    Block32Len16Symbol16,
}

impl PayloadFormat {
    /// Bytes on the wire: 4 or 8.
    #[expect(clippy::len_without_is_empty, reason = "a layout is never empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Block16Symbol16 | Self::Block24Symbol8 | Self::Block8Symbol24 => 4,
            Self::Block32Len16Symbol16 => 8,
        }
    }

    /// The layout of this scheme; `None` for schemes we do not know.
    ///
    /// Id 2 gives the layout for m = 16; for m = 8 take [`Self::Block24Symbol8`] yourself.
    pub const fn for_fec(fec: FecId) -> Option<Self> {
        match fec {
            FecId::NO_CODE | FecId::RAPTOR | FecId::REED_SOLOMON => Some(Self::Block16Symbol16),
            FecId::REED_SOLOMON_8 => Some(Self::Block24Symbol8),
            FecId::RAPTORQ => Some(Self::Block8Symbol24),
            FecId::SMALL_BLOCK => Some(Self::Block32Len16Symbol16),
            _ => None,
        }
    }

    /// The largest block number that fits.
    pub const fn max_block(self) -> u32 {
        match self {
            Self::Block16Symbol16 => 0xffff,
            Self::Block24Symbol8 => 0x00ff_ffff,
            Self::Block8Symbol24 => 0xff,
            Self::Block32Len16Symbol16 => u32::MAX,
        }
    }

    /// The largest symbol id that fits.
    pub const fn max_symbol(self) -> u32 {
        match self {
            Self::Block16Symbol16 | Self::Block32Len16Symbol16 => 0xffff,
            Self::Block24Symbol8 => 0xff,
            Self::Block8Symbol24 => 0x00ff_ffff,
        }
    }
}

/// A payload id as its bytes, 4 or 8 of them.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct RawPayloadId {
    /// Zero after `len`, so that equality is that of the bytes on the wire.
    bytes: [u8; 8],
    len: u8,
}

impl RawPayloadId {
    /// The bytes on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        let (four, _) = self.bytes.split_at(4);
        if self.len == 4 { four } else { &self.bytes }
    }

    /// The numbers, read in that layout; `None` when its length differs.
    pub fn decode(self, format: PayloadFormat) -> Option<PayloadId> {
        if self.len() != format.len() {
            return None;
        }
        let long = u64::from_be_bytes(self.bytes);
        let (word, tail) = ((long >> 32) as u32, long as u32);
        let (block, block_len, symbol) = match format {
            PayloadFormat::Block16Symbol16 => (word >> 16, 0, word & 0xffff),
            PayloadFormat::Block24Symbol8 => (word >> 8, 0, word & 0xff),
            PayloadFormat::Block8Symbol24 => (word >> 24, 0, word & 0x00ff_ffff),
            PayloadFormat::Block32Len16Symbol16 => (word, (tail >> 16) as u16, tail & 0xffff),
        };
        Some(PayloadId { block, block_len, symbol })
    }

    /// True for the greatest block and symbol that fit, which no object has: the last symbol of an
    /// object without any, as the NRL library counts it.
    pub fn is_before_first(self, format: PayloadFormat) -> bool {
        self.decode(format)
            .is_some_and(|id| id.block == format.max_block() && id.symbol == format.max_symbol())
    }

    /// A payload id of `fec` from the front of `bytes`; `None` when the scheme is unknown or too
    /// few bytes are there.
    pub fn from_front(fec: FecId, bytes: &[u8]) -> Option<Self> {
        Self::in_format(PayloadFormat::for_fec(fec)?, bytes)
    }

    /// A payload id of this layout from the front of `bytes`; `None` when too few are there.
    pub fn in_format(format: PayloadFormat, bytes: &[u8]) -> Option<Self> {
        let len = format.len();
        let mut padded = [0; 8];
        padded.get_mut(..len)?.copy_from_slice(bytes.get(..len)?);
        Some(Self { bytes: padded, len: len as u8 })
    }

    /// Bytes on the wire: 4 or 8.
    #[expect(clippy::len_without_is_empty, reason = "a payload id is never empty")]
    pub const fn len(self) -> usize {
        self.len as usize
    }

    /// True when `fec` writes payload ids of this length.
    pub fn suits(self, fec: FecId) -> bool {
        PayloadFormat::for_fec(fec).is_some_and(|format| format.len() == self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: [PayloadFormat; 4] = [
        PayloadFormat::Block16Symbol16,
        PayloadFormat::Block24Symbol8,
        PayloadFormat::Block8Symbol24,
        PayloadFormat::Block32Len16Symbol16,
    ];

    #[test]
    fn layouts_put_fields_where_their_rfc_says() {
        let id = PayloadId { block: 0x12, block_len: 0, symbol: 0x34 };
        let bytes = |format| id.encode(format).as_bytes().to_vec();
        assert_eq!(bytes(PayloadFormat::Block16Symbol16), [0, 0x12, 0, 0x34]);
        assert_eq!(bytes(PayloadFormat::Block24Symbol8), [0, 0, 0x12, 0x34]);
        assert_eq!(bytes(PayloadFormat::Block8Symbol24), [0x12, 0, 0, 0x34]);
        let long =
            PayloadId { block_len: 0x0567, ..id }.encode(PayloadFormat::Block32Len16Symbol16);
        assert_eq!(long.as_bytes(), [0, 0, 0, 0x12, 0x05, 0x67, 0, 0x34]);
    }

    #[test]
    fn fields_at_their_limits_survive() {
        for format in FORMATS {
            let block_len = if format.len() == 8 { 0xffff } else { 0 };
            let (block, symbol) = (format.max_block(), format.max_symbol());
            let id = PayloadId { block, block_len, symbol };
            assert_eq!(id.encode(format).decode(format), Some(id));
            let zero = PayloadId { block: 0, block_len: 0, symbol: symbol.wrapping_add(1) };
            assert_eq!(zero.encode(format).decode(format).unwrap().symbol, 0, "{format:?}");
            assert_eq!(zero.encode(format).decode(format).unwrap().block, 0, "{format:?}");
        }
    }

    #[test]
    fn layouts_of_another_length_decode_to_nothing() {
        let id = PayloadId { block: 1, block_len: 2, symbol: 3 };
        let long = id.encode(PayloadFormat::Block32Len16Symbol16);
        let short = id.encode(PayloadFormat::Block24Symbol8);
        assert_eq!(long.decode(PayloadFormat::Block24Symbol8), None);
        assert_eq!(short.decode(PayloadFormat::Block32Len16Symbol16), None);
        assert!(short.suits(FecId::RAPTORQ) && !long.suits(FecId::RAPTORQ));
        assert_eq!(PayloadFormat::for_fec(FecId(3)), None);
    }
}
