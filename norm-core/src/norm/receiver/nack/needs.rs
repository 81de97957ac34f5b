//! What is missing of a sender's objects.

use core::ops::Range;

use super::need::{Need, Position};
use crate::norm::receiver::objects::object::RecvObject;
use crate::norm::receiver::sender_state::SenderState;
use crate::norm::wire::MAX_OBJECTS;

/// Objects before the newest one that an id can name: half of all ids.
const MAX_KEYS_BACK: u64 = MAX_OBJECTS as u64;
/// Objects in progress, with those whose INFO is asked for because much of them may be here.
const MAX_PARTIAL_OBJECTS: usize = 64;

/// Calls `visit` for everything before `due` that is missing, ascending, until it returns false.
pub(crate) fn visit(sender: &SenderState, due: Position, visit: &mut dyn FnMut(Need<'_>) -> bool) {
    let Some(first) = sender.interest.first() else { return };
    // An id further back would be read as one of the future.
    let first = first.max(sender.timeline.newest().saturating_sub(MAX_KEYS_BACK));
    for (start, stop) in sender.interest.not_done(first..due.end_key()) {
        let mut unseen = start;
        for (key, _) in sender.interest.objects_in(start..stop) {
            if !visit_unseen(sender, unseen..key, visit) || !visit_object(sender, key, due, visit) {
                return;
            }
            unseen = key + 1;
        }
        if !visit_unseen(sender, unseen..stop, visit) {
            return;
        }
    }
}

/// The part of a need that could be asked for when the cycle began: what is compared with requests
/// of others. What has become due since, or may be asked for since, is for another cycle.
pub(super) fn of_cycle<'a>(sender: &SenderState, need: Need<'a>) -> Option<Need<'a>> {
    let need = need.before(sender.nack.bound())?;
    let key = need.position().key;
    match need {
        Need::Blocks { .. } | Need::Symbols(_) => {
            let bound = sender.interest.object(key).map_or(u32::MAX, RecvObject::cycle_bound);
            need.before(Position::new(key, bound))
        }
        _ => Some(need),
    }
}

/// Objects of which nothing is known.
fn visit_unseen(
    sender: &SenderState,
    keys: Range<u64>,
    visit: &mut dyn FnMut(Need<'_>) -> bool,
) -> bool {
    let expected = sender.interest.partial();
    let end = keys.end;
    let mut at = keys.start;
    while at < end {
        let partial = expected.first_from(at).map_or(end, |first| first.min(end));
        if at < partial && !visit(Need::Objects { first: at, last: partial - 1 }) {
            return false;
        }
        let unknown = expected.gaps(partial, end).next().map_or(end, |(from, _)| from);
        // Those that have no room yet are asked for later.
        let room = MAX_PARTIAL_OBJECTS.saturating_sub(sender.interest.objects().len());
        if !(partial..unknown).take(room).all(|key| visit(Need::Info { key })) {
            return false;
        }
        at = unknown;
    }
    true
}

fn visit_object(
    sender: &SenderState,
    key: u64,
    due: Position,
    visit: &mut dyn FnMut(Need<'_>) -> bool,
) -> bool {
    let Some(object) = sender.interest.object(key) else { return true };
    if sender.interest.partial().contains(key) && !object.is_accepted() {
        // What of it is missing is known when the application has taken it.
        return object.is_opened() || visit(Need::Info { key });
    }
    if object.layout().is_none() {
        return visit(Need::Objects { first: key, last: key });
    }
    let limit = if key < due.key { u32::MAX } else { due.block };
    object.visit_needs(key, limit, visit)
}
