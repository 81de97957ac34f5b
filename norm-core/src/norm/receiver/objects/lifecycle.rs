//! What happens to an object, from its acceptance to its end.

use core::ops::Range;
use std::collections::BTreeSet;

use super::missing::Covered;
use super::object::RecvObject;
use super::stream::RecvStream;
use crate::base::range_set::RangeSet;
use crate::blocks::RecvBlock;
use crate::endpoint::{BlockSlot, StoreOutcome, SymbolStore};
use crate::norm::receiver::ctx::Ctx;
use crate::norm::receiver::event::ReceiverEvent;
use crate::norm::receiver::sender_state::SenderState;

/// The application takes an opened object.
pub(crate) fn accept<S: SymbolStore>(ctx: &mut Ctx<S>, sender: &mut SenderState, key: u64) {
    let Some(object) = sender.interest.object_mut(key) else { return };
    if object.is_stream() {
        let format = sender.coding.format();
        let layout = object.layout();
        match layout.and_then(|layout| RecvStream::new(layout, format, ctx.config())) {
            Some(stream) => object.accept_stream(stream),
            None => close(ctx, sender, key),
        }
        return;
    }
    object.accept();
    for block in object.ready_blocks() {
        let slot = BlockSlot { sender: sender.id, object: key, block };
        store_block(ctx, object, slot);
    }
    complete_if_done(ctx, sender, key);
}

/// Takes an opened object as [`accept`] does, of which these bytes are in their places already.
pub(crate) fn accept_with<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    key: u64,
    held: &RangeSet,
) {
    for (start, end) in held.iter() {
        cover(ctx, sender, key, &(start..end), true);
    }
    accept(ctx, sender, key);
}

/// Notes that these bytes of an object are in their places already, or else are not wanted.
pub(crate) fn note_held<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    key: u64,
    range: &Range<u64>,
    is_wanted: bool,
) {
    cover(ctx, sender, key, range, is_wanted);
    complete_if_done(ctx, sender, key);
}

fn cover<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    key: u64,
    range: &Range<u64>,
    is_wanted: bool,
) {
    sender.nack.begin_queue(sender.liveness.last_heard());
    let Some(object) = sender.interest.object_mut(key) else { return };
    let mut bytes = 0;
    for block in object.note_held(range, is_wanted) {
        bytes += cover_block(ctx, object, BlockSlot { sender: sender.id, object: key, block });
    }
    sender.interest.add_bytes_done(bytes);
}

/// Takes into account what is held of a block; returns the bytes that are done by that.
fn cover_block<S: SymbolStore>(ctx: &mut Ctx<S>, object: &mut RecvObject, slot: BlockSlot) -> u64 {
    match object.cover_block(slot.block) {
        Covered::Nothing => 0,
        Covered::Ready => {
            store_block(ctx, object, slot);
            0
        }
        Covered::Whole { bytes, was_in_progress } => {
            if was_in_progress {
                ctx.discard(slot);
            }
            bytes.into()
        }
    }
}

/// Forgets an object that counts as done and confirmed: a refused one, or a stream that is read.
pub(crate) fn close<S: SymbolStore>(ctx: &mut Ctx<S>, sender: &mut SenderState, key: u64) {
    drop_object(ctx, sender, key);
    sender.interest.confirm(key);
}

/// Stops wanting objects without confirming them.
pub(crate) fn give_up<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    keys: Range<u64>,
) {
    sender.interest.finish(keys.clone());
    for key in sender.interest.keys_in(keys) {
        drop_object(ctx, sender, key);
    }
}

/// Wants an object again from the start.
pub(crate) fn restart<S: SymbolStore>(ctx: &mut Ctx<S>, sender: &mut SenderState, key: u64) {
    drop_object(ctx, sender, key);
    sender.interest.reopen(key);
}

/// Wants bytes of an object in progress again, which are in their places and wrong. False when a
/// job has one of their blocks: nothing has happened then, and it is to be tried again after that
/// job.
pub(crate) fn want_again(sender: &mut SenderState, key: u64, wrong: &[Range<u64>]) -> bool {
    let Some(object) = sender.interest.object_mut(key) else { return true };
    let blocks: BTreeSet<u32> = wrong.iter().flat_map(|range| object.blocks_over(range)).collect();
    let is_busy = |&block: &u32| object.block(block).is_some_and(RecvBlock::is_busy);
    if blocks.iter().any(is_busy) {
        return false;
    }
    let mut bytes = 0;
    for &block in &blocks {
        bytes += object.forget_written(block);
    }
    for range in wrong {
        object.forget_held(range);
    }
    sender.interest.remove_bytes_done(bytes);
    true
}

/// Forgets what has come of blocks over a range that are in progress. False when a job has one of
/// them: nothing has happened then.
pub(crate) fn drop_symbols<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    key: u64,
    range: &Range<u64>,
) -> bool {
    let id = sender.id;
    let Some(object) = sender.interest.object_mut(key) else { return true };
    let blocks = object.blocks_over(range);
    let in_progress = |&block: &u32| object.block(block).is_some();
    let blocks: Vec<u32> = blocks.filter(in_progress).collect();
    if blocks.iter().any(|&block| object.block(block).is_some_and(RecvBlock::is_busy)) {
        return false;
    }
    for block in blocks {
        object.drop_block(block);
        ctx.discard(BlockSlot { sender: id, object: key, block });
    }
    true
}

/// The sender cannot repair an object: stops asking, and tells the application.
pub(crate) fn abort<S: SymbolStore>(ctx: &mut Ctx<S>, sender: &mut SenderState, key: u64) {
    if sender.interest.is_done(key) {
        return;
    }
    give_up(ctx, sender, key..key + 1);
    ctx.event(ReceiverEvent::ObjectAborted { object: sender.object_ref(key) });
}

/// There seems to be no INFO of an empty object: stops asking, and tells the application.
pub(crate) fn lose_empty<S: SymbolStore>(ctx: &mut Ctx<S>, sender: &mut SenderState, key: u64) {
    give_up(ctx, sender, key..key + 1);
    ctx.event(ReceiverEvent::EmptyObjectLost { object: sender.object_ref(key) });
}

/// Hands a block to a job that writes it.
pub(crate) fn store_block<S>(ctx: &mut Ctx<S>, object: &mut RecvObject, slot: BlockSlot) {
    if let Some(job) = object.start_store(slot) {
        ctx.push_store(job);
    }
}

/// A job has stored a block, or could not.
pub(crate) fn block_stored<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    slot: BlockSlot,
    outcome: StoreOutcome,
) {
    let Some(object) = sender.interest.object_mut(slot.object) else { return };
    match outcome {
        StoreOutcome::Written => {
            let len = object.geometry(slot.block).map_or(0, |geometry| geometry.len);
            if object.set_written(slot.block) {
                ctx.end_block();
                sender.interest.add_bytes_done(len.into());
            }
            complete_if_done(ctx, sender, slot.object);
        }
        StoreOutcome::NeedMore => {
            ctx.stats().decode_retries += 1;
            if let Some(block) = object.block_mut(slot.block) {
                block.need_more();
            }
            cover_later(ctx, sender, slot);
        }
        StoreOutcome::HeldLost => {
            ctx.discard(slot);
            object.lose_held(slot.block);
        }
        StoreOutcome::Failed => {
            ctx.event(ReceiverEvent::StoreFailed { object: slot.object_ref() });
        }
    }
}

/// Takes into account what was held of a block while a job had it.
fn cover_later<S: SymbolStore>(ctx: &mut Ctx<S>, sender: &mut SenderState, slot: BlockSlot) {
    let Some(object) = sender.interest.object_mut(slot.object) else { return };
    let bytes = cover_block(ctx, object, slot);
    sender.interest.add_bytes_done(bytes);
    complete_if_done(ctx, sender, slot.object);
}

/// Forgets a sender's blocks: they are not wanted any more.
pub(crate) fn discard_all<S: SymbolStore>(ctx: &mut Ctx<S>, sender: &SenderState) {
    for (key, object) in sender.interest.objects() {
        discard_blocks(ctx, sender, key, object);
    }
}

fn complete_if_done<S>(ctx: &mut Ctx<S>, sender: &mut SenderState, key: u64) {
    if !sender.interest.object(key).is_some_and(RecvObject::is_complete) {
        return;
    }
    sender.interest.remove_object(key);
    sender.interest.finish(key..key + 1);
    if ctx.config().auto_confirm {
        sender.interest.confirm(key);
    }
    ctx.event(ReceiverEvent::ObjectComplete { object: sender.object_ref(key) });
}

fn drop_object<S: SymbolStore>(ctx: &mut Ctx<S>, sender: &mut SenderState, key: u64) {
    if let Some(gone) = sender.interest.remove_object(key) {
        discard_blocks(ctx, sender, key, &gone);
    }
}

fn discard_blocks<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &SenderState,
    key: u64,
    object: &RecvObject,
) {
    for block in object.blocks() {
        ctx.discard(BlockSlot { sender: sender.id, object: key, block });
    }
}
