//! What an application tells all receivers for as long as the session lasts: commands that are sent
//! again and again (CMD(APPLICATION), RFC 5740 §4.2.3.7).

use core::time::Duration;

use bytes::Bytes;

use crate::base::Timestamp;

/// Rounds after news that follow each other soon.
const SOON: u32 = 3;
/// Shortest time between these.
const MIN_SOON_GAP: Duration = Duration::from_millis(50);
/// Time between later rounds, for receivers that came late or have missed it.
const GAP: Duration = Duration::from_secs(1);
/// Time between two notices of one round.
const NOTICE_GAP: Duration = Duration::from_millis(5);

/// The notices, and when the next one is due. A round is all of them, each once.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    notices: Vec<Bytes>,
    /// The one that is next.
    at: usize,
    /// Rounds since there was news.
    rounds: u32,
    next: Timestamp,
}

impl Notices {
    /// Takes all notices; earlier ones are no longer sent.
    pub(super) fn set(&mut self, notices: Vec<Bytes>, now: Timestamp) {
        // Not from the start, or many changes in a row would keep the last ones from being sent.
        self.at = if self.at < notices.len() { self.at } else { 0 };
        if self.notices.is_empty() {
            self.next = now;
        }
        self.notices = notices;
        self.hurry(now);
    }

    /// Tells all of it anew.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        self.rounds = 0;
        self.next = self.next.min(now);
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        (!self.notices.is_empty()).then_some(self.next)
    }

    /// Takes the next one, if it is due.
    pub(crate) fn take(&mut self, now: Timestamp, grtt: Duration) -> Option<Bytes> {
        let notice = self.notices.get(self.at).filter(|_| self.next <= now)?.clone();
        self.at += 1;
        self.next = now + NOTICE_GAP;
        if self.at >= self.notices.len() {
            self.at = 0;
            self.rounds += 1;
            let soon = (grtt * 2).clamp(MIN_SOON_GAP, GAP);
            self.next = now + if self.rounds < SOON { soon } else { GAP };
        }
        Some(notice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRTT: Duration = Duration::from_millis(10);

    fn at(millis: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(millis)
    }

    /// When each notice was sent until `end`, in milliseconds, and which.
    fn sent(notices: &mut Notices, end: u64) -> Vec<(u64, u8)> {
        let mut sent = Vec::new();
        while let Some(next) = notices.next().filter(|&next| next < at(end)) {
            let notice = notices.take(next, GRTT).unwrap();
            sent.push(((next.saturating_since(at(0))).as_millis() as u64, notice[0]));
        }
        sent
    }

    fn of(numbers: &[u8]) -> Vec<Bytes> {
        numbers.iter().map(|&n| Bytes::copy_from_slice(&[n])).collect()
    }

    #[test]
    fn news_are_told_three_times_and_then_each_second() {
        let mut notices = Notices::default();
        assert_eq!(notices.next(), None);
        notices.set(of(&[7]), at(1_000));
        assert_eq!(notices.take(at(999), GRTT), None);
        let times: Vec<u64> = sent(&mut notices, 4_000).iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [1_000, 1_050, 1_100, 2_100, 3_100]);
        notices.hurry(at(4_000));
        let times: Vec<u64> = sent(&mut notices, 5_000).iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [4_000, 4_050, 4_100]);
    }

    #[test]
    fn all_of_many_are_told_although_there_is_news_all_the_time() {
        let mut notices = Notices::default();
        let mut told = Vec::new();
        for change in 0..6 {
            notices.set(of(&[1, 2, 3, 4, 5]), at(change * 10));
            told.extend(sent(&mut notices, change * 10 + 10).iter().map(|(_, n)| *n));
        }
        assert_eq!(told[..10], [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
    }
}
