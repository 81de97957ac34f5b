//! A cursor over received bytes.

use super::{FecId, ParseError, PayloadFormat, RawPayloadId};

/// Takes big-endian fields off the front of a slice.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// What running out of bytes means at this place.
    short: ParseError,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], short: ParseError) -> Self {
        Self { rest: bytes, short }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ParseError> {
        let (head, tail) = self.rest.split_first_chunk().ok_or(self.short)?;
        self.rest = tail;
        Ok(*head)
    }

    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], ParseError> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(self.short)?;
        self.rest = tail;
        Ok(head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, ParseError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, ParseError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, ParseError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, ParseError> {
        self.array().map(u64::from_be_bytes)
    }

    /// The payload id that messages of this scheme carry.
    pub(super) fn payload_id(&mut self, fec: FecId) -> Result<RawPayloadId, ParseError> {
        // NORM has no profile for Raptor.
        let format = PayloadFormat::for_fec(fec).filter(|_| fec != FecId::RAPTOR);
        let len = format.ok_or(ParseError::FecId)?.len();
        RawPayloadId::from_front(fec, self.bytes(len)?).ok_or(self.short)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}
