//! Looks after senders that have been silent: their last packets may be lost.

use core::time::Duration;

use crate::base::Timestamp;

use super::ctx::Ctx;
use super::event::ReceiverEvent;
use super::nack::cycle;
use super::objects::object::RecvObject;
use super::sender_state::SenderState;

/// The silence after which a sender that has said that it ends the session has ended it.
const END_SILENCE: Duration = Duration::from_secs(1);

/// Looks whether a sender is silent, if that is due. First asks for what its last packets may have
/// been; after a longer silence tells the application.
pub(super) fn check<S>(ctx: &mut Ctx<S>, sender: &mut SenderState, now: Timestamp) {
    if now < sender.liveness.next_check() || !sender.liveness.check(now, sender.path.timing()) {
        return;
    }
    // A sender that has ended the session hears no requests any more, and will hardly come back.
    let ended = sender.liveness.has_ended();
    if sender.interest.first().is_some() && !sender.liveness.is_deaf() {
        sender.timeline.make_all_due();
        let objects = sender.interest.objects_mut();
        for stream in objects.filter_map(|(_, object)| RecvObject::stream_mut(object)) {
            stream.make_all_due();
        }
        cycle::check(ctx, sender, now);
    }
    let patience = ctx.config().patience;
    let limit = if ended { patience.min(END_SILENCE) } else { patience };
    if sender.liveness.falls_silent(now, limit) {
        let sender = sender.id;
        ctx.event(if ended {
            ReceiverEvent::SenderEnded { sender }
        } else {
            ReceiverEvent::SenderSilent { sender }
        });
    }
}
