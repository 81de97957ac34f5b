//! What the answers of receivers tell besides their content: how fast they take what is sent, and
//! how long an answer takes.

use core::time::Duration;

use crate::base::Timestamp;

/// Most bytes that are sent ahead without a rate: more would only wait in buffers, and repair after
/// it.
pub(super) const MAX_UNPACED: u64 = 4 << 20;
/// Bytes that may always be sent ahead.
pub(super) const MIN_UNPACED: u64 = 512 << 10;
/// Between these bounds, what waits in buffers is taken within this time: it hides that threads
/// take turns, and makes all round trips longer by as much.
const BUFFER_TIME: Duration = Duration::from_millis(5);
/// Shortest time over which the pace of a receiver is measured.
const MIN_PACE_TIME: Duration = Duration::from_millis(2);

/// How fast a receiver takes what is sent, by its answers.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Pace {
    /// The answer from which it is measured now.
    since: Option<Mark>,
    /// Bytes per second; 0 while it is not known.
    rate: u64,
    /// The shortest time that an answer has taken.
    shortest: Option<Duration>,
}

/// An answer, for the next one to be compared with.
#[derive(Copy, Clone, Debug)]
struct Mark {
    /// When it came.
    at: Timestamp,
    /// Bytes that had been sent when it was asked for.
    sent: u64,
}

impl Pace {
    /// An answer to a question asked at `asked_at`, when `sent` bytes had been sent.
    pub(super) fn note(&mut self, now: Timestamp, asked_at: Timestamp, sent: u64) {
        let took = now.saturating_since(asked_at);
        self.shortest = Some(self.shortest.map_or(took, |shortest| shortest.min(took)));
        let Some(since) = self.since else {
            self.since = Some(Mark { at: now, sent });
            return;
        };
        let time = now.saturating_since(since.at);
        if time < MIN_PACE_TIME || sent <= since.sent {
            return;
        }
        let bytes = u128::from(sent - since.sent) * 1_000_000_000 / time.as_nanos().max(1);
        let rate = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.rate = if self.rate == 0 { rate } else { self.rate / 4 * 3 + rate / 4 };
        self.since = Some(Mark { at: now, sent });
    }

    /// The shortest time that an answer has taken; zero while that is not known.
    pub(super) fn shortest(&self) -> Duration {
        self.shortest.unwrap_or_default()
    }

    /// Bytes that it takes in [`BUFFER_TIME`] and two round trips; the most while that is not
    /// known.
    pub(super) fn ahead(&self) -> u64 {
        let Some(shortest) = self.shortest.filter(|_| self.rate > 0) else { return MAX_UNPACED };
        bytes_in(self.rate, BUFFER_TIME + shortest * 2).clamp(MIN_UNPACED, MAX_UNPACED)
    }
}

/// Bytes that may wait in buffers at a controlled rate, in bytes per second.
pub(super) fn ahead(rate: u64) -> u64 {
    bytes_in(rate, BUFFER_TIME).max(MIN_UNPACED)
}

/// Bytes in a time at a rate in bytes per second.
pub(super) fn bytes_in(rate: u64, time: Duration) -> u64 {
    let bytes = u128::from(rate) * time.as_nanos() / 1_000_000_000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// How long answers take, smoothed as RFC 6298 does for round trips.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct AnswerTime(Option<Smoothed>);

#[derive(Copy, Clone, Debug)]
struct Smoothed {
    mean: Duration,
    deviation: Duration,
}

impl AnswerTime {
    /// An answer took this long.
    pub(super) fn note(&mut self, took: Duration) {
        let Some(Smoothed { mean, deviation }) = &mut self.0 else {
            self.0 = Some(Smoothed { mean: took, deviation: took / 2 });
            return;
        };
        *deviation = (*deviation * 3 + mean.abs_diff(took)) / 4;
        *mean = (*mean * 7 + took) / 8;
    }

    /// Time in which nearly every answer has come; `None` before there was any.
    pub(super) fn longest(&self) -> Option<Duration> {
        self.0.map(|smoothed| smoothed.mean + smoothed.deviation * 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_is_overdue_when_it_takes_much_longer_than_others() {
        const MS: Duration = Duration::from_millis(1);
        let mut time = AnswerTime::default();
        assert_eq!(time.longest(), None);
        time.note(MS * 4);
        assert_eq!(time.longest(), Some(MS * 12));
        (0..100).for_each(|_| time.note(MS * 4));
        let steady = time.longest().unwrap();
        assert!(steady >= MS * 4 && steady < MS * 5, "{steady:?}");
        time.note(MS * 40);
        assert!(time.longest().unwrap() > MS * 40);
    }
}
