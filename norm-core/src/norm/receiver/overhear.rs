//! Other receivers' feedback, heard through the group: it may make ours unnecessary.

use std::collections::BTreeMap;

use super::Receiver;
use super::object::RecvObject;
use super::remote::Remote;
use crate::base::Timestamp;
use crate::endpoint::SymbolStore;
use crate::fec::Scheme;
use crate::norm::wire::{Nack, NodeId, PayloadId, RepairFlags, RepairForm, RepairRequests};

impl<S: SymbolStore> Receiver<S> {
    /// Another receiver's NACK, heard through the group.
    pub(super) fn overhear(&mut self, now: Timestamp, node: NodeId, nack: &Nack<'_>) {
        if node == self.node {
            return;
        }
        let named = |r: &Remote| (r.node, r.instance) == (nack.sender, nack.instance);
        let mut known = false;
        for remote in self.remotes.values_mut().filter(|r| named(r)) {
            known = true;
            overheard(now, remote, nack.requests);
            remote.overhear_cc(now, nack.extensions.cc_feedback());
        }
        self.stats.unrelated += u64::from(!known);
    }
}

/// Notes repair requests that others have made, or that the sender says were made.
pub(super) fn overheard(now: Timestamp, remote: &mut Remote, requests: RepairRequests<'_>) {
    let format = remote.format;
    // Parity symbols named for a block in all of this message: each is as good as any other.
    let mut parity = BTreeMap::<(u64, u32), u32>::new();
    for request in requests.iter() {
        let (flags, form) = (request.flags, request.form);
        if form == RepairForm::Ranges {
            for (first, last) in request.ranges() {
                let pair = first.payload_id.decode(format).zip(last.payload_id.decode(format));
                let (k0, k1) = (remote.key_of(first.object), remote.key_of(last.object));
                if let Some((a, b)) = pair {
                    overheard_range(now, remote, flags, (k0, a), (k1, b), &mut parity);
                }
            }
            continue;
        }
        for item in request.items.iter() {
            let key = remote.key_of(item.object);
            let Some(id) = item.payload_id.decode(format) else { continue };
            if form == RepairForm::Erasures && flags.contains(RepairFlags::SEGMENT) {
                remote.heard_now(now).count(key, id.block, id.symbol);
            } else {
                overheard_range(now, remote, flags, (key, id), (key, id), &mut parity);
            }
        }
    }
    for ((key, block), count) in parity {
        remote.heard_now(now).count(key, block, count);
    }
}

fn overheard_range(
    now: Timestamp,
    remote: &mut Remote,
    flags: RepairFlags,
    first: (u64, PayloadId),
    last: (u64, PayloadId),
    parity: &mut BTreeMap<(u64, u32), u32>,
) {
    let object = remote.objects.get(&first.0);
    let (mut first, mut last) = (first, last);
    if let Some(stream) = object.and_then(|object| object.stream.as_deref()) {
        first.1.block = stream.unwrap(first.1.block) as u32;
        last.1.block = stream.unwrap(last.1.block) as u32;
    }
    let layout = object.and_then(RecvObject::layout);
    let coded = layout.filter(|l| matches!(l.scheme(), Scheme::ReedSolomon(_))).and(object);
    let block_len = coded.map_or(u32::MAX, |object| object.block_len(first.1.block));
    let heard = remote.heard_now(now);
    if flags.contains(RepairFlags::INFO) {
        heard.infos(first.0, last.0);
    }
    if flags.contains(RepairFlags::SEGMENT) {
        let place = (first.0, first.1.block);
        if place == (last.0, last.1.block) && first.1.symbol <= last.1.symbol {
            let (first, last) = (first.1.symbol, last.1.symbol);
            heard.symbols(place.0, place.1, first, last);
            if last >= block_len {
                let count = parity.entry(place).or_default();
                *count = count.saturating_add(last - first.max(block_len) + 1);
            }
        }
    } else if flags.contains(RepairFlags::BLOCK) {
        heard.blocks((first.0, first.1.block), (last.0, last.1.block));
    } else if flags.contains(RepairFlags::OBJECT) {
        heard.objects(first.0, last.0);
    }
}
