//! How many packets leave at once.

use core::time::Duration;

use crate::base::Timestamp;

/// Packets that leave at once at most.
const MAX_BURST: usize = 64;
/// A burst is this many seconds of the rate at most.
const BURST_TIME: f64 = 0.000_25;
/// Bursts that were shortened may grow again after this time.
const GROWTH_INTERVAL: Duration = Duration::from_secs(5);
/// The same where a receiver's host has dropped packets: long bursts may only have been too much
/// for its socket while a rate probe filled that. Doubles while growth leads to loss, up to the
/// other one.
const SOCKET_GROWTH_INTERVAL: Duration = Duration::from_millis(100);
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

/// Why bursts are too long.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The network has lost packets.
    Loss,
    /// A receiver's host has dropped packets.
    Socket,
    /// Routers have marked packets.
    CeMarked,
}

/// The longest burst, as loss has shaped it.
#[derive(Clone, Debug)]
pub(super) struct Bursts {
    packets: usize,
    grows_at: Timestamp,
    /// Time between two steps of growth where hosts drop packets.
    interval: Duration,
    /// The same now.
    wait: Duration,
    /// They have grown since they were shortened last.
    has_grown: bool,
}

impl Bursts {
    pub(super) fn new(now: Timestamp) -> Self {
        let interval = SOCKET_GROWTH_INTERVAL;
        Self { packets: MAX_BURST, grows_at: now, interval, wait: interval, has_grown: false }
    }

    /// Packets that may leave at once at any rate.
    pub(super) fn longest(&self) -> usize {
        self.packets
    }

    /// Packets of `packet` bytes that may leave at once at `rate` bytes per second.
    pub(super) fn limit(&self, rate: f64, packet: f64) -> usize {
        self.packets.min((rate * BURST_TIME / packet) as usize).max(1)
    }

    /// Packets that may leave at once in quiet intervals.
    pub(super) fn quiet_limit(&self, rate: f64, packet: f64) -> usize {
        self.limit(rate, packet).min(QUIET_BURST.max((rate * QUIET_BURST_TIME / packet) as usize))
    }

    /// Halves bursts that are `current` packets long now, for `cause`; false when they are as short
    /// as they get.
    pub(super) fn shorten(&mut self, now: Timestamp, current: usize, cause: Cause) -> bool {
        let min = if cause == Cause::CeMarked { MIN_BURST_CE } else { MIN_BURST };
        if current <= min {
            return false;
        }
        self.packets = (current / 2).max(min);
        if core::mem::take(&mut self.has_grown) {
            self.interval = (self.interval * 2).min(GROWTH_INTERVAL);
        }
        self.wait = if cause == Cause::Socket { self.interval } else { GROWTH_INTERVAL };
        self.grows_at = now + self.wait;
        true
    }

    /// All arrived: bursts may grow, if they have not for a while.
    pub(super) fn grow(&mut self, now: Timestamp) {
        if now >= self.grows_at && self.packets < MAX_BURST {
            self.packets = (self.packets * 2).min(MAX_BURST);
            self.has_grown = true;
            self.grows_at = now + self.wait;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn bursts_grow_soon_and_later_where_growth_leads_to_loss() {
        let start = Timestamp::ZERO + MS;
        let mut bursts = Bursts::new(start);
        assert_eq!(bursts.limit(1e9, 1400.0), 64);
        assert!(
            bursts.shorten(start, 64, Cause::Socket) && bursts.shorten(start, 32, Cause::Socket)
        );
        bursts.grow(start + MS * 99);
        assert_eq!(bursts.limit(1e9, 1400.0), 16);
        bursts.grow(start + MS * 100);
        assert_eq!(bursts.limit(1e9, 1400.0), 32);
        // That was too much: twice as long passes until the next trial, and again, up to 5 s.
        let mut now = start + MS * 100;
        for wait in [200, 400, 800, 1600, 3200, 5000, 5000] {
            assert!(bursts.shorten(now, 32, Cause::Socket));
            bursts.grow(now + MS * (wait - 1));
            assert_eq!(bursts.limit(1e9, 1400.0), 16);
            now += MS * wait;
            bursts.grow(now);
            assert_eq!(bursts.limit(1e9, 1400.0), 32);
        }
        bursts.grow(now + MS * 5000);
        assert_eq!(bursts.limit(1e9, 1400.0), 64);
        assert!(!bursts.shorten(now, 8, Cause::Loss) && bursts.shorten(now, 8, Cause::CeMarked));
        assert_eq!(bursts.limit(1e9, 1400.0), 4);
        // A queue of the network stays as short as it is.
        bursts.grow(now + MS * 4_999);
        assert_eq!(bursts.limit(1e9, 1400.0), 4);
    }
}
