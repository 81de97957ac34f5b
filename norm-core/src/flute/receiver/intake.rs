//! Finds the session of a packet, and hands it on.

use super::content;
use super::ctx::Ctx;
use super::epoch::Epoch;
use super::event::ReceiverEvent;
use super::lifecycle;
use super::nameless::Kind;
use super::recall;
use super::sessions::Sessions;
use super::tables;
use crate::base::Timestamp;
use crate::endpoint::{BlockSlot, Datagram, Proof, SenderId, SymbolStore};
use crate::flute::wire::{FLUTE_VERSION_1, FLUTE_VERSION_2, Packet, ParseError, TimeFields, Toi};

/// The bits of a header that announce times in version 1, and mean nothing in version 2.
const TIME_BITS: u8 = 0x0c;

/// Takes a datagram.
pub(super) fn take<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sessions: &mut Sessions,
    now: Timestamp,
    datagram: &Datagram<'_>,
) {
    let stats = ctx.stats();
    stats.packets += 1;
    stats.bytes += datagram.payload.len() as u64;
    let Ok(packet) = parse(sessions, datagram) else {
        stats.malformed += 1;
        return;
    };
    let is_believed = !ctx.config().is_signed || datagram.proof == Proof::Signed;
    if !is_believed && !is_symbol(sessions, datagram, &packet) {
        ctx.stats().unsigned += 1;
        return;
    }
    let is_wanted = is_wanted(ctx, datagram, &packet);
    let epoch = if is_wanted { epoch_of(ctx, sessions, now, datagram, &packet) } else { None };
    let Some(epoch) = epoch else {
        ctx.stats().unrelated += 1;
        return;
    };
    ctx.stats().heard += 1;
    ctx.stats().ce_marked += u64::from(datagram.ce);
    epoch.liveness.hear(now);
    for key in epoch.take_reopened() {
        lifecycle::describe(ctx, epoch, key);
    }
    match packet.header.toi {
        Some(Toi::FDT) => tables::take(ctx, epoch, now, &packet),
        Some(toi) => content::take(ctx, epoch, toi, &packet, is_believed),
        None => {}
    }
    if packet.header.close_session && !epoch.is_empty() {
        epoch.liveness.end(now);
    }
}

/// True of a packet that only brings symbols, to a session that is known.
fn is_symbol(sessions: &mut Sessions, datagram: &Datagram<'_>, packet: &Packet<'_>) -> bool {
    let header = &packet.header;
    let speaks = header.close_session || header.close_object || header.toi == Some(Toi::FDT);
    let is_of_object = header.toi.is_some() && !speaks;
    is_of_object && sessions.find(datagram.source, header.tsi).is_some()
}

/// True of a packet of a session that the user wants.
fn is_wanted<S>(ctx: &mut Ctx<S>, datagram: &Datagram<'_>, packet: &Packet<'_>) -> bool {
    let (config, source) = (ctx.config(), datagram.source);
    if config.source.is_some_and(|wanted| wanted != source.ip()) {
        return false;
    }
    let is_wanted = config.tsi.is_none_or(|tsi| tsi == packet.header.tsi);
    if !is_wanted && says_something(packet) {
        ctx.note_other(source, packet.header.tsi);
    }
    is_wanted
}

/// Reads a packet. Where two bits may announce times, the version of the session tells, or else
/// the packet itself if it is one of a table.
fn parse<'a>(
    sessions: &mut Sessions,
    datagram: &'a Datagram<'_>,
) -> Result<Packet<'a>, ParseError> {
    let new = Packet::parse(datagram.payload, TimeFields::Reserved);
    if datagram.payload.get(1).is_none_or(|flags| flags & TIME_BITS == 0) {
        return new;
    }
    let old = Packet::parse(datagram.payload, TimeFields::InHeader);
    let version = |packet: &Result<Packet<'_>, ParseError>| {
        packet.as_ref().ok().and_then(|packet| packet.extensions.fdt()).map(|fdt| fdt.version)
    };
    if version(&new) == Some(FLUTE_VERSION_2) {
        return new;
    }
    if version(&old) == Some(FLUTE_VERSION_1) {
        return old;
    }
    let tsi = new.as_ref().or(old.as_ref()).ok().map(|packet| packet.header.tsi);
    let epoch = tsi.and_then(|tsi| sessions.find(datagram.source, tsi));
    match epoch.and_then(|epoch| epoch.version()) {
        Some(FLUTE_VERSION_1) => old,
        Some(_) => new,
        None => new.or(old),
    }
}

/// True of a packet that can begin a session.
fn says_something(packet: &Packet<'_>) -> bool {
    match packet.header.toi {
        None => false,
        Some(Toi::FDT) => packet.extensions.fdt().is_some(),
        Some(_) => !packet.content.is_empty() || packet.extensions.has_fti(),
    }
}

/// The run of a session that a packet is of; `None` when it is of none, or is not to be followed.
fn epoch_of<'a, S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sessions: &'a mut Sessions,
    now: Timestamp,
    datagram: &Datagram<'_>,
    packet: &Packet<'_>,
) -> Option<&'a mut Epoch> {
    let (address, tsi) = (datagram.source, packet.header.tsi);
    let is_end = packet.header.close_session;
    if let Some(epoch) = sessions.find(address, tsi) {
        let id = epoch.id();
        let goes_on = !epoch.liveness.has_ended() || is_end;
        if goes_on || !says_something(packet) {
            return sessions.get_mut(id);
        }
        // Packets that others have overtaken are not of the next run, which begins with its table.
        if packet.header.toi != Some(Toi::FDT) && epoch.liveness.has_just_ended(now) {
            return sessions.get_mut(id);
        }
    } else if !says_something(packet) {
        return None;
    }
    let limit = ctx.config().max_sessions;
    let Ok(superfluous) = sessions.superfluous(limit, address.ip(), now) else {
        ctx.stats().no_room += 1;
        return None;
    };
    superfluous.into_iter().for_each(|id| forget(ctx, sessions, id));
    let epoch = sessions.add(address, tsi, now);
    ctx.event(ReceiverEvent::SenderFound { sender: epoch.id(), tsi, address });
    Some(epoch)
}

/// Forgets a run of a session and everything of it that is not written.
pub(super) fn forget<S: SymbolStore>(ctx: &mut Ctx<S>, sessions: &mut Sessions, id: SenderId) {
    let Some(mut gone) = sessions.remove(id) else { return };
    let keys: Vec<u64> = gone.objects.keys().copied().collect();
    keys.into_iter().for_each(|key| lifecycle::drop_object(ctx, &mut gone, key));
    for (object, block) in gone.orphans() {
        ctx.store_mut().discard(BlockSlot { sender: id, object, block });
    }
    let (source, (claimed, listed)) = (gone.source(), gone.keys.costs());
    ctx.bookkeeping().give(gone.bookkeeping() + claimed + listed);
    recall::forget(ctx, &gone);
    ctx.nameless().give(source, Kind::Claims, claimed);
    gone.table.leave(ctx.tables());
}
