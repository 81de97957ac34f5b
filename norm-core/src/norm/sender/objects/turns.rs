//! Content that is sent in passes, and what is repeated beside it: NORM_INFO of all objects, and
//! the manifest and digest list of a set.

use core::ops::Range;
use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;

use super::object::SendObject;
use super::table::ObjectTable;
use crate::base::Timestamp;
use crate::carousel::{Carousel, Passes, Symbol};
use crate::endpoint::{Job, JobDone};
use crate::fileset::PartKind;
use crate::norm::sender::config::{Payload, SenderConfig};
use crate::norm::wire::SetInfo;

/// Time in which INFO and lists are repeated once.
const PERIOD: Duration = Duration::from_secs(1);
/// The part of the rate that repetition takes at most: one of this many.
const SHARE: u64 = 20;
/// The rate that is reckoned with when there is no limit, in bits per second.
const UNLIMITED_RATE: u64 = 10_000_000_000;

/// What is to be sent next. Objects are given by their place in the session.
#[derive(Debug)]
pub(crate) enum Turn {
    /// INFO of an object.
    Info { object: usize },
    /// Symbols of some blocks; only the last one may be short.
    Symbols(Vec<Symbol>),
}

/// Objects in passes.
#[derive(Debug)]
pub(crate) struct Turns {
    passes: Carousel,
    /// Manifests and digest lists, beside the passes.
    lists: Carousel,
    repeats: Repeats,
    /// Objects of the session that take part.
    added: usize,
    /// The running number of their first block.
    first_block: u64,
    symbol_size: u16,
    /// The last pass is being sent.
    is_last: bool,
    /// All passes are over.
    is_over: bool,
    /// It was told that each object was sent once.
    told: bool,
}

impl Turns {
    /// Those that the settings ask for, if any.
    pub(super) fn of(config: &SenderConfig) -> Option<Self> {
        let Payload::Carousel { passes, interleave } = config.payload else { return None };
        Some(Self {
            passes: Carousel::new(passes, interleave.unwrap_or(u64::MAX)),
            lists: Carousel::of_set_lists(),
            repeats: Repeats::default(),
            added: 0,
            first_block: 0,
            symbol_size: config.segment_size,
            is_last: passes.limit() == Some(1),
            is_over: false,
            told: false,
        })
    }

    /// Takes part with objects that were added. Those that were cut anew begin again.
    pub(super) fn follow(&mut self, objects: &ObjectTable, symbol_size: u16) {
        if objects.first_block() != self.first_block {
            self.first_block = objects.first_block();
            self.passes = Carousel::after(&self.passes, self.first_block);
            self.lists = Carousel::again(&self.lists);
            self.repeats = Repeats::default();
            self.added = 0;
        }
        self.symbol_size = symbol_size;
        while let Some(object) = objects.get(objects.first_key() + self.added as u64) {
            self.add(object);
            self.is_over = false;
            self.told = false;
        }
    }

    fn add(&mut self, object: &SendObject) {
        let (index, key) = (self.added, object.source_key());
        self.added += 1;
        self.passes.add(index, key, *object.layout());
        let Some(info) = object.info() else { return };
        self.repeats.add(index);
        if SetInfo::parse(info).is_ok_and(|info| info.part.kind != PartKind::Payload) {
            self.lists.add(index, key, *object.layout());
        }
    }

    /// True while there are passes to come after this one: what is lost comes again by itself.
    pub(crate) fn is_turning(&self) -> bool {
        !self.is_last && !self.is_over
    }

    /// Which pass is under way, from 1 on; 0 when all are over.
    pub(super) fn pass(&self) -> u64 {
        if self.is_over { 0 } else { self.passes.round() + 1 }
    }

    /// True when each object was sent once, for the first time that this is asked then.
    pub(super) fn take_sent_all(&mut self) -> bool {
        let has = self.added > 0 && self.repeats.first.is_empty() && self.passes.has_sent_all();
        has && !core::mem::replace(&mut self.told, has)
    }

    /// True when it was told that each object was sent once.
    pub(super) fn was_told(&self) -> bool {
        self.told
    }

    /// True when all passes are over.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Coded symbols of each block that all passes have, of blocks of `k` source symbols.
    pub(super) fn coded(&self, k: u32) -> u32 {
        let passes = self.passes.passes();
        let most = match passes {
            Passes::Once { overhead } => u64::from(k) * u64::from(overhead) / 100 + 1,
            Passes::Times(times) => u64::from(k) * u64::from(times.saturating_sub(1)),
            Passes::Forever => u64::MAX,
        };
        u32::try_from(most).unwrap_or(u32::MAX)
    }

    /// When the next repetition begins.
    pub(super) fn next_repeat(&self) -> Option<Timestamp> {
        (!self.is_over && self.added > 0).then_some(self.repeats.due)
    }

    pub(super) fn next_job(&mut self) -> Option<Job> {
        self.lists.next_job().or_else(|| self.passes.next_job())
    }

    /// Takes back a job; false if it has failed. What was asked for in an earlier layout is left
    /// out.
    pub(super) fn take(&mut self, done: JobDone) -> bool {
        match done {
            JobDone::Prepare { block, first, result } => {
                let lists = self.lists.owns_block(block);
                let carousel = if lists { &mut self.lists } else { &mut self.passes };
                carousel.prepared(block, first);
                result.is_ok()
            }
            JobDone::Gather { number, result: Ok(bytes) } => {
                self.gathered(number, bytes);
                true
            }
            JobDone::Gather { .. } => false,
            JobDone::Read { .. }
            | JobDone::Encode { .. }
            | JobDone::Store { .. }
            | JobDone::Recall { .. } => true,
        }
    }

    fn gathered(&mut self, number: u64, bytes: Bytes) {
        let lists = self.lists.owns_batch(number);
        let carousel = if lists { &mut self.lists } else { &mut self.passes };
        carousel.gathered(number, bytes);
    }

    /// The bytes of these blocks have changed. Lists are no files, and stay.
    pub(super) fn content_changed(&mut self, blocks: Range<u64>) {
        self.passes.content_changed(blocks);
    }

    /// What is to be sent next, `most` symbols of it at most, at this rate in bits per second.
    pub(super) fn next(&mut self, now: Timestamp, rate: Option<u64>, most: u32) -> Option<Turn> {
        if self.is_over || self.added == 0 {
            return None;
        }
        let rate = rate.unwrap_or(UNLIMITED_RATE);
        if let Some(object) = self.repeats.take_first() {
            return Some(Turn::Info { object });
        }
        let packet = u64::from(self.symbol_size);
        if self.repeats.begin(now, rate, packet, self.lists.source_symbols()) {
            self.passes.set_rate(rate);
            self.lists.set_rate(rate);
        }
        if let Some(object) = self.repeats.take_info(packet, self.lists.is_ready()) {
            return Some(Turn::Info { object });
        }
        let affordable = u32::try_from(self.repeats.credit / packet.max(1)).unwrap_or(u32::MAX);
        let mut symbols = take(&mut self.lists, self.symbol_size, most.min(affordable));
        if !symbols.is_empty() {
            self.repeats.spend(packet * symbols.len() as u64);
            for symbol in &mut symbols {
                symbol.is_first_pass = false;
                symbol.is_last_pass = self.is_last;
            }
            return Some(Turn::Symbols(symbols));
        }
        let symbols = take(&mut self.passes, self.symbol_size, most);
        let Some(last) = symbols.last() else {
            self.is_over = self.passes.is_done();
            return None;
        };
        self.is_last = last.is_last_pass;
        Some(Turn::Symbols(symbols))
    }
}

/// Takes symbols until one is short, `most` at most.
fn take(carousel: &mut Carousel, symbol_size: u16, most: u32) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = Vec::new();
    while symbols.len() < most as usize
        && symbols.last().is_none_or(|last| last.payload.len() == usize::from(symbol_size))
        && let Some(symbol) = carousel.take(symbol_size)
    {
        symbols.push(symbol);
    }
    symbols
}

/// What is repeated in each period, within its share of the rate.
#[derive(Debug, Default)]
struct Repeats {
    /// Objects with INFO.
    infos: Vec<usize>,
    /// Those whose INFO was never sent.
    first: VecDeque<usize>,
    /// The next of `infos`, and how many are left in this period.
    next: usize,
    left: usize,
    /// INFO and lists take turns.
    was_info: bool,
    /// Bytes that may be sent.
    credit: u64,
    due: Timestamp,
}

impl Repeats {
    fn add(&mut self, object: usize) {
        self.infos.push(object);
        self.first.push_back(object);
    }

    fn take_first(&mut self) -> Option<usize> {
        self.first.pop_front()
    }

    /// Begins a period, if one is due: of packets of this length, and this many symbols of lists.
    fn begin(&mut self, now: Timestamp, rate: u64, packet: u64, list_symbols: u64) -> bool {
        let begins = self.due <= now;
        if begins {
            self.due = now + PERIOD;
            let once = (self.infos.len() as u64).saturating_add(list_symbols).max(1);
            let share = u128::from(rate / 8 / SHARE) * PERIOD.as_millis() / 1000;
            let share = u64::try_from(share).unwrap_or(u64::MAX).max(packet / SHARE);
            let sum = self.credit.saturating_add(share);
            self.credit = sum.min(once.saturating_mul(packet));
            self.left = self.infos.len();
        }
        begins
    }

    /// The next object whose INFO is due, if it is its turn.
    fn take_info(&mut self, packet: u64, lists_wait: bool) -> Option<usize> {
        let yields = lists_wait && core::mem::take(&mut self.was_info);
        if self.left == 0 || self.credit < packet || yields {
            return None;
        }
        if self.next >= self.infos.len() {
            self.next = 0;
        }
        let object = *self.infos.get(self.next)?;
        self.next += 1;
        self.left -= 1;
        self.was_info = true;
        self.spend(packet);
        Some(object)
    }

    fn spend(&mut self, bytes: u64) {
        self.credit = self.credit.saturating_sub(bytes);
    }
}
