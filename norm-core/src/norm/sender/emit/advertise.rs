//! CMD(REPAIR_ADV): what receivers that cannot hear each other have asked for (RFC 5740 §4.2.3.5, §5.4.4).

use super::compose::*;

impl Sender {
    /// Tells receivers that NACK by unicast what has been asked for already (RFC 5740 §5.4.4).
    pub(crate) fn send_repair_adv(&mut self, out: &mut TransmitBuf) -> Transmit {
        let mut writer = RepairWriter::new(usize::from(self.config.segment_size));
        let fits = self.advertise_blocks(&mut writer) && self.advertise_whole(&mut writer);
        let adv = RepairAdv {
            flags: if fits { 0 } else { REPAIR_ADV_LIMIT },
            reserved: 0,
            requests: writer.as_requests(),
        };
        self.emit_command(Command::RepairAdv(adv), out)
    }

    pub(crate) fn repair_item(&self, number: u64, symbol: u32) -> Option<RepairItem> {
        let (object, block) = self.objects.by_block(number)?;
        Some(RepairItem {
            fec_id: self.fec_id(),
            object: object.id(),
            payload_id: self.payload_id(object, block, symbol),
        })
    }

    pub(crate) fn advertise_blocks(&self, writer: &mut RepairWriter) -> bool {
        self.repairs.gathered().all(|(number, need, pending)| {
            if let Scheme::ReedSolomon(code) = self.config.scheme {
                return self.advertise_parity(number, need.min(code.parity().into()), writer)
                    && self.advertise_symbols(number, pending, writer);
            }
            if self.coded() {
                let item = self.repair_item(number, need);
                return item.is_none_or(|item| {
                    writer.push_item(RepairForm::Erasures, RepairFlags::SEGMENT, item)
                });
            }
            self.advertise_symbols(number, pending, writer)
        })
    }

    /// Names parity symbols, as receivers do for Reed-Solomon codes.
    pub(crate) fn advertise_parity(
        &self,
        number: u64,
        count: u32,
        writer: &mut RepairWriter,
    ) -> bool {
        let Some((object, block)) = self.objects.by_block(number) else { return true };
        let first = object.block_len(block);
        let last = first + count.saturating_sub(1);
        let range = self.repair_item(number, first).zip(self.repair_item(number, last));
        let range = range.filter(|_| count > 0);
        range.is_none_or(|(a, b)| writer.push_range(RepairFlags::SEGMENT, a, b))
    }

    pub(crate) fn advertise_symbols(
        &self,
        number: u64,
        pending: &Bits,
        writer: &mut RepairWriter,
    ) -> bool {
        let mut from = 0;
        while let Some(start) = pending.first_set(from) {
            let end = pending.first_clear(start).unwrap_or(pending.len());
            let range = self.repair_item(number, start).zip(self.repair_item(number, end - 1));
            if let Some((first, last)) = range
                && !writer.push_range(RepairFlags::SEGMENT, first, last)
            {
                return false;
            }
            from = end;
        }
        true
    }

    pub(crate) fn advertise_whole(&self, writer: &mut RepairWriter) -> bool {
        self.repairs.whole().all(|(start, end)| {
            let range = self.repair_item(start, 0).zip(self.repair_item(end - 1, 0));
            range.is_none_or(|(first, last)| writer.push_range(RepairFlags::BLOCK, first, last))
        })
    }
}
