//! The receivers of a session.

pub(crate) mod claims;
pub(crate) mod grtt;
pub(crate) mod late_joiners;
pub(crate) mod member;
pub(crate) mod rtt_notices;
pub(crate) mod table;
