//! The sender's estimate of the group's greatest round trip (RFC 5740 §5.5.1).

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::sender::config::GrttOptions;
use crate::norm::wire::QuantizedRtt;

/// Follows rises at once and falls slowly, probe by probe.
#[derive(Debug)]
pub(super) struct Grtt {
    estimate: Duration,
    advertised: QuantizedRtt,
    /// What the advertised one decodes to; to decode takes time.
    decoded: Duration,
    measured: bool,
    peak: Duration,
    decay_at: Timestamp,
    /// The most that the estimate may rise to before the next tick.
    ceiling: Duration,
    min: Duration,
}

/// A longer sample is taken for an error or a lie.
const MAX_SAMPLE: Duration = Duration::from_secs(15);
/// A rise of this much is always possible.
const HEADROOM: Duration = Duration::from_millis(50);
/// Time between two falls of the estimate.
const DECAY_INTERVAL: Duration = Duration::from_millis(250);

impl Grtt {
    pub(super) fn new(options: &GrttOptions, now: Timestamp) -> Self {
        let advertised = QuantizedRtt::from_duration(options.initial);
        Self {
            estimate: options.initial,
            advertised,
            decoded: advertised.to_duration(),
            measured: false,
            peak: Duration::ZERO,
            decay_at: now + DECAY_INTERVAL,
            ceiling: options.initial * 2,
            min: options.min,
        }
    }

    /// The value in the header of each message.
    pub(super) fn advertised(&self) -> QuantizedRtt {
        self.advertised
    }

    /// The value that both sides' timers use: what the advertised one decodes to.
    pub(super) fn get(&self) -> Duration {
        self.decoded
    }

    /// True when there was a sample; before, the estimate is a guess.
    pub(super) fn is_measured(&self) -> bool {
        self.measured
    }

    /// Takes one measured round trip.
    ///
    /// Any receiver may claim a long one, so the estimate at most doubles (and a little) between
    /// two falls: what is true is said again.
    pub(super) fn sample(&mut self, rtt: Duration) {
        if rtt > MAX_SAMPLE {
            return;
        }
        self.peak = self.peak.max(rtt);
        if !self.measured {
            // The initial value is a guess; a measurement beats it.
            self.measured = true;
            self.set(rtt.min(self.estimate * 2));
        } else if rtt > self.estimate {
            let raised = self.estimate / 4 + rtt * 3 / 4;
            self.set(raised.min(self.ceiling));
        }
    }

    /// Lets the estimate fall towards the recent peak when it is time.
    pub(super) fn tick(&mut self, now: Timestamp) {
        if now < self.decay_at {
            return;
        }
        self.decay_at = now + DECAY_INTERVAL;
        if !self.peak.is_zero() && self.peak < self.estimate {
            self.set(self.peak.max(self.estimate * 3 / 4));
        }
        self.peak = Duration::ZERO;
        self.ceiling = self.estimate * 2 + HEADROOM;
    }

    fn set(&mut self, estimate: Duration) {
        self.estimate = estimate.max(self.min);
        self.advertised = QuantizedRtt::from_duration(self.estimate);
        self.decoded = self.advertised.to_duration();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grtt(now: Timestamp) -> Grtt {
        let min = Duration::from_millis(1);
        Grtt::new(&GrttOptions { initial: Duration::from_millis(500), min }, now)
    }

    #[test]
    fn estimate_rises_at_once_and_falls_slowly_with_samples() {
        let mut now = Timestamp::ZERO;
        let mut grtt = grtt(now);
        grtt.sample(Duration::from_millis(10));
        assert!(grtt.get() < Duration::from_millis(12));
        now += DECAY_INTERVAL;
        grtt.tick(now);
        grtt.sample(Duration::from_millis(60));
        assert!(grtt.get() > Duration::from_millis(45), "{:?}", grtt.get());
        now += DECAY_INTERVAL;
        grtt.tick(now);
        let high = grtt.get();
        now += DECAY_INTERVAL;
        grtt.tick(now);
        assert_eq!(grtt.get(), high, "no samples, no fall");
        for _ in 0..20 {
            grtt.sample(Duration::from_millis(10));
            now += DECAY_INTERVAL;
            grtt.tick(now);
        }
        assert!(grtt.get() < high / 3);
        grtt.sample(Duration::from_secs(1000));
        assert!(grtt.get() < Duration::from_millis(20));
    }

    #[test]
    fn single_liar_cannot_raise_the_estimate_far_at_once() {
        let mut now = Timestamp::ZERO;
        let mut grtt = grtt(now);
        grtt.sample(Duration::from_millis(2));
        now += DECAY_INTERVAL;
        grtt.tick(now);
        for _ in 0..1000 {
            grtt.sample(Duration::from_secs(14));
        }
        assert!(grtt.get() < Duration::from_millis(60), "{:?}", grtt.get());
        for _ in 0..8 {
            now += DECAY_INTERVAL;
            grtt.tick(now);
            grtt.sample(Duration::from_secs(2));
        }
        assert!(grtt.get() > Duration::from_secs(1), "what is said again and again is true");
    }
}
