//! Coded symbols that are made before their turn comes.
//!
//! Each job makes those of one block for one pass, or for several passes of a small carousel. The
//! driver keeps what the last two jobs of a block have made, so no job is asked for before what the
//! job before the last one made is sent.

use core::ops::Range;
use std::collections::BTreeMap;

use super::item::{Item, Items};
use super::schedule::{Schedule, Section, Visit};
use crate::endpoint::{BlockGeometry, PrepareJob, ReadJob};
use crate::flute::layout::geometry;

/// Jobs at most that are asked for ahead and not done.
const MAX_JOBS: usize = 4;
/// Content bytes of their blocks at most, if there are several.
const MAX_BYTES: u64 = 16 << 20;
/// Bytes of a section below which symbols of several passes are made at once.
const SMALL_SECTION: u64 = 1 << 20;
/// Passes at most that one job makes symbols for.
const MAX_PASSES: u64 = 1000;

/// Encoding symbol ids of one block, and whether they are there.
#[derive(Clone, Debug)]
struct Made {
    ids: Range<u32>,
    done: bool,
    /// They are being made of bytes that have changed since.
    is_stale: bool,
}

/// What was asked for, and what is there.
#[derive(Debug, Default)]
pub(super) struct Prepares {
    /// The last two jobs of each block, newest last.
    blocks: BTreeMap<u64, Vec<Made>>,
    jobs: usize,
    bytes: u64,
    /// Where the search for blocks goes on: in this section, from this block on.
    at: (u64, u64),
}

impl Prepares {
    /// How many of these symbols of a block, from the first one on, one job has made.
    pub(super) fn ready(&self, block: u64, ids: &Range<u32>) -> u32 {
        let made = self.blocks.get(&block).map(Vec::as_slice).unwrap_or_default();
        let here = made.iter().filter(|made| made.done && made.ids.contains(&ids.start));
        here.map(|made| made.ids.end.min(ids.end) - ids.start).max().unwrap_or(0)
    }

    /// Says that the section after the current one is another one now.
    pub(super) fn grew(&mut self, current: Option<Section>) {
        if let Some(section) = current {
            self.at = self.at.min((section.number, section.end));
        }
    }

    /// Takes back a job; false when there was none of this kind.
    pub(super) fn done(&mut self, block: u64, first: u32, len: u64) -> bool {
        let made = self.blocks.get_mut(&block).and_then(|list| list.last_mut());
        let Some(made) = made.filter(|made| !made.done && made.ids.start == first) else {
            return false;
        };
        made.done = true;
        if made.is_stale
            && let Some(list) = self.blocks.get_mut(&block)
        {
            list.pop();
        }
        self.jobs = self.jobs.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(len);
        true
    }

    /// Forgets symbols of these blocks, whose bytes have changed: they are made anew. Those that a
    /// job is making are forgotten when it is done.
    pub(super) fn forget(&mut self, blocks: Range<u64>, current: Option<Section>) {
        for (_, list) in self.blocks.range_mut(blocks.clone()) {
            list.retain(|made| !made.done);
            list.iter_mut().for_each(|made| made.is_stale = true);
        }
        if let Some(section) = current.filter(|_| !blocks.is_empty()) {
            self.at = self.at.min((section.number, section.first.max(blocks.start)));
        }
    }

    /// The job for symbols that have to be there now, if it is not under way.
    pub(super) fn demand(
        &mut self,
        item: &Item,
        visit: &Visit,
        schedule: &Schedule,
    ) -> Option<PrepareJob> {
        let section = schedule.current()?;
        let k = item.layout().block_len(item.sbn(visit.block));
        let count = item.count(k, schedule.passes());
        let ids = coded_ids(item, k, visit.pass.saturating_mul(count.into()), count)?;
        self.ask(item, visit.block, ids, passes_at_once(item, section, schedule))
    }

    /// The next job for what comes: in the current section and, if all before it is `sent`, in the
    /// next one.
    pub(super) fn ahead(
        &mut self,
        items: &Items,
        schedule: &mut Schedule,
        sent: u64,
    ) -> Option<PrepareJob> {
        if self.jobs >= MAX_JOBS {
            return None;
        }
        let current = schedule.current();
        let next = match current {
            Some(section) if sent < section.number => None,
            _ => schedule.next_section(items),
        };
        for section in [current, next].into_iter().flatten() {
            self.at = self.at.max((section.number, section.first));
            while self.at.0 == section.number && self.at.1 < section.end {
                let block = self.at.1;
                let Some(item) = items.at(block) else { break };
                if !item.is_coded() || !item.is_sent(section.round, schedule.passes()) {
                    self.at.1 = item.end().min(section.end);
                    continue;
                }
                let bytes = u64::from(item.layout().block_bytes(item.sbn(block)));
                if self.jobs > 0 && self.bytes + bytes > MAX_BYTES {
                    return None;
                }
                self.at.1 += 1;
                if let Some(job) = self.ask_for_section(item, block, section, schedule) {
                    return Some(job);
                }
            }
        }
        None
    }

    fn ask_for_section(
        &mut self,
        item: &Item,
        block: u64,
        section: Section,
        schedule: &Schedule,
    ) -> Option<PrepareJob> {
        let passes = passes_at_once(item, section, schedule);
        let k = item.layout().block_len(item.sbn(block));
        let count = item.count(k, schedule.passes());
        // Half of a job ahead of the pass, so that the next job has its time.
        (0..=passes / 2).find_map(|ahead| {
            let pass = item.pass(section.round) + ahead;
            let ids = coded_ids(item, k, pass.saturating_mul(count.into()), count)?;
            self.ask(item, block, ids, passes)
        })
    }

    /// A job for symbols that are neither there nor asked for, and for those of `passes` passes.
    fn ask(&mut self, item: &Item, block: u64, ids: Range<u32>, passes: u64) -> Option<PrepareJob> {
        let sbn = item.sbn(block);
        let layout = item.layout();
        let (k, all) = (layout.block_len(sbn), item.ids(layout.block_len(sbn)));
        let list = self.blocks.entry(block).or_default();
        if list.last().is_some_and(|made| !made.done) {
            return None;
        }
        let first = list.iter().fold(ids.start, |first, made| {
            if made.ids.contains(&first) { made.ids.end } else { first }
        });
        if first >= ids.end {
            return None;
        }
        let few = all - k <= k;
        let more = u64::from(k) * passes.saturating_sub(1);
        let end = u64::from(ids.end).saturating_add(more).min(all.into());
        let ids = if few { k..all } else { first..u32::try_from(end).unwrap_or(all) };
        let (first, count) = (ids.start, ids.end - ids.start);
        if list.len() > 1 {
            list.remove(0);
        }
        list.push(Made { ids, done: false, is_stale: false });
        let BlockGeometry { scheme, symbol_size, offset, len, .. } = geometry(layout, sbn)?;
        self.jobs += 1;
        self.bytes += u64::from(len);
        let source = ReadJob { object: item.key(), block, offset, len };
        Some(PrepareJob { source, scheme, symbols: k, symbol_size, first, count })
    }
}

/// Passes whose symbols are made by one job: several where a pass is short.
fn passes_at_once(item: &Item, section: Section, schedule: &Schedule) -> u64 {
    let passes = (SMALL_SECTION / section.bytes.max(1)).clamp(1, MAX_PASSES);
    let left = schedule.passes().limit();
    let left = left.map(|limit| limit.saturating_sub(item.pass(section.round)).max(1));
    passes.min(left.unwrap_or(u64::MAX))
}

/// The coded ones of `count` symbols from `first` on, counted over all passes; `None` when there
/// are none. They are in one piece, because no pass has more source symbols than there are.
fn coded_ids(item: &Item, k: u32, first: u64, count: u32) -> Option<Range<u32>> {
    let all = item.ids(k);
    let from = item.id(k, first);
    let end = u64::from(from) + u64::from(count);
    let ids = from.max(k)..u32::try_from(end.min(all.into())).unwrap_or(all);
    if ids.start < ids.end {
        return Some(ids);
    }
    // After the last one come source symbols, and perhaps coded ones again.
    let rest = u32::try_from(end.saturating_sub(all.into())).unwrap_or(0);
    (rest > k).then_some(k..rest.min(all))
}
