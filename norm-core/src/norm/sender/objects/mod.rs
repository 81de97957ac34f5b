//! Objects of a session and their content.

pub(crate) mod cache;
pub(crate) mod parity;
pub(crate) mod stream;
pub(crate) mod table;
