//! The loss that membership reports state.

use crate::norm::wire::Sequence;

/// Loss by sequence numbers, halved as it ages.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct LossMeter {
    last: Option<Sequence>,
    expected: u32,
    received: u32,
    /// Packets that were not there when a later one came.
    missing: u32,
}

impl LossMeter {
    /// Notes a packet of the sender.
    pub(super) fn note(&mut self, sequence: Sequence) {
        let Some(last) = self.last else {
            *self = Self { last: Some(sequence), expected: 1, received: 1, missing: 0 };
            return;
        };
        let ahead = sequence.distance_from(last);
        if ahead > 0 && ahead < 0x8000 {
            self.expected += u32::from(ahead);
            self.missing = self.missing.wrapping_add(u32::from(ahead) - 1);
            self.last = Some(sequence);
        }
        self.received += 1;
        if self.expected > 1 << 16 {
            self.expected /= 2;
            self.received /= 2;
        }
    }

    /// Packets that were not there when a later one came; wraps.
    pub(super) fn missing(&self) -> u32 {
        self.missing
    }

    /// The fraction lost, of 65,535.
    pub(super) fn fraction(&self) -> u16 {
        let lost = self.expected.saturating_sub(self.received);
        u16::try_from(u64::from(lost) * 65_535 / u64::from(self.expected.max(1))).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meter_counts_gaps_and_forgives_reordering() {
        let mut meter = LossMeter::default();
        for n in [65_534u16, 65_535, 1, 0, 2, 4, 5, 6] {
            meter.note(Sequence(n));
        }
        // 65534..=6 are nine packets, one (3) never came.
        assert_eq!(meter.fraction(), (65_535u32 / 9) as u16);
        assert_eq!(meter.missing(), 2, "0 came after 1");
    }
}
