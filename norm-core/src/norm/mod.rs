//! NORM (RFC 5740): messages, and the engines of sender and receiver.

pub mod backoff;
pub mod congestion;
mod moves;
pub mod receiver;
pub mod sender;
pub mod stream;
pub mod wire;

#[doc(hidden)]
pub mod exercise;

pub use receiver::{Receiver, ReceiverConfig, ReceiverEvent};
pub use sender::{Sender, SenderConfig, SenderEvent};
pub use wire::{Identity, MAX_OBJECTS, NodeId};

/// True when this is a message of NORM, whatever it says.
pub fn is_message(datagram: &[u8]) -> bool {
    wire::Message::parse(datagram).is_ok()
}
