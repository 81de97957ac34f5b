//! What happens to an object, from its acceptance to its end.

use core::ops::Range;

use super::block::RecvBlock;
use super::object::RecvObject;
use super::stream::RecvStream;
use crate::endpoint::{BlockSlot, StoreOutcome, SymbolStore};
use crate::fec::Layout;
use crate::norm::receiver::ctx::Ctx;
use crate::norm::receiver::event::ReceiverEvent;
use crate::norm::receiver::sender_state::SenderState;

/// Blocks of an object that is looked at for content that is present. More would take long, and
/// hardly any sender makes them.
const MAX_PRESENT_BLOCKS: u32 = 1 << 20;

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

/// Takes an opened object as [`accept`] does, of which some blocks are in their place already:
/// those for whose offset and length, in bytes, `is_present` is true.
pub(crate) fn accept_with<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    sender: &mut SenderState,
    key: u64,
    is_present: impl Fn(u64, u32) -> bool,
) {
    let object = sender.interest.object_mut(key).filter(|object| !object.is_stream());
    let Some(object) = object else { return accept(ctx, sender, key) };
    let blocks = object.layout().map_or(0, Layout::blocks);
    let mut bytes = 0;
    for block in (0..blocks).take_while(|_| blocks <= MAX_PRESENT_BLOCKS) {
        let Some(geometry) = object.geometry(block) else { break };
        let in_progress = object.block(block).map(RecvBlock::is_busy);
        // What a job has is written by that job.
        if in_progress == Some(true) || !is_present(geometry.offset, geometry.len) {
            continue;
        }
        if object.set_written(block) {
            bytes += u64::from(geometry.len);
        }
        if in_progress.is_some() {
            ctx.discard(BlockSlot { sender: sender.id, object: key, block });
        }
    }
    sender.interest.add_bytes_done(bytes);
    accept(ctx, sender, key);
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

/// Wants blocks of an object in progress again, which are written: those for whose offset and
/// length, in bytes, `is_wrong` is true. False when a job has one of them: nothing has happened
/// then, and it is to be tried again after that job.
pub(crate) fn want_again(
    sender: &mut SenderState,
    key: u64,
    is_wrong: impl Fn(u64, u32) -> bool,
) -> bool {
    let Some(object) = sender.interest.object_mut(key) else { return true };
    let blocks = object.layout().map_or(0, Layout::blocks);
    let wrong = |&block: &u32| {
        let geometry = object.geometry(block);
        geometry.is_some_and(|geometry| is_wrong(geometry.offset, geometry.len))
    };
    let wrong: Vec<u32> = (0..blocks).filter(wrong).collect();
    let is_busy = |&block: &u32| object.block(block).is_some_and(RecvBlock::is_busy);
    if wrong.iter().any(is_busy) {
        return false;
    }
    let mut bytes = 0;
    for block in wrong {
        if object.forget_written(block) {
            bytes += object.geometry(block).map_or(0, |geometry| u64::from(geometry.len));
        }
    }
    sender.interest.remove_bytes_done(bytes);
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
        }
        StoreOutcome::Failed => {
            ctx.event(ReceiverEvent::StoreFailed { object: slot.object_ref() });
        }
    }
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
