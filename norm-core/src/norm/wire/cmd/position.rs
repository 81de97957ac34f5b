//! The commands that name a place in the transmission: NORM_CMD(FLUSH) (RFC 5740 §4.2.3.1) and
//! NORM_CMD(SQUELCH) (§4.2.3.3).
//!
//! ```text
//! | sub-type 1, 3  | fec_id 8      |   object_transport_id 16     |
//! | fec_payload_id 32 or 64                                       |
//! | header extensions, then a list of nodes (1) or objects (3)    |
//! ```

use crate::norm::wire::reader::Reader;
use crate::norm::wire::{FecId, NodeList, ObjectId, ObjectList, ParseError, RawPayloadId};

/// Everything up to and including this symbol has been sent.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Flush<'a> {
    /// The scheme, which gives the payload id's layout.
    pub fec_id: FecId,
    /// The newest object.
    pub object: ObjectId,
    /// The last symbol, in the layout of `fec_id`.
    pub payload_id: RawPayloadId,
    /// Receivers that are to confirm reception up to here.
    pub acking: NodeList<'a>,
}

impl<'a> Flush<'a> {
    pub(super) const SUBTYPE: u8 = 1;

    pub(super) fn parse(fields: &mut Reader<'a>, payload: &'a [u8]) -> Result<Self, ParseError> {
        let (fec_id, object, payload_id) = parse_position(fields)?;
        Ok(Self { fec_id, object, payload_id, acking: NodeList::from_bytes(payload)? })
    }

    pub(super) fn emit_fields(&self, out: &mut Vec<u8>) {
        emit_position(Self::SUBTYPE, self.fec_id, self.object, self.payload_id, out);
    }
}

/// Nothing before this place can be repaired, nor any of the listed objects after it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Squelch<'a> {
    /// The scheme, which gives the payload id's layout.
    pub fec_id: FecId,
    /// The earliest object that can be repaired.
    pub object: ObjectId,
    /// The earliest block of it, in the layout of `fec_id`.
    pub payload_id: RawPayloadId,
    /// Later objects that are gone as well.
    pub invalid: ObjectList<'a>,
}

impl<'a> Squelch<'a> {
    pub(super) const SUBTYPE: u8 = 3;

    pub(super) fn parse(fields: &mut Reader<'a>, payload: &'a [u8]) -> Result<Self, ParseError> {
        let (fec_id, object, payload_id) = parse_position(fields)?;
        Ok(Self { fec_id, object, payload_id, invalid: ObjectList::from_bytes(payload)? })
    }

    pub(super) fn emit_fields(&self, out: &mut Vec<u8>) {
        emit_position(Self::SUBTYPE, self.fec_id, self.object, self.payload_id, out);
    }
}

fn parse_position(fields: &mut Reader<'_>) -> Result<(FecId, ObjectId, RawPayloadId), ParseError> {
    let fec_id = FecId(fields.u8()?);
    let object = ObjectId(fields.u16()?);
    Ok((fec_id, object, fields.payload_id(fec_id)?))
}

fn emit_position(
    subtype: u8,
    fec_id: FecId,
    object: ObjectId,
    payload_id: RawPayloadId,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(&[subtype, fec_id.0]);
    out.extend_from_slice(&object.0.to_be_bytes());
    out.extend_from_slice(payload_id.as_bytes());
}
