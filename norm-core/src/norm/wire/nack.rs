//! NORM_NACK (RFC 5740 §4.3.1).
//!
//! ```text
//! | common header 64                                              |
//! | server_id 32                                                  |
//! | instance_id 16                 | reserved 16                  |
//! | grtt_response_sec 32                                          |
//! | grtt_response_usec 32                                         |
//! | header extensions, then repair requests                       |
//! ```

use super::header::{COMMON_LEN, Emit};
use super::reader::Reader;
use super::{Extensions, InstanceId, NodeId, ParseError, RepairRequests, WireTime};

/// What a receiver misses.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Nack<'a> {
    /// The sender that is asked.
    pub sender: NodeId,
    /// Which run of it.
    pub instance: InstanceId,
    /// Zero when sent; emitted again as it came.
    pub reserved: u16,
    /// The last probe's send time plus the time it was held; zero when none was heard.
    pub grtt_response: WireTime,
    /// Usually EXT_CC, which must come first for one known peer.
    pub extensions: Extensions<'a>,
    /// The requests, in ascending order.
    pub requests: RepairRequests<'a>,
}

impl<'a> Nack<'a> {
    pub(super) fn parse(mut fields: Reader<'a>, payload: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self {
            sender: NodeId(fields.u32()?),
            instance: InstanceId(fields.u16()?),
            reserved: fields.u16()?,
            grtt_response: WireTime::parse(&mut fields)?,
            extensions: Extensions::from_bytes(fields.rest())?,
            requests: RepairRequests::from_bytes(payload)?,
        })
    }
}

impl Emit for Nack<'_> {
    const KIND: u8 = 4;

    fn base_len(&self) -> usize {
        COMMON_LEN + 16
    }

    fn extensions(&self) -> Extensions<'_> {
        self.extensions
    }

    fn payload(&self) -> &[u8] {
        self.requests.as_bytes()
    }

    fn emit_fields(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.sender.0.to_be_bytes());
        out.extend_from_slice(&self.instance.0.to_be_bytes());
        out.extend_from_slice(&self.reserved.to_be_bytes());
        self.grtt_response.emit(out);
    }
}
