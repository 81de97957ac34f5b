//! The way of a message to the sender or the group.

use crate::endpoint::{Destination, Transmit, TransmitBuf};
use crate::norm::receiver::config::Feedback;
use crate::norm::receiver::ctx::Ctx;
use crate::norm::receiver::sender_state::SenderState;
use crate::norm::wire::{ACK_CC, ACK_WINDOW, Ack, Message};

/// Larger groups send acknowledgments and reports to the sender alone.
const MAX_SHARING_GROUP: u64 = 500;

/// Writes a message to a sender; `None` when nothing is to be sent.
pub(crate) fn emit<S>(
    ctx: &mut Ctx<S>,
    sender: &SenderState,
    message: &Message<'_>,
    out: &mut TransmitBuf,
) -> Option<Transmit> {
    let address = sender.source.address;
    let destination = match ctx.config().feedback {
        Feedback::Multicast if is_private(sender, message) => Destination::Unicast(address),
        Feedback::Multicast => Destination::Group,
        Feedback::Unicast => Destination::Unicast(address),
        Feedback::None => return None,
    };
    let header = ctx.next_header();
    out.append(|bytes| message.emit(header, bytes));
    ctx.stats().sent_packets += 1;
    ctx.stats().sent_bytes += out.payload_bytes() as u64;
    out.feedback(destination, address)
}

/// True when a message is for the sender alone. In a large group only what the other receivers can
/// use goes to all of them.
fn is_private(sender: &SenderState, message: &Message<'_>) -> bool {
    let private = match message {
        Message::Nack(_) | Message::Ack(Ack { ack_type: ACK_CC, .. }) => false,
        Message::Ack(Ack { ack_type: ACK_WINDOW, .. }) => true,
        _ => sender.path.timing().group_size > MAX_SHARING_GROUP,
    };
    private && !sender.report.is_unheard()
}
