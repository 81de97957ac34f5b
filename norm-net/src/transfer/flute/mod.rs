//! FLUTE's part of transfers (RFC 6726): one way, from a sender that hears nothing of its
//! receivers.
//!
//! - `options`: what the user decides.
//! - `send`: a sender with all that is to be sent.
//! - `receive`: a receiver.

mod options;
mod receive;
mod send;

use norm_core::endpoint::SymbolStore;
use norm_core::flute::wire::{Packet, TimeFields};
use norm_core::flute::{Receiver, Sender};

use crate::io::layer::Bare;

pub use norm_core::flute::sender::{Passes, Profile, SenderError};
pub use options::{FluteReceive, FluteSend};

pub(crate) use receive::receiver;
pub(crate) use send::Flute;

/// True when this is a packet of ALC, on which FLUTE is built.
pub(crate) fn is_packet(datagram: &[u8]) -> bool {
    Packet::parse(datagram, TimeFields::Reserved).is_ok()
}

impl<S: SymbolStore> Bare for Receiver<S> {}

impl Bare for Sender {}
