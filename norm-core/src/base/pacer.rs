//! Keeps the sending rate at or below its limit.

use core::time::Duration;

use crate::base::Timestamp;

/// A token bucket that answers "may I send now?" and "when may I?".
///
/// The bucket holds [`Pacer::BURST`] of the rate: enough to hide a timer of millisecond grain,
/// little enough for a switch's queue.
#[derive(Clone, Debug)]
pub struct Pacer {
    /// Bytes per second; `None` is as fast as the socket takes it.
    rate: Option<u64>,
    next: Timestamp,
}

impl Pacer {
    /// How much unused time may be caught up in one go.
    pub const BURST: Duration = Duration::from_millis(2);

    /// A pacer for `bits_per_second`; `None` does not pace. A rate below 8 bit/s counts as 8.
    pub fn new(bits_per_second: Option<u64>, now: Timestamp) -> Self {
        Self { rate: bits_per_second.map(|bits| (bits / 8).max(1)), next: now }
    }

    /// Changes the rate from `now` on; what is left of a wait becomes shorter or longer with it.
    pub fn set_rate(&mut self, bits_per_second: Option<u64>, now: Timestamp) {
        let new = bits_per_second.map(|bits| (bits / 8).max(1));
        if let (Some(old), Some(new)) = (self.rate, new)
            && old != new
            && self.next > now
        {
            let left = self.next.saturating_since(now).as_secs_f64() * old as f64 / new as f64;
            self.next = now + Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
        }
        self.rate = new;
    }

    /// True when a packet may leave.
    pub fn ready(&self, now: Timestamp) -> bool {
        self.rate.is_none() || self.next <= now
    }

    /// The earliest moment at which a packet may leave.
    pub fn next(&self) -> Timestamp {
        if self.rate.is_some() { self.next } else { Timestamp::ZERO }
    }

    /// Notes that `bytes` have left.
    pub fn spent(&mut self, now: Timestamp, bytes: usize) {
        if let Some(rate) = self.rate {
            let nanos = bytes as u128 * 1_000_000_000 / u128::from(rate);
            let gap = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
            self.next = self.next.max(now - Self::BURST) + gap;
        }
    }

    /// How many packets of `size` bytes may leave already, at most those of [`Pacer::BURST`]. They
    /// follow each other at once, in one batch or in several.
    pub fn overdue(&self, now: Timestamp, size: usize) -> usize {
        self.rate.map_or(0, |rate| {
            let late = now.saturating_since(self.next).min(Self::BURST);
            (late.as_secs_f64() * rate as f64 / size.max(1) as f64) as usize
        })
    }

    /// How many packets of `size` bytes a batch of about a millisecond has; at least one.
    pub fn batch(&self, size: usize) -> usize {
        self.rate.map_or(usize::MAX, |rate| (rate / 1000) as usize / size.max(1)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_stays_at_the_rate_and_late_callers_catch_up_little() {
        let mut now = Timestamp::ZERO + Duration::from_secs(5);
        let mut pacer = Pacer::new(Some(8_000_000), now);
        let mut sent = 0;
        let start = now;
        while now.saturating_since(start) < Duration::from_secs(1) {
            while pacer.ready(now) {
                pacer.spent(now, 1000);
                sent += 1000;
            }
            now += Duration::from_millis(1);
        }
        assert!((990_000..=1_004_000).contains(&sent), "{sent}");
        now += Duration::from_secs(60);
        let mut burst = 0;
        while pacer.ready(now) {
            pacer.spent(now, 1000);
            burst += 1000;
        }
        assert!(burst <= 4000, "{burst}");
    }

    #[test]
    fn what_is_overdue_is_what_may_leave_already() {
        let start = Timestamp::ZERO + Duration::from_secs(5);
        let mut pacer = Pacer::new(Some(8_000_000), start);
        assert_eq!(pacer.overdue(start, 100), 0);
        // A byte takes a microsecond.
        for (late, overdue) in [(250, 2), (1_000, 10), (2_000, 20), (60_000_000, 20)] {
            let now = start + Duration::from_micros(late);
            assert_eq!(pacer.overdue(now, 100), overdue);
        }
        let now = start + Duration::from_secs(60);
        let overdue = pacer.overdue(now, 100);
        let mut sent = 0;
        while pacer.ready(now) {
            pacer.spent(now, 100);
            sent += 1;
        }
        // One more makes the others wait.
        assert_eq!(sent, overdue + 1);
        assert_eq!(Pacer::new(None, start).overdue(now, 100), 0);
    }

    #[test]
    fn batches_last_a_millisecond() {
        assert_eq!(Pacer::new(Some(100_000_000), Timestamp::ZERO).batch(1364), 9);
        assert_eq!(Pacer::new(Some(64_000), Timestamp::ZERO).batch(1364), 1);
        assert_eq!(Pacer::new(None, Timestamp::ZERO).batch(1364), usize::MAX);
    }
}
