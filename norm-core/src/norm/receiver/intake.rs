//! Takes what senders, and other receivers, say.

use core::net::SocketAddr;

use crate::base::Timestamp;
use crate::endpoint::{BlockSlot, Datagram, SenderId, SymbolStore};
use crate::norm::moves::TELL_FOR;
use crate::norm::wire::{
    Ack, Extensions, Header, MemberReport, Message, MoveProof, Nack, NodeId, Report, SenderFields,
};

use super::admission::Admitted;
use super::ctx::Ctx;
use super::event::ReceiverEvent;
use super::nack::overhear;
use super::objects::lifecycle;
use super::sender_state::SenderState;
use super::sender_state::identity::Source;
use super::sender_state::liveness::Halt;
use super::sender_state::moves::Claim;
use super::sender_state::probes::Arrival;
use super::senders::Senders;
use super::trust::{self, Belief};
use super::{commands, congestion, content};

/// A datagram that was parsed, without its message.
#[derive(Copy, Clone, Debug)]
struct Packet {
    header: Header,
    address: SocketAddr,
    bytes: usize,
    ce: bool,
    belief: Belief,
}

/// Takes a datagram.
pub(super) fn take<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    senders: &mut Senders,
    now: Timestamp,
    datagram: &Datagram<'_>,
) {
    let payload = &*datagram.payload;
    ctx.stats().packets += 1;
    ctx.stats().bytes += payload.len() as u64;
    let Ok((header, message)) = Message::parse(payload) else {
        ctx.stats().malformed += 1;
        return;
    };
    let belief = trust::judge(ctx.config().trust, datagram.proof, &message);
    if belief == Belief::Nothing {
        ctx.stats().unsigned += 1;
        return;
    }
    let (address, ce) = (datagram.source, datagram.ce);
    let bytes = payload.len() + datagram.proof.bytes();
    let packet = Packet { header, address, bytes, ce, belief };
    if let Some(fields) = fields(&message)
        && !admits(ctx, senders, &packet, fields, &message)
    {
        return;
    }
    match message {
        Message::Info(info) => {
            if let Some(sender) =
                sender_of(ctx, senders, now, &packet, &info.sender, info.extensions)
            {
                congestion::note_halt(ctx, sender, now, Halt::None);
                content::take_info(ctx, sender, now, &info);
            }
        }
        Message::Data(data) => {
            if let Some(sender) =
                sender_of(ctx, senders, now, &packet, &data.sender, Extensions::EMPTY)
            {
                let id = sender.id;
                congestion::note_halt(ctx, sender, now, Halt::None);
                let has_room = match belief {
                    Belief::Symbol => content::take_unsigned_data(ctx, sender, now, &data),
                    _ => content::take_data(ctx, sender, now, &data),
                };
                if !has_room {
                    reclaim(ctx, senders, now, id);
                }
            }
        }
        Message::Cmd(cmd) => {
            if let Some(sender) = sender_of(ctx, senders, now, &packet, &cmd.sender, cmd.extensions)
            {
                let id = sender.id;
                let duplicate = senders.is_duplicate(id);
                let Some(sender) = senders.get_mut(id) else { return };
                if commands::take(ctx, sender, now, &cmd, datagram.waited, duplicate) {
                    redraw_node(ctx, senders, now);
                }
            }
        }
        Message::Nack(nack) => take_nack(ctx, senders, now, header.source, &nack),
        Message::Ack(ack) => take_ack(ctx, senders, now, header.source, &ack),
        Message::Report(report) => take_report(ctx, senders, now, header.source, &report),
    }
}

/// What a sender says of itself in a message; `None` when it is a receiver's.
fn fields<'a>(message: &'a Message<'_>) -> Option<&'a SenderFields> {
    match message {
        Message::Info(info) => Some(&info.sender),
        Message::Data(data) => Some(&data.sender),
        Message::Cmd(cmd) => Some(&cmd.sender),
        _ => None,
    }
}

/// True when the sender of a message is followed, or may be.
fn admits<S>(
    ctx: &mut Ctx<S>,
    senders: &Senders,
    packet: &Packet,
    fields: &SenderFields,
    message: &Message<'_>,
) -> bool {
    let Packet { header, address, .. } = *packet;
    let source = Source { node: header.source, instance: fields.instance, address };
    if senders.find(&source).is_some() {
        return true;
    }
    match ctx.admission().decide(address, message) {
        Admitted::Yes => return true,
        Admitted::No => {}
        Admitted::Ignored(name) => ctx.event(ReceiverEvent::SenderIgnored { address, name }),
    }
    ctx.stats().unrelated += 1;
    false
}

/// The sender of a packet; makes room for a new one. `None` for a reserved node id, and for what
/// has the ids of a sender at another address but is not believed.
fn sender_of<'a, S: SymbolStore>(
    ctx: &mut Ctx<S>,
    senders: &'a mut Senders,
    now: Timestamp,
    packet: &Packet,
    fields: &SenderFields,
    extensions: Extensions<'_>,
) -> Option<&'a mut SenderState> {
    let Packet { header, address, bytes, ce, belief } = *packet;
    if header.source == NodeId::NONE || header.source == NodeId::ANY {
        ctx.stats().unrelated += 1;
        return None;
    }
    let source = Source { node: header.source, instance: fields.instance, address };
    let is_believed = belief == Belief::All;
    let proof = extensions.move_proof().filter(|_| is_believed);
    let known = senders.find(&source);
    if !is_believed && known.is_none() {
        ctx.stats().unsigned += 1;
        return None;
    }
    let sender = match known {
        Some(id) if proof.is_none() => senders.get_mut(id)?,
        _ => match (senders.judge(now, &source, proof), known) {
            ((Claim::Moved, Some(id)), None) => follow(ctx, senders, now, id, source, proof)?,
            // Something had come from there before the proof.
            ((Claim::Moved, Some(id)), Some(other)) if senders.has_more(id, other) => {
                forget(ctx, senders, other);
                follow(ctx, senders, now, id, source, proof)?
            }
            (_, Some(id)) => senders.get_mut(id)?,
            ((Claim::Refused, _), None) => {
                ctx.stats().moves_refused += 1;
                return None;
            }
            (_, None) => begin_sender(ctx, senders, now, source, fields),
        },
    };
    sender.moves.note_heard(source.ids(), proof);
    sender.note_address(address);
    sender.note_heard(now, Some(fields).filter(|_| is_believed));
    sender.path.note_packet(now, Arrival { sequence: header.sequence, bytes, ce });
    let bytes = bytes + ctx.config().overhead(address).bytes();
    if ctx.config().link_mtu.is_some_and(|mtu| bytes > mtu as usize)
        && sender.path.sizes_mut().note_fragmented()
    {
        let (sender, bytes) = (sender.id, u32::try_from(bytes).unwrap_or(u32::MAX));
        ctx.event(ReceiverEvent::Fragmented { sender, bytes });
    }
    ctx.stats().heard += 1;
    ctx.stats().ce_marked += u64::from(ce);
    Some(sender)
}

/// Follows a new sender. A report to it is scheduled even if its membership queries are far apart.
fn begin_sender<'a, S: SymbolStore>(
    ctx: &mut Ctx<S>,
    senders: &'a mut Senders,
    now: Timestamp,
    source: Source,
    fields: &SenderFields,
) -> &'a mut SenderState {
    if let Some(id) = senders.superfluous(source.address, ctx.config().max_senders) {
        forget(ctx, senders, id);
    }
    let overhead = ctx.config().overhead(source.address);
    let sender = senders.add(source, |id| SenderState::new(now, id, source, fields, overhead));
    let wait = ctx.random_part(sender.path.grtt() * 4);
    sender.report.schedule(now + wait);
    let Source { node, address, .. } = source;
    ctx.event(ReceiverEvent::SenderFound { sender: sender.id, node, address });
    sender
}

/// Goes on with a sender at another address.
fn follow<'a, S>(
    ctx: &mut Ctx<S>,
    senders: &'a mut Senders,
    now: Timestamp,
    id: SenderId,
    source: Source,
    proof: Option<MoveProof>,
) -> Option<&'a mut SenderState> {
    senders.relocate(id, source);
    let sender = senders.get_mut(id)?;
    sender.moves.note_move(now, proof);
    // It sends nothing else yet, and hears no NACK in vain.
    sender.nack.finish(now, TELL_FOR);
    ctx.event(ReceiverEvent::SenderMoved { sender: id, address: source.address });
    Some(sender)
}

/// Forgets a sender and everything in progress of it.
pub(super) fn forget<S: SymbolStore>(ctx: &mut Ctx<S>, senders: &mut Senders, id: SenderId) {
    if let Some(gone) = senders.remove(id) {
        lifecycle::discard_all(ctx, &gone);
    }
}

/// Frees the blocks of senders that have fallen silent, or have delivered next to nothing compared
/// with the one that is heard now. They can be asked for again.
fn reclaim<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    senders: &mut Senders,
    now: Timestamp,
    heard: SenderId,
) {
    let patience = ctx.config().patience;
    let delivered = senders.get(heard).map_or(0, |sender| sender.interest.symbols());
    for sender in senders.iter_mut().filter(|sender| sender.id != heard) {
        let silent = now >= sender.liveness.last_heard() + patience;
        let idle = sender.interest.symbols() < delivered / 8;
        if !silent && !idle {
            continue;
        }
        let id = sender.id;
        for (key, object) in sender.interest.objects_mut() {
            for block in object.take_idle_blocks() {
                ctx.discard(BlockSlot { sender: id, object: key, block });
            }
        }
    }
}

/// Two nodes share our node id: takes another one, and reports it to all senders.
fn redraw_node<S>(ctx: &mut Ctx<S>, senders: &mut Senders, now: Timestamp) {
    if ctx.redraw_node(now) {
        for sender in senders.iter_mut() {
            sender.acks.renew();
            sender.report.schedule(now);
        }
    }
}

/// A NACK, heard through the group. Those that we send do not come back: one with our node id is
/// another node's.
fn take_nack<S>(
    ctx: &mut Ctx<S>,
    senders: &mut Senders,
    now: Timestamp,
    from: NodeId,
    nack: &Nack<'_>,
) {
    let mut unrelated = from != ctx.node();
    for sender in senders.named(nack.sender, nack.instance) {
        unrelated = false;
        if from == ctx.node() {
            sender.alias.note_claim(now);
            continue;
        }
        overhear::note_requests(sender, now, nack.requests);
        sender.path.overhear_cc(now, nack.extensions.cc_feedback());
    }
    ctx.stats().unrelated += u64::from(unrelated);
}

/// An acknowledgment, heard through the group.
fn take_ack<S>(ctx: &Ctx<S>, senders: &mut Senders, now: Timestamp, from: NodeId, ack: &Ack<'_>) {
    for sender in senders.named(ack.sender, ack.instance) {
        if from == ctx.node() {
            sender.alias.note_claim(now);
        } else {
            sender.path.overhear_cc(now, ack.extensions.cc_feedback());
        }
    }
}

/// A membership report, heard through the group. Whether another receiver has our node id is for
/// the sender to say: it is bound to an address, receivers are not.
fn take_report<S>(
    ctx: &Ctx<S>,
    senders: &mut Senders,
    now: Timestamp,
    from: NodeId,
    report: &Report<'_>,
) {
    let report = MemberReport::parse(report.content).filter(|_| from == ctx.node());
    if let Some(report) = report {
        for sender in senders.named(report.sender, report.instance) {
            sender.alias.note_claim(now);
        }
    }
}
