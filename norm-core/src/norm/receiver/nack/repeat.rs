//! When something that was asked for may be asked for again.

use core::time::Duration;

use super::need::{Need, SymbolNeed};
use super::needs;
use crate::base::Timestamp;
use crate::norm::receiver::objects::object::RecvObject;
use crate::norm::receiver::sender_state::SenderState;

/// The longest pause between two requests to a sender that has gone silent.
const MAX_SILENT_PAUSE: Duration = Duration::from_secs(1);

/// How long a sender that was asked at `asked` is left alone: a cycle, and longer each time when it
/// has not been heard for long, because it may be gone.
pub(super) fn pause_after(sender: &SenderState, asked: Timestamp) -> Duration {
    let silence = asked.saturating_since(sender.liveness.last_heard());
    let cycle = sender.path.timing().cycle() + sender.path.lateness().greatest();
    (silence / 2).min(MAX_SILENT_PAUSE).max(cycle)
}

/// True for something of an object that is partly on disk: it is asked for once, and waited for
/// while repair comes.
pub(super) fn is_patient(sender: &SenderState, need: &Need<'_>) -> bool {
    let at = match need {
        Need::Blocks { .. } | Need::Symbols(_) => need.position(),
        _ => return false,
    };
    sender.nack.queue().is_some()
        && sender.interest.object(at.key).is_some_and(RecvObject::has_held)
}

/// When something of an object that is partly on disk may be asked for again; `None` when it was
/// not asked for.
fn queued_until(sender: &SenderState, need: &Need<'_>) -> Option<Timestamp> {
    match need {
        Need::Symbols(SymbolNeed { is_begun: true, touched, .. }) => {
            touched.map(|at| at + pause_after(sender, at))
        }
        _ => {
            let queue = sender.nack.queue().filter(|queue| queue.covers(need))?;
            Some(queue.ends(pause_after(sender, sender.liveness.last_heard())))
        }
    }
}

/// When something that was asked for may be asked for again. Each block has a hold-off of its own
/// only where the sender reckons with one receiver. Otherwise there is one for all, the timer's,
/// and this is `None`.
fn due_again(sender: &SenderState, need: &Need<'_>) -> Option<Timestamp> {
    let queued = if is_patient(sender, need) { queued_until(sender, need) } else { None };
    if queued.is_some() || !sender.path.timing().is_alone() {
        return queued;
    }
    let after = |asked: Option<Timestamp>| asked.map(|asked| asked + pause_after(sender, asked));
    let other = || after(sender.nack.other_asked());
    match need {
        Need::Symbols(SymbolNeed { asked, is_begun: true, .. }) => after(*asked),
        _ if is_patient(sender, need) => None,
        _ if need.is_full() => other().max(Some(sender.nack.full_from())),
        _ => other(),
    }
}

/// True when something may be asked for now.
pub(super) fn is_due(sender: &SenderState, need: &Need<'_>, now: Timestamp) -> bool {
    due_again(sender, need).is_none_or(|at| at <= now)
}

/// When something that is due and missing may be asked for: `now`, or later when all of it was
/// asked for. `None` when nothing is missing.
pub(super) fn next_request(sender: &SenderState, now: Timestamp) -> Option<Timestamp> {
    let mut first: Option<Timestamp> = None;
    needs::visit(sender, sender.timeline.due(), &mut |need| {
        let at = due_again(sender, &need).map_or(now, |at| at.max(now));
        first = Some(first.map_or(at, |first| first.min(at)));
        at > now
    });
    first
}
