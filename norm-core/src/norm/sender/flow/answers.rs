//! What the answers of receivers tell besides their content: how fast they take what is sent, and how
//! long an answer takes.

use core::time::Duration;

use crate::base::Timestamp;

/// Without a rate, this much is sent ahead at most: more would only wait in buffers, and repair behind it.
pub(crate) const MOST_UNPACED: u64 = 4 << 20;
/// This much may always be.
pub(crate) const LEAST_UNPACED: u64 = 512 << 10;
/// In between, what waits in buffers is taken within this time: it hides that threads run in turns, and
/// all round trips are longer by as much.
const QUEUED: Duration = Duration::from_millis(5);
/// How fast a receiver is, is measured over this time at least.
const PACE_TIME: Duration = Duration::from_millis(2);

/// How fast a receiver takes what is sent, by its answers.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Pace {
    /// When the answer came from which it is measured now, and what had been sent when that was asked for.
    since: Option<(Timestamp, u64)>,
    /// Bytes per second; 0 while it is not known.
    rate: u64,
    /// The shortest time that an answer has taken.
    shortest: Option<Duration>,
}

impl Pace {
    /// An answer to a question asked at `asked_at`, when `sent` bytes had been sent.
    pub(crate) fn note(&mut self, now: Timestamp, asked_at: Timestamp, sent: u64) {
        let took = now.saturating_since(asked_at);
        self.shortest = Some(self.shortest.map_or(took, |shortest| shortest.min(took)));
        let Some((since, before)) = self.since else {
            self.since = Some((now, sent));
            return;
        };
        let time = now.saturating_since(since);
        if time < PACE_TIME || sent <= before {
            return;
        }
        let bytes = u128::from(sent - before) * 1_000_000_000 / time.as_nanos().max(1);
        let rate = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.rate = if self.rate == 0 { rate } else { self.rate / 4 * 3 + rate / 4 };
        self.since = Some((now, sent));
    }

    /// Bytes that it takes in [`QUEUED`], and in two round trips; all while that is not known.
    pub(crate) fn ahead(&self) -> u64 {
        let Some(shortest) = self.shortest.filter(|_| self.rate > 0) else { return MOST_UNPACED };
        let time = QUEUED + shortest * 2;
        let bytes = u128::from(self.rate) * time.as_nanos() / 1_000_000_000;
        u64::try_from(bytes).unwrap_or(u64::MAX).clamp(LEAST_UNPACED, MOST_UNPACED)
    }
}

/// How long answers take, smoothed as RFC 6298 does for round trips.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct AnswerTime(Option<Smoothed>);

#[derive(Copy, Clone, Debug)]
struct Smoothed {
    mean: Duration,
    deviation: Duration,
}

impl AnswerTime {
    /// An answer came after so long.
    pub(crate) fn note(&mut self, took: Duration) {
        let Some(Smoothed { mean, deviation }) = &mut self.0 else {
            self.0 = Some(Smoothed { mean: took, deviation: took / 2 });
            return;
        };
        *deviation = (*deviation * 3 + mean.abs_diff(took)) / 4;
        *mean = (*mean * 7 + took) / 8;
    }

    /// After this nearly every answer has come; `None` before there was any.
    pub(crate) fn longest(&self) -> Option<Duration> {
        self.0.map(|smoothed| smoothed.mean + smoothed.deviation * 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_overdue_when_it_takes_much_longer_than_others() {
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
