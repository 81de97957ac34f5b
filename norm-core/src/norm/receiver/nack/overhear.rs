//! Other receivers' requests, heard through the group: they may suppress our own.

use std::collections::BTreeMap;

use super::need::Position;
use crate::base::Timestamp;
use crate::fec::Scheme;
use crate::norm::receiver::objects::object::RecvObject;
use crate::norm::receiver::sender_state::SenderState;
use crate::norm::wire::{PayloadId, RepairFlags, RepairForm, RepairItem, RepairRequests};

/// How many coded symbols of each block a message names: each is as good as any other.
type ParityCounts = BTreeMap<Position, u32>;

/// A symbol that a request names.
#[derive(Copy, Clone)]
struct Named {
    at: Position,
    symbol: u32,
}

/// Notes repair requests that other receivers have made, or that the sender says were made.
pub(crate) fn note_requests(
    sender: &mut SenderState,
    now: Timestamp,
    requests: RepairRequests<'_>,
) {
    let mut parity = ParityCounts::new();
    for request in requests.iter() {
        let flags = request.flags;
        if request.form == RepairForm::Ranges {
            for (first, last) in request.ranges() {
                if let Some((first, last)) = named(sender, &first).zip(named(sender, &last)) {
                    note_range(sender, now, flags, first, last, &mut parity);
                }
            }
            continue;
        }
        let erasures = request.form == RepairForm::Erasures && flags.contains(RepairFlags::SEGMENT);
        for item in request.items.iter() {
            if erasures {
                note_erasures(sender, now, &item);
            } else if let Some(one) = named(sender, &item) {
                note_range(sender, now, flags, one, one, &mut parity);
            }
        }
    }
    let timing = sender.path.timing();
    for (at, count) in parity {
        sender.nack.overhear(now, timing).note_count(at, count);
    }
}

/// What an item of a request names; blocks of a stream by their number in the object.
fn named(sender: &SenderState, item: &RepairItem) -> Option<Named> {
    let key = sender.timeline.key_of(item.object);
    let PayloadId { block, symbol, .. } = item.payload_id.decode(sender.coding.format())?;
    Some(Named { at: Position::new(key, block), symbol })
}

/// A number of symbols of a block is asked for, whichever they are.
fn note_erasures(sender: &mut SenderState, now: Timestamp, item: &RepairItem) {
    if let Some(Named { at, symbol }) = named(sender, item) {
        let timing = sender.path.timing();
        sender.nack.overhear(now, timing).note_count(at, symbol);
    }
}

/// Everything from `first` to `last` is asked for.
fn note_range(
    sender: &mut SenderState,
    now: Timestamp,
    flags: RepairFlags,
    first: Named,
    last: Named,
    parity: &mut ParityCounts,
) {
    let object = sender.interest.object(first.at.key);
    let unwrap = |at: Position| match object {
        Some(object) => Position::new(at.key, object.unwrap_block(at.block) as u32),
        None => at,
    };
    let (from, to) = (unwrap(first.at), unwrap(last.at));
    let block_len = coded_block_len(object, from.block);
    let timing = sender.path.timing();
    let overheard = sender.nack.overhear(now, timing);
    if flags.contains(RepairFlags::INFO) {
        overheard.note_infos(from.key, to.key);
    }
    if flags.contains(RepairFlags::SEGMENT) {
        if from == to && first.symbol <= last.symbol {
            overheard.note_symbols(from, first.symbol, last.symbol);
            if last.symbol >= block_len {
                let count = parity.entry(from).or_default();
                *count = count.saturating_add(last.symbol - first.symbol.max(block_len) + 1);
            }
        }
    } else if flags.contains(RepairFlags::BLOCK) {
        overheard.note_blocks(from, to);
    } else if flags.contains(RepairFlags::OBJECT) {
        overheard.note_objects(from.key, to.key);
    }
}

/// Source symbols of a block that is coded with Reed-Solomon: those after them are coded ones.
fn coded_block_len(object: Option<&RecvObject>, block: u32) -> u32 {
    let coded = object.filter(|object| {
        object.layout().is_some_and(|layout| matches!(layout.scheme(), Scheme::ReedSolomon(_)))
    });
    coded.map_or(u32::MAX, |object| object.block_len(block))
}
