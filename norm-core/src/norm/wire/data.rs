//! NORM_DATA (RFC 5740 §4.2.1).
//!
//! ```text
//! | common header 64                                              |
//! | instance_id 16                 | grtt 8 | backoff 4 | gsize 4 |
//! | flags 8        | fec_id 8      |   object_transport_id 16     |
//! | fec_payload_id 32 or 64                                       |
//! | header extensions, then payload                               |
//! ```
//!
//! The payload of a stream begins with fields of its own, under the FEC; they are not read here.

use super::header::{COMMON_LEN, Emit};
use super::reader::Reader;
use super::{Extensions, FecId, ObjectFlags, ObjectId, ParseError, RawPayloadId, SenderFields};

/// One symbol of an object: source or parity.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// Timing of the sender.
    pub sender: SenderFields,
    /// Hints about the object.
    pub flags: ObjectFlags,
    /// The scheme; it must be one with a known payload id.
    pub fec_id: FecId,
    /// The object.
    pub object: ObjectId,
    /// Block and symbol, in the layout of `fec_id`.
    pub payload_id: RawPayloadId,
    /// EXT_FTI, when the sender repeats it.
    pub extensions: Extensions<'a>,
    /// The symbol.
    pub payload: &'a [u8],
}

impl<'a> Data<'a> {
    pub(super) fn parse(mut fields: Reader<'a>, payload: &'a [u8]) -> Result<Self, ParseError> {
        let sender = SenderFields::parse(&mut fields)?;
        let [flags, fec_id] = fields.array()?;
        let (flags, fec_id) = (ObjectFlags(flags), FecId(fec_id));
        let object = ObjectId(fields.u16()?);
        let payload_id = fields.payload_id(fec_id)?;
        let extensions = Extensions::from_bytes(fields.rest())?;
        Ok(Self { sender, flags, fec_id, object, payload_id, extensions, payload })
    }
}

impl Emit for Data<'_> {
    const KIND: u8 = 2;

    fn base_len(&self) -> usize {
        COMMON_LEN + SenderFields::LEN + 4 + self.payload_id.len()
    }

    fn extensions(&self) -> Extensions<'_> {
        self.extensions
    }

    fn payload(&self) -> &[u8] {
        self.payload
    }

    fn emit_fields(&self, out: &mut Vec<u8>) {
        self.sender.emit(out);
        out.extend_from_slice(&[self.flags.0, self.fec_id.0]);
        out.extend_from_slice(&self.object.0.to_be_bytes());
        out.extend_from_slice(self.payload_id.as_bytes());
    }
}
