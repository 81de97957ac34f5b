//! Takes the symbols of objects.

use core::net::IpAddr;

use super::ctx::Ctx;
use super::epoch::Epoch;
use super::keys::Teller;
use super::lifecycle::{self, Begun};
use super::nameless::Kind;
use super::object::{Object, Origin, block_cost};
use super::payload::{Payload, Symbols};
use super::recall;
use super::spare::Spare;
use crate::endpoint::{BlockGeometry, BlockSlot, SymbolStore};
use crate::fec::FecId;
use crate::flute::wire::{Packet, Toi};

/// Blocks for which there is to be room when one begins of an object that is not taken yet.
const ROOM_FOR_OTHERS: u64 = 4;
/// Symbols that a block takes beyond those with which decoding is tried, while it waits for the
/// application.
const MAX_SURPLUS: u32 = 4;

/// What became of a symbol.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// It is kept.
    Kept,
    /// It was here, or is no longer needed.
    Duplicate,
    /// There is no room for it.
    NoRoom,
}

/// Takes a packet of an object; of one that is not believed only its symbols.
pub(super) fn take<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    epoch: &mut Epoch,
    toi: Toi,
    packet: &Packet<'_>,
    is_believed: bool,
) {
    let (limit, source) = (ctx.config().max_objects, epoch.source());
    let room = |bytes| lifecycle::take_room(ctx, source, bytes, false);
    let Some(key) = epoch.keys.key_of(toi, limit, Teller::Packet, room) else {
        ctx.stats().no_room += 1;
        return;
    };
    if epoch.is_done(key) {
        ctx.stats().duplicates += 1;
    } else if learn(ctx, epoch, key, packet, is_believed) {
        let payload = Payload::new(FecId(packet.header.codepoint), packet.content);
        take_symbols(ctx, epoch, key, &payload);
    }
    if packet.header.close_object {
        epoch.close(key);
    }
}

/// Takes what a packet says of its object. False when its symbols cannot be taken now.
fn learn<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    epoch: &mut Epoch,
    key: u64,
    packet: &Packet<'_>,
    is_believed: bool,
) -> bool {
    let fec = FecId(packet.header.codepoint);
    let fti = packet.extensions.fti(fec).filter(|_| is_believed);
    if is_believed && packet.extensions.has_fti() && fti.is_none() {
        ctx.stats().invalid += 1;
        return false;
    }
    if let Some(object) = epoch.objects.get_mut(&key) {
        let Some(fti) = fti.filter(|&fti| !object.agrees(fti)) else { return true };
        let max_block_len = ctx.config().max_block_len;
        let layout = fti.layout().ok();
        let layout = layout.filter(|layout| lifecycle::is_within_limits(layout, max_block_len));
        let is_taken = layout.is_some_and(|layout| object.adopt(fti, layout, ctx.bookkeeping()));
        ctx.stats().invalid += u64::from(!is_taken);
        return is_taken;
    }
    let Some(fti) = fti else {
        // There may have been no room for it when a table told of it.
        lifecycle::describe(ctx, epoch, key);
        let is_known = epoch.objects.contains_key(&key) || epoch.is_done(key);
        if !is_known {
            recall::keep(ctx, epoch, key, fec, packet.content);
        }
        return is_known;
    };
    match lifecycle::begin(ctx, epoch, key, fti, Origin::Packet) {
        Begun::Yes => return true,
        Begun::Invalid => ctx.stats().invalid += 1,
        Begun::NoRoom => ctx.stats().no_room += 1,
    }
    false
}

/// Takes the symbols of a packet of an object in progress.
pub(super) fn take_symbols<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    epoch: &mut Epoch,
    key: u64,
    payload: &Payload<'_>,
) {
    if payload.is_empty() {
        return;
    }
    let Some(object) = epoch.objects.get(&key) else {
        ctx.stats().duplicates += 1; // it is complete by what came before
        return;
    };
    if object.layout().size() == 0 {
        return; // senders are known whose packets of it have a payload id
    }
    let Some(symbols) = Symbols::new(object.layout(), payload) else {
        ctx.stats().invalid += 1;
        return;
    };
    let (is_known, geometry) = (object.is_opened(), *symbols.geometry());
    epoch.note_position(key, symbols.block());
    let slot = BlockSlot { sender: epoch.id(), object: key, block: symbols.block() };
    for (symbol, bytes) in symbols {
        match take_symbol(ctx, epoch, slot, &geometry, symbol, bytes) {
            Fate::Kept => {
                ctx.stats().symbols += 1;
                epoch.note_symbol(is_known);
            }
            Fate::Duplicate => ctx.stats().duplicates += 1,
            Fate::NoRoom => ctx.stats().no_room += 1,
        }
    }
}

/// Takes a symbol of a block.
fn take_symbol<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    epoch: &mut Epoch,
    slot: BlockSlot,
    geometry: &BlockGeometry,
    symbol: u32,
    bytes: &[u8],
) -> Fate {
    if epoch.is_orphan(slot.object, slot.block) {
        return Fate::NoRoom;
    }
    let source = epoch.source();
    let Some(object) = epoch.objects.get_mut(&slot.object) else { return Fate::Duplicate };
    if object.is_written(slot.block) {
        return Fate::Duplicate;
    }
    let is_opened = object.is_opened();
    if object.block(slot.block).is_none() && !begin_block(ctx, source, object, slot.block, geometry)
    {
        return Fate::NoRoom;
    }
    let Some((block, expected)) = object.progress_mut(slot.block) else { return Fate::NoRoom };
    *expected = Some(epoch.loss.take(*expected, symbol));
    if block.contains(symbol) || block.is_whole() || block.surplus() >= MAX_SURPLUS {
        return Fate::Duplicate;
    }
    if block.is_busy() {
        ctx.spares().keep(slot, symbol, bytes);
        return Fate::Duplicate;
    }
    let may_be_put = is_opened || ctx.nameless().take(source, Kind::Symbols, bytes.len());
    if !may_be_put || !ctx.put(slot, geometry, symbol, bytes, is_opened) {
        if may_be_put && !is_opened {
            ctx.nameless().give(source, Kind::Symbols, bytes.len());
        }
        if block.is_empty() {
            // It is not begun after all.
            let cost = object.end(slot.block);
            ctx.bookkeeping().give(cost);
            ctx.nameless().give(source, Kind::Claims, object.drop_claim(cost));
        }
        return Fate::NoRoom;
    }
    block.insert(symbol);
    let is_ready = block.is_ready();
    if !is_opened {
        object.note_nameless(bytes.len());
    }
    if is_ready && object.is_accepted() {
        lifecycle::store_block(ctx, epoch, slot.object, slot.block);
    }
    Fate::Kept
}

/// Begins a block; false when there is no room.
fn begin_block<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    source: IpAddr,
    object: &mut Object,
    block: u32,
    geometry: &BlockGeometry,
) -> bool {
    let (cost, is_opened) = (block_cost(geometry), object.is_opened());
    if !may_wait(ctx, object, geometry) || !lifecycle::take_room(ctx, source, cost, is_opened) {
        return false;
    }
    object.begin(block, geometry);
    object.note_claim(if is_opened { 0 } else { cost });
    true
}

/// Takes the symbols that have come while a job had their block.
pub(super) fn take_spares<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    epoch: &mut Epoch,
    slot: BlockSlot,
    spares: Vec<Spare>,
) {
    for (symbol, bytes) in spares {
        let object = epoch.objects.get(&slot.object);
        let Some(geometry) = object.and_then(|object| object.geometry(slot.block)) else { return };
        // A block that was written needs none of them.
        if object.is_some_and(|object| object.block(slot.block).is_some()) {
            take_symbol(ctx, epoch, slot, &geometry, symbol, &bytes);
        }
    }
}

/// True when a block may be begun although its object may have to wait long until the application
/// takes it: what that waits for needs room, too.
fn may_wait<S: SymbolStore>(ctx: &mut Ctx<S>, object: &Object, geometry: &BlockGeometry) -> bool {
    let block = u64::from(geometry.symbols) * u64::from(geometry.symbol_size);
    object.is_accepted() || ctx.store_mut().room() >= block * ROOM_FOR_OTHERS
}
