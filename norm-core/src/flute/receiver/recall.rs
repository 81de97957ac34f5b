//! Keeps packets until it is known how their objects are cut into blocks, and takes them then.

use super::content;
use super::ctx::Ctx;
use super::early::{Aside, RECORD};
use super::epoch::Epoch;
use super::lifecycle;
use super::nameless::Kind;
use super::payload::Payload;
use crate::endpoint::{RawPacket, SymbolStore};
use crate::fec::FecId;

/// Keeps a packet: in memory, or else in the store.
pub(super) fn keep<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    epoch: &mut Epoch,
    key: u64,
    fec: FecId,
    content: &[u8],
) {
    if content.is_empty() {
        return;
    }
    let packet = RawPacket { fec, content: content.into() };
    let is_kept = !epoch.early.is_recalled(key)
        && match epoch.early.keep(ctx.nameless(), epoch.source(), key, packet) {
            Ok(()) => true,
            Err(packet) => put_aside(ctx, epoch, key, &packet),
        };
    if is_kept {
        ctx.stats().early += 1;
    } else {
        ctx.stats().early_dropped += 1;
    }
}

/// Has the store keep a packet.
fn put_aside<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    epoch: &mut Epoch,
    key: u64,
    packet: &RawPacket,
) -> bool {
    let (source, bytes) = (epoch.source(), packet.content.len());
    if !ctx.nameless().take(source, Kind::Symbols, bytes) {
        return false;
    }
    if !lifecycle::take_room(ctx, source, RECORD, false) {
        ctx.nameless().give(source, Kind::Symbols, bytes);
        return false;
    }
    let object = epoch.object_ref(key);
    if ctx.store_mut().put_packet(object, packet.fec, &packet.content) {
        epoch.early.note_aside(key, bytes);
        return true;
    }
    give_back(ctx, epoch, Aside { packets: 1, bytes });
    false
}

/// What packets in the store took counts no longer.
fn give_back<S>(ctx: &mut Ctx<S>, epoch: &Epoch, aside: Aside) {
    let source = epoch.source();
    ctx.bookkeeping().give(aside.records());
    ctx.nameless().give(source, Kind::Claims, aside.records());
    ctx.nameless().give(source, Kind::Symbols, aside.bytes);
}

/// Takes the packets of an object that has just begun: those in memory now, and those in the store
/// when they are read.
pub(super) fn take<S: SymbolStore>(ctx: &mut Ctx<S>, epoch: &mut Epoch, key: u64) {
    let packets = epoch.early.take(ctx.nameless(), epoch.source(), key);
    take_all(ctx, epoch, key, &packets);
    if epoch.early.begin_recall(key) {
        epoch.job_begins();
        ctx.push_recall(epoch.object_ref(key));
    }
}

fn take_all<S: SymbolStore>(ctx: &mut Ctx<S>, epoch: &mut Epoch, key: u64, packets: &[RawPacket]) {
    for packet in packets {
        content::take_symbols(ctx, epoch, key, &Payload::new(packet.fec, &packet.content));
    }
}

/// Packets were read, all of them or some.
pub(super) fn answered<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    epoch: &mut Epoch,
    key: u64,
    packets: &[RawPacket],
    is_last: bool,
) {
    let object = epoch.object_ref(key);
    let bytes = packets.iter().map(|packet| packet.content.len()).sum();
    let read = Aside { packets: packets.len(), bytes };
    let (taken, is_wanted) = epoch.early.recalled(key, read, is_last);
    give_back(ctx, epoch, taken);
    if is_wanted {
        take_all(ctx, epoch, key, packets);
    }
    // Some may have made the object whole.
    let goes_on = !is_last && is_wanted && epoch.early.is_recalled(key);
    if !goes_on {
        epoch.recall_ends();
        ctx.store_mut().discard_packets(object);
    }
    ctx.recall_is_answered(goes_on.then_some(object));
}

/// Forgets the packets that the store has of an object.
pub(super) fn discard<S: SymbolStore>(ctx: &mut Ctx<S>, epoch: &mut Epoch, key: u64) {
    let Some(aside) = epoch.early.drop_aside(key).filter(|&aside| aside != Aside::default()) else {
        return;
    };
    give_back(ctx, epoch, aside);
    ctx.store_mut().discard_packets(epoch.object_ref(key));
}

/// Forgets all that is kept of a run of a session that is forgotten. Packets that are being read go
/// when they have come.
pub(super) fn forget<S: SymbolStore>(ctx: &mut Ctx<S>, gone: &Epoch) {
    let (waiting, all) = gone.early.aside();
    for key in waiting {
        ctx.store_mut().discard_packets(gone.object_ref(key));
    }
    give_back(ctx, gone, all);
    ctx.nameless().give(gone.source(), Kind::Packets, gone.early.bytes());
}
