//! The beginning of a NACK cycle (RFC 5740 §5.3).

use super::repeat;
use crate::base::Timestamp;
use crate::norm::receiver::ctx::Ctx;
use crate::norm::receiver::sender_state::SenderState;

/// Begins a NACK cycle if something is missing.
pub(crate) fn check<S>(ctx: &mut Ctx<S>, sender: &mut SenderState, now: Timestamp) {
    sender.nack.note_due(now, sender.timeline.due());
    let in_vain = sender.liveness.is_deaf() || sender.timeline.is_turning();
    if !ctx.config().sends_feedback() || !sender.nack.is_idle() || in_vain {
        return;
    }
    match repeat::next_request(sender, now) {
        Some(at) if at <= now => {
            let (bound, timing) = (sender.timeline.due(), sender.path.timing());
            let window = sender.path.lateness().greatest();
            sender.nack.begin(now, bound, window, timing, ctx.rng());
            sender.interest.objects_mut().for_each(|(_, object)| object.begin_cycle());
        }
        Some(at) => sender.nack.wait(at),
        None => {}
    }
}

/// Ends a cycle in which there was nothing to ask for, and begins another one if something is
/// missing.
pub(super) fn restart<S>(ctx: &mut Ctx<S>, sender: &mut SenderState, now: Timestamp) {
    sender.nack.stop();
    check(ctx, sender, now);
}
