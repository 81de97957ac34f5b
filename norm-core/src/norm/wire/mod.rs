//! NORM messages on the wire (RFC 5740 §4): parse and emit, and nothing else.
//!
//! [`Message::parse`] checks a datagram once, borrows from it, and afterwards every iterator walks
//! it without failing. It never panics and never allocates; what does not fit the format comes
//! back as a [`ParseError`] for the caller to count. Whatever parses is emitted again byte for
//! byte, reserved fields and unknown header extensions included.
//!
//! What the fields *mean* is left to the engines: nothing here knows about objects in progress,
//! repair cycles or rates. Not of the RFC are these formats: [`MembershipQuery`], the content of an
//! application command, and [`SizeProbe`], that of another one; [`MemberReport`], the content of a
//! NORM_REPORT; [`ReceiveWindow`], the payload of an acknowledgment; [`SetInfo`], the payload of a
//! NORM_INFO; the extensions [`Watch`], [`PathReport`] and [`MoveProof`].

mod ack;
mod cmd;
mod data;
mod error;
#[doc(hidden)]
pub mod exercise;
mod ext;
mod flags;
mod fti;
mod fti_layout;
mod header;
mod ids;
mod info;
mod lists;
mod member_report;
mod membership_query;
mod message;
mod move_proof;
mod nack;
mod path;
mod quantize;
mod reader;
mod receive_window;
mod repair;
mod report;
mod set_info;
mod size_probe;
#[cfg(test)]
mod tests;
mod time;

/// Bytes of content that INFO and commands have room for when DATA have `segment` bytes, and a
/// layer adds a signature of this many bytes. Where DATA are very short commands are longer.
pub(crate) fn signed_room(segment: u16, signature: usize) -> usize {
    let segment = usize::from(segment);
    segment.saturating_sub(signature).max(segment.min(128))
}

pub use crate::fec::{FecId, PayloadFormat, PayloadId, RawPayloadId};
pub use crate::transfer::{MemberState, NodeId};
pub use ack::{ACK_APPLICATION_FIRST, ACK_CC, ACK_FLUSH, Ack, AckFlush};
pub use cmd::{
    AckReq, Application, Cc, Cmd, Command, Eot, Flush, REPAIR_ADV_LIMIT, RepairAdv, Squelch,
};
pub use data::Data;
pub use error::ParseError;
pub use ext::{CcFeedback, Extension, ExtensionBuf, Extensions};
pub use flags::{CcFlags, ObjectFlags, RepairFlags};
pub use fti::Fti;
pub use header::{Header, SenderFields};
pub use ids::{InstanceId, MAX_OBJECTS, ObjectId, ObjectSize, Sequence};
pub use info::Info;
pub use lists::{
    CcNode, CcNodes, NodeList, ObjectList, encode_cc_nodes, encode_nodes, encode_objects,
};
pub use member_report::MemberReport;
pub use membership_query::{Identity, MembershipQuery};
pub use message::Message;
pub use move_proof::MoveProof;
pub use nack::Nack;
pub use path::{PathReport, Watch};
pub use quantize::{QuantizedGroupSize, QuantizedLoss, QuantizedRate, QuantizedRtt};
pub use receive_window::{ACK_WINDOW, ReceiveWindow};
pub use repair::{
    RepairForm, RepairItem, RepairItems, RepairRequest, RepairRequests, RepairWriter,
};
pub use report::Report;
pub use set_info::SetInfo;
pub use size_probe::{MovedObjects, SizeProbe};
pub use time::WireTime;
