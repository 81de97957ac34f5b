//! How a receiver says in a NACK what it lacks (RFC 5740 §4.3.1).

use crate::base::bits::Bits;
use crate::fec::Scheme;
use crate::norm::wire::{RepairFlags, RepairForm, RepairWriter};

use super::needs::Need;
use super::remote::Remote;

/// Turns needs into repair requests.
pub(super) struct NeedWriter {
    pub(super) requests: RepairWriter,
    /// The group is small enough for named symbols to be the cheaper repair.
    pub(super) name_symbols: bool,
    /// Objects of which nothing is known are asked for whole. NRL's sender dies of that when one is
    /// empty; it gives INFO and the first block, which say how much there is.
    pub(super) name_objects: bool,
    pub(super) has_whole: bool,
    /// The blocks of which symbols are asked for, by key and number.
    pub(super) asked: Vec<(u64, u32)>,
    /// Something else is asked for.
    pub(super) asked_rest: bool,
    /// The INFO of the empty object is among what is asked for.
    pub(super) has_empty: bool,
    /// Bytes of blocks not yet begun that may be asked for.
    pub(super) room: u64,
}

/// What tells how much there is of an object of which nothing is known.
const INFO_AND_BLOCK: RepairFlags = RepairFlags::INFO.union(RepairFlags::BLOCK);
/// A block's missing symbols are named only while that takes at most this many bytes.
const NAMED_BYTES: usize = 512;
/// The same for Reed-Solomon blocks, which are short and many, and cost little to code: a NACK has
/// room for all that are due.
const NAMED_BYTES_RS: usize = 64;

impl NeedWriter {
    pub(super) fn push(&mut self, remote: &Remote, need: &Need<'_>) -> bool {
        let fits = self.write(remote, need);
        match *need {
            Need::Symbols { key, block, .. } if fits => self.asked.push((key, block)),
            Need::Symbols { .. } => {}
            _ => self.asked_rest = true,
        }
        fits
    }

    fn write(&mut self, remote: &Remote, need: &Need<'_>) -> bool {
        // Without room one block is asked for all the same: it tells the sender how far we are.
        let first_whole = need.is_whole() && !self.has_whole;
        self.has_whole |= need.is_whole();
        let item = |key: u64, block, symbol| remote.item(key, block, symbol);
        match *need {
            Need::Objects { .. } if self.room == 0 && !first_whole => true,
            Need::Objects { first, last } if !self.name_objects => (first..=last).all(|key| {
                let empty = remote.empty.is_some_and(|empty| empty.key == key);
                let flags = if empty { RepairFlags::INFO } else { INFO_AND_BLOCK };
                let fits = self.requests.push_item(RepairForm::Items, flags, item(key, 0, 0));
                self.has_empty |= empty && fits;
                fits
            }),
            Need::Objects { first, last } => {
                let flags = RepairFlags::OBJECT;
                if first == last {
                    self.requests.push_item(RepairForm::Items, flags, item(first, 0, 0))
                } else {
                    self.requests.push_range(flags, item(first, 0, 0), item(last, 0, 0))
                }
            }
            Need::Info { key } => {
                self.requests.push_item(RepairForm::Items, RepairFlags::INFO, item(key, 0, 0))
            }
            Need::Blocks { key, first, last, stream } => {
                let flags = RepairFlags::BLOCK;
                if stream {
                    // Within the stream's own window.
                    let (a, b) = (item(key, first, 0), item(key, last, 0));
                    return if first == last {
                        self.requests.push_item(RepairForm::Items, flags, a)
                    } else {
                        self.requests.push_range(flags, a, b)
                    };
                }
                let fit = (self.room / remote.block_bytes(key).max(1)).max(u64::from(first_whole));
                if fit == 0 {
                    return true;
                }
                let last =
                    last.min(first.saturating_add(u32::try_from(fit - 1).unwrap_or(u32::MAX)));
                let asked = remote.block_bytes(key) * (u64::from(last - first) + 1);
                self.room = self.room.saturating_sub(asked);
                if first == last {
                    self.requests.push_item(RepairForm::Items, flags, item(key, first, 0))
                } else {
                    self.requests.push_range(flags, item(key, first, 0), item(key, last, 0))
                }
            }
            Need::Stream { key, block, span: (from, before), have, missing, coded, parity } => {
                let named = self.name_symbols && coded.is_none_or(|count| count == missing);
                match coded.filter(|_| !named) {
                    Some(count) => {
                        let end = have.len() + remote.parity_of(key);
                        let runs = name_parity(have, parity, end, count);
                        runs.into_iter().all(|run| self.push_run(remote, (key, block), run))
                    }
                    None => have
                        .clear_runs()
                        .map(|(start, end)| (start.max(from), end.min(before)))
                        .filter(|(start, end)| start < end)
                        .all(|run| self.push_run(remote, (key, block), run)),
                }
            }
            Need::Symbols { key, block, count, have, parity, scheme, .. } => {
                let nameable = remote.is_nameable(key, block);
                let named = self.name_symbols && nameable && self.fits_named(have, scheme);
                match scheme {
                    Scheme::RaptorQ if !named => {
                        let erasures = item(key, block, count);
                        let form = RepairForm::Erasures;
                        self.requests.push_item(form, RepairFlags::SEGMENT, erasures)
                    }
                    Scheme::ReedSolomon(code) if !named => {
                        let last = have.len() + u32::from(code.parity());
                        let runs = name_parity(have, parity, last, count);
                        runs.into_iter().all(|run| self.push_run(remote, (key, block), run))
                    }
                    _ => have.clear_runs().all(|run| self.push_run(remote, (key, block), run)),
                }
            }
        }
    }

    /// Names symbols `start..end` of a block.
    fn push_run(
        &mut self,
        remote: &Remote,
        (key, block): (u64, u32),
        (start, end): (u32, u32),
    ) -> bool {
        let flags = RepairFlags::SEGMENT;
        let item = |symbol| remote.item(key, block, symbol);
        if end - start == 1 {
            return self.requests.push_item(RepairForm::Items, flags, item(start));
        }
        self.requests.push_range(flags, item(start), item(end - 1))
    }

    fn fits_named(&self, have: &Bits, scheme: Scheme) -> bool {
        let most =
            if matches!(scheme, Scheme::ReedSolomon(_)) { NAMED_BYTES_RS } else { NAMED_BYTES };
        let room = self.requests.remaining().min(most);
        let mut bytes = 0;
        have.clear_runs().all(|(start, end)| {
            // An item is 8 bytes; changing between items and ranges costs 4 more.
            bytes += if end - start == 1 { 12 } else { 20 };
            bytes <= room
        })
    }
}

/// Names `count` symbols in runs: parity symbols that are not here, the first ones, and as many
/// missing source symbols, the last ones, as there is too little parity for.
fn name_parity(have: &Bits, parity: &[u32], end: u32, count: u32) -> Vec<(u32, u32)> {
    let mut runs = Vec::new();
    let absent = end - have.len() - parity.len() as u32;
    let by_parity = count.min(absent);
    let missing = have.len() - have.count();
    let mut skip = missing - (count - by_parity).min(missing);
    for (start, stop) in have.clear_runs() {
        let skipped = skip.min(stop - start);
        skip -= skipped;
        if start + skipped < stop {
            runs.push((start + skipped, stop));
        }
    }
    let (mut left, mut from) = (by_parity, have.len());
    for &here in parity.iter().chain([&end]) {
        let run = here.saturating_sub(from).min(left);
        if run > 0 {
            runs.push((from, from + run));
            left -= run;
        }
        from = here + 1;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fec::{Points, RsCode, RsForm};

    #[test]
    fn a_reed_solomon_block_has_its_losses_named_only_while_they_are_few() {
        let writer = NeedWriter {
            requests: RepairWriter::new(1344),
            name_symbols: true,
            name_objects: true,
            has_whole: false,
            asked: Vec::new(),
            asked_rest: false,
            has_empty: false,
            room: 0,
        };
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

    #[test]
    fn parity_is_named_first_and_source_symbols_only_when_there_is_too_little() {
        let mut have = Bits::new(10);
        for symbol in [0, 1, 4, 5, 6, 9] {
            have.insert(symbol);
        }
        // Symbols 2, 3, 7 and 8 are missing; the code has parity symbols 10 to 13.
        assert_eq!(name_parity(&have, &[], 14, 4), [(10, 14)]);
        assert_eq!(name_parity(&have, &[11], 14, 3), [(10, 11), (12, 14)]);
        assert_eq!(name_parity(&have, &[], 12, 4), [(7, 9), (10, 12)]);
        assert_eq!(name_parity(&have, &[10], 12, 3), [(7, 9), (11, 12)]);
        assert_eq!(name_parity(&have, &[], 10, 4), [(2, 4), (7, 9)]);
    }
}
