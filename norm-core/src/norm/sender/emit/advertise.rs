//! CMD(REPAIR_ADV): what receivers that cannot hear each other have asked for (RFC 5740 §4.2.3.5,
//! §5.4.4).

use crate::base::bits::Bits;
use crate::fec::Scheme;
use crate::norm::sender::objects::Content;
use crate::norm::sender::repair::RepairTable;
use crate::norm::wire::{RepairFlags, RepairForm, RepairWriter};

/// Writes what is being repaired, up to a segment.
#[derive(Debug)]
pub(super) struct Advertisement<'a> {
    content: &'a Content,
    writer: RepairWriter,
    /// All of it fits.
    complete: bool,
}

impl<'a> Advertisement<'a> {
    pub(super) fn new(content: &'a Content, table: &RepairTable) -> Self {
        let writer = RepairWriter::new(usize::from(content.segment_size()));
        let mut this = Self { content, writer, complete: false };
        this.complete = this.add_blocks(table) && this.add_full(table);
        this
    }

    /// True when it says everything.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    pub(super) fn writer(&self) -> &RepairWriter {
        &self.writer
    }

    fn add_blocks(&mut self, table: &RepairTable) -> bool {
        table.gathered().all(|(number, need, pending)| {
            if let Scheme::ReedSolomon(code) = self.content.scheme() {
                return self.add_parity(number, need.min(code.parity().into()))
                    && self.add_symbols(number, pending);
            }
            if !self.content.is_coded() {
                return self.add_symbols(number, pending);
            }
            let item = self.content.repair_item(number, need);
            item.is_none_or(|item| {
                self.writer.push_item(RepairForm::Erasures, RepairFlags::SEGMENT, item)
            })
        })
    }

    /// Names parity symbols, as receivers do for Reed-Solomon codes.
    fn add_parity(&mut self, number: u64, count: u32) -> bool {
        let Some((object, block)) = self.content.objects().by_block(number) else { return true };
        let first = object.block_len(block);
        count == 0 || self.add_range(number, first, first + count - 1)
    }

    fn add_symbols(&mut self, number: u64, pending: &Bits) -> bool {
        let mut from = 0;
        while let Some(start) = pending.first_set(from) {
            let end = pending.first_clear(start).unwrap_or(pending.len());
            if !self.add_range(number, start, end - 1) {
                return false;
            }
            from = end;
        }
        true
    }

    /// Names a run of symbols; false when it does not fit.
    fn add_range(&mut self, number: u64, first: u32, last: u32) -> bool {
        let items = self.content.repair_item(number, first);
        let items = items.zip(self.content.repair_item(number, last));
        items.is_none_or(|(a, b)| self.writer.push_range(RepairFlags::SEGMENT, a, b))
    }

    fn add_full(&mut self, table: &RepairTable) -> bool {
        table.full().all(|(start, end)| {
            let first = self.content.repair_item(start, 0);
            let range = first.zip(self.content.repair_item(end - 1, 0));
            range.is_none_or(|(a, b)| self.writer.push_range(RepairFlags::BLOCK, a, b))
        })
    }
}
