//! Membership reports.

use super::emit::emit;
use crate::base::Timestamp;
use crate::endpoint::{Transmit, TransmitBuf};
use crate::norm::receiver::ctx::Ctx;
use crate::norm::receiver::event::ReceiverEvent;
use crate::norm::receiver::sender_state::SenderState;
use crate::norm::wire::{Extensions, MemberReport, Message, Report};

/// Reports that say that we are complete before we leave passes.
const LAST_REPORTS: u32 = 3;

/// Sends the membership report that is due. Interop peers know no reports, and a duplicate sender
/// gets none.
pub(super) fn send_report<S>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    duplicate: bool,
    out: &mut TransmitBuf,
) -> Option<Transmit> {
    let round = sender.report.take_due(now)?;
    let reports = ctx.config().sends_feedback() && ctx.config().announce;
    if !reports || sender.coding.is_interop_peer() || duplicate {
        return None;
    }
    sender.report.note_sent(now);
    leave_passes(ctx, sender, now);
    let progress = sender.report.progress();
    let total = progress.bytes_total;
    let limit = if total > 0 { total } else { u64::MAX };
    let report = MemberReport {
        sender: sender.source.node,
        instance: sender.source.instance,
        round,
        grtt_response: sender.path.grtt_response(now),
        identity: ctx.identity_to(sender),
        state: progress.state,
        // What was written twice, because its hash was wrong, counts once.
        bytes_done: sender.interest.bytes_done().max(progress.bytes_done).min(limit),
        bytes_total: total,
        loss: sender.path.loss_fraction(),
        drops: u32::try_from(ctx.drops()).unwrap_or(u32::MAX),
        ce_marked: u32::try_from(sender.path.ce_marked()).unwrap_or(u32::MAX),
        largest_heard: sender.path.sizes().largest(),
        name: prefix(&ctx.config().name, MemberReport::MAX_NAME_LEN),
        reason: prefix(&progress.reason, MemberReport::MAX_REASON_LEN),
    };
    let mut content = Vec::with_capacity(report.encoded_len());
    report.emit(&mut content);
    ctx.stats().reports += 1;
    let message = Message::Report(Report { extensions: Extensions::EMPTY, content: &content });
    emit(ctx, sender, &message, out)
}

/// In passes no watermark asks for a confirmation: a receiver that is complete says so a few times,
/// and then it may leave.
fn leave_passes<S>(ctx: &mut Ctx<S>, sender: &mut SenderState, now: Timestamp) {
    if !sender.timeline.is_turning() {
        return;
    }
    match sender.report.completes() {
        0 => {}
        1..LAST_REPORTS => sender.report.schedule(now + sender.path.grtt() * 2),
        _ => {
            if sender.acks.note_reported() {
                ctx.event(ReceiverEvent::Released { sender: sender.id });
            }
        }
    }
}

/// The longest prefix of at most `len` bytes that ends between characters.
fn prefix(text: &str, len: usize) -> &str {
    &text[..text.floor_char_boundary(len)]
}
