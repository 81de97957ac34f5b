//! Writes packets.

pub(crate) mod advertise;
pub(crate) mod commands;
pub(crate) mod compose;
