//! The share of packets that are lost, from the symbol ids of a block that are left out.

/// Symbols over which the share is taken, roughly.
const SPAN: u32 = 4096;
/// Ids left out at once that count as lost at most: more are a sender that goes on elsewhere.
const MAX_GAP: u32 = 256;

/// Counts what came and what did not.
#[derive(Debug, Default)]
pub(super) struct LossMeter {
    came: u32,
    lost: u32,
}

impl LossMeter {
    /// Takes a symbol of a block where `expected` was to come next; returns the one after it.
    pub(super) fn take(&mut self, expected: Option<u32>, symbol: u32) -> u32 {
        let gap = expected.and_then(|expected| symbol.checked_sub(expected)).unwrap_or(0);
        if gap <= MAX_GAP {
            self.lost += gap;
        }
        self.came += 1;
        if self.came + self.lost > 2 * SPAN {
            self.came /= 2;
            self.lost /= 2;
        }
        symbol.saturating_add(1)
    }

    /// 0 to 1.
    pub(super) fn share(&self) -> f64 {
        let all = self.came + self.lost;
        if all == 0 { 0.0 } else { f64::from(self.lost) / f64::from(all) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_are_left_out_are_lost() {
        let mut meter = LossMeter::default();
        let mut expected = None;
        for symbol in (0..20_000).filter(|symbol| symbol % 4 != 1) {
            expected = Some(meter.take(expected, symbol));
        }
        assert!((meter.share() - 0.25).abs() < 0.01, "{}", meter.share());
        meter.take(expected, 0);
        meter.take(expected, 1 << 23);
        assert!((meter.share() - 0.25).abs() < 0.01, "another pass, or another place");
    }
}
