//! How many packets a sender has written, and which of them a receiver has heard.

use crate::norm::wire::Sequence;

/// The number of packets written, and the sequence number of the next one.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Written {
    count: u64,
    next: Sequence,
}

impl Written {
    pub(crate) const fn new(first: Sequence) -> Self {
        Self { count: 0, next: first }
    }

    /// Counts one more; returns its sequence number.
    pub(crate) fn take(&mut self) -> Sequence {
        let sequence = self.next;
        self.next = sequence.next();
        self.count += 1;
        sequence
    }

    /// Packets written so far.
    pub(crate) const fn count(self) -> u64 {
        self.count
    }

    /// How many packets were written up to the one with this sequence number; `None` if there was
    /// no such packet. Sequence numbers come again after 65,536 packets: the last one is meant.
    pub(crate) fn up_to(self, sequence: Sequence) -> Option<u64> {
        let since = match self.next.distance_from(sequence) {
            0 => 1 << 16,
            since => u64::from(since),
        };
        (self.count + 1).checked_sub(since).filter(|&count| count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_number_tells_the_packet_across_the_wrap() {
        let mut written = Written::new(Sequence(65_534));
        assert_eq!(written.up_to(Sequence(65_533)), None, "nothing was written");
        for expected in [65_534, 65_535, 0, 1] {
            assert_eq!(written.take(), Sequence(expected));
        }
        let counts = [65_533, 65_534, 65_535, 0, 1, 2].map(|n| written.up_to(Sequence(n)));
        assert_eq!(counts, [None, Some(1), Some(2), Some(3), Some(4), None]);
        for _ in 4..70_000 {
            written.take();
        }
        assert_eq!(written.up_to(written.next), Some(70_000 - 65_535), "the one long ago");
    }
}
