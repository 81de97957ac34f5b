//! Bounds of a rate, and the rate that a session begins with.

use core::time::Duration;

/// Packets that a session begins with in one round trip (RFC 6928).
const FIRST_WINDOW: f64 = 10.0;
/// The rate that a session begins with at most, in bytes per second: 1 Mbit/s. RFC 5740 has one
/// packet per GRTT or per second.
pub(super) const FIRST_RATE: f64 = 125_000.0;

/// Bounds of a rate in bytes per second, headers included.
#[derive(Copy, Clone, Debug)]
pub struct RateLimits {
    /// The lowest rate.
    pub min: f64,
    /// The highest rate.
    pub max: f64,
}

impl RateLimits {
    /// The rate within the bounds.
    pub(super) fn bounded(self, rate: f64) -> f64 {
        rate.min(self.max).max(self.min.min(self.max))
    }

    /// What to begin with, for packets of `packet` bytes and a round trip that was measured or
    /// guessed.
    pub(super) fn first_rate(self, packet: f64, rtt: Duration) -> f64 {
        let window = FIRST_WINDOW * packet / rtt.as_secs_f64().max(1e-4);
        self.bounded(window.min(FIRST_RATE))
    }
}
