//! Proactive parity: how much repair a block will need, learned from the blocks before it.
//!
//! Sent before any NACK, it spares a large group most of its NACKs, and a round trip besides. A
//! single receiver is sent no more than what about every second block needs, and a few receivers
//! what three of four blocks need: they may ask for more, and little is to be sent in vain.

/// An estimate of the repair symbols per block that satisfy all but a few receivers now and then.
///
/// It moves halfway to a need above it, and sinks a little with every block, so that only some of
/// the blocks are asked for at all.
#[derive(Debug, Default)]
pub(super) struct ProactiveParity {
    symbols: f64,
    /// What about half of the blocks need with one receiver, and three of four with a few.
    median: f64,
    /// Blocks since the last one that was asked for.
    unasked: u32,
}

/// How the median follows the needs of one receiver, or of a few.
#[derive(Copy, Clone, Debug)]
struct MedianRule {
    /// Blocks in a row without a request after which the median is halved.
    max_unasked: u32,
    /// Part of the median's square root that it sinks by with every block: as many losses differ by
    /// about that root from one block to the next.
    sinks_by: f64,
}

/// Most of a block that is sent proactively, as its n-th part: a false request must not double the
/// traffic.
const MAX_SHARE: u32 = 4;
/// Share of the estimate that it sinks by with every block.
const SINKS_BY: f64 = 1.0 / 64.0;
/// Symbols that the estimate sinks by with every block, at least.
const MIN_SINKS_BY: f64 = 0.05;
/// Share of a need above the median that the median rises by.
const RISES_BY: f64 = 1.0 / 8.0;
/// Losses differ upwards by 0.4 of their root on average.
const SINGLE: MedianRule = MedianRule { max_unasked: 12, sinks_by: 0.4 * RISES_BY };
/// The neediest of several receivers lacks something of nearly every block: the median sinks by
/// less, so that most blocks have enough.
const SEVERAL: MedianRule = MedianRule { max_unasked: 40, sinks_by: 0.1 * RISES_BY };
/// Most that one need counts above the median, besides twice the median's root: what an outage or a
/// full queue took from some blocks says little of the next.
const MAX_RISE: f64 = 8.0;

impl ProactiveParity {
    /// Symbols to send proactively for the next block of `block_len` symbols, in a large group.
    pub(super) fn next(&mut self, block_len: u32) -> u32 {
        let symbols = (self.symbols as u32).min(block_len.div_ceil(MAX_SHARE));
        self.symbols = (self.symbols - (self.symbols * SINKS_BY).max(MIN_SINKS_BY)).max(0.0);
        symbols
    }

    /// Symbols to send proactively for the next block, with a `single` receiver or a few; none when
    /// that would be less than `min`.
    pub(super) fn next_for_few(&mut self, block_len: u32, min: u32, single: bool) -> u32 {
        let rule = if single { SINGLE } else { SEVERAL };
        self.unasked += 1;
        if self.unasked >= rule.max_unasked {
            self.unasked = 0;
            self.median /= 2.0;
        }
        let median = self.median;
        self.median = (median - libm::sqrt(median) * rule.sinks_by).max(0.0);
        let symbols = (median + 0.5) as u32;
        if symbols < min { 0 } else { symbols.min(block_len.div_ceil(MAX_SHARE)) }
    }

    /// Symbols to send so that about `count` of them arrive, with a few receivers.
    pub(super) fn with_losses(&self, count: u32, block_len: u32) -> u32 {
        let share = self.median / f64::from(block_len.max(1));
        (f64::from(count) * (1.0 + share.min(1.0)) + 0.5) as u32
    }

    /// A block needed this many repair symbols, proactive ones included.
    pub(super) fn learn(&mut self, symbols: u32) {
        self.unasked = 0;
        let max = MAX_RISE + 2.0 * libm::sqrt(self.median);
        self.median += (f64::from(symbols) - self.median).clamp(0.0, max) * RISES_BY;
        let missing = f64::from(symbols) - self.symbols;
        if missing > 0.0 {
            self.symbols += missing / 2.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn single_receiver_gets_what_half_of_the_blocks_need() {
        let (mut parity, mut rng) = (ProactiveParity::default(), Rng::new(7));
        let (mut sent, mut asked) = (0, 0);
        for block in 0..2000 {
            let proactive = parity.next_for_few(160, 1, true);
            // Each symbol is lost with a probability of 0.1; what is missing is asked for.
            let mut lost = (0..160).filter(|_| rng.chance(0.1)).count() as u32;
            let mut needed = 0;
            while lost > 0 {
                needed += 1;
                lost -= u32::from(!rng.chance(0.1));
            }
            if needed > proactive {
                parity.learn(needed);
            }
            if block >= 200 {
                sent += proactive;
                asked += u32::from(needed > proactive);
            }
        }
        // 160 · 0.1 / 0.9 = 17.8 on average.
        assert!((16..=18).contains(&(sent / 1800)), "{}", sent / 1800);
        assert!((600..1300).contains(&asked), "{asked} of 1800");
        assert_eq!(parity.with_losses(9, 160), 10);
        assert_eq!(parity.with_losses(1, 160), 1);
    }

    #[test]
    fn several_receivers_get_enough_for_most_blocks_and_little_more() {
        let (mut parity, mut rng) = (ProactiveParity::default(), Rng::new(7));
        let (mut sent, mut least, mut asked) = (0, 0, 0);
        for block in 0..2000 {
            let proactive = parity.next_for_few(160, 1, false);
            let mut lost = || (0..160).filter(|_| rng.chance(0.01)).count() as u32;
            let needed = (0..10).map(|_| lost()).max().unwrap();
            if needed > proactive {
                parity.learn(needed);
            }
            if block >= 200 {
                sent += proactive.max(needed);
                least += needed;
                asked += u32::from(needed > proactive);
            }
        }
        assert!((300..600).contains(&asked), "{asked} of 1800");
        assert!(sent - least < 1800, "{sent} of {least}");
    }

    #[test]
    fn estimate_follows_needs_stays_bounded_and_sinks_without_them() {
        let mut parity = ProactiveParity::default();
        assert_eq!(parity.next(256), 0);
        for _ in 0..20 {
            parity.learn(12);
        }
        assert_eq!(parity.next(256), 11);
        assert_eq!(parity.next(16), 4);
        let blocks = (0..1000).find(|_| parity.next(256) == 0).unwrap();
        assert!((50..200).contains(&blocks), "{blocks}");
        for _ in 0..9 {
            parity.learn(u32::MAX);
        }
        assert_eq!(parity.next(100), 25);
    }
}
