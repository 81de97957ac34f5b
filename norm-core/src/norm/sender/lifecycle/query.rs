//! When receivers are asked to report: the membership query.

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::sender::config::SenderConfig;

/// Time in which an unannounced receiver is queried.
const UNANNOUNCED_QUERY_AFTER: Duration = Duration::from_millis(100);
/// Time for which an unannounced receiver keeps the session open.
const UNANNOUNCED_GRACE: Duration = Duration::from_secs(1);
/// Longest time after everything was sent for which unannounced receivers keep the session open.
const MAX_UNANNOUNCED_GRACE: Duration = Duration::from_secs(5);
/// Most reports in a second that a query may cause.
const MAX_REPORTS_PER_SECOND: u32 = 2_000;
/// Time from the start for which queries are [`FIRST_INTERVAL`] apart at most.
const FIRST_TIME: Duration = Duration::from_millis(700);
/// Time after each of the first queries.
const FIRST_INTERVAL: Duration = Duration::from_millis(250);
/// Times after the very first queries, when receivers are waited for: these are probably there, and
/// a packet may be lost.
const HASTY_INTERVALS: [Duration; 5] = [
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(80),
    Duration::from_millis(100),
];
/// Time between two later queries.
const INTERVAL: Duration = Duration::from_secs(1);
/// While content flows, the next query comes after this many times the time that reports take: no
/// receiver is given up then, and reports cost the sender time that it needs for content.
const SPARSE_FACTOR: u32 = 16;
/// Shortest time between two queries while receivers are there, and content waits for what they
/// answer. On lossy paths a query, a probe or an answer is lost in most starts.
const OPENING_INTERVAL: Duration = Duration::from_millis(10);
/// Queries that follow soon after a receiver has come that is waited for.
const MAX_REPEATS: u32 = 3;
/// Queries without news after which the group is counted.
const QUERIES_TO_COUNT: u32 = 2;
/// Shortest time per receiver over which the reports after the first queries spread, when receivers
/// are waited for.
const FIRST_SPREAD: Duration = Duration::from_millis(2);
/// Fewest receivers that [`FIRST_SPREAD`] is multiplied with.
const MIN_FIRST_RECEIVERS: u32 = 2;
/// Most receivers that [`FIRST_SPREAD`] is multiplied with.
const MAX_FIRST_RECEIVERS: u32 = 10;
/// Shortest time over which reports spread, unless two round trips are shorter.
const MIN_SPREAD: Duration = Duration::from_millis(100);

/// The schedule of membership queries.
#[derive(Debug)]
pub(super) struct QuerySchedule {
    /// Queries are sent at all.
    enabled: bool,
    /// Receivers that are waited for before content flows: as many will answer the first query.
    expected: u32,
    began: Timestamp,
    next: Timestamp,
    /// The regular time between the last query and the next.
    interval: Duration,
    /// When the last query was sent.
    sent_at: Timestamp,
    /// Time over which the reports after the last query spread.
    spread: Duration,
    /// Queries that follow soon, because the reports of receivers that are waited for may be lost.
    repeats: u32,
    /// When the last query is answered by receivers that have heard it.
    answer_by: Timestamp,
    /// While content flowed to a large group, queries were further apart.
    sparse: bool,
    round: u16,
    /// When the last query without news is answered.
    answered_at: Timestamp,
    /// Queries since a new receiver came.
    without_news: u32,
    /// When feedback last came from an unannounced receiver.
    unannounced_at: Option<Timestamp>,
}

impl QuerySchedule {
    pub(super) fn new(config: &SenderConfig, now: Timestamp) -> Self {
        Self {
            enabled: config.mode.sends_queries(),
            expected: u32::try_from(config.min_receivers).unwrap_or(u32::MAX),
            began: now,
            next: now,
            interval: Duration::ZERO,
            sent_at: now,
            spread: Duration::ZERO,
            repeats: 0,
            answer_by: now,
            sparse: false,
            round: 0,
            answered_at: now,
            without_news: 0,
            unannounced_at: None,
        }
    }

    /// When the next query is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.enabled.then_some(self.next)
    }

    /// A query is due.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.enabled && now >= self.next
    }

    /// Number of the last query.
    pub(super) fn round(&self) -> u16 {
        self.round
    }

    /// The regular time between two queries.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// While content flowed to a large group, queries were further apart, or there were none: a
    /// receiver had no occasion to speak.
    pub(super) fn is_sparse(&self) -> bool {
        self.sparse
    }

    /// When feedback last came from an unannounced receiver.
    pub(super) fn unannounced_at(&self) -> Option<Timestamp> {
        self.unannounced_at
    }

    /// True when the last queries have found no new receiver.
    pub(super) fn is_counted(&self) -> bool {
        self.without_news >= QUERIES_TO_COUNT
    }

    /// A query is sent to `listed` receivers; `flowing` while content flows for the first time.
    /// Returns the time over which receivers spread their answers.
    pub(super) fn sent(
        &mut self,
        now: Timestamp,
        grtt: Duration,
        listed: usize,
        flowing: bool,
    ) -> Duration {
        self.round = self.round.wrapping_add(1);
        let is_regular = now >= self.began + FIRST_TIME;
        let hurry = self.expected > 0 && !is_regular;
        let first = FIRST_SPREAD * self.expected.clamp(MIN_FIRST_RECEIVERS, MAX_FIRST_RECEIVERS);
        let shortest = if hurry { first } else { MIN_SPREAD };
        let spread = self.report_time(listed).max((grtt * 2).min(shortest));
        let hasty = HASTY_INTERVALS.get(usize::from(self.round.wrapping_sub(1))).filter(|_| hurry);
        let interval = if is_regular { INTERVAL } else { FIRST_INTERVAL };
        let interval = hasty.copied().unwrap_or(interval);
        self.interval = interval.max(spread * 4);
        let sparse = self.sparse_interval(listed).filter(|_| self.round > 1 && flowing);
        self.sparse |= sparse.is_some();
        self.sent_at = now;
        self.next = now + sparse.unwrap_or(self.interval);
        self.spread = spread;
        self.answer_by = now + spread + grtt * 2;
        if self.repeats > 0 && !flowing && listed < self.expected as usize {
            self.repeats -= 1;
            self.next = self.next.min(self.answered(grtt, OPENING_INTERVAL));
        }
        if !self.is_counted() {
            self.without_news += 1;
            self.answered_at = self.answer_by;
        }
        spread
    }

    /// The time that reports take at the highest rate of reports.
    fn report_time(&self, listed: usize) -> Duration {
        let listed = u32::try_from(listed).unwrap_or(u32::MAX);
        Duration::from_secs(1) * listed.max(self.expected) / MAX_REPORTS_PER_SECOND
    }

    /// The time after a query while content flows to a large group.
    fn sparse_interval(&self, listed: usize) -> Option<Duration> {
        let sparse = self.report_time(listed) * SPARSE_FACTOR;
        Some(sparse).filter(|&sparse| sparse > self.interval.max(INTERVAL))
    }

    /// When the last query is answered, and not sooner than this after it.
    fn answered(&self, grtt: Duration, shortest: Duration) -> Timestamp {
        self.sent_at + shortest.max(self.spread + grtt * 2)
    }

    /// One of the receivers that are waited for has come: others may have, too, whose reports were
    /// lost. They are asked again when the last query is answered.
    pub(super) fn note_gathered(&mut self, grtt: Duration) {
        self.repeats = MAX_REPEATS;
        self.hasten(grtt);
    }

    /// All receivers have come that were waited for, and content flows. A large group is thereby
    /// counted, and not queried again soon.
    pub(super) fn begin(&mut self, listed: usize) {
        self.repeats = 0;
        if let Some(sparse) = self.sparse_interval(listed).filter(|_| self.enabled) {
            self.next = self.sent_at + sparse;
            self.sparse = true;
            self.without_news = QUERIES_TO_COUNT;
        }
    }

    /// Everything was sent: from now on receivers may be given up, so queries come regularly.
    pub(super) fn note_all_sent(&mut self, now: Timestamp) {
        let mut regular = self.sent_at + self.interval;
        if self.sparse && self.is_counted() {
            // Confirmations tell as much, and most will have come by then.
            regular = regular.max(now + self.interval / 4);
        }
        self.next = self.next.min(regular);
    }

    /// Time over which receivers spread their answers to the last query.
    pub(super) fn spread(&self) -> Duration {
        self.spread
    }

    /// The next query comes as soon as the last one is answered: content waits for it.
    pub(super) fn hasten(&mut self, grtt: Duration) {
        self.next = self.next.min(self.answered(grtt, OPENING_INTERVAL));
    }

    /// The next query comes as soon as the last one is answered, and not sooner than the first
    /// queries do.
    pub(super) fn press(&mut self, grtt: Duration) {
        self.next = self.next.min(self.answered(grtt, FIRST_INTERVAL));
    }

    /// A query is due now.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        self.next = now;
    }

    /// When receivers that have heard it have answered the query after the one with this number;
    /// `None` until that is sent. Without queries there is nothing to wait for.
    pub(super) fn answer_by(&self, after: u16) -> Option<Timestamp> {
        (self.round != after || !self.enabled).then_some(self.answer_by)
    }

    /// A receiver was heard for the first time: there may be more.
    pub(super) fn note_newcomer(&mut self, now: Timestamp) {
        // An answer to the first query is no surprise.
        if self.round > 1 || now >= self.answered_at {
            self.without_news = self.without_news.min(QUERIES_TO_COUNT - 1);
        }
    }

    /// An unannounced receiver speaks; it is queried soon if `ask`.
    pub(super) fn note_unannounced(&mut self, now: Timestamp, ask: bool) {
        self.unannounced_at = Some(now);
        if ask {
            self.next = self.next.min(now + UNANNOUNCED_QUERY_AFTER);
        }
    }

    /// True when all receivers that are there have had the time to report: `robust` is the time of
    /// the RFC's robust factor.
    pub(super) fn is_answered(
        &self,
        now: Timestamp,
        robust: Duration,
        all_sent: Timestamp,
    ) -> bool {
        if !self.enabled {
            return now >= all_sent + robust.max(UNANNOUNCED_GRACE);
        }
        let waits = self.unannounced_at.is_some_and(|at| now < at + UNANNOUNCED_GRACE);
        let late = now >= all_sent + MAX_UNANNOUNCED_GRACE;
        self.is_counted() && now >= self.answered_at && (late || !waits)
    }
}

#[cfg(test)]
mod tests;
