//! Objects that are being received.
//!
//! - `block`: which symbols of a block are here; `info`: what is known of NORM_INFO.
//! - `object`: an object's blocks, or its stream; `stream`: the content of a stream.
//! - `lifecycle`: what happens to an object, from its acceptance to its end.

pub(crate) mod block;
mod info;
pub(super) mod lifecycle;
pub(super) mod object;
pub(super) mod stream;
