//! Takes content: NORM_INFO and NORM_DATA (RFC 5740 §4.2.1, §4.2.2).

use crate::base::Timestamp;
use crate::endpoint::{BlockGeometry, BlockSlot, SymbolStore};
use crate::fec::{Layout, Scheme};
use crate::norm::stream::Inserted;
use crate::norm::wire::{Data, Extensions, FecId, Info, ObjectFlags, PayloadId, SetInfo};

use super::config::Trust;
use super::ctx::Ctx;
use super::event::ReceiverEvent;
use super::nack::cycle;
use super::nack::need::Position;
use super::objects::lifecycle;
use super::objects::object::{Opened, RecvObject};
use super::objects::stream::StreamSymbol;
use super::sender_state::SenderState;

/// The longest NORM_INFO in bytes. It stays in memory for every object in progress.
const MAX_INFO_BYTES: usize = 4096;

/// What is sent in passes has both flags, but for that of the last pass.
const TURNING: ObjectFlags = ObjectFlags::REPAIR.union(ObjectFlags::UNRELIABLE);

/// Blocks for which there is to be room when one begins of an object that is not taken yet.
const ROOM_FOR_OTHERS: u64 = 4;

/// What became of a symbol.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// It is kept.
    Kept,
    /// It was here, or is no longer needed.
    Duplicate,
    /// There is no room for it.
    NoRoom,
    /// It contradicts the object's layout, or is of an unknown scheme.
    Invalid,
    /// The object's layout is not known, or its stream not accepted.
    Unopened,
}

/// What a packet says of its object.
#[derive(Copy, Clone, Debug)]
struct Description<'a> {
    flags: ObjectFlags,
    fec_id: FecId,
    extensions: Extensions<'a>,
    info: Option<&'a [u8]>,
}

/// Takes a NORM_INFO.
pub(super) fn take_info<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    info: &Info<'_>,
) {
    if info.payload.len() > MAX_INFO_BYTES {
        ctx.stats().invalid += 1;
        return;
    }
    prove(ctx, sender);
    let key = sender.timeline.key_of(info.object);
    let first = !info.flags.contains(ObjectFlags::REPAIR);
    note_turning(ctx, sender, info.flags);
    if !sender.synchronise(ctx.config().join, key, first) {
        ctx.stats().unrelated += 1;
        return;
    }
    sender.timeline.prove(key);
    sender.coding.note_scheme(info.fec_id, info.extensions);
    if SetInfo::parse(info.payload).is_ok() {
        sender.coding.note_native();
    }
    if first {
        reach(ctx, sender, now, Position::new(key, 0));
    } else {
        sender.timeline.note_key(key);
    }
    let flags = info.flags.with(ObjectFlags::INFO);
    let (fec_id, extensions, info) = (info.fec_id, info.extensions, Some(info.payload));
    learn(ctx, sender, key, Description { flags, fec_id, extensions, info });
}

/// A signed message tells of objects.
pub(super) fn prove<S>(ctx: &Ctx<S>, sender: &mut SenderState) {
    if ctx.config().trust == Trust::Symbols {
        sender.prove();
    }
}

/// Notes by what content says of itself whether it is sent in passes that are not over.
fn note_turning<S: SymbolStore>(ctx: &mut Ctx<S>, sender: &mut SenderState, flags: ObjectFlags) {
    let turning = flags.contains(TURNING);
    if turning && !sender.timeline.is_turning() {
        ctx.store_mut().expect_turns();
    }
    sender.timeline.note_turning(turning);
}

/// Takes a NORM_DATA. False when there was no room for its block.
pub(super) fn take_data<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    data: &Data<'_>,
) -> bool {
    sender.coding.note_scheme(data.fec_id, data.extensions);
    sender.path.sizes_mut().note_content();
    let Some(id) = data.payload_id.decode(sender.coding.format()) else {
        ctx.stats().invalid += 1;
        return true;
    };
    let key = sender.timeline.key_of(data.object);
    let first = !data.flags.contains(ObjectFlags::REPAIR);
    note_turning(ctx, sender, data.flags);
    if !sender.synchronise(ctx.config().join, key, first && id.block == 0) {
        ctx.stats().unrelated += 1;
        return true;
    }
    if first {
        let object = sender.interest.object(key);
        let block = object.map_or(id.block.into(), |object| object.unwrap_block(id.block));
        let block = u32::try_from(block).unwrap_or(u32::MAX);
        reach(ctx, sender, now, Position::new(key, block));
    } else {
        sender.timeline.note_key(key);
    }
    let (flags, fec_id, extensions) = (data.flags, data.fec_id, data.extensions);
    if !learn(ctx, sender, key, Description { flags, fec_id, extensions, info: None }) {
        return true;
    }
    take_known(ctx, sender, now, (key, id), data)
}

/// Takes a NORM_DATA of which only the symbol is believed. False when there was no room for its
/// block.
pub(super) fn take_unsigned_data<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    data: &Data<'_>,
) -> bool {
    sender.path.sizes_mut().note_content();
    let key = sender.timeline.key_of(data.object);
    if sender.interest.is_done(key) {
        ctx.stats().duplicates += 1;
        return true;
    }
    let object = sender.interest.object(key).filter(|object| object.layout().is_some());
    let Some(object) = object else {
        ctx.stats().unopened += 1;
        ask_for_info(ctx, sender, now, key);
        return true;
    };
    let id = data.payload_id.decode(sender.coding.format());
    let id = id.filter(|id| object.is_stream() || object.geometry(id.block).is_some());
    let Some(id) = id else {
        ctx.stats().invalid += 1;
        return true;
    };
    if !data.flags.contains(ObjectFlags::REPAIR) {
        let block = u32::try_from(object.unwrap_block(id.block)).unwrap_or(u32::MAX);
        reach(ctx, sender, now, Position::new(key, block));
    }
    take_known(ctx, sender, now, (key, id), data)
}

/// Asks for the INFO of an object of which only content was heard, as far as there may be such an
/// object. Nothing else is concluded from that.
fn ask_for_info<S>(ctx: &mut Ctx<S>, sender: &mut SenderState, now: Timestamp, key: u64) {
    if sender.interest.first().is_none() && !sender.synchronise(ctx.config().join, key, false) {
        return;
    }
    let is_wanted = sender.interest.first().is_some_and(|first| first <= key);
    if is_wanted && sender.timeline.may_have(key) {
        sender.interest.expect_partial(key..key + 1);
        reach(ctx, sender, now, Position::new(key, 1));
    }
}

/// Takes a symbol of an object that may be in progress. False when there was no room for its block.
fn take_known<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    at: (u64, PayloadId),
    data: &Data<'_>,
) -> bool {
    let (key, id) = at;
    let Some(object) = sender.interest.object(key) else { return true };
    let fate = if object.is_stream() {
        take_stream_symbol(ctx, sender, now, key, id, data)
    } else {
        take_symbol(ctx, sender, now, key, id, data)
    };
    if data.flags.contains(ObjectFlags::REPAIR) {
        sender.nack.note_repair(now, fate == Fate::Kept);
    }
    count(ctx, sender, fate);
    fate != Fate::NoRoom
}

/// The first transmission has come to this place: what lies before it and is missing was lost.
fn reach<S>(ctx: &mut Ctx<S>, sender: &mut SenderState, now: Timestamp, here: Position) {
    if sender.timeline.reach(here) {
        cycle::check(ctx, sender, now);
    }
}

/// Takes what a packet says about its object. False when the object is not in progress.
fn learn<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    key: u64,
    description: Description<'_>,
) -> bool {
    let Description { flags, fec_id, extensions, info } = description;
    if sender.interest.is_done(key) {
        ctx.stats().duplicates += 1;
        return false;
    }
    let Some(object) = sender.interest.object_within(key, ctx.config().max_objects) else {
        ctx.stats().no_room += 1;
        return false;
    };
    // Not worth the look-up once the layout is known.
    let fti = if object.layout().is_none() { extensions.fti(fec_id) } else { None };
    match object.learn(flags, fti, info, ctx.config()) {
        Some(Opened::Now) => open(ctx, sender, key),
        Some(Opened::No) => {}
        None => {
            ctx.stats().invalid += 1;
            return false;
        }
    }
    true
}

/// Size and INFO of an object have just become known: tells the application.
fn open<S: SymbolStore>(ctx: &mut Ctx<S>, sender: &mut SenderState, key: u64) {
    let object_ref = sender.object_ref(key);
    let Some(object) = sender.interest.object(key) else { return };
    let Some(layout) = object.layout() else { return };
    sender.coding.note_layout(layout.symbol_size(), layout.scheme().payload_format());
    let (size, info, is_stream) = (layout.size(), object.info(), object.is_stream());
    ctx.event(if is_stream {
        ReceiverEvent::StreamOpened { object: object_ref, buffer: size, info }
    } else {
        ReceiverEvent::ObjectOpened { object: object_ref, size, info, file: object.is_file() }
    });
    if ctx.config().auto_accept || (is_stream && ctx.config().accept_streams) {
        lifecycle::accept(ctx, sender, key);
    }
}

fn count<S>(ctx: &mut Ctx<S>, sender: &mut SenderState, fate: Fate) {
    let stats = ctx.stats();
    match fate {
        Fate::Kept => {
            stats.symbols += 1;
            sender.interest.note_symbol();
        }
        Fate::Duplicate => stats.duplicates += 1,
        Fate::NoRoom => stats.no_room += 1,
        Fate::Invalid => stats.invalid += 1,
        Fate::Unopened => stats.unopened += 1,
    }
}

/// Takes a symbol of an object's block.
fn take_symbol<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    key: u64,
    id: PayloadId,
    data: &Data<'_>,
) -> Fate {
    let slot = BlockSlot { sender: sender.id, object: key, block: id.block };
    let Some(object) = sender.interest.object_mut(key) else { return Fate::Unopened };
    let Some(layout) = object.layout().copied() else { return Fate::Unopened };
    let geometry = object.geometry(id.block).filter(|geometry| fits(&layout, geometry, id, data));
    let Some(geometry) = geometry else { return Fate::Invalid };
    if object.is_written(id.block) {
        return Fate::Duplicate;
    }
    let begins = object.block(id.block).is_none();
    if begins && (!ctx.has_block_room() || !may_wait(ctx, object, &geometry)) {
        return Fate::NoRoom;
    }
    let block = object.block_or_begin(id.block, &geometry);
    if begins {
        ctx.begin_block();
    }
    if block.is_busy() || block.contains(id.symbol) {
        return Fate::Duplicate;
    }
    if !ctx.put(slot, &geometry, id.symbol, data.payload) {
        if block.is_empty() {
            // It is not begun after all. When there is room, all of it is asked for.
            object.drop_block(id.block);
            ctx.end_block();
        }
        return Fate::NoRoom;
    }
    block.insert(id.symbol);
    block.touch(now);
    if object.is_ready(id.block) {
        lifecycle::store_block(ctx, object, slot);
    }
    Fate::Kept
}

/// True when a block may be begun although its object may have to wait long until the application
/// takes it: what that waits for needs room, too.
fn may_wait<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    object: &RecvObject,
    geometry: &BlockGeometry,
) -> bool {
    let block = u64::from(geometry.symbols) * u64::from(geometry.symbol_size);
    object.is_accepted() || !object.is_opened() || ctx.room() >= block * ROOM_FOR_OTHERS
}

/// True when a packet's symbol is one of its block, and as long as the layout says.
fn fits(layout: &Layout, geometry: &BlockGeometry, id: PayloadId, data: &Data<'_>) -> bool {
    let (scheme, block_len, len) = (geometry.scheme, geometry.symbols, data.payload.len());
    if data.fec_id != scheme.fec_id() {
        return false;
    }
    if id.symbol < block_len {
        return len == usize::from(layout.symbol_bytes(id.block, id.symbol));
    }
    // A Reed-Solomon symbol may be as short as the source symbols that it is made of.
    let full = usize::from(layout.symbol_size());
    let short = matches!(scheme, Scheme::ReedSolomon(_)) && len < full && len > 0;
    id.symbol - block_len < scheme.parity(block_len) && (short || len == full)
}

/// Takes a symbol of a stream.
fn take_stream_symbol<S>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    now: Timestamp,
    key: u64,
    id: PayloadId,
    data: &Data<'_>,
) -> Fate {
    let object = sender.object_ref(key);
    let stream = sender.interest.object_mut(key).and_then(|object| object.stream_mut());
    let Some(stream) = stream else { return Fate::Unopened };
    let taken = stream.take(
        ctx.config().join,
        &StreamSymbol {
            block: id.block,
            symbol: id.symbol,
            is_first: !data.flags.contains(ObjectFlags::REPAIR),
            payload: data.payload,
        },
    );
    let due = stream.due(key);
    if taken.readable {
        ctx.event(ReceiverEvent::StreamReadable { object });
    }
    sender.timeline.make_due(due);
    if taken.more_due {
        cycle::check(ctx, sender, now);
    }
    match taken.inserted {
        Inserted::Kept => Fate::Kept,
        Inserted::Duplicate | Inserted::Old => Fate::Duplicate,
        Inserted::TooNew => Fate::NoRoom,
        Inserted::Bad => Fate::Invalid,
    }
}
