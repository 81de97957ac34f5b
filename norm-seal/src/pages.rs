//! When the pages of KEYS are sent: all of them again and again, in a small share of the rate.

use core::time::Duration;

use norm_core::Timestamp;

use crate::keys::PAGE_LEN;

/// How fast pages are sent.
#[derive(Copy, Clone, Debug)]
struct Pace {
    /// Bytes a second at least.
    floor: u64,
    /// Share of what else is sent, in percent.
    percent: u64,
    /// Share of the highest rate that it takes at most, in percent.
    most: u64,
    /// From the begin of a round to that of the next one, at least.
    round: Duration,
}

/// While an epoch is new to all.
const AHEAD: Pace =
    Pace { floor: 80_000, percent: 10, most: 50, round: Duration::from_millis(250) };
/// Then: 64 kbit/s or 1 %.
const STEADY: Pace = Pace { floor: 8_000, percent: 1, most: 10, round: Duration::from_secs(1) };
/// Rounds that are sent ahead.
const ROUNDS_AHEAD: u32 = 2;

/// Where the rounds of an epoch are.
#[derive(Debug)]
pub(crate) struct Rounds {
    /// The page that is next.
    page: usize,
    /// Rounds that are over.
    done: u32,
    /// When this one began.
    began: Timestamp,
    /// When the next page is due at the latest.
    next: Timestamp,
    /// When it is due at the earliest: a round has begun a short time ago.
    not_before: Timestamp,
    /// Bytes that the session has sent since the last page.
    sent: u64,
    /// The highest rate of the session, in bytes a second, if it has one.
    rate: Option<u64>,
}

impl Rounds {
    /// Those of an epoch whose first page is due now.
    pub(crate) fn new(now: Timestamp, rate: Option<u64>) -> Self {
        Self { page: 0, done: 0, began: now, next: now, not_before: now, sent: 0, rate }
    }

    /// The highest rate of the session, in bytes a second, if it has one.
    pub(crate) fn rate(&self) -> Option<u64> {
        self.rate
    }

    /// Sets it.
    pub(crate) fn set_rate(&mut self, rate: Option<u64>) {
        self.rate = rate;
    }

    /// True when each page was sent as often as it is to be sent ahead.
    pub(crate) fn are_ahead(&self) -> bool {
        self.done >= ROUNDS_AHEAD
    }

    /// Notes that the session has sent something else.
    pub(crate) fn note_sent(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(bytes as u64);
        if self.sent.saturating_mul(self.pace().percent) >= 100 * PAGE_LEN as u64 {
            self.next = self.not_before;
        }
    }

    /// When a page is due.
    pub(crate) fn next(&self) -> Timestamp {
        self.next
    }

    /// The number of the page that is due, if one is; there are `pages` of them.
    pub(crate) fn poll(&mut self, now: Timestamp, pages: usize) -> Option<usize> {
        if now < self.next {
            return None;
        }
        let page = self.page.min(pages.saturating_sub(1));
        if page == 0 {
            self.began = now;
        }
        let pace = self.pace();
        let most = self.rate.map_or(pace.floor, |rate| (rate * pace.most / 100).max(1));
        let nanos = PAGE_LEN as u64 * 1_000_000_000 / pace.floor.min(most);
        self.next = now + Duration::from_nanos(nanos);
        self.not_before = now;
        self.sent = 0;
        self.page = page + 1;
        if self.page >= pages {
            (self.page, self.done) = (0, self.done.saturating_add(1));
            self.not_before = self.began + pace.round;
            self.next = self.next.max(self.not_before);
        }
        Some(page)
    }

    fn pace(&self) -> Pace {
        if self.are_ahead() { STEADY } else { AHEAD }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::since_epoch(Duration::from_millis(ms))
    }

    /// When pages are sent in the first milliseconds while each of them brings `sent` other bytes.
    fn sent(pages: usize, until: u64, sent: usize) -> Vec<(u64, usize)> {
        let mut rounds = Rounds::new(at(0), None);
        let mut all = Vec::new();
        for ms in 0..until {
            rounds.note_sent(sent);
            all.extend(rounds.poll(at(ms), pages).map(|page| (ms, page)));
        }
        all
    }

    #[test]
    fn one_page_is_sent_twice_at_once_and_then_each_second() {
        let times: Vec<u64> = sent(1, 4_000, 100_000).iter().map(|(ms, _)| *ms).collect();
        assert_eq!(times, [0, 250, 500, 1_500, 2_500, 3_500]);
    }

    #[test]
    fn pages_take_half_of_a_low_rate_while_they_are_new_and_a_tenth_then() {
        // 80 kbit/s.
        let mut rounds = Rounds::new(at(0), Some(10_000));
        let times: Vec<u64> =
            (0..600_000).filter(|&ms| rounds.poll(at(ms), 100).is_some()).collect();
        let new = times.iter().filter(|&&ms| ms < 40_000).count() * PAGE_LEN;
        assert!((199_000..=201_500).contains(&new), "{new} bytes in 40 s");
        let steady = times.iter().filter(|&&ms| ms >= 500_000).count() * PAGE_LEN;
        assert!((98_000..=101_500).contains(&steady), "{steady} bytes in 100 s");
    }

    #[test]
    fn many_pages_take_a_share_of_the_rate_or_the_least_rate() {
        // 800 kbit/s: 64 kbit/s are more than one percent. 7 pages a second after the first rounds.
        let slow = sent(100, 20_000, 100);
        let steady = slow.iter().filter(|(ms, _)| *ms >= 10_000).count();
        assert!((66..=69).contains(&steady), "{steady} pages in 10 s");
        // 100 Mbit/s: one percent are 105 pages a second.
        let fast = sent(770, 20_000, 12_500);
        let steady = fast.iter().filter(|(ms, _)| *ms >= 10_000).count();
        assert!((1_000..=1_060).contains(&steady), "{steady} pages in 10 s");
        // Two rounds in the first two seconds: ten percent.
        assert!(fast.iter().filter(|(ms, _)| *ms < 2_000).count() >= 1_540);
        for pair in fast.windows(2) {
            assert_eq!((pair[0].1 + 1) % 770, pair[1].1, "round and round");
        }
    }
}
