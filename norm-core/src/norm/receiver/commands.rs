//! Does what senders' commands ask for (RFC 5740 §4.2.3).

use core::time::Duration;

use bytes::Bytes;

use crate::base::Timestamp;
use crate::endpoint::{Proof, SymbolStore};
use crate::fileset::Withdrawal;
use crate::norm::wire::{
    ACK_WINDOW, AckReq, Cmd, Command, Extensions, Flush, MembershipQuery, MovedObjects, NodeId,
    NodeList, ReceiveWindow, SizeProbe, Squelch, signed_room,
};

use super::config::Trust;
use super::ctx::Ctx;
use super::event::ReceiverEvent;
use super::feedback::acks;
use super::nack::need::Position;
use super::nack::{cycle, overhear};
use super::objects::lifecycle;
use super::objects::object::Flushed;
use super::sender_state::SenderState;
use super::sender_state::acks::{FlushHeard, Watermark, WindowDue};
use super::sender_state::sizes::{ShortOnly, ShortPackets};
use super::{congestion, content};

/// Acknowledgment types from here on are the application's, and not those of FLUSH or congestion
/// control (RFC 5740 §4.2.3.6).
const FIRST_APPLICATION_ACK: u8 = 16;
/// The longest time in milliseconds over which a membership query may spread its answers.
const MAX_QUERY_WINDOW_MS: u32 = 600_000;
/// Reports that no query asks for spread by this time for each receiver.
const REPORT_TIME: Duration = Duration::from_micros(500);
/// Longest time over which they spread.
const MAX_REPORT_SPREAD: Duration = Duration::from_secs(10);

/// Takes a command that has `waited` on this machine. True when our node id is to be drawn again.
/// `duplicate`: see [`super::senders::Senders::is_duplicate`].
pub(super) fn take<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    cmd: &Cmd<'_>,
    waited: Duration,
    duplicate: bool,
) -> bool {
    note_command(ctx, sender, now);
    match &cmd.command {
        Command::Flush(flush) => {
            let wanted = take_flush(ctx, sender, now, flush);
            let repeats = sender.acks.repeats();
            return wanted && !duplicate && sender.alias.renew(now, repeats, ctx.rng());
        }
        Command::Eot(_) => {
            sender.liveness.note_ended();
            if sender.acks.note_end() {
                ctx.event(ReceiverEvent::Released { sender: sender.id });
            }
        }
        Command::Squelch(squelch) => take_squelch(ctx, sender, squelch),
        Command::Cc(cc) => {
            if cmd.extensions.rate().is_some() {
                sender.coding.note_standard();
            }
            congestion::take_probe(ctx, sender, now, waited, cc, cmd.extensions);
        }
        Command::RepairAdv(advertised) => {
            overhear::note_requests(sender, now, advertised.requests);
            sender.path.overhear_cc(now, cmd.extensions.cc_feedback());
        }
        Command::AckReq(request) => take_ack_request(ctx, sender, now, request),
        Command::Application(application) => {
            return take_application(ctx, sender, now, application.content);
        }
    }
    false
}

/// Takes one of our own commands, or one of an application. True when our node id is to be drawn
/// again.
fn take_application<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    content: &[u8],
) -> bool {
    if let Some(query) = MembershipQuery::parse(content) {
        return take_query(ctx, sender, now, &query);
    }
    match SizeProbe::parse(content) {
        // How long it is was noted with the packet.
        Some(probe) => {
            sender.path.sizes_mut().note_in_use(probe.in_use);
            take_moved(ctx, sender, probe.moved);
        }
        None if Withdrawal::has_magic(content) => match Withdrawal::parse(content) {
            Ok(withdrawal) => {
                ctx.event(ReceiverEvent::Withdrawn { sender: sender.id, withdrawal });
            }
            Err(_) => ctx.stats().malformed += 1,
        },
        None => {
            let content = Bytes::copy_from_slice(content);
            ctx.event(ReceiverEvent::Command { sender: sender.id, content });
        }
    }
    false
}

/// Notes a command. When nothing else arrives, the sender hears of it, and then the application.
fn note_command<S>(ctx: &mut Ctx<S>, sender: &mut SenderState, now: Timestamp) {
    match sender.path.note_command(now) {
        None => {}
        Some(ShortOnly::Report) => {
            let timing = sender.path.timing();
            let receivers = u32::try_from(timing.group_size).unwrap_or(u32::MAX);
            let spread = timing.grtt * 2 + REPORT_TIME * receivers;
            let wait = ctx.random_part(spread.min(MAX_REPORT_SPREAD));
            sender.report.schedule_by(now + wait);
        }
        Some(ShortOnly::Tell(ShortPackets { largest, in_use })) => {
            let sender = sender.id;
            ctx.event(ReceiverEvent::ShortPacketsOnly { sender, largest, in_use });
        }
    }
}

/// Takes a FLUSH. False when its object is not wanted.
fn take_flush<S>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    flush: &Flush<'_>,
) -> bool {
    let is_listed = flush.acking.iter().any(|node| node == ctx.node());
    sender.timeline.note_turning(false);
    content::prove(ctx, sender);
    let key = sender.timeline.key_of(flush.object);
    if !sender.synchronise(ctx.config().join, key, is_listed) {
        return false;
    }
    sender.timeline.prove(key);
    sender.coding.note_scheme(flush.fec_id, Extensions::EMPTY);
    let ack_at = now + acks::delay(ctx, sender);
    let flushed = note_flushed(sender, key, flush);
    sender.timeline.make_due(flushed.due);
    cycle::check(ctx, sender, now);
    // Of a stream that continues, what the FLUSH names must have been read.
    let confirmed = match flushed.is_read {
        Some(read) => read && sender.interest.is_confirmed_before(key),
        None => sender.interest.is_confirmed_through(key),
    };
    let Flush { fec_id, object, payload_id, .. } = *flush;
    let heard = FlushHeard {
        watermark: Watermark { fec_id, object, payload_id },
        is_listed,
        passes_over: passes_over(flush.acking, ctx.node(), list_room(ctx, sender)),
        ack_at: ctx.config().sends_feedback().then_some(ack_at),
    };
    if confirmed && sender.acks.note_flush(heard) {
        ctx.event(ReceiverEvent::Released { sender: sender.id });
    }
    true
}

/// Notes what a FLUSH says of its object; what is due of it, for streams in their own numbers.
fn note_flushed(sender: &mut SenderState, key: u64, flush: &Flush<'_>) -> Flushed {
    let format = sender.coding.format();
    sender.timeline.note_key(key);
    if flush.payload_id.is_before_first(format) {
        sender.timeline.note_empty(key);
    }
    let object = sender.interest.object_mut(key);
    match object.zip(flush.payload_id.decode(format)) {
        Some((object, at)) => object.flush(key, at),
        None => Flushed { due: Position::new(key + 1, 0), is_read: None },
    }
}

/// Bytes of the longest list of the sender.
fn list_room<S>(ctx: &Ctx<S>, sender: &SenderState) -> usize {
    let is_signed = ctx.config().trust != Trust::All;
    let signature = if is_signed { Proof::SIGNATURE } else { 0 };
    signed_room(sender.coding.segment_size(), signature)
}

/// True when an acking list without us shows that we are no longer waited for: it is short enough
/// to name every receiver, or goes past us.
fn passes_over(list: NodeList<'_>, node: NodeId, room: usize) -> bool {
    let complete = list.len() < room / 4;
    let first = list.iter().next();
    let last = list.iter().last();
    complete || (first.is_some_and(|first| first < node) && last.is_some_and(|last| node < last))
}

fn take_ack_request<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    request: &AckReq<'_>,
) {
    let AckReq { ack_type, ack_id, acking, .. } = *request;
    let is_listed = acking.iter().any(|node| node == ctx.node());
    if !is_listed || ack_type < FIRST_APPLICATION_ACK || !ctx.config().sends_feedback() {
        return;
    }
    if ack_type == ACK_WINDOW {
        // The sender may stop within one block, and has begun another.
        let block_bytes = sender.interest.block_bytes(sender.timeline.position().key);
        let bytes = ctx.room().saturating_sub(block_bytes * 2);
        let window = ReceiveWindow { bytes, burst: ctx.config().socket_buffer };
        sender.acks.request_window(WindowDue { at: now, ack_id, window });
        return;
    }
    let at = now + acks::delay(ctx, sender);
    sender.acks.request(at, ack_type, ack_id);
}

/// The sender no longer repairs what lies before the squelch, and the objects that it lists.
fn take_squelch<S: SymbolStore>(ctx: &mut Ctx<S>, sender: &mut SenderState, squelch: &Squelch<'_>) {
    content::prove(ctx, sender);
    if sender.interest.first().is_none() {
        return;
    }
    let first = sender.timeline.key_of(squelch.object);
    sender.interest.shrink_to(first);
    let at = squelch.payload_id.decode(sender.coding.format());
    let stream = sender.interest.object_mut(first).and_then(|object| object.stream_mut());
    if let Some((stream, at)) = stream.zip(at) {
        stream.squelch(at.block);
    }
    let listed = squelch.invalid.iter().map(|id| sender.timeline.key_of(id));
    let listed: Vec<u64> = listed.filter(|key| *key >= first).collect();
    let before = sender.interest.keys_in(0..first);
    for key in before.into_iter().chain(listed) {
        lifecycle::abort(ctx, sender, key);
    }
}

/// Objects were cut anew, and have other transport ids. What is here of them is for the application
/// to carry over.
fn take_moved<S: SymbolStore>(ctx: &mut Ctx<S>, sender: &mut SenderState, moved: MovedObjects) {
    let again = sender.timeline.is_moved_again(moved);
    if moved.layouts > 0 {
        content::prove(ctx, sender);
    }
    let first = sender.timeline.key_of(moved.first);
    let begun = sender.interest.first().is_some_and(|begun| begun < first);
    if !again || !begun {
        return;
    }
    let before = u64::from(moved.objects) * u64::from(moved.layouts);
    let old = first.saturating_sub(before)..first;
    let (id, objects) = (sender.id, moved.objects);
    ctx.event(ReceiverEvent::ObjectsMoved { sender: id, first, objects });
    lifecycle::give_up(ctx, sender, old);
    sender.interest.move_to(first);
    sender.timeline.note_key(first);
    sender.timeline.prove(first);
}

/// Takes a membership query, or what else a native sender says of its members. True when our node
/// id is to be drawn again.
fn take_query<S>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    query: &MembershipQuery,
) -> bool {
    match *query {
        MembershipQuery::Query { round, window_ms, send_time, listed, .. } => {
            let window = Duration::from_millis(window_ms.min(MAX_QUERY_WINDOW_MS).into());
            let wait = ctx.random_part(window);
            sender.coding.note_native();
            sender.path.sizes_mut().end_round();
            sender.path.note_send_time(now, send_time);
            sender.report.note_listed(now, listed, sender.path.grtt() * 4);
            sender.report.answer(round, now + wait);
        }
        MembershipQuery::Collision { node, keeper } => {
            return node == ctx.node() && ctx.identity_to(sender) != keeper;
        }
        MembershipQuery::Evict { node, identity, group: separate_group } => {
            if node == ctx.node() && ctx.identity_to(sender) == identity {
                ctx.event(ReceiverEvent::Evicted { sender: sender.id, separate_group });
            }
        }
        // What it proves was looked at when the sender of the packet was sought.
        MembershipQuery::Moved => {}
    }
    false
}
