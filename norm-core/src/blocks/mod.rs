//! Blocks in progress at a receiver, whatever the protocol.
//!
//! - `block`: which symbols of a block are here, and whether to try to decode.
//! - `held`: what of an object need not come, because it is on disk or not wanted.

mod block;
mod held;

pub(crate) use block::RecvBlock;
pub(crate) use held::Held;
