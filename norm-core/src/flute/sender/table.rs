//! Instances of the file delivery table (RFC 6726 §3.4), and which of their symbols is sent next.
//!
//! An instance has the same bytes for as long as its id: new ones come when objects are added, when
//! no more will come, and when half of the life of the old ones is over. They are sent at once.
//! What is sent again takes its turn among the content: at most one packet in twenty, so that many
//! files at a low rate leave room for what is in them. Where profiles allow it, a long table is cut
//! into several instances.

use core::ops::Range;
use core::time::Duration;
use std::collections::VecDeque;

use super::config::SenderConfig;
use super::objects::{Objects, TABLE_FRAME};
use super::profile::Rules;
use crate::base::Timestamp;
use crate::fec::{
    Layout, LayoutError, MAX_NO_CODE_BLOCK_LEN, MAX_RAPTORQ_BLOCK_LEN, Scheme, encode,
};
use crate::flute::fdt::{Fdt, FileAttributes, gzip};
use crate::flute::wire::{FdtInstanceId, Fti, NtpTime};

/// Coded symbols on top of what an instance needs, each time that it is sent.
const EXTRA_SYMBOLS: u32 = 2;
/// What is sent again takes at most one part of this many of the rate.
const SHARE: u32 = 20;
/// Bytes between two sendings at most, where the share allows it: half of what receivers are to
/// keep of objects that no table has told of, with EXT_FTI in each packet and without it.
const NAMELESS: u64 = 8 << 20;
const NAMELESS_WITHOUT_FTI: u64 = 2 << 20;

/// An instance.
#[derive(Debug)]
struct Instance {
    id: FdtInstanceId,
    /// The objects that it lists.
    files: Range<usize>,
    complete: bool,
    made: Timestamp,
    document: Vec<u8>,
    layout: Layout,
    /// The next symbol that was not sent.
    next: u64,
}

/// An instance on its way.
#[derive(Debug)]
struct Sending {
    instance: usize,
    /// It was never sent whole: it does not wait.
    is_new: bool,
    /// The symbols to send, counted over all sendings.
    symbols: Range<u64>,
    /// Bytes of the coded ones among them; the first of them.
    coded: Vec<u8>,
    first_coded: u32,
}

/// A symbol of an instance.
#[derive(Debug)]
pub(super) struct TableSymbol {
    pub instance: FdtInstanceId,
    pub fti: Fti,
    pub scheme: Scheme,
    pub id: u32,
    pub bytes: Vec<u8>,
}

/// All instances.
#[derive(Debug)]
pub(super) struct Table {
    instances: Vec<Instance>,
    next_id: FdtInstanceId,
    /// Instances that are to be sent at once.
    urgent: VecDeque<usize>,
    /// Instances that are to be sent again.
    queue: VecDeque<usize>,
    sending: Option<Sending>,
    /// When all of them are sent again.
    due: Timestamp,
    /// When the next symbol of what is sent again may be sent.
    ready: Timestamp,
    /// When the sending under way began.
    began: Option<Timestamp>,
    /// Objects have come, or no more will.
    is_stale: bool,
    symbol_size: u16,
    /// Bytes of a packet besides its symbol.
    overhead: usize,
    /// Bits per second.
    rate: u64,
    /// Time between two sendings, as it was asked for and as it is.
    longest_interval: Duration,
    interval: Duration,
    /// Bytes between two sendings at most.
    nameless: u64,
    life: Duration,
    unix_start: Duration,
}

impl Table {
    /// `symbol_size` is that of the table, `overhead` are the bytes of its packets besides.
    pub(super) fn new(
        config: &SenderConfig,
        rules: &Rules,
        symbol_size: u16,
        overhead: usize,
        now: Timestamp,
    ) -> Self {
        let mut this = Self {
            instances: Vec::new(),
            next_id: FdtInstanceId::default(),
            urgent: VecDeque::new(),
            queue: VecDeque::new(),
            sending: None,
            due: now,
            ready: now,
            began: None,
            is_stale: false,
            symbol_size,
            overhead,
            rate: config.rate,
            longest_interval: config.fdt_interval,
            interval: config.fdt_interval,
            nameless: if rules.fti_in_band { NAMELESS } else { NAMELESS_WITHOUT_FTI },
            life: config.fdt_life,
            unix_start: config.unix_start,
        };
        this.set_rate(config.rate);
        this
    }

    /// Sets the rate of the session, in bits per second; not 0.
    pub(super) fn set_rate(&mut self, rate: u64) {
        self.rate = rate.max(1);
        self.interval = self.longest_interval.min(self.time_of(self.nameless));
    }

    /// What this many bytes take.
    fn time_of(&self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * 8 * 1_000_000_000 / u128::from(self.rate);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Time between two sendings, unless their share is too large.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// Says that what it has to say has changed.
    pub(super) fn changed(&mut self) {
        self.is_stale = true;
    }

    /// Time since 1970.
    pub(super) fn unix(&self, now: Timestamp) -> Duration {
        self.unix_start.saturating_add(Duration::from_nanos(now.as_nanos()))
    }

    /// When there is something to send.
    pub(super) fn due(&self) -> Timestamp {
        let is_new = self.sending.as_ref().is_some_and(|sending| sending.is_new);
        if self.is_stale || is_new || !self.urgent.is_empty() {
            return Timestamp::ZERO;
        }
        let next = if self.is_under_way() { self.ready } else { self.due };
        let renewals = self.instances.iter().map(|instance| instance.made + self.life / 2);
        renewals.min().map_or(next, |renewal| renewal.min(next))
    }

    /// True while a sending is not at its end.
    pub(super) fn is_under_way(&self) -> bool {
        self.sending.is_some() || !self.urgent.is_empty() || !self.queue.is_empty()
    }

    /// Begins to send what is due; true when that is all of the table, for it is time.
    pub(super) fn begin(&mut self, objects: &Objects, complete: bool, now: Timestamp) -> bool {
        let age = |instance: &Instance| now.saturating_since(instance.made);
        let is_old = self.instances.iter().any(|instance| age(instance) >= self.life / 2);
        let is_period = !self.is_under_way() && now >= self.due;
        if is_period || is_old || self.is_stale {
            self.refresh(objects, complete, now);
        }
        if is_period {
            self.send_all(now);
        }
        is_period
    }

    /// Sends all of the table, whenever it was sent before.
    pub(super) fn send_all(&mut self, now: Timestamp) {
        self.suspend();
        let all = 0..self.instances.len();
        self.queue = all.filter(|index| !self.urgent.contains(index)).collect();
        self.began = Some(now);
        self.due = now + self.interval;
    }

    /// Leaves what is sent again where it is.
    pub(super) fn stop(&mut self) {
        self.suspend();
        self.queue.clear();
        self.began = None;
    }

    /// Puts off the sending under way, if it is not new; it goes on where it was.
    fn suspend(&mut self) {
        if let Some(sending) = self.sending.take_if(|sending| !sending.is_new) {
            if let Some(instance) = self.instances.get_mut(sending.instance) {
                instance.next = sending.symbols.start;
            }
            self.queue.push_front(sending.instance);
        }
    }

    /// The next symbol, while a sending is under way.
    pub(super) fn next_symbol(&mut self, now: Timestamp) -> Option<TableSymbol> {
        if self.sending.is_none() {
            let new = self.urgent.pop_front();
            let index = new.or_else(|| self.queue.pop_front())?;
            self.sending = self.sending_of(index, new.is_some());
        }
        let sending = self.sending.as_mut()?;
        let instance = self.instances.get(sending.instance)?;
        let symbol = instance.symbol(sending)?;
        sending.symbols.start += 1;
        if sending.symbols.is_empty() {
            self.sending = None;
        }
        let bytes = symbol.bytes.len() + self.overhead;
        self.ready = now + self.time_of(bytes as u64) * SHARE;
        if !self.is_under_way() {
            let due = self.began.take().map_or(self.due, |began| began + self.interval);
            self.due = self.ready.max(due);
        }
        Some(symbol)
    }

    fn sending_of(&mut self, index: usize, is_new: bool) -> Option<Sending> {
        let instance = self.instances.get_mut(index)?;
        let (k, scheme) = (instance.k(), instance.layout.scheme());
        let extra = if scheme == Scheme::NoCode { 0 } else { EXTRA_SYMBOLS };
        let symbols = instance.next..instance.next + u64::from(k + extra);
        let ids = k.saturating_add(scheme.parity(k));
        let (first, end) = (instance.id_of(symbols.start), instance.id_of(symbols.end - 1) + 1);
        // After the last id come source symbols.
        let last = if end > first { end } else { ids };
        let first_coded = first.max(k);
        let count = last.saturating_sub(first_coded);
        let mut coded = Vec::new();
        if count > 0 {
            let size = instance.layout.symbol_size();
            // Within the limits of the scheme, it cannot fail.
            coded = encode(scheme, k, size, &instance.document, first_coded, count).ok()?;
        }
        instance.next = symbols.end;
        Some(Sending { instance: index, is_new, symbols, coded, first_coded })
    }

    /// Makes new instances where they are due, and has them sent.
    fn refresh(&mut self, objects: &Objects, complete: bool, now: Timestamp) {
        self.is_stale = false;
        let parts = parts(objects);
        for (index, files) in parts.iter().enumerate() {
            let is_last = index + 1 == parts.len();
            let complete = complete && is_last && objects.rules().complete;
            let is_same = self.instances.get(index).is_some_and(|old| {
                let age = now.saturating_since(old.made);
                old.files == *files && old.complete == complete && age < self.life / 2
            });
            if is_same {
                continue;
            }
            let Ok(instance) = self.instance(objects, files.clone(), complete, now) else {
                if let Some(old) = self.instances.get_mut(index) {
                    old.made = now; // there is no better one
                }
                continue;
            };
            self.next_id = self.next_id.next();
            if self.sending.as_ref().is_some_and(|sending| sending.instance == index) {
                self.sending = None;
            }
            self.queue.retain(|queued| *queued != index);
            if let Some(old) = self.instances.get_mut(index) {
                *old = instance;
            } else {
                self.instances.push(instance);
            }
            if !self.urgent.contains(&index) {
                self.urgent.push_back(index);
            }
        }
        if !self.urgent.is_empty() {
            self.suspend();
        }
    }

    fn instance(
        &self,
        objects: &Objects,
        files: Range<usize>,
        complete: bool,
        now: Timestamp,
    ) -> Result<Instance, LayoutError> {
        let rules = objects.rules();
        let mut common = FileAttributes::default();
        if let Some(version) = rules.schema_version {
            common.others.insert("schemaVersion".to_owned(), version.to_owned());
        }
        let expires = NtpTime::from_unix(self.unix(now).saturating_add(self.life)).seconds;
        let list = objects.files(files.clone());
        let fdt = Fdt { expires, complete, common, files: list, ..Fdt::default() };
        let mut document = fdt.emit(rules.namespace);
        if objects.has_gzip_table() {
            document = gzip(&document).into_owned();
        }
        let (size, symbol_size) = (document.len() as u64, self.symbol_size);
        let symbols = size.div_ceil(u64::from(symbol_size));
        let layout = if symbols > 1 && rules.coded_table {
            Layout::choose_raptorq(size, symbol_size, MAX_RAPTORQ_BLOCK_LEN)?
        } else {
            let len = u32::try_from(symbols).unwrap_or(MAX_NO_CODE_BLOCK_LEN);
            Layout::no_code(size, symbol_size, len)?
        };
        let id = self.next_id;
        Ok(Instance { id, files, complete, made: now, document, layout, next: 0 })
    }
}

impl Instance {
    /// Source symbols: all are in one block.
    fn k(&self) -> u32 {
        self.layout.block_len(0)
    }

    fn id_of(&self, symbol: u64) -> u32 {
        let ids = self.k().saturating_add(self.layout.scheme().parity(self.k()));
        (symbol % u64::from(ids.max(1))) as u32
    }

    fn symbol(&self, sending: &Sending) -> Option<TableSymbol> {
        let (id, size) = (self.id_of(sending.symbols.start), self.layout.symbol_size());
        let scheme = self.layout.scheme();
        let (all, index) = match id.checked_sub(self.k()) {
            None => (&self.document, id),
            Some(_) => (&sending.coded, id.checked_sub(sending.first_coded)?),
        };
        let from = index as usize * usize::from(size);
        let end = all.len().min(from + usize::from(size));
        let mut bytes = all.get(from..end)?.to_vec();
        if scheme != Scheme::NoCode {
            bytes.resize(size.into(), 0);
        }
        Some(TableSymbol { instance: self.id, fti: Fti::of(&self.layout), scheme, id, bytes })
    }
}

/// Which objects each instance lists.
fn parts(objects: &Objects) -> Vec<Range<usize>> {
    let limit = objects.rules().split.unwrap_or(usize::MAX);
    let (mut parts, mut start, mut len) = (Vec::new(), 0, TABLE_FRAME);
    for (index, object) in objects.iter().enumerate() {
        if len + object.entry_len() > limit && index > start {
            parts.push(start..index);
            (start, len) = (index, TABLE_FRAME);
        }
        len += object.entry_len();
    }
    if start < objects.len() {
        parts.push(start..objects.len());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::{ObjectMeta, ObjectSpec};

    #[test]
    fn instance_ids_wrap() {
        let config = SenderConfig { first_toi: Some(1), ..SenderConfig::new(7, 1000) };
        let mut objects = Objects::new(config.check().unwrap(), &config, 1);
        let mut table = Table::new(&config, objects.rules(), 1000, 80, Timestamp::ZERO);
        table.next_id = FdtInstanceId::MAX;
        for expected in [FdtInstanceId::MAX, FdtInstanceId::default()] {
            objects.add(&ObjectSpec { size: 1, meta: ObjectMeta::file(None) }).unwrap();
            table.changed();
            table.begin(&objects, false, Timestamp::ZERO);
            let symbol = table.next_symbol(Timestamp::ZERO).unwrap();
            assert_eq!(symbol.instance, expected);
        }
    }
}
