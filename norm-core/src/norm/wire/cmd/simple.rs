//! The commands with one word of fields: NORM_CMD(EOT) (RFC 5740 §4.2.3.2), NORM_CMD(REPAIR_ADV)
//! (§4.2.3.5), NORM_CMD(ACK_REQ) (§4.2.3.6) and NORM_CMD(APPLICATION) (§4.2.3.7).
//!
//! ```text
//! | sub-type 2     | reserved 24                                  |
//! | sub-type 5     | flags 8       |   reserved 16                |  then repair requests
//! | sub-type 6     | reserved 8    | ack_type 8    |  ack_id 8    |  then node ids
//! | sub-type 7     | reserved 24                                  |  then content
//! ```

use crate::norm::wire::reader::Reader;
use crate::norm::wire::{NodeList, ParseError, RepairRequests};

/// In [`RepairAdv::flags`]: not all repairs fit; ask for nothing beyond the last one listed.
pub const REPAIR_ADV_LIMIT: u8 = 0x01;

/// The end of the sender's transmission.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Eot {
    /// Zero when sent; emitted again as it came.
    pub reserved: [u8; 3],
}

impl Eot {
    pub(super) const SUBTYPE: u8 = 2;

    pub(super) fn parse(fields: &mut Reader<'_>, payload: &[u8]) -> Result<Self, ParseError> {
        let reserved = fields.array()?;
        if payload.is_empty() { Ok(Self { reserved }) } else { Err(ParseError::PayloadLength) }
    }

    pub(super) fn emit_fields(&self, out: &mut Vec<u8>) {
        out.push(Self::SUBTYPE);
        out.extend_from_slice(&self.reserved);
    }
}

/// The repairs that the sender is about to make.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RepairAdv<'a> {
    /// [`REPAIR_ADV_LIMIT`] or 0.
    pub flags: u8,
    /// Zero when sent; emitted again as it came.
    pub reserved: u16,
    /// The repairs, in the form of a NACK.
    pub requests: RepairRequests<'a>,
}

impl<'a> RepairAdv<'a> {
    pub(super) const SUBTYPE: u8 = 5;

    pub(super) fn parse(fields: &mut Reader<'a>, payload: &'a [u8]) -> Result<Self, ParseError> {
        let flags = fields.u8()?;
        let reserved = fields.u16()?;
        Ok(Self { flags, reserved, requests: RepairRequests::from_bytes(payload)? })
    }

    pub(super) fn emit_fields(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[Self::SUBTYPE, self.flags]);
        out.extend_from_slice(&self.reserved.to_be_bytes());
    }
}

/// A request for acknowledgment of the application's own kind.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct AckReq<'a> {
    /// Zero when sent; emitted again as it came.
    pub reserved: u8,
    /// 16..=255; never [`crate::norm::wire::ACK_CC`] or [`crate::norm::wire::ACK_FLUSH`].
    pub ack_type: u8,
    /// Tells requests apart; the answer repeats it.
    pub ack_id: u8,
    /// Receivers that are to answer.
    pub acking: NodeList<'a>,
}

impl<'a> AckReq<'a> {
    pub(super) const SUBTYPE: u8 = 6;

    pub(super) fn parse(fields: &mut Reader<'a>, payload: &'a [u8]) -> Result<Self, ParseError> {
        let [reserved, ack_type, ack_id] = fields.array()?;
        Ok(Self { reserved, ack_type, ack_id, acking: NodeList::from_bytes(payload)? })
    }

    pub(super) fn emit_fields(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[Self::SUBTYPE, self.reserved, self.ack_type, self.ack_id]);
    }
}

/// Content of the application's; in native mode a [`crate::norm::wire::MembershipQuery`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Application<'a> {
    /// Zero when sent; emitted again as it came.
    pub reserved: [u8; 3],
    /// At most one segment.
    pub content: &'a [u8],
}

impl<'a> Application<'a> {
    pub(super) const SUBTYPE: u8 = 7;

    pub(super) fn parse(fields: &mut Reader<'a>, content: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self { reserved: fields.array()?, content })
    }

    pub(super) fn emit_fields(&self, out: &mut Vec<u8>) {
        out.push(Self::SUBTYPE);
        out.extend_from_slice(&self.reserved);
    }
}
