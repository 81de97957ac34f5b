//! What must hold in every run, whatever the scenario.

use core::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::MAX_BATCH_BYTES;

/// The sender never sends faster than it was told: a leaky bucket over all its packets.
#[derive(Debug)]
pub(crate) struct RateCheck {
    bytes_per_second: Option<f64>,
    overhead: usize,
    level: f64,
    at: Timestamp,
}

/// Time whose worth of bytes may be caught up after a late timer.
const SLACK: Duration = Duration::from_millis(3);

impl RateCheck {
    pub(crate) fn new(bits_per_second: Option<u64>, overhead: usize) -> Self {
        let bytes_per_second = bits_per_second.map(|bits| bits as f64 / 8.0);
        Self { bytes_per_second, overhead, level: 0.0, at: Timestamp::ZERO }
    }

    /// Notes a packet.
    ///
    /// # Panics
    /// When the rate is exceeded.
    pub(crate) fn sent(&mut self, now: Timestamp, bytes: usize) {
        let Some(rate) = self.bytes_per_second else { return };
        let passed = now.saturating_since(self.at).as_secs_f64();
        self.at = now;
        self.level = (self.level - passed * rate).max(0.0) + (bytes + self.overhead) as f64;
        let limit = rate * SLACK.as_secs_f64() + MAX_BATCH_BYTES as f64;
        assert!(self.level <= limit, "rate exceeded at {now:?}: {} bytes ahead", self.level);
    }
}

/// After an engine was served there is nothing left that was due.
///
/// # Panics
/// When a timer lies in the past: a driver would spin.
pub(crate) fn check_timer(now: Timestamp, timeout: Option<Timestamp>, who: &str) {
    if let Some(timeout) = timeout {
        assert!(timeout > now, "{who}: timer in the past ({timeout:?} at {now:?})");
    }
}
