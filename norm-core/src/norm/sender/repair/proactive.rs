//! How much repair a block will need, learned from the blocks before it: sent ahead, it spares a large
//! group most of its NACKs, and a round trip besides. A single receiver is sent no more than what about
//! every second block needs, and a few what three of four need: they may ask for the rest, and little is
//! to be sent in vain.

/// An estimate of the repair symbols per block that satisfy all but a few receivers now and then.
///
/// It moves halfway to a need that was not foreseen, and sinks a little with every block, so that
/// only some of the blocks are asked for at all.
#[derive(Debug, Default)]
pub(crate) struct Foresight {
    symbols: f64,
    /// What about half of the blocks need with one receiver, and three of four with a few.
    median: f64,
    /// Blocks since one was asked for.
    quiet: u32,
}

/// At most this share of a block is sent ahead: a false request must not double the traffic.
const MOST: u32 = 4;
/// What the estimate sinks by with every block: this share of it, and at least this many symbols.
const SINKS_BY: f64 = 1.0 / 64.0;
const SINKS_LEAST: f64 = 0.05;
/// The median moves up by this share of a need above it, ...
const RISES_BY: f64 = 1.0 / 8.0;
/// ... and sinks by this much of its square root with every block: as many losses differ by about that
/// root from one block to the next, upwards by 0.4 of it on average.
const MEDIAN_SINKS_BY: f64 = 0.4 * RISES_BY;
/// ... With several receivers it sinks by less, so that most blocks have enough: the neediest of them lacks
/// something of nearly every block.
const SEVERAL_SINKS_BY: f64 = 0.1 * RISES_BY;
/// A need that is far above it, by more than this and twice its root, counts as that: what an outage
/// or a queue that was full took from some blocks says little of the next.
const RISES_MOST: f64 = 8.0;
/// If so many blocks in a row are not asked for, the median is halved: half of them should be.
const QUIET: u32 = 12;
/// The same with several receivers.
const SEVERAL_QUIET: u32 = 40;

impl Foresight {
    /// The symbols to send ahead for the next block of `block_len` symbols.
    pub(crate) fn next(&mut self, block_len: u32) -> u32 {
        let symbols = (self.symbols as u32).min(block_len.div_ceil(MOST));
        self.symbols = (self.symbols - (self.symbols * SINKS_BY).max(SINKS_LEAST)).max(0.0);
        symbols
    }

    /// The same for a few receivers; none when that would be less than `least`.
    pub(crate) fn next_for_few(&mut self, block_len: u32, least: u32, alone: bool) -> u32 {
        let (quiet, sinks_by) = match alone {
            true => (QUIET, MEDIAN_SINKS_BY),
            false => (SEVERAL_QUIET, SEVERAL_SINKS_BY),
        };
        self.quiet += 1;
        if self.quiet >= quiet {
            (self.quiet, self.median) = (0, self.median / 2.0);
        }
        let median = self.median;
        self.median = (median - libm::sqrt(median) * sinks_by).max(0.0);
        let symbols = (median + 0.5) as u32;
        if symbols < least { 0 } else { symbols.min(block_len.div_ceil(MOST)) }
    }

    /// How many symbols to send so that about `count` of them arrive, with a few receivers.
    pub(crate) fn with_losses(&self, count: u32, block_len: u32) -> u32 {
        let share = self.median / f64::from(block_len.max(1));
        (f64::from(count) * (1.0 + share.min(1.0)) + 0.5) as u32
    }

    /// A block needed this many repair symbols, those sent ahead included.
    pub(crate) fn learn(&mut self, symbols: u32) {
        self.quiet = 0;
        let most = RISES_MOST + 2.0 * libm::sqrt(self.median);
        self.median += (f64::from(symbols) - self.median).clamp(0.0, most) * RISES_BY;
        let unforeseen = f64::from(symbols) - self.symbols;
        if unforeseen > 0.0 {
            self.symbols += unforeseen / 2.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn for_a_few_receivers_it_finds_what_half_of_the_blocks_need() {
        let (mut foresight, mut rng) = (Foresight::default(), Rng::new(7));
        let (mut sent, mut asked) = (0, 0);
        for block in 0..2000 {
            let ahead = foresight.next_for_few(160, 1, true);
            // Each symbol is lost with a probability of 0.1; what is missing is asked for.
            let mut lost = (0..160).filter(|_| rng.chance(0.1)).count() as u32;
            let mut needed = 0;
            while lost > 0 {
                needed += 1;
                lost -= u32::from(!rng.chance(0.1));
            }
            if needed > ahead {
                foresight.learn(needed);
            }
            if block >= 200 {
                (sent, asked) = (sent + ahead, asked + u32::from(needed > ahead));
            }
        }
        // 160 · 0.1 / 0.9 = 17.8 on average.
        assert!((16..=18).contains(&(sent / 1800)), "{}", sent / 1800);
        assert!((600..1300).contains(&asked), "{asked} of 1800");
        assert_eq!(foresight.with_losses(9, 160), 10);
        assert_eq!(foresight.with_losses(1, 160), 1);
    }

    #[test]
    fn for_several_receivers_most_blocks_get_enough_and_little_more_than_the_neediest_needs() {
        let (mut foresight, mut rng) = (Foresight::default(), Rng::new(7));
        let (mut sent, mut least, mut asked) = (0, 0, 0);
        for block in 0..2000 {
            let ahead = foresight.next_for_few(160, 1, false);
            let mut lost = || (0..160).filter(|_| rng.chance(0.01)).count() as u32;
            let needed = (0..10).map(|_| lost()).max().unwrap();
            if needed > ahead {
                foresight.learn(needed);
            }
            if block >= 200 {
                (sent, least) = (sent + ahead.max(needed), least + needed);
                asked += u32::from(needed > ahead);
            }
        }
        assert!((300..600).contains(&asked), "{asked} of 1800");
        assert!(sent - least < 1800, "{sent} of {least}");
    }

    #[test]
    fn it_follows_what_is_needed_stays_bounded_and_sinks_when_nothing_is() {
        let mut foresight = Foresight::default();
        assert_eq!(foresight.next(256), 0);
        for _ in 0..20 {
            foresight.learn(12);
        }
        assert_eq!(foresight.next(256), 11);
        assert_eq!(foresight.next(16), 4);
        let blocks = (0..1000).find(|_| foresight.next(256) == 0).unwrap();
        assert!((50..200).contains(&blocks), "{blocks}");
        for _ in 0..9 {
            foresight.learn(u32::MAX);
        }
        assert_eq!(foresight.next(100), 25);
    }
}
