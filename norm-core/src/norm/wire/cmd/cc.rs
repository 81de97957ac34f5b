//! NORM_CMD(CC) (RFC 5740 §4.2.3.4).
//!
//! ```text
//! | sub-type 4     | reserved 8    |   cc_sequence 16             |
//! | send_time_sec 32                                              |
//! | send_time_usec 32                                             |
//! | header extensions, then 8 bytes for each listed node          |
//! ```

use crate::norm::wire::reader::Reader;
use crate::norm::wire::{CcNodes, ParseError, WireTime};

/// A probe: receivers answer with its send time, which measures their round trip.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Cc<'a> {
    /// Zero from us; a known peer uses its lowest bit.
    pub reserved: u8,
    /// Counts the probes; receivers send back the last they heard.
    pub cc_sequence: u16,
    /// When the probe left.
    pub send_time: WireTime,
    /// State of the limiting receiver and of some others.
    pub nodes: CcNodes<'a>,
}

impl<'a> Cc<'a> {
    pub(super) const SUBTYPE: u8 = 4;

    pub(super) fn parse(fields: &mut Reader<'a>, payload: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self {
            reserved: fields.u8()?,
            cc_sequence: fields.u16()?,
            send_time: WireTime::parse(fields)?,
            nodes: CcNodes::from_bytes(payload)?,
        })
    }

    pub(super) fn emit_fields(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[Self::SUBTYPE, self.reserved]);
        out.extend_from_slice(&self.cc_sequence.to_be_bytes());
        self.send_time.emit(out);
    }
}
