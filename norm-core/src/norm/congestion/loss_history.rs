//! The loss event rate of a sender's packets (RFC 5348 §5, RFC 4654 §5).
//!
//! Losses within one round trip are one event, and a packet that a router has CE-marked (RFC 3168)
//! counts as a lost one (RFC 5348 §5.2, RFC 4654 §5.1). Intervals between events, in packets, are
//! averaged over the last eight, the older ones with less weight; the rate is one by that.
//!
//! A sender follows the highest of its receivers' rates, and the highest of many noisy ones is far
//! too high: of 10,000 receivers with 1 % loss, four times what TCP would get. So one of many
//! receivers looks back further, up to 64 events (RFC 4654 §5.3 allows for that).

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::wire::Sequence;

/// Intervals that are kept.
const CAPACITY: usize = 64;
/// Intervals that count (RFC 5348 §5.4), unless there are many receivers.
const DEPTH: usize = 8;
/// Later packets that make a missing one lost.
const REORDERING: usize = 3;
/// Packets in a gap that is loss at most; a longer one is a sender that counts anew.
///
/// The sequence has 16 bits and wraps within 75 ms at 10 Gbit/s. A gap of this length is 18 ms
/// there: buffers that overflow lose thousands of packets in a row, and that is loss. How long the
/// gap is does not matter much otherwise, as it is one event if it fits into a round trip.
const MAX_GAP: u16 = 0x4000;
/// A packet that comes this many packets late at most is a late one; others are of a sender that
/// counts anew.
const MAX_DELAY: u16 = 0x1000;
/// Position of sequence 0, so that there are some before the first packet.
const FIRST_POSITION: u64 = 1 << 16;

/// What a packet has shown.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum LossEvent {
    /// The first loss or CE mark: slow start is over, and the caller shall call
    /// [`LossHistory::seed`].
    First,
    /// Another loss event.
    Another,
}

/// A packet that arrived; the position is its sequence without the wrap.
#[derive(Copy, Clone, Debug, Default)]
struct Arrival {
    position: u64,
    at: Timestamp,
}

/// Counts loss events in the packets of one sender. Constant in memory, and a packet that follows
/// the one before costs a comparison and two stores.
#[derive(Clone, Debug)]
pub struct LossHistory {
    /// The three greatest positions that arrived, greatest first. What is missing between the last
    /// two is still open: it is lost when the last one falls out (three later ones have arrived).
    top: [Arrival; REORDERING],
    /// The three are in a row, and only the first of them is kept up to date.
    in_row: bool,
    started: bool,
    /// A sequence far from all others: if the next one follows, the sender counts anew there.
    stray: Option<Sequence>,
    /// Closed intervals in packets, newest first; the first `events` of them are there.
    intervals: [f64; CAPACITY],
    /// Loss events so far; the last interval has fallen out of the history when there were more.
    events: u32,
    /// Where the open interval starts: the first packet lost in the last event.
    event_position: u64,
    event_at: Timestamp,
    /// The round trip that the interval before the first loss was computed with.
    seed_rtt: Option<Duration>,
}

impl LossHistory {
    /// A history of nothing.
    pub fn new() -> Self {
        Self {
            top: [Arrival::default(); REORDERING],
            in_row: false,
            started: false,
            stray: None,
            intervals: [0.0; CAPACITY],
            events: 0,
            event_position: 0,
            event_at: Timestamp::ZERO,
            seed_rtt: None,
        }
    }

    /// Notes a packet. `rtt` is the round trip as far as known, or the GRTT: losses so close
    /// together are one event.
    #[inline]
    pub fn note(&mut self, now: Timestamp, sequence: Sequence, rtt: Duration) -> Option<LossEvent> {
        let newest = &mut self.top[0];
        if self.in_row && sequence.0 == (newest.position as u16).wrapping_add(1) {
            *newest = Arrival { position: newest.position + 1, at: now };
            return None;
        }
        self.note_other(now, sequence, rtt)
    }

    /// The packet that was noted last is CE-marked: congestion as if it were lost, although it
    /// arrived. `rtt` as for [`Self::note`].
    pub fn note_ce(&mut self, now: Timestamp, rtt: Duration) -> Option<LossEvent> {
        let first = !self.has_loss();
        if !self.started || (!first && now <= self.event_at + rtt) {
            return None;
        }
        self.begin_event(Arrival { position: self.top[0].position, at: now });
        Some(if first { LossEvent::First } else { LossEvent::Another })
    }

    /// True when a packet was lost or CE-marked: slow start is over.
    pub fn has_loss(&self) -> bool {
        self.events > 0
    }

    /// Sets the interval before the first loss to what the receive rate corresponds to, in packets:
    /// how many came before says little (RFC 5348 §6.3.1, RFC 4654 §5.6). `rtt` is what it was
    /// computed with.
    pub fn seed(&mut self, packets: f64, rtt: Duration) {
        if let Some(first) = self.first_interval() {
            *first = packets.max(1.0);
            self.seed_rtt = Some(rtt);
        }
    }

    /// Corrects the first interval for a better value of the round trip that it was computed with;
    /// no effect when it has left the history (RFC 4654 §5.6). To be called whenever the sender has
    /// listed our round trip, before the next answer: the equation with the new round trip and the
    /// old interval would give far too high a rate.
    pub fn correct_seed(&mut self, rtt: Duration) {
        let Some(guess) = self.seed_rtt.replace(rtt) else {
            self.seed_rtt = None;
            return;
        };
        let ratio = rtt.as_secs_f64() / guess.as_secs_f64().max(1e-6);
        if let Some(first) = self.first_interval() {
            *first = (*first * ratio * ratio).max(1.0);
        }
    }

    /// Loss events by packets, `0.0..=1.0`; 0 before the first loss.
    pub fn rate(&self) -> f64 {
        self.rate_over(DEPTH)
    }

    /// Loss events by packets, as one of `receivers` should report them: the more there are, the
    /// less it shall depend on chance. Much more loss than before counts at once, less what chance
    /// explains.
    pub fn rate_among(&self, receivers: u64) -> f64 {
        let (depth, chance) = match receivers {
            0..=10 => return self.rate(),
            11..=100 => (16, 3.0),
            101..=1000 => (32, 6.0),
            _ => (CAPACITY, 12.0),
        };
        self.rate_over(depth).max(self.rate() / chance)
    }

    fn rate_over(&self, depth: usize) -> f64 {
        let count = depth.min(self.events as usize);
        let closed = &self.intervals[..count];
        if closed.is_empty() {
            return 0.0;
        }
        let open = (self.top[0].position + 1).saturating_sub(self.event_position) as f64;
        let with_open = core::iter::once(&open).chain(closed).take(count);
        let total = weighted(closed.iter(), depth).max(weighted(with_open, depth));
        let weights: f64 = (0..count).map(|age| weight(age, depth)).sum();
        (weights / total).min(1.0)
    }

    /// The interval before the first loss, while it is in the history.
    fn first_interval(&mut self) -> Option<&mut f64> {
        let index = (self.events as usize).checked_sub(1)?;
        self.intervals.get_mut(index)
    }

    #[cold]
    fn note_other(
        &mut self,
        now: Timestamp,
        sequence: Sequence,
        rtt: Duration,
    ) -> Option<LossEvent> {
        if !self.started {
            self.started = true;
            let position = FIRST_POSITION + u64::from(sequence.0);
            self.event_position = position;
            self.start_row(Arrival { position, at: now });
            return None;
        }
        let newest = self.top[0].position;
        let ahead = sequence.0.wrapping_sub(newest as u16);
        let late = ahead.wrapping_neg();
        let position = if (1..=MAX_GAP).contains(&ahead) {
            newest + u64::from(ahead)
        } else if late <= MAX_DELAY {
            newest.saturating_sub(u64::from(late))
        } else {
            self.jump(now, sequence);
            return None;
        };
        self.insert(Arrival { position, at: now }, rtt)
    }

    /// Puts an arrival into its place among the greatest three. What is before them is either lost
    /// already or a copy: a packet that comes so late does not undo its loss.
    fn insert(&mut self, arrival: Arrival, rtt: Duration) -> Option<LossEvent> {
        self.stray = None;
        if self.in_row {
            let newest = self.top[0];
            for (arrival, back) in self.top.iter_mut().zip(0..) {
                arrival.position = newest.position - back;
            }
        }
        let place = self.top.iter().position(|known| known.position <= arrival.position)?;
        if self.top[place].position == arrival.position {
            return None;
        }
        let oldest = self.top[REORDERING - 1];
        self.top[place..].rotate_right(1);
        self.top[place] = arrival;
        let [first, _, last] = self.top;
        self.in_row = first.position - last.position == REORDERING as u64 - 1;
        self.lose(oldest, last, rtt)
    }

    /// Everything between two arrivals is lost. Each loss that is more than a round trip after the
    /// start of the last event begins one, at the time when it should have come.
    fn lose(&mut self, before: Arrival, after: Arrival, rtt: Duration) -> Option<LossEvent> {
        let gap = after.position - before.position;
        if gap < 2 {
            return None;
        }
        let spacing = after.at.saturating_since(before.at) / u32::try_from(gap).unwrap_or(u32::MAX);
        let when =
            |position| before.at + spacing.saturating_mul((position - before.position) as u32);
        // Packets from one moment to the first that is later than this by `time`.
        let packets = |time: Duration| {
            let whole = time.as_nanos().checked_div(spacing.as_nanos());
            whole.and_then(|n| u64::try_from(n).ok()).map_or(gap, |n| gap.min(n.saturating_add(1)))
        };
        let stride = packets(rtt);
        let mut position = before.position + 1;
        let free_from = self.event_at + rtt;
        if self.has_loss() && when(position) <= free_from {
            position += packets(free_from.saturating_since(when(position)));
        }
        if position >= after.position {
            return None;
        }
        let first = !self.has_loss();
        // Of very many, the last ones are all that the history holds.
        let more = (after.position - 1 - position) / stride;
        position += more.saturating_sub(CAPACITY as u64) * stride;
        while position < after.position {
            self.begin_event(Arrival { position, at: when(position) });
            position += stride;
        }
        Some(if first { LossEvent::First } else { LossEvent::Another })
    }

    fn begin_event(&mut self, lost: Arrival) {
        self.intervals.rotate_right(1);
        self.intervals[0] = lost.position.saturating_sub(self.event_position).max(1) as f64;
        self.events = self.events.saturating_add(1);
        self.event_position = lost.position;
        self.event_at = lost.at;
    }

    /// A sequence far away from all others. When the next one follows it, the sender counts anew:
    /// the open interval goes on there.
    fn jump(&mut self, now: Timestamp, sequence: Sequence) {
        let follows =
            |stray: Sequence| (1..=REORDERING as u16).contains(&sequence.0.wrapping_sub(stray.0));
        if !self.stray.is_some_and(follows) {
            self.stray = Some(sequence);
            return;
        }
        let newest = self.top[0].position;
        let skipped = u64::from(sequence.0.wrapping_sub(newest as u16));
        self.event_position += skipped.saturating_sub(2);
        self.start_row(Arrival { position: newest + skipped, at: now });
    }

    /// Begins at an arrival as if the packets before it had come.
    fn start_row(&mut self, newest: Arrival) {
        self.stray = None;
        self.in_row = true;
        self.top = [newest; REORDERING];
    }
}

/// What an interval counts: the newer half fully, the others less and less (RFC 5348 §5.4).
fn weight(age: usize, depth: usize) -> f64 {
    if age < depth / 2 { 1.0 } else { 2.0 * (depth - age) as f64 / (depth + 2) as f64 }
}

fn weighted<'a>(intervals: impl Iterator<Item = &'a f64>, depth: usize) -> f64 {
    intervals.enumerate().map(|(age, length)| length * weight(age, depth)).sum()
}

impl Default for LossHistory {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
