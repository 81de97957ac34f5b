//! Packets of ALC (RFC 5775 §2): header, payload id, symbols.

use super::{Extensions, Header, ParseError, TimeFields};
use crate::fec::{PayloadFormat, PayloadId, RawPayloadId};

/// A packet, of which header and extensions are checked.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The LCT header.
    pub header: Header,
    /// Its extensions.
    pub extensions: Extensions<'a>,
    /// Payload id and symbols; nothing in packets that only close a session.
    pub content: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn parse(datagram: &'a [u8], times: TimeFields) -> Result<Self, ParseError> {
        let (header, extensions, content) = Header::parse(datagram, times)?;
        Ok(Self { header, extensions, content })
    }

    /// Which symbol is the first one, and the bytes of one or more symbols that follow each other;
    /// `None` when there is no payload id.
    pub fn symbols(&self, format: PayloadFormat) -> Option<(PayloadId, &'a [u8])> {
        let (id, symbols) = self.content.split_at_checked(format.len())?;
        Some((RawPayloadId::in_format(format, id)?.decode(format)?, symbols))
    }

    /// Appends the packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        self.header.emit(self.extensions, out);
        out.extend_from_slice(self.content);
    }
}

#[cfg(test)]
mod tests;
