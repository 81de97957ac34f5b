//! Builders of forged messages, one file for each kind of message.

pub(super) mod feedback;
pub(super) mod flute;
pub(super) mod path_report;
pub(super) mod sender;
