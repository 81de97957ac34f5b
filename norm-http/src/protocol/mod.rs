//! What travels: headers, paths and formats. Nothing here opens a socket or a file.
//!
//! All of it comes from the network. Parsers take bytes, allocate nothing in proportion to numbers
//! that they read, and never panic.

pub mod bitmap;
pub mod catalogue;
pub mod exercise;
pub mod host;
mod number;
pub mod range;
pub mod route;
pub mod sidecar;
