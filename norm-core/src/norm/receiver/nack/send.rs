//! The end of a backoff: whether to send a NACK (RFC 5740 §5.3), and the NACK.

use super::need::Position;
use super::writer::{self, Asked, Scope};
use super::{cycle, needs, overhear, repeat};
use crate::base::{Rng, Timestamp};
use crate::endpoint::{SymbolStore, Transmit, TransmitBuf};
use crate::norm::receiver::ctx::Ctx;
use crate::norm::receiver::feedback::cc;
use crate::norm::receiver::feedback::emit::emit;
use crate::norm::receiver::objects::object::RecvObject;
use crate::norm::receiver::sender_state::SenderState;
use crate::norm::wire::{Message, Nack};

/// What is missing at the end of a backoff.
#[derive(Debug)]
struct Survey {
    /// Where the oldest need is; `None` when nothing may be asked for.
    oldest: Option<(Position, u32)>,
    /// Full repairs are needed.
    has_full: bool,
    /// Others have asked for all that could be asked for when the cycle began.
    is_covered: bool,
    /// Something may be asked for since, for which no other has asked.
    has_news: bool,
}

/// What to do at the end of a backoff.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum NackDecision {
    /// The sender pauses, or sends in passes: end the cycle.
    Stop,
    /// Nothing may be asked for in this cycle. What is missing is for another one, in which other
    /// receivers may speak first.
    Restart,
    /// The sender is a duplicate: ask for nothing.
    HoldOff,
    /// Others have asked for all that is missing, or for all of it that a NACK has room for.
    Suppressed,
    /// Send a NACK. This is where the oldest need is, and how many symbols are missing there.
    Ask((Position, u32)),
}

/// Decides at the end of a backoff, and sends the NACK if there is one. `duplicate`: see
/// [`crate::norm::receiver::senders::Senders::is_duplicate`].
pub(crate) fn send_due<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    duplicate: bool,
    out: &mut TransmitBuf,
) -> Option<Transmit> {
    if !sender.nack.is_due(now) {
        return None;
    }
    let room = ctx.room();
    let decision = decide(sender, now, duplicate, room, ctx.rng());
    let pause = repeat::pause_after(sender, now);
    match decision {
        NackDecision::Stop => sender.nack.stop(),
        NackDecision::Restart => cycle::restart(ctx, sender, now),
        NackDecision::HoldOff => sender.nack.hold(now, pause),
        NackDecision::Suppressed => {
            sender.nack.finish(now, pause);
            ctx.stats().suppressed += 1;
        }
        NackDecision::Ask(oldest) => {
            sender.nack.finish(now, pause);
            return ask(ctx, sender, now, oldest, out);
        }
    }
    None
}

/// `room`: bytes that blocks not yet begun may take.
fn decide(
    sender: &mut SenderState,
    now: Timestamp,
    duplicate: bool,
    room: u64,
    rng: &mut Rng,
) -> NackDecision {
    if sender.liveness.is_halted() || sender.timeline.is_turning() {
        return NackDecision::Stop;
    }
    let due = ripe(sender, now);
    let survey = survey(sender, due, now);
    let Some(oldest) = survey.oldest else { return NackDecision::Restart };
    if duplicate {
        return NackDecision::HoldOff;
    }
    if !survey.has_full {
        sender.nack.reset_full_pause();
    }
    let group_size = sender.path.timing().group_size;
    let has_news = |scope| has_news(sender, due, now, room, scope);
    let is_covered = survey.is_covered || !has_news(Scope::Cycle);
    let has_news =
        is_covered && if survey.is_covered { survey.has_news } else { has_news(Scope::Now) };
    if !is_covered || sender.nack.is_guard_exceeded(oldest, group_size, rng) {
        NackDecision::Ask(oldest)
    } else if has_news {
        NackDecision::Restart
    } else {
        NackDecision::Suppressed
    }
}

/// True when a NACK for what is missing before `due` would ask for something that no other has
/// asked for. It has room for the oldest needs only, and these may be the same at many receivers.
fn has_news(sender: &SenderState, due: Position, now: Timestamp, room: u64, scope: Scope) -> bool {
    let overheard = sender.nack.overheard();
    if overheard.is_empty() {
        return true;
    }
    let (requests, _) = writer::write(sender, due, now, room, scope);
    let own = overhear::read(sender, requests.as_requests());
    let is_coded = |at: Position| sender.interest.object(at.key).is_some_and(RecvObject::is_coded);
    requests.is_empty() || !overheard.includes(&own, is_coded)
}

/// What is due and not just overtaken.
fn ripe(sender: &mut SenderState, now: Timestamp) -> Position {
    sender.nack.note_due(now, sender.timeline.due());
    let window = sender.path.lateness().greatest();
    sender.nack.ripe(now, window)
}

fn survey(sender: &SenderState, due: Position, now: Timestamp) -> Survey {
    let mut survey = Survey { oldest: None, has_full: false, is_covered: true, has_news: false };
    let overheard = sender.nack.overheard();
    needs::visit(sender, due, &mut |need| {
        if !repeat::is_due(sender, &need, now) {
            return true;
        }
        survey.oldest.get_or_insert((need.position(), need.missing()));
        survey.has_full |= need.is_full();
        match needs::of_cycle(sender, need) {
            Some(old) => survey.is_covered &= overheard.covers(&old),
            None => survey.has_news |= !overheard.covers(&need),
        }
        survey.is_covered || !survey.has_full
    });
    survey
}

/// Asks for what is missing.
fn ask<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    oldest: (Position, u32),
    out: &mut TransmitBuf,
) -> Option<Transmit> {
    let due = ripe(sender, now);
    let (requests, asked) = writer::write(sender, due, now, ctx.room(), Scope::Now);
    if asked.full {
        sender.nack.pause_full(now);
    }
    if requests.is_empty() {
        return None;
    }
    sender.nack.note_sent(oldest);
    overhear::note_own(sender, now, requests.as_requests());
    if sender.path.timing().is_alone() {
        note_asked(sender, now, &asked);
        cycle::restart(ctx, sender, now);
    }
    if asked.empty_info {
        sender.timeline.note_empty_asked();
    }
    ctx.stats().nacks += 1;
    let mut extensions = cc::extension(ctx, sender, now, false);
    if let Some(newest) = sender.path.newest().filter(|_| !sender.coding.is_interop_peer()) {
        extensions.push_heard(newest);
    }
    let nack = Message::Nack(Nack {
        sender: sender.source.node,
        instance: sender.source.instance,
        reserved: 0,
        grtt_response: sender.path.grtt_response(now),
        extensions: extensions.as_extensions(),
        requests: requests.as_requests(),
    });
    emit(ctx, sender, &nack, out)
}

/// Notes what a NACK asks for, so that it is not asked for again too soon.
fn note_asked(sender: &mut SenderState, now: Timestamp, asked: &Asked) {
    for at in &asked.blocks {
        let object = sender.interest.object_mut(at.key);
        if let Some(block) = object.and_then(|object| object.block_mut(at.block)) {
            block.note_asked(now);
        }
    }
    if asked.other {
        sender.nack.note_other_asked(now);
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::norm::receiver::config::JoinPolicy;
    use crate::norm::receiver::sender_state::SenderState;
    use crate::norm::receiver::sender_state::liveness::Halt;

    const FIRST: u64 = 1 << 16;
    const ROOM: u64 = 1 << 20;
    const ASK: NackDecision = NackDecision::Ask((Position { key: FIRST, block: 0 }, 0));

    /// A sender at the end of a backoff in which one object was due.
    fn sender() -> (SenderState, Rng) {
        sender_of(1)
    }

    /// A sender at the end of a backoff in which this many objects were due.
    fn sender_of(objects: u64) -> (SenderState, Rng) {
        let (mut sender, mut rng) = (SenderState::example(), Rng::new(1));
        assert!(sender.synchronise(JoinPolicy::Object, FIRST, true));
        sender.timeline.make_due(Position::new(FIRST + objects, 0));
        let (due, timing) = (sender.timeline.due(), sender.path.timing());
        sender.nack.begin(Timestamp::ZERO, due, Duration::ZERO, timing, &mut rng);
        (sender, rng)
    }

    fn overhear(sender: &mut SenderState, key: u64) {
        let timing = sender.path.timing();
        sender.nack.overhear(Timestamp::ZERO, timing).note_objects(key, key);
    }

    fn decision(sender: &mut SenderState, rng: &mut Rng) -> NackDecision {
        decide(sender, Timestamp::ZERO, false, ROOM, rng)
    }

    #[test]
    fn nack_is_sent_unless_others_have_asked() {
        let (mut sender, mut rng) = sender();
        assert_eq!(decision(&mut sender, &mut rng), ASK);
        let duplicate = decide(&mut sender, Timestamp::ZERO, true, ROOM, &mut rng);
        assert_eq!(duplicate, NackDecision::HoldOff);
        overhear(&mut sender, FIRST);
        assert_eq!(decision(&mut sender, &mut rng), NackDecision::Suppressed);
        let ends = (0..10)
            .map(|_| decision(&mut sender, &mut rng))
            .find(|&d| d != NackDecision::Suppressed);
        assert_eq!(ends, Some(ASK), "suppression was in vain");
    }

    #[test]
    fn nack_for_what_has_become_due_since_is_for_another_cycle() {
        let (mut sender, mut rng) = sender();
        overhear(&mut sender, FIRST);
        sender.timeline.make_due(Position::new(FIRST + 2, 0));
        assert_eq!(decision(&mut sender, &mut rng), NackDecision::Suppressed, "one need for both");
        sender.interest.finish(FIRST..FIRST + 1);
        assert_eq!(decision(&mut sender, &mut rng), NackDecision::Restart);
        overhear(&mut sender, FIRST + 1);
        assert_eq!(decision(&mut sender, &mut rng), NackDecision::Suppressed);
    }

    #[test]
    fn nack_is_suppressed_when_others_have_asked_for_what_it_has_room_for() {
        let (mut sender, mut rng) = sender_of(1000);
        let lacks = |n: u64| n.is_multiple_of(2);
        (0..1000)
            .filter(|&n| !lacks(n))
            .for_each(|n| sender.interest.finish(FIRST + n..FIRST + n + 1));
        (0..10).filter(|&n| lacks(n)).for_each(|n| overhear(&mut sender, FIRST + n));
        assert_eq!(decision(&mut sender, &mut rng), ASK);
        (10..500).filter(|&n| lacks(n)).for_each(|n| overhear(&mut sender, FIRST + n));
        assert_eq!(decision(&mut sender, &mut rng), NackDecision::Suppressed);
    }

    #[test]
    fn cycle_ends_without_needs_or_while_the_sender_pauses() {
        let (mut sender, mut rng) = sender();
        sender.interest.confirm(FIRST);
        assert_eq!(decision(&mut sender, &mut rng), NackDecision::Restart);
        sender.liveness.set_halt(Halt::Paused);
        assert_eq!(decision(&mut sender, &mut rng), NackDecision::Stop);
    }
}
