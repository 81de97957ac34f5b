//! Sealed sessions whose key the sender hands to each receiver.

use core::time::Duration;

use crate::packet::HostId;

/// Keys that a sender hands to receivers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecipientsPlan {
    /// Receivers that have no key from the start.
    pub unlisted: Vec<HostId>,
    /// When it goes on to another key, and all those that do not get that one.
    pub rekeys: Vec<(Duration, Vec<HostId>)>,
    /// Receivers ask for nothing.
    pub one_way: bool,
}
