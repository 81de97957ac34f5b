//! What happens to an object, from its first mention to its end.

use core::net::IpAddr;
use core::ops::Range;
use std::collections::BTreeSet;

use super::ctx::Ctx;
use super::epoch::Epoch;
use super::event::ReceiverEvent;
use super::nameless::Kind;
use super::object::{Claimed, Covered, Object, Origin, object_cost};
use super::recall;
use super::table::Entry;
use crate::base::range_set::RangeSet;
use crate::blocks::RecvBlock;
use crate::endpoint::{BlockSlot, StoreOutcome, SymbolStore};
use crate::fec::{Layout, Scheme};
use crate::flute::wire::Fti;

/// Blocks of an object at most: a bit is kept for each.
const MAX_BLOCKS: u32 = 1 << 20;

/// What has become of an object that a packet describes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// It is in progress.
    Yes,
    /// The description cannot be, or is beyond our limits.
    Invalid,
    /// There is no room for it.
    NoRoom,
}

/// Begins an object, which has no layout yet.
pub(super) fn begin<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    epoch: &mut Epoch,
    key: u64,
    fti: Fti,
    origin: Origin,
) -> Begun {
    let Ok(layout) = fti.layout() else { return Begun::Invalid };
    if !is_within_limits(&layout, ctx.config().max_block_len) {
        return Begun::Invalid;
    }
    let has_room = epoch.objects.len() < ctx.config().max_objects;
    let (cost, is_known) = (object_cost(&layout), epoch.table.get(key).is_some());
    if !has_room || !take_room(ctx, epoch.source(), cost, is_known) {
        return Begun::NoRoom;
    }
    let mut object = Object::new(fti, layout, origin);
    object.note_claim(if is_known { 0 } else { cost });
    epoch.objects.insert(key, object);
    describe(ctx, epoch, key);
    Begun::Yes
}

/// Takes room for an object of this source, or for one of its blocks. That of objects which no
/// table has told of is bounded apart.
pub(super) fn take_room<S>(ctx: &mut Ctx<S>, source: IpAddr, cost: usize, is_known: bool) -> bool {
    if !is_known && !ctx.nameless().take(source, Kind::Claims, cost) {
        return false;
    }
    let fits = ctx.bookkeeping().take(cost);
    if !fits && !is_known {
        ctx.nameless().give(source, Kind::Claims, cost);
    }
    fits
}

/// True of a layout that costs no more than the settings allow.
pub(super) fn is_within_limits(layout: &Layout, max_block_len: u32) -> bool {
    let is_long = layout.scheme() == Scheme::RaptorQ && layout.block_len(0) > max_block_len;
    layout.blocks() <= MAX_BLOCKS && !is_long
}

/// Something more is known of an object: opens it if that suffices, and takes what came before.
pub(super) fn describe<S: SymbolStore>(ctx: &mut Ctx<S>, epoch: &mut Epoch, key: u64) {
    if epoch.is_done(key) {
        return;
    }
    if !epoch.objects.contains_key(&key) {
        let layout = epoch.table.get(key).and_then(Entry::layout);
        if let Some((fti, _)) = layout
            && begin(ctx, epoch, key, fti, Origin::Table) == Begun::NoRoom
        {
            ctx.stats().no_room += 1;
        }
        // If it has begun, it was described by that.
        return;
    }
    open(ctx, epoch, key);
    recall::take(ctx, epoch, key);
}

/// Tells the application of an object, once it is known which one that is.
fn open<S: SymbolStore>(ctx: &mut Ctx<S>, epoch: &mut Epoch, key: u64) {
    let object_ref = epoch.object_ref(key);
    let Some(meta) = epoch.table.get(key).map(|entry| entry.meta().clone()) else { return };
    let Some(object) = epoch.objects.get_mut(&key) else { return };
    if !object.open() {
        return;
    }
    let (claimed, size) = (object.take_nameless(), object.layout().size());
    give_claimed(ctx, epoch, claimed);
    ctx.event(ReceiverEvent::ObjectOpened { object: object_ref, size, meta });
    if ctx.config().auto_accept {
        accept(ctx, epoch, key);
    }
}

/// What an object took while no table had told of it counts no longer.
fn give_claimed<S>(ctx: &mut Ctx<S>, epoch: &Epoch, claimed: Claimed) {
    let source = epoch.source();
    ctx.nameless().give(source, Kind::Symbols, claimed.symbols);
    ctx.nameless().give(source, Kind::Claims, claimed.own);
}

/// The sender has other content under the number of an object.
pub(super) fn replace<S: SymbolStore>(ctx: &mut Ctx<S>, epoch: &mut Epoch, key: u64) {
    let was_accepted = epoch.objects.get(&key).is_some_and(Object::is_accepted);
    drop_object(ctx, epoch, key);
    epoch.unfinish(key);
    if was_accepted {
        ctx.event(ReceiverEvent::ObjectAborted { object: epoch.object_ref(key) });
    }
}

/// The application takes an opened object.
pub(super) fn accept<S: SymbolStore>(ctx: &mut Ctx<S>, epoch: &mut Epoch, key: u64) {
    let Some(object) = epoch.objects.get_mut(&key).filter(|object| object.is_opened()) else {
        return;
    };
    object.accept();
    for block in object.ready_blocks() {
        store_block(ctx, epoch, key, block);
    }
    complete_if_done(ctx, epoch, key);
}

/// Takes an opened object as [`accept`] does, of which these bytes are in their places already.
pub(super) fn accept_with<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    epoch: &mut Epoch,
    key: u64,
    held: &RangeSet,
) {
    for (start, end) in held.iter() {
        cover(ctx, epoch, key, &(start..end), true);
    }
    accept(ctx, epoch, key);
}

/// Notes that these bytes of an object are in their places already, or else are not wanted.
pub(super) fn note_held<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    epoch: &mut Epoch,
    key: u64,
    range: &Range<u64>,
    is_wanted: bool,
) {
    cover(ctx, epoch, key, range, is_wanted);
    complete_if_done(ctx, epoch, key);
}

fn cover<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    epoch: &mut Epoch,
    key: u64,
    range: &Range<u64>,
    is_wanted: bool,
) {
    let Some(object) = epoch.objects.get_mut(&key) else { return };
    for block in object.note_held(range, is_wanted) {
        cover_block(ctx, epoch, key, block);
    }
}

/// Takes into account what is held of a block.
fn cover_block<S: SymbolStore>(ctx: &mut Ctx<S>, epoch: &mut Epoch, key: u64, block: u32) {
    let slot = BlockSlot { sender: epoch.id(), object: key, block };
    let Some(object) = epoch.objects.get_mut(&key) else { return };
    match object.cover(block) {
        Covered::Nothing => {}
        Covered::Ready => store_block(ctx, epoch, key, block),
        Covered::Whole { was_in_progress } => {
            object.set_written(block);
            if was_in_progress {
                ctx.bookkeeping().give(object.end(block));
                ctx.store_mut().discard(slot);
            }
        }
    }
}

/// Hands a block to a job that writes it.
pub(super) fn store_block<S>(ctx: &mut Ctx<S>, epoch: &mut Epoch, key: u64, block: u32) {
    let slot = BlockSlot { sender: epoch.id(), object: key, block };
    let job = epoch.objects.get_mut(&key).and_then(|object| object.start_store(slot));
    if let Some(job) = job {
        epoch.job_begins();
        ctx.push_store(job);
    }
}

/// A job has stored a block, or could not.
pub(super) fn block_stored<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    epoch: &mut Epoch,
    slot: BlockSlot,
    outcome: StoreOutcome,
) {
    if !epoch.job_ends(slot.object, slot.block) {
        ctx.store_mut().discard(slot);
        return;
    }
    let Some(object) = epoch.objects.get_mut(&slot.object) else { return };
    if !object.block(slot.block).is_some_and(RecvBlock::is_busy) {
        return;
    }
    match outcome {
        StoreOutcome::Written => {
            ctx.bookkeeping().give(object.end(slot.block));
            object.set_written(slot.block);
        }
        StoreOutcome::NeedMore => {
            ctx.stats().decode_retries += 1;
            if let Some(block) = object.block_mut(slot.block) {
                block.need_more();
            }
            // Something may have been found to be held meanwhile.
            cover_block(ctx, epoch, slot.object, slot.block);
        }
        StoreOutcome::HeldLost => {
            ctx.bookkeeping().give(object.end(slot.block));
            ctx.store_mut().discard(slot);
            object.lose_held(slot.block);
        }
        StoreOutcome::Failed => {
            object.fail(slot.block);
            ctx.event(ReceiverEvent::StoreFailed { object: slot.object_ref() });
        }
    }
    complete_if_done(ctx, epoch, slot.object);
}

fn complete_if_done<S: SymbolStore>(ctx: &mut Ctx<S>, epoch: &mut Epoch, key: u64) {
    if epoch.objects.get(&key).is_some_and(Object::is_complete) {
        drop_object(ctx, epoch, key);
        epoch.finish(key, key.saturating_add(1));
        epoch.note_complete();
        ctx.event(ReceiverEvent::ObjectComplete { object: epoch.object_ref(key) });
    }
}

/// Stops wanting objects.
pub(super) fn give_up<S: SymbolStore>(ctx: &mut Ctx<S>, epoch: &mut Epoch, keys: Range<u64>) {
    if keys.is_empty() {
        return;
    }
    let known: Vec<u64> = epoch.objects.range(keys.clone()).map(|(&key, _)| key).collect();
    known.into_iter().for_each(|key| drop_object(ctx, epoch, key));
    for key in epoch.early.keys(keys.clone()) {
        epoch.early.take(ctx.nameless(), epoch.source(), key);
        recall::discard(ctx, epoch, key);
    }
    epoch.finish(keys.start, keys.end);
}

/// Wants an object again from the start.
pub(super) fn restart<S: SymbolStore>(ctx: &mut Ctx<S>, epoch: &mut Epoch, key: u64) {
    drop_object(ctx, epoch, key);
    epoch.reopen(key);
}

/// Wants bytes of an object in progress again, which are in their places and wrong. False when a
/// job has one of their blocks: nothing has happened then.
pub(super) fn want_again(epoch: &mut Epoch, key: u64, wrong: &[Range<u64>]) -> bool {
    let Some(object) = epoch.objects.get_mut(&key) else { return true };
    let blocks: BTreeSet<u32> = wrong.iter().flat_map(|range| object.blocks_over(range)).collect();
    let is_busy = |&block: &u32| object.block(block).is_some_and(RecvBlock::is_busy);
    if blocks.iter().any(is_busy) {
        return false;
    }
    blocks.into_iter().for_each(|block| object.forget_written(block));
    wrong.iter().for_each(|range| object.forget_held(range));
    true
}

/// Forgets an object and what the store has of it.
pub(super) fn drop_object<S: SymbolStore>(ctx: &mut Ctx<S>, epoch: &mut Epoch, key: u64) {
    let Some(mut gone) = epoch.objects.remove(&key) else { return };
    ctx.bookkeeping().give(gone.cost());
    give_claimed(ctx, epoch, gone.take_nameless());
    recall::discard(ctx, epoch, key);
    for (block, is_busy) in gone.blocks() {
        let slot = BlockSlot { sender: epoch.id(), object: key, block };
        match is_busy {
            // The store has lent it.
            true => epoch.orphan(key, block),
            false => ctx.store_mut().discard(slot),
        }
    }
}
