//! How many packets leave at once.

use core::time::Duration;

use crate::base::Timestamp;

/// Packets that leave at once at most.
const MAX_BURST: usize = 64;
/// A burst is this many seconds of the rate at most.
const BURST_TIME: f64 = 0.000_25;
/// Bursts that were shortened may grow again after this time.
const GROWTH_INTERVAL: Duration = Duration::from_secs(5);
/// Bursts are not shortened below this many packets.
const MIN_BURST: usize = 8;
/// Bursts are not shortened below this many packets where routers mark: their queues are to be
/// short.
const MIN_BURST_CE: usize = 4;
/// Packets that leave at once in quiet intervals at most, so that bursts add nothing to the loss
/// that is measured there.
const QUIET_BURST: usize = 4;
/// A burst in quiet intervals may be this many seconds of the rate: on a fast path, four packets
/// each would keep the host busy.
const QUIET_BURST_TIME: f64 = 0.000_05;

/// The longest burst, as loss has shaped it.
#[derive(Clone, Debug)]
pub(super) struct Bursts {
    packets: usize,
    grows_at: Timestamp,
}

impl Bursts {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { packets: MAX_BURST, grows_at: now }
    }

    /// Packets of `packet` bytes that may leave at once at `rate` bytes per second.
    pub(super) fn limit(&self, rate: f64, packet: f64) -> usize {
        self.packets.min((rate * BURST_TIME / packet) as usize).max(1)
    }

    /// Packets that may leave at once in quiet intervals.
    pub(super) fn quiet_limit(&self, rate: f64, packet: f64) -> usize {
        self.limit(rate, packet).min(QUIET_BURST.max((rate * QUIET_BURST_TIME / packet) as usize))
    }

    /// Halves bursts that are `current` packets long now; false when they are as short as they get.
    pub(super) fn shorten(&mut self, now: Timestamp, current: usize, ce_marked: bool) -> bool {
        let min = if ce_marked { MIN_BURST_CE } else { MIN_BURST };
        if current <= min {
            return false;
        }
        self.packets = (current / 2).max(min);
        self.grows_at = now + GROWTH_INTERVAL;
        true
    }

    /// All arrived: bursts may grow, if they have not for a while.
    pub(super) fn grow(&mut self, now: Timestamp) {
        if now >= self.grows_at && self.packets < MAX_BURST {
            self.packets *= 2;
            self.grows_at = now + GROWTH_INTERVAL;
        }
    }
}
