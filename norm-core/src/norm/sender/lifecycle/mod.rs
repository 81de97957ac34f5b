//! The phases of a session.

pub(crate) mod pause;
pub(crate) mod phases;
pub(crate) mod session;
