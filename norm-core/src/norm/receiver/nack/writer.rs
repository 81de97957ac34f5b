//! The repair requests of a NACK (RFC 5740 §4.3.1).

use super::need::{Need, Position, StreamSymbolNeed, SymbolNeed};
use super::parity::name_runs;
use super::{needs, repeat};
use crate::base::Timestamp;
use crate::base::bits::Bits;
use crate::fec::Scheme;
use crate::norm::receiver::objects::object::RecvObject;
use crate::norm::receiver::sender_state::SenderState;
use crate::norm::wire::{ObjectId, PayloadId, RepairFlags, RepairForm, RepairItem, RepairWriter};

/// Bytes of requests in a NACK. RFC 5740 §4.3.1 allows the sender's segment size; a forged one must
/// not make packets that no link takes.
const MAX_REQUEST_BYTES: u16 = 1280;
/// What a NACK has beside them and a data packet has not: extensions, and the proof of a receiver.
/// Only of short segments, in which there would be little room left, is it not taken off.
const BESIDE_REQUESTS: u16 = 96;
const SHORT_SEGMENT: u16 = 512;
/// The largest group whose receivers name missing symbols: a resend may be the cheapest repair.
const MAX_NAMING_GROUP: u64 = 10;
/// Bytes of requests that may name a block's missing symbols.
const MAX_NAMED_BYTES: usize = 512;
/// Bytes of requests that may name the missing symbols of a Reed-Solomon block. Such blocks are
/// short and cost little to code, and a NACK is to have room for many.
const MAX_NAMED_BYTES_REED_SOLOMON: usize = 64;
/// Requests that yield the layout of an object of which nothing is known.
const INFO_AND_BLOCK: RepairFlags = RepairFlags::INFO.union(RepairFlags::BLOCK);

/// What the requests of a NACK ask for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Blocks of which symbols are asked for.
    pub(super) blocks: Vec<Position>,
    /// Anything but symbols of blocks is asked for.
    pub(super) other: bool,
    /// Full repairs are wanted, asked for or not.
    pub(super) full: bool,
    /// The INFO of the empty object is asked for.
    pub(super) empty_info: bool,
}

/// Which needs a NACK is about.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those that may be asked for.
    Now,
    /// Those of them that could be asked for when the cycle began.
    Cycle,
}

/// Turns needs into repair requests to one sender.
struct Writer<'a> {
    sender: &'a SenderState,
    requests: RepairWriter,
    asked: Asked,
    /// Missing symbols are named, not counted. Interop peers expect to be asked for parity, and
    /// NRL's sender sends far more of a stream again than was named.
    name_symbols: bool,
    /// Objects of which nothing is known are asked for as objects. NRL's sender fails when one of
    /// them is empty, and is asked for INFO and the first block.
    name_objects: bool,
    /// Bytes of blocks not yet begun that may be asked for.
    room: u64,
}

/// Writes requests for what is missing before `due`. Those that do not fit follow in the next NACK.
/// `room`: bytes that blocks not yet begun may take.
pub(super) fn write(
    sender: &SenderState,
    due: Position,
    now: Timestamp,
    room: u64,
    scope: Scope,
) -> (RepairWriter, Asked) {
    let mut writer = Writer::new(sender, room);
    let full = now >= sender.nack.full_from();
    needs::visit(sender, due, &mut |need| {
        let need = match scope {
            Scope::Now => Some(need),
            Scope::Cycle => needs::of_cycle(sender, need),
        };
        let Some(need) = need else { return true };
        let is_patient = repeat::is_patient(sender, &need);
        if !repeat::is_due(sender, &need, now) {
            if is_patient && need.is_full() {
                // It comes, and takes room.
                writer.reserve(&need);
            }
            return true;
        }
        (need.is_full() && !full && !is_patient) || writer.push(&need)
    });
    (writer.requests, writer.asked)
}

impl<'a> Writer<'a> {
    fn new(sender: &'a SenderState, room: u64) -> Self {
        let segment = sender.coding.segment_size();
        let beside = if segment > SHORT_SEGMENT { BESIDE_REQUESTS } else { 0 };
        let limit = (segment - beside).min(MAX_REQUEST_BYTES);
        let native = !sender.coding.is_interop_peer();
        let small = sender.path.timing().group_size <= MAX_NAMING_GROUP;
        Self {
            sender,
            requests: RepairWriter::new(limit.into()),
            asked: Asked::default(),
            name_symbols: small && native,
            name_objects: native,
            room,
        }
    }

    /// Leaves room for what was asked for, and has not come.
    fn reserve(&mut self, need: &Need<'_>) {
        let blocks = match need {
            Need::Blocks { first, last, .. } => u64::from(last - first) + 1,
            _ => 1,
        };
        let bytes = self.sender.interest.block_bytes(need.position().key);
        self.room = self.room.saturating_sub(blocks.saturating_mul(bytes));
        // One block was asked for all the same.
        self.asked.full = true;
    }

    /// Writes requests for a need. False when they do not fit.
    fn push(&mut self, need: &Need<'_>) -> bool {
        // Without room one full repair is asked for all the same: it shows the sender how far we
        // are.
        let is_first = need.is_full() && !self.asked.full;
        self.asked.full |= need.is_full();
        let fits = match need {
            &Need::Objects { first, last } => self.push_objects(first, last, is_first),
            &Need::Info { key } => self.push_items(RepairFlags::INFO, key, key),
            &Need::Blocks { key, first, last } => self.push_blocks(key, first, last, is_first),
            // They lie within the stream's own window.
            &Need::StreamBlocks { key, first, last } => self.push_block_run(key, first, last),
            Need::Symbols(need) => self.push_symbols(need, is_first),
            Need::StreamSymbols(need) => self.push_stream_symbols(need),
        };
        match need {
            Need::Symbols(need) if need.is_begun => {
                if fits {
                    self.asked.blocks.push(need.at);
                }
            }
            _ => self.asked.other = true,
        }
        fits
    }

    fn push_objects(&mut self, first: u64, last: u64, is_first: bool) -> bool {
        if self.room == 0 && !is_first {
            return true;
        }
        if self.name_objects {
            return self.push_items(RepairFlags::OBJECT, first, last);
        }
        (first..=last).all(|key| {
            let empty = self.sender.timeline.is_empty_object(key);
            let flags = if empty { RepairFlags::INFO } else { INFO_AND_BLOCK };
            let fits = self.push_items(flags, key, key);
            self.asked.empty_info |= empty && fits;
            fits
        })
    }

    /// As many of the blocks as there is room for.
    fn push_blocks(&mut self, key: u64, first: u32, last: u32, is_first: bool) -> bool {
        let block_bytes = self.sender.interest.block_bytes(key);
        let count = (self.room / block_bytes.max(1)).max(u64::from(is_first));
        if count == 0 {
            return true;
        }
        let count = u32::try_from(count - 1).unwrap_or(u32::MAX);
        let last = last.min(first.saturating_add(count));
        let bytes = block_bytes * (u64::from(last - first) + 1);
        self.room = self.room.saturating_sub(bytes);
        self.push_block_run(key, first, last)
    }

    /// Symbols of a block: named, or as many as are missing.
    fn push_symbols(&mut self, need: &SymbolNeed<'_>, is_first: bool) -> bool {
        let SymbolNeed { at, count, have, parity, scheme, .. } = *need;
        if !need.is_begun {
            let bytes = self.sender.interest.block_bytes(at.key);
            if self.room < bytes {
                // More would leave no space for the blocks that have the room.
                let first = have.clear_runs().next().filter(|_| is_first);
                return self.push_symbol_runs(at, first);
            }
            self.room -= bytes;
        }
        let names = self.name_symbols || (need.has_unwanted && self.name_objects);
        let named = names && need.is_nameable && self.fits_named(have, scheme);
        match scheme {
            Scheme::RaptorQ if !named => {
                let erasures = item(self.sender, at, count);
                self.requests.push_item(RepairForm::Erasures, RepairFlags::SEGMENT, erasures)
            }
            Scheme::ReedSolomon(code) if !named => {
                let end = have.len() + u32::from(code.parity());
                self.push_symbol_runs(at, name_runs(have, parity, end, count))
            }
            _ => self.push_symbol_runs(at, have.clear_runs()),
        }
    }

    fn push_stream_symbols(&mut self, need: &StreamSymbolNeed<'_>) -> bool {
        let named = self.name_symbols && need.coded.is_none_or(|count| count == need.missing);
        match need.coded.filter(|_| !named) {
            Some(count) => {
                let object = self.sender.interest.object(need.at.key);
                let end = need.have.len() + object.map_or(0, RecvObject::parity);
                self.push_symbol_runs(need.at, name_runs(need.have, need.parity, end, count))
            }
            None => self.push_symbol_runs(need.at, need.missing_runs()),
        }
    }

    /// Requests for objects `first..=last`, or for something of them.
    fn push_items(&mut self, flags: RepairFlags, first: u64, last: u64) -> bool {
        let at = |key| Position::new(key, 0);
        self.push_run(flags, item(self.sender, at(first), 0), item(self.sender, at(last), 0))
    }

    /// Requests for blocks `first..=last` of an object.
    fn push_block_run(&mut self, key: u64, first: u32, last: u32) -> bool {
        let block = |block| item(self.sender, Position::new(key, block), 0);
        self.push_run(RepairFlags::BLOCK, block(first), block(last))
    }

    /// Requests for symbols of a block, which are half-open ranges.
    fn push_symbol_runs(
        &mut self,
        at: Position,
        runs: impl IntoIterator<Item = (u32, u32)>,
    ) -> bool {
        runs.into_iter().all(|(start, end)| {
            let symbol = |symbol| item(self.sender, at, symbol);
            self.push_run(RepairFlags::SEGMENT, symbol(start), symbol(end - 1))
        })
    }

    fn push_run(&mut self, flags: RepairFlags, first: RepairItem, last: RepairItem) -> bool {
        if first == last {
            return self.requests.push_item(RepairForm::Items, flags, first);
        }
        self.requests.push_range(flags, first, last)
    }

    fn fits_named(&self, have: &Bits, scheme: Scheme) -> bool {
        let limit = match scheme {
            Scheme::ReedSolomon(_) => MAX_NAMED_BYTES_REED_SOLOMON,
            _ => MAX_NAMED_BYTES,
        };
        let room = self.requests.remaining().min(limit);
        let mut bytes = 0;
        have.clear_runs().all(|(start, end)| {
            // An item is 8 bytes; changing between items and ranges costs 4 more.
            bytes += if end - start == 1 { 12 } else { 20 };
            bytes <= room
        })
    }
}

/// Names a symbol in a repair request.
fn item(sender: &SenderState, at: Position, symbol: u32) -> RepairItem {
    let object = sender.interest.object(at.key);
    let block_len = object.map_or(0, |object| object.block_len(at.block) as u16);
    let block = object.map_or(at.block, |object| object.wire_block(at.block));
    RepairItem {
        fec_id: sender.coding.fec_id(),
        object: ObjectId(at.key as u16),
        payload_id: PayloadId { block, block_len, symbol }.encode(sender.coding.format()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fec::{Points, RsCode, RsForm};

    #[test]
    fn losses_of_a_reed_solomon_block_are_named_while_few() {
        let sender = SenderState::example();
        let mut writer = Writer::new(&sender, 0);
        writer.requests = RepairWriter::new(1344);
        let code = RsCode::new(RsForm::Id5, Points::Rizzo, 160, 95).unwrap();
        let lost = |count: u32| {
            let mut have = Bits::new(160);
            (0..160).filter(|n| n % 10 != 0 || n / 10 >= count).for_each(|n| {
                have.insert(n);
            });
            have
        };
        let fits = |count, scheme| writer.fits_named(&lost(count), scheme);
        assert!(fits(5, Scheme::ReedSolomon(code)) && fits(6, Scheme::RaptorQ));
        assert!(!fits(6, Scheme::ReedSolomon(code)));
    }
}
