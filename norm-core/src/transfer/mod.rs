//! What a transfer of files asks of an engine, whatever its protocol.
//!
//! Sessions, which join files and people to an engine, know these types and no message of a
//! protocol.

mod inbound;
mod object;

pub use inbound::{Inbound, InboundNotice, InboundStats, ReceiverStatus, SourceView};
pub use object::{ObjectMeta, ObjectSpec};

/// Tells the nodes of a session apart: a NormNodeId (RFC 5740 §4.1), or what stands for it in another
/// protocol.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// Nobody. In an acking list it stands for a flush that wants NACKs only.
    pub const NONE: Self = Self(0);
    /// Anybody; reserved, never a node's own id.
    pub const ANY: Self = Self(u32::MAX);
}

/// How far a receiver is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MemberState {
    /// Present; nothing received yet.
    Joined = 0,
    /// Receiving.
    Receiving = 1,
    /// All bytes are there and are being checked.
    Verifying = 2,
    /// Checked, written and named.
    Complete = 3,
    /// Given up; the reason says why.
    Failed = 4,
    /// About to go.
    Leaving = 5,
}
