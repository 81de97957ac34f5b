//! The receivers of a session: the list, the size of the group, and what single receivers are to be
//! told.

mod claims;
mod departures;
mod group;
mod grtt;
mod late_joiners;
mod member;
mod roster;
mod rtt_notices;
mod size_evidence;
mod state;
mod table;

pub(crate) use group::GroupTiming;
pub(crate) use member::Speaker;
pub use member::{Member, MemberStatus};
pub(crate) use roster::Attendance;
pub(crate) use size_evidence::{SizeAnswer, SizeEvidence};
pub(crate) use state::{Receivers, leaves};
pub(crate) use table::{Heard, MemberTable};
