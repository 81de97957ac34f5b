//! FLUTE (RFC 6726): files over ALC (RFC 5775) and LCT (RFC 5651), one way.
//!
//! - [`sender`]: the sending engine.
//! - [`receiver`]: the receiving engine.
//! - [`fdt`]: the table that says which objects there are, and what they are.
//! - [`layout`]: from FEC object transmission information to blocks.
//! - [`wire`]: headers, extensions and FEC object transmission information.

#[doc(hidden)]
pub mod exercise;
pub mod fdt;
pub mod layout;
pub mod receiver;
pub mod sender;
pub mod wire;

pub use receiver::{Receiver, ReceiverConfig};
pub use sender::{Profile, Sender, SenderConfig};
