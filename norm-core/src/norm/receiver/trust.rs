//! What of a message is believed, in a session in which senders sign what they say.
//!
//! Feedback of receivers is not signed. What senders do not sign has receivers be silent, or say
//! how much they can take, or is content.

use crate::endpoint::Proof;
use crate::norm::wire::{ACK_WINDOW, Command, Message};

use super::config::Trust;

/// What of a message is believed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Belief {
    /// All of it.
    All,
    /// What it says, but not what its header says of the session; only of senders that are known.
    Body,
    /// Of DATA the symbol alone; only of senders that are known.
    Symbol,
    /// Nothing: it should have been signed.
    Nothing,
}

/// What of a message is believed of which this is proved.
pub(super) fn judge(trust: Trust, proof: Proof, message: &Message<'_>) -> Belief {
    if trust == Trust::All || proof == Proof::Signed {
        return Belief::All;
    }
    match message {
        Message::Nack(_) | Message::Ack(_) | Message::Report(_) => Belief::All,
        Message::Data(_) if trust == Trust::Data => Belief::Body,
        Message::Data(_) => Belief::Symbol,
        Message::Cmd(cmd) => match &cmd.command {
            Command::RepairAdv(_) => Belief::Body,
            Command::AckReq(request) if request.ack_type == ACK_WINDOW => Belief::Body,
            _ => Belief::Nothing,
        },
        Message::Info(_) => Belief::Nothing,
    }
}
