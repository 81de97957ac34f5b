//! The smallest delay of a probe packet seen of late, on two clocks that are not synchronised.

use core::time::Duration;

use crate::base::Timestamp;

/// The smallest delay is looked for in two windows of this, so that clocks may drift, or of
/// [`WINDOW_ROUNDS`].
const MIN_WINDOW: Duration = Duration::from_secs(15);
/// Round trips in a window: other traffic's queue is empty now and then.
const WINDOW_ROUNDS: u32 = 60;
/// A window is this long at most.
const MAX_WINDOW: Duration = Duration::from_secs(120);
/// While the sender makes a queue itself, perhaps no probe packet finds it empty: the smallest
/// delay of before is remembered for this time.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// Drift of two clocks that is allowed for meanwhile, in parts per million.
const DRIFT_PPM: i128 = 100;

/// A difference of two clocks in nanoseconds, and when it was seen.
#[derive(Copy, Clone, Debug)]
struct Delay {
    nanos: i128,
    at: Timestamp,
}

impl Delay {
    /// What it may have become since.
    fn drifted(self, now: Timestamp) -> i128 {
        let age = now.saturating_since(self.at).as_nanos() as i128;
        self.nanos + age * DRIFT_PPM / 1_000_000
    }
}

/// The smallest delays of two windows, and of before.
#[derive(Copy, Clone, Debug)]
pub(super) struct MinDelay {
    window: Duration,
    /// When the current window began.
    since: Timestamp,
    current: Option<Delay>,
    previous: Option<Delay>,
    /// The smallest before those, while the sender makes a queue.
    kept: Option<Delay>,
    /// It has made one in the current window.
    fair: bool,
}

impl Default for MinDelay {
    fn default() -> Self {
        Self {
            window: MIN_WINDOW,
            since: Timestamp::ZERO,
            current: None,
            previous: None,
            kept: None,
            fair: false,
        }
    }
}

impl MinDelay {
    /// Sets the window by the group's round trip; `fair` while the sender makes a queue itself.
    pub(super) fn remember(&mut self, grtt: Duration, fair: bool) {
        self.window = (grtt * WINDOW_ROUNDS).clamp(MIN_WINDOW, MAX_WINDOW);
        self.fair |= fair;
    }

    /// How much longer than the smallest delay a probe packet was under way, which was `nanos` by
    /// two clocks.
    pub(super) fn note(&mut self, at: Timestamp, nanos: i128) -> Duration {
        if at >= self.since + self.window {
            self.begin_window(at);
        }
        if self.current.is_none_or(|delay| nanos < delay.nanos) {
            self.current = Some(Delay { nanos, at });
        }
        let recent = [self.current, self.previous].into_iter().flatten().map(|delay| delay.nanos);
        let kept = self.kept.map(|delay| delay.drifted(at));
        let smallest = recent.chain(kept).min().unwrap_or(nanos);
        Duration::from_nanos(u64::try_from(nanos - smallest).unwrap_or(0))
    }

    fn begin_window(&mut self, at: Timestamp) {
        let fair = core::mem::take(&mut self.fair);
        let older = [self.kept, self.previous].into_iter().flatten();
        let older = older.filter(|delay| fair && at < delay.at + KEPT_FOR);
        self.kept = older.min_by_key(|delay| delay.drifted(at));
        self.since = at;
        self.previous = self.current.take();
    }
}
