//! NORM_ACK (RFC 5740 §4.3.2).
//!
//! ```text
//! | common header 64                                              |
//! | server_id 32                                                  |
//! | instance_id 16                 | ack_type 8    | ack_id 8     |
//! | grtt_response_sec 32                                          |
//! | grtt_response_usec 32                                         |
//! | header extensions, then payload                               |
//! ```

use super::header::{COMMON_LEN, Emit};
use super::reader::Reader;
use super::{Extensions, FecId, InstanceId, NodeId, ObjectId, ParseError, RawPayloadId, WireTime};

/// `ack_type` of the answer to NORM_CMD(CC); it has no payload.
pub const ACK_CC: u8 = 1;
/// `ack_type` of the answer to NORM_CMD(FLUSH); its payload is an [`AckFlush`].
pub const ACK_FLUSH: u8 = 2;
/// This `ack_type` and all above are the application's.
pub const ACK_APPLICATION_FIRST: u8 = 16;

/// A positive answer to a sender.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The sender that is answered.
    pub sender: NodeId,
    /// Which run of it.
    pub instance: InstanceId,
    /// [`ACK_CC`], [`ACK_FLUSH`], or the application's.
    pub ack_type: u8,
    /// Which NORM_CMD(ACK_REQ) is answered; 0 for CC and FLUSH.
    pub ack_id: u8,
    /// The last probe's send time plus the time it was held; zero when none was heard.
    pub grtt_response: WireTime,
    /// Usually EXT_CC.
    pub extensions: Extensions<'a>,
    /// By `ack_type`.
    pub payload: &'a [u8],
}

impl<'a> Ack<'a> {
    pub(super) fn parse(mut fields: Reader<'a>, payload: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self {
            sender: NodeId(fields.u32()?),
            instance: InstanceId(fields.u16()?),
            ack_type: fields.u8()?,
            ack_id: fields.u8()?,
            grtt_response: WireTime::parse(&mut fields)?,
            extensions: Extensions::from_bytes(fields.rest())?,
            payload,
        })
    }
}

impl Emit for Ack<'_> {
    const KIND: u8 = 5;

    fn base_len(&self) -> usize {
        COMMON_LEN + 16
    }

    fn extensions(&self) -> Extensions<'_> {
        self.extensions
    }

    fn payload(&self) -> &[u8] {
        self.payload
    }

    fn emit_fields(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.sender.0.to_be_bytes());
        out.extend_from_slice(&self.instance.0.to_be_bytes());
        out.extend_from_slice(&[self.ack_type, self.ack_id]);
        self.grtt_response.emit(out);
    }
}

/// The payload of an [`ACK_FLUSH`]: the watermark that is confirmed, exactly as the flush named it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct AckFlush {
    /// The scheme, which gives the payload id's layout.
    pub fec_id: FecId,
    /// Zero when sent; emitted again as it came.
    pub reserved: u8,
    /// The object.
    pub object: ObjectId,
    /// Block and symbol, in the layout of `fec_id`.
    pub payload_id: RawPayloadId,
}

impl AckFlush {
    /// Reads the payload of an [`Ack`] of type [`ACK_FLUSH`].
    ///
    /// # Errors
    ///
    /// [`ParseError::FecId`] for an unknown scheme, [`ParseError::PayloadLength`] for bytes too
    /// few or too many.
    pub fn parse(payload: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(payload, ParseError::PayloadLength);
        let fec_id = FecId(reader.u8()?);
        let reserved = reader.u8()?;
        let object = ObjectId(reader.u16()?);
        let payload_id = reader.payload_id(fec_id)?;
        if !reader.is_empty() {
            return Err(ParseError::PayloadLength);
        }
        Ok(Self { fec_id, reserved, object, payload_id })
    }

    /// Appends the payload: 8 bytes, or 12 with FEC id 129.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.fec_id.0, self.reserved]);
        out.extend_from_slice(&self.object.0.to_be_bytes());
        out.extend_from_slice(self.payload_id.as_bytes());
    }
}
