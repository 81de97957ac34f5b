//! Turns through objects: plans what is sent, asks for its bytes in time, hands out symbols.

use core::ops::Range;
use std::collections::VecDeque;

use bytes::Bytes;

use super::batches::{Batches, Run, Symbol};
use super::item::Items;
use super::passes::Passes;
use super::prepare::Prepares;
use super::schedule::{Schedule, Visit};
use crate::endpoint::{GatherJob, Job, Piece};
use crate::fec::Layout;

/// Bytes of a batch, fewest and most.
const BATCH: (u64, u64) = (16 << 10, 1 << 20);
/// Batches in a second.
const BATCHES_A_SECOND: u64 = 50;
/// Batches that are read ahead.
const AHEAD: usize = 4;

/// Objects that are sent again and again, or once.
#[derive(Debug)]
pub(crate) struct Carousel {
    items: Items,
    schedule: Schedule,
    prepares: Prepares,
    batches: Batches,
    /// What is left of a visit whose coded symbols are not there.
    pending: Option<Visit>,
    /// The number of the next batch; in steps of two, because there are two carousels.
    number: u64,
    batch: usize,
    /// Symbols of first passes, in all and sent.
    first_symbols: (u64, u64),
}

impl Carousel {
    /// The carousel of everything.
    pub(crate) fn new(passes: Passes, cap: u64) -> Self {
        Self::with(passes, cap, Items::new(0), 0)
    }

    /// The same with blocks that are numbered from `first_block` on, in place of another one: what
    /// that has asked for is not taken any more.
    pub(crate) fn after(other: &Self, first_block: u64) -> Self {
        Self::with(
            other.schedule.passes(),
            other.schedule.cap(),
            Items::new(first_block),
            other.number,
        )
    }

    /// The same as an endless repetition.
    pub(crate) fn again(other: &Self) -> Self {
        let first = other.items.end();
        let items = Items::of_repetition(first);
        Self::with(Passes::Forever, u64::MAX, items, other.number)
    }

    /// Endless repetition beside it, of other symbols where a scheme has many.
    pub(crate) fn of_set_lists() -> Self {
        Self::with(Passes::Forever, u64::MAX, Items::of_repetition(1 << 63), 1)
    }

    fn with(passes: Passes, cap: u64, items: Items, number: u64) -> Self {
        Self {
            items,
            schedule: Schedule::new(passes, cap),
            prepares: Prepares::default(),
            batches: Batches::default(),
            pending: None,
            number,
            batch: BATCH.0 as usize,
            first_symbols: (0, 0),
        }
    }

    /// How often everything is sent.
    pub(crate) fn passes(&self) -> Passes {
        self.schedule.passes()
    }

    /// Adds the object in this place of the session.
    pub(crate) fn add(&mut self, object: usize, key: u64, layout: Layout) {
        let before = self.items.end();
        self.items.add(object, key, layout, self.schedule.round());
        self.schedule.grew();
        self.prepares.grew(self.schedule.current());
        if let Some(item) = self.items.at(before) {
            self.first_symbols.0 += item.total(self.schedule.passes());
        }
    }

    /// Reads ahead for this rate, in bits per second.
    pub(crate) fn set_rate(&mut self, rate: u64) {
        let (min, max) = BATCH;
        self.batch = (rate / 8 / BATCHES_A_SECOND).clamp(min, max) as usize;
    }

    /// The round that is planned, from 0 on.
    pub(crate) fn round(&self) -> u64 {
        self.schedule.round()
    }

    /// True when this is the number of one of its batches.
    pub(crate) fn owns_batch(&self, number: u64) -> bool {
        number & 1 == self.number & 1
    }

    /// True when this is the running number of one of its blocks.
    pub(crate) fn owns_block(&self, block: u64) -> bool {
        (self.items.first()..self.items.end()).contains(&block)
    }

    /// The next job: symbols that are waited for, then content, then symbols that come later. None
    /// are made while others are being read: those of a block may make room for new ones.
    pub(crate) fn next_job(&mut self) -> Option<Job> {
        let is_reading = self.batches.is_reading_coded();
        if let Some(visit) = self.pending.filter(|_| !is_reading)
            && let Some(item) = self.items.at(visit.block)
        {
            let job = self.prepares.demand(item, &visit, &self.schedule);
            if let Some(job) = job {
                return Some(Job::Prepare(job));
            }
        }
        if let Some(job) = self.gather() {
            return Some(Job::Gather(job));
        }
        if is_reading {
            return None;
        }
        let sent = self.batches.section().or(self.schedule.current().map(|section| section.number));
        let job = self.prepares.ahead(&self.items, &mut self.schedule, sent.unwrap_or(0))?;
        Some(Job::Prepare(job))
    }

    /// Takes back symbols of a block; false when they were not asked for.
    pub(crate) fn prepared(&mut self, block: u64, first: u32) -> bool {
        let Some(item) = self.items.at(block) else { return false };
        let len = item.layout().block_bytes(item.sbn(block));
        self.prepares.done(block, first, len.into())
    }

    /// The bytes of these blocks have changed: coded symbols that were made ahead are made anew.
    /// What is read already is still sent.
    pub(crate) fn content_changed(&mut self, blocks: Range<u64>) {
        self.prepares.forget(blocks, self.schedule.current());
    }

    /// Takes the bytes of a batch; false when they are not those that were asked for.
    pub(crate) fn gathered(&mut self, number: u64, bytes: Bytes) -> bool {
        self.batches.fill(number, bytes)
    }

    /// True when the bytes of the next symbol are here.
    pub(crate) fn is_ready(&self) -> bool {
        self.batches.is_ready()
    }

    /// Takes the next symbol, if its bytes are here.
    pub(crate) fn take(&mut self, symbol_size: u16) -> Option<Symbol> {
        let symbol = self.batches.take(symbol_size)?;
        self.first_symbols.1 += u64::from(symbol.is_first_pass);
        Some(symbol)
    }

    /// True when each object was sent once.
    pub(crate) fn has_sent_all(&self) -> bool {
        self.first_symbols.0 == self.first_symbols.1
    }

    /// True when nothing is left to send.
    pub(crate) fn is_done(&self) -> bool {
        let waits = self.pending.is_some() || self.batches.count() > 0;
        !waits && self.schedule.clone().next_visit(&self.items).is_none()
    }

    /// True when there is no last pass.
    pub(crate) fn is_endless(&self) -> bool {
        self.schedule.passes().limit().is_none()
    }

    /// Source symbols of all objects.
    pub(crate) fn source_symbols(&self) -> u64 {
        self.items.within(0, u64::MAX).map(|item| item.layout().symbols()).sum()
    }

    /// Plans the next batch, if it is time.
    fn gather(&mut self) -> Option<GatherJob> {
        if self.batches.count() >= AHEAD || self.batches.len() >= AHEAD * self.batch {
            return None;
        }
        let (mut runs, mut pieces, mut len) = (VecDeque::new(), Vec::new(), 0);
        while len < self.batch {
            let Some(visit) = self.pending.take().or_else(|| self.schedule.next_visit(&self.items))
            else {
                break;
            };
            let Some((run, rest)) = self.first_run(&visit, &mut pieces) else {
                self.pending = Some(visit);
                break;
            };
            len += run.bytes as usize;
            self.pending = rest;
            runs.push_back(run);
        }
        if runs.is_empty() {
            return None;
        }
        let number = self.number;
        self.number += 2;
        self.batches.push(number, runs);
        Some(GatherJob { number, pieces })
    }

    /// The encoding symbol ids that a visit begins with, as far as they follow each other and are
    /// all of source symbols or all of coded ones: the first one, and how many.
    fn ids(&self, visit: &Visit) -> Option<(u32, u32)> {
        let item = self.items.at(visit.block)?;
        let k = item.layout().block_len(item.sbn(visit.block));
        let id = item.id(k, visit.first);
        let end = if id < k { k } else { item.ids(k) };
        Some((id, visit.count.min(end - id)))
    }

    /// What a visit begins with, and the rest of it; `None` while its symbols are not there.
    fn first_run(&self, visit: &Visit, pieces: &mut Vec<Piece>) -> Option<(Run, Option<Visit>)> {
        let (id, mut count) = self.ids(visit)?;
        let item = self.items.at(visit.block)?;
        let (layout, sbn) = (item.layout(), item.sbn(visit.block));
        let symbol_size = u32::from(layout.symbol_size());
        let bytes = if id < layout.block_len(sbn) {
            let from = id * symbol_size;
            let len = (count * symbol_size).min(layout.block_bytes(sbn).saturating_sub(from));
            let offset = layout.block_offset(sbn) + u64::from(from);
            push_source(pieces, item.key(), offset, len);
            len
        } else {
            count = self.prepares.ready(visit.block, &(id..id + count));
            if count == 0 {
                return None;
            }
            pieces.push(Piece::Prepared { block: visit.block, first: id, count });
            count * symbol_size
        };
        let left = visit.count - count;
        let rest = (left > 0).then(|| Visit {
            first: visit.first + u64::from(count),
            count: left,
            ..*visit
        });
        let is_last_pass =
            self.schedule.passes().limit().is_some_and(|limit| visit.pass + 1 == limit);
        let run = Run {
            object: item.object(),
            sbn,
            k: layout.block_len(sbn),
            first: id,
            count,
            bytes,
            is_first_pass: visit.pass == 0,
            is_last_pass,
            closes: left == 0 && visit.last && is_last_pass,
            section: visit.section,
        };
        Some((run, rest))
    }
}

/// Adds bytes of an object, to the last piece if they follow it.
fn push_source(pieces: &mut Vec<Piece>, key: u64, from: u64, more: u32) {
    if let Some(Piece::Source { object, offset, len }) = pieces.last_mut()
        && *object == key
        && *offset + u64::from(*len) == from
        && let Some(sum) = len.checked_add(more)
    {
        *len = sum;
        return;
    }
    pieces.push(Piece::Source { object: key, offset: from, len: more });
}
