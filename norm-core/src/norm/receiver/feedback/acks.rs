//! Acknowledgments (RFC 5740 §4.3.2), and the receive window for flow control.

use core::time::Duration;

use super::cc;
use super::emit::emit;
use crate::base::Timestamp;
use crate::endpoint::{Transmit, TransmitBuf};
use crate::norm::receiver::ctx::Ctx;
use crate::norm::receiver::sender_state::SenderState;
use crate::norm::receiver::sender_state::acks::WindowDue;
use crate::norm::wire::{ACK_WINDOW, Ack, AckFlush, Extensions, Message, ReceiveWindow};

/// How long to wait before an acknowledgment: up to one GRTT (RFC 5740 §5.5.3).
pub(crate) fn delay<S>(ctx: &mut Ctx<S>, sender: &SenderState) -> Duration {
    let timing = sender.path.timing();
    if timing.is_alone() { Duration::ZERO } else { ctx.random_part(timing.grtt) }
}

/// Sends the acknowledgment that is due.
pub(super) fn send_ack<S>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    duplicate: bool,
    out: &mut TransmitBuf,
) -> Option<Transmit> {
    let due = sender.acks.take_due(now)?;
    let mut payload = Vec::with_capacity(16);
    if let Some(watermark) = due.watermark {
        AckFlush {
            fec_id: watermark.fec_id,
            reserved: 0,
            object: watermark.object,
            payload_id: watermark.payload_id,
        }
        .emit(&mut payload);
    }
    ctx.stats().acks += 1;
    let extensions = cc::extension(ctx, sender, now, duplicate);
    let ack = Message::Ack(Ack {
        sender: sender.source.node,
        instance: sender.source.instance,
        ack_type: due.ack_type,
        ack_id: due.ack_id,
        grtt_response: sender.path.grtt_response(now),
        extensions: extensions.as_extensions(),
        payload: &payload,
    });
    emit(ctx, sender, &ack, out)
}

/// Reports the receive window, to the sender alone: other receivers have no use for it.
pub(super) fn send_window<S>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    out: &mut TransmitBuf,
) -> Option<Transmit> {
    let WindowDue { ack_id, window, .. } = sender.acks.take_window()?;
    let mut payload = Vec::with_capacity(ReceiveWindow::LEN);
    window.emit(&mut payload);
    ctx.stats().acks += 1;
    let ack = Message::Ack(Ack {
        sender: sender.source.node,
        instance: sender.source.instance,
        ack_type: ACK_WINDOW,
        ack_id,
        grtt_response: sender.path.grtt_response(now),
        extensions: Extensions::EMPTY,
        payload: &payload,
    });
    emit(ctx, sender, &ack, out)
}
