//! What a transfer of files asks of an engine, whatever its protocol.
//!
//! Sessions, which join files and people to an engine, know these types and no message of a
//! protocol.

mod inbound;
mod object;
mod outbound;
mod roster;

use crate::base::Rng;

pub use crate::carousel::Passes;
pub use inbound::{Inbound, InboundNotice, InboundStats, ReceiverStatus, SourceView};
pub use object::{FileContent, ObjectMeta, ObjectSpec};
pub use outbound::{
    IgnoredReason, Outbound, OutboundNotice, OutboundProgress, OutboundStats, ReceiverNotice,
    ReceiverStanding, ReceiverView, SlowCause,
};
pub use roster::{Roster, RosterLine};

/// Tells the nodes of a session apart: a NormNodeId (RFC 5740 §4.1), or what stands for it in
/// another protocol.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// No node. In an acking list it stands for a flush that wants NACKs only.
    pub const NONE: Self = Self(0);
    /// Any node; reserved, never a node's own id.
    pub const ANY: Self = Self(u32::MAX);

    /// A random id, none of the two reserved ones.
    pub fn draw(rng: &mut Rng) -> Self {
        loop {
            let node = Self(rng.next_u32());
            if node != Self::NONE && node != Self::ANY {
                return node;
            }
        }
    }
}

/// How far a receiver is. The two states in which it ends differ from the others in four bits.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MemberState {
    /// Present; nothing received yet.
    Joined = 0,
    /// Receiving.
    Receiving = 1,
    /// All bytes are there, in memory or written; they are being written and checked.
    Verifying = 2,
    /// Checked, written and named.
    Complete = 3,
    /// Given up; the reason says why.
    Failed = 0xf0,
    /// About to go.
    Leaving = 0xff,
    /// Receiving; its disk takes less than arrives.
    Writing = 4,
    /// Comparing files that it has with what is to come; it asks as it compares.
    Comparing = 5,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_node_id_is_random_and_not_reserved() {
        let mut rng = Rng::new(1);
        let mut plain = Rng::new(1);
        for _ in 0..1000 {
            let node = NodeId::draw(&mut rng);
            assert_eq!(node, NodeId(plain.next_u32()), "one draw each");
            assert!(node != NodeId::NONE && node != NodeId::ANY);
        }
    }
}
