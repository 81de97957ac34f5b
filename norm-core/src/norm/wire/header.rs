//! The common header (RFC 5740 §4.1) and the fields that every sender message repeats.
//!
//! ```text
//! | version 4 | type 4 | hdr_len 8 |         sequence 16          |
//! |                         source_id 32                          |
//! ```
//! then, in NORM_INFO, NORM_DATA and NORM_CMD:
//! ```text
//! |       instance_id 16           | grtt 8 | backoff 4 | gsize 4 |
//! ```

use super::reader::Reader;
use super::{
    Extensions, InstanceId, NodeId, ParseError, QuantizedGroupSize, QuantizedRtt, Sequence,
};

/// The version of RFC 5740.
const VERSION: u8 = 1;
/// Bytes of the common header.
pub(super) const COMMON_LEN: usize = 8;

/// The node that sent a message, and the message's number.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Counts the messages of a sender; in feedback it is often 0.
    pub sequence: Sequence,
    /// The node that sent the message.
    pub source: NodeId,
}

/// What every message of a sender tells about its timing.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SenderFields {
    /// Which run of the sender this is.
    pub instance: InstanceId,
    /// The group's round trip time.
    pub grtt: QuantizedRtt,
    /// Backoff factor K, 0..=15; higher bits are not sent.
    pub backoff: u8,
    /// How many receivers there may be.
    pub group_size: QuantizedGroupSize,
}

impl SenderFields {
    pub(super) const LEN: usize = 4;

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let instance = InstanceId(reader.u16()?);
        let [grtt, shared] = reader.array()?;
        Ok(Self {
            instance,
            grtt: QuantizedRtt(grtt),
            backoff: shared >> 4,
            group_size: QuantizedGroupSize(shared & 0x0f),
        })
    }

    pub(super) fn emit(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.instance.0.to_be_bytes());
        out.extend_from_slice(&[self.grtt.0, self.backoff << 4 | self.group_size.0 & 0x0f]);
    }
}

/// A datagram taken apart as far as all message types agree.
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) header: Header,
    /// The rest of the header: fields of the type, then extensions.
    pub(super) fields: Reader<'a>,
    pub(super) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes, ParseError::Truncated);
        let [first, words] = reader.array()?;
        if first >> 4 != VERSION {
            return Err(ParseError::Version);
        }
        let sequence = Sequence(reader.u16()?);
        let source = NodeId(reader.u32()?);
        let header_len = usize::from(words) << 2;
        let fields_len = header_len.checked_sub(COMMON_LEN).ok_or(ParseError::HeaderLength)?;
        let fields = Reader::new(reader.bytes(fields_len)?, ParseError::HeaderLength);
        let header = Header { sequence, source };
        Ok(Self { kind: first & 0x0f, header, fields, payload: reader.rest() })
    }
}

/// What all message types share when they are written: common header, fields, extensions, payload.
pub(super) trait Emit {
    /// The type in the common header.
    const KIND: u8;

    /// Bytes of the header without extensions; a multiple of 4, at most 24.
    fn base_len(&self) -> usize;

    fn extensions(&self) -> Extensions<'_>;

    fn payload(&self) -> &[u8];

    /// Appends what lies between the common header and the extensions.
    fn emit_fields(&self, out: &mut Vec<u8>);

    fn encoded_len(&self) -> usize {
        self.base_len() + self.extensions().as_bytes().len() + self.payload().len()
    }

    fn emit(&self, header: Header, out: &mut Vec<u8>) {
        out.reserve(self.encoded_len());
        let extensions = self.extensions().as_bytes();
        // At most 255, because extensions leave room for the longest base.
        let words = (self.base_len() + extensions.len()) >> 2;
        out.extend_from_slice(&[VERSION << 4 | Self::KIND, words as u8]);
        out.extend_from_slice(&header.sequence.0.to_be_bytes());
        out.extend_from_slice(&header.source.0.to_be_bytes());
        self.emit_fields(out);
        out.extend_from_slice(extensions);
        out.extend_from_slice(self.payload());
    }
}
