//! The repair of one block: what is asked for, how it is served, and what is still to be sent.

use core::ops::Range;
use core::time::Duration;

use bytes::Bytes;

use crate::base::Timestamp;
use crate::base::bits::Bits;
use crate::base::range_set::RangeSet;

/// What one NACK says about one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockNeed {
    /// Source symbols asked for by name, as half-open ranges.
    pub(crate) named: Vec<Range<u32>>,
    /// Symbols asked for by number only, or as parity: any fresh coded symbols will do.
    pub(crate) counted: u32,
    /// Which parity symbols those were, counted from the block's first, as half-open ranges.
    pub(crate) parity: Vec<Range<u32>>,
    /// Proactive parity may learn from it.
    pub(crate) trusted: bool,
    /// How many packets were written up to the newest one that the receiver had heard.
    pub(crate) heard: Option<u64>,
}

impl BlockNeed {
    /// Symbols asked for.
    pub(crate) fn symbols(&self) -> u32 {
        let named: u32 = self.named.iter().map(|r| r.end.saturating_sub(r.start)).sum();
        named.saturating_add(self.counted)
    }
}

/// Where a block is in its repair cycle.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Requests are gathered until then.
    Gathering(Timestamp),
    /// Repair is being sent.
    Active,
    /// Requests that were made without knowledge of the repair are ignored.
    Holdoff(Hold),
}

/// Longest time for which a repair is taken to be on its way to a receiver that has not heard it.
const MAX_FLIGHT: Duration = Duration::from_millis(500);

/// Which requests are ignored after a repair.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    /// All until then.
    until: Timestamp,
    /// Until `flight_end` those of receivers that have not heard this packet yet: the repair waits
    /// in a queue, longer than round trips were when they were measured.
    last: u64,
    flight_end: Timestamp,
}

impl Hold {
    /// True for a request of a receiver that had `heard` packets up to this number, if it says so.
    pub(super) fn ignores(&self, now: Timestamp, heard: Option<u64>) -> bool {
        let in_flight = now < self.flight_end && heard.is_some_and(|heard| heard < self.last);
        now < self.until || in_flight
    }

    /// When no request is ignored any more.
    pub(super) fn end(&self) -> Timestamp {
        self.until.max(self.flight_end)
    }
}

/// How a block is repaired.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Send the named source symbols again.
    Resend,
    /// Send fresh coded symbols.
    Code,
}

/// Coded symbols that were made and not all sent yet.
#[derive(Debug)]
pub(super) struct Encoded {
    first: u32,
    symbols: Bytes,
    symbol_size: usize,
    used: u32,
    count: u32,
}

impl Encoded {
    pub(super) fn new(first: u32, symbols: Bytes, symbol_size: u16) -> Self {
        let symbol_size = usize::from(symbol_size);
        let count = (symbols.len() / symbol_size.max(1)) as u32;
        Self { first, symbols, symbol_size, used: 0, count }
    }

    fn left(&self) -> u32 {
        self.count.saturating_sub(self.used)
    }

    /// The symbols that are left, in memory of their own: all symbols may take many times as much.
    fn into_left(self) -> Option<Self> {
        let left = self.left();
        let symbols = self.symbols.get(self.used as usize * self.symbol_size..)?;
        let symbols = Bytes::copy_from_slice(symbols);
        let first = self.first + self.used;
        (left > 0).then_some(Self { first, symbols, used: 0, count: left, ..self })
    }

    fn take(&mut self, limit: u32) -> CodedRun {
        let count = limit.min(self.left());
        let start = self.used as usize * self.symbol_size;
        let end = start + count as usize * self.symbol_size;
        let first = self.first + self.used;
        self.used += count;
        CodedRun { first, count, symbols: self.symbols.slice(start..end) }
    }
}

/// Coded symbols to be sent, back to back.
#[derive(Clone, Debug)]
pub(crate) struct CodedRun {
    /// Id of the first one.
    pub(crate) first: u32,
    pub(crate) count: u32,
    pub(crate) symbols: Bytes,
}

/// The repair state of one block.
#[derive(Debug)]
pub(crate) struct BlockRepair {
    phase: Phase,
    /// The most that one receiver asked for in this cycle.
    need: u32,
    /// The most that one trusted receiver asked for in this cycle.
    trusted_need: u32,
    /// Every source symbol named in this cycle.
    asked: Bits,
    /// A number of symbols was asked for.
    counted: bool,
    /// Parity symbols named, for when there are no fresh ones.
    parity: RangeSet,
    /// Named symbols that are still to be sent.
    pending: Bits,
    sent: u32,
    /// Coded symbols that are sent before any NACK.
    proactive: u32,
    /// When the proactive symbols could leave.
    released_at: Timestamp,
    plan: Plan,
    encoded: Option<Encoded>,
    /// An Encode job is running.
    encoding: bool,
}

impl BlockRepair {
    fn new(symbols: u32, phase: Phase) -> Self {
        Self {
            phase,
            need: 0,
            trusted_need: 0,
            asked: Bits::new(symbols),
            counted: false,
            parity: RangeSet::new(),
            pending: Bits::new(symbols),
            sent: 0,
            proactive: 0,
            released_at: Timestamp::ZERO,
            plan: Plan::Resend,
            encoded: None,
            encoding: false,
        }
    }

    /// A block whose requests are gathered until `until`.
    pub(super) fn gathering(symbols: u32, until: Timestamp, need: &BlockNeed) -> Self {
        let mut repair = Self::new(symbols, Phase::Gathering(until));
        repair.merge(need);
        repair
    }

    /// A block of which `count` coded symbols will be sent proactively.
    pub(super) fn proactive(symbols: u32, count: u32) -> Self {
        Self {
            need: count,
            proactive: count,
            plan: Plan::Code,
            counted: true,
            ..Self::new(symbols, Phase::Active)
        }
    }

    /// Begins the next cycle; coded symbols that are left stay.
    pub(super) fn gather_again(&mut self, symbols: u32, until: Timestamp, need: &BlockNeed) {
        let (encoded, proactive) = (self.encoded.take(), self.proactive);
        *self = Self { encoded, proactive, ..Self::new(symbols, Phase::Gathering(until)) };
        self.merge(need);
    }

    /// Begins to send the first `sent` of the block's `symbols` again; coded symbols stay.
    pub(super) fn resend_all(&mut self, symbols: u32, sent: u32) {
        let encoded = self.encoded.take();
        *self = Self { encoded, ..Self::new(symbols, Phase::Active) };
        let named = core::iter::once(0..sent.min(symbols)).collect();
        self.merge(&BlockNeed { named, ..BlockNeed::default() });
    }

    /// A block about which nothing is known, to be sent again.
    pub(super) fn active(symbols: u32) -> Self {
        Self::new(symbols, Phase::Active)
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// How the block is to be repaired now.
    pub(crate) fn plan(&self) -> Plan {
        if self.pending.count() > 0 { Plan::Resend } else { self.plan }
    }

    /// The most that one receiver asked for in this cycle.
    pub(super) fn need(&self) -> u32 {
        self.need
    }

    /// Named symbols that are still to be sent.
    pub(super) fn pending(&self) -> &Bits {
        &self.pending
    }

    /// Nothing was sent in this cycle.
    pub(crate) fn is_unsent(&self) -> bool {
        self.sent == 0
    }

    /// Coded symbols still to be sent in this cycle.
    pub(crate) fn remaining(&self) -> u32 {
        self.need.saturating_sub(self.sent)
    }

    /// Takes the first named symbol that is still to be sent; it counts as sent.
    pub(crate) fn take_named(&mut self) -> Option<u32> {
        let symbol = self.pending.first_set(0)?;
        self.pending.remove(symbol);
        self.sent += 1;
        Some(symbol)
    }

    /// Takes coded symbols, `limit` at most; they count as sent. `None` when none are made.
    pub(crate) fn take_coded(&mut self, limit: u32) -> Option<CodedRun> {
        let limit = self.remaining().min(limit);
        let encoded = self.encoded.as_mut().filter(|encoded| encoded.left() > 0)?;
        let run = encoded.take(limit);
        self.sent += run.count;
        Some(run)
    }

    /// Takes up to `limit` parity symbols that were named, in one run.
    pub(crate) fn take_parity(&mut self, limit: u32) -> Option<Range<u32>> {
        let (start, end) = self.parity.iter().next()?;
        let end = end.min(start + u64::from(limit));
        self.forget_parity(start as u32..end as u32);
        (start < end).then_some(start as u32..end as u32)
    }

    /// These parity symbols will be sent.
    pub(crate) fn forget_parity(&mut self, sent: Range<u32>) {
        self.parity.remove(sent.start.into(), sent.end.into());
    }

    /// An Encode job is running.
    pub(crate) fn is_encoding(&self) -> bool {
        self.encoding
    }

    pub(crate) fn begin_encoding(&mut self) {
        self.encoding = true;
    }

    pub(super) fn end_encoding(&mut self, encoded: Encoded) {
        self.encoding = false;
        self.encoded = Some(encoded);
    }

    /// Forgets coded symbols that were made and not sent.
    pub(super) fn drop_encoded(&mut self) {
        self.encoded = None;
    }

    pub(super) fn merge(&mut self, need: &BlockNeed) {
        let symbols = need.symbols();
        self.need = self.need.max(symbols);
        if need.trusted {
            self.trusted_need = self.trusted_need.max(symbols);
        }
        self.counted |= need.counted > 0;
        for range in &need.parity {
            self.parity.insert(range.start.into(), range.end.into());
        }
        for symbol in need.named.iter().cloned().flatten() {
            if self.asked.insert(symbol) && self.plan == Plan::Resend {
                self.pending.insert(symbol);
            }
        }
    }

    /// Proactive symbols may leave from now on; false when there are none.
    pub(super) fn release(&mut self, now: Timestamp) -> bool {
        let waits = self.phase == Phase::Active && self.proactive > 0;
        if waits {
            self.released_at = now;
        }
        waits
    }

    /// Ends the gathering and chooses how to repair; `fresh` coded symbols were never sent. Returns
    /// what trusted receivers need, proactive symbols included, if they asked.
    pub(super) fn activate(&mut self, fresh: u32) -> Option<u32> {
        self.phase = Phase::Active;
        self.choose(fresh);
        (self.trusted_need > 0).then(|| self.proactive.saturating_add(self.trusted_need))
    }

    /// Raises the number of coded symbols to send to `count`, as far as they are fresh.
    pub(super) fn raise(&mut self, count: u32, fresh: u32) {
        if self.plan() == Plan::Code {
            self.need = count.min(fresh).max(self.need);
        }
    }

    /// Resend or code? A resend serves only receivers that lack exactly that symbol but costs no
    /// coding, so it may cost a little more of the rate. When the code has too few symbols left
    /// that were never sent, what is named is sent again, and coded symbols serve the other needs.
    fn choose(&mut self, fresh: u32) {
        let cheap = self.asked.count() <= self.need + self.need / 4 + 2;
        let resend = cheap && !self.counted;
        let left = self.encoded.as_ref().map_or(0, Encoded::left);
        let enough = self.need <= fresh.saturating_add(left);
        if !resend && enough {
            self.pending = Bits::new(self.pending.len());
        }
        if !resend && (enough || self.counted) {
            self.plan = Plan::Code;
        }
    }

    /// No NACK has asked yet for what is being sent.
    fn is_proactive(&self) -> bool {
        self.proactive > 0
            && self.need == self.proactive
            && self.asked.count() == 0
            && self.trusted_need == 0
    }

    /// Ends the cycle if everything asked for was sent; true if it did.
    pub(super) fn finish(&mut self, now: Timestamp, coded: bool, holdoff: &HoldOff) -> bool {
        let named_sent = self.pending.count() == 0;
        if !named_sent || (coded && self.remaining() > 0) {
            if coded && named_sent {
                self.plan = Plan::Code;
            }
            return false;
        }
        let in_time = self.is_proactive() && now < self.released_at + holdoff.proactive;
        let hold = |time: Duration, flight: Duration| Hold {
            until: now + time,
            last: holdoff.last,
            flight_end: now + flight,
        };
        self.phase = Phase::Holdoff(match in_time {
            true => hold(Duration::ZERO, Duration::ZERO),
            false => hold(holdoff.repair, MAX_FLIGHT),
        });
        self.encoded = self.encoded.take().and_then(Encoded::into_left);
        true
    }
}

/// How long requests are ignored after a repair: they were made without knowledge of it.
#[derive(Copy, Clone, Debug)]
pub(crate) struct HoldOff {
    /// Time after a repair that was asked for.
    pub(crate) repair: Duration,
    /// Proactive symbols that leave within this time after the block's end were there before any
    /// receiver asked for more, so that they cause no hold-off.
    pub(crate) proactive: Duration,
    /// Packets written up to the last one of the repair.
    pub(crate) last: u64,
}
