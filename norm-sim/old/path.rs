//! One direction of one host's connection: what happens to a packet on it.

use core::time::Duration;

use norm_core::{Rng, Timestamp};

/// Delay, loss, duplication, reordering, rate and queue of one direction.
#[derive(Clone, Debug)]
pub struct Path {
    /// Time from one end to the other.
    pub delay: Duration,
    /// Each packet is late by a random part of this; enough of it reorders.
    pub jitter: Duration,
    /// Probability that a packet is lost.
    pub loss: f64,
    /// Probability that a packet arrives twice.
    pub duplicate: f64,
    /// Probability that a bit of a packet is flipped.
    pub corrupt: f64,
    /// Bits per second; `None` has no bottleneck.
    pub rate: Option<u64>,
    /// Bytes that may wait for a bottleneck before packets are dropped.
    pub queue: usize,
}

impl Default for Path {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(1),
            jitter: Duration::ZERO,
            loss: 0.0,
            duplicate: 0.0,
            corrupt: 0.0,
            rate: None,
            queue: 256 << 10,
        }
    }
}

impl Path {
    /// A path with this loss and one millisecond of delay.
    pub fn lossy(loss: f64) -> Self {
        Self { loss, ..Self::default() }
    }
}

/// A path in use: knows when its bottleneck is free.
#[derive(Debug)]
pub(crate) struct Channel {
    path: Path,
    free_at: Timestamp,
}

impl Channel {
    pub(crate) fn new(path: Path) -> Self {
        Self { path, free_at: Timestamp::ZERO }
    }

    /// When copies of a packet arrive: none if lost, two if duplicated.
    pub(crate) fn send(
        &mut self,
        now: Timestamp,
        bytes: usize,
        rng: &mut Rng,
    ) -> [Option<Timestamp>; 2] {
        let path = &self.path;
        if rng.chance(path.loss) {
            return [None, None];
        }
        let mut leaves = now;
        if let Some(rate) = path.rate {
            let waiting = self.free_at.saturating_since(now);
            let backlog = waiting.as_secs_f64() * rate as f64 / 8.0;
            if backlog > path.queue as f64 {
                return [None, None];
            }
            let nanos = bytes as u128 * 8_000_000_000 / u128::from(rate.max(1));
            leaves = now + waiting + Duration::from_nanos(nanos as u64);
            self.free_at = leaves;
        }
        let mut arrive = || leaves + path.delay + path.jitter.mul_f64(rng.unit());
        let first = arrive();
        let second = arrive();
        [Some(first), rng.chance(path.duplicate).then_some(second)]
    }

    /// Flips a bit now and then.
    pub(crate) fn corrupt(&self, packet: &mut [u8], rng: &mut Rng) {
        if !packet.is_empty() && rng.chance(self.path.corrupt) {
            let bit = rng.below(packet.len() as u64 * 8) as usize;
            packet[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
