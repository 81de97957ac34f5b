//! Takes NACKs apart (RFC 5740 §4.3.1, §5.4): what is needed of which block.

use core::ops::Range;

use super::needs::NackNeeds;
use crate::fec::{EXTRA_SYMBOLS, Scheme};
use crate::norm::sender::objects::{Content, SendObject};
use crate::norm::wire::{
    Nack, ObjectId, PayloadId, RepairFlags, RepairForm, RepairItem, RepairRequest,
};

/// What was read of a NACK.
#[derive(Debug, Default)]
pub(crate) struct NackRead {
    pub(crate) needs: NackNeeds,
    /// Requests for what does not exist, or was not sent yet.
    pub(crate) ignored: u64,
    /// Something was asked for that cannot be repaired: SQUELCH is due.
    pub(crate) squelch: bool,
    /// An object was named by a transport id that it no longer has.
    pub(crate) moved: bool,
}

/// Reads NACKs, and checks them against what was sent.
#[derive(Debug)]
struct NackReader<'a> {
    content: &'a Content,
    read: NackRead,
}

/// A symbol named by a repair item; something of its block was sent.
#[derive(Copy, Clone, Debug)]
struct NamedSymbol {
    key: u64,
    /// Running number of the block.
    block: u64,
    symbol: u32,
}

/// Reads what a NACK asks for.
pub(crate) fn read_nack(content: &Content, nack: &Nack<'_>) -> NackRead {
    let mut reader = NackReader { content, read: NackRead::default() };
    for request in nack.requests.iter() {
        reader.take_request(&request);
    }
    reader.read
}

impl NackReader<'_> {
    fn take_request(&mut self, request: &RepairRequest<'_>) {
        let flags = request.flags;
        if request.form == RepairForm::Ranges {
            for (first, last) in request.ranges() {
                self.take_range(flags, &first, &last);
            }
            return;
        }
        for item in request.items.iter() {
            if request.form == RepairForm::Erasures && flags.contains(RepairFlags::SEGMENT) {
                self.take_erasures(&item);
                if flags.contains(RepairFlags::INFO) {
                    self.take_range(RepairFlags::INFO, &item, &item);
                }
            } else {
                self.take_range(flags, &item, &item);
            }
        }
    }

    /// Takes a number of symbols.
    fn take_erasures(&mut self, item: &RepairItem) {
        let Some(NamedSymbol { block, symbol: count, .. }) = self.find(item) else { return };
        let Some((object, index)) = self.content.objects().by_block(block) else { return };
        if count == 0 {
            return;
        }
        if !self.content.is_coded() || !object.can_be_coded(index) {
            if block < self.content.sent_blocks() {
                self.read.needs.full.insert(block, block + 1);
            }
        } else {
            let symbols = object.geometry(index).symbols;
            self.read.needs.of(block).counted = count.min(symbols + EXTRA_SYMBOLS);
        }
    }

    /// Takes an inclusive range at the level that its flags name, the finest first.
    fn take_range(&mut self, flags: RepairFlags, first: &RepairItem, last: &RepairItem) {
        let Some(from) = self.find(first) else { return };
        let to = if first == last { Some(from) } else { self.find(last) };
        let Some(to) = to else { return };
        let whole = flags.contains(RepairFlags::OBJECT);
        if flags.contains(RepairFlags::INFO) || whole {
            self.read.needs.infos.insert(from.key, to.key.saturating_add(1));
        }
        if flags.contains(RepairFlags::SEGMENT) {
            self.take_symbols(from, to);
            return;
        }
        // What follows is still to be sent for the first time.
        let sent = self.content.sent_blocks();
        let objects = self.content.objects();
        // An empty object's first block is none.
        let end = objects.get(to.key).map_or(0, SendObject::end_block);
        if flags.contains(RepairFlags::BLOCK) {
            let end = to.block.saturating_add(1).min(end);
            self.read.needs.full.insert(from.block, end.min(sent));
        } else if whole {
            let start = objects.get(from.key).map_or(end, SendObject::first_block);
            self.read.needs.full.insert(start, end.min(sent));
        }
    }

    /// Takes symbols of one block by name.
    fn take_symbols(&mut self, from: NamedSymbol, to: NamedSymbol) {
        let Some((object, index)) = self.content.objects().by_block(from.block) else { return };
        let symbols = object.geometry(index).symbols;
        let parity = match object.scheme() {
            // What is not all written cannot be coded.
            _ if !object.can_be_coded(index) => 0,
            Scheme::ReedSolomon(code) => u32::from(code.parity()),
            _ => 0,
        };
        // Of a stream's last block some symbols may not be written, or not be sent yet.
        let sent = object.sent_symbols(index, self.content.position());
        let end = to.symbol.saturating_add(1);
        if from.block != to.block || from.symbol > to.symbol || end > symbols + parity {
            return;
        }
        let named = from.symbol..end.min(sent);
        let coded = from.symbol.max(symbols) - symbols..end.max(symbols) - symbols;
        if named.is_empty() && coded.is_empty() {
            self.read.ignored += 1;
            return;
        }
        let need = self.read.needs.of(from.block);
        let (names, codes) = (follows(&need.named, &named), follows(&need.parity, &coded));
        if names {
            need.named.push(named);
        }
        if codes {
            need.counted += coded.end - coded.start;
            need.parity.push(coded);
        }
        self.read.ignored += u64::from(!names && !codes);
    }

    /// An object was named that does not exist.
    fn note_unknown(&mut self, id: ObjectId) {
        let (objects, position) = (self.content.objects(), self.content.position());
        if key_near(position.key(), id).is_some_and(|key| objects.has_moved(key)) {
            self.read.moved = true;
        } else {
            self.read.squelch = true;
        }
    }

    /// What an item names, or `None` if that was never sent or is gone.
    fn find(&mut self, item: &RepairItem) -> Option<NamedSymbol> {
        let scheme = self.content.scheme();
        if item.fec_id != scheme.fec_id() {
            self.read.ignored += 1;
            return None;
        }
        let PayloadId { block, symbol, .. } = item.payload_id.decode(scheme.payload_format())?;
        let (objects, position) = (self.content.objects(), self.content.position());
        let object = key_near(position.key(), item.object).and_then(|key| objects.get(key));
        let Some(object) = object else {
            self.read.ignored += 1;
            self.note_unknown(item.object);
            return None;
        };
        let index = object.unwrap_block(block, position);
        if index < object.first_kept() {
            self.read.ignored += 1;
            self.read.squelch = true;
            return None;
        }
        let block = u32::try_from(index).ok()?;
        let exists = index < object.blocks() || (index == 0 && object.blocks() == 0);
        if !exists || !position.has_passed(object.key(), block) {
            self.read.ignored += 1;
            return None;
        }
        Some(NamedSymbol { key: object.key(), block: object.first_block() + index, symbol })
    }
}

/// Overlapping ranges would cost time for nothing; a correct NACK has none.
fn follows(list: &[Range<u32>], range: &Range<u32>) -> bool {
    !range.is_empty() && list.last().is_none_or(|last| last.end <= range.start)
}

/// The key nearest to `near` with these low 16 bits; `None` below zero.
fn key_near(near: u64, id: ObjectId) -> Option<u64> {
    let ahead = id.0.wrapping_sub(near as u16);
    if ahead < 0x8000 {
        Some(near + u64::from(ahead))
    } else {
        near.checked_sub(u64::from(ahead.wrapping_neg()))
    }
}
