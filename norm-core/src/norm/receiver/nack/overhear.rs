//! Other receivers' requests, heard through the group: they may suppress our own.

use std::collections::BTreeMap;

use super::need::Position;
use super::overheard::Overheard;
use super::queue::Origin;
use super::repeat;
use crate::base::Timestamp;
use crate::fec::Scheme;
use crate::norm::receiver::objects::object::RecvObject;
use crate::norm::receiver::sender_state::SenderState;
use crate::norm::receiver::sender_state::coding::Coding;
use crate::norm::receiver::sender_state::interest::Interest;
use crate::norm::receiver::sender_state::timeline::Timeline;
use crate::norm::wire::{PayloadId, RepairFlags, RepairForm, RepairItem, RepairRequests};

/// How many coded symbols of each block a message names: each is as good as any other.
type ParityCounts = BTreeMap<Position, u32>;

/// A symbol that a request names.
#[derive(Copy, Clone)]
struct Named {
    at: Position,
    symbol: u32,
}

/// What is known of the objects that requests name.
#[derive(Copy, Clone, Debug)]
struct Known<'a> {
    timeline: &'a Timeline,
    interest: &'a Interest,
    coding: &'a Coding,
}

/// Notes repair requests that other receivers have made, or that the sender says were made.
pub(crate) fn note_requests(
    sender: &mut SenderState,
    now: Timestamp,
    requests: RepairRequests<'_>,
) {
    let timing = sender.path.timing();
    let SenderState { timeline, interest, coding, nack, .. } = sender;
    let known = Known { timeline, interest, coding };
    known.note(requests, &mut |note| note(nack.overhear(now, timing)));
    note_queued(sender, now, requests, Origin::Other);
}

/// Notes what a NACK of ours asks for.
pub(super) fn note_own(sender: &mut SenderState, now: Timestamp, requests: RepairRequests<'_>) {
    note_queued(sender, now, requests, Origin::Own);
}

/// Notes requests that wait for repair now.
fn note_queued(
    sender: &mut SenderState,
    now: Timestamp,
    requests: RepairRequests<'_>,
    origin: Origin,
) {
    if sender.nack.queue().is_none() {
        return;
    }
    let pause = repeat::pause_after(sender, now);
    let SenderState { timeline, interest, coding, nack, .. } = sender;
    let Some(queue) = nack.queue_mut() else { return };
    let known = Known { timeline, interest, coding };
    known.note(requests, &mut |note| note(queue.note(now, pause, origin)));
}

/// What these requests ask for.
pub(super) fn read(sender: &SenderState, requests: RepairRequests<'_>) -> Overheard {
    let SenderState { timeline, interest, coding, .. } = sender;
    let mut asked = Overheard::default();
    Known { timeline, interest, coding }.note(requests, &mut |note| note(&mut asked));
    asked
}

/// Has a request noted.
type Into<'a> = &'a mut dyn FnMut(&dyn Fn(&mut Overheard));

impl Known<'_> {
    fn note(&self, requests: RepairRequests<'_>, into: Into<'_>) {
        let mut parity = ParityCounts::new();
        for request in requests.iter() {
            let flags = request.flags;
            if request.form == RepairForm::Ranges {
                for (first, last) in request.ranges() {
                    if let Some((first, last)) = self.named(&first).zip(self.named(&last)) {
                        self.note_range(into, flags, [first, last], &mut parity);
                    }
                }
                continue;
            }
            let erasures =
                request.form == RepairForm::Erasures && flags.contains(RepairFlags::SEGMENT);
            for item in request.items.iter() {
                let Some(one) = self.named(&item) else { continue };
                if erasures {
                    // A number of symbols of a block is asked for, whichever they are.
                    into(&|overheard| overheard.note_count(one.at, one.symbol));
                } else {
                    self.note_range(into, flags, [one, one], &mut parity);
                }
            }
        }
        for (at, count) in parity {
            into(&|overheard| overheard.note_count(at, count));
        }
    }

    /// What an item of a request names; blocks of a stream by their number in the object.
    fn named(&self, item: &RepairItem) -> Option<Named> {
        let key = self.timeline.key_of(item.object);
        let PayloadId { block, symbol, .. } = item.payload_id.decode(self.coding.format())?;
        Some(Named { at: Position::new(key, block), symbol })
    }

    /// Everything from the first to the last is asked for.
    fn note_range(
        &self,
        into: Into<'_>,
        flags: RepairFlags,
        ends: [Named; 2],
        parity: &mut ParityCounts,
    ) {
        let [first, last] = ends;
        let object = self.interest.object(first.at.key);
        let unwrap = |at: Position| match object {
            Some(object) => Position::new(at.key, object.unwrap_block(at.block) as u32),
            None => at,
        };
        let (from, to) = (unwrap(first.at), unwrap(last.at));
        let block_len = coded_block_len(object, from.block);
        if flags.contains(RepairFlags::INFO) {
            into(&|overheard| overheard.note_infos(from.key, to.key));
        }
        if flags.contains(RepairFlags::SEGMENT) {
            if from == to && first.symbol <= last.symbol {
                into(&|overheard| overheard.note_symbols(from, first.symbol, last.symbol));
                if last.symbol >= block_len {
                    let count = parity.entry(from).or_default();
                    *count = count.saturating_add(last.symbol - first.symbol.max(block_len) + 1);
                }
            }
        } else if flags.contains(RepairFlags::BLOCK) {
            into(&|overheard| overheard.note_blocks(from, to));
        } else if flags.contains(RepairFlags::OBJECT) {
            into(&|overheard| overheard.note_objects(from.key, to.key));
        }
    }
}

/// Source symbols of a block that is coded with Reed-Solomon: those after them are coded ones.
fn coded_block_len(object: Option<&RecvObject>, block: u32) -> u32 {
    let coded = object.filter(|object| {
        object.layout().is_some_and(|layout| matches!(layout.scheme(), Scheme::ReedSolomon(_)))
    });
    coded.map_or(u32::MAX, |object| object.block_len(block))
}
