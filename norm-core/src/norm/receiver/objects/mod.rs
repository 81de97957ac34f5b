//! Objects that are being received.
//!
//! - `block`: which symbols of a block are here; `info`: what is known of NORM_INFO.
//! - `held`: what need not come, because it is on disk or not wanted.
//! - `object`: an object's blocks, or its stream; `stream`: the content of a stream.
//! - `missing`: what is missing of an object, and what its blocks hold of what is on disk.
//! - `lifecycle`: what happens to an object, from its acceptance to its end.

pub(crate) mod block;
mod held;
mod info;
pub(super) mod lifecycle;
mod missing;
pub(super) mod object;
pub(super) mod stream;
