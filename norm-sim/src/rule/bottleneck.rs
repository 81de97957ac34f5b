//! A link of limited rate, with a queue before it.

use core::time::Duration;

use norm_core::Timestamp;

/// A FIFO queue that drops packets that do not fit.
#[derive(Clone, Debug)]
pub(super) struct Bottleneck {
    /// Bits per second.
    bits: u64,
    /// Capacity of the queue in bytes.
    queue: u64,
    /// Bytes in the queue above which packets get a CE mark.
    mark: u64,
    free_at: Timestamp,
}

/// A packet that has passed the link.
#[derive(Copy, Clone, Debug)]
pub(super) struct Passed {
    /// Time in the queue and on the link.
    pub(super) delay: Duration,
    /// The packet gets a CE mark if it is ECN-capable.
    pub(super) ce: bool,
}

impl Bottleneck {
    pub(super) fn new(bits: u64, queue: u32, mark: Option<u32>) -> Self {
        let mark = mark.map_or(u64::MAX, u64::from);
        Self { bits: bits.max(1), queue: queue.into(), mark, free_at: Timestamp::ZERO }
    }

    /// Sends a packet. Returns its delay, and whether the queue sets a CE mark; `None` if the queue
    /// is full.
    pub(super) fn send(&mut self, now: Timestamp, size: u32) -> Option<Passed> {
        let wait = self.free_at.saturating_since(now);
        let ahead = wait.as_nanos() * u128::from(self.bits) / 8_000_000_000;
        let ahead = u64::try_from(ahead).unwrap_or(u64::MAX);
        if !wait.is_zero() && ahead.saturating_add(size.into()) > self.queue {
            return None;
        }
        let nanos = u128::from(size) * 8_000_000_000 / u128::from(self.bits);
        let delay = wait + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.free_at = now + delay;
        Some(Passed { delay, ce: ahead > self.mark })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_nanos(1_000_000_000);

    #[test]
    fn packets_take_the_time_of_the_rate() {
        let mut link = Bottleneck::new(10_000_000, u32::MAX, None);
        let delays: Vec<_> = (0..1000).map(|_| link.send(NOW, 1250).unwrap().delay).collect();
        assert_eq!(delays[0], Duration::from_millis(1));
        assert_eq!(delays[999], Duration::from_secs(1));
        let later = NOW + Duration::from_secs(2);
        assert_eq!(
            link.send(later, 1250).unwrap().delay,
            Duration::from_millis(1),
            "the queue is empty"
        );
    }

    #[test]
    fn full_queue_drops() {
        let mut link = Bottleneck::new(8_000_000, 3000, None);
        let passed = (0..10).filter(|_| link.send(NOW, 1000).is_some()).count();
        assert_eq!(passed, 3);
        let later = NOW + Duration::from_millis(1);
        assert!(link.send(later, 1000).is_some(), "room for one packet");
        assert!(link.send(later, 1000).is_none());
    }

    #[test]
    fn link_without_a_queue_takes_a_packet_when_idle() {
        let mut link = Bottleneck::new(8_000_000, 0, None);
        assert!(link.send(NOW, 1000).is_some());
        assert!(link.send(NOW + Duration::from_micros(999), 1000).is_none());
        assert!(link.send(NOW + Duration::from_millis(1), 1000).is_some());
    }

    #[test]
    fn packets_after_a_long_queue_get_ce_marks() {
        let mut link = Bottleneck::new(8_000_000, 10_000, Some(2000));
        let ce: Vec<_> = (0..5).map(|_| link.send(NOW, 1000).unwrap().ce).collect();
        assert_eq!(ce, [false, false, false, true, true]);
    }

    #[test]
    fn absurd_numbers_do_not_overflow() {
        let mut link = Bottleneck::new(0, u32::MAX, None);
        assert!(link.send(NOW, u32::MAX).is_some());
        assert!(link.send(NOW, u32::MAX).is_none());
        let mut fast = Bottleneck::new(u64::MAX, u32::MAX, None);
        assert_eq!(fast.send(NOW, 1500).unwrap().delay, Duration::ZERO);
    }
}
