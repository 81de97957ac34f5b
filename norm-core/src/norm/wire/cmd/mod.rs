//! NORM_CMD (RFC 5740 §4.2.3): what a sender says besides data.
//!
//! ```text
//! | common header 64                                              |
//! | instance_id 16                 | grtt 8 | backoff 4 | gsize 4 |
//! | sub-type 8     | 24 bits, and more, by sub-type               |
//! | header extensions, then payload by sub-type                   |
//! ```

mod cc;
mod position;
mod simple;

pub use cc::Cc;
pub use position::{Flush, Squelch};
pub use simple::{AckReq, Application, Eot, REPAIR_ADV_LIMIT, RepairAdv};

use super::header::{COMMON_LEN, Emit};
use super::reader::Reader;
use super::{Extensions, ParseError, SenderFields};

/// A command of a sender.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Cmd<'a> {
    /// Timing of the sender.
    pub sender: SenderFields,
    /// EXT_RATE in probes, EXT_CC in repair advertisements.
    pub extensions: Extensions<'a>,
    /// Which command.
    pub command: Command<'a>,
}

/// The commands of RFC 5740 §4.2.3.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// "All is sent up to here": excites NACKs, and asks the listed nodes for confirmation.
    Flush(Flush<'a>),
    /// "I am leaving for good."
    Eot(Eot),
    /// "Nothing before this, and none of those, can be repaired."
    Squelch(Squelch<'a>),
    /// A probe of round trips and congestion.
    Cc(Cc<'a>),
    /// "These repairs are coming": suppresses the NACKs of receivers that cannot hear each other.
    RepairAdv(RepairAdv<'a>),
    /// Asks the listed nodes for an acknowledgment of the application's own kind.
    AckReq(AckReq<'a>),
    /// Content of the application's.
    Application(Application<'a>),
}

impl<'a> Cmd<'a> {
    pub(super) fn parse(mut fields: Reader<'a>, payload: &'a [u8]) -> Result<Self, ParseError> {
        let sender = SenderFields::parse(&mut fields)?;
        let command = Command::parse(&mut fields, payload)?;
        let extensions = Extensions::from_bytes(fields.rest())?;
        Ok(Self { sender, extensions, command })
    }
}

impl<'a> Command<'a> {
    fn parse(fields: &mut Reader<'a>, payload: &'a [u8]) -> Result<Self, ParseError> {
        Ok(match fields.u8()? {
            Flush::SUBTYPE => Self::Flush(Flush::parse(fields, payload)?),
            Eot::SUBTYPE => Self::Eot(Eot::parse(fields, payload)?),
            Squelch::SUBTYPE => Self::Squelch(Squelch::parse(fields, payload)?),
            Cc::SUBTYPE => Self::Cc(Cc::parse(fields, payload)?),
            RepairAdv::SUBTYPE => Self::RepairAdv(RepairAdv::parse(fields, payload)?),
            AckReq::SUBTYPE => Self::AckReq(AckReq::parse(fields, payload)?),
            Application::SUBTYPE => Self::Application(Application::parse(fields, payload)?),
            _ => return Err(ParseError::Subtype),
        })
    }

    /// Header bytes after the first word of the command.
    fn extra_len(&self) -> usize {
        match self {
            Self::Flush(flush) => flush.payload_id.len(),
            Self::Squelch(squelch) => squelch.payload_id.len(),
            Self::Cc(_) => 8,
            Self::Eot(_) | Self::RepairAdv(_) | Self::AckReq(_) | Self::Application(_) => 0,
        }
    }
}

impl Emit for Cmd<'_> {
    const KIND: u8 = 3;

    fn base_len(&self) -> usize {
        COMMON_LEN + SenderFields::LEN + 4 + self.command.extra_len()
    }

    fn extensions(&self) -> Extensions<'_> {
        self.extensions
    }

    fn payload(&self) -> &[u8] {
        match &self.command {
            Command::Flush(flush) => flush.acking.as_bytes(),
            Command::Eot(_) => &[],
            Command::Squelch(squelch) => squelch.invalid.as_bytes(),
            Command::Cc(cc) => cc.nodes.as_bytes(),
            Command::RepairAdv(advertised) => advertised.requests.as_bytes(),
            Command::AckReq(request) => request.acking.as_bytes(),
            Command::Application(application) => application.content,
        }
    }

    fn emit_fields(&self, out: &mut Vec<u8>) {
        self.sender.emit(out);
        match &self.command {
            Command::Flush(flush) => flush.emit_fields(out),
            Command::Eot(eot) => eot.emit_fields(out),
            Command::Squelch(squelch) => squelch.emit_fields(out),
            Command::Cc(cc) => cc.emit_fields(out),
            Command::RepairAdv(advertised) => advertised.emit_fields(out),
            Command::AckReq(request) => request.emit_fields(out),
            Command::Application(application) => application.emit_fields(out),
        }
    }
}
