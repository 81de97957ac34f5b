//! Objects that are being received.
//!
//! - `info`: what is known of NORM_INFO.
//! - `object`: an object's blocks, or its stream; `stream`: the content of a stream.
//! - `missing`: what is missing of an object, and what its blocks hold of what is on disk.
//! - `lifecycle`: what happens to an object, from its acceptance to its end.

mod info;
pub(super) mod lifecycle;
mod missing;
pub(super) mod object;
pub(super) mod stream;
