//! Answers to a sender that controls congestion (RFC 5740 §5.5.2).

use super::emit::emit;
use crate::base::Timestamp;
use crate::endpoint::{Transmit, TransmitBuf};
use crate::norm::receiver::ctx::Ctx;
use crate::norm::receiver::sender_state::SenderState;
use crate::norm::wire::{ACK_CC, Ack, ExtensionBuf, Message};

/// EXT_CC for a NACK or ACK that leaves now; nothing if the sender does not want it. A duplicate
/// sender gets none, because the sender itself would take it for what it can send: the answer that
/// is due is dropped.
pub(crate) fn extension<S>(
    ctx: &Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    duplicate: bool,
) -> ExtensionBuf {
    sender.path.expire(now);
    let (known, timing) = (is_known(ctx, sender), sender.path.timing());
    match sender.path.probes_mut() {
        Some(probes) if duplicate => {
            probes.drop_answer(now, timing);
            ExtensionBuf::new()
        }
        Some(probes) if known => probes.extension(now, timing),
        _ => ExtensionBuf::new(),
    }
}

/// A native sender listens only to receivers that have reported.
fn is_known<S>(ctx: &Ctx<S>, sender: &SenderState) -> bool {
    sender.report.is_sent() || !ctx.config().announce || sender.coding.is_interop_peer()
}

/// An answer is due before the first report: the report comes first, soon, and the answer after it.
fn report_first<S>(ctx: &mut Ctx<S>, sender: &mut SenderState, now: Timestamp) {
    let timing = sender.path.timing();
    let soon = now + ctx.random_part(timing.grtt);
    // What the sender takes for the only receiver may be the first of many.
    let scheduled = sender.report.due().filter(|_| timing.is_alone());
    let at = sender.report.schedule_by(scheduled.unwrap_or(soon));
    if let Some(probes) = sender.path.probes_mut() {
        probes.postpone_answer(at);
    }
}

/// Answers a probe when that is due: NORM_ACK(CC).
pub(super) fn send_answer<S>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    duplicate: bool,
    out: &mut TransmitBuf,
) -> Option<Transmit> {
    if !sender.path.is_answer_due(now) {
        return None;
    }
    if !duplicate && !is_known(ctx, sender) {
        report_first(ctx, sender, now);
        return None;
    }
    let extensions = extension(ctx, sender, now, duplicate);
    if extensions.as_extensions().is_empty() {
        return None;
    }
    ctx.stats().acks += 1;
    let ack = Message::Ack(Ack {
        sender: sender.source.node,
        instance: sender.source.instance,
        ack_type: ACK_CC,
        ack_id: 0,
        grtt_response: sender.path.grtt_response(now),
        extensions: extensions.as_extensions(),
        payload: &[],
    });
    emit(ctx, sender, &ack, out)
}
