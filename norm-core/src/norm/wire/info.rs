//! NORM_INFO (RFC 5740 §4.2.2).
//!
//! ```text
//! | common header 64                                              |
//! | instance_id 16                 | grtt 8 | backoff 4 | gsize 4 |
//! | flags 8        | fec_id 8      |   object_transport_id 16     |
//! | header extensions, then payload                               |
//! ```

use super::header::{COMMON_LEN, Emit};
use super::reader::Reader;
use super::{Extensions, FecId, ObjectFlags, ObjectId, ParseError, SenderFields};

/// Information about an object, at most one segment, sent before its data.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Info<'a> {
    /// Timing of the sender.
    pub sender: SenderFields,
    /// Hints about the object.
    pub flags: ObjectFlags,
    /// The scheme of the object's data; any value, since no payload id follows.
    pub fec_id: FecId,
    /// The object.
    pub object: ObjectId,
    /// Usually EXT_FTI.
    pub extensions: Extensions<'a>,
    /// The information itself, for the application.
    pub payload: &'a [u8],
}

impl<'a> Info<'a> {
    pub(super) fn parse(mut fields: Reader<'a>, payload: &'a [u8]) -> Result<Self, ParseError> {
        let sender = SenderFields::parse(&mut fields)?;
        let [flags, fec_id] = fields.array()?;
        let object = ObjectId(fields.u16()?);
        let extensions = Extensions::from_bytes(fields.rest())?;
        let (flags, fec_id) = (ObjectFlags(flags), FecId(fec_id));
        Ok(Self { sender, flags, fec_id, object, extensions, payload })
    }
}

impl Emit for Info<'_> {
    const KIND: u8 = 1;

    fn base_len(&self) -> usize {
        COMMON_LEN + SenderFields::LEN + 4
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
    }
}
