//! What has to be sent again.

pub(crate) mod budget;
pub(crate) mod proactive;
pub(crate) mod requests;
pub(crate) mod schedule;
pub(crate) mod table;
